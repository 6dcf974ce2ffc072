package simulation

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// Variant is one kind of world: the habits of the two systems, the mapping, and
// what happens in it.
type Variant struct {
	Name     string
	Systems  [2]memory.Options
	Mapping  string
	Fields   []string // that people edit
	MaxDeals int
	Faults   bool     // calls fail, answers are lost, the service dies
	Rights   bool     // fields are hidden and shown again
	Moves    bool     // deals and epics leave the scope and come back
	Deletes  bool     // people delete records for good
	Archives bool     // people archive records, too
	Merges   bool     // people merge records
	Files    bool     // people attach files
	Veils    bool     // the right to a whole object is lost for a while
	Logouts  bool     // the login is refused for a while, and by turns while it is renewed
	NoSweeps bool     // nor webhooks: the lists of changes alone must tell of everything
	Streams  bool     // streams tell of changes, and the lists only of what those missed
	Days     bool     // days pass at once, so that webhooks come days late
	Robots   bool     // somebody else's automation sets the stage back, on both sides
	Resumes  bool     // people resume a mapping that a guard stopped
	Numbers  bool     // people write numbers and times that a system rounds
	Whole    [2]bool  // counts are whole numbers there
	Spaces   bool     // people write texts that a system trims
	Restores bool     // people bring deleted records back
	Twins    bool     // some deals have an epic already, found by the match rule
	Skew     bool     // the service's own clock jumps, forwards and back
	Forbid   bool     // calls are refused for want of a right
	Blind    bool     // no history: faults after an effect are left out, see the oracle
	LoseAll  bool     // the state is lost once, as with a dead disk
	Others   []string // mappings that the admin changes to and back
	Second   string   // a second mapping over the same deals; "": none
	Hands    []hand   // what the admin does by hand
	Limits   engine.Limits
	Verbose  bool // the trace tells what each write left behind
}

// Result is what a run came to.
type Result struct {
	Seed     uint64
	Variant  string
	Events   int
	Crashes  int
	Writes   int
	Calls    int
	Problems []string // empty: all promises held
	Trace    string
}

// Run lets events happen in a world of the variant, drawn from the seed, lets
// it come to rest and audits it. keep, if not nil, tells which of the events
// happen: shrinking leaves some out.
func Run(seed uint64, events int, v Variant, keep func(int) bool) (Result, error) {
	w, err := newWorld(seed, v)
	if err != nil {
		return Result{}, err
	}
	for i := range events {
		// Each event draws from a source of its own, so that leaving one out
		// leaves the others as they were.
		w.rng = eventSource(seed, i)
		if keep == nil || keep(i) {
			w.event()
		}
	}
	problems := w.rest()
	if len(problems) == 0 {
		problems = append(w.broken, w.audit()...)
	}
	if len(problems) == 0 {
		problems = w.quiet()
	}
	if len(problems) > 0 {
		w.logJournal()
	}
	return Result{
		Seed: seed, Variant: v.Name, Events: events, Crashes: w.crashes, Writes: w.writes,
		Calls: w.calls, Problems: problems, Trace: w.trace.String(),
	}, nil
}

// logJournal adds what the service told of its work to the trace of a failure.
func (w *world) logJournal() {
	events, err := w.eng.History(w.ctx, engine.HistoryFilter{Limit: 10_000})
	if err != nil {
		w.log("journal: %v", err)
		return
	}
	for _, ev := range slices.Backward(events) {
		w.log("journal %s link %d %s → %s (%s) %s %v", ev.At.Sub(start), ev.Link, ev.Action, ev.To, ev.Source, ev.Detail, ev.Fields)
	}
}

// rest ends all faults and lets the service work until nothing is due. It
// reports when that never comes.
func (w *world) rest() []string {
	w.restNow, w.armed = true, nil
	w.liftPauses()
	if w.using != 0 {
		w.use(0)
	}
	w.log("rest")
	for side := range w.systems {
		for _, field := range w.v.Fields {
			if key := sideConn[side] + field; w.hidden[key] {
				w.hidden[key] = false
				w.systems[side].HideField("record", field, false)
			}
		}
	}
	for side, s := range w.systems {
		s.SetVeil("record", memory.NoVeil)
		for _, id := range w.records(side) {
			if key := sideConn[side] + id; w.past.moved[key] {
				w.past.moved[key] = false
				s.Move(id, scopeIn)
			}
		}
	}
	for _, id := range w.pressAgain {
		w.step("press again", func() error { return w.eng.Ask(w.ctx, "pair", id, "ada") })
	}
	if len(w.admin.orders) > 0 {
		w.adoptPairs(engine.LinkOrder{Mapping: "pair", Pairs: w.admin.orders, SkipBad: true, By: "ada"})
	}
	for range 3 {
		w.clock.Advance(time.Hour) // every lag has passed
		w.pollDry()
		if !w.v.NoSweeps {
			w.sweep()
		}
		if !w.drainDry() {
			return []string{"liveness: the queue never runs dry"}
		}
	}
	return nil
}

// pollDry polls every feed to its end.
func (w *world) pollDry() {
	if w.v.Streams {
		w.listenDry()
		return
	}
	for _, feed := range w.eng.Feeds() {
		w.pollFeed(feed)
	}
}

// pollFeed polls a feed to its end.
func (w *world) pollFeed(feed string) {
	for range 1000 {
		out, err := w.eng.Poll(w.ctx, feed)
		if err != nil {
			w.log("rest: poll: %v", err)
			w.clock.Advance(time.Minute)
			continue
		}
		if now := w.service.Now(); out.Wait.After(now) {
			w.clock.Advance(out.Wait.Sub(now))
			continue
		}
		if !out.More {
			break
		}
	}
}

// drainDry works until nothing is due under any mapping: what one mapping writes
// may be news for another.
func (w *world) drainDry() bool {
	for range 20 {
		before := w.writes
		for _, m := range w.maps {
			if !w.drainMapping(m.Name()) {
				return false
			}
		}
		if len(w.maps) == 1 || w.writes == before {
			return true
		}
		w.clock.Advance(time.Hour)
		w.pollDry()
	}
	return false
}

// drainMapping works until nothing is due, letting time pass where an entry
// waits.
func (w *world) drainMapping(name string) bool {
	for range 2000 {
		out, err := w.eng.Drain(w.ctx, name)
		now := w.service.Now()
		switch {
		case out.Stopped && w.v.Resumes:
			w.resume()
		case out.Stopped:
			w.clock.Advance(time.Minute) // what was missing is looked for again
		case err != nil:
			w.log("rest: drain: %v", err)
			w.clock.Advance(time.Second)
		case out.Wait.After(now):
			w.clock.Advance(out.Wait.Sub(now))
		case out.Worked > 0:
			w.clock.Advance(10 * time.Millisecond)
		case out.Next.IsZero():
			return true
		default:
			w.clock.Advance(max(out.Next.Sub(now), time.Millisecond))
		}
	}
	return false
}

// maxCalls bounds the calls of two sweeps, a record or hint: its share of the
// lists, of which some show two rows a page, and its reads, of which some are
// done one by one.
const maxCalls = 8

// quiet sweeps twice more, and lets webhooks come that are still on their way:
// nothing may be written, and the calls are bounded by what there is to look at.
func (w *world) quiet() []string {
	before, calls := w.writes, w.calls
	looks := 5
	for _, s := range w.systems {
		looks += len(s.IDs("record"))
	}
	for i, h := range w.hooks {
		if i%3 == 0 {
			w.deliver(h, true)
			looks++
		}
	}
	for range 2 {
		w.sweep()
		if !w.drainDry() {
			return []string{"liveness: the queue never runs dry after a sweep"}
		}
		w.clock.Advance(time.Hour)
	}
	if n := w.writes - before; n != 0 {
		return []string{fmt.Sprintf("%d writes in two sweeps over systems at rest", n)}
	}
	if n := w.calls - calls; n > maxCalls*looks {
		return []string{fmt.Sprintf("%d calls in two sweeps over systems at rest, for %d records and hints", n, looks)}
	}
	return nil
}

// Shrink leaves out events while the run still fails, and returns the fewest
// found and their run.
func Shrink(seed uint64, events int, v Variant) ([]int, Result, error) {
	kept := make([]bool, events)
	for i := range kept {
		kept[i] = true
	}
	best, err := Run(seed, events, v, nil)
	if err != nil || len(best.Problems) == 0 {
		return nil, best, err
	}
	for size := events / 2; size >= 1; size /= 2 {
		for from := 0; from < events; from += size {
			trial := append([]bool(nil), kept...)
			for i := from; i < min(from+size, events); i++ {
				trial[i] = false
			}
			res, err := Run(seed, events, v, func(i int) bool { return trial[i] })
			if err != nil {
				return nil, res, err
			}
			if len(res.Problems) > 0 {
				kept, best = trial, res
			}
		}
	}
	v.Verbose = true
	if best, err = Run(seed, events, v, func(i int) bool { return kept[i] }); err != nil {
		return nil, best, err
	}
	var left []int
	for i, k := range kept {
		if k {
			left = append(left, i)
		}
	}
	return left, best, nil
}

var _ connectors.Clock = (*memory.Clock)(nil)
