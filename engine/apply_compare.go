package engine

import (
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// itemState is how an item of a plan stands now.
type itemState uint8

const (
	itemTodo  itemState = iota // a sync would do just that
	itemDone                   // it was carried out before
	itemStale                  // a sync would do something else
)

// stands compares an item of a plan with what was decided about it now. what
// tells what has changed, for a person.
func (d *drain) stands(item *PlanItem, j *job) (itemState, []string) {
	if j == nil {
		return itemStale, []string{"the link is not there any more"}
	}
	if j.double {
		return itemDone, nil
	}
	if j.begun {
		return itemTodo, nil // an apply that did not end has left it in the queue
	}
	c := &weighing{d: d, j: j, item: item, now: d.changesOf(j)}
	if c.waits() {
		return itemTodo, nil
	}
	for i := range item.Changes {
		c.planned(&item.Changes[i])
	}
	for i := range c.now {
		c.decided(&c.now[i])
	}
	switch {
	case len(c.what) > 0:
		slices.Sort(c.what)
		return itemStale, slices.Compact(c.what)
	case c.todo > 0:
		return itemTodo, nil
	}
	return itemDone, nil
}

// weighing is a comparison under way.
type weighing struct {
	d    *drain
	j    *job
	item *PlanItem
	now  []PlanChange // what a sync would do now
	todo int
	what []string
}

func (c *weighing) stale(format string, args ...any) {
	c.what = append(c.what, fmt.Sprintf(format, args...))
}

// removes reports whether an action takes something away.
func removes(action string) bool {
	switch action {
	case PlanArchive, PlanDelete, PlanRecreate, PlanUnlink:
		return true
	}
	return false
}

// waits reports whether a planned removal has begun: the drain looks for the
// record again first, or waits before the deletion follows.
func (c *weighing) waits() bool {
	return c.j.outcome.kind == outcomeLater && (c.j.outcome.code == missingCode || c.j.outcome.code == deleteWaitsCode) &&
		slices.ContainsFunc(c.item.Changes, func(p PlanChange) bool { return removes(p.Action) })
}

// like returns the change of now that is of the same kind, about the same side.
func (c *weighing) like(p *PlanChange) *PlanChange {
	for i := range c.now {
		n := &c.now[i]
		if n.Action == p.Action && n.To == p.To && n.Rule == p.Rule {
			return n
		}
	}
	return nil
}

// planned looks whether a change of the plan is still what would be done, or was
// done.
func (c *weighing) planned(p *PlanChange) {
	n := c.like(p)
	switch p.Action {
	case PlanUpdate, PlanRepeat, PlanOffer:
		for i := range p.Fields {
			c.plannedField(p, &p.Fields[i])
		}
	case PlanLink:
		switch {
		case n != nil && n.Records == p.Records:
			c.todo++
		case n != nil:
			c.stale("then it matched %s, now %s", refText(p.Records), refText(n.Records))
		case c.j.link == nil:
			c.stale("it does not match %s any more", refText(p.Records))
		case c.refs() != p.Records:
			c.stale("it is linked otherwise now: %s", refText(c.refs()))
		}
	case PlanCreate:
		c.plannedCreate(p, n)
	case PlanComment, PlanAttach:
		if n != nil {
			c.todo++
		}
	case PlanConflict, PlanAside:
		if n != nil {
			c.todo++
		}
	default:
		switch {
		case n != nil:
			c.todo++
		case removes(p.Action) && !c.ended():
			c.stale("then %s, now both records are there", p.Reason)
		}
	}
}

func (c *weighing) ended() bool {
	return c.j.link == nil || c.j.link.Status == state.LinkEnded
}

// refs names the records of the job's link.
func (c *weighing) refs() [2]connectors.Ref {
	ids := c.j.ids()
	return [2]connectors.Ref{c.d.m.ref(mapping.Left, ids[0]), c.d.m.ref(mapping.Right, ids[1])}
}

// plannedField looks for a planned field write among those of now.
func (c *weighing) plannedField(p *PlanChange, f *PlanField) {
	for _, n := range c.now {
		if !writes(n.Action) || n.To != p.To || (n.Action == PlanOffer) != (p.Action == PlanOffer) {
			continue
		}
		for i := range n.Fields {
			if n.Fields[i].Rule != f.Rule || n.Fields[i].Field != f.Field {
				continue
			}
			if n.Fields[i].Prints != f.Prints {
				c.stale("%s: then %s, now %s", f.Name, quoted(*f), quoted(n.Fields[i]))
				return
			}
			c.todo++
			return
		}
	}
	if v, ok := c.holds(p.To, f.Field); ok && fmt.Sprintf("%016x", c.d.printer.Print(v)) == f.Prints[0] && !c.j.done() {
		c.stale("%s: then %s, now nothing is to be written", f.Name, quoted(*f))
	}
}

// holds returns what a record holds now.
func (c *weighing) holds(side, field string) (connectors.Value, bool) {
	id, ok := c.d.m.SideNamed(side)
	if !ok || c.j.recs[id] == nil {
		return connectors.Null, false
	}
	v, presence := c.j.recs[id].Get(field)
	return v, presence == connectors.Present
}

func writes(action string) bool {
	return action == PlanUpdate || action == PlanRepeat || action == PlanOffer
}

// plannedCreate compares what is to be made.
func (c *weighing) plannedCreate(p, n *PlanChange) {
	if n == nil {
		switch {
		case c.j.foreseen.found != "":
			c.todo++ // it was made, and is not linked yet
		case c.j.link == nil && !c.j.done():
			c.stale("then a new %s was to be made, now none is", p.To)
		}
		return
	}
	c.todo++
	then, now := map[string]PlanField{}, map[string]PlanField{}
	for _, f := range p.Fields {
		then[f.Field] = f
	}
	for _, f := range n.Fields {
		now[f.Field] = f
		if old, ok := then[f.Field]; !ok || old.Prints[1] != f.Prints[1] {
			c.stale("%s: then %q, now %q", f.Name, old.After, f.After)
		}
	}
	for _, f := range p.Fields {
		if _, ok := now[f.Field]; !ok {
			c.stale("%s: then %q, now it is left out", f.Name, f.After)
		}
	}
	same := func(a, b PreviewTask) bool {
		return a.Title == b.Title && a.Assignee == b.Assignee && a.Due.Equal(b.Due)
	}
	if !slices.EqualFunc(p.Tasks, n.Tasks, same) {
		c.stale("tasks: then %s, now %s", taskText(p.Tasks), taskText(n.Tasks))
	}
}

func taskText(tasks []PreviewTask) string {
	if len(tasks) == 0 {
		return "none"
	}
	text := ""
	for i, t := range tasks {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", t.Title)
		if t.Assignee != "" {
			text += " of " + t.Assignee
		}
		if !t.Due.IsZero() {
			text += " by " + t.Due.Format("2006-01-02")
		}
	}
	return text
}

// decided looks for what would be done now and was not planned.
func (c *weighing) decided(n *PlanChange) {
	var p *PlanChange
	for i := range c.item.Changes {
		if q := &c.item.Changes[i]; q.Action == n.Action && q.To == n.To && q.Rule == n.Rule {
			p = q
		}
	}
	switch n.Action {
	case PlanUpdate, PlanRepeat, PlanOffer:
		for _, f := range n.Fields {
			if !c.isPlanned(n, f) {
				c.stale("%s: %s would be written to the %s now", f.Name, quoted(f), n.To)
			}
		}
	case PlanComment:
		for _, id := range n.Comments {
			if p == nil || !slices.Contains(p.Comments, id) {
				c.stale("comment %s would be copied to the %s now", id, n.To)
			}
		}
	case PlanAttach:
		for _, f := range n.Files {
			if p == nil || !slices.ContainsFunc(p.Files, func(o PlanAttachment) bool { return o.ID == f.ID && o.Link == f.Link }) {
				c.stale("%s would be attached to the %s now", f.Name, n.To)
			}
		}
	case PlanWait, PlanFailed, PlanAmbiguous:
		c.stale("now %s: %s", n.Action, n.Reason)
	case PlanLink:
		if p == nil && c.j.foreseen.found == "" {
			c.stale("it matches %s now", refText(n.Records))
		}
	default:
		if p == nil {
			c.stale("%s: %s would be done now", firstText(n.Rule, n.To), n.Action)
		}
	}
}

func (c *weighing) isPlanned(n *PlanChange, f PlanField) bool {
	for i := range c.item.Changes {
		p := &c.item.Changes[i]
		if !writes(p.Action) || p.To != n.To {
			continue
		}
		if slices.ContainsFunc(p.Fields, func(x PlanField) bool { return x.Rule == f.Rule && x.Field == f.Field }) {
			return true
		}
	}
	return false
}
