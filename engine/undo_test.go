package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// undoGood and undoBad are a mapping before and after a slip of its author: the
// notes of the epics get the deals' codes, their counts those of the deals a
// thousandfold.
const undoHead = `
mapping: pair
between:
  deal: {connection: crm, object: record}
  epic: {connection: pm, object: record}
match:
  - {deal: title, epic: title}
fields:
  - {deal: title, epic: title}
  - {deal: labels, epic: labels}
`

const undoTail = `
conflict: newest
first_sync: deal wins
`

const (
	undoGood = undoHead + `
  - {deal: notes, epic: notes}
  - {deal: count, epic: count}
` + undoTail
	undoBad = undoHead + `
  - {deal: code, epic: notes, flow: deal -> epic}
  - {epic: count, set: "deal.amount", flow: deal -> epic}
` + undoTail
)

// undoWorld has pairs of records that agree under the good mapping.
type undoWorld struct {
	*world
	deals, epics []string
}

func newUndoWorld(t *testing.T, pairs int, change func(crm, pm *memory.Options)) *undoWorld {
	t.Helper()
	w := &undoWorld{world: newWorld(t, undoGood, change)}
	for i := range pairs {
		title := connectors.Text(fmt.Sprintf("Deal %d", i))
		notes := connectors.Text(fmt.Sprintf("what was said about deal %d", i))
		if i%4 == 0 {
			notes = connectors.Null
		}
		common := map[string]connectors.Value{"title": title, "notes": notes, "count": number(i + 1), "labels": connectors.Choices(connectors.Option{ID: "crm"})}
		deal := map[string]connectors.Value{"code": connectors.Text(fmt.Sprintf("C-%d", i)), "amount": number(1000 * i)}
		for k, v := range common {
			deal[k] = v
		}
		w.deals = append(w.deals, w.crm.Create("record", nil, "ann", deal))
		w.epics = append(w.epics, w.pm.Create("record", nil, "pat", common))
	}
	w.clock.Advance(time.Minute)
	w.sync()
	return w
}

func number(n int) connectors.Value { return connectors.Int(int64(n)) }

// remap starts the service with another mapping.
func (w *undoWorld) remap(source string) {
	w.t.Helper()
	w.load(source)
	w.start()
}

func (w *undoWorld) sync() {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	if err := w.eng.Sync(w.t.Context(), "pair", nil); err != nil {
		w.t.Fatal(err)
	}
}

// run returns the number of the latest run.
func (w *undoWorld) run() uint64 {
	w.t.Helper()
	rows, err := w.eng.History(w.t.Context(), engine.HistoryFilter{Action: "run started", Limit: 1})
	if err != nil || len(rows) != 1 || rows[0].Run != rows[0].Seq {
		w.t.Fatalf("the latest run: %v, %v", rows, err)
	}
	return rows[0].Seq
}

func (w *undoWorld) undo(o engine.UndoOrder) *engine.Undone {
	w.t.Helper()
	u, err := w.eng.Undo(w.t.Context(), o, engine.UndoOptions{By: "a test"})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// truth is what all records of a system hold.
func truth(s *memory.System, ids []string) map[string]map[string]connectors.Value {
	all := map[string]map[string]connectors.Value{}
	for _, id := range ids {
		all[id] = s.Truth(id)
	}
	return all
}

func (w *undoWorld) all() [2]map[string]map[string]connectors.Value {
	return [2]map[string]map[string]connectors.Value{truth(w.crm, w.deals), truth(w.pm, w.epics)}
}

var sameValues = cmp.Comparer(connectors.Equal)

// quiet makes sure that two syncs write nothing, and change no record.
func (w *undoWorld) quiet(what string) {
	w.t.Helper()
	writes := 0
	hook := func(m memory.Moment) error {
		if m.Effect {
			writes++
		}
		return nil
	}
	w.crm.SetHook(hook)
	w.pm.SetHook(hook)
	before := w.all()
	w.sync()
	w.sync()
	w.crm.SetHook(nil)
	w.pm.SetHook(nil)
	if diff := cmp.Diff(before, w.all(), sameValues); diff != "" || writes > 0 {
		w.t.Errorf("%s: two syncs wrote %d times (-before +after):\n%s", what, writes, diff)
	}
}

// undoHabits are systems that an undo meets.
var undoHabits = map[string]func(crm, pm *memory.Options){
	"a history":          nil,
	"no history":         func(_, pm *memory.Options) { pm.Without = []string{"HistoryReader"} },
	"conditional writes": func(_, pm *memory.Options) { pm.ConditionalWrites = true },
	"edits of sets":      func(crm, pm *memory.Options) { crm.SetEdits, pm.SetEdits = true, true },
	"silent answers":     func(_, pm *memory.Options) { pm.Silent, pm.UpdateBatch, pm.ReadBatch = true, 10, 10 },
	"no versions":        func(crm, pm *memory.Options) { crm.NoVersions, pm.NoVersions = true, true },
	"lists with records": func(crm, pm *memory.Options) { crm.ListsRecords, pm.ListsRecords = true, true },
}

// TestUndoOfARun is the proof: a bad mapping breaks 200 records, people edit
// some of them, the run is undone. All are restored but those edits, which are
// listed, and then nothing more is written: with the bad mapping in place, with
// the good one again, and also after a restart.
func TestUndoOfARun(t *testing.T) {
	t.Parallel()
	for name, habit := range undoHabits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newUndoWorld(t, 200, habit)
			w.lim.Share = -1
			want := w.all()
			w.remap(undoBad)
			w.sync()
			run := w.run()
			for i, id := range w.epics {
				if got := w.get(w.pm, id, "notes"); !connectors.Equal(got, connectors.Text(fmt.Sprintf("C-%d", i))) {
					t.Fatalf("epic %d after the bad mapping: got notes %v", i, got)
				}
			}
			w.clock.Advance(time.Hour)
			edited := []int{3, 4, 77, 199}
			for _, i := range edited {
				w.pm.Edit(w.epics[i], "pat", "notes", connectors.Text("edited by hand"))
				want[1][w.epics[i]]["notes"] = connectors.Text("edited by hand")
			}
			w.pm.Edit(w.epics[5], "pat", "title", connectors.Text("Deal 5, renamed")) // another field
			want[1][w.epics[5]]["title"] = connectors.Text("Deal 5, renamed")
			w.clock.Advance(time.Hour)

			dry, err := w.eng.Undo(t.Context(), engine.UndoOrder{Run: run}, engine.UndoOptions{Dry: true})
			if err != nil {
				t.Fatal(err)
			}
			got := w.undo(engine.UndoOrder{Run: run})
			if dry.Back != 396 || dry.Left != 4 || dry.Else != 0 || got.Back != dry.Back || got.Left != dry.Left || len(got.Runs) != 1 {
				t.Errorf("undone: got %d back, %d left, runs %v; foretold %d and %d; want 396 and 4 in one run", got.Back, got.Left, got.Runs, dry.Back, dry.Left)
			}
			var listed []string
			for _, row := range got.Rows {
				if row.State == "left" {
					listed = append(listed, row.Record+" "+row.Field+" "+row.Code+" "+row.Now+" "+row.Back)
				}
			}
			wantListed := []string{}
			for _, i := range edited {
				back := w.get(w.crm, w.deals[i], "notes").String()
				wantListed = append(wantListed, "pm/record/"+w.epics[i]+" notes edited-since edited by hand "+back)
			}
			slices.Sort(listed)
			slices.Sort(wantListed)
			if diff := cmp.Diff(wantListed, listed); diff != "" {
				t.Errorf("what was left (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, w.all(), sameValues); diff != "" {
				t.Errorf("after the undo (-want +got):\n%s", diff)
			}
			again := w.undo(engine.UndoOrder{Run: run})
			if again.Back != 0 || again.Was != 396 || again.Left != 4 || len(again.Runs) != 0 {
				t.Errorf("a repeat: got %+v, want nothing put back", again)
			}
			// The edit of the other field flows to its deal; then nothing does.
			w.sync()
			want[0][w.deals[5]]["title"] = connectors.Text("Deal 5, renamed")
			if diff := cmp.Diff(want, w.all(), sameValues); diff != "" {
				t.Errorf("after the undo and a sync with the bad mapping (-want +got):\n%s", diff)
			}
			w.quiet("with the bad mapping in place")
			w.start()
			w.quiet("after a restart")
			w.remap(undoGood)
			w.sync()
			for _, i := range edited { // people's edits flow, as they should
				want[0][w.deals[i]]["notes"] = connectors.Text("edited by hand")
			}
			if diff := cmp.Diff(want, w.all(), sameValues); diff != "" {
				t.Errorf("with the good mapping again (-want +got):\n%s", diff)
			}
			w.quiet("with the good mapping")
			w.sound()
		})
	}
}

// sound checks the state, with the chain of its journal.
func (w *undoWorld) sound() {
	w.t.Helper()
	r, err := w.store.Check(w.t.Context())
	if err != nil || len(r.Problems) > 0 {
		w.t.Errorf("the state: %v, %v", r.Problems, err)
	}
	v, err := w.eng.Verify(w.t.Context(), "")
	if err != nil || !v.Sound {
		w.t.Errorf("the journal: %+v, %v", v, err)
	}
}

// TestUndoOfAnUndo puts the broken values back, and takes that back again.
func TestUndoOfAnUndo(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 8, nil)
	w.lim.Share = -1
	good := w.all()
	w.remap(undoBad)
	w.sync()
	run, bad := w.run(), w.all()
	undo := w.undo(engine.UndoOrder{Run: run}).Runs[0]
	if diff := cmp.Diff(good, w.all(), sameValues); diff != "" {
		t.Fatalf("after the undo (-want +got):\n%s", diff)
	}
	redo := w.undo(engine.UndoOrder{Run: undo})
	if diff := cmp.Diff(bad, w.all(), sameValues); diff != "" || redo.Left != 0 {
		t.Errorf("after the undo of the undo, %d left (-want +got):\n%s", redo.Left, diff)
	}
	w.quiet("after the undo of the undo")
	w.undo(engine.UndoOrder{Run: redo.Runs[0]})
	if diff := cmp.Diff(good, w.all(), sameValues); diff != "" {
		t.Errorf("after the undo of that (-want +got):\n%s", diff)
	}
	w.undo(engine.UndoOrder{Run: undo})
	if u := w.undo(engine.UndoOrder{Run: run}); u.Left != 0 {
		t.Errorf("the first run once more: %+v", u)
	}
	if diff := cmp.Diff(good, w.all(), sameValues); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
	w.sound()
}

// TestUndoOrders takes back one write, one field, a record, a link, and what
// was written since a time.
func TestUndoOrders(t *testing.T) {
	t.Parallel()
	broken := func(t *testing.T) *undoWorld {
		w := newUndoWorld(t, 3, nil)
		w.lim.Share = -1
		w.remap(undoBad)
		w.sync()
		return w
	}
	lastEvent := func(w *undoWorld, epic string) uint64 {
		rows, err := w.eng.History(w.t.Context(), engine.HistoryFilter{Record: "pm/record/" + epic, Action: "updated"})
		if err != nil || len(rows) == 0 {
			w.t.Fatalf("history: %v, %v", rows, err)
		}
		return rows[0].Seq
	}
	for name, c := range map[string]struct {
		order func(w *undoWorld) engine.UndoOrder
		back  int
	}{
		"an event": {func(w *undoWorld) engine.UndoOrder { return engine.UndoOrder{Event: lastEvent(w, w.epics[1])} }, 2},
		"a field of an event": {func(w *undoWorld) engine.UndoOrder {
			return engine.UndoOrder{Event: lastEvent(w, w.epics[1]), Field: "notes"}
		}, 1},
		"a record": {func(w *undoWorld) engine.UndoOrder { return engine.UndoOrder{Record: "pm/record/" + w.epics[1]} }, 2},
		"a record by its address": {func(w *undoWorld) engine.UndoOrder {
			return engine.UndoOrder{Record: "https://pm.example/record/" + w.epics[1]}
		}, 2},
		"both records of a link": {func(w *undoWorld) engine.UndoOrder {
			return engine.UndoOrder{Record: fmt.Sprintf("link:%d", w.links()[1].ID)}
		}, 2},
		"a link":           {func(w *undoWorld) engine.UndoOrder { return engine.UndoOrder{Link: w.links()[1].ID} }, 2},
		"a field of a run": {func(w *undoWorld) engine.UndoOrder { return engine.UndoOrder{Run: w.run(), Field: "count"} }, 3},
		"since a time": {func(w *undoWorld) engine.UndoOrder {
			return engine.UndoOrder{Mapping: "pair", Since: w.clock.Now().Add(-30 * time.Second)}
		}, 6},
		"since a later time": {func(w *undoWorld) engine.UndoOrder {
			return engine.UndoOrder{Mapping: "pair", Since: w.clock.Now().Add(time.Second)}
		}, 0},
		"a record on which nothing was written": {func(w *undoWorld) engine.UndoOrder { return engine.UndoOrder{Record: "crm/record/" + w.deals[1]} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := broken(t)
			u := w.undo(c.order(w))
			if u.Back != c.back || u.Left != 0 {
				t.Errorf("got %d back and %d left, want %d and 0: %+v", u.Back, u.Left, c.back, u.Rows)
			}
			w.quiet("afterwards")
			w.sound()
		})
	}
	for name, c := range map[string]struct {
		order engine.UndoOrder
		kind  connectors.Kind
		want  string
	}{
		"nothing":                  {engine.UndoOrder{}, connectors.Invalid, "an undo is of one event"},
		"two things":               {engine.UndoOrder{Event: 1, Run: 1}, connectors.Invalid, "an undo is of one event"},
		"a mapping without a time": {engine.UndoOrder{Mapping: "pair"}, connectors.Invalid, "an undo is of one event"},
		"an event that is not":     {engine.UndoOrder{Event: 999}, connectors.NotFound, "there is no event 999"},
		"an event without a write": {engine.UndoOrder{Event: 1}, connectors.Invalid, "event 1 (run started) wrote no field"},
		"a run that is none":       {engine.UndoOrder{Run: 2}, connectors.NotFound, "event 2 begins no run; it belongs to run 1"},
		"an id of two systems":     {engine.UndoOrder{Record: "2"}, connectors.Invalid, `"2" may be crm/record/2 or pm/record/2`},
		"a record that is not":     {engine.UndoOrder{Record: "99"}, connectors.NotFound, `nothing is known of a record "99"`},
		"a link that is not":       {engine.UndoOrder{Record: "link:99"}, connectors.NotFound, "there is no link 99"},
		"a mapping that is not":    {engine.UndoOrder{Mapping: "pears", Since: time.Unix(1, 0)}, connectors.NotFound, `no mapping is named "pears"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := broken(t)
			_, err := w.eng.Undo(t.Context(), c.order, engine.UndoOptions{})
			if connectors.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got %v (%v), want %v: …%s…", err, connectors.KindOf(err), c.kind, c.want)
			}
		})
	}
}

// TestUndoWithoutTheRule puts back what a rule wrote that is not in the mapping
// any more, and leaves what was written to another object.
func TestUndoWithoutTheRule(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 4, nil)
	w.lim.Share = -1
	want := w.all()
	w.remap(undoBad)
	w.sync()
	run := w.run()
	w.remap(undoHead + undoTail)
	if u := w.undo(engine.UndoOrder{Run: run}); u.Back != 8 || u.Left != 0 {
		t.Errorf("got %+v, want 8 back", u)
	}
	if diff := cmp.Diff(want, w.all(), sameValues); diff != "" {
		t.Errorf("after the undo (-want +got):\n%s", diff)
	}
	w.quiet("without the rules")
	w.remap(undoGood)
	w.quiet("with the good mapping")
}

// TestUndoGoesBackOverSeveralWrites takes back what one run wrote to a field
// twice, as far as nobody else edited it in between.
func TestUndoGoesBackOverSeveralWrites(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between bool
		want    string
		events  int
	}{
		"nobody in between":   {false, "what was said about deal 1", 2},
		"somebody in between": {true, "by hand", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newUndoWorld(t, 2, nil)
			since := w.clock.Now()
			write := func(text string) {
				w.clock.Advance(time.Minute)
				w.crm.Edit(w.deals[1], "ann", "notes", connectors.Text(text))
				w.sync()
			}
			write("first")
			if c.between {
				w.clock.Advance(time.Minute)
				w.pm.Edit(w.epics[1], "pat", "notes", connectors.Text("by hand"))
				w.sync()
			}
			write("second")
			u := w.undo(engine.UndoOrder{Mapping: "pair", Since: since})
			if got := w.get(w.pm, w.epics[1], "notes").String(); got != c.want {
				t.Errorf("the epic's notes: got %q, want %q: %+v", got, c.want, u.Rows)
			}
			for _, row := range u.Rows {
				if row.State == "back" && len(row.Events) != c.events {
					t.Errorf("events taken back: got %v, want %d", row.Events, c.events)
				}
			}
			w.sound()
		})
	}
}

// TestUndoSparesEditsOnTheOtherSide: what somebody edits on the source, before or
// after the undo, flows like any other edit.
func TestUndoSparesEditsOnTheOtherSide(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 2, nil)
	w.clock.Advance(time.Minute)
	w.crm.Edit(w.deals[1], "ann", "notes", connectors.Text("bad"))
	w.sync()
	run := w.run()
	w.clock.Advance(time.Minute)
	w.crm.Edit(w.deals[1], "ann", "notes", connectors.Text("newer"))
	if u := w.undo(engine.UndoOrder{Run: run}); u.Back != 1 {
		t.Errorf("got %+v, want one put back", u)
	}
	w.sync()
	for _, got := range []connectors.Value{w.get(w.crm, w.deals[1], "notes"), w.get(w.pm, w.epics[1], "notes")} {
		if got.String() != "newer" {
			t.Errorf("got %v, want the newer edit on both sides", got)
		}
	}
	w.quiet("then")
}
