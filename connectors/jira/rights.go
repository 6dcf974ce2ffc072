package jira

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// permission is a right of Jira: its key, what its administration calls it, and
// what it is for.
type permission struct {
	key, name, why string
	needed         func(connectors.Need) bool
}

var projectPermissions = []permission{
	{"BROWSE_PROJECTS", "Browse projects", "see issues", func(connectors.Need) bool { return true }},
	{"CREATE_ISSUES", "Create issues", "create issues", func(n connectors.Need) bool { return n.Create }},
	{"EDIT_ISSUES", "Edit issues", "edit issues", func(n connectors.Need) bool { return n.Write }},
	{"TRANSITION_ISSUES", "Transition issues", "change the status", func(n connectors.Need) bool { return n.Write }},
	{"ASSIGN_ISSUES", "Assign issues", "set the assignee", func(n connectors.Need) bool { return n.Write || n.Create }},
	{"ADD_COMMENTS", "Add comments", "write comments", func(n connectors.Need) bool { return n.Comment }},
	{"CREATE_ATTACHMENTS", "Create attachments", "attach files", func(n connectors.Need) bool { return n.Attach }},
	{"LINK_ISSUES", "Link issues", "attach links in the place of large files", func(n connectors.Need) bool { return n.Attach }},
	{"DELETE_ISSUES", "Delete issues", "delete issues", func(n connectors.Need) bool { return n.Retire }},
}

// MissingRights implements connectors.RightsChecker: the scopes of an OAuth
// app, then the rights in each project, then the global ones.
func (c *Connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	const op = "check rights"
	gaps, err := c.missingScopes(ctx, op, needs)
	if err != nil || len(gaps) > 0 {
		return gaps, err // without the scopes, Jira tells little of the rights
	}
	for _, project := range projectsOf(needs) {
		found, err := c.missingIn(ctx, op, project, needs)
		if err != nil {
			return nil, err
		}
		gaps = append(gaps, found...)
	}
	global, err := c.missingGlobally(ctx, op)
	return append(gaps, global...), err
}

// missingScopes compares the scopes of a consent with those that are needed. A
// service account's are not told.
func (c *Connection) missingScopes(ctx context.Context, op string, needs []connectors.Need) ([]connectors.Gap, error) {
	if !c.consented {
		return nil, nil
	}
	sites, err := resources(ctx, c.gateway, op)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(sites, func(r resource) bool { return r.ID == c.cloudID })
	if i < 0 {
		return nil, c.fail(op, "", connectors.Permission, "the consent does not cover %s any more", hostOf(c.site))
	}
	why := map[string]string{
		scopeRead: "read issues", scopeWrite: "create and edit issues", scopeUser: "find people",
		scopeWebhook: "register the webhook; without it changes are found by polling",
	}
	required, _ := (*authorization)(nil).Scopes(needs)
	var gaps []connectors.Gap
	for _, scope := range required {
		if scope == scopeOffline || slices.Contains(sites[i].Scopes, scope) {
			continue // the grant has a refresh token, or it would not be one
		}
		gaps = append(gaps, connectors.Gap{
			Right: scope, For: why[scope], Minor: scope == scopeWebhook, Scopes: []string{scope},
			Help: "add the scope to the app at developer.atlassian.com (Permissions, Jira API), then run `tenon connect " + c.name + "` again",
		})
	}
	return gaps, nil
}

// projectsOf returns the projects that the needs name; "" stands for all.
func projectsOf(needs []connectors.Need) []string {
	var projects []string
	for _, n := range needs {
		project := ""
		for key, v := range n.Scope {
			if strings.EqualFold(key, "project") {
				project = v
			}
		}
		if !slices.Contains(projects, project) {
			projects = append(projects, project)
		}
	}
	return projects
}

func (c *Connection) missingIn(ctx context.Context, op, project string, needs []connectors.Need) ([]connectors.Gap, error) {
	var asked []permission
	for _, p := range projectPermissions {
		if slices.ContainsFunc(needs, func(n connectors.Need) bool {
			return slices.Equal(projectsOf([]connectors.Need{n}), []string{project}) && p.needed(n)
		}) {
			asked = append(asked, p)
		}
	}
	keys := make([]string, len(asked))
	for i, p := range asked {
		keys[i] = p.key
	}
	query := url.Values{"permissions": {strings.Join(keys, ",")}}
	where := "any project"
	if project != "" {
		where = "project " + project
		query.Set("projectKey", project)
	}
	have, err := c.permissions(ctx, op, query)
	if connectors.KindOf(err) == connectors.NotFound {
		return []connectors.Gap{{
			Right: "Browse projects", Where: where, For: "see the project",
			Help: "correct the project's key in the mapping's scope, or let a project administrator give the account the right; Jira does not tell the two apart",
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	var gaps []connectors.Gap
	for _, p := range asked {
		if !have[p.key] {
			gaps = append(gaps, connectors.Gap{
				Right: p.name, Where: where, For: p.why, Help: "let a project administrator add the account to a role that has it (Project settings, Access)",
			})
		}
	}
	return gaps, nil
}

// missingGlobally looks for what serves all projects.
func (c *Connection) missingGlobally(ctx context.Context, op string) ([]connectors.Gap, error) {
	admin := !c.oauth && c.webhooks.Len() > 0 // who registers the webhook
	keys := []string{"USER_PICKER"}
	if admin {
		keys = append(keys, "ADMINISTER")
	}
	have, err := c.permissions(ctx, op, url.Values{"permissions": {strings.Join(keys, ",")}})
	if err != nil {
		return nil, err
	}
	var gaps []connectors.Gap
	if !have["USER_PICKER"] {
		gaps = append(gaps, connectors.Gap{
			Right: "Browse users and groups", For: "find people by their e-mail", Minor: true,
			Help: "let a Jira administrator give it to a group of the account (System, Global permissions)",
		})
	}
	if admin && !have["ADMINISTER"] {
		gaps = append(gaps, connectors.Gap{
			Right: "Administer Jira", For: "register the webhook", Minor: true,
			Help: "let a Jira administrator add the webhook under System, WebHooks (`tenon hooks` shows its address), or go without: changes are then found by polling",
		})
	}
	return gaps, nil
}

// shared is an Auth that another client binds.
type shared struct{ rest.Auth }

// newGateway returns a client for what the gateway tells of a consent. It keeps
// no note of its allowance, which is the connection's own.
func newGateway(name, base string, auth rest.Auth, options connectors.Options) (*rest.Client, error) {
	options.Tokens = nil
	return rest.New(rest.Config{Connection: name, BaseURL: base, Auth: auth}, options)
}
