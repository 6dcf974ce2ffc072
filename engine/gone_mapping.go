package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tenonsync/tenon/engine/state"
)

// goneLinks counts, by mapping, the links in the state of mappings that have no
// file here: links are known by the mapping's name, so the records of one that
// was renamed look as if they had no counterpart. Those whose file has errors are
// left out; while one has errors that hide its name, there are none.
func (e *Engine) goneLinks(tx state.Tx) (map[string]int, error) {
	here := e.Mappings()
	for _, b := range e.broken {
		if b.Name == "" {
			return nil, nil
		}
		here = append(here, b.Name)
	}
	left, err := tx.CountActive("")
	if err != nil {
		return nil, err
	}
	for _, name := range here {
		n, err := tx.CountActive(name)
		if err != nil {
			return nil, err
		}
		left -= n
	}
	const page = 1000
	gone := map[string]int{}
	for after := uint64(0); left > 0; {
		links, err := tx.ListLinks("", after, page)
		if err != nil {
			return nil, err
		}
		for _, l := range links {
			after = l.ID
			if gone[l.Mapping] > 0 || slices.Contains(here, l.Mapping) {
				continue
			}
			n, err := tx.CountActive(l.Mapping)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				gone[l.Mapping] = n
				left -= n
			}
		}
		if len(links) < page {
			break
		}
	}
	return gone, nil
}

// goneMappings tells of goneLinks, in words.
func (e *Engine) goneMappings(tx state.Tx) ([]string, error) {
	gone, err := e.goneLinks(tx)
	if err != nil {
		return nil, err
	}
	told := make([]string, 0, len(gone))
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		told = append(told, fmt.Sprintf(
			"the state has links of mapping %s (%d), which no file describes: if it was renamed, give it its old name again, else its records get second counterparts", name, gone[name]))
	}
	return told, nil
}

// warnOfGone logs what goneMappings tells.
func (e *Engine) warnOfGone(ctx context.Context) error {
	var told []string
	err := e.store.View(ctx, func(tx state.Tx) (err error) {
		told, err = e.goneMappings(tx)
		return err
	})
	for _, text := range told {
		e.log.Warn("links of a mapping that is gone", "err", text)
	}
	return err
}

// renamedCode is the reason why a mapping stopped whose records have
// counterparts under a mapping that is gone.
const renamedCode = "renamed"

// secondCounterpart reports, in words, that the batch is about to make a
// counterpart for a record that has one under a mapping without a file; "" when
// it is not. What a person asked for by the button does not count.
func (d *drain) secondCounterpart(ctx context.Context) (reason string, err error) {
	var making []*job
	for _, j := range d.jobs {
		if !j.done() && j.makesUnasked() {
			making = append(making, j)
		}
	}
	if len(making) == 0 {
		return "", nil
	}
	err = d.store.View(ctx, func(tx state.Tx) error {
		reason = ""
		if !d.m.goneKnown {
			gone, err := d.goneLinks(tx)
			if err != nil {
				return err
			}
			d.m.gone, d.m.goneKnown = slices.Sorted(maps.Keys(gone)), true
		}
		for _, name := range d.m.gone {
			for _, j := range making {
				l, err := tx.LinkOf(name, uint8(j.side), j.entry.Record)
				if errors.Is(err, state.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if l.Status == state.LinkEnded {
					continue
				}
				reason = fmt.Sprintf("%s has its counterpart under mapping %s, which no file describes any more: a second one would be made", d.m.ref(j.side, j.entry.Record), name)
				return nil
			}
		}
		return nil
	})
	return reason, err
}
