package github

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	peopleAge = time.Hour
	nobodyAge = 10 * time.Minute // who was not found may show an e-mail soon
	maxPeople = 10_000
)

// peopleCache remembers who has which e-mail, both ways. Most people show none.
type peopleCache struct {
	mu      sync.Mutex
	byEmail map[string]cachedPerson
	byLogin map[string]cachedPerson // lower case
}

type cachedPerson struct {
	person connectors.Person
	at     time.Time
}

func (p *peopleCache) email(email string, now time.Time) (connectors.Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hit, ok := p.byEmail[email]
	age := peopleAge
	if hit.person.ID == "" {
		age = nobodyAge
	}
	return hit.person, ok && now.Sub(hit.at) < age
}

func (p *peopleCache) login(login string) (cachedPerson, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hit, ok := p.byLogin[strings.ToLower(login)]
	return hit, ok
}

func (p *peopleCache) knows(login string, now time.Time) bool {
	hit, ok := p.login(login)
	return ok && now.Sub(hit.at) < peopleAge
}

func (p *peopleCache) put(email, login string, who connectors.Person, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byEmail == nil || len(p.byEmail) >= maxPeople || len(p.byLogin) >= maxPeople {
		p.byEmail, p.byLogin = map[string]cachedPerson{}, map[string]cachedPerson{}
	}
	if email != "" {
		p.byEmail[email] = cachedPerson{who, now}
	}
	if login != "" {
		p.byLogin[strings.ToLower(login)] = cachedPerson{who, now}
	}
}

// person returns who has a login, with the e-mail and name that are known. A
// person's id is the login: it is what people call each other on GitHub, and
// what tables of people are written with.
func (c *Connection) person(login string) connectors.Person {
	if login == "" {
		return connectors.Person{}
	}
	hit, ok := c.people.login(login)
	if !ok {
		return connectors.Person{ID: login, Name: login}
	}
	who := hit.person
	who.ID = login
	return who
}

// wireUser is somebody's page.
type wireUser struct {
	Login string `json:"login"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// learnPeople asks for the e-mails of the people that records are to show, once
// an hour each.
func (c *Connection) learnPeople(ctx context.Context, op string, fields []string, issues map[int]*issue) error {
	var logins []string
	now := c.clock.Now()
	want := func(login string) {
		if login != "" && !c.people.knows(login, now) && !slices.Contains(logins, login) {
			logins = append(logins, login)
		}
	}
	for _, name := range fields {
		for _, i := range issues {
			switch {
			case name == "assignee" && len(i.assignees) > 0:
				want(i.assignees[0])
			case name == "author":
				want(i.author)
			}
		}
	}
	for _, login := range logins {
		var w wireUser
		_, err := c.http.Do(ctx, rest.Request{Op: op, Path: "/users/{login}", Params: map[string]string{"login": login}, Out: &w})
		if err != nil && connectors.AboutRecord(err) { // an app, or somebody who has left
			c.people.put("", login, c.person(login), now)
			continue
		}
		if err != nil {
			return err
		}
		who := connectors.Person{ID: login, Email: strings.ToLower(w.Email), Name: w.Name}
		if who.Name == "" {
			who.Name = login
		}
		c.people.put("", login, who, now)
	}
	return nil
}

// PeopleByEmail implements connectors.PeopleFinder, by the e-mails that people
// show in public. Most show none: tenon.yaml has a table of people for them.
func (c *Connection) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	return c.findPeople(ctx, "find people", emails)
}

func (c *Connection) findPeople(ctx context.Context, op string, emails []string) ([]connectors.Person, error) {
	out := make([]connectors.Person, len(emails))
	for n, email := range emails {
		email = strings.ToLower(strings.TrimSpace(email))
		if !strings.Contains(email, "@") || strings.ContainsAny(email, " \"") {
			continue
		}
		if p, ok := c.people.email(email, c.clock.Now()); ok {
			out[n] = p
			continue
		}
		p, err := c.findPerson(ctx, op, email)
		if err != nil {
			return nil, err
		}
		c.people.put(email, p.ID, p, c.clock.Now())
		out[n] = p
	}
	return out, nil
}

// findPerson looks one e-mail up. Search matches parts of e-mails, so whom it
// finds counts only if their page shows that very e-mail.
func (c *Connection) findPerson(ctx context.Context, op, email string) (connectors.Person, error) {
	var found struct {
		Items []struct {
			Login string `json:"login"`
		} `json:"items"`
	}
	_, err := c.http.Do(ctx, rest.Request{
		Op: op, Path: "/search/users", Query: url.Values{"q": {email + " in:email"}, "per_page": {"5"}}, Lane: searchLane, Out: &found,
	})
	if err != nil {
		if connectors.KindOf(err) == connectors.Invalid { // GitHub takes it for no query
			return connectors.Person{}, nil
		}
		return connectors.Person{}, err
	}
	for _, item := range found.Items[:min(len(found.Items), 5)] {
		if item.Login == "" {
			continue
		}
		var w wireUser
		_, err := c.http.Do(ctx, rest.Request{Op: op, Path: "/users/{login}", Params: map[string]string{"login": item.Login}, Out: &w})
		if err != nil && !connectors.AboutRecord(err) {
			return connectors.Person{}, err
		}
		if err == nil && strings.EqualFold(w.Email, email) && w.Login != "" {
			who := connectors.Person{ID: w.Login, Email: email, Name: w.Name}
			if who.Name == "" {
				who.Name = w.Login
			}
			return who, nil
		}
	}
	return connectors.Person{}, nil
}
