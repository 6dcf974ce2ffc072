package connectortest_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/memory"
)

// world is a memory system as the suite sees it.
type world struct {
	system *memory.System
	clock  *memory.Clock
	conn   connectors.Connection
	step   time.Duration
	calls  atomic.Int64
}

const object = "record"

var scope = connectors.Scope{"project": "P1"}

// The world can do everything.
var (
	_ connectortest.World     = (*world)(nil)
	_ connectortest.Webhooker = (*world)(nil)
	_ connectortest.Archiver  = (*world)(nil)
	_ connectortest.Merger    = (*world)(nil)
	_ connectortest.Mover     = (*world)(nil)
	_ connectortest.Hider     = (*world)(nil)
	_ connectortest.Waiter    = (*world)(nil)
	_ connectortest.Talker    = (*world)(nil)
	_ connectortest.Attacher  = (*world)(nil)
	_ connectortest.Faulter   = (*world)(nil)
	_ connectortest.Throttler = (*world)(nil)
	_ connectortest.Reshaper  = (*world)(nil)
	_ connectortest.Counter   = (*world)(nil)
	_ connectortest.Streamer  = (*world)(nil)
)

func (w *world) Connection() connectors.Connection { return w.conn }

func (w *world) Create(_ connectortest.TB, fields map[string]connectors.Value) string {
	return w.system.Create(object, scope, "u1", fields)
}

func (w *world) Edit(_ connectortest.TB, id, field string, v connectors.Value) {
	w.system.Edit(id, "u1", field, v)
}

func (w *world) Delete(_ connectortest.TB, id string) { w.system.SetState(id, connectors.Deleted) }

func (w *world) Truth(_ connectortest.TB, id string) map[string]connectors.Value {
	return w.system.Truth(id)
}

func (w *world) IDs(connectortest.TB) []string         { return w.system.IDs(object) }
func (w *world) Settle(connectortest.TB)               { w.clock.Advance(w.step) }
func (w *world) Archive(_ connectortest.TB, id string) { w.system.SetState(id, connectors.Archived) }

func (w *world) Requests(connectortest.TB) int { return int(w.calls.Load()) }

func (w *world) Wait(_ connectortest.TB, d time.Duration) { w.clock.Advance(d) }

func (w *world) Merge(_ connectortest.TB, loser, winner string) { w.system.Merge(loser, winner) }

func (w *world) Move(_ connectortest.TB, id string) {
	w.system.Move(id, connectors.Scope{"project": "P2"})
}

func (w *world) Hide(_ connectortest.TB, field string) { w.system.HideField(object, field, true) }

func (w *world) Comment(_ connectortest.TB, id, markdown string) {
	w.system.Comment(id, "u1", markdown)
}

func (w *world) CommentCount(_ connectortest.TB, id string) int { return len(w.system.Comments(id)) }

func (w *world) Attach(_ connectortest.TB, id, name string, content []byte) string {
	return w.system.Attach(id, "u1", name, content)
}

func (w *world) Attached(_ connectortest.TB, id string) []connectortest.AttachedFile {
	var out []connectortest.AttachedFile
	for _, a := range w.system.Attachments(id) {
		out = append(out, connectortest.AttachedFile{Name: a.Name, Link: a.Link, Content: w.system.FileContent(id, a.ID)})
	}
	return out
}

func (w *world) Webhooks(connectortest.TB) []connectors.WebhookRequest { return w.system.Webhooks() }

func (w *world) BreakStream(connectortest.TB) { w.system.BreakStreams() }

func (w *world) LoseCount(connectortest.TB) bool {
	w.system.LoseCount()
	return true
}

func (w *world) ExpireStream(connectortest.TB) bool {
	w.system.ExpireStream()
	return true
}

// Throttle counts the records that are written.
func (w *world) Throttle(_ connectortest.TB, n int) bool {
	var passed atomic.Int64
	w.system.SetHook(func(m memory.Moment) error {
		if m.Effect && !m.After && passed.Add(1) > int64(n) {
			return &connectors.Error{Kind: connectors.RateLimited, RetryAfter: time.Second, Err: errors.New("slow down")}
		}
		return nil
	})
	return true
}

func (w *world) DropField(_ connectortest.TB, field string) bool {
	w.system.DropField(object, field)
	return true
}

func (w *world) DropOption(_ connectortest.TB, field, option string) bool {
	w.system.DropOption(object, field, option)
	return true
}

func (w *world) Heal(connectortest.TB) { w.system.SetHook(nil) }

func (w *world) Fault(_ connectortest.TB, f connectortest.Fault) bool {
	fail := func(kind connectors.Kind, unsure bool) error {
		return &connectors.Error{Kind: kind, Unsure: unsure, Err: errors.New(f.String())}
	}
	var struck atomic.Bool
	once := func(err error) error {
		if struck.Swap(true) {
			return nil
		}
		return err
	}
	w.system.SetHook(func(m memory.Moment) error {
		switch {
		case f == connectortest.ResetBefore && m.Effect && !m.After:
			return once(fail(connectors.Unavailable, true))
		case f == connectortest.ResetAfter && m.After, f == connectortest.ErrorAfter && m.After:
			return once(fail(connectors.Unavailable, true))
		case f == connectortest.TooMany && !m.After:
			return once(&connectors.Error{Kind: connectors.RateLimited, RetryAfter: time.Second, Err: errors.New("slow down")})
		case f == connectortest.Revoked && !m.After:
			return fail(connectors.Auth, false)
		case f == connectortest.Forbidden && m.Effect && !m.After:
			return fail(connectors.Permission, false)
		case f == connectortest.Down && !m.After:
			return fail(connectors.Unavailable, false)
		}
		return nil
	})
	return true
}

func must(v connectors.Value, err error) connectors.Value {
	if err != nil {
		panic(err)
	}
	return v
}

// harness describes a memory system of the given habits; wrap may change its
// connection.
func harness(opts memory.Options, wrap func(connectors.Connection, *world) connectors.Connection) connectortest.Harness {
	day := time.Date(2026, 2, 3, 4, 5, 6, 789000, time.UTC)
	rounded := must(connectors.ParseNumber("9.88"))
	h := connectortest.Harness{
		Open: func(t connectortest.TB) connectortest.World {
			o := opts
			w := &world{clock: memory.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)), step: opts.IndexLag + max(opts.Precision, time.Second) + time.Second}
			o.Clock = w.clock
			sample := memory.Sample()
			sample.Scopes = map[string][]string{"project": {"P1", "P2"}}
			sample.Parent = object
			o.Objects = []memory.Object{sample}
			w.system = memory.NewSystem(o)
			var err error
			w.conn, err = w.system.Connector().Open(connectors.Config{Name: "acme"}, connectors.Options{
				Observe: func(connectors.Call) { w.calls.Add(1) },
			})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			if wrap != nil {
				w.conn = wrap(w.conn, w)
			}
			return w
		},
		Object: object, Scope: scope, Title: "title", Droppable: "notes",
		Samples: []connectortest.Sample{
			{Field: "notes", One: connectors.Text("first\nsecond"), Two: connectors.Text("third")},
			{Field: "description", One: connectors.RichText("**bold**"), Two: connectors.RichText("- a\n- b")},
			{Field: "count", One: connectors.Int(1), Two: must(connectors.ParseNumber("12345678901234567890.5"))},
			{Field: "amount", One: must(connectors.ParseNumber("12.5")), Two: must(connectors.ParseNumber("9.876")), TwoReads: &rounded},
			{Field: "price", One: must(connectors.Money("10", "EUR")), Two: must(connectors.Money("10", "USD"))},
			{Field: "active", One: connectors.Bool(true), Two: connectors.Bool(false)},
			{Field: "due", One: connectors.Date(2026, 2, 28), Two: connectors.Date(1969, 12, 31)},
			{Field: "starts", One: connectors.Instant(day), Two: connectors.Instant(day.Add(time.Hour))},
			{Field: "stage", One: connectors.Choice(connectors.Option{ID: "1", Label: "Open"}), Two: connectors.Choice(connectors.Option{ID: "3", Label: "Done"})},
			{Field: "regions", One: connectors.Choices(connectors.Option{ID: "fr"}, connectors.Option{ID: "de"}), Two: connectors.Choices(connectors.Option{ID: "jp"})},
			{Field: "labels", One: connectors.Labels("a", "b"), Two: connectors.Labels("c")},
			{Field: "owner", One: connectors.PersonValue(connectors.Person{ID: "u1", Email: "ada@example.com"}), Two: connectors.PersonValue(connectors.Person{ID: "u2"})},
		},
		Refused:  map[string]connectors.Value{"stage": connectors.Choice(connectors.Option{ID: "99"})},
		ReadOnly: connectortest.Sample{Field: "number", One: connectors.Text("REC-0")},
		BadScope: connectors.Scope{"project": "P9"}, AbsentID: "999999",
		Find:   connectortest.Sample{Field: "code", One: connectors.Text("C-1"), Two: connectors.Text("C-2")},
		Email:  "ada@example.com",
		Child:  &connectortest.Child{Object: object, Scope: scope, Title: "title"},
		Labels: "labels", LabelOptions: connectors.Labels("x", "y", "z").Options(),
	}
	return h
}

// habits are systems of different kinds. All must pass.
var habits = map[string]memory.Options{
	"plain": {},
	"lagging": {
		IndexLag: 10 * time.Second, Precision: time.Second, PageSize: 7, ListsRecords: true, SetEdits: true, ShowsDeleted: true,
		ReadBatch: 5, CreateBatch: 3, UpdateBatch: 4, NeedsPrepare: true, WebhookVersions: true,
	},
	"coarse":    {IndexLag: time.Minute, KeyLag: connectors.NoLag, Precision: time.Minute, PageSize: 10, KeyIsUnique: true, Partial: true, Silent: true},
	"streaming": {Streams: true, IndexLag: time.Minute, WebhookVersions: true},
	"shifting":  {IndexLag: 5 * time.Second, ShiftingPages: true, PageSize: 4, ReadMoments: true, ReadBatch: 3},
	"strict":    {ConditionalWrites: true, NoVersions: false, TrimText: true, IndexLag: time.Second, KeyLag: 30 * time.Millisecond},
	"bare": {
		NoVersions: true, IndexLag: 5 * time.Second,
		Without: []string{"Finder", "PeopleFinder", "WebhookSource", "Commenter", "HistoryReader", "Deleter", "Archiver", "Preparer", "Filer"},
	},
}

func TestMemoryPasses(t *testing.T) {
	t.Parallel()
	for name, opts := range habits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connectortest.Run(t, harness(opts, nil))
		})
	}
}

func ExampleRun() {
	// In a connector's package:
	//
	//	func TestConnector(t *testing.T) {
	//		connectortest.Run(t, connectortest.Harness{Open: openWorld, Object: "deals", Title: "dealname"})
	//	}
	fmt.Println(connectortest.ResetAfter)
	// Output: reset after the effect
}
