package asana_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/asana"
)

func TestAuth(t *testing.T) {
	a := newAccount(t, asana.Options{})
	for _, token := range []string{"", "wrong"} {
		a.token = token
		a.refused(401, "Not Authorized", "GET", "/users/me", nil)
	}
	a.token = a.sys.IssueToken("oauth", ada, []string{"tasks:read", "users:read"})
	a.must(200, "GET", "/users/me", nil)
	a.refused(403, "scope", "POST", "/tasks", object{"name": "x"})
	a.refused(403, "scope", "GET", "/projects/"+a.project()+"/sections", nil) // no granular scope covers it
	a.refused(403, "scope", "POST", "/batch", object{"actions": []any{object{"method": "get", "relative_path": "/users/me"}}})
	a.sys.ExpireToken(a.token)
	a.refused(401, "Not Authorized", "GET", "/users/me", nil)
}

func TestOAuth(t *testing.T) {
	a := newAccount(t, asana.Options{})
	const back = "https://tenon.example/callback"
	post := func(form url.Values) (int, string) {
		t.Helper()
		resp, err := http.PostForm(a.url+"/-/oauth_token", form)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b strings.Builder
		_, _ = fmt.Fprint(&b, resp.Status)
		raw := make([]byte, 4096)
		n, _ := resp.Body.Read(raw)
		return resp.StatusCode, string(raw[:n])
	}
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {asana.DefaultClientID}, "client_secret": {asana.DefaultClientSecret}, "redirect_uri": {back}}
	form.Set("code", a.sys.Authorize(back, ada, nil))
	if status, body := post(form); status != 200 || !strings.Contains(body, "refresh_token") || !strings.Contains(body, `"expires_in":3600`) {
		t.Errorf("code: %d %s", status, body)
	}
	if status, body := post(form); status != 400 {
		t.Errorf("the code a second time: %d %s, want 400", status, body)
	}
	form = url.Values{"grant_type": {"refresh_token"}, "client_id": {asana.DefaultClientID}, "client_secret": {asana.DefaultClientSecret}, "refresh_token": {a.sys.Grant(ada)}}
	for range 2 {
		if status, body := post(form); status != 200 || strings.Contains(body, "refresh_token") {
			t.Errorf("refresh: %d %s; want an access token alone, again and again", status, body)
		}
	}
	form.Set("client_secret", "wrong")
	if status, _ := post(form); status != 401 {
		t.Errorf("wrong client secret: %d, want 401", status)
	}
}

func TestExternalIsForApps(t *testing.T) {
	a := newAccount(t, asana.Options{})
	plain := a.task(object{"name": "A", "external": object{"gid": "key-1"}})
	a.refused(404, "Unknown object", "GET", "/tasks/external:key-1", nil)
	a.token = a.sys.IssueToken("oauth", ada, nil)
	a.refused(404, "Unknown object", "GET", "/tasks/external:key-1", nil)
	id := a.task(object{"name": "B", "external": object{"gid": "key-1", "data": "d"}})
	if got := a.must(200, "GET", "/tasks/external%3Akey-1?opt_fields=external", nil); got["gid"] != id || got["external"].(object)["data"] != "d" {
		t.Errorf("external look-up: %v, want %s", got, id)
	}
	a.refused(400, "already in use", "POST", "/tasks", object{"name": "C", "workspace": a.workspace(), "external": object{"gid": "key-1"}})
	if got := a.must(200, "GET", "/tasks/"+plain+"?opt_fields=external", nil); got["external"] != nil {
		t.Errorf("external of a token's task: %v, want none", got["external"])
	}
}

func TestShapes(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(object{"name": "A"})
	compact := a.list("/tasks?project=" + a.project() + "&limit=1")[0]
	if len(compact) != 4 || compact["resource_subtype"] != "default_task" {
		t.Errorf("a listed task is %v; want the compact members", compact)
	}
	whole := a.must(200, "GET", "/tasks/"+id, nil)
	for _, name := range []string{"html_notes", "num_subtasks", "external"} {
		if _, ok := whole[name]; ok {
			t.Errorf("%s shows without being asked for", name)
		}
	}
	pruned := a.must(200, "GET", "/tasks/"+id+"?opt_fields=name,no_such_member,memberships.project", nil)
	if len(pruned) != 3 || pruned["no_such_member"] != nil {
		t.Errorf("opt_fields give %v; want gid, name and memberships", pruned)
	}
	status, out := a.call("GET", "/tasks?project="+a.project(), nil)
	if _, paged := out["next_page"]; status != 200 || paged {
		t.Errorf("next_page shows without a limit")
	}
	a.must(201, "POST", "/tasks", object{"name": "L", "workspace": a.workspace()})
	if got := a.head.Get("Location"); !strings.HasPrefix(got, "/api/1.0/tasks/") {
		t.Errorf("Location %q", got)
	}
	a.refused(404, "No matching route", "GET", "/nowhere", nil)
	a.refused(405, "Not Allowed", "PUT", "/users/me", nil)
}

func TestPaging(t *testing.T) {
	a := newAccount(t, asana.Options{NoSeed: true})
	for i := range 7 {
		a.task(object{"name": fmt.Sprint(i)})
	}
	path := "/tasks?project=" + a.project() + "&limit=3"
	_, out := a.call("GET", path, nil)
	next := out["next_page"].(object)["offset"].(string)
	seen := len(out["data"].([]any))
	for next != "" {
		_, out = a.call("GET", path+"&offset="+url.QueryEscape(next), nil)
		seen += len(out["data"].([]any))
		next = ""
		if n, ok := out["next_page"].(object); ok {
			next = n["offset"].(string)
		}
	}
	if seen != 7 {
		t.Errorf("%d tasks on all pages, want 7", seen)
	}
	for _, limit := range []string{"0", "101", "x"} {
		a.refused(400, "limit", "GET", "/tasks?project="+a.project()+"&limit="+limit, nil)
	}
	_, out = a.call("GET", path, nil)
	next = out["next_page"].(object)["offset"].(string)
	a.clock.Advance(time.Hour)
	a.refused(400, "expired", "GET", path+"&offset="+url.QueryEscape(next), nil)
}

func TestDueRules(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(object{"due_on": "2026-04-01"})
	put := func(data object) object { t.Helper(); return a.must(200, "PUT", "/tasks/"+id, data) }
	if got := put(object{"due_at": "2026-04-01T22:30:00.000Z"}); got["due_on"] != "2026-04-02" { // in Berlin
		t.Errorf("due_on beside due_at is %v", got["due_on"])
	}
	if got := put(object{"due_on": "2026-05-01"}); got["due_at"] != nil {
		t.Errorf("due_at beside due_on is %v", got["due_at"])
	}
	a.refused(400, "both", "PUT", "/tasks/"+id, object{"due_on": "2026-05-01", "due_at": "2026-05-01T10:00:00Z"})
	a.refused(400, "start_on", "PUT", "/tasks/"+id, object{"start_on": "2026-04-20"})
	a.refused(400, "due_at", "PUT", "/tasks/"+id, object{"start_at": "2026-04-20T10:00:00Z", "due_on": "2026-05-01"})
	a.refused(400, "before", "PUT", "/tasks/"+id, object{"start_on": "2026-06-20", "due_on": "2026-05-01"})
	put(object{"start_on": "2026-04-20", "due_on": "2026-05-01"})
	if got := put(object{"due_on": nil}); got["start_on"] != nil || got["due_on"] != nil {
		t.Errorf("without a due date: %v", got)
	}
	a.refused(400, "date", "PUT", "/tasks/"+id, object{"due_on": "tomorrow"})
}

func TestCreateOnlyMembers(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(nil)
	for _, name := range []string{"projects", "memberships", "tags", "followers", "parent", "workspace"} {
		a.refused(400, name, "PUT", "/tasks/"+id, object{name: []any{}})
	}
	a.refused(400, "workspace", "POST", "/tasks", object{"name": "nowhere"})
}

func TestCustomFieldHabits(t *testing.T) {
	a := newAccount(t, asana.Options{})
	f := a.sys.FieldGID
	id := a.task(object{"custom_fields": object{f("Budget"): 12.345, f("Progress"): 0.256, f("Reviewers"): []any{ada}}})
	put := func(data object) { t.Helper(); a.must(200, "PUT", "/tasks/"+id, object{"custom_fields": data}) }
	task, _ := a.sys.Task(id)
	if task.Fields["Budget"] != "12.35" || task.Fields["Progress"] != "0.26" {
		t.Errorf("rounded to %v and %v, want 12.35 and 0.26", task.Fields["Budget"], task.Fields["Progress"])
	}
	put(object{f("Reviewers"): object{"people_value": []any{"jonas.lindqvist@harbourworks.example"}}}) // as it is read: dropped without a word
	put(object{f("Skills"): []any{a.sys.OptionGID("Skills", "Design"), a.sys.OptionGID("Skills", "Backend")}})
	put(object{f("Skills"): []any{a.sys.OptionGID("Skills", "Rollout")}})
	put(object{f("Kick-off"): "2026-03-03"})
	put(object{f("Kick-off"): object{"date": "2026-03-04"}})
	task, _ = a.sys.Task(id)
	if got := fmt.Sprint(task.Fields["Reviewers"], task.Fields["Skills"], task.Fields["Kick-off"]); got != "["+ada+"] [Rollout]2026-03-04" {
		t.Errorf("the fields are %s", got)
	}
	a.refused(400, "read-only", "PUT", "/tasks/"+id, object{"custom_fields": object{f("Ticket"): "X-1"}})
	a.refused(400, "not a valid enum option", "PUT", "/tasks/"+id, object{"custom_fields": object{f("Priority"): "1"}})
	a.refused(400, "not on given object", "PUT", "/tasks/"+id, object{"custom_fields": object{"1": "x"}})
	a.refused(400, "too long", "PUT", "/tasks/"+id, object{"custom_fields": object{f("CRM deal"): strings.Repeat("x", 1025)}})
	a.must(200, "POST", "/tasks/"+id+"/removeProject", object{"project": a.project()})
	for _, v := range a.must(200, "GET", "/tasks/"+id, nil)["custom_fields"].([]any) {
		if v.(object)["enabled"] != false {
			t.Errorf("%v is enabled outside of its projects", v.(object)["name"])
		}
	}
	a.refused(400, "not on given object", "PUT", "/tasks/"+id, object{"custom_fields": object{f("Budget"): 5}})
	put(object{f("Budget"): nil})
}

func TestRichText(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(object{"html_notes": "<body><h1>Head</h1>Words\n<ul><li>one</li><li>two</li></ul></body>"})
	if got := a.must(200, "GET", "/tasks/"+id+"?opt_fields=notes", nil)["notes"]; got != "Head\nWords\n    one\n    two\n" {
		t.Errorf("notes are %q", got)
	}
	for _, bad := range []string{
		"Words", "<body>Words", "<body><br></body>", "<body><p>x</p></body>", `<body><strong class="x">x</strong></body>`, "<body></body><body></body>",
		"<body>a & b</body>", "<body><script>x</script></body>", "<body><!-- x --></body>",
	} {
		a.refused(400, "XML is invalid", "PUT", "/tasks/"+id, object{"html_notes": bad})
	}
	a.refused(400, "XML is invalid", "POST", "/tasks/"+id+"/stories", object{"html_text": "<body><h1>x</h1></body>"})
	mention := `<body><a data-asana-gid="` + a.sys.UserGID(ada) + `"/> look</body>`
	a.must(200, "PUT", "/tasks/"+id, object{"html_notes": mention})
	if got := a.must(200, "GET", "/tasks/"+id+"?opt_fields=html_notes", nil)["html_notes"].(string); !strings.Contains(got, `data-asana-dynamic="true">@Ada Okafor</a>`) {
		t.Errorf("a mention reads %s", got)
	}
}

func TestModifiedAt(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(object{"name": "A"})
	at := func() any { t.Helper(); return a.must(200, "GET", "/tasks/"+id, nil)["modified_at"] }
	before := at()
	a.clock.Advance(time.Minute)
	sections := a.list("/projects/" + a.project() + "/sections")
	a.must(200, "POST", "/tasks/"+id+"/addProject", object{"project": a.project(), "section": sections[1]["gid"]})
	sub := a.must(201, "POST", "/tasks/"+id+"/subtasks", object{"name": "Sub"})["gid"].(string)
	a.must(200, "PUT", "/tasks/"+sub, object{"name": "Changed"})
	if at() != before {
		t.Errorf("modified_at moved with a section or a subtask")
	}
	a.must(201, "POST", "/tasks/"+id+"/stories", object{"text": "Hello"})
	if at() == before {
		t.Errorf("modified_at did not move with a comment")
	}
	for _, row := range a.list("/tasks?project=" + a.project()) {
		if row["gid"] == sub {
			t.Errorf("a subtask stands in the project's list")
		}
	}
}

func TestInsertDefaults(t *testing.T) {
	a := newAccount(t, asana.Options{NoSeed: true})
	one, two, three := a.task(nil), a.task(nil), a.task(nil)
	section := a.list("/projects/" + a.project() + "/sections")[0]["gid"].(string)
	a.must(200, "POST", "/tasks/"+one+"/addProject", object{"project": a.project(), "section": section}) // to the end
	a.must(200, "POST", "/sections/"+section+"/addTask", object{"task": three})                          // to the top
	var order []any
	for _, row := range a.list("/sections/" + section + "/tasks") {
		order = append(order, row["gid"])
	}
	if fmt.Sprint(order) != fmt.Sprint([]any{three, two, one}) {
		t.Errorf("order %v, want %v", order, []any{three, two, one})
	}
}

func TestJobs(t *testing.T) {
	a := newAccount(t, asana.Options{})
	tpl := a.list("/project_templates?workspace=" + a.workspace())[0]["gid"].(string)
	path := "/project_templates/" + tpl + "/instantiateProject"
	a.refused(422, "required", "POST", path, object{"name": "x", "is_strict": true})
	a.refused(400, "name", "POST", path, nil)
	job := a.must(201, "POST", path, object{"name": "New"})
	id, project := job["gid"].(string), job["new_project"].(object)["gid"].(string)
	if job["status"] != "not_started" || len(a.list("/projects/"+project+"/tasks")) != 0 {
		t.Errorf("the job begins as %v, with tasks", job["status"])
	}
	a.clock.Advance(10 * time.Second)
	if got := a.must(200, "GET", "/jobs/"+id, nil); got["status"] != "succeeded" || len(a.list("/projects/"+project+"/tasks")) != 6 {
		t.Errorf("the job ends as %v", got)
	}
	for range 5 {
		a.must(201, "POST", path, object{"name": "More"})
	}
	a.refused(429, "rate limit", "POST", path, object{"name": "Too many"})
	a.token = a.sys.IssueToken("pat", ada, nil)
	a.refused(404, "Unknown object", "GET", "/jobs/"+id, nil)
}

func TestSearch(t *testing.T) {
	a := newAccount(t, asana.Options{NoSeed: true})
	a.task(object{"name": "Find me"})
	path := "/workspaces/" + a.workspace() + "/tasks/search?text=find+me"
	if n := len(a.list(path)); n != 0 {
		t.Errorf("the search knows a task at once: %d", n)
	}
	a.clock.Advance(time.Minute)
	if n := len(a.list(path)); n != 1 {
		t.Errorf("the search finds %d tasks after a minute, want one", n)
	}
	a.sys.SetFree(true)
	a.refused(402, "paid", "GET", path, nil)
}

func TestBatch(t *testing.T) {
	a := newAccount(t, asana.Options{})
	one := object{"method": "get", "relative_path": "/users/me"}
	var eleven []any
	for range 11 {
		eleven = append(eleven, one)
	}
	a.refused(400, "At most 10", "POST", "/batch", object{"actions": eleven})
	a.refused(400, "actions", "POST", "/batch", object{"actions": []any{}})
	status, out := a.call("POST", "/batch", object{"actions": []any{
		one,
		object{"method": "post", "relative_path": "/batch", "data": object{}},
		object{"method": "get", "relative_path": "/tasks?project=1"},
		object{"method": "post", "relative_path": "/attachments", "data": object{}},
		object{"method": "get", "relative_path": "/projects/" + a.project() + "/tasks", "options": object{"limit": 2, "fields": []any{"name"}}},
	}})
	rows := out["data"].([]any)
	var codes []any
	for _, r := range rows {
		codes = append(codes, r.(object)["status_code"])
	}
	if status != 200 || fmt.Sprint(codes) != "[200 400 400 400 200]" {
		t.Errorf("batch: %d, %v", status, codes)
	}
}

func TestLimits(t *testing.T) {
	a := newAccount(t, asana.Options{Limits: asana.Limits{PerMinute: 12}})
	for range 3 {
		a.must(200, "GET", "/users/me", nil)
	}
	var ten []any
	for range 10 {
		ten = append(ten, object{"method": "get", "relative_path": "/users/me"})
	}
	a.refused(429, "rate limit", "POST", "/batch", object{"actions": ten}) // does not fit, and counts
	if got := a.head.Get("Retry-After"); got != "46" {
		t.Errorf("Retry-After %q, want 46", got)
	}
	a.refused(429, "rate limit", "GET", "/users/me", nil)
	a.clock.Advance(time.Minute)
	a.must(200, "GET", "/users/me", nil)
	a.sys.SetLimits(asana.Limits{Cost: 10})
	a.clock.Advance(time.Minute)
	a.must(200, "GET", "/users", nil)
	a.must(200, "GET", "/projects/"+a.project()+"/custom_field_settings", nil) // overdrawn once
	a.refused(429, "rate limit", "GET", "/users/me", nil)
}

func TestTrash(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(object{"name": "A"})
	sub := a.must(201, "POST", "/tasks/"+id+"/subtasks", object{"name": "Sub"})["gid"].(string)
	a.must(200, "DELETE", "/tasks/"+id, nil)
	a.refused(404, "Unknown object", "GET", "/tasks/"+id, nil)
	a.refused(404, "Unknown object", "GET", "/tasks/"+sub, nil)
	if err := a.sys.As(ada).Restore(id); err != nil {
		t.Fatal(err)
	}
	a.must(200, "GET", "/tasks/"+id, nil)
}
