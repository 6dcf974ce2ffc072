package simulation

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// The two people, who are users of both systems.
var users = []connectors.Person{{ID: "u1", Email: "ada@example.com"}, {ID: "u2", Email: "grace@example.com"}}

// newDeal makes a deal; two of three ask for their epic by themselves.
func (w *world) newDeal() {
	if len(w.past.deals) >= w.v.MaxDeals {
		return
	}
	fields := map[string]connectors.Value{
		"title":  connectors.Text(w.past.fresh("t")),
		"active": connectors.Bool(w.rng.IntN(3) > 0),
		"code":   connectors.Text(w.past.fresh("c")),
	}
	if w.rng.IntN(2) == 0 {
		fields["notes"] = connectors.Text(w.past.fresh("n"))
	}
	if w.rng.IntN(2) == 0 {
		fields["labels"] = connectors.Labels(w.past.fresh("l"))
	}
	if w.rng.IntN(3) == 0 {
		fields["owner"] = connectors.PersonValue(users[0])
	}
	if w.v.Twins && w.rng.IntN(2) == 0 {
		w.newTwin(fields["code"])
	}
	id := w.systems[0].Create("record", scopeIn, "ada", fields)
	w.past.created(id, w.clock.Now(), fields)
	w.past.twin[id] = w.past.twins[fields["code"].Text()]
	w.log("person makes deal %s %v", id, fields["active"])
}

// newTwin makes the epic that a new deal will match.
func (w *world) newTwin(code connectors.Value) {
	fields := map[string]connectors.Value{"title": connectors.Text(w.past.fresh("t")), "code": code}
	if w.rng.IntN(2) == 0 {
		fields["notes"] = connectors.Text(w.past.fresh("n"))
	}
	if w.rng.IntN(2) == 0 {
		fields["labels"] = connectors.Labels(w.past.fresh("l"))
	}
	id := w.systems[1].Create("record", scopeIn, "bob", fields)
	w.past.wrote(1, id, w.clock.Now(), fields)
	w.past.twins[code.Text()] = id
	w.log("person makes epic %s", id)
}

// press presses the button of some deal.
func (w *world) press() {
	if len(w.past.deals) == 0 {
		return
	}
	id := w.past.deals[w.rng.IntN(len(w.past.deals))]
	if w.admin.parted[id] {
		return // it has a counterpart, which a person parted from it
	}
	if w.veils != [2]memory.Veil{} && w.linked(id) {
		return // who presses while the service cannot see the epic asks for another
	}
	w.past.pressed[id] = true
	for range 1 + w.rng.IntN(2) {
		w.step("press "+id, func() error { return w.eng.Ask(w.ctx, "pair", id, "ada") })
	}
	if !w.queued(id) {
		// The service died before the wish was durable: the person saw an error.
		w.pressAgain = append(w.pressAgain, id)
	}
}

// records returns a side's live records of the pair mapping: deals, or epics
// without their tasks and without cards.
func (w *world) records(side int) []string {
	var ids []string
	for _, id := range w.systems[side].IDs("record") {
		if side == 0 || !w.isTask(id) && !w.isCard(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// some returns one of a side's records, "" where there is none.
func (w *world) some(side int) string {
	ids := w.records(side)
	if len(ids) == 0 {
		return ""
	}
	return ids[w.rng.IntN(len(ids))]
}

// randomEdit edits a field of some deal, epic or card.
func (w *world) randomEdit() {
	side := w.rng.IntN(2)
	var ids []string
	for _, id := range w.systems[side].IDs("record") {
		if side == 0 || !w.isTask(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		w.editRecord(side, ids[w.rng.IntN(len(ids))], "person")
	}
}

// editRecord lets a person edit one field.
func (w *world) editRecord(side int, id, who string) {
	s := w.systems[side]
	if s.Truth(id) == nil || (side == 1 && w.isTask(id)) {
		return
	}
	fields := w.v.Fields
	if side == 1 && w.isCard(id) {
		fields = cardFields
	}
	field := fields[w.rng.IntN(len(fields))]
	v := w.entered(side, id, field)
	if field != "title" && field != "stage" && field != "labels" && w.rng.IntN(8) == 0 {
		v = connectors.Null
	}
	w.edit(side, id, who, field, v)
}

// edit sets a field as somebody does who is not the service, and notes it.
func (w *world) edit(side int, id, who, field string, v connectors.Value) {
	s := w.systems[side]
	before := s.Truth(id)[field]
	if connectors.Equal(before, v) {
		return
	}
	// Other automation may use the service's own account: its edits are edits.
	user := "ada"
	if w.past.counter%4 == 0 {
		user = "tenon"
	}
	w.clock.Advance(time.Millisecond) // nobody else acts at this instant
	s.Edit(id, user, field, v)
	w.clock.Advance(time.Millisecond)
	now := s.Truth(id)[field]
	if connectors.Equal(before, now) {
		return // the system rounded the edit away
	}
	w.past.edited(side, id, field, w.clock.Now().Add(-time.Millisecond), before, now)
	w.personWrote(place{side, id, field})
	w.log("%s edits %s %s %s = %q", who, sideConn[side], id, field, now)
}

// entered is what a person enters into a field.
func (w *world) entered(side int, id, field string) connectors.Value {
	switch field {
	case "labels":
		return w.editedLabels(side, id)
	case "count":
		n := w.past.next()
		if w.v.Numbers && w.rng.IntN(2) == 0 {
			v, err := connectors.ParseNumber(fmt.Sprintf("%d.25", n))
			if err != nil {
				panic(err)
			}
			return v
		}
		return connectors.Int(int64(n))
	case "due":
		return connectors.DateOf(start.AddDate(0, 0, w.past.next()))
	case "starts":
		at := start.Add(time.Duration(w.past.next()) * time.Hour)
		if w.v.Numbers {
			at = at.Add(time.Duration(w.rng.IntN(60)) * time.Second)
		}
		return connectors.Instant(at)
	case "stage":
		return connectors.Choice(connectors.Option{ID: fmt.Sprint(1 + w.rng.IntN(3))})
	case "owner":
		return connectors.PersonValue(users[w.rng.IntN(2)])
	}
	text := w.past.fresh("v")
	if w.v.Spaces && w.rng.IntN(3) == 0 {
		text += " "
	}
	return connectors.Text(text)
}

// editedLabels adds a label or takes one out.
func (w *world) editedLabels(side int, id string) connectors.Value {
	options := slices.Clone(w.systems[side].Truth(id)["labels"].Options())
	if len(options) > 0 && w.rng.IntN(3) == 0 {
		i := w.rng.IntN(len(options))
		options = slices.Delete(options, i, i+1)
	} else {
		label := w.past.fresh("l")
		options = append(options, connectors.Option{ID: label, Label: label})
	}
	return connectors.Choices(options...)
}

// toggleField hides a field from the service, or shows it again.
func (w *world) toggleField() {
	side := w.rng.IntN(2)
	field := w.v.Fields[w.rng.IntN(len(w.v.Fields))]
	key := sideConn[side] + field
	w.hidden[key] = !w.hidden[key]
	w.systems[side].HideField("record", field, w.hidden[key])
	w.log("%s hides %s: %v", sideConn[side], field, w.hidden[key])
}

// move takes a deal or an epic out of the scope, or back.
func (w *world) move() {
	side := w.rng.IntN(2)
	id := w.some(side)
	if id == "" {
		return
	}
	key := sideConn[side] + id
	scope := connectors.Scope{"project": "other"}
	if w.past.moved[key] {
		scope = scopeIn
	}
	w.past.moved[key] = !w.past.moved[key]
	w.systems[side].Move(id, scope)
	w.log("%s %s moves to %s", sideConn[side], id, scope["project"])
}

// remove deletes or archives a deal or an epic, or brings one back.
func (w *world) remove() {
	side := w.rng.IntN(2)
	id := w.some(side)
	if id == "" || w.v.Restores && w.restore() {
		return
	}
	state := connectors.Deleted
	if w.v.Archives && w.rng.IntN(2) == 0 {
		state = connectors.Archived
	}
	w.past.noteGone(w, side, id)
	w.systems[side].SetState(id, state)
	w.past.dead = append(w.past.dead, dead{side, id})
	w.log("person leaves %s %s %s", sideConn[side], id, state)
}

// restore brings a deleted record back.
func (w *world) restore() bool {
	if len(w.past.dead) == 0 || w.rng.IntN(2) == 0 {
		return false
	}
	d := w.past.dead[0]
	w.past.dead = w.past.dead[1:]
	w.systems[d.side].SetState(d.id, connectors.Live)
	delete(w.past.deleted, sideConn[d.side]+d.id)
	w.past.restored++
	w.log("person restores %s %s", sideConn[d.side], d.id)
	return true
}

// mergeRecords merges one record into another one of its side.
func (w *world) mergeRecords() {
	side := w.rng.IntN(2)
	loser, winner := w.some(side), w.some(side)
	if loser == winner {
		return
	}
	w.past.noteGone(w, side, loser)
	w.past.joined[sideConn[side]+winner] = append(w.past.joined[sideConn[side]+winner], loser)
	w.systems[side].Merge(loser, winner)
	w.log("person merges %s %s into %s", sideConn[side], loser, winner)
}

// comment lets a person comment.
func (w *world) comment() {
	side := w.rng.IntN(2)
	id := w.some(side)
	if id == "" {
		return
	}
	text := w.past.fresh("comment ")
	w.systems[side].Comment(id, "ada", text)
	w.past.comments = append(w.past.comments, comment{side: side, record: id, text: text, at: w.clock.Now()})
	w.log("person comments on %s %s: %s", sideConn[side], id, text)
}
