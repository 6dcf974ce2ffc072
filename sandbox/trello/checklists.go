package trello

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

func (s *System) checklistView(k *checklist) object {
	items := []object{}
	for _, it := range k.items {
		items = append(items, checkItemView(k, it))
	}
	return object{"id": k.id, "name": k.name, "idBoard": k.card.board().id, "idCard": k.card.id, "pos": k.pos, "checkItems": items}
}

func checkItemView(k *checklist, it *checkItem) object {
	state := "incomplete"
	if it.complete {
		state = "complete"
	}
	return object{
		"id": it.id, "name": it.name, "nameData": object{"emoji": object{}}, "pos": it.pos, "due": stamp(it.due), "dueReminder": nil,
		"idMember": orNull(it.member), "idChecklist": k.id, "state": state,
	}
}

func (s *System) boardChecklists(b *board) []object {
	out := []object{}
	for _, cd := range s.cardsWhere(func(cd *card) bool { return cd.board() == b }) {
		for _, k := range cd.checklists {
			out = append(out, s.checklistView(k))
		}
	}
	return out
}

func getBoardChecklists(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	return c.sys.boardChecklists(b), nil
}

func getChecklists(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, k := range cd.checklists {
		out = append(out, c.sys.checklistView(k))
	}
	return out, nil
}

func getCheckItemStates(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	return c.sys.cardView(cd)["checkItemStates"], nil
}

func postCardChecklist(c *call) (any, error) {
	c.p["idCard"] = c.id(0)
	return postChecklist(c)
}

func postChecklist(c *call) (any, error) {
	cd := c.sys.cards[c.p.text("idCard")]
	if cd == nil {
		cd = c.sys.cardBy(c.id(0))
	}
	if cd == nil {
		return nil, invalid("idCard")
	}
	if err := c.may(cd.board(), true); err != nil {
		return nil, err
	}
	if len(cd.checklists) >= 500 {
		return nil, text(http.StatusForbidden, "CHECKLISTS_PER_CARD_LIMIT_EXCEEDED")
	}
	k := c.sys.addChecklist(c, cd, c.p.or("name", "Checklist"))
	if source := c.sys.checklistBy(c.p.text("idChecklistSource")); source != nil {
		for _, it := range source.items {
			copied := *it
			copied.id = c.sys.newID()
			k.items = append(k.items, &copied)
		}
	}
	return c.sys.checklistView(k), nil
}

func (s *System) addChecklist(c *call, cd *card, name string) *checklist {
	k := &checklist{id: s.newID(), name: name, card: cd, pos: float64(16384 * (len(cd.checklists) + 1))}
	cd.checklists = append(cd.checklists, k)
	cd.touched = s.now()
	s.act(c, "addChecklistToCard", cd.board(), nil, cd, object{"checklist": object{"id": k.id, "name": k.name}})
	return k
}

func (s *System) checklistBy(id string) *checklist {
	for _, cd := range s.cards {
		for _, k := range cd.checklists {
			if k.id == id {
				return k
			}
		}
	}
	return nil
}

// checklist finds a checklist and checks the caller's right to it.
func (c *call) checklist(id string, write bool) (*checklist, error) {
	k := c.sys.checklistBy(id)
	if k == nil {
		return nil, errNotFound
	}
	if err := c.may(k.card.board(), write); err != nil {
		return nil, err
	}
	return k, nil
}

func getChecklist(c *call) (any, error) {
	k, err := c.checklist(c.id(0), false)
	if err != nil {
		return nil, err
	}
	return pick(c.sys.checklistView(k), c.p.text("fields"), "all"), nil
}

func putChecklist(c *call) (any, error) {
	k, err := c.checklist(c.id(0), true)
	if err != nil {
		return nil, err
	}
	if c.p.has("name") {
		if strings.TrimSpace(c.p.text("name")) == "" {
			return nil, invalid("name")
		}
		old := k.name
		k.name = c.p.text("name")
		c.sys.act(c, "updateChecklist", k.card.board(), nil, k.card, object{"checklist": object{"id": k.id, "name": k.name}, "old": object{"name": old}})
	}
	return c.sys.checklistView(k), nil
}

func deleteChecklist(c *call) (any, error) {
	k, err := c.checklist(c.id(0), true)
	if err != nil {
		return nil, err
	}
	return c.sys.dropChecklist(c, k), nil
}

func (s *System) dropChecklist(c *call, k *checklist) object {
	k.card.checklists = slices.DeleteFunc(k.card.checklists, func(o *checklist) bool { return o == k })
	k.card.touched = s.now()
	s.act(c, "removeChecklistFromCard", k.card.board(), nil, k.card, object{"checklist": object{"id": k.id, "name": k.name}})
	return object{"limits": object{}}
}

func deleteCardChecklist(c *call) (any, error) {
	k, err := c.checklist(c.id(1), true)
	if err != nil {
		return nil, err
	}
	return c.sys.dropChecklist(c, k), nil
}

func getCheckItems(c *call) (any, error) {
	k, err := c.checklist(c.id(0), false)
	if err != nil {
		return nil, err
	}
	return c.sys.checklistView(k)["checkItems"], nil
}

func postCheckItem(c *call) (any, error) {
	k, err := c.checklist(c.id(0), true)
	if err != nil {
		return nil, err
	}
	p := c.p
	name := strings.TrimSpace(p.text("name"))
	if name == "" || len(name) > maxText {
		return nil, invalid("name")
	}
	if len(k.items) >= 200 {
		return nil, text(http.StatusForbidden, "CHECKITEMS_PER_CHECKLIST_LIMIT_EXCEEDED")
	}
	it := &checkItem{name: name, complete: p.yes("checked")}
	var taken []float64
	for _, o := range k.items {
		taken = append(taken, o.pos)
	}
	var ok bool
	if it.pos, ok = place(p.text("pos"), taken); !ok {
		return nil, invalid("pos")
	}
	if err := it.more(k.card.board(), p); err != nil {
		return nil, err
	}
	it.id = c.sys.newID()
	k.items = append(k.items, it)
	k.card.touched = c.sys.now()
	c.sys.act(c, "createCheckItem", k.card.board(), nil, k.card, checkItemData(k, it))
	out := checkItemView(k, it)
	out["limits"] = object{}
	return out, nil
}

// more reads due date and member.
func (it *checkItem) more(b *board, p params) error {
	if p.has("due") {
		it.due = time.Time{}
		if v := p.text("due"); v != "" && v != "null" {
			at, ok := parseTime(v)
			if !ok {
				return invalid("due")
			}
			it.due = at
		}
	}
	if p.has("idMember") {
		id := p.text("idMember")
		if id != "" && id != "null" && b.member(id) == nil {
			return invalid("idMember")
		}
		it.member = strings.TrimPrefix(id, "null")
	}
	return nil
}

func checkItemData(k *checklist, it *checkItem) object {
	view := checkItemView(k, it)
	return object{
		"checklist": object{"id": k.id, "name": k.name},
		"checkItem": object{"id": it.id, "name": it.name, "state": view["state"], "textData": object{"emoji": object{}}},
	}
}

// checkItem finds an item of the call's card.
func (c *call) checkItem(write bool) (*checklist, int, error) {
	cd, err := c.card(write)
	if err != nil {
		return nil, 0, err
	}
	for _, k := range cd.checklists {
		if i := slices.IndexFunc(k.items, func(it *checkItem) bool { return it.id == c.id(1) }); i >= 0 {
			return k, i, nil
		}
	}
	return nil, 0, errNotFound
}

func getCheckItem(c *call) (any, error) {
	k, i, err := c.checkItem(false)
	if err != nil {
		return nil, err
	}
	return checkItemView(k, k.items[i]), nil
}

func putCheckItem(c *call) (any, error) {
	k, i, err := c.checkItem(true)
	if err != nil {
		return nil, err
	}
	s, p, changed := c.sys, c.p, *k.items[i]
	if p.has("name") {
		changed.name = strings.TrimSpace(p.text("name"))
		if changed.name == "" || len(changed.name) > maxText {
			return nil, invalid("name")
		}
	}
	if err := changed.more(k.card.board(), p); err != nil {
		return nil, err
	}
	if p.has("state") {
		switch p.text("state") {
		case "complete", "true":
			changed.complete = true
		case "incomplete", "false":
			changed.complete = false
		default:
			return nil, invalid("state")
		}
	}
	was := *k.items[i]
	*k.items[i] = changed
	it := k.items[i]
	k.card.touched = s.now()
	if was.complete != it.complete {
		s.act(c, "updateCheckItemStateOnCard", k.card.board(), nil, k.card, checkItemData(k, it))
	}
	if was.name != it.name {
		data := checkItemData(k, it)
		data["old"] = object{"name": was.name}
		s.act(c, "updateCheckItem", k.card.board(), nil, k.card, data)
	}
	return checkItemView(k, it), nil
}

func deleteCardCheckItem(c *call) (any, error) {
	k, i, err := c.checkItem(true)
	if err != nil {
		return nil, err
	}
	return c.sys.dropCheckItem(c, k, i), nil
}

func deleteCheckItem(c *call) (any, error) {
	k, err := c.checklist(c.id(0), true)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(k.items, func(it *checkItem) bool { return it.id == c.id(1) })
	if i < 0 {
		return nil, errNotFound
	}
	return c.sys.dropCheckItem(c, k, i), nil
}

func (s *System) dropCheckItem(c *call, k *checklist, i int) object {
	it := k.items[i]
	k.items = slices.Delete(k.items, i, i+1)
	k.card.touched = s.now()
	s.act(c, "deleteCheckItem", k.card.board(), nil, k.card, checkItemData(k, it))
	return object{"limits": object{}}
}
