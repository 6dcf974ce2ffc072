package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

func TestReplayReadsBothSidesWhateverTheirVersions(t *testing.T) {
	for _, c := range []struct {
		name  string
		order func(deal, epic string) engine.ReplayOrder
	}{
		{"by reference", func(deal, _ string) engine.ReplayOrder { return engine.ReplayOrder{Record: "crm/record/" + deal} }},
		{"of the other side", func(_, epic string) engine.ReplayOrder { return engine.ReplayOrder{Record: "pm/record/" + epic} }},
		{"by link", func(string, string) engine.ReplayOrder { return engine.ReplayOrder{Record: "link:1"} }},
		{"under a mapping", func(deal, _ string) engine.ReplayOrder {
			return engine.ReplayOrder{Record: "crm/record/" + deal, Mapping: "pair"}
		}},
		{"a mapping", func(string, string) engine.ReplayOrder { return engine.ReplayOrder{Mapping: "pair"} }},
		{"a mapping since", func(string, string) engine.ReplayOrder {
			return engine.ReplayOrder{Mapping: "pair", Since: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, id, epic := linked(t, twoWay, nil)
			// A value that moves while the version stands still: no hint comes.
			w.crm.Recompute(id, "notes", connectors.Text("computed"))
			w.settle()
			order := c.order(id, epic)
			order.Dry = true
			if got, err := w.eng.Replay(t.Context(), order, "ada"); err != nil || got.Entries != 1 {
				t.Fatalf("dry: got %+v, %v", got, err)
			}
			w.settle()
			if got := w.get(w.pm, epic, "notes"); got.Text() == "computed" {
				t.Fatal("a dry replay did something, or a version told of the value: the test shows nothing")
			}
			order.Dry = false
			got, err := w.eng.Replay(t.Context(), order, "ada")
			if diff := cmp.Diff(&engine.Replayed{Entries: 1}, got); diff != "" || err != nil {
				t.Fatalf("replay (-want +got):\n%s%v", diff, err)
			}
			w.settle()
			if got, want := w.get(w.pm, epic, "notes").Text(), "computed"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestReplayOfWhatFailed(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.pm.HideField("record", "notes", true)
	w.crm.Edit(id, "ada", "notes", connectors.Text("unseen"))
	w.settle()
	if rows, err := w.eng.Asides(t.Context(), "", false, 0, 0); err != nil || len(rows) != 1 {
		t.Fatalf("set aside: %v, %v", rows, err)
	}
	w.pm.HideField("record", "notes", false)
	got, err := w.eng.Replay(t.Context(), engine.ReplayOrder{Failed: true}, "ada")
	if err != nil || got.Entries != 1 {
		t.Fatalf("replay: got %+v, %v", got, err)
	}
	w.settle()
	if got, want := w.get(w.pm, epic, "notes").Text(), "unseen"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, err := w.eng.Replay(t.Context(), engine.ReplayOrder{Mapping: "pair", Failed: true}, "ada"); err != nil || got.Entries != 0 {
		t.Errorf("nothing failed: got %+v, %v", got, err)
	}
}

func TestReplayLeavesOutWhatNothingHappenedTo(t *testing.T) {
	w, _, _ := linked(t, twoWay, nil)
	got, err := w.eng.Replay(t.Context(), engine.ReplayOrder{Mapping: "pair", Since: w.clock.Now().Add(time.Hour)}, "ada")
	if err != nil || got.Entries != 0 {
		t.Errorf("got %+v, %v; want nothing", got, err)
	}
}

func TestReplayRefusesWhatMeansNothing(t *testing.T) {
	w, _, _ := linked(t, twoWay, nil)
	for _, c := range []struct {
		order engine.ReplayOrder
		kind  connectors.Kind
		want  string
	}{
		{engine.ReplayOrder{}, connectors.Invalid, "nothing of what is to be replayed"},
		{engine.ReplayOrder{Record: "1", Failed: true}, connectors.Invalid, "two orders"},
		{engine.ReplayOrder{Mapping: "pair", Failed: true, Since: time.Unix(1, 0)}, connectors.Invalid, "no time"},
		{engine.ReplayOrder{Mapping: "other"}, connectors.NotFound, `no mapping is named "other"`},
		{engine.ReplayOrder{Record: "1"}, connectors.Invalid, `"1" may be crm/record/1 or pm/record/1`},
		{engine.ReplayOrder{Record: "link:99"}, connectors.NotFound, "no link 99"},
		{engine.ReplayOrder{Record: "nothing-of-that-name"}, connectors.NotFound, "no mapping takes a record"},
		{engine.ReplayOrder{Record: "crm/other/1"}, connectors.NotFound, "no mapping takes a record"},
	} {
		_, err := w.eng.Replay(t.Context(), c.order, "ada")
		if connectors.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "replay") && c.kind == connectors.Invalid {
			t.Errorf("%+v: got %v, want %q", c.order, err, c.want)
		}
	}
}

func TestQueueGoesOnBehindARow(t *testing.T) {
	w, _, _ := linked(t, twoWay, nil)
	for _, name := range []string{"one", "two", "a/b/c"} {
		put(t, w, &state.Entry{Subject: state.Subject{Mapping: "pair", Record: name}, Status: state.Failed, Code: "some-code", First: w.clock.Now()})
	}
	put(t, w, &state.Entry{Subject: state.Subject{Mapping: "pair", Link: 1}, Status: state.Waiting, Code: "other-code", First: w.clock.Now()})
	var keys []string
	for after := ""; ; {
		rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{Mapping: "pair", After: after, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		after = rows[0].Key
		keys = append(keys, after)
	}
	if diff := cmp.Diff([]string{"pair/left/a/b/c", "pair/left/one", "pair/left/two", "pair/link/1"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{Code: "other-code"}); err != nil || len(rows) != 1 || rows[0].Link != 1 {
		t.Errorf("by code: %+v, %v", rows, err)
	}
	for _, bad := range []string{"x", "pair/link/x", "pair/middle/1", "/left/1", "pair/left/"} {
		if _, err := w.eng.Queue(t.Context(), engine.QueueFilter{After: bad}); connectors.KindOf(err) != connectors.Invalid {
			t.Errorf("after %q: got %v", bad, err)
		}
	}
	n, err := w.eng.Retry(t.Context(), engine.QueueFilter{Record: "crm/record/two"})
	if err != nil || n != 1 {
		t.Errorf("retry of one: got %d, %v", n, err)
	}
	if rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{Status: "ready"}); err != nil || len(rows) != 1 || rows[0].Record != "crm/record/two" {
		t.Errorf("ready: %+v, %v", rows, err)
	}
	if _, err := w.eng.Retry(t.Context(), engine.QueueFilter{Record: "crm/record/nobody"}); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("retry of what does not wait: got %v", err)
	}
}

func put(t *testing.T, w *world, e *state.Entry) {
	t.Helper()
	if err := w.store.Update(t.Context(), func(tx state.Tx) error { return tx.PutEntry(e) }); err != nil {
		t.Fatal(err)
	}
}
