package hubspot

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// A Person edits records in the app, as opposed to by API. Changes have the
// source CRM_UI and send the same events.
type Person struct {
	s *System
	o *owner
}

// As returns the person with this e-mail; the first owner if there is none.
func (s *System) As(email string) Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.ownerByEmail(email); o != nil {
		return Person{s, o}
	}
	return Person{s, s.owners[0]}
}

// A Record is the truth about one record, whatever rights or lags hide.
type Record struct {
	ID         string              `json:"id"`
	Properties map[string]string   `json:"properties"` // those with a value
	Created    time.Time           `json:"created"`
	Updated    time.Time           `json:"updated"`
	Archived   bool                `json:"archived"`
	Linked     map[string][]string `json:"linked"` // other object's name → ids
}

func (s *System) lookUp(object, id string) (*record, error) {
	ot := s.typeByName(object)
	if ot == nil {
		return nil, fmt.Errorf("no object type %q", object)
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s id %q: %w", object, id, err)
	}
	if r := ot.get(n); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("no %s %s", ot.singular, id)
}

// Create makes a record and returns its id.
func (p Person) Create(object string, properties map[string]string) (string, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	ot := s.typeByName(object)
	if ot == nil {
		return "", fmt.Errorf("no object type %q", object)
	}
	now := s.tick()
	c, problem := s.prepare(ot, nil, jsonText(properties), nil, now)
	if problem != nil {
		return "", problem
	}
	return s.commit(c, personSource(p.o), now).idText(), nil
}

func jsonText(properties map[string]string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for name, text := range properties {
		out[name] = quote(text)
	}
	return out
}

// Edit changes properties; an empty text clears one.
func (p Person) Edit(object, id string, properties map[string]string) error {
	return p.do(object, id, func(r *record, src source, now time.Time) error {
		c, problem := p.s.prepare(r.ot, r, jsonText(properties), nil, now)
		if problem != nil {
			return problem
		}
		p.s.commit(c, src, now)
		return nil
	})
}

// Archive deletes a record; it can be restored.
func (p Person) Archive(object, id string) error {
	return p.do(object, id, func(r *record, src source, now time.Time) error {
		p.s.archive(r, src, now)
		return nil
	})
}

// Restore brings a deleted record back.
func (p Person) Restore(object, id string) error {
	return p.do(object, id, func(r *record, src source, now time.Time) error {
		p.s.restore(r, src, now)
		return nil
	})
}

// Merge merges the second record into the first and returns the new id.
func (p Person) Merge(object, primary, other string) (string, error) {
	var id string
	err := p.do(object, primary, func(r *record, src source, now time.Time) error {
		loser, err := p.s.lookUp(object, other)
		if err != nil {
			return err
		}
		if loser == r {
			return fmt.Errorf("%s %s cannot be merged with itself", object, primary)
		}
		id = p.s.merge(r, loser, src, now).idText()
		return nil
	})
	return id, err
}

// Link joins two records by their default association.
func (p Person) Link(object, id, to, toID string) error {
	return p.do(object, id, func(r *record, src source, now time.Time) error {
		other, err := p.s.lookUp(to, toID)
		if err != nil {
			return err
		}
		t := p.s.defaultLink(r.ot, other.ot)
		if t == nil {
			return fmt.Errorf("%s and %s cannot be associated", object, to)
		}
		p.s.link(r, other, t.id, src, now)
		return nil
	})
}

// Unlink removes all associations of two records.
func (p Person) Unlink(object, id, to, toID string) error {
	return p.do(object, id, func(r *record, src source, now time.Time) error {
		other, err := p.s.lookUp(to, toID)
		if err != nil {
			return err
		}
		p.s.unlink(r, other, nil, src, now)
		return nil
	})
}

func (p Person) do(object, id string, change func(r *record, src source, now time.Time) error) error {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.tick()
	r, err := s.lookUp(object, id)
	if err != nil {
		return err
	}
	return change(r, personSource(p.o), now)
}

// Get returns the truth about a record, archived or not.
func (s *System) Get(object, id string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	r, err := s.lookUp(object, id)
	if err != nil {
		return Record{}, err
	}
	return s.truth(r), nil
}

// All returns the truth about all records of an object that are not archived,
// by id. It is nil for unknown objects.
func (s *System) All(object string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	ot := s.typeByName(object)
	if ot == nil {
		return nil
	}
	out := []Record{}
	for _, id := range ot.ids {
		if r := ot.records[id]; r != nil && !r.archived {
			out = append(out, s.truth(r))
		}
	}
	return out
}

func (s *System) truth(r *record) Record {
	out := Record{
		ID: r.idText(), Properties: map[string]string{}, Created: r.created, Updated: r.updated, Archived: r.archived, Linked: map[string][]string{},
	}
	for name, v := range r.values {
		if v.text != "" {
			out.Properties[name] = v.text
		}
	}
	for _, ot := range s.types {
		for _, other := range s.linkedTo(r, ot) {
			out.Linked[ot.name] = append(out.Linked[ot.name], other.idText())
		}
	}
	return out
}

// PortalID returns the account's number.
func (s *System) PortalID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.portalID
}

// AppID returns the number of the app whose webhooks are sent.
func (s *System) AppID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appID
}

// OwnerID returns the id that hubspot_owner_id holds for the person with this
// e-mail; empty if there is none.
func (s *System) OwnerID(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.ownerByEmail(email); o != nil {
		return o.ID
	}
	return ""
}

// SetUI says where people see the account's pages, such as
// "http://127.0.0.1:8001"; records carry addresses there. Unset, they carry
// addresses of HubSpot's own site.
func (s *System) SetUI(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uiBase = base
}

// SetWebhookTarget sets where webhook events go; empty turns them off.
func (s *System) SetWebhookTarget(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setTarget(url)
}

// Hide takes away, or gives back, the right to see and write a property by API:
// it is then as unknown.
func (s *System) Hide(object, name string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ot := s.typeByName(object); ot != nil {
		s.hidden[ot.id+"/"+name] = hidden
	}
}

// SetScopes limits the static token to these scopes; nil means all.
func (s *System) SetScopes(scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addToken(s.opts.Token, scopes)
}

// RevokeToken ends the static token, as a rotation or an uninstall does.
func (s *System) RevokeToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, s.opts.Token)
}

// ExpireTokens ends all OAuth access tokens now.
func (s *System) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if t.oauth {
			t.expires = s.now()
		}
	}
}

// HollowBatches lets the next n batches of creates or updates fail as the
// service sometimes does: with 2xx, errors and no results, and without effect.
func (s *System) HollowBatches(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hollow = n
}
