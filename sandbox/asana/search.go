package asana

import (
	"slices"
	"strings"
	"time"
)

// indexed is what the search knows of a task: its present state once due has
// passed, before that the state before.
type indexed struct {
	due       time.Time
	known     bool
	name      string // as it was indexed last
	completed bool
	live      string
	done      bool
}

// index notes a change of a task, for the search to take over later.
func (s *System) index(t *task, now time.Time) {
	x := &t.index
	if !x.due.IsZero() && !now.Before(x.due) {
		x.known, x.name, x.completed = true, x.live, x.done
	}
	x.live, x.done = t.name, t.completed
	x.due = now
	if s.opts.Lag > 0 {
		x.due = now.Add(s.opts.Lag)
	}
}

// searchTasks is the search of paid workspaces. It lags, is not paged and keeps
// no order unless asked.
func searchTasks(c *call) (*answer, *apiError) {
	if err := c.inWorkspace("workspace", c.vars["workspace"]); err != nil {
		return nil, err
	}
	q := c.query
	var found []*task
	for _, t := range c.s.ordered() {
		name, completed := t.name, t.completed
		if c.now.Before(t.index.due) {
			if !t.index.known {
				continue
			}
			name, completed = t.index.name, t.index.completed
		}
		ok, err := c.matches(t, name, completed)
		if err != nil {
			return nil, err
		}
		if ok && c.sees(t) {
			found = append(found, t)
		}
	}
	by := map[string]func(*task) time.Time{
		"": func(t *task) time.Time { return t.modified }, "modified_at": func(t *task) time.Time { return t.modified },
		"created_at": func(t *task) time.Time { return t.created }, "completed_at": func(t *task) time.Time { return t.completedAt },
	}[q.Get("sort_by")]
	if by == nil {
		return nil, invalid("sort_by: %s is not a valid value", q.Get("sort_by"))
	}
	slices.SortStableFunc(found, func(a, b *task) int {
		if q.Get("sort_ascending") == "true" {
			return by(a).Compare(by(b))
		}
		return by(b).Compare(by(a))
	})
	limit := c.limit
	if limit == 0 {
		limit = 20
	}
	return entire(resources(found[:min(len(found), limit)]))
}

func (c *call) matches(t *task, name string, completed bool) (bool, *apiError) {
	for param, values := range c.query {
		v := values[0]
		var ok bool
		switch {
		case param == "text":
			ok = strings.Contains(strings.ToLower(name+" "+plainText(t.html)), strings.ToLower(v))
		case param == "completed":
			ok = (v == "true") == completed
		case param == "is_subtask":
			ok = (v == "true") == (t.parent != nil)
		case param == "projects.any":
			ok = slices.ContainsFunc(strings.Split(v, ","), func(id string) bool {
				return slices.ContainsFunc(t.memberships, func(m *membership) bool { return m.project.gid == id })
			})
		case param == "assignee.any":
			ok = t.assignee != nil && slices.Contains(strings.Split(v, ","), t.assignee.gid)
		case param == "tags.any":
			ok = slices.ContainsFunc(t.tags, func(tg *tag) bool { return slices.Contains(strings.Split(v, ","), tg.gid) })
		case strings.HasSuffix(param, "_at.after"), strings.HasSuffix(param, "_at.before"):
			at, err := instantOf(param, v)
			if err != nil {
				return false, err
			}
			mine := map[string]time.Time{"modified": t.modified, "created": t.created, "completed": t.completedAt}[strings.SplitN(param, "_", 2)[0]]
			ok = strings.HasSuffix(param, "after") == mine.After(at)
		case strings.HasPrefix(param, "custom_fields."):
			ok = c.s.fieldMatches(t, param, v)
		default: // paging and output
			ok = true
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

func (s *System) fieldMatches(t *task, param, v string) bool {
	parts := strings.Split(param, ".")
	f := s.customField(parts[1])
	if f == nil || len(parts) != 3 {
		return false
	}
	val := s.valueOf(t, f)
	shown := s.display(f, val)
	switch parts[2] {
	case "value":
		if val.option != nil {
			return val.option.gid == v
		}
		return shown == v
	case "is_set":
		return (v == "true") == (shown != "")
	case "contains":
		return strings.Contains(shown, v)
	case "starts_with":
		return strings.HasPrefix(shown, v)
	case "ends_with":
		return strings.HasSuffix(shown, v)
	}
	return false
}
