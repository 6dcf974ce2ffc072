package hubspot_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/hubspot"
)

// specs are HubSpot's OpenAPI documents of the version that the connector
// speaks, by file. They may not be copied into the repository, so the test of
// requests against them runs only where they lie beside it.
type specs map[string]spec

type spec struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	Parameters []struct {
		Name, In string
		Required bool
	} `json:"parameters"`
	Body struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Enum       []string           `json:"enum"`
	Additional json.RawMessage    `json:"additionalProperties"`
}

func loadSpecs(t *testing.T) specs {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "specs", "hubspot", "*.2026-03.json.gz"))
	if err != nil || len(files) == 0 {
		t.Skip("HubSpot's OpenAPI documents are not beside the repository")
	}
	all := specs{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		var s spec
		if err := json.NewDecoder(z).Decode(&s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = s
	}
	return all
}

// check returns why a request fits no operation of the documents; "" if it fits
// one. The documents of single objects are narrower than that of all objects.
func (all specs) check(method, path string, query []string, body []byte) string {
	why := "no such operation"
	for _, file := range slices.Sorted(maps.Keys(all)) {
		s := all[file]
		for template, operations := range s.Paths {
			op, ok := operations[strings.ToLower(method)]
			if !ok || !matches(template, path) {
				continue
			}
			reason := s.checkOperation(op, query, body)
			if reason == "" {
				return ""
			}
			why = file + " " + template + ": " + reason
		}
	}
	return why
}

func matches(template, path string) bool {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(a, b, func(a, b string) bool { return a == b || strings.HasPrefix(a, "{") && b != "batch" && b != "search" })
}

func (s spec) checkOperation(op operation, query []string, body []byte) string {
	known := []string{}
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		known = append(known, p.Name)
		if p.Required && !slices.Contains(query, p.Name) {
			return "the query lacks " + p.Name
		}
	}
	for _, name := range query {
		if !slices.Contains(known, name) {
			return "the query has an unknown " + name
		}
	}
	content, ok := op.Body.Content["application/json"]
	switch {
	case !ok && len(body) > 0:
		return "a body where none is wanted"
	case !ok:
		return ""
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err.Error()
	}
	return s.checkValue(content.Schema, v, "body")
}

func (s spec) checkValue(want *schema, v any, at string) string {
	if want == nil {
		return ""
	}
	if want.Ref != "" {
		return s.checkValue(s.Components.Schemas[want.Ref[strings.LastIndex(want.Ref, "/")+1:]], v, at)
	}
	switch v := v.(type) {
	case map[string]any:
		if want.Type != "object" && want.Type != "" {
			if strings.Contains(at, ".sorts[") { // typed as texts; the guides and the service use objects
				return ""
			}
			return at + " is an object"
		}
		for _, name := range want.Required {
			if _, ok := v[name]; !ok {
				return at + " lacks " + name
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			inner := want.Properties[name]
			if inner == nil && len(want.Additional) == 0 && len(want.Properties) > 0 {
				return at + " has an unknown " + name
			}
			if reason := s.checkValue(inner, v[name], at+"."+name); reason != "" {
				return reason
			}
		}
	case []any:
		if want.Type != "array" {
			return at + " is a list"
		}
		for i, inner := range v {
			if reason := s.checkValue(want.Items, inner, fmt.Sprintf("%s[%d]", at, i)); reason != "" {
				return reason
			}
		}
	case string:
		if want.Type != "string" || len(want.Enum) > 0 && !slices.Contains(want.Enum, v) {
			return fmt.Sprintf("%s is %q, want %s %v", at, v, want.Type, want.Enum)
		}
	case float64:
		if want.Type != "integer" && want.Type != "number" {
			return at + " is a number"
		}
	case bool:
		if want.Type != "boolean" {
			return at + " is a truth value"
		}
	}
	return ""
}

// recorder notes what the connection sends.
type recorder struct {
	t    *testing.T
	all  specs
	seen map[string]bool
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	query := slices.Sorted(maps.Keys(req.URL.Query()))
	if why := r.all.check(req.Method, req.URL.Path, query, body); why != "" {
		r.t.Errorf("%s %s\n%s\n%s", req.Method, req.URL, body, why)
	}
	r.seen[req.Method+" "+req.URL.Path] = true
	return http.DefaultTransport.RoundTrip(req)
}

// Every kind of request that the connector sends is one of HubSpot's own
// documents.
func TestRequestsFitTheSpecification(t *testing.T) {
	all := loadSpecs(t)
	w := openWorld(connectortest.T(t), ofDeals)
	r := &recorder{t: t, all: all, seen: map[string]bool{}}
	c := open(t, map[string]string{"token": sandbox.DefaultToken, "base_url": w.base}, connectors.Options{Clock: w.clock, Transport: r})
	can := connectors.AbilitiesOf(c)
	ctx := t.Context()
	if _, err := c.Check(ctx); err != nil {
		t.Error(err)
	}
	if err := can.Preparer.Prepare(ctx, connectors.Need{Object: "deals", Comment: true}); err != nil {
		t.Error(err)
	}
	ids := seedDeals(t, w, 3)
	fields := map[string]connectors.Value{"dealname": connectors.Text("x"), "dealstage": won["dealstage"]}
	for _, create := range []connectors.Create{
		{Object: "deals", Key: "tenon-1", Fields: fields},
		{Object: "deals", Fields: fields},
		{Object: "tasks", Scope: connectors.Scope{"parent": "deals"}, Parent: ids[0], Fields: map[string]connectors.Value{"hs_timestamp": connectors.Instant(time.Unix(1_700_000_000, 0))}},
	} {
		if got := c.Create(ctx, []connectors.Create{create}); got[0].Err != nil {
			t.Error(got[0].Err)
		}
	}
	if got := c.Update(ctx, []connectors.Update{{Object: "deals", ID: ids[0], Fields: fields}}); got[0].Err != nil {
		t.Error(got[0].Err)
	}
	if _, err := can.Commenter.AddComment(ctx, "deals", ids[0], connectors.Comment{Key: "tenon-c", Body: "Hello"}); err != nil {
		t.Error(err)
	}
	if _, err := can.Commenter.Comments(ctx, "deals", ids[0]); err != nil {
		t.Error(err)
	}
	sel := connectors.Selection{Object: "deals", Fields: []string{"dealname", "associated_company_name"}}
	if _, err := c.Read(ctx, sel, append(ids, "399999999999")); err != nil {
		t.Error(err)
	}
	if _, err := can.HistoryReader.History(ctx, "deals", ids, []string{"dealname"}, time.Time{}); err != nil {
		t.Error(err)
	}
	if _, err := can.Finder.Find(ctx, sel, "dealname", []connectors.Value{connectors.Text("a"), connectors.Text("b")}, 2); err != nil {
		t.Error(err)
	}
	if _, err := c.FindByKey(ctx, "deals", nil, []string{"tenon-1", "tenon-2"}); err != nil {
		t.Error(err)
	}
	if _, err := c.Schema(ctx, "no_such_object", nil); connectors.KindOf(err) != connectors.NotFound {
		t.Error(err)
	}
	_, cursor := poll(t, c, "deals", "")
	poll(t, c, "deals", cursor)
	for _, err := range can.Archiver.Archive(ctx, "deals", ids[:1]) {
		if err != nil {
			t.Error(err)
		}
	}
	if len(r.seen) < 20 {
		t.Errorf("only %d kinds of requests were checked: %v", len(r.seen), slices.Sorted(maps.Keys(r.seen)))
	}
}
