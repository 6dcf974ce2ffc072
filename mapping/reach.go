package mapping

import (
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Stepped lists the fields of a side that rules write and that change by steps
// only, by their API names.
func (m *Mapping) Stepped(side SideID) []string {
	var fields []string
	for _, r := range m.rules {
		if r.flow.To(side) && r.convert[side].to != nil && r.convert[side].to.Hops && !slices.Contains(fields, r.Field(side)) {
			fields = append(fields, r.Field(side))
		}
	}
	return fields
}

// CheckReach warns where rules write a value to a side's field that no step leads
// to: a record can hold it only when it is made so. unreachable are those values.
func (m *Mapping) CheckReach(side SideID, field string, unreachable []connectors.Option) Problems {
	r := &reporter{file: m.path, lines: m.file.report.lines}
	for _, rule := range m.rules {
		if rule.Field(side) != field || !rule.flow.To(side) || rule.convert[side].table == nil {
			continue
		}
		table := rule.convert[side].table
		for _, row := range table.rows {
			v := table.entries[row.key]
			if slices.ContainsFunc(unreachable, func(o connectors.Option) bool { return o.ID == v.Option().ID && !v.IsNull() }) {
				r.warnf(row.to, "choose a value that a step leads to, or have the step added in the system",
					"no step leads to `%s` of `%s`: only new records hold it, and such a write is set aside", v, m.sides[side].Name)
			}
		}
	}
	return r.problems.sorted()
}
