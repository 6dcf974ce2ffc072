package salesforce

import (
	"net/http"
	"slices"
	"time"
)

const (
	updatedReach = 30 * 24 * time.Hour
	deletedReach = 15 * 24 * time.Hour
)

// maxReplicated is how many ids a replication call answers at most.
const maxReplicated = 600_000

// SetReplicationLimit changes how many ids a replication call answers at most,
// so that a test need not make as many records; 0 means Salesforce's own limit.
func (s *System) SetReplicationLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replicated = n; n <= 0 {
		s.replicated = maxReplicated
	}
}

func (c *call) tooMany(n int) *apiError {
	if n <= c.s.replicated {
		return nil
	}
	return refuseCall(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "cannot return more than %d Ids", c.s.replicated)
}

// window reads start and end of a replication call; seconds are cut off.
func (c *call) window(reach time.Duration) (from, to time.Time, problem *apiError) {
	read := func(name string) (time.Time, *apiError) {
		t, good := parseInstant(c.query.Get(name))
		if !good {
			return t, refuseCall(http.StatusBadRequest, "INVALID_REPLICATION_DATE", "%s: invalid date: %s", name, c.query.Get(name))
		}
		return t.Truncate(time.Minute), nil
	}
	if from, problem = read("start"); problem != nil {
		return from, to, problem
	}
	if to, problem = read("end"); problem != nil {
		return from, to, problem
	}
	switch {
	case !to.After(from):
		return from, to, refuseCall(http.StatusBadRequest, "INVALID_REPLICATION_DATE", "endDate: %s must be at least one minute greater than startDate: %s", stamp(to), stamp(from))
	case from.Before(c.now.Add(-reach)):
		return from, to, refuseCall(http.StatusBadRequest, "INVALID_REPLICATION_DATE", "startDate: %s: startDate cannot be more than %d days ago", stamp(from), int(reach.Hours()/24))
	}
	return from, to, nil
}

// covered is up to when changes are complete: the start of the oldest open
// transaction, or the end that was asked for.
func (c *call) covered(to time.Time) time.Time {
	at := c.now.Truncate(time.Minute)
	for _, d := range c.s.deferred {
		if !d.since.IsZero() && d.since.Before(at) {
			at = d.since.Truncate(time.Minute)
		}
	}
	if to.Before(at) {
		return to
	}
	return at
}

func (c *call) replicated() (*object, *apiError) {
	o, err := c.object()
	if err == nil && (!o.replicateable || o.field("SystemModstamp") == nil) {
		err = refuseCall(http.StatusBadRequest, "INVALID_TYPE_FOR_OPERATION", "entity type %s does not support replication", o.name)
	}
	return o, err
}

func getUpdated(c *call) (answer, *apiError) {
	o, err := c.replicated()
	if err != nil {
		return answer{}, err
	}
	from, to, err := c.window(updatedReach)
	if err != nil {
		return answer{}, err
	}
	covered := c.covered(to)
	ids := []string{}
	for _, r := range c.s.rows(o, false, true) {
		if at := r.at("SystemModstamp"); !at.Before(from) && at.Before(to) {
			ids = append(ids, r.id)
		}
	}
	if err := c.tooMany(len(ids)); err != nil {
		return answer{}, err
	}
	return ok(members{{"ids", ids}, {"latestDateCovered", stamp(covered)}})
}

func getDeleted(c *call) (answer, *apiError) {
	o, err := c.replicated()
	if err != nil {
		return answer{}, err
	}
	from, to, err := c.window(deletedReach)
	if err != nil {
		return answer{}, err
	}
	var gone []*record
	for _, id := range o.ids {
		if r := o.records[id]; r != nil && r.deleted() && !r.gone.Before(from) && r.gone.Before(to) {
			gone = append(gone, r)
		}
	}
	slices.SortStableFunc(gone, func(a, b *record) int { return a.gone.Compare(b.gone) })
	if err := c.tooMany(len(gone)); err != nil {
		return answer{}, err
	}
	rows := []any{}
	for _, r := range gone {
		rows = append(rows, members{{"id", r.id}, {"deletedDate", stamp(r.gone)}})
	}
	return ok(members{
		{"deletedRecords", rows}, {"earliestDateAvailable", stamp(c.now.Add(-deletedReach).Truncate(time.Minute))}, {"latestDateCovered", stamp(c.covered(to))},
	})
}
