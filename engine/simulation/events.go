package simulation

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
)

// scopeIn is the scope of both sides.
var scopeIn = connectors.Scope{"project": "main"}

// event draws one event from the seed and lets it happen.
func (w *world) event() {
	switch n := w.rng.IntN(100); {
	case n < 30:
		w.randomEdit()
	case n < 36:
		w.newDeal()
	case n < 38:
		w.press()
		w.resume()
	case n < 50:
		w.webhook()
	case n < 62:
		w.drain()
	case n < 68:
		w.poll()
	case n < 69:
		w.sweep()
	case n < 84:
		w.clock.Advance(time.Duration(w.rng.IntN(1000)) * w.pick(time.Millisecond, 10*time.Millisecond, 100*time.Millisecond))
	case n < 92 && w.v.Faults:
		w.armFault()
	case n < 94 && w.v.Faults:
		w.restart()
	case n < 96 && w.v.Rights:
		w.toggleField()
	case n < 98 && w.v.Moves:
		w.move()
	case n < 99 && w.v.Deletes:
		w.delete()
	default:
		w.comment()
	}
	w.collectWebhooks()
}

func (w *world) pick(d ...time.Duration) time.Duration { return d[w.rng.IntN(len(d))] }

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
		fields["owner"] = connectors.PersonValue(connectors.Person{ID: "u1", Email: "ada@example.com"})
	}
	if w.v.Twins && w.rng.IntN(2) == 0 {
		w.newTwin(fields["code"])
	}
	id := w.systems[0].Create("record", scopeIn, "ada", fields)
	w.past.created(id, w.clock.Now(), fields)
	w.past.twin[id] = w.past.twins[fields["code"].Text()]
	w.log("person makes deal %s %v", id, fields["active"])
}

// press presses the button of some deal.
func (w *world) press() {
	if len(w.past.deals) == 0 {
		return
	}
	id := w.past.deals[w.rng.IntN(len(w.past.deals))]
	w.past.pressed[id] = true
	for range 1 + w.rng.IntN(2) {
		w.step("press "+id, func() error { return w.eng.Ask(w.ctx, "pair", id, "ada") })
	}
	if !w.queued(id) {
		// The service died before the wish was durable: the person saw an error.
		w.pressAgain = append(w.pressAgain, id)
	}
}

// randomEdit edits a field of some record.
func (w *world) randomEdit() {
	side := w.rng.IntN(2)
	ids := w.editable(side)
	if len(ids) == 0 {
		return
	}
	w.editRecord(side, ids[w.rng.IntN(len(ids))], "person")
}

// editable returns the deals or the epics, without their tasks.
func (w *world) editable(side int) []string {
	var ids []string
	for _, id := range w.systems[side].IDs("record") {
		if truth := w.systems[side].Truth(id); truth == nil {
			continue
		}
		if side == 1 && w.isTask(id) {
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

// editRecord lets a person edit one field.
func (w *world) editRecord(side int, id, who string) {
	s := w.systems[side]
	if s.Truth(id) == nil || (side == 1 && w.isTask(id)) {
		return
	}
	field := w.v.Fields[w.rng.IntN(len(w.v.Fields))]
	var v connectors.Value
	switch field {
	case "labels":
		v = w.editedLabels(side, id)
	case "count":
		v = connectors.Int(int64(w.past.next()))
	case "due":
		v = connectors.DateOf(start.AddDate(0, 0, w.past.next()))
	case "starts":
		v = connectors.Instant(start.Add(time.Duration(w.past.next()) * time.Hour))
	case "stage":
		v = connectors.Choice(connectors.Option{ID: fmt.Sprint(1 + w.rng.IntN(3))})
	case "owner":
		who := w.rng.IntN(2)
		v = connectors.PersonValue([]connectors.Person{{ID: "u1", Email: "ada@example.com"}, {ID: "u2", Email: "grace@example.com"}}[who])
	default:
		v = connectors.Text(w.past.fresh("v"))
		if w.v.Spaces && w.rng.IntN(3) == 0 {
			v = connectors.Text(v.Text() + " ")
		}
	}
	if field != "title" && field != "stage" && field != "labels" && w.rng.IntN(8) == 0 {
		v = connectors.Null
	}
	before := s.Truth(id)[field]
	if connectors.Equal(before, v) {
		return
	}
	s.Edit(id, "ada", field, v)
	now := s.Truth(id)[field]
	w.past.edited(side, id, field, w.clock.Now(), before, now)
	w.log("%s edits %s %s %s = %q", who, sideConn[side], id, field, now)
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

// collectWebhooks takes what the systems send; the net loses, doubles and
// delays it.
func (w *world) collectWebhooks() {
	for side, s := range w.systems {
		for _, req := range s.Webhooks() {
			switch n := w.rng.IntN(10); {
			case n < 2: // lost
				continue
			case n < 4:
				w.hooks = append(w.hooks, pendingHook{side: side, req: req, due: w.clock.Now().Add(w.pick(0, time.Minute, 48*time.Hour))})
			}
			w.hooks = append(w.hooks, pendingHook{side: side, req: req, due: w.clock.Now()})
		}
	}
}

// webhook delivers one webhook that is due, in any order.
func (w *world) webhook() {
	now := w.clock.Now()
	var due []int
	for i, h := range w.hooks {
		if !h.due.After(now) {
			due = append(due, i)
		}
	}
	if len(due) == 0 {
		return
	}
	i := due[w.rng.IntN(len(due))]
	h := w.hooks[i]
	w.hooks = slices.Delete(w.hooks, i, i+1)
	w.step("webhook", func() error {
		req := h.req
		req.Now = now
		_, err := w.eng.Receive(w.ctx, sideConn[h.side], req)
		return err
	})
}

func (w *world) drain() {
	w.step("drain", func() error { _, err := w.eng.Drain(w.ctx, "pair"); return err })
}

func (w *world) poll() {
	feeds := w.eng.Feeds()
	feed := feeds[w.rng.IntN(len(feeds))]
	w.step("poll", func() error { _, err := w.eng.Poll(w.ctx, feed); return err })
}

func (w *world) sweep() {
	for _, f := range w.eng.Feeds() {
		w.step("sweep", func() error {
			s, err := w.eng.Sweep(f)
			if err != nil {
				return err
			}
			for range 200 {
				out, err := s.Step(w.ctx)
				if err != nil || out.Done || out.Wait {
					return err
				}
			}
			return nil
		})
	}
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

// move takes a deal out of the scope, or back.
func (w *world) move() {
	if len(w.past.deals) == 0 {
		return
	}
	id := w.past.deals[w.rng.IntN(len(w.past.deals))]
	if w.systems[0].Truth(id) == nil {
		return
	}
	scope := connectors.Scope{"project": "other"}
	if w.past.moved[id] {
		scope = scopeIn
	}
	w.past.moved[id] = !w.past.moved[id]
	w.systems[0].Move(id, scope)
	w.log("deal %s moves to %s", id, scope["project"])
}

// delete deletes a deal or an epic for good.
func (w *world) delete() {
	side := w.rng.IntN(2)
	ids := w.editable(side)
	if len(ids) == 0 {
		return
	}
	id := ids[w.rng.IntN(len(ids))]
	if w.v.Restores && w.restore() {
		return
	}
	if side == 1 {
		w.past.noteFormer(w, id)
	}
	w.systems[side].SetState(id, connectors.Deleted)
	w.past.ended[sideConn[side]+id] = true
	w.past.dead = append(w.past.dead, dead{side, id})
	w.past.deleted[sideConn[side]+id] = true
	w.log("person deletes %s %s", sideConn[side], id)
}

// armFault lets something go wrong soon. Where a system keeps no history, the
// value alone cannot tell whether a write took effect whose answer was lost, nor
// what was edited between our read and our write: such faults are left out.
func (w *world) armFault() {
	f := fault{kind: faultKind(w.rng.IntN(int(faultKinds))), after: w.rng.IntN(6)}
	if w.v.Forbid && w.rng.IntN(3) == 0 {
		f.kind = forbid
	}
	if w.v.Blind && f.kind != rateLimit && f.kind != refuseLogin {
		f.kind = failBefore
	}
	w.armed = append(w.armed, f)
}

// restart starts the service anew, maybe with another mapping, another time or
// without its state.
func (w *world) restart() {
	w.log("restart")
	if w.v.Skew {
		w.service.by = time.Duration(w.rng.IntN(7200)-3600) * time.Second
		w.log("the service's clock is off by %s", w.service.by)
	}
	if w.v.LoseAll && !w.past.lost && w.rng.IntN(2) == 0 {
		w.past.lost = true
		w.backend = statememory.New()
		for _, id := range w.past.deals {
			if w.past.pressed[id] {
				w.pressAgain = append(w.pressAgain, id) // the wish was in the state
			}
		}
		w.log("the state is lost")
	}
	if w.v.Other != "" && w.rng.IntN(2) == 0 {
		w.changeMapping()
		return
	}
	if err := w.boot(); err != nil {
		panic(err)
	}
}

// changeMapping lets the admin change the mapping, or change it back.
func (w *world) changeMapping() {
	if w.other = !w.other; w.other {
		w.maps = w.changed
	} else {
		w.maps = w.plain
	}
	w.log("mapping changed: %v", w.other)
	if err := w.boot(); err != nil {
		panic(err)
	}
}

// resume lets a mapping go on that a guard stopped.
func (w *world) resume() {
	if w.v.Limits == (engine.Limits{}) {
		return
	}
	w.step("resume", func() error { return w.eng.Resume(w.ctx, "pair", "ada") })
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

// restore brings a deleted record back.
func (w *world) restore() bool {
	if len(w.past.dead) == 0 || w.rng.IntN(2) == 0 {
		return false
	}
	d := w.past.dead[0]
	w.past.dead = w.past.dead[1:]
	w.systems[d.side].SetState(d.id, connectors.Live)
	delete(w.past.deleted, sideConn[d.side]+d.id)
	w.log("person restores %s %s", sideConn[d.side], d.id)
	return true
}

// comment lets a person comment.
func (w *world) comment() {
	side := w.rng.IntN(2)
	ids := w.editable(side)
	if len(ids) == 0 {
		return
	}
	id := ids[w.rng.IntN(len(ids))]
	text := w.past.fresh("comment ")
	w.systems[side].Comment(id, "ada", text)
	w.past.comments = append(w.past.comments, comment{side: side, record: id, text: text, at: w.clock.Now()})
	w.log("person comments on %s %s: %s", sideConn[side], id, text)
}
