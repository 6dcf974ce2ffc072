package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// makingTask is one task on its way.
type makingTask struct {
	job     *job
	intent  *state.Intent
	task    mapping.Task
	to      mapping.SideID
	request connectors.Create
	left    []string
}

// makeTasks makes the children that links still wait for, each exactly once.
func (d *drain) makeTasks(ctx context.Context) error {
	for to := range mapping.SideID(2) {
		tasks := d.waitingTasks(to)
		if len(tasks) == 0 {
			continue
		}
		if err := d.fillTasks(ctx, to, tasks); err != nil {
			for _, t := range tasks {
				t.job.blame(err)
			}
			continue
		}
		if err := d.makeTasksOn(ctx, to, tasks); err != nil {
			return err
		}
	}
	return nil
}

func (d *drain) waitingTasks(to mapping.SideID) []*makingTask {
	var tasks []*makingTask
	for _, j := range d.jobs {
		from := to.Other()
		if j.done() || j.ended || j.link == nil || j.recs[from] == nil || d.m.Create(to) == nil {
			continue
		}
		intents := map[string]*state.Intent{}
		var since time.Time
		for _, i := range j.intents {
			if i.Kind == state.IntentTask && mapping.SideID(i.Side) == from {
				intents[i.Part], since = i, i.Created
			}
		}
		if len(intents) == 0 {
			continue
		}
		list, err := d.m.Create(to).Tasks(j.recs[from], since)
		if err != nil {
			j.fail("task", err.Error())
			continue
		}
		if unknown := intents[""]; unknown != nil {
			// They could not be worked out when the record was made.
			for _, t := range list {
				j.putIntents = append(j.putIntents, d.taskIntent(j, from, t.Key, unknown.Created))
			}
			j.dropIntents = append(j.dropIntents, unknown.Key)
			j.outcome = outcome{kind: outcomeAgain}
			continue
		}
		for _, t := range list {
			if i := intents[t.Key]; i != nil {
				tasks = append(tasks, &makingTask{job: j, intent: i, task: t, to: to})
				delete(intents, t.Key)
			}
		}
		for _, part := range sortedNames(intents) {
			j.dropIntents = append(j.dropIntents, intents[part].Key)
			j.event("task dropped", uint8(to), fmt.Sprintf("the mapping has no task %s any more", part))
		}
	}
	return tasks
}

// fillTasks makes the requests; people without a counterpart are left out.
func (d *drain) fillTasks(ctx context.Context, to mapping.SideID, tasks []*makingTask) error {
	c := d.m.sides[to]
	var emails []string
	for _, t := range tasks {
		for _, f := range t.task.Fields {
			emails = append(emails, f.Value.Person().Email)
		}
	}
	if err := d.people.fetch(ctx, c, emails); err != nil {
		d.note(c, err)
		return err
	}
	for _, t := range tasks {
		t.request = connectors.Create{
			Object: t.task.Object, Scope: t.task.Scope, Key: t.intent.Key,
			Parent: t.job.link.Ends[to].ID, Fields: map[string]connectors.Value{},
		}
		for _, f := range t.task.Fields {
			v := f.Value
			if v.Type() == connectors.TypePerson {
				found, err := d.matchPerson(c.name, v)
				if err != nil {
					t.left = append(t.left, err.Error())
					continue
				}
				v = found
			}
			if !v.IsNull() {
				t.request.Fields[f.Field] = v
			}
		}
	}
	return nil
}

func (d *drain) makeTasksOn(ctx context.Context, to mapping.SideID, tasks []*makingTask) error {
	c := d.m.sides[to]
	tasks = d.askTaskKeys(ctx, c, tasks)
	if len(tasks) == 0 {
		return nil
	}
	if err := d.commit(ctx, func(tx state.Tx) error {
		for _, t := range tasks {
			i := *t.intent
			i.Sent = d.now
			if err := tx.PutIntent(&i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for range maxRefusals {
		if len(tasks) == 0 {
			return nil
		}
		creates := make([]connectors.Create, len(tasks))
		for i, t := range tasks {
			creates[i] = t.request
		}
		results := c.Create(ctx, creates)
		var again []*makingTask
		for i, t := range tasks {
			res := connectors.WriteResult{Err: &connectors.Error{Op: "create", Connection: c.name, Kind: connectors.Internal, Unsure: true}}
			if i < len(results) {
				res = results[i]
			}
			if d.tookTask(t, c, res) {
				again = append(again, t)
			}
		}
		tasks = again
	}
	for _, t := range tasks {
		t.job.fail("task", "the system refuses the task again and again")
	}
	return nil
}

// askTaskKeys asks for tasks that were made before and returns those that must
// be made now.
func (d *drain) askTaskKeys(ctx context.Context, c *connection, tasks []*makingTask) []*makingTask {
	type place struct{ object, scope string }
	groups := map[place][]*makingTask{}
	var order []place
	for _, t := range tasks {
		p := place{t.task.Object, feedName(mapping.Side{Scope: t.task.Scope})}
		if groups[p] == nil {
			order = append(order, p)
		}
		groups[p] = append(groups[p], t)
	}
	var left []*makingTask
	for _, p := range order {
		group := groups[p]
		keys := make([]string, len(group))
		for i, t := range group {
			keys[i] = t.intent.Key
		}
		found, err := c.FindByKey(ctx, p.object, group[0].task.Scope, keys)
		d.note(c, err)
		for i, t := range group {
			sent := d.lastSent(t.intent)
			switch {
			case err != nil || i >= len(found):
				t.job.blame(err)
			case len(found[i]) > 0:
				d.taskMade(t, found[i][0], "found")
			case !sent.IsZero() && d.now.Before(sent.Add(c.facts.KeyWait())) && !c.facts.KeyIsUnique:
				t.job.later(d.lookAgain(sent, c), "finding", whyWait(t.intent, "a task's create"))
			default:
				left = append(left, t)
			}
		}
	}
	return left
}

func (d *drain) taskMade(t *makingTask, id, how string) {
	t.job.dropIntents = append(t.job.dropIntents, t.intent.Key)
	detail := fmt.Sprintf("%s (%s)", t.task.Key, id) // no title: the journal holds no customer's data in clear
	if len(t.left) > 0 {
		detail += "; left out: " + strings.Join(t.left, "; ")
	}
	t.job.event("task "+how, uint8(t.to), detail)
}

func (d *drain) tookTask(t *makingTask, c *connection, res connectors.WriteResult) (again bool) {
	d.note(c, res.Err)
	for _, f := range res.Refused {
		t.left = append(t.left, f.Field+": "+f.Reason)
	}
	if res.Err == nil {
		d.taskMade(t, res.ID, "created")
		return false
	}
	if connectors.IsUnsure(res.Err) {
		t.job.later(d.now.Add(d.limits.RetryMin), "finding", res.Err.Error())
		return false
	}
	if fields := refusedFields(res.Err); len(fields) > 0 {
		dropped := false
		for _, f := range fields {
			if _, ok := t.request.Fields[f.Field]; ok {
				delete(t.request.Fields, f.Field)
				t.left = append(t.left, f.Field+": "+f.Reason)
				dropped = true
			}
		}
		if dropped && len(t.request.Fields) > 0 {
			return true
		}
	}
	fresh := *t.intent
	fresh.Sent = time.Time{}
	t.job.putIntents = append(t.job.putIntents, &fresh) // surely not made: not sent
	d.blame(t.job, res.Err)
	return false
}

// refusedFields returns the fields that a refusal names.
func refusedFields(err error) []connectors.FieldError {
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Kind == connectors.Invalid {
		return e.Fields
	}
	return nil
}
