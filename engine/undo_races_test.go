package engine_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// TestUndoMeetsAnEdit lets somebody edit the record between the read and the
// write of the undo.
func TestUndoMeetsAnEdit(t *testing.T) {
	t.Parallel()
	for name, habit := range map[string]func(crm, pm *memory.Options){
		"a history": nil, "conditional writes": func(_, pm *memory.Options) { pm.ConditionalWrites = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newUndoWorld(t, 2, habit)
			w.crm.Edit(w.deals[1], "ann", "notes", connectors.Text("bad"))
			w.sync()
			run, struck := w.run(), false
			w.clock.Advance(time.Minute)
			w.pm.SetHook(func(m memory.Moment) error {
				if m.Call == "update" && !m.After && !struck {
					struck = true
					w.clock.Advance(time.Second)
					w.pm.Edit(w.epics[1], "pat", "notes", connectors.Text("meanwhile"))
					w.clock.Advance(time.Second)
				}
				return nil
			})
			u := w.undo(engine.UndoOrder{Run: run})
			w.pm.SetHook(nil)
			if u.Back != 0 || u.Left != 1 || u.Rows[0].Code != "edited-since" {
				t.Errorf("got %+v, want it left as edited since", u)
			}
			if got := w.get(w.pm, w.epics[1], "notes").String(); got != "meanwhile" {
				t.Errorf("the epic's notes: got %q, want the edit", got)
			}
			w.sync()
			if got := w.get(w.crm, w.deals[1], "notes").String(); got != "meanwhile" {
				t.Errorf("the deal's notes: got %q, want the edit to flow", got)
			}
			w.quiet("then")
			w.sound()
		})
	}
}

// TestUndoSurvivesACrash ends the undo at every effect, before and after it, and
// with the answer lost; a repeat finishes, and nothing flows wrongly between.
func TestUndoSurvivesACrash(t *testing.T) {
	t.Parallel()
	for _, synced := range []bool{false, true} {
		for n := range 12 {
			t.Run(fmt.Sprintf("at moment %d, synced before the repeat: %v", n, synced), func(t *testing.T) {
				t.Parallel()
				w := newUndoWorld(t, 6, func(_, pm *memory.Options) { pm.UpdateBatch = 2 })
				w.lim.Share = -1
				want := w.all()
				w.remap(undoBad)
				w.sync()
				run, left := w.run(), n
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				w.pm.SetHook(func(m memory.Moment) error {
					if !m.Effect {
						return nil
					}
					if left--; left < 0 {
						stop()
						return memory.Lost()
					}
					return nil
				})
				_, _ = w.eng.Undo(ctx, engine.UndoOrder{Run: run}, engine.UndoOptions{By: "a test"})
				w.pm.SetHook(nil)
				w.start()
				w.clock.Advance(time.Hour)
				if synced {
					w.sync()
				}
				u := w.undo(engine.UndoOrder{Run: run})
				if u.Left != 0 {
					t.Errorf("the repeat left %+v", u.Rows)
				}
				if diff := cmp.Diff(want, w.all(), sameValues); diff != "" {
					t.Errorf("after the repeat (-want +got):\n%s", diff)
				}
				w.quiet("then")
				w.remap(undoGood)
				w.quiet("with the good mapping")
				w.sound()
			})
		}
	}
}

// TestUndoOfASetSurvivesALostAnswer: the element that was taken out stays out,
// on the side of the undo only.
func TestUndoOfASetSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	for _, habit := range []string{"a history", "no history", "edits of sets"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after the effect: %v", habit, after), func(t *testing.T) {
				t.Parallel()
				w := newUndoWorld(t, 2, undoHabits[habit])
				w.clock.Advance(time.Minute)
				w.crm.Edit(w.deals[1], "ann", "labels", connectors.Choices(connectors.Option{ID: "crm"}, connectors.Option{ID: "slip"}))
				w.sync()
				order := engine.UndoOrder{Run: w.run()}
				w.loseAnswer(0, after)
				if u := w.undo(order); u.Left != 1 || u.Rows[0].Code != "unsure" {
					t.Errorf("a lost answer: got %+v, want it unsure", u)
				}
				w.pm.SetHook(nil)
				w.crm.SetHook(nil)
				w.start()
				w.clock.Advance(time.Hour)
				w.sync()
				if u := w.undo(order); u.Back+u.Was != 1 {
					t.Errorf("a repeat: got %+v", u)
				}
				w.quiet("then")
				if deal, epic := w.get(w.crm, w.deals[1], "labels").String(), w.get(w.pm, w.epics[1], "labels").String(); deal != "crm, slip" || epic != "crm" {
					t.Errorf("got labels %q and %q, want the slip on the deal only", deal, epic)
				}
			})
		}
	}
}

// TestUndoThatIsRefusedHidesNoEdit: an edit of another field that nobody has
// looked at yet flows, although the undo has read the record.
func TestUndoThatIsRefusedHidesNoEdit(t *testing.T) {
	t.Parallel()
	for _, habit := range []string{"a history", "no versions", "lists with records"} {
		t.Run(habit, func(t *testing.T) {
			t.Parallel()
			w := newUndoWorld(t, 2, undoHabits[habit])
			w.clock.Advance(time.Minute)
			w.crm.Edit(w.deals[1], "ann", "notes", connectors.Text("slip"))
			w.sync()
			run := w.run()
			w.clock.Advance(time.Minute)
			w.pm.Edit(w.epics[1], "pat", "title", connectors.Text("Deal 1, renamed"))
			w.pm.SetHook(func(m memory.Moment) error {
				if m.Call == "update" && !m.After {
					return &connectors.Error{Kind: connectors.Invalid, Err: fmt.Errorf("the record is locked")}
				}
				return nil
			})
			if u := w.undo(engine.UndoOrder{Run: run}); u.Left != 1 || u.Rows[0].Code != "refused" {
				t.Errorf("got %+v, want it refused", u)
			}
			w.pm.SetHook(nil)
			w.sync()
			if got := w.get(w.crm, w.deals[1], "title").String(); got != "Deal 1, renamed" {
				t.Errorf("the deal's title: got %q, want the edit of the epic", got)
			}
			w.quiet("then")
		})
	}
}

// TestUndoBesideTheService undoes writes while the service goes on, and people
// edit: in the end nothing is left to do, and each record holds what was put
// back or what somebody wrote later.
func TestUndoBesideTheService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, undoGood, nil)
		var deals, epics []string
		for i := range 20 {
			fields := map[string]connectors.Value{"title": connectors.Text(fmt.Sprintf("Deal %d", i)), "notes": connectors.Text("as agreed")}
			deals = append(deals, b.crm.Create("record", nil, "ann", fields))
			epics = append(epics, b.pm.Create("record", nil, "pat", fields))
		}
		var undone *engine.Undone
		b.run(t, func(ctx context.Context) {
			time.Sleep(5 * time.Minute)
			for i, id := range deals {
				b.crm.Edit(id, "ann", "notes", connectors.Text(fmt.Sprintf("slip %d", i)))
			}
			time.Sleep(5 * time.Minute)
			runs, err := b.eng.History(ctx, engine.HistoryFilter{Action: "run started"})
			if err != nil || len(runs) != 1 || runs[0].Source != "serve" {
				t.Errorf("the runs: got %+v, %v, want one of the service", runs, err)
				return
			}
			others := make(chan error, 4)
			for range 4 { // several at the same time do it once
				go func() {
					_, err := b.eng.Undo(ctx, engine.UndoOrder{Run: runs[0].Run, Field: "notes"}, engine.UndoOptions{By: "another"})
					others <- err
				}()
			}
			b.crm.Edit(deals[3], "ann", "title", connectors.Text("Deal 3, renamed"))
			for range 4 {
				if err := <-others; err != nil {
					t.Error(err)
				}
			}
			if undone, err = b.eng.Undo(ctx, engine.UndoOrder{Run: runs[0].Run, Field: "notes"}, engine.UndoOptions{By: "a test"}); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Minute)
			b.crm.Edit(deals[7], "ann", "notes", connectors.Text("later"))
			time.Sleep(5 * time.Minute)
		})
		if undone == nil || undone.Back != 0 || undone.Was != 20 || undone.Left != 0 {
			t.Errorf("the last of five undos: got %+v, want all 20 as they were", undone)
		}
		for i, id := range epics {
			want := "as agreed"
			if i == 7 {
				want = "later"
			}
			if got := b.get(b.pm, id, "notes").String(); got != want {
				t.Errorf("epic %d: got notes %q, want %q", i, got, want)
			}
			wantDeal := fmt.Sprintf("slip %d", i)
			if i == 7 {
				wantDeal = "later"
			}
			if got := b.get(b.crm, deals[i], "notes").String(); got != wantDeal {
				t.Errorf("deal %d: got notes %q, want %q", i, got, wantDeal)
			}
		}
		if got := b.get(b.pm, epics[3], "title").String(); got != "Deal 3, renamed" {
			t.Errorf("the edit of another field meanwhile: got %q", got)
		}
		w := &undoWorld{world: b.world}
		w.sound()
	})
}
