package connectors_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// FuzzParseRef reads any text as the name of a record: what is read is written
// the same way.
func FuzzParseRef(f *testing.F) {
	f.Add("hubspot-eu/deals/1042")
	f.Add("a/b/c/d")
	f.Add("//")
	f.Add("/x/" + strings.Repeat("é", 200))
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := connectors.ParseRef(text)
		switch {
		case err != nil && len(err.Error()) > 1000:
			t.Errorf("an error of %d bytes", len(err.Error()))
		case err == nil && (ref.String() != text || ref.IsZero()):
			t.Errorf("%q is %+v", text, ref)
		}
	})
}

// FuzzCanonical holds normal forms against equality: two values are the same
// exactly when their normal forms are, and one form is never the beginning of
// another's list.
func FuzzCanonical(f *testing.F) {
	stored := func(v connectors.Value) []byte { return connectors.EncodeValue(v) }
	f.Add(stored(connectors.Text("a")), stored(connectors.RichText("a")))
	f.Add(stored(connectors.Labels("a", "b")), stored(connectors.Labels("b", "a")))
	f.Add(stored(connectors.Labels("ab")), stored(connectors.Labels("a", "b")))
	f.Add(stored(connectors.Reference("o", "1", "One")), stored(connectors.Reference("o", "1", "Uno")))
	f.Add(stored(connectors.PersonValue(connectors.Person{ID: "1", Email: "a@b.c"})), stored(connectors.PersonValue(connectors.Person{Email: "a@b.c"})))
	f.Add(stored(connectors.FileValue(connectors.File{Name: "n", URL: "u"})), stored(connectors.FileValue(connectors.File{Name: "nu"})))
	f.Add(stored(connectors.Bool(true)), stored(connectors.Int(1)))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		a, errA := connectors.DecodeValue(one)
		b, errB := connectors.DecodeValue(two)
		if errA != nil || errB != nil {
			return
		}
		same := connectors.Equal(a, b)
		forms := bytes.Equal(connectors.AppendCanonical(nil, a), connectors.AppendCanonical(nil, b))
		if same != forms || same != connectors.Equal(b, a) || !connectors.Equal(a, a) {
			t.Errorf("%v and %v: equal %v, the other way %v, normal forms equal %v", a, b, same, connectors.Equal(b, a), forms)
		}
	})
}
