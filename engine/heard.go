package engine

import (
	"encoding/binary"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

// heardDocs holds when word came last of each feed by a poll and of each
// connection by a webhook or a stream, so that it can be told after a restart, and while no
// service runs.
const heardDocs = "heard"

// The keys of heardDocs, before the name.
const (
	heardPoll    = "poll/"
	heardWebhook = "webhook/"
	heardStream  = "stream/"
)

// heardGrain is how exact these times are: they are stored with what is
// committed anyway, and mostly stand as they are.
const heardGrain = 10 * time.Second

// setHeard notes that word came.
func setHeard(tx state.Tx, key string, at time.Time) error {
	if last, err := heard(tx, key); err != nil || at.Sub(last).Abs() < heardGrain {
		return err
	}
	return tx.SetDoc(heardDocs, key, binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro())))
}

// heard returns when word came last; zero when never.
func heard(tx state.Tx, key string) (time.Time, error) {
	doc, err := tx.Doc(heardDocs, key)
	if err != nil || len(doc) != 8 {
		return time.Time{}, err
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(doc))).UTC(), nil
}
