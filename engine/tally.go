package engine

import (
	"context"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

// Tally counts the records of a mapping by how they stand, each once: under the
// gravest thing that is known of it.
type Tally struct {
	InSync    int // links of which nothing waits
	Due       int // due to be looked at, or being worked
	Waiting   int // for a system or a time; goes on by itself
	SetAside  int // links with a field that was left out
	Conflicts int // links with a field that waits for a person
	Failed    int
	// Since is since when the one that is due for the longest has been due; zero
	// where none is.
	Since time.Time
	// Cut says that there were more troubled records than are counted one by
	// one, so that InSync may be too high.
	Cut bool
}

// Total is the number of records counted.
func (t Tally) Total() int {
	return t.InSync + t.Due + t.Waiting + t.SetAside + t.Conflicts + t.Failed
}

// tallyMost bounds how many entries and asides of a mapping are counted one by
// one, so that a look stays quick however long the queue is.
const tallyMost = 10_000

// tallied is how one record stands; the graver is the larger.
type tallied uint8

const (
	tallyDue tallied = iota + 1
	tallyWaiting
	tallyAside
	tallyConflict
	tallyFailed
)

// Tally counts how a mapping's records stand. NotFound for an unknown mapping.
func (e *Engine) Tally(ctx context.Context, mapping string) (*Tally, error) {
	if _, err := e.mapping(mapping); err != nil {
		return nil, err
	}
	var t Tally
	err := e.store.View(ctx, func(tx state.Tx) error {
		t = Tally{}
		links, err := tx.CountActive(mapping)
		if err != nil {
			return err
		}
		troubled := map[uint64]tallied{} // by link
		if t.Cut, err = e.tallyEntries(tx, mapping, troubled, &t); err != nil {
			return err
		}
		asides, err := tx.ListAsides(mapping, 0, tallyMost)
		if err != nil {
			return err
		}
		for _, a := range asides {
			s := tallyAside
			if a.Kind == state.AsideConflict {
				s = tallyConflict
			}
			troubled[a.Link] = max(troubled[a.Link], s)
		}
		t.Cut = t.Cut || len(asides) >= tallyMost
		for _, s := range troubled {
			t.add(s)
		}
		t.InSync = max(0, links-len(troubled))
		return nil
	})
	return &t, err
}

// tallyEntries takes in what the queue says: of links into troubled, of records
// without a link at once.
func (e *Engine) tallyEntries(tx state.Tx, mapping string, troubled map[uint64]tallied, t *Tally) (cut bool, err error) {
	n := 0
	err = e.eachEntry(tx, QueueFilter{Mapping: mapping}, func(entry *state.Entry) (bool, error) {
		s := [...]tallied{tallyDue, tallyWaiting, tallyFailed}[min(entry.Status, 2)]
		if entry.Link != 0 {
			troubled[entry.Link] = max(troubled[entry.Link], s)
		} else {
			t.add(s)
		}
		if entry.Status == state.Ready && (t.Since.IsZero() || entry.Due.Before(t.Since)) {
			t.Since = entry.Due
		}
		n++
		return n < tallyMost, nil
	})
	return n >= tallyMost, err
}

func (t *Tally) add(s tallied) {
	switch s {
	case tallyDue:
		t.Due++
	case tallyWaiting:
		t.Waiting++
	case tallyAside:
		t.SetAside++
	case tallyConflict:
		t.Conflicts++
	case tallyFailed:
		t.Failed++
	}
}
