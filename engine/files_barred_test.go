package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// barredFiles is a connection that refuses to list the files of many records,
// and those of one record, for a reason that concerns that record alone.
type barredFiles struct {
	*memory.Connection
	barred string
	asked  int // for many
}

func (b *barredFiles) Abilities() connectors.Abilities {
	a := b.Connection.Abilities()
	a.Filer = b
	return a
}

func (b *barredFiles) refusal() error {
	return &connectors.Error{Op: "list files", Connection: "crm", Record: "record/" + b.barred, Kind: connectors.Permission, Err: errors.New("not for you")}
}

func (b *barredFiles) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	if id == b.barred {
		return nil, b.refusal()
	}
	return b.Connection.Files(ctx, object, id)
}

func (b *barredFiles) FilesOf(context.Context, string, []string) ([]connectors.FilesResult, error) {
	b.asked++
	return nil, b.refusal()
}

// TestFilesOfOneBarredRecord: the others' files are carried all the same.
func TestFilesOfOneBarredRecord(t *testing.T) {
	w, barred, epic := linked(t, withFiles, nil)
	ids := map[string]string{}
	for _, name := range []string{"One", "Two", "Three"} {
		ids[w.crm.Create("record", nil, "ada", deal(name, nil))] = ""
	}
	w.settle()
	for _, l := range w.links() {
		ids[l.Records[0].ID] = l.Records[1].ID
	}
	b := &barredFiles{Connection: w.crm.Connect("crm"), barred: barred}
	w.conns["crm"] = b
	w.start()
	for id := range ids {
		w.crm.Attach(id, "u1", "offer.pdf", []byte("offer"))
	}
	w.settle()
	w.sweep()
	delete(ids, barred)
	for id, to := range ids {
		wantAttached(t, "epic of "+id, w.pm, to, "offer.pdf")
	}
	wantAttached(t, "the barred deal's epic", w.pm, epic)
	if b.asked == 0 {
		t.Error("the files of many were never asked for")
	}
}
