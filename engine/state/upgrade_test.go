package state

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oneRow is a reader of a single name, for events of mapping 5.
type oneRow struct{}

func (oneRow) Get(s Space, key []byte) ([]byte, error) {
	e := newEncoder(s, 8)
	e.b = append(e.b, "deals"...)
	return e.seal(s, key), nil
}

func (oneRow) Scan(Space, Range, func(key, value []byte) bool) error { return nil }

// TestFirstForms reads what layout 1 stored.
func TestFirstForms(t *testing.T) {
	row, err := hex.DecodeString(firstEvent)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&tx{r: oneRow{}}).readEvent1(key64(12), row)
	if err != nil {
		t.Fatal(err)
	}
	want := &storedEvent{mapping: 5, prev: 11, Event: Event{
		Seq: 12, At: moment, Mapping: "deals", Link: 7, Records: [2]string{"1042", "DELIV-12"},
		Action: "updated", To: Right, Source: "webhook", Code: "c", Detail: "d",
		Fields: []EventField{{Rule: 1<<32 - 1, Name: "amount", Why: "left changed", Replaced: []byte{9}}, {}},
	}}
	if diff := cmp.Diff(want, got, unexported); diff != "" {
		t.Errorf("event of layout 1 (-want +got):\n%s", diff)
	}
	for n := range row {
		if _, err := (&tx{r: oneRow{}}).readEvent1(key64(12), row[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("event of layout 1 cut to %d bytes: got error %v, want ErrCorrupt", n, err)
		}
	}
	if row, err = hex.DecodeString(firstNotes); err != nil {
		t.Fatal(err)
	}
	d, err := unframe(SpaceNotes, key64(7), row)
	if err != nil {
		t.Fatal(err)
	}
	fields := []Field{{Rule: 1}, {Rule: 9}, {Rule: 300}}
	decodeNotes(d, fields)
	if err := d.end(SpaceNotes, key64(7)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleNotes[:3], fields); diff != "" {
		t.Errorf("notes of layout 1 (-want +got):\n%s", diff)
	}
}
