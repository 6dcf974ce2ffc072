package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/memory"
)

func values(t *testing.T) []connectors.Value {
	t.Helper()
	number, err := connectors.ParseNumber("12.5")
	if err != nil {
		t.Fatal(err)
	}
	money, err := connectors.Money("12.5", "EUR")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	return []connectors.Value{
		connectors.Null, connectors.Text(""), connectors.Text("12.5"), connectors.RichText("12.5"), number, money,
		connectors.Bool(false), connectors.Bool(true), connectors.DateOf(day), connectors.Instant(day),
		connectors.Choice(connectors.Option{ID: "a"}), connectors.Labels("a"), connectors.Labels("a", "b"), connectors.Labels("ab"),
		connectors.PersonValue(connectors.Person{ID: "a"}), connectors.PersonValue(connectors.Person{Email: "a"}),
		connectors.Reference("deal", "1", ""), connectors.FileValue(connectors.File{ID: "1"}),
		connectors.Text(strings.Repeat("long ", 1000)),
	}
}

func TestPrintIsAHashOfKeyAndNormalForm(t *testing.T) {
	k := key(9)
	p := NewPrinter(k)
	for _, v := range values(t) {
		sum := sha256.Sum256(connectors.AppendCanonical(append(k.b[:], tagValue), v))
		want := state.Print(binary.BigEndian.Uint64(sum[:]))
		if got := p.Print(v); got != want {
			t.Errorf("Print of %s %.20q: got %x, want %x", v.Type(), v, got, want)
		}
	}
}

func TestPrintTellsValuesApart(t *testing.T) {
	p, other := NewPrinter(key(9)), NewPrinter(key(10))
	seen := map[state.Print]string{}
	for _, v := range values(t) {
		is := p.Print(v)
		if was, ok := seen[is]; ok {
			t.Errorf("%s %.20q has the fingerprint of %s", v.Type(), v, was)
		}
		seen[is] = v.Type().String()
		if is != p.Print(v) {
			t.Errorf("Print of %s differs from call to call", v.Type())
		}
		if is == other.Print(v) {
			t.Errorf("Print of %s is the same under another key", v.Type())
		}
	}
}

func TestPrintSet(t *testing.T) {
	p := NewPrinter(key(9))
	got := p.PrintSet(connectors.Labels("b", "a", "c", "a"))
	want := []state.Print{
		p.PrintOption(connectors.Option{ID: "a", Label: "ignored"}), p.PrintOption(connectors.Option{ID: "b"}), p.PrintOption(connectors.Option{ID: "c"}),
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("PrintSet: got %x, want %x", got, want)
	}
	if got := p.PrintSet(connectors.Null); got == nil || len(got) != 0 {
		t.Errorf("PrintSet of null: got %v, want empty and not nil", got)
	}
}

func TestPrintMakesNoGarbage(t *testing.T) {
	p := NewPrinter(key(9))
	v, o := connectors.Text("Acme: 100 seats"), connectors.Option{ID: "in_delivery"}
	if got := testing.AllocsPerRun(100, func() { p.Print(v); p.PrintOption(o) }); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
}

func store(t *testing.T) state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), memory.New(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoadPrinter(t *testing.T) {
	st, v := store(t), connectors.Text("a value")
	load := func(s *Sealer) state.Print {
		p, err := LoadPrinter(t.Context(), st, s)
		if err != nil {
			t.Fatal(err)
		}
		return p.Print(v)
	}
	want := load(sealer(t, key(1)))
	for _, c := range []struct {
		name string
		keys []Key
	}{
		{"the same key", []Key{key(1)}},
		{"a new key beside it", []Key{key(2), key(1)}},
		{"the new key alone, once it was sealed anew", []Key{key(2)}},
	} {
		if got := load(sealer(t, c.keys...)); got != want {
			t.Errorf("with %s: got %x, want %x", c.name, got, want)
		}
	}
	if _, err := LoadPrinter(t.Context(), st, sealer(t, key(3))); !errors.Is(err, ErrKey) {
		t.Errorf("with another key: got error %v, want ErrKey", err)
	}
}

func TestTokens(t *testing.T) {
	st := store(t)
	tokens := func(keys ...Key) *Tokens { return &Tokens{Store: st, Sealer: sealer(t, keys...), Connection: "crm"} }
	if got, err := tokens(key(1)).LoadToken(t.Context(), "refresh"); got != nil || err != nil {
		t.Errorf("LoadToken before any: got %q, %v, want nil, nil", got, err)
	}
	if err := tokens(key(1)).SaveToken(t.Context(), "refresh", secret); err != nil {
		t.Fatal(err)
	}
	err := st.View(t.Context(), func(tx state.Tx) error {
		sealed, err := tx.Secret("token/crm/refresh")
		if sealed == nil || bytes.Contains(sealed, secret) {
			t.Errorf("the token is not stored, or not sealed: %q", sealed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Loaded once with both keys, it is there with the new key alone.
	for _, keys := range [][]Key{{key(1)}, {key(2), key(1)}, {key(2)}} {
		got, err := tokens(keys...).LoadToken(t.Context(), "refresh")
		if err != nil || !bytes.Equal(got, secret) {
			t.Errorf("LoadToken with %d keys: got %q, %v, want %q", len(keys), got, err, secret)
		}
	}
	if _, err := tokens(key(1)).LoadToken(t.Context(), "refresh"); !errors.Is(err, ErrKey) {
		t.Errorf("with the old key alone: got error %v, want ErrKey", err)
	}
}

func BenchmarkPrint(b *testing.B) {
	p, v := NewPrinter(key(9)), connectors.Text("Acme: 100 seats")
	b.ReportAllocs()
	for b.Loop() {
		p.Print(v)
	}
}
