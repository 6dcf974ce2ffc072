package server

import (
	"net/http"
	"strings"

	"github.com/tenonsync/tenon/engine"
)

// explainPage is what is known of one record.
type explainPage struct{ *engine.Explanation }

func (p explainPage) title() string {
	switch r := p.Record; {
	case r.Title != "":
		return r.Title
	case r.Key != "":
		return r.Key
	}
	return refText(p.Record.Ref)
}

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
