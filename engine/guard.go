package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// guardDocs holds one guard a mapping.
const guardDocs = "guard"

// guard bounds what a mapping may do to a system within a window, so that a
// lost permission or a bad edit of the mapping cannot empty a project.
type guard struct {
	Stopped bool      `json:"stopped,omitempty"`
	Code    string    `json:"code,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`

	Window     time.Time `json:"window,omitzero"` // when the window began
	Clears     int       `json:"clears,omitempty"`
	Overwrites int       `json:"overwrites,omitempty"`
	Deletes    int       `json:"deletes,omitempty"`

	// Allowed is what a person let through: it adds to the budget of the window.
	Allowed counts `json:"allowed,omitzero"`
	// Asked is what was planned when the guard stopped the mapping.
	Asked counts `json:"asked,omitzero"`
}

type counts struct {
	Clears     int `json:"clears,omitempty"`
	Overwrites int `json:"overwrites,omitempty"`
	Deletes    int `json:"deletes,omitempty"`
}

func (e *Engine) loadGuard(ctx context.Context, m *worked) (g *guard, err error) {
	err = e.store.View(ctx, func(tx state.Tx) error {
		g, err = guardOf(tx, m)
		return err
	})
	return g, err
}

func guardOf(tx state.Tx, m *worked) (*guard, error) {
	var g guard
	doc, err := tx.Doc(guardDocs, m.Name())
	if err != nil || doc == nil {
		return &g, err
	}
	if err := json.Unmarshal(doc, &g); err != nil {
		return nil, fmt.Errorf("the guard of mapping %s: %w", m.Name(), err)
	}
	return &g, nil
}

func (g *guard) put(tx state.Tx, m *worked) error {
	doc, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return tx.SetDoc(guardDocs, m.Name(), doc)
}

// planned counts what the batch is about to do.
func (d *drain) planned() counts {
	var c counts
	for _, j := range d.jobs {
		if j.done() {
			continue
		}
		if j.removal != nil || j.removed || (j.ended && j.link != nil && j.link.Status == state.LinkEnded && j.touched) {
			c.Deletes++
		}
		for _, v := range j.verdicts {
			for _, w := range v.writes {
				switch {
				case w == nil || w.replaced.IsNull():
				case w.value.IsNull():
					c.Clears++
				default:
					c.Overwrites++
				}
			}
		}
	}
	return c
}

// checkGuards stops the mapping when the batch would pass its budget. Nothing
// of the batch is written then.
func (d *drain) checkGuards(ctx context.Context) error {
	g := d.guard
	if d.now.Sub(g.Window) > d.limits.Window || g.Window.After(d.now) {
		g.Window, g.Clears, g.Overwrites, g.Deletes, g.Allowed = d.now, 0, 0, 0, counts{}
	}
	p := d.planned()
	if p == (counts{}) {
		return nil
	}
	for _, check := range []struct {
		what                       string
		have, add, budget, allowed int
	}{
		{"fields emptied", g.Clears, p.Clears, d.limits.Clears, g.Allowed.Clears},
		{"values replaced", g.Overwrites, p.Overwrites, d.limits.Overwrites, g.Allowed.Overwrites},
		{"records deleted, archived or unlinked", g.Deletes, p.Deletes, d.limits.Deletes, g.Allowed.Deletes},
	} {
		if check.add == 0 || check.have+check.add <= check.budget+check.allowed {
			continue
		}
		g.Stopped, g.Since, g.Code, g.Asked = true, d.now, "guard", p
		g.Reason = fmt.Sprintf("%d %s within %s, and %d more to come, are over the budget of %d; nothing of it was written",
			check.have, check.what, d.limits.Window, check.add, check.budget+check.allowed)
		d.log.Error("mapping stopped", "mapping", d.m.Name(), "op", "guard", "count", check.have+check.add, "err", g.Reason)
		for _, j := range d.jobs {
			if !j.done() {
				j.outcome = outcome{kind: outcomeKeep}
			}
		}
		return d.commit(ctx, func(tx state.Tx) error {
			if err := tx.AppendJournal(&state.Event{
				At: d.now, Mapping: d.m.Name(), Action: "stopped", Source: "guard", Code: "guard", Detail: g.Reason,
			}); err != nil {
				return err
			}
			return g.put(tx, d.m)
		})
	}
	g.Clears, g.Overwrites, g.Deletes = g.Clears+p.Clears, g.Overwrites+p.Overwrites, g.Deletes+p.Deletes
	return d.commit(ctx, func(tx state.Tx) error { return g.put(tx, d.m) })
}

// Resume lets a mapping go on that a guard stopped, with what it was about to
// do. by names who decided.
func (e *Engine) Resume(ctx context.Context, name, by string) error {
	m, err := e.mapping(name)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := e.loadGuard(ctx, m)
	if err != nil {
		return err
	}
	if !g.Stopped {
		return nil
	}
	g.Stopped, g.Code, g.Reason = false, "", ""
	g.Allowed.Clears += g.Asked.Clears + e.limits.Clears
	g.Allowed.Overwrites += g.Asked.Overwrites + e.limits.Overwrites
	g.Allowed.Deletes += g.Asked.Deletes + e.limits.Deletes
	g.Asked, g.Window = counts{}, e.clock.Now()
	err = e.commit(ctx, func(tx state.Tx) error {
		if err := tx.AppendJournal(&state.Event{
			At: e.clock.Now(), Mapping: name, Action: "resumed", Source: "person", Detail: "by " + by,
		}); err != nil {
			return err
		}
		return g.put(tx, m)
	})
	if err == nil {
		e.nudge(name)
	}
	return err
}

// remove carries deletions to the other side.
func (d *drain) remove(ctx context.Context) {
	for side := range mapping.SideID(2) {
		for _, policy := range []mapping.DeletePolicy{mapping.ArchiveOther, mapping.DeleteOther} {
			var jobs []*job
			var ids []string
			for _, j := range d.jobs {
				if j.removal != nil && !j.done() && j.removal.gone.Other() == side && j.removal.policy == policy {
					jobs, ids = append(jobs, j), append(ids, j.link.Ends[side].ID)
				}
			}
			if len(jobs) > 0 {
				d.removeSide(ctx, side, policy, jobs, ids)
			}
		}
	}
}

func (d *drain) removeSide(ctx context.Context, side mapping.SideID, policy mapping.DeletePolicy, jobs []*job, ids []string) {
	c, object := d.m.sides[side], d.m.Side(side).Object
	var errs []error
	switch {
	case policy == mapping.ArchiveOther && c.can.Archiver != nil:
		errs = c.can.Archiver.Archive(ctx, object, ids)
	case policy == mapping.DeleteOther && c.can.Deleter != nil:
		errs = c.can.Deleter.Delete(ctx, object, ids)
	default:
		for _, j := range jobs {
			j.fail("cannot-"+policy.String(), fmt.Sprintf("%s cannot %s a %s", c.name, policy, object))
		}
		return
	}
	for i, j := range jobs {
		var err error = &connectors.Error{Op: policy.String(), Connection: c.name, Kind: connectors.Internal, Unsure: true}
		if i < len(errs) {
			err = errs[i]
		}
		d.note(c, err)
		if err != nil {
			j.blame(err)
			continue
		}
		j.recs[side].State = connectors.Archived
		if policy == mapping.DeleteOther {
			j.recs[side].State = connectors.Deleted
		}
		d.unlink(j, j.removal.gone, fmt.Sprintf("the %s was %sd too", d.m.Side(side).Name, policy))
	}
}
