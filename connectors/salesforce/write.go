package salesforce

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// writer sends the writes of one object and scope, and gives each its result.
type writer struct {
	c       *connection
	op      string
	m       *meta
	object  string
	scope   scope
	people  map[string]connectors.Person
	results []connectors.WriteResult
}

// job is one record of a write.
type job struct {
	at   int // of its result
	id   string
	key  string
	body map[string]any
	refs bool // it writes lookups, so that an unknown id may be one of theirs
}

// Create implements connectors.Connection. The key goes into a unique field: a
// repeat is refused with Conflict and changes nothing.
func (c *connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	const op = "create"
	results := make([]connectors.WriteResult, len(creates))
	for _, g := range connectors.GroupCreates(creates) {
		w, err := c.writer(ctx, op, g, results, func(i int) map[string]connectors.Value { return creates[i].Fields })
		if err != nil {
			g.Fail(results, err)
			continue
		}
		var jobs []job
		for _, i := range g.Members {
			j, err := w.newJob(ctx, i, &creates[i])
			if err != nil {
				results[i].Err = err
				continue
			}
			jobs = append(jobs, j)
		}
		w.send(ctx, jobs)
	}
	return results
}

func (w *writer) newJob(ctx context.Context, i int, cr *connectors.Create) (job, error) {
	j, err := w.encode(cr.Fields, true)
	if err != nil {
		return j, err
	}
	j.at, j.key = i, cr.Key
	for name, text := range w.scope.equal {
		if _, given := j.body[name]; !given {
			j.body[name] = any(text)
			if w.m.props[name].typ == connectors.TypeBool {
				j.body[name] = text == "true"
			}
		}
	}
	if cr.Key != "" {
		field, err := w.c.keyOf(w.op, w.m)
		if err != nil {
			return j, err
		}
		j.body[field] = cr.Key
	}
	if cr.Parent != "" {
		parent, ok := id18(cr.Parent)
		if !ok {
			return j, w.c.fail(w.op, w.object, connectors.NotFound, "%q is not an id of Salesforce", cr.Parent)
		}
		field, err := w.c.parentField(ctx, w.op, w.m, w.scope, parent)
		if err != nil {
			return j, connectors.Sure(err)
		}
		j.body[field], j.refs = parent, true
	}
	return j, nil
}

// Update implements connectors.Connection.
func (c *connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	const op = "update"
	results := make([]connectors.WriteResult, len(updates))
	for _, g := range connectors.GroupUpdates(updates) {
		w, err := c.writer(ctx, op, g, results, func(i int) map[string]connectors.Value { return updates[i].Fields })
		if err != nil {
			g.Fail(results, err)
			continue
		}
		var jobs []job
		for _, i := range g.Members {
			u := &updates[i]
			results[i].ID = u.ID
			id, ok := id18(u.ID)
			if !ok {
				results[i].Err = c.fail(op, u.Object+"/"+u.ID, connectors.NotFound, "%q is not an id of Salesforce", u.ID)
				continue
			}
			j, err := w.encode(u.Fields, false)
			if err != nil {
				results[i].Err = err
				continue
			}
			if len(j.body) > 0 {
				j.at, j.id = i, id
				j.body["id"] = id
				jobs = append(jobs, j)
			}
		}
		w.send(ctx, jobs)
	}
	return results
}

// writer returns what a group's writes need. Its errors come from before
// anything was sent.
func (c *connection) writer(ctx context.Context, op string, g *connectors.WriteGroup, results []connectors.WriteResult, fields func(i int) map[string]connectors.Value) (*writer, error) {
	m, s, err := c.scoped(ctx, op, g.Object, g.Scope)
	if err != nil {
		return nil, connectors.Sure(err)
	}
	w := &writer{c: c, op: op, m: m, object: g.Object, scope: s, results: results}
	var values []connectors.Value
	for _, i := range g.Members {
		values = slices.AppendSeq(values, maps.Values(fields(i)))
	}
	w.people, err = c.writers(ctx, op, values)
	return w, connectors.Sure(err)
}

// encode returns the body of a write. Fields that cannot be written are an
// Invalid error that names every one of them.
func (w *writer) encode(fields map[string]connectors.Value, create bool) (job, error) {
	j := job{body: make(map[string]any, len(fields)+3)}
	var refused []connectors.FieldError
	refuse := func(name, reason string) {
		refused = append(refused, connectors.FieldError{Field: name, Reason: reason})
	}
	currency := ""
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v, p := fields[name], w.m.prop(name)
		switch {
		case p == nil && w.m.lost[name]:
			refuse(name, "this account may not see the field any more")
			continue
		case p == nil:
			refuse(name, "there is no such field, or this account may not see it")
			continue
		case p.readOnly != "":
			refuse(name, p.readOnly)
			continue
		case create && !p.creatable:
			refuse(name, "it can only be set on a record that is there")
			continue
		case !create && !p.writable:
			refuse(name, "it can only be set when the record is made")
			continue
		}
		if why := w.money(p, v, &currency); why != "" {
			refuse(name, why)
			continue
		}
		sent, err := p.encode(v, w.people)
		if err != nil {
			refuse(name, err.Error())
			continue
		}
		j.body[p.name] = sent
		j.refs = j.refs || p.wire == "reference" && sent != nil
	}
	if len(refused) > 0 {
		err := w.c.fail(w.op, w.object, connectors.Invalid, "Salesforce cannot take these values")
		err.Fields = refused
		return j, err
	}
	if _, given := j.body[fieldCurrency]; currency != "" && !given {
		j.body[fieldCurrency] = currency
	}
	return j, nil
}

// money notes the currency that goes with an amount: a record has one for all
// its amounts, and an org with one currency has no field for it. It returns why
// the amount cannot be taken, "" if it can.
func (w *writer) money(p *property, v connectors.Value, currency *string) string {
	if p.typ != connectors.TypeMoney || v.Currency() == "" {
		return ""
	}
	switch own := w.m.prop(fieldCurrency); {
	case own == nil && w.c.o.currency != "" && w.c.o.currency != v.Currency():
		return "an amount in " + v.Currency() + " where the org has " + w.c.o.currency + " only"
	case own == nil:
		return ""
	case *currency != "" && *currency != v.Currency():
		return "an amount in " + v.Currency() + " beside one in " + *currency + ": a record has one currency"
	}
	*currency = v.Currency()
	return ""
}

// send writes the jobs in batches, those of one parent side by side, since a
// write locks the parent.
func (w *writer) send(ctx context.Context, jobs []job) {
	if parents := w.m.parents(w.scope); len(parents) > 0 {
		slices.SortStableFunc(jobs, func(a, b job) int {
			x, _ := a.body[parents[0]].(string)
			y, _ := b.body[parents[0]].(string)
			return strings.Compare(x, y)
		})
	}
	for batch := range slices.Chunk(jobs, writeBatch) {
		w.sendBatch(ctx, batch, 0)
	}
}

// Records that another transaction holds are tried again so often, after a wait
// that doubles.
const (
	lockTries = 3
	lockWait  = 500 * time.Millisecond
)

// sendBatch writes one batch; locks is how often its records were found held.
func (w *writer) sendBatch(ctx context.Context, jobs []job, locks int) {
	body := collection{Records: make([]map[string]any, len(jobs))}
	for i, j := range jobs {
		j.body["attributes"] = map[string]string{"type": w.m.name}
		body.Records[i] = j.body
	}
	var answer []saveResult
	var after *written
	var err error
	if w.op == "update" {
		answer, after, err = w.patch(ctx, jobs, body)
	} else {
		err = w.c.do(ctx, rest.Request{Op: w.op, Record: w.object, Method: http.MethodPost, Path: w.c.path("/composite/sobjects"), Body: body, Out: &answer})
	}
	if err == nil && len(answer) != len(jobs) {
		lost := w.c.fail(w.op, w.object, connectors.Internal, "%d results for %d records", len(answer), len(jobs))
		lost.Unsure = true
		err = lost
	}
	if err != nil {
		w.refused(ctx, jobs, err)
		return
	}
	var heavy, held []job
	for i, j := range jobs {
		switch r := &answer[i]; {
		case r.Success:
			w.saved(j, r.ID)
		case len(jobs) > 1 && tooHeavy(r):
			heavy = append(heavy, j)
		default:
			w.results[j.at].Err = w.failed(j, r)
			if len(r.Errors) > 0 && r.Errors[0].code() == lockedCode && locks+1 < lockTries {
				held = append(held, j)
			}
		}
	}
	w.show(ctx, jobs, after)
	w.halves(ctx, heavy)
	if len(held) > 0 && w.c.clock.Sleep(ctx, lockWait<<locks) == nil {
		for _, j := range held {
			w.results[j.at].Err = nil
		}
		w.sendBatch(ctx, held, locks+1)
	}
}

// saved notes the id of a record that was written.
func (w *writer) saved(j job, told string) {
	if j.id != "" {
		return // the result has it
	}
	id, ok := id18(told)
	if !ok {
		err := w.c.fail(w.op, w.object, connectors.Internal, "the answer does not name the record that was made")
		err.Unsure = true
		w.results[j.at].Err = err
		return
	}
	w.results[j.at].ID = id
}

// refused deals with a call that was refused whole. For what is in it: a field
// that is not there any more takes its records out; else the halves are tried,
// since one bad record must not spoil the others.
func (w *writer) refused(ctx context.Context, jobs []job, err error) {
	if stale(err) && !connectors.IsUnsure(err) {
		// What is known of the object is outdated; nothing hangs on that it is
		// read anew right now.
		_, _ = w.c.metaOf(ctx, w.op, w.object, 0)
		if bad, good := w.holding(jobs, err); len(bad) > 0 && len(good) > 0 {
			w.fail(bad, err)
			w.sendBatch(ctx, good, 0)
			return
		}
	}
	kind := connectors.KindOf(err)
	if len(jobs) > 1 && !connectors.IsUnsure(err) && (kind == connectors.Invalid || kind == connectors.NotFound) {
		w.halves(ctx, jobs)
		return
	}
	w.fail(jobs, err)
}

func (w *writer) halves(ctx context.Context, jobs []job) {
	if half := (len(jobs) + 1) / 2; half > 0 {
		w.sendBatch(ctx, jobs[:half], 0)
		if half < len(jobs) {
			w.sendBatch(ctx, jobs[half:], 0)
		}
	}
}

// holding splits jobs into those that write a field that the error names, and
// the others.
func (w *writer) holding(jobs []job, err error) (bad, good []job) {
	e, _ := errors.AsType[*connectors.Error](err)
	for _, j := range jobs {
		if e != nil && len(j.named(e.Fields)) > 0 {
			bad = append(bad, j)
		} else {
			good = append(good, j)
		}
	}
	return bad, good
}

// fail gives jobs the error of their call as their own.
func (w *writer) fail(jobs []job, err error) {
	for _, j := range jobs {
		e, ok := errors.AsType[*connectors.Error](err)
		if !ok {
			w.results[j.at].Err = err
			continue
		}
		own := *e
		own.Record = w.record(j)
		own.Fields = j.named(e.Fields)
		w.results[j.at].Err = w.c.unprepared(w.m, &own)
	}
}
