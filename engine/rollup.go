package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// Several mappings may bring values to one field of one record: a roll-up. Each
// link's share is kept, sealed, in one document of that field. What a link's
// source holds under such a rule is what all shares come to, so that the merge
// knows nothing of the others. Shares are read when the source is read and
// stored with the link; where others' changed in between, the link is looked at
// once more, so that whoever stores last sees them all.

const (
	rollupDocs   = "rollup"
	sharePurpose = "share"
)

// shares are what the links of one field's record bring to it, by mapping.
type shares map[string]share

type share struct {
	Link  uint64 `json:"link"`
	Value []byte `json:"value"` // sealed
}

// sharing is one roll-up rule of one job: what it was worked with.
type sharing struct {
	rule   *mapping.Rule
	others connectors.Value
	own    connectors.Value
	broken bool // the own share cannot be told
}

// sharedField names the document of a field that a rule rolls up into.
func (m *worked) sharedField(r *mapping.Rule, link *state.Link) string {
	target, _ := r.Rollup()
	sum := sha256.Sum256([]byte(m.ref(target, link.Ends[target].ID).String() + "\x00" + r.Field(target)))
	return hex.EncodeToString(sum[:])
}

// rollups returns the rules that roll up what a side holds.
func (m *worked) rollups(source mapping.SideID) []*mapping.Rule {
	var list []*mapping.Rule
	for _, r := range m.Rules() {
		if target, ok := r.Rollup(); ok && target == source.Other() {
			list = append(list, r)
		}
	}
	return list
}

func loadShares(tx state.Tx, key string) (shares, error) {
	doc, err := tx.Doc(rollupDocs, key)
	if err != nil || doc == nil {
		return shares{}, err
	}
	var s shares
	if err := json.Unmarshal(doc, &s); err != nil {
		return nil, fmt.Errorf("%w: the shares of a roll-up: %w", state.ErrCorrupt, err)
	}
	return s, nil
}

func storeShares(tx state.Tx, key string, s shares) error {
	if len(s) == 0 {
		return tx.SetDoc(rollupDocs, key, nil)
	}
	doc, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return tx.SetDoc(rollupDocs, key, doc)
}

// rollIn adds what other mappings bring to a record of a link's source, and
// tells whether its own share is another than the one that is kept.
func (e *Engine) rollIn(tx state.Tx, m *worked, side mapping.SideID, link *state.Link, rec *connectors.Record) (list []sharing, moved bool, err error) {
	for _, r := range m.rolled[side] {
		all, err := loadShares(tx, m.sharedField(r, link))
		if err != nil {
			return nil, false, err
		}
		s := sharing{rule: r}
		if s.others, err = e.othersOf(tx, m, r, all); err != nil {
			return nil, false, err
		}
		var p connectors.Presence
		var failed error
		s.own, p, failed = r.Share(rec)
		s.broken = failed != nil || p != connectors.Present
		r.WithOthers(rec, s.others)
		moved = moved || !s.broken && !e.sameShare(all[m.Name()], link, s.own)
		list = append(list, s)
	}
	return list, moved, nil
}

func (e *Engine) sameShare(kept share, link *state.Link, own connectors.Value) bool {
	if kept.Link == 0 {
		return own.IsNull()
	}
	v, ok := e.openShare(kept)
	return ok && kept.Link == link.ID && connectors.Equal(v, own)
}

func (e *Engine) openShare(s share) (connectors.Value, bool) {
	plain, err := e.sealer.Open(s.Value, sharePurpose)
	if err != nil {
		return connectors.Null, false
	}
	v, err := connectors.DecodeValue(plain)
	return v, err == nil
}

// othersOf puts the shares of other mappings' links together. What does not go
// together is left to the record's own merge to report.
func (e *Engine) othersOf(tx state.Tx, m *worked, r *mapping.Rule, all shares) (connectors.Value, error) {
	total := connectors.Null
	for _, name := range sortedNames(all) {
		if name == m.Name() {
			continue
		}
		counts, err := e.shareCounts(tx, name, all[name], r, m)
		if err != nil {
			return connectors.Null, err
		}
		v, ok := e.openShare(all[name])
		if !counts || !ok {
			continue
		}
		if sum, err := r.Together(total, v); err == nil {
			total = sum
		}
	}
	return total, nil
}

// shareCounts reports whether a share is that of a link which stands, under a
// mapping that still rolls up into the field.
func (e *Engine) shareCounts(tx state.Tx, name string, s share, r *mapping.Rule, m *worked) (bool, error) {
	i := slices.IndexFunc(e.mappings, func(w *worked) bool { return w.Name() == name })
	if i >= 0 && !e.mappings[i].sharesWith(m, r) {
		return false, nil
	}
	link, err := tx.Link(s.Link)
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	return err == nil && link.Mapping == name && link.Status != state.LinkEnded, err
}

// sharesWith reports whether a mapping rolls up into the field of another's rule.
func (m *worked) sharesWith(other *worked, r *mapping.Rule) bool {
	target, _ := r.Rollup()
	want := other.Side(target)
	for side := range mapping.SideID(2) {
		mine := m.Side(side.Other())
		if mine.Connection != want.Connection || mine.Object != want.Object {
			continue
		}
		if slices.ContainsFunc(m.rolled[side], func(x *mapping.Rule) bool { return x.Field(side.Other()) == r.Field(target) }) {
			return true
		}
	}
	return false
}

// rollIn adds the others' shares to what was read of a side.
func (d *drain) rollIn(ctx context.Context, side mapping.SideID, jobs []*job) error {
	if len(d.m.rolled[side]) == 0 {
		return nil
	}
	return d.store.View(ctx, func(tx state.Tx) error {
		for _, j := range jobs {
			if j.link == nil || j.recs[side] == nil || j.shares[side] != nil {
				continue
			}
			list, _, err := d.Engine.rollIn(tx, d.m, side, j.link, j.recs[side])
			if err != nil {
				return err
			}
			j.shares[side] = list
		}
		return nil
	})
}

// rollInRest does so for records that were read before they had a link.
func (d *drain) rollInRest(ctx context.Context) error {
	for side := range mapping.SideID(2) {
		if err := d.rollIn(ctx, side, d.jobs); err != nil {
			return err
		}
	}
	return nil
}

// storeShares keeps what a link brings to roll-ups. Where the others brought
// something else than it was worked with, it is looked at once more.
func (d *drain) storeShares(tx state.Tx, j *job) error {
	for side := range mapping.SideID(2) {
		for _, s := range j.shares[side] {
			key := d.m.sharedField(s.rule, j.link)
			all, err := loadShares(tx, key)
			if err != nil {
				return err
			}
			if kept := all[d.m.Name()]; !s.broken && !d.sameShare(kept, j.link, s.own) {
				delete(all, d.m.Name())
				if !s.own.IsNull() {
					all[d.m.Name()] = share{Link: j.link.ID, Value: d.sealer.Seal(connectors.EncodeValue(s.own), sharePurpose)}
				}
				if err := storeShares(tx, key, all); err != nil {
					return err
				}
			}
			others, err := d.othersOf(tx, d.m, s.rule, all)
			if err != nil {
				return err
			}
			if !connectors.Equal(others, s.others) {
				if err := d.wakeLink(tx, j.link); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (e *Engine) wakeLink(tx state.Tx, link *state.Link) error {
	now := e.clock.Now()
	return bump(tx, linkSubject(link), 3, hint{priority: connectors.PriorityPoll, source: "rollup", due: now}, now)
}

// dropShares takes out what a link brought that ends, and wakes the links that
// share the field with it.
func (e *Engine) dropShares(tx state.Tx, m *worked, link *state.Link) error {
	for side := range m.rolled {
		for _, r := range m.rolled[side] {
			key := m.sharedField(r, link)
			all, err := loadShares(tx, key)
			if err != nil {
				return err
			}
			if all[m.Name()].Link != link.ID || link.ID == 0 {
				continue
			}
			delete(all, m.Name())
			if err := storeShares(tx, key, all); err != nil {
				return err
			}
			for _, name := range sortedNames(all) {
				other, err := tx.Link(all[name].Link)
				if errors.Is(err, state.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if err := e.wakeLink(tx, other); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
