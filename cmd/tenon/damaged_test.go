package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/mark"
	"github.com/tenonsync/tenon/sandbox/kit"
)

var damageCount = flag.Int("damage.count", 20, "how many states with a flipped bit are worked")

// wrote returns the requests that changed something in a system since the last
// call.
func (p *pairs) wrote() (requests []string) {
	for _, log := range []*kit.RequestLog{p.systems.hubspotOf().Requests(), p.systems.jiraOf().Requests()} {
		for _, e := range log.Since(0) {
			if isWrite(e.Method, e.Path) {
				requests = append(requests, e.Method+" "+e.Path)
			}
		}
		log.Clear()
	}
	return requests
}

// TestDamaged works states that are damaged, with both systems in step: whatever
// the damage, nothing may be written to a system, and a process that does not
// start says why.
func TestDamaged(t *testing.T) {
	b := newTestbed(t, 9)
	// What was made is older than the search's lag: a bit that flips in the key
	// of an index hides the row, and the record is found again by its own key.
	b.systems.jiraOf().SetLag(0)
	p := newPairs(t, b)
	p.comment(t, 0, "in step, too")
	b.tenon("sync")
	p.quietAfter(t)
	path := filepath.Join(b.dir, "tenon.db")
	checkSound(t, path)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	marked, err := os.ReadFile(path + mark.Suffix)
	if err != nil {
		t.Fatal(err)
	}
	p.wrote()
	used := usedPages(sound)

	// try puts a file in the place of the state, and reports what the check says
	// of it and how work over it ends.
	try := func(t *testing.T, what string, file []byte) (found bool, code int, stderr string) {
		t.Helper()
		for name, text := range map[string][]byte{path: file, path + mark.Suffix: marked} {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		report, err := checkState(t.Context(), path)
		found = err != nil || len(report.Problems) > 0 || report.Doubt != ""
		code, _, stderr = b.run("sync")
		if requests := p.wrote(); len(requests) > 0 {
			t.Errorf("%s: work over it wrote to a system: %q; exit code %d, %s", what, requests, code, stderr)
		}
		return found, code, stderr
	}
	t.Run("a flipped bit", func(t *testing.T) {
		rng := newRand(9, 0)
		noticed, stopped := 0, 0
		for range *damageCount {
			at := used[rng.IntN(len(used))]*os.Getpagesize() + rng.IntN(os.Getpagesize())
			bent := slices.Clone(sound)
			bent[at] ^= 1 << rng.IntN(8)
			what := fmt.Sprintf("bit flipped in byte %d", at)
			found, code, stderr := try(t, what, bent)
			if found {
				noticed++
			}
			switch {
			case code == exitState || code == exitFound && found:
				stopped++
			case code != exitDone:
				t.Errorf("%s: noticed by the check: %v, sync: exit code %d, %s", what, found, code, stderr)
			}
		}
		t.Logf("%d states with a flipped bit: the check noticed %d, work stopped with a reason over %d", *damageCount, noticed, stopped)
	})
	for _, row := range rowsOf(t, sound) {
		t.Run("a flipped bit in "+row.name, func(t *testing.T) {
			found, code, stderr := try(t, "bit flipped in "+row.name, row.bend(sound))
			if !found {
				t.Error("the check did not notice it")
			}
			if code != exitDone && code != exitState && code != exitFound {
				t.Errorf("sync: exit code %d, %s", code, stderr)
			}
		})
	}
	end := (used[len(used)-1] + 1) * os.Getpagesize() // behind it are the zeros that the file grew by
	for _, n := range []int{0, 1, os.Getpagesize(), 3*os.Getpagesize() + 100, end / 2, end - os.Getpagesize() - 1} {
		t.Run(fmt.Sprintf("cut after %d bytes", n), func(t *testing.T) {
			found, code, stderr := try(t, "cut", sound[:n])
			if !found || code != exitState || !strings.Contains(stderr, "the state is damaged") {
				t.Errorf("noticed by the check: %v, sync: exit code %d, %s; want code %d", found, code, stderr, exitState)
			}
		})
	}
	t.Run("of a newer layout", func(t *testing.T) {
		found, code, stderr := try(t, "newer", newerLayout(t, sound))
		if !found || code != exitState || !strings.Contains(stderr, "its layout has version 99") {
			t.Errorf("noticed by the check: %v, sync: exit code %d, %s; want code %d", found, code, stderr, exitState)
		}
	})
	if found, code, stderr := try(t, "sound", sound); found || code != exitDone {
		t.Errorf("the sound state: noticed by the check: %v, sync: exit code %d, %s", found, code, stderr)
	}
}

// usedPages returns the pages of a file that hold anything but zeros.
func usedPages(file []byte) []int {
	size := os.Getpagesize()
	var used []int
	for n := 0; (n+1)*size <= len(file); n++ {
		if page := file[n*size : (n+1)*size]; !bytes.Equal(page, make([]byte, size)) {
			used = append(used, n)
		}
	}
	return used
}

// row is one row of a state.
type row struct {
	name   string
	needle []byte // its bytes in the file
}

// rowsOf returns some rows of each space of a state.
func rowsOf(t *testing.T, file []byte) []row {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(t.Context(), path, bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows []row
	if err := db.View(t.Context(), func(r state.Reader) error {
		for _, space := range state.Spaces() {
			n := 0
			if err := r.Scan(space, state.Range{}, func(key, value []byte) bool {
				needle := slices.Concat(key, value) // as they lie in a page
				if len(needle) >= 8 {
					n++
					rows = append(rows, row{fmt.Sprintf("%s, row %d", space, n), needle})
				}
				return n < 2
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// bend flips a bit of the row, also where former copies of it lie.
func (r row) bend(file []byte) []byte {
	bent := slices.Clone(file)
	for at := 0; ; {
		n := bytes.Index(file[at:], r.needle)
		if n < 0 {
			return bent
		}
		at += n
		bent[at+len(r.needle)/2] ^= 1
		at++
	}
}

// newerLayout returns a state whose layout says that a later program wrote it.
func newerLayout(t *testing.T, file []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "newer.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(t.Context(), path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// A value is its encoding's version, the payload and the CRC-32C of space,
	// key, version and payload; docs/state.md.
	key, value := []byte("schema"), []byte{1, 99}
	framed := slices.Concat([]byte{byte(state.SpaceMeta)}, key, value)
	value = binary.LittleEndian.AppendUint32(value, crc32.Checksum(framed, crc32.MakeTable(crc32.Castagnoli)))
	if err := db.Update(t.Context(), func(w state.Writer) error { return w.Put(state.SpaceMeta, key, value) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	newer, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return newer
}

// TestBackupUnderLoad takes backups of a service that works webhooks, edits and
// presses. Each is sound and one whole moment; the last one, put in the place of
// the state, leads to two systems in step with nothing made twice.
func TestBackupUnderLoad(t *testing.T) {
	b := newTestbed(t, 11)
	r := newRelay(t, b)
	b.tenon("sync")
	w := newKillWorld(t, b)
	stop := make(chan struct{})
	var people, senders sync.WaitGroup
	people.Go(func() { w.work(newRand(11, 1), stop) })
	people.Go(func() { w.pressAll(newRand(11, 2), stop) })
	for n := range uint64(4) {
		senders.Go(func() { r.send(newRand(11, 3+n)) })
	}
	t.Cleanup(func() { r.end(); senders.Wait() })
	t.Cleanup(func() { w.end(stop); people.Wait() })
	service := b.serve()
	var last string
	for n := range 6 {
		last = filepath.Join(t.TempDir(), fmt.Sprintf("backup-%d.db", n))
		b.tenon("backup", last)
		checkMoment(t, last)
	}
	w.end(stop)
	people.Wait()
	eventually(t, r.idle)
	eventually(t, w.settled)
	service.kill(t)
	b.tenon("restore", last)
	service = b.serve()
	eventually(t, b.journals("state replaced"))
	eventually(t, b.nothingWaits)
	eventually(t, w.settled)
	service.stop(t)
	checkSound(t, filepath.Join(b.dir, "tenon.db"))
	t.Logf("%d new deals, %d edits, %d webhooks acknowledged", w.made, w.edits, r.acked.Load())
}

// journals says that the history shows no event of that kind yet.
func (b *testbed) journals(action string) func() error {
	return func() error {
		if out := b.tenon("history", "--action", action); !strings.Contains(out, action) {
			return fmt.Errorf("the history shows no %q", action)
		}
		return nil
	}
}

// checkMoment checks that a backup is sound, and that each link in it is
// complete: two ends, an event that tells of it, and no intent of the create
// that it came from.
func checkMoment(t *testing.T, path string) {
	t.Helper()
	checkSound(t, path)
	ctx := context.WithoutCancel(t.Context())
	db, err := bolt.Open(ctx, path, bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.Open(ctx, db, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.View(ctx, func(tx state.Tx) error {
		links, err := tx.ListLinks("", 0, 100_000)
		if err != nil {
			return err
		}
		for _, l := range links {
			events, err := tx.ListJournal(0, 1000, state.EventFilter{Link: l.ID})
			if err != nil {
				return err
			}
			told := slices.ContainsFunc(events, func(e *state.Event) bool {
				return e.Action == "created" || e.Action == "linked" || e.Action == "found"
			})
			intents, err := tx.IntentsOf(l.Mapping, state.Left, l.Ends[state.Left].ID)
			if err != nil {
				return err
			}
			left := slices.ContainsFunc(intents, func(i *state.Intent) bool { return i.Kind == state.IntentRecord })
			if l.Ends[0].ID == "" || l.Ends[1].ID == "" || !told || left {
				t.Errorf("link %d of %s is half there: %q and %q, told: %v, an intent is left: %v", l.ID, path, l.Ends[0].ID, l.Ends[1].ID, told, left)
			}
		}
		if len(links) < 8 {
			t.Errorf("%s has %d links", path, len(links))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
