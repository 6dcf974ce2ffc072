package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

type visitorKey struct{}

// visitorIn returns who looks at the page, nil on pages that anybody may see.
func visitorIn(ctx context.Context) *visitor {
	v, _ := ctx.Value(visitorKey{}).(*visitor)
	return v
}

// page lets requests for something to read pass: with a token or a session of
// scope read, or from the same machine where the service is reached in no other
// way. Browsers are sent to the login, programs are told what to send.
func (a *auth) page(next http.HandlerFunc) http.HandlerFunc {
	return a.visit(ScopeRead, next)
}

func (a *auth) visit(scope Scope, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := a.visitorOf(r)
		switch {
		case err != nil:
			a.config.fail(w, r, err)
		case v.may(scope):
			ctx := context.WithValue(r.Context(), callerKey{}, &v.caller)
			next(w, r.WithContext(context.WithValue(ctx, visitorKey{}, v)))
		case wantsHTML(r) && v == nil:
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, loginAddress(r), http.StatusSeeOther)
		case wantsHTML(r):
			a.forbidden(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)), scope)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="Tenon: any name, a token as password", charset="UTF-8"`)
			http.Error(w, "This page needs a token with the scope "+string(scope)+" as password. `tenon token create` makes one.", http.StatusUnauthorized)
		}
	}
}

// loginAddress returns the login that leads back to where the request wanted
// to go.
func loginAddress(r *http.Request) string {
	if r.Method != http.MethodGet || r.URL.RequestURI() == "/" {
		return "/login"
	}
	return "/login?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

// localPath returns an address of this service that a request may be sent to,
// "/" for anything else.
func localPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || len(text) > 2000 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || strings.ContainsAny(text, "\\\r\n\t") {
		return "/"
	}
	return text
}

// find returns a token by its id, ok false where there is none.
func (t Tokens) find(ctx context.Context, id string) (Token, bool, error) {
	var doc []byte
	err := t.Store.View(ctx, func(tx state.Tx) (err error) {
		doc, err = tx.Doc(tokenDocs, id)
		return err
	})
	if err != nil || doc == nil {
		return Token{}, false, err
	}
	var s storedToken
	if err := json.Unmarshal(doc, &s); err != nil {
		return Token{}, false, fmt.Errorf("token %s: %w", id, err)
	}
	return s.Token, true, nil
}

// login is how people come to the pages where those are not open.
type login struct {
	*pages
	oidc *oidcLogin // nil where none is configured
}

func (l login) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", l.show)
	mux.HandleFunc("POST /login", l.enter)
	mux.HandleFunc("POST /logout", l.leave)
	mux.HandleFunc("GET /language/{language}", l.language)
	if l.oidc != nil {
		mux.HandleFunc("GET /login/oidc", l.oidcStart)
		mux.HandleFunc("GET /login/oidc/callback", l.oidcEnd)
	}
}

// loginPage is the form.
type loginPage struct {
	Next     string
	Provider bool   // there is an identity provider to go to
	Wrong    string // the key of what went wrong; "" at first
}

func (l login) show(w http.ResponseWriter, r *http.Request) {
	l.form(w, r, http.StatusOK, r.URL.Query().Get("next"), "")
}

func (l login) form(w http.ResponseWriter, r *http.Request, status int, next, wrong string) {
	l.render(w, r, status, "login", "login.title", loginPage{Next: localPath(next), Provider: l.oidc != nil, Wrong: wrong})
}

// enter takes an API token and begins a session with its scopes.
func (l login) enter(w http.ResponseWriter, r *http.Request) {
	now := l.Clock.Now()
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		l.form(w, r, http.StatusBadRequest, "", "login.unreadable")
		return
	}
	next := r.PostForm.Get("next")
	text := strings.TrimSpace(r.PostForm.Get("token"))
	token, good, err := l.auth.tokens.open(r.Context(), text, now)
	switch {
	case err != nil:
		l.failed(w, r, "login.title", err)
		return
	case good: // also after many wrong ones: nobody can keep others out by guessing
	case !l.Sessions.mayTry(l.clientOf(r), now):
		setRetryAfter(w, time.Minute)
		l.form(w, r, http.StatusTooManyRequests, next, "login.often")
		return
	default:
		if l.Sessions.fail(l.clientOf(r), now) {
			l.Logger.InfoContext(r.Context(), "login refused", "op", "login", "how", "token", "reason", "no such token", "client", l.clientOf(r))
		}
		l.form(w, r, http.StatusForbidden, next, "login.wrong")
		return
	}
	c := caller{scopes: token.Scopes}
	if !c.may(ScopeRead) {
		l.Logger.InfoContext(r.Context(), "login refused", "op", "login", "how", "token", "who", "token "+token.Name, "reason", "may not read", "client", l.clientOf(r))
		l.form(w, r, http.StatusForbidden, next, "login.scope")
		return
	}
	l.begin(w, r, session{name: "token " + token.Name, scopes: token.Scopes, tokenID: token.ID}, "token", next)
}

// begin gives the browser a session of its own, whatever it had before. how
// says by what the person came in.
func (l login) begin(w http.ResponseWriter, r *http.Request, s session, how, next string) {
	l.Logger.InfoContext(r.Context(), "login", "op", "login", "how", how, "who", s.name, "may", s.scopes, "client", l.clientOf(r))
	l.Sessions.end(l.cookie(r, sessionCookie))
	l.setCookie(w, sessionCookie, l.Sessions.begin(s, l.Clock.Now()), 0)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}

// leave ends the session. It is harmless without one.
func (l login) leave(w http.ResponseWriter, r *http.Request) {
	l.Sessions.end(l.cookie(r, sessionCookie))
	l.setCookie(w, sessionCookie, "", 0)
	w.Header().Set("Cache-Control", "no-store")
	l.render(w, r, http.StatusOK, "message", "logout.title", message{Title: l.say(r, "logout.done"), Link: "/login", LinkText: l.say(r, "login.again")})
}

const languageCookie = "tenon-language"

// language keeps the reader's choice for a year and goes back.
func (l login) language(w http.ResponseWriter, r *http.Request) {
	if lang, ok := languageNamed(r.PathValue("language")); ok {
		l.setCookie(w, languageCookie, lang.tag(), 365*24*60*60*1e9)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, localPath(r.URL.Query().Get("back")), http.StatusSeeOther)
}
