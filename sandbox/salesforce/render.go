package salesforce

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/sandbox/salesforce/internal/soql"
)

func itoa(n int) string { return strconv.Itoa(n) }

func attributes(r *record, version string) members {
	return members{{"type", r.object.name}, {"url", r.path(version)}}
}

// row renders a record as the plan selects it.
func (s *System) row(p *plan, items []item, r *record, version string) members {
	out := members{{"attributes", attributes(r, version)}}
	for _, i := range items {
		switch {
		case i.sub != nil:
			out = append(out, member{i.name, s.childRows(i, r, version)})
		case i.cases != nil:
			out = append(out, member{i.name, s.typedRow(p, i, r, version)})
		case i.deep != nil:
			parent := i.col.target(r)
			if parent == nil {
				out = append(out, member{i.name, nil})
				continue
			}
			out = append(out, member{i.name, s.parentRow(p, i, r, parent, version)})
		default:
			f, v := i.col.of(r)
			out = append(out, member{i.name, s.wire(r, f, v, version)})
		}
	}
	return out
}

// parentRow renders the parent of r; its columns lead there from r.
func (s *System) parentRow(p *plan, i item, r, parent *record, version string) members {
	whole := s.row(p, i.deep, r, version)
	whole[0].value = attributes(parent, version)
	if f := i.col.hops[len(i.col.hops)-1]; f.polymorphic() {
		whole[0].value = members{{"type", "Name"}, {"url", parent.path(version)}}
	}
	return whole
}

func (s *System) typedRow(p *plan, i item, r *record, version string) any {
	parent := i.col.target(r)
	if parent == nil {
		return nil
	}
	items, ok := i.cases[parent.object.name]
	if !ok {
		items = i.other
	}
	return s.row(p, items, parent, version)
}

// wire renders a value; blobs are shown as the path to them.
func (s *System) wire(r *record, f *field, v value, version string) any {
	if f == nil || v == nil {
		return nil
	}
	if f.kind == "base64" {
		return r.path(version) + "/" + f.name
	}
	return f.wire(v)
}

func (s *System) childRows(i item, r *record, version string) any {
	var mine []*record
	for _, c := range s.rows(i.via.object, i.sub.all, i.sub.api) {
		if c.text(i.via.name) == r.id {
			mine = append(mine, c)
		}
	}
	mine = s.run(i.sub, mine)
	if len(mine) == 0 {
		return nil
	}
	records := make([]any, 0, len(mine))
	for _, c := range mine {
		records = append(records, s.row(i.sub, i.sub.items, c, version))
	}
	return members{{"totalSize", len(mine)}, {"done", true}, {"records", records}}
}

// selectAggregates checks the list of a query that groups.
func (s *System) selectAggregates(p *plan) *apiError {
	expr := 0
	for _, f := range p.q.Fields {
		if f.Sub != nil || f.Star != "" || f.Type != nil {
			return queryError(p.q, f.Pos, "MALFORMED_QUERY", "Only plain fields and aggregates may be selected with GROUP BY")
		}
		i := item{name: f.Alias}
		if slices.Contains(aggregates, f.Func) {
			i.agg = f.Func
		} else if !slices.ContainsFunc(p.q.GroupBy, func(g soql.Field) bool {
			return g.Func == f.Func && strings.EqualFold(strings.Join(g.Path, "."), strings.Join(f.Path, "."))
		}) {
			return queryError(p.q, f.Pos, "MALFORMED_QUERY", "Field must be grouped or aggregated: "+strings.Join(f.Path, "."))
		}
		if f.Path != nil {
			c, err := s.column(p.q, p.o, f.Path, f.Pos, p.api)
			if err != nil {
				return err
			}
			if i.agg == "" {
				c.fn = f.Func
			}
			i.col = c
		}
		if i.name == "" && i.agg == "" && f.Func == "" {
			i.name = i.col.name()
		} else if i.name == "" {
			i.name = "expr" + itoa(expr)
			expr++
		}
		p.items = append(p.items, i)
	}
	return nil
}
