package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tenonsync/tenon/engine/state"
)

// goneMappings tells of mappings that have links in the state and no file here:
// links are known by the mapping's name, so the records of one that was renamed
// look as if they had no counterpart. Those whose file has errors are left out;
// while one has errors that hide its name, nothing is told.
func (e *Engine) goneMappings(tx state.Tx) ([]string, error) {
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
