package hubspot

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// condition is a checked filter.
type condition struct {
	filter
	p      *property
	links  *linkCondition
	number func(text string) (float64, bool) // nil: compare as text
}

type linkCondition struct {
	s  *System
	to *objectType
}

func (c *call) filterGroups(ot *objectType, req searchRequest) ([][]condition, *apiError) {
	raw := make([][]filter, 0, len(req.Groups)+1)
	for _, g := range req.Groups {
		raw = append(raw, g.Filters)
	}
	if len(req.Filters) > 0 {
		raw = append(raw, req.Filters)
	}
	if len(raw) > maxGroups {
		return nil, invalid("The maximum number of filter groups is %d", maxGroups)
	}
	total := 0
	var groups [][]condition
	for _, filters := range raw {
		if len(filters) > maxGroupFilter {
			return nil, invalid("The maximum number of filters in a group is %d", maxGroupFilter)
		}
		var group []condition
		for _, f := range filters {
			cond, err := c.condition(ot, f)
			if err != nil {
				return nil, err
			}
			group = append(group, cond)
			total++
		}
		groups = append(groups, group)
	}
	if total > maxFilters {
		return nil, invalid("The maximum number of filters is %d", maxFilters)
	}
	return groups, nil
}

func (c *call) condition(ot *objectType, f filter) (condition, *apiError) {
	cond := condition{filter: f}
	if name, ok := strings.CutPrefix(f.Property, "associations."); ok {
		to := c.s.typeByName(name)
		if to == nil || to.schema != nil || ot.schema != nil {
			return cond, invalid("There was a problem with the request.")
		}
		cond.links = &linkCondition{c.s, to}
	} else {
		cond.p = ot.readable(strings.ToLower(f.Property))
		if cond.p == nil || c.s.hidden[ot.id+"/"+cond.p.Name] {
			return cond, invalid("There was a problem with the request.").with("propertyName", f.Property)
		}
		cond.number = comparable(cond.p)
	}
	given := f.Value != ""
	switch f.Operator {
	case "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN":
	case "BETWEEN":
		given = given && f.HighValue != ""
	case "IN", "NOT_IN":
		given = len(f.Values) > 0
	case "HAS_PROPERTY", "NOT_HAS_PROPERTY":
		given = true
	default:
		return cond, invalid("Invalid input JSON on line 1, column 1: Cannot deserialize value of type `Operator` from String %q", f.Operator)
	}
	if !given {
		return cond, invalid("operator %s requires a value", f.Operator)
	}
	if cond.number != nil && f.Operator != "HAS_PROPERTY" && f.Operator != "NOT_HAS_PROPERTY" && !strings.Contains(f.Operator, "TOKEN") {
		for _, v := range append([]flexID{f.Value, f.HighValue}, f.Values...) {
			if _, ok := cond.number(string(v)); v != "" && !ok {
				return cond, invalid("%q is not a valid value for property %s", v, f.Property)
			}
		}
	}
	return cond, nil
}

// comparable returns how values of p compare as numbers; nil: they do not.
func comparable(p *property) func(string) (float64, bool) {
	switch p.Type {
	case "number":
		return func(text string) (float64, bool) {
			f, err := strconv.ParseFloat(text, 64)
			return f, err == nil
		}
	case "date", "datetime":
		return func(text string) (float64, bool) {
			t, ok := parseInstant(text)
			return float64(t.UnixMilli()), ok
		}
	}
	return nil
}

func (h *indexed) matches(groups [][]condition) bool {
	if len(groups) == 0 {
		return true
	}
	return slices.ContainsFunc(groups, func(group []condition) bool {
		return !slices.ContainsFunc(group, func(cond condition) bool { return !cond.holds(h) })
	})
}

func (cond condition) holds(h *indexed) bool {
	if cond.links != nil {
		return cond.linksHold(h)
	}
	text, has := h.values[cond.p.Name]
	switch cond.Operator {
	case "HAS_PROPERTY":
		return has
	case "NOT_HAS_PROPERTY":
		return !has
	case "NEQ":
		return !has || cond.compare(text, cond.Value) != 0
	case "NOT_IN":
		return !has || !cond.in(text)
	case "NOT_CONTAINS_TOKEN":
		return !has || !containsToken(text, string(cond.Value))
	}
	if !has {
		return false
	}
	switch cond.Operator {
	case "EQ":
		return cond.compare(text, cond.Value) == 0
	case "LT":
		return cond.compare(text, cond.Value) < 0
	case "LTE":
		return cond.compare(text, cond.Value) <= 0
	case "GT":
		return cond.compare(text, cond.Value) > 0
	case "GTE":
		return cond.compare(text, cond.Value) >= 0
	case "BETWEEN":
		return cond.compare(text, cond.Value) >= 0 && cond.compare(text, cond.HighValue) <= 0
	case "IN":
		return cond.in(text)
	default: // CONTAINS_TOKEN
		return containsToken(text, string(cond.Value))
	}
}

func (cond condition) linksHold(h *indexed) bool {
	ids := cond.Values
	if len(ids) == 0 {
		ids = []flexID{cond.Value}
	}
	linked := false
	for _, other := range cond.links.s.linkedTo(h.rec, cond.links.to) {
		linked = linked || cond.Operator == "HAS_PROPERTY" || slices.Contains(ids, flexID(other.idText()))
	}
	return linked != strings.HasPrefix(cond.Operator, "N")
}

// in reports whether the value is in the list. Text is lower-cased before it is
// looked for, so that a list with capitals finds nothing.
func (cond condition) in(text string) bool {
	return slices.ContainsFunc(cond.Values, func(v flexID) bool {
		if cond.p.Type == "string" {
			return strings.ToLower(text) == string(v)
		}
		return cond.compare(text, v) == 0
	})
}

// compare orders numbers and times by size, enumerations by exact text and
// other text without regard to case.
func (cond condition) compare(text string, with flexID) int {
	if cond.number != nil {
		a, okA := cond.number(text)
		b, okB := cond.number(string(with))
		if okA && okB {
			switch {
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		}
	}
	if cond.p.Type == "enumeration" {
		if slices.Contains(strings.Split(text, ";"), string(with)) {
			return 0
		}
		return strings.Compare(text, string(with))
	}
	return strings.Compare(strings.ToLower(text), strings.ToLower(string(with)))
}

func tokens(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '*' })
}

// containsToken reports whether all words of pattern occur in text; "*" stands
// for any letters.
func containsToken(text, pattern string) bool {
	words := tokens(text)
	wanted := tokens(pattern)
	for _, w := range wanted {
		if !slices.ContainsFunc(words, func(word string) bool { return wildcard(w, word) }) {
			return false
		}
	}
	return len(wanted) > 0
}

func wildcard(pattern, word string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == word
	}
	if !strings.HasPrefix(word, parts[0]) {
		return false
	}
	word = word[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(word, part)
		if i < 0 {
			return false
		}
		word = word[i+len(part):]
	}
	return strings.HasSuffix(word, parts[len(parts)-1])
}
