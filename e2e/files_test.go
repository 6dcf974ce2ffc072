package e2e

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// TestFilesTravel attaches files in each system and looks for them in each
// other one: their bytes within the limit, a link beyond it or where a system
// takes links only, each once.
func TestFilesTravel(t *testing.T) {
	for _, a := range desks {
		for _, b := range desks {
			if a.kind != b.kind {
				t.Run(a.kind+" to "+b.kind, func(t *testing.T) {
					newOffice(t, a, b, "attachments: {flow: both, limit: 1 MB}\n").carry()
				})
			}
		}
	}
}

// bytesOf is the content of a file of n bytes.
func bytesOf(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i*7 + i>>9)
	}
	return content
}

const someSize, bigSize = 150_000, 1<<20 + 1

func (o *office) filer(i int) connectors.Filer {
	o.t.Helper()
	f := connectors.AbilitiesOf(o.conns[o.desks[i].kind]).Filer
	if f == nil {
		o.t.Fatalf("%s has no attachments", o.desks[i].kind)
	}
	return f
}

// attach adds a file, or a link where the system takes those only, and returns
// what it shows then.
func (o *office) attach(i int, id, name string, size int) {
	o.t.Helper()
	f, object := o.filer(i), o.desks[i].place.Object
	limit, err := f.FileLimit(o.t.Context(), object)
	if err != nil {
		o.t.Fatal(err)
	}
	if limit == 0 {
		_, err = f.AddLink(o.t.Context(), object, id, connectors.NewLink{Name: name, URL: "https://files.example.com/" + name})
	} else {
		_, err = f.AddFile(o.t.Context(), object, id, connectors.NewFile{Name: name, Type: "application/pdf", Size: int64(size), Content: bytes.NewReader(bytesOf(size))})
	}
	if err != nil {
		o.t.Fatalf("attach in %s: %v", o.desks[i].kind, err)
	}
}

func (o *office) files(i int, id string) []connectors.Attachment {
	o.t.Helper()
	list, err := o.filer(i).Files(o.t.Context(), o.desks[i].place.Object, id)
	if err != nil {
		o.t.Fatalf("files of %s: %v", o.desks[i].kind, err)
	}
	return list
}

func (o *office) carry() {
	o.t.Helper()
	o.put(0, "", "With files", o.desks[0].edits[0])
	o.settle(false)
	l := o.links(1)[0]
	for side, name := range []string{"offer.pdf", "plan.pdf"} {
		o.attach(side, l.Records[side].ID, name, someSize)
	}
	o.attach(0, l.Records[0].ID, "huge.pdf", bigSize)
	o.settle(false)
	o.settle(true)
	for side := range o.desks {
		o.arrived(1-side, l.Records[1-side].ID, []string{"offer.pdf", "plan.pdf"}[side], side)
	}
	counts := [2]int{len(o.files(0, l.Records[0].ID)), len(o.files(1, l.Records[1].ID))}
	o.settle(true)
	if after := [2]int{len(o.files(0, l.Records[0].ID)), len(o.files(1, l.Records[1].ID))}; after != counts {
		o.t.Errorf("%v attachments became %v at rest", counts, after)
	}
	asides, err := o.eng.Asides(o.t.Context(), "", false, 0, 100)
	if err != nil || len(asides) > 0 {
		o.t.Errorf("set aside: %+v, %v", asides, err)
	}
	if o.t.Failed() {
		o.dump()
	}
}

// arrived looks for a file of the other side among the attachments of a record.
func (o *office) arrived(i int, id, name string, from int) {
	o.t.Helper()
	takes := func(side int) bool {
		limit, err := o.filer(side).FileLimit(o.t.Context(), o.desks[side].place.Object)
		return err == nil && limit != 0
	}
	var found []connectors.Attachment
	list := o.files(i, id)
	for _, a := range list {
		if strings.Contains(a.Name, strings.TrimSuffix(name, ".pdf")) {
			found = append(found, a)
		}
	}
	linked := !takes(i) || !takes(from)
	if o.desks[i].kind == "jira" && linked {
		return // a remote link, which is no attachment
	}
	if len(found) != 1 {
		o.t.Errorf("%s has %d attachments %s, want one: %+v", o.desks[i].kind, len(found), name, list)
		return
	}
	if linked {
		if found[0].Link == "" {
			o.t.Errorf("%s has %+v, want a link", o.desks[i].kind, found[0])
		}
		return
	}
	body, err := o.filer(i).OpenFile(o.t.Context(), o.desks[i].place.Object, id, found[0].ID)
	if err != nil {
		o.t.Fatal(err)
	}
	defer body.Close()
	if content, err := io.ReadAll(body); err != nil || !bytes.Equal(content, bytesOf(someSize)) {
		o.t.Errorf("%s: %s has %d bytes, %v, other than the %d that were sent", o.desks[i].kind, name, len(content), err, someSize)
	}
}
