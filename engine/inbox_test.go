package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// delivered hands all waiting webhooks of the CRM to the engine.
func (w *world) delivered() int {
	w.t.Helper()
	hooks := w.crm.Webhooks()
	for _, h := range hooks {
		if _, err := w.eng.Receive(w.t.Context(), "crm", h); err != nil {
			w.t.Fatal(err)
		}
	}
	return len(hooks)
}

func (w *world) inbox() (keys []string) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx state.Tx) (err error) {
		keys, _, err = tx.ListDocs("inbox", "", 1<<20)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return keys
}

// waiting returns what the queue holds, by record or link.
func (w *world) waiting() (rows []string) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx state.Tx) error {
		entries, err := tx.ListEntries("", nil, 1<<20)
		for _, e := range entries {
			rows = append(rows, fmt.Sprintf("%d %s gen %d", e.Link, e.Record, e.Gen))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// TestInboxOutlivesTheService takes deliveries in, starts anew and finds them.
func TestInboxOutlivesTheService(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Webhooks() // of the beginning
	w.crm.Edit(id, "ada", "notes", connectors.Text("one"))
	w.crm.Edit(id, "ada", "notes", connectors.Text("two"))
	if got := w.delivered(); got != 2 {
		t.Fatalf("got %d deliveries, want 2", got)
	}
	if got := w.waiting(); len(got) > 0 {
		t.Errorf("sorted before anybody asked: %v", got)
	}
	w.start()
	w.crm.Edit(id, "ada", "notes", connectors.Text("three"))
	w.delivered() // at the very time of those before, which are sorted first
	if got := len(w.inbox()); got != 1 {
		t.Fatalf("the inbox holds %d deliveries, want 1", got)
	}
	if n, err := w.eng.TakeIn(t.Context()); n != 1 || err != nil {
		t.Errorf("TakeIn: got %d, %v, want 1", n, err)
	}
	if diff := cmp.Diff([]string{"1  gen 3"}, w.waiting()); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	if n, err := w.eng.TakeIn(t.Context()); n != 0 || err != nil || len(w.inbox()) != 0 {
		t.Errorf("again: got %d, %v", n, err)
	}
	w.clock.Advance(time.Second)
	if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	if got := w.get(w.pm, epic, "notes"); got.Text() != "three" {
		t.Errorf("notes: got %v", got)
	}
}

// TestInboxIsSortedByDrain drains without anybody having sorted.
func TestInboxIsSortedByDrain(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "notes", connectors.Text("by webhook"))
	w.delivered()
	w.clock.Advance(time.Second)
	if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	if got := w.get(w.pm, epic, "notes"); got.Text() != "by webhook" {
		t.Errorf("notes: got %v", got)
	}
}

// TestInboxInBatches sorts more than fits into one commit.
func TestInboxInBatches(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	const all = 300
	for i := range all {
		w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text(fmt.Sprint(i))})
	}
	if got := w.delivered(); got != all {
		t.Fatalf("got %d deliveries, want %d", got, all)
	}
	for _, want := range []int{256, all - 256, 0} {
		if n, err := w.eng.TakeIn(t.Context()); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
	if got := len(w.waiting()); got != all {
		t.Errorf("the queue holds %d records, want %d", got, all)
	}
}

// TestInboxSkipsWhatItCannotRead puts damage among deliveries.
func TestInboxSkipsWhatItCannotRead(t *testing.T) {
	w, id, _ := linked(t, twoWay, nil)
	w.crm.Webhooks() // of the beginning
	w.crm.Edit(id, "ada", "notes", connectors.Text("one"))
	w.delivered()
	key := w.inbox()[0]
	for i, doc := range [][]byte{{}, {9}, {1}, {1, 0, 200, 1}, {1, 0, 1, 'x', 0, 255}} {
		err := w.store.Update(t.Context(), func(tx state.Tx) error {
			return tx.SetDoc("inbox", strings.Repeat("0", len(key)-1)+fmt.Sprint(i), doc)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	if n, err := w.eng.TakeIn(t.Context()); n != 6 || err != nil {
		t.Errorf("got %d, %v, want 6", n, err)
	}
	if got := w.waiting(); len(got) != 1 || len(w.inbox()) != 0 {
		t.Errorf("the queue holds %v, the inbox %v", got, w.inbox())
	}
}

// corruptLinks is a store in which looking a certain record's link up finds
// damage.
type corruptLinks struct {
	state.Store
	record string
}

type corruptTx struct {
	state.Tx
	record string
}

func (s corruptLinks) Update(ctx context.Context, fn func(state.Tx) error) error {
	return s.Store.Update(ctx, func(tx state.Tx) error { return fn(corruptTx{tx, s.record}) })
}

func (t corruptTx) LinkOf(mapping string, side uint8, record string) (*state.Link, error) {
	if record == t.record {
		return nil, fmt.Errorf("%w: a test", state.ErrCorrupt)
	}
	return t.Tx.LinkOf(mapping, side, record)
}

// TestInboxGoesOnAfterDamage sorts deliveries of which one meets a damaged row:
// the others do not wait for it.
func TestInboxGoesOnAfterDamage(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	var ids []string
	for i := range 4 {
		ids = append(ids, w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text(fmt.Sprint(i))}))
	}
	w.wrap = func(s state.Store) state.Store { return corruptLinks{s, ids[1]} }
	w.start()
	w.delivered()
	for range 10 {
		if _, err := w.eng.TakeIn(t.Context()); err != nil && !errors.Is(err, state.ErrCorrupt) {
			t.Fatal(err)
		}
	}
	if got, want := len(w.waiting()), 3; got != want || len(w.inbox()) != 0 {
		t.Errorf("the queue holds %d records, want %d; the inbox %v", got, want, w.inbox())
	}
}

// TestInboxCountsAgainstTheQueue refuses deliveries by what lies in the inbox as
// well as by what is queued.
func TestInboxCountsAgainstTheQueue(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.lim = engine.Limits{QueueFull: 3}
	w.start()
	send := func() error {
		id := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("x")})
		hooks := w.crm.Webhooks()
		if len(hooks) != 1 || id == "" {
			t.Fatalf("got %d deliveries", len(hooks))
		}
		_, err := w.eng.Receive(t.Context(), "crm", hooks[0])
		return err
	}
	for i := range 3 {
		if err := send(); err != nil {
			t.Errorf("delivery %d: %v", i, err)
		}
	}
	if err := send(); !errors.Is(err, engine.ErrOverload) {
		t.Errorf("a fourth: got %v, want ErrOverload", err)
	}
	w.start()
	if err := send(); !errors.Is(err, engine.ErrOverload) {
		t.Errorf("after a restart: got %v, want ErrOverload", err)
	}
	w.clock.Advance(time.Second)
	if out, err := w.eng.Drain(t.Context(), "pair"); err != nil || out.Done != 3 {
		t.Fatalf("drain: %+v, %v", out, err)
	}
	if err := send(); err != nil {
		t.Errorf("after they were worked: %v", err)
	}
	// What concerns no mapping takes no room.
	other := memory.Sign("memory-secret", "other", []byte(`[{"object":"nothing","id":"1","state":"live"}]`), w.clock.Now())
	if _, err := w.eng.Receive(t.Context(), "crm", other); err != nil || len(w.inbox()) > 1 {
		t.Errorf("of another object: %v, inbox %v", err, w.inbox())
	}
}
