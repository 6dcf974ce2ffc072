package trello

import (
	"net/http"
	"slices"
	"strings"
)

var baseColors = []string{"green", "yellow", "orange", "red", "purple", "blue", "sky", "lime", "pink", "black"}

func isColor(s string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(s, "_dark"), "_light")
	return slices.Contains(baseColors, base)
}

func (s *System) addList(b *board, name string) *list {
	l := &list{id: s.newID(), name: name, board: b}
	l.pos, _ = place("bottom", s.listPlaces(b))
	s.lists[l.id] = l
	return l
}

func (s *System) listPlaces(b *board) []float64 {
	var out []float64
	for _, l := range s.listsOf(b) {
		out = append(out, l.pos)
	}
	return out
}

func (s *System) addLabel(b *board, name, color string) *label {
	l := &label{id: s.newID(), name: name, color: color, board: b}
	b.labels = append(b.labels, l)
	return l
}

func (s *System) listViews(b *board, filter, fields string) []object {
	out := []object{}
	for _, l := range s.listsOf(b) {
		if filter == "all" || filter == "closed" && l.closed || filter == "open" && !l.closed || filter == "true" && !l.closed {
			out = append(out, pick(listView(l), fields, "all"))
		}
	}
	return out
}

func getBoardLists(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	filter := c.id(1)
	if filter == "" {
		filter = c.p.or("filter", "open")
	}
	out := c.sys.listViews(b, filter, c.p.text("fields"))
	if v := c.p.text("cards"); v != "" && v != "none" {
		for _, view := range out {
			id, _ := view["id"].(string)
			cards := []object{}
			for _, cd := range c.sys.cardsWhere(func(cd *card) bool { return cd.list.id == id && (v == "all" || cd.closed == (v == "closed")) }) {
				cards = append(cards, pick(c.sys.cardView(cd), c.p.text("card_fields"), "all"))
			}
			view["cards"] = cards
		}
	}
	return out, nil
}

func postBoardList(c *call) (any, error) {
	c.p["idBoard"] = c.id(0)
	return postList(c)
}

func postList(c *call) (any, error) {
	if !isID(c.p.text("idBoard")) {
		return nil, invalid("idBoard")
	}
	b, err := c.boardFor(c.p.text("idBoard"), true)
	if err != nil {
		return nil, err
	}
	name := c.p.text("name")
	if strings.TrimSpace(name) == "" || len(name) > 16384 {
		return nil, invalid("name")
	}
	pos, ok := place(c.p.or("pos", "top"), c.sys.listPlaces(b))
	if !ok {
		return nil, invalid("pos")
	}
	l := c.sys.addList(b, name)
	l.pos = pos
	c.sys.act(c, "createList", b, l, nil, object{})
	return listView(l), nil
}

// list finds a list and checks the caller's right to it.
func (c *call) list(write bool) (*list, error) {
	l := c.sys.lists[c.id(0)]
	if l == nil {
		return nil, errNotFound
	}
	if err := c.may(l.board, write); err != nil {
		return nil, err
	}
	return l, nil
}

func getList(c *call) (any, error) {
	l, err := c.list(false)
	if err != nil {
		return nil, err
	}
	return pick(listView(l), c.p.text("fields"), "name,closed,idBoard,pos,subscribed,softLimit,type,datasource,color"), nil
}

func putList(c *call) (any, error) {
	l, err := c.list(true)
	if err != nil {
		return nil, err
	}
	p, old, now := c.p, object{}, object{}
	if p.has("name") {
		if strings.TrimSpace(p.text("name")) == "" {
			return nil, invalid("name")
		}
		old["name"], now["name"] = l.name, p.text("name")
		l.name = p.text("name")
	}
	if p.has("closed") {
		v, ok := p.flag("closed")
		if !ok {
			return nil, invalid("closed")
		}
		if v != l.closed {
			old["closed"], now["closed"] = l.closed, v
			l.closed = v
		}
	}
	if p.has("pos") {
		pos, ok := place(p.text("pos"), c.sys.listPlaces(l.board))
		if !ok {
			return nil, invalid("pos")
		}
		old["pos"], now["pos"] = l.pos, pos
		l.pos = pos
	}
	if len(old) > 0 {
		c.sys.act(c, "updateList", l.board, l, nil, object{"old": old, "list": now})
	}
	return listView(l), nil
}

func putListField(c *call) (any, error) {
	if c.id(1) == "idBoard" {
		return moveList(c)
	}
	c.p[c.id(1)] = c.p["value"]
	return putList(c)
}

func moveList(c *call) (any, error) {
	l, err := c.list(true)
	if err != nil {
		return nil, err
	}
	to, err := c.boardFor(c.p.text("value"), true)
	if err != nil {
		return nil, err
	}
	from := l.board
	if from == to {
		return listView(l), nil
	}
	l.board = to
	l.pos, _ = place("bottom", c.sys.listPlaces(to))
	for _, cd := range c.sys.cardsWhere(func(cd *card) bool { return cd.list == l }) {
		c.sys.settle(cd, from)
	}
	c.sys.act(c, "moveListFromBoard", from, l, nil, object{"boardTarget": object{"id": to.id, "name": to.name}})
	c.sys.act(c, "moveListToBoard", to, l, nil, object{"boardSource": object{"id": from.id, "name": from.name}})
	return listView(l), nil
}

func getListCards(c *call) (any, error) {
	l, err := c.list(false)
	if err != nil {
		return nil, err
	}
	filter := c.p.or("filter", "open")
	out := []object{}
	for _, cd := range c.sys.cardsWhere(func(cd *card) bool {
		return cd.list == l && (filter == "all" || cd.closed == (filter == "closed"))
	}) {
		out = append(out, c.sys.cardAnswer(c, cd, c.p))
	}
	return out, nil
}

func getListBoard(c *call) (any, error) {
	l, err := c.list(false)
	if err != nil {
		return nil, err
	}
	return pick(c.sys.boardView(l.board), c.p.text("fields"), boardDefaults), nil
}

func archiveAllCards(c *call) (any, error) {
	l, err := c.list(true)
	if err != nil {
		return nil, err
	}
	for _, cd := range c.sys.cardsWhere(func(cd *card) bool { return cd.list == l && !cd.closed }) {
		c.sys.archive(c, cd, true)
	}
	return object{}, nil
}

func moveAllCards(c *call) (any, error) {
	l, err := c.list(true)
	if err != nil {
		return nil, err
	}
	to := c.sys.lists[c.p.text("idList")]
	if to == nil {
		return nil, invalid("idList")
	}
	if err := c.may(to.board, true); err != nil {
		return nil, err
	}
	for _, cd := range c.sys.cardsWhere(func(cd *card) bool { return cd.list == l && !cd.closed }) {
		c.sys.move(c, cd, to)
	}
	return []object{}, nil
}

func getBoardLabels(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	out := []object{}
	for i, l := range b.labels {
		if i < c.p.number("limit", 50) {
			out = append(out, pick(c.sys.labelView(l), c.p.text("fields"), "all"))
		}
	}
	return out, nil
}

func postBoardLabel(c *call) (any, error) {
	c.p["idBoard"] = c.id(0)
	return postLabel(c)
}

func postLabel(c *call) (any, error) {
	if !isID(c.p.text("idBoard")) {
		return nil, invalid("idBoard")
	}
	b, err := c.boardFor(c.p.text("idBoard"), true)
	if err != nil {
		return nil, err
	}
	color := c.p.text("color")
	if color == "null" {
		color = ""
	}
	if color != "" && !isColor(color) {
		return nil, invalid("color")
	}
	l := c.sys.addLabel(b, c.p.text("name"), color)
	c.sys.act(c, "createLabel", b, nil, nil, object{"label": object{"id": l.id, "name": l.name, "color": orNull(l.color)}})
	return c.sys.labelView(l), nil
}

// label finds a label and checks the caller's right to it.
func (c *call) label(write bool) (*label, error) {
	for _, b := range c.sys.boards {
		if l := b.label(c.id(0)); l != nil {
			if err := c.may(b, write); err != nil {
				return nil, err
			}
			return l, nil
		}
	}
	return nil, errNotFound
}

func getLabel(c *call) (any, error) {
	l, err := c.label(false)
	if err != nil {
		return nil, err
	}
	return c.sys.labelView(l), nil
}

func putLabel(c *call) (any, error) {
	l, err := c.label(true)
	if err != nil {
		return nil, err
	}
	old := object{}
	if c.p.has("name") {
		old["name"], l.name = l.name, c.p.text("name")
	}
	if c.p.has("color") {
		color := c.p.text("color")
		if color == "null" {
			color = ""
		}
		if color != "" && !isColor(color) {
			return nil, invalid("color")
		}
		old["color"], l.color = orNull(l.color), color
	}
	c.sys.act(c, "updateLabel", l.board, nil, nil, object{"label": object{"id": l.id, "name": l.name, "color": orNull(l.color)}, "old": old})
	return c.sys.labelView(l), nil
}

func putLabelField(c *call) (any, error) {
	if c.id(1) != "name" && c.id(1) != "color" {
		return nil, text(http.StatusNotFound, "Cannot PUT /1/"+c.path)
	}
	c.p[c.id(1)] = c.p["value"]
	return putLabel(c)
}

func deleteLabel(c *call) (any, error) {
	l, err := c.label(true)
	if err != nil {
		return nil, err
	}
	b := l.board
	b.labels = slices.DeleteFunc(b.labels, func(o *label) bool { return o == l })
	for _, cd := range c.sys.cards {
		cd.labels = slices.DeleteFunc(cd.labels, func(id string) bool { return id == l.id })
	}
	c.sys.act(c, "deleteLabel", b, nil, nil, object{"label": object{"id": l.id}})
	return object{"limits": object{}}, nil
}
