package salesforce

import (
	"encoding/json"
	"net/http"
	"strings"
)

// compositeTree creates records with their children, all or none.
func compositeTree(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	var body struct {
		Records []json.RawMessage `json:"records"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, jsonFault("%s", parserText(c.body, err))
	}
	w := &treeWriter{t: c.begin()}
	start := w.t.mark()
	for _, raw := range body.Records {
		if err := w.plant(o, raw, nil, "", 1); err != nil {
			return answer{}, err
		}
	}
	if w.count > maxRows {
		w.fail("", refuse("LIMIT_EXCEEDED", "The tree has more than %d records", maxRows))
	}
	if len(w.failed) > 0 {
		w.t.rollback(start)
		return answer{status: http.StatusBadRequest, body: members{{"hasErrors", true}, {"results", w.failed}}}, nil
	}
	c.end(w.t)
	return answer{status: http.StatusCreated, body: members{{"hasErrors", false}, {"results", w.made}}}, nil
}

type treeWriter struct {
	t            *tx
	count        int
	made, failed []any
}

func (w *treeWriter) fail(ref string, err *apiError) {
	w.failed = append(w.failed, members{{"referenceId", ref}, {"errors", []any{err.row()}}})
}

// plant creates one record of the tree, and then its children. The error is
// about the form of the call; refused records are noted.
func (w *treeWriter) plant(o *object, raw json.RawMessage, via *field, parent string, depth int) *apiError {
	in, err := readObject(raw)
	if err != nil {
		return err
	}
	if w.count++; w.count > maxRows || depth > 5 {
		return refuseCall(http.StatusBadRequest, "LIMIT_EXCEEDED", "The tree has more than %d records or 5 levels", maxRows)
	}
	var attributes struct {
		Type string `json:"type"`
		Ref  string `json:"referenceId"`
	}
	if raw := memberOf(in, "attributes"); raw == nil || json.Unmarshal(raw, &attributes) != nil || attributes.Ref == "" {
		return refuseCall(http.StatusBadRequest, "INVALID_INPUT", "Include a reference ID for each record in the request.")
	}
	var own, nested []input
	for _, e := range in {
		if strings.HasPrefix(strings.TrimSpace(string(e.value)), `{"records"`) || nestedRecords(e.value) {
			nested = append(nested, e)
			continue
		}
		own = append(own, e)
	}
	values, problem := w.t.read(o, own, true)
	if problem == nil && via != nil {
		values[via.name] = parent
	}
	var r *record
	if problem == nil {
		r, problem = w.t.insert(o, values)
	}
	if problem != nil {
		w.fail(attributes.Ref, problem)
		return nil
	}
	w.made = append(w.made, members{{"referenceId", attributes.Ref}, {"id", r.id}})
	for _, e := range nested {
		if err := w.plantAll(o, e, r.id, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *treeWriter) plantAll(o *object, e input, parent string, depth int) *apiError {
	var via *field
	for _, f := range w.t.s.children(o) {
		if strings.EqualFold(f.children, e.name) {
			via = f
		}
	}
	if via == nil {
		return refuseCall(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on sobject of type %s", e.name, o.name)
	}
	var kids struct {
		Records []json.RawMessage `json:"records"`
	}
	if err := json.Unmarshal(e.value, &kids); err != nil {
		return jsonFault("%s", parserText(e.value, err))
	}
	for _, raw := range kids.Records {
		if err := w.plant(via.object, raw, via, parent, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func nestedRecords(raw json.RawMessage) bool {
	if first(raw) != '{' {
		return false
	}
	in, err := readObject(raw)
	return err == nil && memberOf(in, "records") != nil
}
