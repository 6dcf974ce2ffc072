package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// missingCode marks an entry whose record was not found once.
const missingCode = "missing"

// wishKept is how long a wish waits for a record that is not there.
const wishKept = 24 * time.Hour

// recordRule is the rule number of asides that concern the record as a whole.
const recordRule = 0

// presence looks at whether the records are there at all: gone, merged, out of
// scope, or not to be seen.
func (d *drain) presence(j *job) {
	for side := range mapping.SideID(2) {
		err := j.errs[side]
		if err == nil {
			continue
		}
		if connectors.KindOf(err) != connectors.NotFound {
			j.blame(err)
			return
		}
		if j.link == nil && (j.entry.Convert || j.wasSent()) && d.now.Sub(j.entry.First) < wishKept {
			// Somebody pressed the button on it, or its counterpart may have been
			// made: what cannot be seen now may be seen again.
			j.outcome = outcome{kind: outcomeRetry, code: missingCode, reason: err.Error()}
			return
		}
		if j.link == nil && j.wasSent() {
			j.recs[side] = &connectors.Record{Ref: d.m.ref(side, j.entry.Record), State: connectors.Deleted}
			continue
		}
		if j.link == nil {
			// Nothing was made of it, nothing is to be done.
			j.event("not found", 0, err.Error())
			j.outcome = outcome{kind: outcomeDone}
			j.ended = true
			return
		}
		if j.link.Status == state.LinkEnded {
			continue
		}
		if !d.foresee && !j.toldGone() && j.link.Ends[side].State == connectors.Live {
			// Nobody answers "not there" once and is believed: a lost right and
			// a moment's fault look the same.
			j.later(d.now.Add(d.limits.Missing), missingCode, err.Error())
			return
		}
		j.recs[side] = &connectors.Record{Ref: d.m.ref(side, j.link.Ends[side].ID), State: connectors.Deleted}
	}
	if j.link == nil {
		return
	}
	if j.link.Status == state.LinkEnded {
		d.endedLink(j)
		return
	}
	for side := range mapping.SideID(2) {
		rec := j.recs[side]
		if rec == nil {
			continue
		}
		switch {
		case rec.State == connectors.Merged && rec.MergedInto != "":
			d.follow(j, side, rec.MergedInto)
			return
		case rec.State != connectors.Live:
			d.gone(j, side)
			return
		}
	}
	d.back(j)
	d.scope(j)
}

// scope notes a record that left the mapping's scope, or came back. Out of
// scope, nothing is written.
func (d *drain) scope(j *job) {
	out := false
	for side := range mapping.SideID(2) {
		rec := j.recs[side]
		if rec == nil {
			out = out || j.link.Ends[side].OutScope
			continue
		}
		end := &j.link.Ends[side]
		if end.OutScope == rec.InScope {
			end.OutScope = !rec.InScope
			j.touched = true
			action := "left the scope"
			if rec.InScope {
				action = "came back into scope"
			}
			j.event(action, uint8(side), "")
		}
		out = out || !rec.InScope
	}
	status := state.LinkActive
	if out {
		status = state.LinkWaiting
		j.ended = true
	}
	if j.link.Status != status {
		j.link.Status, j.touched = status, true
	}
	if out {
		d.noteEnds(j)
	}
}

// noteEnds takes what was read into the link's ends.
func (d *drain) noteEnds(j *job) {
	for side := range mapping.SideID(2) {
		rec, end := j.recs[side], &j.link.Ends[side]
		if rec == nil || rec.State != connectors.Live {
			continue
		}
		version, modified := rec.Version, rec.Modified
		if pendingTo(j.link, side) {
			version, modified = "", end.Modified // from here on its history is asked
		}
		if end.Version != version || !end.Modified.Equal(modified) || end.State != rec.State {
			end.Version, end.Modified, end.State = version, modified, rec.State
			j.touched = true
		}
	}
}

// endedLink brings a link back to life whose deleted record was restored. Where
// the other record is gone too it says so, and a press of the button makes a new
// one.
func (d *drain) endedLink(j *job) {
	var live [2]bool
	for side := range mapping.SideID(2) {
		live[side] = j.recs[side] != nil && j.recs[side].State == connectors.Live
	}
	byDeletion := j.link.Ends[0].State != connectors.Live || j.link.Ends[1].State != connectors.Live
	if !byDeletion || !live[0] || !live[1] {
		j.ended = true
		for side := range mapping.SideID(2) {
			if live[side] && !live[side.Other()] {
				d.halfBack(j, side)
			}
		}
		return
	}
	j.link.Status = state.LinkActive
	for side := range j.link.Ends {
		j.link.Ends[side].State = connectors.Live
	}
	j.touched = true
	j.event("linked again", 0, "the deleted record is back")
	d.scope(j)
}

// halfBack notes that a record is there whose counterpart is not. Nothing brings
// that one back but its own system.
func (d *drain) halfBack(j *job, side mapping.SideID) {
	other := side.Other()
	if j.link.Ends[other].State == connectors.Live {
		return // it is not known to be gone, it was only not read
	}
	create := d.m.Create(other)
	if j.entry.Convert && create != nil && j.recs[side].InScope {
		j.removed = true
		j.event("making again", uint8(other), fmt.Sprintf("the button was pressed; the former %s is %s", d.m.Side(other).Name, j.link.Ends[other].State))
		return
	}
	if j.link.Ends[side].State == connectors.Live {
		return // told before
	}
	j.link.Ends[side].State, j.touched = connectors.Live, true
	advice := fmt.Sprintf("restore it in %s and the two are linked again", d.m.Side(other).Connection)
	if create != nil && create.Button() != nil {
		advice += fmt.Sprintf(", or press %q to make another", create.Button().Label)
	}
	j.event("came back alone", uint8(side), fmt.Sprintf("the %s is there again, but its %s is %s, and Tenon cannot bring that back: %s",
		d.m.Side(side).Name, d.m.Side(other).Name, j.link.Ends[other].State, advice))
}

// follow moves a link's end to the record that took the old one's place.
func (d *drain) follow(j *job, side mapping.SideID, into string) {
	j.ended, j.touched = true, true
	old := j.link.Ends[side]
	j.event("merged", uint8(side), fmt.Sprintf("%s was merged into %s", old.ID, into))
	j.link.Ends[side] = state.End{ID: into}
	j.followed = &followed{side: side, from: old}
	j.outcome = outcome{kind: outcomeAgain}
}

// followed is a link that goes over to the record which another was merged into.
type followed struct {
	side mapping.SideID
	from state.End
}

// giveWay lets links go over to a record before the batch makes it another
// counterpart. Where that may have been made already, the link waits for it, and
// ends then: the survivor has a link of its own.
func (d *drain) giveWay() {
	for _, j := range d.jobs {
		if j.followed == nil {
			continue
		}
		end := &j.link.Ends[j.followed.side]
		for _, o := range d.jobs {
			if o.link != nil || o.done() || o.side != j.followed.side || o.entry.Record != end.ID {
				continue
			}
			if !o.wasSent() {
				o.outcome = outcome{kind: outcomeAgain}
				continue
			}
			j.stayBehind()
			break
		}
	}
}

// stayBehind takes back that a link goes over to a survivor, which gets a link
// of its own in this batch.
func (j *job) stayBehind() {
	j.link.Ends[j.followed.side], j.touched, j.followed = j.followed.from, false, nil
	j.events = slices.DeleteFunc(j.events, func(ev *state.Event) bool { return ev.Action == "merged" })
}

// gone carries out the policy for a record that was deleted or archived.
func (d *drain) gone(j *job, side mapping.SideID) {
	other := side.Other()
	policy := d.m.OnDelete(side)
	j.ended = true
	if j.recs[other] == nil {
		j.later(d.now.Add(d.limits.Missing), missingCode, "the other record could not be read")
		return
	}
	if j.recs[other].State != connectors.Live || policy == mapping.Unlink {
		d.unlink(j, side, "")
		return
	}
	if a := j.asides[recordRule]; a != nil && a.Choice != "" {
		if (a.Choice == "left") != (side == mapping.Left) {
			d.unlink(j, side, "a person chose to keep the other record")
			return
		}
	} else if !d.unchanged(j, other) {
		reason := fmt.Sprintf("the %s was deleted and the %s edited; choose %s to %s the %s, or %s to keep it",
			d.m.Side(side).Name, d.m.Side(other).Name, d.m.Side(side).Name, policy, d.m.Side(other).Name, d.m.Side(other).Name)
		if d.holdRecord(j, other, "deleted-and-edited", reason) {
			j.event("conflict", uint8(other), "deleted on one side, edited on the other")
		}
		return
	} else if d.waits(j, side) {
		return
	}
	switch policy {
	case mapping.Recreate:
		j.removed = true
		j.event("recreating", uint8(side), "the deleted record is made again")
	default:
		j.removal = &removal{gone: side, policy: policy}
	}
}

// holdRecord sets the record as a whole aside, for a person to choose, and
// reports whether it was not so before.
func (d *drain) holdRecord(j *job, to mapping.SideID, code, reason string) (fresh bool) {
	since := d.now
	if a := j.asides[recordRule]; a != nil && a.Code == code {
		if a.Reason == reason {
			return false
		}
		since = a.Since
	} else {
		fresh = true
	}
	j.putAsides = append(j.putAsides, &state.Aside{
		Link: j.link.ID, Rule: recordRule, Mapping: d.m.Name(), Name: "record", Kind: state.AsideConflict,
		Since: since, To: uint8(to), Code: code, Reason: reason,
	})
	// Whatever comes next of it is to be seen, also a restore that changes no
	// version.
	for s := range j.link.Ends {
		if j.link.Ends[s].Version != "" {
			j.link.Ends[s].Version, j.touched = "", true
		}
	}
	return fresh
}

func (d *drain) unlink(j *job, side mapping.SideID, why string) {
	j.link.Status, j.touched, j.ended = state.LinkEnded, true, true
	for s := range mapping.SideID(2) {
		if rec := j.recs[s]; rec != nil {
			j.link.Ends[s].State = rec.State
		}
	}
	detail := fmt.Sprintf("the %s is %s", d.m.Side(side).Name, j.recs[side].State)
	if why != "" {
		detail += "; " + why
	}
	j.event("unlinked", uint8(side), detail)
}
