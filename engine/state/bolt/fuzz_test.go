package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

// backupOf returns a backup with some links, and what contents tells of it and
// of the commit before it.
func backupOf(f *testing.F) (image []byte, want []string) {
	f.Helper()
	d, err := Open(f.Context(), filepath.Join(f.TempDir(), "tenon.db"), Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	s, err := state.Open(f.Context(), d, state.Options{})
	if err != nil {
		f.Fatal(err)
	}
	for round := range 2 {
		err := s.Update(f.Context(), func(tx state.Tx) error {
			for i := range 40 {
				l := &state.Link{
					Mapping: "won-deal", Created: time.UnixMicro(int64(i)).UTC(),
					Ends:   [2]state.End{{ID: fmt.Sprintf("%d-%d", round, i)}, {ID: fmt.Sprintf("x%d-%d", round, i)}},
					Fields: []state.Field{{Rule: 1, Known: [2]bool{true, true}, Base: [2]state.Print{1, state.Print(i)}}},
				}
				if err := tx.PutLink(l); err != nil {
					return err
				}
			}
			return tx.SetDoc("token", "one", bytes.Repeat([]byte{byte(round)}, 9000)) // goes on over pages
		})
		if err != nil {
			f.Fatal(err)
		}
		text, err := contents(f.Context(), d)
		if err != nil {
			f.Fatal(err)
		}
		want = append(want, text)
	}
	var b bytes.Buffer
	if err := d.Backup(f.Context(), &b); err != nil {
		f.Fatal(err)
	}
	return b.Bytes(), want
}

// contents returns every row as text.
func contents(ctx context.Context, d *DB) (string, error) {
	var b bytes.Buffer
	err := d.View(ctx, func(r state.Reader) error {
		for _, space := range state.Spaces() {
			err := r.Scan(space, state.Range{}, func(key, value []byte) bool {
				fmt.Fprintf(&b, "%d %x %x\n", space, key, value)
				return true
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return b.String(), err
}

// edited changes an image as the edits say, four bytes each: a place, of which
// the highest bits say what to do there, and a byte.
func edited(image, edits []byte) []byte {
	image = bytes.Clone(image)
	for ; len(edits) >= 4; edits = edits[4:] {
		at := int(edits[0]&0x1f)<<16 | int(edits[1])<<8 | int(edits[2])
		if len(image) == 0 {
			break
		}
		at %= len(image)
		switch edits[0] >> 5 {
		case 0, 1, 2:
			image[at] = edits[3]
		case 3:
			image[at] ^= 1 << (edits[3] % 8)
		case 4: // one of the first bytes of a page: its head and its elements
			image[at&^0xfff+int(edits[3])%min(len(image)-at&^0xfff, 0xfff)] = byte(at)
		case 5: // a page in the place of another
			from := int(edits[3]) << 12 % len(image)
			copy(image[at&^0xfff:min(at&^0xfff+4096, len(image))], image[from:])
		case 6:
			image = image[:at]
		case 7:
			image = append(image, bytes.Repeat(edits[3:4], at%10000)...)
		}
	}
	return image
}

func seedEdits(f *testing.F) {
	f.Helper()
	f.Add([]byte{})
	f.Add([]byte{0, 0, 16, 0xff})                    // the first meta page's magic
	f.Add([]byte{0, 0, 16, 0xff, 0, 16, 16, 0xff})   // and the second one's
	f.Add([]byte{0, 0x20, 8, 0x02, 0, 0x20, 10, 99}) // the flags and the count of a page
	f.Add([]byte{0xa0, 0x30, 0, 4})                  // page 4 in the place of page 3
	f.Add([]byte{0xc0, 0x50, 1, 0})                  // cut
	f.Add([]byte{0xe0, 0x20, 1, 7})                  // lengthened
	f.Add([]byte{0x60, 0x4f, 0xf0, 3, 0x80, 0x40, 0x33, 24})
}

// FuzzPages walks the pages of a damaged file: no panic, an end, and no memory
// beyond the file's own.
func FuzzPages(f *testing.F) {
	image, _ := backupOf(f)
	seedEdits(f)
	f.Fuzz(func(t *testing.T, edits []byte) {
		damaged := edited(image, edits)
		for _, m := range readMetas(bytes.NewReader(damaged)) {
			told := 0
			w := &walker{ctx: t.Context(), file: bytes.NewReader(damaged), report: func(string) { told++ }}
			err := w.walk(m)
			if len(w.used) > len(damaged)/minPage {
				t.Errorf("room for %d pages in a file of %d bytes", len(w.used), len(damaged))
			}
			if told > 4*len(damaged) {
				t.Errorf("%d problems in a file of %d bytes, error %v", told, len(damaged), err)
			}
		}
	})
}

// FuzzRestore restores a damaged backup: it is refused as such, or all that is
// read afterwards is what one of the last two commits held.
func FuzzRestore(f *testing.F) {
	image, want := backupOf(f)
	seedEdits(f)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, edits []byte) {
		path := filepath.Join(dir, "restored.db")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		err := Restore(t.Context(), bytes.NewReader(edited(image, edits)), path)
		if err != nil {
			if !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, state.ErrNewer) {
				t.Errorf("got error %v, want ErrCorrupt", err)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Error("what was refused lies there")
			}
			return
		}
		d, err := Open(t.Context(), path, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		got, err := contents(t.Context(), d)
		if err != nil || got != want[0] && got != want[1] {
			t.Errorf("restored, but the rows differ (error %v)", err)
		}
	})
}
