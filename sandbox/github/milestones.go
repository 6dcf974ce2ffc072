package github

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

func (c *call) listMilestones() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	state := orElse(c.query.Get("state"), "open")
	var list []*milestone
	for _, m := range r.milestones {
		if state == "all" || m.state == state {
			list = append(list, m)
		}
	}
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	due := func(m *milestone) time.Time {
		if m.dueOn == nil {
			return far
		}
		return *m.dueOn
	}
	slices.SortStableFunc(list, func(a, b *milestone) int {
		order := cmp.Or(due(a).Compare(due(b)), cmp.Compare(a.number, b.number))
		if c.query.Get("direction") == "desc" {
			return -order
		}
		return order
	})
	return page(c, list, func(m *milestone) any { return c.links().milestone(r, m) })
}

func (c *call) pathMilestone() (*repo, *milestone, error) {
	r, err := c.pathRepo()
	if err != nil {
		return nil, nil, err
	}
	n, err := strconv.Atoi(c.values["milestone"])
	if err != nil {
		return nil, nil, errNotFound
	}
	m := r.milestone(n)
	if m == nil {
		return nil, nil, errNotFound
	}
	return r, m, nil
}

func (c *call) getMilestone() (reply, error) {
	r, m, err := c.pathMilestone()
	if err != nil {
		return reply{}, err
	}
	return ok(c.links().milestone(r, m)), nil
}

func (c *call) createMilestone() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayTriage(r); err != nil {
		return reply{}, err
	}
	draft := &milestone{state: "open"}
	if err := c.readMilestone(r, draft, true); err != nil {
		return reply{}, err
	}
	m := c.sys.addMilestone(r, c.grant.user, draft.title)
	m.description, m.dueOn = draft.description, draft.dueOn
	if draft.state == "closed" {
		now := c.sys.now()
		m.state, m.closed = "closed", &now
	}
	c.sys.tell(r, "milestone", "created", c.actor(r), object{"milestone": c.links().milestone(r, m)})
	return created(c.links().milestone(r, m), c.links().repo(r)+"/milestones/"+strconv.Itoa(m.number)), nil
}

// readMilestone reads the members of a milestone; those that are missing stay.
// Of a due time GitHub keeps the day.
func (c *call) readMilestone(r *repo, m *milestone, required bool) error {
	in, err := c.members()
	if err != nil {
		return err
	}
	title, has, err := text(in, "title")
	switch {
	case err != nil:
		return err
	case has && title == "", !has && required:
		return invalid("Milestone", "title", "missing_field", nil)
	case tooLong(title, 255):
		return invalid("Milestone", "title", "custom", object{"message": "title is too long (maximum is 255 characters)"})
	case has && slices.ContainsFunc(r.milestones, func(o *milestone) bool { return o.number != m.number && o.title == title }):
		return invalid("Milestone", "title", "already_exists", nil)
	case has:
		m.title = title
	}
	if _, there := in["description"]; there {
		description, has, err := text(in, "description")
		if err != nil {
			return err
		}
		if m.description = nil; has {
			m.description = &description
		}
	}
	if state, has, err := text(in, "state"); err != nil {
		return err
	} else if has {
		if state != "open" && state != "closed" {
			return invalid("Milestone", "state", "invalid", object{"value": state})
		}
		m.state = state
	}
	if _, there := in["due_on"]; there {
		due, has, err := text(in, "due_on")
		if err != nil {
			return err
		}
		if m.dueOn = nil; has {
			at, err := time.Parse(time.RFC3339, due)
			if err != nil {
				return wrongType("due_on", in["due_on"], "a valid date-time")
			}
			day := time.Date(at.UTC().Year(), at.UTC().Month(), at.UTC().Day(), 8, 0, 0, 0, time.UTC)
			m.dueOn = &day
		}
	}
	return nil
}

func (c *call) editMilestone() (reply, error) {
	r, m, err := c.pathMilestone()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayTriage(r); err != nil {
		return reply{}, err
	}
	draft := *m
	if err := c.readMilestone(r, &draft, false); err != nil {
		return reply{}, err
	}
	action := "edited"
	if draft.state != m.state {
		action = map[string]string{"open": "opened", "closed": "closed"}[draft.state]
		if draft.closed = nil; draft.state == "closed" {
			now := c.sys.now()
			draft.closed = &now
		}
	}
	draft.updated = c.sys.now()
	*m = draft
	more := object{"milestone": c.links().milestone(r, m)}
	if action == "edited" {
		more["changes"] = object{}
	}
	c.sys.tell(r, "milestone", action, c.actor(r), more)
	return ok(c.links().milestone(r, m)), nil
}

func (c *call) deleteMilestone() (reply, error) {
	r, m, err := c.pathMilestone()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayTriage(r); err != nil {
		return reply{}, err
	}
	c.sys.dropMilestone(c.actor(r), r, m)
	return noContent, nil
}

func (s *System) dropMilestone(a actor, r *repo, m *milestone) {
	body := s.links().milestone(r, m)
	r.milestones = slices.DeleteFunc(r.milestones, func(have *milestone) bool { return have == m })
	for _, n := range r.numbers() {
		if i := r.issues[n]; i.milestone == m {
			i.milestone = nil
			s.note(a, i, &event{kind: "demilestoned", milestone: m.title})
		}
	}
	s.tell(r, "milestone", "deleted", a, object{"milestone": body})
}
