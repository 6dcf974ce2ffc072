package cases

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// touch notes which parts of the mapping the case touched: rules by which it
// wrote or that were held back, rows of tables by the values that went through
// them, conditions by their outcome.
func (w *world) touch(ctx context.Context, got *outcome, parts []mapping.Part, touched []bool) error {
	records, err := w.records(ctx, got)
	if err != nil {
		return err
	}
	for i, p := range parts {
		if touched[i] {
			continue
		}
		switch p.Kind {
		case mapping.PartRule:
			touched[i] = w.wrote(got, p)
		case mapping.PartValue, mapping.PartOther:
			touched[i] = w.row(got, p, records)
		case mapping.PartMatch:
			touched[i] = w.matched(got, p, records)
		case mapping.PartWhen:
			touched[i] = len(got.created[p.To]) > 0 && !w.one.Pressed
		case mapping.PartUnless:
			touched[i] = w.declined(p, records)
		case mapping.PartButton:
			touched[i] = len(got.created[p.To]) > 0 && w.one.Pressed
		case mapping.PartTask:
			touched[i] = w.taskMade(got, p, records)
		}
	}
	return nil
}

// records are the two records of the case's pair as they stand at the end: the
// first given ones, or what was made for them; nil where there is none.
func (w *world) records(ctx context.Context, got *outcome) (recs [2]*connectors.Record, err error) {
	for side := range mapping.SideID(2) {
		id := ""
		if len(w.given[side]) > 0 {
			id = w.given[side][0]
		}
		if len(got.created[side]) > 0 {
			id = got.created[side][0].id
		}
		if id == "" {
			continue
		}
		s := w.suite.Mapping.Side(side)
		sel := connectors.Selection{Object: s.Object, Scope: s.Scope, Fields: w.suite.Mapping.Needs(side)}
		results, err := w.conns[s.Connection].Read(ctx, sel, []string{id})
		if err != nil {
			return recs, err
		}
		if rec := results[0].Record; rec != nil && rec.State == connectors.Live {
			recs[side] = rec
		}
	}
	return recs, nil
}

func (w *world) paired(got *outcome) bool {
	return got.linked || len(got.created[0])+len(got.created[1]) > 0
}

// wrote reports whether a rule wrote to a side, or would have.
func (w *world) wrote(got *outcome, p mapping.Part) bool {
	if _, ok := got.why[written{p.Rule.ID(), p.To}]; ok {
		return true
	}
	for _, h := range got.held {
		if h.Rule == p.Rule.ID() {
			return true
		}
	}
	return false
}

// row reports whether a value went through a row of a rule's table, or past all.
func (w *world) row(got *outcome, p mapping.Part, records [2]*connectors.Record) bool {
	from := records[p.To.Other()]
	if from == nil || !w.paired(got) {
		return false
	}
	v, presence, err := p.Rule.Value(p.To.Other(), from)
	if err != nil || presence != connectors.Present {
		return false
	}
	rows, unlisted := p.Rule.Rows(p.To, v)
	if p.Kind == mapping.PartOther {
		return unlisted
	}
	return w.wrote(got, mapping.Part{Rule: p.Rule, To: p.To}) && slices.Contains(rows, p.Row)
}

// matched reports whether the given records were linked, and a rule of `match`
// says so.
func (w *world) matched(got *outcome, p mapping.Part, records [2]*connectors.Record) bool {
	if !got.linked || w.one.Linked || records[0] == nil || records[1] == nil {
		return false
	}
	r := w.suite.Mapping.Match()[p.Index]
	left, lp := r.Value(mapping.Left, records[0])
	right, rp := r.Value(mapping.Right, records[1])
	if lp != connectors.Present || rp != connectors.Present || left.IsNull() {
		return false
	}
	v, outcome, err := r.Convert(mapping.Right, left)
	return err == nil && outcome == mapping.Write && same(v, right)
}

// declined reports whether a condition of `create` was not met by a record that
// has no counterpart.
func (w *world) declined(p mapping.Part, records [2]*connectors.Record) bool {
	source := records[p.To.Other()]
	if source == nil || records[p.To] != nil || !source.InScope {
		return false
	}
	yes, err := w.suite.Mapping.Create(p.To).When(source)
	return err == nil && !yes
}

func (w *world) taskMade(got *outcome, p mapping.Part, records [2]*connectors.Record) bool {
	source := records[p.To.Other()]
	if source == nil || len(got.tasks) == 0 || got.tasksOf != p.To {
		return false
	}
	tasks, err := w.suite.Mapping.Create(p.To).Tasks(source, w.one.Now)
	if err != nil {
		return false
	}
	title := w.suite.titleField(p.To)
	for _, t := range tasks {
		if t.Key == p.Key {
			return slices.ContainsFunc(got.tasks, func(m made) bool { return m.fields[title].String() == t.Title })
		}
	}
	return false
}
