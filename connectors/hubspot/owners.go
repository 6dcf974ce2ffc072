package hubspot

import (
	"context"
	"net/url"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// maxOwnerPages bounds the walk over an account's owners.
const maxOwnerPages = 500

// owners returns the account's owners, active and archived. Nil without an
// error means that the account may not see them.
func (c *connection) owners(ctx context.Context, age time.Duration) (*people, error) {
	p, err := c.people.Get(ctx, age, c.fetchOwners)
	if err != nil || p.refused != nil {
		return nil, err
	}
	return p, nil
}

// fetchOwners lists the owners. That the account may not see them is an answer
// too, so that it is not asked for with each read.
func (c *connection) fetchOwners(ctx context.Context) (*people, error) {
	p, err := c.listOwners(ctx)
	if missingScope(err) {
		return &people{refused: err}, nil
	}
	return p, err
}

func (c *connection) listOwners(ctx context.Context) (*people, error) {
	var all []wireOwner
	for _, archived := range []string{"false", "true"} {
		after := ""
		for range maxOwnerPages {
			var page struct {
				Results []wireOwner `json:"results"`
				Paging  *paging     `json:"paging"`
			}
			query := url.Values{"limit": {"100"}, "archived": {archived}}
			if after != "" {
				query.Set("after", after)
			}
			if err := c.do(ctx, rest.Request{Op: "list owners", Path: pathOwners, Query: query, Out: &page}); err != nil {
				return nil, err
			}
			for _, o := range page.Results {
				o.Archived = archived == "true"
				all = append(all, o)
			}
			if after = page.Paging.after(); after == "" {
				break
			}
		}
	}
	return newPeople(all), nil
}

// PeopleByEmail implements connectors.PeopleFinder: the active owners.
func (c *connection) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	out := make([]connectors.Person, len(emails))
	for _, age := range []time.Duration{schemaAge, refetchAge} {
		known, err := c.people.Get(ctx, age, c.fetchOwners)
		if err != nil {
			return nil, err
		}
		if known.refused != nil {
			return nil, known.refused
		}
		missing := false
		for i, email := range emails {
			if email == "" {
				continue
			}
			out[i] = known.byEmail[email]
			missing = missing || out[i].ID == ""
		}
		if !missing {
			break
		}
	}
	return out, nil
}
