package simulation

import (
	"errors"
	"fmt"
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
	refuseLogin                  // the credentials fail for a while
	faultKinds
	forbid // a call is refused for want of a right
)

// moment is the hook of both systems: faults strike here.
func (w *world) moment(side int, m memory.Moment) error {
	if w.depth > 0 {
		return nil
	}
	if m.Effect && m.After {
		w.writes++
		if side == 0 && m.Call == "update" && w.past.moved[m.ID] {
			w.broken = append(w.broken, fmt.Sprintf("deal %s was written while out of scope", m.ID))
		}
		w.logEffect(side, m)
	}
	if w.restNow {
		return nil
	}
	w.dieAtMoment(m)
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
		w.depth++
		w.editRecord(side, m.ID, "between")
		w.depth--
	}
	return nil
}

// dieAtMoment lets the service die around a write.
func (w *world) dieAtMoment(m memory.Moment) {
	if m.Effect {
		w.dieAt(m.Call, m.After)
	}
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
	for _, field := range allFields {
		if v, ok := w.systems[side].Truth(m.ID)[field]; ok {
			w.log("effect: %s %s %s: %s = %q", m.Call, sideConn[side], m.ID, field, v)
		}
	}
}
