package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// explaining is what is found out of one record under one mapping.
type explaining struct {
	*explainer
	m    *worked
	side mapping.SideID // that the record is of
	id   string
	out  ExplainedMapping

	// As the state holds it.
	link   *state.Link
	entry  *state.Entry
	guard  *guard
	pause  *Pause // by a person; nil: none
	held   map[uint32]*state.Aside
	mark   string // of a record without a link that was looked at
	events []*state.Event

	// As a run would decide now. job is nil where the systems were not asked, or
	// one of them does not answer: then partly holds what could be read.
	d      *drain
	job    *job
	partly *job
	// comments is why comments could not be looked at; files is the same of
	// attachments.
	comments, files outcome

	blocks []Finding // what keeps anything of the mapping from being written
	idle   []Finding // and what keeps anything from being done at all
}

// explain fills in out.
func (x *explaining) explain(ctx context.Context) error {
	x.out = ExplainedMapping{Name: x.m.Name(), File: x.m.Path(), Asked: int(x.side)}
	if err := x.store.View(ctx, x.load); err != nil {
		return err
	}
	if !x.options.Offline {
		if err := x.ask(ctx); err != nil {
			return err
		}
	}
	x.describeSides()
	x.blocked()
	switch {
	case x.link != nil && x.link.Status == state.LinkEnded && !x.revived():
		x.ended()
	case x.link != nil:
		x.linked(ctx)
	default:
		x.loose(ctx)
	}
	x.describeFields(ctx)
	x.concludeMapping()
	return nil
}

// load reads what the state holds of the record.
func (x *explaining) load(tx state.Tx) error {
	x.link, x.entry, x.events, x.held = nil, nil, nil, map[uint32]*state.Aside{}
	link, err := tx.LinkOf(x.m.Name(), uint8(x.side), x.id)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	subject := state.Subject{Mapping: x.m.Name(), Side: uint8(x.side), Record: x.id}
	if err == nil {
		x.link, subject = link, linkSubject(link)
		x.out.Link = &ExplainedLink{
			ID: link.ID, Created: link.Created, Synced: link.Synced,
			Status: [...]string{"active", "ended", "waiting"}[min(link.Status, 2)],
		}
		if err := x.loadLink(tx); err != nil {
			return err
		}
	}
	mark, err := tx.Known(x.m.Name(), uint8(x.side), x.id)
	if err != nil {
		return err
	}
	x.mark = string(mark)
	if x.entry, err = tx.Entry(subject); errors.Is(err, state.ErrNotFound) {
		x.entry, err = nil, nil
	}
	if err != nil {
		return err
	}
	if x.guard, err = guardOf(tx, x.m); err != nil {
		return err
	}
	if x.pause, err = pausedWork(tx, x.m); err != nil {
		return err
	}
	if err := x.loadQueue(tx); err != nil {
		return err
	}
	x.tellHints()
	return x.loadHeard(tx)
}

// loadLink reads what belongs to the link.
func (x *explaining) loadLink(tx state.Tx) error {
	asides, err := tx.AsidesOf(x.link.ID)
	if err != nil {
		return err
	}
	for _, a := range asides {
		x.held[a.Rule] = a
	}
	x.events, err = tx.ListJournal(0, 20, state.EventFilter{Link: x.link.ID})
	return err
}

// loadQueue tells the record's place in the queue.
func (x *explaining) loadQueue(tx state.Tx) error {
	if x.out.Queue = nil; x.entry == nil {
		return nil
	}
	x.out.Queue = &ExplainedEntry{QueueRow: x.queueRow(tx, x.entry)}
	if x.entry.Status == state.Failed || x.entry.Due.After(x.now) {
		return nil
	}
	due, err := tx.Due(x.m.Name(), x.now, AheadMost)
	if err != nil {
		return err
	}
	x.out.Queue.Ahead = len(due)
	if at := slices.IndexFunc(due, func(e *state.Entry) bool { return e.Subject == x.entry.Subject }); at >= 0 {
		x.out.Queue.Ahead = at
	}
	return nil
}

// tellHints tells when word came last and when it was last dealt with, as far
// as that left a trace.
func (x *explaining) tellHints() {
	x.out.LastHint, x.out.LastWork = nil, time.Time{}
	for _, ev := range x.events {
		if slices.Contains([]string{"webhook", streamSource, "poll", "backfill", sweepSource, syncSource, "button"}, ev.Source) {
			x.out.LastHint = &ExplainedHint{At: ev.At, Source: ev.Source}
			break
		}
	}
	if x.entry != nil {
		x.out.LastHint = &ExplainedHint{At: x.entry.First, Source: x.entry.Source}
	}
	if len(x.events) > 0 {
		x.out.LastWork = x.events[0].At
	}
	if x.link != nil && x.link.Synced.After(x.out.LastWork) {
		x.out.LastWork = x.link.Synced
	}
}

// loadHeard tells how word of changes comes from both sides.
func (x *explaining) loadHeard(tx state.Tx) error {
	for side := range mapping.SideID(2) {
		s, c := x.m.Side(side), x.m.sides[side]
		out := ExplainedSide{Name: s.Name, Connection: s.Connection, Object: s.Object, Scope: s.Scope, PollEvery: x.pollEvery(c, s.Object).String()}
		var err error
		if out.LastPoll, err = heard(tx, heardPoll+feedName(s)); err != nil {
			return err
		}
		if out.LastWebhook, err = heard(tx, heardWebhook+s.Connection); err != nil {
			return err
		}
		doc, err := tx.Doc(sweepDocs, feedName(s))
		if err != nil {
			return err
		}
		if len(doc) == 8 {
			out.LastSweep = time.Unix(int64(binary.BigEndian.Uint64(doc)), 0).UTC()
		}
		c.mu.Lock()
		if c.lastWebhook.After(out.LastWebhook) {
			out.LastWebhook = c.lastWebhook
		}
		c.mu.Unlock()
		x.out.Sides[side] = out
	}
	return nil
}

// streamedPolls is how many times less often the changes of an object are asked
// for while a stream tells of all that is carried over, unless an admin has said
// how often.
const streamedPolls = 10

// pollEvery returns how often a connection's changes of an object are asked for.
func (e *Engine) pollEvery(c *connection, object string) time.Duration {
	if !e.limits.pollUnset {
		return e.limits.Poll
	}
	every := e.limits.Poll
	if c.facts.PollInterval > 0 {
		every = c.facts.PollInterval
	}
	if c.stream.tells(object) && !e.carriesMore(c, object) {
		every *= streamedPolls
	}
	return every
}

// carriesMore reports whether comments or files of an object's records are
// carried over: streams need not tell of them, the lists do.
func (e *Engine) carriesMore(c *connection, object string) bool {
	for _, m := range e.mappings {
		for side := range mapping.SideID(2) {
			if m.sides[side] == c && m.Side(side).Object == object && (m.CommentsTo(side.Other()) || m.FilesTo(side.Other())) {
				return true
			}
		}
	}
	return false
}

// ask reads both sides and decides as a run would. Of a connection that is
// paused nothing is read.
func (x *explaining) ask(ctx context.Context) error {
	// A mapping of its own: what a batch under way holds is not touched, and not
	// waited for.
	m := &worked{Mapping: x.m.Mapping, sides: x.m.sides, rules: x.m.rules, rolled: x.m.rolled}
	d := &drain{Engine: x.Engine, m: m, now: x.now, guard: &guard{surveyed: true}, plan: true}
	entry := &state.Entry{Subject: state.Subject{Mapping: m.Name(), Side: uint8(x.side), Record: x.id}, First: x.now, Source: "explain"}
	if x.entry != nil {
		*entry = *x.entry
	} else if x.link != nil {
		entry.Subject = linkSubject(x.link)
	}
	entry.Sides = 3
	var j *job
	err := x.store.View(ctx, func(tx state.Tx) (err error) {
		j, err = loadJob(tx, entry)
		return err
	})
	if err != nil {
		return err
	}
	if j.link != nil {
		j.link = cloneLink(j.link)
	}
	if entry.Link == 0 {
		j.side = x.side
	}
	d.jobs = []*job{j}
	shut := [2]bool{x.shut(mapping.Left), x.shut(mapping.Right)}
	for side := range mapping.SideID(2) {
		if id := j.ids()[side]; id != "" && !shut[side] && shut[side.Other()] {
			if err := d.readSide(ctx, side, d.jobs); err != nil {
				return err
			}
		}
	}
	if shut[0] || shut[1] {
		x.partly, x.explainer.out.Unreachable = j, true
		return nil
	}
	if err := d.decide(ctx); err != nil {
		return err
	}
	if err := x.foresee(ctx, d, j); err != nil {
		return err
	}
	if j.outcome.kind == outcomeKeep || ended(ctx) {
		x.partly, x.explainer.out.Unreachable = j, true
		return nil
	}
	x.d, x.job = d, j
	return nil
}

func ended(ctx context.Context) bool { return ctx.Err() != nil }

// foresee works out what a create would send, and which comments and files
// would be copied. What goes wrong with those is told beside what is decided.
func (x *explaining) foresee(ctx context.Context, d *drain, j *job) error {
	if err := d.foreseeCreates(ctx); err != nil {
		return err
	}
	if j.done() {
		return nil
	}
	d.foreseeComments(ctx)
	x.comments, j.outcome = j.outcome, outcome{}
	d.foreseeFiles(ctx)
	x.files, j.outcome = j.outcome, outcome{}
	return nil
}

// shut reports whether nothing is to be sent to a side's system: the connection
// is paused, by the breaker or by a person.
func (x *explaining) shut(side mapping.SideID) bool {
	c := x.m.sides[side]
	return c.shut() || x.pause != nil && x.pause.Connection == c.name
}

// read returns what was read of a side, and why not.
func (x *explaining) read(side mapping.SideID) (*connectors.Record, error) {
	j := x.job
	if j == nil {
		j = x.partly
	}
	if j == nil {
		return nil, nil
	}
	return j.recs[side], j.errs[side]
}

// describeSides tells the records of both sides.
func (x *explaining) describeSides() {
	var ids [2]string
	ids[x.side] = x.id
	if x.link != nil {
		ids = [2]string{x.link.Ends[0].ID, x.link.Ends[1].ID}
	}
	for side := range mapping.SideID(2) {
		rec, err := x.read(side)
		if rec != nil {
			ids[side] = firstText(rec.Ref.ID, ids[side])
		}
		out := ExplainedRecord{Ref: x.m.ref(side, ids[side])}
		switch {
		case rec != nil && (err == nil || x.link != nil):
			out.Title, out.Key, out.URL, out.State = rec.Title, rec.Key, rec.URL, rec.State.String()
		case err == nil && x.link != nil:
			out.State = x.link.Ends[side].State.String()
		}
		if err != nil {
			out.Error = err.Error()
		}
		x.out.Sides[side].Record = out
	}
}

// tell adds a finding about the record.
func (x *explaining) tell(code, text string, change ...option) {
	x.out.Findings = append(x.out.Findings, x.make(code, text, change...))
}

func (x *explaining) make(code, text string, change ...option) Finding {
	f := Finding{Text: text, Mapping: x.m.Name()}
	names := AdviceNames{
		Mapping: x.m.Name(), Record: x.m.ref(x.side, x.id).String(),
		Sides: [2]string{x.m.Side(mapping.Left).Name, x.m.Side(mapping.Right).Name},
	}
	if x.link != nil {
		f.Link, names.Link = x.link.ID, fmt.Sprint(x.link.ID)
	}
	names.Ids[x.side] = x.id
	for side := range mapping.SideID(2) {
		if c := x.m.Create(side); c != nil && c.Button() != nil {
			names.Button = c.Button().Label
		}
	}
	for _, fn := range change {
		fn(&f, &names)
	}
	names.Connection = firstText(names.Connection, f.Connection)
	if f.Rule != 0 {
		names.Rule = fmt.Sprint(f.Rule)
	}
	return x.finding(code, f, names)
}

// option changes a finding, and what the placeholders of its advice stand for.
type option func(*Finding, *AdviceNames)

func ofConnection(connection string) option {
	return func(f *Finding, _ *AdviceNames) { f.Connection = connection }
}

func standing(s Standing) option { return func(f *Finding, _ *AdviceNames) { f.Standing = s } }

func ofRule(r *mapping.Rule) option {
	return func(f *Finding, _ *AdviceNames) { f.Rule, f.Field = r.ID(), r.Name() }
}

// ofRecord makes the advice name another record.
func ofRecord(ref connectors.Ref) option {
	return func(_ *Finding, n *AdviceNames) { n.Record = ref.String() }
}

// justStep puts one step in the place of the advice.
func justStep(s Step) option { return func(f *Finding, _ *AdviceNames) { f.Do = []Step{s} } }

// name returns what the mapping calls a side.
func (x *explaining) name(side mapping.SideID) string { return x.m.Side(side).Name }

// concludeMapping draws the mapping's verdict from its findings. What keeps
// things from being written counts only where there is something to write.
func (x *explaining) concludeMapping() {
	counted := slices.Clone(x.out.Findings)
	x.out.undecided = x.job == nil && !x.options.Offline && x.entry == nil && len(counted) == 0 && !x.movedAny()
	if x.hindered() {
		counted = slices.Concat(x.blocks, counted)
	}
	if x.hindered() && !x.out.undecided {
		counted = append(counted, x.idle...)
	}
	x.out.Standing = gravest(counted)
	x.out.Findings = counted
	if len(counted) > 0 && x.out.Standing != InSync {
		x.out.Verdict = counted[0].Text
		return
	}
	other := recordName(x.out.Sides[x.side.Other()].Record)
	x.out.Verdict = "in sync with " + other
	if x.link != nil && !x.link.Synced.IsZero() {
		x.out.Verdict += "; both last agreed at " + clockTime(x.link.Synced)
	}
	x.out.Findings = append(x.out.Findings, x.blocks...)
}
