package asana

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one operation of the API.
type route struct {
	method, pattern string
	parts           []string
	scope           string // "": no granular scope covers it
	paid            bool   // of paid plans only
	op              func(*call) (*answer, *apiError)
	free            func(*call) (map[string]any, int, *apiError) // called without the lock, instead of op
}

// match finds the operation of a call. Literal parts win over parameters.
func (s *System) match(c *call) (*route, *apiError) {
	parts := strings.Split(strings.Trim(c.path, "/"), "/")
	var found *route
	literal, known := -1, false
	for _, rt := range s.routes {
		n, ok := rt.fits(parts)
		if !ok {
			continue
		}
		known = true
		if rt.method == c.method && n > literal {
			found, literal = rt, n
		}
	}
	switch {
	case found == nil && known:
		return nil, refuse(http.StatusMethodNotAllowed, "Method Not Allowed")
	case found == nil:
		return nil, refuse(http.StatusNotFound, "No matching route for request")
	}
	c.vars = map[string]string{}
	for i, p := range found.parts {
		if strings.HasPrefix(p, "{") {
			v, err := url.PathUnescape(parts[i])
			if err != nil {
				v = parts[i]
			}
			c.vars[strings.Trim(p, "{}")] = v
		}
	}
	return found, nil
}

func (rt *route) fits(parts []string) (literal int, ok bool) {
	if len(parts) != len(rt.parts) {
		return 0, false
	}
	for i, p := range rt.parts {
		switch {
		case strings.HasPrefix(p, "{"):
		case p != parts[i]:
			return 0, false
		default:
			literal++
		}
	}
	return literal, true
}

// table lists the operations.
func (s *System) table() []*route {
	var out []*route
	add := func(method, pattern, scope string, op func(*call) (*answer, *apiError)) *route {
		rt := &route{method: method, pattern: pattern, parts: strings.Split(strings.Trim(pattern, "/"), "/"), scope: scope, op: op}
		out = append(out, rt)
		return rt
	}
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete

	add(get, "/tasks", "tasks:read", listTasks)
	add(post, "/tasks", "tasks:write", createTask)
	add(get, "/tasks/{task}", "tasks:read", getTask)
	add(put, "/tasks/{task}", "tasks:write", updateTask)
	add(del, "/tasks/{task}", "tasks:delete", deleteTask)
	add(get, "/tasks/{task}/subtasks", "tasks:read", listSubtasks)
	add(post, "/tasks/{task}/subtasks", "tasks:write", createSubtask)
	add(get, "/tasks/{task}/projects", "projects:read", listTaskProjects)
	add(get, "/tasks/{task}/tags", "tags:read", listTaskTags)
	add(get, "/tasks/{task}/dependencies", "tasks:read", listDependencies)
	add(get, "/tasks/{task}/dependents", "tasks:read", listDependents)
	add(get, "/tasks/{task}/stories", "stories:read", listStories)
	add(post, "/tasks/{task}/stories", "stories:write", createStory)
	for name, op := range taskActions {
		add(post, "/tasks/{task}/"+name, "tasks:write", func(c *call) (*answer, *apiError) { return c.acting(op) })
	}
	add(get, "/projects/{project}/tasks", "tasks:read", listProjectTasks)
	add(get, "/sections/{section}/tasks", "tasks:read", listSectionTasks)
	add(get, "/tags/{tag}/tasks", "tasks:read", listTagTasks)
	add(get, "/workspaces/{workspace}/tasks/search", "tasks:read", searchTasks).paid = true
	add(get, "/workspaces/{workspace}/tasks/custom_id/{custom_id}", "tasks:read", getByCustomID)

	add(get, "/projects", "projects:read", listProjects)
	add(post, "/projects", "projects:write", createProject)
	add(get, "/projects/{project}", "projects:read", getProject)
	add(put, "/projects/{project}", "projects:write", updateProject)
	add(del, "/projects/{project}", "projects:delete", deleteProject)
	add(get, "/workspaces/{workspace}/projects", "projects:read", listProjects)
	add(post, "/workspaces/{workspace}/projects", "projects:write", createProject)
	add(get, "/teams/{team}/projects", "projects:read", listProjects)
	add(post, "/teams/{team}/projects", "projects:write", createProject)
	add(get, "/projects/{project}/task_counts", "projects:read", taskCounts)
	add(get, "/projects/{project}/custom_field_settings", "projects:read", listSettings).paid = true
	add(post, "/projects/{project}/addCustomFieldSetting", "projects:write", addSetting).paid = true
	add(post, "/projects/{project}/removeCustomFieldSetting", "projects:write", removeSetting).paid = true
	add(get, "/projects/{project}/sections", "", listSections)
	add(post, "/projects/{project}/sections", "", createSection)
	add(post, "/projects/{project}/sections/insert", "", insertSection)
	add(get, "/sections/{section}", "", getSection)
	add(put, "/sections/{section}", "", updateSection)
	add(del, "/sections/{section}", "", deleteSection)
	add(post, "/sections/{section}/addTask", "", addTaskToSection)
	add(get, "/memberships", "", listMemberships)
	add(get, "/status_updates", "", listStatuses)
	add(post, "/status_updates", "", createStatus)
	add(get, "/status_updates/{status}", "", getStatus)

	add(get, "/workspaces/{workspace}/custom_fields", "custom_fields:read", listCustomFields).paid = true
	add(post, "/custom_fields", "custom_fields:write", createCustomField).paid = true
	add(get, "/custom_fields/{field}", "custom_fields:read", getCustomField)
	add(put, "/custom_fields/{field}", "custom_fields:write", updateCustomField).paid = true
	add(del, "/custom_fields/{field}", "custom_fields:write", deleteCustomField).paid = true
	add(post, "/custom_fields/{field}/enum_options", "custom_fields:write", createOption).paid = true
	add(put, "/enum_options/{option}", "custom_fields:write", updateOption).paid = true

	add(get, "/users", "users:read", listUsers)
	add(get, "/users/{user}", "users:read", getUser)
	add(get, "/workspaces/{workspace}/users", "users:read", listWorkspaceUsers)
	add(get, "/teams/{team}/users", "users:read", listTeamUsers)
	add(get, "/workspaces", "workspaces:read", listWorkspaces)
	add(get, "/workspaces/{workspace}", "workspaces:read", getWorkspace)
	add(get, "/workspaces/{workspace}/teams", "teams:read", listTeams)
	add(get, "/users/{user}/teams", "teams:read", listUserTeams)
	add(get, "/teams/{team}", "teams:read", getTeam)
	add(get, "/workspaces/{workspace}/typeahead", "workspaces.typeahead:read", typeahead)

	add(get, "/tags", "tags:read", listTags)
	add(post, "/tags", "tags:write", createTag)
	add(get, "/workspaces/{workspace}/tags", "tags:read", listTags)
	add(post, "/workspaces/{workspace}/tags", "tags:write", createTag)
	add(get, "/tags/{tag}", "tags:read", getTag)
	add(put, "/tags/{tag}", "tags:write", updateTag)
	add(del, "/tags/{tag}", "tags:write", deleteTag)

	add(get, "/stories/{story}", "stories:read", getStory)
	add(put, "/stories/{story}", "stories:write", updateStory)
	add(del, "/stories/{story}", "stories:write", deleteStory)
	add(get, "/attachments", "attachments:read", listAttachments)
	add(post, "/attachments", "attachments:write", createAttachment)
	add(get, "/attachments/{attachment}", "attachments:read", getAttachment)
	add(del, "/attachments/{attachment}", "attachments:delete", deleteAttachment)

	add(get, "/project_templates", "project_templates:read", listTemplates)
	add(get, "/teams/{team}/project_templates", "project_templates:read", listTemplates)
	add(get, "/project_templates/{template}", "project_templates:read", getTemplate)
	add(post, "/project_templates/{template}/instantiateProject", "projects:write", instantiate)
	add(post, "/projects/{project}/duplicate", "projects:write", duplicateProject)
	add(get, "/jobs/{job}", "jobs:read", getJob)

	add(get, "/events", "", readEvents)
	add(get, "/webhooks", "webhooks:read", listHooks)
	add(post, "/webhooks", "webhooks:write", nil).free = s.createHook
	add(get, "/webhooks/{webhook}", "webhooks:read", getHook)
	add(put, "/webhooks/{webhook}", "webhooks:write", updateHook)
	add(del, "/webhooks/{webhook}", "webhooks:delete", deleteHook)
	add(post, "/batch", "", nil).free = s.batch
	return out
}
