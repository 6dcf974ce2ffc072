package jira_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

// The OpenAPI document of Jira Cloud, where the folder of specifications stands
// beside the repository.
const openAPI = "../../../shared/specs/jira-cloud-v3.openapi.json.gz"

// spec is the part of an OpenAPI document that requests are checked against.
type spec struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	Parameters []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type schema struct {
	Ref        string                     `json:"$ref"`
	Type       string                     `json:"type"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Additional any                        `json:"additionalProperties"`
}

func loadSpec(t *testing.T) *spec {
	t.Helper()
	f, err := os.Open(openAPI)
	if err != nil {
		t.Skip("the OpenAPI document of Jira Cloud is not beside the repository (../shared/specs)")
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	// A path holds parameters beside its operations: only those are read.
	var loose struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	var s spec
	if err := json.Unmarshal(raw, &loose); err != nil {
		t.Fatal(err)
	}
	s.Paths = map[string]map[string]operation{}
	for path, methods := range loose.Paths {
		s.Paths[path] = map[string]operation{}
		for method, body := range methods {
			var op operation
			if json.Unmarshal(body, &op) == nil {
				s.Paths[path][strings.ToUpper(method)] = op
			}
		}
	}
	var rest struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(raw, &rest); err != nil {
		t.Fatal(err)
	}
	s.Components.Schemas = map[string]schema{}
	for name, body := range rest.Components.Schemas {
		var sc schema
		if json.Unmarshal(body, &sc) == nil {
			s.Components.Schemas[name] = sc
		}
	}
	return &s
}

// sentRequest is a request as the network saw it.
type sentRequest struct {
	method, path string
	query        []string
	body         []byte
}

// recorder keeps the requests that pass.
type recorder struct {
	mu   sync.Mutex
	sent []sentRequest
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	s := sentRequest{method: req.Method, path: req.URL.Path}
	for name := range req.URL.Query() {
		s.query = append(s.query, name)
	}
	slices.Sort(s.query)
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

func TestRequestsKeepToTheSpecification(t *testing.T) {
	s := loadSpec(t)
	w := newWorld(t, sandbox.Options{Lag: -1}, nil)
	rec := &recorder{}
	set, err := connectors.NewSettings(jira.New().Info().Settings, map[string]string{
		"base_url": w.url, "email": sandbox.DefaultEmail, "token": sandbox.DefaultToken, "webhook_secret": webhookSecret,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.conn, err = jira.New().Open(connectors.Config{Name: "j", Settings: set}, connectors.Options{Clock: w.clock, Transport: rec})
	if err != nil {
		t.Fatal(err)
	}
	exercise(t, w)
	seen := map[string]bool{}
	for _, r := range rec.sent {
		path := r.path
		if strings.HasPrefix(path, "/rest/webhooks/1.0/") {
			continue // admin webhooks are described outside that document
		}
		// go-jira speaks v2, whose operations are those of v3.
		path = strings.Replace(path, "/rest/api/2/", "/rest/api/3/", 1)
		template, op, ok := s.find(r.method, path)
		if !ok {
			t.Errorf("%s %s is no operation", r.method, path)
			continue
		}
		seen[r.method+" "+template] = true
		for _, q := range r.query {
			if !slices.ContainsFunc(op.Parameters, func(p struct {
				Name string `json:"name"`
				In   string `json:"in"`
			},
			) bool {
				return p.In == "query" && p.Name == q
			}) {
				t.Errorf("%s %s has no parameter %q", r.method, template, q)
			}
		}
		s.checkBody(t, r.method+" "+template, op, r.body)
	}
	for _, want := range []string{"POST /rest/api/3/search/jql", "POST /rest/api/3/issue/bulkfetch", "POST /rest/api/3/issue/bulk", "PUT /rest/api/3/issue/{issueIdOrKey}", "POST /rest/api/3/issue/{issueIdOrKey}/transitions", "POST /rest/api/3/changelog/bulkfetch"} {
		if !seen[want] {
			t.Errorf("%s was not called", want)
		}
	}
}

// exercise calls every method of a connection.
func exercise(t *testing.T, w *world) {
	t.Helper()
	ctx := t.Context()
	can := connectors.AbilitiesOf(w.conn)
	sel := connectors.Selection{Object: "issue", Scope: epics, Fields: []string{"summary", "status", "labels"}}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.conn.Check(ctx))
	must(w.conn.Schema(ctx, "issue", epics))
	must(w.conn.Changes(ctx, sel, ""))
	made := w.conn.Create(ctx, []connectors.Create{
		{Object: "issue", Scope: epics, Key: "k-1", Fields: with(with(summary("One"), "status", done), "description", connectors.RichText("**a**"))},
		{Object: "issue", Scope: epics, Key: "k-2", Fields: summary("Two")},
	})
	must(nil, made[0].Err)
	must(nil, made[1].Err)
	ids := []string{made[0].ID, made[1].ID, "999999"}
	must(w.conn.Read(ctx, sel, ids))
	must(w.conn.FindByKey(ctx, "issue", epics, []string{"k-1", "k-3"}))
	u := w.conn.Update(ctx, []connectors.Update{{
		Object: "issue", Scope: epics, ID: ids[0], Fields: fields{"summary": connectors.Text("New"), "assignee": connectors.PersonValue(connectors.Person{Email: ada})},
		Edits: map[string]connectors.SetEdit{"labels": {Add: connectors.Labels("a").Options()}},
	}})
	must(nil, u[0].Err)
	must(can.Finder.Find(ctx, sel, "summary", []connectors.Value{connectors.Text("New")}, 5))
	must(can.HistoryReader.History(ctx, "issue", ids[:2], []string{"summary", "status"}, time.Time{}))
	must(can.Commenter.AddComment(ctx, "issue", ids[0], connectors.Comment{Key: "c-1", Body: "hello"}))
	must(can.Commenter.Comments(ctx, "issue", ids[0]))
	must(can.WebhookRegistrar.EnsureWebhook(ctx, connectors.WebhookTarget{URL: w.hooks, Objects: []connectors.Selection{sel}}))
	must(nil, can.Deleter.Delete(ctx, "issue", ids[1:2])[0])
	w.Webhooks(connectortest.T(t))
}

var braces = regexp.MustCompile(`\\\{[^}]*\\\}`)

// find returns the operation of a path, the one with the fewest wildcards first.
func (s *spec) find(method, path string) (template string, op operation, ok bool) {
	for candidate, methods := range s.Paths {
		o, has := methods[method]
		if !has || ok && strings.Count(candidate, "{") >= strings.Count(template, "{") {
			continue
		}
		pattern := "^" + braces.ReplaceAllString(regexp.QuoteMeta(candidate), `[^/]+`) + "$"
		if regexp.MustCompile(pattern).MatchString(path) {
			template, op, ok = candidate, o, true
		}
	}
	return template, op, ok
}

// checkBody checks the members of a body against a schema that allows no
// others, and that those required are there.
func (s *spec) checkBody(t *testing.T, what string, op operation, body []byte) {
	t.Helper()
	sc := op.RequestBody.Content["application/json"].Schema
	if name, ok := strings.CutPrefix(sc.Ref, "#/components/schemas/"); ok {
		sc = s.Components.Schemas[name]
	}
	if len(body) == 0 || len(sc.Properties) == 0 {
		return
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		t.Errorf("%s: the body is no object: %v", what, err)
		return
	}
	for name := range members {
		if _, known := sc.Properties[name]; !known && sc.Additional != true {
			t.Errorf("%s: the body has no member %q", what, name)
		}
	}
	for _, name := range sc.Required {
		if _, has := members[name]; !has {
			t.Errorf("%s: the body lacks %q", what, name)
		}
	}
}
