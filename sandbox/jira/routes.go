package jira

import (
	"slices"
	"strings"
)

// route is one endpoint. Segments in braces are wildcards.
type route struct {
	method   string
	segments []string
	who      access
	scope    string // that an OAuth token needs; empty: none
	handle   handler
}

// router finds endpoints. http.ServeMux refuses Jira's paths: issue/createmeta/…
// overlaps with issue/{issue}/….
type router []*route

type addRoute func(who access, scope, pattern string, h handler)

// routes is the whole API of the site. The version of /rest/api is taken out of
// the path before it gets here; patterns without a slash start below it.
func (s *System) routes() router {
	var all router
	add := func(who access, scope, pattern string, h handler) {
		method, path, _ := strings.Cut(pattern, " ")
		if !strings.HasPrefix(path, "/") {
			path = "/rest/api/" + path
		}
		all = append(all, &route{method: method, segments: strings.Split(path[1:], "/"), who: who, scope: scope, handle: h})
	}
	s.siteRoutes(add)
	s.issueRoutes(add)
	s.detailRoutes(add)
	s.searchRoutes(add)
	if s.cloud() {
		s.cloudRoutes(add)
	} else {
		add(loggedIn, "", "PUT issue/{issue}/archive", func(c *call) (reply, error) { return c.archiveOne(true) })
		add(loggedIn, "", "PUT issue/{issue}/restore", func(c *call) (reply, error) { return c.archiveOne(false) })
	}
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

func (s *System) siteRoutes(add addRoute) {
	add(anyone, "", "GET serverInfo", (*call).serverInfo)
	add(anyone, scopeUser, "GET myself", (*call).myself)
	add(anyone, scopeRead, "GET mypermissions", (*call).myPermissions)
	add(anyone, scopeRead, "GET project", (*call).listProjects)
	add(anyone, scopeRead, "GET project/{project}", (*call).getProject)
	add(anyone, scopeRead, "GET project/{project}/statuses", (*call).projectStatuses)
	add(anyone, scopeRead, "GET project/{project}/components", (*call).projectComponents)
	add(anyone, scopeRead, "GET project/{project}/versions", (*call).projectVersions)
	add(anyone, scopeRead, "GET issuetype", (*call).listIssueTypes)
	add(anyone, scopeRead, "GET field", (*call).listFields)
	add(anyone, scopeRead, "GET status", (*call).listStatuses)
	add(anyone, scopeRead, "GET status/{id}", (*call).getStatus)
	add(anyone, scopeRead, "GET statuscategory", (*call).listCategories)
	add(anyone, scopeRead, "GET priority", (*call).listPriorities)
	add(anyone, scopeRead, "GET resolution", (*call).listResolutions)
	add(anyone, scopeRead, "GET issueLinkType", (*call).listLinkTypes)
	add(loggedIn, scopeUser, "GET user", (*call).oneUser)
	add(anyone, scopeUser, "GET user/search", (*call).searchUsers)
	add(loggedIn, scopeRead, "GET user/assignable/search", (*call).assignableUsers)
	add(loggedIn, scopeWebhook, "GET /rest/webhooks/1.0/webhook", (*call).listHooks)
	add(loggedIn, scopeWebhook, "POST /rest/webhooks/1.0/webhook", (*call).postHook)
	add(loggedIn, scopeWebhook, "GET /rest/webhooks/1.0/webhook/{id}", (*call).getHook)
	add(loggedIn, scopeWebhook, "PUT /rest/webhooks/1.0/webhook/{id}", (*call).putHook)
	add(loggedIn, scopeWebhook, "DELETE /rest/webhooks/1.0/webhook/{id}", (*call).deleteHook)
}

func (s *System) issueRoutes(add addRoute) {
	add(anyone, scopeRead, "GET issue/createmeta", (*call).createMeta)
	add(anyone, scopeRead, "GET issue/createmeta/{project}/issuetypes", (*call).createMetaTypes)
	add(anyone, scopeRead, "GET issue/createmeta/{project}/issuetypes/{type}", (*call).createMetaFields)
	add(loggedIn, scopeWrite, "POST issue", (*call).createOne)
	add(loggedIn, scopeWrite, "POST issue/bulk", (*call).createBulk)
	add(anyone, scopeRead, "GET issue/{issue}", (*call).getIssue)
	add(loggedIn, scopeWrite, "PUT issue/{issue}", (*call).editOne)
	add(loggedIn, scopeWrite, "DELETE issue/{issue}", (*call).deleteOne)
	add(loggedIn, scopeWrite, "PUT issue/{issue}/assignee", (*call).assign)
	add(anyone, scopeRead, "GET issue/{issue}/editmeta", (*call).editMeta)
	add(anyone, scopeRead, "GET issue/{issue}/transitions", (*call).getTransitions)
	add(loggedIn, scopeWrite, "POST issue/{issue}/transitions", (*call).postTransition)
}

func (s *System) detailRoutes(add addRoute) {
	add(anyone, scopeRead, "GET issue/{issue}/comment", (*call).listComments)
	add(loggedIn, scopeWrite, "POST issue/{issue}/comment", (*call).postComment)
	add(anyone, scopeRead, "GET issue/{issue}/comment/{comment}", (*call).getComment)
	add(loggedIn, scopeWrite, "PUT issue/{issue}/comment/{comment}", (*call).putComment)
	add(loggedIn, scopeWrite, "DELETE issue/{issue}/comment/{comment}", (*call).deleteComment)
	add(anyone, scopeRead, "GET comment/{comment}/properties", (*call).commentProperties)
	add(anyone, scopeRead, "GET comment/{comment}/properties/{key}", (*call).getCommentProperty)
	add(loggedIn, scopeWrite, "PUT comment/{comment}/properties/{key}", (*call).putCommentProperty)
	add(anyone, scopeRead, "GET issue/{issue}/properties", (*call).listProperties)
	add(anyone, scopeRead, "GET issue/{issue}/properties/{key}", (*call).getProperty)
	add(loggedIn, scopeWrite, "PUT issue/{issue}/properties/{key}", (*call).putProperty)
	add(loggedIn, scopeWrite, "DELETE issue/{issue}/properties/{key}", (*call).deleteProperty)
	add(anyone, scopeRead, "GET issue/{issue}/remotelink", (*call).listRemoteLinks)
	add(loggedIn, scopeWrite, "POST issue/{issue}/remotelink", (*call).postRemoteLink)
	add(loggedIn, scopeWrite, "DELETE issue/{issue}/remotelink", (*call).deleteRemoteLinks)
	add(anyone, scopeRead, "GET issue/{issue}/remotelink/{id}", (*call).getRemoteLink)
	add(loggedIn, scopeWrite, "PUT issue/{issue}/remotelink/{id}", (*call).putRemoteLink)
	add(loggedIn, scopeWrite, "DELETE issue/{issue}/remotelink/{id}", (*call).deleteRemoteLinks)
	add(loggedIn, scopeWrite, "POST issueLink", (*call).postLink)
	add(anyone, scopeRead, "GET issueLink/{id}", (*call).getLink)
	add(loggedIn, scopeWrite, "DELETE issueLink/{id}", (*call).deleteLink)
	add(loggedIn, scopeWrite, "POST issue/{issue}/attachments", (*call).postAttachments)
	add(anyone, scopeRead, "GET attachment/meta", (*call).attachmentMeta)
	add(anyone, scopeRead, "GET attachment/{id}", (*call).getAttachment)
	add(loggedIn, scopeWrite, "DELETE attachment/{id}", (*call).deleteAttachment)
}

func (s *System) searchRoutes(add addRoute) {
	if s.cloud() {
		for _, pattern := range []string{"GET search", "POST search", "POST search/id"} {
			add(anyone, "", pattern, (*call).removed)
		}
		add(anyone, scopeRead, "GET search/jql", (*call).searchJQL)
		add(anyone, scopeRead, "POST search/jql", (*call).searchJQL)
		add(anyone, scopeRead, "POST search/approximate-count", (*call).approximateCount)
		add(anyone, scopeRead, "POST jql/parse", (*call).parseJQL)
		return
	}
	add(anyone, "", "GET search", (*call).searchDC)
	add(anyone, "", "POST search", (*call).searchDC)
	add(anyone, "", "GET /secure/attachment/{id}/{name}", (*call).attachmentContent)
}

func (s *System) cloudRoutes(add addRoute) {
	add(loggedIn, scopeRead, "GET label", (*call).listLabels)
	add(anyone, scopeRead, "GET project/search", (*call).searchProjects)
	add(anyone, scopeRead, "GET issuetype/project", (*call).projectIssueTypes)
	add(loggedIn, scopeRead, "GET field/search", (*call).searchFields)
	add(loggedIn, scopeRead, "GET priority/search", (*call).searchPriorities)
	add(loggedIn, scopeRead, "GET resolution/search", (*call).searchResolutions)
	add(anyone, scopeUser, "GET users/search", (*call).allUsers)
	add(anyone, scopeUser, "GET users", (*call).allUsers)
	add(loggedIn, scopeUser, "GET user/bulk", (*call).bulkUsers)
	add(loggedIn, scopeRead, "POST issue/bulkfetch", (*call).bulkFetch)
	add(loggedIn, scopeWrite, "PUT issue/archive", func(c *call) (reply, error) { return c.archive(true) })
	add(loggedIn, scopeWrite, "PUT issue/unarchive", func(c *call) (reply, error) { return c.archive(false) })
	add(anyone, scopeRead, "GET issue/{issue}/changelog", (*call).getChangelog)
	add(loggedIn, scopeRead, "POST issue/{issue}/changelog/list", (*call).changelogList)
	add(loggedIn, scopeRead, "POST changelog/bulkfetch", (*call).bulkChangelogs)
	add(anyone, scopeRead, "POST comment/list", (*call).listByIDs)
	add(anyone, scopeRead, "GET attachment/content/{id}", (*call).attachmentContent)
	add(anyone, "", "GET "+mediaPath+"{id}/{token}", (*call).media)
	add(loggedIn, scopeWrite, "POST bulk/issues/delete", (*call).bulkDelete)
	add(loggedIn, scopeWrite, "POST bulk/issues/transition", (*call).bulkTransition)
	add(loggedIn, scopeRead, "GET bulk/queue/{task}", (*call).taskProgress)
	add(appOnly, scopeWebhook, "GET webhook", (*call).listDynamic)
	add(appOnly, scopeWebhook, "POST webhook", (*call).registerDynamic)
	add(appOnly, scopeWebhook, "DELETE webhook", (*call).deleteDynamic)
	add(appOnly, scopeWebhook, "PUT webhook/refresh", (*call).refreshDynamic)
	add(appOnly, scopeWebhook, "GET webhook/failed", (*call).failedDynamic)
}
