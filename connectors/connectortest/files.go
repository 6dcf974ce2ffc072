package connectortest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenonsync/tenon/connectors"
)

// fileContent is a file of n bytes that shows when pieces are lost, swapped or
// read as text.
func fileContent(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	return content
}

var errBroken = errors.New("the source broke off")

// filer returns the ability and the world's people; the test is skipped
// without either.
func (e *env) filer() (connectors.Filer, Attacher) {
	e.Helper()
	people, ok := e.w.(Attacher)
	if e.can.Filer == nil || !ok {
		e.Skipf("the connection or the world has no files")
	}
	return e.can.Filer, people
}

// taker skips the test where the system takes links only.
func (e *env) taker() (connectors.Filer, Attacher) {
	e.Helper()
	f, people := e.filer()
	limit, err := f.FileLimit(e.Context(), e.h.Object)
	if err != nil {
		e.Fatalf("FileLimit: %v", err)
	}
	if limit == 0 {
		e.Skipf("the system takes links only")
	}
	return f, people
}

func (e *env) attachments(id string) []connectors.Attachment {
	e.Helper()
	got, err := e.can.Filer.Files(e.Context(), e.h.Object, id)
	if err != nil {
		e.Fatalf("Files: %v", err)
	}
	return got
}

func (e *env) download(id, fileID string) []byte {
	e.Helper()
	r, err := e.can.Filer.OpenFile(e.Context(), e.h.Object, id, fileID)
	if err != nil {
		e.Fatalf("OpenFile: %v", err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		e.Fatalf("OpenFile: %v", err)
	}
	return content
}

var files = []test{
	{"file travels whole", func(e *env) {
		f, people := e.taker()
		ids := e.seed(2)
		if got := e.attachments(ids[0]); len(got) != 0 {
			e.Errorf("Files of a new record: %+v", got)
		}
		for _, sized := range []bool{true, false} {
			content := fileContent(300_001)
			size, key := int64(len(content)), "tenon-f1"
			if !sized {
				size, key = -1, "tenon-f2"
			}
			made, err := f.AddFile(e.Context(), e.h.Object, ids[0], connectors.NewFile{
				Key: key, Name: "Größe & offer.pdf", Type: "application/pdf", Size: size, Content: io.MultiReader(bytes.NewReader(content)),
			})
			if err != nil || made == "" {
				e.Fatalf("AddFile (size known: %v): %q, %v", sized, made, err)
			}
			got := e.attachments(ids[0])
			at := slices.IndexFunc(got, func(a connectors.Attachment) bool { return a.ID == made })
			if at < 0 {
				e.Fatalf("Files: %+v, want one of id %q", got, made)
			}
			if a := got[at]; a.Size != int64(len(content)) || a.Link != "" || a.Created.IsZero() || a.Key != key && a.Key != "" || a.Key == "" && !a.Mine {
				e.Errorf("Files: %+v, want size %d, a time, and the key or the mark of the account", a, len(content))
			}
			if !strings.HasPrefix(got[at].Name, "Gr") || !strings.Contains(got[at].Name, "offer") || !strings.HasSuffix(got[at].Name, ".pdf") {
				e.Errorf("the name became %q", got[at].Name)
			}
			if back := e.download(ids[0], made); !bytes.Equal(back, content) {
				e.Errorf("OpenFile: %d bytes, other than the %d that were added", len(back), len(content))
			}
		}
		truth := people.Attached(e, ids[0])
		if len(truth) != 2 || !bytes.Equal(truth[0].Content, fileContent(300_001)) || !bytes.Equal(truth[1].Content, fileContent(300_001)) {
			e.Errorf("the system holds %d attachments, or other bytes; want the two files", len(truth))
		}
		if other := e.attachments(ids[1]); len(other) != 0 {
			e.Errorf("the file went to another record too: %+v", other)
		}
	}},
	{"people's files are listed and can be read", func(e *env) {
		f, people := e.filer()
		limit, err := f.FileLimit(e.Context(), e.h.Object)
		if err != nil {
			e.Fatalf("FileLimit: %v", err)
		}
		id := e.seed(1)[0]
		content := fileContent(70_000)
		first := people.Attach(e, id, "plan.txt", content)
		e.w.Settle(e)
		second := people.Attach(e, id, "plan.txt", content[:1])
		got := e.attachments(id)
		if len(got) != 2 || got[0].ID != first || got[1].ID != second {
			e.Fatalf("Files: %+v, want %q and %q, oldest first", got, first, second)
		}
		for i, a := range got {
			want := []int{70_000, 1}[i]
			if limit == 0 && a.Link != "" { // the system has links only
				_, err := f.OpenFile(e.Context(), e.h.Object, id, a.ID)
				e.kind("OpenFile of a link", err, connectors.NotFound)
				continue
			}
			if a.Key != "" || a.Mine || !strings.Contains(a.Name, "plan") || a.Link != "" || a.Size != int64(want) && a.Size != -1 {
				e.Errorf("Files: %+v, want one by hand, of %d bytes", a, want)
			}
			if back := e.download(id, a.ID); !bytes.Equal(back, content[:want]) {
				e.Errorf("OpenFile: %d bytes, want %d", len(back), want)
			}
		}
	}},
	{"file that breaks off is not added", func(e *env) {
		f, people := e.taker()
		id := e.seed(1)[0]
		for _, size := range []int64{200_000, -1} {
			broken := io.MultiReader(bytes.NewReader(fileContent(100_000)), &failing{})
			_, err := f.AddFile(e.Context(), e.h.Object, id, connectors.NewFile{Key: "tenon-f3", Name: "a.bin", Size: size, Content: broken})
			if !errors.Is(err, errBroken) {
				e.Errorf("AddFile of a broken source: %v, want an error that wraps the source's", err)
			}
			if err != nil {
				e.formed(err)
			}
		}
		e.w.Settle(e)
		if truth := people.Attached(e, id); len(truth) != 0 {
			e.Errorf("half a file was added: %d attachments", len(truth))
		}
	}},
	{"empty file", func(e *env) {
		f, people := e.taker()
		id := e.seed(1)[0]
		_, err := f.AddFile(e.Context(), e.h.Object, id, connectors.NewFile{Name: "empty.txt", Size: 0, Content: strings.NewReader("")})
		truth := people.Attached(e, id)
		if err == nil && (len(truth) != 1 || len(truth[0].Content) != 0) {
			e.Errorf("AddFile of nothing: no error, and %d attachments", len(truth))
		}
		if err != nil {
			e.kind("AddFile of nothing", err, connectors.Invalid)
		}
	}},
	{"file beyond the limit is refused", func(e *env) {
		f, people := e.taker()
		limit, err := f.FileLimit(e.Context(), e.h.Object)
		if err != nil || limit < 0 || limit > 64<<20 {
			e.Skipf("the limit is unknown or large: %d, %v", limit, err)
		}
		id := e.seed(1)[0]
		_, err = f.AddFile(e.Context(), e.h.Object, id, connectors.NewFile{Name: "big.bin", Size: limit + 1, Content: bytes.NewReader(make([]byte, limit+1))})
		e.kind("AddFile beyond the limit", err, connectors.Invalid)
		if !errors.Is(err, connectors.ErrFileTooLarge) {
			e.Errorf("AddFile beyond the limit: %v, want ErrFileTooLarge", err)
		}
		if truth := people.Attached(e, id); len(truth) != 0 {
			e.Errorf("the file was added all the same")
		}
	}},
	{"files of many records at once", func(e *env) {
		_, people := e.filer()
		batch, ok := e.can.Filer.(connectors.BatchFiler)
		if !ok {
			e.Skipf("the connection lists attachments record by record")
		}
		ids := e.seed(8)
		for i, id := range ids[:6] {
			for n := range i {
				people.Attach(e, id, fmt.Sprintf("%d-%d.txt", i, n), []byte("x"))
			}
		}
		e.w.Settle(e)
		e.w.Delete(e, ids[6])
		slices.Reverse(ids)
		want := make([][]connectors.Attachment, len(ids))
		for i, id := range ids {
			if i != 1 {
				want[i] = e.attachments(id)
			}
		}
		before := e.requests()
		got, err := batch.FilesOf(e.Context(), e.h.Object, ids)
		if err != nil || len(got) != len(ids) {
			e.Fatalf("FilesOf: %d results for %d records, %v", len(got), len(ids), err)
		}
		if n := e.requests() - before; n >= len(ids) {
			e.Errorf("FilesOf of %d records took %d requests", len(ids), n)
		}
		for i, r := range got {
			switch {
			case i == 1 && r.Err != nil:
				e.kind("FilesOf of a missing record", r.Err, connectors.NotFound)
			case i == 1 && len(r.Files) > 0:
				e.Errorf("FilesOf of a missing record: %+v", r.Files)
			case r.Err != nil:
				e.Errorf("FilesOf record %d: %v", i, r.Err)
			default:
				if diff := cmp.Diff(want[i], r.Files, cmpopts.EquateEmpty()); diff != "" {
					e.Errorf("FilesOf record %d, beside what Files tells (-one by one +at once):\n%s", i, diff)
				}
			}
		}
		if none, err := batch.FilesOf(e.Context(), e.h.Object, nil); err != nil || len(none) != 0 {
			e.Errorf("FilesOf nothing: %v, %v", none, err)
		}
	}},
	{"link is attached", func(e *env) {
		f, people := e.filer()
		id := e.seed(1)[0]
		const address = "https://crm.example.com/files/7?a=b&c=(d)"
		made, err := f.AddLink(e.Context(), e.h.Object, id, connectors.NewLink{Key: "tenon-l1", Name: "Offer.pdf", URL: address})
		if err != nil || made == "" {
			e.Fatalf("AddLink: %q, %v", made, err)
		}
		truth := people.Attached(e, id)
		if len(truth) != 1 || truth[0].Link != address || !strings.Contains(truth[0].Name, "Offer.pdf") {
			e.Errorf("the system shows %+v, want the link to %s", truth, address)
		}
		for _, a := range e.attachments(id) {
			if a.ID == made && a.Link != address || a.ID != made && a.Key == "" {
				e.Errorf("Files: %+v, want the link alone, or nothing", a)
			}
		}
	}},
	{"what is not there cannot be opened", func(e *env) {
		f, people := e.filer()
		id := e.seed(1)[0]
		there := people.Attach(e, id, "plan.txt", []byte("x"))
		_, err := f.OpenFile(e.Context(), e.h.Object, id, there+"0")
		e.kind("OpenFile of another id", err, connectors.NotFound, connectors.Invalid, connectors.Permission)
	}},
	{"missing record takes no file", func(e *env) {
		f, _ := e.taker()
		id := e.seed(1)[0]
		e.w.Delete(e, id)
		_, err := f.AddFile(e.Context(), e.h.Object, id, connectors.NewFile{Name: "a.txt", Size: 1, Content: strings.NewReader("x")})
		e.kind("AddFile to a missing record", err, connectors.NotFound)
	}},
	{"file whose answer was lost is unsure", func(e *env) {
		f, people := e.taker()
		faulter, ok := e.w.(Faulter)
		if !ok {
			e.Skipf("nothing goes wrong here")
		}
		id := e.seed(1)[0]
		if !faulter.Fault(e, ResetAfter) {
			e.Skipf("there is no such fault")
		}
		_, err := f.AddFile(e.Context(), e.h.Object, id, connectors.NewFile{Key: "tenon-f4", Name: "a.txt", Size: 1, Content: strings.NewReader("x")})
		if !connectors.IsUnsure(err) {
			e.Errorf("AddFile whose answer was lost: %v, want an unsure error", err)
		}
		faulter.Heal(e)
		e.w.Settle(e)
		if n := len(people.Attached(e, id)); n > 1 {
			e.Errorf("%d files after one AddFile", n)
		}
	}},
}

// failing is a source that breaks off.
type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errBroken }
