package hubspot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/connectors"
)

// job is one record of a batch write.
type job struct {
	at     int // its place in the caller's list
	input  batchInput
	key    string
	parent string
	sent   []string // the fields that it writes
}

// writer sends the jobs of one object and scope.
type writer struct {
	c       *connection
	op      string // "create" or "update", the batch call's name too
	m       *meta
	object  string
	scope   scope
	results []connectors.WriteResult
}

// Create implements connectors.Connection. The key goes into a unique property:
// a repeat is refused with Conflict and changes nothing. (An upsert would
// overwrite what people have written since.) A child is linked to its parent in
// the same request.
func (c *connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	const op = "create"
	results := make([]connectors.WriteResult, len(creates))
	groups := connectors.GroupCreates(creates)
	for _, g := range groups {
		w, owners, err := c.writer(ctx, op, g, results, func(i int) map[string]connectors.Value { return creates[i].Fields })
		if err != nil {
			g.Fail(results, err)
			continue
		}
		var jobs []job
		for _, i := range g.Members {
			j, err := w.newJob(ctx, i, &creates[i], owners)
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

func (w *writer) newJob(ctx context.Context, i int, cr *connectors.Create, owners *people) (job, error) {
	j := job{at: i, key: cr.Key, parent: cr.Parent, sent: slices.Sorted(maps.Keys(cr.Fields))}
	var err error
	if j.input.Properties, err = w.encode(cr.Fields, owners); err != nil {
		return j, err
	}
	for name, value := range w.scope.equal {
		if _, given := j.input.Properties[name]; !given {
			j.input.Properties[name] = value
		}
	}
	if _, given := j.input.Properties[timeProperty]; !given && w.m.t.timed {
		j.input.Properties[timeProperty] = w.c.clock.Now().UTC().Format(timeForm)
	}
	if cr.Key != "" {
		j.input.Properties[keyProperty] = cr.Key
	}
	j.input.TraceID = strconv.Itoa(i) // with one on each, HubSpot tells whose fault an error is
	if cr.Parent == "" {
		j.input.Links = []association{}
		return j, nil
	}
	parent := w.scope.parent
	if parent == nil {
		if parent, err = w.c.parentType(ctx, w.m.t, cr.Parent); err != nil {
			return j, connectors.Sure(err)
		}
	}
	j.input.Links, err = w.c.link(ctx, w.m.t, parent, cr.Parent)
	return j, connectors.Sure(err)
}

// Update implements connectors.Connection.
func (c *connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	const op = "update"
	results := make([]connectors.WriteResult, len(updates))
	groups := connectors.GroupUpdates(updates)
	for _, g := range groups {
		w, owners, err := c.writer(ctx, op, g, results, func(i int) map[string]connectors.Value { return updates[i].Fields })
		if err != nil {
			g.Fail(results, err)
			continue
		}
		var jobs []job
		for _, i := range g.Members {
			u := &updates[i]
			results[i].ID = u.ID
			if !isID(u.ID) {
				results[i].Err = c.fail(op, u.Object+"/"+u.ID, connectors.NotFound, "%q is not an id of HubSpot", u.ID)
				continue
			}
			j := job{at: i, input: batchInput{ID: u.ID}, sent: slices.Sorted(maps.Keys(u.Fields))}
			if j.input.Properties, err = w.encode(u.Fields, owners); err != nil {
				results[i].Err = err
				continue
			}
			if len(j.input.Properties) > 0 {
				jobs = append(jobs, j)
			}
		}
		w.send(ctx, jobs)
	}
	return results
}

// writer returns what a group's writes need: the owners only where a person is
// known by e-mail alone.
func (c *connection) writer(ctx context.Context, op string, g *connectors.WriteGroup, results []connectors.WriteResult, fields func(i int) map[string]connectors.Value) (*writer, *people, error) {
	m, s, err := c.scoped(ctx, op, g.Object, g.Scope)
	if err != nil {
		return nil, nil, connectors.Sure(err)
	}
	w := &writer{c: c, op: op, m: m, object: g.Object, scope: s, results: results}
	for _, i := range g.Members {
		for _, v := range fields(i) {
			if v.Type() == connectors.TypePerson && v.Person().ID == "" {
				owners, err := c.owners(ctx, schemaAge)
				return w, owners, connectors.Sure(err)
			}
		}
	}
	return w, nil, nil
}

// encode returns the wire form of fields. A field that cannot be written is an
// Invalid error that names every such field.
func (w *writer) encode(fields map[string]connectors.Value, owners *people) (map[string]string, error) {
	out := make(map[string]string, len(fields)+2)
	var refused []connectors.FieldError
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		p := w.m.props[name]
		switch {
		case p == nil && isLink(name):
			refused = append(refused, connectors.FieldError{Field: name, Reason: "associations are made in HubSpot"})
			continue
		case p == nil: // perhaps newer than what we know: HubSpot decides
			p = &property{name: name, typ: connectors.TypeText}
		case p.readOnly != "":
			refused = append(refused, connectors.FieldError{Field: name, Reason: p.readOnly})
			continue
		}
		text, err := p.encode(fields[name], owners)
		if err != nil {
			refused = append(refused, connectors.FieldError{Field: name, Reason: err.Error()})
			continue
		}
		out[name] = text
	}
	if len(refused) > 0 {
		err := w.c.fail(w.op, w.object, connectors.Invalid, "HubSpot cannot take these values")
		err.Fields = refused
		return nil, err
	}
	return out, nil
}

// send writes the jobs in batches.
func (w *writer) send(ctx context.Context, jobs []job) {
	for batch := range slices.Chunk(jobs, batchSize) {
		w.sendBatch(ctx, batch)
	}
}

// sendBatch writes one batch. HubSpot refuses a batch whole for one bad record
// in it and does not say which: then the halves are tried.
func (w *writer) sendBatch(ctx context.Context, jobs []job) {
	body := batchRequest{Inputs: make([]batchInput, len(jobs))}
	for i, j := range jobs {
		body.Inputs[i] = j.input
	}
	answer, err := w.c.batch(ctx, w.op, w.op, w.m.t, false, false, body)
	if err != nil {
		if len(jobs) > 1 && refusal(err) {
			w.sendBatch(ctx, jobs[:len(jobs)/2])
			w.sendBatch(ctx, jobs[len(jobs)/2:])
			return
		}
		for _, j := range jobs {
			w.results[j.at].Err = w.refused(j, err)
		}
		return
	}
	w.settle(ctx, jobs, answer)
}

// refusal reports whether HubSpot refused a batch for what is in it, so that
// nothing of it took effect.
func refusal(err error) bool {
	if connectors.IsUnsure(err) {
		return false
	}
	k := connectors.KindOf(err)
	return k == connectors.Invalid || k == connectors.Conflict || k == connectors.NotFound
}

// refused returns the error of a job's batch as the job's own.
func (w *writer) refused(j job, err error) error {
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Record = w.record(j)
	if own.Kind == connectors.Conflict {
		w.taken(j, &own)
	}
	return w.c.unprepared(w.m.t, &own)
}

// taken tells the conflicts over a unique value apart. That of the key is the
// create's own repeat. A create that another value stands against is refused
// whole, since the record is likely there already; an update goes without it.
func (w *writer) taken(j job, e *connectors.Error) {
	if len(e.Fields) == 0 && w.m.t.id == contactsID && j.input.Properties["email"] != "" && e.Err != nil {
		e.Fields = []connectors.FieldError{{Field: "email", Reason: e.Err.Error()}} // the only one that a bare 409 means
	}
	switch {
	case len(e.Fields) == 0:
	case slices.ContainsFunc(e.Fields, func(f connectors.FieldError) bool { return f.Field == keyProperty }):
		e.Fields = nil
	case w.op == "update":
		e.Kind = connectors.Invalid
	default:
		f := e.Fields[0]
		e.Kind, e.Fields = connectors.Invalid, nil
		e.Err = fmt.Errorf("another of HubSpot's %s has the same %s: %s", w.m.t.plural, f.Field, f.Reason)
		e.Help = "match by " + f.Field + " in the mapping, so that the record is adopted"
	}
}

func (w *writer) record(j job) string {
	if w.op == "update" {
		return w.object + "/" + j.input.ID
	}
	return w.object
}

// settle gives each job its result out of a batch's answer.
func (w *writer) settle(ctx context.Context, jobs []job, answer *batchAnswer) {
	open := slices.Clone(jobs)
	take := func(match func(job) bool) *job {
		i := slices.IndexFunc(open, match)
		if i < 0 {
			return nil
		}
		j := open[i]
		open = slices.Delete(open, i, i+1)
		return &j
	}
	for i := range answer.Errors {
		e := &answer.Errors[i]
		for _, id := range slices.Concat(e.Context["ids"], e.Context["id"]) {
			if j := take(func(j job) bool { return j.input.ID == id }); j != nil {
				w.results[j.at].Err = w.refused(*j, w.c.failed(w.op, "", e))
			}
		}
		for _, trace := range e.Context["objectWriteTraceId"] {
			if j := take(func(j job) bool { return j.input.TraceID == trace && trace != "" }); j != nil {
				w.results[j.at].Err = w.refused(*j, w.c.failed(w.op, "", e))
			}
		}
	}
	var wire []wireRecord
	var done []job
	for i := range answer.Results {
		r := &answer.Results[i]
		j := take(func(j job) bool { return w.matches(j, r) })
		if j == nil && len(open) == 1 && len(answer.Results) == len(done)+1 {
			j = take(func(job) bool { return true }) // the only one left on either side
		}
		if j != nil {
			wire, done = append(wire, *r), append(done, *j)
		}
	}
	for _, j := range open {
		w.results[j.at].Err = w.unanswered(j, answer)
	}
	w.finish(ctx, done, wire)
}

// matches reports whether an answer's record is the one that a job wrote.
func (w *writer) matches(j job, r *wireRecord) bool {
	if w.op == "update" {
		return j.input.ID == string(r.ID)
	}
	if v := r.Properties[keyProperty]; v != nil || j.key != "" {
		return v != nil && *v == j.key
	}
	if r.TraceID != "" {
		return r.TraceID == j.input.TraceID
	}
	for name, sent := range j.input.Properties {
		if v := r.Properties[name]; sent != "" && (v == nil || *v != sent) {
			return false
		}
	}
	return true
}

// unanswered is the error of a job that the answer says nothing about: that of
// an error that names nobody, else a lost answer.
func (w *writer) unanswered(j job, answer *batchAnswer) error {
	for i := range answer.Errors {
		e := &answer.Errors[i]
		if len(e.Context["ids"])+len(e.Context["id"])+len(e.Context["objectWriteTraceId"]) > 0 {
			continue
		}
		err := w.c.failed(w.op, w.record(j), e)
		err.Unsure = len(answer.Results) > 0 || err.Unsure
		return w.refused(j, err)
	}
	err := w.c.fail(w.op, w.record(j), connectors.Internal, "HubSpot's answer does not say what became of the record")
	err.Unsure = true
	return err
}

// finish turns the answer's records into results.
func (w *writer) finish(ctx context.Context, done []job, wire []wireRecord) {
	for i, j := range done {
		w.results[j.at].ID = string(wire[i].ID)
		echo(&wire[i], j.input.Properties)
	}
	records, err := w.c.records(ctx, &w.m, w.object, wire, w.scope)
	if err != nil {
		return // the writes took effect; whoever wants the records reads them
	}
	for i, j := range done {
		if !complete(records[i], j.sent) {
			continue
		}
		records[i].Parent = j.parent
		if w.op == "update" && w.scope.parent != nil {
			continue // the answer does not tell the parent
		}
		w.results[j.at].Record = records[i]
	}
}

// echo completes a write's answer, which leaves out the properties that are
// empty after it.
func echo(w *wireRecord, sent map[string]string) {
	if w.Properties == nil {
		w.Properties = map[string]*string{}
	}
	for name, text := range sent {
		if _, told := w.Properties[name]; !told && text == "" {
			w.Properties[name] = nil
		}
	}
}

// complete reports whether the record tells every field that was written.
func complete(r *connectors.Record, fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool {
		_, presence := r.Get(f)
		return presence != connectors.Present
	})
}
