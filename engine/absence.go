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

// massMissingCode is the code of a mapping that was stopped because many records of
// one side went missing together.
const massMissingCode = "mass-missing"

// absence counts the linked records of one side that turned up missing, or not
// to be seen, within missingWindow. One record that is gone was deleted; many at
// once are a right that was taken away.
type absence struct {
	Since   time.Time `json:"since,omitzero"`
	Read    int       `json:"read,omitempty"`
	Gone    int       `json:"gone,omitempty"`
	Allowed int       `json:"allowed,omitempty"` // what a person let through
	Asked   int       `json:"asked,omitempty"`   // how many were missing when the mapping was stopped
	IDs     []string  `json:"ids,omitempty"`     // some of them
}

const (
	missingWindow = 10 * time.Minute
	missingShare  = 10 // percent of the records read, above which they are too many
	missingKept   = 20 // ids to look for again
)

// tooMany reports whether so many missing records are no work of people.
func (a absence) tooMany(l Limits) bool {
	return a.Gone > a.Allowed+max(l.MissingAt, a.Read*missingShare/100)
}

// survey counts what the batch's reads found missing. It runs before anything is
// concluded from a single record. When too many are missing it stops the mapping
// and spares the batch.
func (d *drain) survey() {
	g := d.guard
	if g.surveyed || d.plan {
		return
	}
	g.surveyed = true
	for side := range mapping.SideID(2) {
		read, gone := d.turned(side)
		a := &g.Absent[side]
		if !a.Since.IsZero() && (d.now.Sub(a.Since) > missingWindow || a.Since.After(d.now)) {
			*a, g.dirty = absence{}, true
		}
		if len(gone) == 0 && a.Since.IsZero() {
			continue // nobody counts what is as it should be
		}
		if a.Since.IsZero() {
			a.Since = d.now
		}
		a.Read, a.Gone, g.dirty = a.Read+read, a.Gone+len(gone), true
		for _, id := range gone {
			if len(a.IDs) < missingKept {
				a.IDs = append(a.IDs, id)
			}
		}
		if a.tooMany(d.limits) {
			g.Stopped, g.Code, g.Side, g.Asked = true, massMissingCode, side, counts{}
			for _, j := range d.jobs {
				j.spare()
			}
			return
		}
	}
}

// turned counts the linked records of a side that the batch read, and returns
// those that were there so far and are missing, or not to be seen, now.
func (d *drain) turned(side mapping.SideID) (read int, gone []string) {
	for _, j := range d.jobs {
		if j.link == nil || j.link.ID == 0 || j.link.Status == state.LinkEnded || j.double {
			continue
		}
		err := j.errs[side]
		kind := connectors.KindOf(err)
		missing := err != nil && (kind == connectors.NotFound || kind == connectors.Permission)
		if err == nil && j.recs[side] == nil {
			if j.outcome.kind != outcomeFail || j.entry.Sides&(1<<side) == 0 {
				continue
			}
			missing = j.outcome.code == "permission" || j.outcome.code == "not-found" // the call failed as a whole
		}
		read++
		if missing && !j.toldGone() && j.entry.Code != "permission" && j.link.Ends[side].State == connectors.Live {
			gone = append(gone, j.link.Ends[side].ID)
		}
	}
	return read, gone
}

// toldGone reports whether the job's record was found missing before.
func (j *job) toldGone() bool {
	return j.entry.Code == missingCode || j.entry.Code == deleteWaitsCode || j.asides[recordRule] != nil
}

// stopMissing stores that the mapping is stopped because records are missing,
// unless it is the credentials that are refused: then the connection is paused.
func (d *drain) stopMissing(ctx context.Context) error {
	g := d.guard
	a := &g.Absent[g.Side]
	c := d.m.sides[g.Side]
	_, err := c.Check(ctx)
	d.note(c, err)
	if connectors.KindOf(err) == connectors.Auth && err != nil {
		*a = absence{}
		g.Stopped, g.Code, g.dirty = false, "", true
		for _, j := range d.jobs {
			j.spare()
		}
		return d.flush(ctx)
	}
	account := "the account itself is in order, so a right, a project or a filter was taken from it, or they were deleted"
	if err != nil {
		account = err.Error()
	}
	_, ahead := d.ahead(ctx)
	a.Asked = a.Gone - a.Allowed + ahead[g.Side]
	s := d.m.Side(g.Side)
	names := make([]string, 0, 4)
	for i, id := range a.IDs {
		if i == 3 {
			names = append(names, "…")
			break
		}
		names = append(names, d.m.ref(g.Side, id).String())
	}
	g.Reason = fmt.Sprintf("%d linked records of the side %s are missing at %s (%s), of %d read within %s: %s; none was unlinked, and it goes on by itself when they can be read again",
		a.Asked, s.Name, c.name, strings.Join(names, "; "), a.Read+ahead[g.Side], missingWindow, account)
	g.Again, g.Looks = d.now.Add(d.limits.Missing), 0
	return d.stop(ctx)
}

// stopped reports whether a guard keeps the mapping from being worked. Missing
// records are looked for now and then; when most are there again, it goes on.
func (e *Engine) stopped(ctx context.Context, m *worked, g *guard) (bool, error) {
	if !g.Stopped || g.Code != massMissingCode || e.clock.Now().Before(g.Again) {
		return g.Stopped, nil
	}
	c := m.sides[g.Side]
	if ok, _ := e.open(ctx, c); !ok {
		return true, nil
	}
	sel := m.selection(g.Side)
	sel.Fields = nil
	ids := g.Absent[g.Side].IDs
	results, err := c.Read(connectors.WithPriority(ctx, connectors.PriorityPoll), sel, ids)
	e.note(c, err)
	missing := 0
	for _, r := range results {
		if r.Err != nil {
			missing++
		}
	}
	if err == nil && len(results) == len(ids) && 2*missing <= len(ids) {
		g.Absent[g.Side] = absence{}
		return false, e.release(ctx, m, g, "guard", fmt.Sprintf("%d of %d records that were missing can be read again", len(ids)-missing, len(ids)))
	}
	g.Again = e.clock.Now().Add(min(e.limits.Missing<<min(g.Looks, 6), e.limits.RetryMax))
	g.Looks++
	return true, e.commit(ctx, func(tx state.Tx) error { return g.put(tx, m) })
}
