package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// making is a counterpart on its way.
type making struct {
	to      mapping.SideID
	create  *mapping.Create
	intent  *state.Intent
	request connectors.Create
	sent    []state.Field // what the request carries, as pending fields
	notes   []state.Pending
	asides  []*state.Aside
	skipped []string
	result  *connectors.Record
	adopted bool // found by its key, not made now
	// earlier is the note of a create that may have taken effect and is sent
	// again.
	earlier *state.Intent
	// edited names the empty fields of a found record that its history shows.
	edited map[string]bool
	// plain counts the rules whose baseline is what both sides show.
	plain int
	// readLater says that the result was read after the create was answered.
	readLater bool
	// orphan says that the source is gone: what was made is looked for, and
	// nothing is made.
	orphan bool
}

// createKey names what is made from a record, in the target, for ever. It is
// the same for the same mapping and record, so that even an empty state finds
// what was made before. generation counts deliberate repeats.
func createKey(m *worked, source connectors.Ref, part string, generation uint64) string {
	h := sha256.New()
	for _, s := range []string{m.Name(), source.String(), part, fmt.Sprint(generation)} {
		h.Write(fmt.Appendf(nil, "%d:%s", len(s), s))
	}
	return "tenon-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// generationDocs counts how often a record's counterpart was deliberately made
// again.
const generationDocs = "generation"

func generation(tx state.Tx, m *worked, side mapping.SideID, record string) (uint64, error) {
	doc, err := tx.Doc(generationDocs, generationKey(m, side, record))
	if err != nil || doc == nil {
		return 0, err
	}
	var n uint64
	if err := json.Unmarshal(doc, &n); err != nil {
		return 0, fmt.Errorf("the generation of %s: %w", record, err)
	}
	return n, nil
}

func generationKey(m *worked, side mapping.SideID, record string) string {
	return fmt.Sprintf("%s/%d/%s", m.Name(), side, record)
}

// create makes the counterparts that the batch asks for, each exactly once: the
// target is asked for the key first, the intent is stored, then the create is
// sent.
func (d *drain) create(ctx context.Context) error {
	for to := range mapping.SideID(2) {
		var jobs []*job
		for _, j := range d.jobs {
			if !j.done() && j.making != nil && j.making.to == to && j.link == nil {
				jobs = append(jobs, j)
			}
		}
		if len(jobs) == 0 {
			continue
		}
		if err := d.createOn(ctx, to, jobs); err != nil {
			return err
		}
	}
	return nil
}

func (d *drain) createOn(ctx context.Context, to mapping.SideID, jobs []*job) error {
	if err := d.takeRestored(ctx, to, jobs); err != nil {
		return err
	}
	if err := d.intend(ctx, to, jobs); err != nil {
		return err
	}
	if err := d.fillCreates(ctx, to, jobs); err != nil {
		return err
	}
	d.askKeys(ctx, to, jobs)
	var sending []*job
	for _, j := range jobs {
		if j.done() || j.making.result != nil {
			continue
		}
		if j.making.orphan {
			j.dropIntents = append(j.dropIntents, j.making.intent.Key)
			j.ended = true
			continue
		}
		sending = append(sending, j)
	}
	if len(sending) > 0 {
		if err := d.commit(ctx, func(tx state.Tx) error {
			for _, j := range sending {
				i := *j.making.intent
				if j.making.earlier = nil; !i.Sent.IsZero() {
					j.making.earlier = j.making.intent
				}
				i.Sent = d.now
				if i.Created.IsZero() {
					i.Created = d.now
				}
				i.Doc = encodeSent(j.making.sent)
				if err := tx.PutIntent(&i); err != nil {
					return err
				}
				j.making.intent = &i
			}
			return nil
		}); err != nil {
			return err
		}
		d.sendCreates(ctx, to, sending)
	}
	d.linkMade(ctx, to, jobs)
	return nil
}

// intend gives each job its intent: the stored one, or a new one.
func (d *drain) intend(ctx context.Context, to mapping.SideID, jobs []*job) error {
	return d.store.View(ctx, func(tx state.Tx) error {
		for _, j := range jobs {
			j.making.intent = nil
			for _, i := range j.intents {
				if i.Kind == state.IntentRecord {
					j.making.intent = i
				}
			}
			if j.making.intent != nil {
				continue
			}
			n, err := generation(tx, d.m, to.Other(), j.entry.Record)
			if err != nil {
				return err
			}
			j.making.intent = &state.Intent{
				Key: createKey(d.m, d.m.ref(to.Other(), j.entry.Record), "", n), Kind: state.IntentRecord,
				Mapping: d.m.Name(), Side: uint8(to.Other()), Record: j.entry.Record,
			}
		}
		return nil
	})
}

// fillCreates computes what each new record starts with.
func (d *drain) fillCreates(ctx context.Context, to mapping.SideID, jobs []*job) error {
	var emails []string
	with := map[*job][]mapping.FieldValue{}
	for _, j := range jobs {
		if j.making.orphan {
			continue
		}
		values, err := j.making.create.With(j.recs[j.side])
		if err != nil {
			j.fail("with", err.Error())
			continue
		}
		with[j] = values
		for _, v := range values {
			emails = append(emails, v.Value.Person().Email)
		}
	}
	if err := d.people.fetch(ctx, d.m.sides[to], emails); err != nil {
		d.note(d.m.sides[to], err)
		for _, j := range jobs {
			j.blame(err)
		}
		return nil
	}
	s := d.m.Side(to)
	for _, j := range jobs {
		if j.done() || j.making.orphan {
			continue
		}
		mk := j.making
		mk.request = connectors.Create{
			Object: s.Object, Scope: s.Scope, Key: mk.intent.Key, Fields: map[string]connectors.Value{},
		}
		for _, v := range with[j] {
			value := v.Value
			if value.Type() == connectors.TypePerson {
				found, err := d.matchPerson(s.Connection, value)
				if err != nil {
					mk.skipped = append(mk.skipped, fmt.Sprintf("%s: %s", v.Field, err))
					continue
				}
				value = found
			}
			mk.request.Fields[v.Field] = value
		}
		g := d.merger(j, nil)
		mk.sent = make([]state.Field, 0, len(d.m.Rules()))
		for _, r := range d.m.Rules() {
			d.fillRule(g, j, r)
		}
	}
	return nil
}

// fillRule takes one rule's value into a create.
func (d *drain) fillRule(g *merger, j *job, r *mapping.Rule) {
	mk := j.making
	if !r.Flow().To(mk.to) {
		return
	}
	from := mk.to.Other()
	value, presence, err := r.Value(from, j.recs[from])
	hold := func(kind state.AsideKind, code, reason string) {
		mk.asides = append(mk.asides, &state.Aside{
			Rule: r.ID(), Mapping: d.m.Name(), Name: r.Name(), Kind: kind, Since: d.now, To: uint8(mk.to), Code: code, Reason: reason,
		})
	}
	if err != nil {
		hold(state.AsideRefused, "expression", err.Error())
		return
	}
	if presence != connectors.Present {
		return
	}
	var out connectors.Value
	if r.IsSet() {
		var sides [2]elements
		sides[from], sides[mk.to] = g.elements(value), g.elements(connectors.Null)
		edit, err := g.setEdit(&comparison{rule: r}, sides, mk.to)
		if err != nil {
			hold(state.AsideRefused, "cannot-convert", err.Error())
			return
		}
		out = connectors.Choices(edit.Add...)
	} else {
		converted, outcome, err := d.translate(d.m, r, mk.to, value)
		if err != nil {
			kind, code := asideFor(err)
			hold(kind, code, err.Error())
			return
		}
		if outcome == mapping.Leave {
			return
		}
		out = converted
	}
	if !out.IsNull() {
		mk.request.Fields[r.Field(mk.to)] = out
	}
	if len(mk.notes) == cap(mk.notes) { // at once for all rules: one by one they are a tenth of a backfill's garbage
		mk.notes = make([]state.Pending, 0, len(d.m.Rules()))
	}
	p := state.Pending{To: uint8(mk.to), Source: d.printer.Print(value), Target: d.printer.Print(out)}
	if r.IsSet() {
		p.SourceSet, p.TargetSet = g.elements(value).prints, g.elements(out).prints
	}
	mk.notes = append(mk.notes, p)
	mk.sent = append(mk.sent, state.Field{Rule: r.ID(), Pending: &mk.notes[len(mk.notes)-1]})
}

// findKeys asks a side for the records of its mapping's object that hold the
// keys: one answer for each key.
func (d *drain) findKeys(ctx context.Context, to mapping.SideID, keys []string) ([][]string, error) {
	c, s := d.m.sides[to], d.m.Side(to)
	found, err := c.FindByKey(ctx, s.Object, s.Scope, keys)
	d.note(c, err)
	if err == nil && len(found) != len(keys) {
		err = fmt.Errorf("%s answered %d results for %d keys", c.name, len(found), len(keys))
	}
	return found, err
}

// askKeys asks the target what was made with the keys before: after a crash, a
// lost answer, or with a state that was lost.
func (d *drain) askKeys(ctx context.Context, to mapping.SideID, jobs []*job) {
	c := d.m.sides[to]
	var asking []*job
	var keys []string
	for _, j := range jobs {
		if !j.done() {
			asking, keys = append(asking, j), append(keys, j.making.intent.Key)
		}
	}
	if len(asking) == 0 {
		return
	}
	found, err := d.findKeys(ctx, to, keys)
	if err != nil {
		d.blameAll(asking, err)
		return
	}
	var ids []string
	var made []*job
	for i, j := range asking {
		sent := d.lastSent(j.making.intent)
		switch {
		case len(found[i]) > 0:
			if len(found[i]) > 1 {
				j.event("duplicate", uint8(to), fmt.Sprintf("%d records hold the key %s: %v; the first is taken", len(found[i]), keys[i], found[i]))
			}
			ids, made = append(ids, found[i][0]), append(made, j)
		case !sent.IsZero() && d.now.Before(sent.Add(c.facts.KeyWait())) && !c.facts.KeyIsUnique:
			j.later(d.lookAgain(sent, c), "finding", whyWait(j.making.intent, "the create"))
		}
	}
	if len(ids) == 0 {
		return
	}
	results, err := d.fetch(ctx, to, ids)
	for i, j := range made {
		switch {
		case err != nil:
			j.blame(err)
		case results[i].Err != nil && connectors.KindOf(results[i].Err) == connectors.NotFound:
			// The look-up may show a record that is gone; making another would
			// undo somebody's deletion, so wait for the look-up to settle.
			j.outcome = outcome{kind: outcomeRetry, code: "finding", reason: "the record made with the key is not there"}
		case results[i].Err != nil:
			j.blame(results[i].Err)
		default:
			j.making.result, j.making.adopted = results[i].Record, true
		}
	}
}

// lookAgain returns when to ask for a lost create's key again: soon at first,
// since most systems show a record long before they must, then less often, and
// last of all when the system must show it. Only after that it is made again.
func (d *drain) lookAgain(sent time.Time, c *connection) time.Time {
	at := d.now.Add(max(d.limits.RetryMin, d.now.Sub(sent)/2))
	if last := sent.Add(c.facts.KeyWait()); at.After(last) {
		return last
	}
	return at
}

// sendCreates sends the creates; fields that the system refuses are left out
// and set aside.
func (d *drain) sendCreates(ctx context.Context, to mapping.SideID, jobs []*job) {
	c := d.m.sides[to]
	for range maxRefusals {
		if len(jobs) == 0 {
			return
		}
		creates := make([]connectors.Create, len(jobs))
		for i, j := range jobs {
			creates[i] = j.making.request
		}
		results := c.Create(ctx, creates)
		var again []*job
		for i, j := range jobs {
			res := connectors.WriteResult{Err: &connectors.Error{Op: "create", Connection: c.name, Kind: connectors.Internal, Unsure: true}}
			if i < len(results) {
				res = results[i]
			}
			if d.tookCreate(j, c, res) {
				again = append(again, j)
			}
		}
		jobs = again
	}
	for _, j := range jobs {
		j.unsent()
		j.fail("refused", "the system refuses the new record again and again")
	}
}

func (d *drain) tookCreate(j *job, c *connection, res connectors.WriteResult) (again bool) {
	mk := j.making
	d.note(c, res.Err)
	for _, f := range res.Refused {
		mk.leaveOut(d, f)
	}
	if res.Err == nil {
		if mk.result = res.Record; mk.result == nil {
			mk.result = &connectors.Record{Ref: d.m.ref(mk.to, res.ID), InScope: true}
		}
		mk.result.Ref.ID = res.ID
		return false
	}
	switch {
	case connectors.IsUnsure(res.Err):
		// Nothing is known: the intent stays, the target is asked when it must
		// show the record.
		j.later(d.now.Add(d.limits.RetryMin), "finding", res.Err.Error())
		return false
	case connectors.KindOf(res.Err) == connectors.Conflict && c.facts.KeyIsUnique:
		j.later(d.now.Add(d.limits.RetryMin), "finding", res.Err.Error())
		return false
	}
	left := false
	for _, f := range refusedFields(res.Err) {
		left = mk.leaveOut(d, f) || left
	}
	if left {
		return true
	}
	j.unsent()
	d.blame(j, res.Err)
	return false
}

// unsent forgets the note of a create that surely did not take effect. What an
// earlier one may have made is to be looked for still.
func (j *job) unsent() {
	if j.making.earlier != nil {
		j.putIntents = append(j.putIntents, j.making.earlier)
		return
	}
	j.dropIntents = append(j.dropIntents, j.making.intent.Key)
}

// leaveOut takes a refused field out of a create and notes why.
func (mk *making) leaveOut(d *drain, f connectors.FieldError) bool {
	if _, ok := mk.request.Fields[f.Field]; !ok {
		return false
	}
	delete(mk.request.Fields, f.Field)
	for i, s := range mk.sent {
		r := d.m.rules[s.Rule]
		if r.Field(mk.to) != f.Field {
			continue
		}
		mk.asides = append(mk.asides, &state.Aside{
			Rule: s.Rule, Mapping: d.m.Name(), Name: r.Name(), Kind: state.AsideRefused, Since: d.now,
			To: uint8(mk.to), Code: "refused", Reason: f.Reason,
		})
		mk.sent = append(mk.sent[:i:i], mk.sent[i+1:]...)
		return true
	}
	mk.skipped = append(mk.skipped, fmt.Sprintf("%s: %s", f.Field, f.Reason))
	return true
}
