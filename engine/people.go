package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// people remembers who is who on each connection: by e-mail, and by id for
// systems that hide e-mails.
type people struct {
	e     *Engine
	table peopleTable
	mu    sync.Mutex
	by    map[string]map[string]personEntry // connection → e-mail
	id    map[string]map[string]string      // connection → id → e-mail
}

type personEntry struct {
	person connectors.Person
	at     time.Time
}

// How long a look-up holds: longer for a person who was found.
const (
	personFound   = time.Hour
	personMissing = 5 * time.Minute
	peopleKept    = 20_000 // a connection; beyond it the memory starts anew
)

func newPeople(e *Engine, rows []PersonRow) *people {
	return &people{e: e, table: newPeopleTable(rows), by: map[string]map[string]personEntry{}, id: map[string]map[string]string{}}
}

// unmatchedError says that a person has no counterpart.
type unmatchedError struct{ text string }

func (u *unmatchedError) Error() string { return u.text }

// learn takes in the people that a record shows.
func (p *people) learn(connection string, v connectors.Value) {
	person := v.Person()
	if person.ID == "" || person.Email == "" || p.table.emailOf(connection, person) != "" {
		return // whom the table names is asked for by that name
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(connection, person, p.e.clock.Now())
}

func (p *people) put(connection string, person connectors.Person, now time.Time) {
	if len(p.by[connection]) >= peopleKept || p.by[connection] == nil {
		p.by[connection], p.id[connection] = map[string]personEntry{}, map[string]string{}
	}
	p.by[connection][person.Email] = personEntry{person: person, at: now}
	if person.ID != "" {
		p.id[connection][person.ID] = person.Email
	}
}

// email returns the e-mail by which the other connections know a person of a
// connection, "" if not known.
func (p *people) email(connection string, person connectors.Person) string {
	if email := p.table.emailOf(connection, person); email != "" {
		return email
	}
	if person.Email != "" {
		return person.Email
	}
	p.mu.Lock()
	who := p.id[connection][person.ID] // an e-mail, or what the table says
	p.mu.Unlock()
	if email := p.table.emailOf(connection, connectors.Person{Email: strings.TrimPrefix(who, "@")}); email != "" {
		return email
	}
	if !isAddress(who) {
		return ""
	}
	return who
}

func (p *people) lookup(connection, email string) (connectors.Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry, ok := p.by[connection][email]
	if !ok {
		return connectors.Person{}, false
	}
	ttl := personFound
	if entry.person.ID == "" {
		ttl = personMissing
	}
	if p.e.clock.Now().Sub(entry.at) > ttl {
		return connectors.Person{}, false
	}
	return entry.person, true
}

// fetch looks up the people that are not known yet, in one call: by the e-mails
// that other connections know, or by the names of the table.
func (p *people) fetch(ctx context.Context, c *connection, emails []string) error {
	for i, email := range emails {
		emails[i] = p.table.called(c.name, email)
	}
	slices.Sort(emails)
	emails = slices.Compact(emails)
	emails = slices.DeleteFunc(emails, func(m string) bool {
		_, ok := p.lookup(c.name, m)
		return ok || m == ""
	})
	if len(emails) == 0 || c.can.PeopleFinder == nil {
		return nil
	}
	found, err := c.can.PeopleFinder.PeopleByEmail(ctx, emails)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.e.clock.Now()
	for i, person := range found {
		person.Email = emails[i]
		p.put(c.name, person, now)
	}
	return nil
}

// translate converts a value for one side and finds the person that it names.
func (e *Engine) translate(m *worked, r *mapping.Rule, to mapping.SideID, v connectors.Value) (connectors.Value, mapping.Outcome, error) {
	if v.Type() == connectors.TypePerson {
		person := v.Person()
		person.Email = e.people.email(m.Side(to.Other()).Connection, person)
		v = connectors.PersonValue(person)
	}
	if v.Type() == connectors.TypePerson && v.Person().Email == "" && r.PeopleOf(to) {
		return connectors.Null, mapping.Leave, &unmatchedError{fmt.Sprintf(
			"%s does not show the e-mail of %s, so nobody on %s can be matched", m.Side(to.Other()).Connection, v, m.Side(to).Connection)}
	}
	out, outcome, err := r.Convert(to, v)
	if err != nil || outcome != mapping.Write || out.Type() != connectors.TypePerson {
		return out, outcome, err
	}
	out, err = e.matchPerson(m.Side(to).Connection, out)
	return out, outcome, err
}

// matchPerson gives a person known by e-mail the id of the connection.
func (e *Engine) matchPerson(connection string, v connectors.Value) (connectors.Value, error) {
	person := v.Person()
	if person.ID != "" {
		return v, nil
	}
	who := e.people.table.called(connection, person.Email)
	known, ok := e.people.lookup(connection, who)
	switch {
	case ok && known.ID != "" && isAddress(who):
		return connectors.PersonValue(known), nil
	case ok && known.ID != "":
		return connectors.PersonValue(connectors.Person{ID: known.ID, Name: known.Name}), nil
	case !isAddress(who): // an id that the connection does not look people up by
		return connectors.PersonValue(connectors.Person{ID: who}), nil
	case who != person.Email:
		return connectors.Null, &unmatchedError{fmt.Sprintf("nobody on %s has the e-mail %s, which the table of people gives %s", connection, who, person.Email)}
	}
	return connectors.Null, &unmatchedError{fmt.Sprintf("nobody on %s has the e-mail %s", connection, person.Email)}
}

// fetchPeople looks up everybody whom the jobs' records name.
func (e *Engine) fetchPeople(ctx context.Context, m *worked, jobs []*job) error {
	var wanted [2][]string
	named := false
	for _, j := range jobs {
		for _, r := range m.Rules() {
			for side := range mapping.SideID(2) {
				if j.recs[side] == nil || (!r.PeopleOf(side) && !r.PeopleOf(side.Other())) {
					continue
				}
				v, presence, err := r.Value(side, j.recs[side])
				if err != nil || presence != connectors.Present {
					continue
				}
				if v.Type() == connectors.TypePerson {
					named = true
					e.people.learn(m.Side(side).Connection, v)
				}
				if !r.Flow().To(side.Other()) || !r.PeopleOf(side.Other()) {
					continue
				}
				if mail := e.emailOf(m, side, v); mail != "" {
					wanted[side.Other()] = append(wanted[side.Other()], mail)
				}
			}
		}
	}
	for side, emails := range wanted {
		if named {
			emails = append(emails, e.people.table.names(m.sides[side].name)...)
		}
		if err := e.people.fetch(ctx, m.sides[side], emails); err != nil {
			e.note(m.sides[side], err)
			return err
		}
	}
	return nil
}

func (e *Engine) emailOf(m *worked, side mapping.SideID, v connectors.Value) string {
	switch v.Type() {
	case connectors.TypePerson:
		return e.people.email(m.Side(side).Connection, v.Person())
	case connectors.TypeText:
		if text := strings.ToLower(strings.TrimSpace(v.Text())); isAddress(text) {
			return e.people.email(m.Side(side).Connection, connectors.Person{Email: text})
		}
	}
	return ""
}
