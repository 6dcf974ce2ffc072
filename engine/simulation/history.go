package simulation

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// history is what people did: the oracle's only knowledge besides what the
// systems hold.
type history struct {
	counter  int
	deals    []string
	asked    map[string]bool // deals that ask for their epic by themselves
	pressed  map[string]bool
	moved    map[string]bool     // connection + id of what is out of scope
	deleted  map[string]bool     // connection + id
	restored int                 // records that were deleted and brought back
	joined   map[string][]string // connection + id of a merge's winner, to the losers
	edits    []edit
	comments []comment
	attached []attached
	dead     []dead            // in the order of their deletion
	ended    map[string]bool   // connection + id of what was ever deleted or merged away
	former   map[string]string // a deleted epic's deal
	twin     map[string]string // deal to the epic that was there before it
	twins    map[string]string // code to that epic
	lost     bool              // the state was lost
	tried    map[string]bool   // connection + id of the deliveries that came
}

// edit is one edit of one field by a person.
type edit struct {
	side   int
	card   bool // on a card: beside the epic
	record string
	field  string
	at     time.Time
	before connectors.Value
	after  connectors.Value
}

type dead struct {
	side int
	id   string
}

type comment struct {
	side   int
	record string
	text   string
	at     time.Time
}

func (h *history) init() {
	h.asked, h.pressed, h.moved = map[string]bool{}, map[string]bool{}, map[string]bool{}
	h.twin, h.twins = map[string]string{}, map[string]string{}
	h.ended, h.former = map[string]bool{}, map[string]string{}
	h.tried = map[string]bool{}
	h.deleted, h.joined = map[string]bool{}, map[string][]string{}
}

func (h *history) next() int {
	h.counter++
	return h.counter
}

// fresh returns a text that nobody wrote before.
func (h *history) fresh(prefix string) string { return fmt.Sprintf("%s%d", prefix, h.next()) }

func (h *history) created(id string, at time.Time, fields map[string]connectors.Value) {
	h.deals = append(h.deals, id)
	h.asked[id] = fields["active"].Bool()
	h.wrote(0, id, at, fields)
}

func (h *history) wrote(side int, id string, at time.Time, fields map[string]connectors.Value) {
	for _, field := range allFields {
		if v, ok := fields[field]; ok {
			h.edits = append(h.edits, edit{side: side, record: id, field: field, at: at, after: v})
		}
	}
}

var allFields = []string{"title", "notes", "count", "due", "starts", "labels", "owner", "stage"}

func (h *history) edited(side int, id, field string, at time.Time, before, after connectors.Value) {
	h.edits = append(h.edits, edit{side: side, record: id, field: field, at: at, before: before, after: after})
}

// of returns the edits of one field of a deal, its epic and its card, in the
// order in which they were made.
func (h *history) of(pair [2]string, card, field string) []edit {
	var found []edit
	for _, e := range h.edits {
		switch {
		case e.field != field:
		case e.record == pair[e.side]:
			found = append(found, e)
		case e.side == 1 && e.record == card && card != "":
			e.card = true
			found = append(found, e)
		}
	}
	return found
}

// elsewhere reports whether two edits were made on different records.
func (e edit) elsewhere(o edit) bool { return e.side != o.side || e.card != o.card }

// noteGone notes that a record is about to be deleted, archived or merged away,
// and whose epic it was.
func (h *history) noteGone(w *world, side int, id string) {
	h.ended[sideConn[side]+id], h.deleted[sideConn[side]+id] = true, true
	if side == 1 {
		h.noteFormer(w, id)
	}
}

func (h *history) noteFormer(w *world, epic string) {
	err := w.store.View(w.ctx, func(tx state.Tx) error {
		l, err := tx.LinkOf("pair", 1, epic)
		if err == nil {
			h.former[epic] = l.Ends[0].ID
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
}

// remade reports whether a deal's epic was deleted before.
func (h *history) remade(deal string) bool {
	for _, d := range h.former {
		if d == deal {
			return true
		}
	}
	return false
}

// isTask tells the children that come with an epic by their titles, which no
// person gives.
func (w *world) isTask(id string) bool {
	title := w.systems[1].Truth(id)["title"].Text()
	return strings.HasPrefix(title, "Kick-off") || title == "Acceptance"
}

// isCard tells the records of the second mapping by their scope.
func (w *world) isCard(id string) bool {
	return w.v.Second != "" && w.systems[1].Scope(id)["project"] == scopeCards["project"]
}
