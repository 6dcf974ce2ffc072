package trello

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// edit is what a call writes into a card's fields: by name, what to set.
type edit struct {
	set   map[string]func(*card)
	quiet map[string]bool // does not count as activity
}

func (e *edit) apply(cd *card) {
	for _, name := range slices.Sorted(maps.Keys(e.set)) {
		e.set[name](cd)
	}
}

// readEdit reads the fields of a create or an update; cd is nil for a create.
func readEdit(c *call, b *board, cd *card) (*edit, error) {
	p, e := c.p, &edit{set: map[string]func(*card){}, quiet: map[string]bool{"pos": true, "subscribed": true}}
	for _, name := range []string{"name", "desc"} {
		if !p.has(name) {
			continue
		}
		v := strings.TrimRight(strings.ReplaceAll(p.text(name), "\r\n", "\n"), " \t\n")
		if utf8.RuneCountInString(v) > maxText || name == "name" && cd != nil && strings.TrimSpace(v) == "" {
			return nil, invalid(name)
		}
		e.set[name] = func(cd *card) {
			if name == "name" {
				cd.name = strings.TrimSpace(v)
			} else {
				cd.desc = v
			}
		}
	}
	for _, name := range []string{"due", "start"} {
		if err := e.time(p, name); err != nil {
			return nil, err
		}
	}
	for name, set := range map[string]func(*card, bool){
		"closed":      func(cd *card, v bool) { cd.closed = v },
		"dueComplete": func(cd *card, v bool) { cd.dueComplete = v },
		"subscribed":  func(cd *card, v bool) { cd.subscribed = v },
		"isTemplate":  func(cd *card, v bool) { cd.template = v },
	} {
		if !p.has(name) {
			continue
		}
		v, ok := p.flag(name)
		if !ok {
			return nil, invalid(name)
		}
		e.set[name] = func(cd *card) { set(cd, v) }
	}
	if p.has("dueReminder") {
		n, err := strconv.Atoi(p.or("dueReminder", "-1"))
		if err != nil || n < -1 {
			return nil, invalid("dueReminder")
		}
		e.set["dueReminder"] = func(cd *card) {
			if cd.dueReminder = &n; n < 0 {
				cd.dueReminder = nil
			}
		}
	}
	if p.has("cardRole") {
		role := p.text("cardRole")
		if role != "" && !contains([]string{"separator", "board", "mirror", "link"}, role) {
			return nil, invalid("cardRole")
		}
		e.set["cardRole"] = func(cd *card) { cd.role = role }
	}
	return e, e.sets(c, b)
}

func (e *edit) time(p params, name string) error {
	if !p.has(name) {
		return nil
	}
	var at time.Time
	if v := p.text(name); v != "" && v != "null" {
		var ok bool
		if at, ok = parseTime(v); !ok {
			return invalid(name)
		}
	}
	e.set[name] = func(cd *card) {
		if name == "due" {
			cd.due = at
		} else {
			cd.start = at
		}
	}
	return nil
}

// sets reads the labels and members, which replace those of the card.
func (e *edit) sets(c *call, b *board) error {
	if c.p.has("idLabels") {
		ids := c.p.list("idLabels")
		for i, id := range ids {
			if b.label(id) == nil {
				return invalid("idLabels")
			}
			if slices.Contains(ids[:i], id) {
				return text(http.StatusBadRequest, "label not found")
			}
		}
		e.set["idLabels"] = func(cd *card) { cd.labels = slices.Clone(ids) }
	}
	if c.p.has("idMembers") {
		ids := c.p.list("idMembers")
		for i, id := range ids {
			if b.member(id) == nil || slices.Contains(ids[:i], id) {
				return invalid("idMembers")
			}
		}
		e.set["idMembers"] = func(cd *card) { cd.members = slices.Clone(ids) }
	}
	return nil
}

func putCard(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	s, p := c.sys, c.p
	to, err := c.target(cd)
	if err != nil {
		return nil, err
	}
	e, err := readEdit(c, to.board, cd)
	if err != nil {
		return nil, err
	}
	if p.has("pos") {
		pos, ok := place(p.text("pos"), s.cardPlaces(to))
		if !ok {
			return nil, invalid("pos")
		}
		e.set["pos"] = func(cd *card) { cd.pos = pos }
	}
	if to != cd.list {
		s.move(c, cd, to)
	}
	s.edit(c, cd, e)
	return s.cardAnswer(c, cd, p), nil
}

// putCardField writes one field by ?value=, as older clients do.
func putCardField(c *call) (any, error) {
	switch c.id(1) {
	case "name", "desc", "closed", "due", "start", "dueComplete", "idList", "idBoard", "idMembers", "idLabels", "pos", "subscribed":
		c.p[c.id(1)] = c.p["value"]
		return putCard(c)
	}
	return nil, text(http.StatusNotFound, "Cannot PUT /1/"+c.path)
}

// target finds the list that a call moves a card to; its own where it does not.
func (c *call) target(cd *card) (*list, error) {
	s, p := c.sys, c.p
	b := cd.board()
	if p.has("idBoard") {
		if !isID(p.text("idBoard")) || s.boardBy(p.text("idBoard")) == nil {
			return nil, invalid("idBoard")
		}
		b = s.boardBy(p.text("idBoard"))
		if err := c.may(b, true); err != nil {
			return nil, err
		}
	}
	if p.has("idList") {
		l := s.lists[p.text("idList")]
		if l == nil || l.board != b {
			return nil, invalid("idList")
		}
		return l, nil
	}
	if b == cd.board() {
		return cd.list, nil
	}
	for _, l := range s.listsOf(b) {
		if !l.closed {
			return l, nil
		}
	}
	return nil, invalid("idList")
}

// edit changes a card's fields: one action for each, as Trello has it, and none
// for what stays as it was.
func (s *System) edit(c *call, cd *card, e *edit) {
	before := s.cardView(cd)
	was := slices.Clone(cd.labels)
	members := slices.Clone(cd.members)
	e.apply(cd)
	after := s.cardView(cd)
	for _, name := range slices.Sorted(maps.Keys(e.set)) {
		if same(before[name], after[name]) {
			continue
		}
		if !e.quiet[name] {
			cd.touched = s.now()
		}
		switch name {
		case "idLabels":
			s.tellLabels(c, cd, was)
		case "idMembers":
			s.tellMembers(c, cd, members)
		case "subscribed":
		default:
			s.act(c, "updateCard", cd.board(), cd.list, cd, object{"card": object{name: after[name]}, "old": object{name: before[name]}})
		}
	}
	s.reindex(cd)
}

func same(a, b any) bool {
	x, many := a.([]string)
	y, _ := b.([]string)
	if many {
		return slices.Equal(x, y)
	}
	return a == b
}

// tellLabels writes the two actions that a change of a label has.
func (s *System) tellLabels(c *call, cd *card, was []string) {
	tell := func(kind, id string) {
		l := cd.board().label(id)
		if l == nil {
			return
		}
		s.act(c, kind, cd.board(), nil, cd, object{"value": l.color, "text": l.name, "label": object{"id": l.id, "name": l.name, "color": orNull(l.color)}})
	}
	for _, id := range cd.labels {
		if !contains(was, id) {
			tell("addLabelToCard", id)
		}
	}
	for _, id := range was {
		if !contains(cd.labels, id) {
			tell("removeLabelFromCard", id)
		}
	}
	s.act(c, "updateCard", cd.board(), cd.list, cd, object{"card": object{"idLabels": slices.Clone(emptyList(cd.labels))}, "old": object{"idLabels": emptyList(was)}})
}

func (s *System) tellMembers(c *call, cd *card, was []string) {
	tell := func(kind, id string) {
		if m := s.memberBy(id); m != nil {
			s.act(c, kind, cd.board(), nil, cd, object{"idMember": id, "member": object{"id": id, "name": m.fullName}})
		}
	}
	for _, id := range cd.members {
		if !contains(was, id) {
			tell("addMemberToCard", id)
		}
	}
	for _, id := range was {
		if !contains(cd.members, id) {
			tell("removeMemberFromCard", id)
		}
	}
}

func (s *System) archive(c *call, cd *card, closed bool) {
	s.edit(c, cd, &edit{set: map[string]func(*card){"closed": func(cd *card) { cd.closed = closed }}})
}

// move puts a card into another list, of another board perhaps.
func (s *System) move(c *call, cd *card, to *list) {
	from := cd.list
	cd.list = to
	cd.pos, _ = place("bottom", s.cardPlaces(to))
	cd.touched = s.now()
	if from.board == to.board {
		s.act(c, "updateCard", to.board, nil, cd, object{
			"card": object{"idList": to.id}, "old": object{"idList": from.id},
			"listBefore": object{"id": from.id, "name": from.name}, "listAfter": object{"id": to.id, "name": to.name},
		})
		return
	}
	s.settle(cd, from.board)
	s.act(c, "moveCardFromBoard", from.board, from, cd, object{"boardTarget": object{"id": to.board.id, "name": to.board.name}})
	s.act(c, "moveCardToBoard", to.board, to, cd, object{"boardSource": object{"id": from.board.id, "name": from.board.name}})
}

// settle fits a card into a new board: labels go by name and colour, people who
// are not on it and custom fields are lost.
func (s *System) settle(cd *card, from *board) {
	to := cd.board()
	var labels []string
	for _, id := range cd.labels {
		old := from.label(id)
		i := slices.IndexFunc(to.labels, func(l *label) bool { return old != nil && l.name == old.name && l.color == old.color })
		if i >= 0 {
			labels = append(labels, to.labels[i].id)
		}
	}
	cd.labels, cd.items = labels, nil
	cd.members = slices.DeleteFunc(cd.members, func(id string) bool { return to.member(id) == nil })
	to.nextShort++
	cd.short = to.nextShort
}
