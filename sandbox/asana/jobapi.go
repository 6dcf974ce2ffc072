package asana

import (
	"net/http"
	"slices"
	"time"
)

// maxJobs is how many jobs of one user may run at the same time.
const maxJobs = 5

func listTemplates(c *call) (*answer, *apiError) {
	tm := c.parameter("team")
	out := []resource{}
	for _, t := range c.s.templates {
		if tm == "" || t.team != nil && t.team.gid == tm {
			out = append(out, t)
		}
	}
	return list(out)
}

func (c *call) template() (*projectTemplate, *apiError) {
	for _, t := range c.s.templates {
		if t.gid == c.vars["template"] {
			return t, nil
		}
	}
	return nil, unknown("project_template", c.vars["template"])
}

func getTemplate(c *call) (*answer, *apiError) {
	t, err := c.template()
	if err != nil {
		return nil, err
	}
	return just(t)
}

func (c *call) startJob(subtype string) (*job, *apiError) {
	running := 0
	for _, j := range c.s.jobs {
		if j.finish != nil && j.by == c.user {
			running++
		}
	}
	if running >= maxJobs {
		return nil, &apiError{status: http.StatusTooManyRequests, message: tooMany, wait: 5}
	}
	j := &job{entity: c.s.entity(c.now), subtype: subtype, status: "not_started", by: c.user, due: c.now.Add(c.s.opts.JobTime)}
	c.s.jobs = append(c.s.jobs, j)
	return j, nil
}

// instantiate makes a project of a template by a job. The project is there
// before the job is done, but empty.
func instantiate(c *call) (*answer, *apiError) {
	tpl, err := c.template()
	if err != nil {
		return nil, err
	}
	name, err := c.required("name")
	if err != nil {
		return nil, err
	}
	tm := tpl.team
	if id, err := gidOf("team", c.data["team"]); err != nil {
		return nil, err
	} else if id != "" {
		if tm = c.s.team(id); tm == nil {
			return nil, invalid("team: Unknown object: %s", id)
		}
	}
	start, due, err := c.requestedDates(tpl)
	if err != nil {
		return nil, err
	}
	j, err := c.startJob("instantiate_project")
	if err != nil {
		return nil, err
	}
	p := &project{name: name, values: map[string]*fieldValue{}, html: "<body></body>", view: "board", privacy: "public_to_workspace", team: tm, owner: c.user, template: tpl}
	c.s.addProject(p, c.user, c.now)
	c.s.addSection(p, "Untitled section", c.now)
	p.startOn, p.dueOn = start.Format(time.DateOnly), due
	j.project = p
	j.finish = func(now time.Time) { c.s.fill(tpl, p, c.user, start, now) }
	c.s.emit(&event{at: c.now, user: c.user, action: "added", resource: p.ref(), parent: ref{tm.gid, "team", ""}, seen: c.s.seenByProject(p)})
	return created(j)
}

// requestedDates reads the date variables; 1 is the start, 2 the due date.
func (c *call) requestedDates(tpl *projectTemplate) (start time.Time, due string, err *apiError) {
	start = c.now.Truncate(24 * time.Hour)
	given, _ := c.data["requested_dates"].([]any)
	var seen []string
	for _, raw := range given {
		m, _ := raw.(map[string]any)
		id, err := gidOf("requested_dates", m["gid"])
		if err != nil {
			return start, "", err
		}
		value, err := textOf("requested_dates", m["value"])
		if err != nil {
			return start, "", err
		}
		at, err := instantOf("requested_dates", value)
		if err != nil {
			return start, "", err
		}
		if !slices.ContainsFunc(tpl.dates, func(d dateVariable) bool { return d.gid == id }) {
			return start, "", invalid("requested_dates: Unknown date variable: %s", id)
		}
		seen = append(seen, id)
		switch id {
		case "1":
			start = at
		case "2":
			due = at.Format(time.DateOnly)
		}
	}
	strict := false
	if c.has("is_strict") {
		if strict, err = c.flag("is_strict"); err != nil {
			return start, "", err
		}
	}
	for _, d := range tpl.dates {
		if strict && !slices.Contains(seen, d.gid) {
			return start, "", refuse(http.StatusUnprocessableEntity, "requested_dates: A value for the date variable %s is required", quoted(d.name))
		}
	}
	return start, due, nil
}

// fill makes the sections and tasks of a template.
func (s *System) fill(tpl *projectTemplate, p *project, u *user, start, now time.Time) {
	c := &call{s: s, user: u, now: now}
	for i, plan := range tpl.plan {
		sec := p.sections[0]
		if i == 0 {
			sec.name = plan.name
		} else {
			sec = s.addSection(p, plan.name, now)
		}
		for _, pt := range plan.tasks {
			t := &task{entity: s.entity(now), name: pt.name, subtype: "default_task", createdBy: u, modified: now, values: map[string]*fieldValue{}, html: "<body></body>"}
			if pt.days >= 0 {
				t.dueOn = start.AddDate(0, 0, pt.days).Format(time.DateOnly)
			}
			s.tasks[t.gid] = t
			t.followers = appendUser(nil, u)
			s.place(t, p, sec, -1)
			s.index(t, now)
			s.announceNew(c, t)
		}
	}
	p.modified = now
}

func duplicateProject(c *call) (*answer, *apiError) {
	from, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	name, err := c.required("name")
	if err != nil {
		return nil, err
	}
	j, err := c.startJob("duplicate_project")
	if err != nil {
		return nil, err
	}
	p := &project{name: name, html: from.html, values: map[string]*fieldValue{}, view: from.view, privacy: from.privacy, team: from.team, owner: c.user}
	c.s.addProject(p, c.user, c.now)
	c.s.addSection(p, from.sections[0].name, c.now)
	j.project = p
	j.finish = func(now time.Time) {
		for i, sec := range from.sections {
			if i > 0 {
				c.s.addSection(p, sec.name, now)
			}
		}
		for _, st := range from.settings {
			c.s.attach(p, st.of, now)
		}
	}
	return created(j)
}

// getJob tells a job to who started it only.
func getJob(c *call) (*answer, *apiError) {
	for _, j := range c.s.jobs {
		if j.gid == c.vars["job"] && j.by == c.user {
			return just(j)
		}
	}
	return nil, unknown("job", c.vars["job"])
}
