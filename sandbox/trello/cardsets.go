package trello

import (
	"net/http"
	"slices"
	"strings"
)

func postCardLabel(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	id := c.p.text("value")
	if cd.board().label(id) == nil {
		return nil, invalid("value")
	}
	if contains(cd.labels, id) {
		return nil, text(http.StatusBadRequest, "that label is already on the card")
	}
	c.sys.edit(c, cd, &edit{set: map[string]func(*card){"idLabels": func(cd *card) { cd.labels = append(slices.Clone(cd.labels), id) }}})
	return emptyList(cd.labels), nil
}

func deleteCardLabel(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	if !contains(cd.labels, c.id(1)) {
		return nil, text(http.StatusBadRequest, "label is not on the card")
	}
	c.sys.edit(c, cd, &edit{set: map[string]func(*card){"idLabels": func(cd *card) {
		cd.labels = slices.DeleteFunc(slices.Clone(cd.labels), func(id string) bool { return id == c.id(1) })
	}}})
	return object{"_value": nil}, nil
}

func postNewCardLabel(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	color := c.p.text("color")
	if color != "" && color != "null" && !isColor(color) {
		return nil, invalid("color")
	}
	l := c.sys.addLabel(cd.board(), c.p.text("name"), strings.TrimPrefix(color, "null"))
	c.sys.act(c, "createLabel", cd.board(), nil, nil, object{"label": object{"id": l.id, "name": l.name, "color": orNull(l.color)}})
	c.p["value"] = l.id
	if _, err := postCardLabel(c); err != nil {
		return nil, err
	}
	return c.sys.labelView(l), nil
}

func postCardMember(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	id := c.p.text("value")
	if cd.board().member(id) == nil {
		return nil, invalid("value")
	}
	if contains(cd.members, id) {
		return nil, text(http.StatusBadRequest, "member is already on the card")
	}
	c.sys.edit(c, cd, &edit{set: map[string]func(*card){"idMembers": func(cd *card) { cd.members = append(slices.Clone(cd.members), id) }}})
	return c.sys.cardPeople(c, cd), nil
}

func deleteCardMember(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	if !contains(cd.members, c.id(1)) {
		return nil, text(http.StatusBadRequest, "member is not on the card")
	}
	c.sys.edit(c, cd, &edit{set: map[string]func(*card){"idMembers": func(cd *card) {
		cd.members = slices.DeleteFunc(slices.Clone(cd.members), func(id string) bool { return id == c.id(1) })
	}}})
	return c.sys.cardPeople(c, cd), nil
}

func (s *System) cardPeople(c *call, cd *card) []object {
	out := []object{}
	for _, id := range cd.members {
		out = append(out, pick(s.memberView(s.memberBy(id), c), "fullName,username", memberDefaults))
	}
	return out
}
