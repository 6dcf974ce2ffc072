package simulation

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// hand is something that an admin does besides writing mappings.
type hand uint8

const (
	pausing hand = iota
	replaying
	deciding
	linking
	planning
	takingBack
)

// admin is what the admin's hands did, and what the oracle saw of it.
type admin struct {
	paused map[string]bool // mappings and connections
	unsure string          // what is just being paused or resumed
	plans  []*storedPlan
	loose  bool // an apply ended early: what it left in the queue is worked anew

	free    map[string]bool // epics that a person made and nobody linked
	orders  []engine.LinkPair
	parted  map[string]bool // deals whose link a person ended
	decided []decided
	typed   []connectors.Value // what was decided for both sides

	acts    map[place]act
	split   map[joint][2]connectors.Value // what an undo left different, and may stay so
	prior   map[joint][2]connectors.Value // the same before the undo under way
	touched map[place]bool                // by the undo under way
	effects []effect                      // of the apply under way
	unseen  map[string]bool               // fields of which an undo does not know what it covered
}

// place is a field of a record.
type place struct {
	side   int
	record string
	field  string
}

// joint is a field of a pair, or one element of it.
type joint struct {
	pair  [2]string
	field string
}

// act is what was last done to a place.
type act struct {
	person bool               // the last one was a person's
	wrote  []connectors.Value // what the service left behind
}

// effect is one change of one field by the service.
type effect struct {
	place
	before, after connectors.Value
}

// decided is a conflict that a person decided about what the systems held then.
type decided struct {
	joint
	at   time.Time
	want connectors.Value
}

func (a *admin) init() {
	a.paused, a.free, a.parted = map[string]bool{}, map[string]bool{}, map[string]bool{}
	a.touched, a.prior = map[place]bool{}, map[joint][2]connectors.Value{}
	a.unseen = map[string]bool{}
	a.acts, a.split = map[place]act{}, map[joint][2]connectors.Value{}
}

// hand lets the admin do something.
func (w *world) hand() {
	w.clock.Advance(time.Millisecond) // nobody else acts at this instant
	switch w.v.Hands[w.rng.IntN(len(w.v.Hands))] {
	case pausing:
		w.pauseOrResume()
	case replaying:
		w.replay()
	case deciding:
		w.decide()
	case linking:
		w.linkByHand()
	case planning:
		w.planOrApply()
	case takingBack:
		w.takeBack()
	}
}

// pauseOrResume pauses a mapping or a connection, or lets it go on.
func (w *world) pauseOrResume() {
	names := []string{"pair", "crm", "pm"}
	name := names[w.rng.IntN(len(names))]
	if w.admin.paused[name] {
		w.unpause(name)
		return
	}
	w.admin.unsure = name
	w.step("pause "+name, func() error {
		if _, err := w.eng.Pause(w.ctx, name, "", "ada"); err != nil {
			return err
		}
		w.admin.paused[name], w.admin.unsure = true, ""
		return nil
	})
	w.lookAtPauses()
	w.log("person pauses %s: %v", name, w.admin.paused[name])
}

func (w *world) unpause(name string) {
	w.admin.unsure = name
	w.step("resume "+name, func() error {
		if err := w.eng.Resume(w.ctx, name, "ada"); err != nil {
			return err
		}
		delete(w.admin.paused, name)
		w.admin.unsure = ""
		return nil
	})
	w.lookAtPauses()
	w.log("person resumes %s: %v", name, !w.admin.paused[name])
}

// lookAtPauses takes in what is paused: who was not answered looks.
func (w *world) lookAtPauses() {
	w.checkPauses()
	now, err := w.pauses()
	if err != nil {
		w.log("status: %v", err)
		return
	}
	w.admin.paused, w.admin.unsure = now, ""
}

// checkPauses holds the pauses against those that people made.
func (w *world) checkPauses() {
	now, err := w.pauses()
	for _, name := range []string{"pair", "crm", "pm"} {
		if err == nil && now[name] != w.admin.paused[name] && name != w.admin.unsure {
			w.breach("people paused %s: %v, and the service says %v", name, w.admin.paused[name], now[name])
		}
	}
}

// pauses returns what the service says that people paused.
func (w *world) pauses() (map[string]bool, error) {
	s, err := w.eng.Status(w.ctx)
	if err != nil {
		return nil, err
	}
	now := map[string]bool{}
	for _, c := range s.Connections {
		if c.Paused != nil {
			now[c.Name] = true
		}
	}
	for _, m := range s.Mappings {
		if m.Paused != nil && m.Paused.Mapping == m.Name {
			now[m.Name] = true
		}
	}
	return now, nil
}

// liftPauses lets everything go on at the end.
func (w *world) liftPauses() {
	for _, name := range slices.Sorted(maps.Keys(w.admin.paused)) {
		w.unpause(name)
	}
	if len(w.admin.paused) > 0 {
		w.breach("what is paused cannot be resumed: %v", w.admin.paused)
	}
}

// replay asks for things to be looked at again.
func (w *world) replay() {
	var o engine.ReplayOrder
	switch w.rng.IntN(4) {
	case 0:
		o.Failed = true
	case 1:
		o.Mapping = "pair"
	case 2:
		o.Mapping, o.Since = "pair", w.clock.Now().Add(-time.Minute)
	default:
		side := w.rng.IntN(2)
		id := w.some(side)
		if id == "" {
			return
		}
		o.Record = sideConn[side] + "/record/" + id
	}
	o.Dry = w.rng.IntN(4) == 0
	w.step("replay", func() error { _, err := w.eng.Replay(w.ctx, o, "ada"); return err })
}

// decide decides one conflict, those of a field, or all.
func (w *world) decide() {
	rows, err := w.eng.Asides(w.ctx, "pair", true, 0, 1000)
	if err != nil || len(rows) == 0 {
		return
	}
	row := rows[w.rng.IntN(len(rows))]
	o := engine.ResolveOrder{Conflicts: []engine.ConflictID{{Link: row.Link, Rule: row.Rule}}}
	switch w.rng.IntN(4) {
	case 0:
		o.Conflicts, o.Mapping = nil, "pair"
	case 1:
		o.Conflicts, o.Field = nil, fieldOf(row.Field)
	case 2:
		w.step("show", func() error {
			view, err := w.eng.ShowConflict(w.ctx, row.Link, row.Rule)
			if err == nil {
				o.Seen = view.Seen
			}
			return err
		})
	}
	want := connectors.Null
	if value := w.typed(fieldOf(row.Field)); !value.IsNull() && o.Mapping == "" && w.rng.IntN(2) == 0 {
		text := value.String()
		o.Value, want = &text, value
		w.admin.typed = append(w.admin.typed, value)
	} else {
		o.Side = []string{"deal", "epic"}[w.rng.IntN(2)]
	}
	asked := make(map[engine.ConflictID]engine.AsideRow, len(rows))
	for _, r := range rows {
		asked[engine.ConflictID{Link: r.Link, Rule: r.Rule}] = r
	}
	before := w.admin.decided
	w.admin.decided = nil // who was not answered does not know
	w.step("decide", func() error {
		now := w.clock.Now()
		res, err := w.eng.ResolveMany(w.ctx, o, "ada")
		if err != nil {
			return err
		}
		w.admin.decided = before
		for _, r := range res.Rows {
			w.noteDecision(asked[r.ConflictID], o.Side, want, now)
		}
		return nil
	})
}

// noteDecision notes what must come of a decision, where it was made about what
// both systems held.
func (w *world) noteDecision(row engine.AsideRow, side string, want connectors.Value, now time.Time) {
	j := joint{[2]string{row.Records[0].ID, row.Records[1].ID}, fieldOf(row.Field)}
	w.admin.decided = slices.DeleteFunc(w.admin.decided, func(d decided) bool { return d.joint == j })
	for s := range 2 {
		holds := w.systems[s].Truth(j.pair[s])[j.field]
		if holds.String() != row.Values[s] {
			return // somebody edited it since the conflict was found
		}
		if side == [2]string{"deal", "epic"}[s] {
			want = holds
		}
	}
	w.admin.decided = append(w.admin.decided, decided{j, now, want})
	w.log("person decides %v: %q", j, want)
}

// fieldOf returns the field that a rule's name begins with.
func fieldOf(rule string) string {
	for _, f := range allFields {
		if strings.HasPrefix(rule, f) {
			return f
		}
	}
	return rule
}

// typed is a value that a person types for both sides; Null where there is none.
func (w *world) typed(field string) connectors.Value {
	switch field {
	case "title", "notes":
		return connectors.Text(w.past.fresh("decided"))
	case "count":
		return connectors.Int(int64(w.past.next()))
	}
	return connectors.Null
}

// linkByHand makes an epic, links records, lets the match rules link, or ends a
// link.
func (w *world) linkByHand() {
	switch n := w.rng.IntN(8); {
	case n < 2:
		w.freeEpic()
	case n < 5:
		w.adopt()
	case n < 6 && w.v.Twins:
		dry := w.rng.IntN(3) == 0
		w.step("match", func() error {
			_, err := w.eng.Match(w.ctx, engine.MatchOrder{Mapping: "pair", Dry: dry, By: "ada"}, nil, nil)
			return err
		})
	case n < 7:
		w.unlink()
	}
}

// freeEpic makes an epic that belongs to no deal yet.
func (w *world) freeEpic() {
	fields := map[string]connectors.Value{"title": connectors.Text(w.past.fresh("t"))}
	if w.rng.IntN(2) == 0 {
		fields["notes"] = connectors.Text(w.past.fresh("n"))
	}
	id := w.systems[1].Create("record", scopeIn, "bob", fields)
	w.past.wrote(1, id, w.clock.Now(), fields)
	w.admin.free[id] = true
	w.log("person makes epic %s", id)
}

// adopt links a few deals with epics that people made, or again what was parted.
func (w *world) adopt() {
	var pairs []engine.LinkPair
	epics := slices.Sorted(maps.Keys(w.admin.free))
	for range 1 + w.rng.IntN(3) {
		if len(w.past.deals) == 0 || len(epics) == 0 {
			break
		}
		deal := w.past.deals[w.rng.IntN(len(w.past.deals))]
		epic := epics[w.rng.IntN(len(epics))]
		if l := w.linkOf(deal); l != nil && w.admin.parted[deal] && w.rng.IntN(2) == 0 {
			epic = l.Ends[1].ID
		}
		if own := w.past.twin[deal]; own != "" {
			epic = own
		}
		pairs = append(pairs, engine.LinkPair{Records: [2]string{deal, epic}})
	}
	if len(pairs) == 0 {
		return
	}
	o := engine.LinkOrder{Mapping: "pair", Pairs: pairs, SkipBad: w.rng.IntN(2) == 0, Dry: w.rng.IntN(5) == 0, By: "ada"}
	if o.Dry {
		w.step("look at links", func() error { _, err := w.eng.Adopt(w.ctx, o, nil); return err })
		return
	}
	w.adoptPairs(o)
}

// adoptPairs carries an order out. What was linked is found in the state: the
// service may have died before it told.
func (w *world) adoptPairs(o engine.LinkOrder) {
	w.step("link", func() error { _, err := w.eng.Adopt(w.ctx, o, nil); return err })
	for _, p := range o.Pairs {
		l := w.linkOf(p.Records[0])
		if l == nil || l.Ends[1].ID != p.Records[1] || l.Status == state.LinkEnded {
			continue
		}
		delete(w.admin.free, p.Records[1])
		delete(w.admin.parted, p.Records[0])
		w.past.twin[p.Records[0]] = p.Records[1]
		w.log("person links deal %s with epic %s", p.Records[0], p.Records[1])
	}
}

// linkOf returns a deal's link, nil where it has none.
func (w *world) linkOf(deal string) (l *state.Link) {
	_ = w.store.View(w.ctx, func(tx state.Tx) error {
		l, _ = tx.LinkOf("pair", 0, deal)
		return nil
	})
	return l
}

// unlink ends some link.
func (w *world) unlink() {
	if len(w.past.deals) == 0 {
		return
	}
	deal := w.past.deals[w.rng.IntN(len(w.past.deals))]
	l := w.linkOf(deal)
	if l == nil || l.Status == state.LinkEnded {
		return
	}
	w.step("unlink", func() error { _, err := w.eng.Unlink(w.ctx, l.ID, "ada"); return err })
	if l := w.linkOf(deal); l != nil && l.Status == state.LinkEnded {
		w.admin.parted[deal] = true
		w.log("person ends the link of deal %s", deal)
	}
}

// takeBack takes back what the service wrote, as somebody picks it from the
// history.
func (w *world) takeBack() {
	events, err := w.eng.History(w.ctx, engine.HistoryFilter{Mapping: "pair", Limit: 60})
	if err != nil {
		return
	}
	events = slices.DeleteFunc(events, func(e engine.EventRow) bool { return e.Action != "updated" && e.Action != "undone" })
	if len(events) == 0 {
		return
	}
	ev := events[w.rng.IntN(len(events))]
	var o engine.UndoOrder
	switch n := w.rng.IntN(8); {
	case n < 3:
		o.Event = ev.Seq
		if f := ev.Fields[w.rng.IntN(len(ev.Fields))].Field; f != "" && w.rng.IntN(2) == 0 {
			o.Field = f
		}
	case n < 4:
		o.Link = ev.Link
	case n < 5:
		o.Record = ev.Records[w.rng.IntN(2)]
	case n < 6 && ev.Run != 0:
		o.Run = ev.Run
	default:
		o.Mapping, o.Since = "pair", w.clock.Now().Add(-w.pick(time.Second, 10*time.Second, time.Minute))
	}
	if w.rng.IntN(5) == 0 {
		w.unchanged("a look at an undo", func() error { _, err := w.eng.Undo(w.ctx, o, engine.UndoOptions{Dry: true, By: "ada"}); return err })
		return
	}
	w.log("person takes back: %s", o)
	quiet := len(w.armed) == 0
	w.undo(o)
	if quiet {
		w.unchanged("an undo that is repeated", func() error { return w.undoOnce(o) })
	}
}

func (w *world) undo(o engine.UndoOrder) {
	w.admin.touched, w.admin.prior = map[place]bool{}, map[joint][2]connectors.Value{}
	w.step("undo", func() error { return w.undoOnce(o) })
}

func (w *world) undoOnce(o engine.UndoOrder) error {
	out, err := w.eng.Undo(w.ctx, o, engine.UndoOptions{By: "ada"})
	if out == nil {
		return err
	}
	for _, row := range out.Rows {
		if row.State == "left" {
			w.log("undo leaves %s %s: %s", row.Record, row.Field, row.Reason)
			w.admin.unseen[row.Record+" "+row.Field] = w.admin.unseen[row.Record+" "+row.Field] || row.Code == "unsure"
		}
	}
	return err
}

// unchanged does what must write nothing.
func (w *world) unchanged(what string, do func() error) {
	before := w.writes
	w.step("undo", do)
	if w.writes != before {
		w.breach("%s wrote", what)
	}
}

// breach notes a promise that was broken on the way.
func (w *world) breach(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.log("BROKEN: %s", text)
	w.broken = append(w.broken, text)
}

// storedPlan is a plan's file, with what the systems held when it was made.
type storedPlan struct {
	file    []byte
	changes []engine.PlanChange
	held    [2]map[string]map[string]connectors.Value
	applied bool
}

// planOrApply makes a plan, or carries one out.
func (w *world) planOrApply() {
	if len(w.admin.plans) == 0 || w.rng.IntN(2) == 0 {
		w.plan()
		return
	}
	p := w.admin.plans[len(w.admin.plans)-1-w.rng.IntN(min(2, len(w.admin.plans)))]
	o := engine.ApplyOptions{SkipStale: w.rng.IntN(2) == 0, By: "ada"}
	edits, writes, ended := len(w.past.edits), w.writes, false
	w.admin.effects = nil
	w.step("apply", func() error {
		res, err := w.eng.Apply(w.ctx, bytes.NewReader(p.file), o)
		if ended = err == nil; err != nil {
			return err
		}
		if res.Refused && (w.writes != writes || o.SkipStale) {
			w.breach("a plan was refused, and written")
		}
		for _, m := range res.Mappings {
			ended = ended && len(m.Left) == 0
			w.log("applied: %d done, %d before, %d stale, %d left, refused: %v", m.Done, m.Before, len(m.Stale), len(m.Left), res.Refused)
		}
		return nil
	})
	if !p.applied && !w.admin.loose && edits == len(w.past.edits) {
		w.checkApplied(p)
	}
	p.applied = true
	w.admin.loose = w.admin.loose || !ended
}

func (w *world) plan() {
	var file bytes.Buffer
	p := &storedPlan{}
	writes := w.writes
	w.step("plan", func() error {
		for side, s := range w.systems {
			p.held[side] = map[string]map[string]connectors.Value{}
			for _, id := range s.IDs("record") {
				p.held[side][id] = s.Truth(id)
			}
		}
		edits := len(w.past.edits)
		plans, err := w.eng.WritePlan(w.ctx, []string{"pair"}, &file, engine.PlanOptions{})
		if err != nil {
			return err
		}
		p.file, p.changes = file.Bytes(), plans[0].Changes
		p.applied = edits != len(w.past.edits)
		w.admin.plans = append(w.admin.plans, p)
		w.log("plan of %d changes", len(p.changes))
		return nil
	})
	if w.writes != writes {
		w.breach("a plan wrote")
	}
}

// checkApplied holds what an apply wrote against what its plan said of pairs
// that were linked then: just these fields, over what they held then, with what
// the other side held then.
func (w *world) checkApplied(p *storedPlan) {
	a := &auditor{w: w}
	planned, linked := map[place]bool{}, map[string]bool{}
	for _, c := range p.changes {
		side := slices.Index([]string{"deal", "epic"}, c.To)
		if side < 0 || c.Action != engine.PlanUpdate {
			continue
		}
		linked[sideConn[0]+c.Records[0].ID], linked[sideConn[1]+c.Records[1].ID] = true, true
		for _, f := range c.Fields {
			planned[place{side, c.Records[side].ID, f.Field}] = true
		}
	}
	for _, c := range p.changes {
		if c.Action != engine.PlanUpdate && c.Action != engine.PlanComment {
			// What follows from a link, a create or a conflict is not foretold.
			delete(linked, sideConn[0]+c.Records[0].ID)
			delete(linked, sideConn[1]+c.Records[1].ID)
		}
	}
	for _, e := range w.admin.effects {
		if !linked[sideConn[e.side]+e.record] || e.field == "labels" {
			continue
		}
		if !planned[e.place] {
			a.fault("apply wrote %s of %s %s, of which its plan says nothing", e.field, sideConn[e.side], e.record)
			continue
		}
		if then := p.held[e.side][e.record][e.field]; !a.alike(then, e.before) {
			a.fault("apply wrote %s of %s %s over %q; when the plan was made it held %q", e.field, sideConn[e.side], e.record, e.before, then)
		}
	}
	for _, text := range a.found {
		w.breach("%s", text)
	}
}
