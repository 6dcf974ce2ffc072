package engine

import (
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// replaced returns what the journal keeps of a value that a write replaces:
// the value sealed, or that there was none.
func (d *drain) replaced(v connectors.Value) (sealed []byte, empty bool) {
	switch {
	case v.IsNull():
		return nil, true
	case d.limits.KeepReplaced > 0:
		return d.seal(v, replacedPurpose), false
	}
	return nil, false
}

// writtenField tells the journal of one field that is written; the value that
// it replaces is sealed.
func (d *drain) writtenField(v *verdict, w *fieldWrite) state.EventField {
	f := state.EventField{Rule: v.rule.ID(), Name: v.rule.Name(), Why: w.why}
	f.Replaced, f.Empty = d.replaced(w.replaced)
	return f
}

// takenField tells the journal of one field write that took effect, and of what
// the system held then.
func (d *drain) takenField(v *verdict, w *fieldWrite, side mapping.SideID, next state.Field) state.EventField {
	f := d.writtenField(v, w)
	f.Target, f.Held = v.rule.Field(side), next.Base[side]
	if w.edit != nil && !slices.ContainsFunc(w.edit.Add, func(o connectors.Option) bool { return !contains(next.Sets[side], d.printer.PrintOption(o)) }) {
		// What others added or took out at that moment is no part of the write.
		f.Held = d.printer.Print(w.value)
	}
	return f
}

// noteReplaced keeps with the note of a write what the journal is to tell of
// it, should the answer be lost.
func (d *drain) noteReplaced(v *verdict) {
	p := v.next.Pending
	if p == nil || v.putBack {
		return
	}
	if w := v.writes[p.To]; w != nil {
		p.Replaced, p.Empty = d.replaced(w.replaced)
		p.Run = d.ownRun()
	}
}

// lostAnswer is a write that was noted and is now seen to have taken effect.
type lostAnswer struct {
	to    uint8
	run   uint64
	field state.EventField
}

// confirm tells the journal of a write whose answer was lost.
func (v *verdict) confirm(p *state.Pending, held state.Print) {
	f := state.EventField{
		Rule: v.rule.ID(), Name: v.rule.Name(), Why: "written before; the answer was lost, the record shows it",
	}
	if p.Replaced == nil && !p.Empty {
		v.event = &f // made with its record, or kept by nobody
		return
	}
	f.Target, f.Held, f.Replaced, f.Empty = v.rule.Field(mapping.SideID(p.To)), held, p.Replaced, p.Empty
	v.lost = &lostAnswer{to: p.To, run: p.Run, field: f}
}

// tellLost adds the writes whose answers were lost to a job's events, as those
// of the runs that made them.
func (j *job) tellLost() {
	for i := range j.verdicts {
		l := j.verdicts[i].lost
		if l == nil {
			continue
		}
		for _, ev := range j.events {
			if ev.Action == "updated" && ev.To == l.to && ev.Run == l.run && ev.Run != 0 {
				ev.Fields = append(ev.Fields, l.field)
				l = nil
				break
			}
		}
		if l != nil {
			j.event("updated", l.to, "", l.field).Run = l.run
		}
	}
}
