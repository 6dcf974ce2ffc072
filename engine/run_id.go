package engine

import (
	"context"
	"fmt"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// A run is one sync, one apply or one undo of a mapping, or what the service
// does for it from its start, or from a change of its rules, until the next.
// Its number is that of the event that begins it.
const (
	runStarted = "run started" // the action of that event
	undone     = "undone"      // the action of a write that an undo made

	runSync  = "sync"
	runServe = "serve"
	runApply = "apply"
	runUndo  = "undo"
)

// beginRun writes the event that begins a run of a mapping. by names who asked
// for it, "" where nobody did. The event's records are the connections and
// objects of the two sides, as they were then.
func (e *Engine) beginRun(ctx context.Context, m *worked, kind, by string) (run uint64, err error) {
	detail := fmt.Sprintf("rules %016x", m.Hash())
	if by != "" {
		detail += ", by " + by
	}
	err = e.commit(ctx, func(tx state.Tx) error {
		ev := &state.Event{
			At: e.clock.Now(), Run: state.NewRun, Mapping: m.Name(), Action: runStarted, Source: kind, Detail: detail,
			Records: [2]string{m.object(mapping.Left), m.object(mapping.Right)},
		}
		err := e.journal(tx, ev)
		run = ev.Seq
		return err
	})
	return run, err
}

// object names what a side's records are: connection/object.
func (m *worked) object(side mapping.SideID) string {
	s := m.Side(side)
	return s.Connection + "/" + s.Object
}

// serveRuns begins a run of every mapping for the life of this service.
func (e *Engine) serveRuns(ctx context.Context) error {
	if e.readOnly {
		return nil
	}
	for _, m := range e.mappings {
		run, err := e.beginRun(ctx, m, runServe, "")
		if err != nil {
			return err
		}
		m.runID.Store(run)
	}
	return nil
}

// syncRun begins a run for a sync of a mapping; end lets the mapping's events
// belong to what they belonged to before.
func (e *Engine) syncRun(ctx context.Context, m *worked) (end func(), err error) {
	if e.readOnly {
		return func() {}, nil
	}
	run, err := e.beginRun(ctx, m, runSync, "")
	before := m.runID.Load()
	m.runID.Store(run)
	return func() { m.runID.CompareAndSwap(run, before) }, err
}

// journal appends an event. One that names no run belongs to its mapping's
// present one.
func (e *Engine) journal(tx state.Tx, ev *state.Event) error {
	if ev.Run == 0 && ev.Mapping != "" {
		if m, err := e.mapping(ev.Mapping); err == nil {
			ev.Run = m.runID.Load()
		}
	}
	return tx.AppendJournal(ev)
}

// journal appends an event of the drain's own run.
func (d *drain) journal(tx state.Tx, ev *state.Event) error {
	if ev.Run == 0 {
		ev.Run = d.ownRun()
	}
	return d.Engine.journal(tx, ev)
}

// ownRun returns the run that the drain belongs to, 0 for none.
func (d *drain) ownRun() uint64 {
	if d.runID != 0 {
		return d.runID
	}
	return d.m.runID.Load()
}
