package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/engine"
)

// maxForm bounds the body of a form, in bytes.
const maxForm = 64 << 10

// act is one thing that people do on the pages: fn does it and returns what the
// next page says. A form that was not made for this visitor does nothing.
func (p *pages) act(fn func(r *http.Request, by string) (done, error)) http.HandlerFunc {
	return p.auth.visit(ScopeOperate, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			p.failed(w, r, "form.stale.title", invalid("the form: %w", err))
			return
		}
		v := visitorIn(r.Context())
		if !p.Sessions.goodForm(v.subject, r.PostForm.Get("form")) {
			p.render(w, r, http.StatusForbidden, "message", "form.stale.title", message{
				Title: p.say(r, "form.stale.title"), Detail: p.say(r, "form.stale"), Link: "/", LinkText: p.say(r, "page.back"),
			})
			return
		}
		d, err := fn(r, v.name)
		if err != nil {
			p.failed(w, r, "nav.overview", err)
			return
		}
		if d.Key != "" {
			p.leaveNotice(w, d)
		}
		back := localPath(r.PostForm.Get("back"))
		if d.next != "" {
			back = d.next
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, back, http.StatusSeeOther)
	})
}

// done is what the page after an act says: a phrase with a number or a name.
type done struct {
	Key  string `json:"k"`
	N    int    `json:"n,omitempty"`
	Name string `json:"s,omitempty"`
	next string // where to go instead of back
}

const noticeCookie = "tenon-notice"

// leaveNotice has the next page say what was done.
func (p *pages) leaveNotice(w http.ResponseWriter, d done) {
	text, _ := json.Marshal(d) // plain fields
	p.setCookie(w, noticeCookie, base64.RawURLEncoding.EncodeToString(text), 60e9)
}

// takeNotice returns what the act before left to say, once. Only phrases about
// acts are said.
func (p *pages) takeNotice(w http.ResponseWriter, r *http.Request) string {
	value := p.cookie(r, noticeCookie)
	if value == "" {
		return ""
	}
	p.setCookie(w, noticeCookie, "", 0)
	var d done
	text, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || json.Unmarshal(text, &d) != nil || len(d.Name) > 200 {
		return ""
	}
	switch d.Key {
	case "done.resolved":
		return p.say(r, d.Key)
	case "done.retried", "done.replayed", "done.decided":
		return p.say(r, d.Key, d.N)
	case "done.paused", "done.resumed":
		return p.say(r, d.Key, d.Name)
	}
	return ""
}

func (p *pages) mountActs(mux *http.ServeMux) {
	mux.HandleFunc("POST /conflicts/resolve", p.act(p.resolve))
	mux.HandleFunc("GET /conflicts/all", p.auth.visit(ScopeOperate, p.decideLook))
	mux.HandleFunc("POST /conflicts/all", p.act(p.decide))
	mux.HandleFunc("POST /replay", p.act(p.replay))
	mux.HandleFunc("POST /queue/retry", p.act(p.retry))
	mux.HandleFunc("GET /undo", p.auth.visit(ScopeOperate, p.undoLook))
	mux.HandleFunc("GET /undo/{job}", p.auth.visit(ScopeOperate, p.undoJob))
	mux.HandleFunc("POST /undo", p.act(p.undo))
	mux.HandleFunc("POST /pause", p.act(p.pause))
	mux.HandleFunc("POST /resume", p.act(p.resume))
}

// formNumber reads a whole number of a form.
func formNumber(form url.Values, name string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(form.Get(name), 10, bits)
	if err != nil {
		return 0, invalid("%s: %q is not a number", name, form.Get(name))
	}
	return n, nil
}

// resolve decides one conflict: for a side, or with a value that both sides get.
func (p *pages) resolve(r *http.Request, by string) (done, error) {
	link, err := formNumber(r.PostForm, "link", 63)
	if err != nil {
		return done{}, err
	}
	rule, err := formNumber(r.PostForm, "rule", 32)
	if err != nil {
		return done{}, err
	}
	o := engine.ResolveOrder{
		Conflicts: []engine.ConflictID{{Link: link, Rule: uint32(rule)}}, Side: r.PostForm.Get("side"), Seen: r.PostForm.Get("seen"),
	}
	if r.PostForm.Has("value") {
		value := strings.ReplaceAll(r.PostForm.Get("value"), "\r\n", "\n") // browsers send both
		o.Side, o.Value = "", &value
	}
	_, err = p.Engine.ResolveMany(r.Context(), o, by)
	return done{Key: "done.resolved"}, err
}

func (p *pages) retry(r *http.Request, _ string) (done, error) {
	n, err := p.Engine.Retry(r.Context(), engine.QueueFilter{Mapping: r.PostForm.Get("mapping")})
	return done{Key: "done.retried", N: n}, err
}

// replay has one record looked at anew, or what failed under a mapping.
func (p *pages) replay(r *http.Request, by string) (done, error) {
	o := engine.ReplayOrder{
		Record: r.PostForm.Get("record"), Mapping: r.PostForm.Get("mapping"), Failed: r.PostForm.Get("failed") != "",
	}
	replayed, err := p.Engine.Replay(r.Context(), o, by)
	if err != nil {
		return done{}, err
	}
	return done{Key: "done.replayed", N: replayed.Entries}, nil
}

// Mappings and connections are named "mapping:NAME" and "connection:NAME".
func (p *pages) pause(r *http.Request, by string) (done, error) {
	name := r.PostForm.Get("name")
	_, err := p.Engine.Pause(r.Context(), name, strings.TrimSpace(r.PostForm.Get("reason")), by)
	return done{Key: "done.paused", Name: bareName(name)}, err
}

func (p *pages) resume(r *http.Request, by string) (done, error) {
	name := r.PostForm.Get("name")
	return done{Key: "done.resumed", Name: bareName(name)}, p.Engine.Resume(r.Context(), name, by)
}

func bareName(name string) string { return name[strings.IndexByte(name, ':')+1:] }
