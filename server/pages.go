package server

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

//go:embed templates/*.html templates/*.css
var templateFiles embed.FS

// pages are what people see. Each works without script.
type pages struct {
	*Config
	auth  *auth
	tmpls map[string]*template.Template // by page
	style template.CSS
}

// newPages parses the templates; they are part of the program, so that an error
// is a fault of it.
func newPages(c *Config, a *auth) (*pages, error) {
	p := &pages{Config: c, auth: a, tmpls: map[string]*template.Template{}}
	style, err := templateFiles.ReadFile("templates/style.css")
	if err != nil {
		return nil, err
	}
	p.style = template.CSS(style) //nolint:gosec // embedded, not input
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		name, isPage := strings.CutSuffix(n.Name(), ".html")
		if !isPage || name == "layout" {
			continue
		}
		t := template.New("layout.html").Funcs(template.FuncMap{
			"time": p.when, "ago": p.ago, "url": safeURL, "ref": refText, "date": dateText,
		})
		if p.tmpls[name], err = t.ParseFS(templateFiles, "templates/layout.html", path.Join("templates", n.Name())); err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
	}
	return p, nil
}

func (p *pages) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.auth.page(p.overview))
	mux.HandleFunc("GET /links", p.auth.page(p.links))
	mux.HandleFunc("GET /conflicts", p.auth.page(p.conflicts))
	mux.HandleFunc("GET /queue", p.auth.page(p.queue))
	mux.HandleFunc("GET /history", p.auth.page(p.history))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !wantsHTML(r) {
			problem(w, http.StatusNotFound, "there is no such address", "docs/http.md lists the addresses")
			return
		}
		p.render(w, http.StatusNotFound, "message", "Not found", message{Title: "There is no such page."})
	})
}

// message is a page of a few words.
type message struct{ Title, Detail string }

// layout is what the frame around each page needs.
type layout struct {
	Page    string // the template's name, for the menu
	Title   string
	Style   template.CSS
	Version string
	Menu    bool
	Refresh int
	Reload  string
	Data    any
}

func (p *pages) render(w http.ResponseWriter, status int, name, title string, data any) {
	l := layout{Page: name, Title: title, Style: p.style, Version: p.Version, Data: data}
	switch d := data.(type) {
	case convertPage:
		l.Refresh, l.Reload = d.Refresh, d.Reload()
	case message:
	default:
		l.Menu = true
	}
	var b bytes.Buffer
	if err := p.tmpls[name].Execute(&b, l); err != nil {
		p.Logger.Error("page failed", "op", name, "err", err)
		http.Error(w, "This page could not be made; see the service's log.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// when shows an instant in the configured time zone.
func (p *pages) when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.In(p.Zone).Format("2006-01-02 15:04:05 MST")
}

// ago shows how long ago an instant was, in the largest unit that fits.
func (p *pages) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := p.Clock.Now().Sub(t)
	in := d < 0
	d = d.Abs()
	var text string
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		text = strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		text = strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		text = strconv.Itoa(int(d.Hours())) + " h"
	default:
		text = strconv.Itoa(int(d.Hours()/24)) + " days"
	}
	if in {
		return "in " + text
	}
	return text + " ago"
}

func dateText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2 Jan 2006")
}

func refText(r connectors.Ref) string {
	if r.ID == "" {
		return "–"
	}
	return r.String()
}

// overviewPage is the front page.
type overviewPage struct {
	*engine.Status
	Recent []engine.EventRow
	Failed []engine.QueueRow
	Asides []engine.AsideRow
}

const overviewRows = 10

func (p *pages) overview(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	var page overviewPage
	var err error
	if page.Status, err = p.Engine.Status(ctx); err == nil {
		page.Recent, err = p.Engine.History(ctx, engine.HistoryFilter{Limit: overviewRows})
	}
	if err == nil {
		page.Failed, err = p.Engine.Queue(ctx, engine.QueueFilter{Status: "failed", Limit: overviewRows})
	}
	if err == nil {
		page.Asides, err = p.Engine.Asides(ctx, "", false, 0, overviewRows)
	}
	p.finish(w, r, "overview", "Overview", page, err)
}

// listPage is a page of rows.
type listPage struct {
	Rows   any
	Count  int
	Filter map[string]string
	Next   string // the address of the following rows
}

const pageRows = 100

func (p *pages) list(w http.ResponseWriter, r *http.Request, name, title string, rows any, count int, next func() (param, value string), err error, filters ...string) {
	page := listPage{Rows: rows, Count: count, Filter: map[string]string{}}
	q := url.Values{}
	for _, f := range filters {
		if v := r.URL.Query().Get(f); v != "" {
			page.Filter[f] = v
			q.Set(f, v)
		}
	}
	if err == nil && count >= pageRows && next != nil {
		param, value := next()
		q.Set(param, value)
		page.Next = r.URL.Path + "?" + q.Encode()
	}
	p.finish(w, r, name, title, page, err)
}

func (p *pages) finish(w http.ResponseWriter, r *http.Request, name, title string, data any, err error) {
	if err != nil {
		status, text := statusOf(err)
		p.Logger.WarnContext(r.Context(), "page failed", "op", name, "status_code", status, "err", err)
		p.render(w, status, "message", title, message{Title: text})
		return
	}
	p.render(w, http.StatusOK, name, title, data)
}

func (p *pages) links(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "mapping", "after")
	rows, err := p.Engine.Links(r.Context(), q.text("mapping"), q.number("after"), pageRows)
	if q.err != nil {
		err = q.err
	}
	p.list(w, r, "links", "Links", rows, len(rows), func() (string, string) {
		return "after", strconv.FormatUint(rows[len(rows)-1].ID, 10)
	}, err, "mapping")
}

func (p *pages) conflicts(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "mapping", "after")
	rows, err := p.Engine.Asides(r.Context(), q.text("mapping"), false, q.number("after"), pageRows)
	if q.err != nil {
		err = q.err
	}
	p.list(w, r, "conflicts", "Conflicts and fields set aside", rows, len(rows), func() (string, string) {
		return "after", strconv.FormatUint(rows[len(rows)-1].Link, 10)
	}, err, "mapping")
}

func (p *pages) queue(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "mapping", "status")
	rows, err := p.Engine.Queue(r.Context(), engine.QueueFilter{Mapping: q.text("mapping"), Status: q.text("status"), Limit: pageRows})
	if q.err != nil {
		err = q.err
	}
	p.list(w, r, "queue", "Queue", rows, len(rows), nil, err, "mapping", "status")
}

func (p *pages) history(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "mapping", "link", "record", "action", "before")
	f := engine.HistoryFilter{
		Mapping: q.text("mapping"), Link: q.number("link"), Record: q.text("record"),
		Action: q.text("action"), Before: q.number("before"), Limit: pageRows,
	}
	var rows []engine.EventRow
	err := q.err
	if err == nil {
		rows, err = p.Engine.History(r.Context(), f)
	}
	p.list(w, r, "history", "History", rows, len(rows), func() (string, string) {
		return "before", strconv.FormatUint(rows[len(rows)-1].Seq, 10)
	}, err, "mapping", "link", "record", "action")
}
