package trello

import (
	"errors"
	"net/http"
	"slices"
	"time"
)

// Person acts on the site as somebody does in a browser: at once, around the
// API's limits and faults.
type Person struct {
	sys   *System
	email string
}

// As returns a person by e-mail.
func (s *System) As(email string) Person { return Person{s, email} }

// ErrNobody says that no person, board, list or card has that name.
var ErrNobody = errors.New("the sandbox has no such person, board, list or card")

// do runs a call of the person.
func (p Person) do(method, path string, fields map[string]any) (any, error) {
	return p.run(method, path, fields, nil)
}

func (p Person) run(method, path string, fields map[string]any, up *upload) (any, error) {
	s := p.sys
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.memberBy(p.email)
	if m == nil {
		return nil, ErrNobody
	}
	c := s.as(m)
	c.method, c.path, c.header, c.p, c.upload = method, path, http.Header{}, params{}, up
	for name, v := range fields {
		c.p[name] = v
	}
	rt, ok := s.routes.find(c)
	if !ok {
		return nil, ErrNobody
	}
	return rt.run(c)
}

func idOf(answer any) string {
	o, _ := answer.(object)
	id, _ := o["id"].(string)
	return id
}

// Create makes a card in a list of a board, both by name. Fields are those of
// the API's POST /cards.
func (p Person) Create(board, list string, fields map[string]any) (id string, err error) {
	all := map[string]any{"idList": p.sys.ListID(board, list)}
	for name, v := range fields {
		all[name] = v
	}
	answer, err := p.do("POST", "cards", all)
	return idOf(answer), err
}

// Edit sets fields of a card, as PUT /cards/{id} takes them.
func (p Person) Edit(id string, fields map[string]any) error {
	_, err := p.do("PUT", "cards/"+id, fields)
	return err
}

// SetField sets a custom field of a card by the body that the API takes;
// {"value": ""} and {"idValue": ""} clear.
func (p Person) SetField(id, field string, body map[string]any) error {
	_, err := p.do("PUT", "cards/"+id+"/customField/"+field+"/item", body)
	return err
}

// Delete deletes a card for good; Archive puts it out of sight.
func (p Person) Delete(id string) error {
	_, err := p.do("DELETE", "cards/"+id, nil)
	return err
}

// Archive archives a card.
func (p Person) Archive(id string) error { return p.Edit(id, map[string]any{"closed": true}) }

// Comment writes a comment.
func (p Person) Comment(id, words string) (string, error) {
	answer, err := p.do("POST", "cards/"+id+"/actions/comments", map[string]any{"text": words})
	return idOf(answer), err
}

// Move puts a card into a list of a board, both by name.
func (p Person) Move(id, board, list string) error {
	return p.Edit(id, map[string]any{"idBoard": p.sys.BoardID(board), "idList": p.sys.ListID(board, list)})
}

// MoveItem marks an item of a checklist.
func (p Person) MoveItem(card, item, state string) error {
	_, err := p.do("PUT", "cards/"+card+"/checkItem/"+item, map[string]any{"state": state})
	return err
}

// Attach puts a link onto a card.
func (p Person) Attach(id, address, name string) error {
	_, err := p.do("POST", "cards/"+id+"/attachments", map[string]any{"url": address, "name": name})
	return err
}

// Upload puts a file onto a card.
func (p Person) Upload(id, name string, content []byte) (string, error) {
	answer, err := p.run("POST", "cards/"+id+"/attachments", nil, &upload{name: name, content: content})
	return idOf(answer), err
}

// Call makes any call of the API as the person, such as "PUT", "lists/{id}".
func (p Person) Call(method, path string, fields map[string]any) error {
	_, err := p.do(method, path, fields)
	return err
}

// BoardID returns the id of a board by its name, "" if there is none.
func (s *System) BoardID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boards {
		if b.name == name {
			return b.id
		}
	}
	return ""
}

// ListID returns the id of a list by its board's name and its own.
func (s *System) ListID(board, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lists {
		if l.name == name && l.board.name == board {
			return l.id
		}
	}
	return ""
}

// MemberID returns the id of a person by e-mail or username.
func (s *System) MemberID(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.memberBy(email); m != nil {
		return m.id
	}
	return ""
}

// LabelID returns the id of a label of a board by its name.
func (s *System) LabelID(board, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boards {
		for _, l := range b.labels {
			if b.name == board && l.name == name {
				return l.id
			}
		}
	}
	return ""
}

// ChecklistID returns the id of a card's checklist by its name, "" if there is
// none.
func (s *System) ChecklistID(card, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cd := s.cardBy(card); cd != nil {
		for _, k := range cd.checklists {
			if k.name == name {
				return k.id
			}
		}
	}
	return ""
}

// FieldID returns the id of a custom field of a board, and those of its options
// by their texts.
func (s *System) FieldID(board, name string) (id string, options map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	options = map[string]string{}
	for _, b := range s.boards {
		for _, f := range b.fields {
			if b.name != board || f.name != name {
				continue
			}
			id = f.id
			for _, o := range f.options {
				options[o.text] = o.id
			}
		}
	}
	return id, options
}

// Card is what the site holds of a card.
type Card struct {
	ID, ShortLink, URL, Name, Desc string
	Board, List                    string // names
	Closed                         bool
	Due, Start                     time.Time
	DueComplete                    bool
	Labels, Members                []string // ids
	Fields                         map[string]string
	Attachments                    []Attachment
	Comments                       []string
	Checklists                     map[string][]CheckItem
}

// Attachment is a link or an upload on a card.
type Attachment struct {
	ID, Name, URL string
	Upload        bool
	Content       []byte
}

// CheckItem is an item of a checklist.
type CheckItem struct {
	ID, Name string
	Complete bool
}

// Card returns a card by id; ok is false where there is none. Fields holds the
// values of custom fields by the field's id, of lists the option's id.
func (s *System) Card(id string) (Card, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cd := s.cardBy(id)
	if cd == nil {
		return Card{}, false
	}
	out := Card{
		ID: cd.id, ShortLink: cd.shortLink, URL: s.site() + "/c/" + cd.shortLink, Name: cd.name, Desc: cd.desc, Board: cd.board().name,
		List: cd.list.name, Closed: cd.closed, Due: cd.due, Start: cd.start, DueComplete: cd.dueComplete,
		Labels: slices.Clone(cd.labels), Members: slices.Clone(cd.members), Fields: map[string]string{}, Checklists: map[string][]CheckItem{},
	}
	for _, it := range cd.items {
		out.Fields[it.field] = it.text + it.option
	}
	for _, a := range cd.attachments {
		out.Attachments = append(out.Attachments, Attachment{a.id, a.name, s.attachmentURL(cd, a), a.upload, a.content})
	}
	for _, a := range s.logOf(cd) {
		if a.kind == "commentCard" && !a.deletedText {
			words, _ := a.data["text"].(string)
			out.Comments = append(out.Comments, words)
		}
	}
	for _, k := range cd.checklists {
		for _, it := range k.items {
			out.Checklists[k.name] = append(out.Checklists[k.name], CheckItem{it.id, it.name, it.complete})
		}
	}
	return out, true
}

// CardIDs lists the cards of a board by its name, archived ones too, oldest
// first.
func (s *System) CardIDs(board string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for id, cd := range s.cards {
		if cd.board().name == board {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Webhooks returns the addresses of the active webhooks on a board.
func (s *System) Webhooks(board string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, h := range s.webhooks {
		if b := s.boardBy(h.model); b != nil && b.name == board && h.active {
			out = append(out, h.callback)
		}
	}
	return out
}
