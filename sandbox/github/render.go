package github

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// links makes the addresses of things.
type links struct {
	root   string // "http://host"
	prefix string // "" or "/api/v3"
}

func (c *call) links() links { return links{c.root, c.prefix} }

func (c *call) repoURL(r *repo) string {
	return fmt.Sprintf("%s%s/repositories/%d", c.root, c.prefix, r.id)
}

func (l links) api(path string) string { return l.root + l.prefix + path }

func (l links) repo(r *repo) string { return l.api("/repos/" + r.fullName()) }

func (l links) issue(i *issue) string { return l.repo(i.repo) + "/issues/" + strconv.Itoa(i.number) }

func (l links) issuePage(i *issue) string {
	kind := "/issues/"
	if i.pull {
		kind = "/pull/"
	}
	return l.root + "/" + i.repo.fullName() + kind + strconv.Itoa(i.number)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func stampOrNull(t *time.Time) any {
	if t == nil {
		return nil
	}
	return stamp(*t)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// user renders somebody in the short form.
func (l links) user(u *user) any {
	if u == nil {
		return nil
	}
	login := url.PathEscape(u.login)
	me := l.api("/users/" + login)
	page := l.root + "/" + login
	if u.typ == "Bot" {
		page = l.root + "/apps/" + strings.TrimSuffix(u.login, "[bot]")
	}
	return object{
		"login": u.login, "id": u.id, "node_id": userNode(u), "avatar_url": fmt.Sprintf("%s/avatars/u/%d?v=4", l.root, u.id),
		"gravatar_id": "", "url": me, "html_url": page, "followers_url": me + "/followers", "following_url": me + "/following{/other_user}",
		"gists_url": me + "/gists{/gist_id}", "starred_url": me + "/starred{/owner}{/repo}", "subscriptions_url": me + "/subscriptions",
		"organizations_url": me + "/orgs", "repos_url": me + "/repos", "events_url": me + "/events{/privacy}",
		"received_events_url": me + "/received_events", "type": u.typ, "user_view_type": "public", "site_admin": false,
	}
}

func userNode(u *user) string {
	return nodeID(map[string]string{"User": "U", "Bot": "BOT", "Organization": "O"}[u.typ], u.id)
}

// fullUser renders somebody's own page.
func (l links) fullUser(u *user, private bool) object {
	out, _ := l.user(u).(object)
	var email any
	if u.emailPublic {
		email = u.email
	}
	for k, v := range (object{
		"name": orNull(u.name), "company": nil, "blog": "", "location": nil, "email": email, "notification_email": email, "hireable": nil, "bio": nil, "twitter_username": nil,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": "2019-01-03T08:00:00Z", "updated_at": "2026-01-03T08:00:00Z",
	}) {
		out[k] = v
	}
	if private {
		for k, v := range (object{
			"private_gists": 0, "total_private_repos": 2, "owned_private_repos": 0, "disk_usage": 0, "collaborators": 0, "two_factor_authentication": true,
		}) {
			out[k] = v
		}
		out["user_view_type"] = "private"
	}
	return out
}

func (l links) label(r *repo, lb *label) object {
	return object{
		"id": lb.id, "node_id": nodeID("LA", lb.id), "url": l.repo(r) + "/labels/" + url.PathEscape(lb.name), "name": lb.name, "color": lb.color,
		"default": lb.preset, "description": orNull(lb.description),
	}
}

func (l links) milestone(r *repo, m *milestone) any {
	if m == nil {
		return nil
	}
	open, closed := 0, 0
	for _, i := range r.issues {
		switch {
		case i.milestone != m:
		case i.state == "open":
			open++
		default:
			closed++
		}
	}
	me := l.repo(r) + "/milestones/" + strconv.Itoa(m.number)
	var description any
	if m.description != nil {
		description = *m.description
	}
	return object{
		"url": me, "html_url": l.root + "/" + r.fullName() + "/milestone/" + strconv.Itoa(m.number), "labels_url": me + "/labels",
		"id": m.id, "node_id": nodeID("MI", m.id), "number": m.number, "title": m.title, "description": description, "creator": l.user(m.creator),
		"open_issues": open, "closed_issues": closed, "state": m.state, "created_at": stamp(m.created), "updated_at": stamp(m.updated),
		"due_on": stampOrNull(m.dueOn), "closed_at": stampOrNull(m.closed),
	}
}

func (l links) app(a *app) any {
	if a == nil {
		return nil
	}
	return object{
		"id": a.id, "client_id": a.clientID, "slug": a.slug, "node_id": nodeID("A", a.id), "owner": l.user(a.bot), "name": "Tenon Sync",
		"description": "", "external_url": "https://tenon.example", "html_url": l.root + "/apps/" + a.slug, "created_at": "2025-06-01T08:00:00Z",
		"updated_at": "2025-06-01T08:00:00Z", "permissions": allPerms(), "events": []string{"issues", "issue_comment"},
	}
}

func reactions(me string) object {
	return object{
		"url": me + "/reactions", "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0,
	}
}

func association(r *repo, u *user) string {
	switch have := r.roles[u.login]; {
	case u.typ == "Bot" || have == noRole:
		return "NONE"
	case have == roleAdmin:
		return "MEMBER"
	}
	return "COLLABORATOR"
}

// issue renders an issue or a pull request as lists have it.
func (c *call) issue(i *issue) object { return c.links().issueJSON(i, c.old, c.sys.opts.Enterprise) }

func (l links) issueJSON(i *issue, old, enterprise bool) object {
	me, r := l.issue(i), i.repo
	labels := []any{}
	for _, lb := range i.labels {
		labels = append(labels, l.label(r, lb))
	}
	assignees := []any{}
	for _, u := range i.assignees {
		assignees = append(assignees, l.user(u))
	}
	var body any
	if i.body != nil {
		body = *i.body
	}
	out := object{
		"url": me, "repository_url": l.repo(r), "labels_url": me + "/labels{/name}", "comments_url": me + "/comments", "events_url": me + "/events",
		"html_url": l.issuePage(i), "id": i.id, "node_id": nodeID("I", i.id), "number": i.number, "title": i.title, "user": l.user(i.user),
		"labels": labels, "state": i.state, "locked": i.locked, "assignees": assignees, "milestone": l.milestone(r, i.milestone),
		"comments": len(i.comments), "created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": stampOrNull(i.closed),
		"author_association": association(r, i.user), "active_lock_reason": orNull(i.lockReason), "body": body, "reactions": reactions(me),
		"timeline_url": me + "/timeline", "performed_via_github_app": l.app(i.app), "state_reason": orNull(i.reason),
	}
	if old {
		out["assignee"] = nil
		if len(i.assignees) > 0 {
			out["assignee"] = l.user(i.assignees[0])
		}
	}
	if i.pull {
		out["draft"] = false
		out["node_id"] = nodeID("PR", i.id)
		out["pull_request"] = object{
			"url": l.repo(r) + "/pulls/" + strconv.Itoa(i.number), "html_url": l.issuePage(i), "diff_url": l.issuePage(i) + ".diff",
			"patch_url": l.issuePage(i) + ".patch", "merged_at": nil,
		}
	}
	if !enterprise {
		l.moreOfIssue(out, i)
	}
	return out
}

// moreOfIssue adds what Enterprise Server does not tell.
func (l links) moreOfIssue(out object, i *issue) {
	out["type"] = l.issueType(i.typ)
	done := 0
	for _, sub := range i.subs {
		if sub.state == "closed" {
			done++
		}
	}
	percent := 0
	if len(i.subs) > 0 {
		percent = done * 100 / len(i.subs)
	}
	out["sub_issues_summary"] = object{"total": len(i.subs), "completed": done, "percent_completed": percent}
	out["issue_dependencies_summary"] = object{"blocked_by": 0, "blocking": 0, "total_blocked_by": 0, "total_blocking": 0}
	if i.parent != nil {
		out["parent_issue_url"] = l.issue(i.parent)
	}
}

func (l links) issueType(t *issueType) any {
	if t == nil {
		return nil
	}
	return object{
		"id": t.id, "node_id": nodeID("IT", t.id), "name": t.name, "description": t.description, "color": t.color,
		"created_at": "2025-01-07T12:00:00Z", "updated_at": "2025-01-07T12:00:00Z", "is_enabled": true,
	}
}

func (l links) comment(i *issue, cm *comment) object {
	me := l.repo(i.repo) + "/issues/comments/" + strconv.FormatInt(cm.id, 10)
	return object{
		"url": me, "html_url": fmt.Sprintf("%s#issuecomment-%d", l.issuePage(i), cm.id), "issue_url": l.issue(i), "id": cm.id,
		"node_id": nodeID("IC", cm.id), "user": l.user(cm.user), "created_at": stamp(cm.created), "updated_at": stamp(cm.updated),
		"body": cm.body, "author_association": association(i.repo, cm.user), "reactions": reactions(me), "performed_via_github_app": l.app(cm.app),
	}
}

// repo renders a repository as far as clients of issues look.
func (l links) repoJSON(r *repo) object {
	me := l.repo(r)
	page := l.root + "/" + r.fullName()
	open := 0
	for _, i := range r.issues {
		if i.state == "open" {
			open++
		}
	}
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	out := object{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private, "owner": l.user(r.owner),
		"html_url": page, "description": orNull(r.description), "fork": false, "url": me, "created_at": stamp(r.created), "updated_at": stamp(r.updated),
		"pushed_at": stamp(r.created), "git_url": "git:" + strings.TrimPrefix(page, "http:") + ".git", "ssh_url": "git@github.com:" + r.fullName() + ".git",
		"clone_url": page + ".git", "svn_url": page, "homepage": nil, "size": 0, "stargazers_count": 0, "watchers_count": 0, "language": nil,
		"has_issues": !r.noIssues, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false, "has_discussions": false,
		"forks_count": 0, "mirror_url": nil, "archived": r.archived, "disabled": false, "open_issues_count": open, "license": nil, "allow_forking": false,
		"is_template": false, "web_commit_signoff_required": false, "topics": []string{}, "visibility": visibility, "forks": 0, "open_issues": open,
		"watchers": 0, "default_branch": "main", "network_count": 0, "subscribers_count": 0, "custom_properties": object{},
	}
	for name, path := range map[string]string{
		"archive": "{archive_format}{/ref}", "assignees": "{/user}", "blobs": "", "branches": "{/branch}", "collaborators": "{/collaborator}",
		"comments": "{/number}", "commits": "{/sha}", "compare": "{base}...{head}", "contents": "/{+path}", "contributors": "", "deployments": "",
		"downloads": "", "events": "", "forks": "", "git_commits": "{/sha}", "git_refs": "{/sha}", "git_tags": "{/sha}", "hooks": "",
		"issue_comment": "{/number}", "issue_events": "{/number}", "issues": "{/number}", "keys": "{/key_id}", "labels": "{/name}", "languages": "",
		"merges": "", "milestones": "{/number}", "notifications": "{?since,all,participating}", "pulls": "{/number}", "releases": "{/id}",
		"stargazers": "", "statuses": "/{sha}", "subscribers": "", "subscription": "", "tags": "", "teams": "", "trees": "{/sha}",
	} {
		out[name+"_url"] = me + "/" + name + path
	}
	return out
}
