package salesforce

import (
	"math/big"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/sandbox/salesforce/internal/soql"
)

// groups runs a query that groups and returns its rows.
func (s *System) groups(p *plan) ([]any, *apiError) {
	groups, err := s.groupRows(p)
	if err != nil {
		return nil, err
	}
	if p.q.Having != nil {
		fits, err := s.having(p, p.q.Having)
		if err != nil {
			return nil, err
		}
		groups = slices.DeleteFunc(groups, func(g []*record) bool { return !fits(g) })
	}
	if err := s.orderGroups(p, groups); err != nil {
		return nil, err
	}
	if p.q.Offset > 0 {
		groups = groups[min(p.q.Offset, len(groups)):]
	}
	if p.q.Limit >= 0 {
		groups = groups[:min(p.q.Limit, len(groups))]
	}
	out := []any{}
	for _, g := range groups {
		row := members{{"attributes", members{{"type", "AggregateResult"}}}}
		for _, i := range p.items {
			f, v := i.total(g)
			row = append(row, member{i.name, f.wire(v)})
		}
		out = append(out, row)
	}
	return out, nil
}

// groupRows sorts the rows into groups, which are in the order of their keys.
func (s *System) groupRows(p *plan) ([][]*record, *apiError) {
	var keys []column
	for _, g := range p.q.GroupBy {
		c, err := s.column(p.q, p.o, g.Path, g.Pos, p.api)
		if err != nil {
			return nil, err
		}
		if f := c.sample(); !f.filterable || f.kind == "multipicklist" {
			return nil, queryError(p.q, g.Pos, "MALFORMED_QUERY", "field '"+c.name()+"' can not be grouped in a query call")
		}
		c.fn = g.Func
		keys = append(keys, c)
	}
	byKey := map[string][]*record{}
	var order []string
	for _, r := range slices.DeleteFunc(s.rows(p.o, p.all, p.api), func(r *record) bool { return !p.where(r) }) {
		var key strings.Builder
		for _, c := range keys {
			f, v := c.of(r)
			if f == nil {
				f = textField
			}
			key.WriteString(f.csv(v) + "\x00")
		}
		if byKey[key.String()] == nil {
			order = append(order, key.String())
		}
		byKey[key.String()] = append(byKey[key.String()], r)
	}
	slices.Sort(order)
	if len(keys) == 0 && len(order) == 0 {
		order = []string{""}
	}
	var out [][]*record
	for _, key := range order {
		out = append(out, byKey[key])
	}
	return out, nil
}

// groupItem is a field or an aggregate of groups.
func (s *System) groupItem(p *plan, f soql.Field) (item, *apiError) {
	if len(f.Path) == 1 && f.Func == "" {
		for _, i := range p.items {
			if strings.EqualFold(i.name, f.Path[0]) {
				return i, nil // an alias, or a field that is selected
			}
		}
	}
	i := item{}
	if slices.Contains(aggregates, f.Func) {
		i.agg = f.Func
	}
	if f.Path == nil {
		return i, nil
	}
	c, err := s.column(p.q, p.o, f.Path, f.Pos, p.api)
	if i.agg == "" {
		c.fn = f.Func
	}
	i.col = c
	return i, err
}

// having compiles a condition on groups.
func (s *System) having(p *plan, x soql.Expr) (func(g []*record) bool, *apiError) {
	switch x := x.(type) {
	case soql.And:
		return s.havingAll(p, x, false)
	case soql.Or:
		return s.havingAll(p, x, true)
	case soql.Not:
		inner, err := s.having(p, x.X)
		return func(g []*record) bool { return !inner(g) }, err
	}
	c, ok := x.(*soql.Compare)
	if !ok || c.Sub != nil {
		return nil, queryError(p.q, p.q.FromPos, "MALFORMED_QUERY", "This condition is not allowed in HAVING")
	}
	i, err := s.groupItem(p, c.Left)
	if err != nil {
		return nil, err
	}
	f := numberField
	if i.agg == "MIN" || i.agg == "MAX" || i.agg == "" {
		f = i.col.sample()
	}
	var wanted []literal
	for _, v := range c.Values {
		l, err := s.literal(p.q, f, v)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, l)
	}
	return func(g []*record) bool {
		_, v := i.total(g)
		switch c.Op {
		case "IN", "NOT IN":
			in := slices.ContainsFunc(wanted, func(l literal) bool { return compare(f, v, "=", []literal{l}) })
			return in == (c.Op == "IN")
		}
		return compare(f, v, c.Op, wanted)
	}, nil
}

func (s *System) havingAll(p *plan, parts []soql.Expr, verdict bool) (func(g []*record) bool, *apiError) {
	var tests []func(g []*record) bool
	for _, x := range parts {
		t, err := s.having(p, x)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return func(g []*record) bool {
		for _, t := range tests {
			if t(g) == verdict {
				return verdict
			}
		}
		return !verdict
	}, nil
}

func (s *System) orderGroups(p *plan, groups [][]*record) *apiError {
	var items []item
	for _, o := range p.q.OrderBy {
		i, err := s.groupItem(p, o.Field)
		if err != nil {
			return err
		}
		items = append(items, i)
	}
	slices.SortStableFunc(groups, func(a, b []*record) int {
		for n, i := range items {
			f, x := i.total(a)
			_, y := i.total(b)
			if c := orderNulls(f, x, y, p.q.OrderBy[n]); c != 0 {
				return c
			}
		}
		return 0
	})
	return nil
}

// orderNulls compares two values as ORDER BY does.
func orderNulls(f *field, x, y value, o soql.Order) int {
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil || y == nil:
		if (x == nil) != o.NullsLast {
			return -1
		}
		return 1
	}
	if o.Desc {
		return -order(f, x, y)
	}
	return order(f, x, y)
}

func countOf(n int) number { return number(itoa(n)) }

// doubleField is the type of sums and averages.
var doubleField = &field{name: "Number", kind: "double", filterable: true, sortable: true}

// total is the value of an item for a group of records.
func (i item) total(group []*record) (*field, value) {
	if i.agg == "" {
		f, v := i.col.of(group[0])
		if f == nil {
			f = textField
		}
		return f, v
	}
	if i.col.f == nil && i.col.poly == "" {
		return numberField, countOf(len(group))
	}
	f := textField
	var values []value
	seen := map[any]bool{}
	for _, r := range group {
		g, v := i.col.of(r)
		if v != nil {
			f, values = g, append(values, v)
			seen[comparable(g, v)] = true
		}
	}
	switch i.agg {
	case "COUNT":
		return numberField, countOf(len(values))
	case "COUNT_DISTINCT":
		return numberField, countOf(len(seen))
	}
	if len(values) == 0 {
		return f, nil
	}
	cmp := func(a, b value) int { return order(f, a, b) }
	switch i.agg {
	case "MIN":
		return f, slices.MinFunc(values, cmp)
	case "MAX":
		return f, slices.MaxFunc(values, cmp)
	}
	sum := new(big.Rat)
	for _, v := range values {
		if n, ok := v.(number); ok {
			sum.Add(sum, n.rat())
		}
	}
	if i.agg == "AVG" {
		sum.Quo(sum, big.NewRat(int64(len(values)), 1))
	}
	n, _ := newNumber(sum.FloatString(6), 6)
	return doubleField, n
}
