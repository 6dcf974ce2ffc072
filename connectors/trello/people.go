package trello

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// PeopleByEmail implements connectors.PeopleFinder. Trello shows e-mails to the
// admins of an enterprise only; elsewhere the table of people says who is who, and
// what it calls them, a username or an id, is looked for in place of an e-mail. It
// looks among the members of the boards that mappings use.
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
			n := slices.IndexFunc(b.Members, func(m member) bool { return email != "" && m.called(email) })
			if n >= 0 {
				m := b.Members[n]
				out[i] = connectors.Person{ID: m.ID, Email: strings.ToLower(m.Email), Name: cmp.Or(m.FullName, m.Username)}
				break
			}
		}
	}
	return out, nil
}

// called reports whether a name is a member's: an e-mail, a username or an id.
func (m *member) called(name string) bool {
	if strings.Contains(strings.TrimPrefix(name, "@"), "@") {
		return strings.EqualFold(m.Email, name)
	}
	return m.ID == name || strings.EqualFold(m.Username, strings.TrimPrefix(name, "@"))
}

// memberFor finds the member of a board that a person is: by id or username, else
// by an e-mail that Trello shows. Nil where nobody is.
func (c *Connection) memberFor(ctx context.Context, op string, in *within, who connectors.Person) (*member, error) {
	find := func() *member {
		i := slices.IndexFunc(in.Members, func(m member) bool {
			return who.ID != "" && m.called(who.ID) || who.ID == "" && who.Email != "" && m.called(who.Email)
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
