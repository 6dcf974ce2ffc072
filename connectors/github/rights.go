package github

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Check implements connectors.Connection.
func (c *Connection) Check(ctx context.Context) (connectors.Account, error) {
	const op = "check"
	if c.app != nil {
		return c.checkApp(ctx, op)
	}
	var me struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
	}
	resp, err := c.http.Do(ctx, rest.Request{Op: op, Path: "/user", Out: &me})
	if err != nil {
		return connectors.Account{}, err
	}
	if me.ID <= 0 || me.Login == "" {
		return connectors.Account{}, c.fail(op, "", connectors.Internal, "the answer does not say who the account is")
	}
	a := connectors.Account{ID: strconv.FormatInt(me.ID, 10), Name: me.Login, System: c.host}
	if scopes, classic := scopesOf(resp); classic && !slices.Contains(scopes, "repo") {
		if slices.Contains(scopes, "public_repo") {
			a.Warnings = append(a.Warnings, "the token has the scope public_repo only: it sees no private repositories")
		} else {
			a.Missing = append(a.Missing, "scope repo: read and write issues")
		}
	}
	return a, nil
}

// scopesOf lists the scopes of a classic token; other credentials have none.
func scopesOf(resp *rest.Response) (scopes []string, classic bool) {
	values, classic := resp.Header["X-Oauth-Scopes"]
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				scopes = append(scopes, s)
			}
		}
	}
	return scopes, classic
}

func (c *Connection) checkApp(ctx context.Context, op string) (connectors.Account, error) {
	var list struct {
		Repositories []struct {
			Owner struct {
				Login string `json:"login"`
			} `json:"owner"`
		} `json:"repositories"`
	}
	_, err := c.http.Do(ctx, rest.Request{Op: op, Path: "/installation/repositories", Query: map[string][]string{"per_page": {"1"}}, Out: &list})
	if err != nil {
		return connectors.Account{}, err
	}
	id, account, permissions := c.app.standing()
	if account == "" && len(list.Repositories) > 0 {
		account = list.Repositories[0].Owner.Login
	}
	a := connectors.Account{ID: "installation-" + strconv.FormatInt(id, 10), Name: "app " + c.app.id, System: c.host}
	if account != "" {
		a.System += "/" + account
	}
	if permissions != nil && permissions["issues"] != "write" {
		a.Missing = append(a.Missing, "permission Issues: read and write")
	}
	if len(list.Repositories) == 0 {
		a.Warnings = append(a.Warnings, "the installation has no repositories")
	}
	return a, nil
}

// MissingRights implements connectors.RightsChecker. What a fine-grained token
// may do is not told before it is tried; of its account, the role is.
func (c *Connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	const op = "check rights"
	var gaps []connectors.Gap
	add := func(g connectors.Gap) {
		if !slices.ContainsFunc(gaps, func(have connectors.Gap) bool {
			return have.Right == g.Right && have.Where == g.Where && have.For == g.For
		}) {
			gaps = append(gaps, g)
		}
	}
	if _, err := c.Check(ctx); err != nil {
		return nil, err
	}
	for _, need := range needs {
		if err := c.checkObject(op, need.Object); err != nil {
			return nil, err
		}
		if need.Scope["repo"] == "" {
			continue
		}
		c.forget(need.Scope["repo"])
		sc, err := c.scope(ctx, op, need.Object, need.Scope)
		if connectors.KindOf(err) == connectors.Permission {
			add(connectors.Gap{Right: "Read access", For: "see the repository", Where: need.Scope["repo"], Help: "check the name, and give the token or the app access to the repository"})
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, g := range c.gapsIn(sc.repo, need) {
			add(g)
		}
	}
	return gaps, nil
}

// forget makes the next look at a repository a fresh one.
func (c *Connection) forget(name string) {
	if r, ok := c.repos.named(name, c.clock.Now()); ok {
		c.repos.drop(r.id)
	}
}

func (c *Connection) gapsIn(r repoRef, need connectors.Need) []connectors.Gap {
	var gaps []connectors.Gap
	where := r.fullName()
	writes := need.Write || need.Create || need.Comment || need.Retire
	switch {
	case !r.issues && need.Object == issueObject:
		return []connectors.Gap{{Right: "Issues", For: "read issues", Where: where, Help: "switch issues on in the repository's settings"}}
	case r.archived && writes:
		return []connectors.Gap{{Right: "Unarchived repository", For: "write issues", Where: where, Help: "the repository is archived and so read only"}}
	}
	if c.app != nil {
		_, _, permissions := c.app.standing()
		if permissions != nil && writes && permissions["issues"] != "write" {
			gaps = append(gaps, connectors.Gap{Right: "Issues: read and write", For: "write issues", Where: where, Help: "give the app the permission on its page in GitHub, and accept it in the organisation"})
		}
		return gaps
	}
	if r.rights == nil {
		return nil
	}
	if (need.Write || need.Create) && !r.rights["triage"] && !r.rights["push"] {
		gaps = append(gaps, connectors.Gap{Right: "Role triage", For: "set labels, assignees and milestones, and edit issues of others", Where: where, Help: "give the account the role triage or write in the repository"})
	}
	if need.Retire && !r.rights["admin"] {
		gaps = append(gaps, connectors.Gap{Right: "Role admin", For: "delete issues", Where: where, Help: "give the account the role admin, or let the mapping unlink instead"})
	}
	return gaps
}
