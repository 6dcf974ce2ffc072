package engine_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// counted counts what the two systems are asked from now on.
func (w *world) counted() (crm, pm *atomic.Int64) {
	crm, pm = &atomic.Int64{}, &atomic.Int64{}
	for s, n := range map[*memory.System]*atomic.Int64{w.crm: crm, w.pm: pm} {
		s.SetHook(func(memory.Moment) error { n.Add(1); return nil })
	}
	return crm, pm
}

func TestWhatIsPausedIsNeitherReadNorWritten(t *testing.T) {
	for _, c := range []struct {
		name  string
		polls bool // a paused mapping's feeds are followed on
	}{{"pair", true}, {"mapping:pair", true}, {"crm", false}, {"connection:pm", false}} {
		t.Run(c.name, func(t *testing.T) {
			w, id, epic := linked(t, twoWay, nil)
			p, err := w.eng.Pause(t.Context(), c.name, "a move", "ada")
			if err != nil {
				t.Fatal(err)
			}
			if !p.Since.Equal(w.clock.Now()) || p.By != "ada" || p.Reason != "a move" {
				t.Errorf("the pause tells %+v", p)
			}
			if _, err := w.eng.Pause(t.Context(), c.name, "", "bob"); connectors.KindOf(err) != connectors.Conflict || !strings.Contains(err.Error(), "by ada") {
				t.Errorf("paused twice: got %v", err)
			}
			w.crm.Edit(id, "ada", "notes", connectors.Text("from sales"))
			w.start() // a pause stands over restarts
			crm, pm := w.counted()
			w.settle()
			for _, f := range w.eng.Feeds() {
				s, err := w.eng.Sweep(f)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.settle()
			if err := w.eng.Sync(t.Context(), "pair", nil); !errors.Is(err, engine.ErrPaused) {
				t.Errorf("sync: got %v, want ErrPaused", err)
			}
			if !c.polls {
				calls := crm.Load()
				if c.name == "connection:pm" {
					calls = pm.Load()
				}
				if calls != 0 {
					t.Errorf("the paused connection got %d calls", calls)
				}
			}
			if got := w.get(w.pm, epic, "notes"); got.Text() == "from sales" {
				t.Error("it was written while paused")
			}
			checkPaused(t, w, c.name)

			if err := w.eng.Resume(t.Context(), c.name, "bob"); err != nil {
				t.Fatal(err)
			}
			w.settle()
			if got, want := w.get(w.pm, epic, "notes").Text(), "from sales"; got != want {
				t.Errorf("after the resume: got %q, want %q", got, want)
			}
			if err := w.eng.Resume(t.Context(), c.name, "bob"); connectors.KindOf(err) != connectors.Invalid {
				t.Errorf("resumed twice: got %v", err)
			}
			if got := w.actions(); !strings.Contains(got, "paused\n") || !strings.Contains(got, "resumed\n") {
				t.Errorf("the history tells of no pause:\n%s", got)
			}
		})
	}
}

// checkPaused looks at the status while something is paused.
func checkPaused(t *testing.T, w *world, name string) {
	t.Helper()
	s, err := w.eng.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := s.Mappings[0]
	if m.State != "paused" || m.Code != "paused" || m.Paused == nil || !strings.Contains(m.Reason, "by ada") || !strings.Contains(m.Reason, "a move") {
		t.Errorf("the mapping's status: %+v", m)
	}
	for _, c := range s.Connections {
		byHand := c.Name == strings.TrimPrefix(name, "connection:")
		if (c.Paused != nil) != byHand || byHand && c.State != "paused" {
			t.Errorf("the status of connection %s: %+v", c.Name, c)
		}
	}
}

func TestOnlyAPersonLiftsAPause(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	if _, err := w.eng.Pause(t.Context(), "crm", "", "ada"); err != nil {
		t.Fatal(err)
	}
	w.crm.Edit(id, "ada", "notes", connectors.Text("from sales"))
	w.clock.Advance(48 * w.lim.KeepReplaced) // long after any probe
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() == "from sales" {
		t.Error("a probe lifted the pause")
	}
}

func TestNamesOfPauses(t *testing.T) {
	w, _, _ := linked(t, strings.Replace(twoWay, "mapping: pair", "mapping: crm", 1), nil)
	for name, want := range map[string]string{
		"crm": "is a mapping and a connection", "nobody": "no mapping and no connection is named", "link:1": "no mapping and no connection",
		"mapping:pm": "no mapping and no connection", "connection:pair": "no mapping and no connection", "": "no mapping and no connection",
	} {
		if _, err := w.eng.Pause(t.Context(), name, "", "ada"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("pause %q: got %v, want %q", name, err, want)
		}
		if err := w.eng.Resume(t.Context(), name, "ada"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("resume %q: got %v, want %q", name, err, want)
		}
	}
	if _, err := w.eng.Pause(t.Context(), "mapping:crm", strings.Repeat("x", 501), "ada"); connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("a long reason: got %v", err)
	}
	if _, err := w.eng.Pause(t.Context(), "mapping:crm", "", "ada"); err != nil {
		t.Error(err)
	}
	if _, err := w.eng.Pause(t.Context(), "connection:crm", "", "ada"); err != nil {
		t.Error(err)
	}
}

func TestThePressOfAButtonWaitsForThePause(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	id := w.crm.Create("record", nil, "ada", deal("Ship it", nil))
	if _, err := w.eng.Pause(t.Context(), "pair", "the quarter is closed", "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.Preview(t.Context(), "pair", id); connectors.KindOf(err) != connectors.Conflict || !strings.Contains(err.Error(), "the quarter is closed") {
		t.Errorf("preview: got %v", err)
	}
	got, err := w.eng.Press(t.Context(), "pair", id, "grace")
	if err != nil || got.State != "under way" || got.Code != "paused" || !strings.Contains(got.Reason, "by ada") {
		t.Errorf("press: got %+v, %v", got, err)
	}
	if p, err := w.eng.Preview(t.Context(), "pair", id); err != nil || p.Conversion == nil || p.Conversion.Code != "paused" {
		t.Errorf("preview after the press: got %+v, %v", p, err)
	}
	if err := w.eng.Resume(t.Context(), "pair", "ada"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := len(w.links()); got != 1 {
		t.Errorf("after the resume: got %d links, want 1", got)
	}
}
