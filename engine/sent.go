package engine

import (
	"encoding/binary"
	"errors"

	"github.com/tenonsync/tenon/engine/state"
)

// sentForm is the version of the form in which an intent notes what its create
// carries: for each field the rule, the side, the prints of the source and of
// what is sent, and those of a set's elements. Numbers are varints, prints eight
// bytes.
const sentForm = 1

// encodeSent returns the note of what a create carries.
func encodeSent(fields []state.Field) []byte {
	b := make([]byte, 0, 2+len(fields)*24)
	b = append(b, sentForm)
	b = binary.AppendUvarint(b, uint64(len(fields)))
	for i := range fields {
		p := fields[i].Pending
		b = binary.AppendUvarint(b, uint64(fields[i].Rule))
		b = append(b, p.To)
		b = binary.BigEndian.AppendUint64(b, uint64(p.Source))
		b = binary.BigEndian.AppendUint64(b, uint64(p.Target))
		for _, set := range [][]state.Print{p.SourceSet, p.TargetSet} {
			b = binary.AppendUvarint(b, uint64(len(set)))
			for _, print := range set {
				b = binary.BigEndian.AppendUint64(b, uint64(print))
			}
		}
	}
	return b
}

var errSent = errors.New("the note of what a create carries is damaged")

// decodeSent reads what encodeSent wrote. It never asks for more memory than
// the note is long.
func decodeSent(b []byte) ([]state.Field, error) {
	if len(b) == 0 || b[0] != sentForm {
		return nil, errSent
	}
	r := sentReader{b: b[1:]}
	n := r.count(19)
	fields := make([]state.Field, 0, n)
	for range n {
		f := state.Field{Rule: uint32(r.number()), Pending: &state.Pending{To: r.byte() & 1}}
		f.Pending.Source, f.Pending.Target = r.print(), r.print()
		f.Pending.SourceSet, f.Pending.TargetSet = r.prints(), r.prints()
		fields = append(fields, f)
	}
	if r.bad || len(r.b) > 0 {
		return nil, errSent
	}
	return fields, nil
}

type sentReader struct {
	b   []byte
	bad bool
}

func (r *sentReader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of things of at least size bytes each.
func (r *sentReader) count(size int) int {
	n := r.number()
	if n > uint64(len(r.b)/size) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *sentReader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *sentReader) print() state.Print {
	if len(r.b) < 8 {
		r.bad, r.b = true, nil
		return 0
	}
	v := binary.BigEndian.Uint64(r.b)
	r.b = r.b[8:]
	return state.Print(v)
}

func (r *sentReader) prints() []state.Print {
	n := r.count(8)
	if n == 0 {
		return nil
	}
	set := make([]state.Print, n)
	for i := range set {
		set[i] = r.print()
	}
	return set
}
