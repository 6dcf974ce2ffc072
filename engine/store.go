package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// keep commits what came of the batch, all in one: links with their baselines,
// asides, intents, the journal and the queue.
func (d *drain) keep(ctx context.Context) error {
	for _, j := range d.jobs {
		d.conclude(j)
	}
	err := d.commit(ctx, func(tx state.Tx) error {
		for _, j := range d.jobs {
			if err := d.storeJob(tx, j); err != nil {
				return fmt.Errorf("store the result of %s: %w", d.m.ref(j.side, j.entry.Record), err)
			}
		}
		return nil
	})
	if errors.Is(err, state.ErrTooLarge) {
		return d.keepApart(ctx)
	}
	return err
}

// conclude turns the verdicts of a job into what is stored.
func (d *drain) conclude(j *job) {
	if j.link == nil || j.removed || j.double {
		return
	}
	if len(j.verdicts) > 0 {
		d.concludeFields(j)
	}
	if j.recs[0] != nil && j.recs[1] != nil && len(j.verdicts) > 0 && j.outcome.kind == outcomeDone {
		j.link.Synced, j.link.Scheme, j.touched = d.now, d.m.Hash(), true
	}
	if len(j.verdicts) > 0 && !j.ended {
		j.noteRead(j.link)
		for side := range mapping.SideID(2) {
			if rec := j.after[side]; rec != nil {
				complete, others := d.settledVersion(j, side)
				j.link.Ends[side].Version = rec.Version
				if !j.unsure[side] && !j.keepsNote(side) {
					j.link.Ends[side].Modified = rec.Modified
				}
				if !complete || j.unsure[side] || j.keepsNote(side) {
					j.link.Ends[side].Version = ""
				}
				if others && j.outcome.kind == outcomeDone {
					j.outcome.kind = outcomeAgain
				}
				j.touched = true
			}
			if j.sent[side] || j.unsure[side] {
				j.touched = true
				if j.after[side] == nil {
					j.link.Ends[side].Version = ""
				}
			}
		}
	}
	if j.outcome.kind != outcomeDone && !j.ended {
		// Something is left to do: the versions that were read must not make
		// the next look believe that nothing changed.
		for side := range j.link.Ends {
			if j.link.ID != 0 && j.link.Ends[side].Version != "" {
				j.link.Ends[side].Version, j.touched = "", true
			}
		}
	}
	if len(j.events) == 0 && j.outcome.kind == outcomeDone && !j.ended &&
		(j.entry.Source == "webhook" || j.entry.Source == "button" || j.entry.Source == "retry") && j.removal == nil && len(j.putAsides) == 0 {
		j.event("no difference", 0, "")
	}
}

// concludeFields stores each rule's new baseline, and tells the journal.
func (d *drain) concludeFields(j *job) {
	var done [2][]state.EventField
	var conflicts, quiet []state.EventField
	for i := range j.verdicts {
		v := &j.verdicts[i]
		if v.aside != nil {
			d.sealAside(v)
			if !sameAside(v.comparison.aside, v.aside) {
				j.putAsides = append(j.putAsides, v.aside)
				conflicts = append(conflicts, state.EventField{Rule: v.rule.ID(), Name: v.rule.Name(), Why: v.aside.Kind.String() + ": " + v.aside.Reason})
			}
		} else if v.drop && v.comparison.aside != nil && j.wrote(v) {
			j.dropAsides = append(j.dropAsides, v.rule.ID())
		}
		if v.skip {
			continue
		}
		next, wrote := v.next, false
		for side := range mapping.SideID(2) {
			w := v.writes[side]
			if w == nil {
				continue
			}
			wrote = true
			if j.sent[side] && !j.unsure[side] {
				done[side] = append(done[side], d.takenField(v, w, side, d.agreed(j, v)))
			}
		}
		if wrote {
			next = d.fieldAfter(j, v)
		} else if v.event != nil && v.event.Why != "same at the start" {
			quiet = append(quiet, *v.event)
		}
		if f := fieldOf(j.link, v.rule.ID()); f == nil || !sameField(*f, next) {
			setField(j.link, next)
			j.touched = true
		}
	}
	for side, fields := range done {
		if len(fields) > 0 {
			j.event("updated", uint8(side), "", fields...)
		}
	}
	j.tellLost()
	if len(conflicts) > 0 {
		j.event("set aside", 0, "", conflicts...)
	}
	if len(quiet) > 0 {
		j.event("agreed", 0, "", quiet...)
	}
}

// wrote reports whether all writes of a verdict were sent, and surely taken. A
// decision of a person stands until then: what ended the call must not undo it.
func (j *job) wrote(v *verdict) bool {
	for side := range mapping.SideID(2) {
		if v.writes[side] != nil && (!j.sent[side] || j.unsure[side]) {
			return false
		}
	}
	return true
}

// fieldAfter returns what is remembered of a rule after its write was tried.
func (d *drain) fieldAfter(j *job, v *verdict) state.Field {
	unsure, missed := false, false
	for side := range mapping.SideID(2) {
		if v.writes[side] == nil {
			continue
		}
		unsure = unsure || j.unsure[side]
		missed = missed || !j.sent[side]
	}
	switch {
	case unsure:
		f := v.comparison.field
		f.Pending = v.next.Pending
		return f
	case missed:
		f := v.comparison.field
		if !v.putBack {
			f.Pending = nil
		}
		return f
	}
	return d.agreed(j, v)
}

func sameField(a, b state.Field) bool {
	return a.Rule == b.Rule && a.Known == b.Known && a.Base == b.Base && a.Pending == nil && b.Pending == nil &&
		slices.Equal(a.Sets[0], b.Sets[0]) && slices.Equal(a.Sets[1], b.Sets[1])
}

func sameAside(a, b *state.Aside) bool {
	return a != nil && a.Kind == b.Kind && a.Prints == b.Prints && a.Code == b.Code && a.Reason == b.Reason && a.Choice == b.Choice
}

// What sealed values are for: bound to them, so that one cannot stand in for
// another.
const (
	replacedPurpose = "replaced"
	asidePurpose    = "aside"
)

// sealAside keeps both values of a conflict for the person who chooses.
func (d *drain) sealAside(v *verdict) {
	if v.aside.Kind != state.AsideConflict || v.aside.Rule == recordRule {
		return
	}
	values := v.comparison.values
	if v.heldValues != nil {
		values = *v.heldValues
	}
	for side, value := range values {
		v.aside.Values[side] = d.seal(value, asidePurpose)
	}
}

func (d *drain) storeJob(tx state.Tx, j *job) error {
	if err := d.storeLink(tx, j); err != nil {
		return err
	}
	for _, key := range j.dropIntents {
		if err := tx.DeleteIntent(key); err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
	}
	for _, i := range j.putIntents {
		if err := tx.PutIntent(i); err != nil {
			return err
		}
	}
	if j.setKnown && j.link == nil {
		if err := tx.SetKnown(d.m.Name(), uint8(j.side), j.entry.Record, []byte(d.m.mark(j.known))); err != nil {
			return err
		}
	}
	for _, ev := range j.events {
		stored := *ev
		stored.At, stored.Mapping, stored.Records, stored.Source = d.now, d.m.Name(), j.ids(), j.entry.Source
		if j.link != nil {
			stored.Link = j.link.ID
		}
		if err := d.journal(tx, &stored); err != nil {
			return err
		}
	}
	return d.storeEntry(tx, j)
}

// storeLink stores the link of a job with its asides and its ledgers of
// comments and files.
func (d *drain) storeLink(tx state.Tx, j *job) error {
	if j.link == nil || j.double {
		return nil
	}
	if j.removed {
		return d.forget(tx, j)
	}
	if j.link.Status == state.LinkEnded {
		if err := d.dropShares(tx, d.m, j.link); err != nil {
			return err
		}
	}
	if j.touched || j.link.ID == 0 {
		err := tx.PutLink(j.link)
		if errors.Is(err, state.ErrTaken) && j.link.ID != 0 {
			// The survivor of a merge has a link of its own: this one ends.
			old, getErr := tx.Link(j.link.ID)
			if getErr != nil {
				return getErr
			}
			old.Status = state.LinkEnded
			for side := range old.Ends {
				if old.Ends[side].ID != j.link.Ends[side].ID {
					old.Ends[side].State = connectors.Merged
				}
			}
			err = tx.PutLink(old)
			j.link = old
			j.outcome = outcome{kind: outcomeDone}
			j.event("unlinked", 0, "the record that it was merged into has a link of its own")
		}
		if err != nil {
			return err
		}
	}
	if j.link.Status == state.LinkActive {
		if err := d.storeShares(tx, j); err != nil {
			return err
		}
	}
	for _, a := range j.putAsides {
		a.Link = j.link.ID
		if err := tx.PutAside(a); err != nil {
			return err
		}
	}
	for _, rule := range j.dropAsides {
		if err := tx.DeleteAside(j.link.ID, rule); err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
	}
	if j.link.Status == state.LinkEnded {
		for rule := range j.asides {
			if err := tx.DeleteAside(j.link.ID, rule); err != nil && !errors.Is(err, state.ErrNotFound) {
				return err
			}
		}
	}
	if j.comments != nil {
		doc, err := json.Marshal(j.comments)
		if err != nil {
			return err
		}
		if err := tx.SetDoc(commentDocs, commentKey(j.link.ID), doc); err != nil {
			return err
		}
	}
	return d.storeFiles(tx, j)
}

// forget removes a link whose deleted record is made again, and asks for it.
func (d *drain) forget(tx state.Tx, j *job) error {
	if err := d.dropShares(tx, d.m, j.link); err != nil {
		return err
	}
	for rule := range j.asides {
		if err := tx.DeleteAside(j.link.ID, rule); err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
	}
	for _, i := range j.intents {
		if err := tx.DeleteIntent(i.Key); err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
	}
	alive := mapping.Left
	if rec := j.recs[mapping.Left]; rec == nil || rec.State != connectors.Live {
		alive = mapping.Right
	}
	record := j.link.Ends[alive].ID
	n, err := generation(tx, d.m, alive, record)
	if err != nil {
		return err
	}
	if err := setGeneration(tx, d.m, alive, record, n+1); err != nil {
		return err
	}
	if err := tx.DeleteLink(j.link.ID); err != nil {
		return err
	}
	j.outcome = outcome{kind: outcomeDone}
	return bump(tx, state.Subject{Mapping: d.m.Name(), Side: uint8(alive), Record: record}, 1<<alive,
		hint{side: alive, record: record, priority: j.entry.Priority, source: j.entry.Source, due: d.now, convert: true}, d.now)
}

// storeEntry takes the entry out of the queue, or says when and why to look
// again. A hint that came meanwhile keeps it due.
func (d *drain) storeEntry(tx state.Tx, j *job) error {
	cur, err := tx.Entry(j.entry.Subject)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	fresh := cur.Gen != j.entry.Gen
	if j.outcome.kind == outcomeKeep {
		return nil
	}
	if j.link == nil && cur.Link == 0 && j.outcome.kind != outcomeDone {
		link, err := tx.LinkOf(d.m.Name(), uint8(j.side), j.entry.Record)
		if err == nil {
			return d.handOver(tx, cur, link)
		}
		if !errors.Is(err, state.ErrNotFound) {
			return err
		}
	}
	if j.outcome.kind == outcomeDone && j.taskError != nil {
		j.fail("task", j.taskError.Error())
	}
	if j.link != nil && cur.Link == 0 && !j.removed {
		return d.moveEntry(tx, j, cur, fresh)
	}
	if j.outcome.kind == outcomeDone && !fresh {
		return tx.DeleteEntry(cur.Subject)
	}
	d.applyOutcome(j, cur, fresh)
	return tx.PutEntry(cur)
}

// handOver turns the entry of a record into its link's, where another job of the
// batch has linked it: nobody would look at the record's own again.
func (d *drain) handOver(tx state.Tx, cur *state.Entry, link *state.Link) error {
	if err := tx.DeleteEntry(cur.Subject); err != nil {
		return err
	}
	return bump(tx, linkSubject(link), 1<<cur.Side, hint{
		side: mapping.SideID(cur.Side), priority: cur.Priority, source: cur.Source, due: d.now,
	}, d.now)
}

// moveEntry turns the entry of a record that was linked into its link's.
func (d *drain) moveEntry(tx state.Tx, j *job, cur *state.Entry, fresh bool) error {
	if err := tx.DeleteEntry(cur.Subject); err != nil {
		return err
	}
	// What failed for the other record while it had no link is the link's now.
	other := j.side.Other()
	loose, err := tx.Entry(state.Subject{Mapping: d.m.Name(), Side: uint8(other), Record: j.link.Ends[other].ID})
	switch {
	case err == nil && loose.Status == state.Failed:
		if err := tx.DeleteEntry(loose.Subject); err != nil {
			return err
		}
		fresh = true
	case err != nil && !errors.Is(err, state.ErrNotFound):
		return err
	}
	if j.outcome.kind == outcomeDone && !fresh {
		return nil
	}
	s := linkSubject(j.link)
	existing, err := tx.Entry(s)
	if err == nil {
		existing.Gen++
		existing.Sides = 3
		existing.Convert = false
		existing.Due = d.now
		existing.Status = state.Ready
		existing.Priority = min(existing.Priority, cur.Priority)
		return tx.PutEntry(existing)
	}
	if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	cur.Subject, cur.Sides, cur.Convert = s, 3, false
	d.applyOutcome(j, cur, fresh)
	return tx.PutEntry(cur)
}

func (d *drain) applyOutcome(j *job, cur *state.Entry, fresh bool) {
	o := j.outcome
	if o.kind == outcomeDone || (fresh && o.kind == outcomeFail) {
		o = outcome{kind: outcomeAgain}
	}
	cur.Code, cur.Reason = o.code, brief(o.reason)
	switch o.kind {
	case outcomeAgain:
		cur.Status, cur.Attempts, cur.Sides = state.Ready, 0, 3
		if cur.Due.Before(d.now) || !fresh {
			cur.Due = d.now
		}
	case outcomeLater:
		cur.Status, cur.Due, cur.Sides = state.Waiting, o.at, 3
		if !cur.Due.After(d.now) {
			cur.Due = d.now.Add(d.limits.RetryMin)
		}
	case outcomeRetry:
		cur.Attempts++
		cur.Status, cur.Due, cur.Sides = state.Waiting, d.now.Add(d.backoff(cur.Attempts)), 3
	case outcomeFail:
		cur.Status, cur.Due, cur.Attempts = state.Failed, d.now, cur.Attempts+1
	}
	if cur.Link == 0 {
		cur.Sides = 1 << cur.Side
	}
	if cur.Status != state.Ready {
		d.log.Info("entry waits", "mapping", d.m.Name(), "record_id", j.entry.Record, "link_id", cur.Link, "op", cur.Code, "attempt", cur.Attempts, "err", cur.Reason)
	}
}
