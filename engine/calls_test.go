package engine_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

const frugal = `
mapping: pair
between:
  deal: {connection: crm, object: record}
  epic: {connection: pm, object: record}
create:
  epic:
    when: deal.active == true
fields:
  - {deal: title, epic: title}
  - {deal: notes, epic: notes}
  - {deal: count, epic: count}
  - {deal: labels, epic: labels}
conflict: newest
first_sync: deal wins
`

// habit is how a pair of systems takes calls.
type habit struct {
	name   string
	change func(crm, pm *memory.Options)
	single int // updates that the target takes one by one, side by side; 0: in batches
}

// batches are the batch sizes of the two systems at hand: HubSpot reads and
// writes 100 at a time, Jira reads 100 and writes one by one.
var habits = []habit{
	{name: "batches on both sides", change: func(crm, pm *memory.Options) {
		like(crm, 100)
		like(pm, 100)
	}},
	{name: "single writes on the target", single: 8, change: func(crm, pm *memory.Options) {
		like(crm, 100)
		like(pm, 1)
	}},
}

func like(o *memory.Options, update int) {
	o.ReadBatch, o.CreateBatch, o.UpdateBatch, o.SetEdits, o.WebhookVersions = 100, 100, update, true, true
	o.Without = []string{"HistoryReader"}
}

// counted is a world that counts the calls of each side.
type counted struct {
	*world
	calls map[string]int
	slow  func(call connectors.Call) // runs at each call; may be nil
	ids   []string
}

func newCounted(t *testing.T, h habit, links int, change func(crm, pm *memory.Options)) *counted {
	t.Helper()
	w := &counted{calls: map[string]int{}}
	w.world = newWorld(t, frugal, func(crm, pm *memory.Options) {
		h.change(crm, pm)
		if change != nil {
			change(crm, pm)
		}
	})
	for name, system := range map[string]*memory.System{"crm": w.crm, "pm": w.pm} {
		conn, err := system.Connector().Open(connectors.Config{Name: name}, connectors.Options{Observe: w.observe})
		if err != nil {
			t.Fatal(err)
		}
		w.conns[name] = conn
	}
	w.lim.Creates, w.lim.Overwrites = 1_000_000, 1_000_000
	w.load(frugal)
	w.start()
	for i := range links {
		w.ids = append(w.ids, w.crm.Create("record", nil, "ada", map[string]connectors.Value{
			"title": connectors.Text(fmt.Sprintf("Deal %d", i)), "active": connectors.Bool(true),
		}))
	}
	w.settle()
	if got := len(w.pm.IDs("record")); got != links {
		t.Fatalf("got %d counterparts, want %d", got, links)
	}
	w.tell()
	w.quiet()
	clear(w.calls)
	return w
}

func (w *counted) observe(c connectors.Call) {
	w.calls[c.Connection+c.Path]++
	if w.slow != nil {
		w.slow(c)
	}
}

// total returns how many calls there were since the last time.
func (w *counted) total() int {
	n := 0
	for c := range maps.Values(w.calls) {
		n += c
	}
	clear(w.calls)
	return n
}

// tell delivers the webhooks of both systems.
func (w *counted) tell() {
	w.t.Helper()
	for i, system := range []*memory.System{w.crm, w.pm} {
		for _, req := range system.Webhooks() {
			if _, err := w.eng.Receive(w.t.Context(), [...]string{"crm", "pm"}[i], req); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// quiet drains until nothing is queued, and lets time pass where an entry waits.
func (w *counted) quiet() {
	w.t.Helper()
	for range 10_000 {
		d, err := w.eng.Drain(w.t.Context(), "pair")
		switch {
		case err != nil:
			w.t.Fatal(err)
		case d.Worked > 0:
		case d.Next.IsZero() && d.Wait.IsZero():
			return
		default:
			w.clock.Advance(max(d.Next.Sub(w.clock.Now()), d.Wait.Sub(w.clock.Now()), time.Millisecond))
		}
	}
	w.t.Fatal("never comes to rest")
}

func (w *counted) edit(i, n int) {
	w.crm.Edit(w.ids[i], "ada", "title", connectors.Text(fmt.Sprintf("Deal %d, edit %d", i, n)))
}

// arrived checks that both sides hold the same titles.
func (w *counted) arrived() {
	w.t.Helper()
	for _, l := range w.links() {
		if got, want := w.get(w.pm, l.Records[1].ID, "title"), w.get(w.crm, l.Records[0].ID, "title"); !connectors.Equal(got, want) {
			w.t.Errorf("link %d: got %s, want %s", l.ID, got, want)
		}
	}
}

// TestCallsOfALoneChange counts what one edit costs: reading the record, reading
// its counterpart, so that nothing that was edited there is overwritten, and
// the write. Systems that keep a history are asked for it after the write,
// since nothing else shows an edit that the write covered.
func TestCallsOfALoneChange(t *testing.T) {
	for _, tt := range []struct {
		name   string
		want   int
		change func(crm, pm *memory.Options)
	}{
		{"the write's answer shows the record", 3, nil},
		{"the target keeps a history", 4, func(_, pm *memory.Options) { pm.Without = nil }},
		{"the write's answer is silent", 4, func(_, pm *memory.Options) { pm.Silent = true }},
	} {
		for _, h := range habits {
			t.Run(tt.name+"/"+h.name, func(t *testing.T) {
				w := newCounted(t, h, 3, tt.change)
				w.edit(1, 1)
				w.tell()
				w.quiet()
				w.arrived()
				if got := w.total(); got > tt.want {
					t.Errorf("got %d calls, want at most %d", got, tt.want)
				}
			})
		}
	}
}

// TestCallsOfAnEcho counts what our own write costs when it is told of.
func TestCallsOfAnEcho(t *testing.T) {
	for _, tt := range []struct {
		name     string
		versions bool
		want     int
	}{{"the event carries a version", true, 0}, {"it does not", false, 1}} {
		for _, h := range habits {
			t.Run(tt.name+"/"+h.name, func(t *testing.T) {
				w := newCounted(t, h, 3, func(crm, pm *memory.Options) { pm.WebhookVersions = tt.versions })
				w.edit(1, 1)
				w.tell()
				w.quiet()
				w.total()
				w.tell()
				w.quiet()
				if got := w.total(); got > tt.want {
					t.Errorf("got %d calls, want at most %d", got, tt.want)
				}
			})
		}
	}
}

// TestCallsOfHotRecords edits 50 records 1,000 times a second while each call
// takes 100 ms, and counts calls per edit.
func TestCallsOfHotRecords(t *testing.T) {
	const records, edits, each = 50, 10_000, time.Millisecond
	for _, h := range habits {
		t.Run(h.name, func(t *testing.T) {
			w := newCounted(t, h, records, func(_, pm *memory.Options) { pm.Without = nil })
			w.lim.Flips = 1_000_000 // each edit sets another value; nothing flips
			w.start()
			made, next := 0, w.clock.Now()
			catchUp := func() {
				for ; made < edits && !w.clock.Now().Before(next); next = next.Add(each) {
					w.edit(made%records, made)
					made++
				}
				w.tell()
			}
			w.slow = func(c connectors.Call) {
				took := 100 * time.Millisecond
				if h.single > 0 && c.Path == "/update" {
					took /= time.Duration(h.single)
				}
				w.clock.Advance(took)
				catchUp()
			}
			for made < edits {
				w.clock.Advance(each)
				catchUp()
				if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
					t.Fatal(err)
				}
			}
			w.quiet()
			w.arrived()
			got := float64(w.total()) / edits
			t.Logf("%.3f calls an edit", got)
			if got > 0.4 {
				t.Errorf("got %.3f calls an edit, want at most 0.4", got)
			}
		})
	}
}

// TestCallsOfABurst edits 500 records at once and counts the calls against what
// the systems' endpoints ask for at least.
func TestCallsOfABurst(t *testing.T) {
	const records = 500
	for _, h := range habits {
		t.Run(h.name, func(t *testing.T) {
			w := newCounted(t, h, records, nil)
			for i := range records {
				w.edit(i, 1)
			}
			w.tell()
			w.quiet()
			w.arrived()
			least := 3 * records / 100 // read, read, write
			if h.single > 0 {
				least = 2*records/100 + records
			}
			if got := w.total(); float64(got) > 1.1*float64(least) {
				t.Errorf("got %d calls, want at most 1.1 × %d", got, least)
			}
		})
	}
}

// TestCallsOfASweep counts what a look through unchanged records costs.
func TestCallsOfASweep(t *testing.T) {
	const records = 1000
	for _, shown := range []bool{false, true} {
		t.Run(fmt.Sprintf("rows show values: %v", shown), func(t *testing.T) {
			w := newCounted(t, habits[0], records, func(crm, pm *memory.Options) {
				crm.ListsRecords, pm.ListsRecords = shown, shown
			})
			w.lim.Creates = 1_000_000
			w.sweepOnly()
			if got := float64(w.total()) / (2 * records); got > 0.011 {
				t.Errorf("got %.4f calls a record, want at most 0.011", got)
			}
		})
	}
}

// sweepOnly sweeps both sides and works what that finds, without polling.
func (w *counted) sweepOnly() {
	w.t.Helper()
	w.world.sweepOnly()
	w.quiet()
}
