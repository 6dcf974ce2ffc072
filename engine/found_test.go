package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// A system that takes several requests for one record may be left with half of
// it when the answer is lost: what is set once at creation is made good when the
// record is found, unless somebody has been there.
func TestFoundRecordGetsWhatItsCreateStillHadToWrite(t *testing.T) {
	source := strings.Replace(twoWay, "    button: Convert to project\n", "    button: Convert to project\n    with: {description: Made by us, amount: 12}\n", 1)
	for name, c := range map[string]struct {
		meanwhile func(w *world, epic string)
		want      string
	}{
		"nobody was there": {func(*world, string) {}, "Made by us"},
		"a person wrote":   {func(w *world, epic string) { w.pm.Edit(epic, "bob", "description", connectors.RichText("Mine")) }, "Mine"},
		"a person wrote and erased": {func(w *world, epic string) {
			w.pm.Edit(epic, "bob", "description", connectors.RichText("Mine"))
			w.pm.Edit(epic, "bob", "description", connectors.Null)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, source, func(_, pm *memory.Options) { pm.IndexLag = time.Second })
			epic := ""
			w.pm.SetHook(func(m memory.Moment) error {
				if m.Call == "create" && m.After && epic == "" {
					epic = m.ID
					return memory.Lost()
				}
				return nil
			})
			w.crm.Create("record", nil, "ada", deal("Roll-out", nil))
			for _, f := range w.eng.Feeds() {
				if _, err := w.eng.Poll(t.Context(), f); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.eng.Drain(t.Context(), "pair"); err != nil || epic == "" {
				t.Fatalf("drain: %v, epic %q", err, epic)
			}
			w.pm.Forget(epic, "description") // the second request never came
			w.pm.Forget(epic, "title")
			c.meanwhile(w, epic)
			w.settle()
			if got := w.get(w.pm, epic, "description").Text(); got != c.want {
				t.Errorf("description %q, want %q", got, c.want)
			}
			if got := w.get(w.pm, epic, "amount").Number(); got != "12" {
				t.Errorf("amount %q, want that of the create", got)
			}
			if got := w.get(w.pm, epic, "title").Text(); got != "Roll-out" {
				t.Errorf("title %q, want the deal's", got)
			}
			if n := len(w.links()); n != 1 {
				t.Errorf("%d links, want 1", n)
			}
		})
	}
}
