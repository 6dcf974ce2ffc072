package mapping

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/tenonsync/tenon/connectors"
)

// guesser works out which fields a mapping and its cases name, and of what type
// each probably is.
type guesser struct {
	m     *File
	fixed [2]*connectors.Schema // sides that need no guess
	known [2][]connectors.Field // declared
	names [2][]string           // in the order in which they are met
	types [2]map[string]connectors.Type
	table [2]map[string][]connectors.Option // the options that `values` names
}

// guess returns the fields of the sides of which nothing is saved.
func (c *CaseFile) guess(m *File, saved [2]*connectors.Schema, declared [2][]connectors.Field) [2][]connectors.Field {
	g := &guesser{m: m, fixed: saved, known: declared}
	for side := range g.types {
		g.types[side], g.table[side] = map[string]connectors.Type{}, map[string][]connectors.Option{}
	}
	g.mapping()
	g.cases(c.root)
	g.pairs()
	var out [2][]connectors.Field
	for side := range out {
		if saved[side] == nil {
			out[side] = g.fields(SideID(side))
		}
	}
	return out
}

func (g *guesser) fields(side SideID) []connectors.Field {
	var fields []connectors.Field
	for _, name := range g.names[side] {
		if slices.ContainsFunc(g.known[side], func(f connectors.Field) bool { return f.Name == name }) {
			continue
		}
		typ := g.types[side][name]
		if typ == connectors.TypeNull {
			typ = connectors.TypeText
		}
		f := freeField(name, typ)
		f.Options = g.table[side][name]
		f.Open = typ == connectors.TypeOption || typ == connectors.TypeOptions // there may be more
		fields = append(fields, f)
	}
	return fields
}

// name notes a field, with a type where one is known. What is a number here and
// a text there is a text.
func (g *guesser) name(side SideID, name string, typ connectors.Type) {
	if name == "" {
		return
	}
	if !slices.Contains(g.names[side], name) {
		g.names[side] = append(g.names[side], name)
	}
	before := g.types[side][name]
	switch {
	case typ == connectors.TypeNull || before == typ, before == connectors.TypePerson, before == connectors.TypeOption, before == connectors.TypeOptions:
	case before == connectors.TypeNull, typ == connectors.TypePerson, typ == connectors.TypeOption, typ == connectors.TypeOptions:
		g.types[side][name] = typ
	default:
		g.types[side][name] = connectors.TypeText
	}
}

// mapping notes what the mapping names.
func (g *guesser) mapping() {
	root := g.m.root
	each := func(n *node, fn func(*node)) {
		if n != nil {
			for _, item := range n.items {
				fn(item)
			}
		}
	}
	each(root.get("fields"), g.rule)
	each(root.get("match"), func(item *node) {
		for side := range SideID(2) {
			if name := item.get(g.m.Sides[side].Name).str(); name != "id" {
				g.name(side, name, connectors.TypeNull)
			}
		}
	})
	for target := range SideID(2) {
		c := root.get("create").get(g.m.Sides[target].Name)
		source := target.Other()
		g.expression(source, c.get("when").str())
		if with := c.get("with"); with != nil {
			for _, e := range with.entries {
				typ := connectors.TypeNull
				if e.value.kind == listNode {
					typ = connectors.TypeOptions
				}
				g.name(target, e.key.text, typ)
				g.template(source, e.value)
			}
		}
		g.name(source, c.get("button").get("field").str(), connectors.TypeText)
		each(c.get("tasks"), func(task *node) { g.task(target, task) })
	}
}

// task notes the fields of a task. The short keys find their fields by their
// roles, where another field has not one already.
func (g *guesser) task(target SideID, task *node) {
	for _, e := range task.entries {
		key := e.key.text
		if key == "due" {
			g.expression(target.Other(), e.value.str())
		}
		g.template(target.Other(), e.value)
		role, short := taskRoles[key]
		switch {
		case key == "key", key == "type":
		case !short:
			g.name(target, key, connectors.TypeNull)
		case !slices.ContainsFunc(g.names[target], func(name string) bool { return slices.Contains(role.words, strings.ToLower(name)) }):
			g.name(target, key, role.types[0])
		}
	}
}

// rule notes the fields of a rule and the options of its table.
func (g *guesser) rule(item *node) {
	first := true
	for _, e := range item.entries {
		side, ok := g.side(e.key.text)
		if !ok {
			continue
		}
		typ := connectors.TypeNull
		if set := item.get("set").str(); set != "" {
			if strings.HasPrefix(set, "[") {
				typ = connectors.TypeOptions
			}
			g.expression(side.Other(), set)
		}
		if values := item.get("values"); values != nil {
			typ = connectors.TypeOption
			for _, v := range values.entries {
				g.option(side, e.value.str(), pick(first, v.key, v.value))
			}
			if back := item.get("back"); back != nil {
				for _, v := range back.entries {
					g.option(side, e.value.str(), pick(first, v.value, v.key))
				}
			}
		}
		g.name(side, e.value.str(), typ)
		first = false
	}
}

func pick(first bool, a, b *node) string {
	if first {
		return a.str()
	}
	return b.str()
}

func (g *guesser) option(side SideID, field, text string) {
	o := connectors.Option{ID: text, Label: text}
	if text != "" && !slices.Contains(g.table[side][field], o) {
		g.table[side][field] = append(g.table[side][field], o)
	}
}

func (g *guesser) side(name string) (SideID, bool) {
	for side := range SideID(2) {
		if g.m.Sides[side].Name == name {
			return side, true
		}
	}
	return Left, false
}

// template notes the fields that the expressions of a text read.
func (g *guesser) template(side SideID, n *node) {
	for _, item := range n.items {
		g.template(side, item)
	}
	rest := n.str()
	for {
		_, inner, ok := strings.Cut(rest, "{{")
		if !ok {
			return
		}
		end := closing(inner)
		if end < 0 {
			return
		}
		g.expression(side, inner[:end])
		rest = inner[end+2:]
	}
}

// expression notes the fields that an expression reads.
func (g *guesser) expression(side SideID, source string) {
	if source == "" {
		return
	}
	tree, problem := parseExpression(source)
	if problem != nil {
		return
	}
	ast.Walk(&tree.Node, &fieldVisitor{g: g, side: side, name: g.m.Sides[side].Name})
}

// fieldVisitor finds `side.field` in an expression, and what is asked of it.
type fieldVisitor struct {
	g    *guesser
	side SideID
	name string
}

// Visit implements ast.Visitor.
func (v *fieldVisitor) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.MemberNode:
		if field := v.field(n); field != "" {
			v.g.name(v.side, field, connectors.TypeNull)
		} else if part, ok := n.Property.(*ast.StringNode); ok && part.Value == "email" {
			v.g.name(v.side, v.field(n.Node), connectors.TypePerson)
		}
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok && id.Value == "label" && len(n.Arguments) == 1 {
			v.g.name(v.side, v.field(n.Arguments[0]), connectors.TypeOption)
		}
	}
}

func (v *fieldVisitor) field(n ast.Node) string {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return ""
	}
	id, ok := m.Node.(*ast.IdentifierNode)
	name, fixed := m.Property.(*ast.StringNode)
	if !ok || !fixed || id.Value != v.name || recordParts[name.Value] != nil {
		return ""
	}
	return name.Value
}

// cases notes what the cases give and expect.
func (g *guesser) cases(root *node) {
	sides := func(n *node) {
		if n == nil {
			return
		}
		for _, e := range n.entries {
			if side, ok := g.side(e.key.text); ok {
				g.values(side, e.value)
			}
		}
	}
	sides(root.get("given"))
	sides(root.get("defaults"))
	cases := root.get("cases")
	if cases == nil {
		return
	}
	for _, item := range cases.items {
		sides(item)
		sides(item.get("edits"))
		sides(item.get("expect").get("create"))
		sides(item.get("expect").get("update"))
	}
}

func (g *guesser) values(side SideID, n *node) {
	for _, item := range n.items {
		g.values(side, item)
	}
	for _, e := range n.entries {
		if recordParts[e.key.text] == nil || slices.Contains(g.names[side], e.key.text) {
			g.name(side, e.key.text, typeOfNode(e.value))
		}
	}
}

var (
	numberForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	mailForm   = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
)

// typeOfNode guesses the type of a value from how it is written.
func typeOfNode(n *node) connectors.Type {
	switch {
	case n.kind == nullNode:
		return connectors.TypeNull
	case n.kind == listNode:
		return connectors.TypeOptions
	case n.isBool:
		return connectors.TypeBool
	case n.plain && numberForm.MatchString(n.text):
		return connectors.TypeNumber
	case mailForm.MatchString(n.text):
		return connectors.TypePerson
	}
	if _, err := connectors.ParseDate(n.text); err == nil {
		return connectors.TypeDate
	}
	if _, err := time.Parse(time.RFC3339, n.text); err == nil {
		return connectors.TypeInstant
	}
	return connectors.TypeText
}

// pairs brings the two fields of each plain rule to one type, since nothing in
// the rule says how one would become the other.
func (g *guesser) pairs() {
	rules := g.m.root.get("fields")
	if rules == nil {
		return
	}
	for _, item := range rules.items {
		if item.get("set") != nil || item.get("values") != nil {
			continue
		}
		var types [2]connectors.Type
		var sure [2]bool
		for side := range SideID(2) {
			types[side], sure[side] = g.typeOf(side, item.get(g.m.Sides[side].Name).str())
		}
		for side := range SideID(2) {
			name, other := item.get(g.m.Sides[side].Name).str(), side.Other()
			switch {
			case sure[side] || name == "" || isTime(types[side]) && isTime(types[other]):
			case sure[other], types[side] == connectors.TypeNull:
				g.types[side][name] = types[other]
			case types[other] != connectors.TypeNull && types[side] != types[other]:
				g.types[side][name] = connectors.TypeText
			}
		}
	}
}

// isTime reports whether values of a type become days and instants.
func isTime(t connectors.Type) bool {
	return t == connectors.TypeDate || t == connectors.TypeInstant
}

// typeOf returns a field's type, and whether it is more than a guess.
func (g *guesser) typeOf(side SideID, name string) (connectors.Type, bool) {
	for _, f := range g.known[side] {
		if f.Name == name {
			return f.Type, true
		}
	}
	if g.fixed[side] != nil {
		if found := g.fixed[side].Find(name); len(found) == 1 {
			return found[0].Type, true
		}
	}
	return g.types[side][name], false
}
