package engine

import (
	"context"
	"fmt"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// ConflictView is one conflict with what both sides hold now.
type ConflictView struct {
	AsideRow
	Live [2]LiveValue `json:"live"`
	// Seen stands for the two values that were read: given with a decision, it
	// has the decision refused where one of them changed meanwhile. "" where a
	// side could not be read.
	Seen string `json:"seen,omitempty"`
}

// LiveValue is what a side holds now.
type LiveValue struct {
	Title string `json:"title,omitempty"` // of the record
	URL   string `json:"url,omitempty"`
	State string `json:"state,omitempty"` // of the record: "live", "archived", "deleted", "merged"
	Value string `json:"value"`
	Told  bool   `json:"told"`            // the side showed the value
	Error string `json:"error,omitempty"` // why the record could not be read
}

// ShowConflict reads both values of a conflict from the systems. A field that
// is set aside for another reason is shown too.
func (e *Engine) ShowConflict(ctx context.Context, link uint64, rule uint32) (*ConflictView, error) {
	var m *worked
	var l *state.Link
	out := &ConflictView{}
	err := e.store.View(ctx, func(tx state.Tx) error {
		a, err := tx.Aside(link, rule)
		if err != nil {
			_, _, err = e.conflict(tx, ConflictID{link, rule})
			return err
		}
		if m, err = e.mapping(a.Mapping); err != nil {
			return err
		}
		if p, err := pausedWork(tx, m); p != nil || err != nil {
			if p != nil {
				err = p.err("read both values")
			}
			return err
		}
		out.AsideRow = e.asideRow(tx, a)
		l, err = tx.Link(link)
		return err
	})
	if err != nil {
		return nil, err
	}
	var prints [2]state.Print
	told := 0
	for side := range mapping.SideID(2) {
		live, p := e.liveValue(ctx, m, l, side, rule)
		out.Live[side], prints[side] = live, p
		if live.Told {
			told++
		}
	}
	if told == 2 {
		out.Seen = fmt.Sprintf("%016x%016x", uint64(prints[0]), uint64(prints[1]))
	}
	return out, nil
}

// liveValue reads what one side of a link holds under a rule.
func (e *Engine) liveValue(ctx context.Context, m *worked, l *state.Link, side mapping.SideID, rule uint32) (live LiveValue, p state.Print) {
	c := m.sides[side]
	results, err := c.Read(connectors.WithPriority(ctx, connectors.PriorityButton), m.selection(side), []string{l.Ends[side].ID})
	e.note(c, err)
	if err == nil && len(results) == 1 {
		err = results[0].Err
	}
	if err != nil || len(results) != 1 || results[0].Record == nil {
		live.Error = fmt.Sprintf("%s did not show the record", c.name)
		if err != nil {
			live.Error = err.Error()
		}
		return live, 0
	}
	rec := results[0].Record
	live.Title, live.URL, live.State = firstText(rec.Title, rec.Key), rec.URL, rec.State.String()
	r := m.rules[rule]
	if r == nil {
		return live, 0
	}
	v, presence, err := r.Value(side, rec)
	switch {
	case err != nil:
		live.Error = err.Error()
	case presence != connectors.Present:
		live.Error = fmt.Sprintf("%s does not show %s of this record", c.name, r.Label(side))
	default:
		live.Told, live.Value = true, v.String()
		return live, e.printer.Print(v)
	}
	return live, 0
}

// stillSeen refuses a decision about values that have changed since they were
// shown.
func (e *Engine) stillSeen(ctx context.Context, id ConflictID, seen string) error {
	now, err := e.ShowConflict(ctx, id.Link, id.Rule)
	if err != nil || now.Seen == seen {
		return err
	}
	return &connectors.Error{
		Op: "resolve", Kind: connectors.Conflict, Help: "look at both values again, then decide",
		Err: fmt.Errorf("%s of link %d has changed since it was shown: %s now holds %q, %s %q",
			now.Field, id.Link, now.Sides[0], now.Live[0].shown(), now.Sides[1], now.Live[1].shown()),
	}
}

func (v LiveValue) shown() string {
	if v.Told {
		return v.Value
	}
	return v.Error
}
