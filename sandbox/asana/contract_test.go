package asana_test

import (
	"net/http"
	"testing"

	"github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/asana/asanatest"
)

// TestWalk goes through the whole API.
func TestWalk(t *testing.T) { walk(newAccount(t, asana.Options{})) }

// TestContract does so under the eyes of Asana's document.
func TestContract(t *testing.T) {
	spec := asanatest.Load(t, "../..")
	a := newAccount(t, asana.Options{})
	a.http.Transport = spec.Transport(http.DefaultTransport)
	walk(a)
	exchanges, operations := spec.Checked()
	t.Logf("%d exchanges of %d operations checked", exchanges, operations)
}

func walk(a *account) {
	a.t.Helper()
	walkPeople(a)
	id := walkTasks(a)
	walkTaskActions(a, id)
	walkStories(a, id)
	walkProjects(a)
	walkFields(a)
	walkJobs(a)
	walkEvents(a, id)
	a.must(200, "DELETE", "/tasks/"+id, nil)
	a.refused(404, "Unknown object", "GET", "/tasks/"+id, nil)
}

func walkPeople(a *account) {
	a.t.Helper()
	ws := a.workspace()
	me := a.must(200, "GET", "/users/me", nil)
	a.must(200, "GET", "/users/"+ada, nil)
	a.must(200, "GET", "/users/"+me["gid"].(string)+"?opt_fields=name,email,workspaces.name", nil)
	a.refused(404, "Unknown object", "GET", "/users/1", nil)
	a.list("/users?workspace=" + ws + "&limit=2")
	a.list("/workspaces/" + ws + "/users")
	a.must(200, "GET", "/workspaces/"+ws, nil)
	team := a.list("/workspaces/" + ws + "/teams")[0]["gid"].(string)
	a.must(200, "GET", "/teams/"+team, nil)
	a.list("/teams/" + team + "/users")
	a.list("/users/me/teams?organization=" + ws)
	for _, kind := range []string{"user", "project", "tag", "task", "custom_field", "team", "project_template"} {
		a.list("/workspaces/" + ws + "/typeahead?resource_type=" + kind + "&query=e&count=3")
	}
	tag := a.must(201, "POST", "/tags", object{"workspace": ws, "name": "made"})["gid"].(string)
	a.must(200, "GET", "/tags/"+tag, nil)
	a.must(200, "PUT", "/tags/"+tag, object{"name": "renamed"})
	a.list("/workspaces/" + ws + "/tags?limit=50")
	a.list("/tags/" + tag + "/tasks?limit=5")
	a.must(200, "DELETE", "/tags/"+tag, nil)
}

func walkTasks(a *account) string {
	a.t.Helper()
	p := a.project()
	id := a.task(object{"name": "One", "html_notes": "<body><strong>Bold</strong></body>", "due_on": "2026-04-01", "start_on": "2026-03-20", "assignee": ada})
	a.must(200, "GET", "/tasks/"+id, nil)
	a.must(200, "GET", "/tasks/"+id+"?opt_fields=name,html_notes,assignee.email,memberships.(project|section).name,custom_fields.display_value,num_subtasks,external", nil)
	a.must(200, "PUT", "/tasks/"+id, object{"name": "Two", "completed": true})
	a.must(200, "PUT", "/tasks/"+id, object{"completed": false, "due_at": "2026-04-01T12:00:00.000Z"})
	a.list("/tasks?project=" + p + "&limit=2&modified_since=2026-01-01T00:00:00.000Z")
	a.list("/projects/" + p + "/tasks?limit=2&completed_since=now")
	section := a.list("/projects/" + p + "/sections")[1]["gid"].(string)
	a.list("/sections/" + section + "/tasks")
	a.list("/tasks?section=" + section)
	a.list("/tasks?assignee=me&workspace=" + a.workspace())
	sub := a.must(201, "POST", "/tasks/"+id+"/subtasks", object{"name": "Sub"})["gid"].(string)
	a.list("/tasks/" + id + "/subtasks?limit=5")
	a.must(201, "POST", "/tasks", object{"name": "Other sub", "parent": id})
	a.list("/tasks/" + id + "/projects")
	a.list("/tasks/" + id + "/tags")
	a.must(200, "POST", "/tasks/"+sub+"/setParent", object{"parent": nil})
	a.list("/workspaces/" + a.workspace() + "/tasks/search?text=review&sort_by=created_at&sort_ascending=true")
	return id
}

func walkTaskActions(a *account, id string) {
	a.t.Helper()
	p := a.project()
	sections := a.list("/projects/" + p + "/sections")
	tag := a.list("/workspaces/" + a.workspace() + "/tags")[0]["gid"]
	a.must(200, "POST", "/tasks/"+id+"/addProject", object{"project": p, "section": sections[2]["gid"]})
	a.must(200, "POST", "/sections/"+sections[0]["gid"].(string)+"/addTask", object{"task": id})
	a.must(200, "POST", "/tasks/"+id+"/addTag", object{"tag": tag})
	a.must(200, "POST", "/tasks/"+id+"/removeTag", object{"tag": tag})
	a.must(200, "POST", "/tasks/"+id+"/addFollowers", object{"followers": []any{ada}})
	a.must(200, "POST", "/tasks/"+id+"/removeFollowers", object{"followers": []any{ada}})
	other := a.task(object{"name": "Other"})
	a.must(200, "POST", "/tasks/"+id+"/addDependencies", object{"dependencies": []any{other}})
	a.list("/tasks/" + id + "/dependencies")
	a.list("/tasks/" + other + "/dependents")
	a.must(200, "POST", "/tasks/"+id+"/removeDependencies", object{"dependencies": []any{other}})
	a.must(200, "POST", "/tasks/"+other+"/removeProject", object{"project": p})
	ticket := ""
	for _, f := range a.must(200, "GET", "/tasks/"+id, nil)["custom_fields"].([]any) {
		if f.(object)["name"] == "Ticket" {
			ticket = f.(object)["text_value"].(string)
		}
	}
	a.must(200, "GET", "/workspaces/"+a.workspace()+"/tasks/custom_id/"+ticket, nil)
}

func walkStories(a *account, id string) {
	a.t.Helper()
	story := a.must(201, "POST", "/tasks/"+id+"/stories", object{"html_text": "<body>Hello <em>you</em></body>"})["gid"].(string)
	a.must(200, "GET", "/stories/"+story, nil)
	a.must(200, "PUT", "/stories/"+story, object{"text": "Changed"})
	a.list("/tasks/" + id + "/stories?limit=50&opt_fields=html_text,created_by.name,resource_subtype,new_name,new_dates,new_section.name,custom_field.name")
	a.must(200, "DELETE", "/stories/"+story, nil)
	a.list("/attachments?parent=" + id)
	a.list("/memberships?parent=" + a.project() + "&member=" + a.sys.UserGID(ada))
}

func walkProjects(a *account) {
	a.t.Helper()
	ws := a.workspace()
	team := a.list("/workspaces/" + ws + "/teams")[0]["gid"]
	p := a.must(201, "POST", "/projects", object{"name": "Made", "workspace": ws, "team": team, "html_notes": "<body>Words</body>"})["gid"].(string)
	a.must(200, "GET", "/projects/"+p, nil)
	a.must(200, "PUT", "/projects/"+p, object{"name": "Renamed", "due_on": "2026-05-01", "archived": true})
	a.list("/projects?workspace=" + ws + "&archived=false&limit=50")
	a.list("/workspaces/" + ws + "/projects?limit=2")
	a.list("/teams/" + team.(string) + "/projects?limit=2")
	one := a.must(201, "POST", "/projects/"+p+"/sections", object{"name": "First"})["gid"].(string)
	two := a.must(201, "POST", "/projects/"+p+"/sections", object{"name": "Second"})["gid"].(string)
	a.must(200, "GET", "/sections/"+one, nil)
	a.must(200, "PUT", "/sections/"+one, object{"name": "Renamed"})
	a.must(200, "POST", "/projects/"+p+"/sections/insert", object{"section": two, "before_section": one})
	a.must(200, "DELETE", "/sections/"+two, nil)
	a.must(200, "GET", "/projects/"+p+"/task_counts?opt_fields=num_tasks,num_completed_tasks", nil)
	status := a.must(201, "POST", "/status_updates", object{"parent": p, "status_type": "on_track", "title": "Well", "text": "All is well"})["gid"].(string)
	a.must(200, "GET", "/status_updates/"+status, nil)
	a.list("/status_updates?parent=" + p)
	a.must(200, "DELETE", "/projects/"+p, nil)
}

func walkFields(a *account) {
	a.t.Helper()
	ws, p := a.workspace(), a.project()
	a.list("/projects/" + p + "/custom_field_settings?limit=50")
	a.list("/workspaces/" + ws + "/custom_fields?limit=50")
	f := a.must(201, "POST", "/custom_fields", object{"workspace": ws, "name": "Size", "resource_subtype": "enum", "enum_options": []any{object{"name": "S"}, object{"name": "L"}}})["gid"].(string)
	a.must(200, "GET", "/custom_fields/"+f, nil)
	a.must(200, "PUT", "/custom_fields/"+f, object{"name": "T-shirt"})
	o := a.must(201, "POST", "/custom_fields/"+f+"/enum_options", object{"name": "XL"})["gid"].(string)
	a.must(200, "PUT", "/enum_options/"+o, object{"enabled": false})
	a.must(200, "POST", "/projects/"+p+"/addCustomFieldSetting", object{"custom_field": f})
	a.refused(403, "already exists", "POST", "/projects/"+p+"/addCustomFieldSetting", object{"custom_field": f})
	a.refused(400, "disabled", "PUT", "/tasks/"+a.task(nil), object{"custom_fields": object{f: o}})
	a.must(200, "POST", "/projects/"+p+"/removeCustomFieldSetting", object{"custom_field": f})
	a.must(200, "DELETE", "/custom_fields/"+f, nil)
}

func walkJobs(a *account) {
	a.t.Helper()
	tpl := a.list("/project_templates?workspace=" + a.workspace())[0]["gid"].(string)
	a.must(200, "GET", "/project_templates/"+tpl, nil)
	a.must(201, "POST", "/project_templates/"+tpl+"/instantiateProject", object{"name": "New", "requested_dates": []any{object{"gid": "1", "value": "2026-04-01T00:00:00.000Z"}}})
	job := a.must(201, "POST", "/projects/"+a.project()+"/duplicate", object{"name": "Copy"})["gid"].(string)
	a.must(200, "GET", "/jobs/"+job, nil)
}

func walkEvents(a *account, id string) {
	a.t.Helper()
	p := a.project()
	status, out := a.call("GET", "/events?resource="+p, nil)
	if status != 412 {
		a.t.Fatalf("first look at the events: status %d, want 412", status)
	}
	a.must(200, "PUT", "/tasks/"+id, object{"name": "Three"})
	a.clock.Advance(3e9)
	if rows := a.list("/events?resource=" + p + "&sync=" + out["sync"].(string)); len(rows) == 0 {
		a.t.Error("the stream does not tell of the edit")
	}
	r := newReceiver(a.t)
	hook := a.must(201, "POST", "/webhooks", object{"resource": p, "target": r.URL, "filters": []any{object{"resource_type": "task", "action": "changed", "fields": []any{"name"}}}})["gid"].(string)
	a.must(200, "GET", "/webhooks/"+hook, nil)
	a.list("/webhooks?workspace=" + a.workspace() + "&resource=" + p)
	a.must(200, "PUT", "/webhooks/"+hook, object{"filters": []any{object{"resource_type": "task"}}})
	a.must(200, "DELETE", "/webhooks/"+hook, nil)
	a.call("POST", "/batch", object{"actions": []any{
		object{"method": "get", "relative_path": "/tasks/" + id, "options": object{"fields": []any{"name"}}},
		object{"method": "put", "relative_path": "/tasks/" + id, "data": object{"name": "Four"}},
		object{"method": "get", "relative_path": "/tasks/1"},
	}})
}
