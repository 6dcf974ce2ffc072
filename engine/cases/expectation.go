package cases

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// expectation writes what came of a case as its `expect`, in YAML.
func (s *Suite) expectation(one *mapping.Case, got *outcome) string {
	var b strings.Builder
	line := func(depth int, text string) { b.WriteString(strings.Repeat("  ", depth) + text + "\n") }
	if got.linked != one.Linked {
		line(1, "link: "+strconv.FormatBool(got.linked))
	}
	s.bySide(line, "create", func(side mapping.SideID) string {
		if len(got.created[side]) == 0 {
			return ""
		}
		fields := s.told(s.Schemas[side], side, got.created[side][0].fields)
		maps.DeleteFunc(fields, func(name string, v connectors.Value) bool {
			return (&comparison{one: one}).isDefault(side, name, v)
		})
		return flow(s.Schemas[side], fields)
	})
	if len(got.tasks) > 0 {
		line(1, "tasks:")
		for _, t := range got.tasks {
			line(2, "- "+flow(s.taskSchema(got.tasksOf), s.told(s.taskSchema(got.tasksOf), got.tasksOf, t.fields)))
		}
	}
	s.bySide(line, "update", func(side mapping.SideID) string {
		if len(got.updated[side]) == 0 {
			return ""
		}
		return flow(s.Schemas[side], got.updated[side])
	})
	s.listBySide(line, "comments", got.comment)
	s.listBySide(line, "attachments", got.files)
	s.expectHeld(got, line)
	for side := range mapping.SideID(2) {
		switch got.state[side] {
		case connectors.Archived:
			line(1, "archive: "+s.Mapping.Side(side).Name)
		case connectors.Deleted:
			line(1, "delete: "+s.Mapping.Side(side).Name)
		case connectors.Live, connectors.Merged:
		}
	}
	if len(got.waits) > 0 {
		line(1, "error: "+scalar(got.waits[0].Code))
	}
	if b.Len() == 0 {
		return "expect: nothing\n"
	}
	return "expect:\n" + b.String()
}

// bySide writes a block with a line for each side of which entry tells
// something, and nothing where it tells of none.
func (s *Suite) bySide(line func(depth int, text string), key string, entry func(mapping.SideID) string) {
	open := false
	for side := range mapping.SideID(2) {
		text := entry(side)
		if text == "" {
			continue
		}
		if !open {
			line(1, key+":")
			open = true
		}
		line(2, s.Mapping.Side(side).Name+": "+text)
	}
}

func (s *Suite) expectHeld(got *outcome, line func(int, string)) {
	for _, kind := range []struct {
		key       string
		conflicts bool
	}{{"conflict", true}, {"aside", false}} {
		var names []string
		for _, h := range got.held {
			if (h.Kind == "conflict") == kind.conflicts {
				names = append(names, scalar(s.heldName(h.Rule)))
			}
		}
		if len(names) > 0 {
			line(1, kind.key+": ["+strings.Join(names, ", ")+"]")
		}
	}
}

// heldName names a rule by a field that no other rule has.
func (s *Suite) heldName(rule uint32) string {
	for _, r := range s.Mapping.Rules() {
		if r.ID() != rule {
			continue
		}
		for side := range mapping.SideID(2) {
			name := r.Field(side)
			n := 0
			for _, other := range s.Mapping.Rules() {
				if other.Field(mapping.Left) == name || other.Field(mapping.Right) == name {
					n++
				}
			}
			if name != "" && n == 1 {
				return shownField(s.Schemas[side], name)
			}
		}
	}
	return mapping.HeldRecord
}

// flow writes fields as a YAML table in braces.
func flow(schema *connectors.Schema, fields map[string]connectors.Value) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, scalar(shownField(schema, name))+": "+yamlValue(fields[name]))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func yamlValue(v connectors.Value) string {
	switch v.Type() {
	case connectors.TypeNull:
		return "null"
	case connectors.TypeOptions:
		var items []string
		for _, o := range v.Options() {
			items = append(items, scalar(optionName(o)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case connectors.TypeOption:
		return scalar(optionName(v.Option()))
	case connectors.TypeNumber, connectors.TypeBool:
		return v.String()
	case connectors.TypeInstant:
		return v.Time().UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	}
	if v.Type() == connectors.TypeText && looksTyped.MatchString(v.Text()) {
		return strconv.Quote(v.Text())
	}
	return scalar(shown(v))
}

// readableID is an id that says what it stands for, as a mapping would write it.
var readableID = regexp.MustCompile(`^[a-z][a-z0-9]*([_-][a-z0-9]+)*$`)

func optionName(o connectors.Option) string {
	if readableID.MatchString(o.ID) || o.Label == "" {
		return o.ID
	}
	return o.Label
}

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_ ./@+()-]*$`)
	looksTyped  = regexp.MustCompile(`(?i)^([-+.0-9][0-9a-fx_.+e:-]*|true|false|null|yes|no|on|off|~|y|n)$`)
)

// scalar writes a text as YAML, in quotes where it would mean something else.
func scalar(text string) string {
	if plainScalar.MatchString(text) && strings.TrimSpace(text) == text && (!looksTyped.MatchString(text) || isDay.MatchString(text)) {
		return text
	}
	return strconv.Quote(text)
}

var isDay = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// listBySide writes a list of texts for each side that has one.
func (s *Suite) listBySide(line func(int, string), key string, lists [2][]string) {
	s.bySide(line, key, func(side mapping.SideID) string {
		if len(lists[side]) == 0 {
			return ""
		}
		texts := make([]string, len(lists[side]))
		for i, text := range lists[side] {
			texts[i] = scalar(text)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	})
}
