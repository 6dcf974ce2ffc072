package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// ReplayOrder says what is to be worked again as if word had come of it. Record
// names one record as Explain takes it, under all mappings or under Mapping.
// Without it all links of Mapping are meant, or with Failed what failed or is set
// aside ("" for all mappings). Since leaves out links of which nothing is known
// to have happened from then on.
type ReplayOrder struct {
	Record  string    `json:"record,omitempty"`
	Mapping string    `json:"mapping,omitempty"`
	Failed  bool      `json:"failed,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Dry     bool      `json:"dry,omitempty"` // count only
}

// Replayed tells how much is worked again.
type Replayed struct {
	Entries int `json:"entries"` // links and unlinked records
}

// replaySource is the source of what is replayed: both sides are read whatever
// their versions, and refused values are tried again.
const replaySource = "retry"

// Replay makes records due as if word had come of them. Both sides are read and
// compared with their baselines; no version is trusted, and nothing is written
// where both agree. An entry that waits for its time is due at once. by names
// who asked.
func (e *Engine) Replay(ctx context.Context, o ReplayOrder, by string) (*Replayed, error) {
	if err := e.known(o.Mapping); err != nil {
		return nil, err
	}
	refuse := func(help, format string, args ...any) (*Replayed, error) {
		return nil, &connectors.Error{Op: "replay", Kind: connectors.Invalid, Err: fmt.Errorf(format, args...), Help: help}
	}
	switch {
	case o.Record != "" && (o.Failed || !o.Since.IsZero()):
		return refuse("leave out the one or the other", "a record, and what failed or happened since, are two orders")
	case o.Record == "" && o.Mapping == "" && !o.Failed:
		return refuse("name a record or a mapping, or what failed", "the order says nothing of what is to be replayed")
	case o.Failed && !o.Since.IsZero():
		return refuse("leave out the one or the other", "what failed has no time from which on")
	}
	if err := e.takenIn(ctx); err != nil {
		return nil, err
	}
	var out Replayed
	var err error
	switch {
	case o.Record != "":
		out.Entries, err = e.replayRecord(ctx, o)
	case o.Failed:
		out.Entries, err = e.replayFailed(ctx, o)
	default:
		out.Entries, err = e.replayLinks(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	if !o.Dry && out.Entries > 0 {
		e.log.Info("replayed", "mapping", o.Mapping, "count", out.Entries)
		for _, name := range e.Mappings() {
			e.nudge(name)
		}
	}
	return &out, nil
}

// subjects returns the entries that a record has, or would have, in the queues of
// the mappings that take its kind.
func (e *Engine) subjects(ctx context.Context, op, record, mappingName string) ([]state.Subject, error) {
	ctx, cancel := context.WithTimeout(connectors.WithPriority(ctx, connectors.PriorityButton), explainWait)
	defer cancel()
	f := finder{Engine: e, op: op}
	found, err := f.find(ctx, record)
	if err != nil {
		return nil, err
	}
	var subjects []state.Subject
	err = e.store.View(ctx, func(tx state.Tx) error {
		subjects = nil
		for _, m := range e.mappings {
			if found.unknown || found.mapping != "" && found.mapping != m.Name() || mappingName != "" && mappingName != m.Name() {
				continue
			}
			for side := range mapping.SideID(2) {
				if m.ref(side, found.ref.ID) != found.ref || found.mapping != "" && side != found.side {
					continue
				}
				link, err := tx.LinkOf(m.Name(), uint8(side), found.ref.ID)
				switch {
				case err == nil:
					subjects = append(subjects, linkSubject(link))
				case errors.Is(err, state.ErrNotFound):
					subjects = append(subjects, state.Subject{Mapping: m.Name(), Side: uint8(side), Record: found.ref.ID})
				default:
					return err
				}
			}
		}
		return nil
	})
	if err == nil && len(subjects) == 0 {
		err = &connectors.Error{
			Op: op, Kind: connectors.NotFound, Err: fmt.Errorf("no mapping takes a record %q", record),
			Help: "write connection/object/id, as `tenon links` and `tenon queue` show it; `tenon explain` tells more",
		}
	}
	return subjects, err
}

func (e *Engine) replayRecord(ctx context.Context, o ReplayOrder) (int, error) {
	subjects, err := e.subjects(ctx, "replay", o.Record, o.Mapping)
	if err != nil || o.Dry {
		return len(subjects), err
	}
	return len(subjects), e.commit(ctx, func(tx state.Tx) error {
		for _, s := range subjects {
			if err := e.replay(tx, s, connectors.PriorityButton); err != nil {
				return err
			}
		}
		return nil
	})
}

// replay makes an entry due at once, whatever it waits for.
func (e *Engine) replay(tx state.Tx, s state.Subject, priority connectors.Priority) error {
	now := e.clock.Now()
	sides := uint8(3)
	if s.Link == 0 {
		sides = 1 << s.Side
	}
	if err := bump(tx, s, sides, hint{priority: priority, source: replaySource, due: now}, now); err != nil {
		return err
	}
	entry, err := tx.Entry(s)
	if err != nil {
		return err
	}
	entry.Status, entry.Due, entry.Attempts, entry.Source = state.Ready, now, 0, replaySource
	return tx.PutEntry(entry)
}

// replayFailed replays failed entries, and links with fields that are set aside
// for another reason than a conflict.
func (e *Engine) replayFailed(ctx context.Context, o ReplayOrder) (int, error) {
	var failed []state.Subject
	if err := e.store.View(ctx, func(tx state.Tx) error {
		failed = nil
		return e.eachEntry(tx, QueueFilter{Mapping: o.Mapping, Status: state.Failed.String()}, func(entry *state.Entry) (bool, error) {
			failed = append(failed, entry.Subject)
			return true, nil
		})
	}); err != nil {
		return 0, err
	}
	mine := make(map[uint64]bool, len(failed))
	for _, s := range failed {
		mine[s.Link] = true
	}
	for after := uint64(0); ; {
		var asides []*state.Aside
		if err := e.store.View(ctx, func(tx state.Tx) (err error) {
			asides, err = tx.ListAsides(o.Mapping, after, requeuePage)
			return err
		}); err != nil {
			return 0, err
		}
		for _, a := range asides {
			after = a.Link
			if a.Kind != state.AsideConflict && !mine[a.Link] {
				mine[a.Link] = true
				failed = append(failed, state.Subject{Mapping: a.Mapping, Link: a.Link})
			}
		}
		if len(asides) < requeuePage {
			return len(failed), e.replayAll(ctx, failed, o.Dry)
		}
	}
}

// replayAll replays entries, a page in a commit.
func (e *Engine) replayAll(ctx context.Context, subjects []state.Subject, dry bool) error {
	for len(subjects) > 0 && !dry {
		page := subjects[:min(len(subjects), requeuePage)]
		if err := e.commit(ctx, func(tx state.Tx) error {
			for _, s := range page {
				if err := e.replay(tx, s, connectors.PriorityPoll); err != nil && !errors.Is(err, state.ErrNotFound) {
					return err // a link that has gone meanwhile needs nothing
				}
			}
			return nil
		}); err != nil {
			return err
		}
		subjects = subjects[len(page):]
	}
	return nil
}

// replayLinks replays the links of a mapping.
func (e *Engine) replayLinks(ctx context.Context, o ReplayOrder) (int, error) {
	total := 0
	for after, more := uint64(0), true; more; {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		var page []state.Subject
		if err := e.store.View(ctx, func(tx state.Tx) error {
			page = page[:0]
			links, err := tx.ListLinks(o.Mapping, after, requeuePage)
			if err != nil {
				return err
			}
			more = len(links) == requeuePage
			for _, l := range links {
				after = l.ID
				if touchedSince(l, o.Since) {
					page = append(page, linkSubject(l))
				}
			}
			return nil
		}); err != nil {
			return total, err
		}
		total += len(page)
		if err := e.replayAll(ctx, page, o.Dry); err != nil {
			return total, err
		}
	}
	return total, nil
}

// touchedSince reports whether a link was made, was worked or had an edit from a
// time on, as far as is known.
func touchedSince(l *state.Link, since time.Time) bool {
	for _, at := range []time.Time{l.Created, l.Synced, l.Ends[0].Modified, l.Ends[1].Modified} {
		if !at.Before(since) {
			return true
		}
	}
	return false
}

// subjectKey names the entry of a subject: "MAPPING/link/12", "MAPPING/left/ID". It is
// the place behind which a list goes on.
func subjectKey(s state.Subject) string {
	if s.Link != 0 {
		return s.Mapping + "/link/" + strconv.FormatUint(s.Link, 10)
	}
	return s.Mapping + "/" + mapping.SideID(s.Side).String() + "/" + s.Record
}

// parseSubject reads what subjectKey wrote.
func parseSubject(key string) (*state.Subject, error) {
	name, rest, _ := strings.Cut(key, "/")
	kind, id, ok := strings.Cut(rest, "/")
	s := &state.Subject{Mapping: name, Record: id}
	var err error
	switch kind {
	case "link":
		s.Record = ""
		s.Link, err = strconv.ParseUint(id, 10, 64)
	case mapping.Left.String():
	case mapping.Right.String():
		s.Side = state.Right
	default:
		ok = false
	}
	if !ok || err != nil || name == "" || id == "" {
		return nil, &connectors.Error{Op: "list the queue", Kind: connectors.Invalid, Err: fmt.Errorf("%q names no place in the queue", key), Help: "give back the `next` of the answer before"}
	}
	return s, nil
}

// retryRecord makes the entries of one record due at once, where it has some, or
// its fields that are set aside are tried again.
func (e *Engine) retryRecord(ctx context.Context, f QueueFilter) (int, error) {
	subjects, err := e.subjects(ctx, "retry", f.Record, f.Mapping)
	if err != nil {
		return 0, err
	}
	n := 0
	err = e.commit(ctx, func(tx state.Tx) error {
		n = 0
		for _, s := range subjects {
			due, err := held(tx, s, f.Status)
			if err != nil {
				return err
			}
			if !due {
				continue
			}
			if err := e.replay(tx, s, connectors.PriorityButton); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err == nil && n == 0 {
		err = &connectors.Error{
			Op: "retry", Kind: connectors.NotFound, Err: fmt.Errorf("nothing of %s failed, waits or is set aside", f.Record),
			Help: "`tenon explain " + f.Record + "` tells how it stands; `tenon replay` works it all the same",
		}
	}
	for _, s := range subjects {
		e.nudge(s.Mapping)
	}
	return n, err
}

// held reports whether a subject has an entry (of the status, if not ""), or
// fields that are set aside.
func held(tx state.Tx, s state.Subject, status string) (bool, error) {
	entry, err := tx.Entry(s)
	if err == nil {
		return status == "" || entry.Status.String() == status, nil
	}
	if !errors.Is(err, state.ErrNotFound) || s.Link == 0 || status != "" {
		if errors.Is(err, state.ErrNotFound) {
			err = nil
		}
		return false, err
	}
	asides, err := tx.AsidesOf(s.Link)
	for _, a := range asides {
		if a.Kind != state.AsideConflict {
			return true, err
		}
	}
	return false, err
}
