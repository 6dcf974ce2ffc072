package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// kindsOf reads two records and tells how each was answered.
func kindsOf(t *testing.T, c *memory.Connection, ids ...string) []string {
	t.Helper()
	got, err := c.Read(t.Context(), selection, ids)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make([]string, len(got))
	for i, r := range got {
		if kinds[i] = "there"; r.Err != nil {
			kinds[i] = connectors.KindOf(r.Err).String()
		}
	}
	return kinds
}

func TestAVeilHidesRecordsAndKeepsThem(t *testing.T) {
	t.Parallel()
	notFound, forbidden := connectors.NotFound.String(), connectors.Permission.String()
	for _, test := range []struct {
		name   string
		veil   memory.Veil
		reads  []string
		listed int // -1: the call fails
	}{
		{"none", memory.NoVeil, []string{"there", "there"}, 2},
		{"forbidden", memory.Forbidden, []string{forbidden, forbidden}, -1},
		{"unseen", memory.Unseen, []string{notFound, notFound}, 0},
		{"half", memory.Half, []string{notFound, "there"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := memory.NewSystem(memory.Options{})
			c := s.Connect("m")
			a, b := s.Create("record", nil, "u1", text("a")), s.Create("record", nil, "u1", text("b"))
			s.SetVeil("record", test.veil)
			if diff := cmp.Diff(test.reads, kindsOf(t, c, a, b)); diff != "" {
				t.Errorf("reads (-want +got):\n%s", diff)
			}
			page, err := c.Changes(t.Context(), selection, "")
			if got := len(page.Changes); err == nil && got != test.listed || err != nil && test.listed >= 0 {
				t.Errorf("a list shows %d rows, %v, want %d", got, err, test.listed)
			}
			made := c.Create(t.Context(), []connectors.Create{{Object: "record", Fields: text("c")}})[0]
			if got, want := made.Err != nil, test.veil != memory.NoVeil; got != want {
				t.Errorf("a create is refused: %v, want %v", got, want)
			}
			errs := c.Delete(t.Context(), "record", []string{a})
			if got, want := errs[0] != nil, test.veil != memory.NoVeil; got != want {
				t.Errorf("a deletion is refused: %v, want %v", got, want)
			}
			s.SetVeil("record", memory.NoVeil)
			if got := s.State(b); got != connectors.Live {
				t.Errorf("the record is %v behind the veil", got)
			}
			if diff := cmp.Diff([]string{"there"}, kindsOf(t, c, b)); diff != "" {
				t.Errorf("after the veil (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShiftingPagesRepeatRows(t *testing.T) {
	t.Parallel()
	clock := memory.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	s := memory.NewSystem(memory.Options{Clock: clock, ShiftingPages: true, PageSize: 2})
	c := s.Connect("m")
	var made []string
	for _, title := range []string{"a", "b", "c"} {
		made = append(made, s.Create("record", nil, "u1", text(title)))
		clock.Advance(time.Second)
	}
	s.Edit(made[0], "u1", "notes", connectors.Text("n"))
	s.SetState(made[1], connectors.Deleted)
	got, _ := changes(t, c, "")
	want := []string{made[0], made[1], made[1], made[2], made[0], made[0], made[1]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestAReadMayFailInPart(t *testing.T) {
	t.Parallel()
	s := memory.NewSystem(memory.Options{ReadMoments: true, ReadBatch: 10})
	c := s.Connect("m")
	a, b := s.Create("record", nil, "u1", text("a")), s.Create("record", nil, "u1", text("b"))
	s.SetHook(func(m memory.Moment) error {
		if m.Call == "read record" && m.ID == a {
			return errors.New("gone fishing")
		}
		return nil
	})
	if diff := cmp.Diff([]string{connectors.Unavailable.String(), "there"}, kindsOf(t, c, a, b)); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
}

func TestInstantsAreRounded(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 9, 0, 59, 0, time.UTC)
	s := memory.NewSystem(memory.Options{RoundInstants: time.Minute})
	fields := text("a")
	fields["starts"] = connectors.Instant(at)
	id := s.Create("record", nil, "u1", fields)
	if got, want := s.Truth(id)["starts"].Time(), at.Truncate(time.Minute); !got.Equal(want) {
		t.Errorf("starts is %s, want %s", got, want)
	}
}
