package kit

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageHTML string

// A Page is what the skeleton needs to know about one page.
type Page struct {
	Title   string // heading, and title with the system's name
	Back    string // path of the page above; empty: none
	Refresh int    // seconds until the page loads itself again; 0: never
	Notice  string // shown above the content: what was done
	Problem string // shown above the content: what was wrong
	FormTo  string // origin to which the page's forms may lead besides their own; empty: none
	Data    any    // for the content template, as {{.}}
}

// Pages renders a system's pages inside the common skeleton.
type Pages struct {
	system string
	accent template.CSS
	tmpl   *template.Template
}

// NewPages parses the content templates of a system (each a {{define "name"}})
// and panics if they are unsound, as they are part of the program. Accent is the
// CSS colour of buttons and links, dark enough for white text.
func NewPages(system, accent string, funcs template.FuncMap, content string) *Pages {
	t := template.Must(template.New("page").Funcs(funcs).Parse(pageHTML))
	template.Must(t.New("content").Parse(content))
	return &Pages{system: system, accent: template.CSS(accent), tmpl: t} //nolint:gosec // a constant of the program
}

// Render answers with the content template of this name.
func (p *Pages) Render(w http.ResponseWriter, status int, name string, page Page) {
	var content, whole bytes.Buffer
	err := p.tmpl.ExecuteTemplate(&content, name, page.Data)
	if err == nil {
		err = p.tmpl.ExecuteTemplate(&whole, "page", skeleton{
			Page: page, System: p.system, Accent: p.accent,
			Content: template.HTML(content.String()), //nolint:gosec // made by html/template just above
		})
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("page %s: %v", name, err), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' "+page.FormTo+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(whole.Bytes())
}

type skeleton struct {
	Page
	System  string
	Accent  template.CSS
	Content template.HTML
}
