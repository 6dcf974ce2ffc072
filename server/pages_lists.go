package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/engine"
)

// pageRows is how many rows a list shows at once.
const pageRows = 100

// listPage is a page of rows.
type listPage struct {
	Rows     any
	Filters  []filter
	Filtered bool
	Next     string // the address of the following rows
	Mapping  string // that the list is narrowed to
	Run      uint64
}

// filter is one field of the form above a list.
type filter struct {
	Name, Key, Value string
	Options          []option // nil: free text
}

type option struct{ Value, Text string }

// listing collects what a list page needs.
type listing struct {
	*query
	l    language
	page listPage
	kept url.Values // of the filters, for the address of the following rows
}

func (p *pages) listing(r *http.Request, paging string, filters ...filter) *listing {
	names := []string{paging}
	for _, f := range filters {
		names = append(names, f.Name)
	}
	s := &listing{query: queryOf(r, names...), l: p.languageOf(r), kept: url.Values{}}
	for _, f := range filters {
		f.Value = s.text(f.Name)
		if f.Value != "" {
			s.page.Filtered = true
			s.kept.Set(f.Name, f.Value)
		}
		if f.Options != nil && f.Value != "" && !slices.ContainsFunc(f.Options, func(o option) bool { return o.Value == f.Value }) {
			f.Options = append(f.Options, option{f.Value, f.Value})
		}
		s.page.Filters = append(s.page.Filters, f)
	}
	s.page.Mapping = s.text("mapping")
	return s
}

// rows takes the rows in; next names the place behind the last one, for a full
// page only.
func (s *listing) rows(rows any, n int, paging string, next func() string) listPage {
	s.page.Rows = rows
	if n == 0 {
		s.page.Rows = nil
	}
	if n >= pageRows && next != nil {
		s.kept.Set(paging, next())
		s.page.Next = s.URL.Path + "?" + s.kept.Encode()
	}
	return s.page
}

// mappingFilter lets the reader choose a mapping by name.
func (p *pages) mappingFilter(r *http.Request) filter {
	f := filter{Name: "mapping", Key: "filter.mapping", Options: []option{}}
	status, err := p.Engine.Status(r.Context())
	if err != nil {
		return f // the list itself tells of it
	}
	for _, m := range status.Mappings {
		f.Options = append(f.Options, option{m.Name, m.Name})
	}
	return f
}

// wordFilter lets the reader choose among the engine's words of a group.
func (p *pages) wordFilter(r *http.Request, name, key, group string, words ...string) filter {
	f := filter{Name: name, Key: key}
	for _, w := range words {
		f.Options = append(f.Options, option{w, p.languageOf(r).known(group, w)})
	}
	return f
}

func (p *pages) links(w http.ResponseWriter, r *http.Request) {
	s := p.listing(r, "after", p.mappingFilter(r))
	after, err := s.number("after"), s.err
	var rows []engine.LinkRow
	if err == nil {
		rows, err = p.Engine.Links(r.Context(), s.text("mapping"), after, pageRows)
	}
	page := s.rows(rows, len(rows), "after", func() string { return strconv.FormatUint(rows[len(rows)-1].ID, 10) })
	p.finish(w, r, "links", "nav.links", page, err)
}

func (p *pages) conflicts(w http.ResponseWriter, r *http.Request) {
	s := p.listing(r, "after", p.mappingFilter(r), p.wordFilter(r, "kind", "filter.kind", "kind", "conflict"))
	after, err := s.number("after"), s.err
	var rows []engine.AsideRow
	if err == nil {
		rows, err = p.Engine.Asides(r.Context(), s.text("mapping"), s.text("kind") == "conflict", after, pageRows)
	}
	page := s.rows(rows, len(rows), "after", func() string { return strconv.FormatUint(rows[len(rows)-1].Link, 10) })
	p.finish(w, r, "conflicts", "conflicts.title", page, err)
}

func (p *pages) queue(w http.ResponseWriter, r *http.Request) {
	s := p.listing(r, "after", p.mappingFilter(r), p.wordFilter(r, "status", "filter.status", "queue", "ready", "waiting", "failed"))
	err := s.err
	var rows []engine.QueueRow
	if err == nil {
		rows, err = p.Engine.Queue(r.Context(), engine.QueueFilter{
			Mapping: s.text("mapping"), Status: s.text("status"), After: s.text("after"), Limit: pageRows,
		})
	}
	page := s.rows(rows, len(rows), "after", func() string { return rows[len(rows)-1].Key })
	p.finish(w, r, "queue", "nav.queue", page, err)
}

// commonActions are those that a reader of the history looks for.
var commonActions = []string{
	"updated", "created", "linked", "unlinked", "conflict", "resolved", "set aside", "failed", "stopped", "resumed", "drift", "undone", "run started", "no difference",
}

func (p *pages) history(w http.ResponseWriter, r *http.Request) {
	s := p.listing(r, "before", p.mappingFilter(r), p.wordFilter(r, "action", "filter.action", "action", commonActions...),
		filter{Name: "record", Key: "filter.record"}, filter{Name: "link", Key: "filter.link"}, filter{Name: "run", Key: "filter.run"})
	f := engine.HistoryFilter{
		Mapping: s.text("mapping"), Link: s.number("link"), Record: s.text("record"), Run: s.number("run"),
		Action: s.text("action"), Before: s.number("before"), Limit: pageRows,
	}
	err := s.err
	var rows []engine.EventRow
	if err == nil {
		rows, err = p.Engine.History(r.Context(), f)
	}
	page := s.rows(rows, len(rows), "before", func() string { return strconv.FormatUint(rows[len(rows)-1].Seq, 10) })
	page.Run = f.Run
	p.finish(w, r, "history", "nav.history", page, err)
}
