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
	w.clock.Advance(2 * time.Hour)
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

func TestFirstImportAsksOnce(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.lim.Creates, w.lim.Batch = 3, 2
	w.start()
	for i := range 60 { // more than is looked at ahead
		w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("d%d", i), nil))
	}
	w.settle()
	w.halted("guard")
	if err := w.eng.Resume(t.Context(), "pair", "ada"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(20 * time.Minute) // it takes longer than a window
	}
	w.settle()
	w.running()
	if got := len(w.active()); got != 60 {
		t.Errorf("got %d links, want 60", got)
	}
	for range 4 {
		w.crm.Create("record", nil, "ada", deal("later", nil))
	}
	w.clock.Advance(2 * time.Hour)
	w.settle()
	if got := len(w.active()); got > 63 {
		t.Errorf("got %d links: the leave was for what was in the queue", got)
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
