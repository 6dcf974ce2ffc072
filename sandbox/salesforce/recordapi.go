package salesforce

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func saved(id string, extra ...member) members {
	return append(members{{"id", id}, {"success", true}, {"errors", []any{}}}, extra...)
}

func located(c *call, status int, r *record, body any) answer {
	return answer{status: status, body: body, header: http.Header{"Location": {r.path(c.version)}}}
}

func createRecord(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	in, err := c.fields()
	if err != nil {
		return answer{}, err
	}
	t := c.begin()
	mark := t.mark()
	values, err := t.read(o, in, true)
	if err != nil {
		return answer{}, err
	}
	r, err := t.insert(o, values)
	if err != nil {
		t.rollback(mark)
		return answer{}, err
	}
	c.end(t)
	return located(c, http.StatusCreated, r, saved(r.id)), nil
}

// fields reads the body: JSON, or parts of which one is JSON and one a file.
func (c *call) fields() ([]input, *apiError) {
	if strings.HasPrefix(strings.ToLower(c.header.Get("Content-Type")), "multipart/form-data") && !c.part {
		return c.multipart()
	}
	return readObject(c.body)
}

func getRecord(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	r, err := c.record(o)
	if err != nil {
		return answer{}, err
	}
	return c.show(r)
}

// show answers with a record's fields; the header tells when it was changed.
func (c *call) show(r *record) (answer, *apiError) {
	modified := r.at("LastModifiedDate")
	if a, done, err := c.conditional(modified); done || err != nil {
		return a, err
	}
	if r.object.field("LastViewedDate") != nil {
		r.values["LastViewedDate"], r.values["LastReferencedDate"] = c.now.Truncate(time.Second), c.now.Truncate(time.Second)
	}
	body, err := c.row(r, c.query.Get("fields"))
	if err != nil {
		return answer{}, err
	}
	a := answer{status: http.StatusOK, body: body, header: http.Header{}}
	if !modified.IsZero() {
		a.header.Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
	if r.object.name == "Account" {
		a.header.Set("ETag", r.tag())
	}
	return a, nil
}

// tag is the ETag of a record, which only accounts have.
func (r *record) tag() string {
	return `"` + strconv.FormatInt(r.at("SystemModstamp").Unix(), 16) + r.id[12:15] + `"`
}

// row renders a record with the fields of a list parted by commas; all if it is
// empty.
func (c *call) row(r *record, list string) (members, *apiError) {
	out := members{{"attributes", attributes(r, c.version)}}
	if list == "" {
		for _, f := range r.object.fields {
			if !c.s.hides(f) {
				out = append(out, member{f.name, c.s.wire(r, f, c.s.valueOf(r, f), c.version)})
			}
		}
		return out, nil
	}
	given := false
	for _, name := range strings.Split(list, ",") {
		name = strings.TrimSpace(name)
		f := r.object.field(name)
		if f == nil || c.s.hides(f) {
			return nil, refuseCall(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on sobject of type %s", name, r.object.name)
		}
		given = given || f.name == "Id"
		out = append(out, member{f.name, c.s.wire(r, f, c.s.valueOf(r, f), c.version)})
	}
	if !given {
		out = append(out, member{"Id", r.id})
	}
	return out, nil
}

// conditional answers 304 or 412 if the request's conditions ask for it.
func (c *call) conditional(modified time.Time) (answer, bool, *apiError) {
	if since, err := http.ParseTime(c.header.Get("If-Modified-Since")); err == nil && !modified.Truncate(time.Second).After(since) {
		return answer{status: http.StatusNotModified}, true, nil
	}
	return answer{}, false, c.unmodified(modified)
}

func (c *call) unmodified(modified time.Time) *apiError {
	if since, err := http.ParseTime(c.header.Get("If-Unmodified-Since")); err == nil && modified.Truncate(time.Second).After(since) {
		return refuseCall(http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The requested resource has been modified since the time specified in the If-Unmodified-Since header")
	}
	return nil
}

func updateRecord(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	r, err := c.record(o)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, c.update(r)
}

// update changes a record as the body says.
func (c *call) update(r *record, skip ...string) *apiError {
	if err := c.unmodified(r.at("LastModifiedDate")); err != nil {
		return err
	}
	if want := c.header.Get("If-Match"); want != "" && r.object.name == "Account" && want != r.tag() {
		return refuseCall(http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The requested resource does not match the tag in the If-Match header")
	}
	in, err := c.fields()
	if err != nil {
		return err
	}
	if memberOf(in, "Id") != nil || memberOf(in, "id") != nil {
		return refuseCall(http.StatusBadRequest, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
	}
	t := c.begin()
	mark := t.mark()
	values, err := t.read(r.object, in, false, skip...)
	if err != nil {
		return err
	}
	if err := t.update(r, values); err != nil {
		t.rollback(mark)
		return err
	}
	c.end(t)
	return nil
}

func deleteRecord(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	r, err := c.record(o)
	if err != nil {
		return answer{}, err
	}
	return c.delete(r)
}

func (c *call) delete(r *record) (answer, *apiError) {
	t := c.begin()
	mark := t.mark()
	if err := t.remove(r); err != nil {
		t.rollback(mark)
		return answer{}, err
	}
	c.end(t)
	return answer{status: http.StatusNoContent}, nil
}

// upsertByID updates the record with an id; with a body in the answer.
func upsertByID(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	r, err := c.record(o)
	if err != nil {
		return answer{}, err
	}
	if err := c.update(r); err != nil {
		return answer{}, err
	}
	return located(c, http.StatusOK, r, saved(r.id, member{"created", false})), nil
}

// key is the external id field and the value that the path names.
func (c *call) key(o *object) (*field, value, *apiError) {
	f := o.field(c.param["field"])
	if f == nil || !f.idLookup || c.s.hides(f) {
		e := notFound()
		e.Text = "Provided external ID field does not exist or is not accessible: " + c.param["field"]
		return nil, nil, e
	}
	text, bad := url.PathUnescape(c.param["value"])
	if bad != nil {
		text = c.param["value"]
	}
	if strings.Contains(text, "/") || strings.HasSuffix(text, ".inc") {
		return nil, nil, notFound()
	}
	v, err := f.fromText(text)
	if err != nil {
		return nil, nil, err
	}
	if v == nil {
		return nil, nil, refuseCall(http.StatusBadRequest, "MISSING_ARGUMENT", "%s not specified", f.name)
	}
	return f, v, nil
}

// keyed finds the records that have the path's key; several are an error.
func (c *call) keyed(o *object) (*field, value, *record, *apiError) {
	f, v, err := c.key(o)
	if err != nil {
		return nil, nil, nil, err
	}
	found := o.having(f, v)
	if len(found) > 1 {
		e := refuseCall(http.StatusMultipleChoices, "MULTIPLE_CHOICES", "")
		for _, r := range found {
			e.choices = append(e.choices, r.path(c.version))
		}
		return nil, nil, nil, e
	}
	if len(found) == 0 {
		return f, v, nil, nil
	}
	return f, v, found[0], nil
}

func upsertByKey(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	f, v, r, err := c.keyed(o)
	if err != nil {
		return answer{}, err
	}
	in, err := c.fields()
	if err != nil {
		return answer{}, err
	}
	for _, e := range in {
		if strings.EqualFold(e.name, f.name) {
			return answer{}, refuseCall(http.StatusBadRequest, "INVALID_FIELD", "The %s field should not be specified in the sobject data.", f.name)
		}
	}
	if r != nil {
		if err := c.update(r); err != nil {
			return answer{}, err
		}
		return located(c, http.StatusOK, r, saved(r.id, member{"created", false})), nil
	}
	if c.query.Get("updateOnly") == "true" {
		return answer{}, notFound()
	}
	t := c.begin()
	mark := t.mark()
	values, err := t.read(o, in, true)
	if err != nil {
		return answer{}, err
	}
	values[f.name] = v
	if r, err = t.insert(o, values); err != nil {
		t.rollback(mark)
		return answer{}, err
	}
	c.end(t)
	return located(c, http.StatusCreated, r, saved(r.id, member{"created", true})), nil
}

func deleteByKey(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	_, _, r, err := c.keyed(o)
	if err != nil {
		return answer{}, err
	}
	if r == nil {
		return answer{}, notFound()
	}
	return c.delete(r)
}

// getByKeyOrRelation answers at an external id, a blob or a relation of a
// record.
func getByKeyOrRelation(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	if id, valid := normalID(c.param["field"]); valid && o.records[id] != nil {
		c.param["id"] = id
		r, err := c.record(o)
		if err != nil {
			return answer{}, err
		}
		return c.related(r, c.param["value"])
	}
	_, _, r, err := c.keyed(o)
	if err != nil {
		return answer{}, err
	}
	if r == nil {
		return answer{}, notFound()
	}
	return c.show(r)
}
