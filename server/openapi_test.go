package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var updateAPI = flag.Bool("update", false, "rewrite docs/openapi.json")

const openAPIFile = "../docs/openapi.json"

// TestOpenAPI holds docs/openapi.json to the table of routes.
func TestOpenAPI(t *testing.T) {
	f := newFixture(t, nil)
	got := []byte(read(t, f.do("GET", "/api/v1/openapi.json", "")))
	if *updateAPI {
		if err := os.WriteFile(openAPIFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(openAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the service tells of itself: run go test ./server -run OpenAPI -update", openAPIFile)
	}
}

// apiDoc is the description as a reader takes it.
type apiDoc struct {
	OpenAPI    string `json:"openapi"`
	Paths      map[string]map[string]apiOperation
	Components struct{ Schemas map[string]*apiSchema }
}

type apiOperation struct {
	ID         string `json:"operationId"`
	Tags       []string
	Summary    string
	Scope      string `json:"x-tenon-scope"`
	Security   []map[string][]string
	Parameters []struct {
		Name, In string
		Required bool
		Schema   *apiSchema
	}
	RequestBody *struct{ Content map[string]apiMedia }
	Responses   map[string]struct {
		Description string
		Content     map[string]apiMedia
	}
	Result *apiSchema `json:"x-tenon-result"`
}

type apiMedia struct {
	Schema  *apiSchema
	Example json.RawMessage
}

type apiSchema struct {
	Ref        string `json:"$ref"`
	AllOf      []*apiSchema
	Type       string
	Format     string
	Nullable   bool
	Enum       []string
	Minimum    *float64
	MinItems   int
	MaxItems   int
	Items      *apiSchema
	Properties map[string]*apiSchema
	Required   []string
	Additional json.RawMessage `json:"additionalProperties"`
}

func (f *fixture) description(t testing.TB) *apiDoc {
	t.Helper()
	req := f.do("GET", "/api/v1/openapi.json", "")
	defer req.Body.Close()
	var d apiDoc
	if err := json.NewDecoder(req.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// TestDescriptionIsSound looks at the description as a document: what it refers
// to is there, names differ, and the parameters are those of the paths.
func TestDescriptionIsSound(t *testing.T) {
	d := newFixture(t, nil).description(t)
	if !strings.HasPrefix(d.OpenAPI, "3.0.") || len(d.Paths) < 20 {
		t.Fatalf("version %q with %d paths", d.OpenAPI, len(d.Paths))
	}
	ids := map[string]string{}
	inPath := regexp.MustCompile(`\{(\w+)\}`)
	for path, methods := range d.Paths {
		for method, op := range methods {
			where := method + " " + path
			if other, twice := ids[op.ID]; twice || op.ID == "" {
				t.Errorf("%s and %s are both named %q", where, other, op.ID)
			}
			ids[op.ID] = where
			var want, got []string
			for _, m := range inPath.FindAllStringSubmatch(path, -1) {
				want = append(want, m[1])
			}
			for _, p := range op.Parameters {
				d.checkSchema(t, where+" "+p.Name, p.Schema)
				if p.In == "path" && p.Required {
					got = append(got, p.Name)
				}
			}
			if !slices.Equal(got, want) || op.Summary == "" || len(op.Tags) != 1 || op.Responses["default"].Description == "" {
				t.Errorf("%s: path parameters %v, want %v; summary %q, tags %v", where, got, want, op.Summary, op.Tags)
			}
			if (op.Scope == "") != (len(op.Security) == 0) {
				t.Errorf("%s: scope %q, security %v", where, op.Scope, op.Security)
			}
			for status, r := range op.Responses {
				for _, m := range r.Content {
					d.checkSchema(t, where+" "+status, m.Schema)
				}
			}
			if op.RequestBody != nil {
				for media, m := range op.RequestBody.Content {
					d.checkSchema(t, where+" body", m.Schema)
					if media == "application/json" {
						checkValue(t, d, where+" example", m.Schema, m.Example)
					}
				}
			}
			d.checkSchema(t, where+" result", op.Result)
		}
	}
	for name, s := range d.Components.Schemas {
		d.checkSchema(t, name, s)
	}
}

// checkSchema looks whether what a schema refers to is there.
func (d *apiDoc) checkSchema(t testing.TB, where string, s *apiSchema) {
	t.Helper()
	if s == nil {
		return
	}
	if s.Ref != "" && d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")] == nil {
		t.Errorf("%s: %s is nowhere", where, s.Ref)
	}
	for _, name := range s.Required {
		if s.Properties[name] == nil {
			t.Errorf("%s: %s is required and not there", where, name)
		}
	}
	for name, p := range s.Properties {
		d.checkSchema(t, where+"."+name, p)
	}
	for _, sub := range append(slices.Clone(s.AllOf), s.Items) {
		d.checkSchema(t, where, sub)
	}
}

// checkValue holds a JSON text to a schema.
func checkValue(t testing.TB, d *apiDoc, where string, s *apiSchema, text []byte) {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Errorf("%s: %v in %.200s", where, err, text)
		return
	}
	if err := d.fits(s, v); err != nil {
		t.Errorf("%s: %v\n%.500s", where, err, text)
	}
}

func (d *apiDoc) fits(s *apiSchema, v any) error {
	for s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	if v == nil {
		if s.Nullable || s.Type == "" && len(s.AllOf) == 0 {
			return nil
		}
		return fmt.Errorf("null is no %s", s.Type)
	}
	for _, all := range s.AllOf {
		if err := d.fits(all, v); err != nil {
			return err
		}
	}
	switch s.Type {
	case "object":
		return d.fitsObject(s, v)
	case "array":
		list, ok := v.([]any)
		if !ok || len(list) < s.MinItems || s.MaxItems > 0 && len(list) > s.MaxItems {
			return fmt.Errorf("%v is no such list", v)
		}
		for i, item := range list {
			if err := d.fits(s.Items, item); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case "string":
		text, ok := v.(string)
		_, timeErr := time.Parse(time.RFC3339, text)
		if !ok || len(s.Enum) > 0 && !slices.Contains(s.Enum, text) || s.Format == "date-time" && timeErr != nil {
			return fmt.Errorf("%v is no such string", v)
		}
	case "integer", "number":
		n, ok := v.(json.Number)
		f, err := n.Float64()
		if !ok || err != nil || s.Type == "integer" && strings.ContainsAny(n.String(), ".eE") || s.Minimum != nil && f < *s.Minimum {
			return fmt.Errorf("%v is no such %s", v, s.Type)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%v is no boolean", v)
		}
	}
	return nil
}

func (d *apiDoc) fitsObject(s *apiSchema, v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no object", v)
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%s is missing", name)
		}
	}
	for name, value := range object {
		p := s.Properties[name]
		if p == nil && s.Properties == nil {
			var values apiSchema
			if json.Unmarshal(s.Additional, &values) == nil {
				p = &values
			}
		}
		if p == nil {
			return fmt.Errorf("%s is not described", name)
		}
		if err := d.fits(p, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// operation finds what the description tells of a request.
func (d *apiDoc) operation(r *http.Request) (op apiOperation, ok bool) {
	best := -1
	for path, methods := range d.Paths {
		m, has := methods[strings.ToLower(r.Method)]
		if !has {
			continue
		}
		want, got := strings.Split(path, "/"), strings.Split(r.URL.Path, "/")
		literal := 0
		fits := len(want) == len(got)
		for i := 0; fits && i < len(want); i++ {
			switch {
			case want[i] == got[i]:
				literal++
			case !strings.HasPrefix(want[i], "{"):
				fits = false
			}
		}
		if fits && literal > best {
			op, ok, best = m, true, literal
		}
	}
	return op, ok
}

var (
	describedOnce sync.Once
	described     *apiDoc
)

// checkAnswer holds an answer of the API to the description. Pages, and the
// description itself, have none.
func (f *fixture) checkAnswer(r *http.Request, status int, header http.Header, body []byte) {
	f.t.Helper()
	if r.URL.Path == "/api/v1/openapi.json" || r.Method == http.MethodHead {
		return
	}
	describedOnce.Do(func() { described = newFixtureOnly(f.t).description(f.t) })
	d := described
	where := fmt.Sprintf("%s %s: %d", r.Method, r.URL.Path, status)
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if status >= 400 && (strings.HasPrefix(r.URL.Path, "/api/") || media == "application/problem+json") && status != http.StatusUnprocessableEntity {
		if media != "application/problem+json" {
			f.t.Errorf("%s comes as %q", where, media)
			return
		}
		checkValue(f.t, d, where, &apiSchema{Ref: "#/components/schemas/Problem"}, body)
		return
	}
	op, ok := d.operation(r)
	if !ok || media == "text/html" {
		return // a page
	}
	told, ok := op.Responses[strconv.Itoa(status)]
	if !ok {
		if status < 300 && strings.HasPrefix(r.URL.Path, "/api/") {
			f.t.Errorf("%s is not described", where)
		}
		return
	}
	if m, ok := told.Content[media]; ok && media == "application/json" {
		checkValue(f.t, d, where, m.Schema, body)
	} else if !ok && len(told.Content) > 0 {
		f.t.Errorf("%s comes as %q", where, media)
	}
}
