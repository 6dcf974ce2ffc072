package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// revived reports whether the next look brings an ended link back to life.
func (x *explaining) revived() bool {
	return x.job != nil && x.job.link != nil && x.job.link.Status == state.LinkActive
}

// ended tells why a link has ended.
func (x *explaining) ended() {
	other := x.side.Other()
	text := fmt.Sprintf("its link with %s has ended", recordName(x.out.Sides[other].Record))
	told := false
	for _, ev := range x.events {
		if ev.Action != "unlinked" {
			continue
		}
		text += " at " + clockTime(ev.At)
		if ev.Detail != "" {
			text += ": " + ev.Detail
		}
		if ev.Source != "" {
			text += " (" + ev.Source + ")"
		}
		told = true
		break
	}
	for side := range mapping.SideID(2) {
		if s := x.link.Ends[side].State; s != connectors.Live && !told {
			text += fmt.Sprintf("; the %s is %s", x.name(side), s)
		}
	}
	x.tell(codeUnlinked, text)
	x.stored()
}

// linked tells how the record stands that has a counterpart.
func (x *explaining) linked(ctx context.Context) {
	if x.job == nil {
		x.fromState()
		return
	}
	j := x.job
	switch {
	case j.outcome.kind == outcomeAgain && j.ended: // follow
		x.merged()
	case j.done():
		x.decided(j.outcome)
	case j.removal != nil || j.removed || j.ended && j.link.Status == state.LinkEnded:
		x.gone()
	case j.link.Status == state.LinkWaiting:
		x.outOfScope(ctx)
	}
	for rule, a := range j.asides {
		if rule == recordRule && a.Kind == state.AsideConflict && j.outcome.code != a.Code && x.standsStill(rule) {
			x.heldRecord(a)
		}
	}
	x.stored()
	if j.done() || j.ended || j.removal != nil || j.removed {
		return
	}
	x.fieldFindings()
	x.unwritten()
	x.decided(x.comments, func(f *Finding, _ *AdviceNames) { f.Field = "comments" })
	x.decided(x.files, func(f *Finding, _ *AdviceNames) { f.Field = attachmentsName })
}

// standsStill reports whether a run would leave an aside as it is.
func (x *explaining) standsStill(rule uint32) bool {
	for _, dropped := range x.job.dropAsides {
		if dropped == rule {
			return false
		}
	}
	return true
}

// heldRecord tells of a record that waits as a whole for a person.
func (x *explaining) heldRecord(a *state.Aside) {
	if a.Choice != "" {
		x.tell(a.Code, fmt.Sprintf("a person decided (%s); it is carried out with the next reconcile", a.Reason), standing(OnItsWay))
		return
	}
	x.tell(a.Code, a.Reason)
}

// fromState tells what the state holds of a link, where the systems were not
// asked, or did not answer.
func (x *explaining) fromState() {
	if x.link.Status == state.LinkWaiting {
		for side := range mapping.SideID(2) {
			if x.link.Ends[side].OutScope {
				x.tell(codeOutOfScope, fmt.Sprintf("the %s was outside the mapping's scope (%s) when it was last read", x.name(side), scopeWords(x.m.Side(side).Scope)))
			}
		}
	}
	x.stored()
	if x.options.Offline && x.entry != nil && x.entry.Status == state.Ready {
		x.queued("it is due to be compared")
	}
	x.storedAsides()
}

// decided tells the outcome that a run would come to before it merges.
func (x *explaining) decided(o outcome, change ...option) {
	if o.code == "" {
		return
	}
	text := o.reason
	if x.entry != nil && x.entry.Code == o.code && x.entry.Status == state.Waiting {
		text += x.again()
	}
	x.tell(o.code, text, append(change, ofConnection(firstText(x.blamed(), x.named(o.reason))))...)
}

// blamed returns the connection whose answer keeps the record back, "" if none.
func (x *explaining) blamed() string {
	for side := range mapping.SideID(2) {
		if _, err := x.read(side); err != nil {
			return x.m.sides[side].name
		}
	}
	return ""
}

// again says when and after how many tries a waiting entry is due.
func (x *explaining) again() string {
	e := x.entry
	text := "; it is looked at again at " + clockTime(e.Due)
	if e.Attempts > 0 {
		text += ", after " + manyTries(e.Attempts)
	}
	return text
}

// early are the codes of what is decided before anything is written. Where a
// run would not come to them now, their cause is gone.
var early = map[string]bool{
	"ambiguous-match": true, codeOutOfScope: true, "condition": true, "not-convertible": true, missingCode: true,
	"stale-read": true,
}

// stored tells what the queue says about the record, unless that was told.
func (x *explaining) stored() {
	e := x.entry
	if e == nil || e.Code == "" || e.Status == state.Ready {
		return
	}
	for i := range x.out.Findings {
		if x.out.Findings[i].Code == e.Code {
			return
		}
	}
	switch {
	case e.Status == state.Failed && x.job != nil && !x.job.done() && early[e.Code]:
		x.tell(e.Code, fmt.Sprintf("%s; the cause is gone, and the next sweep, or a change of the record, takes it up again", e.Reason),
			standing(OnItsWay), justStep(Step{Text: "Have it taken up now.", Command: "tenon replay " + x.m.ref(x.side, x.id).String()}))
	case e.Status == state.Failed:
		x.tell(e.Code, x.whatFailed()+e.Reason, ofConnection(x.named(e.Reason)))
	default:
		x.tell(e.Code, x.whatFailed()+e.Reason+x.again(), ofConnection(x.named(e.Reason)))
	}
}

// whatFailed says which work of the record the queue's reason is about, where
// that follows from what a run would do.
func (x *explaining) whatFailed() string {
	switch j := x.job; {
	case j == nil || early[x.entry.Code] || j.done() || x.entry.Code == "finding" || x.entry.Code == "history":
		return ""
	case j.link == nil && j.making != nil:
		return fmt.Sprintf("the %s could not be made: ", x.name(j.making.to))
	case j.removal != nil:
		return fmt.Sprintf("the %s could not follow: ", x.name(j.removal.gone.Other()))
	case x.d.drift(j) != "":
		return x.difference() + ", and it could not be written: "
	case j.link != nil && !j.ended:
		return "its fields agree, but what goes with it (a task, a comment, a file) failed: "
	}
	return ""
}

// named returns the connection that a reason begins with, "" if none.
func (x *explaining) named(reason string) string {
	for _, c := range x.m.sides {
		if strings.HasPrefix(reason, c.name+": ") {
			return c.name
		}
	}
	return ""
}

func manyTries(n int) string {
	if n == 1 {
		return "one try"
	}
	return fmt.Sprintf("%d tries", n)
}

// merged tells of a record that another one took the place of.
func (x *explaining) merged() {
	for side := range mapping.SideID(2) {
		rec, _ := x.read(side)
		if rec == nil || rec.State != connectors.Merged {
			continue
		}
		into := x.m.ref(side, rec.MergedInto)
		x.tell(codeMerged, fmt.Sprintf("the %s was merged into %s, and the link goes over to that one", x.name(side), into), standing(OnItsWay), ofRecord(into))
	}
}

// gone tells of a linked record that is not there any more, and what follows.
func (x *explaining) gone() {
	j := x.job
	side := x.side
	if rec, _ := x.read(side); rec == nil || rec.State == connectors.Live {
		side = side.Other()
	}
	rec, _ := x.read(side)
	what := connectors.Deleted
	if rec != nil {
		what = rec.State
	}
	text := fmt.Sprintf("the %s is %s", x.name(side), what)
	switch {
	case j.removed:
		text += "; it is made again (on_delete: recreate)"
	case j.removal != nil:
		text += fmt.Sprintf("; the %s follows (on_delete: %s)", x.name(side.Other()), j.removal.policy)
	default:
		text += "; the link ends, and the other record stays"
	}
	if x.entry != nil && x.entry.Code == missingCode {
		x.tell(missingCode, x.entry.Reason+x.again()+"; not found then either, "+text, ofConnection(x.m.sides[side].name))
		return
	}
	x.tell(codeGone, text, standing(OnItsWay))
}

// unwritten tells what a run would write now, and why it is not written yet.
func (x *explaining) unwritten() {
	if !x.due() {
		return
	}
	x.unsent(x.difference())
}

// difference says in a line what a run would write.
func (x *explaining) difference() string {
	var parts []string
	if fields := x.d.difference(x.job, func(r *mapping.Rule, side mapping.SideID) string {
		return firstText(r.Label(side), r.Field(side))
	}); fields != "" {
		parts = append(parts, fields)
	}
	for to, ids := range x.job.foreseen.comments {
		switch len(ids) {
		case 0:
		case 1:
			parts = append(parts, fmt.Sprintf("a comment is not copied to the %s", x.name(mapping.SideID(to))))
		default:
			parts = append(parts, fmt.Sprintf("%d comments are not copied to the %s", len(ids), x.name(mapping.SideID(to))))
		}
	}
	for to, files := range x.job.foreseen.files {
		switch len(files) {
		case 0:
		case 1:
			parts = append(parts, fmt.Sprintf("%s is not attached to the %s", files[0].Name, x.name(mapping.SideID(to))))
		default:
			parts = append(parts, fmt.Sprintf("%d files are not attached to the %s", len(files), x.name(mapping.SideID(to))))
		}
	}
	return strings.Join(parts, "; ")
}

// unsent tells why what is to be done is not done yet.
func (x *explaining) unsent(what string) {
	switch e := x.entry; {
	case e == nil && x.reported():
		x.tell(codeDrift, what+"; a sweep reported it and left it alone (engine.sweep: report)")
	case e == nil:
		x.notNoticed(what)
	case e.Status == state.Ready:
		x.queued(what)
	case e.Status == state.Waiting && e.Code == "":
		x.tell(codeQueued, what+x.again())
	}
}

// reported reports whether a sweep told of the difference and left it.
func (x *explaining) reported() bool {
	if x.link == nil {
		return x.limits.ReportDrift && strings.HasPrefix(x.mark, x.m.mark(driftAction+" "))
	}
	return x.limits.ReportDrift && len(x.events) > 0 && x.events[0].Action == driftAction
}

func (x *explaining) queued(what string) {
	e := x.entry
	text := fmt.Sprintf("%s; it is in the queue since %s (%s, priority %s)", what, clockTime(e.First), e.Source, e.Priority)
	switch {
	case e.Due.After(x.now):
		text += ", due at " + clockTime(e.Due)
	case x.out.Queue.Ahead >= AheadMost:
		text += fmt.Sprintf(", and more than %d others go first", AheadMost)
	case x.out.Queue.Ahead > 0:
		text += fmt.Sprintf(", and %d others go first", x.out.Queue.Ahead)
	case !x.hindered() || len(x.blocks)+len(x.idle) == 0:
		text += ", and next"
	}
	x.tell(codeQueued, text)
}

// notNoticed tells of a difference that no hint has told of, and how word
// should come.
func (x *explaining) notNoticed(what string) {
	side := x.changedSide()
	s := x.out.Sides[side]
	c := x.m.sides[side]
	var parts []string
	if c.stream != nil {
		parts = append(parts, streamWords(s.Connection, s.Object, c.stream))
	}
	switch {
	case c.can.WebhookSource == nil:
		parts = append(parts, fmt.Sprintf("%s sends no webhooks here", s.Connection))
	case s.LastWebhook.IsZero():
		parts = append(parts, fmt.Sprintf("no webhook of %s ever came", s.Connection))
	default:
		parts = append(parts, fmt.Sprintf("the last webhook of %s came at %s", s.Connection, clockTime(s.LastWebhook)))
	}
	if s.LastPoll.IsZero() {
		parts = append(parts, "its changes have never been listed")
	} else {
		parts = append(parts, fmt.Sprintf("its changes were last listed at %s, and are every %s", clockTime(s.LastPoll), s.PollEvery))
	}
	if lag := c.facts.IndexLag; lag > 0 {
		parts = append(parts, fmt.Sprintf("the list may lag by %s", lag))
	}
	if x.explainer.out.Running && !s.LastPoll.IsZero() && x.now.Sub(s.LastPoll) > 10*x.pollEvery(c, s.Object)+time.Minute {
		parts = append(parts, "which is long ago: see the log for why polls end early")
	}
	x.tell(codeNotNoticed, what+"; no hint has told of it yet: "+strings.Join(parts, ", "), ofConnection(s.Connection))
}

// changedSide returns the side whose edit is to be carried over.
func (x *explaining) changedSide() mapping.SideID {
	if x.job != nil {
		for i := range x.job.verdicts {
			for to, w := range x.job.verdicts[i].writes {
				if w != nil {
					return mapping.SideID(to).Other()
				}
			}
		}
	}
	return x.side
}
