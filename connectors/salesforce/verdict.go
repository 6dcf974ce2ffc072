package salesforce

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// named returns those of the fields that the job writes.
func (j job) named(fields []connectors.FieldError) []connectors.FieldError {
	var out []connectors.FieldError
	for _, f := range fields {
		for name := range j.body {
			if strings.EqualFold(name, f.Field) {
				out = append(out, connectors.FieldError{Field: name, Reason: f.Reason})
			}
		}
	}
	return out
}

func (w *writer) record(j job) string {
	if j.id != "" {
		return w.object + "/" + j.id
	}
	return w.object
}

// tooHeavy reports whether a record failed only because the batch was too much
// for the org's own code.
func tooHeavy(r *saveResult) bool {
	return slices.ContainsFunc(r.Errors, func(e apiError) bool { return strings.Contains(e.Message, "System.LimitException") })
}

// failed is the error of a record that Salesforce did not save. Nothing of it
// took effect.
func (w *writer) failed(j job, r *saveResult) error {
	if len(r.Errors) == 0 {
		return w.c.fail(w.op, w.record(j), connectors.Internal, "Salesforce does not say why it did not save the record")
	}
	first := r.Errors[0]
	err := w.c.fail(w.op, w.record(j), first.kind(0), "%w", &rest.StatusError{Status: http.StatusBadRequest, Message: w.c.client.Clip(first.text())})
	for _, e := range r.Errors {
		err.Fields = append(err.Fields, j.named(e.named())...)
	}
	w.judge(j, &first, err)
	if err.Kind != connectors.Invalid {
		err.Fields = nil
	}
	return w.c.unprepared(w.m, err)
}

// judge sets what the code alone does not tell.
func (w *writer) judge(j job, e *apiError, err *connectors.Error) {
	switch e.code() {
	case "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID":
		if j.id != "" && !j.refs {
			err.Kind = connectors.NotFound // the record's own id
		}
	case "DUPLICATE_VALUE":
		w.taken(j, e, err)
	case "DUPLICATES_DETECTED":
		err.Fields = nil
		err.Help = "match by a field in the mapping, so that the record is adopted; or set duplicates: allow"
	case "REQUIRED_FIELD_MISSING":
		// Leaving out what is required helps nobody, unless it was to be cleared.
		err.Fields = slices.DeleteFunc(err.Fields, func(f connectors.FieldError) bool { return j.body[f.Field] != nil })
		if w.op == "create" {
			err.Fields = nil
		}
	case "REQUEST_LIMIT_EXCEEDED":
		err.RetryAfter, err.Help = limitWait, limitHelp
	case "STORAGE_LIMIT_EXCEEDED":
		err.Help = "the org's data storage is full: make room or buy more"
	case "UNKNOWN_EXCEPTION":
		err.Kind = connectors.Internal // of this record; the system is there
	case "ENTITY_IS_LOCKED":
		err.Help = "the record is locked, as a rule by an approval: it is tried again when the record changes"
	case "CANNOT_UPDATE_CONVERTED_LEAD":
		err.Help = "the lead was converted: link the contact, account or opportunity that it became"
	}
}

// taken tells the refusals over a unique value apart. That of the key is the
// create's own repeat. A create that another value stands against is refused
// whole, since the record is likely there already; an update goes without it.
func (w *writer) taken(j job, e *apiError, err *connectors.Error) {
	field := ""
	if found := duplicates.FindStringSubmatch(e.Message); found != nil {
		field = found[1]
	}
	switch {
	case j.key != "" && strings.EqualFold(field, w.c.o.keyFieldOf(w.m.name)):
		err.Kind, err.Fields = connectors.Conflict, nil
	case w.op == "create":
		err.Fields = nil
		err.Help = "match by " + cmp.Or(field, "the unique field") + " in the mapping, so that the record is adopted"
	}
}
