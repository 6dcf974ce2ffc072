package jira

import (
	"context"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// maxFound bounds the candidates of one value.
const maxFound = 1000

// Find implements connectors.Finder. Jira's text search knows words only, so
// what it finds is read and compared.
func (c *Connection) Find(ctx context.Context, sel connectors.Selection, name string, values []connectors.Value, limit int) ([][]string, error) {
	const op = "find"
	if err := c.checkObject(op, sel.Object); err != nil {
		return nil, err
	}
	scope, err := c.scope(ctx, op, sel.Scope, false)
	if err != nil {
		return nil, err
	}
	fields, err := c.fieldsOf(ctx, op, []string{name})
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 || !fields[0].findable() {
		return nil, c.fail(op, "", connectors.Invalid, "Jira cannot look for the field %q", name)
	}
	out := make([][]string, len(values))
	for i, v := range values {
		if v.IsNull() {
			continue
		}
		if out[i], err = c.findValue(ctx, op, sel, scope, fields[0], v, limit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Connection) findValue(ctx context.Context, op string, sel connectors.Selection, scope scopeRef, f *field, v connectors.Value, limit int) ([]string, error) {
	where := condition(f, v)
	if where == "" {
		return nil, nil
	}
	var ids []string
	q := searchQuery{jql: jqlOf(scope, where, "created ASC, key ASC"), max: changesPage}
	err := c.eachHit(ctx, op, q, func(h hit) bool {
		ids = append(ids, h.ID)
		return len(ids) < maxFound
	})
	if connectors.KindOf(err) == connectors.Invalid {
		return nil, nil // a value that the site does not know is refused by the search
	}
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	read, err := c.Read(ctx, connectors.Selection{Object: object, Scope: sel.Scope, Fields: []string{f.id}}, ids)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range read {
		if r.Record == nil || !r.Record.InScope || len(out) >= limit {
			continue
		}
		if got, _ := r.Record.Get(f.id); sameFound(f, got, v) {
			out = append(out, r.Record.Ref.ID)
		}
	}
	return out, nil
}

// condition writes what to search for; "" where nothing can hold the value.
func condition(f *field, v connectors.Value) string {
	switch f.shape {
	case plain:
		if words := searchWords(v.String()); words != "" && !strings.HasSuffix(f.schema.Custom, ":url") {
			return f.clause + " ~ " + quoteJQL(`"`+words+`"`)
		}
		if strings.HasSuffix(f.schema.Custom, ":url") {
			return f.clause + " = " + quoteJQL(v.String())
		}
	case number:
		if n := v.Number(); n != "" {
			return f.clause + " = " + n
		}
	case date:
		if v.Type() == connectors.TypeDate {
			return f.clause + " = " + quoteJQL(v.Time().Format(time.DateOnly))
		}
	case choice:
		if o := v.Option(); o.ID != "" && isID(o.ID) {
			return f.clause + " = " + o.ID
		} else if t := v.String(); t != "" {
			return f.clause + " = " + quoteJQL(t)
		}
	case labelSet:
		for _, o := range v.Options() {
			return f.clause + " = " + quoteJQL(o.ID)
		}
		if t := v.Text(); t != "" {
			return f.clause + " = " + quoteJQL(t)
		}
	case person:
		if id := v.Person().ID; id != "" {
			return f.clause + " = " + quoteJQL(id)
		}
	case issueKey:
		return f.clause + " = " + quoteJQL(v.String())
	}
	return ""
}

// searchWords takes the signs out of a text that Jira's text search gives a
// meaning to.
func searchWords(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return strings.ContainsRune("\"\\+-&|!(){}[]^~*?:/\n\r\t ", r)
	}), " ")
}

func sameFound(f *field, got, want connectors.Value) bool {
	switch f.shape {
	case plain, issueKey:
		return got.String() == want.String()
	case choice:
		w, g := want.Option(), got.Option()
		return w.ID != "" && w.ID == g.ID || w.ID == "" && strings.EqualFold(g.Label, want.String())
	case labelSet:
		labels := want.Options()
		if want.Text() != "" {
			labels = connectors.Labels(want.Text()).Options()
		}
		for _, w := range labels {
			if !strings.Contains("\x00"+joined(got)+"\x00", "\x00"+w.ID+"\x00") {
				return false
			}
		}
		return len(labels) > 0
	}
	return connectors.Equal(got, want)
}

func joined(v connectors.Value) string {
	var ids []string
	for _, o := range v.Options() {
		ids = append(ids, o.ID)
	}
	return strings.Join(ids, "\x00")
}
