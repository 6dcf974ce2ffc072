package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

func TestExplainFindsTheRecord(t *testing.T) {
	prefixed := func(crm, pm *memory.Options) {
		for prefix, o := range map[string]*memory.Options{"DEAL": crm, "EPIC": pm} {
			object := memory.Sample()
			object.Parent, object.Prefix = "record", prefix
			o.Objects = []memory.Object{object}
		}
	}
	w, id, epic := linked(t, twoWay, prefixed)
	for range 3 { // so that the ids of the systems differ
		w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": text("Only here")})
	}
	only := w.pm.IDs("record")[len(w.pm.IDs("record"))-1]
	for asked, want := range map[string]string{
		"crm/record/" + id:                 "crm/record/" + id,
		"pm/record/" + epic:                "pm/record/" + epic,
		"link:1":                           "crm/record/" + id,
		"DEAL-" + id:                       "crm/record/" + id,
		"EPIC-" + epic:                     "pm/record/" + epic,
		"https://crm.example/record/" + id: "crm/record/" + id,
		"  https://pm.example/record/" + epic + " ": "pm/record/" + epic,
		only: "pm/record/" + only, // which the state does not know
	} {
		x, err := w.eng.Explain(t.Context(), asked, engine.ExplainOptions{})
		if err != nil {
			t.Errorf("%q: %v", asked, err)
			continue
		}
		if got := x.Record.Ref.String(); got != want {
			t.Errorf("%q: got %s, want %s", asked, got, want)
		}
	}
	for asked, want := range map[string]struct {
		kind       connectors.Kind
		text, help string
	}{
		"":                        {connectors.Invalid, `"" names no record`, "a key, a web address"},
		strings.Repeat("x", 5000): {connectors.Invalid, "names no record", ""},
		"link:7":                  {connectors.NotFound, "there is no link 7", "tenon links"},
		"link:":                   {connectors.Invalid, `"link:" is no link`, "tenon links"},
		"nowhere/record/1":        {connectors.Invalid, `there is no connection "nowhere"`, "connections are crm, pm"},
		id:                        {connectors.Invalid, `"` + id + `" may be crm/record/` + id + " or pm/record/" + id, "name one of them"},
	} {
		_, err := w.eng.Explain(t.Context(), asked, engine.ExplainOptions{})
		e, ok := errors.AsType[*connectors.Error](err)
		if !ok || e.Kind != want.kind || !strings.Contains(e.Error(), want.text) || !strings.Contains(e.Help, want.help) {
			t.Errorf("%.20q: got %v, want %v %q, %q", asked, err, want.kind, want.text, want.help)
		}
	}
}

// TestExplainAsksNoSystemOffline counts the calls.
func TestExplainAsksNoSystemOffline(t *testing.T) {
	w, id, _ := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "notes", text("new"))
	w.poll()
	calls := 0
	count := func(memory.Moment) error { calls++; return nil }
	w.crm.SetHook(count)
	w.pm.SetHook(count)
	for _, asked := range []string{crm(id), "link:1", "REC-77", "https://crm.example/record/1", "77", "crm/record/99"} {
		x, err := w.eng.Explain(t.Context(), asked, engine.ExplainOptions{Offline: true, Events: 3})
		if err != nil {
			t.Fatal(err)
		}
		if x.Live || len(x.Events) > 3 || x.Standing == engine.InSync {
			t.Errorf("%q: %+v", asked, x)
		}
	}
	if calls != 0 {
		t.Errorf("offline, the systems were asked %d times", calls)
	}
}

// TestExplainSendsNothingToWhatIsPaused counts the calls to a connection that the
// breaker, or a person, has paused.
func TestExplainSendsNothingToWhatIsPaused(t *testing.T) {
	for _, paused := range []string{"breaker", "person"} {
		t.Run(paused, func(t *testing.T) {
			w, id, _ := linked(t, twoWay, nil)
			if paused == "person" {
				if _, err := w.eng.Pause(t.Context(), "connection:pm", "", "ada"); err != nil {
					t.Fatal(err)
				}
			} else {
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.poll()
				refuse(w.pm, "update", "", answering(connectors.Auth, "401"))
				w.step()
			}
			calls := 0
			w.pm.SetHook(func(memory.Moment) error { calls++; return nil })
			x, err := w.eng.Explain(t.Context(), crm(id), engine.ExplainOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if calls != 0 || !x.Unreachable {
				t.Errorf("got %d calls, unreachable %v", calls, x.Unreachable)
			}
			if x.Record.Title != "Ship it" || !x.Mappings[0].Fields[0].Told[0] || x.Mappings[0].Fields[0].Told[1] {
				t.Errorf("the side that answers is not told: %+v", x.Mappings[0])
			}
		})
	}
}

// TestExplainNeverWaitsForABatch asks while a batch of the mapping is held up.
func TestExplainNeverWaitsForABatch(t *testing.T) {
	w, id, _ := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "notes", text("new"))
	w.poll()
	held, release := make(chan struct{}), make(chan struct{})
	w.pm.SetHook(func(m memory.Moment) error {
		if m.Call == "update" && !m.After {
			close(held)
			<-release
		}
		return nil
	})
	done := make(chan error, 1)
	go func() {
		_, err := w.eng.Drain(t.Context(), "pair")
		done <- err
	}()
	<-held
	x, err := w.eng.Explain(t.Context(), crm(id), engine.ExplainOptions{})
	close(release)
	if err != nil || x.Standing == engine.InSync {
		t.Errorf("got %+v, %v", x, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
