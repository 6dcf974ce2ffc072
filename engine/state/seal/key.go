// Package seal keeps values unreadable in the state file, and makes the
// fingerprints that baselines hold instead of values.
//
// A Sealer encrypts with AES-256-GCM under a key that lies outside of the
// state: in a file of its own or in the environment. A Printer hashes values
// under a key that is stored sealed in the state, so that whoever has only the
// state file can neither read values nor try them out.
package seal

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// Key is a secret key. It shows itself as "***" wherever it is printed, logged
// or marshalled.
type Key struct{ b [KeySize]byte }

const hidden = "***"

// NewKey returns a random key.
func NewKey() Key {
	var k Key
	rand.Read(k.b[:]) //nolint:errcheck // never fails
	return k
}

// ParseKey reads a key as WriteKey spells it, or as 64 hex digits. The error
// does not repeat the text.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	b, err := hex.DecodeString(text)
	if err != nil {
		b, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(b) != KeySize {
		return Key{}, fmt.Errorf("a key is %d bytes in base64 or hex", KeySize)
	}
	var k Key
	copy(k.b[:], b)
	return k, nil
}

// KeyFromFile reads the key in a file. If there is no such file and create is
// true, it writes a new key, for the owner's eyes only, and reports that it
// did; of several processes that do so at once, one key wins.
func KeyFromFile(path string, create bool) (k Key, created bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		k = NewKey()
		err = writeKey(path, k)
		if err == nil {
			return k, true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return Key{}, false, fmt.Errorf("write a new key: %w", err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return Key{}, false, fmt.Errorf("read the key: %w", err)
	}
	k, err = ParseKey(string(text))
	if err != nil {
		return Key{}, false, fmt.Errorf("read the key %s: %w", path, err)
	}
	return k, false, nil
}

// writeKey makes a file that is complete and durable when it has its name.
func writeKey(path string, k Key) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if e := os.Remove(f.Name()); err == nil && !errors.Is(e, fs.ErrNotExist) {
			err = e
		}
	}()
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(k.b[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := os.Rename(f.Name(), path); err != nil { // a file system without hard links
			return err
		}
	}
	if d, err := os.Open(dir); err == nil {
		d.Sync()  //nolint:errcheck // not every system can
		d.Close() //nolint:errcheck // only synced
	}
	return nil
}

// String hides the key.
func (Key) String() string { return hidden }

// GoString hides the key.
func (Key) GoString() string { return "seal.Key{" + hidden + "}" }

// Format hides the key from all verbs.
func (Key) Format(s fmt.State, _ rune) { s.Write([]byte(hidden)) } //nolint:errcheck // nobody to tell

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the key.
func (Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k == Key{} }
