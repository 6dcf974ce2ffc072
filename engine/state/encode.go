package state

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"time"
)

// A stored value is framed: a version byte of its encoding, the payload, and
// the CRC-32C of space, key, version and payload. A value that stands under
// another key than its own is damaged, too.
const (
	frameHead = 1
	frameTail = 4
)

// encodingOf returns the version that the values of a space are written in.
func encodingOf(s Space) byte {
	if s == SpaceJournal {
		return 2 // with runs and the chain, since layout 2
	}
	return 1
}

// maxValue bounds one stored value, in bytes.
const maxValue = 8 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(s Space, key, framed []byte) uint32 {
	c := crc32.Update(0, castagnoli, []byte{byte(s)})
	return crc32.Update(crc32.Update(c, castagnoli, key), castagnoli, framed)
}

// seal ends the frame that newEncoder began.
func (e *encoder) seal(s Space, key []byte) []byte {
	return binary.LittleEndian.AppendUint32(e.b, sum(s, key, e.b))
}

// unsealed returns what a frame had before it was sealed.
func unsealed(framed []byte) []byte { return framed[:max(len(framed)-frameTail, 0)] }

// unframe checks a frame and returns a decoder of its payload.
func unframe(s Space, key, value []byte) (*decoder, error) {
	return unframeAs(encodingOf(s), s, key, value)
}

// unframeAs is unframe for another version of the encoding.
func unframeAs(encoding byte, s Space, key, value []byte) (*decoder, error) {
	n := len(value) - frameTail
	if n < frameHead {
		return nil, damaged(s, key, "too short")
	}
	if binary.LittleEndian.Uint32(value[n:]) != sum(s, key, value[:n]) {
		return nil, damaged(s, key, "wrong checksum")
	}
	if value[0] != encoding {
		return nil, damaged(s, key, fmt.Sprintf("an encoding of version %d", value[0]))
	}
	return &decoder{b: value[frameHead:n]}, nil
}

func damaged(s Space, key []byte, what string) error {
	return fmt.Errorf("%w: %s %x: %s", ErrCorrupt, s, key, what)
}

// epoch is what stored times count from, so that they are short.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// encoder appends the parts of a value.
type encoder struct{ b []byte }

// newEncoder begins a frame for a payload of a space, of about size bytes.
func newEncoder(s Space, size int) *encoder {
	return &encoder{b: append(make([]byte, 0, frameHead+size+frameTail), encodingOf(s))}
}

func (e *encoder) uint(n uint64)    { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) byte(n byte)      { e.b = append(e.b, n) }
func (e *encoder) fixed64(n uint64) { e.b = binary.LittleEndian.AppendUint64(e.b, n) }

func (e *encoder) bool(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

// bytes keeps nil apart from empty.
func (e *encoder) bytes(p []byte) {
	if p == nil {
		e.uint(0)
		return
	}
	e.uint(uint64(len(p)) + 1)
	e.b = append(e.b, p...)
}

// time writes microseconds; the zero time stays zero.
func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.uint(0)
		return
	}
	us := t.UnixMicro() - epoch
	e.uint(uint64(us<<1^us>>63) + 1)
}

// near writes a time by its distance from another, which is mostly short.
func (e *encoder) near(t, base time.Time) {
	if t.IsZero() {
		e.uint(0)
		return
	}
	us := t.UnixMicro() - micros(base)
	e.uint(uint64(us<<1^us>>63) + 1)
}

// micros returns what near counts from.
func micros(base time.Time) int64 {
	if base.IsZero() {
		return epoch
	}
	return base.UnixMicro()
}

// id writes a name, shorter when it is a number.
func (e *encoder) id(s string) {
	if n, ok := plainNumber(s); ok {
		e.uint(n<<1 | 1)
		return
	}
	e.uint(uint64(len(s)) << 1)
	e.b = append(e.b, s...)
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

func (e *encoder) prints(p []Print) {
	e.uint(uint64(len(p)))
	for _, x := range p {
		e.fixed64(uint64(x))
	}
}

// decoder takes the parts of a value off again. It goes on after a fault with
// zero values; end tells of it.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() { d.bad, d.b = true, nil }

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

// below reads a number that must be less than limit.
func (d *decoder) below(limit uint64) uint64 {
	n := d.uint()
	if n >= limit {
		d.fail()
		return 0
	}
	return n
}

func (d *decoder) uint32() uint32 { return uint32(d.below(1 << 32)) }

func (d *decoder) byte() byte {
	if len(d.b) < 1 {
		d.fail()
		return 0
	}
	n := d.b[0]
	d.b = d.b[1:]
	return n
}

func (d *decoder) bool() bool {
	n := d.byte()
	if n > 1 {
		d.fail()
	}
	return n == 1
}

func (d *decoder) fixed64() uint64 {
	if len(d.b) < 8 {
		d.fail()
		return 0
	}
	n := binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return n
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) string() string { return string(d.take(d.uint())) }

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n == 0 {
		return nil
	}
	if p := d.take(n - 1); !d.bad {
		return append([]byte{}, p...)
	}
	return nil
}

func (d *decoder) time() time.Time {
	n := d.uint()
	if n == 0 {
		return time.Time{}
	}
	n--
	us := int64(n>>1) ^ -int64(n&1)
	return time.UnixMicro(us + epoch).UTC()
}

func (d *decoder) near(base time.Time) time.Time {
	n := d.uint()
	if n == 0 {
		return time.Time{}
	}
	n--
	us := int64(n>>1) ^ -int64(n&1)
	return time.UnixMicro(us + micros(base)).UTC()
}

func (d *decoder) id() string {
	n := d.uint()
	if n&1 != 0 {
		return decimal(n >> 1)
	}
	return string(d.take(n >> 1))
}

// count reads the length of a list whose elements take at least size bytes
// each, so that a damaged length cannot ask for much memory.
func (d *decoder) count(size int) int {
	n := d.uint()
	if n > uint64(len(d.b)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) prints() []Print {
	n := d.count(8)
	p := make([]Print, 0, n)
	for range n {
		p = append(p, Print(d.fixed64()))
	}
	return slices.Clip(p)
}

// end reports whether all was read and made sense.
func (d *decoder) end(s Space, key []byte) error {
	switch {
	case d.bad:
		return damaged(s, key, "cut or malformed")
	case len(d.b) > 0:
		return damaged(s, key, "bytes left over")
	}
	return nil
}
