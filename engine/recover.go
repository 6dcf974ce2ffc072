package engine

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

// schemeDocs holds, by mapping, the hash of the rules that were last run.
const schemeDocs = "scheme"

// doubtDocs holds what is known of a state that may be older than the systems:
// the reason, until every mapping has been looked at anew, and since when.
const (
	doubtDocs   = "doubt"
	doubtReason = "reason"
	doubtSince  = "since"
)

// Doubt notes in a state that it may be older than what was last in use until
// now: an older copy, a backup, a file from elsewhere, a new one in the place of
// one that was lost. The next Recover acts on it. What the systems hold may then
// have been made a moment ago by a key that this state has no intent for.
func Doubt(tx state.Tx, reason string, now time.Time) error {
	if err := tx.SetDoc(doubtDocs, doubtSince, binary.BigEndian.AppendUint64(nil, uint64(now.UnixMicro()))); err != nil {
		return err
	}
	return tx.SetDoc(doubtDocs, doubtReason, []byte(reason))
}

// doubt is what an engine has learnt of the doubt about its state.
type doubt struct {
	mu    sync.Mutex
	known bool
	since time.Time // zero: there is none
}

// learnDoubt reads since when the state is in doubt, once.
func (e *Engine) learnDoubt(ctx context.Context) error {
	e.doubt.mu.Lock()
	defer e.doubt.mu.Unlock()
	if e.doubt.known {
		return nil
	}
	err := e.store.View(ctx, func(tx state.Tx) error {
		doc, err := tx.Doc(doubtDocs, doubtSince)
		if err == nil && len(doc) == 8 {
			e.doubt.since = time.UnixMicro(int64(binary.BigEndian.Uint64(doc)))
		}
		return err
	})
	e.doubt.known = err == nil
	return err
}

// lastSent returns when the create of an intent may last have been sent, zero
// if never. A state in doubt does not know of creates that were sent before the
// doubt arose. What was sent before this start counts from the start: the clock
// may have been set meanwhile, and a wait is only sure by one clock.
func (e *Engine) lastSent(i *state.Intent) time.Time {
	e.doubt.mu.Lock()
	defer e.doubt.mu.Unlock()
	sent := i.Sent
	if !sent.IsZero() && (sent.Before(e.started) || sent.After(e.clock.Now())) {
		sent = e.started
	}
	if sent.After(e.doubt.since) {
		return sent
	}
	return e.doubt.since
}

// whyWait returns why the create of an intent is not sent now.
func whyWait(i *state.Intent, what string) string {
	if i.Sent.IsZero() {
		return "the state is not what was last in use; waiting until the system would show what was made before"
	}
	return "the answer to " + what + " was lost; waiting until the system would show what was made"
}

// Recover is the step that comes first after a start. A mapping whose rules
// have changed since the last run is looked at anew: what failed under the old
// rules is tried again, and its name is returned, so that its feeds are swept
// without waiting. Where the state is in doubt, all are looked at anew: both
// sides of every link are read, every list of changes is read from its start,
// so that links which the state does not know are found by their keys. A repeat
// does nothing; after a crash it goes on.
func (e *Engine) Recover(ctx context.Context) (changed []string, err error) {
	if e.readOnly {
		return nil, nil
	}
	for _, m := range e.mappings {
		fresh, err := e.recoverRules(ctx, m)
		if err != nil {
			return changed, err
		}
		if fresh {
			changed = append(changed, m.Name())
			e.nudge(m.Name())
		}
	}
	doubted, err := e.recoverDoubt(ctx)
	if doubted {
		changed = e.Mappings()
	}
	return changed, err
}

// recoverRules reports whether a mapping's rules are others than in the last run.
func (e *Engine) recoverRules(ctx context.Context, m *worked) (fresh bool, err error) {
	err = e.commit(ctx, func(tx state.Tx) error {
		fresh = false
		doc, err := tx.Doc(schemeDocs, m.Name())
		if err != nil {
			return err
		}
		hash := binary.BigEndian.AppendUint64(nil, m.Hash())
		if string(doc) == string(hash) {
			return nil
		}
		fresh = doc != nil
		if err := tx.SetDoc(schemeDocs, m.Name(), hash); err != nil || !fresh {
			return err
		}
		if err := e.journal(tx, &state.Event{
			At: e.clock.Now(), Mapping: m.Name(), Action: "mapping changed", Source: "start",
			Detail: "every record is looked at anew; what failed is tried again",
		}); err != nil {
			return err
		}
		return e.revive(tx, m)
	})
	return fresh, err
}

// recoverDoubt makes everything due that a state in doubt may not know of.
func (e *Engine) recoverDoubt(ctx context.Context) (doubted bool, err error) {
	var reason []byte
	if err := e.store.View(ctx, func(tx state.Tx) error {
		reason, err = tx.Doc(doubtDocs, doubtReason)
		return err
	}); err != nil || reason == nil {
		return false, err
	}
	for _, name := range e.Mappings() {
		if _, err := e.Requeue(ctx, name); err != nil {
			return true, err
		}
	}
	return true, e.commit(ctx, func(tx state.Tx) error {
		for _, f := range e.feeds {
			if err := tx.SetCursor(f.name, ""); err != nil {
				return err
			}
		}
		for _, m := range e.mappings {
			if err := e.journal(tx, &state.Event{
				At: e.clock.Now(), Mapping: m.Name(), Action: "state replaced", Source: "start",
				Detail: string(reason) + "; every record is looked at anew, on both sides",
			}); err != nil {
				return err
			}
			if err := e.revive(tx, m); err != nil {
				return err
			}
		}
		return tx.SetDoc(doubtDocs, doubtReason, nil)
	})
}

// revive makes a mapping's failed entries due.
func (e *Engine) revive(tx state.Tx, m *worked) error {
	var failed []*state.Entry
	if err := e.eachEntry(tx, QueueFilter{Mapping: m.Name(), Status: state.Failed.String()}, func(entry *state.Entry) (bool, error) {
		failed = append(failed, entry)
		return true, nil
	}); err != nil {
		return err
	}
	for _, entry := range failed {
		entry.Status, entry.Due, entry.Attempts, entry.Source = state.Ready, e.clock.Now(), 0, "retry"
		entry.Gen++
		if err := tx.PutEntry(entry); err != nil {
			return err
		}
	}
	return nil
}
