package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/engine/state"
)

func TestSentNoteKeepsWhatACreateCarries(t *testing.T) {
	want := []state.Field{
		{Rule: 7, Pending: &state.Pending{To: 1, Source: 1, Target: 1<<63 + 5}},
		{Rule: 1 << 31, Pending: &state.Pending{Source: 2, Target: 3, SourceSet: []state.Print{4, 5}, TargetSet: []state.Print{6}}},
	}
	got, err := decodeSent(encodeSent(want))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if none, err := decodeSent(encodeSent(nil)); len(none) != 0 || err != nil {
		t.Errorf("nothing: got %v, %v", none, err)
	}
}

func FuzzSentNote(f *testing.F) {
	f.Add(encodeSent([]state.Field{{Rule: 7, Pending: &state.Pending{To: 1, Source: 1, Target: 2, SourceSet: []state.Print{4}}}}))
	f.Add([]byte{sentForm, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte(`[{"Rule":1}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, err := decodeSent(b)
		if err != nil {
			return
		}
		again, err := decodeSent(encodeSent(fields))
		if diff := cmp.Diff(fields, again); diff != "" || err != nil {
			t.Errorf("error %v (-first +second):\n%s", err, diff)
		}
		if n := len(fields); n*19 > len(b) {
			t.Errorf("%d fields from %d bytes", n, len(b))
		}
	})
}
