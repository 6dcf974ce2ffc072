package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

//go:embed templates/*.html templates/*.css
var templateFiles embed.FS

// pages are what people see. Each works without script.
type pages struct {
	*Config
	auth   *auth
	jobs   *jobs
	tmpls  [languages]map[string]*template.Template // by page
	style  template.CSS
	policy string // the Content-Security-Policy
}

// newPages parses the templates, for each language; they are part of the
// program, so that an error is a fault of it.
func newPages(c *Config, a *auth, j *jobs) (*pages, error) {
	p := &pages{Config: c, auth: a, jobs: j}
	a.forbidden = p.forbidden
	style, err := templateFiles.ReadFile("templates/style.css")
	if err != nil {
		return nil, err
	}
	p.style = template.CSS(style) //nolint:gosec // embedded, not input
	hash := sha256.Sum256(style)
	p.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	for l := range languages {
		p.tmpls[l] = map[string]*template.Template{}
		for _, n := range names {
			name, isPage := strings.CutSuffix(n.Name(), ".html")
			if !isPage || name == "layout" || strings.HasSuffix(name, ".part") {
				continue
			}
			t := template.New("layout.html").Funcs(p.funcs(l))
			p.tmpls[l][name], err = t.ParseFS(templateFiles, "templates/layout.html", "templates/*.part.html", path.Join("templates", n.Name()))
			if err != nil {
				return nil, fmt.Errorf("page %s: %w", name, err)
			}
		}
	}
	return p, nil
}

// funcs are what templates of a language may call.
func (p *pages) funcs(l language) template.FuncMap {
	return template.FuncMap{
		"t": l.text, "count": l.text, "known": l.known, "said": l.said, "day": l.day,
		"text":  func(n uint64) string { return strconv.FormatUint(n, 10) },
		"num":   func(n any) string { return numberOf(n) },
		"when":  func(t time.Time) template.HTML { return p.when(l, t) },
		"ago":   func(t time.Time) string { return p.ago(l, t) },
		"stamp": func(t time.Time) string { return p.stamp(l, t) },
		"reason": func(code string) string {
			if code == "" {
				return ""
			}
			return l.known("code", code)
		},
		"todo": func(code string) string { return l.known("todo", code) },
		"url":  safeURL, "ref": refText, "pass": pass, "post": postForm, "undoable": undoable, "class": standingClass, "word": wordOf,
	}
}

func (p *pages) mount(mux *http.ServeMux) {
	for pattern, fn := range map[string]http.HandlerFunc{
		"GET /{$}": p.overview, "GET /mappings/{mapping}": p.mapping, "GET /links": p.links, "GET /conflicts": p.conflicts,
		"GET /queue": p.queue, "GET /history": p.history, "GET /explain": p.explain,
		"GET /conflicts/{link}/{rule}": p.conflict,
	} {
		mux.HandleFunc(pattern, p.auth.page(fn))
	}
	p.mountActs(mux)
	login{p, newOIDC(p.Config)}.mount(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !wantsHTML(r) {
			problem(w, http.StatusNotFound, "there is no such address", "docs/http.md lists the addresses")
			return
		}
		p.render(w, r, http.StatusNotFound, "message", "page.nothing.title", message{
			Title: p.say(r, "page.nothing"), Link: "/", LinkText: p.say(r, "page.back"),
		})
	})
}

// message is a page of a few words. Said is what the engine or a system says.
type message struct{ Title, Detail, Said, Link, LinkText string }

// frame is what each page needs besides its own data.
type frame struct {
	Page       string // the template's name, for the menu
	Title      string
	Lang       string
	English    bool
	Style      template.CSS
	Version    string
	Menu       bool
	Nav        []navItem
	Languages  []languageItem
	Who        string
	MayLeave   bool
	MayOperate bool
	Token      string // of this visitor's forms
	Back       string // the address of this page
	Notice     string
	Refresh    int
	Reload     string
	Data       any
}

type navItem struct {
	Path, Key string
	Here      bool
}

type languageItem struct {
	Path, Tag, Name string
	Here            bool
}

// say returns a text in the language of the request.
func (p *pages) say(r *http.Request, key string, args ...any) string {
	return p.languageOf(r).text(key, args...)
}

// refreshing is data of a page that loads itself again.
type refreshing interface {
	refresh() (seconds int, address string)
}

// titled is data of a page that has a title of its own, rather than a phrase.
type titled interface{ title() string }

func (p *pages) frame(r *http.Request, name, titleKey string, data any) frame {
	l := p.languageOf(r)
	f := frame{
		Page: name, Title: l.text(titleKey), Lang: l.tag(), English: l == english, Style: p.style, Version: p.Version,
		Back: "/", Data: data,
	}
	if r.Method == http.MethodGet {
		f.Back = r.URL.RequestURI()
	}
	for other := range languages {
		f.Languages = append(f.Languages, languageItem{
			Path: "/language/" + other.tag() + "?" + url.Values{"back": {f.Back}}.Encode(), Tag: other.tag(), Name: other.name(), Here: other == l,
		})
	}
	if d, ok := data.(titled); ok {
		f.Title = d.title()
	}
	if d, ok := data.(refreshing); ok {
		f.Refresh, f.Reload = d.refresh()
	}
	if v := visitorIn(r.Context()); v != nil {
		f.Menu = true
		f.Who, f.MayLeave, f.MayOperate = v.name, v.secret != "", v.may(ScopeOperate)
		f.Token = p.Sessions.formToken(v.subject)
		f.Nav = []navItem{
			{"/", "nav.overview", name == "overview"},
			{"/history", "nav.history", name == "history"},
			{"/conflicts", "nav.conflicts", name == "conflicts" || name == "conflict" || name == "decide"},
			{"/queue", "nav.queue", name == "queue"},
			{"/links", "nav.links", name == "links"},
		}
	}
	return f
}

// render writes a page. Its title is a phrase, unless the data has one.
func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name, titleKey string, data any) {
	f := p.frame(r, name, titleKey, data)
	if f.Menu {
		f.Notice = p.takeNotice(w, r)
	}
	l, _ := languageNamed(f.Lang)
	var b bytes.Buffer
	if err := p.tmpls[l][name].Execute(&b, f); err != nil {
		p.Logger.Error("page failed", "op", name, "err", err)
		http.Error(w, l.text("page.failed"), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", f.Lang)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.policy)
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// finish renders a page, or says why there is none.
func (p *pages) finish(w http.ResponseWriter, r *http.Request, name, titleKey string, data any, err error) {
	if err != nil {
		p.failed(w, r, titleKey, err)
		return
	}
	p.render(w, r, http.StatusOK, name, titleKey, data)
}

// failed is the page of an error: a sentence in the reader's language, and what
// the engine says.
func (p *pages) failed(w http.ResponseWriter, r *http.Request, titleKey string, err error) {
	status, said := statusOf(err)
	if r.Context().Err() == nil && status >= http.StatusInternalServerError {
		p.Logger.WarnContext(r.Context(), "page failed", "op", r.Pattern, "status_code", status, "err", err)
	}
	if status == http.StatusServiceUnavailable {
		setRetryAfter(w, connectors.RetryAfter(err))
	}
	m := message{Title: p.say(r, errorKey(status)), Said: said, Link: "/", LinkText: p.say(r, "page.back")}
	if status == http.StatusInternalServerError {
		m.Said = "" // the sentence says as much
	}
	p.render(w, r, status, "message", titleKey, m)
}

func errorKey(status int) string {
	key := fmt.Sprint("error.", status)
	if _, ok := catalogue[key]; !ok {
		return "error.500"
	}
	return key
}

// forbidden is what somebody sees who is known but lacks a scope.
func (p *pages) forbidden(w http.ResponseWriter, r *http.Request, scope Scope) {
	p.render(w, r, http.StatusForbidden, "message", "page.forbidden.title", message{
		Title: p.say(r, "page.forbidden.title"), Detail: p.say(r, "page.forbidden", string(scope)), Link: "/", LinkText: p.say(r, "page.back"),
	})
}

func refText(r connectors.Ref) string {
	if r.ID == "" {
		return "–"
	}
	return r.String()
}

// passed hands a part of a page its frame and a value.
type passed struct {
	F frame
	V any
}

func pass(f frame, v any) passed { return passed{f, v} }

// form is a button that acts: a form of hidden fields.
type form struct {
	Action, Token, Back, Label, Class string
	Fields                            []formField
}

type formField struct{ Name, Value string }

// postForm makes a form of names and values.
func postForm(f frame, action, label, class string, pairs ...any) form {
	b := form{Action: action, Token: f.Token, Back: f.Back, Label: label, Class: class}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1])
		if name == "back" { // to another page than this one
			b.Back = value
			continue
		}
		b.Fields = append(b.Fields, formField{name, value})
	}
	return b
}

func numberOf(n any) string {
	switch v := n.(type) {
	case int:
		return number(v)
	case int64:
		return number(v)
	}
	return fmt.Sprint(n)
}
