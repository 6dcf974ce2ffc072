package memory_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

var selection = connectors.Selection{Object: "record", Fields: []string{"title", "amount", "labels", "owner"}}

// changes pages through a whole round.
func changes(t *testing.T, c *memory.Connection, cursor string) (ids []string, next string) {
	t.Helper()
	for range 1000 {
		page, err := c.Changes(t.Context(), selection, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Changes {
			ids = append(ids, row.ID)
		}
		cursor = page.Next
		if !page.More {
			return ids, cursor
		}
	}
	t.Fatal("the list of changes does not end")
	return nil, ""
}

func text(s string) map[string]connectors.Value {
	return map[string]connectors.Value{"title": connectors.Text(s)}
}

func TestChangesMissNothingThatShowsLate(t *testing.T) {
	t.Parallel()
	clock := memory.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	s := memory.NewSystem(memory.Options{Clock: clock, IndexLag: 10 * time.Second, PageSize: 2, Precision: time.Second})
	c := s.Connect("m")
	seen := map[string]bool{}
	cursor := ""
	for i := range 200 {
		s.Create("record", nil, "u1", text(strconv.Itoa(i)))
		clock.Advance(time.Duration(i%7) * 300 * time.Millisecond)
		page, err := c.Changes(t.Context(), selection, cursor) // pages of many rounds mix with new records
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Changes {
			seen[row.ID] = true
		}
		cursor = page.Next
	}
	clock.Advance(time.Minute)
	ids, cursor := changes(t, c, cursor)
	for _, id := range ids {
		seen[id] = true
	}
	if got, want := len(seen), 200; got != want {
		t.Errorf("rows for %d records, want %d", got, want)
	}
	clock.Advance(time.Minute)
	if _, cursor = changes(t, c, cursor); cursor == "" {
		t.Error("the cursor became empty")
	}
	clock.Advance(time.Minute)
	if ids, _ := changes(t, c, cursor); len(ids) > 20 {
		t.Errorf("%d rows repeat after a quiet minute, want few", len(ids))
	}
}

func TestWritesAreBroughtIntoTheFieldsForm(t *testing.T) {
	t.Parallel()
	s := memory.NewSystem(memory.Options{TrimText: true})
	c := s.Connect("m")
	amount, err := connectors.ParseNumber("12.345")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Create(t.Context(), []connectors.Create{{Object: "record", Fields: map[string]connectors.Value{
		"title": connectors.Text("  A deal "), "amount": amount,
		"owner": connectors.PersonValue(connectors.Person{Email: "Ada@Example.com"}), "labels": connectors.Labels("b", "a", "b"),
	}}})[0]
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	show := map[string]string{}
	for name, v := range s.Truth(got.ID) {
		show[name] = v.String()
	}
	want := map[string]string{"title": "A deal", "amount": "12.35", "owner": "Ada Lovelace", "labels": "a, b", "number": "REC-1"}
	if diff := cmp.Diff(want, show); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestRefusedFields(t *testing.T) {
	t.Parallel()
	for _, partial := range []bool{false, true} {
		s := memory.NewSystem(memory.Options{Partial: partial})
		c := s.Connect("m")
		id := s.Create("record", nil, "u1", text("before"))
		got := c.Update(t.Context(), []connectors.Update{{Object: "record", ID: id, Fields: map[string]connectors.Value{
			"title": connectors.Text("after"), "nonsense": connectors.Text("x"), "stage": connectors.Choice(connectors.Option{ID: "9"}),
		}}})[0]
		want := "before"
		if partial {
			want = "after"
		}
		if title := s.Truth(id)["title"].Text(); title != want {
			t.Errorf("partial %v: title %q, want %q", partial, title, want)
		}
		if partial && (got.Err != nil || len(got.Refused) != 2) || !partial && connectors.KindOf(got.Err) != connectors.Invalid {
			t.Errorf("partial %v: result %+v", partial, got)
		}
	}
}

func TestHookRunsAroundEachEffect(t *testing.T) {
	t.Parallel()
	s := memory.NewSystem(memory.Options{})
	c := s.Connect("m")
	id := s.Create("record", nil, "u1", text("a"))
	for _, after := range []bool{false, true} {
		s.SetHook(func(m memory.Moment) error {
			if m.Effect && m.After == after {
				return memory.Lost()
			}
			return nil
		})
		word := "b" + strconv.FormatBool(after)
		got := c.Update(t.Context(), []connectors.Update{{Object: "record", ID: id, Fields: text(word)}})[0]
		if !connectors.IsUnsure(got.Err) {
			t.Errorf("after %v: error %v, want an unsure one", after, got.Err)
		}
		if done := s.Truth(id)["title"].Text() == word; done != after {
			t.Errorf("after %v: the write took effect: %v", after, done)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := memory.NewSystem(memory.Options{Clock: connectors.SystemClock(), UpdateBatch: 100})
	c := s.Connect("m")
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = s.Create("record", nil, "u1", text("a"))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Update(b.Context(), []connectors.Update{{Object: "record", ID: ids[i%1000], Fields: text(strconv.Itoa(i))}})
	}
}
