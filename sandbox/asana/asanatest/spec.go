// Package asanatest checks exchanges with Asana, or with the sandbox in its
// place, against Asana's own OpenAPI document. The document is no part of the
// repository: where it does not lie beside it, the tests are skipped.
package asanatest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// base is the path of the API.
const base = "/api/1.0"

// Spec is Asana's document. It is safe for concurrent use.
type Spec struct {
	t     testing.TB
	doc   document
	paths []path

	mu      sync.Mutex
	checked map[string]int // exchanges, by operation
}

type document struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Schemas    map[string]*schema
		Parameters map[string]parameter
	}
}

type path struct {
	template string
	parts    []string
	ops      map[string]operation
}

type parameter struct {
	Ref    string `json:"$ref"`
	Name   string
	In     string
	Schema *schema
}

type operation struct {
	Parameters []parameter
	Body       *struct {
		Content map[string]struct{ Schema *schema }
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct{ Schema *schema }
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Enum       []any
	Required   []string
	Properties map[string]*schema
	Items      *schema
	AllOf      []*schema `json:"allOf"`
	OneOf      []*schema `json:"oneOf"`
	AnyOf      []*schema `json:"anyOf"`
}

// Load reads the document from the folder of specifications, or skips the test.
// Root leads from the test's folder to the module's.
func Load(t testing.TB, root string) *Spec {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "..", "shared", "specs", "asana.openapi.json.gz"))
	if err != nil {
		t.Skip("Asana's OpenAPI document is not beside the repository")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := &Spec{t: t, checked: map[string]int{}}
	if err := json.NewDecoder(z).Decode(&s.doc); err != nil {
		t.Fatal(err)
	}
	for template, methods := range s.doc.Paths {
		p := path{template: template, parts: strings.Split(template, "/"), ops: map[string]operation{}}
		var shared []parameter
		if raw, ok := methods["parameters"]; ok {
			if err := json.Unmarshal(raw, &shared); err != nil {
				t.Fatalf("%s: %v", template, err)
			}
		}
		for method, raw := range methods {
			var op operation
			if method == "parameters" || json.Unmarshal(raw, &op) != nil {
				continue
			}
			op.Parameters = append(op.Parameters, shared...)
			p.ops[strings.ToUpper(method)] = op
		}
		s.paths = append(s.paths, p)
	}
	slices.SortFunc(s.paths, func(a, b path) int { // literal segments first
		if n := strings.Count(a.template, "{") - strings.Count(b.template, "{"); n != 0 {
			return n
		}
		return strings.Compare(a.template, b.template)
	})
	return s
}

// Checked returns how many exchanges were checked of how many operations.
func (s *Spec) Checked() (exchanges, operations int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.checked {
		exchanges += n
	}
	return exchanges, len(s.checked)
}

// Transport returns a round tripper that checks what goes through it.
func (s *Spec) Transport(next http.RoundTripper) http.RoundTripper { return tripper{s, next} }

type tripper struct {
	s    *Spec
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, base) {
		return resp, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp, nil //nolint:nilerr // a cut answer is the caller's to find
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	t.s.Check(r.Method, strings.TrimPrefix(r.URL.Path, base), r.URL.Query(), body, resp.StatusCode, answer)
	return resp, nil
}

// Check checks one exchange; each action of a batch by itself.
func (s *Spec) Check(method, path string, query url.Values, request []byte, status int, response []byte) {
	s.t.Helper()
	where := fmt.Sprintf("%s %s %d", method, path, status)
	op, template, ok := s.find(method, path)
	if !ok {
		s.t.Errorf("%s: Asana has no such operation", where)
		return
	}
	s.mu.Lock()
	s.checked[method+" "+template]++
	s.mu.Unlock()
	s.checkQuery(op, query, where)
	var body, answer any
	if len(request) > 0 {
		if err := json.Unmarshal(request, &body); err != nil {
			s.t.Errorf("%s: the request is no JSON: %v", where, err)
			return
		}
	}
	if err := json.Unmarshal(response, &answer); err != nil {
		s.t.Errorf("%s: the answer is no JSON: %v", where, err)
		return
	}
	if op.Body != nil && body != nil && status < 300 {
		if c, ok := op.Body.Content["application/json"]; ok {
			s.report(c.Schema, body, where+" request", true)
		}
	}
	if m, ok := answer.(map[string]any); ok && status == http.StatusPreconditionFailed {
		delete(m, "sync") // documented in words only
	}
	if status >= 300 {
		s.report(&schema{Ref: "#/components/schemas/ErrorResponse"}, answer, where, false)
	} else if documented, ok := op.Responses[strconv.Itoa(status)]; !ok {
		s.t.Errorf("%s: this status is not documented", where)
	} else {
		s.report(documented.Content["application/json"].Schema, answer, where, false)
	}
	if path == "/batch" && status == http.StatusOK {
		s.checkBatch(body, answer)
	}
}

// checkBatch checks the actions of a batch as calls of their own.
func (s *Spec) checkBatch(body, answer any) {
	s.t.Helper()
	actions := member(member(body, "data"), "actions")
	replies := member(answer, "data")
	list, _ := actions.([]any)
	got, _ := replies.([]any)
	for i := range min(len(list), len(got)) {
		method, _ := member(list[i], "method").(string)
		path, _ := member(list[i], "relative_path").(string)
		data, _ := member(list[i], "data").(map[string]any)
		options, _ := member(list[i], "options").(map[string]any)
		query := url.Values{}
		if fields, ok := options["fields"].([]any); ok {
			var names []string
			for _, f := range fields {
				names = append(names, fmt.Sprint(f))
			}
			query.Set("opt_fields", strings.Join(names, ","))
		}
		var request []byte
		if strings.EqualFold(method, http.MethodGet) {
			for name, v := range data {
				query.Set(name, fmt.Sprint(v))
			}
		} else if data != nil {
			request, _ = json.Marshal(map[string]any{"data": data})
		}
		status, _ := member(got[i], "status_code").(float64)
		response, _ := json.Marshal(member(got[i], "body"))
		s.Check(strings.ToUpper(method), path, query, request, int(status), response)
	}
}

func member(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

func (s *Spec) find(method, path string) (operation, string, bool) {
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for _, p := range s.paths {
		op, ok := p.ops[method]
		if !ok || len(p.parts) != len(parts) {
			continue
		}
		for i, want := range p.parts {
			ok = ok && (strings.HasPrefix(want, "{") || want == parts[i])
		}
		if ok {
			return op, p.template, true
		}
	}
	return operation{}, "", false
}

// checkQuery checks the names of query parameters, and the beginnings of what is
// asked for: the document does not list all depths.
func (s *Spec) checkQuery(op operation, query url.Values, where string) {
	s.t.Helper()
	known := map[string]*schema{"opt_pretty": nil, "opt_expand": nil, "opt_fields": nil}
	for _, p := range op.Parameters {
		if p.Ref != "" {
			p = s.doc.Components.Parameters[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
		}
		if p.In == "query" {
			known[p.Name] = p.Schema
		}
	}
	for name := range query {
		if _, ok := known[name]; !ok && !strings.HasPrefix(name, "custom_fields.") {
			s.t.Errorf("%s: no query parameter %q", where, name)
		}
	}
	fields := known["opt_fields"]
	if fields == nil || fields.Items == nil || len(fields.Items.Enum) == 0 {
		return
	}
	firsts := []string{"gid", "resource_type"}
	for _, e := range fields.Items.Enum {
		first, _, _ := strings.Cut(fmt.Sprint(e), ".")
		firsts = append(firsts, first)
	}
	for _, f := range strings.Split(query.Get("opt_fields"), ",") {
		first, _, _ := strings.Cut(f, ".")
		if first != "" && !slices.Contains(firsts, first) {
			s.t.Errorf("%s: opt_fields %q is not among %v", where, f, firsts)
		}
	}
}

func (s *Spec) report(sc *schema, v any, where string, request bool) {
	s.t.Helper()
	for _, problem := range s.problems(sc, v, "$", request) {
		s.t.Errorf("%s: %s", where, problem)
	}
}

// flat is a schema with those that it is made of.
type flat struct {
	kind, format string
	enum         []any
	required     []string
	properties   map[string]*schema
	items        *schema
	open         bool
	wholes       []string // the compact schemas that are taken as whole ones
}

func (f *flat) within(name string) bool { return slices.Contains(f.wholes, name) }

func (s *Spec) flatten(sc *schema, into *flat) {
	if sc == nil {
		return
	}
	if sc.Ref != "" {
		name := sc.Ref[strings.LastIndexByte(sc.Ref, '/')+1:]
		if whole := s.doc.Components.Schemas[strings.TrimSuffix(name, "Compact")+"Response"]; whole != nil && strings.HasSuffix(name, "Compact") && !into.within(name) {
			into.wholes = append(into.wholes, name) // opt_fields make more of a compact object
			s.flatten(whole, into)
			return
		}
		s.flatten(s.doc.Components.Schemas[name], into)
		return
	}
	for _, part := range sc.AllOf {
		s.flatten(part, into)
	}
	into.open = into.open || len(sc.OneOf)+len(sc.AnyOf) > 0
	if sc.Type != "" {
		into.kind, into.format = sc.Type, sc.Format
	}
	if len(sc.Enum) > 0 {
		into.enum = sc.Enum
	}
	if sc.Items != nil {
		into.items = sc.Items
	}
	into.required = append(into.required, sc.Required...)
	for name, p := range sc.Properties {
		if into.properties == nil {
			into.properties = map[string]*schema{}
		}
		into.properties[name] = p
	}
}

// lenient are members whose documented form the service does not keep to: a
// place in a project on creation, lists of people, values of custom fields.
var lenient = []string{"memberships", "custom_fields", "external", "new_value", "added_value", "removed_value", "help"}

// problems lists how a value differs from its schema. Null is what the service
// answers for any empty member.
func (s *Spec) problems(sc *schema, v any, at string, request bool) []string {
	var f flat
	s.flatten(sc, &f)
	if v == nil || f.open || f.kind == "" && f.properties == nil {
		return nil
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, v) {
		return []string{fmt.Sprintf("%s: %v is none of %v", at, v, f.enum)}
	}
	switch f.kind {
	case "array":
		list, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %T is no array", at, v)}
		}
		var out []string
		for i, x := range list {
			out = append(out, s.problems(f.items, x, fmt.Sprintf("%s[%d]", at, i), request)...)
		}
		return out
	case "string":
		return stringProblems(&f, v, at)
	case "boolean":
		if _, ok := v.(bool); !ok {
			return []string{fmt.Sprintf("%s: %v is no boolean", at, v)}
		}
		return nil
	case "integer", "number":
		if _, ok := v.(float64); !ok {
			return []string{fmt.Sprintf("%s: %v is no number", at, v)}
		}
		return nil
	}
	return s.objectProblems(&f, v, at, request)
}

func (s *Spec) objectProblems(f *flat, v any, at string, request bool) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %v is no object", at, v)}
	}
	var out []string
	for _, need := range f.required {
		if _, ok := m[need]; !ok && len(f.wholes) == 0 && (!request || need != "workspace") { // an update names no workspace
			out = append(out, fmt.Sprintf("%s lacks %q", at, need))
		}
	}
	for name, x := range m {
		p, known := f.properties[name]
		if !known {
			if len(f.properties) > 0 {
				out = append(out, fmt.Sprintf("%s has %q, which is not documented", at, name))
			}
			continue
		}
		if request && slices.Contains(lenient, name) {
			continue
		}
		if name == "created_by" || name == "resource" || name == "parent" { // compact in the document, whole with opt_fields
			p = &schema{}
		}
		out = append(out, s.problems(p, x, at+"."+name, request)...)
	}
	slices.Sort(out)
	return out
}

func stringProblems(f *flat, v any, at string) []string {
	text, ok := v.(string)
	if !ok {
		return []string{fmt.Sprintf("%s: %v is no string", at, v)}
	}
	layout := map[string]string{"date-time": time.RFC3339, "date": time.DateOnly}[f.format]
	if layout != "" {
		if _, err := time.Parse(layout, text); err != nil && text != "" {
			return []string{at + ": " + err.Error()}
		}
	}
	return nil
}
