package engine

import (
	"flag"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// TestMain fixes rapid's seed and its number of checks, so that a run of the
// tests is the same each time; -rapid.seed and -rapid.checks draw others.
func TestMain(m *testing.M) {
	flag.Parse()
	for name, v := range map[string]struct{ unset, want string }{
		"rapid.seed": {"0", "20260312"}, "rapid.checks": {"100", "2000"}, "rapid.nofailfile": {"false", "true"},
	} {
		if f := flag.Lookup(name); f != nil && f.Value.String() == v.unset {
			if err := f.Value.Set(v.want); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

// pairMapping is what the properties merge under. The stages of the two sides
// stand for one another crosswise, so that a conversion that is left out shows.
const pairMapping = `mapping: pair
between:
  LEFT: {connection: crm, object: record}
  RIGHT: {connection: pm, object: record}
match:
  - {deal: code, epic: code}
fields:
  - {deal: notes, epic: notesMORE}
  - {deal: count, epic: countMORE}
  - {deal: labels, epic: labelsMORE}
  - {deal: stage, epic: stage, values: {"1": "2", "2": "3", "3": "1"}MORE}
conflict: CONFLICT
first_sync: FIRST
`

// setting is one way to configure a pair.
type setting struct {
	flow, conflict, first string
	enforce               bool
}

var settings = func() (all []setting) {
	for _, flow := range []string{"", "deal -> epic", "epic -> deal"} {
		for _, conflict := range []string{"newest", "deal wins", "epic wins", "ask"} {
			for _, first := range []string{"newest", "deal wins", "epic wins", "fill blanks"} {
				all = append(all, setting{flow, conflict, first, false})
				if flow != "" {
					all = append(all, setting{flow, conflict, first, true})
				}
			}
		}
	}
	return all
}()

// compile makes the mapping with the deal on the left, or mirrored.
func (s setting) compile(t *testing.T, mirrored bool) *worked {
	t.Helper()
	more := ""
	if s.flow != "" {
		more = ", flow: " + s.flow
	}
	if s.enforce {
		more += ", enforce: true"
	}
	left, right := "deal", "epic"
	if mirrored {
		left, right = right, left
	}
	file, problems := mapping.Parse("pair.yaml", []byte(strings.NewReplacer(
		"LEFT", left, "RIGHT", right, "MORE", more, "CONFLICT", s.conflict, "FIRST", s.first).Replace(pairMapping)))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	env := mapping.Env{Zone: time.UTC}
	for side := range env.Schemas {
		conn := memory.NewSystem(memory.Options{SetEdits: true}).Connect("x")
		schema, err := conn.Schema(t.Context(), "record", nil)
		if err != nil {
			t.Fatal(err)
		}
		can := connectors.AbilitiesOf(conn)
		env.Schemas[side], env.Facts[side], env.Abilities[side] = schema, conn.Facts(), &can
	}
	m, problems := mapping.Compile(file, env)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return &worked{Mapping: m}
}

// compiled holds each setting's mapping, straight and mirrored.
func compiled(t *testing.T) map[setting][2]*worked {
	t.Helper()
	all := make(map[setting][2]*worked, len(settings))
	for _, s := range settings {
		all[s] = [2]*worked{s.compile(t, false), s.compile(t, true)}
	}
	return all
}

// plainPrinter fingerprints without a key.
type plainPrinter struct{}

func (plainPrinter) Print(v connectors.Value) state.Print {
	h := fnv.New64a()
	_, _ = h.Write(connectors.AppendCanonical(nil, v))
	return state.Print(h.Sum64())
}

func (p plainPrinter) PrintOption(o connectors.Option) state.Print {
	return p.Print(connectors.Choice(o))
}

// pair is one rule of one link: what both sides hold, and what is remembered.
type pair struct {
	m      *worked
	rule   *mapping.Rule
	values [2]connectors.Value
	edited [2]time.Time
	field  state.Field
	aside  *state.Aside
}

// merge decides the pair as it stands.
func (p *pair) merge() verdict {
	g := &merger{
		m: p.m, link: &state.Link{ID: 1}, print: plainPrinter{}, now: pairNow,
		translate: func(r *mapping.Rule, to mapping.SideID, v connectors.Value) (connectors.Value, mapping.Outcome, error) {
			return r.Convert(to, v)
		},
		edited: func(side mapping.SideID, _ string) time.Time { return p.edited[side] },
	}
	c := g.compare(p.rule, p.field, p.values)
	c.aside = p.aside
	if p.rule.IsSet() {
		return g.set(c)
	}
	return g.scalar(c)
}

var pairNow = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// apply does what a verdict says, as a system that takes values as they come,
// and reports whether anything was written.
func (p *pair) apply(v *verdict) (wrote bool) {
	next := v.next
	for side, w := range v.writes {
		if w != nil {
			wrote, p.values[side] = true, w.value
		}
	}
	if wrote {
		d := &drain{Engine: &Engine{printer: plainPrinter{}}, m: p.m}
		next = d.agreed(&job{}, v)
	}
	p.field = next
	if v.aside != nil {
		p.aside = v.aside
	} else if v.drop {
		p.aside = nil
	}
	return wrote
}

// settle merges until nothing is left to write, and returns the verdicts that
// wrote or held something.
func (p *pair) settle(t *rapid.T) (told []verdict) {
	for range 5 {
		v := p.merge()
		if p.apply(&v) || v.aside != nil || v.conflict {
			told = append(told, v)
		}
		if !v.again && v.writes == [2]*fieldWrite{} {
			return told
		}
	}
	t.Fatalf("no rest: %v, %v", p.values, p.field)
	return nil
}

func (p *pair) clone() *pair {
	c := *p
	return &c
}

// labels are the elements of drawn sets.
var labels = []string{"a", "b", "c", "d"}

func drawValue(t *rapid.T, r *mapping.Rule, label string) connectors.Value {
	switch r.Field(mapping.Left) {
	case "count":
		n := rapid.SampledFrom([]int64{0, 1, 2, -7}).Draw(t, label)
		if n == 0 {
			return connectors.Null
		}
		return connectors.Int(n)
	case "labels":
		return connectors.Labels(drawSet(t, label)...)
	case "stage":
		id := rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, label)
		if id == "" {
			return connectors.Null
		}
		return connectors.Choice(connectors.Option{ID: id})
	}
	text := rapid.SampledFrom([]string{"", "a", "b", "A", "a b"}).Draw(t, label)
	if text == "" {
		return connectors.Null
	}
	return connectors.Text(text)
}

func drawSet(t *rapid.T, label string) []string {
	mask := rapid.IntRange(0, 1<<len(labels)-1).Draw(t, label)
	var set []string
	for i, l := range labels {
		if mask>>i&1 == 1 {
			set = append(set, l)
		}
	}
	return set
}

// drawPair draws a rule with its values; where agreed is true, with the baseline
// of two values that said the same.
func drawPair(t *rapid.T, all map[setting][2]*worked, agreed bool) (*pair, setting) {
	s := rapid.SampledFrom(settings).Draw(t, "setting")
	m := all[s][0]
	rules := m.Rules()
	p := &pair{m: m, rule: rules[rapid.IntRange(0, len(rules)-1).Draw(t, "rule")]}
	p.field.Rule = p.rule.ID()
	if agreed {
		p.values[0] = drawValue(t, p.rule, "agreed")
		p.values[1] = p.counterpart(t, mapping.Right, p.values[0])
		p.rest()
	} else {
		p.values = [2]connectors.Value{drawValue(t, p.rule, "left"), drawValue(t, p.rule, "right")}
	}
	times := rapid.SampledFrom([][2]int{{1, 2}, {2, 1}}).Draw(t, "edited")
	p.edited = [2]time.Time{pairNow.Add(time.Duration(times[0]) * time.Minute), pairNow.Add(time.Duration(times[1]) * time.Minute)}
	return p, s
}

// rest makes what the sides hold the baseline.
func (p *pair) rest() {
	g := &merger{print: plainPrinter{}}
	for side, v := range p.values {
		p.field.Known[side], p.field.Base[side] = true, g.print.Print(v)
		if p.rule.IsSet() {
			p.field.Sets[side] = g.elements(v).prints
		}
	}
}

// counterpart returns what stands for a value on the other side, computed from
// the mapping's text and not by the mapping.
func (p *pair) counterpart(t *rapid.T, to mapping.SideID, v connectors.Value) connectors.Value {
	if p.rule.Field(mapping.Left) != "stage" || v.IsNull() {
		return v
	}
	forth := map[string]string{"1": "2", "2": "3", "3": "1"}
	back := map[string]string{"2": "1", "3": "2", "1": "3"}
	table := forth
	if (to == mapping.Left) == (p.m.Side(mapping.Left).Name == "deal") {
		table = back
	}
	id, ok := table[v.Option().ID]
	if !ok {
		t.Fatalf("no stage %v", v)
	}
	return connectors.Choice(connectors.Option{ID: id})
}

// same values, whatever the labels of options are.
var sameValues = cmp.Comparer(connectors.Equal)

func TestMergingWhatAgreesDoesNothing(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		p, s := drawPair(t, all, true)
		v := p.merge()
		if v.writes != [2]*fieldWrite{} || v.aside != nil || v.conflict || v.event != nil || !sameField(v.next, p.field) {
			t.Errorf("%+v, %s: %+v", s, p.rule.Name(), v)
		}
	})
}

func TestMergingComesToRest(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		p, s := drawPair(t, all, rapid.Bool().Draw(t, "agreed before"))
		p.values[0] = drawValue(t, p.rule, "edited left")
		p.values[1] = drawValue(t, p.rule, "edited right")
		p.settle(t)
		before := p.clone()
		v := p.merge()
		if p.apply(&v) || v.conflict != (v.aside != nil) {
			t.Errorf("%+v, %s: a second look writes or decides: %+v", s, p.rule.Name(), v)
		}
		if !sameField(before.field, p.field) || (before.aside == nil) != (p.aside == nil) || before.aside != nil && !sameAside(before.aside, p.aside) {
			t.Errorf("%+v, %s: a second look remembers something else:\n%+v %+v\n%+v %+v", s, p.rule.Name(), before.field, before.aside, p.field, p.aside)
		}
	})
}

// TestOneEditGoesThrough: an edit on one side only is never a conflict; it
// reaches the other side where the rule flows there, and is never undone except
// by `enforce`.
func TestOneEditGoesThrough(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		p, s := drawPair(t, all, true)
		side := mapping.SideID(rapid.IntRange(0, 1).Draw(t, "side"))
		old, edit := p.values, drawValue(t, p.rule, "edit")
		p.values[side] = edit
		told := p.settle(t)
		want := [2]connectors.Value{edit, edit}
		switch flows := p.rule.Flow().To(side.Other()); {
		case flows:
			want[side.Other()] = p.counterpart(t, side.Other(), edit)
		case s.enforce && p.rule.IsSet():
			// What the source holds is restored; what was added by hand stays.
			want[side] = connectors.Labels(union(ids(edit), ids(old[side.Other()]))...)
			want[side.Other()] = old[side.Other()]
		case s.enforce:
			want = old
		default:
			want[side.Other()] = old[side.Other()]
		}
		if diff := cmp.Diff(want, p.values, sameValues); diff != "" {
			t.Errorf("%+v, %s, edited on side %d (-want +got):\n%s", s, p.rule.Name(), side, diff)
		}
		if p.aside != nil || slices.ContainsFunc(told, func(v verdict) bool { return v.conflict }) {
			t.Errorf("%+v, %s: a single edit is a conflict: %+v", s, p.rule.Name(), told)
		}
	})
}

// TestConflictLosesNothingInSilence: of two edits of one value, the policy's
// winner stands on both sides and the other is told of, or both stay and a
// person is asked; what the person chooses then stands on both sides.
func TestConflictLosesNothingInSilence(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		p, s := drawPair(t, all, true)
		if p.rule.IsSet() || p.rule.Flow() != mapping.Both {
			return
		}
		old := p.values
		edits := [2]connectors.Value{drawValue(t, p.rule, "edit left"), drawValue(t, p.rule, "edit right")}
		if connectors.Equal(edits[0], old[0]) || connectors.Equal(edits[1], old[1]) || connectors.Equal(p.counterpart(t, mapping.Right, edits[0]), edits[1]) {
			return
		}
		p.values = edits
		told := p.settle(t)
		if len(told) == 0 || !told[0].conflict {
			t.Fatalf("%+v, %s: no word of a conflict: %+v", s, p.rule.Name(), told)
		}
		winner := map[string]mapping.SideID{"deal wins": mapping.Left, "epic wins": mapping.Right, "newest": mapping.Left}[s.conflict]
		if s.conflict == "newest" && p.edited[1].After(p.edited[0]) {
			winner = mapping.Right
		}
		if s.conflict == "ask" {
			if diff := cmp.Diff(edits, p.values, sameValues); diff != "" || p.aside == nil || p.aside.Kind != state.AsideConflict {
				t.Fatalf("nothing may change while a person is asked: %+v\n%s", p.aside, diff)
			}
			winner = mapping.SideID(rapid.IntRange(0, 1).Draw(t, "choice"))
			chosen := *p.aside
			chosen.Choice = []string{"left", "right"}[winner]
			p.aside = &chosen
			p.settle(t)
		} else if w := told[0].writes[winner.Other()]; w == nil || !connectors.Equal(w.replaced, edits[winner.Other()]) {
			t.Errorf("%+v, %s: the value that gave way is not told: %+v", s, p.rule.Name(), told[0])
		}
		want := edits
		want[winner.Other()] = p.counterpart(t, winner.Other(), edits[winner])
		if diff := cmp.Diff(want, p.values, sameValues); diff != "" || p.aside != nil {
			t.Errorf("%+v, %s, winner %d (-want +got):\n%s%+v", s, p.rule.Name(), winner, diff, p.aside)
		}
	})
}

// TestMergeIsTheSameMirrored: which side of a mapping is called left decides
// nothing.
func TestMergeIsTheSameMirrored(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		p, s := drawPair(t, all, rapid.Bool().Draw(t, "agreed before"))
		p.values = [2]connectors.Value{drawValue(t, p.rule, "edited left"), drawValue(t, p.rule, "edited right")}
		m := all[s][1]
		q := &pair{
			m: m, values: [2]connectors.Value{p.values[1], p.values[0]}, edited: [2]time.Time{p.edited[1], p.edited[0]}, field: mirror(p.field),
		}
		for _, r := range m.Rules() {
			if r.Field(mapping.Left) == p.rule.Field(mapping.Left) {
				q.rule = r
			}
		}
		q.field.Rule = q.rule.ID()
		p.settle(t)
		q.settle(t)
		back := mirror(q.field)
		back.Rule = p.field.Rule
		if diff := cmp.Diff(p.values, [2]connectors.Value{q.values[1], q.values[0]}, sameValues); diff != "" || !sameField(p.field, back) || (p.aside == nil) != (q.aside == nil) {
			t.Errorf("%+v, %s (-straight +mirrored):\n%s%+v\n%+v", s, p.rule.Name(), diff, p.field, back)
		}
	})
}

func mirror(f state.Field) state.Field {
	f.Base[0], f.Base[1] = f.Base[1], f.Base[0]
	f.Known[0], f.Known[1] = f.Known[1], f.Known[0]
	f.Sets[0], f.Sets[1] = f.Sets[1], f.Sets[0]
	return f
}

// TestSetsMergeByElement: on both sides stands in the end what both still held,
// and what either added; in whatever order the edits are seen.
func TestSetsMergeByElement(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		m := all[setting{"", "newest", "newest", false}][0]
		p := &pair{m: m, rule: m.Rules()[2]}
		base := drawSet(t, "base")
		p.values = [2]connectors.Value{connectors.Labels(base...), connectors.Labels(base...)}
		p.rest()
		left, right := drawSet(t, "left"), drawSet(t, "right")
		var want []string
		for _, l := range labels {
			in := func(set []string) bool { return slices.Contains(set, l) }
			if in(base) && in(left) && in(right) || !in(base) && (in(left) || in(right)) {
				want = append(want, l)
			}
		}
		first, second := p.clone(), p.clone()
		p.values = [2]connectors.Value{connectors.Labels(left...), connectors.Labels(right...)}
		p.settle(t)
		first.values[0] = connectors.Labels(left...) // seen, and merged, before the right edit
		first.settle(t)
		first.values[1] = connectors.Labels(editOf(base, right, ids(first.values[1]))...)
		first.settle(t)
		second.values[1] = connectors.Labels(right...)
		second.settle(t)
		second.values[0] = connectors.Labels(editOf(base, left, ids(second.values[0]))...)
		second.settle(t)
		for name, q := range map[string]*pair{"at once": p, "left first": first, "right first": second} {
			for side, v := range q.values {
				if diff := cmp.Diff(want, ids(v)); diff != "" {
					t.Errorf("base %v, left %v, right %v, %s, side %d (-want +got):\n%s", base, left, right, name, side, diff)
				}
			}
		}
	})
}

// editOf does to now what was done to base so that it became set.
func editOf(base, set, now []string) []string {
	var out []string
	for _, l := range labels {
		added := slices.Contains(set, l) && !slices.Contains(base, l)
		removed := !slices.Contains(set, l) && slices.Contains(base, l)
		if added || slices.Contains(now, l) && !removed {
			out = append(out, l)
		}
	}
	return out
}

// TestOwnElementsStay: what one side alone held when both last agreed is its own
// affair: no edit of the other side takes it away.
func TestOwnElementsStay(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		m := all[setting{"", "newest", "newest", false}][0]
		p := &pair{m: m, rule: m.Rules()[2]}
		own := [2][]string{{"left's own"}, {"right's own"}}
		shared := drawSet(t, "shared")
		for side := range p.values {
			p.values[side] = connectors.Labels(append(slices.Clone(shared), own[side]...)...)
		}
		p.rest()
		side := rapid.IntRange(0, 1).Draw(t, "side")
		edit := drawSet(t, "edit")
		p.values[side] = connectors.Labels(append(slices.Clone(edit), own[side]...)...)
		p.settle(t)
		for side, v := range p.values {
			want := append(slices.Clone(edit), own[side]...)
			slices.Sort(want)
			if diff := cmp.Diff(want, ids(v)); diff != "" {
				t.Errorf("shared %v, side %d (-want +got):\n%s", shared, side, diff)
			}
		}
	})
}

// TestDeathAroundAWriteChangesNothing: the service dies after the note of a
// write, before the write or after it. Both ways the sides end as they would
// have, and no conflict appears.
func TestDeathAroundAWriteChangesNothing(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		p, s := drawPair(t, all, rapid.Bool().Draw(t, "agreed before"))
		p.values = [2]connectors.Value{drawValue(t, p.rule, "edited left"), drawValue(t, p.rule, "edited right")}
		undisturbed := p.clone()
		undisturbed.settle(t)
		v := p.merge()
		if v.writes == [2]*fieldWrite{} {
			return
		}
		to := v.next.Pending.To
		for _, took := range []bool{false, true} {
			q := p.clone()
			q.field = v.noted()
			if took {
				q.values[to] = v.writes[to].value
			}
			told := q.settle(t)
			if diff := cmp.Diff(undisturbed.values, q.values, sameValues); diff != "" {
				t.Errorf("%+v, %s, took effect: %v (-undisturbed +got):\n%s", s, p.rule.Name(), took, diff)
			}
			conflicts := slices.ContainsFunc(told, func(v verdict) bool { return v.conflict })
			if took && conflicts || q.aside != nil && undisturbed.aside == nil {
				t.Errorf("%+v, %s, took effect: %v: a conflict appears: %+v", s, p.rule.Name(), took, told)
			}
			if !sameField(undisturbed.field, q.field) {
				t.Errorf("%+v, %s, took effect: %v: remembered is\n%+v, want\n%+v", s, p.rule.Name(), took, q.field, undisturbed.field)
			}
		}
	})
}

// TestOneWayNeverFlowsBack: whatever both sides do, a one-way rule writes to its
// target only.
func TestOneWayNeverFlowsBack(t *testing.T) {
	all := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		p, s := drawPair(t, all, rapid.Bool().Draw(t, "agreed before"))
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			side := rapid.IntRange(0, 1).Draw(t, "side")
			p.values[side] = drawValue(t, p.rule, "edit")
			for _, v := range p.settle(t) {
				for to := range mapping.SideID(2) {
					if v.writes[to] != nil && !p.rule.Flow().To(to) {
						t.Errorf("%+v, %s: %v is written to the source", s, p.rule.Name(), v.writes[to].value)
					}
				}
			}
		}
	})
}

func ids(v connectors.Value) []string {
	var out []string
	for _, o := range v.Options() {
		out = append(out, o.ID)
	}
	slices.Sort(out)
	return out
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
