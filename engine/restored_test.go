package engine_test

import (
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// TestRestoredBeforeItIsMadeAgain: a deleted epic was about to be made again,
// and somebody restores it first. It is linked again, with the tasks that it
// has, and no other is made.
func TestRestoredBeforeItIsMadeAgain(t *testing.T) {
	w, id, epic := linked(t, twoWay+"on_delete: {epic: recreate}\n", nil)
	made := len(w.pm.IDs("record"))
	w.pm.SetState(epic, connectors.Deleted)
	if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if len(w.links()) == 0 {
			break
		}
		d, err := w.eng.Drain(t.Context(), "pair")
		if err != nil {
			t.Fatal(err)
		}
		if wait := d.Next.Sub(w.clock.Now()); !d.Next.IsZero() && wait > 0 {
			w.clock.Advance(wait)
		}
	}
	if n := len(w.links()); n != 0 {
		t.Fatalf("%d links, want none: the epic is to be made again", n)
	}
	w.pm.SetState(epic, connectors.Live)
	w.settle()
	links := w.links()
	if len(links) != 1 || links[0].Records[0].ID != id || links[0].Records[1].ID != epic {
		w.dump()
		t.Fatalf("links: %+v, want deal %s and epic %s", links, id, epic)
	}
	if got := len(w.pm.IDs("record")); got != made {
		t.Errorf("%d records, want %d: the epic and its tasks", got, made)
	}
	w.crm.Edit(id, "ada", "notes", connectors.Text("on again"))
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "on again" {
		t.Errorf("notes: got %v", got)
	}
}
