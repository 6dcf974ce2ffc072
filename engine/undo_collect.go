package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// slotKey names one field of one record.
type slotKey struct {
	mapping string
	link    uint64
	side    mapping.SideID
	record  string
	field   string
}

// slot is one field whose writes are to be taken back.
type slot struct {
	slotKey
	writes []slotWrite // newest first
	later  laterWrite  // a write that the order does not name, made since
	back   *backWrite  // what an undo wrote since, that the order does not name
}

// slotWrite is one write of a slot.
type slotWrite struct {
	seq, run uint64
	at       int // of the field in the event
	rule     uint32
	name     string
	held     state.Print
}

type laterWrite struct{ seq, run uint64 }

type backWrite struct {
	seq  uint64
	held state.Print
}

// collected is what an order names.
type collected struct {
	slots  []*slot // the newest write first
	byKey  map[slotKey]*slot
	later  map[slotKey]laterWrite
	backs  map[slotKey]*backWrite
	others []UndoneRow
	match  func(*state.Event) bool
	field  string
}

// collectPage is how many events are read in one transaction.
const collectPage = 500

// collectUndo finds the writes that an order names, and those that were made
// since.
func (e *Engine) collectUndo(ctx context.Context, o UndoOrder) (*collected, error) {
	c := &collected{byKey: map[slotKey]*slot{}, later: map[slotKey]laterWrite{}, backs: map[slotKey]*backWrite{}, field: o.Field}
	filter, last, err := e.undoFilter(ctx, o, c)
	if err != nil {
		return nil, err
	}
	for before := uint64(0); ; {
		var events []*state.Event
		if err := e.store.View(ctx, func(tx state.Tx) (err error) {
			events, err = tx.ListJournal(before, collectPage, filter)
			return err
		}); err != nil {
			return nil, err
		}
		for _, ev := range events {
			if ev.Seq < last {
				return c, nil
			}
			e.collectEvent(ev, c)
		}
		if len(events) < collectPage {
			return c, nil
		}
		if before = events[len(events)-1].Seq; ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// undoFilter returns which events are looked at, and the last one of interest.
// What was written since is looked at, too.
func (e *Engine) undoFilter(ctx context.Context, o UndoOrder, c *collected) (f state.EventFilter, last uint64, err error) {
	if err := e.known(o.Mapping); err != nil {
		return f, 0, err
	}
	narrow := func(ev *state.Event) bool {
		return (o.Mapping == "" || ev.Mapping == o.Mapping) && (o.Since.IsZero() || !ev.At.Before(o.Since))
	}
	c.match = narrow
	f = state.EventFilter{Mapping: o.Mapping, Link: o.Link, Since: o.Since}
	switch {
	case o.Event != 0:
		ev, err := e.undoEvent(ctx, o.Event)
		if err != nil {
			return f, 0, err
		}
		wrote := func(x state.EventField) bool {
			return (x.Target != "" || ev.Action == "updated") && (o.Field == "" || fieldNamed(&x, o.Field))
		}
		if !slices.ContainsFunc(ev.Fields, wrote) {
			return f, 0, &connectors.Error{
				Op: "undo", Kind: connectors.Invalid, Err: noWrite(ev, o.Field), Help: "`tenon history --link " + fmt.Sprint(ev.Link) + "` shows what was written",
			}
		}
		c.match = func(x *state.Event) bool { return x.Seq == o.Event }
		return state.EventFilter{Link: ev.Link}, o.Event, nil
	case o.Run != 0:
		ev, err := e.undoEvent(ctx, o.Run)
		if err != nil {
			return f, 0, err
		}
		if ev.Action != runStarted {
			return f, 0, &connectors.Error{
				Op: "undo", Kind: connectors.NotFound, Err: fmt.Errorf("event %d begins no run; it belongs to run %d", o.Run, ev.Run), Help: "`tenon history --action \"run started\"` lists the runs",
			}
		}
		c.match = func(x *state.Event) bool { return x.Run == o.Run && narrow(x) }
		return state.EventFilter{Mapping: ev.Mapping}, o.Run, nil
	case o.Record != "":
		to, err := e.undoSubject(ctx, o.Record)
		if err != nil {
			return f, 0, err
		}
		c.match = func(x *state.Event) bool { return narrow(x) && (to.link != 0 || e.writtenTo(x, to.ref)) }
		f.Record, f.Link = to.ref.ID, cmp.Or(to.link, o.Link)
	}
	return f, 0, nil
}

// undoSubject finds the record whose writes are meant; with link:N both of that
// link are.
func (e *Engine) undoSubject(ctx context.Context, text string) (subject, error) {
	f := finder{Engine: e, op: "undo"}
	found, err := f.find(ctx, text)
	switch {
	case err != nil:
		return found, err
	case found.unknown:
		return found, &connectors.Error{
			Op: "undo", Kind: connectors.NotFound, Err: fmt.Errorf("nothing is known of a record %q", brief(text)),
			Help: "write connection/object/id, as `tenon history` shows it",
		}
	case found.link != 0:
		found.ref = connectors.Ref{}
	}
	return found, nil
}

func noWrite(ev *state.Event, field string) error {
	if field != "" {
		return fmt.Errorf("event %d (%s) wrote no field %q", ev.Seq, ev.Action, field)
	}
	return fmt.Errorf("event %d (%s) wrote no field", ev.Seq, ev.Action)
}

func (e *Engine) undoEvent(ctx context.Context, seq uint64) (ev *state.Event, err error) {
	err = e.store.View(ctx, func(tx state.Tx) error {
		ev, err = tx.Event(seq)
		return err
	})
	if errors.Is(err, state.ErrNotFound) {
		err = &connectors.Error{Op: "undo", Kind: connectors.NotFound, Err: fmt.Errorf("there is no event %d in the journal", seq), Help: "`tenon history` shows what there is; older events are pruned"}
	}
	return ev, err
}

// writtenTo reports whether an event tells of an effect on a record.
func (e *Engine) writtenTo(ev *state.Event, record connectors.Ref) bool {
	to := mapping.SideID(ev.To & 1)
	if ev.Records[to] != record.ID {
		return false
	}
	m, err := e.mapping(ev.Mapping)
	return err == nil && m.ref(to, record.ID) == record
}

// otherEffects are what events tell of that is no field write, in words.
var otherEffects = map[string]string{
	"created": "the record was made", "found": "the record was found and linked", "linked": "the records were linked",
	"linked again": "the records were linked again", "unlinked": "the link was ended", "task created": "a task was made",
	"comment copied": "a comment was copied", "file attached": "a file was attached", "link attached": "a link to a file was attached", "archive": "the record was archived", "archived": "the record was archived",
	"delete": "the record was deleted", "deleted": "the record was deleted", "recreating": "the record is made again",
	"making again": "the record is made again",
}

// collectEvent takes in the next older event.
func (e *Engine) collectEvent(ev *state.Event, c *collected) {
	ordered := c.match(ev)
	if what := otherEffects[ev.Action]; what != "" && ordered && c.field == "" {
		c.others = append(c.others, e.elseRow(ev, what))
	}
	if ev.Action != "updated" && ev.Action != undone {
		return
	}
	for i := range ev.Fields {
		f := &ev.Fields[i]
		named := ordered && (c.field == "" || fieldNamed(f, c.field))
		if f.Target == "" {
			if named && ev.Action != undone {
				row := e.elseRow(ev, "")
				row.Field, row.State, row.Code = f.Name, UndoneLeft, "older"
				row.Reason = "it was written by an older Tenon, which did not keep what an undo needs"
				c.others = append(c.others, row)
			}
			continue
		}
		c.write(ev, i, named)
	}
}

func (c *collected) write(ev *state.Event, at int, named bool) {
	f := &ev.Fields[at]
	side := mapping.SideID(ev.To & 1)
	key := slotKey{ev.Mapping, ev.Link, side, ev.Records[side], f.Target}
	s := c.byKey[key]
	if !named {
		if s != nil {
			return
		}
		if ev.Action == undone {
			if c.backs[key] == nil {
				c.backs[key] = &backWrite{ev.Seq, f.Held}
			}
		} else if _, seen := c.later[key]; !seen {
			c.later[key] = laterWrite{ev.Seq, ev.Run}
		}
		return
	}
	if s == nil {
		s = &slot{slotKey: key, later: c.later[key], back: c.backs[key]}
		c.byKey[key] = s
		c.slots = append(c.slots, s)
	}
	s.writes = append(s.writes, slotWrite{seq: ev.Seq, run: ev.Run, at: at, rule: f.Rule, name: f.Name, held: f.Held})
}

// elseRow is a row about an event as a whole.
func (e *Engine) elseRow(ev *state.Event, what string) UndoneRow {
	to := mapping.SideID(ev.To & 1)
	row := UndoneRow{Mapping: ev.Mapping, Link: ev.Link, Record: ev.Records[to], Events: []uint64{ev.Seq}, State: UndoneElse, Code: "not-a-field", Reason: what}
	m, err := e.mapping(ev.Mapping)
	if err != nil {
		return row
	}
	if row.Record != "" {
		row.Record = m.ref(to, row.Record).String()
	}
	if other := ev.Records[to.Other()]; what != "" && other != "" {
		row.Reason += ", beside " + m.ref(to.Other(), other).String()
	}
	return row
}

// batches groups the slots by mapping and side, so many records at a time.
func (c *collected) batches(size int) [][]*slot {
	slices.SortStableFunc(c.slots, func(a, b *slot) int {
		return cmp.Or(cmpText(a.mapping, b.mapping), cmp.Compare(a.side, b.side), cmp.Compare(a.link, b.link), cmpText(a.record, b.record))
	})
	var out [][]*slot
	records := map[string]bool{}
	for i, s := range c.slots {
		fresh := i == 0 || c.slots[i-1].mapping != s.mapping || c.slots[i-1].side != s.side
		if fresh || len(records) >= size && !records[s.record] {
			out, records = append(out, nil), map[string]bool{}
		}
		records[s.record] = true
		out[len(out)-1] = append(out[len(out)-1], s)
	}
	return out
}
