package salesforce

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

const (
	findChunk   = 100
	maxFindText = 4_000 // characters that a query compares a text with
)

// Find implements connectors.Finder. Salesforce compares texts whatever their
// case, unless the field says otherwise; so does this.
func (c *connection) Find(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error) {
	const op = "find"
	m, s, err := c.scoped(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return nil, err
	}
	p := m.prop(field)
	if p == nil || !p.findable() {
		return nil, c.fail(op, sel.Object, connectors.Invalid, "%s cannot be looked up by %q", sel.Object, field)
	}
	sought, err := c.sought(ctx, op, p, values)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	texts := slices.DeleteFunc(slices.Clone(sought), func(t string) bool { return t == "" })
	slices.Sort(texts)
	for chunk := range slices.Chunk(slices.Compact(texts), findChunk) {
		if err := c.findSome(ctx, op, m, s, p, chunk, max(limit, 1), found); err != nil {
			return nil, err
		}
	}
	out := make([][]string, len(values))
	for i, t := range sought {
		if t != "" {
			out[i] = found[p.folded(t)]
		}
	}
	return out, nil
}

// findSome asks for several values at once, and for each alone when more
// records hold them than one page shows.
func (c *connection) findSome(ctx context.Context, op string, m *meta, s scope, p *property, texts []string, limit int, found map[string][]string) error {
	literals := make([]string, len(texts))
	for i, t := range texts {
		literals[i] = p.literal(t)
	}
	rows := listPage
	if len(texts) == 1 {
		rows = min(limit, listPage)
	}
	where := append([]string{p.name + " IN (" + strings.Join(literals, ",") + ")"}, s.where(m)...)
	soql := selectFrom(m.name, slices.Compact([]string{fieldID, p.name}), where, "ORDER BY Id LIMIT "+strconv.Itoa(rows))
	hits, seen := map[string][]string{}, 0
	if err := c.queryEach(ctx, op, m.name, soql, false, func(r row) {
		seen++
		key, id := p.folded(r.text(p.name)), ""
		if id, _ = id18(r.text(fieldID)); len(hits[key]) < limit {
			hits[key] = append(hits[key], id)
		}
	}); err != nil {
		return err
	}
	if len(texts) > 1 && seen >= rows {
		for _, t := range texts {
			if err := c.findSome(ctx, op, m, s, p, []string{t}, limit, found); err != nil {
				return err
			}
		}
		return nil
	}
	for key, ids := range hits {
		found[key] = ids
	}
	return nil
}

// sought returns the wire texts of the values, "" for one that no record can
// hold.
func (c *connection) sought(ctx context.Context, op string, p *property, values []connectors.Value) ([]string, error) {
	people, err := c.writers(ctx, op, values)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(values))
	for i, v := range values {
		if v.IsNull() {
			continue
		}
		if p.typ == connectors.TypeNumber && v.Type() == connectors.TypeText {
			n, err := connectors.ParseNumber(v.Text())
			if err != nil {
				continue
			}
			v = n
		}
		sent, err := p.encode(v, people)
		if err != nil {
			continue
		}
		switch sent := sent.(type) {
		case string:
			if p.wire == "id" {
				sent, _ = id18(sent)
			}
			if len(sent) <= maxFindText {
				out[i] = sent
			}
		case bool:
			out[i] = strconv.FormatBool(sent)
		default:
			out[i] = v.Number()
		}
	}
	return out, nil
}

// folded is the form in which values of the field are compared.
func (p *property) folded(text string) string {
	switch p.wire {
	case "id", "reference":
		return text
	case "int", "long", "double", "percent", "currency":
		if v, err := connectors.ParseNumber(text); err == nil {
			return v.Number()
		}
	case "datetime":
		if t, ok := parseTime(text); ok {
			return timeLiteral(t)
		}
	}
	return strings.ToLower(text)
}

// writers returns the people that values name by e-mail only.
func (c *connection) writers(ctx context.Context, op string, values []connectors.Value) (map[string]connectors.Person, error) {
	var emails []string
	for _, v := range values {
		if who := v.Person(); v.Type() == connectors.TypePerson && who.ID == "" {
			emails = append(emails, who.Email)
		}
	}
	if len(emails) == 0 {
		return nil, nil
	}
	return c.peopleByEmail(ctx, op, emails)
}
