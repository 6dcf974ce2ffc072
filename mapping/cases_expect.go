package mapping

import (
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// expect reads what a case expects.
func (b *binder) expect(one *Case, n *node) {
	if n == nil {
		return
	}
	e := &Expect{}
	one.Expect = e
	if n.kind != objectNode {
		return // nothing
	}
	if link := n.get("link"); link != nil {
		yes := link.text == "true"
		e.Link = &yes
	}
	for side := range SideID(2) {
		name := b.m.sides[side].Name
		if w := n.get("create").get(name); w != nil {
			e.Creates[side] = &Wanted{Fields: b.fields(w, side, nil, false)}
			if b.m.Create(side) == nil {
				b.errorf(w.pos, "say when under `create` of the mapping", "the mapping `%s` makes no `%s`", b.m.name, name)
			}
		}
		if w := n.get("update").get(name); w != nil {
			e.Updates[side] = &Wanted{Fields: b.fields(w, side, nil, false)}
			b.written(w, side)
		}
		if w := n.get("comments").get(name); w != nil {
			e.Comments[side] = texts(w)
			if !b.m.commentsTo[side] {
				b.errorf(w.pos, "write `comments: both` or `comments: to "+name+"` into the mapping", "the mapping `%s` copies no comments to `%s`", b.m.name, name)
			}
		}
		if w := n.get("attachments").get(name); w != nil {
			e.Attachments[side] = texts(w)
			if !b.m.filesTo[side] {
				b.errorf(w.pos, "write `attachments: both` or `attachments: to "+name+"` into the mapping", "the mapping `%s` copies no attachments to `%s`", b.m.name, name)
			}
		}
		e.Archive[side] = n.get("archive").str() == name
		e.Delete[side] = n.get("delete").str() == name
	}
	if tasks := n.get("tasks"); tasks != nil {
		b.wantTasks(e, tasks)
	}
	e.Conflicts = b.held(n.get("conflict"))
	e.Asides = b.held(n.get("aside"))
	e.Error = n.get("error").str()
}

// written refuses to expect what no rule can do.
func (b *binder) written(n *node, side SideID) {
	for _, entry := range n.entries {
		f, _, _ := findField(b.schemas[side], entry.key.text)
		if f == nil {
			continue // told already
		}
		if _, ok := b.m.writes[side][f.Name]; !ok {
			b.errorf(entry.key.pos, "no rule of the mapping has it as a target; drop it, or add a rule", "nothing writes `%s` of `%s`", f.Name, b.m.sides[side].Name)
		}
	}
}

// wantTasks reads the tasks of the side on which the case expects a record.
func (b *binder) wantTasks(e *Expect, tasks *node) {
	target, found := Left, false
	for side := range SideID(2) {
		if c := b.m.Create(side); c != nil && len(c.tasks) > 0 {
			target, found = side, true
		}
	}
	if !found {
		b.errorf(tasks.pos, "list them under `create`, `tasks` of the mapping", "the mapping `%s` makes no tasks", b.m.name)
		return
	}
	e.Tasks = []Wanted{}
	schema := b.tasks[target]
	for _, item := range tasks.items {
		if item.kind == objectNode {
			e.Tasks = append(e.Tasks, Wanted{Fields: b.fields(item, target, schema, true)})
			continue
		}
		role := taskRoles["summary"]
		f := fieldByRole(schema, role.types, role.words)
		if f == nil {
			b.errorf(item.pos, "write the fields: `{FIELD: value}`", "the tasks have no field that serves as title")
			return
		}
		e.Tasks = append(e.Tasks, Wanted{Fields: []FieldValue{{f.Name, connectors.Text(item.text)}}})
	}
}

// held reads the rules that are expected to be held back.
func (b *binder) held(n *node) []Held {
	if n == nil {
		return nil
	}
	var out []Held
	add := func(name *node, reason string) {
		if name.text == HeldRecord {
			out = append(out, Held{Name: name.text, Reason: reason})
			return
		}
		if r := b.rule(name); r != nil {
			out = append(out, Held{Rule: r.ID(), Name: name.text, Reason: reason})
		}
	}
	for _, item := range n.items {
		add(item, "")
	}
	for _, e := range n.entries {
		add(e.key, e.value.str())
	}
	return out
}

// rule finds the rule that a field of either side belongs to.
func (b *binder) rule(n *node) *Rule {
	var found []*Rule
	var names []string
	for _, r := range b.m.rules {
		hit := false
		for side := range SideID(2) {
			name := r.Field(side)
			if name == "" {
				continue
			}
			names = append(names, name)
			fields := b.schemas[side].Find(n.text)
			hit = hit || slices.ContainsFunc(fields, func(f *connectors.Field) bool { return f.Name == name })
		}
		if hit {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0]
	case 0:
		hint := didYouMean(n.text, names)
		if hint == "" {
			hint = "rules have " + oneOf(unique(names))
		}
		b.errorf(n.pos, hint, "no rule of the mapping has a field `%s`", clip(n.text))
	default:
		b.errorf(n.pos, "name the other side's field", "several rules have a field `%s`", clip(n.text))
	}
	return nil
}

// unique returns the texts, each once, in order.
func unique(texts []string) []string {
	var out []string
	for _, t := range texts {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}
