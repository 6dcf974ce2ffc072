package hubspot

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// findBatch is how many values one search asks for; the body of a search may
// have 3 000 characters.
const (
	findBatch      = 20
	maxFindText    = 1_000 // bytes of values after which a search is sent, and of one value
	maxFindResults = 10_000
)

// Find implements connectors.Finder. Texts are compared without regard to case
// only where HubSpot itself keeps no case (e-mail, domain).
func (c *connection) Find(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error) {
	const op = "find"
	m, s, err := c.scoped(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return nil, err
	}
	p := m.props[field]
	if p == nil || !p.findable() {
		return nil, c.fail(op, sel.Object, connectors.Invalid, "%s cannot be looked up by %q", sel.Object, field)
	}
	var owners *people
	if p.typ == connectors.TypePerson {
		if owners, err = c.owners(ctx, schemaAge); err != nil {
			return nil, err
		}
	}
	f := finder{c: c, m: m, p: p, scope: s, owners: owners, limit: limit, ids: map[string][]string{}}
	wanted := make([]string, len(values))
	for i, v := range values {
		wanted[i] = p.sought(v, owners)
	}
	if err := f.all(ctx, nonEmpty(unique(wanted)...)); err != nil {
		return nil, err
	}
	out := make([][]string, len(values))
	for i, w := range wanted {
		if w != "" {
			out[i] = f.ids[p.folded(w)]
		}
	}
	return out, nil
}

// sought is the wire text of a value to look for, "" for one that no record can
// hold. A number may come as text, since ids are kept in texts elsewhere.
func (p *property) sought(v connectors.Value, owners *people) string {
	if p.typ == connectors.TypeNumber && v.Type() == connectors.TypeText {
		n, err := connectors.ParseNumber(v.Text())
		if err != nil {
			return ""
		}
		v = n
	}
	text, err := p.encode(v, owners)
	if err != nil {
		return ""
	}
	return text
}

// folded is the form in which values of the property are compared.
func (p *property) folded(wire string) string {
	switch p.typ {
	case connectors.TypeNumber, connectors.TypeInstant:
		return p.decode(&wire, nil).String()
	case connectors.TypeText:
		if p.name == "email" || p.name == "domain" {
			return strings.ToLower(strings.TrimSpace(wire))
		}
	}
	return wire
}

type finder struct {
	c      *connection
	m      *meta
	p      *property
	scope  scope
	owners *people
	limit  int
	ids    map[string][]string // by the folded value
}

func (f *finder) all(ctx context.Context, wanted []string) error {
	if f.p.unique || f.p.name == "hs_object_id" {
		return f.byUnique(ctx, wanted)
	}
	var batch []string
	length := 0
	for i, w := range wanted {
		quoted, err := json.Marshal(w)
		if err != nil || len(quoted) > maxFindText {
			return f.c.fail("find", f.m.t.plural, connectors.Invalid, "a text of %d bytes is too long for HubSpot's search", len(w))
		}
		batch, length = append(batch, w), length+len(quoted)
		if len(batch) < findBatch && length < maxFindText && i < len(wanted)-1 {
			continue
		}
		if err := f.search(ctx, batch); err != nil {
			return err
		}
		batch, length = nil, 0
	}
	return nil
}

// byUnique reads the store, which does not lag.
func (f *finder) byUnique(ctx context.Context, wanted []string) error {
	idProperty := f.p.name
	if idProperty == "hs_object_id" {
		idProperty = ""
		wanted = slices.DeleteFunc(wanted, func(id string) bool { return !isID(id) })
	}
	properties := f.m.wanted([]string{f.p.name}, f.scope)
	for chunk := range slices.Chunk(wanted, batchSize) {
		found, _, err := f.c.batchRead(ctx, f.m.t, idProperty, properties, chunk, false)
		if err != nil {
			return err
		}
		f.keep(found)
	}
	return nil
}

// search asks for several values at once. When more records hold them than fit
// the walk, each value is asked for alone.
func (f *finder) search(ctx context.Context, wanted []string) error {
	last, seen := "", 0
	for {
		page, err := f.c.search(ctx, "find", f.m.t, f.request(wanted, last))
		if err != nil {
			return err
		}
		if len(wanted) > 1 && page.Total > searchPage {
			for _, w := range wanted {
				if err := f.search(ctx, []string{w}); err != nil {
					return err
				}
			}
			return nil
		}
		f.keep(page.Results)
		seen += len(page.Results)
		enough := len(wanted) == 1 && len(f.ids[f.p.folded(wanted[0])]) >= f.limit
		if len(page.Results) < searchPage || enough || seen >= maxFindResults {
			return nil
		}
		last = string(page.Results[len(page.Results)-1].ID)
	}
}

func (f *finder) request(wanted []string, last string) searchRequest {
	by := filter{Property: f.p.name, Operator: "EQ", Value: wanted[0]}
	if len(wanted) > 1 {
		by = filter{Property: f.p.name, Operator: "IN", Values: slices.Clone(wanted)}
		if f.p.typ == connectors.TypeText { // texts are to be given in lower case
			for i, w := range by.Values {
				by.Values[i] = strings.ToLower(w)
			}
		}
	}
	if f.p.typ == connectors.TypeDate || f.p.typ == connectors.TypeInstant {
		by = f.times(wanted, by)
	}
	filters := []filter{by}
	for name, value := range f.scope.equal {
		filters = append(filters, filter{Property: name, Operator: "EQ", Value: value})
	}
	if last != "" {
		filters = append(filters, filter{Property: "hs_object_id", Operator: "GT", Value: last})
	}
	slices.SortFunc(filters[1:], func(a, b filter) int { return strings.Compare(a.Property, b.Property) })
	return searchRequest{
		Groups: []filterGroup{{filters}}, Sorts: []sorting{{"hs_object_id", "ASCENDING"}},
		Properties: f.m.wanted([]string{f.p.name}, f.scope), Limit: searchPage,
	}
}

// times gives times in epoch milliseconds, as searches compare them.
func (f *finder) times(wanted []string, by filter) filter {
	texts := make([]string, len(wanted))
	for i, w := range wanted {
		texts[i] = strconv.FormatInt(f.p.decode(&w, nil).Time().UnixMilli(), 10)
	}
	by.Value = ""
	if len(texts) == 1 {
		by.Value = texts[0]
		return by
	}
	by.Values = texts
	return by
}

// keep notes the records that are in scope, at most limit for each value, the
// lowest ids first.
func (f *finder) keep(found []wireRecord) {
	for i := range found {
		w := &found[i]
		v := w.Properties[f.p.name]
		if v == nil || w.Archived || !f.scope.contains(w) {
			continue
		}
		key := f.p.folded(*v)
		ids := append(f.ids[key], string(w.ID))
		slices.SortFunc(ids, func(a, b string) int {
			if lessID(wireID(a), wireID(b)) {
				return -1
			}
			return 1
		})
		f.ids[key] = ids[:min(len(ids), max(f.limit, 1))]
	}
}
