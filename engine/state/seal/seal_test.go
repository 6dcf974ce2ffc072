package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// secret is long enough that it does not stand in random bytes by chance.
var secret = []byte("a customer's value that nobody else may ever read")

func key(n byte) Key {
	var k Key
	for i := range k.b {
		k.b[i] = n + byte(i)
	}
	return k
}

func sealer(t *testing.T, keys ...Key) *Sealer {
	t.Helper()
	s, err := New(keys[0], keys[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealAndOpen(t *testing.T) {
	s := sealer(t, key(1))
	for _, plain := range [][]byte{{}, {0}, secret, bytes.Repeat(secret, 1000)} {
		sealed := s.Seal(plain, "undo")
		if got, want := len(sealed), len(plain)+Overhead; got != want {
			t.Errorf("length of a sealed value of %d bytes: got %d, want %d", len(plain), got, want)
		}
		if len(plain) >= len(secret) && bytes.Contains(sealed, secret) {
			t.Errorf("the value stands in what was sealed: %x", sealed)
		}
		got, err := s.Open(sealed, "undo")
		if err != nil || !bytes.Equal(got, plain) || got == nil {
			t.Errorf("Open: got %q, %v, want %q", got, err, plain)
		}
	}
	if bytes.Equal(s.Seal(secret, "undo"), s.Seal(secret, "undo")) {
		t.Error("two seals of one value are equal")
	}
}

func TestOpenRefuses(t *testing.T) {
	s := sealer(t, key(1))
	sealed := s.Seal(secret, "undo")
	if _, err := s.Open(sealed, "token"); !errors.Is(err, ErrOpen) {
		t.Errorf("another purpose: got error %v, want ErrOpen", err)
	}
	if _, err := sealer(t, key(2)).Open(sealed, "undo"); !errors.Is(err, ErrKey) {
		t.Errorf("another key: got error %v, want ErrKey", err)
	}
	for n := range len(sealed) {
		if _, err := s.Open(sealed[:n], "undo"); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d bytes: got error %v, want ErrOpen", n, err)
		}
		changed := bytes.Clone(sealed)
		changed[n] ^= 1
		if _, err := s.Open(changed, "undo"); !errors.Is(err, ErrOpen) && !errors.Is(err, ErrKey) {
			t.Errorf("byte %d changed: got error %v, want ErrOpen or ErrKey", n, err)
		}
	}
	if _, err := New(Key{}); err == nil {
		t.Error("New took no key for one")
	}
}

func TestRotation(t *testing.T) {
	before, after := sealer(t, key(1)), sealer(t, key(2), key(1))
	sealed := before.Seal(secret, "undo")
	got, err := after.Open(sealed, "undo")
	if err != nil || !bytes.Equal(got, secret) {
		t.Errorf("with the old key at hand: got %q, %v, want %q", got, err, secret)
	}
	if after.Current(sealed) || !after.Current(after.Seal(secret, "undo")) {
		t.Error("Current does not tell the keys apart")
	}
	if _, err := before.Open(after.Seal(secret, "undo"), "undo"); !errors.Is(err, ErrKey) {
		t.Errorf("without the new key: got error %v, want ErrKey", err)
	}
}

func TestKeyHides(t *testing.T) {
	k := key(33)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "a", k, "b", &k, "c", map[string]any{"k": k})
	asJSON, err := json.Marshal(map[string]any{"k": k, "p": &k})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %X %d %v %v", k, k, k, k, k, k, k, k, &k, struct{ K Key }{k}) +
		log.String() + string(asJSON)
	for _, form := range []string{
		string(k.b[:]), hex.EncodeToString(k.b[:]), strings.ToUpper(hex.EncodeToString(k.b[:])),
		base64.StdEncoding.EncodeToString(k.b[:]), "33 34 35 36", "33,34,35,36",
	} {
		if strings.Contains(shown, form) {
			t.Errorf("the key shows itself as %q", form)
		}
	}
	if !strings.Contains(shown, "***") {
		t.Errorf("got %s, want ***", shown)
	}
}

func TestParseKey(t *testing.T) {
	k := key(7)
	for _, text := range []string{
		hex.EncodeToString(k.b[:]), base64.StdEncoding.EncodeToString(k.b[:]) + "\n", " " + strings.ToUpper(hex.EncodeToString(k.b[:])),
	} {
		got, err := ParseKey(text)
		if err != nil || got != k {
			t.Errorf("ParseKey of %d characters: got error %v, equal %v, want the key", len(text), err, got == k)
		}
	}
	for _, text := range []string{"", "abc", "correct horse battery staple is no key", hex.EncodeToString(k.b[:31])} {
		_, err := ParseKey(text)
		if err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("ParseKey of %q: got error %v, want one without the text", text, err)
		}
	}
}

func TestKeyFromFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tenon.key")
	if _, _, err := KeyFromFile(path, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got error %v, want fs.ErrNotExist", err)
	}
	var keys [8]Key
	var made [8]bool
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], made[i], err = KeyFromFile(path, true); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	makers := 0
	for i := range keys {
		if keys[i] != keys[0] || keys[i].IsZero() {
			t.Error("two starts at once got different keys")
		}
		if made[i] {
			makers++
		}
	}
	if makers != 1 {
		t.Errorf("starts that made the key: got %d, want 1", makers)
	}
	again, created, err := KeyFromFile(path, true)
	if err != nil || created || again != keys[0] {
		t.Errorf("a later start: created %v, error %v, same key %v, want false, nil, true", created, err, again == keys[0])
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("mode of the key file: got %o, want 600", got)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("files in the folder: got %d, %v, want the key alone", len(left), err)
	}
	if err := os.WriteFile(path, []byte("nonsense that is no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := KeyFromFile(path, true); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a file without a key: got error %v, want one that does not repeat it", err)
	}
}

func FuzzOpen(f *testing.F) {
	s, err := New(key(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add([]byte{version, 0, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{version}, Overhead))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := s.Open(sealed, "fuzz"); err == nil {
			t.Errorf("opened what nobody sealed: %x is %x", sealed, plain)
		}
	})
}
