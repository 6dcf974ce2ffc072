package asana

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

func testConnection() *Connection { return &Connection{name: "asana-test", keyName: "Tenon key"} }

// sample reads recorded traffic that may lie beside the repository.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", "asana", name))
	if err != nil {
		t.Skip("the recorded samples are not beside the repository")
	}
	return raw
}

func data(t *testing.T, raw []byte, out any) {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	if err := decodeData(e.Data, out); err != nil {
		t.Fatal(err)
	}
}

func TestRecordedTasks(t *testing.T) {
	var w wireTask
	data(t, sample(t, "rest.task.custom_fields.json"), &w)
	scope := &scopeRef{project: &projectInfo{gid: "1200357126478233", name: "Dev Rel"}}
	fields := []string{"name", "notes", "completed", "due_on", "assignee", "section", "1200356505937920", "1200984998822859"}
	r := testConnection().taskRecord(&w, objectTask, fields, scope)
	if r.Ref.ID != "1201341524116587" || !r.InScope || r.Modified != time.Date(2022, 4, 30, 0, 48, 20, 185e6, time.UTC) {
		t.Errorf("record %v, in scope %v, modified %v", r.Ref, r.InScope, r.Modified)
	}
	for field, want := range map[string]connectors.Value{
		"notes": connectors.Null, "completed": connectors.Bool(false), "due_on": connectors.Null, "assignee": connectors.Null,
		"section": connectors.Choice(connectors.Option{ID: "1201209908120915"}), "1200356505937920": connectors.Null, "1200984998822859": connectors.Null,
	} {
		if got, p := r.Get(field); p != connectors.Present || !connectors.Equal(got, want) {
			t.Errorf("%s: got %q (%v), want %q", field, got, p, want)
		}
	}
}

func TestRecordedRichText(t *testing.T) {
	var w wireTask
	data(t, sample(t, "rest.task.rich_notes.json"), &w)
	r := testConnection().taskRecord(&w, objectTask, []string{"notes", "due_on"}, &scopeRef{})
	notes, _ := r.Get("notes")
	for _, want := range []string{"**Which documentation should be added?**", "[#2959](https://example.com/issues/2959)", "- [https://docs.example.com/a](https://docs.example.com/a)"} {
		if !strings.Contains(notes.Text(), want) {
			t.Errorf("the description lacks %q:\n%s", want, notes.Text())
		}
	}
	if due, _ := r.Get("due_on"); due.String() != "2021-05-21" {
		t.Errorf("due_on: got %q, want 2021-05-21", due)
	}
}

func TestRecordedStories(t *testing.T) {
	var stories []wireStory
	data(t, sample(t, "rest.stories.json"), &stories)
	comments, err := testConnection().commentsOf(objectTask, "1", stories)
	if err != nil || len(comments) != 1 || comments[0].ID != "1201274016828455" {
		t.Errorf("comments among the stories: %+v, %v; want the one of 2021-10-26", comments, err)
	}
	edits := stories[5].edits([]string{"completed"}, time.Time{})
	if len(edits) != 1 || !edits[0].Value.Bool() {
		t.Errorf("edits of %s: %+v, want completed", stories[5].Subtype, edits)
	}
}

func TestRecordedDeliveries(t *testing.T) {
	for name, want := range map[string]int{"webhook.delivery.heartbeat.json": 0, "webhook.delivery.task_completed.json": 1, "webhook.delivery.task_renamed.json": 1} {
		d, newest, err := parseDelivery(sample(t, name), []string{objectTask})
		if err != nil || len(d.Hints) != want || want > 0 && newest.IsZero() {
			t.Errorf("%s: hints %+v, newest %v, %v; want %d hints", name, d.Hints, newest, err, want)
		}
	}
}

func TestRecordedRefusals(t *testing.T) {
	var list []struct {
		Status int             `json:"status"`
		Case   string          `json:"case"`
		Body   json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(sample(t, "errors.json"), &list); err != nil {
		t.Fatal(err)
	}
	want := map[int]connectors.Kind{
		400: connectors.Invalid, 401: connectors.Auth, 403: connectors.Permission, 412: connectors.Invalid, 429: connectors.RateLimited, 500: connectors.Unavailable,
	}
	for _, e := range list {
		var r refusal
		if err := json.Unmarshal(e.Body, &r); err != nil || r.words() == "" {
			t.Errorf("%s: no words, %v", e.Case, err)
		}
		if got := kindOf(e.Status); got != want[e.Status] {
			t.Errorf("%s: status %d is %v, want %v", e.Case, e.Status, got, want[e.Status])
		}
	}
}

func TestMarker(t *testing.T) {
	for _, html := range []string{"<body></body>", "<body>Words</body>", "<body><ul><li>a</li></ul></body>", ""} {
		marked := mark(html, "tenon-k1")
		rest, key := unmark(marked)
		want := html
		if want == "" {
			want = emptyBody
		}
		if key != "tenon-k1" || rest != want {
			t.Errorf("unmark(mark(%q)): %q, %q", html, rest, key)
		}
	}
	read := `<body>Words` + "\n" + `<a href="https://key.tenon.invalid/tenon-k2" data-asana-accessible="true">made by Tenon</a></body>`
	if rest, key := unmark(read); rest != "<body>Words</body>" || key != "tenon-k2" {
		t.Errorf("a marker with attributes of Asana's: %q, %q", rest, key)
	}
}

func TestLocateForms(t *testing.T) {
	c := &Connection{site: "https://app.asana.com"}
	for text, want := range map[string][2]string{
		"https://app.asana.com/0/1200357126478233/1201341524116587":                                     {objectTask, "1201341524116587"},
		"https://app.asana.com/0/1200357126478233/1201341524116587/f":                                   {objectTask, "1201341524116587"},
		"https://app.asana.com/0/0/1201341524116587":                                                    {objectTask, "1201341524116587"},
		"https://app.asana.com/0/1200357126478233/list":                                                 {objectProject, "1200357126478233"},
		"https://app.asana.com/1/1199152354181012/project/1200357126478233/task/1201341524116587?focus": {objectTask, "1201341524116587"},
		"https://app.asana.com/1/1199152354181012/task/1201341524116587":                                {objectTask, "1201341524116587"},
		"https://app.asana.com/1/1199152354181012/project/1200357126478233/list/12":                     {objectProject, "1200357126478233"},
		"1201341524116587": {objectTask, "1201341524116587"},
		"42":               {},
		"https://elsewhere.example/0/1200357126478233/120134152411": {},
		"https://app.asana.com/0":                                   {},
	} {
		if object, id := c.gidIn(text); object != want[0] || id != want[1] {
			t.Errorf("%s: got %s %s, want %v", text, object, id, want)
		}
	}
}

// BenchmarkRecord converts an answer with 40 fields, JSON included.
func BenchmarkRecord(b *testing.B) {
	raw, fields := bigTask(b)
	c, scope := testConnection(), &scopeRef{project: &projectInfo{gid: "12"}}
	for b.Loop() {
		if _, err := c.decodeRecord(objectTask, raw, fields, scope); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConvert is the part of it that is Tenon's own.
func BenchmarkConvert(b *testing.B) {
	raw, fields := bigTask(b)
	c, scope := testConnection(), &scopeRef{project: &projectInfo{gid: "12"}}
	var w wireTask
	if err := json.Unmarshal(raw, &w); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.taskRecord(&w, objectTask, fields, scope)
	}
}

func bigTask(b *testing.B) (raw []byte, fields []string) {
	b.Helper()
	values := []map[string]any{
		{"text_value": "A text of some words"},
		{"number_value": 12345.5},
		{"date_value": map[string]any{"date": "2026-03-12"}},
		{"enum_value": map[string]any{"gid": "99", "name": "High"}},
		{"multi_enum_values": []any{map[string]any{"gid": "1", "name": "a"}, map[string]any{"gid": "2", "name": "b"}}},
	}
	var custom []any
	for i := range 35 {
		v := map[string]any{"gid": fmt.Sprint(1200000000000000 + i)}
		for k, x := range values[i%len(values)] {
			v[k] = x
		}
		custom, fields = append(custom, v), append(fields, v["gid"].(string))
	}
	fields = append(fields, "name", "completed", "due_on", "assignee", "section")
	raw, err := json.Marshal(map[string]any{
		"gid": "1201341524116587", "name": "A task", "completed": true, "due_on": "2026-03-12", "modified_at": "2026-03-12T07:34:04.426Z", "created_at": "2026-03-12T07:34:04.426Z",
		"assignee": map[string]any{"gid": "5", "name": "Ada", "email": "ada@example.com"}, "custom_fields": custom,
		"memberships": []any{map[string]any{"project": map[string]any{"gid": "12"}, "section": map[string]any{"gid": "13", "name": "To Do"}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return raw, fields
}
