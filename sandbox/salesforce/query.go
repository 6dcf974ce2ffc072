package salesforce

import (
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce/internal/soql"
)

// plan is a query that was checked against the schema.
type plan struct {
	q     *soql.Query
	o     *object
	all   bool // deleted rows, too
	api   bool
	items []item
	where test
	wide  bool // a long text is selected: pages are shorter
}

// item is one selected thing, in order: a column, a parent with items of its
// own, a list of children, or an aggregate.
type item struct {
	name  string
	col   column
	deep  []item // of a parent, whose reference field is col.hops' last
	sub   *plan
	via   *field // of sub: the children's reference field
	agg   string
	cases map[string][]item // of TYPEOF, by type in lower case
	other []item
}

// parse reads a statement and checks it.
func (s *System) plan(text string, all, api bool) (*plan, *apiError) {
	q, perr := soql.Parse(text)
	if perr != nil {
		return nil, refuseCall(400, perr.Code, "%s", perr.Text)
	}
	return s.planOf(q, all || q.AllRows, api)
}

// from finds the object of a query.
func (s *System) from(q *soql.Query, api bool) (*object, *apiError) {
	o := s.object(q.From)
	if o != nil && (o.name == "EntityDefinition" || o.name == "FieldDefinition") {
		s.defineSchema()
	}
	if o == nil || !o.queryable || api && s.denied(o.name, "read") {
		return nil, queryError(q, q.FromPos, "INVALID_TYPE", "sObject type '"+q.From+"' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name."+seeDescribe)
	}
	return o, nil
}

func (s *System) planOf(q *soql.Query, all, api bool) (*plan, *apiError) {
	o, err := s.from(q, api)
	if err != nil {
		return nil, err
	}
	return s.planFrom(q, o, all, api)
}

func (s *System) planFrom(q *soql.Query, o *object, all, api bool) (*plan, *apiError) {
	p := &plan{q: q, o: o, all: all, api: api}
	var err *apiError
	if p.where, err = s.condition(q, o, q.Where, api); err != nil {
		return nil, err
	}
	if q.Offset > 2000 {
		return nil, refuseCall(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
	}
	if o.name == "ContentDocumentLink" && !filtersBy(q.Where, "ContentDocumentId", "LinkedEntityId", "Id") {
		return nil, refuseCall(400, "MALFORMED_QUERY", "%s", "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN operator.")
	}
	for _, ord := range q.OrderBy {
		c, err := s.column(q, o, ord.Field.Path, ord.Field.Pos, api)
		if err != nil && len(q.GroupBy) == 0 {
			return nil, err
		}
		if err == nil && !c.sample().sortable {
			return nil, queryError(q, ord.Field.Pos, "INVALID_FIELD", "field '"+c.name()+"' can not be sorted in a query call")
		}
	}
	return p, s.selectItems(p)
}

// filtersBy reports whether a condition demands one of these fields.
func filtersBy(x soql.Expr, names ...string) bool {
	switch x := x.(type) {
	case soql.And:
		return slices.ContainsFunc(x, func(y soql.Expr) bool { return filtersBy(y, names...) })
	case *soql.Compare:
		return len(x.Left.Path) == 1 && (x.Op == "=" || x.Op == "IN") && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, x.Left.Path[0]) })
	}
	return false
}

var aggregates = []string{"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"}

func (p *plan) aggregated() bool {
	return len(p.q.GroupBy) > 0 || slices.ContainsFunc(p.q.Fields, func(f soql.Field) bool { return slices.Contains(aggregates, f.Func) })
}

func (s *System) selectItems(p *plan) *apiError {
	if p.aggregated() {
		return s.selectAggregates(p)
	}
	for _, f := range p.q.Fields {
		if err := s.selectItem(p, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *System) selectItem(p *plan, f soql.Field) *apiError {
	switch {
	case f.Star != "":
		return s.selectStar(p, f)
	case f.Sub != nil:
		return s.selectChildren(p, f)
	case f.Type != nil:
		return s.selectType(p, f)
	}
	c, err := s.column(p.q, p.o, f.Path, f.Pos, p.api)
	if err != nil {
		return err
	}
	c.fn = f.Func
	if c.f != nil && c.f.long() {
		p.wide = true
	}
	name := f.Alias
	if name == "" {
		name = c.name()
		if c.fn == "FORMAT" || strings.Contains(c.fn, "(") {
			name = "expr0"
		}
	}
	if !insert(&p.items, c.hops, 0, item{name: name, col: c}) {
		return queryError(p.q, f.Pos, "INVALID_FIELD", "duplicate field selected: "+strings.Join(f.Path, "."))
	}
	return nil
}

// insert puts a leaf below its parents; false if it is there already.
func insert(items *[]item, hops []*field, depth int, leaf item) bool {
	if depth == len(hops) {
		if slices.ContainsFunc(*items, func(i item) bool { return i.name == leaf.name && i.deep == nil && i.sub == nil }) {
			return false
		}
		*items = append(*items, leaf)
		return true
	}
	relation := hops[depth].relation
	i := slices.IndexFunc(*items, func(i item) bool { return i.deep != nil && i.name == relation })
	if i < 0 {
		parent := leaf.col
		parent.hops, parent.f, parent.poly, parent.fn = hops[:depth+1], nil, "Id", ""
		*items = append(*items, item{name: relation, col: parent, deep: []item{}})
		i = len(*items) - 1
	}
	return insert(&(*items)[i].deep, hops, depth+1, leaf)
}

func (s *System) selectStar(p *plan, f soql.Field) *apiError {
	if f.Star != "STANDARD" && (p.q.Limit < 0 || p.q.Limit > 200) {
		return queryError(p.q, f.Pos, "MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200")
	}
	for _, each := range p.o.fields {
		if p.api && s.hides(each) || f.Star == "CUSTOM" && !each.custom || f.Star == "STANDARD" && each.custom {
			continue
		}
		p.wide = p.wide || each.long()
		insert(&p.items, nil, 0, item{name: each.name, col: column{s: s, api: p.api, f: each}})
	}
	return nil
}

func (s *System) selectChildren(p *plan, f soql.Field) *apiError {
	for _, via := range s.children(p.o) {
		if via.children == "" || !strings.EqualFold(via.children, f.Sub.From) || p.api && (s.denied(via.object.name, "read") || s.hides(via)) {
			continue
		}
		sub, err := s.planFrom(f.Sub, via.object, p.all, p.api)
		if err != nil {
			return err
		}
		p.items = append(p.items, item{name: via.children, sub: sub, via: via})
		return nil
	}
	return queryError(p.q, f.Sub.FromPos, "INVALID_TYPE", "Didn't understand relationship '"+f.Sub.From+"' in FROM part of query call. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name."+seeDescribe)
}

func (s *System) selectType(p *plan, f soql.Field) *apiError {
	ref := p.o.parent(f.Type.Relation)
	if ref == nil || !ref.polymorphic() {
		return queryError(p.q, f.Pos, "INVALID_FIELD", "Relationship "+f.Type.Relation+" is not polymorphic")
	}
	items := func(o *object, fields []soql.Field) ([]item, *apiError) {
		var out []item
		for _, each := range fields {
			c, err := s.column(p.q, o, each.Path, each.Pos, p.api)
			if err != nil {
				return nil, err
			}
			insert(&out, c.hops, 0, item{name: c.name(), col: c})
		}
		return out, nil
	}
	out := item{name: ref.relation, col: column{s: s, api: p.api, hops: []*field{ref}, poly: "Id"}, cases: map[string][]item{}}
	for _, w := range f.Type.When {
		o := s.object(w.Type)
		if o == nil || !slices.Contains(ref.references, o.name) {
			return queryError(p.q, f.Pos, "INVALID_TYPE", "sObject type '"+w.Type+"' is not a type of "+ref.name)
		}
		list, err := items(o, w.Fields)
		if err != nil {
			return err
		}
		out.cases[o.name] = list
	}
	for _, each := range f.Type.Else {
		c, err := s.column(p.q, p.o, append([]string{f.Type.Relation}, each.Path...), each.Pos, p.api)
		if err != nil {
			return err
		}
		out.other = append(out.other, item{name: c.name(), col: column{s: s, api: p.api, poly: c.poly, f: c.f}})
	}
	p.items = append(p.items, out)
	return nil
}

// binLife is how long records stay in the recycle bin.
const binLife = 15 * 24 * time.Hour

// rows are the records of an object that a reader sees, by id.
func (s *System) rows(o *object, all, api bool) []*record {
	out := make([]*record, 0, len(o.ids))
	emptied := s.now().Add(-binLife)
	for _, id := range o.ids {
		r := o.records[id]
		if r == nil || r.purged || r.deleted() && r.gone.Before(emptied) || r.deleted() && !all || api && r.hidden || !all && r.flag("IsArchived") {
			continue
		}
		out = append(out, r)
	}
	return out
}

// find runs the plan up to the rows: filter, order, offset, limit.
func (s *System) run(p *plan, rows []*record) []*record {
	rows = slices.DeleteFunc(rows, func(r *record) bool { return !p.where(r) })
	s.sortRows(p, rows)
	if p.q.Offset > 0 {
		rows = rows[min(p.q.Offset, len(rows)):]
	}
	if p.q.Limit >= 0 {
		rows = rows[:min(p.q.Limit, len(rows))]
	}
	return rows
}

func (s *System) sortRows(p *plan, rows []*record) {
	type key struct {
		c    column
		o    soql.Order
		f    *field
		rank bool
	}
	var keys []key
	for _, o := range p.q.OrderBy {
		c, err := s.column(p.q, p.o, o.Field.Path, o.Field.Pos, p.api)
		if err != nil {
			continue
		}
		c.fn = o.Field.Func
		keys = append(keys, key{c, o, c.sample(), c.f != nil && c.f.kind == "picklist" && c.fn == ""})
	}
	if len(keys) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(a, b *record) int {
		for _, k := range keys {
			_, x := k.c.of(a)
			_, y := k.c.of(b)
			n := 0
			if k.rank && x != nil && y != nil {
				if n = k.c.f.rank(text(x)) - k.c.f.rank(text(y)); k.o.Desc {
					n = -n
				}
			} else {
				n = orderNulls(k.f, x, y, k.o)
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
}
