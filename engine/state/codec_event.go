package state

import (
	"crypto/sha256"
	"encoding/binary"
)

// storedEvent is an event with what only the store knows.
type storedEvent struct {
	Event
	mapping uint32 // the number of its mapping; 0: none
	prev    uint64 // the previous event of its link; 0: none
	sealed  digest // of the replaced values, where they were forgotten
	chain   digest // binds it to the events before
}

// digest is a SHA-256.
type digest = [sha256.Size]byte

// The bits of a field of an event.
const (
	fieldWritten = 1 << iota // Target and Held follow
	fieldKept                // Replaced follows
	fieldEmpty
	fieldForgotten
	fieldAllBits
)

func (f *EventField) bits() (b byte) {
	if f.Target != "" {
		b |= fieldWritten
	}
	switch {
	case f.Replaced != nil:
		b |= fieldKept
	case f.Forgotten:
		b |= fieldForgotten
	}
	if f.Empty {
		b |= fieldEmpty
	}
	return b
}

// encodeEvent writes what filters look at first.
func encodeEvent(x *encoder, e *storedEvent) {
	x.uint(uint64(e.mapping))
	encodeEventHead(x, e)
	encodeEventTail(x, e, func(f *EventField) { x.bytes(f.Replaced) })
	if forgotten(e.Fields) {
		x.digest(e.sealed)
	}
	x.digest(e.chain)
}

func encodeEventHead(x *encoder, e *storedEvent) {
	x.uint(e.Link)
	x.uint(e.prev)
	x.uint(e.Run)
	x.time(e.At)
	x.words(e.Action)
	x.id(e.Records[0])
	x.id(e.Records[1])
}

// encodeEventTail writes the rest of an event; kept writes a replaced value.
func encodeEventTail(x *encoder, e *storedEvent, kept func(*EventField)) {
	x.byte(e.To)
	x.words(e.Source)
	x.string(e.Code)
	x.string(e.Detail)
	x.uint(uint64(len(e.Fields)))
	for i := range e.Fields {
		f := &e.Fields[i]
		x.uint(uint64(f.Rule))
		x.string(f.Name)
		x.words(f.Why)
		b := f.bits()
		x.byte(b)
		if b&fieldWritten != 0 {
			x.string(f.Target)
			x.fixed64(uint64(f.Held))
		}
		if b&fieldKept != 0 {
			kept(f)
		}
	}
}

// decodeEvent reads an event. If pass is not nil and says no to the event as
// far as Records, the rest is not read and kept is false.
func decodeEvent(d *decoder, seq uint64, pass func(*storedEvent) bool) (e *storedEvent, kept bool) {
	e = &storedEvent{}
	e.Seq = seq
	e.mapping = d.uint32()
	e.Link = d.uint()
	e.prev = d.uint()
	e.Run = d.uint()
	e.At = d.time()
	e.Action = d.words()
	e.Records[0] = d.id()
	e.Records[1] = d.id()
	if pass != nil && !d.bad && !pass(e) {
		return e, false
	}
	e.To = d.byte()
	e.Source = d.words()
	e.Code = d.string()
	e.Detail = d.string()
	n := d.count(4)
	if n > 0 {
		e.Fields = make([]EventField, n)
	}
	for i := range e.Fields {
		decodeEventField(d, &e.Fields[i])
	}
	if forgotten(e.Fields) {
		e.sealed = d.digest()
	}
	e.chain = d.digest()
	return e, true
}

func decodeEventField(d *decoder, f *EventField) {
	f.Rule = d.uint32()
	f.Name = d.string()
	f.Why = d.words()
	b := d.byte()
	if b >= fieldAllBits || b&fieldKept != 0 && b&fieldForgotten != 0 {
		d.fail()
	}
	if b&fieldWritten != 0 {
		if f.Target, f.Held = d.string(), Print(d.fixed64()); f.Target == "" {
			d.fail()
		}
	}
	if b&fieldKept != 0 {
		if f.Replaced = d.bytes(); f.Replaced == nil {
			d.fail()
		}
	}
	f.Empty = b&fieldEmpty != 0
	f.Forgotten = b&fieldForgotten != 0
}

func forgotten(fields []EventField) bool {
	for i := range fields {
		if fields[i].Forgotten && fields[i].Replaced == nil {
			return true
		}
	}
	return false
}

func (e *encoder) digest(d digest) { e.b = append(e.b, d[:]...) }

func (d *decoder) digest() (x digest) {
	copy(x[:], d.take(uint64(len(x))))
	return x
}

// chainTag begins what is hashed for the chain, so that it is the hash of
// nothing else.
const chainTag = "tenon journal 1\x00"

// link returns the event's place in the chain: the hash of the place before it
// and of all that the event says. Of the replaced values it holds the digest
// only, so that they can be forgotten.
func (e *storedEvent) link(before digest) digest {
	x := &encoder{b: make([]byte, 0, 192+64*len(e.Fields))}
	x.b = append(x.b, chainTag...)
	x.digest(before)
	x.uint(e.Seq)
	x.string(e.Mapping)
	encodeEventHead(x, e)
	some := false
	encodeEventTail(x, e.asForgotten(&some), nil)
	if some {
		x.digest(e.replacedDigest())
	}
	return sha256.Sum256(x.b)
}

// asForgotten returns the event as it is without its replaced values, and
// whether it ever had one.
func (e *storedEvent) asForgotten(some *bool) *storedEvent {
	bare := *e
	bare.Fields = make([]EventField, len(e.Fields))
	for i, f := range e.Fields {
		if f.Replaced != nil || f.Forgotten {
			f.Replaced, f.Forgotten, *some = nil, true, true
		}
		bare.Fields[i] = f
	}
	return &bare
}

// replacedDigest returns the digest of the replaced values, also when they are
// forgotten.
func (e *storedEvent) replacedDigest() digest {
	if forgotten(e.Fields) {
		return e.sealed
	}
	h := sha256.New()
	var n [8]byte
	for i := range e.Fields {
		if v := e.Fields[i].Replaced; v != nil {
			binary.BigEndian.PutUint64(n[:], uint64(i)<<32|uint64(len(v)))
			h.Write(n[:])
			h.Write(v)
		}
	}
	var d digest
	h.Sum(d[:0])
	return d
}
