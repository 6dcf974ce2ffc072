package asana_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/asana"
)

func (a *account) page(path string) string {
	a.t.Helper()
	resp, err := http.Get(a.url + path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		a.t.Fatalf("GET %s: %d, %v", path, resp.StatusCode, err)
	}
	return string(body)
}

func (a *account) submit(path string, form url.Values) {
	a.t.Helper()
	resp, err := http.PostForm(a.url+path, form)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || strings.Contains(string(body), "problem=") {
		a.t.Errorf("POST %s: %d", path, resp.StatusCode)
	}
}

func TestPages(t *testing.T) {
	a := newAccount(t, asana.Options{})
	if got := a.page("/"); !strings.Contains(got, asana.DefaultProject) {
		t.Error("the first page does not show the project")
	}
	p := a.project()
	a.submit("/0/"+p+"/tasks", url.Values{"name": {"By <hand>"}})
	tasks := a.sys.Tasks(asana.DefaultProject)
	var id string
	for _, task := range tasks {
		if task.Name == "By <hand>" {
			id = task.GID
		}
	}
	if got := a.page("/0/" + p + "/list"); !strings.Contains(got, "By &lt;hand&gt;") || !strings.Contains(got, "In Progress") {
		t.Error("the board does not show the task")
	}
	if got := a.page("/0/" + p + "/" + id); !strings.Contains(got, "field:Budget") {
		t.Error("the task's page has no field for the budget")
	}
	done := a.sys.SectionGID(asana.DefaultProject, "Done")
	a.submit("/0/"+p+"/"+id, url.Values{"name": {"Renamed"}, "completed": {"on"}, "due_on": {"2026-04-01"}, "assignee": {ada}, "section": {done}, "field:Budget": {"5.5"}, "field:Priority": {a.sys.OptionGID("Priority", "High")}, "notes": {"Words"}})
	a.submit("/0/"+p+"/"+id+"/comments", url.Values{"text": {"Well done"}})
	task, _ := a.sys.Task(id)
	if task.Name != "Renamed" || !task.Completed || task.Section != "Done" || task.Assignee != ada || task.Fields["Budget"] != "5.5" || task.Fields["Priority"] != "High" || len(task.Comments) != 1 || task.Notes != "<body>Words</body>" {
		t.Errorf("the task became %+v", task)
	}
	a.submit("/0/"+p+"/"+id+"/delete", nil)
	if _, ok := a.sys.Task(id); ok {
		t.Error("the task is there still")
	}
}

func TestAttachments(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(object{"name": "A"})
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("parent", id)
	part, err := w.CreateFormFile("file", "offer.pdf")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte("content"))
	_ = w.Close()
	req, err := http.NewRequestWithContext(t.Context(), "POST", a.url+"/api/1.0/attachments", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Data object }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != 200 {
		t.Fatalf("upload: %d, %v; want 200", resp.StatusCode, err)
	}
	address := out.Data["download_url"].(string)
	get := func() (int, string) {
		t.Helper()
		r, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(b)
	}
	if status, b := get(); status != 200 || b != "content" {
		t.Errorf("download: %d %q", status, b)
	}
	a.clock.Advance(3 * time.Minute)
	if status, _ := get(); status != 403 {
		t.Errorf("download after three minutes: %d, want 403", status)
	}
	if rows := a.list("/attachments?parent=" + id); len(rows) != 1 {
		t.Errorf("%d attachments, want one", len(rows))
	}
	a.must(200, "DELETE", "/attachments/"+out.Data["gid"].(string), nil)
}

func TestControl(t *testing.T) {
	a := newAccount(t, asana.Options{NoSeed: true})
	post := func(want int, path, body string) object {
		t.Helper()
		resp, err := http.Post(a.url+"/_sandbox/"+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out object
		_ = json.NewDecoder(resp.Body).Decode(&out)
		if resp.StatusCode != want {
			t.Fatalf("POST %s: %d %v, want %d", path, resp.StatusCode, out, want)
		}
		return out
	}
	gid := post(201, "create", `{"user":"`+ada+`","project":"Client delivery","section":"In Progress","fields":{"name":"A","tags":["crm"],"Priority":"High","Reviewers":["`+ada+`"]}}`)["gid"].(string)
	post(204, "edit", `{"user":"`+ada+`","gid":"`+gid+`","fields":{"name":"B","section":"Done","due_on":"2026-04-01"}}`)
	post(201, "comment", `{"user":"`+ada+`","gid":"`+gid+`","text":"Hello"}`)
	post(204, "move", `{"user":"`+ada+`","gid":"`+gid+`","project":"Website relaunch","section":"Doing"}`)
	task, _ := a.sys.Task(gid)
	if task.Name != "B" || task.Projects[0] != "Website relaunch" || task.Section != "Doing" || len(task.Comments) != 1 || task.Tags[0] != "crm" {
		t.Errorf("the task became %+v", task)
	}
	post(204, "delete", `{"user":"`+ada+`","gid":"`+gid+`"}`)
	post(204, "restore", `{"user":"`+ada+`","gid":"`+gid+`"}`)
	post(400, "edit", `{"user":"nobody@nowhere.example","gid":"`+gid+`","fields":{}}`)
	a.token = post(201, "token", `{"user":"`+ada+`","kind":"oauth"}`)["token"].(string)
	a.must(200, "GET", "/users/me", nil)
	post(204, "access", `{"project":"Website relaunch","user":"`+ada+`","level":"viewer"}`)
	a.refused(403, "permission", "PUT", "/tasks/"+gid, object{"name": "C"})
	post(204, "access", `{"project":"Website relaunch","user":"`+ada+`","level":"editor"}`)
	post(204, "deny", `{"deny":true}`)
	a.refused(403, "permission", "PUT", "/tasks/"+gid, object{"name": "C"})
	post(204, "deny", `{"deny":false}`)
	post(204, "hide", `{"field":"Budget"}`)
	post(204, "plan", `{"free":true}`)
	a.refused(402, "paid", "GET", "/workspaces/"+a.workspace()+"/custom_fields", nil)
	post(204, "limits", `{"perMinute":1}`)
	a.refused(429, "rate limit", "GET", "/users/me", nil)
	post(204, "limits", `{}`)
	post(204, "webhooks/drop", `{}`)
	post(204, "sync/expire", `{}`)
	post(204, "token/expire", `{}`)
	a.refused(401, "Not Authorized", "GET", "/users/me", nil)
	resp, err := http.Get(a.url + "/_sandbox/tasks?gid=" + gid)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("GET tasks: %d", resp.StatusCode)
	}
}
