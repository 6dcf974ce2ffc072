package state_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/memory"
)

var day = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// chained returns a state with ten events, of which the first two are pruned
// and the next two have forgotten what was replaced.
func chained(t *testing.T) (*memory.Backend, state.Store) {
	t.Helper()
	b := memory.New()
	s, err := state.Open(t.Context(), b, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		err := s.Update(t.Context(), func(tx state.Tx) error {
			return tx.AppendJournal(&state.Event{
				At: day.Add(time.Duration(i) * time.Hour), Mapping: "deals", Link: uint64(i%2 + 1), Action: "updated", To: state.Right,
				Fields: []state.EventField{
					{Rule: 1, Name: "amount", Why: "deal changed", Target: "Budget", Held: state.Print(i), Replaced: []byte{1, 2, byte(i)}},
					{Rule: 2, Name: "name", Why: "deal changed", Target: "summary", Empty: true},
				},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Update(t.Context(), func(tx state.Tx) error {
		_, err := tx.PruneJournal(day.Add(2*time.Hour), 100)
		_, ferr := tx.ForgetReplaced(day.Add(4*time.Hour), 100)
		return errors.Join(err, ferr)
	}); err != nil {
		t.Fatal(err)
	}
	return b, s
}

func verify(t *testing.T, s state.Store, at uint64) *state.Chain {
	t.Helper()
	c, err := s.VerifyJournal(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChainIsSound(t *testing.T) {
	_, s := chained(t)
	c := verify(t, s, 7)
	if c.Broken != 0 || c.First != 3 || c.Events != 8 || c.Base.Seq != 2 || c.Head.Seq != 10 || c.At == nil || c.At.Seq != 7 {
		t.Errorf("got %+v, want the events 3 to 10 after 2, sound, with the mark of 7", c)
	}
	if again, err := state.ParseMark(c.At.String()); err != nil || again != *c.At {
		t.Errorf("a mark read again: got %v, %v, want %v", again, err, c.At)
	}
	if c := verify(t, s, 2); c.At == nil || c.At.Hash != c.Base.Hash {
		t.Errorf("the mark of the last event that was pruned: got %v, want %v", c.At, c.Base)
	}
	// To prune and to forget more changes neither head nor soundness.
	if err := s.Update(t.Context(), func(tx state.Tx) error {
		_, err := tx.ForgetReplaced(day.Add(100*time.Hour), 100)
		_, perr := tx.PruneJournal(day.Add(5*time.Hour), 2)
		return errors.Join(err, perr)
	}); err != nil {
		t.Fatal(err)
	}
	later := verify(t, s, 7)
	if later.Broken != 0 || later.Head != c.Head || *later.At != *c.At || later.First != 5 {
		t.Errorf("later: got %+v, want it sound from 5 on, with the same marks", later)
	}
	empty, err := state.Open(t.Context(), memory.New(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c := verify(t, empty, 1); c.Broken != 0 || c.Head.Seq != 0 || c.At != nil {
		t.Errorf("of an empty state: got %+v, want nothing", c)
	}
}

func TestParseMark(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for _, s := range []string{"", "7", "7:", "x:" + hash, "0:" + hash, "7:" + hash[2:], "7:" + hash + "00", "7:" + hash[:62] + "zz", "-7:" + hash} {
		if m, err := state.ParseMark(s); err == nil {
			t.Errorf("%q: got %v, want an error", s, m)
		}
	}
	if m, err := state.ParseMark(" 7:" + hash + "\n"); err != nil || m.Seq != 7 || m.Hash[0] != 10 {
		t.Errorf("got %v, %v", m, err)
	}
}

// reframe gives a row the right checksum for its key again.
func reframe(s state.Space, key, value []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	body := value[:len(value)-4]
	sum := crc32.Update(crc32.Update(crc32.Update(0, table, []byte{byte(s)}), table, key), table, body)
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), sum)
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// TestTamperingIsTold changes rows below the layout, each with a right checksum.
func TestTamperingIsTold(t *testing.T) {
	get := func(t *testing.T, w state.Writer, s state.Space, key []byte) []byte {
		t.Helper()
		v, err := w.Get(s, key)
		if err != nil || v == nil {
			t.Fatalf("row %x of %s: %v", key, s, err)
		}
		return bytes.Clone(v)
	}
	swap := func(old, now string) func(*testing.T, state.Writer) {
		return func(t *testing.T, w state.Writer) {
			v := get(t, w, state.SpaceJournal, seqKey(6))
			if !bytes.Contains(v, []byte(old)) {
				t.Fatalf("the row has no %q", old)
			}
			v = bytes.Replace(v, []byte(old), []byte(now), 1)
			if err := w.Put(state.SpaceJournal, seqKey(6), reframe(state.SpaceJournal, seqKey(6), v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		tamper func(*testing.T, state.Writer)
		broken uint64
		reason string
	}{
		"a reason is changed":   {swap("deal changed", "epic changed"), 6, "event 6 was changed"},
		"a field is changed":    {swap("Budget", "budget"), 6, "event 6 was changed"},
		"a value is replaced":   {swap("\x04\x01\x02\x05", "\x04\x01\x02\x06"), 6, "event 6 was changed"},
		"a checksum is wrong":   {func(t *testing.T, w state.Writer) { flip(t, w, 6, false) }, 6, "wrong checksum"},
		"its hash is changed":   {func(t *testing.T, w state.Writer) { flip(t, w, 6, true) }, 6, "event 6 was changed"},
		"the last is changed":   {func(t *testing.T, w state.Writer) { flip(t, w, 10, true) }, 10, "event 10 was changed"},
		"the oldest is changed": {func(t *testing.T, w state.Writer) { flip(t, w, 3, true) }, 3, "event 3 was changed"},
		"one is removed": {func(t *testing.T, w state.Writer) {
			if err := w.Delete(state.SpaceJournal, seqKey(6)); err != nil {
				t.Fatal(err)
			}
		}, 6, "event 6 was removed"},
		"the oldest is removed": {func(t *testing.T, w state.Writer) {
			if err := w.Delete(state.SpaceJournal, seqKey(3)); err != nil {
				t.Fatal(err)
			}
		}, 3, "event 3 was removed"},
		"the newest is removed": {func(t *testing.T, w state.Writer) {
			if err := w.Delete(state.SpaceJournal, seqKey(10)); err != nil {
				t.Fatal(err)
			}
		}, 10, "event 10 was removed"},
		"one is added": {func(t *testing.T, w state.Writer) {
			v := get(t, w, state.SpaceJournal, seqKey(10))
			if err := w.Put(state.SpaceJournal, seqKey(11), reframe(state.SpaceJournal, seqKey(11), v)); err != nil {
				t.Fatal(err)
			}
		}, 11, "event 11 was"},
		"one that was pruned is back": {func(t *testing.T, w state.Writer) {
			v := get(t, w, state.SpaceJournal, seqKey(10))
			if err := w.Put(state.SpaceJournal, seqKey(2), reframe(state.SpaceJournal, seqKey(2), v)); err != nil {
				t.Fatal(err)
			}
		}, 2, "that were pruned"},
		"two change places": {func(t *testing.T, w state.Writer) {
			a, b := get(t, w, state.SpaceJournal, seqKey(6)), get(t, w, state.SpaceJournal, seqKey(8))
			err := errors.Join(
				w.Put(state.SpaceJournal, seqKey(6), reframe(state.SpaceJournal, seqKey(6), b)),
				w.Put(state.SpaceJournal, seqKey(8), reframe(state.SpaceJournal, seqKey(8), a)))
			if err != nil {
				t.Fatal(err)
			}
		}, 6, "event 6 was changed"},
		"the mapping has another name": {func(t *testing.T, w state.Writer) {
			key := []byte{1, 0, 0, 0, 1}
			v := bytes.Replace(get(t, w, state.SpaceNames, key), []byte("deals"), []byte("steal"), 1)
			if err := w.Put(state.SpaceNames, key, reframe(state.SpaceNames, key, v)); err != nil {
				t.Fatal(err)
			}
		}, 3, "event 3 was changed"},
		"the note of the last is changed": {func(t *testing.T, w state.Writer) {
			key := []byte("journal/head")
			v := get(t, w, state.SpaceMeta, key)
			v[len(v)-6] ^= 1
			if err := w.Put(state.SpaceMeta, key, reframe(state.SpaceMeta, key, v)); err != nil {
				t.Fatal(err)
			}
		}, 10, "event 10 was changed, or the note"},
		"values were taken out before their time": {func(t *testing.T, w state.Writer) {
			key := []byte("journal/forgotten")
			v := get(t, w, state.SpaceMeta, key)
			v[1] = 3
			if err := w.Put(state.SpaceMeta, key, reframe(state.SpaceMeta, key, v)); err != nil {
				t.Fatal(err)
			}
		}, 4, "before their time"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := chained(t)
			if err := b.Update(t.Context(), func(w state.Writer) error { c.tamper(t, w); return nil }); err != nil {
				t.Fatal(err)
			}
			s, err := state.Open(t.Context(), b, state.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := verify(t, s, 0)
			if got.Broken != c.broken || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("got event %d: %q, want %d: …%s…", got.Broken, got.Reason, c.broken, c.reason)
			}
			r, err := s.Check(t.Context())
			if err != nil || len(r.Problems) == 0 {
				t.Errorf("Check: got %v, %v, want a problem", r.Problems, err)
			}
		})
	}
}

// flip changes a bit of an event's hash, with or without a right checksum.
func flip(t *testing.T, w state.Writer, seq uint64, right bool) {
	t.Helper()
	v, err := w.Get(state.SpaceJournal, seqKey(seq))
	if err != nil {
		t.Fatal(err)
	}
	v = bytes.Clone(v)
	v[len(v)-6] ^= 1
	if right {
		v = reframe(state.SpaceJournal, seqKey(seq), v)
	}
	if err := w.Put(state.SpaceJournal, seqKey(seq), v); err != nil {
		t.Fatal(err)
	}
}

// TestRewritingAllNeedsAMark rebuilds a whole journal with one event less: the
// chain alone is sound, a mark noted before tells.
func TestRewritingAllNeedsAMark(t *testing.T) {
	_, s := chained(t)
	noted := verify(t, s, 0).Head
	other, err := state.Open(t.Context(), memory.New(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := other.Update(t.Context(), func(tx state.Tx) error {
			return tx.AppendJournal(&state.Event{At: day, Mapping: "deals", Detail: fmt.Sprint(i)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	c := verify(t, other, noted.Seq)
	if c.Broken != 0 || c.At == nil || *c.At == noted {
		t.Errorf("got %+v, want a sound chain with another mark than %v", c, noted)
	}
}

// layout1 unpacks a state that the first layout's program wrote: 1,201 events
// of which the first ten are pruned and the next ten have forgotten what was
// replaced, three links, one with two pending writes.
func layout1(t *testing.T) string {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", "layout-1.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tenon.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUpgradeFromLayout1(t *testing.T) {
	path := layout1(t)
	d := openBolt(t, path, bolt.Options{})
	if r, err := state.Inspect(t.Context(), d); err != nil || r.Older != 1 || len(r.Problems) > 0 {
		t.Errorf("Inspect before the upgrade: got %+v, %v, want a sound one of layout 1", r, err)
	}
	// A crash in the middle leaves layout 1 as it was, but for the copy.
	boom := errors.New("boom")
	broken := brokenWrites{Backend: d, after: 700, err: boom}
	if _, err := state.Open(t.Context(), broken, state.Options{}); !errors.Is(err, boom) {
		t.Fatalf("an upgrade that is cut off: got error %v, want boom", err)
	}
	s, err := state.Open(t.Context(), d, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Check(t.Context())
	if err != nil || len(r.Problems) > 0 || r.Events != 1191 || r.Links != 3 {
		t.Errorf("after the upgrade: got %+v, %v, want 1191 events and 3 links without problems", r, err)
	}
	c := verify(t, s, 0)
	if c.Broken != 0 || c.First != 11 || c.Base.Seq != 10 || c.Head.Seq != 1201 {
		t.Errorf("the chain: got %+v, want it sound from 11 to 1201", c)
	}
	err = s.View(t.Context(), func(tx state.Tx) error {
		e, err := tx.Event(700)
		want := &state.Event{
			Seq: 700, At: day.Add(699 * time.Minute), Mapping: "deals", Link: 1, Records: [2]string{"100", "E-0"}, Action: "updated", To: state.Right, Source: "webhook",
			Fields: []state.EventField{{Rule: 5, Name: "amount ↔ Budget", Why: "deal changed", Replaced: []byte{1, byte(699 % 256)}}, {Rule: 9, Name: "labels", Why: "deal changed"}},
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("event 700 (-want +got):\n%s", diff)
		}
		l, lerr := tx.Link(2)
		if lerr == nil {
			if diff := cmp.Diff(&state.Pending{To: 1, Source: 4, Target: 5, Read: 1}, l.Fields[0].Pending); diff != "" {
				t.Errorf("a pending write (-want +got):\n%s", diff)
			}
		}
		return errors.Join(err, lerr)
	})
	if err != nil {
		t.Error(err)
	}
	copies, err := filepath.Glob(path + ".layout-1*")
	if err != nil || len(copies) != 2 { // one a try
		t.Errorf("copies kept: got %v, %v, want two", copies, err)
	}
	for _, name := range copies {
		old := openBolt(t, name, bolt.Options{ReadOnly: true})
		if _, err := state.Open(t.Context(), old, state.Options{}); !errors.Is(err, state.ErrReadOnly) {
			t.Errorf("the copy %s: got error %v, want ErrReadOnly, since it has the older layout", name, err)
		}
	}
	// The next start has nothing to do.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d = openBolt(t, path, bolt.Options{})
	if s, err = state.Open(t.Context(), d, state.Options{}); err != nil {
		t.Fatal(err)
	}
	if again := verify(t, s, 0); again.Head != c.Head {
		t.Errorf("opened again: got head %v, want %v", again.Head, c.Head)
	}
}

// brokenWrites fails an update's writes from some number on.
type brokenWrites struct {
	state.Backend
	after int
	err   error
}

func (b brokenWrites) Update(ctx context.Context, fn func(state.Writer) error) error {
	return b.Backend.Update(ctx, func(w state.Writer) error {
		return fn(&brokenWriter{Writer: w, left: b.after, err: b.err})
	})
}

type brokenWriter struct {
	state.Writer
	left int
	err  error
}

func (w *brokenWriter) Put(s state.Space, key, value []byte) error {
	if w.left--; w.left < 0 {
		return w.err
	}
	return w.Writer.Put(s, key, value)
}
