package state

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// storedLink is a link with what only the store knows.
type storedLink struct {
	*Link
	mapping uint32 // the mapping's number
	trail   uint64 // the link's last event, 0: none
	pattern uint32 // the number of its pattern, 0: its row carries it
	noted   bool   // whether it has a row of notes
	raw     []byte // the row as it stands, of the transaction
}

// The bits of a link's head, above its status. Its second byte has the states
// of both ends.
const (
	linkStatus   = 0x0f
	linkOutScope = 0x10 // for the left end, the next bit for the right
	linkAlike    = 0x40 // all fields have the same bits, told once
)

// The bits of a field.
const (
	fieldKnown = 1 << iota // for the left side, the next bit for the right
	_
	fieldBase
	_
	fieldSet
	_
	fieldSameBase // the right side's print is the left's
	fieldSameSet
)

// checkLink makes sure that a link can be stored.
func checkLink(l *Link) error {
	if l.Status > linkStatus {
		return fmt.Errorf("a link with status %d", l.Status)
	}
	for _, end := range l.Ends {
		if end.State > 0x0f {
			return fmt.Errorf("a link with a record in state %d", end.State)
		}
	}
	for i := 1; i < len(l.Fields); i++ {
		if l.Fields[i].Rule <= l.Fields[i-1].Rule {
			return fmt.Errorf("the fields of a link are not ascending by rule: %d after %d", l.Fields[i].Rule, l.Fields[i-1].Rule)
		}
	}
	return nil
}

// encodeLink writes all of a link but its pending writes.
func encodeLink(e *encoder, l *storedLink) {
	e.uint(uint64(l.mapping))
	e.uint(l.trail)
	alike := alikeFields(l.Fields)
	head := byte(l.Status)
	if alike {
		head |= linkAlike
	}
	for side := range l.Ends {
		if l.Ends[side].OutScope {
			head |= linkOutScope << side
		}
	}
	e.byte(head)
	e.byte(byte(l.Ends[0].State) | byte(l.Ends[1].State)<<4)
	e.time(l.Created)
	e.time(l.Synced)
	for side := range l.Ends {
		end := &l.Ends[side]
		e.id(end.ID)
		e.near(end.Modified, l.Synced)
		encodeVersion(e, end)
	}
	e.uint(uint64(l.pattern))
	if l.pattern == 0 {
		e.string(string(appendPattern(nil, l.Scheme, l.Fields)))
	}
	if alike && len(l.Fields) > 0 {
		e.byte(fieldBits(&l.Fields[0]))
	}
	for i := range l.Fields {
		encodeField(e, &l.Fields[i], alike)
	}
}

func alikeFields(fields []Field) bool {
	for i := 1; i < len(fields); i++ {
		if fieldBits(&fields[i]) != fieldBits(&fields[0]) {
			return false
		}
	}
	return true
}

func fieldBits(f *Field) byte {
	var b byte
	for side := range 2 {
		if f.Known[side] {
			b |= fieldKnown << side
		}
		if f.Base[side] != 0 {
			b |= fieldBase << side
		}
		if f.Sets[side] != nil {
			b |= fieldSet << side
		}
	}
	if f.Base[0] != 0 && f.Base[0] == f.Base[1] {
		b |= fieldSameBase
	}
	if f.Sets[0] != nil && f.Sets[1] != nil && slices.Equal(f.Sets[0], f.Sets[1]) {
		b |= fieldSameSet
	}
	return b
}

// ofSide reports whether something of a side stands in the row.
func ofSide(b byte, side int, what, same byte) bool {
	return b&(what<<side) != 0 && (side == 0 || b&same == 0)
}

func encodeField(e *encoder, f *Field, alike bool) {
	b := fieldBits(f)
	if !alike {
		e.byte(b)
	}
	for side := range 2 {
		if ofSide(b, side, fieldBase, fieldSameBase) {
			e.fixed64(uint64(f.Base[side]))
		}
		if ofSide(b, side, fieldSet, fieldSameSet) {
			e.prints(f.Sets[side])
		}
	}
}

// decodeLinkHead reads a link up to its fields; alike says whether these have
// the same bits. What is carried of the pattern is not read.
func decodeLinkHead(d *decoder, id uint64) (l storedLink, alike bool) {
	l = storedLink{Link: &Link{ID: id}}
	l.mapping = d.uint32()
	l.trail = d.uint()
	head, states := d.byte(), d.byte()
	l.Status = LinkStatus(head & linkStatus)
	l.Created = d.time()
	l.Synced = d.time()
	for side := range l.Ends {
		end := &l.Ends[side]
		end.State = connectors.State(states >> (4 * side) & 0x0f)
		end.OutScope = head&(linkOutScope<<side) != 0
		end.ID = d.id()
		end.Modified = d.near(l.Synced)
		end.Version = decodeVersion(d, end.Modified)
	}
	l.pattern = d.uint32()
	return l, head&linkAlike != 0
}

// decodeLink returns a link without its mapping's name and its pending writes.
// look finds a pattern by its number.
func decodeLink(d *decoder, id uint64, look func(uint32) (*pattern, error)) (storedLink, error) {
	l, alike := decodeLinkHead(d, id)
	p := &pattern{}
	if l.pattern == 0 {
		text := &decoder{b: d.take(d.uint())}
		if p = decodePattern(text); text.bad {
			d.fail()
		}
	} else if !d.bad {
		var err error
		if p, err = look(l.pattern); err != nil {
			return l, err
		}
	}
	l.Scheme = p.scheme
	if d.bad || len(p.rules) == 0 {
		return l, nil
	}
	l.Fields = make([]Field, len(p.rules))
	var b byte
	if alike {
		b = d.byte()
	}
	for i, rule := range p.rules {
		l.Fields[i].Rule = rule
		if !alike {
			b = d.byte()
		}
		decodeField(d, &l.Fields[i], b)
	}
	return l, nil
}

func decodeField(d *decoder, f *Field, b byte) {
	for side := range 2 {
		f.Known[side] = b&(fieldKnown<<side) != 0
		if ofSide(b, side, fieldBase, fieldSameBase) {
			f.Base[side] = Print(d.fixed64())
		}
		if ofSide(b, side, fieldSet, fieldSameSet) {
			f.Sets[side] = d.prints()
		}
	}
	if b&fieldSameBase != 0 {
		f.Base[1] = f.Base[0]
	}
	if b&fieldSameSet != 0 {
		f.Sets[1] = slices.Clone(f.Sets[0])
	}
}

// How the version of a record is stored: many follow from the time of its last
// change.
const (
	versionNone   = iota
	versionText   // the text
	versionNumber // a number
	versionMillis // that time, in milliseconds since 1970
	versionStamp  // that time, as stampMillis
	versionShort  // that time, as RFC 3339 with no more digits than it needs
)

const stampMillis = "2006-01-02T15:04:05.000Z"

func encodeVersion(e *encoder, end *End) {
	v := end.Version
	if v == "" {
		e.byte(versionNone)
		return
	}
	at := end.Modified.UTC().Truncate(time.Microsecond)
	if n, ok := plainNumber(v); ok {
		if !at.IsZero() && n == uint64(at.UnixMilli()) {
			e.byte(versionMillis)
			return
		}
		e.byte(versionNumber)
		e.uint(n)
		return
	}
	if !at.IsZero() && v[len(v)-1] == 'Z' {
		var room [48]byte
		if string(at.AppendFormat(room[:0], stampMillis)) == v {
			e.byte(versionStamp)
			return
		}
		if string(at.AppendFormat(room[:0], time.RFC3339Nano)) == v {
			e.byte(versionShort)
			return
		}
	}
	e.byte(versionText)
	e.string(v)
}

func decodeVersion(d *decoder, at time.Time) string {
	switch d.byte() {
	case versionNone:
		return ""
	case versionText:
		return d.string()
	case versionNumber:
		return decimal(d.uint())
	case versionMillis:
		return decimal(uint64(at.UnixMilli()))
	case versionStamp:
		return at.Format(stampMillis)
	case versionShort:
		return at.Format(time.RFC3339Nano)
	}
	d.fail()
	return ""
}

// A pending write's head: the side, and what follows.
const (
	noteTo        = 1 << iota
	noteSourceSet // a set of the source
	noteTargetSet // a set of the target
	noteRead      // what was read
	noteReplaced  // the value that gives way, sealed
	noteEmpty     // that there was none
	noteRun       // the run that writes
	noteSince     // from when on a history can show the write
)

// pendings returns how many fields have a pending write.
func pendings(fields []Field) int {
	n := 0
	for i := range fields {
		if fields[i].Pending != nil {
			n++
		}
	}
	return n
}

// encodeNotes writes the pending writes of a link, each after the difference
// of its rule to the one before.
func encodeNotes(e *encoder, fields []Field) {
	e.uint(uint64(pendings(fields)))
	rule := uint32(0)
	for i := range fields {
		p := fields[i].Pending
		if p == nil {
			continue
		}
		e.uint(uint64(fields[i].Rule - rule))
		rule = fields[i].Rule
		head := p.To & noteTo
		if p.SourceSet != nil {
			head |= noteSourceSet
		}
		if p.TargetSet != nil {
			head |= noteTargetSet
		}
		if p.Read != 0 {
			head |= noteRead
		}
		if p.Replaced != nil {
			head |= noteReplaced
		}
		if p.Empty {
			head |= noteEmpty
		}
		if p.Run != 0 {
			head |= noteRun
		}
		if !p.Since.IsZero() {
			head |= noteSince
		}
		e.byte(head)
		e.fixed64(uint64(p.Source))
		e.fixed64(uint64(p.Target))
		if p.SourceSet != nil {
			e.prints(p.SourceSet)
		}
		if p.TargetSet != nil {
			e.prints(p.TargetSet)
		}
		if p.Read != 0 {
			e.fixed64(uint64(p.Read))
		}
		if p.Replaced != nil {
			e.bytes(p.Replaced)
		}
		if p.Run != 0 {
			e.uint(p.Run)
		}
		if !p.Since.IsZero() {
			e.time(p.Since)
		}
	}
}

// decodeNotes puts the pending writes of a link into its fields.
func decodeNotes(d *decoder, fields []Field) {
	rule, at, n := uint64(0), 0, d.count(1+1+8+8)
	if n == 0 {
		d.fail()
	}
	for range n {
		rule += d.below(1 << 32)
		for at < len(fields) && uint64(fields[at].Rule) < rule {
			at++
		}
		if at == len(fields) || uint64(fields[at].Rule) != rule || fields[at].Pending != nil {
			d.fail()
			return
		}
		p := &Pending{}
		head := d.byte()
		p.To = head & noteTo
		p.Source = Print(d.fixed64())
		p.Target = Print(d.fixed64())
		if head&noteSourceSet != 0 {
			p.SourceSet = d.prints()
		}
		if head&noteTargetSet != 0 {
			p.TargetSet = d.prints()
		}
		if head&noteRead != 0 {
			p.Read = Print(d.fixed64())
		}
		if head&noteReplaced != 0 {
			p.Replaced = d.bytes()
		}
		p.Empty = head&noteEmpty != 0
		if head&noteRun != 0 {
			p.Run = d.uint()
		}
		if head&noteSince != 0 {
			p.Since = d.time()
		}
		fields[at].Pending = p
	}
}

// linkBits is how many links one row of the index of a mapping's links has: a
// bit each.
const linkBits = 256

type linkRow [linkBits / 8]byte

func (r *linkRow) has(link uint64) bool { return r[link%linkBits/8]&(1<<(link%8)) != 0 }

func (r *linkRow) set(link uint64, on bool) {
	r[link%linkBits/8] &^= 1 << (link % 8)
	if on {
		r[link%linkBits/8] |= 1 << (link % 8)
	}
}

// count returns how many links the row has.
func (r *linkRow) count() (n int) {
	for _, b := range r {
		n += bits.OnesCount8(b)
	}
	return n
}

// next returns the first link of the row at or after from, ok false when there
// is none. base is the row's first link.
func (r *linkRow) next(base, from uint64) (link uint64, ok bool) {
	for i := max(from, base) - base; i < linkBits; {
		if rest := r[i/8] >> (i % 8); rest != 0 {
			return base + i + uint64(bits.TrailingZeros8(rest)), true
		}
		i = (i/8 + 1) * 8
	}
	return 0, false
}
