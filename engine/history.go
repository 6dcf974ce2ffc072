package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// History lists the journal, newest first. For a record that is in links the
// events of those links are at hand; for events of the record that belong to no
// link, or to one that is gone, the journal is searched, for two seconds. If
// more than that would be needed, the row from which on only the links' events
// are told is marked Partial. For a record that is in no link all is searched.
func (e *Engine) History(ctx context.Context, f HistoryFilter) ([]EventRow, error) {
	if err := e.known(f.Mapping); err != nil {
		return nil, err
	}
	filter := state.EventFilter{
		Mapping: f.Mapping, Link: f.Link, Record: recordID(f.Record), Action: f.Action, Run: f.Run, Since: f.Since,
	}
	s := search{filter: filter, field: f.Field, limit: e.page(f.Limit), span: searchSpan, patience: searchPatience, now: e.clock.Now}
	for _, m := range e.mappings {
		if f.Mapping == "" || f.Mapping == m.Name() {
			s.mappings = append(s.mappings, m.Name())
		}
	}
	var rows []EventRow
	err := e.store.View(ctx, func(tx state.Tx) error {
		events, partial, err := s.run(ctx, tx, f.Before)
		if err != nil {
			return err
		}
		rows = make([]EventRow, 0, len(events))
		for _, ev := range events {
			row := e.eventRow(ev)
			row.Partial = ev.Seq == partial
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

// recordID returns the id in what people call a record: a whole Ref, or the id.
func recordID(record string) string {
	if ref, err := connectors.ParseRef(record); err == nil && strings.Count(record, "/") >= 2 {
		return ref.ID
	}
	return record
}

// fieldNamed reports whether a field of an event is the one that is asked for:
// by its rule's name or either end of it, or by the field that was written.
func fieldNamed(f *state.EventField, name string) bool {
	if f.Target == name || f.Name == name {
		return true
	}
	for _, end := range strings.FieldsFunc(f.Name, func(r rune) bool { return strings.ContainsRune("↔→←", r) }) {
		if strings.TrimSpace(end) == name {
			return true
		}
	}
	return false
}

func (e *Engine) eventRow(ev *state.Event) EventRow {
	row := EventRow{
		Seq: ev.Seq, Run: ev.Run, At: ev.At, Mapping: ev.Mapping, Link: ev.Link, Records: ev.Records,
		Action: ev.Action, Source: ev.Source, Code: ev.Code, Detail: ev.Detail,
	}
	if m, err := e.mapping(ev.Mapping); err == nil && ev.Action != runStarted {
		for side, id := range ev.Records {
			if id != "" {
				row.Records[side] = m.ref(mapping.SideID(side), id).String()
			}
		}
		switch ev.Action {
		case "updated", undone, "created", "found", "linked", "task created", "task found", "comment copied", "file attached", "link attached", "offered":
			row.To = m.Side(mapping.SideID(ev.To)).Name
		}
	}
	for i := range ev.Fields {
		f := &ev.Fields[i]
		row.Fields = append(row.Fields, EventFieldRow{Name: f.Name, Why: f.Why, Field: f.Target, Replaced: replacedWord(f)})
	}
	return row
}

// replacedWord says what the journal keeps of what a write replaced.
func replacedWord(f *state.EventField) string {
	switch {
	case f.Replaced != nil:
		return ReplacedKept
	case f.Empty:
		return ReplacedEmpty
	case f.Forgotten:
		return ReplacedForgotten
	case f.Target != "":
		return ReplacedNotKept
	}
	return ""
}

// Verify follows the chain that binds each event of the journal to the one
// before it. expect is a mark that was noted earlier, SEQ:HASH as Chain.Head
// shows it; "" compares with none. A mark that cannot be read is an error of
// kind Invalid.
func (e *Engine) Verify(ctx context.Context, expect string) (*Verified, error) {
	return VerifyJournal(ctx, e.store, expect)
}

// VerifyJournal is Engine.Verify over a state alone.
func VerifyJournal(ctx context.Context, store state.Store, expect string) (*Verified, error) {
	var want state.Mark
	if expect != "" {
		var err error
		if want, err = state.ParseMark(expect); err != nil {
			return nil, &connectors.Error{Op: "verify", Kind: connectors.Invalid, Err: err}
		}
	}
	c, err := store.VerifyJournal(ctx, want.Seq)
	if err != nil {
		return nil, err
	}
	v := &Verified{Sound: c.Broken == 0, First: c.First, Events: c.Events, Broken: c.Broken, Reason: c.Reason, Expected: expect}
	if c.Head.Seq != 0 {
		v.Last, v.Head = c.Head.Seq, c.Head.String()
	}
	if expect == "" || !v.Sound {
		return v, nil
	}
	switch {
	case c.At != nil && *c.At == want:
	case c.At != nil:
		v.refute(want.Seq, "event %d or one before it is not what it was when the mark was noted: its hash is %x", want.Seq, c.At.Hash)
	case want.Seq > c.Head.Seq:
		v.refute(want.Seq, "event %d is not there any more: the journal ends with %d", want.Seq, c.Head.Seq)
	default:
		v.refute(0, "event %d is pruned: the journal begins with %d, so that nothing can be said about that mark", want.Seq, c.Base.Seq+1)
	}
	return v, nil
}

func (v *Verified) refute(seq uint64, format string, args ...any) {
	v.Sound, v.Broken, v.Reason = false, seq, fmt.Sprintf(format, args...)
}
