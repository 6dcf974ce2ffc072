package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine/state"
)

// scenario is something that people do, and that is then disturbed at each
// call and each commit, one by one.
type scenario struct {
	name    string
	mapping func(string) string // changes twoWay; nil: as it is
	second  string              // another mapping beside it; "": none
	sweeps  bool                // sweeps alone tell of what changed, no polls
	systems func(crm, pm *memory.Options)
	before  func(w *world) // what stands before; it comes to rest undisturbed
	act     func(w *world)
}

// died is what a strike panics with: the service ends here.
type died struct{}

// strike hits the nth moment: a call, or a commit, before or after its effect.
type strike struct {
	nth  int
	kind string // "fail": an error, for an effect that took place a lost answer; "die"
	now  int
	hit  string // what was struck
	on   bool
}

func (s *strike) moment(what string, after bool) error {
	if s == nil || !s.on {
		return nil
	}
	if s.now++; s.now != s.nth {
		return nil
	}
	s.hit = fmt.Sprintf("%s, after %v", what, after)
	if s.kind == "die" {
		panic(died{})
	}
	if after {
		return memory.Lost()
	}
	return &connectors.Error{Op: what, Kind: connectors.Unavailable, Err: errors.New("down")}
}

// struckStore strikes at commits.
type struckStore struct {
	state.Store
	s *strike
}

func (s struckStore) Update(ctx context.Context, fn func(state.Tx) error) error {
	if err := s.s.moment("commit", false); err != nil {
		return err
	}
	if err := s.Store.Update(ctx, fn); err != nil {
		return err
	}
	// A commit that is answered with an error has not taken place.
	if s.s.kind == "die" {
		return s.s.moment("commit", true)
	}
	return nil
}

// play runs a scenario with a strike and returns what everything came to.
func play(t *testing.T, sc scenario, s *strike) string {
	t.Helper()
	source := twoWay
	if sc.mapping != nil {
		source = sc.mapping(source)
	}
	w := newWorld(t, source, sc.systems)
	if sc.second != "" {
		first := w.maps
		w.load(sc.second)
		w.maps = append(first, w.maps...)
	}
	w.wrap = func(inner state.Store) state.Store { return struckStore{inner, s} }
	for _, sys := range []*memory.System{w.crm, w.pm} {
		sys.SetHook(func(m memory.Moment) error { return s.moment(m.Call, m.After) })
	}
	w.start()
	if sc.before != nil {
		sc.before(w)
		w.settle()
	}
	sc.act(w)
	s.on = true
	settle := w.settle
	if sc.sweeps {
		settle = w.settleBySweeps
	}
	for survived := false; !survived; {
		survived = w.survives(settle)
	}
	s.on = false
	w.sweep()
	rested := w.told()
	w.sweep()
	if again := w.told(); again != rested {
		t.Errorf("a sweep over systems at rest changes them:\n%s", cmp.Diff(rested, again))
	}
	return rested
}

// settleBySweeps sweeps and drains until a whole round of sweeps, without an
// error, changes nothing.
func (w *world) settleBySweeps() {
	w.t.Helper()
	for before := ""; ; {
		whole := true
		for _, f := range w.eng.Feeds() {
			s, err := w.eng.Sweep(f)
			if err != nil {
				w.t.Fatal(err)
			}
			for {
				out, err := s.Step(w.t.Context())
				if err != nil || out.Wait {
					whole = false
					w.clock.Advance(time.Minute)
				}
				if err != nil || out.Wait || out.Done {
					break
				}
			}
		}
		for range 1000 {
			d, err := w.eng.Drain(w.t.Context(), "pair")
			if err != nil {
				whole = false
			}
			if err == nil && d.Worked == 0 && d.Next.IsZero() && d.Wait.IsZero() {
				break
			}
			w.clock.Advance(max(d.Next.Sub(w.clock.Now()), d.Wait.Sub(w.clock.Now()), time.Second))
		}
		now := w.told()
		if whole && now == before {
			return
		}
		before = now
	}
}

// survives runs a step, and starts the service anew where it died on the way.
func (w *world) survives(step func()) (survived bool) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case died:
			survived = false
			w.start()
		default:
			panic(r)
		}
	}()
	step()
	return true
}

// told tells what both systems hold in truth, and how the links stand.
func (w *world) told() string {
	var b strings.Builder
	for i, sys := range []*memory.System{w.crm, w.pm} {
		var lines []string
		for _, id := range sys.IDs("record") {
			truth := sys.Truth(id)
			delete(truth, "number") // the system counts
			line := ""
			for _, field := range slices.Sorted(maps.Keys(truth)) {
				line += fmt.Sprintf(" %s=%q", field, truth[field])
			}
			for _, c := range sys.Comments(id) {
				line += fmt.Sprintf(" comment=%q", c.Body)
			}
			lines = append(lines, line)
		}
		slices.Sort(lines)
		fmt.Fprintf(&b, "system %d\n%s\n", i, strings.Join(lines, "\n"))
	}
	var links []string
	for _, l := range w.links() {
		line := l.Status
		for _, a := range l.Asides {
			line += " " + a.Field + ":" + a.Kind
		}
		links = append(links, line)
	}
	slices.Sort(links)
	fmt.Fprintf(&b, "links %v\n", links)
	return b.String()
}

// TestEveryEffectMayFail strikes every call and every commit of every scenario:
// the call fails, its answer is lost, the service dies before and after it.
// Whatever was struck, all comes to rest as it does undisturbed.
func TestEveryEffectMayFail(t *testing.T) {
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			want := play(t, sc, &strike{})
			struck := 0
			for _, kind := range []string{"fail", "die"} {
				for nth := 1; ; nth++ {
					s := &strike{nth: nth, kind: kind}
					got := play(t, sc, s)
					if s.hit == "" {
						break
					}
					struck++
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("moment %d (%s): %s (-undisturbed +disturbed):\n%s", nth, s.hit, kind, diff)
					}
				}
			}
			t.Logf("%d moments struck", struck)
			if struck < 10 {
				t.Errorf("got %d moments, want at least 10: the scenario does nothing", struck)
			}
		})
	}
}
