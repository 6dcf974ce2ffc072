package state

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"
)

// Space is one keyspace of a backend. Numbers are part of the stored layout.
type Space uint8

// The spaces; docs/state.md describes the keys and values of each.
const (
	SpaceMeta Space = iota + 1
	SpaceNames
	SpacePatterns
	SpaceCounts
	SpaceLinks
	SpaceLinkOf
	SpaceLinkBy
	SpaceNotes
	SpaceEntries
	SpaceDue
	SpaceIntents
	SpaceIntentOf
	SpaceAsides
	SpaceAsideBy
	SpaceJournal
	SpaceTrails
	SpaceCursors
	SpaceDeliveries
	SpaceExpiries
	SpaceKnown
	SpaceSecrets
	SpaceDocs
)

var spaceNames = [...]string{
	"", "meta", "names", "patterns", "counts", "links", "link-of", "link-by",
	"notes", "entries", "due", "intents", "intent-of", "asides", "aside-by", "journal", "trails",
	"cursors", "deliveries", "expiries", "known", "secrets", "docs",
}

// Spaces returns all spaces in order.
func Spaces() []Space {
	all := make([]Space, 0, SpaceDocs)
	for s := SpaceMeta; s <= SpaceDocs; s++ {
		all = append(all, s)
	}
	return all
}

// String returns the space's name.
func (s Space) String() string {
	if s >= SpaceMeta && int(s) < len(spaceNames) {
		return spaceNames[s]
	}
	return fmt.Sprintf("space(%d)", uint8(s))
}

// Order says where new keys of a space come.
type Order uint8

// The orders of new keys.
const (
	Scattered Order = iota // anywhere
	Ascending              // at the end of the space
	Grouped                // often at the end of those with the same first GroupHead bytes
)

// GroupHead is how long the common part of the keys of a group is, in bytes.
const GroupHead = 5

// Order returns where new keys of the space come, so that a backend can leave
// pages full that get no later keys.
func (s Space) Order() Order {
	switch s {
	case SpaceLinks, SpaceJournal, SpaceTrails, SpaceExpiries:
		return Ascending
	case SpaceLinkOf, SpaceKnown:
		return Grouped
	}
	return Scattered
}

// maxName bounds names, record ids and keys that callers choose, in bytes.
const maxName = 1024

func checkName(what, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%s is empty", what)
	case len(s) > maxName:
		return fmt.Errorf("%s of %d bytes is over the limit of %d", what, len(s), maxName)
	}
	return nil
}

// Builders of keys. Numbers are big-endian, so that keys sort as they do.

func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func keyMapping(mapping uint32) []byte { return binary.BigEndian.AppendUint32(nil, mapping) }

// keyLinkBy names the row that has a link's bit, one for linkBits links.
func keyLinkBy(mapping uint32, link uint64) []byte { return keyMapping64(mapping, link/linkBits) }

func keyMapping64(mapping uint32, n uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(make([]byte, 0, 12), mapping), n)
}

// The first byte of a record's id in a key.
const (
	recordText   = 0
	recordNumber = 0x80 // with the number of bytes of the number
)

// keyRecord names a record under a mapping. Ids that are numbers are kept as
// such, and sort as they do.
func keyRecord(mapping uint32, side uint8, record string) []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, GroupHead+1+max(8, len(record))), mapping)
	k = append(k, side)
	n, ok := plainNumber(record)
	if !ok {
		return append(append(k, recordText), record...)
	}
	size := (bits.Len64(n) + 7) / 8
	k = append(k, recordNumber+byte(size))
	for i := size - 1; i >= 0; i-- {
		k = append(k, byte(n>>(8*i)))
	}
	return k
}

// maxDigits is how many digits a number has at most that is kept as such.
const maxDigits = 18

// plainNumber returns the number that a text is, when it is written as numbers
// are: 0 to 18 nines in decimal digits, without zeros in front.
func plainNumber(s string) (n uint64, ok bool) {
	if s == "" || len(s) > maxDigits || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = 10*n + uint64(d)
	}
	return n, true
}

func keyAside(link uint64, rule uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(make([]byte, 0, 12), link), rule)
}

func keyAsideBy(mapping uint32, link uint64, rule uint32) []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, 16), mapping)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(k, link), rule)
}

// appendSubject appends the part of a subject that follows its mapping. For a
// link, side and record are not part of the key.
func appendSubject(k []byte, s Subject) []byte {
	k = binary.BigEndian.AppendUint64(k, s.Link)
	if s.Link == 0 {
		k = append(append(k, s.Side), s.Record...)
	}
	return k
}

func keyEntry(mapping uint32, s Subject) []byte {
	return appendSubject(binary.BigEndian.AppendUint32(make([]byte, 0, 13+len(s.Record)), mapping), s)
}

func keyDue(mapping uint32, e *Entry) []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, 22+len(e.Record)), mapping)
	k = append(k, byte(e.Priority))
	return appendSubject(appendTime(k, e.Due), e.Subject)
}

// dueHead is the length of a due key before the subject.
const dueHead = 4 + 1 + 8

func keyIntentOf(mapping uint32, side uint8, record, key string) []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, 7+len(record)+len(key)), mapping)
	k = binary.BigEndian.AppendUint16(append(k, side), uint16(len(record)))
	return append(append(k, record...), key...)
}

func keyDelivery(connection uint32, id string) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(id)), connection), id...)
}

func keyExpiry(expires time.Time, delivery []byte) []byte {
	return append(appendTime(make([]byte, 0, 8+len(delivery)), expires), delivery...)
}

func keyDoc(kind, key string) []byte {
	k := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(kind)+len(key)), uint16(len(kind)))
	return append(append(k, kind...), key...)
}

func keyCount(c counter, mapping uint32, part uint8) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{byte(c)}, mapping), part)
}

// appendTime appends the microseconds since 1970 so that they sort, also those
// before 1970.
func appendTime(k []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(k, uint64(t.UnixMicro())^1<<63)
}

func timeOf(k []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(k) ^ 1<<63)).UTC()
}
