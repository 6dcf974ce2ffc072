package engine

import (
	"context"
	"errors"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// Status tells how every connection and mapping stands.
func (e *Engine) Status(ctx context.Context) (*Status, error) {
	s := &Status{At: e.clock.Now().UTC()}
	for _, name := range sortedNames(e.conns) {
		row := e.conns[name].status(s.At)
		if e.meter != nil {
			row.Calls, row.Daily, row.DailyLeft = e.meter.of(name)
		}
		s.Connections = append(s.Connections, row)
	}
	err := e.store.View(ctx, func(tx state.Tx) error {
		s.Mappings = nil
		if err := errors.Join(e.statusInbox(tx, s), e.statusPauses(tx, s), e.statusHeard(tx, s)); err != nil {
			return err
		}
		for _, m := range e.mappings {
			row, err := e.mappingStatus(tx, m)
			if err != nil {
				return err
			}
			s.Mappings = append(s.Mappings, row)
		}
		return nil
	})
	return s, err
}

// statusHeard adds what earlier processes heard of the systems, so that a reload
// or a restart does not look as if no word had ever come.
func (e *Engine) statusHeard(tx state.Tx, s *Status) error {
	polls := map[string]time.Time{}
	for _, m := range e.mappings {
		for side := range mapping.SideID(2) {
			feed := m.Side(side)
			at, err := heard(tx, heardPoll+feedName(feed))
			if err != nil {
				return err
			}
			polls[feed.Connection] = later(polls[feed.Connection], at)
		}
	}
	for i := range s.Connections {
		row := &s.Connections[i]
		at, err := heard(tx, heardWebhook+row.Name)
		if err != nil {
			return err
		}
		row.LastWebhook, row.LastPoll = later(row.LastWebhook, at), later(row.LastPoll, polls[row.Name])
		if row.Stream != nil {
			if at, err = heard(tx, heardStream+row.Name); err != nil {
				return err
			}
			row.Stream.Last = later(row.Stream.Last, at)
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (c *connection) status(now time.Time) ConnectionStatus {
	budget := c.budgetStatus()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := ConnectionStatus{
		Name: c.name, State: "up", LastWebhook: c.lastWebhook, LastPoll: c.lastPoll, Budget: budget,
		Stream: c.stream.status(),
	}
	if c.paused {
		s.State, s.Code, s.Reason, s.Since, s.RetryAt = "paused", c.code, c.reason, c.since, c.retryAt
	}
	c.quota(&s, now)
	return s
}

func (e *Engine) mappingStatus(tx state.Tx, m *worked) (MappingStatus, error) {
	row := MappingStatus{Name: m.Name(), State: "running", Run: m.runID.Load()}
	var err error
	if row.Links, err = tx.CountLinks(m.Name()); err != nil {
		return row, err
	}
	entries, err := tx.CountEntries(m.Name())
	if err != nil {
		return row, err
	}
	row.Queued, row.Waiting, row.Failed = entries[state.Ready], entries[state.Waiting], entries[state.Failed]
	asides, err := tx.CountAsides(m.Name())
	if err != nil {
		return row, err
	}
	for kind, n := range asides {
		if kind == state.AsideConflict {
			row.Conflicts += n
		} else {
			row.SetAside += n
		}
	}
	g, err := guardOf(tx, m)
	if err != nil {
		return row, err
	}
	if g.Stopped {
		row.State, row.Code, row.Reason = "stopped", g.Code, g.Reason
		row.Resume = "tenon resume " + m.Name()
	}
	return row, row.pause(tx, m)
}

// Ready reports whether the service can take in work: the state answers.
func (e *Engine) Ready(ctx context.Context) error {
	return e.store.View(ctx, func(tx state.Tx) error {
		_, err := tx.Cursor("ready")
		return err
	})
}

// Links lists a mapping's links ("" for all) with ids above after.
func (e *Engine) Links(ctx context.Context, name string, after uint64, limit int) ([]LinkRow, error) {
	if err := e.known(name); err != nil {
		return nil, err
	}
	var rows []LinkRow
	err := e.store.View(ctx, func(tx state.Tx) error {
		rows = nil
		links, err := tx.ListLinks(name, after, e.page(limit))
		if err != nil {
			return err
		}
		for _, l := range links {
			row := LinkRow{
				ID: l.ID, Mapping: l.Mapping, Created: l.Created, Synced: l.Synced,
				Status: [...]string{"active", "ended", "waiting"}[min(l.Status, 2)],
			}
			m, merr := e.mapping(l.Mapping)
			for side := range row.Records {
				row.Records[side], row.States[side] = connectors.Ref{ID: l.Ends[side].ID}, l.Ends[side].State.String()
				if merr == nil {
					row.Records[side] = m.ref(mapping.SideID(side), l.Ends[side].ID)
				}
			}
			asides, err := tx.AsidesOf(l.ID)
			if err != nil {
				return err
			}
			for _, a := range asides {
				row.Asides = append(row.Asides, e.asideRow(tx, a))
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

func (e *Engine) page(limit int) int {
	if limit <= 0 {
		return e.limits.Page
	}
	return min(limit, 10_000)
}

// known answers NotFound for the name of no mapping; "" stands for all.
func (e *Engine) known(name string) error {
	if name == "" {
		return nil
	}
	_, err := e.mapping(name)
	return err
}

// Asides lists the fields that are held back under a mapping ("" for all), from
// the link after on; conflicts only, or everything.
func (e *Engine) Asides(ctx context.Context, name string, conflictsOnly bool, after uint64, limit int) ([]AsideRow, error) {
	if err := e.known(name); err != nil {
		return nil, err
	}
	var rows []AsideRow
	err := e.store.View(ctx, func(tx state.Tx) error {
		rows = nil
		for len(rows) < e.page(limit) {
			asides, err := tx.ListAsides(name, after, e.page(limit))
			if err != nil {
				return err
			}
			for _, a := range asides {
				after = max(after, a.Link)
				if !conflictsOnly || a.Kind == state.AsideConflict {
					rows = append(rows, e.asideRow(tx, a))
				}
			}
			if len(asides) < e.page(limit) {
				return nil
			}
		}
		return nil
	})
	return rows, err
}

func (e *Engine) asideRow(tx state.Tx, a *state.Aside) AsideRow {
	row := AsideRow{
		Link: a.Link, Rule: a.Rule, Mapping: a.Mapping, Field: a.Name, Kind: a.Kind.String(),
		Since: a.Since, Code: a.Code, Reason: a.Reason, Choice: choiceWord(a.Choice),
	}
	if m, err := e.mapping(a.Mapping); err == nil {
		row.Sides = [2]string{m.Side(mapping.Left).Name, m.Side(mapping.Right).Name}
		if l, err := tx.Link(a.Link); err == nil {
			for side := range row.Records {
				row.Records[side] = m.ref(mapping.SideID(side), l.Ends[side].ID)
			}
		}
	}
	for side, sealed := range a.Values {
		if len(sealed) == 0 {
			continue
		}
		plain, err := e.sealer.Open(sealed, asidePurpose)
		if err != nil {
			continue
		}
		if v, err := connectors.DecodeValue(plain); err == nil {
			row.Values[side] = v.String()
		}
	}
	return row
}

// Queue lists what waits to be reconciled.
func (e *Engine) Queue(ctx context.Context, f QueueFilter) ([]QueueRow, error) {
	if err := e.known(f.Mapping); err != nil {
		return nil, err
	}
	if err := e.takenIn(ctx); err != nil {
		return nil, err
	}
	if f.After != "" {
		if _, err := parseSubject(f.After); err != nil {
			return nil, err
		}
	}
	var rows []QueueRow
	err := e.store.View(ctx, func(tx state.Tx) error {
		rows = nil
		return e.eachEntry(tx, f, func(entry *state.Entry) (bool, error) {
			rows = append(rows, e.queueRow(tx, entry))
			return len(rows) < e.page(f.Limit), nil
		})
	})
	return rows, err
}

// eachEntry calls fn for the entries that the filter lets pass.
func (e *Engine) eachEntry(tx state.Tx, f QueueFilter, fn func(*state.Entry) (bool, error)) error {
	var after *state.Subject
	if f.After != "" {
		var err error
		if after, err = parseSubject(f.After); err != nil {
			return err
		}
	}
	for {
		entries, err := tx.ListEntries(f.Mapping, after, e.limits.Page)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			s := entry.Subject
			after = &s
			if f.Status != "" && entry.Status.String() != f.Status || f.Code != "" && entry.Code != f.Code {
				continue
			}
			if more, err := fn(entry); err != nil || !more {
				return err
			}
		}
		if len(entries) < e.limits.Page {
			return nil
		}
	}
}

func (e *Engine) queueRow(tx state.Tx, entry *state.Entry) QueueRow {
	row := QueueRow{
		Key: subjectKey(entry.Subject), Mapping: entry.Mapping, Link: entry.Link, Status: entry.Status.String(), Priority: entry.Priority.String(),
		Due: entry.Due, First: entry.First, Attempts: entry.Attempts, Code: entry.Code, Reason: entry.Reason, Source: entry.Source,
	}
	m, err := e.mapping(entry.Mapping)
	if err != nil {
		row.Record = entry.Record
		return row
	}
	row.Record = m.ref(mapping.SideID(entry.Side), entry.Record).String()
	if entry.Link != 0 {
		if l, err := tx.Link(entry.Link); err == nil {
			row.Record = m.ref(mapping.Left, l.Ends[0].ID).String()
		}
	}
	return row
}

// Retry makes entries that failed or wait due at once, and tries refused fields
// again; with a Record those of that record only. It returns how many entries it
// touched.
func (e *Engine) Retry(ctx context.Context, f QueueFilter) (int, error) {
	if err := e.known(f.Mapping); err != nil {
		return 0, err
	}
	if f.Record != "" {
		return e.retryRecord(ctx, f)
	}
	if err := e.takenIn(ctx); err != nil {
		return 0, err
	}
	n := 0
	err := e.store.Update(ctx, func(tx state.Tx) error {
		n = 0
		now := e.clock.Now()
		var found []*state.Entry
		if err := e.eachEntry(tx, f, func(entry *state.Entry) (bool, error) {
			if entry.Status != state.Ready {
				found = append(found, entry)
			}
			return true, nil
		}); err != nil {
			return err
		}
		for _, entry := range found {
			entry.Status, entry.Due, entry.Attempts, entry.Source = state.Ready, now, 0, "retry"
			entry.Gen++
			if err := tx.PutEntry(entry); err != nil {
				return err
			}
			n++
		}
		if f.Status != "" || f.Code != "" {
			return nil
		}
		asides, err := tx.ListAsides(f.Mapping, 0, 10_000)
		if err != nil {
			return err
		}
		for _, a := range asides {
			if a.Kind == state.AsideConflict {
				continue
			}
			n++
			if err := bump(tx, state.Subject{Mapping: a.Mapping, Link: a.Link}, 3, hint{
				priority: connectors.PriorityPoll, source: "retry", due: now,
			}, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for _, name := range e.Mappings() {
			e.nudge(name)
		}
	}
	return n, err
}
