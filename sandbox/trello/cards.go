package trello

import (
	"slices"
	"strings"
)

const maxText = 16384

// card finds the card of a call and checks the caller's right to it.
func (c *call) card(write bool) (*card, error) {
	cd := c.sys.cardBy(c.id(0))
	if cd == nil {
		if isShortLink(c.id(0)) {
			return nil, errNoCard
		}
		return nil, errNotFound
	}
	if err := c.may(cd.board(), write); err != nil {
		return nil, err
	}
	return cd, nil
}

func getCard(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	return c.sys.cardAnswer(c, cd, c.p), nil
}

func getCardField(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	return single(c.sys.cardView(cd), c)
}

func getCardBoard(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	return pick(c.sys.boardView(cd.board()), c.p.text("fields"), boardDefaults), nil
}

func getCardList(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	return pick(listView(cd.list), c.p.text("fields"), "all"), nil
}

func getCardMembers(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, id := range cd.members {
		out = append(out, pick(c.sys.memberView(c.sys.memberBy(id), c), c.p.text("fields"), memberDefaults))
	}
	return out, nil
}

func (s *System) cardPlaces(l *list) []float64 {
	var out []float64
	for _, cd := range s.cards {
		if cd.list == l && !cd.closed {
			out = append(out, cd.pos)
		}
	}
	return out
}

// addCard makes a card at the bottom of a list, without a word in the log.
func (s *System) addCard(l *list, name string) *card {
	l.board.nextShort++
	cd := &card{id: s.newID(), name: name, list: l, short: l.board.nextShort, touched: s.now()}
	cd.shortLink = s.newShortLink(cd.id)
	cd.pos, _ = place("bottom", s.cardPlaces(l))
	s.cards[cd.id] = cd
	s.reindex(cd)
	return cd
}

func postCard(c *call) (any, error) {
	s, p := c.sys, c.p
	l := s.lists[p.text("idList")]
	if l == nil {
		return nil, invalid("idList")
	}
	if err := c.may(l.board, true); err != nil {
		return nil, err
	}
	pos, ok := place(p.text("pos"), s.cardPlaces(l))
	if !ok {
		return nil, invalid("pos")
	}
	source, err := c.source()
	if err != nil {
		return nil, err
	}
	link := p.text("urlSource")
	name := strings.TrimSpace(p.text("name"))
	switch {
	case name == "" && source != nil:
		name = source.name
	case name == "" && link != "":
		name = link
	case name == "":
		return nil, invalid("name")
	}
	e, err := readEdit(c, l.board, nil)
	if err != nil {
		return nil, err
	}
	if link != "" && !strings.HasPrefix(link, "http://") && !strings.HasPrefix(link, "https://") {
		return nil, invalid("urlSource")
	}
	cd := s.addCard(l, name)
	cd.pos = pos
	if source != nil {
		s.copyCard(c, cd, source)
	}
	e.apply(cd)
	cd.name = name
	s.reindex(cd)
	if source != nil {
		s.act(c, "copyCard", l.board, l, cd, object{"cardSource": object{"id": source.id, "name": source.name, "idShort": source.short, "shortLink": source.shortLink}})
	} else {
		s.act(c, "createCard", l.board, l, cd, object{})
	}
	if link != "" {
		s.attach(c, cd, &attachment{url: link, name: p.or("urlSourceName", link)})
	}
	for _, id := range cd.members {
		s.act(c, "addMemberToCard", l.board, nil, cd, object{"idMember": id, "member": object{"id": id, "name": s.memberBy(id).fullName}})
	}
	out := s.cardView(cd)
	out["stickers"], out["limits"] = []object{}, object{"attachments": object{"perCard": limit(1000, 800)}, "checklists": object{"perCard": limit(500, 400)}, "stickers": object{"perCard": limit(70, 56)}}
	s.nested(c, out, cd, params{"attachments": "true", "customFieldItems": p.text("customFieldItems")})
	return out, nil
}

// source finds the card that a new one is a copy of; nil where it is none.
func (c *call) source() (*card, error) {
	id := c.p.text("idCardSource")
	if id == "" {
		return nil, nil
	}
	source := c.sys.cards[id]
	if source == nil {
		return nil, invalid("idCardSource")
	}
	if err := c.may(source.board(), false); err != nil {
		return nil, err
	}
	return source, nil
}

// copyCard takes over what keepFromSource names.
func (s *System) copyCard(c *call, to, from *card) {
	keep := c.p.or("keepFromSource", "all")
	kept := func(part string) bool { return keep == "all" || contains(c.p.list("keepFromSource"), part) }
	to.desc = from.desc
	if kept("due") {
		to.due = from.due
	}
	if kept("start") {
		to.start = from.start
	}
	same := to.board() == from.board()
	if kept("labels") && same {
		to.labels = slices.Clone(from.labels)
	}
	if kept("members") {
		for _, id := range from.members {
			if to.board().member(id) != nil {
				to.members = append(to.members, id)
			}
		}
	}
	if kept("customFields") && same {
		for _, it := range from.items {
			copied := *it
			copied.id = s.newID()
			to.items = append(to.items, &copied)
		}
	}
	if kept("checklists") {
		s.copyChecklists(to, from)
	}
	if kept("attachments") {
		for _, a := range from.attachments {
			copied := *a
			copied.id, copied.at = s.newID(), s.now()
			to.attachments = append(to.attachments, &copied)
		}
	}
	if kept("comments") {
		for _, a := range from.board().log {
			if a.card == from.id && a.kind == "commentCard" {
				s.act(c, "copyCommentCard", to.board(), to.list, to, object{"text": a.data["text"], "cardSource": object{"id": from.id}})
				to.comments++
			}
		}
	}
}

func (s *System) copyChecklists(to, from *card) {
	for _, k := range from.checklists {
		made := &checklist{id: s.newID(), name: k.name, card: to, pos: k.pos}
		for _, it := range k.items {
			copied := *it
			copied.id = s.newID()
			made.items = append(made.items, &copied)
		}
		to.checklists = append(to.checklists, made)
	}
}

func deleteCard(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	c.sys.drop(c, cd)
	return object{"limits": object{}}, nil
}

func (s *System) drop(c *call, cd *card) {
	delete(s.cards, cd.id)
	a := s.act(c, "deleteCard", cd.board(), cd.list, nil, object{"card": object{"id": cd.id, "idShort": cd.short, "shortLink": cd.shortLink}})
	a.card = cd.id
}
