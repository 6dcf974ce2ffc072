package seal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// Printer makes keyed fingerprints of values: SHA-256 of a key and the normal
// form, cut to 64 bits. The cut makes the hash of a secret beginning a
// pseudorandom function: nobody can go on from a fingerprint to that of a longer
// value (Bellare, Bernstein, Tessaro: Hash-Function Based PRFs: AMAC, 2016).
// Two values of one field have the same fingerprint when they are the same;
// that two different ones do has a chance of 2^-64. It is safe for use by several
// goroutines, and makes no garbage.
type Printer struct{ key [KeySize]byte }

// NewPrinter returns the Printer of a key.
func NewPrinter(key Key) *Printer { return &Printer{key: key.b} }

// What is hashed begins with what it is, so that a value and an element of a
// set never share a fingerprint by their form.
const (
	tagValue  = 'v'
	tagOption = 'o'
)

// onStack is how long a message may be to be hashed without other memory.
const onStack = 1024

// Print returns the fingerprint of a value.
func (p *Printer) Print(v connectors.Value) state.Print {
	var room [onStack]byte
	return cut(connectors.AppendCanonical(append(append(room[:0], p.key[:]...), tagValue), v))
}

// PrintOption returns the fingerprint of one element of a set. As in a value's
// normal form, the id alone counts.
func (p *Printer) PrintOption(o connectors.Option) state.Print {
	var room [onStack]byte
	return cut(append(append(append(room[:0], p.key[:]...), tagOption), o.ID...))
}

// PrintSet returns the fingerprints of the elements of a set, ascending. It is
// empty and not nil for null.
func (p *Printer) PrintSet(v connectors.Value) []state.Print {
	options := v.Options()
	prints := make([]state.Print, len(options))
	for i, o := range options {
		prints[i] = p.PrintOption(o)
	}
	slices.Sort(prints)
	return prints
}

// cut returns the first 64 bits of a message's hash.
func cut(message []byte) state.Print {
	sum := sha256.Sum256(message)
	return state.Print(binary.BigEndian.Uint64(sum[:]))
}

const (
	printSecret  = "fingerprint-key"
	printPurpose = "fingerprint key"
)

// LoadPrinter returns the Printer of a state. At the first start it makes a key
// and stores it sealed; when the Sealer has a newer key than sealed it, it
// seals it anew. ErrKey and ErrOpen say that the state belongs to another key.
func LoadPrinter(ctx context.Context, store state.Store, s *Sealer) (*Printer, error) {
	fresh := NewKey()
	var key Key
	err := store.Update(ctx, func(tx state.Tx) error {
		sealed, err := tx.Secret(printSecret)
		if err != nil {
			return err
		}
		key = fresh
		if sealed != nil {
			plain, err := s.Open(sealed, printPurpose)
			if err != nil {
				return err
			}
			if len(plain) != KeySize {
				return ErrOpen
			}
			copy(key.b[:], plain)
			if s.Current(sealed) {
				return nil
			}
		}
		return tx.SetSecret(printSecret, s.Seal(key.b[:], printPurpose))
	})
	if err != nil {
		return nil, fmt.Errorf("the fingerprint key of the state: %w", err)
	}
	return NewPrinter(key), nil
}
