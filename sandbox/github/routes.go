package github

import (
	"net/http"
	"slices"
	"strings"
)

// access says who may call an endpoint.
type access int

const (
	anyone   access = iota // anonymous callers too, and the app itself
	loggedIn               // tokens of people and installations
	appOnly                // the app itself, by its JWT
)

// route is one endpoint. Segments in braces are wildcards.
type route struct {
	method   string
	segments []string
	who      access
	resource string // whose limit it counts against; empty: none
	content  bool   // it creates content
	handle   handler
}

type router []*route

// routes is the whole REST API.
func (s *System) routes() router {
	var all router
	add := func(who access, pattern string, h handler) *route {
		method, path, _ := strings.Cut(pattern, " ")
		rt := &route{method: method, segments: strings.Split(strings.Trim(path, "/"), "/"), who: who, resource: "core", handle: h}
		all = append(all, rt)
		return rt
	}
	s.siteRoutes(add)
	s.issueRoutes(add)
	s.hookRoutes(add)
	slices.SortStableFunc(all, func(a, b *route) int { return slices.CompareFunc(a.segments, b.segments, literalFirst) })
	return all
}

func literalFirst(a, b string) int {
	wildA, wildB := isWild(a), isWild(b)
	switch {
	case wildA == wildB:
		return 0
	case wildA:
		return 1
	}
	return -1
}

func isWild(segment string) bool { return strings.HasPrefix(segment, "{") }

// find gives the endpoint of a request and the values of its wildcards, or
// whether the path exists for another method.
func (all router) find(method string, segments []string) (found *route, values map[string]string, otherMethod bool) {
	for _, rt := range all {
		if !rt.matches(segments) {
			continue
		}
		if rt.method != method {
			otherMethod = true
			continue
		}
		values = map[string]string{}
		for n, segment := range rt.segments {
			if isWild(segment) {
				values[strings.Trim(segment, "{}")] = segments[n]
			}
		}
		return rt, values, true
	}
	return nil, nil, otherMethod
}

func (rt *route) matches(segments []string) bool {
	if len(rt.segments) != len(segments) {
		return false
	}
	for n, segment := range rt.segments {
		if !isWild(segment) && segment != segments[n] {
			return false
		}
	}
	return true
}

type addRoute func(who access, pattern string, h handler) *route

func (s *System) siteRoutes(add addRoute) {
	add(anyone, "GET /", (*call).apiRoot)
	add(anyone, "GET /meta", (*call).meta)
	add(anyone, "GET /zen", (*call).zen)
	add(anyone, "GET /rate_limit", (*call).rateLimit).resource = ""
	add(loggedIn, "GET /user", (*call).self)
	add(loggedIn, "GET /user/repos", (*call).myRepos)
	add(loggedIn, "GET /user/{id}", (*call).userByNumber)
	add(anyone, "GET /users/{login}", (*call).oneUser)
	add(anyone, "GET /search/issues", (*call).searchIssues).resource = "search"
	add(anyone, "GET /search/users", (*call).searchUsers).resource = "search"
	add(anyone, "GET /repos/{owner}/{repo}", (*call).getRepo)
	add(loggedIn, "PATCH /repos/{owner}/{repo}", (*call).patchRepo)
	add(anyone, "GET /repos/{owner}/{repo}/assignees", (*call).listAssignees)
	add(anyone, "GET /repos/{owner}/{repo}/assignees/{login}", (*call).checkAssignee)
	add(anyone, "GET /orgs/{org}/issue-types", (*call).orgTypes)
	add(anyone, "GET /repos/{owner}/{repo}/issue-types", (*call).repoTypes)
	add(appOnly, "GET /app", (*call).getApp)
	add(appOnly, "GET /app/installations", (*call).listInstallations)
	add(appOnly, "GET /app/installations/{installation}", (*call).getInstallation)
	add(appOnly, "POST /app/installations/{installation}/access_tokens", (*call).mintToken)
	add(appOnly, "GET /repos/{owner}/{repo}/installation", (*call).repoInstallation)
	add(appOnly, "GET /orgs/{org}/installation", (*call).orgInstallation)
	add(loggedIn, "GET /installation/repositories", (*call).installationRepos)
	add(loggedIn, "DELETE /installation/token", (*call).revokeToken)
}

func (s *System) issueRoutes(add addRoute) {
	const issues, one = "/repos/{owner}/{repo}/issues", "/repos/{owner}/{repo}/issues/{number}"
	add(anyone, "GET "+issues, (*call).listIssues)
	add(loggedIn, "POST "+issues, (*call).createIssue).content = true
	add(anyone, "GET "+one, (*call).getIssue)
	add(loggedIn, "PATCH "+one, (*call).editIssue)
	add(loggedIn, "PUT "+one+"/lock", (*call).lock)
	add(loggedIn, "DELETE "+one+"/lock", (*call).unlock)
	add(anyone, "GET "+issues+"/comments", (*call).listRepoComments)
	add(anyone, "GET "+issues+"/comments/{comment}", (*call).getComment)
	add(loggedIn, "PATCH "+issues+"/comments/{comment}", (*call).editComment)
	add(loggedIn, "DELETE "+issues+"/comments/{comment}", (*call).deleteComment)
	add(anyone, "GET "+one+"/comments", (*call).listComments)
	add(loggedIn, "POST "+one+"/comments", (*call).createComment).content = true
	add(anyone, "GET "+issues+"/events", (*call).listRepoEvents)
	add(anyone, "GET "+issues+"/events/{event}", (*call).getEvent)
	add(anyone, "GET "+one+"/events", (*call).listEvents)
	add(anyone, "GET "+one+"/timeline", (*call).timeline)
	add(loggedIn, "POST "+one+"/assignees", (*call).addAssignees)
	add(loggedIn, "DELETE "+one+"/assignees", (*call).removeAssignees)
	add(anyone, "GET "+one+"/assignees/{login}", (*call).checkAssignee)
	add(anyone, "GET "+one+"/labels", (*call).issueLabels)
	add(loggedIn, "POST "+one+"/labels", (*call).addIssueLabels)
	add(loggedIn, "PUT "+one+"/labels", (*call).setIssueLabels)
	add(loggedIn, "DELETE "+one+"/labels", (*call).clearIssueLabels)
	add(loggedIn, "DELETE "+one+"/labels/{name}", (*call).removeIssueLabel)
	add(anyone, "GET /repos/{owner}/{repo}/labels", (*call).listLabels)
	add(loggedIn, "POST /repos/{owner}/{repo}/labels", (*call).createLabel)
	add(anyone, "GET /repos/{owner}/{repo}/labels/{name}", (*call).getLabel)
	add(loggedIn, "PATCH /repos/{owner}/{repo}/labels/{name}", (*call).editLabel)
	add(loggedIn, "DELETE /repos/{owner}/{repo}/labels/{name}", (*call).deleteLabel)
	add(anyone, "GET /repos/{owner}/{repo}/milestones", (*call).listMilestones)
	add(loggedIn, "POST /repos/{owner}/{repo}/milestones", (*call).createMilestone).content = true
	add(anyone, "GET /repos/{owner}/{repo}/milestones/{milestone}", (*call).getMilestone)
	add(loggedIn, "PATCH /repos/{owner}/{repo}/milestones/{milestone}", (*call).editMilestone)
	add(loggedIn, "DELETE /repos/{owner}/{repo}/milestones/{milestone}", (*call).deleteMilestone)
	if s.opts.Enterprise {
		return
	}
	add(anyone, "GET "+one+"/sub_issues", (*call).listSubIssues)
	add(loggedIn, "POST "+one+"/sub_issues", (*call).addSubIssue)
	add(loggedIn, "DELETE "+one+"/sub_issue", (*call).removeSubIssue)
	add(anyone, "GET "+one+"/parent", (*call).getParent)
}

func (s *System) hookRoutes(add addRoute) {
	const hooks, one = "/repos/{owner}/{repo}/hooks", "/repos/{owner}/{repo}/hooks/{hook}"
	add(loggedIn, "GET "+hooks, (*call).listHooks)
	add(loggedIn, "POST "+hooks, (*call).createHook)
	add(loggedIn, "GET "+one, (*call).getHook)
	add(loggedIn, "PATCH "+one, (*call).editHook)
	add(loggedIn, "DELETE "+one, (*call).deleteHook)
	add(loggedIn, "POST "+one+"/pings", (*call).pingHook)
	add(loggedIn, "GET "+one+"/deliveries", (*call).listDeliveries)
	add(loggedIn, "GET "+one+"/deliveries/{delivery}", (*call).getDelivery)
	add(loggedIn, "POST "+one+"/deliveries/{delivery}/attempts", (*call).redeliver)
}

// pathRepo finds the repository of the path. What the caller may not see is not
// there; a former name leads to the present one, as the method allows.
func (c *call) pathRepo() (*repo, error) {
	r, moved := c.sys.repoByName(c.values["owner"] + "/" + c.values["repo"])
	if r == nil || !c.sees(r) {
		return nil, errNotFound
	}
	if !moved {
		return r, nil
	}
	e := &apiError{status: http.StatusTemporaryRedirect, message: "Moved Permanently", moved: c.linkPath()}
	if len(c.segments) == 3 {
		e.moved = c.repoURL(r)
	}
	if q := c.req.URL.RawQuery; q != "" {
		e.moved += "?" + q
	}
	if c.req.Method == http.MethodGet {
		e.status = http.StatusMovedPermanently
	}
	return nil, e
}
