package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// job is one entry of the queue on its way through a drain.
type job struct {
	entry *state.Entry
	link  *state.Link // nil for an unlinked record, until it is linked
	side  mapping.SideID

	recs [2]*connectors.Record
	errs [2]error // of the read

	asides   map[uint32]*state.Aside
	covered  map[uint32]coveredEdit // people's edits that noted writes covered
	applied  map[uint32]bool        // noted writes that a history shows, or does not
	intents  []*state.Intent
	verdicts []verdict

	// What the commit stores.
	outcome     outcome
	putAsides   []*state.Aside
	dropAsides  []uint32
	dropIntents []string
	putIntents  []*state.Intent
	events      []*state.Event
	known       string // the version to remember for a record left alone
	setKnown    bool
	touched     bool                          // the link must be stored
	ended       bool                          // the link must be removed from work
	removed     bool                          // the link must be forgotten
	sent        [2]bool                       // an update took effect
	unsure      [2]bool                       // an update may have taken effect
	after       [2]*connectors.Record         // as answered or read after the update
	removal     *removal                      // the other record is to be archived or deleted
	making      *making                       // the counterpart is to be made
	comments    *commentLedger                // to store
	commentsOf  [2]*connectors.CommentsResult // as read for the batch; nil: not read yet
	files       *fileLedger                   // to store
	filesOf     [2]*connectors.FilesResult    // as read for the batch; nil: not read yet
	taskError   error                         // the tasks could not be worked out
	double      bool                          // another job of the batch works the link
	button      string                        // the address to write into the button's field
	rule        string                        // what the records match by
	candidates  []PlanCandidate               // records that match, where several do
	sought      []sought                      // what a plan's match rules looked for
	begun       bool                          // its entry was left by an apply that did not end
	foreseen    foreseen                      // what a plan tells besides
	followed    *followed                     // its link goes over to another record
	shares      [2][]sharing                  // of the rules that roll up what a side holds
}

// sought is one look for a counterpart by a match rule, and what it found.
type sought struct {
	field string // of the other side
	value connectors.Value
	found []string
}

// removal carries a deletion to the other side.
type removal struct {
	gone   mapping.SideID
	policy mapping.DeletePolicy
}

// outcome is what becomes of an entry.
type outcome struct {
	kind   outcomeKind
	at     time.Time // for later: when to look again; zero: back-off
	code   string
	reason string
}

type outcomeKind uint8

const (
	outcomeDone  outcomeKind = iota // nothing left to do
	outcomeAgain                    // due again at once
	outcomeLater                    // look again later; the record is not to blame
	outcomeRetry                    // failed for the time being: back-off
	outcomeFail                     // failed until something changes
	outcomeKeep                     // leave the entry untouched: the connection is to blame
)

// done reports whether a stage has ended the job early.
func (j *job) done() bool { return j.double || j.outcome.kind != outcomeDone }

func (j *job) later(at time.Time, code, reason string) {
	j.outcome = outcome{kind: outcomeLater, at: at, code: code, reason: reason}
}

func (j *job) fail(code, reason string) {
	j.outcome = outcome{kind: outcomeFail, code: code, reason: reason}
}

// blame sets the outcome for an error that concerns this record.
func (j *job) blame(err error) {
	kind := connectors.KindOf(err)
	code := map[connectors.Kind]string{
		connectors.Internal: "internal", connectors.NotFound: "not-found", connectors.Conflict: "changed-meanwhile",
		connectors.RateLimited: "rate-limited", connectors.Auth: "auth", connectors.Permission: "permission",
		connectors.Invalid: "refused", connectors.Unavailable: "unavailable",
	}[kind]
	switch {
	case kind == connectors.Auth || kind == connectors.RateLimited:
		j.outcome = outcome{kind: outcomeKeep, code: code, reason: told(err)}
	case kind.Temporary() || kind == connectors.Conflict || connectors.IsUnsure(err):
		j.outcome = outcome{kind: outcomeRetry, code: code, reason: told(err)}
	default:
		j.fail(code, told(err))
	}
}

// told is an error for people: what happened, and what the connector knows to
// do about it.
func told(err error) string {
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Help != "" {
		return err.Error() + ": " + e.Help
	}
	return err.Error()
}

func (j *job) event(action string, to uint8, detail string, fields ...state.EventField) *state.Event {
	ev := &state.Event{Action: action, To: to, Detail: detail, Fields: fields}
	j.events = append(j.events, ev)
	return ev
}

// ids returns the records' ids, "" where there is none.
func (j *job) ids() [2]string {
	if j.link != nil {
		return [2]string{j.link.Ends[0].ID, j.link.Ends[1].ID}
	}
	var ids [2]string
	ids[j.side] = j.entry.Record
	return ids
}

// load turns due entries of one priority into jobs: calls have the priority of
// their batch. Entries of records that were linked meanwhile become their
// link's. Without jobs, none says when to look again.
func (e *Engine) load(ctx context.Context, m *worked) (jobs []*job, none Drained, err error) {
	now := e.clock.Now()
	open, wait := e.takes(m, now)
	turns := m.turns
	err = e.store.View(ctx, func(tx state.Tx) error {
		jobs, none, m.turns = nil, Drained{}, turns
		entries, err := tx.Due(m.Name(), now, e.limits.Batch)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			none.Next, _, err = tx.NextDue(m.Name())
			return err
		}
		priority, ok := m.turns.choose(entries, open)
		if !ok {
			none.Wait = wait
			return nil
		}
		entries = slices.DeleteFunc(entries, func(entry *state.Entry) bool { return entry.Priority != priority })
		jobs, err = loadJobs(tx, entries[:min(len(entries), e.batch(m, priority))])
		return err
	})
	return jobs, none, err
}

// loadDue turns due entries of any priority into jobs, at most limit, for a
// look at what is to come.
func (e *Engine) loadDue(ctx context.Context, m *worked, limit int) (jobs []*job, err error) {
	err = e.store.View(ctx, func(tx state.Tx) error {
		jobs = nil
		entries, err := tx.Due(m.Name(), e.clock.Now(), limit)
		if err != nil {
			return err
		}
		jobs, err = loadJobs(tx, entries)
		return err
	})
	return jobs, err
}

func loadJobs(tx state.Tx, entries []*state.Entry) ([]*job, error) {
	jobs := make([]*job, 0, len(entries))
	for _, entry := range entries {
		j, err := loadJob(tx, entry)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

func loadJob(tx state.Tx, entry *state.Entry) (*job, error) {
	j := &job{entry: entry, side: mapping.SideID(entry.Side), asides: map[uint32]*state.Aside{}}
	var err error
	if entry.Link != 0 {
		j.link, err = tx.Link(entry.Link)
	} else {
		j.link, err = tx.LinkOf(entry.Mapping, entry.Side, entry.Record)
	}
	if errors.Is(err, state.ErrNotFound) || err == nil && j.link.Mapping != entry.Mapping {
		j.link, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if j.link != nil {
		asides, err := tx.AsidesOf(j.link.ID)
		if err != nil {
			return nil, err
		}
		for _, a := range asides {
			j.asides[a.Rule] = a
		}
		for side, end := range j.link.Ends {
			intents, err := tx.IntentsOf(entry.Mapping, uint8(side), end.ID)
			if err != nil {
				return nil, err
			}
			j.intents = append(j.intents, intents...)
		}
		return j, nil
	}
	if entry.Record != "" {
		j.intents, err = tx.IntentsOf(entry.Mapping, entry.Side, entry.Record)
	}
	return j, err
}
