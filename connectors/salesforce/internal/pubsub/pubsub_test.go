package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/salesforce/internal/pubsub"
	server "github.com/tenonsync/tenon/sandbox/salesforce/pubsub"
)

func id(n int) string { return fmt.Sprintf("0015g00000%05dAAA", n) }

func TestEventsAreToldInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	e := w.listen(topic, nil)
	if first := e.next(); first.Gap == "" || first.Place != nil {
		t.Fatalf("the first batch is %+v, want a gap without a place", first)
	}
	w.edit(id(1))
	b := e.next()
	if len(b.Events) != 1 || len(b.Place) != 8 || b.Gap == "" {
		t.Fatalf("got %+v, want one event with its place, and doubts about what came before", b)
	}
	want := pubsub.Event{Entity: "Account", Type: "UPDATE", Records: []string{id(1)}, At: w.clock.Now(), Origin: "com/salesforce/api/rest/66.0;client=other"}
	if diff := cmp.Diff(want, b.Events[0]); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	w.publish(
		server.Change{Object: "Account", ID: id(2), Type: "CREATE", Values: map[string]any{"Name": "New", "IsPartner": true, "AnnualRevenue": "12.5", "NumberOfEmployees": 7}},
		server.Change{Object: "Account", ID: id(1), Type: "DELETE"}, server.Change{Object: "Account", ID: id(3), Type: "DELETE"},
	)
	var got []string
	for len(got) < 3 {
		for _, event := range e.next().Events {
			for _, r := range event.Records {
				got = append(got, event.Type+" "+r)
			}
			if event.Deleted() != (event.Type == "DELETE") {
				t.Errorf("%s: deleted %v", event.Type, event.Deleted())
			}
		}
	}
	if diff := cmp.Diff([]string{"CREATE " + id(2), "DELETE " + id(1), "DELETE " + id(3)}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestTheStreamGoesOnFromItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	e := w.listen(topic, nil)
	e.next()
	w.edit(id(1))
	e.records(1)
	e.stop()
	if err := e.end(); connectors.KindOf(err) != connectors.Unavailable {
		t.Errorf("after the context's end: %v", err)
	}
	for n := range 250 { // beyond the window, so that more is asked for on the way
		w.edit(id(n))
	}
	again := w.listen(topic, e.place)
	if first := again.next(); first.Gap != "" {
		t.Errorf("going on from a place has a gap: %s", first.Gap)
	}
	var want []string
	for n := range 250 {
		want = append(want, id(n))
	}
	if diff := cmp.Diff(want, again.records(250)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestAForgottenPlaceIsAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.edit(id(1))
	e := w.listen(topic, nil)
	e.next()
	w.edit(id(2))
	e.records(1)
	e.stop()
	_ = e.end()
	w.clock.Advance(73 * time.Hour)
	for _, place := range [][]byte{e.place, {1, 2, 3}, []byte("\x00\x00\x00\x00\x7f\x7f\x7f\x7f")} {
		again := w.listen(topic, place)
		for again.next().Gap == "" {
		}
		w.edit(id(3))
		if diff := cmp.Diff([]string{id(3)}, again.records(1)); diff != "" {
			t.Errorf("place %x: records (-want +got):\n%s", place, diff)
		}
		again.stop()
		_ = again.end()
	}
}

func TestKeepAlivesMoveThePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	e := w.listen(topic, nil)
	e.next()
	for range 20 { // four days without a change: each answer renews the place
		told := make(chan pubsub.Batch, 1)
		go func() { told <- e.next() }()
		w.clock.Advance(5 * time.Hour)
		for waits := true; waits; { // the service may have looked at the clock before or after
			select {
			case <-told:
				waits = false
			case <-time.After(50 * time.Millisecond):
				w.clock.Advance(5 * time.Minute)
			}
		}
	}
	e.stop()
	_ = e.end()
	w.edit(id(1))
	again := w.listen(topic, e.place)
	if first := again.next(); first.Gap != "" {
		t.Errorf("the place of a quiet stream is forgotten: %s", first.Gap)
	}
	again.records(1)
}

func TestASessionThatEndsIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	set := func(good, token string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.good, w.token = good, token
	}
	set("t2", "t1") // refused at the first call
	e := w.listen(topic, nil)
	e.next()
	set("t3", "t2") // refused before there is a place: what came meanwhile may be lost
	w.edit(id(0))
	if b := e.next(); b.Gap == "" {
		t.Errorf("a stream that begins anew tells %+v, want a gap", b)
	}
	w.edit(id(1))
	e.records(1)
	set("t4", "t3") // the session ends while the stream stands
	w.edit(id(2))
	if diff := cmp.Diff([]string{id(2)}, e.records(1)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	w.mu.Lock()
	renewed := w.renewed
	w.mu.Unlock()
	if renewed != 3 {
		t.Errorf("renewed %d times, want 3", renewed)
	}
	e.stop()
	_ = e.end()
	w.mu.Lock()
	w.good = ""
	w.mu.Unlock()
	if err := w.listen(topic, nil).end(); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("with refused credentials: %v, want Auth", err)
	}
}

func TestRefusedTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.hidden["Project__c."] = true
	for _, test := range []struct {
		topic string
		want  connectors.Kind
	}{
		{"/data/ContactChangeEvent", connectors.NotFound},
		{"/data/nonsense", connectors.NotFound},
		{"nonsense", connectors.NotFound},
		{"/data/Project__ChangeEvent", connectors.Permission},
	} {
		if err := w.listen(test.topic, nil).end(); connectors.KindOf(err) != test.want {
			t.Errorf("%s: %v, want %v", test.topic, err, test.want)
		}
	}
}

func TestBreaksAndGaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	e := w.listen("/data/ChangeEvents", nil)
	e.next()
	w.s.Gap("Account", "GAP_UPDATE", id(1))
	if b := e.next(); len(b.Events) != 1 || b.Events[0].Type != "GAP_UPDATE" || b.Events[0].Whole() {
		t.Errorf("a gap of a record: %+v", b)
	}
	w.s.Overflow("Account")
	if b := e.next(); len(b.Events) != 1 || !b.Events[0].Whole() {
		t.Errorf("an overflow: %+v", b)
	}
	w.s.Cut()
	if err := e.end(); connectors.KindOf(err) != connectors.Unavailable {
		t.Errorf("a cut: %v, want Unavailable", err)
	}
	w.edit(id(9))
	if diff := cmp.Diff([]string{id(9)}, w.listen("/data/ChangeEvents", e.place).records(1)); diff != "" {
		t.Errorf("after the cut (-want +got):\n%s", diff)
	}
}

func TestAnotherFieldMakesAnotherSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	e := w.listen(topic, nil)
	e.next()
	w.edit(id(1))
	w.mu.Lock()
	w.extra = true
	w.mu.Unlock()
	w.edit(id(2))
	if diff := cmp.Diff([]string{id(1), id(2)}, e.records(2)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestSilenceBreaksTheStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *pubsub.Config) { c.Silence = 50 * time.Millisecond })
	if err := w.listen(topic, nil).end(); connectors.KindOf(err) != connectors.Unavailable {
		t.Errorf("a silent stream: %v, want Unavailable", err)
	}
}

func TestTellsErrorEndsTheStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	full := errors.New("full")
	if err := w.client.Subscribe(t.Context(), topic, nil, func(context.Context, pubsub.Batch) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v, want the error of tell", err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *pubsub.Config) { c.Endpoint = "http://127.0.0.1:1" })
	if err := w.listen(topic, nil).end(); connectors.KindOf(err) != connectors.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
}

func TestCheckEndpoint(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "api.pubsub.salesforce.com:7443", "ftp://x", "https://x/y", "https://a:b@x", "https://"} {
		if pubsub.CheckEndpoint(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
	if err := pubsub.CheckEndpoint(pubsub.DefaultEndpoint); err != nil {
		t.Error(err)
	}
}
