package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// explainPage is what is known of one record.
type explainPage struct{ *engine.Explanation }

// Name is what the record is called: its title or key, else how it was asked
// for.
func (p explainPage) Name() string {
	switch r := p.Record; {
	case r.Title != "":
		return r.Title
	case r.Key != "":
		return r.Key
	case r.Ref.ID != "":
		return r.Ref.String()
	}
	return p.Asked
}

func (p explainPage) title() string { return p.Name() }

// Told reports whether the verdict says a text already.
func (p explainPage) Told(text string) bool { return strings.Contains(p.Verdict, text) }

// explainEvents is how much of a record's history its page shows.
const explainEvents = 20

// explain is the page of one record: an id, a key, a web address, a whole
// reference, or link:N.
func (p *pages) explain(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "record")
	record, err := strings.TrimSpace(q.text("record")), q.err
	if record == "" && err == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	var found *engine.Explanation
	if err == nil {
		found, err = p.Engine.Explain(r.Context(), record, engine.ExplainOptions{Events: explainEvents})
	}
	if err != nil {
		p.failed(w, r, "explain.page", err)
		return
	}
	p.render(w, r, http.StatusOK, "explain", "explain.page", explainPage{found})
}

// standingClass is the colour of a standing.
func standingClass(s engine.Standing) string {
	switch s {
	case engine.InSync:
		return "good"
	case engine.NeedsYou:
		return "bad"
	case engine.OnItsWay, engine.Waits:
		return "wait"
	case engine.Unknown:
		return "warn"
	}
	return "soft"
}

func wordOf(s engine.Standing) string { return string(s) }

// conflictPage shows both values of a conflict as they are now.
type conflictPage struct {
	*engine.ConflictView
	Ends []conflictEnd
}

// conflictEnd is one side of a conflict.
type conflictEnd struct {
	Side   string
	Record connectors.Ref
	Live   engine.LiveValue
}

func (p conflictPage) title() string { return p.Field }

func (p *pages) conflict(w http.ResponseWriter, r *http.Request) {
	link, err := strconv.ParseUint(r.PathValue("link"), 10, 63)
	var rule uint64
	if err == nil {
		rule, err = strconv.ParseUint(r.PathValue("rule"), 10, 32)
	}
	if err != nil {
		p.failed(w, r, "nav.conflicts", invalid("the address names no conflict"))
		return
	}
	view, err := p.Engine.ShowConflict(r.Context(), link, uint32(rule))
	if err != nil {
		p.failed(w, r, "nav.conflicts", err)
		return
	}
	page := conflictPage{ConflictView: view}
	for side := range view.Live {
		page.Ends = append(page.Ends, conflictEnd{view.Sides[side], view.Records[side], view.Live[side]})
	}
	p.render(w, r, http.StatusOK, "conflict", "nav.conflicts", page)
}

// decidePage shows which conflicts an order would decide.
type decidePage struct {
	*engine.Resolved
	Order engine.ResolveOrder
	Sides [2]string
	More  int
}

// fieldOrder reads an order about all conflicts of a field under a mapping.
func fieldOrder(v url.Values) (engine.ResolveOrder, error) {
	o := engine.ResolveOrder{Mapping: v.Get("mapping"), Field: v.Get("field"), Side: v.Get("side")}
	if o.Mapping == "" || o.Field == "" || o.Side == "" {
		return o, invalid("a mapping, a field and a side are needed")
	}
	return o, nil
}

// decideLook tells which conflicts would be decided. It writes nothing.
func (p *pages) decideLook(w http.ResponseWriter, r *http.Request) {
	var page decidePage
	err := queryOf(r, "mapping", "field", "side").err
	if err == nil {
		page.Order, err = fieldOrder(r.URL.Query())
	}
	if err == nil {
		dry := page.Order
		dry.Dry = true
		page.Resolved, err = p.Engine.ResolveMany(r.Context(), dry, visitorIn(r.Context()).name)
	}
	if err == nil && len(page.Rows) > 0 {
		page.Sides, page.More = page.Rows[0].Sides, page.Count-len(page.Rows)
	}
	p.finish(w, r, "decide", "nav.conflicts", page, err)
}

// decide decides all conflicts of a field for one side.
func (p *pages) decide(r *http.Request, by string) (done, error) {
	order, err := fieldOrder(r.PostForm)
	if err != nil {
		return done{}, err
	}
	resolved, err := p.Engine.ResolveMany(r.Context(), order, by)
	if err != nil {
		return done{}, err
	}
	return done{Key: "done.decided", N: resolved.Count}, nil
}
