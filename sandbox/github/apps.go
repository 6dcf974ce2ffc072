package github

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

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
