package engine

import (
	"context"
	"encoding/binary"

	"github.com/tenonsync/tenon/engine/state"
)

// schemeDocs holds, by mapping, the hash of the rules that were last run.
const schemeDocs = "scheme"

// Recover is the step that comes first after a start. A mapping whose rules
// have changed since the last run is looked at anew: what failed under the old
// rules is tried again, and its name is returned, so that its feeds are swept
// without waiting. A repeat does nothing.
func (e *Engine) Recover(ctx context.Context) (changed []string, err error) {
	if e.readOnly {
		return nil, nil
	}
	for _, m := range e.mappings {
		fresh := false
		err := e.commit(ctx, func(tx state.Tx) error {
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
			if err := tx.AppendJournal(&state.Event{
				At: e.clock.Now(), Mapping: m.Name(), Action: "mapping changed", Source: "start",
				Detail: "every record is looked at anew; what failed is tried again",
			}); err != nil {
				return err
			}
			return e.revive(tx, m)
		})
		if err != nil {
			return changed, err
		}
		if fresh {
			changed = append(changed, m.Name())
			e.nudge(m.Name())
		}
	}
	return changed, nil
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
