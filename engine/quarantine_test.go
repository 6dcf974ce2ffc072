package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// recordAside returns what is held back as a whole record.
func (w *world) recordAside() (row engine.AsideRow, ok bool) {
	w.t.Helper()
	rows, err := w.eng.Asides(w.t.Context(), "", true, 0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rows {
		if r.Field == "record" {
			return r, true
		}
	}
	return row, false
}

// due works what is due now, and lets no time pass.
func (w *world) due() {
	w.t.Helper()
	for range 100 {
		d, err := w.eng.Drain(w.t.Context(), "pair")
		if err != nil {
			w.t.Fatal(err)
		}
		if d.Worked == 0 {
			return
		}
	}
	w.t.Fatal("never dry")
}

// quarantined returns a world whose deal was deleted and whose epic waits to be
// archived.
func quarantined(t *testing.T) (w *world, id, epic string) {
	t.Helper()
	w, id, epic = linked(t, twoWay+"on_delete: {deal: archive}\n", func(crm, _ *memory.Options) { crm.ShowsDeleted = true })
	w.crm.SetState(id, connectors.Deleted)
	if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	w.due()
	if got := w.pm.State(epic); got != connectors.Live {
		t.Fatalf("the epic is %v, want it to wait", got)
	}
	return w, id, epic
}

func TestDeletionWaitsAndSaysSo(t *testing.T) {
	w, _, epic := quarantined(t)
	since := w.clock.Now()
	rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{})
	if err != nil || len(rows) != 1 || rows[0].Code != "delete-waits" || rows[0].Status != "waiting" || !rows[0].Due.Equal(since.Add(10*time.Minute)) {
		t.Errorf("queue: %+v, %v", rows, err)
	}
	a, ok := w.recordAside()
	want := "the deal is deleted; at " + since.Add(10*time.Minute).Format(time.RFC3339) +
		" the epic follows (archive), unless it comes back: choose deal not to wait, or epic to keep that one"
	if !ok || a.Code != "delete-waits" || a.Reason != want {
		t.Errorf("aside: %+v; want %q", a, want)
	}
	if got := strings.Count(w.actions(), "delete waits"); got != 1 {
		t.Errorf("the journal tells of it %d times, want once", got)
	}
	w.start() // the wait goes on over a restart
	w.clock.Advance(9 * time.Minute)
	for range 3 { // hints meanwhile change nothing
		if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
			t.Fatal(err)
		}
		w.due()
	}
	if got := w.pm.State(epic); got != connectors.Live {
		t.Fatalf("after nine minutes the epic is %v", got)
	}
	w.clock.Advance(time.Minute)
	w.due()
	if got, link := w.pm.State(epic), w.links()[0]; got != connectors.Archived || link.Status != "ended" || len(link.Asides) != 0 {
		t.Errorf("after ten minutes the epic is %v, the link %+v", got, link)
	}
	if got := strings.Count(w.actions(), "delete waits"); got != 1 {
		t.Errorf("the journal tells of it %d times, want once", got)
	}
}

func TestRestoreEndsTheWaitForADeletion(t *testing.T) {
	w, id, epic := quarantined(t)
	w.crm.SetState(id, connectors.Live)
	w.crm.Edit(id, "ada", "notes", connectors.Text("back"))
	for _, hook := range w.crm.Webhooks() {
		if _, err := w.eng.Receive(t.Context(), "crm", hook); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Second)
	w.due()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "back" {
		t.Errorf("notes: got %v; the restored deal must not wait", got)
	}
	w.clock.Advance(time.Hour)
	w.sweep()
	if a, ok := w.recordAside(); ok || w.pm.State(epic) != connectors.Live || len(w.active()) != 1 {
		t.Errorf("the epic is %v, aside %+v", w.pm.State(epic), a)
	}
	if !strings.Contains(w.actions(), "came back\n") {
		t.Errorf("the journal does not tell of it:\n%s", w.actions())
	}
}

func TestPersonDecidesAboutAWaitingDeletion(t *testing.T) {
	for choice, want := range map[string]connectors.State{"deal": connectors.Archived, "epic": connectors.Live} {
		t.Run(choice, func(t *testing.T) {
			w, _, epic := quarantined(t)
			a, _ := w.recordAside()
			if err := w.eng.Resolve(t.Context(), a.Link, a.Rule, choice, "ada"); err != nil {
				t.Fatal(err)
			}
			w.due()
			if got, link := w.pm.State(epic), w.links()[0]; got != want || link.Status != "ended" || len(link.Asides) != 0 {
				t.Errorf("the epic is %v, want %v; link %+v", got, want, link)
			}
			w.clock.Advance(time.Hour)
			w.sweep()
			if got := w.pm.State(epic); got != want {
				t.Errorf("an hour later the epic is %v, want %v", got, want)
			}
		})
	}
}

func TestEditWhileADeletionWaitsIsAConflict(t *testing.T) {
	w, id, epic := quarantined(t)
	w.pm.Edit(epic, "grace", "notes", connectors.Text("still at it"))
	w.settle()
	w.clock.Advance(time.Hour)
	w.sweep()
	a, ok := w.recordAside()
	if !ok || a.Code != "deleted-and-edited" || w.pm.State(epic) != connectors.Live {
		t.Fatalf("the epic is %v, aside %+v", w.pm.State(epic), a)
	}
	if got := strings.Count(w.actions(), "conflict\n"); got != 1 {
		t.Errorf("the journal tells of it %d times, want once", got)
	}
	w.crm.SetState(id, connectors.Live)
	w.sweep()
	if _, ok := w.recordAside(); ok {
		t.Error("the deal is back, and the conflict stands still")
	}
	if got := w.get(w.crm, id, "notes"); got.Text() != "still at it" {
		t.Errorf("notes: got %v", got)
	}
}

func TestCarriedDeletionTakenBack(t *testing.T) {
	w, id, epic := quarantined(t)
	w.settle()
	if got := w.pm.State(epic); got != connectors.Archived {
		t.Fatalf("the epic is %v", got)
	}
	w.crm.SetState(id, connectors.Live)
	for range 3 {
		w.sweep()
	}
	rows, err := w.eng.History(t.Context(), engine.HistoryFilter{Action: "came back alone"})
	want := `the deal is there again, but its epic is archived, and Tenon cannot bring that back: restore it in pm and the two are linked again, or press "Convert to project" to make another`
	if err != nil || len(rows) != 1 || rows[0].Detail != want {
		t.Errorf("history: %+v, %v; want once %q", rows, err, want)
	}
	t.Run("by hand", func(t *testing.T) {
		w.pm.SetState(epic, connectors.Live)
		w.sweep()
		if got := w.active(); len(got) != 1 || got[0].Records[1].ID != epic {
			t.Errorf("links: %+v", w.links())
		}
	})
}

func TestButtonMakesAnotherWhereTheFormerIsGone(t *testing.T) {
	w, id, epic := quarantined(t)
	w.settle()
	w.crm.SetState(id, connectors.Live)
	w.sweep()
	if conv, err := w.eng.Preview(t.Context(), "pair", id); err != nil || conv.Conversion == nil || conv.Conversion.Code != "unlinked" {
		t.Errorf("preview: %+v, %v", conv, err)
	}
	if err := w.eng.Ask(t.Context(), "pair", id, "ada"); err != nil {
		t.Fatal(err)
	}
	if p, err := w.eng.Preview(t.Context(), "pair", id); err != nil || p.Conversion.State != "under way" {
		t.Errorf("before the work: %+v, %v", p, err)
	}
	w.settle()
	links := w.active()
	if len(links) != 1 || links[0].Records[1].ID == epic {
		w.dump()
		t.Fatalf("links: %+v", w.links())
	}
	conv, err := w.eng.Press(t.Context(), "pair", id, "ada")
	if err != nil || conv.State != "done" || conv.Target.ID != links[0].Records[1].ID {
		t.Errorf("press: %+v, %v", conv, err)
	}
	if got := len(w.pm.IDs("record")); got != 2+3 {
		t.Errorf("got %d records, want the former tasks and the new epic with its two", got)
	}
}

func TestOscillationSurvivesARestartAndHealsByRetry(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	for i := range 12 {
		w.crm.Edit(id, "robot", "notes", connectors.Text([]string{"on", "off"}[i%2]))
		w.settle()
	}
	parked := func() engine.AsideRow {
		rows, err := w.eng.Asides(t.Context(), "", false, 0, 0)
		if err != nil || len(rows) != 1 || rows[0].Code != "oscillating" {
			t.Fatalf("held back: %+v, %v", rows, err)
		}
		return rows[0]
	}
	if reason := parked().Reason; !strings.Contains(reason, "more than 8 times within 10m0s, back and forth") {
		t.Errorf("reason: %s", reason)
	}
	w.start()
	parked()
	stands := w.get(w.pm, epic, "notes")
	w.crm.Edit(id, "robot", "notes", connectors.Text("another"))
	w.crm.Edit(id, "robot", "count", connectors.Int(5))
	w.settle()
	parked()
	if got := w.get(w.pm, epic, "notes"); !connectors.Equal(got, stands) {
		t.Errorf("notes: got %v, want %v: the field is parked over a restart", got, stands)
	}
	if got := w.get(w.pm, epic, "count"); got.Number() != "5" {
		t.Errorf("count: got %v; the other fields go on", got)
	}
	if n, err := w.eng.Retry(t.Context(), engine.QueueFilter{}); n != 1 || err != nil {
		t.Fatalf("retry: %d, %v", n, err)
	}
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "another" {
		t.Errorf("after the retry: got %v", got)
	}
	if rows, _ := w.eng.Asides(t.Context(), "", false, 0, 0); len(rows) != 0 {
		t.Errorf("still held back: %+v", rows)
	}
}
