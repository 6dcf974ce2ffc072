package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// UndoOrder says which of Tenon's field writes to take back: those of one
// event, of one record, of one link, of one run, or of one mapping since a
// time. Mapping, Field and Since narrow any of them.
type UndoOrder struct {
	Event   uint64    `json:"event,omitempty"`
	Record  string    `json:"record,omitempty"` // as Explain takes it; the writes to it
	Link    uint64    `json:"link,omitempty"`   // the writes to both its records
	Run     uint64    `json:"run,omitempty"`
	Mapping string    `json:"mapping,omitempty"`
	Field   string    `json:"field,omitempty"` // of either side, or the rule's name
	Since   time.Time `json:"since,omitzero"`
}

// String names the order for the history.
func (o UndoOrder) String() string {
	var text string
	switch {
	case o.Event != 0:
		text = fmt.Sprintf("event %d", o.Event)
	case o.Run != 0:
		text = fmt.Sprintf("run %d", o.Run)
	case o.Link != 0:
		text = fmt.Sprintf("link %d", o.Link)
	case o.Record != "":
		text = "record " + o.Record
	default:
		text = "mapping " + o.Mapping
	}
	if o.Field != "" {
		text += ", field " + o.Field
	}
	if !o.Since.IsZero() {
		text += ", since " + o.Since.UTC().Format(time.RFC3339)
	}
	return text
}

// Check makes sure that the order names one thing. The error is of kind Invalid.
func (o UndoOrder) Check() error {
	n := 0
	for _, named := range []bool{o.Event != 0, o.Record != "", o.Link != 0, o.Run != 0} {
		if named {
			n++
		}
	}
	if n == 1 || n == 0 && o.Mapping != "" && !o.Since.IsZero() {
		return nil
	}
	return &connectors.Error{
		Op: "undo", Kind: connectors.Invalid, Err: errors.New("an undo is of one event, one record, one link or one run, or of a mapping since a time"),
		Help: "`tenon history` shows the numbers",
	}
}

// Undone is what an undo came to, or would come to.
type Undone struct {
	Dry   bool        `json:"dry"`
	Order string      `json:"order"`
	Runs  []uint64    `json:"runs"`           // of the undo itself, one a mapping; none when it wrote nothing
	Back  int         `json:"back"`           // fields put back, or to be put back
	Was   int         `json:"was"`            // fields that hold already what would be put back
	Left  int         `json:"left"`           // fields that were left as they are
	Else  int         `json:"else"`           // effects that are no field writes: records made, links, comments
	Rows  []UndoneRow `json:"rows"`           // left ones first
	More  int         `json:"more,omitempty"` // rows beyond those
}

// What became of a field, or would become of it: the states of an UndoneRow.
const (
	UndoneBack = "back" // put back, or to be put back
	UndoneWas  = "was"  // it holds that already
	UndoneLeft = "left"
	UndoneElse = "else" // no field write
)

// UndoneRow is one field of one record, or one effect that is no field write.
type UndoneRow struct {
	Mapping string   `json:"mapping"`
	Link    uint64   `json:"link,omitempty"`
	Record  string   `json:"record"` // the Ref of what was written
	Title   string   `json:"title,omitempty"`
	Field   string   `json:"field,omitempty"` // API name
	Events  []uint64 `json:"events"`          // of the writes, newest first
	State   string   `json:"state"`           // "back", "was", "left", "else"
	Code    string   `json:"code,omitempty"`  // why it was left
	Reason  string   `json:"reason,omitempty"`
	Now     string   `json:"now"`  // what the record holds, or held before it was put back
	Back    string   `json:"back"` // what was, or would be, put back
}

// How many rows an Undone lists, and how much of a value it shows, in bytes.
const (
	maxUndoneBack  = 300
	maxUndoneLeft  = 1000
	maxUndoneValue = 100
)

func (u *Undone) add(row UndoneRow) {
	list := maxUndoneLeft
	switch row.State {
	case UndoneBack:
		u.Back++
		list = maxUndoneBack
	case UndoneWas:
		u.Was++
		list = maxUndoneBack
	case UndoneLeft:
		u.Left++
	case UndoneElse:
		u.Else++
	}
	n := 0
	for i := range u.Rows {
		if u.Rows[i].State == row.State {
			n++
		}
	}
	if n >= list {
		u.More++
		return
	}
	row.Now, row.Back = cut(row.Now, maxUndoneValue), cut(row.Back, maxUndoneValue)
	row.Reason = brief(row.Reason)
	u.Rows = append(u.Rows, row)
}

// sort puts first what a person has to look at.
func (u *Undone) sort() {
	rank := map[string]int{UndoneLeft: 0, UndoneElse: 1, UndoneBack: 2, UndoneWas: 3}
	slices.SortStableFunc(u.Rows, func(a, b UndoneRow) int { return rank[a.State] - rank[b.State] })
}

// UndoOptions say how an undo is carried out.
type UndoOptions struct {
	Dry      bool   // tell what would be done; nothing is written, neither to a system nor to the state
	By       string // who asked for it
	Progress func(SyncProgress)
}

// Undo takes back field writes of Tenon: where the record still holds what the
// write left behind, what the write replaced is put back, and both sides count
// as agreed, so that the value does not flow again. Writes of one field are
// taken back from the newest on, as far as each replaced what the one before it
// had left. All else is left as it is, and listed with the reason.
//
// The present rules do not matter, only that the mapping still joins the same
// objects. An undo is a run of its own and can be undone. A repeat writes
// nothing; after a crash it finishes. It needs no more memory than a few hundred
// bytes for each field of the order.
//
// Kinds of errors: Invalid for an order that makes no sense, NotFound for an
// event or a run that is not there, Conflict where a person paused a connection,
// Unavailable and Auth of the systems; what was done until then stands.
func (e *Engine) Undo(ctx context.Context, order UndoOrder, o UndoOptions) (*Undone, error) {
	if err := order.Check(); err != nil {
		return nil, err
	}
	if !o.Dry {
		if err := e.mayWrite("undo"); err != nil {
			return nil, err
		}
	}
	ctx = connectors.WithPriority(ctx, connectors.PriorityButton)
	c, err := e.collectUndo(ctx, order)
	if err != nil {
		return nil, err
	}
	u := &undoing{Engine: e, o: o, order: order, total: len(c.slots), out: &Undone{Dry: o.Dry, Order: order.String(), Runs: []uint64{}, Rows: []UndoneRow{}}}
	for _, row := range c.others {
		u.out.add(row)
	}
	for _, batch := range c.batches(e.limits.Batch) {
		if err = u.batch(ctx, batch); err != nil {
			break
		}
	}
	u.out.sort()
	return u.out, err
}

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
	"comment copied": "a comment was copied", "archive": "the record was archived", "archived": "the record was archived",
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
