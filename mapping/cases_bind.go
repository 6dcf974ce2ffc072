package mapping

import (
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// binder reads the values of a test file by the schemas of its mapping.
type binder struct {
	*reporter
	c       *CaseFile
	m       *Mapping
	schemas [2]*connectors.Schema
	tasks   [2]*connectors.Schema
}

// Bind reads the cases by the fields of both sides, and fills in Cases. taskSchemas
// describe the tasks, nil where they look like the side's own records. Call For
// first; a file with errors has no cases.
func (c *CaseFile) Bind(m *Mapping, schemas, taskSchemas [2]*connectors.Schema) Problems {
	b := &binder{reporter: &reporter{file: c.report.file, lines: c.report.lines}, c: c, m: m, schemas: schemas, tasks: taskSchemas}
	for side := range b.tasks {
		if b.tasks[side] == nil {
			b.tasks[side] = schemas[side]
		}
	}
	c.Cases = nil
	if c.report.problems.Err() != nil {
		return nil
	}
	for _, item := range c.root.get("cases").items {
		c.Cases = append(c.Cases, b.bindCase(item))
	}
	if b.problems.Err() != nil {
		c.Cases = nil
	}
	return b.problems.sorted()
}

func (b *binder) bindCase(item *node) *Case {
	root := b.c.root
	one := &Case{Name: item.get("name").str(), Line: item.pos.line, Column: item.pos.col, Now: defaultNow, Exact: true}
	if n := item.get("name"); n != nil {
		one.Line, one.Column = n.pos.line, n.pos.col
	}
	b.c.extent(one, item)
	for _, from := range []*node{root, item} {
		if n := from.get("now"); n != nil {
			one.Now = b.instant(n)
		}
		if n := from.get("exact"); n != nil {
			one.Exact = n.text == "true"
		}
	}
	one.Linked = item.get("linked").str() == "true"
	one.Pressed = item.get("pressed").str() == "true"
	b.given(one, item)
	b.edits(one, item.get("edits"))
	for side := range SideID(2) {
		name := b.m.sides[side].Name
		one.Comments[side] = texts(item.get("comments").get(name))
		one.Attachments[side] = b.attached(item.get("attachments").get(name))
		people := item.get("people").get(name)
		if people == nil {
			people = root.get("people").get(name)
		}
		one.AllPeople[side] = people == nil
		if people != nil {
			for _, p := range people.items {
				one.People[side] = append(one.People[side], strings.ToLower(strings.TrimSpace(p.text)))
			}
		}
		if n := root.get("defaults").get(name); n != nil {
			one.Defaults[side] = b.fields(n, side, nil, false)
		}
	}
	b.checkCase(one, item)
	b.expect(one, item.get("expect"))
	return one
}

// texts returns the texts of a list.
// maxCaseFile bounds the files of cases, which are held in memory.
const maxCaseFile = 100 << 20

// attached reads files: a name each, a size in brackets after it where it
// matters.
func (b *binder) attached(n *node) []Attached {
	if n == nil {
		return nil
	}
	var out []Attached
	for _, item := range n.items {
		f := Attached{Name: item.text, Size: 1 << 10}
		if name, size, ok := strings.Cut(strings.TrimSuffix(item.text, ")"), " ("); ok {
			var err error
			if f.Size, err = parseSize(size); err != nil || f.Size > maxCaseFile {
				b.errorf(item.pos, "write for instance `plan.iso (30 MB)`, at most 100 MB", "`%s` is no size of a file", size)
				continue
			}
			f.Name = name
		}
		out = append(out, f)
	}
	return out
}

func texts(n *node) []string {
	if n == nil {
		return nil
	}
	var out []string
	for _, item := range n.items {
		out = append(out, item.text)
	}
	return out
}

// checkCase finds cases that cannot be set up.
func (b *binder) checkCase(one *Case, item *node) {
	has := [2]bool{}
	for _, g := range one.Given {
		has[g.Side] = true
	}
	if one.Linked && !(has[Left] && has[Right]) {
		b.errorf(item.get("linked").pos, "describe both: `"+b.m.sides[Left].Name+": {…}` and `"+b.m.sides[Right].Name+": {…}`", "a case that is linked has a record on each side")
	}
	for _, e := range one.Edits {
		if !has[e.Side] {
			name := b.m.sides[e.Side].Name
			b.errorf(item.get("edits").pos, "describe it: `"+name+": {…}`, here or under `given`", "there is no `%s` to edit", name)
		}
	}
	for side, comments := range one.Comments {
		if name := b.m.sides[side].Name; len(comments) > 0 && !has[side] {
			b.errorf(item.get("comments").pos, "describe it: `"+name+": {…}`, here or under `given`", "there is no `%s` to comment on", name)
		}
	}
	for side, files := range one.Attachments {
		if name := b.m.sides[side].Name; len(files) > 0 && !has[side] {
			b.errorf(item.get("attachments").pos, "describe it: `"+name+": {…}`, here or under `given`", "there is no `%s` to attach to", name)
		}
	}
	if one.Pressed {
		from := SideID(2)
		for side := range SideID(2) {
			if c := b.m.Create(side.Other()); c != nil && c.Button() != nil {
				from = side
			}
		}
		switch at := item.get("pressed").pos; {
		case from > Right:
			b.errorf(at, "give `create` a `button`", "the mapping `%s` has no button", b.m.name)
		case !has[from]:
			b.errorf(at, "describe the `"+b.m.sides[from].Name+"`", "there is no record to press the button on")
		}
	}
	if !has[Left] && !has[Right] {
		b.errorf(item.pos, "describe a `"+b.m.sides[Left].Name+"` or a `"+b.m.sides[Right].Name+"`", "the case has no record")
	}
}

// given reads the records of a case over those that the file gives to all.
func (b *binder) given(one *Case, item *node) {
	shared := b.c.root.get("given")
	seen := map[string]bool{}
	add := func(name string, n *node) {
		side, ok := b.m.SideNamed(name)
		if !ok || seen[name] {
			return
		}
		seen[name] = true
		base := shared.get(name)
		bases := []*node{base}
		if base != nil && base.kind == listNode {
			bases = base.items
		}
		switch {
		case n == nil:
			for _, r := range bases {
				one.Given = append(one.Given, b.record(r, nil, side))
			}
		case n.kind == listNode:
			for _, r := range n.items {
				one.Given = append(one.Given, b.record(r, bases[0], side))
			}
		default:
			one.Given = append(one.Given, b.record(n, bases[0], side))
			for _, r := range bases[1:] {
				one.Given = append(one.Given, b.record(r, nil, side))
			}
		}
	}
	if shared != nil {
		for _, e := range shared.entries {
			if item.get(e.key.text) == nil {
				add(e.key.text, nil)
			}
		}
	}
	for _, e := range item.entries {
		add(e.key.text, e.value)
	}
}

// record reads one record; base holds the fields that it does not name itself.
func (b *binder) record(n, base *node, side SideID) GivenRecord {
	g := GivenRecord{Side: side, Line: n.pos.line, Column: n.pos.col}
	own := map[string]bool{}
	take := func(from *node, again bool) {
		for _, e := range from.entries {
			name := e.key.text
			if part := g.part(name); part != nil && len(b.schemas[side].Find(name)) == 0 {
				if !own[name] {
					*part, own[name] = e.value.str(), true
				}
				continue
			}
			f := b.field(b.schemas[side], e.key)
			if f == nil {
				continue
			}
			if own["."+f.Name] {
				if !again {
					b.twice(e.key, f)
				}
				continue
			}
			own["."+f.Name] = true
			if v, ok := b.value(e.value, f); ok {
				g.Fields = append(g.Fields, FieldValue{f.Name, v})
			}
		}
	}
	take(n, false)
	if base != nil {
		take(base, true)
	}
	return g
}

// part returns where a record's own part is kept that is no field.
func (g *GivenRecord) part(name string) *string {
	switch name {
	case "id":
		return &g.ID
	case "key":
		return &g.Key
	case "title":
		return &g.Title
	case "url":
		return &g.URL
	}
	return nil
}

func (b *binder) edits(one *Case, n *node) {
	if n == nil {
		return
	}
	for _, e := range n.entries {
		side, ok := b.m.SideNamed(e.key.text)
		if !ok {
			continue
		}
		edit := Edit{Side: side, Become: e.value.str()}
		if e.value.kind == objectNode {
			edit.Fields = b.fields(e.value, side, nil, false)
		}
		one.Edits = append(one.Edits, edit)
	}
}

// fields reads fields with their values. task says that they are a task's, whose
// short keys count too.
func (b *binder) fields(n *node, side SideID, schema *connectors.Schema, task bool) []FieldValue {
	if schema == nil {
		schema = b.schemas[side]
	}
	var out []FieldValue
	for _, e := range n.entries {
		var f *connectors.Field
		if task {
			k := &compilation{reporter: b.reporter}
			f = k.taskField(e.key, schema)
		} else {
			f = b.field(schema, e.key)
		}
		if f == nil {
			continue
		}
		if slices.ContainsFunc(out, func(v FieldValue) bool { return v.Field == f.Name }) {
			b.twice(e.key, f)
			continue
		}
		if v, ok := b.value(e.value, f); ok {
			out = append(out, FieldValue{f.Name, v})
		}
	}
	return out
}

func (b *binder) twice(key *node, f *connectors.Field) {
	b.errorf(key.pos, "keep one of them", "`%s` is given twice", f.Name)
}

func (b *binder) field(schema *connectors.Schema, key *node) *connectors.Field {
	f, problem, hint := findField(schema, key.text)
	if f == nil {
		b.errorf(key.pos, hint, "%s", problem)
	}
	return f
}

func (b *binder) instant(n *node) time.Time {
	t, err := time.Parse(time.RFC3339, n.text)
	if err != nil {
		b.errorf(n.pos, "write it as 2026-03-02T09:00:00Z", "`now` is no time: `%s`", clip(n.text))
		return defaultNow
	}
	return t.UTC()
}

// value reads what a case gives or wants of a field.
func (b *binder) value(n *node, f *connectors.Field) (connectors.Value, bool) {
	wide := *f
	wide.MaxLength = 0 // what a record holds is what its system took
	c := &converter{to: &wide, zone: b.m.zone}
	var v connectors.Value
	var err error
	switch {
	case n.kind == nullNode:
		return connectors.Null, true
	case n.kind == listNode && f.Type != connectors.TypeOptions:
		b.errorf(n.pos, "write one value", "`%s` holds one value, not a list", f.Name)
		return connectors.Null, false
	case n.kind == listNode:
		list := make([]connectors.Value, len(n.items))
		for i, item := range n.items {
			if list[i], err = c.option(connectors.Text(item.text)); err != nil {
				b.refuse(item, f, err)
				return connectors.Null, false
			}
		}
		v, err = c.options(listValue(list))
	case n.text == "":
		return connectors.Null, true
	case f.Type == connectors.TypeMoney:
		amount, currency, _ := strings.Cut(n.text, " ")
		v, err = connectors.Money(amount, currency)
	case f.Type == connectors.TypeFile:
		b.errorf(n.pos, "leave it out", "`%s` is a file, which a case cannot give", f.Name)
		return connectors.Null, false
	default:
		v, err = c.copy(connectors.Text(n.text))
	}
	if err != nil {
		b.refuse(n, f, err)
		return connectors.Null, false
	}
	return v, true
}

func (b *binder) refuse(n *node, f *connectors.Field, err error) {
	hint := didYouMean(n.text, optionNames(f.Options))
	if hint == "" && len(f.Options) > 0 {
		hint = "it has " + strings.Replace(oneOf(optionLabels(f.Options)), " or ", " and ", 1)
	}
	if hint == "" {
		hint = valueHint(f)
	}
	if f.Type == connectors.TypeOption || f.Type == connectors.TypeOptions {
		b.errorf(n.pos, hint, "%v", err)
		return
	}
	b.errorf(n.pos, hint, "`%s`: %v", f.Name, err)
}
