package mapping

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/tenonsync/tenon/connectors"
)

// member compiles `side.field`, `side["Label"]`, the parts of a value
// (`.email`) and elements of lists.
func (c *compiler) member(n *ast.MemberNode) operand {
	if id, ok := n.Node.(*ast.IdentifierNode); ok && (id.Value == c.side || id.Value == c.other) {
		if id.Value == c.other {
			return c.failOther(id.Location())
		}
		name, ok := n.Property.(*ast.StringNode)
		if !ok {
			return c.fail(n.Property.Location(), "write `"+id.Value+".FIELD`, or `"+id.Value+"[\"Label\"]`", "a field is named by a fixed text")
		}
		return c.fieldOperand(name.Value, n.Property.Location())
	}
	base := c.compile(n.Node)
	if name, ok := n.Property.(*ast.StringNode); ok {
		return c.part(base, name.Value, n.Property.Location())
	}
	index := c.compile(n.Property)
	if !base.kinds.fits(kList) || !index.kinds.fits(kNumber) {
		return c.fail(n.Property.Location(), "write `list[0]` for the first", "`[…]` takes an element of a list by its number, not of %s", base.kinds)
	}
	return operand{kinds: base.elements | kNull, eval: func(f *frame) (value, error) {
		x, err := base.eval(f)
		if err != nil {
			return value{}, err
		}
		i, err := integer(index.eval, f)
		if err != nil {
			return value{}, err
		}
		if i < 0 {
			i += len(x.items())
		}
		if i < 0 || i >= len(x.items()) {
			return value{}, nil
		}
		return one(x.items()[i]), nil
	}}
}

// recordParts are what every record has besides its fields.
var recordParts = map[string]func(*connectors.Record) string{
	"id":    func(r *connectors.Record) string { return r.Ref.ID },
	"key":   func(r *connectors.Record) string { return r.Key },
	"title": func(r *connectors.Record) string { return r.Title },
	"url":   func(r *connectors.Record) string { return r.URL },
}

// fieldOperand compiles a field of the record.
func (c *compiler) fieldOperand(name string, at file.Location) operand {
	c.constant = false
	field, problem, hint := findField(c.schema, name)
	if field == nil {
		if part, ok := recordParts[name]; ok {
			return operand{kinds: kText | kNull, eval: func(f *frame) (value, error) {
				if s := part(f.rec); s != "" {
					return textValue(s), nil
				}
				return value{}, nil
			}}
		}
		return c.fail(at, hint, "%s", problem)
	}
	if field.Hidden {
		return c.fail(at, "give Tenon's account the right to read it", "the account may not read `%s`", field.Name)
	}
	c.needs[field.Name] = true
	api := field.Name
	o := operand{kinds: kindsOf(field.Type), elements: kOption, field: field}
	o.eval = func(f *frame) (value, error) {
		v, p := f.rec.Get(api)
		if p != connectors.Present {
			return value{}, &missingError{api, p}
		}
		return value{v: v}, nil
	}
	if field.Type == connectors.TypeOptions {
		single := o.eval
		o.eval = func(f *frame) (value, error) {
			x, err := single(f)
			return of(x.v), err
		}
	}
	return o
}

// parts are the members of values, by kind.
var parts = map[string]struct {
	of  kinds
	get func(v connectors.Value) string
}{
	"email":    {kPerson, func(v connectors.Value) string { return v.Person().Email }},
	"name":     {kPerson | kFile, func(v connectors.Value) string { return v.Person().Name + v.File().Name }},
	"label":    {kOption, func(v connectors.Value) string { return v.String() }},
	"title":    {kReference, func(v connectors.Value) string { _, _, t := v.Reference(); return t }},
	"url":      {kFile, func(v connectors.Value) string { return v.File().URL }},
	"currency": {kNumber, func(v connectors.Value) string { return v.Currency() }},
	"id": {kPerson | kOption | kReference | kFile, func(v connectors.Value) string {
		_, ref, _ := v.Reference()
		return v.Person().ID + v.Option().ID + ref + v.File().ID
	}},
}

func (c *compiler) part(base operand, name string, at file.Location) operand {
	p, ok := parts[name]
	if !ok || !base.kinds.fits(p.of) {
		var has []string
		for _, n := range []string{"email", "name", "label", "title", "url", "currency", "id"} {
			if base.kinds&parts[n].of != 0 {
				has = append(has, n)
			}
		}
		hint := ""
		if len(has) > 0 {
			hint = "it has " + strings.ReplaceAll(oneOf(has), " or ", " and ")
		}
		return c.fail(at, hint, "%s has no `%s`", base.kinds, name)
	}
	return operand{kinds: kText | kNull, eval: func(f *frame) (value, error) {
		x, err := base.eval(f)
		if err != nil || x.isNull() {
			return value{}, err
		}
		if s := p.get(x.v); s != "" {
			return textValue(s), nil
		}
		return value{}, nil
	}}
}

// slice compiles `text[a:b]`, in characters.
func (c *compiler) slice(n *ast.SliceNode) operand {
	base := c.compile(n.Node)
	if !base.kinds.fits(kWords) {
		return c.fail(base.at, "make a text of it with `text(…)`", "`[a:b]` cuts a text, not %s", base.kinds)
	}
	bound := func(b ast.Node) evalFunc {
		if b == nil {
			return nil
		}
		o := c.compile(b)
		if !o.kinds.fits(kNumber) {
			c.fail(o.at, "write `text[0:10]`", "`[a:b]` takes numbers, not %s", o.kinds)
		}
		return o.eval
	}
	from, to := bound(n.From), bound(n.To)
	return operand{kinds: kText | kNull, eval: func(f *frame) (value, error) {
		x, err := base.eval(f)
		if err == nil {
			err = f.spend(&x)
		}
		if err != nil || x.isNull() {
			return value{}, err
		}
		runes := []rune(text(x.v))
		a, b := 0, len(runes)
		if from != nil {
			if a, err = integer(from, f); err != nil {
				return value{}, err
			}
		}
		if to != nil {
			if b, err = integer(to, f); err != nil {
				return value{}, err
			}
		}
		if a < 0 {
			a += len(runes)
		}
		if b < 0 {
			b += len(runes)
		}
		b = min(max(b, 0), len(runes))
		a = min(max(a, 0), b)
		return textValue(string(runes[a:b])), nil
	}}
}

// findField returns the field that name means, or what is wrong with it.
func findField(s *connectors.Schema, name string) (f *connectors.Field, problem, hint string) {
	found := s.Find(name)
	switch len(found) {
	case 1:
		return found[0], "", ""
	case 0:
		problem = "no field `" + clip(name) + "` on " + s.Label + " (" + s.Object + ")"
		if s.Label == "" || strings.EqualFold(s.Label, s.Object) {
			problem = "no field `" + clip(name) + "` on " + s.Object
		}
		return nil, problem, fieldHint(s, name)
	}
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = f.Name
	}
	return nil, "the label `" + clip(name) + "` stands for several fields", "write the API name: " + oneOf(names)
}

// fieldHint names the fields that name may mean, each once: by its API name
// where that is close, else by its label.
func fieldHint(s *connectors.Schema, name string) string {
	var candidates []string
	for i := range s.Fields {
		f := &s.Fields[i]
		switch {
		case len(nearest(name, []string{f.Name})) > 0:
			candidates = append(candidates, f.Name)
		case len(nearest(name, []string{f.Label})) > 0:
			candidates = append(candidates, f.Label)
		}
	}
	if hint := didYouMean(name, candidates); hint != "" {
		return hint
	}
	return "`tenon fields` lists the fields"
}
