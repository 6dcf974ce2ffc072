package trello_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/trello"
)

// The OpenAPI document of Trello, where the folder of specifications stands
// beside the repository.
const openAPI = "../../../shared/specs/trello.openapi.json.gz"

// schema is the part of a schema that answers are checked against.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	OneOf      []*schema          `json:"oneOf"`
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

type spec struct {
	ops     map[string]map[string]operation // by path without a slash at the end, method
	schemas map[string]*schema
}

func loadSpec(t *testing.T) *spec {
	t.Helper()
	f, err := os.Open(openAPI)
	if err != nil {
		t.Skip("the OpenAPI document of Trello is not beside the repository (../shared/specs)")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	s := &spec{ops: map[string]map[string]operation{}, schemas: map[string]*schema{}}
	for path, methods := range doc.Paths {
		path = strings.TrimSuffix(path, "/")
		if s.ops[path] == nil {
			s.ops[path] = map[string]operation{}
		}
		var shared operation
		_ = json.Unmarshal([]byte(`{"parameters":`+string(or(methods["parameters"], "[]"))+`}`), &shared) // odd ones are left out
		for method, raw := range methods {
			var op operation
			if json.Unmarshal(raw, &op) == nil {
				op.Parameters = append(op.Parameters, shared.Parameters...)
				s.ops[path][strings.ToUpper(method)] = op
			}
		}
	}
	for name, raw := range doc.Components.Schemas {
		var sc schema
		if json.Unmarshal(raw, &sc) == nil {
			s.schemas[name] = &sc
		}
	}
	return s
}

func or(raw json.RawMessage, unset string) json.RawMessage {
	if raw == nil {
		return json.RawMessage(unset)
	}
	return raw
}

// find returns the operation of a request below /1, literal paths first.
func (s *spec) find(method, path string) (operation, string, bool) {
	parts := strings.Split(path, "/")
	found, at, most := operation{}, "", -1
	for template, methods := range s.ops {
		want := strings.Split(template, "/")
		op, ok := methods[method]
		literal := 0
		ok = ok && len(want) == len(parts)
		for i := 0; ok && i < len(want); i++ {
			if want[i] == parts[i] {
				literal++
			} else if !strings.HasPrefix(want[i], "{") {
				ok = false
			}
		}
		if ok && literal > most {
			found, at, most = op, template, literal
		}
	}
	return found, at, most >= 0
}

// exchange is a request with its answer.
type exchange struct {
	method, path string
	query        url.Values
	kind         string
	body, answer []byte
	status       int
}

type recorder struct {
	mu   sync.Mutex
	seen []exchange
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	e := exchange{method: req.Method, path: strings.TrimPrefix(req.URL.Path, "/1"), query: req.URL.Query(), kind: req.Header.Get("Content-Type")}
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		e.body = raw
		req.Body = io.NopCloser(bytes.NewReader(raw))
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	e.answer, err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body, e.status = io.NopCloser(bytes.NewReader(e.answer)), resp.StatusCode
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, e)
	return resp, err
}

// undocumented are parameters that the document leaves out, each with the reason.
var undocumented = map[string][]string{
	"GET /boards/{id}/cards":     {"filter", "fields", "limit", "sort", "before", "customFieldItems", "attachments", "attachment_fields"}, // as nested resources and live clients have them
	"GET /boards/{id}":           {"list_fields", "label_fields", "labels_limit", "member_fields"},                                        // nested resources
	"PUT /cards/{id}":            {"dueReminder"},                                                                                         // a field of the document's card; live clients write it
	"GET /cards/{id}/actions":    {"filter", "limit", "since", "before"},                                                                  // live clients
	"GET /cards/{id}/checklists": {"checkItem_fields"},
	"GET /boards/{id}/checklists": {
		"checkItems", "fields", // nested resources
	},
}

// notInDocument are calls that the document does not know, each with the reason.
var notInDocument = []string{
	"/download/", // the address of an upload, as attachments tell it
}

// TestRequestsFollowTheDocument runs the calls that a connection makes and looks
// at each request.
func TestRequestsFollowTheDocument(t *testing.T) {
	s := loadSpec(t)
	seen := exchanges(t)
	checked := map[string]bool{}
	for _, e := range seen {
		op, at, ok := s.find(e.method, e.path)
		if !ok {
			if !slices.ContainsFunc(notInDocument, func(part string) bool { return strings.Contains(e.path, part) }) {
				t.Errorf("%s %s is not in the document", e.method, e.path)
			}
			continue
		}
		key := e.method + " " + strings.NewReplacer("{boardId}", "{id}", "{idCard}", "{id}").Replace(at)
		checked[key] = true
		known := slices.Clone(undocumented[key])
		for _, p := range op.Parameters {
			known = append(known, p.Name)
		}
		for _, c := range op.RequestBody.Content {
			sc := &c.Schema
			if sc.Ref != "" {
				sc = s.schemas[sc.Ref[strings.LastIndexByte(sc.Ref, '/')+1:]]
			}
			for _, one := range append(sc.OneOf, sc) {
				for name := range one.Properties {
					known = append(known, name)
				}
			}
		}
		for name := range e.query {
			if !slices.Contains(known, name) {
				t.Errorf("%s: the document has no parameter %q", key, name)
			}
		}
		var body map[string]json.RawMessage
		if len(e.body) > 0 && strings.HasPrefix(e.kind, "application/json") {
			if err := json.Unmarshal(e.body, &body); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		for name := range body {
			if !slices.Contains(known, name) {
				t.Errorf("%s: the document has no member %q in the body", key, name)
			}
		}
	}
	if len(checked) < 25 {
		t.Errorf("%d operations were used, want at least 25: %v", len(checked), checked)
	}
}

// exchanges makes most calls of a connection.
func exchanges(t *testing.T) []exchange {
	t.Helper()
	tb := connectortest.T(t)
	w := newWorld(tb, sandbox.Options{}, nil)
	rec := &recorder{}
	c := open(t, map[string]string{
		"key": sandbox.DefaultKey, "token": sandbox.DefaultToken, "api_secret": sandbox.DefaultSecret, "base_url": w.base, "create_labels": "yes",
	}, connectors.Options{Clock: w.clock, Transport: rec})
	ctx := t.Context()
	h := harness()
	h.Samples = slices.Clone(h.Samples)
	fields := named("A card")
	for _, s := range h.Samples {
		fields[s.Field] = s.One
	}
	fields["urlSource"], fields["pos"] = connectors.Text("https://crm.example.com/7"), connectors.Int(5)
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	made := c.Create(ctx, []connectors.Create{{Object: "card", Scope: delivery, Key: "k-1", Fields: fields}})[0]
	must("create", made.Err)
	task := c.Create(ctx, []connectors.Create{{Object: "checkitem", Scope: delivery, Parent: made.ID, Key: "k-2", Fields: map[string]connectors.Value{"name": connectors.Text("Task"), "due": h.Samples[3].One}}})[0]
	must("task", task.Err)
	must("update of a task", c.Update(ctx, []connectors.Update{{Object: "checkitem", ID: task.ID, Fields: map[string]connectors.Value{"name": connectors.Text("T"), "dueComplete": connectors.Bool(true)}}})[0].Err)
	for _, s := range append(h.Samples, connectortest.Sample{Field: "dueReminder", Two: connectors.Int(10)}, connectortest.Sample{Field: "pos", Two: connectors.Int(7)}) {
		must("update", c.Update(ctx, []connectors.Update{{Object: "card", Scope: delivery, ID: made.ID, Fields: map[string]connectors.Value{s.Field: s.Two}}})[0].Err)
	}
	must("edit", c.Update(ctx, []connectors.Update{{Object: "card", Scope: delivery, ID: made.ID, Edits: map[string]connectors.SetEdit{
		"idLabels": {Add: []connectors.Option{{ID: "Won", Label: "Won"}, h.LabelOptions[0]}, Remove: h.Samples[10].Two.Options()},
	}}})[0].Err)
	sel := connectors.Selection{Object: "card", Scope: delivery, Fields: []string{"name", "desc", "urlSource", h.Samples[0].Field, "checkItems"}}
	_, err := c.Read(ctx, sel, []string{made.ID})
	must("read", err)
	page, err := c.Changes(ctx, sel, "")
	must("changes", err)
	_, err = c.Changes(ctx, sel, page.Next)
	must("changes", err)
	_, err = c.Changes(ctx, connectors.Selection{Object: "checkitem", Scope: delivery}, "")
	must("changes of items", err)
	_, err = c.FindByKey(ctx, "card", delivery, []string{"k-1"})
	must("find by key", err)
	_, err = c.Check(ctx)
	must("check", err)
	a := connectors.AbilitiesOf(c)
	_, err = a.RightsChecker.MissingRights(ctx, []connectors.Need{{Object: "card", Scope: delivery, Write: true}})
	must("rights", err)
	_, err = a.Commenter.AddComment(ctx, "card", made.ID, connectors.Comment{Body: "Said", Key: "k-3"})
	must("comment", err)
	_, err = a.Commenter.Comments(ctx, "card", made.ID)
	must("comments", err)
	file, err := a.Filer.AddFile(ctx, "card", made.ID, connectors.NewFile{Name: "a.txt", Size: 1, Content: strings.NewReader("x")})
	must("file", err)
	_, err = a.Filer.AddLink(ctx, "card", made.ID, connectors.NewLink{Name: "A", URL: "https://example.com/"})
	must("link", err)
	_, err = a.Filer.Files(ctx, "card", made.ID)
	must("files", err)
	r, err := a.Filer.OpenFile(ctx, "card", made.ID, file)
	must("open", err)
	_ = r.Close()
	target := connectors.WebhookTarget{URL: "https://tenon.example.com/other", Objects: []connectors.Selection{sel}}
	_, err = a.WebhookRegistrar.EnsureWebhook(ctx, target)
	must("webhook", err)
	_, err = a.WebhookRegistrar.EnsureWebhook(ctx, connectors.WebhookTarget{URL: target.URL})
	must("webhook", err)
	_, err = a.Finder.Find(ctx, sel, "name", []connectors.Value{connectors.Text("x")}, 1)
	must("find", err)
	must("archive", a.Archiver.Archive(ctx, "card", []string{made.ID})[0])
	must("delete of a task", a.Deleter.Delete(ctx, "checkitem", []string{task.ID})[0])
	must("delete", a.Deleter.Delete(ctx, "card", []string{made.ID})[0])
	return rec.seen
}
