package jira

import (
	"net/http"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the accounts' zones must be there on every machine
)

func (c *call) serverInfo() (reply, error) {
	s := c.sys
	o := object{
		"baseUrl": c.view.base, "serverTitle": "Jira", "serverTime": c.view.time(s.now()), "buildNumber": 100_287,
		"buildDate": "2025-12-01T00:00:00.000+0000", "scmInfo": "5e3f4d2c1b0a99887766554433221100ffeeddcc",
	}
	if s.cloud() {
		o["version"], o["versionNumbers"], o["deploymentType"] = "1001.0.0-SNAPSHOT", []int{1001, 0, 0}, "Cloud"
		o["displayUrl"], o["serverTimeZone"] = c.view.base, "Etc/UTC"
		o["defaultLocale"] = object{"locale": "en_US"}
	} else {
		o["version"], o["versionNumbers"], o["deploymentType"], o["buildNumber"] = "9.12.5", []int{9, 12, 5}, "Server", 9_120_005
	}
	return ok(o), nil
}

func (c *call) browsable() []*project {
	var list []*project
	for _, p := range c.sys.projects {
		if c.sys.may(c.user, p, browseProjects) && !p.archived {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *project) int { return strings.Compare(a.key, b.key) })
	return list
}

func (c *call) listProjects() (reply, error) {
	return ok(rendered(c.browsable(), func(p *project) any { return c.project(p, false) })), nil
}

func (c *call) searchProjects() (reply, error) {
	keys, ids, query := c.list("keys"), c.list("id"), strings.ToLower(c.query.Get("query"))
	var list []*project
	for _, p := range c.browsable() {
		if len(keys) > 0 && !slices.Contains(keys, p.key) || len(ids) > 0 && !slices.Contains(ids, idOf(p.id)) {
			continue
		}
		if strings.Contains(strings.ToLower(p.name+" "+p.key), query) {
			list = append(list, p)
		}
	}
	out, err := page(c, list, 50, 100, func(p *project) any { return c.project(p, false) })
	return ok(out), err
}

func (c *call) project(p *project, whole bool) object {
	o := c.view.projectRef(p)
	o["expand"] = "description,lead,issueTypes,url,projectKeys,permissions,insight"
	if c.sys.cloud() {
		o["style"], o["isPrivate"] = "classic", false
	} else {
		delete(o, "simplified")
		o["archived"] = p.archived
	}
	if whole {
		o["description"], o["lead"], o["assigneeType"] = "", c.view.user(p.lead), "UNASSIGNED"
		o["issueTypes"] = rendered(p.types, func(t *issueType) any { return c.view.issueType(t) })
		o["components"] = rendered(p.components, func(x *component) any { return c.view.component(x) })
		o["versions"] = rendered(p.versions, func(r *version) any { return c.view.version(p, r) })
		o["roles"] = object{}
	}
	return o
}

// pathProject finds the project of the path; hidden ones do not exist.
func (c *call) pathProject() (*project, error) {
	p := c.sys.projectBy(c.pathValue("project"))
	if p == nil || !c.sys.may(c.user, p, browseProjects) {
		return nil, fail(http.StatusNotFound, "No project could be found with key '%s'.", c.pathValue("project"))
	}
	return p, nil
}

func (c *call) getProject() (reply, error) {
	p, err := c.pathProject()
	if err != nil {
		return reply{}, err
	}
	return ok(c.project(p, true)), nil
}

func (c *call) projectStatuses() (reply, error) {
	p, err := c.pathProject()
	if err != nil {
		return reply{}, err
	}
	list := rendered(p.workflow.statuses, func(st *status) any { return c.view.status(st) })
	return ok(rendered(p.types, func(t *issueType) any {
		return object{"self": c.view.rest("issuetype/%s", t.id), "id": t.id, "name": t.name, "subtask": t.subtask, "statuses": list}
	})), nil
}

func (c *call) projectComponents() (reply, error) {
	p, err := c.pathProject()
	if err != nil {
		return reply{}, err
	}
	return ok(rendered(p.components, func(x *component) any {
		o := c.view.component(x)
		o["project"], o["projectId"], o["assigneeType"], o["isAssigneeTypeValid"] = p.key, p.id, "PROJECT_DEFAULT", false
		if x.lead != nil {
			o["lead"] = c.view.user(x.lead)
		}
		return o
	})), nil
}

func (c *call) projectVersions() (reply, error) {
	p, err := c.pathProject()
	if err != nil {
		return reply{}, err
	}
	return ok(rendered(p.versions, func(r *version) any { return c.view.version(p, r) })), nil
}

func (c *call) myself() (reply, error) {
	if c.user == nil {
		return reply{}, c.sys.errMyself()
	}
	return ok(c.wholeUser(c.user)), nil
}

// errMyself is what /myself tells anonymous callers: plain text on Cloud,
// another shape on Data Center.
func (s *System) errMyself() error {
	if s.cloud() {
		return &apiError{status: http.StatusUnauthorized, raw: plainText("Client must be authenticated to access this resource.")}
	}
	return &apiError{status: http.StatusUnauthorized, raw: object{"message": "Client must be authenticated to access this resource.", "status-code": 401}}
}

// plainText is a body that is no JSON.
type plainText string

func (c *call) wholeUser(u *user) object {
	o, _ := c.view.user(u).(object)
	o["locale"] = "en_US"
	o["groups"] = object{"size": 1, "items": []any{}}
	o["applicationRoles"] = object{"size": 1, "items": []any{}}
	o["expand"] = "groups,applicationRoles"
	return o
}

// oneUser answers GET /user.
func (c *call) oneUser() (reply, error) {
	var u *user
	if c.sys.cloud() {
		if err := c.refuseNames(); err != nil {
			return reply{}, err
		}
		u = c.sys.userByID(c.query.Get("accountId"))
	} else {
		u = c.sys.userByName(orElse(c.query.Get("username"), c.query.Get("key")))
	}
	if u == nil {
		return reply{}, fail(http.StatusNotFound, "Specified user does not exist or you do not have required permissions")
	}
	return ok(c.wholeUser(u)), nil
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// refuseNames refuses the parameters that Cloud gave up for privacy.
func (c *call) refuseNames() error {
	for _, name := range []string{"username", "userKey", "key", "userkey"} {
		if c.query.Has(name) {
			return fail(http.StatusBadRequest, "The query parameter '%s' is not supported in GDPR strict mode.", name)
		}
	}
	return nil
}

func (c *call) bulkUsers() (reply, error) {
	ids := c.list("accountId")
	if len(ids) == 0 {
		return reply{}, fail(http.StatusBadRequest, "At least one accountId must be provided.")
	}
	var list []*user
	for _, u := range c.sys.users {
		if slices.Contains(ids, u.accountID) {
			list = append(list, u)
		}
	}
	out, err := page(c, list, 10, 200, func(u *user) any { return c.view.user(u) })
	return ok(out), err
}

func (c *call) allUsers() (reply, error) {
	if c.user == nil || !c.sys.mayGlobally(c.user, userPicker) {
		return ok([]any{}), nil
	}
	return c.userPage(c.sys.users)
}

// userPage gives a page of accounts as a bare list.
func (c *call) userPage(list []*user) (reply, error) {
	startAt, err := c.number("startAt", 0)
	if err != nil {
		return reply{}, err
	}
	maxResults, err := c.number("maxResults", 50)
	if err != nil {
		return reply{}, err
	}
	return ok(rendered(window(list, startAt, min(maxResults, 1000)), func(u *user) any { return c.view.user(u) })), nil
}

// matches reports whether an account answers to a query: the start of a word
// of its name or of its e-mail; a hidden e-mail has to be given whole.
func (u *user) matches(query string) bool {
	query = strings.ToLower(query)
	email := strings.ToLower(u.email)
	if email == query || !u.hideEmail && strings.HasPrefix(email, query) {
		return true
	}
	name := strings.ToLower(u.displayName)
	return strings.HasPrefix(name, query) || strings.Contains(name, " "+query)
}

// searchUsers answers GET /user/search.
func (c *call) searchUsers() (reply, error) {
	query, accountID := c.query.Get("query"), c.query.Get("accountId")
	if c.sys.cloud() {
		if err := c.refuseNames(); err != nil {
			return reply{}, err
		}
		switch {
		case query != "" && accountID != "":
			return reply{}, fail(http.StatusBadRequest, "Only one of the query parameters 'query' and 'accountId' can be provided.")
		case query == "" && accountID == "" && !c.query.Has("property"):
			return reply{}, fail(http.StatusBadRequest, "At least one of the query parameters 'query', 'accountId' or 'property' must be provided.")
		}
	} else if query = c.query.Get("username"); query == "" {
		return reply{}, fail(http.StatusBadRequest, "The username query parameter was not provided")
	}
	if !c.sys.mayGlobally(c.user, userPicker) {
		return ok([]any{}), nil
	}
	var list []*user
	for _, u := range c.sys.users {
		if u.active && (accountID != "" && u.accountID == accountID || query != "" && (query == "." || u.matches(query) || !c.sys.cloud() && strings.HasPrefix(u.name, strings.ToLower(query)))) {
			list = append(list, u)
		}
	}
	return c.userPage(list)
}

// assignableUsers answers GET /user/assignable/search.
func (c *call) assignableUsers() (reply, error) {
	p := c.sys.projectBy(c.query.Get("project"))
	if key := orElse(c.query.Get("issueKey"), c.query.Get("issueId")); key != "" {
		i, err := c.visible(key)
		if err != nil {
			return reply{}, err
		}
		p = i.project
	}
	query := c.query.Get("query")
	if c.sys.cloud() {
		if err := c.refuseNames(); err != nil {
			return reply{}, err
		}
	} else {
		query = c.query.Get("username")
	}
	if p == nil && !c.query.Has("project") {
		return reply{}, fail(http.StatusBadRequest, "Either 'issueKey', 'issueId' or 'project' must be provided.")
	}
	if p == nil || !c.sys.may(c.user, p, browseProjects) {
		return reply{}, fail(http.StatusNotFound, "No project could be found with key '%s'.", c.query.Get("project"))
	}
	var list []*user
	for _, u := range c.sys.users {
		if !u.active || u.accountType != "atlassian" || !c.sys.may(u, p, assignableUser) || !c.sys.may(u, p, browseProjects) {
			continue
		}
		if id := c.query.Get("accountId"); id != "" && u.accountID != id || query != "" && !u.matches(query) {
			continue
		}
		list = append(list, u)
	}
	return c.userPage(list)
}

// myPermissions answers for the keys that are asked for; an unknown one fails
// the whole call.
func (c *call) myPermissions() (reply, error) {
	keys := c.list("permissions")
	if len(keys) == 0 && c.sys.cloud() {
		return reply{}, fail(http.StatusBadRequest, "The 'permissions' query parameter is required.")
	}
	named := orElse(c.query.Get("projectKey"), c.query.Get("projectId"))
	p := c.sys.projectBy(named)
	if named != "" && (p == nil || !c.sys.may(c.user, p, browseProjects)) {
		return reply{}, fail(http.StatusNotFound, "No project could be found with key '%s'.", named)
	}
	known := slices.Concat(projectPermissions, globalPermissions)
	if len(keys) == 0 {
		for _, k := range known {
			keys = append(keys, string(k))
		}
	}
	out := object{}
	for _, key := range keys {
		perm := permission(key)
		if !slices.Contains(known, perm) {
			return reply{}, fail(http.StatusBadRequest, "Unrecognized permission: %s", key)
		}
		have, kind := c.sys.mayGlobally(c.user, perm), "GLOBAL"
		if slices.Contains(projectPermissions, perm) {
			kind = "PROJECT"
			have = p != nil && c.sys.may(c.user, p, perm) || p == nil && slices.ContainsFunc(c.sys.projects, func(p *project) bool { return c.sys.may(c.user, p, perm) })
		}
		out[key] = object{"id": "0", "key": key, "name": key, "type": kind, "description": "", "havePermission": have}
	}
	return ok(object{"permissions": out}), nil
}

func zoneOf(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
