package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// deleteWaitsCode is the code of a deletion that is not carried to the other side
// yet.
const deleteWaitsCode = "delete-waits"

// waits reports whether a deletion that is to be carried to the other side waits
// still. It waits as a conflict of the whole record does: a person may choose
// to keep the other record, or not to wait. A record that comes back meanwhile
// ends it.
func (d *drain) waits(j *job, side mapping.SideID) bool {
	policy := d.m.OnDelete(side)
	if policy != mapping.ArchiveOther && policy != mapping.DeleteOther || d.limits.DeleteWait <= 0 || d.foresee {
		return false
	}
	since := d.now
	if a := j.asides[recordRule]; a != nil && a.Code == deleteWaitsCode {
		since = a.Since
	}
	until := since.Add(d.limits.DeleteWait)
	if !d.now.Before(until) {
		return false
	}
	gone, kept := d.m.Side(side).Name, d.m.Side(side.Other()).Name
	reason := fmt.Sprintf("the %s is %s; at %s the %s follows (%s), unless it comes back: choose %s not to wait, or %s to keep that one",
		gone, j.recs[side].State, until.UTC().Format(time.RFC3339), kept, policy, gone, kept)
	if d.holdRecord(j, side.Other(), deleteWaitsCode, reason) {
		j.event("delete waits", uint8(side.Other()), reason)
	}
	j.later(until, deleteWaitsCode, reason)
	return true
}

// back ends what waits for a decision about a record as a whole, when both
// records are there.
func (d *drain) back(j *job) {
	a := j.asides[recordRule]
	if a == nil || j.recs[0] == nil || j.recs[1] == nil {
		return
	}
	j.dropAsides = append(j.dropAsides, recordRule)
	j.event("came back", a.To, fmt.Sprintf("the deleted %s is there again; the %s stays", d.m.Side(mapping.SideID(a.To).Other()).Name, d.m.Side(mapping.SideID(a.To)).Name))
}

// remove carries deletions to the other side.
func (d *drain) remove(ctx context.Context) error {
	for side := range mapping.SideID(2) {
		for _, policy := range []mapping.DeletePolicy{mapping.ArchiveOther, mapping.DeleteOther} {
			var jobs []*job
			var ids []string
			for _, j := range d.jobs {
				if j.removal != nil && !j.done() && j.removal.gone.Other() == side && j.removal.policy == policy {
					jobs, ids = append(jobs, j), append(ids, j.link.Ends[side].ID)
				}
			}
			if len(jobs) == 0 {
				continue
			}
			if err := d.flush(ctx); err != nil {
				return err
			}
			d.removeSide(ctx, side, policy, jobs, ids)
		}
	}
	return nil
}

func (d *drain) removeSide(ctx context.Context, side mapping.SideID, policy mapping.DeletePolicy, jobs []*job, ids []string) {
	c, object := d.m.sides[side], d.m.Side(side).Object
	var errs []error
	switch {
	case policy == mapping.ArchiveOther && c.can.Archiver != nil:
		errs = c.can.Archiver.Archive(ctx, object, ids)
	case policy == mapping.DeleteOther && c.can.Deleter != nil:
		errs = c.can.Deleter.Delete(ctx, object, ids)
	default:
		for _, j := range jobs {
			j.fail("cannot-"+policy.String(), fmt.Sprintf("%s cannot %s a %s", c.name, policy, object))
		}
		return
	}
	for i, j := range jobs {
		var err error = &connectors.Error{Op: policy.String(), Connection: c.name, Kind: connectors.Internal, Unsure: true}
		if i < len(errs) {
			err = errs[i]
		}
		d.note(c, err)
		if err != nil {
			d.blame(j, err)
			continue
		}
		j.recs[side].State = connectors.Archived
		if policy == mapping.DeleteOther {
			j.recs[side].State = connectors.Deleted
		}
		d.unlink(j, j.removal.gone, fmt.Sprintf("the %s was %sd too", d.m.Side(side).Name, policy))
	}
}
