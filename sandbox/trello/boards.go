package trello

import (
	"net/http"
	"slices"
	"strings"
)

// board finds the board of a call and checks the caller's right to it.
func (c *call) board(write bool) (*board, error) {
	return c.boardFor(c.id(0), write)
}

func (c *call) boardFor(id string, write bool) (*board, error) {
	b := c.sys.boardBy(id)
	if b == nil {
		return nil, text(http.StatusNotFound, "board not found")
	}
	if err := c.may(b, write); err != nil {
		return nil, err
	}
	return b, nil
}

func getBoard(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	s, p := c.sys, c.p
	out := pick(s.boardView(b), p.text("fields"), boardDefaults)
	if v := p.text("lists"); v != "" && v != "none" {
		out["lists"] = s.listViews(b, v, p.text("list_fields"))
	}
	if v := p.text("cards"); v != "" && v != "none" {
		sub := p.sub("card")
		sub["filter"], sub["fields"] = v, p.text("card_fields")
		out["cards"] = s.cardAnswers(c, b, v, sub)
	}
	if v := p.text("labels"); v == "all" || v == "true" {
		list := []object{}
		for i, l := range b.labels {
			if i < p.number("labels_limit", 50) {
				list = append(list, pick(s.labelView(l), p.text("label_fields"), "all"))
			}
		}
		out["labels"] = list
	}
	if v := p.text("members"); v == "all" || v == "true" || v == "normal" {
		out["members"] = s.memberViews(c, b, p.text("member_fields"))
	}
	if p.yes("customFields") {
		out["customFields"] = fieldViews(b)
	}
	if v := p.text("memberships"); v == "all" || v == "me" {
		out["memberships"] = memberships(b)
	}
	if v := p.text("checklists"); v == "all" {
		out["checklists"] = s.boardChecklists(b)
	}
	if v := p.text("actions"); v != "" && v != "none" && v != "false" {
		out["actions"] = s.actionsOf(b.log, params{"filter": v, "limit": p.or("actions_limit", "50")}, func(*action) bool { return true })
	}
	return out, nil
}

func getBoardField(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	return single(c.sys.boardView(b), c)
}

// single answers one field, {"_value": …}.
func single(view object, c *call) (any, error) {
	v, ok := view[c.id(1)]
	if !ok {
		return nil, text(http.StatusNotFound, "Cannot GET /1/"+c.path)
	}
	if o, ok := v.(object); ok {
		return o, nil
	}
	if o, ok := v.([]object); ok {
		return o, nil
	}
	return object{"_value": v}, nil
}

func postBoard(c *call) (any, error) {
	s, p := c.sys, c.p
	name := strings.TrimSpace(p.text("name"))
	if name == "" || len(name) > 16384 {
		return nil, invalid("name")
	}
	b := s.addBoard(name, p.text("desc"))
	b.members = []*boardMember{{c.me(), "admin"}}
	if source := p.text("idBoardSource"); source != "" {
		from, err := c.boardFor(source, false)
		if err != nil {
			return nil, err
		}
		s.copyBoard(b, from, p.or("keepFromSource", "cards") != "none")
	} else {
		if p.or("defaultLists", "true") == "true" {
			for _, name := range []string{"To Do", "Doing", "Done"} {
				s.addList(b, name)
			}
		}
		if p.or("defaultLabels", "true") == "true" {
			for _, color := range []string{"green", "yellow", "orange", "red", "purple", "blue"} {
				s.addLabel(b, "", color)
			}
		}
	}
	s.act(c, "createBoard", b, nil, nil, object{})
	return pick(s.boardView(b), p.text("fields"), "all"), nil
}

func (s *System) addBoard(name, desc string) *board {
	b := &board{id: s.newID(), name: name, desc: desc, touched: s.now()}
	b.shortLink = s.newShortLink(b.id)
	s.boards = append(s.boards, b)
	return b
}

func (s *System) copyBoard(to, from *board, cards bool) {
	lists, labels := map[*list]*list{}, map[string]string{}
	for _, l := range from.labels {
		labels[l.id] = s.addLabel(to, l.name, l.color).id
	}
	for _, l := range s.listsOf(from) {
		if !l.closed {
			lists[l] = s.addList(to, l.name)
		}
	}
	fields := map[string]string{}
	for _, f := range from.fields {
		made := &customField{id: s.newID(), name: f.name, kind: f.kind, board: to, pos: f.pos, cardFront: f.cardFront}
		for _, o := range f.options {
			made.options = append(made.options, &fieldOption{id: s.newID(), text: o.text, color: o.color, pos: o.pos})
		}
		fields[f.id] = made.id
		to.fields = append(to.fields, made)
	}
	if !cards {
		return
	}
	for _, cd := range s.cardsWhere(func(cd *card) bool { return cd.board() == from && !cd.closed && lists[cd.list] != nil }) {
		made := s.addCard(lists[cd.list], cd.name)
		made.desc, made.due, made.start, made.pos = cd.desc, cd.due, cd.start, cd.pos
		for _, id := range cd.labels {
			made.labels = append(made.labels, labels[id])
		}
		s.copyChecklists(made, cd)
	}
}

func putBoard(c *call) (any, error) {
	b, err := c.board(true)
	if err != nil {
		return nil, err
	}
	p, old, now := c.p, object{}, object{}
	if p.has("name") {
		if strings.TrimSpace(p.text("name")) == "" {
			return nil, invalid("name")
		}
		old["name"], now["name"] = b.name, p.text("name")
		b.name = p.text("name")
	}
	if p.has("desc") {
		old["desc"], now["desc"] = b.desc, p.text("desc")
		b.desc = p.text("desc")
	}
	if p.has("closed") {
		v, ok := p.flag("closed")
		if !ok {
			return nil, invalid("closed")
		}
		old["closed"], now["closed"] = b.closed, v
		b.closed = v
	}
	if len(old) > 0 {
		c.sys.act(c, "updateBoard", b, nil, nil, object{"old": old, "board": now})
	}
	return c.sys.boardView(b), nil
}

func deleteBoard(c *call) (any, error) {
	b, err := c.board(true)
	if err != nil {
		return nil, err
	}
	s := c.sys
	s.boards = slices.DeleteFunc(s.boards, func(o *board) bool { return o == b })
	for id, cd := range s.cards {
		if cd.board() == b {
			delete(s.cards, id)
		}
	}
	for id, l := range s.lists {
		if l.board == b {
			delete(s.lists, id)
		}
	}
	return object{"_value": nil}, nil
}

// cardAnswers lists a board's cards.
func (s *System) cardAnswers(c *call, b *board, filter string, p params) []object {
	cards := s.cardsWhere(func(cd *card) bool {
		if cd.board() != b {
			return false
		}
		switch filter {
		case "all":
			return true
		case "closed":
			return cd.closed
		case "visible":
			return !cd.closed && !cd.list.closed
		}
		return !cd.closed
	})
	if p.text("sort") == "-id" {
		slices.SortFunc(cards, func(a, b *card) int { return strings.Compare(b.id, a.id) })
	}
	if before := p.text("before"); before != "" {
		cards = slices.DeleteFunc(cards, func(cd *card) bool { return cd.id >= before })
	}
	if since := p.text("since"); since != "" {
		cards = slices.DeleteFunc(cards, func(cd *card) bool { return cd.id <= since })
	}
	if n := p.number("limit", 0); n > 0 && len(cards) > n {
		cards = cards[:n]
	}
	out := []object{}
	for _, cd := range cards {
		out = append(out, s.cardAnswer(c, cd, p))
	}
	return out
}

func getBoardCards(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	filter := c.id(1)
	if filter == "" {
		filter = c.p.or("filter", "visible")
	}
	return c.sys.cardAnswers(c, b, filter, c.p), nil
}

func (s *System) memberViews(c *call, b *board, fields string) []object {
	out := []object{}
	for _, m := range b.members {
		out = append(out, pick(s.memberView(m.member, c), fields, memberDefaults))
	}
	return out
}

func getBoardMembers(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	return c.sys.memberViews(c, b, c.p.text("fields")), nil
}

func getBoardMemberships(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	return memberships(b), nil
}

func putBoardMember(c *call) (any, error) {
	b, err := c.board(true)
	if err != nil {
		return nil, err
	}
	m := c.sys.memberBy(c.id(1))
	if m == nil {
		return nil, text(http.StatusNotFound, "member not found")
	}
	kind := c.p.or("type", "normal")
	if has := b.member(m.id); has != nil {
		has.kind = kind
	} else {
		b.members = append(b.members, &boardMember{m, kind})
		c.sys.act(c, "addMemberToBoard", b, nil, nil, object{"idMemberAdded": m.id, "memberType": kind})
	}
	return object{"id": b.id, "members": c.sys.memberViews(c, b, ""), "memberships": memberships(b)}, nil
}

func deleteBoardMember(c *call) (any, error) {
	b, err := c.board(true)
	if err != nil {
		return nil, err
	}
	id := c.id(1)
	b.members = slices.DeleteFunc(b.members, func(m *boardMember) bool { return m.id == id })
	for _, cd := range c.sys.cards {
		if cd.board() == b {
			cd.members = slices.DeleteFunc(cd.members, func(m string) bool { return m == id })
		}
	}
	return c.sys.boardView(b), nil
}

func getMember(c *call) (any, error) {
	m := c.member()
	if m == nil {
		return nil, text(http.StatusNotFound, "model not found")
	}
	out := pick(c.sys.memberView(m, c), c.p.text("fields"), "all")
	if v := c.p.text("boards"); v != "" && v != "none" {
		out["boards"] = c.sys.boardsOf(m, v, c.p.text("board_fields"))
	}
	return out, nil
}

// member finds the person that a path names: "me", an id or a username.
func (c *call) member() *member {
	if c.id(0) == "me" {
		return c.me()
	}
	return c.sys.memberBy(c.id(0))
}

func (s *System) boardsOf(m *member, filter, fields string) []object {
	out := []object{}
	for _, b := range s.boards {
		if b.member(m.id) == nil || filter == "open" && b.closed || filter == "closed" && !b.closed {
			continue
		}
		out = append(out, pick(s.boardView(b), fields, "all"))
	}
	return out
}

func getMemberBoards(c *call) (any, error) {
	m := c.member()
	if m == nil {
		return nil, text(http.StatusNotFound, "model not found")
	}
	return c.sys.boardsOf(m, c.p.or("filter", "all"), c.p.text("fields")), nil
}

func getMemberCards(c *call) (any, error) {
	m := c.member()
	if m == nil {
		return nil, text(http.StatusNotFound, "model not found")
	}
	out := []object{}
	for _, cd := range c.sys.cardsWhere(func(cd *card) bool {
		return contains(cd.members, m.id) && !cd.closed && c.may(cd.board(), false) == nil
	}) {
		out = append(out, c.sys.cardAnswer(c, cd, c.p))
	}
	return out, nil
}

func getMemberOrganizations(c *call) (any, error) {
	if c.member() == nil {
		return nil, text(http.StatusNotFound, "model not found")
	}
	return []object{{"id": c.sys.org, "name": "harbourworks", "displayName": "Harbour Works", "url": c.sys.site() + "/w/harbourworks"}}, nil
}
