package asana

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// has reports whether the body names a member.
func (c *call) has(name string) bool {
	_, ok := c.data[name]
	return ok
}

// text reads a member as a text; null and missing are "".
func (c *call) text(name string) (string, *apiError) { return textOf(name, c.data[name]) }

func textOf(name string, v any) (string, *apiError) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return "", invalid("%s: Not a string", name)
}

// gidOf reads a reference: a gid as a text, or an object that has one.
func gidOf(name string, v any) (string, *apiError) {
	if m, ok := v.(map[string]any); ok {
		v = m["gid"]
	}
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return "", invalid("%s: Not a recognized ID: %v", name, v)
}

// gids reads a list of references; a text holds them with commas.
func gids(name string, v any) ([]string, *apiError) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }), nil
	case []any:
		var out []string
		for _, x := range v {
			id, err := gidOf(name, x)
			if err != nil {
				return nil, err
			}
			out = append(out, id)
		}
		return out, nil
	}
	return nil, invalid("%s: Not an array", name)
}

func (c *call) flag(name string) (bool, *apiError) {
	switch v := c.data[name].(type) {
	case bool:
		return v, nil
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b, nil
		}
	}
	return false, invalid("%s: Not a boolean", name)
}

// day reads a date; null is "".
func (c *call) day(name string) (string, *apiError) {
	text, err := c.text(name)
	if err != nil || text == "" {
		return "", err
	}
	return dayOf(name, text)
}

func dayOf(name, text string) (string, *apiError) {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", invalid("%s: Invalid date: %s", name, text)
	}
	return text, nil
}

// instant reads a time; null is zero.
func (c *call) instant(name string) (time.Time, *apiError) {
	text, err := c.text(name)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	return instantOf(name, text)
}

func instantOf(name, text string) (time.Time, *apiError) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04:05.000-0700", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Millisecond), nil
		}
	}
	return time.Time{}, invalid("%s: Invalid date time: %s", name, text)
}

// required reads a text that must be there.
func (c *call) required(name string) (string, *apiError) {
	text, err := c.text(name)
	if err == nil && text == "" {
		err = invalid("%s: Missing input", name)
	}
	return text, err
}

// parameter reads a query parameter, or the path's.
func (c *call) parameter(name string) string {
	if v := c.vars[name]; v != "" {
		return v
	}
	return c.query.Get(name)
}

// task finds a task that is there, by gid or external:….
func (c *call) task(what, id string) (*task, *apiError) {
	if ext, ok := strings.CutPrefix(id, "external:"); ok && c.token != nil {
		for _, t := range c.s.tasks {
			if !t.trashed && t.external != nil && t.external.gid == ext && t.external.app == c.token.app && c.token.app != "" {
				return c.visible(what, id, t)
			}
		}
		return nil, unknown(what, id)
	}
	return c.visible(what, id, c.s.tasks[id])
}

// visible hides tasks that lie in hidden projects only.
func (c *call) visible(what, id string, t *task) (*task, *apiError) {
	if t == nil || t.trashed || !c.sees(t.root()) && !c.sees(t) {
		return nil, unknown(what, id)
	}
	return t, nil
}

func (c *call) sees(t *task) bool {
	for _, m := range t.memberships {
		if !m.project.hidden {
			return true
		}
	}
	return len(t.memberships) == 0
}

func (c *call) project(what, id string) (*project, *apiError) {
	for _, p := range c.s.projects {
		if p.gid == id && !p.trashed && !p.hidden {
			return p, nil
		}
	}
	return nil, unknown(what, id)
}

func (c *call) section(what, id string) (*section, *apiError) {
	sec := c.s.sections[id]
	if sec == nil || sec.project.trashed || sec.project.hidden {
		return nil, unknown(what, id)
	}
	return sec, nil
}

// person finds a user by gid, e-mail or "me"; "" is nobody.
func (c *call) person(what, id string) (*user, *apiError) {
	if id == "" {
		return nil, nil
	}
	if id == "me" {
		return c.user, nil
	}
	for _, u := range c.s.users {
		if u.gid == id || strings.EqualFold(u.email, id) && strings.Contains(id, "@") {
			return u, nil
		}
	}
	if strings.Contains(id, "@") {
		return nil, invalid("%s: Not a user in Organization: %s", what, id)
	}
	return nil, invalid("%s: Unknown object: %s", what, id)
}

func (c *call) people(what string, v any) ([]*user, *apiError) {
	list, err := gids(what, v)
	if err != nil {
		return nil, err
	}
	var out []*user
	for _, id := range list {
		u, err := c.person(what, id)
		if err != nil {
			return nil, err
		}
		if u != nil {
			out = append(out, u)
		}
	}
	return out, nil
}

func (c *call) tag(what, id string) (*tag, *apiError) {
	for _, t := range c.s.tags {
		if t.gid == id && !t.trashed {
			return t, nil
		}
	}
	return nil, unknown(what, id)
}

func (c *call) inWorkspace(what, id string) *apiError {
	if id != c.s.workspace.gid {
		return refuse(404, "%s: Unknown object: %s", what, id)
	}
	return nil
}

func (s *System) userByEmail(email string) *user {
	for _, u := range s.users {
		if strings.EqualFold(u.email, email) {
			return u
		}
	}
	return nil
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }
