package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

var asking = with(twoWay, "conflict: newest", "conflict: ask")

// contested returns a world with conflicts in these fields of one pair.
func contested(t *testing.T, change func(crm, pm *memory.Options), fields ...string) (w *world, deal1, epic string, rows []engine.AsideRow) {
	t.Helper()
	w, deal1, epic = linked(t, asking, change)
	values := map[string][2]connectors.Value{
		"notes": {connectors.Text("from sales"), connectors.Text("from delivery")},
		"count": {connectors.Int(1), connectors.Int(2)},
		"stage": {connectors.Choice(connectors.Option{ID: "2"}), connectors.Choice(connectors.Option{ID: "3"})},
		"owner": {connectors.PersonValue(connectors.Person{ID: "u2"}), connectors.PersonValue(connectors.Person{ID: "u3"})},
	}
	for _, f := range fields {
		w.crm.Edit(deal1, "ada", f, values[f][0])
		w.pm.Edit(epic, "grace", f, values[f][1])
	}
	w.settle()
	rows, err := w.eng.Asides(t.Context(), "", true, 0, 0)
	if err != nil || len(rows) != len(fields) {
		w.dump()
		t.Fatalf("conflicts: %+v, %v", rows, err)
	}
	return w, deal1, epic, rows
}

func ids(rows []engine.AsideRow) (ids []engine.ConflictID) {
	for _, r := range rows {
		ids = append(ids, engine.ConflictID{Link: r.Link, Rule: r.Rule})
	}
	return ids
}

func TestResolveMany(t *testing.T) {
	for _, c := range []struct {
		name  string
		order func(rows []engine.AsideRow) engine.ResolveOrder
		want  int
	}{
		{"by name", func(rows []engine.AsideRow) engine.ResolveOrder { return engine.ResolveOrder{Conflicts: ids(rows)} }, 2},
		{"a mapping", func([]engine.AsideRow) engine.ResolveOrder { return engine.ResolveOrder{Mapping: "pair"} }, 2},
		{"a field", func([]engine.AsideRow) engine.ResolveOrder { return engine.ResolveOrder{Field: "count"} }, 1},
		{"a rule", func(rows []engine.AsideRow) engine.ResolveOrder { return engine.ResolveOrder{Field: rows[1].Field} }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, id, _, rows := contested(t, nil, "notes", "count")
			slices.SortFunc(rows, func(a, b engine.AsideRow) int { return -strings.Compare(a.Field, b.Field) })
			order := c.order(rows)
			order.Side, order.Dry = "epic", true
			dry, err := w.eng.ResolveMany(t.Context(), order, "ada")
			if err != nil || dry.Count != c.want || len(dry.Rows) != c.want {
				t.Fatalf("dry: got %+v, %v", dry, err)
			}
			w.settle()
			if left, _ := w.eng.Asides(t.Context(), "", true, 0, 0); len(left) != 2 || left[0].Choice != "" {
				t.Fatalf("a dry order decided: %+v", left)
			}
			order.Dry = false
			done, err := w.eng.ResolveMany(t.Context(), order, "ada")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(dry, done); diff != "" {
				t.Errorf("dry and done differ (-dry +done):\n%s", diff)
			}
			w.settle()
			if left, _ := w.eng.Asides(t.Context(), "", true, 0, 0); len(left) != 2-c.want {
				t.Errorf("left: %+v", left)
			}
			if got := w.get(w.crm, id, "count"); got.Number() != "2" {
				t.Errorf("count: got %v, want the epic's 2", got)
			}
		})
	}
}

func TestResolveByAValueThatNeitherSideHolds(t *testing.T) {
	tidy := func(crm, pm *memory.Options) { crm.TrimText, pm.TrimText = true, true }
	for _, c := range []struct {
		field, typed string
		change       func(crm, pm *memory.Options)
		want         [2]string
	}{
		{"notes", "agreed on the phone", nil, [2]string{"agreed on the phone", "agreed on the phone"}},
		{"notes", "  with blanks around  ", tidy, [2]string{"with blanks around", "with blanks around"}},
		{"notes", "", nil, [2]string{"", ""}},
		{"count", "17", nil, [2]string{"17", "17"}},
		{"stage", "1", nil, [2]string{"1", "1"}},
	} {
		t.Run(c.field+" "+c.typed, func(t *testing.T) {
			w, id, epic, rows := contested(t, c.change, c.field)
			done, err := w.eng.ResolveMany(t.Context(), engine.ResolveOrder{Conflicts: ids(rows), Value: &c.typed}, "ada")
			if err != nil || done.Rows[0].Stands != "value" {
				t.Fatalf("got %+v, %v", done, err)
			}
			if rows, _ := w.eng.Asides(t.Context(), "", true, 0, 0); rows[0].Choice != "value" {
				t.Errorf("the list shows the choice %q", rows[0].Choice)
			}
			w.start() // the choice is durable
			w.settle()
			text := func(v connectors.Value) string {
				if v.Type() == connectors.TypeOption {
					return v.Option().ID
				}
				return v.String()
			}
			got := [2]string{text(w.get(w.crm, id, c.field)), text(w.get(w.pm, epic, c.field))}
			if got != c.want {
				w.dump()
				t.Errorf("got %q, want %q", got, c.want)
			}
			if rows, _ := w.eng.Asides(t.Context(), "", false, 0, 0); len(rows) != 0 {
				t.Errorf("still held back: %+v", rows)
			}
			crm, pm := len(w.crm.History(id)), len(w.pm.History(epic))
			w.sweep()
			if len(w.crm.History(id)) != crm || len(w.pm.History(epic)) != pm {
				t.Error("a sweep wrote after the choice was carried out")
			}
		})
	}
}

func TestAnEditAfterTheChoiceOfAValueIsAConflictAgain(t *testing.T) {
	w, id, epic, rows := contested(t, nil, "notes")
	typed := "agreed on the phone"
	if _, err := w.eng.ResolveMany(t.Context(), engine.ResolveOrder{Conflicts: ids(rows), Value: &typed}, "ada"); err != nil {
		t.Fatal(err)
	}
	w.crm.Edit(id, "ada", "notes", connectors.Text("changed my mind"))
	w.settle()
	if rows, _ := w.eng.Asides(t.Context(), "", true, 0, 0); len(rows) != 1 || rows[0].Choice != "" || rows[0].Values[0] != "changed my mind" {
		t.Errorf("conflicts: %+v", rows)
	}
	if got := w.get(w.pm, epic, "notes").Text(); got != "from delivery" {
		t.Errorf("the epic was written: %q", got)
	}
}

func TestResolveRefusesAndDecidesNothing(t *testing.T) {
	w, _, _, rows := contested(t, nil, "notes", "count", "stage")
	word, long := "word", strings.Repeat("x", 200<<10)
	all := ids(rows)
	for _, c := range []struct {
		name  string
		order engine.ResolveOrder
		want  string
	}{
		{"nothing stands", engine.ResolveOrder{Conflicts: all}, "no clear way"},
		{"two stand", engine.ResolveOrder{Conflicts: all, Side: "deal", Value: &word}, "no clear way"},
		{"no conflict", engine.ResolveOrder{Side: "deal"}, "names no conflict"},
		{"named and described", engine.ResolveOrder{Conflicts: all, Mapping: "pair", Side: "deal"}, "at once"},
		{"no such side", engine.ResolveOrder{Conflicts: all, Side: "ticket"}, "choose deal or epic"},
		{"one of them is none", engine.ResolveOrder{Conflicts: append([]engine.ConflictID{{Link: 1, Rule: 999}}, all...), Side: "deal"}, "no conflict in field 999"},
		{"not a number", engine.ResolveOrder{Conflicts: all, Value: &word}, "word"},
		{"too long", engine.ResolveOrder{Field: "notes", Value: &long}, ""},
		{"no such mapping", engine.ResolveOrder{Mapping: "other", Side: "deal"}, "other"},
		{"seen of many", engine.ResolveOrder{Conflicts: all, Side: "deal", Seen: "x"}, "one conflict"},
	} {
		_, err := w.eng.ResolveMany(t.Context(), c.order, "ada")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	left, err := w.eng.Asides(t.Context(), "", true, 0, 0)
	if err != nil || len(left) != 3 {
		t.Fatalf("left: %+v, %v", left, err)
	}
	for _, a := range left {
		if a.Choice != "" {
			t.Errorf("%s was decided: %q", a.Field, a.Choice)
		}
	}
}

func TestAConflictIsShownWithWhatBothSidesHoldNow(t *testing.T) {
	w, id, _, rows := contested(t, nil, "notes")
	w.crm.Edit(id, "ada", "notes", connectors.Text("newer"))
	v, err := w.eng.ShowConflict(t.Context(), rows[0].Link, rows[0].Rule)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := [2]string{v.Live[0].Value, v.Live[1].Value}, [2]string{"newer", "from delivery"}; got != want {
		t.Errorf("live: got %q, want %q", got, want)
	}
	if v.Values[0] != "from sales" || !v.Live[0].Told || v.Seen == "" || v.Live[0].State != "live" {
		t.Errorf("the view: %+v", v)
	}
	w.crm.Edit(id, "ada", "notes", connectors.Text("newest"))
	order := engine.ResolveOrder{Conflicts: ids(rows), Side: "epic", Seen: v.Seen}
	if _, err := w.eng.ResolveMany(t.Context(), order, "ada"); connectors.KindOf(err) != connectors.Conflict || !strings.Contains(err.Error(), `deal now holds "newest"`) {
		t.Errorf("decided about what has changed since: %v", err)
	}
	if v, err = w.eng.ShowConflict(t.Context(), rows[0].Link, rows[0].Rule); err != nil {
		t.Fatal(err)
	}
	order.Seen = v.Seen
	if _, err := w.eng.ResolveMany(t.Context(), order, "ada"); err != nil {
		t.Errorf("decided about what was seen: %v", err)
	}
	if _, err := w.eng.ShowConflict(t.Context(), 1, 999); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("no such conflict: got %v", err)
	}
	if _, err := w.eng.Pause(t.Context(), "crm", "", "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.ShowConflict(t.Context(), rows[0].Link, rows[0].Rule); connectors.KindOf(err) != connectors.Conflict {
		t.Errorf("a paused connection was read: %v", err)
	}
}
