package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// TestDecisionOutlivesItsWrite decides a conflict, and lets the write that
// carries it out end in every way but well. The decision must stand until both
// sides agree, and nothing may ask the person again.
func TestDecisionOutlivesItsWrite(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(stop context.CancelFunc, m memory.Moment) error
	}{
		{"the system is down", func(_ context.CancelFunc, m memory.Moment) error {
			if m.Call == "update" && !m.After {
				return &connectors.Error{Kind: connectors.Unavailable}
			}
			return nil
		}},
		{"the answer is lost", func(_ context.CancelFunc, m memory.Moment) error {
			if m.Call == "update" && m.After {
				return memory.Lost()
			}
			return nil
		}},
		{"the service is stopped", func(stop context.CancelFunc, m memory.Moment) error {
			if m.Call == "update" && !m.After {
				stop()
				return context.Canceled
			}
			return nil
		}},
		{"the credentials are refused", func(_ context.CancelFunc, m memory.Moment) error {
			if m.Call == "update" && !m.After {
				return &connectors.Error{Kind: connectors.Auth}
			}
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, deal, epic, rows := contested(t, nil, "notes")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			w.crm.SetHook(func(m memory.Moment) error { return c.fail(stop, m) })
			order := engine.ResolveOrder{Conflicts: ids(rows), Side: "epic"}
			if _, err := w.eng.ResolveMany(t.Context(), order, "ada"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.eng.Drain(ctx, "pair"); err != nil && ctx.Err() == nil {
				t.Logf("the drain ended with %v", err)
			}
			left, err := w.eng.Asides(t.Context(), "", true, 0, 0)
			if err != nil || len(left) != 1 || left[0].Choice == "" {
				t.Fatalf("the decision is gone: %+v, %v", left, err)
			}
			w.crm.SetHook(nil)
			for range 20 { // pauses and waits pass
				w.clock.Advance(time.Minute)
				w.settle()
			}
			left, err = w.eng.Asides(t.Context(), "", false, 0, 0)
			if err != nil || len(left) != 0 {
				w.dump()
				t.Errorf("it is asked again: %+v, %v", left, err)
			}
			for side, got := range map[string]connectors.Value{"deal": w.get(w.crm, deal, "notes"), "epic": w.get(w.pm, epic, "notes")} {
				if got.String() != connectors.Text("from delivery").String() {
					t.Errorf("%s holds %v, want what was decided", side, got)
				}
			}
		})
	}
}
