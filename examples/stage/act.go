// Package stage holds the two sides of an example against each other, for those
// who act its story in the emulated systems: the demo's check, and the tests
// over the whole path. It shares no code with the engine.
package stage

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/sandbox/systems"
)

// Act is one mapping of an example with the hands for both of its sides.
type Act struct {
	examples.Cast
	From, To systems.Hand
}

// NewAct returns the act of a cast; box gives the running system of a
// connection.
func NewAct(c examples.Cast, box func(connection string) *systems.Box) *Act {
	hand := func(p examples.Part) systems.Hand {
		return box(p.Connection).Hand(systems.Place{Object: p.Object, Scope: p.Scope})
	}
	return &Act{Cast: c, From: hand(c.Source), To: hand(c.Target)}
}

// Everything is what all places of some acts hold, with the times of the last
// changes: two of them are equal when nothing was written in between.
func Everything(acts []*Act) string {
	var all [][]systems.Record
	for _, a := range acts {
		all = append(all, a.From.Records(), a.To.Records())
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // they are texts and times
	}
	return string(text)
}

// Counterparts returns the records that were made of a source, by what they say
// themselves; where they say nothing, by the source's link to them.
func (a *Act) Counterparts(id string) []systems.Record {
	var found []systems.Record
	link := ""
	if a.Target.Key == "" {
		if r, err := a.From.Get(id); err == nil {
			link = r.Fields[a.Source.Link]
		}
	}
	for _, t := range a.To.Records() {
		if a.Target.Key != "" && t.Fields[a.Target.Key] == id || a.Target.Key == "" && leadsTo(link, t.Mark) {
			found = append(found, t)
		}
	}
	return found
}

// Pairs returns the counterparts of all sources by the source's id, as
// Counterparts finds them.
func (a *Act) Pairs() map[string][]systems.Record {
	pairs, byMark := map[string][]systems.Record{}, map[string]systems.Record{}
	for _, t := range a.To.Records() {
		if id := t.Fields[a.Target.Key]; a.Target.Key != "" && id != "" {
			pairs[id] = append(pairs[id], t)
		}
		byMark[t.Mark] = t
	}
	if a.Target.Key != "" {
		return pairs
	}
	for _, r := range a.From.Records() {
		if u, err := url.Parse(r.Fields[a.Source.Link]); err == nil {
			if t, ok := byMark[path.Base(u.Path)]; ok {
				pairs[r.ID] = append(pairs[r.ID], t)
			}
		}
	}
	return pairs
}

// Counterpart returns the one counterpart with all its tasks.
func (a *Act) Counterpart(id string) (systems.Record, error) {
	found := a.Counterparts(id)
	if len(found) != 1 {
		return systems.Record{}, fmt.Errorf("%s %s has %s in %s", a.Source.Noun, id, count(len(found), a.Target.Noun, a.Target.Nouns()), a.Target.Connection)
	}
	if t := found[0]; t.Tasks != a.Tasks {
		return t, fmt.Errorf("%s %s has %s, want %d", a.Target.Noun, t.Mark, count(t.Tasks, "task", "tasks"), a.Tasks)
	}
	return found[0], nil
}

// Strays says which records bear the mark of those that were made and belong to
// no source.
func (a *Act) Strays(gone []string) error {
	if a.Target.Key != "" || a.Target.Mark == "" {
		return nil // each says whose it is, and Counterparts counts them
	}
	owned := map[string]string{}
	for _, r := range a.From.Records() {
		for _, t := range a.Counterparts(r.ID) {
			if former, ok := owned[t.ID]; ok {
				return fmt.Errorf("%s %s belongs to %s and to %s", a.Target.Noun, t.Mark, former, r.ID)
			}
			owned[t.ID] = r.ID
		}
	}
	for _, t := range a.To.Records() {
		if _, ok := owned[t.ID]; !ok && bears(t, a.Target.Mark) && !slices.Contains(gone, t.ID) {
			return fmt.Errorf("%s %s was made and belongs to no %s", a.Target.Noun, t.Mark, a.Source.Noun)
		}
	}
	return nil
}

// Agrees holds a source against its one counterpart, field by field, without the
// engine.
func (a *Act) Agrees(r systems.Record) error {
	t, err := a.Counterpart(r.ID)
	if err != nil {
		return err
	}
	return a.Alike(r, t)
}

// Alike holds two records against each other.
func (a *Act) Alike(r, t systems.Record) error {
	pairs := [][2]string{{a.Source.Name, a.Target.Name}}
	if a.Source.Number != "" && a.Target.Number != "" {
		pairs = append(pairs, [2]string{a.Source.Number, a.Target.Number})
	}
	if a.Source.Due != "" && !a.RolledUp && t.Fields[a.Target.Due] != "" { // one way: the source's own date stays until the target has one
		pairs = append(pairs, [2]string{a.Source.Due, a.Target.Due})
	}
	for _, p := range pairs {
		if from, to := r.Fields[p[0]], t.Fields[p[1]]; from != to {
			return fmt.Errorf("%s %s holds %q as %s where %s %s holds %q", a.Source.Noun, r.ID, from, p[0], a.Target.Noun, t.Mark, to)
		}
	}
	if link := r.Fields[a.Source.Link]; a.Source.Link != "" && !leadsTo(link, t.Mark) {
		return fmt.Errorf("%s %s links to %q, not to %s", a.Source.Noun, r.ID, link, t.Mark)
	}
	return nil
}

// progress tells how far a state of a target is, least far first.
var progress = map[string]int{"To Do": 1, "Planned": 1, "In Progress": 2, "In progress": 2, "In Review": 2, "Waiting for client": 2, "Done": 3}

// RolledUp says why a source does not hold what its counterparts in all acts
// come to: the least far of their states and the earliest of their days.
func RolledUp(acts []*Act, id string) error {
	r, err := acts[0].From.Get(id)
	if err != nil {
		return err
	}
	least, due := 0, ""
	for _, a := range acts {
		if !a.RolledUp {
			return nil
		}
		t, err := a.Counterpart(id)
		if err != nil {
			return err
		}
		if far := progress[t.Fields[a.Target.State]]; least == 0 || far < least {
			least = far
		}
		if day := t.Fields[a.Target.Due]; day != "" && (due == "" || day < due) {
			due = day
		}
	}
	source := acts[0].Source
	if got := r.Fields[source.Progress]; progress[got] != least {
		return fmt.Errorf("%s %s is %q, not as far as the least of its counterparts", source.Noun, id, got)
	}
	if got := r.Fields[source.Due]; got != due {
		return fmt.Errorf("%s %s is due on %q, the first of its counterparts on %q", source.Noun, id, got, due)
	}
	return nil
}

// leadsTo reports whether an address has a mark as one of its steps.
func leadsTo(address, mark string) bool {
	u, err := url.Parse(address)
	return err == nil && mark != "" && slices.Contains(strings.Split(u.Path, "/"), mark)
}

// bears reports whether a record has a label.
func bears(r systems.Record, label string) bool {
	return slices.Contains(strings.Split(r.Fields["labels"], ", "), label)
}

// count names a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
