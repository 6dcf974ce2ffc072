package salesforce

import (
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce/internal/soql"
)

// test decides whether a record fits a condition.
type test func(r *record) bool

// condition compiles a condition over records of o.
func (s *System) condition(q *soql.Query, o *object, x soql.Expr, api bool) (test, *apiError) {
	switch x := x.(type) {
	case nil:
		return func(*record) bool { return true }, nil
	case soql.And:
		return s.joined(q, o, x, api, false)
	case soql.Or:
		return s.joined(q, o, x, api, true)
	case soql.Not:
		inner, err := s.condition(q, o, x.X, api)
		if err != nil {
			return nil, err
		}
		return func(r *record) bool { return !inner(r) }, nil
	case *soql.Compare:
		return s.comparison(q, o, x, api)
	}
	panic("unknown condition")
}

func (s *System) joined(q *soql.Query, o *object, parts []soql.Expr, api, verdict bool) (test, *apiError) {
	var tests []test
	for _, x := range parts {
		t, err := s.condition(q, o, x, api)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return func(r *record) bool {
		for _, t := range tests {
			if t(r) == verdict {
				return verdict
			}
		}
		return !verdict
	}, nil
}

func (s *System) comparison(q *soql.Query, o *object, x *soql.Compare, api bool) (test, *apiError) {
	c, err := s.column(q, o, x.Left.Path, x.Left.Pos, api)
	if err != nil {
		return nil, err
	}
	c.fn = x.Left.Func
	f := c.sample()
	if !f.filterable {
		return nil, queryError(q, x.Left.Pos, "INVALID_FIELD", "field '"+f.name+"' can not be filtered in a query call")
	}
	if err := operatorFits(q, x, f); err != nil {
		return nil, err
	}
	if x.Sub != nil {
		return s.semiJoin(q, c, x, api)
	}
	var wanted []literal
	for _, v := range x.Values {
		l, err := s.literal(q, f, v)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, l)
	}
	if x.Op == "IN" || x.Op == "NOT IN" {
		return inList(c, f, wanted, x.Op == "IN"), nil
	}
	return func(r *record) bool {
		_, v := c.of(r)
		return compare(f, v, x.Op, wanted)
	}, nil
}

func operatorFits(q *soql.Query, x *soql.Compare, f *field) *apiError {
	bad := false
	switch x.Op {
	case "LIKE":
		bad = !f.textual() || f.kind == "multipicklist"
	case "INCLUDES", "EXCLUDES":
		bad = f.kind != "multipicklist"
	case "<", "<=", ">", ">=":
		bad = f.kind == "boolean" || f.kind == "multipicklist"
	case "IN", "NOT IN":
		bad = f.kind == "multipicklist" || f.kind == "boolean"
	}
	if !bad {
		return nil
	}
	if f.kind == "id" || f.kind == "reference" {
		return queryError(q, x.Left.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field")
	}
	return queryError(q, x.Left.Pos, "INVALID_QUERY_FILTER_OPERATOR", "'"+f.name+"' ("+f.kind+") is not valid for the operator "+x.Op)
}

// literal is what a field is compared with.
type literal struct {
	v        value
	like     string
	from, to time.Time // of a date word: the days meant
}

func (s *System) literal(q *soql.Query, f *field, v soql.Value) (literal, *apiError) {
	wrong := func(kind, quotes string) (literal, *apiError) {
		return literal{}, queryError(q, v.Pos, "INVALID_FIELD", "value of filter criterion for field '"+f.name+"' must be of type "+kind+" and should "+quotes+"be enclosed in quotes")
	}
	if v.Kind == soql.Null {
		return literal{}, nil
	}
	switch f.kind {
	case "date", "datetime":
		if v.Kind == soql.DateWord {
			from, to := soql.Span(v.Text, v.N, s.now().In(s.zone))
			return literal{from: from, to: to}, nil
		}
		if f.kind == "date" && v.Kind == soql.Date {
			return literal{v: v.Text}, nil
		}
		if t, ok := parseInstant(v.Text); ok && f.kind == "datetime" && v.Kind == soql.DateTime {
			return literal{v: t}, nil
		}
		if f.kind == "date" {
			return wrong("date", "not ")
		}
		return wrong("dateTime", "not ")
	case "boolean":
		if v.Kind != soql.Bool {
			return wrong("boolean", "not ")
		}
		return literal{v: v.Text == "TRUE"}, nil
	case "int", "double", "currency", "percent", "long":
		n, ok := newNumber(v.Text, -1)
		if v.Kind != soql.Number || !ok {
			return wrong(f.soapName(), "not ")
		}
		return literal{v: n}, nil
	case "id", "reference":
		if v.Kind != soql.Text {
			return wrong("ID", "")
		}
		if v.Text == "" {
			return literal{}, nil
		}
		id, ok := normalID(v.Text)
		if !ok {
			return literal{}, queryError(q, v.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: "+v.Text)
		}
		return literal{v: id}, nil
	}
	if v.Kind != soql.Text {
		return wrong("string", "")
	}
	if v.Text == "" {
		return literal{}, nil
	}
	return literal{v: v.Text, like: v.Like}, nil
}

func inList(c column, f *field, wanted []literal, in bool) test {
	keys := map[any]bool{}
	spans := slices.DeleteFunc(slices.Clone(wanted), func(l literal) bool { return l.from.IsZero() })
	for _, l := range wanted {
		if l.from.IsZero() {
			keys[comparable(f, l.v)] = true
		}
	}
	return func(r *record) bool {
		_, v := c.of(r)
		found := keys[comparable(f, v)]
		for _, l := range spans {
			found = found || compare(f, v, "=", []literal{l})
		}
		return found == in
	}
}

// comparable is the form of a value in which equal ones are identical.
func comparable(f *field, v value) any {
	switch v := v.(type) {
	case string:
		if f.kind == "id" || f.kind == "reference" || f.caseSensitive {
			return v
		}
		return strings.ToLower(v)
	case time.Time:
		return v.Unix()
	}
	return v
}

func compare(f *field, v value, op string, wanted []literal) bool {
	w := wanted[0]
	switch op {
	case "LIKE":
		text, ok := v.(string)
		return ok && like(strings.ToLower(text), strings.ToLower(w.like))
	case "INCLUDES", "EXCLUDES":
		return includes(v, wanted) == (op == "INCLUDES")
	case "=", "!=":
		if !w.from.IsZero() {
			n, ok := within(v, w)
			return (ok && n == 0) == (op == "=")
		}
		return equal(f, v, w.v) == (op == "=")
	}
	if v == nil {
		return false
	}
	var n int
	if !w.from.IsZero() {
		n, _ = within(v, w)
	} else {
		if w.v == nil {
			return false
		}
		n = order(f, v, w.v)
	}
	switch op {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	default:
		return n >= 0
	}
}

func equal(f *field, a, b value) bool {
	if f.kind == "multipicklist" && a != nil && b != nil {
		split := func(v value) []string {
			parts := strings.Split(strings.ToLower(v.(string)), ";")
			slices.Sort(parts)
			return parts
		}
		return slices.Equal(split(a), split(b))
	}
	return comparable(f, a) == comparable(f, b)
}

// within says where a value is before (-1), in (0) or behind (1) the days of a
// date word; false for no value.
func within(v value, w literal) (int, bool) {
	t, ok := v.(time.Time)
	if !ok {
		text, is := v.(string)
		if !is {
			return 0, false
		}
		day, err := time.ParseInLocation(time.DateOnly, text, w.from.Location())
		if err != nil {
			return 0, false
		}
		t = day
	}
	switch {
	case t.Before(w.from):
		return -1, true
	case t.Before(w.to):
		return 0, true
	}
	return 1, true
}

// order compares two values of a field; neither is nil.
func order(f *field, a, b value) int {
	switch a := a.(type) {
	case time.Time:
		return a.Compare(b.(time.Time))
	case number:
		return a.rat().Cmp(b.(number).rat())
	case bool:
		switch {
		case a == b.(bool):
			return 0
		case a:
			return 1
		}
		return -1
	}
	x, y := a.(string), b.(string)
	if f.kind == "id" || f.kind == "reference" {
		return strings.Compare(x, y)
	}
	return strings.Compare(strings.ToLower(x), strings.ToLower(y))
}

func includes(v value, wanted []literal) bool {
	text, _ := v.(string)
	have := strings.Split(strings.ToLower(text), ";")
	for _, w := range wanted {
		all, _ := w.v.(string)
		missing := slices.ContainsFunc(strings.Split(strings.ToLower(all), ";"), func(part string) bool { return !slices.Contains(have, strings.TrimSpace(part)) })
		if !missing {
			return true
		}
	}
	return false
}

// like matches a text with a pattern of % and _; a backslash takes their meaning
// away.
func like(text, pattern string) bool {
	t, p := []rune(text), []rune(pattern)
	star, mark := -1, 0 // the last % and how much of the text it has taken
	i, j := 0, 0
	for i < len(t) {
		if j < len(p) && p[j] == '%' {
			star, mark = j, i
			j++
			continue
		}
		if j < len(p) {
			step, fits := 1, p[j] == '_' || p[j] == t[i]
			if p[j] == '\\' && j+1 < len(p) {
				step, fits = 2, p[j+1] == t[i]
			}
			if fits {
				i, j = i+1, j+step
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		i, j = mark, star+1
	}
	for j < len(p) && p[j] == '%' {
		j++
	}
	return j == len(p)
}

// semiJoin compares with what a sub-query finds.
func (s *System) semiJoin(q *soql.Query, c column, x *soql.Compare, api bool) (test, *apiError) {
	if len(x.Sub.Fields) != 1 || x.Sub.Fields[0].Path == nil {
		return nil, queryError(q, x.Sub.FromPos, "MALFORMED_QUERY", "semi join sub-selects can only have one field")
	}
	o, err := s.from(x.Sub, api)
	if err != nil {
		return nil, err
	}
	inner, err := s.column(x.Sub, o, x.Sub.Fields[0].Path, x.Sub.Fields[0].Pos, api)
	if err != nil {
		return nil, err
	}
	where, err := s.condition(x.Sub, o, x.Sub.Where, api)
	if err != nil {
		return nil, err
	}
	found := map[any]bool{}
	f := c.sample()
	for _, r := range s.rows(o, false, api) {
		if where(r) {
			if _, v := inner.of(r); v != nil {
				found[comparable(f, v)] = true
			}
		}
	}
	return func(r *record) bool {
		_, v := c.of(r)
		return found[comparable(f, v)] == (x.Op == "IN")
	}, nil
}
