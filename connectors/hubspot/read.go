package hubspot

import (
	"context"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Read implements connectors.Connection. Records that the batch call does not
// know are looked for among the archived ones, then one by one, since only that
// call tells of a merge.
func (c *connection) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	const op = "read"
	m, s, err := c.scoped(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return nil, err
	}
	results := make([]connectors.ReadResult, len(ids))
	for start := 0; start < len(ids); start += batchSize {
		end := min(start+batchSize, len(ids))
		found, err := c.readSome(ctx, m, sel.Object, s, sel.Fields, ids[start:end])
		if err != nil {
			return nil, err
		}
		for i, id := range ids[start:end] {
			if r := found[id]; r != nil {
				results[start+i].Record = r
				continue
			}
			results[start+i].Err = c.fail(op, sel.Object+"/"+id, connectors.NotFound, "HubSpot has no such record")
		}
	}
	return results, nil
}

// readSome reads up to batchSize records by id.
func (c *connection) readSome(ctx context.Context, m *meta, object string, s scope, fields, ids []string) (map[string]*connectors.Record, error) {
	wanted := m.wanted(fields, s)
	live, missing, err := c.batchRead(ctx, m.t, "", wanted, slices.DeleteFunc(unique(ids), func(id string) bool { return !isID(id) }), false)
	if err != nil {
		return nil, err
	}
	wire := live
	var merged map[string]string
	if len(missing) > 0 {
		var archived []wireRecord
		if archived, missing, err = c.batchRead(ctx, m.t, "", wanted, missing, true); err != nil {
			return nil, err
		}
		wire = append(wire, archived...)
		if merged, err = c.survivors(ctx, m.t, missing); err != nil {
			return nil, err
		}
	}
	records, err := c.records(ctx, &m, object, wire, s)
	if err != nil {
		return nil, err
	}
	if err := c.addLinks(ctx, m, records, s, fields); err != nil {
		return nil, err
	}
	found := make(map[string]*connectors.Record, len(records))
	for _, r := range records {
		found[r.Ref.ID] = r
	}
	for id, into := range merged {
		found[id] = &connectors.Record{
			Ref:   connectors.Ref{Connection: c.name, Object: object, ID: id},
			State: connectors.Merged, MergedInto: into,
		}
	}
	return found, nil
}

// batchRead reads records by id, or by the value of a unique property, and
// returns the ids that HubSpot does not know. At most batchSize, no repeats.
func (c *connection) batchRead(ctx context.Context, t *objectType, idProperty string, properties, ids []string, archived bool) (found []wireRecord, missing []string, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	body := batchRequest{
		Inputs: make([]batchInput, len(ids)), Properties: properties, WithHistory: []string{}, IDProperty: idProperty,
	}
	for i, id := range ids {
		body.Inputs[i].ID = id
	}
	answer, err := c.batch(ctx, "read", "read", t, true, archived, body)
	if err != nil {
		return nil, nil, err
	}
	for i := range answer.Errors {
		if e := &answer.Errors[i]; e.kind() != connectors.NotFound {
			return nil, nil, c.failed("read", t.plural, e)
		}
	}
	there := make(map[string]bool, len(answer.Results))
	for i := range answer.Results {
		w := &answer.Results[i]
		w.Archived = w.Archived || archived
		id := string(w.ID)
		if v := w.Properties[idProperty]; idProperty != "" && v != nil {
			id = *v
		}
		there[id] = true
	}
	return answer.Results, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return there[id] }), nil
}

// survivors asks for records one by one and returns those whose old id now
// stands for another record.
func (c *connection) survivors(ctx context.Context, t *objectType, ids []string) (map[string]string, error) {
	into := map[string]string{}
	for _, id := range ids {
		var w wireRecord
		err := c.do(ctx, rest.Request{
			Op: "read", Record: t.plural + "/" + id, Path: pathObject,
			Params: map[string]string{"type": t.id, "id": id}, Out: &w,
		})
		switch {
		case connectors.KindOf(err) == connectors.NotFound && err != nil:
		case err != nil:
			return nil, err
		case string(w.ID) != id && w.ID != "":
			into[id] = string(w.ID)
		}
	}
	return into, nil
}

// records turns wire records into records. Where they hold an option or an
// owner that is not known yet, the definitions are read anew, so m may change.
func (c *connection) records(ctx context.Context, m **meta, object string, wire []wireRecord, s scope) ([]*connectors.Record, error) {
	var out []*connectors.Record
	for _, age := range []time.Duration{schemaAge, unknownAge} {
		if age == unknownAge {
			fresh, err := c.metaOf(ctx, "read", object, age)
			if err != nil {
				return nil, err
			}
			*m = fresh
		}
		var owners *people
		if (*m).needsPeople(wire) {
			var err error
			if owners, err = c.owners(ctx, age); err != nil {
				return nil, err
			}
		}
		out = make([]*connectors.Record, len(wire))
		complete := true
		for i := range wire {
			var all bool
			out[i], all = (*m).record(c.name, object, &wire[i], s, owners)
			complete = complete && all
		}
		if complete {
			break
		}
	}
	return out, nil
}

func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// isID reports whether s can be a record id: HubSpot refuses the whole batch
// for one that cannot.
func isID(s string) bool {
	if s == "" || len(s) > 18 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
