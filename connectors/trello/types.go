package trello

import (
	"encoding/json"
	"slices"
)

// card is a card as Trello sends it. Its odd members are looked at one by one,
// so that a new form of one does not spoil the others.
type card struct {
	ID               string          `json:"id"`
	IDBoard          string          `json:"idBoard"`
	IDList           string          `json:"idList"`
	IDShort          json.RawMessage `json:"idShort"`
	ShortLink        string          `json:"shortLink"`
	ShortURL         string          `json:"shortUrl"`
	URL              string          `json:"url"`
	Name             string          `json:"name"`
	Desc             string          `json:"desc"`
	Closed           bool            `json:"closed"`
	IsTemplate       bool            `json:"isTemplate"`
	CardRole         string          `json:"cardRole"`
	Pos              json.RawMessage `json:"pos"`
	Due              string          `json:"due"`
	Start            string          `json:"start"`
	DueComplete      bool            `json:"dueComplete"`
	DueReminder      json.RawMessage `json:"dueReminder"`
	DateLastActivity string          `json:"dateLastActivity"`
	IDMembers        []string        `json:"idMembers"`
	IDLabels         []string        `json:"idLabels"`
	Badges           struct {
		CheckItems        json.RawMessage `json:"checkItems"`
		CheckItemsChecked json.RawMessage `json:"checkItemsChecked"`
	} `json:"badges"`
	CustomFieldItems []fieldItem  `json:"customFieldItems"`
	Attachments      []attachment `json:"attachments"`
}

// ordinary reports whether a card is one for work: no template, no separator, no
// mirror of another card.
func (w *card) ordinary() bool { return w.CardRole == "" && !w.IsTemplate }

type attachment struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	URL      string `json:"url"`
	FileName string `json:"fileName"`
	MimeType string `json:"mimeType"`
	IDMember string `json:"idMember"`
	Bytes    int64  `json:"bytes"`
	IsUpload bool   `json:"isUpload"`
	Date     string `json:"date"`
}

// fieldItem is the value of a custom field: texts inside a typed object, or the
// id of an option.
type fieldItem struct {
	IDCustomField string            `json:"idCustomField"`
	IDValue       string            `json:"idValue"`
	Value         map[string]string `json:"value"`
}

type customField struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Options []struct {
		ID    string `json:"id"`
		Value struct {
			Text string `json:"text"`
		} `json:"value"`
	} `json:"options"`
}

type list struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Closed bool   `json:"closed"`
}

type label struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color string `json:"color"`
}

// title is what people call a label: its name, else its colour.
func (l *label) title() string {
	if l.Name == "" {
		return l.Color
	}
	return l.Name
}

type member struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	FullName string `json:"fullName"`
	Email    string `json:"email"`
}

// board is a board with what its cards refer to.
type board struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	ShortLink    string        `json:"shortLink"`
	Closed       bool          `json:"closed"`
	Lists        []list        `json:"lists"`
	Labels       []label       `json:"labels"`
	Members      []member      `json:"members"`
	CustomFields []customField `json:"customFields"`
}

func (b *board) list(id string) *list {
	if i := slices.IndexFunc(b.Lists, func(l list) bool { return l.ID == id }); i >= 0 {
		return &b.Lists[i]
	}
	return nil
}

func (b *board) label(id string) *label {
	if i := slices.IndexFunc(b.Labels, func(l label) bool { return l.ID == id }); i >= 0 {
		return &b.Labels[i]
	}
	return nil
}

func (b *board) member(id string) *member {
	if i := slices.IndexFunc(b.Members, func(m member) bool { return m.ID == id }); i >= 0 {
		return &b.Members[i]
	}
	return nil
}

func (b *board) customField(id string) *customField {
	return fieldIn(b.CustomFields, id)
}

func fieldIn(fields []customField, id string) *customField {
	if i := slices.IndexFunc(fields, func(f customField) bool { return f.ID == id }); i >= 0 {
		return &fields[i]
	}
	return nil
}

type checklist struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	IDCard     string      `json:"idCard"`
	CheckItems []checkItem `json:"checkItems"`
}

type checkItem struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	State       string `json:"state"`
	Due         string `json:"due"`
	IDMember    string `json:"idMember"`
	IDChecklist string `json:"idChecklist"`
}

// action is an entry of the log of actions.
type action struct {
	ID            string     `json:"id"`
	Type          string     `json:"type"`
	Date          string     `json:"date"`
	MemberCreator member     `json:"memberCreator"`
	IDCreator     string     `json:"idMemberCreator"`
	Data          actionData `json:"data"`
}

type actionData struct {
	Text           string                     `json:"text"`
	DateLastEdited string                     `json:"dateLastEdited"`
	Card           map[string]json.RawMessage `json:"card"`
	Old            map[string]json.RawMessage `json:"old"`
}

// cardID returns the id of the card that an action is about, "" if none.
func (a *action) cardID() string {
	var id string
	if json.Unmarshal(a.Data.Card["id"], &id) != nil || !isID(id) {
		return ""
	}
	return id
}

type webhook struct {
	ID          string `json:"id"`
	IDModel     string `json:"idModel"`
	CallbackURL string `json:"callbackURL"`
	Active      bool   `json:"active"`
}

type tokenInfo struct {
	DateExpires string `json:"dateExpires"`
	Permissions []struct {
		ModelType string `json:"modelType"`
		Read      bool   `json:"read"`
		Write     bool   `json:"write"`
	} `json:"permissions"`
}
