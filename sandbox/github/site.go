package github

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// links are those of payloads, which no call asked for.
func (s *System) links() links {
	prefix := ""
	if s.opts.Enterprise {
		prefix = enterprisePrefix
	}
	return links{s.origin, prefix}
}

func (c *call) apiRoot() (reply, error) {
	l := c.links()
	out := object{}
	for name, path := range map[string]string{
		"current_user": "/user", "current_user_authorizations_html": "/settings/connections/applications{/client_id}", "authorizations": "/authorizations",
		"code_search": "/search/code?q={query}", "commit_search": "/search/commits?q={query}", "emails": "/user/emails", "emojis": "/emojis", "events": "/events",
		"feeds": "/feeds", "followers": "/user/followers", "following": "/user/following{/target}", "gists": "/gists{/gist_id}", "hub": "/hub",
		"issue_search": "/search/issues?q={query}{&page,per_page,sort,order}", "issues": "/issues", "keys": "/user/keys", "label_search": "/search/labels?q={query}",
		"notifications": "/notifications", "organization": "/orgs/{org}", "organization_repositories": "/orgs/{org}/repos", "organization_teams": "/orgs/{org}/teams",
		"public_gists": "/gists/public", "rate_limit": "/rate_limit", "repository": "/repos/{owner}/{repo}", "repository_search": "/search/repositories?q={query}",
		"current_user_repositories": "/user/repos", "starred": "/user/starred{/owner}{/repo}", "starred_gists": "/gists/starred", "user": "/users/{user}",
		"user_organizations": "/user/orgs", "user_repositories": "/users/{user}/repos", "user_search": "/search/users?q={query}{&page,per_page,sort,order}",
	} {
		out[name+"_url"] = l.api(path)
	}
	return ok(out), nil
}

func (c *call) meta() (reply, error) {
	out := object{
		"verifiable_password_authentication": false, "hooks": []string{"127.0.0.1/32"}, "web": []string{"127.0.0.1/32"}, "api": []string{"127.0.0.1/32"},
		"git": []string{"127.0.0.1/32"}, "ssh_keys": []string{}, "domains": object{},
	}
	if c.sys.opts.Enterprise {
		out["installed_version"] = "3.17.4"
	}
	return ok(out), nil
}

func (c *call) zen() (reply, error) { return ok("Keep it logically awesome."), nil }

func (c *call) rateLimit() (reply, error) {
	if c.sys.opts.Enterprise {
		return reply{}, fail(http.StatusNotFound, "Rate limiting is not enabled.")
	}
	resources := object{}
	for _, name := range []string{"core", "search", "graphql"} {
		resources[name] = c.sys.limits.look(c.grant.account(), name).json()
	}
	out := object{"resources": resources}
	if c.old {
		out["rate"] = resources["core"]
	}
	return ok(out), nil
}

func (c *call) self() (reply, error) {
	if c.grant.inst != nil || c.grant.kind == appJWT {
		return reply{}, fail(http.StatusForbidden, "Resource not accessible by integration")
	}
	return ok(c.links().fullUser(c.grant.user, true)), nil
}

func (c *call) oneUser() (reply, error) {
	u := c.sys.userByLogin(c.values["login"])
	if u == nil {
		return reply{}, errNotFound
	}
	return ok(c.links().fullUser(u, false)), nil
}

func (c *call) userByNumber() (reply, error) {
	for _, u := range c.sys.users {
		if strconv.FormatInt(u.id, 10) == c.values["id"] {
			return ok(c.links().fullUser(u, false)), nil
		}
	}
	return reply{}, errNotFound
}

// visible lists the repositories that the caller sees.
func (c *call) visible() []*repo {
	return slices.DeleteFunc(slices.Clone(c.sys.repos), func(r *repo) bool { return !c.sees(r) })
}

func (c *call) myRepos() (reply, error) {
	return page(c, c.visible(), func(r *repo) any { return c.repoWithRights(r) })
}

// repoWithRights tells what the caller may do; apps are told nothing of it.
func (c *call) repoWithRights(r *repo) object {
	out := c.links().repoJSON(r)
	if c.grant != nil && c.grant.inst == nil {
		have := max(r.roles[c.grant.user.login], roleRead)
		out["permissions"] = object{
			"admin": have >= roleAdmin, "maintain": have >= roleMaintain, "push": have >= roleWrite, "triage": have >= roleTriage, "pull": true,
		}
		out["role_name"] = roleNames[have]
	}
	return out
}

func (c *call) getRepo() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	rep := ok(c.repoWithRights(r))
	rep.modified = r.updated
	return rep, nil
}

// patchRepo renames a repository, closes its issues or archives it.
func (c *call) patchRepo() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	if g := c.grant; g.inst == nil && r.roles[g.user.login] < roleAdmin || g.inst != nil && g.perms["administration"] != "write" {
		return reply{}, c.notAllowed("administration=write")
	}
	m, err := c.members()
	if err != nil {
		return reply{}, err
	}
	if name, has, err := text(m, "name"); err != nil {
		return reply{}, err
	} else if has {
		c.sys.rename(r, name)
	}
	for member, into := range map[string]*bool{"archived": &r.archived, "private": &r.private} {
		if raw, there := m[member]; there && json.Unmarshal(raw, into) != nil {
			return reply{}, wrongType(member, raw, "a boolean")
		}
	}
	if raw, there := m["has_issues"]; there {
		r.noIssues = string(raw) == "false"
	}
	r.updated = c.sys.now()
	return ok(c.repoWithRights(r)), nil
}

func (s *System) rename(r *repo, name string) {
	if name != "" && name != r.name {
		r.former = append(r.former, r.fullName())
		r.name = name
	}
}

func (c *call) listAssignees() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	list := slices.DeleteFunc(slices.Clone(c.sys.users), func(u *user) bool { return !r.assignable(u) })
	return page(c, list, func(u *user) any { return c.links().user(u) })
}

func (c *call) checkAssignee() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	if !r.assignable(c.sys.userByLogin(c.values["login"])) {
		return reply{}, errNotFound
	}
	return noContent, nil
}

// changeAssignees runs a change of an issue's assignees. Who cannot be assigned
// is left out without a word.
func (c *call) changeAssignees(status int, apply func(i *issue, named []*user) []*user) (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayWrite(r, i); err != nil {
		return reply{}, err
	}
	m, err := c.members()
	if err != nil {
		return reply{}, err
	}
	var names []string
	if _, there := m["assignees"]; there {
		if names, err = texts(m, "assignees"); err != nil {
			return reply{}, err
		}
	}
	var named []*user
	for _, name := range names {
		if u := c.sys.userByLogin(name); r.assignable(u) {
			named = append(named, u)
		}
	}
	if c.role(r) >= roleTriage {
		c.sys.setAssignees(c.actor(r), i, apply(i, named))
	}
	return reply{status: status, body: c.issue(i)}, nil
}

func (c *call) addAssignees() (reply, error) {
	return c.changeAssignees(http.StatusCreated, func(i *issue, named []*user) []*user { return append(slices.Clone(i.assignees), named...) })
}

func (c *call) removeAssignees() (reply, error) {
	return c.changeAssignees(http.StatusOK, func(i *issue, named []*user) []*user {
		return slices.DeleteFunc(slices.Clone(i.assignees), func(u *user) bool { return slices.Contains(named, u) })
	})
}

func (c *call) typeList() (reply, error) {
	out := []any{}
	for _, t := range c.sys.types {
		out = append(out, c.links().issueType(t))
	}
	return ok(out), nil
}

func (c *call) orgTypes() (reply, error) {
	if c.sys.opts.Enterprise || !strings.EqualFold(c.values["org"], seedOrg) {
		return reply{}, errNotFound
	}
	return c.typeList()
}

func (c *call) repoTypes() (reply, error) {
	if _, err := c.pathRepo(); err != nil {
		return reply{}, err
	}
	if c.sys.opts.Enterprise {
		return reply{}, errNotFound
	}
	return c.typeList()
}
