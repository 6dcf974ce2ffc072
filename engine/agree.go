package engine

import (
	"context"
	"fmt"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// LinkAgreed links two records as they stand: what each side holds now counts
// as what it held when both last agreed, also where the two differ, and nothing
// is written. It serves to set a scene, for cases of mappings and for tests; an
// admin who pairs records wants the first sync to bring them into step.
//
// Errors: those of the reads; state.ErrTaken when a record has a link already.
func (e *Engine) LinkAgreed(ctx context.Context, name string, ids [2]string) (link uint64, err error) {
	m, err := e.mapping(name)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var recs [2]*connectors.Record
	for side := range mapping.SideID(2) {
		results, err := m.sides[side].Read(ctx, m.selection(side), ids[side:side+1])
		if err != nil {
			return 0, err
		}
		if len(results) == 1 && results[0].Err != nil {
			return 0, results[0].Err
		}
		if len(results) != 1 || results[0].Record == nil {
			return 0, fmt.Errorf("%s told nothing of %s", m.sides[side].name, m.ref(side, ids[side]))
		}
		recs[side] = results[0].Record
	}
	now := e.clock.Now()
	l := &state.Link{Mapping: name, Created: now, Synced: now, Scheme: m.Hash()}
	for side, rec := range recs {
		l.Ends[side] = state.End{ID: ids[side], Version: rec.Version, Modified: rec.Modified}
	}
	for _, r := range m.Rules() {
		f := state.Field{Rule: r.ID()}
		for side := range mapping.SideID(2) {
			v, presence, err := r.Value(side, recs[side])
			if err != nil || presence != connectors.Present {
				continue
			}
			f.Known[side], f.Base[side] = true, e.printer.Print(v)
			if r.IsSet() {
				f.Sets[side] = (&merger{print: e.printer}).elements(v).prints
			}
		}
		setField(l, f)
	}
	err = e.commit(ctx, func(tx state.Tx) error { return tx.PutLink(l) })
	return l.ID, err
}
