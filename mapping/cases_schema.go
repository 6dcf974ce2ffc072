package mapping

import (
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Schemas returns how both sides' records look: as saved tells, nil where nothing
// is saved, with what the file declares under `schema`. Where nothing is saved,
// fields that are not declared are guessed from the mapping and the cases, and a
// warning says so. Call For first.
func (c *CaseFile) Schemas(m *File, saved [2]*connectors.Schema) ([2]*connectors.Schema, Problems) {
	r := &reporter{file: c.report.file, lines: c.report.lines}
	var out [2]*connectors.Schema
	var declared [2][]connectors.Field
	for side := range SideID(2) {
		declared[side] = r.declared(c.root.get("schema").get(m.Sides[side].Name))
	}
	guessed := c.guess(m, saved, declared)
	for side := range SideID(2) {
		s := m.Sides[side]
		out[side] = &connectors.Schema{Object: s.Object, Label: s.Object}
		if saved[side] != nil {
			*out[side] = *saved[side]
			out[side].Fields = slices.Clone(saved[side].Fields)
		} else {
			out[side].Fields = guessed[side]
		}
		for _, f := range declared[side] {
			if i := slices.IndexFunc(out[side].Fields, func(o connectors.Field) bool { return o.Name == f.Name }); i >= 0 {
				out[side].Fields[i] = f
			} else {
				out[side].Fields = append(out[side].Fields, f)
			}
		}
		if saved[side] == nil && len(guessed[side]) > 0 {
			r.warnf(position{}, "save what the system tells: tenon fields "+s.Connection+" "+s.Object+scopeFlag(s.Scope)+" --save; or declare it under `schema`",
				"nothing is known of %s of %s: %s of `%s` and their types are guessed from the mapping and the cases, so that a test may pass what the system refuses",
				s.Object, s.Connection, countFields(len(guessed[side])), s.Name)
		}
	}
	return out, r.problems.sorted()
}

func countFields(n int) string {
	if n == 1 {
		return "one field"
	}
	return "the fields"
}

// scopeFlag writes a scope as `tenon fields` takes it.
func scopeFlag(scope connectors.Scope) string {
	var pairs []string
	for _, key := range sortedKeys(scope) {
		pairs = append(pairs, key+"="+scope[key])
	}
	if len(pairs) == 0 {
		return ""
	}
	return " --scope " + strings.Join(pairs, ",")
}

// freeField returns a field that may be read, written and looked for.
func freeField(name string, typ connectors.Type) connectors.Field {
	return connectors.Field{
		Name: name, Label: name, Type: typ, Scale: -1,
		Writable: true, Creatable: true, Clearable: true, Findable: true, History: true,
	}
}

// declared reads the fields of one side under `schema`.
func (r *reporter) declared(n *node) []connectors.Field {
	if n == nil {
		return nil
	}
	var fields []connectors.Field
	for _, e := range n.entries {
		f := freeField(e.key.text, connectors.TypeOption)
		if e.value.kind == listNode {
			for _, item := range e.value.items {
				f.Options = append(f.Options, connectors.Option{ID: item.text, Label: item.text})
			}
		} else {
			typ, ok := connectors.ParseType(e.value.text)
			if !ok {
				hint := didYouMean(e.value.text, connectors.TypeNames())
				if hint == "" {
					hint = "write one of " + oneOf(connectors.TypeNames())
				}
				r.errorf(e.value.pos, hint, "there is no type `%s`", clip(e.value.text))
				continue
			}
			f.Type, f.Open = typ, typ == connectors.TypeOption || typ == connectors.TypeOptions
		}
		fields = append(fields, f)
	}
	return fields
}
