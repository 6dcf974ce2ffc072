package salesforce

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce/internal/soql"
)

// column is a field of a query as it was found: over parents to a field.
type column struct {
	s    *System
	api  bool
	hops []*field // reference fields to follow
	f    *field   // nil for a name of a polymorphic parent
	poly string   // the field's name in whatever object the parent is
	fn   string   // function of it
}

// queryError is an error of a query, with the place it is about.
func queryError(q *soql.Query, pos int, code, message string) *apiError {
	if q != nil && q.Text != "" {
		message = soql.Pointed(q.Text, pos, message)
	}
	return refuseCall(http.StatusBadRequest, code, "%s", message)
}

const seeDescribe = " Please reference your WSDL or the describe call for the appropriate names."

// nameFields are what the parent of a polymorphic reference is asked for.
var nameFields = []string{"Id", "Name", "Type", "Email", "Username", "FirstName", "LastName", "Alias", "IsActive", "Title", "Phone", "Profile", "UserRole"}

// column finds the field that a path from o leads to.
func (s *System) column(q *soql.Query, o *object, path []string, pos int, api bool) (column, *apiError) {
	c := column{s: s, api: api}
	if len(path) > 1 && (strings.EqualFold(path[0], o.name) || q != nil && strings.EqualFold(path[0], q.Alias)) {
		path = path[1:] // the object's own name
	}
	for len(path) > 1 {
		f := o.parent(path[0])
		if f == nil || api && s.hides(f) {
			return c, queryError(q, pos, "INVALID_FIELD", "Didn't understand relationship '"+path[0]+"' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name."+seeDescribe)
		}
		if len(c.hops) == 5 {
			return c, queryError(q, pos, "INVALID_FIELD", "SOQL relationship depth cannot exceed 5.")
		}
		c.hops, path = append(c.hops, f), path[1:]
		if f.polymorphic() {
			i := slices.IndexFunc(nameFields, func(n string) bool { return strings.EqualFold(n, path[0]) })
			if i < 0 || len(path) > 1 {
				return c, noColumn(q, pos, path[0], "Name")
			}
			c.poly = nameFields[i]
			return c, nil
		}
		o = s.object(f.references[0])
	}
	c.f = o.field(path[0])
	if c.f == nil || api && s.hides(c.f) {
		return c, noColumn(q, pos, path[0], o.name)
	}
	return c, nil
}

func noColumn(q *soql.Query, pos int, name, entity string) *apiError {
	return queryError(q, pos, "INVALID_FIELD", "No such column '"+name+"' on entity '"+entity+"'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."+seeDescribe)
}

// name is the column's name in answers.
func (c column) name() string {
	if c.f != nil {
		return c.f.name
	}
	return c.poly
}

// target is the record that the last hop leads to; nil if there is none.
func (c column) target(r *record) *record {
	for _, hop := range c.hops {
		if r = c.s.find(r.text(hop.name)); r == nil || r.purged || c.api && r.hidden {
			return nil
		}
	}
	return r
}

// of returns the column's field and value in a record.
func (c column) of(r *record) (*field, value) {
	if r = c.target(r); r == nil {
		return c.f, nil
	}
	f := c.f
	if f == nil {
		switch c.poly {
		case "Type":
			return textField, r.object.name
		case "Name":
			f = r.object.naming()
		default:
			f = r.object.field(c.poly)
		}
		if f == nil {
			return textField, nil
		}
	}
	return c.call(f, c.s.valueOf(r, f))
}

// textField stands for what is not a field of any object.
var textField = &field{name: "Name", kind: "string", length: 255, filterable: true, sortable: true}

var numberField = &field{name: "Number", kind: "int", digits: 9, filterable: true, sortable: true}

// naming is the field that names the object's records.
func (o *object) naming() *field {
	for _, f := range o.fields {
		if f.nameField {
			return f
		}
	}
	return o.field("Id")
}

// call applies the column's function.
func (c column) call(f *field, v value) (*field, value) {
	if c.fn == "" || v == nil {
		return f, v
	}
	switch c.fn {
	case "TOLABEL":
		if text, ok := v.(string); ok {
			if p, ok := f.option(text); ok {
				return textField, p.Label
			}
		}
		return f, v
	case "FORMAT":
		return textField, f.csv(v)
	case "CALENDAR_YEAR", "CALENDAR_MONTH", "CALENDAR_QUARTER", "DAY_IN_MONTH", "DAY_ONLY", "HOUR_IN_DAY", "FISCAL_YEAR", "FISCAL_QUARTER":
		return datePart(c.fn, v)
	}
	return f, v
}

func datePart(fn string, v value) (*field, value) {
	t, ok := v.(time.Time)
	if !ok {
		day, err := time.Parse(time.DateOnly, v.(string))
		if err != nil {
			return numberField, nil
		}
		t = day
	}
	n := 0
	switch fn {
	case "DAY_ONLY":
		return &field{name: "Day", kind: "date", filterable: true, sortable: true}, t.Format(time.DateOnly)
	case "CALENDAR_YEAR", "FISCAL_YEAR":
		n = t.Year()
	case "CALENDAR_MONTH":
		n = int(t.Month())
	case "CALENDAR_QUARTER", "FISCAL_QUARTER":
		n = (int(t.Month()) + 2) / 3
	case "DAY_IN_MONTH":
		n = t.Day()
	case "HOUR_IN_DAY":
		n = t.Hour()
	}
	out, _ := newNumber(itoa(n), 0)
	return numberField, out
}

// sample is the field whose type decides which literals fit.
func (c column) sample() *field {
	f := c.f
	if f == nil {
		switch c.poly {
		case "Id":
			f = &field{name: "Id", kind: "id", filterable: true, sortable: true}
		case "IsActive":
			f = &field{name: c.poly, kind: "boolean", filterable: true, sortable: true}
		default:
			f = &field{name: c.poly, kind: "string", filterable: true, sortable: true}
		}
	}
	switch c.fn {
	case "DAY_ONLY":
		return &field{name: f.name, kind: "date", filterable: true, sortable: true}
	case "", "TOLABEL", "FORMAT", "CONVERTCURRENCY":
		return f
	}
	return numberField
}
