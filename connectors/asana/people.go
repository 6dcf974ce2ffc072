package asana

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const (
	peopleAge = 15 * time.Minute
	nobodyAge = 2 * time.Minute // who was not found may be invited soon
	maxPeople = 10_000
)

// peopleCache remembers who has which e-mail.
type peopleCache struct {
	mu      sync.Mutex
	byEmail map[string]cachedPerson
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
		p.byEmail = map[string]cachedPerson{}
	}
	p.byEmail[email] = cachedPerson{who, now}
}

// PeopleByEmail implements connectors.PeopleFinder. Asana takes an e-mail
// wherever it takes a user's gid, so that a look-up never guesses; a gid, from
// the table of people in the configuration, is looked up likewise.
func (c *Connection) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	return c.findPeople(ctx, "find people", emails)
}

func (c *Connection) findPeople(ctx context.Context, op string, emails []string) ([]connectors.Person, error) {
	out := make([]connectors.Person, len(emails))
	var actions []action
	var at []int
	for i, email := range emails {
		email = strings.ToLower(strings.TrimSpace(email))
		if !isID(email) && !strings.Contains(email, "@") || strings.ContainsAny(email, "/?#% ") {
			continue
		}
		if p, ok := c.people.get(email, c.clock.Now()); ok {
			out[i] = p
			continue
		}
		actions = append(actions, action{method: http.MethodGet, path: "/users/" + email, fields: "name,email"})
		at = append(at, i)
	}
	for n, r := range c.run(ctx, op, actions) {
		i := at[n]
		email := strings.ToLower(strings.TrimSpace(emails[i]))
		switch {
		case r.err != nil && connectors.AboutRecord(r.err): // nobody, or somebody that the account may not see
		case r.err != nil:
			return nil, named(r.err, op, "")
		default:
			var u wireNamed
			if err := decodeData(r.data, &u); err != nil {
				return nil, c.fail(op, "", connectors.Internal, "%w", err)
			}
			switch {
			case u.GID == email:
				out[i] = connectors.Person{ID: u.GID, Email: strings.ToLower(u.Email), Name: u.Name}
			case !isID(email) && (u.Email == "" || strings.EqualFold(u.Email, email)):
				out[i] = connectors.Person{ID: u.GID, Email: email, Name: u.Name}
			}
		}
		c.people.put(email, out[i], c.clock.Now())
	}
	return out, nil
}
