package simulation

import (
	"maps"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// linkByHand makes an epic, links records, lets the match rules link, or ends a
// link.
func (w *world) linkByHand() {
	switch n := w.rng.IntN(8); {
	case n < 2:
		w.freeEpic()
	case n < 5:
		w.adopt()
	case n < 6 && w.v.Twins:
		dry := w.rng.IntN(3) == 0
		w.step("match", func() error {
			_, err := w.eng.Match(w.ctx, engine.MatchOrder{Mapping: "pair", Dry: dry, By: "ada"}, nil, nil)
			return err
		})
	case n < 7:
		w.unlink()
	}
}

// freeEpic makes an epic that belongs to no deal yet.
func (w *world) freeEpic() {
	fields := map[string]connectors.Value{"title": connectors.Text(w.past.fresh("t"))}
	if w.rng.IntN(2) == 0 {
		fields["notes"] = connectors.Text(w.past.fresh("n"))
	}
	id := w.systems[1].Create("record", scopeIn, "bob", fields)
	w.past.wrote(1, id, w.clock.Now(), fields)
	w.admin.free[id] = true
	w.log("person makes epic %s", id)
}

// adopt links a few deals with epics that people made, or again what was parted.
func (w *world) adopt() {
	var pairs []engine.LinkPair
	epics := slices.Sorted(maps.Keys(w.admin.free))
	for range 1 + w.rng.IntN(3) {
		if len(w.past.deals) == 0 || len(epics) == 0 {
			break
		}
		deal := w.past.deals[w.rng.IntN(len(w.past.deals))]
		epic := epics[w.rng.IntN(len(epics))]
		if l := w.linkOf(deal); l != nil && w.admin.parted[deal] && w.rng.IntN(2) == 0 {
			epic = l.Ends[1].ID
		}
		if own := w.past.twin[deal]; own != "" {
			epic = own
		}
		pairs = append(pairs, engine.LinkPair{Records: [2]string{deal, epic}})
	}
	if len(pairs) == 0 {
		return
	}
	o := engine.LinkOrder{Mapping: "pair", Pairs: pairs, SkipBad: w.rng.IntN(2) == 0, Dry: w.rng.IntN(5) == 0, By: "ada"}
	if o.Dry {
		w.step("look at links", func() error { _, err := w.eng.Adopt(w.ctx, o, nil); return err })
		return
	}
	w.adoptPairs(o)
}

// adoptPairs carries an order out. What was linked is found in the state: the
// service may have died before it told.
func (w *world) adoptPairs(o engine.LinkOrder) {
	w.step("link", func() error { _, err := w.eng.Adopt(w.ctx, o, nil); return err })
	for _, p := range o.Pairs {
		l := w.linkOf(p.Records[0])
		if l == nil || l.Ends[1].ID != p.Records[1] || l.Status == state.LinkEnded {
			continue
		}
		delete(w.admin.free, p.Records[1])
		delete(w.admin.parted, p.Records[0])
		w.past.twin[p.Records[0]] = p.Records[1]
		w.log("person links deal %s with epic %s", p.Records[0], p.Records[1])
	}
}

// linkOf returns a deal's link, nil where it has none.
func (w *world) linkOf(deal string) (l *state.Link) {
	_ = w.store.View(w.ctx, func(tx state.Tx) error {
		l, _ = tx.LinkOf("pair", 0, deal)
		return nil
	})
	return l
}

// unlink ends some link.
func (w *world) unlink() {
	if len(w.past.deals) == 0 {
		return
	}
	deal := w.past.deals[w.rng.IntN(len(w.past.deals))]
	l := w.linkOf(deal)
	if l == nil || l.Status == state.LinkEnded {
		return
	}
	w.step("unlink", func() error { _, err := w.eng.Unlink(w.ctx, l.ID, "ada"); return err })
	if l := w.linkOf(deal); l != nil && l.Status == state.LinkEnded {
		w.admin.parted[deal] = true
		w.log("person ends the link of deal %s", deal)
	}
}
