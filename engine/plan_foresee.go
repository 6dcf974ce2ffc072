package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// foreseen is what a plan tells of a job besides its verdicts.
type foreseen struct {
	found    string // the id of a record that was made with the create's key before
	fields   []PlanField
	tasks    []PreviewTask
	left     []PlanLack // what a create leaves out
	comments [2][]string
	reading  *commentReading // that comments were taken from
	files    [2][]PlanAttachment
	holding  *fileReading // that files were taken from
}

// foreseeCreates works out what the batch's creates would send, and looks
// whether they were sent before.
func (d *drain) foreseeCreates(ctx context.Context) error {
	for to := range mapping.SideID(2) {
		var jobs []*job
		for _, j := range d.jobs {
			if !j.done() && j.making != nil && j.making.to == to && j.link == nil && !j.making.orphan {
				jobs = append(jobs, j)
			}
		}
		if len(jobs) == 0 {
			continue
		}
		if err := d.intend(ctx, to, jobs); err != nil {
			return err
		}
		if err := d.fillCreates(ctx, to, jobs); err != nil {
			return err
		}
		jobs = slices.DeleteFunc(jobs, (*job).done)
		if err := d.foreseeKeys(ctx, to, jobs); err != nil {
			return err
		}
		if err := d.foreseeTasks(ctx, to, jobs); err != nil {
			return err
		}
		labels := d.labels(ctx, d.m, to)
		for _, j := range jobs {
			d.foreseeFields(j, labels)
		}
	}
	return nil
}

// foreseeRefusals sets aside the fields of the batch's updates that their system
// says it would refuse.
func (d *drain) foreseeRefusals(ctx context.Context) error {
	for side := range mapping.SideID(2) {
		c, s := d.m.sides[side], d.m.Side(side)
		if c.can.WriteChecker == nil {
			continue
		}
		var jobs []*job
		var updates []connectors.Update
		for _, j := range d.jobs {
			if j.done() || j.link == nil || j.recs[side] == nil || !j.writesTo(side) {
				continue
			}
			u := connectors.Update{Object: s.Object, Scope: s.Scope, ID: j.link.Ends[side].ID, Fields: map[string]connectors.Value{}}
			for i := range j.verdicts {
				if w := j.verdicts[i].writes[side]; w != nil {
					u.Fields[j.verdicts[i].rule.Field(side)] = w.value
				}
			}
			jobs, updates = append(jobs, j), append(updates, u)
		}
		if len(jobs) == 0 {
			continue
		}
		refused, err := c.can.WriteChecker.CheckUpdates(ctx, updates)
		d.note(c, err)
		if err == nil && len(refused) != len(jobs) {
			err = fmt.Errorf("%s answered %d checks for %d updates", c.name, len(refused), len(jobs))
		}
		if err != nil {
			return err
		}
		for i, j := range jobs {
			for _, f := range refused[i] {
				d.refuse(j, side, f.Field, f.Reason)
			}
		}
	}
	return nil
}

// foreseeKeys asks the target what was made with the keys before, as a create
// does.
func (d *drain) foreseeKeys(ctx context.Context, to mapping.SideID, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	keys := make([]string, len(jobs))
	for i, j := range jobs {
		keys[i] = j.making.intent.Key
	}
	c := d.m.sides[to]
	before := d.callsOf(c)
	found, err := d.findKeys(ctx, to, keys)
	d.keyCalls[to] += int(d.callsOf(c) - before)
	if d.blameAll(jobs, err) {
		return nil
	}
	for i, j := range jobs {
		if len(found[i]) > 0 {
			j.foreseen.found = found[i][0]
		}
	}
	return nil
}

// foreseeFields lists what a create sends: what the rules carry over, in their
// order, then what is set once.
func (d *drain) foreseeFields(j *job, labels map[string]string) {
	mk := j.making
	done := map[string]bool{}
	for _, r := range d.m.Rules() {
		field := r.Field(mk.to)
		if v, ok := mk.request.Fields[field]; ok && r.Flow().To(mk.to) && !done[field] {
			done[field] = true
			j.foreseen.fields = append(j.foreseen.fields, PlanField{
				Name: r.Name(), Field: field, After: v.String(), Why: "carried over", Rule: r.ID(), Prints: d.prints(connectors.Null, v),
			})
		}
	}
	for _, field := range sortedNames(mk.request.Fields) {
		if v := mk.request.Fields[field]; !done[field] {
			j.foreseen.fields = append(j.foreseen.fields, PlanField{
				Name: firstText(labels[field], field), Field: field, After: v.String(), Why: "set once", Prints: d.prints(connectors.Null, v),
			})
		}
	}
	to := d.m.Side(mk.to).Name
	for _, a := range mk.asides {
		j.foreseen.left = append(j.foreseen.left, PlanLack{Field: a.Name, To: to, Code: a.Code, Reason: a.Reason})
	}
	for _, text := range mk.skipped {
		j.foreseen.left = append(j.foreseen.left, PlanLack{Field: "with", To: to, Code: "unmatched", Reason: text})
	}
}

// foreseeTasks works out the tasks of the batch's creates.
func (d *drain) foreseeTasks(ctx context.Context, to mapping.SideID, jobs []*job) error {
	since := firstTime(d.since, d.now)
	lists := make([][]mapping.Task, len(jobs))
	var emails []string
	for i, j := range jobs {
		tasks, err := j.making.create.Tasks(j.recs[j.side], since)
		if err != nil {
			j.foreseen.left = append(j.foreseen.left, PlanLack{Field: "tasks", To: d.m.Side(to).Name, Code: "task", Reason: err.Error()})
			continue
		}
		lists[i] = tasks
		for _, t := range tasks {
			for _, f := range t.Fields {
				emails = append(emails, f.Value.Person().Email)
			}
		}
	}
	if err := d.people.fetch(ctx, d.m.sides[to], emails); err != nil {
		d.note(d.m.sides[to], err)
		d.blameAll(jobs, err)
		return nil
	}
	for i, j := range jobs {
		for _, t := range lists[i] {
			task, left := d.previewTask(to, t)
			j.foreseen.tasks = append(j.foreseen.tasks, task)
			for _, reason := range left {
				j.foreseen.left = append(j.foreseen.left, PlanLack{Field: "task " + t.Key, To: d.m.Side(to).Name, Code: "unmatched", Reason: reason})
			}
		}
	}
	return nil
}

// previewTask shows a task to people; left are the people on it who have no
// account on the side.
func (d *drain) previewTask(to mapping.SideID, t mapping.Task) (p PreviewTask, left []string) {
	p.Title = t.Title
	for _, f := range t.Fields {
		switch f.Value.Type() {
		case connectors.TypePerson:
			v, err := d.matchPerson(d.m.Side(to).Connection, f.Value)
			if err != nil {
				left = append(left, err.Error())
				continue
			}
			p.Assignee = v.String()
		case connectors.TypeDate, connectors.TypeInstant:
			p.Due = f.Value.Time().UTC()
		}
	}
	return p, left
}

// foreseeComments lists the comments that would be copied.
func (d *drain) foreseeComments(ctx context.Context) {
	if !d.m.CommentsTo(mapping.Left) && !d.m.CommentsTo(mapping.Right) {
		return
	}
	jobs := d.commented()
	d.fetchComments(ctx, jobs)
	for _, j := range jobs {
		if j.done() {
			continue
		}
		r, err := d.readComments(ctx, j)
		if err != nil || r == nil {
			continue
		}
		j.foreseen.reading = r
		for to := range mapping.SideID(2) {
			if !d.m.CommentsTo(to) {
				continue
			}
			for _, c := range r.coming(to.Other()) {
				key := d.keyOfComment(j, to, c)
				if !slices.ContainsFunc(r.lists[to], func(x connectors.Comment) bool { return x.Key == key }) {
					j.foreseen.comments[to] = append(j.foreseen.comments[to], c.ID)
				}
			}
		}
	}
}

// candidates are records of a side that match.
func (d *drain) candidates(side mapping.SideID, ids []string) []PlanCandidate {
	list := make([]PlanCandidate, len(ids))
	for i, id := range ids {
		list[i].Record = d.m.ref(side, id)
	}
	return list
}

// nameCandidates reads what people call the records that several match.
func (d *drain) nameCandidates(ctx context.Context) {
	for side := range mapping.SideID(2) {
		s := d.m.Side(side)
		var ids []string
		var places []*PlanCandidate
		for _, j := range d.jobs {
			for i := range j.candidates {
				if c := &j.candidates[i]; c.Record.Connection == s.Connection && c.Record.Object == s.Object {
					ids, places = append(ids, c.Record.ID), append(places, c)
				}
			}
		}
		if len(ids) == 0 {
			continue
		}
		results, err := d.fetch(ctx, side, ids)
		if err != nil {
			continue // the ids say enough
		}
		for i, r := range results {
			if r.Record != nil {
				places[i].Title, places[i].URL = titleOf(r.Record), r.Record.URL
			}
		}
	}
}

// prints are the fingerprints of two values, as a plan's file shows them.
func (d *drain) prints(before, after connectors.Value) [2]string {
	return [2]string{fmt.Sprintf("%016x", d.printer.Print(before)), fmt.Sprintf("%016x", d.printer.Print(after))}
}

// titleOf returns what people call a record.
func titleOf(rec *connectors.Record) string {
	if rec == nil {
		return ""
	}
	return firstText(rec.Title, rec.Key)
}

// inWords is how a time to come is told.
func inWords(d time.Duration) string { return d.Round(time.Second).String() }
