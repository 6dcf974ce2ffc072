package asana

import (
	"time"
)

// zoneDay is the day of an instant as people of the workspace see it.
func (s *System) zoneDay(t time.Time) string { return t.In(s.zone).Format(time.DateOnly) }

func (t *task) field(v *viewer, name string) any {
	switch name {
	case "gid":
		return t.gid
	case "resource_type":
		return "task"
	case "resource_subtype":
		return t.subtype
	case "name":
		return t.name
	case "notes":
		return plainText(t.html)
	case "html_notes":
		return v.s.expandLinks(t.html)
	case "completed":
		return t.completed
	case "completed_at":
		return stamp(t.completedAt)
	case "completed_by":
		return orNil(t.completedBy)
	case "approval_status":
		if t.subtype != "approval" {
			return skipped
		}
		return t.approval
	case "assignee":
		return orNil(t.assignee)
	case "created_at":
		return stamp(t.created)
	case "created_by":
		return orNil(t.createdBy)
	case "modified_at":
		return stamp(t.modified)
	case "due_on":
		return orNull(t.dueOn)
	case "due_at":
		return stamp(t.dueAt)
	case "start_on":
		return orNull(t.startOn)
	case "start_at":
		return stamp(t.startAt)
	}
	return t.links(v, name)
}

// links are the members that lead to other objects.
func (t *task) links(v *viewer, name string) any {
	switch name {
	case "custom_fields":
		return t.fieldValues(v)
	case "followers":
		return resources(t.followers)
	case "tags":
		return resources(t.tags)
	case "parent":
		return orNil(t.parent)
	case "projects":
		out := []resource{}
		for _, m := range t.memberships {
			out = append(out, m.project)
		}
		return out
	case "memberships":
		out := []inline{}
		for _, m := range t.memberships {
			out = append(out, inline{"project": m.project, "section": m.section})
		}
		return out
	case "workspace":
		return v.s.workspace
	case "permalink_url":
		return t.permalink(v.s)
	case "num_subtasks":
		return len(t.subtasks)
	case "dependencies":
		return ids(t.dependencies)
	case "dependents":
		return ids(t.dependents)
	case "external":
		if t.external == nil || v.token == nil || v.token.app != t.external.app {
			return nil
		}
		return inline{"gid": t.external.gid, "data": orNull(t.external.data)}
	case "is_rendered_as_separator", "hearted", "liked":
		return name == "liked" && t.liked
	case "hearts", "likes":
		return []inline{}
	case "num_hearts", "num_likes":
		return 0
	case "assignee_status":
		return "upcoming"
	}
	return nil
}

func ids(tasks []*task) []inline {
	out := []inline{}
	for _, t := range tasks {
		out = append(out, inline{"gid": t.gid, "resource_type": "task"})
	}
	return out
}

// permalink is the address of a task: in its first project, or among the tasks
// without one.
func (t *task) permalink(s *System) string {
	base := "https://app.asana.com/"
	if s.uiBase != "" {
		base = s.uiBase + "/"
	}
	place := "0"
	if len(t.memberships) > 0 {
		place = t.memberships[0].project.gid
	}
	return base + "0/" + place + "/" + t.gid
}
