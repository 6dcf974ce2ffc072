package state

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

func (t *tx) Cursor(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	p, err := t.bytes(SpaceCursors, []byte(name))
	return string(p), err
}

func (t *tx) SetCursor(name, cursor string) error {
	if err := checkName("the name of a cursor", name); err != nil {
		return err
	}
	if cursor == "" {
		return t.delete(SpaceCursors, []byte(name))
	}
	return t.putBytes(SpaceCursors, []byte(name), []byte(cursor))
}

// deliveryHash is how many bytes are kept of the hash of a delivery's id. A
// shorter id is kept as it is.
const deliveryHash = 16

func (t *tx) SeenDelivery(connection, id string, now, expires time.Time) (bool, error) {
	if err := t.writable(); err != nil || id == "" {
		return false, err
	}
	number, err := t.makeNumber("the connection of a delivery", connection)
	if err != nil {
		return false, err
	}
	if len(id) >= deliveryHash {
		h := sha256.Sum256([]byte(id))
		id = string(h[:deliveryHash])
	}
	key := keyDelivery(number, id)
	d, err := t.get(SpaceDeliveries, key)
	if err != nil {
		return false, err
	}
	if d != nil {
		until := d.time()
		if err := d.end(SpaceDeliveries, key); err != nil {
			return false, err
		}
		if until.After(now) {
			return true, nil
		}
		if err := t.delete(SpaceExpiries, keyExpiry(until, key)); err != nil {
			return false, err
		}
	}
	x := newEncoder(SpaceDeliveries, 8)
	x.time(expires)
	if err := t.put(SpaceDeliveries, key, x); err != nil {
		return false, err
	}
	return false, t.mark(SpaceExpiries, keyExpiry(expires, key))
}

func (t *tx) PruneDeliveries(now time.Time, limit int) (int, error) {
	if err := t.writable(); err != nil || limit <= 0 {
		return 0, err
	}
	var keys [][]byte
	r := Range{To: after(appendTime(nil, now))}
	err := t.scan(SpaceExpiries, r, func(k, _ []byte) (bool, error) {
		if len(k) < 8+4+1 {
			return false, damaged(SpaceExpiries, k, "malformed")
		}
		keys = append(keys, append([]byte(nil), k...))
		return len(keys) < limit, nil
	})
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if err := t.delete(SpaceDeliveries, k[8:]); err != nil {
			return 0, err
		}
		if err := t.delete(SpaceExpiries, k); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

func (t *tx) Known(mapping string, side uint8, record string) ([]byte, error) {
	n, err := t.nameNumber(mapping)
	if err != nil || n == 0 {
		return nil, err
	}
	return t.bytes(SpaceKnown, keyRecord(n, side, record))
}

func (t *tx) SetKnown(mapping string, side uint8, record string, mark []byte) error {
	if err := t.writable(); err != nil {
		return err
	}
	if err := checkName("the id of a record", record); err != nil {
		return err
	}
	n, err := t.makeNumber("the mapping of a record", mapping)
	if err != nil {
		return err
	}
	return t.putBytes(SpaceKnown, keyRecord(n, side, record), mark)
}

func (t *tx) Secret(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	return t.bytes(SpaceSecrets, []byte(name))
}

func (t *tx) SetSecret(name string, sealed []byte) error {
	if err := checkName("the name of a secret", name); err != nil {
		return err
	}
	return t.putBytes(SpaceSecrets, []byte(name), sealed)
}

func (t *tx) Doc(kind, key string) ([]byte, error) {
	return t.bytes(SpaceDocs, keyDoc(kind, key))
}

func (t *tx) SetDoc(kind, key string, doc []byte) error {
	if err := checkName("the kind of a document", kind); err != nil {
		return err
	}
	if err := checkName("the key of a document", key); err != nil {
		return err
	}
	return t.putBytes(SpaceDocs, keyDoc(kind, key), doc)
}

func (t *tx) ListDocs(kind, afterKey string, limit int) (keys []string, docs [][]byte, err error) {
	if limit <= 0 || len(kind) > maxName {
		return nil, nil, nil
	}
	head := keyDoc(kind, "")
	r := Prefix(head)
	if afterKey != "" {
		r.From = append(keyDoc(kind, afterKey), 0)
	}
	err = t.scan(SpaceDocs, r, func(k, v []byte) (bool, error) {
		d, err := unframe(SpaceDocs, k, v)
		if err != nil {
			return false, err
		}
		keys = append(keys, string(k[len(head):]))
		docs = append(docs, append([]byte{}, d.b...))
		return len(keys) < limit, nil
	})
	return keys, docs, err
}

// connectionOf returns the number of the connection in a delivery's key.
func connectionOf(delivery []byte) uint32 { return binary.BigEndian.Uint32(delivery) }
