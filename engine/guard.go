package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// guardDocs holds one guard a mapping.
const guardDocs = "guard"

// guard bounds what a mapping may do to a system within a window, so that a
// lost permission or a bad edit of the mapping cannot empty a project. What a
// batch is about to do is counted, and stored, before it is done.
type guard struct {
	Stopped bool      `json:"stopped,omitempty"`
	Code    string    `json:"code,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`

	Window time.Time `json:"window,omitzero"` // when the window began
	counts           // since then

	// Renamed says that a person let second counterparts be made, for records of
	// a mapping that is gone.
	Renamed bool `json:"renamed,omitempty"`

	// Allowed is what a person let through: it adds to the budget of the window.
	Allowed counts `json:"allowed,omitzero"`
	// Asked is what was planned when the guard stopped the mapping.
	Asked counts `json:"asked,omitzero"`

	Absent [2]absence `json:"absent,omitzero"`
	// Side is the side whose records went missing, when that stopped the
	// mapping; Again is when they are looked for next, after Looks looks.
	Side  mapping.SideID `json:"side,omitempty"`
	Again time.Time      `json:"again,omitzero"`
	Looks int            `json:"looks,omitempty"`

	surveyed bool // the batch's reads have been counted
	dirty    bool // to be stored with the next commit
}

// counts are effects that a guard bounds, by kind.
type counts struct {
	Clears     int `json:"clears,omitempty"`
	Overwrites int `json:"overwrites,omitempty"`
	Rewrites   int `json:"rewrites,omitempty"` // overwrites because the mapping was changed
	Deletes    int `json:"deletes,omitempty"`
	Creates    int `json:"creates,omitempty"`
}

func (c counts) plus(o counts) counts {
	return counts{
		c.Clears + o.Clears, c.Overwrites + o.Overwrites, c.Rewrites + o.Rewrites, c.Deletes + o.Deletes, c.Creates + o.Creates,
	}
}

// each returns the counts in a fixed order, with what they are called.
func (c counts) each() [5]struct {
	n    int
	what string
} {
	return [5]struct {
		n    int
		what string
	}{
		{c.Clears, "fields emptied"},
		{c.Overwrites, "values replaced"},
		{c.Rewrites, "values replaced after a change of the mapping"},
		{c.Deletes, "records deleted, archived, unlinked or made again"},
		{c.Creates, "records made"},
	}
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

// commit stores changes, and with them what the guard has counted: the counts
// are safe before the effects that they count.
func (d *drain) commit(ctx context.Context, fn func(state.Tx) error) error {
	if !d.guard.dirty {
		return d.Engine.commit(ctx, fn)
	}
	err := d.Engine.commit(ctx, func(tx state.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return d.guard.put(tx, d.m)
	})
	if err == nil {
		d.guard.dirty = false
	}
	return err
}

// flush stores what the guard has counted, where no other commit comes first.
func (d *drain) flush(ctx context.Context) error {
	if !d.guard.dirty {
		return nil
	}
	return d.commit(ctx, func(state.Tx) error { return nil })
}

// plannedBy counts what a job is about to do, and names the fields.
func (d *drain) plannedBy(j *job) (c counts, fields []string) {
	if j.done() {
		return c, nil
	}
	if j.removal != nil || j.removed || (j.ended && j.link != nil && j.link.Status == state.LinkEnded && j.touched) {
		c.Deletes++
	}
	if j.makesUnasked() {
		c.Creates++
	}
	// A link that stood before under other rules: what is replaced now is
	// replaced because somebody changed them.
	rewrite := j.link != nil && j.link.ID != 0 && j.link.Scheme != 0 && j.link.Scheme != d.m.Hash()
	for _, v := range j.verdicts {
		for _, w := range v.writes {
			if w == nil || w.replaced.IsNull() {
				continue
			}
			fields = append(fields, v.rule.Name())
			switch {
			case w.value.IsNull():
				c.Clears++
			default:
				c.Overwrites++
				if rewrite {
					c.Rewrites++
				}
			}
		}
	}
	return c, fields
}

// makesUnasked reports whether a job is about to make a counterpart that no
// person asked for, for the first time.
func (j *job) makesUnasked() bool {
	return j.making != nil && j.link == nil && !j.making.orphan && !j.entry.Convert && !j.wasSent()
}

// planned counts what the batch is about to do.
func (d *drain) planned() counts {
	var c counts
	for _, j := range d.jobs {
		p, _ := d.plannedBy(j)
		c = c.plus(p)
	}
	return c
}

// Floors of the budgets that follow from Limits.Share: a mapping with few links
// may do so much nevertheless.
const (
	clearsFloor   = 10
	rewritesFloor = 50
	deletesFloor  = 5
)

// budget returns what a mapping with so many links may do within a window.
func (l Limits) budget(links int) counts {
	b := counts{Clears: l.Clears, Overwrites: l.Overwrites, Rewrites: l.Overwrites, Deletes: l.Deletes, Creates: l.Creates}
	if l.Share > 0 {
		share := int(int64(links) * int64(l.Share) / 100)
		b.Clears = min(b.Clears, max(share, clearsFloor))
		b.Rewrites = min(b.Rewrites, max(share, rewritesFloor))
		b.Deletes = min(b.Deletes, max(share, deletesFloor))
	}
	return b
}

// checkGuards stops the mapping when the batch would pass its budget. Nothing
// of the batch is written then.
func (d *drain) checkGuards(ctx context.Context) error {
	g := d.guard
	if g.Stopped { // records are missing
		return d.stopMissing(ctx)
	}
	p := d.planned()
	if p == (counts{}) {
		return nil
	}
	if p.Creates > 0 && !g.Renamed {
		reason, err := d.secondCounterpart(ctx)
		if err != nil {
			return err
		}
		if reason != "" {
			g.Code, g.Reason = renamedCode, reason
			return d.stop(ctx)
		}
	}
	g.roll(d.now, d.limits)
	links := 0
	if err := d.store.View(ctx, func(tx state.Tx) (err error) {
		links, err = tx.CountLinks(d.m.Name())
		return err
	}); err != nil {
		return err
	}
	have, more := g.each(), p.each()
	budget := d.limits.budget(links).plus(g.Allowed).each()
	for i := range budget {
		if more[i].n == 0 || have[i].n+more[i].n <= budget[i].n {
			continue
		}
		all, _ := d.ahead(ctx)
		g.Asked = p.plus(all)
		g.Code = "guard"
		g.Reason = fmt.Sprintf("%d %s within %s, and %d more to come (%s), are over the budget of %d; nothing of it was written",
			have[i].n, budget[i].what, d.limits.Window, g.Asked.each()[i].n, d.examples(i), budget[i].n)
		return d.stop(ctx)
	}
	g.counts, g.dirty = g.plus(p), true
	return nil
}

// examples names some of the records that the i-th budget stopped.
func (d *drain) examples(i int) string {
	const most = 3
	var named []string
	for _, j := range d.jobs {
		c, fields := d.plannedBy(j)
		if c.each()[i].n == 0 {
			continue
		}
		if len(named) == most {
			named = append(named, "…")
			break
		}
		side := j.side
		if j.link != nil {
			side = mapping.Left
		}
		text := d.m.ref(side, j.ids()[side]).String()
		if len(fields) > 0 && c.Deletes == 0 {
			text += ": " + strings.Join(fields, ", ")
		}
		named = append(named, text)
	}
	return strings.Join(named, "; ")
}

// stop stops the mapping for the reason in the guard. The jobs that no stage
// ended are left as they were.
func (d *drain) stop(ctx context.Context) error {
	g := d.guard
	g.Stopped, g.Since, g.dirty = true, d.now, true
	d.log.Error("mapping stopped", "mapping", d.m.Name(), "op", g.Code, "err", g.Reason)
	for _, j := range d.jobs {
		if !j.done() {
			j.spare()
		}
	}
	return d.commit(ctx, func(tx state.Tx) error {
		return d.journal(tx, &state.Event{
			At: d.now, Mapping: d.m.Name(), Action: "stopped", Source: "guard", Code: g.Code, Detail: g.Reason,
		})
	})
}

// spare takes a job out of the batch: its entry, its link and the records stay
// as they were.
func (j *job) spare() {
	*j = job{entry: j.entry, side: j.side, double: j.double, outcome: outcome{kind: outcomeKeep}}
}

// aheadBatches is how many batches beyond the present one are looked at when a
// guard stops a mapping.
const aheadBatches = 10

// ahead decides about what else is due, without writing anything, so that a
// person who is asked learns the whole of it, not one batch. It also counts, for
// each side, the records that are missing.
func (d *drain) ahead(ctx context.Context) (all counts, missing [2]int) {
	jobs, err := d.loadDue(ctx, d.m, (aheadBatches+1)*d.limits.Batch)
	if err != nil {
		return all, missing
	}
	mine := map[state.Subject]bool{}
	for _, j := range d.jobs {
		mine[j.entry.Subject] = true
	}
	var rest []*job
	for _, j := range jobs {
		if !mine[j.entry.Subject] {
			rest = append(rest, j)
		}
	}
	for len(rest) > 0 {
		n := min(len(rest), d.limits.Batch)
		next := &drain{Engine: d.Engine, m: d.m, jobs: rest[:n], guard: &guard{surveyed: true}, now: d.now, plan: true}
		if err := next.decide(ctx); err != nil {
			return all, missing
		}
		all = all.plus(next.planned())
		for side := range missing {
			_, gone := next.turned(mapping.SideID(side))
			missing[side] += len(gone)
		}
		rest = rest[n:]
	}
	return all, missing
}

// letOn lets a mapping go on that a guard stopped, with what it was about to do
// and no more. by names who decided. A mapping that is not stopped is an error
// of kind Invalid.
func (e *Engine) letOn(ctx context.Context, name, by string) error {
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
		return &connectors.Error{
			Op: "resume", Kind: connectors.Invalid, Help: "`tenon status` shows what is stopped or paused",
			Err: fmt.Errorf("mapping %s is not stopped, and nobody has paused it", name),
		}
	}
	let := g.Asked
	if let.Creates > 0 {
		waiting, err := e.waiting(ctx, m)
		if err != nil {
			return err
		}
		let.Creates = max(let.Creates, waiting)
	}
	if g.Code == renamedCode {
		g.Renamed = true
	}
	if g.Code == massMissingCode {
		asked := g.Absent[g.Side].Asked
		g.Absent[g.Side] = absence{Since: e.clock.Now(), Allowed: asked}
		let = counts{Deletes: asked}
	}
	g.allow(let, e.clock.Now(), e.limits)
	err = e.release(ctx, m, g, "person", "by "+by)
	if err == nil {
		e.nudge(name)
	}
	return err
}

// allow begins a new window in which there is room for what was asked, besides
// what the budget had left.
func (g *guard) allow(asked counts, now time.Time, l Limits) {
	g.roll(now, l)
	g.Window, g.Allowed, g.Asked = now, g.Allowed.plus(asked), counts{}
}

// roll begins a new window when the present one is over. What a person let
// through goes with it, but for records that are still to be made: to make many
// may take longer than a window.
func (g *guard) roll(now time.Time, l Limits) {
	if now.Sub(g.Window) <= l.Window && !g.Window.After(now) {
		return
	}
	left := max(0, g.Allowed.Creates-g.Creates)
	g.Window, g.counts, g.Allowed = now, counts{}, counts{Creates: left}
}

// waiting counts what a mapping has in the queue.
func (e *Engine) waiting(ctx context.Context, m *worked) (n int, err error) {
	err = e.store.View(ctx, func(tx state.Tx) error {
		by, err := tx.CountEntries(m.Name())
		n = by[state.Ready] + by[state.Waiting]
		return err
	})
	return n, err
}

// release lets a stopped mapping go on.
func (e *Engine) release(ctx context.Context, m *worked, g *guard, source, detail string) error {
	g.Stopped, g.Code, g.Reason, g.Again, g.Looks = false, "", "", time.Time{}, 0
	return e.commit(ctx, func(tx state.Tx) error {
		if err := e.journal(tx, &state.Event{
			At: e.clock.Now(), Mapping: m.Name(), Action: "resumed", Source: source, Detail: detail,
		}); err != nil {
			return err
		}
		return g.put(tx, m)
	})
}
