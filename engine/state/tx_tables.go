package state

import (
	"encoding/binary"
	"maps"
)

// A table stores texts once and numbers them from 1, so that rows are short
// and keys of fixed width. A number is never used again.
type table struct {
	space    Space
	sequence sequence
}

// The tables: names of mappings and connections, and the patterns of links.
var (
	tableNames    = table{SpaceNames, sequenceNames}
	tablePatterns = table{SpacePatterns, sequencePatterns}
)

// The first byte of a table's keys.
const (
	textToNumber = 0
	numberToText = 1
)

func keyText(text string) []byte { return append([]byte{textToNumber}, text...) }

func keyNumber(n uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{numberToText}, n)
}

// find returns the number of a text, 0 when it has none.
func (b table) find(t *tx, text string) (uint32, error) {
	n, err := t.number(b.space, keyText(text))
	return uint32(n), err
}

// add gives the next number to a text that has none.
func (b table) add(t *tx, text string) (uint32, error) {
	next, err := t.next(b.sequence)
	if err != nil {
		return 0, err
	}
	if err := t.putNumber(b.space, keyText(text), next); err != nil {
		return 0, err
	}
	n := uint32(next)
	e := newEncoder(b.space, len(text))
	e.b = append(e.b, text...)
	return n, t.put(b.space, keyNumber(n), e)
}

// text returns what a number stands for.
func (b table) text(t *tx, n uint32) (string, error) {
	key := keyNumber(n)
	d, err := t.get(b.space, key)
	if err != nil {
		return "", err
	}
	if d == nil {
		return "", damaged(b.space, key, "a number without a text")
	}
	return string(d.b), nil
}

// catalog is what was looked up of the tables. One that several transactions
// share is never changed.
type catalog struct {
	numbers  map[string]uint32
	names    map[uint32]string
	patterns map[uint32]*pattern
	shapes   map[string]uint32 // of patterns, by their text
}

func newCatalog() *catalog {
	return &catalog{map[string]uint32{}, map[uint32]string{}, map[uint32]*pattern{}, map[string]uint32{}}
}

// maxCatalog bounds each part of a shared catalog.
const maxCatalog = 4096

// with returns a catalog that has what c and more have.
func (c *catalog) with(more *catalog) *catalog {
	if c == nil {
		return more
	}
	if len(c.numbers) >= maxCatalog || len(c.patterns) >= maxCatalog || len(c.shapes) >= maxCatalog {
		return more
	}
	all := &catalog{maps.Clone(c.numbers), maps.Clone(c.names), maps.Clone(c.patterns), maps.Clone(c.shapes)}
	maps.Copy(all.numbers, more.numbers)
	maps.Copy(all.names, more.names)
	maps.Copy(all.patterns, more.patterns)
	maps.Copy(all.shapes, more.shapes)
	return all
}

// learned returns the transaction's own catalog.
func (t *tx) learned() *catalog {
	if t.own == nil {
		t.own = newCatalog()
	}
	return t.own
}

// nameNumber returns the number of a name, 0 when it has none.
func (t *tx) nameNumber(name string) (uint32, error) {
	if t.shared != nil {
		if n, ok := t.shared.numbers[name]; ok {
			return n, nil
		}
	}
	if t.own != nil {
		if n, ok := t.own.numbers[name]; ok {
			return n, nil
		}
	}
	n, err := tableNames.find(t, name)
	if err == nil && n > 0 {
		t.rememberName(name, n)
	}
	return n, err
}

func (t *tx) rememberName(name string, n uint32) {
	own := t.learned()
	own.numbers[name], own.names[n] = n, name
}

// makeNumber returns the number of a name and gives it one if need be.
func (t *tx) makeNumber(what, name string) (uint32, error) {
	if err := checkName(what, name); err != nil {
		return 0, err
	}
	n, err := t.nameNumber(name)
	if err != nil || n > 0 {
		return n, err
	}
	if n, err = tableNames.add(t, name); err == nil {
		t.rememberName(name, n)
	}
	return n, err
}

// name returns what a number stands for.
func (t *tx) name(n uint32) (string, error) {
	if t.shared != nil {
		if s, ok := t.shared.names[n]; ok {
			return s, nil
		}
	}
	if t.own != nil {
		if s, ok := t.own.names[n]; ok {
			return s, nil
		}
	}
	s, err := tableNames.text(t, n)
	if err == nil {
		t.rememberName(s, n)
	}
	return s, err
}

// pattern is what most links of a mapping have in common: the scheme and the
// rules of their fields, ascending.
type pattern struct {
	scheme uint64
	rules  []uint32
}

const (
	// maxPattern is how long the text of a numbered pattern is at most, and
	// maxPatterns how many there are. Other links carry their pattern.
	maxPattern  = 1024
	maxPatterns = 1 << 14
)

// appendPattern appends the text of a link's pattern.
func appendPattern(b []byte, scheme uint64, fields []Field) []byte {
	b = binary.LittleEndian.AppendUint64(b, scheme)
	rule := uint32(0)
	for i := range fields {
		b = binary.AppendUvarint(b, uint64(fields[i].Rule-rule))
		rule = fields[i].Rule
	}
	return b
}

// decodePattern reads what appendPattern wrote, up to the end.
func decodePattern(d *decoder) *pattern {
	p := &pattern{scheme: d.fixed64()}
	rule := uint64(0)
	for len(d.b) > 0 {
		step := d.below(1 << 32)
		rule += step
		if rule >= 1<<32 || len(p.rules) > 0 && step == 0 {
			d.fail()
		}
		p.rules = append(p.rules, uint32(rule))
	}
	return p
}

// patternOf returns a pattern by its number.
func (t *tx) patternOf(n uint32) (*pattern, error) {
	if t.shared != nil {
		if p, ok := t.shared.patterns[n]; ok {
			return p, nil
		}
	}
	if t.own != nil {
		if p, ok := t.own.patterns[n]; ok {
			return p, nil
		}
	}
	text, err := tablePatterns.text(t, n)
	if err != nil {
		return nil, err
	}
	d := &decoder{b: []byte(text)}
	p := decodePattern(d)
	if err := d.end(SpacePatterns, keyNumber(n)); err != nil {
		return nil, err
	}
	t.learned().patterns[n] = p
	return p, nil
}

// patternNumber returns the number of a link's pattern, and gives it one if
// need be; 0 says that the link has to carry it.
func (t *tx) patternNumber(l *Link) (uint32, error) {
	var room [256]byte
	text := appendPattern(room[:0], l.Scheme, l.Fields)
	if len(text) > maxPattern {
		return 0, nil
	}
	if t.shared != nil {
		if n, ok := t.shared.shapes[string(text)]; ok {
			return n, nil
		}
	}
	if t.own != nil {
		if n, ok := t.own.shapes[string(text)]; ok {
			return n, nil
		}
	}
	n, err := tablePatterns.find(t, string(text))
	if err != nil {
		return 0, err
	}
	if n == 0 {
		given, err := t.number(SpaceMeta, []byte(sequencePatterns))
		if err != nil || given >= maxPatterns {
			return 0, err
		}
		if n, err = tablePatterns.add(t, string(text)); err != nil {
			return 0, err
		}
	}
	t.learned().shapes[string(text)] = n
	return n, nil
}
