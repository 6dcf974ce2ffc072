package memory_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

func TestSameCallsGiveTheSameTrace(t *testing.T) {
	t.Parallel()
	run := func() string {
		var trace strings.Builder
		clock := memory.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
		s := memory.NewSystem(memory.Options{Clock: clock, IndexLag: 10 * time.Second, Precision: time.Second, PageSize: 3, SetEdits: true})
		c := s.Connect("m")
		s.SetHook(func(m memory.Moment) error {
			fmt.Fprintln(&trace, m)
			return nil
		})
		cursor := ""
		for i := range 40 {
			r := c.Create(t.Context(), []connectors.Create{{Object: "record", Key: fmt.Sprint("k", i), Fields: map[string]connectors.Value{
				"title": connectors.Text("x"), "notes": connectors.Text("y"), "stage": connectors.Choice(connectors.Option{ID: "1"}),
			}}})[0]
			c.Update(t.Context(), []connectors.Update{{Object: "record", ID: r.ID, Edits: map[string]connectors.SetEdit{
				"labels":  {Add: connectors.Labels("a", "b", "c").Options()},
				"regions": {Add: []connectors.Option{{ID: "de"}, {ID: "jp"}}},
			}}})
			clock.Advance(time.Duration(i%5) * time.Second)
			page, err := c.Changes(t.Context(), selection, cursor)
			if err != nil {
				t.Fatal(err)
			}
			cursor = page.Next
			fmt.Fprintf(&trace, "%+v\n", page)
			for _, e := range s.History(r.ID) {
				fmt.Fprintln(&trace, e.Field, e.Value)
			}
		}
		for _, w := range s.Webhooks() {
			fmt.Fprintf(&trace, "%s %v\n", w.Body, w.Header)
		}
		return trace.String()
	}
	first := run()
	for range 3 {
		if diff := cmp.Diff(first, run()); diff != "" {
			t.Fatalf("the trace differs (-first +again):\n%s", diff)
		}
	}
}

func TestHidingTakesRightsAway(t *testing.T) {
	t.Parallel()
	s := memory.NewSystem(memory.Options{})
	c := s.Connect("m")
	id := s.Create("record", nil, "u1", text("a"))
	s.HideField("record", "notes", true)
	r := c.Update(t.Context(), []connectors.Update{{Object: "record", ID: id, Fields: map[string]connectors.Value{"notes": connectors.Text("b")}}})[0]
	if connectors.KindOf(r.Err) != connectors.Invalid || r.Err == nil {
		t.Errorf("update of a hidden field: %v", r.Err)
	}
	s.HideField("record", "notes", false)
	s.Edit(id, "u1", "notes", connectors.Text("c"))
	got, err := c.Read(t.Context(), connectors.Selection{Object: "record", Fields: []string{"notes"}}, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	if v, p := got[0].Record.Get("notes"); p != connectors.Present || v.Text() != "c" {
		t.Errorf("notes are %v %q, want what was entered", p, v)
	}
}

func TestUniqueFields(t *testing.T) {
	t.Parallel()
	s := memory.NewSystem(memory.Options{})
	c := s.Connect("m")
	fields := text("a")
	fields["code"] = connectors.Text("C1")
	first := s.Create("record", nil, "u1", fields)
	create := func() error {
		return c.Create(t.Context(), []connectors.Create{{Object: "record", Fields: fields}})[0].Err
	}
	if err := create(); connectors.KindOf(err) != connectors.Invalid || err == nil {
		t.Errorf("a second record with the code: %v", err)
	}
	s.SetState(first, connectors.Deleted)
	if err := create(); err != nil {
		t.Errorf("after the first was deleted: %v", err)
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	task := memory.Sample()
	task.Schema.Object, task.Parent, task.Prefix = "task", "record", "TASK"
	s := memory.NewSystem(memory.Options{Objects: []memory.Object{memory.Sample(), task}})
	c := s.Connect("m")
	parent := s.Create("record", connectors.Scope{"project": "P1"}, "u1", text("parent"))
	byHand := s.CreateChild("task", parent, "u1", text("by hand"))
	made := c.Create(t.Context(), []connectors.Create{
		{Object: "task", Parent: parent, Fields: text("by us")},
		{Object: "task", Parent: byHand, Fields: text("a task's task")},
	})
	if made[0].Err != nil || made[0].Record.Parent != parent {
		t.Errorf("a task: %+v", made[0])
	}
	if connectors.KindOf(made[1].Err) != connectors.Invalid {
		t.Errorf("a task under a task: %v", made[1].Err)
	}
	if diff := cmp.Diff([]string{byHand, made[0].ID}, s.IDs("task")); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}

func TestMistakesOfTestsPanic(t *testing.T) {
	t.Parallel()
	s := memory.NewSystem(memory.Options{})
	id := s.Create("record", nil, "u1", text("a"))
	for name, do := range map[string]func(){
		"no such record": func() { s.Edit("77", "u1", "title", connectors.Text("x")) },
		"no such field":  func() { s.Edit(id, "u1", "titel", connectors.Text("x")) },
		"no such object": func() { s.Create("deal", nil, "u1", nil) },
		"no such option": func() { s.Edit(id, "u1", "stage", connectors.Choice(connectors.Option{ID: "9"})) },
		"another type":   func() { s.Edit(id, "u1", "title", connectors.Int(1)) },
	} {
		func() {
			defer func() {
				if p := recover(); p == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do()
		}()
	}
	s.Edit(id, "u1", "title", connectors.Text("still works"))
}

func FuzzChangesCursor(f *testing.F) {
	f.Add("m1.0.0.0")
	f.Add("m1.1767603600000000.3.1767603600000000")
	f.Add("m1.99999999999999999999.0.0")
	s := memory.NewSystem(memory.Options{PageSize: 2})
	c := s.Connect("m")
	for i := range 5 {
		s.Create("record", nil, "u1", text(strconv.Itoa(i)))
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		page, err := c.Changes(t.Context(), selection, cursor)
		if err != nil {
			if connectors.KindOf(err) != connectors.Invalid {
				t.Errorf("cursor %q: %v", cursor, err)
			}
			return
		}
		if _, err := c.Changes(t.Context(), selection, page.Next); err != nil {
			t.Errorf("the cursor %q after %q: %v", page.Next, cursor, err)
		}
	})
}

func BenchmarkChanges(b *testing.B) {
	clock := memory.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	s := memory.NewSystem(memory.Options{Clock: clock, IndexLag: 10 * time.Second})
	for i := range 100_000 {
		s.Create("record", nil, "u1", text(strconv.Itoa(i)))
		clock.Advance(time.Millisecond)
	}
	clock.Advance(time.Minute)
	c := s.Connect("m")
	b.ReportAllocs()
	for b.Loop() {
		cursor, rows := "", 0
		for {
			page, err := c.Changes(b.Context(), selection, cursor)
			if err != nil {
				b.Fatal(err)
			}
			rows += len(page.Changes)
			if cursor = page.Next; !page.More {
				break
			}
		}
		if rows != 100_000 {
			b.Fatalf("%d rows", rows)
		}
	}
}

func ExampleSystem() {
	clock := memory.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	system := memory.NewSystem(memory.Options{Clock: clock, IndexLag: 5 * time.Second})
	system.Create("record", nil, "u1", map[string]connectors.Value{"title": connectors.Text("A bridge")})

	conn := system.Connect("acme")
	clock.Advance(5 * time.Second) // the list of changes lags
	page, err := conn.Changes(context.Background(), connectors.Selection{Object: "record"}, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	records, err := conn.Read(context.Background(), connectors.Selection{Object: "record", Fields: []string{"title"}}, []string{page.Changes[0].ID})
	if err != nil {
		fmt.Println(err)
		return
	}
	title, presence := records[0].Record.Get("title")
	fmt.Println(records[0].Record.Key, title, presence)
	// Output: REC-1 A bridge present
}
