package jira

import (
	"context"
	"strings"
	"sync"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	peopleAge = 15 * time.Minute
	nobodyAge = 2 * time.Minute // who was not found may be invited soon
	maxPeople = 10_000
)

// peopleCache remembers who has which e-mail, both ways.
type peopleCache struct {
	mu      sync.Mutex
	byEmail map[string]cachedPerson
	emails  map[string]string // by id
}

type cachedPerson struct {
	person connectors.Person
	at     time.Time
}

func (p *peopleCache) get(email string, now time.Time) (connectors.Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.byEmail[email]
	age := peopleAge
	if c.person.ID == "" {
		age = nobodyAge
	}
	return c.person, ok && now.Sub(c.at) < age
}

func (p *peopleCache) put(email string, who connectors.Person, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byEmail == nil || len(p.byEmail) >= maxPeople {
		p.byEmail, p.emails = map[string]cachedPerson{}, map[string]string{}
	}
	p.byEmail[email] = cachedPerson{who, now}
	if who.ID != "" {
		p.emails[who.ID] = email
	}
}

func (p *peopleCache) email(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.emails[id]
}

// personOf converts a user. Most Cloud accounts hide their e-mail; one that a
// look-up has proved is filled in.
func (c *Connection) personOf(u *gojira.User) connectors.Person {
	p := connectors.Person{ID: userID(u), Email: strings.ToLower(u.EmailAddress), Name: u.DisplayName}
	if p.Email == "" {
		p.Email = c.people.email(p.ID)
	}
	return p
}

// PeopleByEmail implements connectors.PeopleFinder.
func (c *Connection) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	return c.findPeople(ctx, "find people", emails)
}

func (c *Connection) findPeople(ctx context.Context, op string, emails []string) ([]connectors.Person, error) {
	out := make([]connectors.Person, len(emails))
	for i, email := range emails {
		email = strings.ToLower(strings.TrimSpace(email))
		if email == "" {
			continue
		}
		if p, ok := c.people.get(email, c.clock.Now()); ok {
			out[i] = p
			continue
		}
		p, err := c.findPerson(ctx, op, email)
		if err != nil {
			return nil, err
		}
		c.people.put(email, p, c.clock.Now())
		out[i] = p
	}
	return out, nil
}

// findPerson looks one e-mail up. Jira matches beginnings of names and e-mails,
// and an e-mail that is hidden only as a whole: so the user is who shows that
// very e-mail, or else the only one found, if it shows none and is not found by
// its name.
func (c *Connection) findPerson(ctx context.Context, op, email string) (connectors.Person, error) {
	var users []gojira.User
	parameter := "query"
	if !c.cloud {
		parameter = "username"
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: "/user/search", Query: query(parameter, email, "maxResults", "50"), Out: &users,
	})
	if err != nil {
		return connectors.Person{}, err
	}
	var hidden []gojira.User
	for _, u := range users {
		switch {
		case strings.EqualFold(u.EmailAddress, email):
			return connectors.Person{ID: userID(&u), Email: email, Name: u.DisplayName}, nil
		case u.EmailAddress == "" && u.Active && (u.AccountType == "atlassian" || u.AccountType == ""):
			hidden = append(hidden, u)
		}
	}
	if len(hidden) == 1 && !strings.HasPrefix(strings.ToLower(hidden[0].DisplayName), email) && !strings.EqualFold(hidden[0].Name, email) {
		return connectors.Person{ID: userID(&hidden[0]), Email: email, Name: hidden[0].DisplayName}, nil
	}
	return connectors.Person{}, nil
}
