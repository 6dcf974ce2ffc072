package connectors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// encodedVersion begins every encoded value.
const encodedVersion = 1

var errMalformed = errors.New("decode a value: cut or malformed")

// EncodeValue writes a value for storage; DecodeValue reads it back, whatever
// bytes its texts have. The encoding holds the customer's data: seal it.
func EncodeValue(v Value) []byte {
	b := []byte{encodedVersion, byte(v.Type())}
	b = binary.AppendVarint(b, v.number())
	for _, s := range [...]string{v.s, v.label(), v.note()} {
		b = appendPart(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(v.Options())))
	for _, o := range v.Options() {
		b = appendPart(appendPart(b, o.ID), o.Label)
	}
	return b
}

// DecodeValue reads what EncodeValue wrote.
func DecodeValue(data []byte) (Value, error) {
	if len(data) < 2 || data[0] != encodedVersion {
		return Null, errMalformed
	}
	typ := Type(data[1])
	if typ > TypeFile {
		return Null, fmt.Errorf("decode a value: unknown type %d", typ)
	}
	n, size := binary.Varint(data[2:])
	if size <= 0 {
		return Null, errMalformed
	}
	v := counted(typ, n)
	d := parts{rest: data[2+size:]}
	m := more{}
	if v.more != nil {
		m = *v.more
	}
	v.s, m.label, m.note = d.next(), d.next(), d.next()
	count := d.number()
	if count > uint64(len(d.rest)/2) { // an option takes two bytes at least
		return Null, errMalformed
	}
	for range count {
		m.set = append(m.set, Option{ID: d.next(), Label: d.next()})
	}
	if d.bad || len(d.rest) > 0 {
		return Null, errMalformed
	}
	if !slices.IsSortedFunc(m.set, func(a, b Option) int { return strings.Compare(a.ID, b.ID) }) {
		return Null, errors.New("decode a value: options out of order")
	}
	if m.label != "" || m.note != "" || m.set != nil || m.wide {
		v.more = &m
	}
	return v, nil
}

// parts takes apart what appendPart put together.
type parts struct {
	rest []byte
	bad  bool
}

func (p *parts) number() uint64 {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 {
		p.bad, p.rest = true, nil
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *parts) next() string {
	n := p.number()
	if n > uint64(len(p.rest)) {
		p.bad, p.rest = true, nil
		return ""
	}
	s := string(p.rest[:n])
	p.rest = p.rest[n:]
	return s
}
