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

// take counts what a sync would do about a job, and tells it on.
func (p *planner) take(d *drain, j *job) error {
	if j.double {
		return nil
	}
	changes := d.changesOf(j)
	if len(changes) == 0 {
		if j.link == nil {
			p.plan.Alone[p.m.Side(j.side).Name]++
		}
		return nil
	}
	p.changed++
	counted, _ := d.plannedBy(j)
	p.effects = p.effects.plus(counted)
	for _, c := range changes {
		p.plan.Counts[c.Action]++
		p.count(c)
		p.lack(c)
		if p.o.Limit > 0 && p.kept[c.Action] >= p.o.Limit {
			p.plan.Omitted++
			continue
		}
		p.kept[c.Action]++
		p.plan.Changes = append(p.plan.Changes, c)
	}
	if p.o.Each == nil {
		return nil
	}
	item := PlanItem{Changes: changes}
	if j.link != nil && j.link.ID != 0 {
		item.Link = j.link.ID
	} else {
		item.Side, item.Record = p.m.Side(j.side).Name, j.entry.Record
	}
	return p.o.Each(item)
}

// lackExamples is how many records are named for each lack.
const lackExamples = 3

// lack collects what has no counterpart.
func (p *planner) lack(c PlanChange) {
	if c.Action != PlanAside || !lacking(c.Code) {
		return
	}
	key := lackKey{c.Rule, c.To, c.Code, c.Reason}
	l := p.lacks[key]
	if l == nil {
		if len(p.lacks) >= maxLacks {
			return
		}
		l = &PlanLack{Field: c.Rule, To: c.To, Code: c.Code, Reason: c.Reason}
		p.lacks[key] = l
	}
	l.Records++
	if len(l.Examples) < lackExamples {
		for _, ref := range c.Records {
			if ref.ID != "" && !slices.Contains(l.Examples, ref) {
				l.Examples = append(l.Examples, ref)
				break
			}
		}
	}
}

// maxLacks bounds what is collected of lacks: with more of them something else
// is wrong.
const maxLacks = 1000

// conclude tells what holds for the plan as a whole.
func (p *planner) conclude(ctx context.Context) error {
	for _, l := range p.lacks {
		p.plan.Lacks = append(p.plan.Lacks, *l)
	}
	slices.SortFunc(p.plan.Lacks, func(a, b PlanLack) int {
		if a.Records != b.Records {
			return b.Records - a.Records
		}
		return strings.Compare(a.Field+a.Reason, b.Field+b.Reason)
	})
	var links int
	g := &guard{}
	err := p.e.store.View(ctx, func(tx state.Tx) error {
		asides, err := tx.CountAsides(p.m.Name())
		if err != nil {
			return err
		}
		p.plan.Standing = nil
		for kind, n := range asides {
			if n > 0 {
				if p.plan.Standing == nil {
					p.plan.Standing = map[string]int{}
				}
				p.plan.Standing[kind.String()] += n
			}
		}
		if links, err = tx.CountLinks(p.m.Name()); err != nil {
			return err
		}
		if p.plan.Counts[PlanCreate] > 0 {
			if p.plan.Warnings, err = p.e.goneMappings(tx); err != nil {
				return err
			}
		}
		g, err = guardOf(tx, p.m)
		return err
	})
	if err != nil {
		return err
	}
	p.guards(g, links)
	p.cost()
	return nil
}

// guards tells where a sync would stop and ask.
func (p *planner) guards(g *guard, links int) {
	if g.Stopped {
		p.plan.Guards = append(p.plan.Guards, "the mapping is stopped already: "+g.Reason)
	}
	g.roll(p.e.clock.Now(), p.e.limits)
	budget, have, want := p.e.limits.budget(links).plus(g.Allowed).each(), g.each(), p.effects.each()
	for i := range budget {
		if want[i].n > 0 && have[i].n+want[i].n > budget[i].n {
			p.plan.Guards = append(p.plan.Guards, fmt.Sprintf("%d %s, %d more would be over the budget of %d within %s",
				have[i].n, budget[i].what, want[i].n, budget[i].n, p.e.limits.Window))
		}
	}
	for side := range mapping.SideID(2) {
		if a := p.missing[side]; a.tooMany(p.e.limits) {
			p.plan.Guards = append(p.plan.Guards, fmt.Sprintf("%d of %d linked records that were read of the side %s are missing; so many at once are no deletions: none would be unlinked",
				a.Gone, a.Read, p.m.Side(side).Name))
		}
	}
}

// tally counts the effects of a plan on one side.
type tally struct {
	looked  int // records that are read again to carry the plan out
	updates int
	creates int
	tasks   int
	removed int
	notes   int // comments
	files   int // attachments
}

// count takes a change into the tallies.
func (p *planner) count(c PlanChange) {
	to, ok := p.m.SideNamed(c.To)
	if !ok {
		return
	}
	t := &p.tally[to]
	switch c.Action {
	case PlanUpdate, PlanRepeat, PlanOffer:
		t.updates++
	case PlanCreate, PlanRecreate:
		t.creates++
		t.tasks += len(c.Tasks)
	case PlanArchive, PlanDelete:
		t.removed++
	case PlanComment:
		t.notes += len(c.Comments)
	case PlanAttach:
		t.files += len(c.Files)
	case PlanWait, PlanFailed, PlanAmbiguous:
		return
	}
	for side := range mapping.SideID(2) {
		if c.Records[side].ID != "" {
			p.tally[side].looked++
		}
	}
}

// cost works out what carrying the plan out takes. What deciding took of this
// plan, its changes take again: once to compare where one batch holds them all,
// else twice. Writes go in the system's own batches and are read back; a create
// is looked for by its key before, and read with its comments after.
func (p *planner) cost() {
	if len(p.plan.Counts) == 0 {
		return
	}
	cost := &PlanCost{}
	total, seen := 0, int64(0)
	for side, c := range p.m.sides {
		n := PlanCalls{Connection: c.name, Enough: true}
		n.Reads, n.Writes = p.callsTo(mapping.SideID(side))
		if b := c.budgetStatus(); b != nil && b.Day != nil {
			n.Known, n.Left = true, b.Day.Left
			n.Enough = n.Reads+n.Writes <= n.Left
		}
		cost.Calls = append(cost.Calls, n)
		total += n.Reads + n.Writes
		seen += p.e.callsOf(c) - p.calls[side]
	}
	each := time.Second / 4
	cost.Basis = "from the systems' batch sizes, at a quarter of a second a call"
	if took := p.e.clock.Now().Sub(p.begun); seen > 0 && took > 0 {
		each = took / time.Duration(seen)
		cost.Basis = fmt.Sprintf("from the systems' batch sizes and the %d calls of this plan, which took %s each", seen, each.Round(time.Millisecond))
	}
	cost.Seconds = int((time.Duration(total)*each + time.Second - 1) / time.Second)
	p.plan.Cost = cost
}

// callsTo returns about how many requests one side takes.
func (p *planner) callsTo(side mapping.SideID) (reads, writes int) {
	c, t, other := p.m.sides[side], p.tally[side], p.tally[side.Other()]
	f, batch := c.facts, max(p.e.limits.Batch, 1)
	passes := 1
	if p.changed > batch {
		passes = 2
	}
	if p.e.meter == nil || p.plan.Read == 0 {
		reads += passes * requests(t.looked, batch, f.ReadBatch)
	} else {
		reads += passes * int((p.looking[side]*int64(p.changed)+int64(p.plan.Read)-1)/int64(p.plan.Read))
	}
	if t.updates > 0 {
		writes += requests(t.updates, batch, f.UpdateBatch)
		reads += requests(t.updates, batch, f.ReadBatch)
		if c.can.HistoryReader != nil {
			reads += requests(t.updates, batch, f.ReadBatch)
		}
	}
	if t.creates > 0 {
		perKey := func(n int) int { return (n*max(p.keys[side], 1) + t.creates - 1) / t.creates }
		writes += requests(t.creates, batch, f.CreateBatch) + requests(t.tasks, batch, f.CreateBatch)
		reads += perKey(t.creates+t.tasks) + 2*requests(t.creates, batch, f.ReadBatch)
	}
	if other.creates > 0 { // what the new records hold flows back
		reads += 2 * requests(other.creates, batch, f.ReadBatch)
		writes += requests(other.creates, batch, f.UpdateBatch)
	}
	if p.m.CommentsTo(mapping.Left) || p.m.CommentsTo(mapping.Right) {
		_, atOnce := c.can.Commenter.(connectors.BatchCommenter)
		reads += listings(t.creates+other.creates, batch, atOnce)
	}
	if p.m.FilesTo(mapping.Left) || p.m.FilesTo(mapping.Right) {
		_, atOnce := c.can.Filer.(connectors.BatchFiler)
		reads += listings(t.creates+other.creates, batch, atOnce) + other.files
	}
	return reads, writes + t.removed + t.notes + t.files
}

// listings returns how many requests the comments or files of n records need:
// where a system tells them of many records at once, which records have any, and
// what they are.
func listings(n, batch int, atOnce bool) int {
	if !atOnce || n < commentsAtOnce {
		return n
	}
	return 2 * requests(n, batch, batch)
}

// requests returns how many requests n records need that are worked in batches,
// where the system takes so many in one request.
func requests(n, batch, most int) int {
	most = min(max(most, 1), batch)
	full, rest := n/batch, n%batch
	return full*((batch+most-1)/most) + (rest+most-1)/most
}

// String says in a line what a plan comes to.
func (p *Plan) String() string {
	var parts []string
	for _, action := range PlanActions {
		if n := p.Counts[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, action))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// refText names a record for people.
func refText(refs [2]connectors.Ref) string {
	var parts []string
	for _, r := range refs {
		if r.ID != "" {
			parts = append(parts, r.String())
		}
	}
	return strings.Join(parts, " = ")
}
