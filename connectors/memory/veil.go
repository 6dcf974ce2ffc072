package memory

import (
	"errors"

	"github.com/tenonsync/tenon/connectors"
)

// Veil is how an object's records are kept from the program, as when a right is
// lost. People see and change them all the same. Changes under a veil send no
// webhooks.
type Veil uint8

const (
	// NoVeil shows everything.
	NoVeil Veil = iota
	// Forbidden lets reads answer Permission for each record, all other calls
	// about the object answer Permission as a whole.
	Forbidden
	// Unseen lets the records seem not to be there. Reads answer NotFound, lists and
	// searches are empty. Creates are forbidden.
	Unseen
	// Half is Unseen for every other record.
	Half
)

// SetVeil takes the program's right to an object's records away, or gives it
// back with NoVeil.
func (s *System) SetVeil(object string, v Veil) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table(object).veil = v
}

// veils reports whether a record seems not to be there.
func (t *table) veils(r *record) bool {
	return t.veil == Unseen || t.veil == Half && r.seq%2 == 1
}

// forbidden returns the error of a call about an object that may not be made.
func (c *Connection) forbidden(op, record string) error {
	return c.fail(op, record, connectors.Permission, errors.New("the account has no right to these records"))
}
