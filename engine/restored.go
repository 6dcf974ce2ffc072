package engine

import (
	"context"
	"encoding/json"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// takeRestored looks whether a counterpart that is to be made again, since it
// was deleted, has come back meanwhile: then its own key counts again, by which
// it is found and linked, with its tasks, and no other is made.
func (d *drain) takeRestored(ctx context.Context, to mapping.SideID, jobs []*job) error {
	var again []*job
	var keys []string
	before := map[*job]uint64{}
	if err := d.store.View(ctx, func(tx state.Tx) error {
		for _, j := range jobs {
			if j.making.orphan || len(j.intents) > 0 {
				continue
			}
			n, err := generation(tx, d.m, to.Other(), j.entry.Record)
			if err != nil {
				return err
			}
			if n > 0 {
				before[j] = n - 1
				again = append(again, j)
				keys = append(keys, createKey(d.m, d.m.ref(to.Other(), j.entry.Record), "", n-1))
			}
		}
		return nil
	}); err != nil || len(again) == 0 {
		return err
	}
	found, err := d.findKeys(ctx, to, keys)
	if err != nil {
		d.blameAll(again, err)
		return nil
	}
	var ids []string
	var asked []*job
	for i, j := range again {
		if len(found[i]) > 0 {
			ids, asked = append(ids, found[i][0]), append(asked, j)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	results, err := d.fetch(ctx, to, ids)
	if err != nil {
		d.blameAll(asked, err)
		return nil
	}
	var back []*job
	for i, j := range asked {
		switch res := results[i]; {
		case res.Err == nil && res.Record.State == connectors.Live:
			back = append(back, j)
		case res.Err != nil && connectors.KindOf(res.Err) != connectors.NotFound:
			j.blame(res.Err)
		}
	}
	if len(back) == 0 {
		return nil
	}
	return d.commit(ctx, func(tx state.Tx) error {
		for _, j := range back {
			if err := setGeneration(tx, d.m, to.Other(), j.entry.Record, before[j]); err != nil {
				return err
			}
		}
		return nil
	})
}

func setGeneration(tx state.Tx, m *worked, side mapping.SideID, record string, n uint64) error {
	doc, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return tx.SetDoc(generationDocs, generationKey(m, side, record), doc)
}
