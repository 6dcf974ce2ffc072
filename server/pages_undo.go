package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tenonsync/tenon/engine"
)

// undoPage shows what an undo would put back, or what it did.
type undoPage struct {
	*engine.Undone
	Done  bool     // it was carried out
	Order [][2]any // of the form that carries it out
	Job   string   // that is at work, with its Progress
	Step  Progress // how far it is
	Ask   string   // the key of what is asked
	Name  string   // what it is about, for Ask
	Wrong *Problem // the job failed
}

func (p undoPage) refresh() (int, string) {
	if p.Job == "" {
		return 0, ""
	}
	return 2, ""
}

// undoable reports whether an undo could put back something that an event
// replaced.
func undoable(ev engine.EventRow) bool {
	for _, f := range ev.Fields {
		if f.Replaced == engine.ReplacedKept || f.Replaced == engine.ReplacedEmpty {
			return true
		}
	}
	return false
}

// undoOrder reads what to undo: one event, one run or one link.
func undoOrder(v url.Values) (engine.UndoOrder, error) {
	var o engine.UndoOrder
	for name, into := range map[string]*uint64{"event": &o.Event, "run": &o.Run, "link": &o.Link} {
		if v.Get(name) == "" {
			continue
		}
		n, err := formNumber(v, name, 63)
		if err != nil {
			return o, err
		}
		*into = n
	}
	return o, o.Check()
}

// undoLook tells what an undo would do. It writes nothing.
func (p *pages) undoLook(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "event", "run", "link")
	order, err := undoOrder(r.URL.Query())
	if q.err != nil {
		err = q.err
	}
	var page undoPage
	if err == nil {
		page.Undone, err = p.Engine.Undo(r.Context(), order, engine.UndoOptions{Dry: true})
	}
	page.Ask, page.Name = "undo.event", strconv.FormatUint(order.Event, 10)
	page.Order = [][2]any{{"event", order.Event}}
	switch {
	case order.Run != 0:
		page.Ask, page.Name, page.Order = "undo.run", strconv.FormatUint(order.Run, 10), [][2]any{{"run", order.Run}}
	case order.Link != 0:
		page.Ask, page.Name, page.Order = "undo.link", strconv.FormatUint(order.Link, 10), [][2]any{{"link", order.Link}}
	}
	p.finish(w, r, "undo", "undo.title", page, err)
}

// undo starts the undo as a job, and waits for it for a while.
func (p *pages) undo(r *http.Request, by string) (done, error) {
	form := url.Values{}
	for _, name := range []string{"event", "run", "link"} {
		if v := r.PostForm.Get(name); v != "" && v != "0" {
			form.Set(name, v)
		}
	}
	order, err := undoOrder(form)
	if err != nil {
		return done{}, err
	}
	started, err := p.jobs.start(r.Context(), "undo", "", by, func(ctx context.Context, run *job) (any, error) {
		return p.Engine.Undo(ctx, order, engine.UndoOptions{By: by, Progress: run.showWork})
	})
	if err != nil {
		return done{}, err
	}
	if run, err := p.jobs.find(started.ID); err == nil {
		run.await(r.Context(), p.PressWait)
	}
	return done{next: "/undo/" + url.PathEscape(started.ID)}, nil
}

// undoJob shows an undo that is at work, and then what it did.
func (p *pages) undoJob(w http.ResponseWriter, r *http.Request) {
	run, err := p.jobs.find(r.PathValue("job"))
	if err == nil && run.state().Kind != "undo" {
		err = invalid("job %s is no undo", r.PathValue("job"))
	}
	if err != nil {
		p.failed(w, r, "undo.title", err)
		return
	}
	page := undoPage{Done: true, Undone: &engine.Undone{}}
	switch j := run.state(); j.State {
	case JobRunning:
		page.Job, page.Step = j.ID, j.Progress
	case JobDone:
		err = json.Unmarshal(j.Result, page.Undone)
	default:
		page.Wrong = j.Problem
	}
	p.finish(w, r, "undo", "undo.title", page, err)
}
