package cases

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// outcome is what came of a case.
type outcome struct {
	linked  bool // the first given records are linked
	created [2][]made
	tasks   []made // of the records created
	tasksOf mapping.SideID
	updated [2]map[string]connectors.Value // fields of the first given record
	comment [2][]string                    // copied to the side's first record, or to the one that was made
	files   [2][]string                    // attached to it, links with " (link)" behind the name
	others  []string                       // given records that changed besides the first ones
	state   [2]connectors.State            // of the first given record, where Tenon changed it; else Live
	held    []engine.AsideRow
	waits   []engine.QueueRow
	stopped string
	why     map[written]string
}

// made is a record that Tenon made.
type made struct {
	id     string
	fields map[string]connectors.Value
}

// written is a field that a rule wrote.
type written struct {
	rule uint32
	to   mapping.SideID
}

// scene is what both systems hold at a time, by world.key.
type scene map[string]snapshot

type snapshot struct {
	fields map[string]connectors.Value
	state  connectors.State
}

func (w *world) scene() scene {
	s := scene{}
	for side := range mapping.SideID(2) {
		for _, id := range w.given[side] {
			s[w.key(side, id)] = snapshot{w.sys[side].Truth(id), w.sys[side].State(id)}
		}
	}
	return s
}

// print is a text that differs when anything that a case compares differs.
func (w *world) print() string {
	var b strings.Builder
	for side := range mapping.SideID(2) {
		for _, object := range w.objects(side) {
			for _, id := range w.sys[side].IDs(object) {
				truth := w.sys[side].Truth(id)
				fmt.Fprintf(&b, "%s %s", object, id)
				for _, f := range slices.Sorted(maps.Keys(truth)) {
					fmt.Fprintf(&b, " %s=%q", f, truth[f].String())
				}
				fmt.Fprintf(&b, " %d comments, %d attachments\n", len(w.sys[side].Comments(id)), len(w.sys[side].Attachments(id)))
			}
		}
	}
	return b.String()
}

// objects are those of a side and of its tasks.
func (w *world) objects(side mapping.SideID) []string {
	m := w.suite.Mapping
	objects := []string{m.Side(side).Object}
	if c := m.Create(side); c != nil {
		for _, o := range c.TaskObjects() {
			if !slices.Contains(objects, o) {
				objects = append(objects, o)
			}
		}
	}
	return objects
}

// gather tells what came of the case, compared with the scene before.
func (w *world) gather(ctx context.Context, before scene) (*outcome, error) {
	o := &outcome{why: map[written]string{}}
	for side := range mapping.SideID(2) {
		o.updated[side] = map[string]connectors.Value{}
		for i, id := range w.given[side] {
			was := before[w.key(side, id)]
			changes := changed(was.fields, w.sys[side].Truth(id))
			now := w.sys[side].State(id)
			switch {
			case i > 0 && (len(changes) > 0 || now != was.state):
				o.others = append(o.others, w.suite.Mapping.Side(side).Name+" "+id)
			case i == 0 && now != was.state:
				o.state[side] = now
			case i == 0:
				o.updated[side] = changes
			}
		}
		w.gatherMade(o, side)
		w.gatherComments(o, side)
	}
	if err := w.gatherState(ctx, o); err != nil {
		return nil, err
	}
	return o, nil
}

// changed returns the fields that differ, with what they hold now.
func changed(before, after map[string]connectors.Value) map[string]connectors.Value {
	out := map[string]connectors.Value{}
	for name, v := range after {
		if old, had := before[name]; !had || !connectors.Equal(old, v) {
			out[name] = v
		}
	}
	for name := range before {
		if _, has := after[name]; !has {
			out[name] = connectors.Null
		}
	}
	return out
}

// gatherMade tells the records that were made on a side, and their tasks.
func (w *world) gatherMade(o *outcome, side mapping.SideID) {
	scope := w.suite.Mapping.Side(side).Scope
	for _, object := range w.objects(side) {
		for _, id := range w.sys[side].IDs(object) {
			if w.known[w.key(side, id)] {
				continue
			}
			m := made{id: id, fields: w.sys[side].Truth(id)}
			switch parent := w.sys[side].Shown(id).Parent; {
			case parent != "":
				if w.made(o, side, parent) {
					o.tasks, o.tasksOf = append(o.tasks, m), side
				}
			case object == w.suite.Mapping.Side(side).Object && maps.Equal(w.sys[side].Scope(id), scope):
				o.created[side] = append(o.created[side], m)
			}
		}
	}
}

// gatherComments tells the comments and attachments that Tenon wrote: they have
// a key.
func (w *world) gatherComments(o *outcome, side mapping.SideID) {
	var ids []string
	if len(w.given[side]) > 0 {
		ids = append(ids, w.given[side][0])
	}
	for _, m := range o.created[side] {
		ids = append(ids, m.id)
	}
	for _, id := range ids {
		for _, c := range w.sys[side].Comments(id) {
			if c.Key != "" {
				o.comment[side] = append(o.comment[side], c.Body)
			}
		}
		for _, a := range w.sys[side].Attachments(id) {
			if a.Key == "" {
				continue
			}
			name := a.Name
			if a.Link != "" {
				name += " (link)"
			}
			o.files[side] = append(o.files[side], name)
		}
	}
}

func (w *world) made(o *outcome, side mapping.SideID, id string) bool {
	return slices.ContainsFunc(o.created[side], func(m made) bool { return m.id == id })
}

// gatherState reads links, what is held back, what waits, and the journal's
// reasons.
func (w *world) gatherState(ctx context.Context, o *outcome) error {
	name := w.suite.Mapping.Name()
	err := w.store.View(ctx, func(tx state.Tx) error {
		if len(w.given[0]) > 0 && len(w.given[1]) > 0 {
			l, err := tx.LinkOf(name, state.Left, w.given[0][0])
			if err != nil && !errors.Is(err, state.ErrNotFound) {
				return err
			}
			o.linked = err == nil && l.Status == state.LinkActive && slices.Contains(w.given[1], l.Ends[1].ID)
		}
		events, err := tx.ListJournal(0, 1000, state.EventFilter{Mapping: name})
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Action == "updated" || e.Action == "created" || e.Action == "found" {
				for _, f := range e.Fields {
					o.why[written{f.Rule, mapping.SideID(e.To)}] = f.Why
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if o.held, err = w.eng.Asides(ctx, name, false, 0, 1000); err != nil {
		return err
	}
	o.waits, err = w.eng.Queue(ctx, engine.QueueFilter{Mapping: name, Limit: 1000})
	return err
}
