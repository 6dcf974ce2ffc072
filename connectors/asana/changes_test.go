package asana_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
)

func TestSubtasks(t *testing.T) {
	w := seeded(t)
	parent := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Parent")}))
	sub := made(t, create(t, w, "subtask", parent, "tenon-sub", map[string]connectors.Value{"name": connectors.Text("Sub"), "notes": connectors.RichText("Words")}))
	deep := made(t, create(t, w, "subtask", sub, "", map[string]connectors.Value{"name": connectors.Text("Deep")}))
	foreign, err := w.sys.As(ada).Create("Website relaunch", "", map[string]any{"name": "Foreign"})
	if err != nil {
		t.Fatal(err)
	}
	stray, err := w.sys.As(ada).CreateSubtask(foreign, map[string]any{"name": "Stray"})
	if err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "subtask", Scope: delivery, Fields: []string{"name", "notes"}}
	got, err := w.conn.Read(t.Context(), sel, []string{sub, deep, stray, parent})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false, false} {
		if got[i].Err != nil || got[i].Record.InScope != want {
			t.Errorf("record %d: %v, in scope %v, want %v", i, got[i].Err, got[i].Record != nil && got[i].Record.InScope, want)
		}
	}
	// The key stays below the description whatever is written above it.
	res := w.conn.Update(t.Context(), []connectors.Update{{Object: "subtask", Scope: delivery, ID: sub, Fields: map[string]connectors.Value{"notes": connectors.RichText("Other words")}}})[0]
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	if v, _ := res.Record.Get("notes"); v.Text() != "Other words" {
		t.Errorf("the description reads %q", v)
	}
	found, err := w.conn.FindByKey(t.Context(), "subtask", delivery, []string{"tenon-sub"})
	if err != nil || !slices.Equal(found[0], []string{sub}) {
		t.Errorf("FindByKey: %v, %v; want %s", found, err, sub)
	}
	page, err := w.conn.Changes(t.Context(), sel, "")
	var ids []string
	for _, ch := range page.Changes {
		ids = append(ids, ch.ID)
	}
	if err != nil || !slices.Contains(ids, sub) || !slices.Contains(ids, deep) || slices.Contains(ids, stray) {
		t.Errorf("Changes: %v, %v; want %s and %s", ids, err, sub, deep)
	}
	w.Settle(nil)
	if err := w.sys.As(ada).Edit(deep, map[string]any{"name": "Deeper"}); err != nil {
		t.Fatal(err)
	}
	w.Settle(nil)
	page, err = w.conn.Changes(t.Context(), sel, page.Next)
	if err != nil || !slices.ContainsFunc(page.Changes, func(c connectors.Change) bool { return c.ID == deep }) {
		t.Errorf("Changes after an edit: %+v, %v; want %s", page.Changes, err, deep)
	}
}

func TestLostSyncTokenMakesAFullPass(t *testing.T) {
	w := seeded(t)
	var ids []string
	for i := range 3 {
		ids = append(ids, made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text(fmt.Sprint(i))})))
	}
	sel := connectors.Selection{Object: "task", Scope: delivery, Fields: []string{"name"}}
	cursor := ""
	for range 3 {
		w.Settle(nil)
		page, err := w.conn.Changes(t.Context(), sel, cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
	}
	w.sys.ExpireSyncTokens()
	page, err := w.conn.Changes(t.Context(), sel, cursor)
	if err != nil || len(page.Changes) != len(ids) {
		t.Errorf("Changes after a gap: %d rows, %v; want all %d tasks", len(page.Changes), err, len(ids))
	}
}

func TestListThatEndsEarlyGoesOnSectionBySection(t *testing.T) {
	for name, spoil := range map[string]func(*sandbox.System){
		"the page's token has run out":    (*sandbox.System).ExpireOffsets,
		"Asana does not page any further": func(s *sandbox.System) { s.CapPages(100) },
	} {
		t.Run(name, func(t *testing.T) {
			w := seeded(t)
			want := map[string]bool{}
			for i := range 130 {
				gid, err := w.sys.As(ada).Create(sandbox.DefaultProject, []string{"To Do", "In Progress", "Done"}[i%3], map[string]any{"name": fmt.Sprint(i)})
				if err != nil {
					t.Fatal(err)
				}
				want[gid] = true
			}
			sel := connectors.Selection{Object: "task", Scope: delivery}
			page, err := w.conn.Changes(t.Context(), sel, "")
			if err != nil || !page.More {
				t.Fatalf("first page: %v, more %v", err, page.More)
			}
			spoil(w.sys)
			for n := 0; page.More && n < 20; n++ {
				if page, err = w.conn.Changes(t.Context(), sel, page.Next); err != nil {
					t.Fatal(err)
				}
				for _, ch := range page.Changes {
					delete(want, ch.ID)
				}
			}
			if len(want) > 0 || page.More {
				t.Errorf("%d tasks are missing, more %v", len(want), page.More)
			}
		})
	}
}

func TestFindGoesOnFromItsIndex(t *testing.T) {
	w := seeded(t)
	for i := range 120 {
		if _, err := w.sys.As(ada).Create(sandbox.DefaultProject, "", map[string]any{"name": fmt.Sprint("Task ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.Settle(nil)
	sel := connectors.Selection{Object: "task", Scope: delivery}
	find := func(name string) []string {
		t.Helper()
		got, err := connectors.AbilitiesOf(w.conn).Finder.Find(t.Context(), sel, "name", []connectors.Value{connectors.Text(name)}, 5)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	id := find("Task 7")
	if len(id) != 1 {
		t.Fatalf("Find: %v, want one task", id)
	}
	w.Settle(nil)
	if err := w.sys.As(ada).Edit(id[0], map[string]any{"name": "Renamed"}); err != nil {
		t.Fatal(err)
	}
	before := w.calls.Load()
	if old, now := find("Task 7"), find("Renamed"); len(old) != 0 || len(now) != 1 || now[0] != id[0] {
		t.Errorf("after a rename: %v by the old name, %v by the new one", old, now)
	}
	if n := w.calls.Load() - before; n > 5 {
		t.Errorf("two more looks took %d calls", n)
	}
}

func TestDeleteAndMoveComeByEvents(t *testing.T) {
	w := seeded(t)
	gone := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Gone")}))
	moved := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Moved")}))
	sel := connectors.Selection{Object: "task", Scope: delivery}
	cursor := ""
	for range 3 {
		w.Settle(nil)
		page, err := w.conn.Changes(t.Context(), sel, cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
	}
	if err := w.sys.As(ada).Delete(gone); err != nil {
		t.Fatal(err)
	}
	if err := w.sys.As(ada).Edit(moved, map[string]any{"section": "Done"}); err != nil {
		t.Fatal(err)
	}
	w.Settle(nil)
	page, err := w.conn.Changes(t.Context(), sel, cursor)
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]connectors.State{}
	for _, ch := range page.Changes {
		state[ch.ID] = max(state[ch.ID], ch.State)
	}
	if s, ok := state[gone]; !ok || s != connectors.Deleted {
		t.Errorf("the deleted task: listed %v as %v", ok, s)
	}
	if s, ok := state[moved]; !ok || s != connectors.Live {
		t.Errorf("the moved task: listed %v as %v", ok, s)
	}
}
