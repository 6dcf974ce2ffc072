package state

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Mark is a place in the chain of the journal: an event, and the hash that
// binds it to all events before. Noted elsewhere, it proves later that none of
// them was changed.
type Mark struct {
	Seq  uint64
	Hash [32]byte
}

// String returns the mark as people note it: SEQ:HASH, the hash in hex.
func (m Mark) String() string { return fmt.Sprintf("%d:%x", m.Seq, m.Hash) }

// ParseMark reads what String returned.
func ParseMark(s string) (m Mark, err error) {
	seq, hash, _ := strings.Cut(strings.TrimSpace(s), ":")
	if m.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil || m.Seq == 0 {
		return Mark{}, fmt.Errorf("%q is no mark of the journal: it is written SEQ:HASH, as `tenon verify` shows it", s)
	}
	bytes, err := hex.DecodeString(hash)
	if copy(m.Hash[:], bytes); err != nil || len(bytes) != len(m.Hash) {
		return Mark{}, fmt.Errorf("the hash of the mark %q is not of 64 hexadecimal digits", s)
	}
	return m, nil
}

// Chain is what VerifyJournal found.
type Chain struct {
	First  uint64 // the oldest event; 0: there is none
	Events int
	Base   Mark   // the last event that was pruned; Seq 0: none
	Head   Mark   // the newest event; Seq 0: there never was one
	At     *Mark  // of the event that was asked for, nil where it is not there
	Broken uint64 // the first event that does not fit; 0: the chain is sound
	Reason string // why it does not, in words
}

// Where the ends of the chain stand: the newest event, and the last that was
// pruned.
var (
	headKey = []byte("journal/head")
	baseKey = []byte("journal/base")
)

// chainEnd returns one end of the chain; Seq 0 before the first event.
func (t *tx) chainEnd(key []byte) (m Mark, err error) {
	d, err := t.get(SpaceMeta, key)
	if err != nil || d == nil {
		return m, err
	}
	m.Seq, m.Hash = d.uint(), d.digest()
	return m, d.end(SpaceMeta, key)
}

func (t *tx) putMark(key []byte, m Mark) error {
	e := newEncoder(SpaceMeta, 10+len(m.Hash))
	e.uint(m.Seq)
	e.digest(m.Hash)
	return t.put(SpaceMeta, key, e)
}

// chainWalk follows the chain from event to event.
type chainWalk struct {
	at        Mark   // the event before
	forgotten uint64 // the last event whose replaced values may be forgotten
}

func (t *tx) chainWalk() (w chainWalk, err error) {
	if w.at, err = t.chainEnd(baseKey); err != nil {
		return w, err
	}
	w.forgotten, err = t.number(SpaceMeta, forgottenKey)
	return w, err
}

// step takes the next event and returns why it does not fit, "" when it does.
func (w *chainWalk) step(e *storedEvent) (broken uint64, reason string) {
	before := w.at
	w.at = Mark{e.Seq, e.chain}
	switch {
	case e.Seq > before.Seq+1:
		return before.Seq + 1, fmt.Sprintf("event %d was removed: after %d comes %d", before.Seq+1, before.Seq, e.Seq)
	case e.Seq <= before.Seq:
		return e.Seq, fmt.Sprintf("event %d stands in the place of events that were pruned, up to %d", e.Seq, before.Seq)
	case e.link(before.Hash) != e.chain && before.Seq == 0:
		return e.Seq, fmt.Sprintf("event %d was changed", e.Seq)
	case e.link(before.Hash) != e.chain:
		return e.Seq, fmt.Sprintf("event %d was changed, or event %d and its hash with it", e.Seq, before.Seq)
	case forgotten(e.Fields) && e.Seq > w.forgotten:
		return e.Seq, fmt.Sprintf("the replaced values of event %d were removed before their time", e.Seq)
	}
	return 0, ""
}

// end compares where the walk came to with where the journal ends.
func (w *chainWalk) end(head Mark) (broken uint64, reason string) {
	switch {
	case w.at.Seq < head.Seq:
		return w.at.Seq + 1, fmt.Sprintf("event %d was removed: the journal ends with %d, %d was the last", w.at.Seq+1, w.at.Seq, head.Seq)
	case w.at.Seq > head.Seq:
		return head.Seq + 1, fmt.Sprintf("event %d was added: %d is the last that Tenon wrote", head.Seq+1, head.Seq)
	case w.at.Hash != head.Hash:
		return head.Seq, fmt.Sprintf("event %d was changed, or the note of the last event", head.Seq)
	}
	return 0, ""
}

func (s *store) VerifyJournal(ctx context.Context, at uint64) (c *Chain, err error) {
	err = s.b.View(ctx, func(r Reader) error {
		c, err = (&tx{r: r}).verifyJournal(ctx, at)
		return err
	})
	return c, err
}

func (t *tx) verifyJournal(ctx context.Context, at uint64) (*Chain, error) {
	c := &Chain{}
	tell := func(broken uint64, reason string) {
		if c.Broken == 0 && reason != "" {
			c.Broken, c.Reason = broken, reason
		}
	}
	walk, err := t.chainWalk()
	if err != nil {
		return nil, err
	}
	c.Base = walk.at
	if c.Head, err = t.chainEnd(headKey); err != nil {
		return nil, err
	}
	if at != 0 && at == c.Base.Seq {
		c.At = &Mark{at, c.Base.Hash}
	}
	err = t.scan(SpaceJournal, Range{}, func(k, v []byte) (bool, error) {
		if c.Events++; c.Events%1024 == 0 && ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		e, err := t.eventAt(k, v)
		if errors.Is(err, ErrCorrupt) {
			tell(walk.at.Seq+1, err.Error())
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if c.First == 0 {
			c.First = e.Seq
		}
		tell(walk.step(e))
		if e.Seq == at {
			c.At = &Mark{at, e.chain}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	tell(walk.end(c.Head))
	return c, nil
}
