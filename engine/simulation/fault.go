package simulation

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// fault is something that will happen at one of the next effects or calls.
type fault struct {
	kind  faultKind
	after int // moments to let pass
}

type faultKind uint8

const (
	failBefore  faultKind = iota // the call fails, nothing happened
	loseAnswer                   // the write takes effect, its answer is lost
	dieBefore                    // the service dies before an effect
	dieAfter                     // the service dies after an effect
	editBetween                  // a person edits before a write's effect
	rateLimit                    // too many requests
	refuseLogin                  // the credentials fail once
	failCommit                   // the disk is full
	faultKinds
	forbid // a call is refused for want of a right
)

// armFault lets something go wrong soon. Where a system keeps no history, the
// value alone cannot tell whether a write took effect whose answer was lost, nor
// what was edited between our read and our write: such faults are left out.
func (w *world) armFault() {
	f := fault{kind: faultKind(w.rng.IntN(int(faultKinds))), after: w.rng.IntN(6)}
	if w.v.Forbid && w.rng.IntN(3) == 0 {
		f.kind = forbid
	}
	if w.v.Blind && f.kind != rateLimit && f.kind != refuseLogin && f.kind != failCommit {
		f.kind = failBefore
	}
	w.armed = append(w.armed, f)
}

// moment is the hook of both systems: faults strike here, and every effect is
// looked at.
func (w *world) moment(side int, m memory.Moment) error {
	if w.depth > 0 {
		return nil
	}
	if !m.After {
		w.calls++
	}
	if m.Call == "read record" && m.ID != "" {
		w.calls--
	}
	w.minded(side, m)
	if m.Effect && m.After {
		w.took(side, m)
	}
	w.between = false
	err := w.mishap(side, m)
	if m.Effect && !m.After && m.ID != "" {
		w.held = w.systems[side].Truth(m.ID)
	}
	return err
}

// took looks at an effect: the scope it is in, and whether it changed anything.
func (w *world) took(side int, m memory.Moment) {
	w.writes++
	w.logEffect(side, m)
	if m.Call != "update" {
		return
	}
	if !w.inScope(side, m.ID) {
		w.broken = append(w.broken, fmt.Sprintf("%s %s was written while out of scope", sideConn[side], m.ID))
	}
	now := w.systems[side].Truth(m.ID)
	if !w.between && maps.EqualFunc(w.held, now, connectors.Equal) {
		w.broken = append(w.broken, fmt.Sprintf("an update of %s %s at %s carried no new value", sideConn[side], m.ID, w.clock.Now().Sub(start)))
	}
	w.observe(side, m.ID, now)
	if w.v.Robots && !w.restNow {
		w.setBack(side, m.ID, now)
	}
}

// inScope reports whether a record is in the scope of a mapping that runs.
func (w *world) inScope(side int, id string) bool {
	scope := w.systems[side].Scope(id)
	for _, m := range w.maps {
		in := true
		for k, v := range m.Side(sides[side]).Scope {
			in = in && scope[k] == v
		}
		if in {
			return true
		}
	}
	return false
}

// setBack is somebody else's automation: it does not want the stage changed.
func (w *world) setBack(side int, id string, now map[string]connectors.Value) {
	before := w.held["stage"]
	if connectors.Equal(before, now["stage"]) || before.IsNull() {
		return
	}
	key := fmt.Sprint(side, "/", id)
	if w.flips[key]++; w.flips[key] > w.v.Limits.Flips+1 {
		w.broken = append(w.broken, fmt.Sprintf("the stage of %s %s was written %d times against an automation", sideConn[side], id, w.flips[key]))
	}
	w.depth++
	w.edit(side, id, "robot", "stage", before)
	w.depth--
}

// mishap lets go wrong what is due to go wrong at a moment.
func (w *world) mishap(side int, m memory.Moment) error {
	if w.restNow {
		return nil
	}
	if now := w.clock.Now(); !m.After && now.Before(w.logins[side]) {
		// While the token is renewed, some calls go through with the new one.
		if w.logins[side].Sub(now) > 20*time.Second || w.calls%2 == 0 {
			return &connectors.Error{Op: m.Call, Kind: connectors.Auth, Err: errors.New("expired")}
		}
	}
	if m.Effect {
		w.dieAt(m.Call, m.After)
	}
	for i := range w.armed {
		f := &w.armed[i]
		if !w.fits(f.kind, m) {
			continue
		}
		if f.after > 0 {
			f.after--
			continue
		}
		kind := f.kind
		w.armed = append(w.armed[:i:i], w.armed[i+1:]...)
		return w.strike(kind, side, m)
	}
	return nil
}

func (w *world) fits(k faultKind, m memory.Moment) bool {
	switch k {
	case failBefore, rateLimit, refuseLogin, forbid:
		return !m.After
	case loseAnswer:
		return m.Effect && m.After
	case editBetween:
		return m.Effect && !m.After && m.ID != ""
	}
	return false
}

func (w *world) strike(k faultKind, side int, m memory.Moment) error {
	switch k {
	case failBefore:
		w.log("fault: %s %s fails before", m.Call, m.ID)
		return &connectors.Error{Op: m.Call, Kind: connectors.Unavailable, Err: errors.New("down")}
	case rateLimit:
		w.log("fault: %s is too much", m.Call)
		return &connectors.Error{Op: m.Call, Kind: connectors.RateLimited, RetryAfter: 20 * time.Second, Err: errors.New("slow down")}
	case refuseLogin:
		w.log("fault: %s is refused", m.Call)
		return &connectors.Error{Op: m.Call, Kind: connectors.Auth, Err: errors.New("expired")}
	case forbid:
		w.log("fault: %s is forbidden", m.Call)
		return &connectors.Error{Op: m.Call, Kind: connectors.Permission, Err: errors.New("not for you")}
	case loseAnswer:
		w.log("fault: answer of %s %s lost", m.Call, m.ID)
		return memory.Lost()
	case editBetween:
		w.between = true // what the write carries may be there by now
		w.depth++
		w.editRecord(side, m.ID, "between")
		w.depth--
	}
	return nil
}

// fullDisk reports whether a commit finds no room.
func (w *world) fullDisk() bool {
	if w.depth > 0 || w.restNow {
		return false
	}
	for i := range w.armed {
		if f := &w.armed[i]; f.kind == failCommit {
			w.armed = append(w.armed[:i:i], w.armed[i+1:]...)
			w.log("fault: the disk is full")
			return true
		}
	}
	return false
}

// dieAt lets the service die at an effect, if that is what is due.
func (w *world) dieAt(what string, after bool) {
	if w.depth > 0 || w.restNow {
		return
	}
	for i := range w.armed {
		f := &w.armed[i]
		if (f.kind == dieBefore && !after) || (f.kind == dieAfter && after) {
			if f.after > 0 {
				f.after--
				continue
			}
			w.armed = append(w.armed[:i:i], w.armed[i+1:]...)
			w.log("fault: dies, effect %s, after %v", what, after)
			panic(crash{})
		}
	}
}

// logEffect tells what a write left behind, for those who replay a seed.
func (w *world) logEffect(side int, m memory.Moment) {
	if !w.v.Verbose || m.ID == "" {
		return
	}
	truth := w.systems[side].Truth(m.ID)
	for _, field := range allFields {
		if v, ok := truth[field]; ok && (m.Call != "update" || !connectors.Equal(v, w.held[field])) {
			w.log("effect: %s %s %s: %s = %q", m.Call, sideConn[side], m.ID, field, v)
		}
	}
}
