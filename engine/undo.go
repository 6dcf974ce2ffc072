package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
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
