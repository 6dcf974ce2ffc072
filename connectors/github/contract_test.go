package github_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
)

// document is the part of GitHub's OpenAPI document that requests are checked
// against.
type document struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Parameters map[string]parameter `json:"parameters"`
	} `json:"components"`
}

type parameter struct {
	Ref  string `json:"$ref"`
	Name string `json:"name"`
	In   string `json:"in"`
}

type operation struct {
	Parameters  []parameter `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema bodySchema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type bodySchema struct {
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	OneOf      []bodySchema               `json:"oneOf"`
	AnyOf      []bodySchema               `json:"anyOf"`
}

func loadDocument(t *testing.T) *document {
	t.Helper()
	f, err := os.Open(filepath.FromSlash("../../../shared/specs/github.openapi.json.gz"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("GitHub's OpenAPI document is not beside the repository (../shared/specs)")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.NewDecoder(z).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// find returns the operation of a request; literal paths win.
func (d *document) find(method, path string) (template string, op operation, ok bool) {
	best := -1
	segments := strings.Split(path, "/")
	for candidate, methods := range d.Paths {
		parts := strings.Split(candidate, "/")
		raw, has := methods[strings.ToLower(method)]
		if !has || len(parts) != len(segments) {
			continue
		}
		literals, fits := 0, true
		for n, part := range parts {
			if part == segments[n] {
				literals++
			} else if !strings.HasPrefix(part, "{") {
				fits = false
			}
		}
		var found operation
		if fits && literals > best && json.Unmarshal(raw, &found) == nil {
			best, template, op, ok = literals, candidate, found, true
		}
	}
	return template, op, ok
}

// takes reports whether an operation has a parameter of that name in its query.
func (d *document) takes(op operation, name string) bool {
	return slices.ContainsFunc(op.Parameters, func(p parameter) bool {
		if p.Ref != "" {
			p = d.Components.Parameters[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
		}
		return p.In == "query" && p.Name == name
	})
}

// sent is a request as the network saw it.
type sent struct {
	method, path string
	query        []string
	header       http.Header
	body         []byte
}

// recorder keeps the requests that pass.
type recorder struct {
	mu   sync.Mutex
	sent []sent
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	s := sent{method: req.Method, path: req.URL.EscapedPath(), header: req.Header.Clone()}
	for name := range req.URL.Query() {
		s.query = append(s.query, name)
	}
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		s.body = raw
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(raw))
	}
	r.mu.Lock()
	r.sent = append(r.sent, s)
	r.mu.Unlock()
	return http.DefaultTransport.RoundTrip(req)
}

// undocumented are calls that the document, or this cut of it, leaves out.
var undocumented = []string{"POST /graphql", "GET /search/users", "GET /repositories/"}

func TestRequestsKeepToTheDocument(t *testing.T) {
	d := loadDocument(t)
	w := newWorld(t, sandbox.Options{}, nil)
	rec := &recorder{}
	w.conn = open(t, w.url, nil, connectors.Options{Clock: w.clock, Transport: rec, UserAgent: "tenon-test"})
	exercise(t, w)
	app := open(t, w.url, map[string]string{"app_id": "4711", "private_key": sandbox.DefaultPrivateKey}, connectors.Options{Clock: w.clock, Transport: rec, UserAgent: "tenon-test"})
	if _, err := app.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rec.sent {
		if v := r.header.Get("X-GitHub-Api-Version"); v != "2022-11-28" || r.header.Get("User-Agent") == "" {
			t.Errorf("%s %s names the version %q and the agent %q", r.method, r.path, v, r.header.Get("User-Agent"))
		}
		call := r.method + " " + r.path
		if slices.ContainsFunc(undocumented, func(u string) bool { return strings.HasPrefix(call, u) }) {
			continue
		}
		template, op, ok := d.find(r.method, r.path)
		if !ok {
			t.Errorf("%s is no operation", call)
			continue
		}
		seen[r.method+" "+template] = true
		for _, q := range r.query {
			if !d.takes(op, q) {
				t.Errorf("%s %s has no parameter %q", r.method, template, q)
			}
		}
		if len(r.body) > 0 {
			checkBody(t, r.method+" "+template, op.RequestBody.Content["application/json"].Schema, r.body)
		}
	}
	for _, want := range []string{
		"GET /repos/{owner}/{repo}/issues", "POST /repos/{owner}/{repo}/issues", "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
		"POST /repos/{owner}/{repo}/issues/{issue_number}/sub_issues", "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
		"POST /repos/{owner}/{repo}/hooks", "POST /app/installations/{installation_id}/access_tokens", "PATCH /repos/{owner}/{repo}/milestones/{milestone_number}",
	} {
		if !seen[want] {
			t.Errorf("%s was not called", want)
		}
	}
}

func checkBody(t *testing.T, what string, s bodySchema, raw []byte) {
	t.Helper()
	var body map[string]json.RawMessage
	if err := json.Unmarshal(raw, &body); err != nil {
		if !strings.HasSuffix(what, "/labels") { // the bare list is documented among the choices
			t.Errorf("%s: the body %s is no object", what, raw)
		}
		return
	}
	choices := append([]bodySchema{s}, slices.Concat(s.OneOf, s.AnyOf)...)
	for name := range body {
		if !slices.ContainsFunc(choices, func(c bodySchema) bool { _, has := c.Properties[name]; return has }) {
			t.Errorf("%s takes no %q", what, name)
		}
	}
	for _, name := range s.Required {
		if _, has := body[name]; !has {
			t.Errorf("%s: %q is missing", what, name)
		}
	}
}

// exercise calls every method of a connection.
func exercise(t *testing.T, w *world) {
	t.Helper()
	ctx := t.Context()
	can := connectors.AbilitiesOf(w.conn)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sel := connectors.Selection{Object: "issue", Scope: delivery, Fields: []string{"title", "assignee", "milestone"}}
	must(w.conn.Check(ctx))
	must(w.conn.Schema(ctx, "issue", delivery))
	must(w.conn.Schema(ctx, "milestone", delivery))
	must(w.conn.Changes(ctx, sel, ""))
	made := w.conn.Create(ctx, []connectors.Create{{Object: "issue", Scope: delivery, Key: "tenon-1", Fields: map[string]connectors.Value{
		"title": connectors.Text("Made"), "labels": connectors.Labels("bug"), "status": connectors.Choice(connectors.Option{ID: "completed"}), "type": connectors.Choice(connectors.Option{ID: "Task"}),
	}}, {Object: "milestone", Scope: delivery, Key: "tenon-2", Fields: map[string]connectors.Value{"title": connectors.Text("Stone"), "due_on": connectors.Date(2026, 3, 29)}}})
	must(nil, errors.Join(made[0].Err, made[1].Err))
	must(nil, w.conn.Create(ctx, []connectors.Create{{Object: "issue", Scope: delivery, Parent: made[0].ID, Fields: map[string]connectors.Value{"title": connectors.Text("Below")}}})[0].Err)
	updates := w.conn.Update(ctx, []connectors.Update{
		{Object: "issue", Scope: delivery, ID: made[0].ID, Fields: map[string]connectors.Value{"body": connectors.RichText("Text"), "status": connectors.Choice(connectors.Option{ID: "not_planned"}), "milestone": connectors.Null, "assignee": connectors.PersonValue(connectors.Person{Email: ada})}},
		{Object: "milestone", Scope: delivery, ID: made[1].ID, Fields: map[string]connectors.Value{"description": connectors.RichText("Text"), "state": connectors.Choice(connectors.Option{ID: "closed"})}},
	})
	must(nil, errors.Join(updates[0].Err, updates[1].Err))
	edit := w.conn.Update(ctx, []connectors.Update{{Object: "issue", Scope: delivery, ID: made[0].ID, Edits: map[string]connectors.SetEdit{
		"labels": {Add: connectors.Labels("crm").Options(), Remove: connectors.Labels("bug").Options()},
	}}})
	must(nil, edit[0].Err)
	must(w.conn.Read(ctx, sel, []string{made[0].ID, w.id(4711)}))
	must(w.conn.FindByKey(ctx, "issue", delivery, []string{"tenon-1"}))
	must(can.Finder.Find(ctx, sel, "title", []connectors.Value{connectors.Text("Made")}, 5))
	must(can.PeopleFinder.PeopleByEmail(ctx, []string{tom}))
	must(can.Commenter.AddComment(ctx, "issue", made[0].ID, connectors.Comment{Body: "Said", Key: "tenon-3"}))
	must(can.Commenter.Comments(ctx, "issue", made[0].ID))
	must(can.Filer.AddLink(ctx, "issue", made[0].ID, connectors.NewLink{Name: "offer.pdf", URL: "https://files.example/offer.pdf"}))
	must(can.HistoryReader.History(ctx, "issue", []string{made[0].ID}, []string{"title", "status"}, w.clock.Now().Add(-time.Hour)))
	must(can.RightsChecker.MissingRights(ctx, []connectors.Need{{Object: "issue", Scope: delivery, Write: true, Create: true, Comment: true, Retire: true}}))
	target := connectors.WebhookTarget{URL: w.hooks + "/other", Objects: []connectors.Selection{sel}}
	must(can.WebhookRegistrar.EnsureWebhook(ctx, target))
	must(can.Locator.Locate(ctx, "harbourworks/delivery#1"))
	for _, object := range []string{"issue", "milestone"} {
		id := map[string]string{"issue": made[0].ID, "milestone": made[1].ID}[object]
		must(nil, errors.Join(can.Deleter.Delete(ctx, object, []string{id})...))
	}
}
