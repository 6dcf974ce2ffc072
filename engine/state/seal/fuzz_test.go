package seal

import (
	"strings"
	"testing"
)

// FuzzParseKey reads any text as a master key. An error never repeats it: it may
// be a key with a typing error.
func FuzzParseKey(f *testing.F) {
	f.Add("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	f.Add(strings.Repeat("0f", 32) + "\n")
	f.Add("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			if secret := strings.TrimSpace(text); len(secret) >= 16 && strings.Contains(err.Error(), secret) {
				t.Errorf("the error repeats what was given: %v", err)
			}
			return
		}
		if again, err := ParseKey(" " + strings.TrimSpace(text) + "\n"); err != nil || again != k {
			t.Errorf("with other white space it is another key, %v", err)
		}
	})
}
