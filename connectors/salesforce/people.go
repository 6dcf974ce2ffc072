package salesforce

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const (
	personAge = 30 * time.Minute
	nobodyAge = 2 * time.Minute // who was not found may be made soon
	maxPeople = 20_000
	idChunk   = 400 // ids in one query
	mailChunk = 100 // e-mails in one query
)

// people remembers users and queues by id, and active users by e-mail.
type people struct {
	mu      sync.Mutex
	byID    map[string]knownPerson
	byEmail map[string]knownPerson
}

type knownPerson struct {
	person connectors.Person
	at     time.Time
}

func newPeople() *people {
	return &people{byID: map[string]knownPerson{}, byEmail: map[string]knownPerson{}}
}

// pick returns those of keys that are known, and the others.
func pick(from map[string]knownPerson, keys []string, now time.Time) (known map[string]connectors.Person, missing []string) {
	known = make(map[string]connectors.Person, len(keys))
	for _, k := range keys {
		p, ok := from[k]
		age := personAge
		if p.person.ID == "" || p.person.Name == "" {
			age = nobodyAge
		}
		if ok && now.Sub(p.at) < age {
			known[k] = p.person
		} else if !slices.Contains(missing, k) {
			missing = append(missing, k)
		}
	}
	return known, missing
}

func keep(into map[string]knownPerson, found map[string]connectors.Person, now time.Time) {
	if len(into)+len(found) > maxPeople {
		clear(into)
	}
	for k, p := range found {
		into[k] = knownPerson{p, now}
	}
}

// peopleByID returns users and queues by id. Who may not be seen has an id only.
func (c *connection) peopleByID(ctx context.Context, op string, ids []string) (map[string]connectors.Person, error) {
	now := c.clock.Now()
	c.people.mu.Lock()
	known, missing := pick(c.people.byID, ids, now)
	c.people.mu.Unlock()
	if len(missing) == 0 {
		return known, nil
	}
	found := make(map[string]connectors.Person, len(missing))
	for _, id := range missing {
		found[id] = connectors.Person{ID: id}
	}
	queues := slices.DeleteFunc(slices.Clone(missing), func(id string) bool { return prefixOf(id) != groupPrefix })
	users := slices.DeleteFunc(slices.Clone(missing), func(id string) bool { return prefixOf(id) != userPrefix })
	for _, of := range []struct {
		object string
		fields []string
		ids    []string
	}{{"User", []string{"Id", "Name", "Email"}, users}, {"Group", []string{"Id", "Name"}, queues}} {
		for chunk := range slices.Chunk(of.ids, idChunk) {
			soql := selectFrom(of.object, of.fields, []string{"Id IN " + quoteAll(chunk)}, "")
			err := c.queryEach(ctx, op, of.object, soql, false, func(r row) {
				if id, ok := id18(r.text(fieldID)); ok {
					found[id] = connectors.Person{ID: id, Name: r.text("Name"), Email: strings.ToLower(strings.TrimSpace(r.text("Email")))}
				}
			})
			if err != nil && connectors.KindOf(err) != connectors.Permission && !stale(err) {
				return nil, err
			}
		}
	}
	c.people.mu.Lock()
	keep(c.people.byID, found, now)
	c.people.mu.Unlock()
	maps.Copy(known, found)
	return known, nil
}

// PeopleByEmail implements connectors.PeopleFinder: active standard users. Of
// several with one e-mail the one whose username it is counts, else none.
func (c *connection) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	found, err := c.peopleByEmail(ctx, "find people", emails)
	if err != nil {
		return nil, err
	}
	out := make([]connectors.Person, len(emails))
	for i, e := range emails {
		out[i] = found[e]
	}
	return out, nil
}

func (c *connection) peopleByEmail(ctx context.Context, op string, emails []string) (map[string]connectors.Person, error) {
	wanted := slices.DeleteFunc(slices.Clone(emails), func(e string) bool { return e == "" })
	now := c.clock.Now()
	c.people.mu.Lock()
	known, missing := pick(c.people.byEmail, wanted, now)
	c.people.mu.Unlock()
	found := make(map[string]connectors.Person, len(missing))
	for chunk := range slices.Chunk(missing, mailChunk) {
		rows := map[string][]row{}
		soql := selectFrom("User", []string{"Id", "Name", "Email", "Username"},
			[]string{"Email IN " + quoteAll(chunk), "IsActive = TRUE", "UserType = 'Standard'"}, "")
		if err := c.queryEach(ctx, op, "User", soql, false, func(r row) {
			email := strings.ToLower(strings.TrimSpace(r.text("Email")))
			rows[email] = append(rows[email], r)
		}); err != nil {
			return nil, err
		}
		for _, email := range chunk {
			found[email] = oneOf(email, rows[email])
		}
	}
	c.people.mu.Lock()
	keep(c.people.byEmail, found, now)
	c.people.mu.Unlock()
	maps.Copy(known, found)
	return known, nil
}

// oneOf returns the user that an e-mail names, nobody where that is unclear.
func oneOf(email string, rows []row) connectors.Person {
	if len(rows) > 1 {
		rows = slices.DeleteFunc(rows, func(r row) bool { return !strings.EqualFold(r.text("Username"), email) })
	}
	if len(rows) != 1 {
		return connectors.Person{}
	}
	id, ok := id18(rows[0].text(fieldID))
	if !ok {
		return connectors.Person{}
	}
	return connectors.Person{ID: id, Name: rows[0].text("Name"), Email: email}
}

// readingOf returns what turns rows of an object into records, with the people
// that the rows name.
func (c *connection) readingOf(ctx context.Context, op, object string, m *meta, s scope, fields []string, rows []row, server time.Time) (*reading, error) {
	_, instance, err := c.login(ctx)
	if err != nil {
		return nil, err
	}
	r := &reading{
		connection: c.name, instance: instance, object: object, m: m, scope: s, fields: fields, currency: c.o.currency, server: server,
	}
	var ids []string
	for _, f := range fields {
		p := m.prop(f)
		if p == nil || p.typ != connectors.TypePerson {
			continue
		}
		for _, w := range rows {
			ids = append(ids, w.text(p.name))
		}
	}
	if ids = unique(ids); len(ids) > 0 {
		r.people, err = c.peopleByID(ctx, op, ids)
	}
	return r, err
}
