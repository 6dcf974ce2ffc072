package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// oddFiles is a connection that tells no sizes, and whose first downloads break
// off after a few bytes.
type oddFiles struct {
	*memory.Connection
	breaks int
}

func (o *oddFiles) Abilities() connectors.Abilities {
	a := o.Connection.Abilities()
	a.Filer = o
	return a
}

func (o *oddFiles) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	list, err := o.Connection.Files(ctx, object, id)
	for i := range list {
		list[i].Size = -1
	}
	return list, err
}

func (o *oddFiles) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	results, err := o.Connection.FilesOf(ctx, object, ids)
	for _, r := range results {
		for i := range r.Files {
			r.Files[i].Size = -1
		}
	}
	return results, err
}

func (o *oddFiles) OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
	r, err := o.Connection.OpenFile(ctx, object, id, fileID)
	if err == nil && o.breaks > 0 {
		o.breaks--
		return io.NopCloser(io.MultiReader(io.LimitReader(r, 3), breaking{})), nil
	}
	return r, err
}

type breaking struct{}

func (breaking) Read([]byte) (int, error) { return 0, errors.New("the connection was cut") }

// TestFilesOfUnknownSizeAndBrokenOnes: a file that turns out to be too large on
// its way becomes a link, and one that breaks off is carried whole later.
func TestFilesOfUnknownSizeAndBrokenOnes(t *testing.T) {
	w, id, epic := linked(t, withFiles, nil)
	odd := &oddFiles{Connection: w.crm.Connect("crm"), breaks: 3}
	w.conns["crm"] = odd
	w.start()
	content := bytes.Repeat([]byte("whole "), 1000)
	w.crm.Attach(id, "u1", "offer.pdf", content)
	w.crm.Attach(id, "u1", "huge.iso", make([]byte, 1<<20+1))
	w.crm.Attach(id, "u1", "exact.bin", make([]byte, 1<<20))
	w.settle()
	w.sweep()
	wantAttached(t, "epic", w.pm, epic, "offer.pdf", "exact.bin", "huge.iso → https://memory.example/files/huge.iso")
	wantAttached(t, "deal", w.crm, id, "offer.pdf", "huge.iso", "exact.bin")
	if odd.breaks != 0 {
		t.Errorf("%d downloads were to break still", odd.breaks)
	}
	list := w.pm.Attachments(epic)
	at := slices.IndexFunc(list, func(a connectors.Attachment) bool { return a.Name == "offer.pdf" })
	if at >= 0 && !bytes.Equal(w.pm.FileContent(epic, list[at].ID), content) {
		t.Error("offer.pdf did not arrive whole")
	}
}

// TestLostStateDoublesNoFile: what a new state knows nothing of is known by its
// keys, or by names, sizes and addresses.
func TestLostStateDoublesNoFile(t *testing.T) {
	for name, keyless := range map[string]bool{"with keys": false, "without keys": true} {
		t.Run(name, func(t *testing.T) {
			change := func(crm, pm *memory.Options) { crm.KeylessFiles, pm.KeylessFiles = keyless, keyless }
			w, id, epic := linked(t, withFiles, change)
			w.crm.Attach(id, "u1", "offer.pdf", []byte("offer"))
			w.crm.Attach(id, "u1", "huge.iso", make([]byte, 1<<20+1))
			w.pm.AttachLink(epic, "u2", "Board", "https://pm.example/board")
			w.settle()
			before := [2][]string{attached(w.crm, id), attached(w.pm, epic)}
			fresh := newWorld(t, withFiles, change)
			fresh.crm, fresh.pm, fresh.conns, fresh.clock = w.crm, w.pm, w.conns, w.clock
			fresh.start()
			fresh.settle()
			fresh.sweep()
			if rows := fresh.links(); len(rows) != 1 || rows[0].Records[1].ID != epic {
				t.Fatalf("links: %+v, want the pair again", rows)
			}
			wantAttached(t, "deal", w.crm, id, before[0]...)
			wantAttached(t, "epic", w.pm, epic, before[1]...)
		})
	}
}
