package jira

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
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	RequestBody struct {
		Content map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]media `json:"content"`
	} `json:"responses"`
}

type media struct {
	Schema *schema `json:"schema"`
}

type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Enum                 []any              `json:"enum"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	Items                *schema            `json:"items"`
	AllOf                []*schema          `json:"allOf"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Nullable             bool               `json:"nullable"`
}

// spec reads Atlassian's document once for all runs; nil if it is not there.
var spec = sync.OnceValues(func() (*openAPI, error) {
	f, err := os.Open(filepath.FromSlash("../../../shared/specs/jira-cloud-v3.openapi.json.gz"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
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
		t.Skip("Atlassian's OpenAPI document is not beside the repository (../shared/specs)")
	}
	return doc
}

// operation finds the operation of a request; literal paths win.
func (d *openAPI) operation(method, path string) (name string, op operation, ok bool) {
	best := -1
	segments := strings.Split(path, "/")
	for template, methods := range d.Paths {
		parts := strings.Split(template, "/")
		candidate, has := methods[strings.ToLower(method)]
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
		if fits && literals > best {
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
		return d.check(d.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]], v, at)
	}
	var wrong []string
	for _, part := range s.AllOf {
		wrong = append(wrong, d.check(part, v, at)...)
	}
	if v == nil {
		return wrong // Jira's document marks next to nothing as nullable
	}
	switch v := v.(type) {
	case map[string]any:
		wrong = append(wrong, d.checkObject(s, v, at)...)
	case []any:
		if s.Type != "" && s.Type != "array" {
			return append(wrong, fmt.Sprintf("%s: an array, want %s", at, s.Type))
		}
		for n, element := range v {
			wrong = append(wrong, d.check(s.Items, element, fmt.Sprintf("%s[%d]", at, n))...)
		}
	case string:
		if s.Type != "" && s.Type != "string" {
			wrong = append(wrong, fmt.Sprintf("%s: the string %q, want %s", at, v, s.Type))
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, any(v)) {
			wrong = append(wrong, fmt.Sprintf("%s: %q is none of %v", at, v, s.Enum))
		}
	case float64:
		if s.Type != "" && s.Type != "number" && (s.Type != "integer" || v != float64(int64(v))) {
			wrong = append(wrong, fmt.Sprintf("%s: the number %v, want %s", at, v, s.Type))
		}
	case bool:
		if s.Type != "" && s.Type != "boolean" {
			wrong = append(wrong, fmt.Sprintf("%s: a boolean, want %s", at, s.Type))
		}
	}
	return wrong
}

func (d *openAPI) checkObject(s *schema, v map[string]any, at string) []string {
	if s.Type != "" && s.Type != "object" {
		return []string{fmt.Sprintf("%s: an object, want %s", at, s.Type)}
	}
	var wrong []string
	for _, name := range s.Required {
		if _, has := v[name]; !has {
			wrong = append(wrong, fmt.Sprintf("%s: %s is missing", at, name))
		}
	}
	var rest *schema
	if len(s.AdditionalProperties) > 0 && s.AdditionalProperties[0] == '{' {
		if json.Unmarshal(s.AdditionalProperties, &rest) != nil {
			rest = nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		property, known := s.Properties[name]
		switch {
		case known:
			wrong = append(wrong, d.check(property, v[name], at+"."+name)...)
		case rest != nil:
			wrong = append(wrong, d.check(rest, v[name], at+"."+name)...)
		case string(s.AdditionalProperties) == "false" && len(s.Properties) > 0:
			wrong = append(wrong, fmt.Sprintf("%s: %s is not described", at, name))
		}
	}
	return wrong
}

// undescribed are statuses that Jira sends for every operation, whether its
// document says so or not.
var undescribed = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusTooManyRequests}

// deviations are places where Jira itself differs from its document, by the
// document's own examples or by what live sites send.
var deviations = []string{
	"GET /rest/api/3/bulk/queue/{taskId} 200: body.created: the number",
	"GET /rest/api/3/bulk/queue/{taskId} 200: body.started: the number",
	"GET /rest/api/3/bulk/queue/{taskId} 200: body.updated: the number",
	"POST /rest/api/3/changelog/bulkfetch 200: body.issueChangeLogs[0].changeHistories[0].created: the number",
	"GET /rest/api/3/issue/{issueIdOrKey}/remotelink 200: body: an array",
	"defaultLocale is not described",
	"untranslatedName is not described",
}

// contract checks each exchange with a site against the document.
type contract struct {
	t    *testing.T
	doc  *openAPI
	seen map[string]bool
}

func (k *contract) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			k.t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if at := strings.Index(r.URL.Path, "/rest/api/3/"); at >= 0 {
			k.verify(r, r.URL.Path[at:], body, rec)
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

func (k *contract) verify(r *http.Request, path string, body []byte, rec *httptest.ResponseRecorder) {
	name, op, ok := k.doc.operation(r.Method, path)
	if !ok {
		k.t.Errorf("%s %s is not in the document", r.Method, path)
		return
	}
	k.seen[name] = true
	if m, has := op.RequestBody.Content["application/json"]; has && rec.Code < 300 {
		k.report(name+" request", m.Schema, body)
	}
	response, described := op.Responses[fmt.Sprint(rec.Code)]
	if !described {
		if !slices.Contains(undescribed, rec.Code) && rec.Code/100 != 2 {
			k.t.Errorf("%s: status %d is not described", name, rec.Code)
		}
		if rec.Code/100 == 2 {
			k.t.Errorf("%s: success %d is not described", name, rec.Code)
		}
		return
	}
	m, has := response.Content["application/json"]
	if !has || rec.Body.Len() == 0 {
		if rec.Body.Len() > 0 && rec.Code/100 == 2 && len(response.Content) == 0 {
			k.t.Errorf("%s: a body where none is described: %s", name, rec.Body)
		}
		return
	}
	k.report(fmt.Sprintf("%s %d", name, rec.Code), m.Schema, rec.Body.Bytes())
}

func (k *contract) report(what string, s *schema, raw []byte) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		k.t.Errorf("%s: not JSON: %s", what, raw)
		return
	}
	for _, wrong := range k.doc.check(s, v, "body") {
		line := what + ": " + wrong
		if !slices.ContainsFunc(deviations, func(d string) bool { return strings.Contains(line, d) }) {
			k.t.Error(line)
		}
	}
}

// TestContract walks through the whole API and checks every exchange against
// Atlassian's OpenAPI document.
func TestContract(t *testing.T) {
	k := &contract{t: t, doc: loadSpec(t), seen: map[string]bool{}}
	s := newSite(t, Options{Lag: -1})
	srv := httptest.NewServer(k.wrap(s.System))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	walkAPI(t, s)
	t.Logf("%d operations checked", len(k.seen))
	for _, route := range s.api {
		if !coveredBy(route, k.seen) {
			t.Errorf("%s /%s was not walked", route.method, strings.Join(route.segments, "/"))
		}
	}
}

// unwalked are routes outside the document, or without JSON to check.
var unwalked = []string{"/rest/webhooks/1.0/webhook", "/media/", "search/id", "PUT /rest/api/webhook/refresh", "webhook/failed"}

func coveredBy(rt *route, seen map[string]bool) bool {
	path := rt.method + " /" + strings.Join(rt.segments, "/")
	if slices.ContainsFunc(unwalked, func(u string) bool { return strings.Contains(path, u) }) {
		return true
	}
	for name := range seen {
		method, template, _ := strings.Cut(strings.Replace(name, "/rest/api/3/", "/rest/api/", 1), " ")
		parts := strings.Split(template[1:], "/")
		if method == rt.method && slices.EqualFunc(parts, rt.segments, func(a, b string) bool { return isWild(a) && isWild(b) || a == b }) {
			return true
		}
	}
	return false
}
