package github

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
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

func (c *call) getApp() (reply, error) { return ok(c.links().app(c.sys.auth.app)), nil }

func (l links) install(in *install, selection string) object {
	id := strconv.FormatInt(in.id, 10)
	return object{
		"id": in.id, "account": l.user(in.account), "repository_selection": selection, "access_tokens_url": l.api("/app/installations/" + id + "/access_tokens"),
		"repositories_url": l.api("/installation/repositories"), "html_url": l.root + "/organizations/" + in.account.login + "/settings/installations/" + id,
		"app_id": in.app.id, "app_slug": in.app.slug, "client_id": in.app.clientID, "target_id": in.account.id, "target_type": "Organization",
		"permissions": in.perms, "events": []string{"issues", "issue_comment"}, "single_file_name": nil, "has_multiple_single_files": false,
		"single_file_paths": []string{}, "created_at": stamp(in.created), "updated_at": stamp(in.created), "suspended_by": nil, "suspended_at": nil,
	}
}

func selectionOf(in *install) string {
	if in.repos == nil {
		return "all"
	}
	return "selected"
}

func (c *call) listInstallations() (reply, error) {
	return page(c, c.sys.auth.installs, func(in *install) any { return c.links().install(in, selectionOf(in)) })
}

func (c *call) pathInstall() (*install, error) {
	for _, in := range c.sys.auth.installs {
		if strconv.FormatInt(in.id, 10) == c.values["installation"] {
			return in, nil
		}
	}
	return nil, errNotFound
}

func (c *call) getInstallation() (reply, error) {
	in, err := c.pathInstall()
	if err != nil {
		return reply{}, err
	}
	return ok(c.links().install(in, selectionOf(in))), nil
}

func (c *call) repoInstallation() (reply, error) {
	r, _ := c.sys.repoByName(c.values["owner"] + "/" + c.values["repo"])
	for _, in := range c.sys.auth.installs {
		if r != nil && in.account == r.owner {
			return ok(c.links().install(in, selectionOf(in))), nil
		}
	}
	return reply{}, errNotFound
}

func (c *call) orgInstallation() (reply, error) {
	for _, in := range c.sys.auth.installs {
		if strings.EqualFold(in.account.login, c.values["org"]) {
			return ok(c.links().install(in, selectionOf(in))), nil
		}
	}
	return reply{}, errNotFound
}

func (c *call) mintToken() (reply, error) {
	in, err := c.pathInstall()
	if err != nil {
		return reply{}, err
	}
	if in.suspended {
		return reply{}, fail(http.StatusForbidden, "This installation has been suspended")
	}
	var body struct {
		Permissions map[string]string `json:"permissions"`
	}
	if len(c.body) > 0 && json.Unmarshal(c.body, &body) != nil {
		return reply{}, errParsing
	}
	perms := maps.Clone(in.perms)
	for name, level := range body.Permissions {
		if in.perms[name] == "" || level == "write" && in.perms[name] != "write" {
			return reply{}, fail(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
		}
	}
	if len(body.Permissions) > 0 {
		perms = maps.Clone(body.Permissions)
	}
	g := c.sys.mint(in, perms)
	return reply{status: http.StatusCreated, body: object{
		"token": g.token, "expires_at": stamp(g.expires), "permissions": perms, "repository_selection": selectionOf(in),
	}}, nil
}

func (c *call) installationRepos() (reply, error) {
	if c.grant.inst == nil {
		return reply{}, fail(http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
	}
	list := c.visible()
	rep, err := page(c, list, func(r *repo) any { return c.links().repoJSON(r) })
	rep.body = object{"total_count": len(list), "repository_selection": selectionOf(c.grant.inst), "repositories": rep.body}
	return rep, err
}

func (c *call) revokeToken() (reply, error) {
	if c.grant.inst == nil {
		return reply{}, c.notAllowed("")
	}
	c.grant.revoked = true
	return noContent, nil
}

// searchIssues searches an index that lags behind.
func (c *call) searchIssues() (reply, error) {
	q, err := parseSearch(c.query.Get("q"))
	if err != nil {
		return reply{}, err
	}
	if c.grant != nil && c.grant.inst != nil && q.is["issue"] == q.is["pull-request"] {
		return reply{}, &apiError{status: http.StatusUnprocessableEntity, message: "Query must include 'is:issue' or 'is:pull-request'"}
	}
	var list []*issue
	for _, r := range c.visible() {
		for _, n := range r.numbers() {
			if i := c.sys.asOf(r.issues[n], c.sys.opts.SearchLag); i != nil && q.matches(i) {
				list = append(list, i)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *issue) int { return b.updated.Compare(a.updated) })
	total := len(list)
	list = list[:min(total, 1000)]
	rep, err := page(c, list, func(i *issue) any {
		out := c.issue(i)
		out["score"] = 1.0
		return out
	})
	rep.body = object{"total_count": total, "incomplete_results": false, "items": rep.body, "search_type": "lexical"}
	return rep, err
}

// search is a query of issues, as far as the sandbox knows the language.
type search struct {
	repos  []string
	is     map[string]bool
	words  []string
	labels []string
	in     []string
	since  time.Time
}

func parseSearch(text string) (search, error) {
	q := search{is: map[string]bool{}}
	if strings.TrimSpace(text) == "" {
		return q, invalid("Search", "q", "missing", nil)
	}
	if len(text) > 256 {
		return q, &apiError{status: 422, message: "Validation Failed", errors: []any{object{"message": "The search is longer than 256 characters.", "resource": "Search", "field": "q", "code": "invalid"}}}
	}
	for _, term := range searchTerms(text) {
		key, value, qualified := strings.Cut(term, ":")
		value = strings.Trim(value, `"`)
		switch {
		case !qualified || strings.HasPrefix(term, `"`):
			q.words = append(q.words, strings.ToLower(strings.Trim(term, `"`)))
		case key == "repo":
			q.repos = append(q.repos, value)
		case key == "is" || key == "type" || key == "state":
			q.is[strings.Replace(value, "pr", "pull-request", 1)] = true
		case key == "label":
			q.labels = append(q.labels, value)
		case key == "in":
			q.in = strings.Split(value, ",")
		case key == "updated":
			q.since, _ = time.Parse(time.RFC3339, strings.TrimPrefix(value, ">="))
		default:
			q.words = append(q.words, strings.ToLower(term))
		}
	}
	return q, nil
}

// searchTerms cuts a query at blanks outside quotes.
func searchTerms(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

func (q search) matches(i *issue) bool {
	switch {
	case len(q.repos) > 0 && !slices.ContainsFunc(q.repos, func(name string) bool { return strings.EqualFold(name, i.repo.fullName()) }),
		q.is["issue"] && i.pull, q.is["pull-request"] && !q.is["issue"] && !i.pull,
		q.is["open"] && i.state != "open", q.is["closed"] && i.state != "closed", i.updated.Before(q.since):
		return false
	}
	for _, name := range q.labels {
		if !slices.ContainsFunc(i.labels, func(l *label) bool { return strings.EqualFold(l.name, name) }) {
			return false
		}
	}
	haystack := ""
	if len(q.in) == 0 || slices.Contains(q.in, "title") {
		haystack += strings.ToLower(i.title) + "\n"
	}
	if len(q.in) == 0 || slices.Contains(q.in, "body") {
		haystack += strings.ToLower(textOf(i.body))
	}
	return !slices.ContainsFunc(q.words, func(w string) bool { return !strings.Contains(haystack, w) })
}

// searchUsers finds people by login, name or the e-mail that they show.
func (c *call) searchUsers() (reply, error) {
	words := strings.Fields(c.query.Get("q"))
	if len(words) == 0 {
		return reply{}, invalid("Search", "q", "missing", nil)
	}
	var in []string
	words = slices.DeleteFunc(words, func(w string) bool {
		if rest, ok := strings.CutPrefix(w, "in:"); ok {
			in = append(in, rest)
			return true
		}
		return strings.HasPrefix(w, "type:")
	})
	list := slices.DeleteFunc(slices.Clone(c.sys.users), func(u *user) bool {
		email := ""
		if u.emailPublic {
			email = u.email
		}
		haystack := strings.ToLower(fmt.Sprint(u.login, "\n", u.name, "\n", email))
		if slices.Contains(in, "email") {
			haystack = strings.ToLower(email)
		}
		return u.typ == "Bot" || haystack == "" || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(haystack, strings.ToLower(strings.Trim(w, `"`))) })
	})
	rep, err := page(c, list, func(u *user) any {
		out, _ := c.links().user(u).(object)
		out["score"] = 1.0
		return out
	})
	rep.body = object{"total_count": len(list), "incomplete_results": false, "items": rep.body}
	return rep, err
}
