package github

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// openAPI is the part of a document that the contract test needs.
type openAPI struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas   map[string]*schema  `json:"schemas"`
		Responses map[string]response `json:"responses"`
	} `json:"components"`
}

type operation struct {
	RequestBody struct {
		Content map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]response `json:"responses"`
}

type response struct {
	Ref     string           `json:"$ref"`
	Content map[string]media `json:"content"`
}

type media struct {
	Schema *schema `json:"schema"`
}

type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Enum       []any              `json:"enum"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	AllOf      []*schema          `json:"allOf"`
	AnyOf      []*schema          `json:"anyOf"`
	OneOf      []*schema          `json:"oneOf"`
	Nullable   bool               `json:"nullable"`
}

// spec reads GitHub's document once for all runs; nil if it is not there.
var spec = sync.OnceValues(func() (*openAPI, error) {
	f, err := os.Open(filepath.FromSlash("../../../shared/specs/github.openapi.json.gz"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var doc openAPI
	return &doc, json.NewDecoder(unzipped).Decode(&doc)
})

func loadSpec(t *testing.T) *openAPI {
	t.Helper()
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	if doc == nil {
		t.Skip("GitHub's OpenAPI document is not beside the repository (../shared/specs)")
	}
	return doc
}

func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// operation finds the operation of a request; literal paths win.
func (d *openAPI) operation(method, path string) (name string, op operation, ok bool) {
	best := -1
	segments := strings.Split(path, "/")
	for template, methods := range d.Paths {
		parts := strings.Split(template, "/")
		raw, has := methods[strings.ToLower(method)]
		if !has || len(parts) != len(segments) {
			continue
		}
		literals, fits := 0, true
		for n, part := range parts {
			switch {
			case strings.HasPrefix(part, "{"):
			case part == segments[n]:
				literals++
			default:
				fits = false
			}
		}
		var candidate operation
		if fits && literals > best && json.Unmarshal(raw, &candidate) == nil {
			best, name, op, ok = literals, method+" "+template, candidate, true
		}
	}
	return name, op, ok
}

// check lists where a value breaks a schema.
func (d *openAPI) check(s *schema, v any, at string) []string {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		return d.check(d.Components.Schemas[last(s.Ref)], v, at)
	}
	if v == nil {
		if s.Nullable || d.nullable(s) {
			return nil
		}
		return []string{at + ": null"}
	}
	var wrong []string
	for _, part := range s.AllOf {
		wrong = append(wrong, d.check(part, v, at)...)
	}
	for _, choices := range [][]*schema{s.AnyOf, s.OneOf} {
		wrong = append(wrong, d.any(choices, v, at)...)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		wrong = append(wrong, fmt.Sprintf("%s: %v is none of %v", at, v, s.Enum))
	}
	return append(wrong, d.checkType(s, v, at)...)
}

func (d *openAPI) nullable(s *schema) bool {
	if s.Ref != "" {
		s = d.Components.Schemas[last(s.Ref)]
	}
	if s.Nullable || s.Type == "" && len(s.AllOf)+len(s.AnyOf)+len(s.OneOf)+len(s.Properties) == 0 {
		return true
	}
	return slices.ContainsFunc(slices.Concat(s.AllOf, s.AnyOf, s.OneOf), d.nullable)
}

// any reports the faults of the choice that fits best.
func (d *openAPI) any(choices []*schema, v any, at string) []string {
	var best []string
	for n, choice := range choices {
		wrong := d.check(choice, v, at)
		if len(wrong) == 0 {
			return nil
		}
		if n == 0 || len(wrong) < len(best) {
			best = wrong
		}
	}
	return best
}

func (d *openAPI) checkType(s *schema, v any, at string) []string {
	var wrong []string
	is := func(types ...string) bool { return s.Type == "" || slices.Contains(types, s.Type) }
	switch v := v.(type) {
	case map[string]any:
		if !is("object") {
			return []string{fmt.Sprintf("%s: an object, want %s", at, s.Type)}
		}
		for _, name := range s.Required {
			if _, has := v[name]; !has {
				wrong = append(wrong, fmt.Sprintf("%s: %s is missing", at, name))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			wrong = append(wrong, d.check(s.Properties[name], v[name], at+"."+name)...)
		}
	case []any:
		if !is("array") {
			return []string{fmt.Sprintf("%s: an array, want %s", at, s.Type)}
		}
		for n, element := range v {
			wrong = append(wrong, d.check(s.Items, element, fmt.Sprintf("%s[%d]", at, n))...)
		}
	case string:
		if !is("string") {
			return []string{fmt.Sprintf("%s: the string %q, want %s", at, v, s.Type)}
		}
	case float64:
		if !is("number", "integer") || s.Type == "integer" && v != float64(int64(v)) {
			return []string{fmt.Sprintf("%s: the number %v, want %s", at, v, s.Type)}
		}
	case bool:
		if !is("boolean") {
			return []string{fmt.Sprintf("%s: a boolean, want %s", at, s.Type)}
		}
	}
	return wrong
}

// contract checks each exchange with a sandbox against the document.
type contract struct {
	t    *testing.T
	doc  *openAPI
	seen map[string]bool
}

// outside are paths that GitHub serves and its document, or this cut of it, does
// not describe.
var outside = []string{"GET /zen", "GET /user/repos", "GET /search/users", "GET /repositories/", "POST /graphql"}

// deviations are places where the document is wrong by its own words: it wants
// the account of a listed installation to be a user and an enterprise at once.
var deviations = []string{"GET /app/installations 200: body[0].account: "}

// undescribed are statuses that GitHub sends for every operation.
var undescribed = []int{400, 401, 403, 404, 410, 422, 429, 301, 304, 307}

func (k *contract) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			k.t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if call := r.Method + " " + r.URL.Path; !slices.ContainsFunc(outside, func(o string) bool { return strings.HasPrefix(call, o) }) {
			k.verify(r, rec, body)
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

func (k *contract) verify(r *http.Request, rec *httptest.ResponseRecorder, body []byte) {
	name, op, ok := k.doc.operation(r.Method, r.URL.EscapedPath())
	if !ok {
		k.t.Errorf("%s %s is not in the document", r.Method, r.URL.Path)
		return
	}
	k.seen[name] = true
	if m, has := op.RequestBody.Content["application/json"]; has && rec.Code < 300 && len(body) > 0 {
		k.report(name+" request", m.Schema, body)
	}
	answer, described := op.Responses[fmt.Sprint(rec.Code)]
	if answer.Ref != "" {
		answer = k.doc.Components.Responses[last(answer.Ref)]
	}
	if !described {
		if !slices.Contains(undescribed, rec.Code) {
			k.t.Errorf("%s: status %d is not described", name, rec.Code)
		}
		return
	}
	if m, has := answer.Content["application/json"]; has && rec.Body.Len() > 0 {
		k.report(fmt.Sprintf("%s %d", name, rec.Code), m.Schema, rec.Body.Bytes())
	}
}

func (k *contract) report(what string, s *schema, raw []byte) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		k.t.Errorf("%s: not JSON: %.200s", what, raw)
		return
	}
	wrong := k.doc.check(s, v, "body")
	for _, line := range wrong[:min(len(wrong), 8)] {
		line = what + ": " + line
		if !slices.ContainsFunc(deviations, func(d string) bool { return strings.HasPrefix(line, d) }) {
			k.t.Error(line)
		}
	}
}

// TestContract walks through the whole API and checks every exchange against
// GitHub's OpenAPI document.
func TestContract(t *testing.T) {
	k := &contract{t: t, doc: loadSpec(t), seen: map[string]bool{}}
	s := newSite(t, Options{SearchLag: -1})
	srv := httptest.NewServer(k.wrap(s.System))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	walkAPI(t, s)
	t.Logf("%d operations checked", len(k.seen))
	for _, rt := range s.api {
		path := rt.method + " /" + strings.Join(rt.segments, "/")
		if !k.covered(rt) && !slices.ContainsFunc(outside, func(o string) bool { return strings.HasPrefix(path, o) }) {
			t.Errorf("%s was not walked", path)
		}
	}
}

func (k *contract) covered(rt *route) bool {
	for name := range k.seen {
		method, template, _ := strings.Cut(name, " ")
		parts := strings.Split(template[1:], "/")
		if method == rt.method && slices.EqualFunc(parts, rt.segments, func(a, b string) bool { return isWild(a) && isWild(b) || a == b }) {
			return true
		}
	}
	return false
}
