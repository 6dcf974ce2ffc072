package asana

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

func listUsers(c *call) (*answer, *apiError) {
	if ws := c.query.Get("workspace"); ws != "" {
		if err := c.inWorkspace("workspace", ws); err != nil {
			return nil, err
		}
	}
	return list(resources(c.s.users))
}

// listWorkspaceUsers is never paged, and by name.
func listWorkspaceUsers(c *call) (*answer, *apiError) {
	if err := c.inWorkspace("workspace", c.vars["workspace"]); err != nil {
		return nil, err
	}
	users := slices.Clone(c.s.users)
	slices.SortFunc(users, func(a, b *user) int { return strings.Compare(a.name, b.name) })
	return entire(resources(users[:min(len(users), 2000)]))
}

func getUser(c *call) (*answer, *apiError) {
	u, err := c.person("user", c.vars["user"])
	if err != nil {
		return nil, unknown("user", c.vars["user"])
	}
	return just(u)
}

func listWorkspaces(c *call) (*answer, *apiError) { return list([]resource{c.s.workspace}) }

func getWorkspace(c *call) (*answer, *apiError) {
	if err := c.inWorkspace("workspace", c.vars["workspace"]); err != nil {
		return nil, err
	}
	return just(c.s.workspace)
}

func (s *System) team(gid string) *team {
	for _, t := range s.teams {
		if t.gid == gid {
			return t
		}
	}
	return nil
}

func listTeams(c *call) (*answer, *apiError) {
	if err := c.inWorkspace("workspace", c.vars["workspace"]); err != nil {
		return nil, err
	}
	return list(resources(c.s.teams))
}

func listUserTeams(c *call) (*answer, *apiError) {
	u, err := c.person("user", c.vars["user"])
	if err != nil {
		return nil, unknown("user", c.vars["user"])
	}
	if c.query.Get("organization") == "" {
		return nil, invalid("organization: Missing input")
	}
	out := []resource{}
	for _, t := range c.s.teams {
		if slices.Contains(t.members, u) {
			out = append(out, t)
		}
	}
	return list(out)
}

func getTeam(c *call) (*answer, *apiError) {
	t := c.s.team(c.vars["team"])
	if t == nil {
		return nil, unknown("team", c.vars["team"])
	}
	return just(t)
}

func listTeamUsers(c *call) (*answer, *apiError) {
	t := c.s.team(c.vars["team"])
	if t == nil {
		return nil, unknown("team", c.vars["team"])
	}
	return entire(resources(t.members))
}

// typeahead is the quick search by name.
func typeahead(c *call) (*answer, *apiError) {
	if err := c.inWorkspace("workspace", c.vars["workspace"]); err != nil {
		return nil, err
	}
	kind := c.query.Get("resource_type")
	if kind == "" {
		kind = c.query.Get("type")
	}
	count := 20
	if text := c.query.Get("count"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			return nil, invalid("count: Must be between 1 and 100")
		}
		count = n
	}
	query := strings.ToLower(c.query.Get("query"))
	if c.fields == nil {
		c.fields = parseFields("name,resource_type")
	}
	var out []resource
	add := func(name string, r resource) {
		if len(out) < count && strings.Contains(strings.ToLower(name), query) {
			out = append(out, r)
		}
	}
	switch kind {
	case "user":
		for _, u := range c.s.users {
			add(u.name+" "+u.email, u)
		}
	case "project":
		for _, p := range c.s.projects {
			if !p.trashed && !p.hidden {
				add(p.name, p)
			}
		}
	case "tag":
		for _, t := range c.s.tags {
			if !t.trashed {
				add(t.name, t)
			}
		}
	case "task":
		for _, t := range c.s.ordered() {
			if c.sees(t) {
				add(t.name, t)
			}
		}
	case "team":
		for _, t := range c.s.teams {
			add(t.name, t)
		}
	case "custom_field":
		for _, f := range c.s.fields {
			if !f.deleted && !f.hidden {
				add(f.name, f)
			}
		}
	case "project_template":
		for _, t := range c.s.templates {
			add(t.name, t)
		}
	default:
		return nil, invalid("resource_type: %s is not a valid value", kind)
	}
	return entire(out)
}

func listTags(c *call) (*answer, *apiError) {
	out := []resource{}
	for _, t := range c.s.tags {
		if !t.trashed {
			out = append(out, t)
		}
	}
	return list(out)
}

func createTag(c *call) (*answer, *apiError) {
	ws := c.vars["workspace"]
	if ws == "" {
		var err *apiError
		if ws, err = gidOf("workspace", c.data["workspace"]); err != nil {
			return nil, err
		}
	}
	if ws != c.s.workspace.gid {
		return nil, invalid("workspace: Missing input")
	}
	name, err := c.required("name")
	if err != nil {
		return nil, err
	}
	color, err := c.text("color")
	if err != nil {
		return nil, err
	}
	return created(c.s.addTag(name, color, c.now))
}

func (s *System) addTag(name, color string, now time.Time) *tag {
	t := &tag{entity: s.entity(now), name: name, color: color}
	s.tags = append(s.tags, t)
	return t
}

func getTag(c *call) (*answer, *apiError) {
	t, err := c.tag("tag", c.vars["tag"])
	if err != nil {
		return nil, err
	}
	return just(t)
}

func updateTag(c *call) (*answer, *apiError) {
	t, err := c.tag("tag", c.vars["tag"])
	if err != nil {
		return nil, err
	}
	if c.has("name") {
		if t.name, err = c.text("name"); err != nil {
			return nil, err
		}
	}
	return just(t)
}

func deleteTag(c *call) (*answer, *apiError) {
	t, err := c.tag("tag", c.vars["tag"])
	if err != nil {
		return nil, err
	}
	t.trashed = true
	for _, x := range c.s.tasks {
		x.tags = slices.DeleteFunc(x.tags, func(y *tag) bool { return y == t })
	}
	return nothing()
}
