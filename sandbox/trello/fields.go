package trello

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

var fieldKinds = []string{"checkbox", "date", "list", "number", "text"}

var errItem = text(http.StatusBadRequest, "Invalid custom field item value.")

func fieldView(f *customField) object {
	out := object{
		"id": f.id, "idModel": f.board.id, "modelType": "board", "fieldGroup": strings.Repeat(f.id[8:], 4), "name": f.name, "pos": f.pos,
		"type": f.kind, "display": object{"cardFront": f.cardFront}, "isSuggestedField": false,
	}
	if f.kind == "list" {
		out["options"] = optionViews(f)
	}
	return out
}

func optionViews(f *customField) []object {
	list := []object{}
	for _, o := range f.options {
		list = append(list, optionView(f, o))
	}
	return list
}

func optionView(f *customField, o *fieldOption) object {
	return object{"id": o.id, "idCustomField": f.id, "value": object{"text": o.text}, "color": o.color, "pos": o.pos}
}

func fieldViews(b *board) []object {
	out := []object{}
	if b.noCustomFields {
		return out
	}
	for _, f := range b.fields {
		out = append(out, fieldView(f))
	}
	return out
}

func getBoardFields(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	return fieldViews(b), nil
}

// field finds a custom field and checks the caller's right to it.
func (c *call) field(write bool) (*customField, error) {
	for _, b := range c.sys.boards {
		if f := b.field(c.id(0)); f != nil {
			if err := c.may(b, write); err != nil {
				return nil, err
			}
			return f, nil
		}
	}
	return nil, errNotFound
}

func (s *System) addField(b *board, name, kind string, options ...string) *customField {
	f := &customField{id: s.newID(), name: name, kind: kind, board: b, pos: float64(16384 * (len(b.fields) + 1)), cardFront: true}
	for _, o := range options {
		s.addOption(f, o, "none")
	}
	b.fields = append(b.fields, f)
	return f
}

func (s *System) addOption(f *customField, words, color string) *fieldOption {
	o := &fieldOption{id: s.newID(), text: words, color: color, pos: float64(16384 * (len(f.options) + 1))}
	f.options = append(f.options, o)
	return o
}

func postField(c *call) (any, error) {
	p := c.p
	if p.text("modelType") != "board" {
		return nil, invalid("modelType")
	}
	if !isID(p.text("idModel")) {
		return nil, invalid("idModel")
	}
	b, err := c.boardFor(p.text("idModel"), true)
	if err != nil {
		return nil, err
	}
	switch {
	case b.noCustomFields:
		return nil, text(http.StatusForbidden, "custom fields are not enabled on this board")
	case strings.TrimSpace(p.text("name")) == "":
		return nil, invalid("name")
	case !contains(fieldKinds, p.text("type")):
		return nil, invalid("type")
	case len(b.fields) >= 50:
		return nil, text(http.StatusForbidden, "CUSTOM_FIELDS_LIMIT_EXCEEDED")
	}
	f := c.sys.addField(b, p.text("name"), p.text("type"))
	f.cardFront = p.or("display_cardFront", "true") == "true"
	out := fieldView(f)
	if list, ok := p["options"].([]any); ok && f.kind == "list" {
		fresh := []object{}
		for _, each := range list {
			o := c.sys.addOption(f, optionText(each), "none")
			view := optionView(f, o)
			view["_id"] = view["id"]
			delete(view, "id")
			fresh = append(fresh, view)
		}
		out["options"] = fresh
	}
	c.sys.act(c, "createCustomField", b, nil, nil, object{"customField": object{"id": f.id, "name": f.name, "type": f.kind}})
	return out, nil
}

// optionText reads {"value":{"text":"…"}}, or a bare text.
func optionText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if value, ok := v["value"].(map[string]any); ok {
			s, _ := value["text"].(string)
			return s
		}
		s, _ := v["text"].(string)
		return s
	}
	return ""
}

func getField(c *call) (any, error) {
	f, err := c.field(false)
	if err != nil {
		return nil, err
	}
	return fieldView(f), nil
}

func putField(c *call) (any, error) {
	f, err := c.field(true)
	if err != nil {
		return nil, err
	}
	if c.p.has("name") {
		f.name = c.p.text("name")
	}
	if c.p.has("display/cardFront") {
		f.cardFront = c.p.yes("display/cardFront")
	}
	c.sys.act(c, "updateCustomField", f.board, nil, nil, object{"customField": object{"id": f.id, "name": f.name, "type": f.kind}})
	return fieldView(f), nil
}

func deleteField(c *call) (any, error) {
	f, err := c.field(true)
	if err != nil {
		return nil, err
	}
	f.board.fields = slices.DeleteFunc(f.board.fields, func(o *customField) bool { return o == f })
	for _, cd := range c.sys.cards {
		cd.items = slices.DeleteFunc(cd.items, func(it *fieldItem) bool { return it.field == f.id })
	}
	c.sys.act(c, "deleteCustomField", f.board, nil, nil, object{"customField": object{"id": f.id, "name": f.name, "type": f.kind}})
	return object{"limits": object{}}, nil
}

func getOptions(c *call) (any, error) {
	f, err := c.field(false)
	if err != nil {
		return nil, err
	}
	return optionViews(f), nil
}

func postOption(c *call) (any, error) {
	f, err := c.field(true)
	if err != nil {
		return nil, err
	}
	words := optionText(map[string]any(c.p))
	if f.kind != "list" || words == "" {
		return nil, invalid("value")
	}
	o := c.sys.addOption(f, words, c.p.or("color", "none"))
	view := optionView(f, o)
	view["_id"] = view["id"]
	delete(view, "id")
	return view, nil
}

func (c *call) option(write bool) (*customField, int, error) {
	f, err := c.field(write)
	if err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(f.options, func(o *fieldOption) bool { return o.id == c.id(1) })
	if i < 0 {
		return nil, 0, errNotFound
	}
	return f, i, nil
}

func getOption(c *call) (any, error) {
	f, i, err := c.option(false)
	if err != nil {
		return nil, err
	}
	return optionView(f, f.options[i]), nil
}

func deleteOption(c *call) (any, error) {
	f, i, err := c.option(true)
	if err != nil {
		return nil, err
	}
	id := f.options[i].id
	f.options = slices.Delete(f.options, i, i+1)
	for _, cd := range c.sys.cards {
		cd.items = slices.DeleteFunc(cd.items, func(it *fieldItem) bool { return it.option == id })
	}
	return object{}, nil
}

func (s *System) itemViews(cd *card) []object {
	out := []object{}
	if cd.board().noCustomFields {
		return out
	}
	for _, it := range cd.items {
		out = append(out, itemView(cd, it))
	}
	return out
}

func itemView(cd *card, it *fieldItem) object {
	out := object{"id": it.id, "idCustomField": it.field, "idModel": cd.id, "modelType": "card", "idValue": orNull(it.option), "value": nil}
	if it.kind != "list" {
		key := it.kind
		if key == "checkbox" {
			key = "checked"
		}
		out["value"] = object{key: it.text}
	}
	return out
}

func getItems(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	return c.sys.itemViews(cd), nil
}

func putItem(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	f := cd.board().field(c.id(1))
	if f == nil {
		return nil, errNotFound
	}
	return c.sys.setItem(c, cd, f, c.p)
}

func putItems(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	list, ok := c.p["customFieldItems"].([]any)
	if !ok {
		return nil, invalid("customFieldItems")
	}
	// All of them are checked before any is set.
	type change struct {
		f *customField
		p params
	}
	var changes []change
	for _, each := range list {
		m, ok := each.(map[string]any)
		if !ok {
			return nil, errItem
		}
		f := cd.board().field(params(m).text("idCustomField"))
		if f == nil {
			return nil, invalid("idCustomField")
		}
		if _, err := f.read(m); err != nil {
			return nil, err
		}
		changes = append(changes, change{f, m})
	}
	out := []any{}
	for _, ch := range changes {
		v, err := c.sys.setItem(c, cd, ch.f, ch.p)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// read checks the value of a write; nil clears.
func (f *customField) read(p params) (*fieldItem, *apiError) {
	it := &fieldItem{field: f.id, kind: f.kind}
	if f.kind == "list" {
		id, isText := p["idValue"].(string)
		switch {
		case p.has("idValue") && (id == "" || p["idValue"] == nil), !p.has("idValue") && p["value"] == "":
			return nil, nil
		case !isText || !slices.ContainsFunc(f.options, func(o *fieldOption) bool { return o.id == id }):
			return nil, errItem
		}
		it.option = id
		return it, nil
	}
	value, isObject := p["value"].(map[string]any)
	if !isObject {
		if v, given := p["value"]; given && (v == "" || v == nil) {
			return nil, nil
		}
		return nil, errItem
	}
	key := f.kind
	if key == "checkbox" {
		key = "checked"
	}
	v, isText := value[key].(string)
	if !isText || len(value) != 1 {
		return nil, errItem
	}
	switch f.kind {
	case "number":
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return nil, errItem
		}
	case "date":
		at, ok := parseTime(v)
		if !ok {
			return nil, errItem
		}
		v = at.Format(timeForm)
	case "checkbox":
		if v != "true" && v != "false" {
			return nil, errItem
		}
	}
	if v == "" || v == "false" {
		return nil, nil
	}
	it.text = v
	return it, nil
}

// setItem writes the value of a custom field. The card's activity does not move,
// as for some writers in the real service.
func (s *System) setItem(c *call, cd *card, f *customField, p params) (any, error) {
	it, refusal := f.read(p)
	if refusal != nil {
		return nil, refusal
	}
	old := cd.item(f.id)
	var was any
	if old != nil {
		was = itemView(cd, old)["value"]
		cd.items = slices.DeleteFunc(cd.items, func(o *fieldItem) bool { return o.field == f.id })
	}
	view := object{"idCustomField": f.id, "idModel": cd.id, "modelType": "card", "value": nil, "idValue": nil}
	if it != nil {
		if it.id = s.newID(); old != nil {
			it.id = old.id
		}
		cd.items = append(cd.items, it)
		view = itemView(cd, it)
	}
	s.act(c, "updateCustomFieldItem", cd.board(), nil, cd, object{
		"customField": object{"id": f.id, "name": f.name, "type": f.kind}, "customFieldItem": view, "old": object{"value": was},
	})
	return view, nil
}
