package engine

import (
	"fmt"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// blocked finds what keeps the mapping as a whole from writing, whatever the
// record: a guard, a person, a connection that is paused, a service that only
// watches or does not run.
func (x *explaining) blocked() {
	block := func(code, text string, change ...option) {
		x.blocks = append(x.blocks, x.make(code, text, change...))
	}
	if p := x.pause; p != nil {
		block(codePaused, p.String(), ofConnection(p.Connection), func(_ *Finding, n *AdviceNames) { n.Mapping = p.Mapping + p.Connection })
	}
	if g := x.guard; g.Stopped {
		block(g.Code, fmt.Sprintf("mapping %s is stopped since %s: %s", x.m.Name(), clockTime(g.Since), g.Reason), ofConnection(x.m.Side(g.Side).Connection))
	}
	x.blockedConnections(block)
	if x.readOnly {
		x.idle = append(x.idle, x.make(codeReadOnly, "the service only watches (engine.read_only): nothing is written to any system"))
	}
	if !x.explainer.out.Running {
		text := "no service works this state now"
		if at := x.out.Sides[x.side].LastPoll; !at.IsZero() {
			text += fmt.Sprintf("; %s was last asked for changes at %s", x.out.Sides[x.side].Connection, clockTime(at))
		}
		x.idle = append(x.idle, x.make(codeNotRunning, text))
	}
}

// hindered reports whether what keeps the mapping from working matters for the
// record: something is to be done, or nothing could be decided.
func (x *explaining) hindered() bool {
	if x.job == nil {
		return !x.options.Offline || x.due()
	}
	return x.due() || x.job.done()
}

func (x *explaining) blockedConnections(block func(code, text string, change ...option)) {
	told := map[string]bool{}
	for side := range mapping.SideID(2) {
		c := x.m.sides[side]
		if told[c.name] {
			continue
		}
		told[c.name] = true
		c.mu.Lock()
		paused, code, reason, since, at := c.paused, c.code, c.reason, c.since, c.retryAt
		why := c.withheld.why
		c.mu.Unlock()
		if paused {
			text := fmt.Sprintf("connection %s is paused since %s: %s; it is tried again at %s", c.name, clockTime(since), reason, clockTime(at))
			block(code, text, ofConnection(c.name))
			continue
		}
		if at := x.withheldUntil(c, x.priority()); !at.IsZero() {
			block(codeQuota, fmt.Sprintf("what is left of %s's allowance is kept for more urgent work until %s: %s", c.name, clockTime(at), why), ofConnection(c.name))
		}
		if j := x.partly; j != nil && j.outcome.kind == outcomeKeep && j.recs[side] == nil && j.errs[side] == nil && j.outcome.code != "" {
			block(j.outcome.code, j.outcome.reason, ofConnection(c.name))
		}
	}
}

// priority returns how urgent the record's work is.
func (x *explaining) priority() connectors.Priority {
	if x.entry != nil {
		return x.entry.Priority
	}
	return connectors.PriorityPoll
}

// due reports whether anything is left to do for the record.
func (x *explaining) due() bool {
	if x.entry != nil && (x.job == nil || x.entry.Status != state.Ready) {
		return true
	}
	j := x.job
	if j == nil || j.done() {
		return false
	}
	for i := range j.verdicts {
		if w := j.verdicts[i].writes; w[0] != nil || w[1] != nil {
			return true
		}
	}
	return len(j.foreseen.comments[0])+len(j.foreseen.comments[1])+len(j.foreseen.files[0])+len(j.foreseen.files[1]) > 0 || j.removal != nil || j.removed || j.making != nil || j.link != nil && j.link.ID == 0 ||
		j.ended && j.link != nil && x.link != nil && j.link.Status != x.link.Status
}
