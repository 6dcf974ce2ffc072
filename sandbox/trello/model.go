package trello

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object of an answer.
type object = map[string]any

type member struct {
	id, username, fullName, email string
}

func (m *member) initials() string {
	var out strings.Builder
	for part := range strings.FieldsSeq(m.fullName) {
		out.WriteString(part[:1])
	}
	return out.String()
}

type board struct {
	id, name, desc, shortLink string
	closed                    bool
	noCustomFields            bool // the custom fields are switched off
	touched                   time.Time
	members                   []*boardMember
	labels                    []*label
	fields                    []*customField
	log                       []*action // oldest first
	nextShort                 int
}

type boardMember struct {
	*member
	kind string // admin, normal or observer
}

func (b *board) member(id string) *boardMember {
	for _, m := range b.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

func (b *board) label(id string) *label {
	i := slices.IndexFunc(b.labels, func(l *label) bool { return l.id == id })
	if i < 0 {
		return nil
	}
	return b.labels[i]
}

func (b *board) field(id string) *customField {
	i := slices.IndexFunc(b.fields, func(f *customField) bool { return f.id == id })
	if i < 0 || b.noCustomFields {
		return nil
	}
	return b.fields[i]
}

type list struct {
	id, name string
	board    *board
	closed   bool
	pos      float64
}

type label struct {
	id, name, color string // color "" is none
	board           *board
}

type customField struct {
	id, name, kind string // checkbox, date, list, number, text
	board          *board
	pos            float64
	cardFront      bool
	options        []*fieldOption
}

type fieldOption struct {
	id, text, color string
	pos             float64
}

// fieldItem is the value of a custom field on a card.
type fieldItem struct {
	id, field string
	kind      string // as the field's
	text      string // all but lists: the value as Trello keeps it
	option    string // lists: the option's id
}

type card struct {
	id, shortLink, name, desc string
	short                     int
	list                      *list
	closed                    bool
	pos                       float64
	due, start                time.Time // zero: none
	dueComplete               bool
	dueReminder               *int
	members                   []string
	labels                    []string
	items                     []*fieldItem
	attachments               []*attachment
	checklists                []*checklist
	role                      string
	template                  bool
	subscribed                bool
	cover                     string
	touched                   time.Time
	comments                  int
	indexed                   []indexedText // what search saw when
}

type indexedText struct {
	at   time.Time
	text string
}

func (c *card) board() *board { return c.list.board }

func (c *card) item(field string) *fieldItem {
	i := slices.IndexFunc(c.items, func(it *fieldItem) bool { return it.field == field })
	if i < 0 {
		return nil
	}
	return c.items[i]
}

type attachment struct {
	id, name, url, mime, fileName string
	member                        string
	at                            time.Time
	upload                        bool
	content                       []byte
	pos                           float64
}

type checklist struct {
	id, name string
	card     *card
	pos      float64
	items    []*checkItem
}

type checkItem struct {
	id, name string
	complete bool
	pos      float64
	due      time.Time
	member   string
}

type token struct {
	value, id   string
	member      *member
	app         string
	read, write bool
	account     bool
	created     time.Time
	expires     time.Time // zero: never
}

// hex writes n as digits hexadecimal ones.
func hex(n uint64, digits int) string {
	s := strconv.FormatUint(n, 16)
	if len(s) > digits {
		return s[:digits]
	}
	return strings.Repeat("0", digits-len(s)) + s
}

// newID returns a fresh id: the time in seconds, the machine, a counter.
func (s *System) newID() string {
	s.counter++
	return hex(uint64(s.now().Unix()), 8) + s.machine + hex(uint64(s.counter&0xffffff), 6) //nolint:gosec // times after 1970
}

const linkLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func (s *System) newShortLink(id string) string {
	for {
		b := make([]byte, 8)
		for i := range b {
			b[i] = linkLetters[s.rand.IntN(len(linkLetters))]
		}
		if link := string(b); s.links[link] == "" {
			s.links[link] = id
			return link
		}
	}
}

func isID(s string) bool {
	if len(s) != 24 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isShortLink(s string) bool {
	return len(s) == 8 && strings.Trim(s, linkLetters) == ""
}

func (s *System) boardBy(id string) *board {
	if isShortLink(id) {
		id = s.links[id]
	}
	for _, b := range s.boards {
		if b.id == id {
			return b
		}
	}
	return nil
}

func (s *System) cardBy(id string) *card {
	if isShortLink(id) {
		id = s.links[id]
	}
	return s.cards[id]
}

func (s *System) memberBy(id string) *member {
	for _, m := range s.members {
		if m.id == id || m.username == id || m.email == id {
			return m
		}
	}
	return nil
}

// listsOf returns a board's lists in their order.
func (s *System) listsOf(b *board) []*list {
	var out []*list
	for _, l := range s.lists {
		if l.board == b {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *list) int { return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(a.id, b.id)) })
	return out
}

// cardsWhere returns the cards that a condition holds for, by list and position.
func (s *System) cardsWhere(cond func(*card) bool) []*card {
	var out []*card
	for _, c := range s.cards {
		if cond(c) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *card) int {
		return cmp.Or(cmp.Compare(a.list.pos, b.list.pos), cmp.Compare(a.pos, b.pos), cmp.Compare(a.id, b.id))
	})
	return out
}

// place reads a position: top, bottom or a number; taken are the positions of
// the others.
func place(text string, taken []float64) (float64, bool) {
	low, high := 0.0, 0.0
	for i, p := range taken {
		if i == 0 || p < low {
			low = p
		}
		high = max(high, p)
	}
	switch text {
	case "", "bottom":
		return high + 16384, true
	case "top":
		if len(taken) == 0 {
			return 16384, true
		}
		return low / 2, true
	}
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || p <= 0 {
		return 0, false
	}
	return p, true
}

const timeForm = "2006-01-02T15:04:05.000Z"

// stamp writes a time as Trello does; null for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(timeForm)
}

func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Millisecond), true
		}
	}
	return time.Time{}, false
}
