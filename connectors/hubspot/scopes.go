package hubspot

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Scopes that do not belong to an object.
const (
	scopeOAuth    = "oauth"
	scopeOwners   = "crm.objects.owners.read"
	scopeContacts = "crm.objects.contacts"
	scopeFiles    = "files"
)

// right is a scope that a need asks for; any of the others does as well.
type right struct {
	scope string
	or    string
	why   string
	minor bool
}

// objectScopes returns the scopes to read and to write records of an object,
// and to add properties to it. Activities have none of their own: those of
// contacts cover them (read 2026-11-21).
func objectScopes(object string) (read, write, define string) {
	t := standardType(object)
	stem := "custom"
	if t != nil {
		stem = t.plural
	}
	switch {
	case stem == "tickets":
		return "tickets", "tickets", "tickets"
	case stem == "products":
		return "e-commerce", "e-commerce", "e-commerce"
	case stem == "goal_targets":
		stem = "goals"
	case t != nil && t.timed:
		stem = "contacts"
	}
	return "crm.objects." + stem + ".read", "crm.objects." + stem + ".write", "crm.schemas." + stem + ".write"
}

// rightsFor lists what the needs ask for, each scope once.
func rightsFor(needs []connectors.Need) []right {
	var rights []right
	add := func(r right) {
		if !slices.ContainsFunc(rights, func(have right) bool { return have.scope == r.scope }) {
			rights = append(rights, r)
		}
	}
	for _, n := range needs {
		read, write, define := objectScopes(n.Object)
		add(right{scope: read, why: "read " + n.Object})
		if n.Write || n.Create || n.Retire {
			add(right{scope: write, why: "write " + n.Object})
		}
		if n.Attach {
			add(right{scope: scopeFiles, why: "read and attach files"})
		}
		if n.Comment || n.Attach {
			add(right{scope: scopeContacts + ".read", why: "read the notes of " + n.Object})
			add(right{scope: scopeContacts + ".write", why: "write notes on " + n.Object})
		}
		if n.Create || n.Write || n.Comment || n.Attach {
			add(right{scope: define, or: write, why: "make Tenon's property " + keyProperty + " on " + n.Object, minor: true})
		}
	}
	add(right{scope: scopeOwners, why: "match people by their e-mail"})
	return rights
}

// tokenInfo is what HubSpot tells about a token.
type tokenInfo struct {
	Active *bool    `json:"active"`
	HubID  wireID   `json:"hub_id"`
	Domain string   `json:"hub_domain"`
	User   string   `json:"user"`
	Scopes []string `json:"scopes"`
}

// introspect asks about an OAuth token.
func introspect(ctx context.Context, client *rest.Client, clientID, clientSecret, token string) (tokenInfo, error) {
	var info tokenInfo
	_, err := client.Do(ctx, rest.Request{
		Op: "introspect", Method: http.MethodPost, Path: pathIntrospect, Reads: true, Out: &info,
		Body: url.Values{"client_id": {clientID}, "client_secret": {clientSecret}, "token": {token}, "token_type_hint": {"access_token"}},
	})
	return info, err
}

// granted returns the scopes of the connection's own token; ok is false where
// HubSpot does not tell.
func (c *connection) granted(ctx context.Context) (scopes []string, ok bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.client.Base().String(), nil)
	if err != nil {
		return nil, false, c.fail("check", "", connectors.Internal, "%w", err)
	}
	if _, err := c.auth.Authorize(req); err != nil {
		if e, isOurs := errors.AsType[*connectors.Error](err); isOurs {
			named := *e
			named.Op, named.Connection = "check", c.name
			err = &named
		}
		return nil, false, err
	}
	_, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	var info tokenInfo
	if c.oauth {
		info, err = introspect(ctx, c.client, c.clientID, c.secrets.Newest(), token)
	} else {
		err = c.do(ctx, rest.Request{
			Op: "check", Method: http.MethodPost, Path: pathTokenInfo, Reads: true, Out: &info, Body: map[string]string{"tokenKey": token},
		})
	}
	switch kind := connectors.KindOf(err); {
	case err == nil:
		return info.Scopes, len(info.Scopes) > 0, nil
	case kind == connectors.NotFound, kind == connectors.Invalid, kind == connectors.Permission:
		return nil, false, nil // other kinds of tokens may not ask
	}
	return nil, false, err
}

// MissingRights implements connectors.RightsChecker. Where HubSpot does not
// tell a token's scopes, reading is tried and writing is not looked at.
func (c *connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	scopes, known, err := c.granted(ctx)
	if err != nil {
		return nil, err
	}
	if !known {
		return c.unreadable(ctx, needs)
	}
	var gaps []connectors.Gap
	for _, r := range rightsFor(needs) {
		if !slices.Contains(scopes, r.scope) && !slices.Contains(scopes, r.or) {
			gaps = append(gaps, c.gap(r))
		}
	}
	return gaps, nil
}

func (c *connection) gap(r right) connectors.Gap {
	g := connectors.Gap{
		Right: r.scope, For: r.why, Minor: r.minor,
		Help: "add the scope to the app in HubSpot (its Auth or Scopes page); the token stays the same",
	}
	if c.oauth {
		g.Scopes = []string{r.scope}
		g.Help = "add the scope to the app in HubSpot (its Auth page), then run `tenon connect " + c.name + "` again"
	}
	return g
}

// unreadable tries to read one record of each object.
func (c *connection) unreadable(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	var gaps []connectors.Gap
	tried := map[string]bool{}
	for _, n := range needs {
		t, err := c.object(ctx, "check", n.Object)
		if err != nil {
			return nil, err
		}
		if tried[t.id] {
			continue
		}
		tried[t.id] = true
		err = c.do(ctx, rest.Request{
			Op: "check", Record: t.plural, Path: pathObjects, Params: map[string]string{"type": t.id}, Query: url.Values{"limit": {"1"}},
		})
		if missingScope(err) {
			read, _, _ := objectScopes(n.Object)
			gaps = append(gaps, c.gap(right{scope: read, why: "read " + n.Object}))
		} else if err != nil {
			return nil, err
		}
	}
	owners, err := c.people.Get(ctx, 0, c.fetchOwners)
	if err != nil {
		return nil, err
	}
	if owners.refused != nil {
		gaps = append(gaps, c.gap(right{scope: scopeOwners, why: "match people by their e-mail"}))
	}
	return gaps, nil
}
