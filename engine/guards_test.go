package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// many returns a world with n deals and their epics at rest; notes are filled.
func many(t *testing.T, n int, source string, change func(l *engine.Limits)) (w *world, deals []string) {
	t.Helper()
	w = newWorld(t, source, nil)
	if change != nil {
		change(&w.lim)
		w.start()
	}
	for i := range n {
		deals = append(deals, w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("d%d", i), map[string]connectors.Value{"notes": connectors.Text("n")})))
	}
	w.settle()
	if got := len(w.active()); got != n {
		t.Fatalf("got %d active links, want %d", got, n)
	}
	return w, deals
}

// active returns the links that are active.
func (w *world) active() (rows []engine.LinkRow) {
	w.t.Helper()
	for _, l := range w.links() {
		if l.Status == "active" {
			rows = append(rows, l)
		}
	}
	return rows
}

func (w *world) mapping() engine.MappingStatus {
	w.t.Helper()
	s, err := w.eng.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Mappings[0]
}

// running fails the test unless the mapping runs.
func (w *world) running() {
	w.t.Helper()
	if m := w.mapping(); m.State != "running" {
		w.t.Fatalf("the mapping is stopped: %s: %s", m.Code, m.Reason)
	}
}

// halted fails the test unless the mapping is stopped for the code, and returns
// the reason.
func (w *world) halted(code string) string {
	w.t.Helper()
	m := w.mapping()
	if m.State != "stopped" || m.Code != code || m.Resume != "tenon resume pair" {
		w.t.Fatalf("got %s %q %q, want it stopped for %s", m.State, m.Code, m.Reason, code)
	}
	return m.Reason
}

func (w *world) resume() {
	w.t.Helper()
	if err := w.eng.Resume(w.t.Context(), "pair", "ada"); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// cleared counts the epics without notes.
func (w *world) cleared() (n int) {
	for _, l := range w.links() {
		if w.get(w.pm, l.Records[1].ID, "notes").IsNull() {
			n++
		}
	}
	return n
}

func (w *world) clearNotes(deals []string) {
	for _, id := range deals {
		w.crm.Edit(id, "script", "notes", connectors.Null)
	}
	w.settle()
}

func TestGuardAsksForTheWholeAndLetsJustThatThrough(t *testing.T) {
	w, deals := many(t, 12, twoWay, func(l *engine.Limits) { l.Clears, l.Batch = 2, 4 })
	w.clearNotes(deals[:9])
	if got := w.cleared(); got != 0 {
		t.Errorf("%d fields were emptied before anybody was asked", got)
	}
	reason := w.halted("guard")
	for _, want := range []string{"0 fields emptied within 1h0m0s", "and 9 more to come", "crm/record/1: notes", "over the budget of 2"} {
		if !strings.Contains(reason, want) {
			t.Errorf("the reason lacks %q: %s", want, reason)
		}
	}
	w.resume()
	w.running()
	if got := w.cleared(); got != 9 {
		t.Errorf("after resume %d fields are emptied, want 9", got)
	}
	w.clearNotes(deals[9:])
	w.halted("guard")
	if got := w.cleared(); got != 9 {
		t.Errorf("%d fields are emptied, want 9: the resume was for those that were asked about", got)
	}
	w.clock.Advance(2 * time.Hour)
	if err := w.eng.Resume(t.Context(), "nobody", "ada"); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("resume of no mapping: got %v", err)
	}
	w.resume()
	if got := w.cleared(); got != 12 {
		t.Errorf("after the second resume %d fields are emptied, want 12", got)
	}
	err := w.eng.Resume(t.Context(), "pair", "ada")
	if connectors.KindOf(err) != connectors.Invalid || !strings.Contains(err.Error(), "mapping pair is not stopped") {
		t.Errorf("resume of a running mapping: got %v", err)
	}
}

func TestGuardCountsSurviveARestart(t *testing.T) {
	w, deals := many(t, 4, twoWay, func(l *engine.Limits) { l.Clears = 2 })
	w.clearNotes(deals[:2])
	w.running()
	w.start()
	w.clearNotes(deals[2:3])
	w.halted("guard")
	w.start()
	w.halted("guard")
	w.settle()
	if got := w.cleared(); got != 2 {
		t.Errorf("got %d fields emptied, want 2", got)
	}
	w.resume()
	if got := w.cleared(); got != 3 {
		t.Errorf("after resume: got %d fields emptied, want 3", got)
	}
}

func TestGuardForgetsWithTheWindow(t *testing.T) {
	w, deals := many(t, 4, twoWay, func(l *engine.Limits) { l.Clears = 2 })
	w.clearNotes(deals[:2])
	w.clock.Advance(61 * time.Minute)
	w.clearNotes(deals[2:])
	w.running()
	if got := w.cleared(); got != 4 {
		t.Errorf("got %d fields emptied, want 4", got)
	}
}

func TestGuardSharesProtectSmallMappings(t *testing.T) {
	t.Run("clears", func(t *testing.T) {
		w, deals := many(t, 16, twoWay, nil) // a quarter are 4, the floor is 10
		w.clearNotes(deals[:10])
		w.running()
		w.clearNotes(deals[10:])
		w.halted("guard")
	})
	t.Run("deletes", func(t *testing.T) {
		w, deals := many(t, 16, twoWay, nil)
		for i, id := range deals[:8] {
			w.crm.SetState(id, connectors.Archived)
			w.sweep()
			if want := i < 5; (w.mapping().State == "running") != want {
				t.Fatalf("after %d deletions running is %v, want %v", i+1, !want, want)
			}
		}
		if got := len(w.active()); got != 11 {
			t.Errorf("got %d active links, want 11", got)
		}
	})
	t.Run("off", func(t *testing.T) {
		w, deals := many(t, 16, twoWay, func(l *engine.Limits) { l.Share = -1 })
		w.clearNotes(deals)
		w.running()
	})
}

func TestGuardStopsAChangedMapping(t *testing.T) {
	w, deals := many(t, 60, twoWay, func(l *engine.Limits) { l.Batch = 10 })
	for _, l := range w.active() {
		w.pm.Edit(l.Records[1].ID, "grace", "code", connectors.Text("P"+l.Records[1].ID))
	}
	for i, id := range deals {
		w.crm.Edit(id, "ada", "code", connectors.Text(fmt.Sprintf("C%d", i)))
	}
	w.settle()
	w.load(with(with(twoWay, "match:\n  - {deal: code, epic: code}\n", ""), "  - {deal: title, epic: title}", "  - {deal: title, epic: title}\n  - {deal: code, epic: code}"))
	w.start()
	if _, err := w.eng.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.sweep()
	if reason := w.halted("guard"); !strings.Contains(reason, "values replaced after a change of the mapping") {
		t.Errorf("reason: %s", reason)
	}
	replaced := 0
	for _, l := range w.active() {
		if strings.HasPrefix(w.get(w.pm, l.Records[1].ID, "code").Text(), "C") {
			replaced++
		}
	}
	if replaced > 50 {
		t.Errorf("%d of 60 values were replaced before anybody was asked", replaced)
	}
}

func TestGuardStopsARunawayOfCreates(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.lim.Creates = 3
	w.start()
	var deals []string
	for i := range 6 {
		deals = append(deals, w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("d%d", i), nil)))
	}
	w.settle()
	reason := w.halted("guard")
	if n := len(w.pm.IDs("record")); n != 0 || !strings.Contains(reason, "records made") || !strings.Contains(reason, "6 more") {
		t.Errorf("%d records were made before anybody was asked: %s", n, reason)
	}
	w.resume()
	if n := len(w.active()); n != 6 {
		t.Errorf("got %d links, want 6", n)
	}
	for range 3 {
		deals = append(deals, w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("asked for")}))
	}
	for _, id := range deals[6:] {
		if err := w.eng.Ask(t.Context(), "pair", id, "ada"); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	w.running()
	if n := len(w.active()); n != 9 {
		t.Errorf("got %d links, want 9: a person pressed the button", n)
	}
}

func TestStoppedMappingUnlinksNothing(t *testing.T) {
	w, deals := many(t, 4, twoWay, func(l *engine.Limits) { l.Deletes = 1 })
	for _, id := range deals[:3] {
		w.crm.SetState(id, connectors.Archived)
	}
	w.sweep()
	w.halted("guard")
	if got := len(w.active()); got != 4 {
		t.Errorf("got %d active links, want all 4", got)
	}
	for _, id := range deals[:3] {
		w.crm.SetState(id, connectors.Live) // it was not meant
	}
	w.resume()
	if got := len(w.active()); got != 4 {
		t.Errorf("after the restore: got %d active links, want 4", got)
	}
}

func TestMassMissingStopsAndHeals(t *testing.T) {
	for _, test := range []struct {
		name string
		take func(w *world, deals []string) (give func())
	}{
		{"records are not found", func(w *world, deals []string) func() {
			for _, id := range deals {
				w.crm.SetState(id, connectors.Deleted)
			}
			return func() {
				for _, id := range deals {
					w.crm.SetState(id, connectors.Live)
				}
			}
		}},
		{"every read is forbidden", func(w *world, _ []string) func() {
			w.crm.SetHook(func(m memory.Moment) error {
				if m.Call == "read" {
					return &connectors.Error{Kind: connectors.Permission, Err: errors.New("the scope crm.read is missing")}
				}
				return nil
			})
			return func() { w.crm.SetHook(nil) }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, deals := many(t, 12, twoWay, func(l *engine.Limits) { l.Batch = 7 })
			give := test.take(w, deals)
			if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
				t.Fatal(err)
			}
			w.settle()
			reason := w.halted("mass-missing")
			for _, want := range []string{"12 linked records of the side deal are missing at crm", "crm/record/1", "the account itself is in order"} {
				if !strings.Contains(reason, want) {
					t.Errorf("the reason lacks %q: %s", want, reason)
				}
			}
			w.start() // a restart forgets nothing of it
			w.clock.Advance(time.Hour)
			w.settle()
			w.halted("mass-missing")
			if got := len(w.active()); got != 12 {
				t.Fatalf("got %d active links, want all 12", got)
			}
			give()
			w.clock.Advance(time.Hour)
			w.settle()
			w.running()
			if got, failed := len(w.active()), w.mapping().Failed; got != 12 || failed != 0 {
				t.Errorf("got %d active links and %d failed entries, want 12 and none", got, failed)
			}
		})
	}
}

func TestMassMissingConfirmedByAPerson(t *testing.T) {
	w, deals := many(t, 12, twoWay, func(l *engine.Limits) { l.Batch = 5 })
	for _, id := range deals[:8] {
		w.crm.SetState(id, connectors.Deleted)
	}
	w.sweep()
	w.halted("mass-missing")
	w.resume()
	w.running()
	if got := len(w.active()); got != 4 {
		t.Errorf("got %d active links, want 4: a person said that the others are gone", got)
	}
}

func TestFewMissingAreDeletions(t *testing.T) {
	w, deals := many(t, 12, twoWay, nil)
	for _, id := range deals[:2] {
		w.crm.SetState(id, connectors.Deleted)
		w.sweep()
	}
	w.running()
	if got := len(w.active()); got != 10 {
		t.Errorf("got %d active links, want 10", got)
	}
}

func TestRefusedLoginIsNoMassMissing(t *testing.T) {
	w, _ := many(t, 12, twoWay, nil)
	w.crm.SetHook(func(m memory.Moment) error {
		switch m.Call {
		case "read":
			return &connectors.Error{Kind: connectors.Permission, Err: errors.New("no")}
		case "check":
			return &connectors.Error{Kind: connectors.Auth, Err: errors.New("the token was revoked")}
		}
		return nil
	})
	if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	w.running()
	s, err := w.eng.Status(t.Context())
	if err != nil || s.Connections[0].State != "paused" || s.Connections[0].Code != "auth" {
		t.Errorf("connection: %+v, %v", s.Connections[0], err)
	}
	w.crm.SetHook(nil)
	w.clock.Advance(time.Minute)
	w.settle()
	if m := w.mapping(); m.Failed != 0 || m.State != "running" || len(w.active()) != 12 {
		t.Errorf("after the new token: %+v", m)
	}
}

// shortList lists fewer rows than there are.
type shortList struct {
	connectors.Connection
	keep func(i int) bool
}

func (s shortList) Abilities() connectors.Abilities { return connectors.AbilitiesOf(s.Connection) }

func (s shortList) Changes(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
	page, err := s.Connection.Changes(ctx, sel, cursor)
	kept := page.Changes[:0]
	for i, c := range page.Changes {
		if s.keep(i) {
			kept = append(kept, c)
		}
	}
	page.Changes = kept
	return page, err
}

func TestShortListingsDeleteNothing(t *testing.T) {
	for name, keep := range map[string]func(int) bool{
		"empty": func(int) bool { return false },
		"half":  func(i int) bool { return i%2 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := many(t, 12, twoWay+"on_delete: delete\n", func(l *engine.Limits) { l.DeleteWait = -1 })
			before := w.actions()
			for _, side := range []string{"crm", "pm"} {
				w.conns[side] = shortList{w.conns[side], keep}
			}
			w.start()
			w.sweep()
			w.clock.Advance(time.Hour)
			w.sweep()
			w.running()
			if got := len(w.active()); got != 12 {
				t.Errorf("got %d active links, want 12", got)
			}
			if got := len(w.pm.IDs("record")); got != 36 {
				t.Errorf("got %d records, want 12 epics and their tasks", got)
			}
			if after := w.actions(); after != before {
				t.Errorf("the journal tells of work:\n%s", strings.TrimPrefix(after, before))
			}
		})
	}
}

// asides returns what is held back as a whole record.
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
