package mapping

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

func (k *compilation) creates() {
	n := k.root().get("create")
	if n == nil {
		if k.root().get("match") == nil {
			k.warnf(k.root().pos, "say when a record is made with `create`, or which ones belong together with `match`",
				"the mapping neither makes nor matches records: only links made by hand are kept in step")
		}
		return
	}
	for side := range k.file.Sides {
		if c := n.get(k.sideName(SideID(side))); c != nil {
			k.m.create[side] = k.create(c, SideID(side))
		}
	}
}

func (k *compilation) create(n *node, target SideID) *Create {
	c := &Create{}
	source := target.Other()
	if when := n.get("when"); when != nil {
		if e := k.expression(when, k.scopes[source], source); e != nil {
			if !e.kinds.fits(kBool) {
				k.errorf(k.inside(when, 0, len([]rune(when.text))), "compare it: `… == \"x\"`", "`when` is true or false; the expression gives %s", e.kinds)
			}
			c.when = &computed{expr: e}
		}
	}
	c.button = k.button(n.get("button"), source)
	if n.get("when") == nil && n.get("button") == nil {
		k.errorf(n.pos, "write `when: true` to make one for each record, or add a `button`", "`create` says neither `when` nor offers a `button`")
	}
	given := map[string]bool{}
	if with := n.get("with"); with != nil {
		for _, e := range with.entries {
			if a, ok := k.with(e, target, given); ok {
				c.with = append(c.with, a)
			}
		}
	}
	k.required(n, target, given)
	if tasks := n.get("tasks"); tasks != nil {
		taken := map[string]bool{}
		for i, item := range tasks.items {
			if t, ok := k.task(item, target, i, taken); ok {
				c.tasks = append(c.tasks, t)
			}
		}
	}
	return c
}

func (k *compilation) button(n *node, source SideID) *Button {
	if n == nil {
		return nil
	}
	if n.kind == scalarNode {
		return &Button{Label: n.text}
	}
	b := &Button{Label: n.get("label").str()}
	at := n.get("field")
	if at == nil {
		return b
	}
	f := k.field(source, at)
	if f == nil {
		return b
	}
	if f.Type != connectors.TypeText || !f.Writable {
		k.errorf(at.pos, "name a text field that Tenon may write", "%s cannot hold a link", k.displayName(source, f))
	}
	if first, ok := k.m.writes[source][f.Name]; ok {
		k.errorf(at.pos, "give the link a field of its own", "%s is already written by the rule in line %d", k.displayName(source, f), first.line)
	}
	k.needs[source][f.Name] = true
	b.Field = f.Name
	return b
}

// with compiles one value that is set at creation.
func (k *compilation) with(e entry, target SideID, given map[string]bool) (assignment, bool) {
	f := k.field(target, e.key)
	if f == nil {
		return assignment{}, false
	}
	if first, ok := k.m.writes[target][f.Name]; ok {
		k.errorf(e.key.pos, "keep one of them", "%s is already written by the rule in line %d", k.displayName(target, f), first.line)
	}
	if given[f.Name] {
		k.errorf(e.key.pos, "keep one of them", "%s is given twice", k.displayName(target, f))
	}
	given[f.Name] = true
	return k.assign(e.value, f, k.displayName(target, f), e.key.pos, k.scopes[target.Other()], target.Other())
}

// assign compiles a value, or a list of them, for a field of a new record.
func (k *compilation) assign(n *node, f *connectors.Field, name string, at position, sc *scope, source SideID) (assignment, bool) {
	if !f.Creatable {
		k.notCreatable(at, name)
		return assignment{}, false
	}
	c := k.assignTo(f)
	if n.kind == listNode {
		return k.assignList(n, f, name, c, sc, source)
	}
	t := k.template(n, sc, source)
	if t == nil || !k.fitsField(n, t, f, c, name) {
		return assignment{}, false
	}
	return assignment{into: c, eval: t.run}, true
}

// assignTo makes the converter of a value for a new record. It cuts what is too
// long rather than let the record not be made.
func (k *compilation) assignTo(f *connectors.Field) *converter {
	nine := time.Date(0, 1, 1, 9, 0, 0, 0, time.UTC)
	return &converter{to: f, zone: k.m.zone, clock: &nine, truncate: true}
}

func (k *compilation) assignList(n *node, f *connectors.Field, name string, c *converter, sc *scope, source SideID) (assignment, bool) {
	if f.Type != connectors.TypeOptions {
		k.errorf(n.pos, "write one value", "%s holds one value, not a list", name)
		return assignment{}, false
	}
	var items []*template
	for _, item := range n.items {
		t := k.template(item, sc, source)
		if t == nil || !k.fitsField(item, t, f, c, name) {
			return assignment{}, false
		}
		items = append(items, t)
	}
	return assignment{into: c, eval: func(rec *connectors.Record, now time.Time) (value, error) {
		var list []connectors.Value
		for _, t := range items {
			x, err := t.run(rec, now)
			if err != nil {
				return value{}, err
			}
			switch {
			case x.many():
				list = append(list, x.items()...)
			case !isEmpty(x):
				list = append(list, x.v)
			}
		}
		return listValue(list), nil
	}}, true
}

// fitsField checks the kind of a template's value, and a constant one as such.
func (k *compilation) fitsField(n *node, t *template, f *connectors.Field, c *converter, name string) bool {
	if f.Type == connectors.TypeFile {
		k.errorf(n.pos, "drop it", "%s is a file, which cannot be set", name)
		return false
	}
	allowed := resultKindsFor(f) | kText
	if f.Type == connectors.TypeInstant {
		allowed |= kDate
	}
	if !t.kinds.fits(allowed) {
		k.errorf(n.pos, "write a value of that kind, or name another field", "the value is %s, and %s is %s", t.kinds, name, article(f.Type))
		return false
	}
	if !t.constant() {
		return true
	}
	x, err := t.run(&connectors.Record{}, time.Time{})
	if err == nil {
		_, err = c.result(x)
	}
	if err != nil {
		hint := didYouMean(n.text, optionNames(f.Options))
		if hint == "" && len(f.Options) > 0 {
			hint = "it has " + strings.Replace(oneOf(optionLabels(f.Options)), " or ", " and ", 1)
		}
		if hint == "" {
			hint = valueHint(f)
		}
		k.errorf(n.pos, hint, "%v", err)
		return false
	}
	return true
}

// required warns of fields without which a create is refused.
func (k *compilation) required(n *node, target SideID, given map[string]bool) {
	if k.problems.Err() != nil {
		return // a rule that is wrong may be the one that sets the field
	}
	for i := range k.env.Schemas[target].Fields {
		f := &k.env.Schemas[target].Fields[i]
		_, written := k.m.writes[target][f.Name]
		if !f.Required || !f.Creatable || given[f.Name] || written || inScope(k.file.Sides[target].Scope, f) {
			continue
		}
		k.warnf(n.pos, "give it a value with `with`, or a rule", "%s is required, and nothing sets it: the create may be refused", k.displayName(target, f))
	}
}

func inScope(scope connectors.Scope, f *connectors.Field) bool {
	for key := range scope {
		if strings.EqualFold(key, f.Name) || strings.EqualFold(key, f.Label) {
			return true
		}
	}
	return false
}

// task compiles one task.
func (k *compilation) task(item *node, target SideID, index int, taken map[string]bool) (taskPlan, bool) {
	source := target.Other()
	sc := *k.scopes[source]
	sc.now = true
	schema := k.env.TaskSchemas[target]
	if schema == nil {
		schema = k.env.Schemas[target]
	}
	t := taskPlan{object: k.file.Sides[target].Object, scope: cloneScope(k.file.Sides[target].Scope)}
	k.taskType(&t, item.get("type").str(), k.env.Schemas[target].Child)
	title := item.get("summary")
	if title == nil {
		title = item.get("title")
	} else if item.get("title") != nil {
		k.errorf(item.get("title").pos, "keep one of them", "`summary` and `title` are the same")
	}
	if title == nil {
		k.errorf(item.pos, "write `summary: …`", "the task has no title")
		return t, false
	}
	before := len(k.problems)
	t.title = k.template(title, &sc, source)
	given := map[string]bool{}
	for _, e := range item.entries {
		if e.key.text == "key" || e.key.text == "type" || e.key.text == "title" && e.value != title {
			continue
		}
		f := k.taskField(e.key, schema)
		if f == nil {
			continue
		}
		name := "`" + f.Name + "` of the task"
		if given[f.Name] {
			k.errorf(e.key.pos, "keep one of them", "%s is given twice", name)
			continue
		}
		given[f.Name] = true
		var a assignment
		var ok bool
		if e.key.text == "due" {
			a, ok = k.due(e.value, f, name, e.key.pos, &sc, source)
		} else {
			a, ok = k.assign(e.value, f, name, e.key.pos, &sc, source)
		}
		if ok {
			t.fields = append(t.fields, a)
		}
	}
	if len(k.problems) > before || t.title == nil {
		return t, false
	}
	t.key = k.taskKey(item, t.title, index, taken)
	return t, true
}

// taskType applies the `type` of a task: an issue type where the scope has one,
// else an object; without it, the one that the system makes under the side's
// records.
func (k *compilation) taskType(t *taskPlan, typ, child string) {
	for key := range t.scope {
		if strings.EqualFold(key, "issuetype") {
			t.scope[key] = firstNonEmpty(typ, "Task")
			return
		}
	}
	switch {
	case child != "" && (typ == "" || typ == child):
		t.object = child
	case typ != "":
		t.object = typ
		t.scope = connectors.Scope{}
	}
}

// taskRoles are the words by which the short keys of a task find their field.
var taskRoles = map[string]struct {
	types []connectors.Type
	words []string
}{
	"summary":     {[]connectors.Type{connectors.TypeText}, []string{"summary", "title", "subject", "name"}},
	"title":       {[]connectors.Type{connectors.TypeText}, []string{"title", "summary", "subject", "name"}},
	"due":         {[]connectors.Type{connectors.TypeDate, connectors.TypeInstant}, []string{"duedate", "due date", "due", "deadline"}},
	"assignee":    {[]connectors.Type{connectors.TypePerson}, []string{"assignee", "assigned to", "owner"}},
	"description": {[]connectors.Type{connectors.TypeRichText, connectors.TypeText}, []string{"description", "notes", "body", "details"}},
}

// taskField finds the field of a task's key: by its name or label, or for the
// short keys by their role.
func (k *compilation) taskField(key *node, schema *connectors.Schema) *connectors.Field {
	role, short := taskRoles[key.text]
	if short {
		if found := schema.Find(key.text); len(found) == 1 && slices.Contains(role.types, found[0].Type) {
			return found[0]
		}
		if f := fieldByRole(schema, role.types, role.words); f != nil {
			return f
		}
		k.errorf(key.pos, "name the field itself", "%s has no field that serves as `%s`", firstNonEmpty(schema.Label, schema.Object), key.text)
		return nil
	}
	f, problem, hint := findField(schema, key.text)
	if f == nil {
		k.errorf(key.pos, hint, "%s", problem)
	}
	return f
}

// fieldByRole returns the creatable field of one of the types whose name or
// label is one of the words, else the only one that holds one of them.
func fieldByRole(schema *connectors.Schema, types []connectors.Type, words []string) *connectors.Field {
	for _, whole := range []bool{true, false} {
		for _, w := range words {
			for i := range schema.Fields {
				f := &schema.Fields[i]
				name, label := strings.ToLower(f.Name), strings.ToLower(f.Label)
				hit := name == w || label == w
				if !whole {
					hit = strings.Contains(name, w) || strings.Contains(label, w)
				}
				if hit && f.Creatable && slices.Contains(types, f.Type) {
					return f
				}
			}
		}
	}
	return nil
}

var taskKeyForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,47}$`)

var dueForm = regexp.MustCompile(`^(\d+) (work)?days?$`)

// due compiles when a task is due.
func (k *compilation) due(n *node, f *connectors.Field, name string, at position, sc *scope, source SideID) (assignment, bool) {
	c := k.assignTo(f)
	if n.kind != scalarNode {
		k.errorf(n.pos, "write `due: 5 workdays`", "`due` is one text, not %s", n.what())
		return assignment{}, false
	}
	if m := dueForm.FindStringSubmatch(word(n.text)); m != nil {
		days, err := strconv.Atoi(m[1])
		if err != nil || days > maxSpan {
			k.errorf(n.pos, "write fewer days, or a day: `due: 2027-12-31`", "%s days are over the limit of %d", m[1], maxSpan)
			return assignment{}, false
		}
		zone, holidays, work := sc.zone, sc.holidays, m[2] != ""
		return assignment{into: c, eval: func(_ *connectors.Record, now time.Time) (value, error) {
			today := connectors.DateOf(now.In(zone)).Time()
			if work {
				return one(connectors.DateOf(today.AddDate(0, 0, workdays(today, days, holidays)))), nil
			}
			return one(connectors.DateOf(today.AddDate(0, 0, days))), nil
		}}, f.Creatable || k.notCreatable(at, name)
	}
	if _, err := connectors.ParseDate(n.text); err == nil || strings.Contains(n.text, "{{") {
		return k.assign(n, f, name, at, sc, source)
	}
	const advice = "write `5 workdays`, `10 days`, a day, or an expression that gives one"
	if _, problem := parseExpression(n.text); problem != nil {
		k.errorf(n.pos, advice, "`%s` is not a time when a task is due", clip(n.text))
		return assignment{}, false
	}
	e := k.expression(n, sc, source)
	if e == nil {
		return assignment{}, false
	}
	if !e.kinds.fits(kTimes) {
		k.errorf(n.pos, advice, "`due` is a day; the expression gives %s", e.kinds)
		return assignment{}, false
	}
	return assignment{into: c, eval: e.run}, f.Creatable || k.notCreatable(at, name)
}

func (k *compilation) notCreatable(at position, name string) bool {
	k.errorf(at, "drop it; the system sets the field itself, or only once the record is there", "%s cannot be set at creation", name)
	return false
}

// taskKey returns the key of a task: the one given, else one from the fixed
// words of its title.
func (k *compilation) taskKey(item *node, title *template, index int, taken map[string]bool) string {
	if n := item.get("key"); n != nil {
		if !taskKeyForm.MatchString(n.text) {
			k.errorf(n.pos, "write `key: "+firstNonEmpty(slug(n.text), "kick-off")+"`", "a task's key is made of lower-case letters, digits and `-`, at most 48: not `%s`", clip(n.text))
		}
		if taken[n.text] {
			k.errorf(n.pos, "give each task a key of its own", "the key `%s` is given twice", clip(n.text))
		}
		taken[n.text] = true
		return n.text
	}
	words := title.fixedText()
	base := slug(words)
	if base == "" {
		h := fnv.New32a()
		h.Write([]byte(words))
		base = fmt.Sprintf("task-%08x", h.Sum32())
		if strings.TrimSpace(words) == "" {
			base = fmt.Sprintf("task-%d", index+1)
		}
	}
	key := base
	for i := 2; taken[key]; i++ {
		key = fmt.Sprintf("%s-%d", base, i)
	}
	taken[key] = true
	return key
}

// slug keeps the letters a-z and digits of a text, with `-` between words, at
// most 40 characters.
func slug(s string) string {
	var b strings.Builder
	gap := false
	for _, c := range strings.ToLower(s) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(c)
			gap = false
		} else {
			gap = true
		}
		if b.Len() >= 40 {
			break
		}
	}
	return b.String()
}
