package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// linkMade links the records that were made or found by their key. What the
// create carried is the first agreement.
func (d *drain) linkMade(ctx context.Context, to mapping.SideID, jobs []*job) {
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.done() || j.making.result == nil })
	d.readMade(ctx, to, jobs)
	d.findCleared(ctx, to, jobs)
	if err := d.claimMade(ctx, to, jobs); err != nil {
		for _, j := range jobs {
			j.outcome = outcome{kind: outcomeRetry, code: "internal", reason: err.Error()}
		}
		return
	}
	d.completeFound(ctx, to, jobs)
	for _, j := range jobs {
		if j.done() {
			continue
		}
		mk := j.making
		if mk.unread() {
			// What it starts with is not known: it is found by its key when it can
			// be read.
			j.later(d.now.Add(d.limits.RetryMin), "finding", "the new record could not be read yet")
			continue
		}
		j.newLink(d, mk.result.Ref.ID)
		// However late the answer is found: the two belong together since the
		// create was first noted, and comments made since then are copied.
		j.link.Created = earliest(d.now, mk.intent.Created)
		j.link.Scheme = d.m.Hash()
		if mk.orphan {
			d.linkOrphan(j)
			continue
		}
		j.recs[to] = mk.result
		if mk.adopted {
			d.baselineOfAdopted(j)
		} else {
			d.baselineOfMade(j)
		}
		j.putAsides = append(j.putAsides, mk.asides...)
		j.dropIntents = append(j.dropIntents, mk.intent.Key)
		action := "created"
		if mk.adopted {
			action = "found"
		}
		detail := firstText(mk.result.Key, mk.result.Ref.ID)
		if len(mk.skipped) > 0 {
			detail += "; left out: " + strings.Join(mk.skipped, "; ")
		}
		j.event(action, uint8(to), detail, d.madeFields(j)...)
		d.intendTasks(j)
		if !d.settledMade(j) {
			j.outcome = outcome{kind: outcomeAgain}
		}
	}
}

// settledMade reports whether a link that was just made is in step: the answer
// to the create showed every field, each has its baseline, and nothing else is
// to be done for it. What people edited meanwhile is a hint of its own.
func (d *drain) settledMade(j *job) bool {
	mk := j.making
	switch {
	case mk.adopted || mk.readLater || mk.orphan || len(mk.asides) > 0 || len(mk.skipped) > 0 || j.taskError != nil,
		len(j.putIntents) > 0 || mk.plain != len(d.m.Rules()),
		d.m.CarriesTo(mapping.Left) || d.m.CarriesTo(mapping.Right),
		mk.result.Version == "" || j.recs[mk.to.Other()].Version == "":
		return false
	}
	j.link.Synced, j.touched = d.now, true
	return true
}

// linkOrphan notes a record that was made for one that is gone meanwhile: the
// pair is known, and its link has ended.
func (d *drain) linkOrphan(j *job) {
	from := j.making.to.Other()
	if j.recs[j.making.to] = j.making.result; j.making.adopted {
		d.baselineOfAdopted(j) // the record may be restored
	}
	j.link.Status = state.LinkEnded
	j.link.Ends[from].State = j.recs[from].State
	j.dropIntents = append(j.dropIntents, j.making.intent.Key)
	j.putIntents = append(j.putIntents, d.taskIntent(j, from, "", d.now)) // for the day on which it comes back
	j.event("unlinked", uint8(from), fmt.Sprintf("the %s was deleted while its %s was being made", d.m.Side(from).Name, d.m.Side(from.Other()).Name))
	j.ended = true
}

// unread reports whether nothing is known of a made record but its id.
func (mk *making) unread() bool {
	return mk.result.Version == "" && mk.result.Modified.IsZero()
}

// readMade reads the new records whose creates were answered without them.
func (d *drain) readMade(ctx context.Context, to mapping.SideID, jobs []*job) {
	var asking []*job
	var ids []string
	for _, j := range jobs {
		if j.making.unread() {
			asking, ids = append(asking, j), append(ids, j.making.result.Ref.ID)
		}
	}
	if len(asking) == 0 {
		return
	}
	results, err := d.fetch(ctx, to, ids)
	for i, j := range asking {
		if err == nil && results[i].Err == nil {
			j.making.result, j.making.readLater = results[i].Record, true
		}
	}
}

func (d *drain) madeFields(j *job) []state.EventField {
	fields := make([]state.EventField, 0, len(j.making.sent))
	for _, f := range j.making.sent {
		if _, ok := j.making.request.Fields[d.m.rules[f.Rule].Field(j.making.to)]; !ok {
			continue
		}
		fields = append(fields, state.EventField{Rule: f.Rule, Name: d.m.rules[f.Rule].Name(), Why: "created with it"})
	}
	return fields
}

// baselineOfMade takes what both sides hold after our own create as agreed.
func (d *drain) baselineOfMade(j *job) {
	mk := j.making
	from := mk.to.Other()
	sent := map[uint32]*state.Pending{}
	for _, f := range mk.sent {
		sent[f.Rule] = f.Pending
	}
	held := map[uint32]bool{}
	for _, a := range mk.asides {
		held[a.Rule] = true
	}
	g := d.merger(j, nil)
	j.link.Fields = make([]state.Field, 0, len(d.m.Rules()))
	for _, r := range d.m.Rules() {
		if held[r.ID()] {
			if r.IsSet() {
				f := state.Field{Rule: r.ID(), Known: [2]bool{true, true}}
				d.unseenSet(&f)
				setField(j.link, f)
			}
			continue
		}
		source, sp, err := r.Value(from, j.recs[from])
		if err == nil && sp != connectors.Present && r.IsSet() {
			f := state.Field{Rule: r.ID(), Known: [2]bool{true, true}}
			d.unseenSet(&f)
			setField(j.link, f)
			continue
		}
		if err != nil || sp != connectors.Present {
			continue
		}
		target, tp, err := r.Value(mk.to, mk.result)
		if err != nil {
			continue
		}
		p := sent[r.ID()]
		f := d.firstPrints(g, mk, r, p, source, target)
		switch {
		case tp != connectors.Present && r.IsSet():
			d.unseenSet(&f)
		case tp != connectors.Present:
			continue // what became of it cannot be seen: the first sync decides when it can
		case p == nil && !r.Flow().To(mk.to):
			// What flows the other way only: it was made with nothing, so that a
			// value is an edit.
			f.Base[mk.to], f.Sets[mk.to] = d.printer.Print(connectors.Null), nil
		case p == nil && !target.IsNull():
			continue // the first sync decides
		case p != nil && source.IsNull() && !target.IsNull():
			// The system's own default: it counts as an edit of the new record.
			f.Base[mk.to], f.Sets[mk.to] = p.Target, setOnly(r, p.TargetSet)
		case p != nil && mk.readLater && p.Target != f.Base[mk.to] && !mk.result.Modified.Equal(mk.result.Created):
			// Read after the create was answered, and edited since: that edit is
			// a change like any other.
			f.Base[mk.to], f.Sets[mk.to] = p.Target, setOnly(r, p.TargetSet)
			if !r.IsSet() {
				d.reformatted(j, &f, mk.to, target)
			}
		default:
			mk.plain++
		}
		setField(j.link, f)
	}
	j.noteRead(j.link)
}

// firstPrints returns the baseline of a rule for what both sides hold after a
// create. What the request carried was printed for its note already.
func (d *drain) firstPrints(g *merger, mk *making, r *mapping.Rule, p *state.Pending, source, target connectors.Value) state.Field {
	from := mk.to.Other()
	f := state.Field{Rule: r.ID(), Known: [2]bool{true, true}}
	if p == nil {
		f.Base[from], f.Base[mk.to] = d.printer.Print(source), d.printer.Print(target)
		if r.IsSet() {
			f.Sets[from], f.Sets[mk.to] = g.elements(source).prints, g.elements(target).prints
		}
		return f
	}
	f.Base[from], f.Base[mk.to] = p.Source, p.Target
	if sent := mk.request.Fields[r.Field(mk.to)]; !connectors.Equal(sent, target) {
		f.Base[mk.to] = d.printer.Print(target)
	}
	if r.IsSet() {
		f.Sets[from], f.Sets[mk.to] = p.SourceSet, p.TargetSet
		if f.Base[mk.to] != p.Target {
			f.Sets[mk.to] = g.elements(target).prints
		}
	}
	return f
}

// unseenSet lets a set that cannot be seen start as empty on both sides: what
// is there when it shows is joined, and nothing is taken out.
func (d *drain) unseenSet(f *state.Field) {
	none := d.printer.Print(connectors.Null)
	f.Base, f.Sets = [2]state.Print{none, none}, [2][]state.Print{}
}

func setOnly(r *mapping.Rule, prints []state.Print) []state.Print {
	if r.IsSet() {
		return prints
	}
	return nil
}

// reformatted takes a value for our own that says the same as the source's, or
// that a system made of it.
func (d *drain) reformatted(j *job, f *state.Field, to mapping.SideID, now connectors.Value) {
	r := d.m.rules[f.Rule]
	source, presence, err := r.Value(to.Other(), j.recs[to.Other()])
	if err != nil || presence != connectors.Present {
		return
	}
	sent, outcome, err := d.translate(d.m, r, to, source)
	if err == nil && outcome == mapping.Write && madeOf(now, sent) {
		f.Base[to] = d.printer.Print(now)
		return
	}
	if !r.Flow().To(to.Other()) {
		return
	}
	back, outcome, err := d.translate(d.m, r, to.Other(), now)
	if err == nil && outcome == mapping.Write && same(back, source) {
		f.Base[to] = d.printer.Print(now)
	}
}

// intendTasks notes the tasks that are to be made with the record.
func (d *drain) intendTasks(j *job) {
	from := j.making.to.Other()
	since := firstTime(d.since, d.now)
	tasks, err := j.making.create.Tasks(j.recs[from], since)
	if err != nil {
		j.event("tasks failed", uint8(j.making.to), err.Error())
		j.taskError = err
		j.putIntents = append(j.putIntents, d.taskIntent(j, from, "", since))
		return
	}
	for _, t := range tasks {
		j.putIntents = append(j.putIntents, d.taskIntent(j, from, t.Key, since))
	}
}

// taskIntent notes a task that is to be made with a record; without a part, that
// the tasks have yet to be worked out.
func (d *drain) taskIntent(j *job, from mapping.SideID, part string, created time.Time) *state.Intent {
	record, made := j.link.Ends[from].ID, j.link.Ends[from.Other()].ID
	return &state.Intent{
		Key:  createKey(d.m, d.m.ref(from, record), "task "+part+" of "+made, 0),
		Kind: state.IntentTask, Mapping: d.m.Name(), Side: uint8(from), Record: record, Part: part, Created: created,
	}
}

// firstTime returns the first time that is set.
func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// writeConvertLinks writes the button's signed address into records that can be
// converted.
func (d *drain) writeConvertLinks(ctx context.Context) {
	for side := range mapping.SideID(2) {
		var updates []connectors.Update
		var jobs []*job
		s := d.m.Side(side)
		for _, j := range d.jobs {
			if j.done() || j.button == "" || j.side != side || j.link != nil {
				continue
			}
			b := d.m.Create(side.Other()).Button()
			updates = append(updates, connectors.Update{
				Object: s.Object, Scope: s.Scope, ID: j.entry.Record,
				Fields: map[string]connectors.Value{b.Field: connectors.Text(j.button)},
			})
			jobs = append(jobs, j)
		}
		if len(updates) == 0 {
			continue
		}
		results := d.m.sides[side].Update(ctx, updates)
		for i, j := range jobs {
			if i >= len(results) {
				continue
			}
			d.note(d.m.sides[side], results[i].Err)
			j.setKnown = false
			if err := results[i].Err; err != nil {
				j.blame(err)
				continue
			}
			if rec := results[i].Record; rec != nil && rec.Version != "" {
				j.known, j.setKnown = rec.Version, true
			}
			j.event("offered", uint8(side), fmt.Sprintf("%s can be pressed", d.m.Create(side.Other()).Button().Label))
		}
	}
}
