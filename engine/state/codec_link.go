package state

import (
	"fmt"

	"github.com/tenonsync/tenon/connectors"
)

// The bits of a field's first byte.
const (
	fieldKnown0 = 1 << iota
	fieldKnown1
	fieldBase0
	fieldBase1
	fieldSet0
	fieldSet1
	fieldPending
)

func checkFields(fields []Field) error {
	for i := 1; i < len(fields); i++ {
		if fields[i].Rule <= fields[i-1].Rule {
			return fmt.Errorf("the fields of a link are not ascending by rule: %d after %d", fields[i].Rule, fields[i-1].Rule)
		}
	}
	return nil
}

func encodeLink(e *encoder, l *Link, mapping uint32) {
	e.uint(uint64(mapping))
	e.byte(byte(l.Status))
	e.time(l.Created)
	e.time(l.Synced)
	e.fixed64(l.Scheme)
	for i := range l.Ends {
		end := &l.Ends[i]
		e.string(end.ID)
		e.string(end.Version)
		e.time(end.Modified)
		e.byte(byte(end.State))
		e.bool(end.OutScope)
		e.time(end.Wrote)
	}
	e.uint(uint64(len(l.Fields)))
	rule := uint32(0)
	for i := range l.Fields {
		f := &l.Fields[i]
		e.uint(uint64(f.Rule - rule))
		rule = f.Rule
		encodeField(e, f)
	}
}

func encodeField(e *encoder, f *Field) {
	var bits byte
	for side := range 2 {
		if f.Known[side] {
			bits |= fieldKnown0 << side
		}
		if f.Base[side] != 0 {
			bits |= fieldBase0 << side
		}
		if f.Sets[side] != nil {
			bits |= fieldSet0 << side
		}
	}
	if f.Pending != nil {
		bits |= fieldPending
	}
	e.byte(bits)
	for side := range 2 {
		if f.Base[side] != 0 {
			e.fixed64(uint64(f.Base[side]))
		}
		if f.Sets[side] != nil {
			e.prints(f.Sets[side])
		}
	}
	if p := f.Pending; p != nil {
		head := p.To | presence(p.SourceSet)<<1 | presence(p.TargetSet)<<2
		if p.Read != 0 {
			head |= pendingRead
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
	}
}

// pendingRead is set in the head of a pending write that tells what was read.
const pendingRead = 8

func presence(p []Print) byte {
	if p == nil {
		return 0
	}
	return 1
}

// decodeLink returns the link without its mapping's name.
func decodeLink(d *decoder, id uint64) (l *Link, mapping uint32) {
	l = &Link{ID: id}
	mapping = d.uint32()
	l.Status = LinkStatus(d.byte())
	l.Created = d.time()
	l.Synced = d.time()
	l.Scheme = d.fixed64()
	for i := range l.Ends {
		end := &l.Ends[i]
		end.ID = d.string()
		end.Version = d.string()
		end.Modified = d.time()
		end.State = connectors.State(d.byte())
		end.OutScope = d.bool()
		end.Wrote = d.time()
	}
	n := d.count(2)
	if n == 0 {
		return l, mapping
	}
	l.Fields = make([]Field, n)
	rule := uint64(0)
	for i := range l.Fields {
		step := d.below(1 << 32)
		rule += step
		if rule >= 1<<32 || i > 0 && step == 0 {
			d.fail()
		}
		l.Fields[i].Rule = uint32(rule)
		decodeField(d, &l.Fields[i])
	}
	return l, mapping
}

func decodeField(d *decoder, f *Field) {
	bits := d.byte()
	for side := range 2 {
		f.Known[side] = bits&(fieldKnown0<<side) != 0
		if bits&(fieldBase0<<side) != 0 {
			f.Base[side] = Print(d.fixed64())
		}
		if bits&(fieldSet0<<side) != 0 {
			f.Sets[side] = d.prints()
		}
	}
	if bits&fieldPending == 0 {
		return
	}
	p := &Pending{}
	head := d.byte()
	p.To = head & 1
	p.Source = Print(d.fixed64())
	p.Target = Print(d.fixed64())
	if head&2 != 0 {
		p.SourceSet = d.prints()
	}
	if head&4 != 0 {
		p.TargetSet = d.prints()
	}
	if head&pendingRead != 0 {
		p.Read = Print(d.fixed64())
	}
	f.Pending = p
}
