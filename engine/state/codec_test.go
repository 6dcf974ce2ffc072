package state

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

var moment = time.Date(2026, 3, 1, 9, 0, 0, 123000, time.UTC)

var (
	sampleLink = storedLink{mapping: 5, trail: 300, Link: &Link{
		ID: 7, Status: LinkWaiting, Created: moment, Synced: moment.Add(time.Second), Scheme: 0x0102030405060708,
		Ends: [2]End{
			{ID: "1042", Version: "v7", Modified: moment, State: connectors.Archived, OutScope: true},
			{ID: "DELIV-12"},
		},
		Fields: []Field{
			{Rule: 1, Known: [2]bool{true, true}, Base: [2]Print{1, 1<<64 - 1}},
			{Rule: 300, Sets: [2][]Print{{1, 2}, {}}},
			{Rule: 1<<32 - 1},
		},
	}}
	// sampleUsual is a link as most are: its pattern is stored elsewhere.
	sampleUsual = storedLink{mapping: 1, pattern: 3, Link: &Link{
		ID: 7, Created: moment, Synced: moment, Scheme: samplePattern.scheme,
		Ends: [2]End{
			{ID: "12000000042", Version: "2026-03-01T09:00:00.000Z", Modified: moment.Truncate(time.Millisecond)},
			{ID: "10042", Version: "1772355600000", Modified: moment},
		},
		Fields: []Field{
			{Rule: 1, Known: [2]bool{true, true}, Base: [2]Print{5, 5}, Sets: [2][]Print{{8}, {8}}},
			{Rule: 300, Known: [2]bool{true, true}, Base: [2]Print{6, 6}, Sets: [2][]Print{{}, {}}},
		},
	}}
	samplePattern = &pattern{scheme: 0x0102030405060708, rules: []uint32{1, 300}}
	sampleNotes   = []Field{
		{Rule: 1, Pending: &Pending{To: 1, Source: 3, Target: 4, SourceSet: []Print{5}, TargetSet: []Print{}}},
		{Rule: 9},
		{Rule: 300, Pending: &Pending{Source: 1, Target: 1<<64 - 1, Read: 7}},
		{Rule: 301, Pending: &Pending{Source: 1, Target: 2, Replaced: []byte{8}, Run: 300}},
		{Rule: 302, Pending: &Pending{Source: 1, Target: 2, Empty: true}},
	}
	sampleEntry = &Entry{
		Sides: 3, Priority: connectors.PrioritySweep, Status: Waiting, Due: moment, Gen: 300, Attempts: 4,
		Code: "unavailable", Reason: "no answer", Source: "poll", Convert: true,
	}
	sampleIntent = &Intent{
		Key: "k", Kind: IntentTask, Side: Right, Record: "1042", Part: "design", Created: moment, Sent: moment, Result: "9", Doc: []byte{1, 2},
	}
	sampleAside = &Aside{
		Link: 7, Rule: 9, Name: "amount", Kind: AsideRefused, Since: moment, To: Right, Prints: [2]Print{1, 2},
		Code: "c", Reason: "r", Values: [2][]byte{{1}, {}}, Choice: "left",
	}
	sampleEvent = &storedEvent{mapping: 5, prev: 11, sealed: digest{1, 2}, chain: digest{3, 4}, Event: Event{
		Seq: 12, Run: 9, At: moment, Link: 7, Records: [2]string{"1042", "DELIV-12"}, Action: "updated", To: Right, Source: "webhook", Code: "c", Detail: "d",
		Fields: []EventField{
			{Rule: 1<<32 - 1, Name: "amount", Why: "left changed", Target: "Budget", Held: 7, Replaced: []byte{9}},
			{},
			{Rule: 2, Target: "b", Empty: true},
			{Rule: 3, Target: "c", Forgotten: true},
		},
	}}
)

// codec is one encoding, by its space.
type codec struct {
	space  Space
	key    []byte
	sample any
	encode func(e *encoder, v any)
	decode func(d *decoder) any
}

var codecs = map[string]codec{
	"link":              linkCodec(sampleLink),
	"usual link":        linkCodec(sampleUsual),
	"notes":             notesCodec(sampleNotes),
	"notes with a time": notesCodec([]Field{{Rule: 3, Pending: &Pending{Source: 1, Target: 2, Run: 4, Since: moment}}}),
	"pattern": {
		SpacePatterns, keyNumber(3), samplePattern,
		func(e *encoder, v any) {
			p := v.(*pattern)
			fields := make([]Field, len(p.rules))
			for i, rule := range p.rules {
				fields[i].Rule = rule
			}
			e.b = appendPattern(e.b, p.scheme, fields)
		},
		func(d *decoder) any { return decodePattern(d) },
	},
	"entry": {
		SpaceEntries, []byte("entry"), sampleEntry,
		func(e *encoder, v any) { encodeEntry(e, v.(*Entry)) },
		func(d *decoder) any { return decodeEntry(d) },
	},
	"intent": {
		SpaceIntents, []byte("k"), sampleIntent,
		func(e *encoder, v any) { encodeIntent(e, v.(*Intent), 5) },
		func(d *decoder) any { i, _ := decodeIntent(d, "k"); return i },
	},
	"aside": {
		SpaceAsides, keyAside(7, 9), sampleAside,
		func(e *encoder, v any) { encodeAside(e, v.(*Aside), 5) },
		func(d *decoder) any { a, _ := decodeAside(d, 7, 9); return a },
	},
	"event": {
		SpaceJournal, key64(12), sampleEvent,
		func(e *encoder, v any) { encodeEvent(e, v.(*storedEvent)) },
		func(d *decoder) any { e, _ := decodeEvent(d, 12, nil); return e },
	},
}

func linkCodec(sample storedLink) codec {
	look := func(n uint32) (*pattern, error) {
		if n != sampleUsual.pattern {
			return nil, damaged(SpacePatterns, keyNumber(n), "a number without a text")
		}
		return samplePattern, nil
	}
	return codec{
		SpaceLinks, key64(7), sample,
		func(e *encoder, v any) { l := v.(storedLink); encodeLink(e, &l) },
		func(d *decoder) any {
			l, err := decodeLink(d, 7, look)
			if err != nil {
				d.fail()
			}
			return l
		},
	}
}

var unexported = cmp.AllowUnexported(storedEvent{}, storedLink{}, pattern{})

func notesCodec(sample []Field) codec {
	return codec{
		SpaceNotes, key64(7), sample,
		func(e *encoder, v any) { encodeNotes(e, v.([]Field)) },
		func(d *decoder) any {
			fields := make([]Field, len(sample))
			for i := range sample {
				fields[i].Rule = sample[i].Rule
			}
			decodeNotes(d, fields)
			return fields
		},
	}
}

func (c codec) framed(v any) []byte {
	e := newEncoder(c.space, 0)
	c.encode(e, v)
	return e.seal(c.space, c.key)
}

func TestCodecs(t *testing.T) {
	for name, c := range codecs {
		framed := c.framed(c.sample)
		d, err := unframe(c.space, c.key, framed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := c.decode(d)
		if err := d.end(c.space, c.key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.sample, got, unexported); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		// Every cut of the payload is found, whatever the checksum says.
		payload := framed[frameHead : len(framed)-frameTail]
		for n := range payload {
			if name == "pattern" {
				break // its length is told by what it stands in
			}
			d := &decoder{b: payload[:n]}
			c.decode(d)
			if err := d.end(c.space, c.key); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s cut to %d of %d bytes: got error %v, want ErrCorrupt", name, n, len(payload), err)
			}
		}
	}
}

// TestStoredForm keeps the stored form as it is: files of released versions
// hold it. A change needs a new version of the encoding.
func TestStoredForm(t *testing.T) {
	for name, c := range codecs {
		if got := hex.EncodeToString(c.framed(c.sample)); got != storedForms[name] {
			t.Errorf("%s:\n got %s\nwant %s", name, got, storedForms[name])
		}
	}
}

func TestFrame(t *testing.T) {
	e := newEncoder(SpaceDocs, 0)
	e.string("a value")
	framed := e.seal(SpaceDocs, []byte("key"))
	if _, err := unframe(SpaceDocs, []byte("key"), framed); err != nil {
		t.Error(err)
	}
	if _, err := unframe(SpaceDocs, []byte("other"), framed); !errors.Is(err, ErrCorrupt) {
		t.Errorf("under another key: got error %v, want ErrCorrupt", err)
	}
	if _, err := unframe(SpaceSecrets, []byte("key"), framed); !errors.Is(err, ErrCorrupt) {
		t.Errorf("in another space: got error %v, want ErrCorrupt", err)
	}
	later := &encoder{b: append([]byte{encodingOf(SpaceDocs) + 1}, framed[frameHead:len(framed)-frameTail]...)}
	if _, err := unframe(SpaceDocs, []byte("key"), later.seal(SpaceDocs, []byte("key"))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("of another encoding: got error %v, want ErrCorrupt", err)
	}
	for i := range framed {
		if _, err := unframe(SpaceDocs, []byte("key"), framed[:i]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d bytes: got error %v, want ErrCorrupt", i, err)
		}
		changed := bytes.Clone(framed)
		changed[i] ^= 0x10
		if _, err := unframe(SpaceDocs, []byte("key"), changed); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d changed: got error %v, want ErrCorrupt", i, err)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, want := range []time.Time{
		{},
		time.UnixMicro(0).UTC(), time.UnixMicro(epoch).UTC(), moment,
		time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	} {
		e := newEncoder(SpaceDocs, 0)
		e.time(want)
		d := &decoder{b: e.b[frameHead:]}
		if got := d.time(); !got.Equal(want) || got.IsZero() != want.IsZero() || len(d.b) > 0 || d.bad {
			t.Errorf("time: got %v, want %v", got, want)
		}
		if got := timeOf(appendTime(nil, want)); !got.Equal(want) {
			t.Errorf("time in a key: got %v, want %v", got, want)
		}
	}
	early, late := appendTime(nil, time.Time{}), appendTime(nil, time.UnixMicro(-1))
	if bytes.Compare(early, late) >= 0 || bytes.Compare(late, appendTime(nil, time.UnixMicro(0))) >= 0 {
		t.Error("times in keys do not sort as they do")
	}
}

func TestAfter(t *testing.T) {
	for in, want := range map[string]string{"a": "b", "a\xff": "b", "a\x00": "a\x01", "\xff\xff": "", "": ""} {
		if got := string(after([]byte(in))); got != want {
			t.Errorf("after(%q): got %q, want %q", in, got, want)
		}
	}
}

// fuzzCodec decodes anything, and what it takes it must write and read again.
func fuzzCodec(f *testing.F, name string) {
	c := codecs[name]
	framed := c.framed(c.sample)
	f.Add(framed[frameHead : len(framed)-frameTail])
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Add(bytes.Repeat([]byte{0}, 64))
	f.Fuzz(func(t *testing.T, payload []byte) {
		d := &decoder{b: payload}
		v := c.decode(d)
		if d.end(c.space, c.key) != nil {
			return
		}
		d, err := unframe(c.space, c.key, c.framed(v))
		if err != nil {
			t.Fatal(err)
		}
		again := c.decode(d)
		if err := d.end(c.space, c.key); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, again, unexported); diff != "" {
			t.Errorf("read, written and read again (-first +second):\n%s", diff)
		}
	})
}

func FuzzLink(f *testing.F)   { fuzzCodec(f, "link") }
func FuzzUsual(f *testing.F)  { fuzzCodec(f, "usual link") }
func FuzzNotes(f *testing.F)  { fuzzCodec(f, "notes") }
func FuzzEntry(f *testing.F)  { fuzzCodec(f, "entry") }
func FuzzIntent(f *testing.F) { fuzzCodec(f, "intent") }
func FuzzAside(f *testing.F)  { fuzzCodec(f, "aside") }
func FuzzEvent(f *testing.F)  { fuzzCodec(f, "event") }

func FuzzFrame(f *testing.F) {
	f.Add([]byte("key"), []byte{1, 2, 3, 4, 5})
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if _, err := unframe(SpaceDocs, key, value); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("got error %v, want ErrCorrupt", err)
		}
		parseSubject(value)
	})
}
