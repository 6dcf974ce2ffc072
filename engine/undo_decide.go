package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// undoing is an undo under way.
type undoing struct {
	*Engine
	o     UndoOptions
	order UndoOrder
	out   *Undone
	done  int
	total int

	// Of the mapping at hand.
	m    *worked
	side mapping.SideID
	run  uint64
}

// undoField is one slot on its way.
type undoField struct {
	*slot
	link  *state.Link // nil where it is gone
	goal  connectors.Value
	taken int    // how many of its writes are taken back
	note  string // why not more of them
	live  connectors.Value
	row   UndoneRow
	sent  bool
	after connectors.Value
}

func (f *undoField) leave(code, format string, args ...any) {
	f.row.State, f.row.Code, f.row.Reason = UndoneLeft, code, fmt.Sprintf(format, args...)
}

// open reports whether the field is still to be put back.
func (f *undoField) open() bool { return f.row.State == UndoneBack }

// undoRecord is one record with the fields to put back.
type undoRecord struct {
	id     string
	fields []*undoField
	rec    *connectors.Record
	after  *connectors.Record
	unsure bool
	before state.End // the link's, before the write was noted
}

func (r *undoRecord) open() []*undoField {
	var open []*undoField
	for _, f := range r.fields {
		if f.open() {
			open = append(open, f)
		}
	}
	return open
}

// leave leaves all of a record's fields that are still open.
func (r *undoRecord) leave(code, format string, args ...any) {
	for _, f := range r.fields {
		if f.open() {
			f.leave(code, format, args...)
		}
	}
}

// batch takes back the writes to some records of one side of a mapping.
func (u *undoing) batch(ctx context.Context, slots []*slot) error {
	m, err := u.mapping(slots[0].mapping)
	if err != nil {
		for _, s := range slots {
			f := &undoField{slot: s, row: s.row(nil)}
			f.leave(codeMappingError, "mapping %s is not loaded, so that nothing says which system it wrote to", s.mapping)
			u.out.add(f.row)
		}
		u.step(len(slots))
		return nil
	}
	if u.m != m {
		u.m, u.run = m, 0
	}
	u.side = slots[0].side
	if err := u.ready(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	records, err := u.load(ctx, slots)
	if err != nil {
		return err
	}
	if err := u.read(ctx, records); err != nil {
		return err
	}
	if err := u.decide(ctx, records); err != nil {
		return err
	}
	if !u.o.Dry {
		err = u.write(ctx, records)
	}
	for _, r := range records {
		for _, f := range r.fields {
			u.out.add(f.row)
		}
	}
	u.step(len(slots))
	return err
}

func (u *undoing) step(n int) {
	u.done += n
	if u.o.Progress != nil {
		u.o.Progress(SyncProgress{Stage: "undo", Done: u.done, Queued: u.total - u.done})
	}
}

// ready waits until the connection may be called, where that is a matter of its
// pace only.
func (u *undoing) ready(ctx context.Context) error {
	c := u.m.sides[u.side]
	if err := u.store.View(ctx, func(tx state.Tx) error {
		p, err := connectionPaused(tx, c.name)
		if err == nil && p != nil {
			err = p.err("undo")
		}
		return err
	}); err != nil {
		return err
	}
	for {
		ok, at := u.open(ctx, c)
		if ok {
			return nil
		}
		c.mu.Lock()
		code, reason := c.code, c.reason
		c.mu.Unlock()
		if !waits(code) {
			kind := connectors.Unavailable
			if code == "auth" {
				kind = connectors.Auth
			}
			return &connectors.Error{Op: "undo", Connection: c.name, Kind: kind, Err: errors.New(reason), Help: "repeat the undo when the connection is up: it goes on where it ended"}
		}
		if err := u.clock.Sleep(ctx, at.Sub(u.clock.Now())); err != nil {
			return err
		}
	}
}

// row begins the row of a slot.
func (s *slot) row(m *worked) UndoneRow {
	row := UndoneRow{Mapping: s.mapping, Link: s.slotKey.link, Record: s.record, Field: s.field, State: UndoneBack}
	if m != nil {
		row.Record = m.ref(s.side, s.record).String()
	}
	for _, w := range s.writes {
		row.Events = append(row.Events, w.seq)
	}
	return row
}

// load reads the links of some slots, and what their writes replaced.
func (u *undoing) load(ctx context.Context, slots []*slot) (records []*undoRecord, err error) {
	err = u.store.View(ctx, func(tx state.Tx) error {
		records = nil
		byID, links, runs := map[string]*undoRecord{}, map[uint64]*state.Link{}, map[uint64]string{}
		for _, s := range slots {
			f := &undoField{slot: s, row: s.row(u.m)}
			if f.link, err = linkOnce(tx, links, s.slotKey.link); err != nil {
				return err
			}
			if err := u.value(tx, f, runs); err != nil {
				return err
			}
			if byID[s.record] == nil {
				byID[s.record] = &undoRecord{id: s.record}
				records = append(records, byID[s.record])
			}
			byID[s.record].fields = append(byID[s.record].fields, f)
		}
		return nil
	})
	return records, err
}

func linkOnce(tx state.Tx, links map[uint64]*state.Link, id uint64) (*state.Link, error) {
	if l, ok := links[id]; ok {
		return l, nil
	}
	l, err := tx.Link(id)
	if errors.Is(err, state.ErrNotFound) {
		l, err = nil, nil
	}
	links[id] = l
	return l, err
}

// value works out what is to be put back: what the newest write replaced; where
// that is what an older write of the order had left, what that one replaced.
func (u *undoing) value(tx state.Tx, f *undoField, runs map[uint64]string) error {
	for i, w := range f.writes {
		ev, err := tx.Event(w.seq)
		if errors.Is(err, state.ErrNotFound) || err == nil && w.at >= len(ev.Fields) {
			f.stop(i, "forgotten", fmt.Sprintf("event %d was pruned meanwhile", w.seq))
			return nil
		}
		if err != nil {
			return err
		}
		object, ok := runs[ev.Run]
		if !ok {
			if object, err = u.objectThen(tx, ev.Run); err != nil {
				return err
			}
			runs[ev.Run] = object
		}
		if object != "" && object != u.m.object(u.side) {
			f.stop(i, "other-object", "it was written to "+object+", and the mapping joins "+u.m.object(u.side)+" now")
			return nil
		}
		value, code, reason := u.replacedBy(&ev.Fields[w.at])
		if code != "" {
			f.stop(i, code, reason)
			return nil
		}
		if i > 0 && u.printer.Print(f.goal) != w.held {
			f.note = fmt.Sprintf("as far back as event %d: what it replaced was somebody else's edit", f.writes[i-1].seq)
			return nil
		}
		f.goal, f.taken = value, i+1
	}
	return nil
}

// stop ends the way back at a write that cannot be taken back.
func (f *undoField) stop(i int, code, reason string) {
	if i == 0 {
		f.leave(code, "%s", reason)
		return
	}
	f.note = fmt.Sprintf("as far back as event %d: of event %d, %s", f.writes[i-1].seq, f.writes[i].seq, reason)
}

// objectThen returns what the side's records were in a run, "" where that is not
// known any more.
func (u *undoing) objectThen(tx state.Tx, run uint64) (string, error) {
	if run == 0 {
		return "", nil
	}
	ev, err := tx.Event(run)
	if errors.Is(err, state.ErrNotFound) || err == nil && ev.Action != runStarted {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return ev.Records[u.side], nil
}

// replacedBy unseals what a write replaced.
func (u *undoing) replacedBy(f *state.EventField) (v connectors.Value, code, reason string) {
	switch {
	case f.Empty:
		return connectors.Null, "", ""
	case f.Replaced == nil && f.Forgotten:
		return v, "forgotten", "what it replaced is not kept any more (engine.keep_replaced)"
	case f.Replaced == nil:
		return v, "not-kept", "what it replaced was not kept (engine.keep_replaced, or the value was too long)"
	}
	plain, err := u.sealer.Open(f.Replaced, replacedPurpose)
	if err == nil {
		v, err = connectors.DecodeValue(plain)
	}
	if err != nil {
		return v, "not-kept", "what it replaced cannot be unsealed: " + err.Error()
	}
	return v, "", ""
}

// read reads the records live.
func (u *undoing) read(ctx context.Context, records []*undoRecord) error {
	var ids []string
	var fields []string
	for _, r := range records {
		ids = append(ids, r.id)
		for _, f := range r.fields {
			fields = append(fields, f.field)
		}
	}
	results, err := u.fetchFields(ctx, ids, fields)
	if err != nil {
		return err
	}
	for i, r := range records {
		switch err := results[i].Err; connectors.KindOf(err) {
		case connectors.Auth, connectors.RateLimited, connectors.Unavailable:
			return err
		}
		u.seen(r, results[i])
	}
	return nil
}

// fetchFields reads records of the side with what its rules need and more.
func (u *undoing) fetchFields(ctx context.Context, ids, fields []string) ([]connectors.ReadResult, error) {
	c, sel := u.m.sides[u.side], u.m.selection(u.side)
	sel.Fields = append(slices.Clone(sel.Fields), fields...)
	slices.Sort(sel.Fields)
	sel.Fields = slices.Compact(sel.Fields)
	results, err := c.Read(ctx, sel, ids)
	if err == nil && len(results) != len(ids) {
		err = fmt.Errorf("%s answered %d records for %d ids", c.name, len(results), len(ids))
	}
	u.note(c, err)
	return results, err
}

// seen takes in what a read showed of a record.
func (u *undoing) seen(r *undoRecord, res connectors.ReadResult) {
	if r.rec = res.Record; r.rec != nil {
		for _, f := range r.fields {
			f.row.Title = firstText(r.rec.Title, r.rec.Key)
		}
	}
	switch {
	case connectors.KindOf(res.Err) == connectors.NotFound && res.Err != nil:
		r.leave(codeGone, "the record is not there any more")
	case res.Err != nil:
		r.leave("unreadable", "%s", res.Err)
	case r.rec == nil:
		r.leave("unreadable", "%s answered neither a record nor an error", u.m.sides[u.side].name)
	case r.rec.State == connectors.Merged:
		r.leave(codeGone, "the record was merged into %s", firstText(r.rec.MergedInto, "another one"))
	case r.rec.State != connectors.Live:
		r.leave(codeGone, "the record is %s", r.rec.State)
	}
}

// decide settles what becomes of each field.
func (u *undoing) decide(ctx context.Context, records []*undoRecord) error {
	g, err := u.loadGuard(ctx, u.m)
	if err != nil {
		return err
	}
	halt, err := u.paused(ctx, u.m)
	if err != nil {
		return err
	}
	for _, r := range records {
		for _, f := range r.open() {
			u.decideField(r.rec, f, g.Stopped || halt != nil)
		}
	}
	return nil
}

func (u *undoing) decideField(rec *connectors.Record, f *undoField, halted bool) {
	live, presence := rec.Get(f.field)
	if presence != connectors.Present {
		f.leave("hidden", "%s does not show the field (it is %s): nothing is taken for empty", u.m.sides[u.side].name, presence)
		return
	}
	f.live = live
	f.row.Now, f.row.Back, f.row.Events, f.row.Reason = live.String(), f.goal.String(), f.row.Events[:f.taken], f.note
	newest, now := f.writes[0], u.printer.Print(live)
	base := u.baseOf(f)
	switch {
	case now == u.printer.Print(f.goal):
		f.row.State = UndoneWas
	case now != newest.held && f.later.seq != 0:
		f.leave("written-again", "Tenon has written it again since, with event %d%s", f.later.seq, ofRun(f.later.run))
	case now != newest.held:
		f.leave("edited-since", "somebody has edited it since event %d", newest.seq)
	case f.back != nil && now != f.back.held:
		f.leave("edited-since", "somebody has set it so again since event %d took it back", f.back.seq)
	case f.later.seq != 0:
		f.leave("written-again", "Tenon has written the same again since, with event %d%s", f.later.seq, ofRun(f.later.run))
	case base != nil && base.Known[u.side] && base.Base[u.side] != newest.held:
		f.leave("edited-since", "it was something else when both sides last agreed: somebody has edited it since event %d", newest.seq)
	case base != nil && base.Pending != nil && !u.ours(base.Pending, f):
		f.leave("under-way", "a write of it is under way whose end is not known yet; try again after the next reconcile")
	case u.enforced(f) && !halted:
		f.leave("enforced", "the rule keeps it as its source says (enforce: true); change the rule or the source, or pause the mapping first: tenon pause %s", f.mapping)
	}
}

func ofRun(run uint64) string {
	if run == 0 {
		return ""
	}
	return fmt.Sprintf(" of run %d", run)
}

// baseOf returns what the link remembers of the rule that wrote a field.
func (u *undoing) baseOf(f *undoField) *state.Field {
	if f.link == nil || f.link.Ends[u.side].ID != f.record {
		return nil
	}
	return fieldOf(f.link, f.writes[0].rule)
}

// ours reports whether a note is that of an undo which did not come to its end.
func (u *undoing) ours(p *state.Pending, f *undoField) bool {
	return mapping.SideID(p.To) == u.side && p.Target == u.printer.Print(f.goal)
}

// enforced reports whether a present rule restores the field by itself.
func (u *undoing) enforced(f *undoField) bool {
	return slices.ContainsFunc(u.m.Rules(), func(r *mapping.Rule) bool {
		return r.Enforce() && r.Field(u.side) == f.field && r.Flow() != mapping.Both && r.Flow().To(u.side)
	})
}
