package salesforce

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// maxRows is how many records a collection call may carry.
const maxRows = 200

type rowsBody struct {
	AllOrNone bool              `json:"allOrNone"`
	Records   []json.RawMessage `json:"records"`
}

// rows reads the body of a collection call.
func (c *call) rows() (rowsBody, [][]input, *apiError) {
	var body rowsBody
	if len(c.body) == 0 {
		return body, nil, jsonFault("The HTTP entity body is required, but this request has no entity body.")
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return body, nil, jsonFault("%s", parserText(c.body, err))
	}
	if len(body.Records) == 0 {
		return body, nil, refuseCall(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
	}
	if len(body.Records) > maxRows {
		return body, nil, refuseCall(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRows)
	}
	rows := make([][]input, len(body.Records))
	for i, raw := range body.Records {
		in, err := readObject(raw)
		if err != nil {
			return body, nil, err
		}
		rows[i] = in
	}
	return body, rows, nil
}

// types finds the objects that the rows name in their attributes; there may be
// ten runs of one type.
func (c *call) types(rows [][]input) ([]*object, *apiError) {
	out := make([]*object, len(rows))
	runs := 0
	for i, in := range rows {
		var attributes struct {
			Type string `json:"type"`
		}
		if raw := memberOf(in, "attributes"); raw == nil || json.Unmarshal(raw, &attributes) != nil || attributes.Type == "" {
			return nil, refuseCall(http.StatusBadRequest, "INVALID_FIELD", "'type' is a required attribute of each record")
		}
		o := c.s.object(attributes.Type)
		if o == nil || c.s.denied(o.name, "read") {
			return nil, refuseCall(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name.%s", attributes.Type, seeDescribe)
		}
		if i == 0 || out[i-1] != o {
			runs++
		}
		out[i] = o
	}
	if runs > 10 {
		return nil, refuseCall(http.StatusBadRequest, "LIMIT_EXCEEDED", "Operation type can't be performed on more than 10 chunks of records of different types")
	}
	return out, nil
}

// rowResult is the outcome of one row.
type rowResult struct {
	id      string
	err     *apiError
	created *bool
}

func (r rowResult) wire() any {
	out := saved(r.id)
	if r.err != nil {
		out = members{{"success", false}, {"errors", []any{r.err.row()}}}
	}
	if r.created != nil {
		out = append(out, member{"created", *r.created})
	}
	return out
}

// each runs a write for every row; a refused row is undone, and with allOrNone
// all of them.
func (c *call) each(n int, allOrNone bool, write func(t *tx, i int) rowResult) (answer, *apiError) {
	t := c.begin()
	start := t.mark()
	results := make([]rowResult, n)
	failed := false
	for i := range n {
		mark := t.mark()
		results[i] = write(t, i)
		if results[i].err != nil {
			failed = true
			t.rollback(mark)
		}
	}
	allOrNone = allOrNone || c.tx != nil
	if failed && allOrNone {
		t.rollback(start)
		for i := range results {
			if results[i].err == nil {
				results[i] = rowResult{err: refuse("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid and the request was using AllOrNone header")}
			}
		}
	}
	c.end(t)
	out := make([]any, n)
	for i, r := range results {
		out[i] = r.wire()
	}
	if failed && c.tx != nil {
		return answer{status: http.StatusBadRequest, body: out}, nil // the transaction around it fails, too
	}
	return ok(out)
}

func createRows(c *call) (answer, *apiError) {
	body, rows, err := c.rows()
	if err != nil {
		return answer{}, err
	}
	types, err := c.types(rows)
	if err != nil {
		return answer{}, err
	}
	return c.each(len(rows), body.AllOrNone, func(t *tx, i int) rowResult {
		if slices.ContainsFunc(rows[i], func(e input) bool { return strings.EqualFold(e.name, "id") && !isNull(e.value) }) {
			return rowResult{err: refuse("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call").on("Id")}
		}
		values, err := t.read(types[i], rows[i], true)
		if err != nil {
			return rowResult{err: err}
		}
		r, err := t.insert(types[i], values)
		if err != nil {
			return rowResult{err: err}
		}
		return rowResult{id: r.id}
	})
}

// rowID is the id that a row names; empty if there is none.
func rowID(in []input) (string, *apiError) {
	for _, e := range in {
		if !strings.EqualFold(e.name, "id") {
			continue
		}
		var text string
		_ = json.Unmarshal(e.value, &text) // what is no text is no id
		if text == "" {
			return "", nil
		}
		id, valid := normalID(text)
		if !valid {
			return "", refuse("MALFORMED_ID", "bad id %s", text).on("Id")
		}
		return id, nil
	}
	return "", nil
}

// target is the record of a row.
func (t *tx) target(o *object, id string) (*record, *apiError) {
	r := t.s.find(id)
	switch {
	case r == nil, r.purged, r.hidden && t.api:
		return nil, refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
	case o != nil && r.object != o && o.records[id] == nil:
		return nil, refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
	case r.deleted():
		return nil, refuse("ENTITY_IS_DELETED", "entity is deleted")
	}
	if o != nil && o.records[id] != nil {
		r = o.records[id]
	}
	return r, nil
}

func updateRows(c *call) (answer, *apiError) {
	body, rows, err := c.rows()
	if err != nil {
		return answer{}, err
	}
	types, err := c.types(rows)
	if err != nil {
		return answer{}, err
	}
	seen := map[string]bool{}
	return c.each(len(rows), body.AllOrNone, func(t *tx, i int) rowResult {
		id, err := rowID(rows[i])
		if err == nil && id == "" {
			err = refuse("MISSING_ARGUMENT", "Id not specified in an update call")
		}
		if err != nil {
			return rowResult{err: err}
		}
		if seen[id] {
			return rowResult{err: refuse("DUPLICATE_VALUE", "Duplicate id in list: %s", id)}
		}
		seen[id] = true
		r, err := t.target(types[i], id)
		if err != nil {
			return rowResult{err: err}
		}
		values, err := t.read(types[i], rows[i], false)
		if err == nil {
			err = t.update(r, values)
		}
		return rowResult{id: id, err: err}
	})
}

func deleteRows(c *call) (answer, *apiError) {
	list := c.query.Get("ids")
	if list == "" {
		return answer{}, refuseCall(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
	}
	ids := strings.Split(list, ",")
	if len(ids) > maxRows {
		return answer{}, refuseCall(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRows)
	}
	return c.each(len(ids), c.query.Get("allOrNone") == "true", func(t *tx, i int) rowResult {
		id, valid := normalID(strings.TrimSpace(ids[i]))
		if !valid {
			return rowResult{err: refuse("MALFORMED_ID", "malformed id %s", ids[i])}
		}
		r, err := t.target(nil, id)
		if err == nil {
			err = t.remove(r)
		}
		return rowResult{id: id, err: err}
	})
}

func upsertRows(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	f := o.field(c.param["field"])
	if f == nil || !f.idLookup || c.s.hides(f) {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALID_FIELD", "Field name provided, %s does not match an External ID, Salesforce Id, or indexed field for %s", c.param["field"], o.name)
	}
	body, rows, err := c.rows()
	if err != nil {
		return answer{}, err
	}
	seen := map[string]bool{}
	return c.each(len(rows), body.AllOrNone, func(t *tx, i int) rowResult {
		var res rowResult
		switch types, err := c.types(rows[i : i+1]); {
		case memberOf(rows[i], "attributes") == nil:
			// The words are about something else, but these they are.
			res.err = refuse("JSON_PARSER_ERROR", "Nested object for polymorphic foreign key must have an attributes field before any other fields.")
		case err != nil:
			res.err = err
		case types[0] != o:
			res.err = refuse("INVALID_TYPE", "The type of the record is not %s", o.name)
		default:
			res = t.upsert(o, f, rows[i], seen)
		}
		if res.created == nil {
			res.created = new(bool)
		}
		return res
	})
}

// upsert creates a record or updates the one with the row's key.
func (t *tx) upsert(o *object, f *field, in []input, seen map[string]bool) rowResult {
	var key value
	for _, e := range in {
		if !strings.EqualFold(e.name, f.name) {
			continue
		}
		v, err := f.parse(e.value)
		if err != nil {
			return rowResult{err: err}
		}
		key = v
	}
	if f.kind == "id" {
		if key == nil {
			values, err := t.read(o, in, true)
			if err != nil {
				return rowResult{err: err}
			}
			return t.created(o, values)
		}
	} else if key == nil {
		return rowResult{err: refuse("MISSING_ARGUMENT", "%s not specified", f.name)}
	}
	if folded := f.fold(key); folded != "" {
		if seen[folded] {
			return rowResult{err: refuse("DUPLICATE_VALUE", "Duplicate external id specified: %s", folded)}
		}
		seen[folded] = true
	}
	found := o.having(f, key)
	switch len(found) {
	case 0:
		if f.kind == "id" {
			return rowResult{err: refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")}
		}
		values, err := t.read(o, in, true)
		if err != nil {
			return rowResult{err: err}
		}
		return t.created(o, values)
	case 1:
		values, err := t.read(o, in, false, f.name)
		if err == nil {
			err = t.update(found[0], values)
		}
		no := false
		return rowResult{id: found[0].id, err: err, created: &no}
	}
	return rowResult{err: refuse("DUPLICATE_EXTERNAL_ID", "More than one record found for external id field: [%s, %s]", found[0].id, found[1].id)}
}

func (t *tx) created(o *object, values map[string]value) rowResult {
	r, err := t.insert(o, values)
	if err != nil {
		return rowResult{err: err}
	}
	yes := true
	return rowResult{id: r.id, created: &yes}
}

// maxRetrieve is how many ids one call may ask for.
const maxRetrieve = 2000

// retrieveRows answers records by their ids, in their order; null for what is
// not there or not to be seen.
func retrieveRows(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	var body struct {
		IDs    []string `json:"ids"`
		Fields []string `json:"fields"`
	}
	if c.method == http.MethodPost {
		if err := json.Unmarshal(c.body, &body); err != nil {
			return answer{}, jsonFault("%s", parserText(c.body, err))
		}
	} else {
		body.IDs = strings.Split(c.query.Get("ids"), ",")
		body.Fields = strings.Split(c.query.Get("fields"), ",")
	}
	if len(body.IDs) > maxRetrieve {
		return answer{}, refuseCall(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRetrieve)
	}
	if len(body.Fields) == 0 {
		return answer{}, refuseCall(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "The fields parameter is required")
	}
	for _, name := range body.Fields {
		if f := o.field(strings.TrimSpace(name)); f == nil || c.s.hides(f) {
			return answer{}, refuseCall(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.%s", name, o.name, seeDescribe)
		}
	}
	list := strings.Join(body.Fields, ",")
	out := make([]any, len(body.IDs))
	for i, text := range body.IDs {
		id, valid := normalID(strings.TrimSpace(text))
		if !valid {
			return answer{}, refuseCall(http.StatusBadRequest, "MALFORMED_ID", "malformed id %s", text)
		}
		r := o.records[id]
		if r == nil || r.deleted() || r.hidden {
			continue
		}
		if out[i], err = c.row(r, list); err != nil {
			return answer{}, err
		}
	}
	return ok(out)
}
