package trello

import (
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// PeopleByEmail implements connectors.PeopleFinder. Trello shows e-mails to the
// admins of an enterprise only; elsewhere nobody is found, and the mapping's
// table of people says who is who. It looks among the members of the boards that
// mappings use.
func (c *Connection) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	const op = "find people"
	out := make([]connectors.Person, len(emails))
	if len(emails) == 0 {
		return out, nil
	}
	boards := c.boards.known()
	if len(boards) == 0 {
		mine, err := c.myBoards(ctx, op)
		if err != nil {
			return nil, err
		}
		for _, b := range mine[:min(len(mine), 10)] {
			full, err := c.board(ctx, op, b.ID, metaAge)
			if err != nil {
				return nil, err
			}
			boards = append(boards, full)
		}
	}
	for i, email := range emails {
		email = strings.ToLower(strings.TrimSpace(email))
		for _, b := range boards {
			n := slices.IndexFunc(b.Members, func(m member) bool { return email != "" && strings.EqualFold(m.Email, email) })
			if n >= 0 {
				m := b.Members[n]
				out[i] = connectors.Person{ID: m.ID, Email: email, Name: firstOf(m.FullName, m.Username)}
				break
			}
		}
	}
	return out, nil
}

// memberFor finds the member of a board that a person is: by id or username, else
// by an e-mail that Trello shows. Nil where nobody is.
func (c *Connection) memberFor(ctx context.Context, op string, in *within, who connectors.Person) (*member, error) {
	find := func() *member {
		i := slices.IndexFunc(in.Members, func(m member) bool {
			if who.ID != "" {
				return m.ID == who.ID || strings.EqualFold(m.Username, strings.TrimPrefix(who.ID, "@"))
			}
			return who.Email != "" && strings.EqualFold(m.Email, who.Email)
		})
		if i < 0 {
			return nil
		}
		return &in.Members[i]
	}
	if m := find(); m != nil {
		return m, nil
	}
	if err := c.newer(ctx, op, in); err != nil {
		return nil, err
	}
	return find(), nil
}
