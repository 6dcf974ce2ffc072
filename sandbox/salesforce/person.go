package salesforce

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// A Person edits records in the app, as opposed to by API: no field-level
// security applies, and change events carry the browser's origin.
type Person struct {
	s  *System
	id string
}

// As returns the active person with this e-mail; the first one if there is none.
func (s *System) As(email string) Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.userMail(email); u != nil {
		return Person{s, u.id}
	}
	return Person{s, s.users[0].id}
}

func (s *System) userMail(email string) *record {
	for _, u := range s.rows(s.object("User"), false, false) {
		if strings.EqualFold(u.text("Email"), email) {
			return u
		}
	}
	return nil
}

// UserID returns the id of the user with this e-mail; empty if there is none.
func (s *System) UserID(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.userMail(email); u != nil {
		return u.id
	}
	return ""
}

// browserOrigin is what change events say about a person in Lightning.
const browserOrigin = "com/salesforce/api/soap/" + APIVersion + ";client=SfdcInternalAPI/"

// do runs a change in a transaction of its own.
func (p Person) do(change func(t *tx, now time.Time) error) error {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.tick()
	t := s.begin(p.id, browserOrigin, now, false)
	if err := change(t, now); err != nil {
		t.rollback(0)
		return err
	}
	t.commit()
	return nil
}

// values reads texts as the fields of an object.
func (o *object) values(texts map[string]string) (map[string]value, error) {
	out := map[string]value{}
	for name, text := range texts {
		f := o.field(name)
		if f == nil {
			return nil, fmt.Errorf("%s has no field %q", o.name, name)
		}
		v, err := f.fromText(text)
		if err != nil {
			return nil, err
		}
		if v == nil && f.kind == "boolean" {
			v = false
		}
		out[f.name] = v
	}
	return out, nil
}

func fault(err *apiError) error {
	if err == nil {
		return nil
	}
	return err
}

// Create makes a record and returns its id.
func (p Person) Create(object string, fields map[string]string) (string, error) {
	var id string
	err := p.do(func(t *tx, _ time.Time) error {
		o := p.s.object(object)
		if o == nil {
			return fmt.Errorf("no object %q", object)
		}
		values, err := o.values(fields)
		if err != nil {
			return err
		}
		r, problem := t.insert(o, values)
		if problem != nil {
			return problem
		}
		id = r.id
		return nil
	})
	return id, err
}

// Edit changes fields; an empty text clears one.
func (p Person) Edit(id string, fields map[string]string) error {
	return p.do(func(t *tx, _ time.Time) error {
		r, err := p.s.lookUp(id)
		if err != nil {
			return err
		}
		values, err := r.object.values(fields)
		if err != nil {
			return err
		}
		return fault(t.update(r, values))
	})
}

// EditLate changes fields in a transaction that began now and becomes visible
// only after a while: with the stamps of now.
func (p Person) EditLate(id string, fields map[string]string, after time.Duration) error {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.tick()
	r, err := s.lookUp(id)
	if err != nil {
		return err
	}
	values, err := r.object.values(fields)
	if err != nil {
		return err
	}
	s.deferred = append(s.deferred, deferredWork{at: began.Add(after), since: began, do: func(time.Time) {
		t := s.begin(p.id, "", began, false)
		if t.update(r, values) != nil {
			t.rollback(0)
			return
		}
		t.commit()
	}})
	return nil
}

// CreateLate makes a record in a transaction that began now and becomes visible
// only after a while.
func (p Person) CreateLate(object string, fields map[string]string, after time.Duration) error {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.tick()
	o := s.object(object)
	if o == nil {
		return fmt.Errorf("no object %q", object)
	}
	values, err := o.values(fields)
	if err != nil {
		return err
	}
	s.deferred = append(s.deferred, deferredWork{at: began.Add(after), since: began, do: func(time.Time) {
		t := s.begin(p.id, "", began, false)
		if _, err := t.insert(o, values); err != nil {
			t.rollback(0)
			return
		}
		t.commit()
	}})
	return nil
}

// Delete moves a record to the recycle bin.
func (p Person) Delete(id string) error {
	return p.do(func(t *tx, _ time.Time) error {
		r, err := p.s.lookUp(id)
		if err != nil {
			return err
		}
		return fault(t.remove(r))
	})
}

// Restore brings a record back from the recycle bin.
func (p Person) Restore(id string) error {
	return p.do(func(t *tx, _ time.Time) error {
		r, err := p.s.lookUp(id)
		if err != nil {
			return err
		}
		return fault(t.restore(r))
	})
}

// Purge empties a deleted record from the recycle bin.
func (p Person) Purge(id string) error {
	return p.do(func(_ *tx, _ time.Time) error {
		r, err := p.s.lookUp(id)
		if err != nil {
			return err
		}
		if !r.deleted() {
			return fmt.Errorf("%s is not in the recycle bin", id)
		}
		r.purged = true
		return nil
	})
}

// Merge merges other records of the same object into the first one.
func (p Person) Merge(winner string, losers ...string) error {
	return p.do(func(t *tx, _ time.Time) error {
		w, err := p.s.lookUp(winner)
		if err != nil {
			return err
		}
		var list []*record
		for _, id := range losers {
			l, err := p.s.lookUp(id)
			if err != nil {
				return err
			}
			list = append(list, l)
		}
		return fault(t.merge(w, list))
	})
}

// ConvertLead makes an account, a contact and, if it is given a name, an
// opportunity of a lead.
func (p Person) ConvertLead(id, opportunity string) error {
	return p.do(func(t *tx, _ time.Time) error {
		r, err := p.s.lookUp(id)
		if err != nil {
			return err
		}
		if r.object.name != "Lead" {
			return fmt.Errorf("%s is no lead", id)
		}
		return fault(t.convertLead(r, opportunity))
	})
}

// Comment posts a text to a record's Chatter feed and returns the post's id.
func (p Person) Comment(id, text string) (string, error) {
	full, ok := normalID(id)
	if !ok {
		return "", fmt.Errorf("malformed id %q", id)
	}
	return p.Create("FeedItem", map[string]string{"ParentId": full, "Body": text})
}

// LogTask adds a completed task to a record and returns the task's id.
func (p Person) LogTask(id, subject, text string) (string, error) {
	full, ok := normalID(id)
	if !ok {
		return "", fmt.Errorf("malformed id %q", id)
	}
	return p.Create("Task", map[string]string{"WhatId": full, "Subject": subject, "Description": text, "Status": "Completed"})
}

// Attach adds a file to a record and returns the id of its ContentDocument.
func (p Person) Attach(record, name string, content []byte) (string, error) {
	id, ok := normalID(record)
	if !ok {
		return "", fmt.Errorf("malformed id %q", record)
	}
	version, err := p.Create("ContentVersion", map[string]string{
		"PathOnClient": name, "Title": name, "VersionData": base64.StdEncoding.EncodeToString(content), "FirstPublishLocationId": id, "Origin": "H",
	})
	if err != nil {
		return "", err
	}
	made, err := p.s.Get("ContentVersion", version)
	return made.Fields["ContentDocumentId"], err
}
