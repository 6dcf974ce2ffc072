package mark

import (
	"bytes"
	"testing"
)

// FuzzParse reads any file as a mark: it is damaged, or exactly what would be
// written for what was read.
func FuzzParse(f *testing.F) {
	f.Add(Note{}.bytes())
	f.Add(Note{Line: Line{1, 2, 0xff}, Commit: 1 << 63}.bytes())
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{'0'}, noteSize))
	f.Add(bytes.ToUpper(Note{Line: Line{0xab}, Commit: 0xcd}.bytes()))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := parse(text)
		switch {
		case err == nil && !bytes.Equal(n.bytes(), text):
			t.Errorf("%q is %+v", text, n)
		case err != nil && n != Note{}:
			t.Errorf("%q is damaged, and %+v", text, n)
		}
	})
}
