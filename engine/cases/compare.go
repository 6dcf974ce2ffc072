package cases

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// Difference is one way in which what came differs from what a case expects.
// About says of what; Field is "" where it is about more than a field. Want and
// Got are values as people read them, "" where there is none.
type Difference struct {
	About string `json:"about"`           // "epic updated", "task Prototype", "conflicts"
	Field string `json:"field,omitempty"` // as the mapping's people know it
	Want  string `json:"want,omitempty"`
	Got   string `json:"got,omitempty"`
	Why   string `json:"why,omitempty"` // why Tenon did what was not expected
}

// nothing stands for an empty value where one was expected, or came.
const nothing = "(nothing)"

// comparison collects the differences of a case.
type comparison struct {
	suite *Suite
	one   *mapping.Case
	want  *mapping.Expect
	got   *outcome
	diffs []Difference
}

func (s *Suite) compare(one *mapping.Case, got *outcome) []Difference {
	c := &comparison{suite: s, one: one, want: one.Expect, got: got}
	if got.stopped != "" {
		c.add(Difference{About: "the mapping", Got: got.stopped})
	}
	c.link()
	for side := range mapping.SideID(2) {
		c.create(side)
	}
	c.tasks()
	for side := range mapping.SideID(2) {
		c.update(side)
		c.texts(side, "comments", c.got.comment[side], c.want.Comments[side])
		c.texts(side, "attachments", c.got.files[side], c.want.Attachments[side])
		c.state(side)
	}
	c.held("conflict", c.want.Conflicts, true)
	c.held("aside", c.want.Asides, false)
	c.waits()
	for _, other := range got.others {
		if one.Exact {
			c.add(Difference{About: other + " changed", Got: "a change that cannot be expected: only a side's first record can"})
		}
	}
	return c.diffs
}

func (c *comparison) add(d Difference) { c.diffs = append(c.diffs, d) }

func (c *comparison) side(side mapping.SideID) string { return c.suite.Mapping.Side(side).Name }

func (c *comparison) link() {
	words := map[bool]string{true: "linked", false: "not linked"}
	switch {
	case c.want.Link != nil && *c.want.Link != c.got.linked:
		c.add(Difference{About: "link", Want: words[*c.want.Link], Got: words[c.got.linked]})
	case c.want.Link == nil && c.one.Exact && c.got.linked != c.one.Linked:
		c.add(Difference{About: "link", Got: map[bool]string{true: "linked by a rule of `match`", false: "no longer linked"}[c.got.linked]})
	}
}

func (c *comparison) create(side mapping.SideID) {
	want, got := c.want.Creates[side], c.got.created[side]
	about := c.side(side) + " created"
	switch {
	case want == nil && len(got) == 0, want == nil && !c.one.Exact:
	case want != nil && len(got) == 0:
		c.add(Difference{About: about, Want: "one is created", Got: "none"})
	case want == nil:
		c.add(Difference{About: about, Got: describe(c.suite, side, got[0].fields)})
	case len(got) > 1:
		c.add(Difference{About: about, Want: "one is created", Got: fmt.Sprintf("%d are", len(got))})
	default:
		c.record(about, side, c.suite.Schemas[side], want, c.suite.told(c.suite.Schemas[side], side, got[0].fields), func(field string, v connectors.Value) bool {
			return c.isDefault(side, field, v)
		})
	}
}

// isDefault reports whether a value is one that the case says the system fills in.
func (c *comparison) isDefault(side mapping.SideID, field string, v connectors.Value) bool {
	return slices.ContainsFunc(c.one.Defaults[side], func(d mapping.FieldValue) bool { return d.Field == field && same(d.Value, v) })
}

// told returns the fields of a new record that Tenon may have filled: not the
// empty ones, nor those that the system fills in by itself.
func (s *Suite) told(schema *connectors.Schema, side mapping.SideID, fields map[string]connectors.Value) map[string]connectors.Value {
	own := s.ownFields(schema, side)
	fields = maps.Clone(fields)
	maps.DeleteFunc(fields, func(name string, v connectors.Value) bool {
		f := schema.Field(name)
		return v.IsNull() || own[name] != "" || f != nil && !f.Writable && !f.Creatable
	})
	return fields
}

func (c *comparison) update(side mapping.SideID) {
	want, got := c.want.Updates[side], c.got.updated[side]
	if want == nil {
		if !c.one.Exact {
			return
		}
		want = &mapping.Wanted{}
	}
	c.record(c.side(side)+" updated", side, c.suite.Schemas[side], want, got, nil)
}

// texts compares what was copied to a side, in any order, by parts of it.
func (c *comparison) texts(side mapping.SideID, what string, got, wanted []string) {
	about := c.side(side) + " " + what
	left := slices.Clone(got)
	for _, want := range wanted {
		i := slices.IndexFunc(left, func(body string) bool { return strings.Contains(body, want) })
		if i < 0 {
			c.add(Difference{About: about, Want: want, Got: "none like it"})
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if !c.one.Exact {
		return
	}
	for _, body := range left {
		c.add(Difference{About: about, Got: body})
	}
}

// record compares fields. skip passes over what need not be expected.
func (c *comparison) record(about string, side mapping.SideID, schema *connectors.Schema, want *mapping.Wanted, got map[string]connectors.Value, skip func(string, connectors.Value) bool) {
	for _, f := range want.Fields {
		v, came := got[f.Field]
		switch {
		case came && same(f.Value, v):
		case !came && f.Value.IsNull() && skip != nil: // a new record's field that stays empty
		case !came && skip == nil:
			c.add(Difference{About: about, Field: shownField(schema, f.Field), Want: shown(f.Value), Got: "(not written)"})
		default:
			c.add(Difference{About: about, Field: shownField(schema, f.Field), Want: shown(f.Value), Got: shown(v), Why: c.why(side, f.Field)})
		}
	}
	if !c.one.Exact {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, wanted := want.Value(name); wanted || skip != nil && skip(name, got[name]) {
			continue
		}
		c.add(Difference{About: about, Field: shownField(schema, name), Got: shown(got[name]), Why: c.why(side, name)})
	}
}

// why returns the journal's reason for writing a field.
func (c *comparison) why(side mapping.SideID, field string) string {
	for _, r := range c.suite.Mapping.Rules() {
		if r.Field(side) == field {
			return c.suite.inWords(c.got.why[written{r.ID(), side}])
		}
	}
	return ""
}

// inWords names the sides as the mapping does.
func (s *Suite) inWords(why string) string {
	words := strings.Fields(why)
	for i, w := range words {
		switch w {
		case "left":
			words[i] = s.Mapping.Side(mapping.Left).Name
		case "right":
			words[i] = s.Mapping.Side(mapping.Right).Name
		}
	}
	return strings.Join(words, " ")
}

func (c *comparison) state(side mapping.SideID) {
	name, got := c.side(side), c.got.state[side]
	for _, s := range []struct {
		want  bool
		state connectors.State
	}{{c.want.Archive[side], connectors.Archived}, {c.want.Delete[side], connectors.Deleted}} {
		switch {
		case s.want && got != s.state:
			c.add(Difference{About: name + " " + s.state.String(), Want: "it is " + s.state.String(), Got: "it is " + got.String()})
		case !s.want && got == s.state && c.one.Exact:
			c.add(Difference{About: name + " " + s.state.String(), Got: "it is " + s.state.String()})
		}
	}
}

// tasks compares the tasks that were made, in any order.
func (c *comparison) tasks() {
	if c.want.Tasks == nil && !c.one.Exact {
		return
	}
	schema := c.suite.taskSchema(c.got.tasksOf)
	left := slices.Clone(c.got.tasks)
	var missing []mapping.Wanted
	for _, w := range c.want.Tasks {
		i := slices.IndexFunc(left, func(m made) bool { return len(c.taskDiffs(w, m, schema)) == 0 })
		if i < 0 {
			missing = append(missing, w)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	title := c.suite.titleField(c.got.tasksOf)
	for _, w := range missing {
		named, _ := w.Value(title)
		i := slices.IndexFunc(left, func(m made) bool { return same(named, m.fields[title]) && !named.IsNull() })
		if i < 0 {
			c.add(Difference{About: "task", Want: describeWanted(schema, w), Got: "none like it"})
			continue
		}
		c.diffs = append(c.diffs, c.taskDiffs(w, left[i], schema)...)
		left = slices.Delete(left, i, i+1)
	}
	if !c.one.Exact {
		return
	}
	for _, m := range left {
		c.add(Difference{About: "task", Got: m.fields[title].String()})
	}
}

func (c *comparison) taskDiffs(w mapping.Wanted, m made, schema *connectors.Schema) []Difference {
	title := c.suite.titleField(c.got.tasksOf)
	var diffs []Difference
	for _, f := range w.Fields {
		if v := m.fields[f.Field]; !same(f.Value, v) {
			diffs = append(diffs, Difference{
				About: "task " + m.fields[title].String(), Field: shownField(schema, f.Field), Want: shown(f.Value), Got: shown(v),
			})
		}
	}
	return diffs
}

// held compares the rules that are held back: conflicts, or all else.
func (c *comparison) held(about string, want []mapping.Held, conflicts bool) {
	got := slices.Clone(c.got.held)
	for i := len(got) - 1; i >= 0; i-- {
		if (got[i].Kind == "conflict") != conflicts {
			got = slices.Delete(got, i, i+1)
		}
	}
	for _, w := range want {
		found := false
		for i, g := range got {
			if g.Rule != w.Rule {
				continue
			}
			if !strings.Contains(strings.ToLower(g.Reason), strings.ToLower(w.Reason)) {
				c.add(Difference{About: about, Field: w.Name, Want: "because of " + w.Reason, Got: g.Reason})
			}
			got, found = slices.Delete(got, i, i+1), true
			break
		}
		if !found {
			c.add(Difference{About: about, Field: w.Name, Want: cmp.Or(w.Reason, "it is held back"), Got: "none"})
		}
	}
	if !c.one.Exact {
		return
	}
	for _, g := range got {
		c.add(Difference{About: about, Field: g.Field, Got: c.suite.inWords(g.Reason)})
	}
}

// waits compares what could not be worked.
func (c *comparison) waits() {
	want := strings.ToLower(c.want.Error)
	met := false
	var others []string
	for _, row := range c.got.waits {
		text := strings.TrimSuffix(row.Code+": "+row.Reason, ": ")
		if want != "" && strings.Contains(strings.ToLower(text), want) {
			met = true
		} else if !slices.Contains(others, text) {
			others = append(others, text)
		}
	}
	switch {
	case want != "" && !met && len(others) == 0:
		c.add(Difference{About: "error", Want: c.want.Error, Got: "none"})
	case want != "" && !met:
		c.add(Difference{About: "error", Want: c.want.Error, Got: strings.Join(others, "; ")})
	case want == "" && c.one.Exact:
		for _, text := range others {
			c.add(Difference{About: "error", Got: text})
		}
	}
}

// same reports whether a value is what was wanted. People are compared by their
// e-mail, rich texts without the blanks at their ends.
func same(want, got connectors.Value) bool {
	switch {
	case want.Type() == connectors.TypePerson && got.Type() == connectors.TypePerson:
		return want.Person().Email == got.Person().Email
	case want.Type() == connectors.TypeRichText && got.Type() == connectors.TypeRichText:
		return strings.TrimSpace(want.Text()) == strings.TrimSpace(got.Text())
	}
	return connectors.Equal(want, got)
}

// shown writes a value as people read it.
func shown(v connectors.Value) string {
	if v.IsNull() {
		return nothing
	}
	if mail := v.Person().Email; mail != "" {
		return mail
	}
	return v.String()
}

func describe(s *Suite, side mapping.SideID, fields map[string]connectors.Value) string {
	if title := fields[s.titleField(side)]; !title.IsNull() {
		return "one is created: " + title.String()
	}
	return "one is created"
}

func describeWanted(schema *connectors.Schema, w mapping.Wanted) string {
	var parts []string
	for _, f := range w.Fields {
		parts = append(parts, shownField(schema, f.Field)+": "+shown(f.Value))
	}
	return strings.Join(parts, ", ")
}

// shownField names a field as a case would: by its API name, or where that is
// only a number with a prefix, by its label.
func shownField(schema *connectors.Schema, name string) string {
	if f := schema.Field(name); f != nil && strings.HasPrefix(name, "customfield_") && len(schema.Find(f.Label)) == 1 {
		return f.Label
	}
	return name
}
