package hubspot_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// specFolder is where the vendor's OpenAPI documents may lie, beside the
// repository. They are not part of it.
const specFolder = "../../../shared/specs/hubspot"

// specs checks exchanges against OpenAPI documents.
type specs struct {
	t         *testing.T
	paths     []specPath
	unchecked map[string]bool // calls that no document knows
	checked   int
}

type specPath struct {
	template []string
	ops      map[string]specOp
	doc      *specDoc
}

type specDoc struct {
	name    string
	schemas map[string]*specSchema
}

type specOp struct {
	Body *struct {
		Content map[string]struct{ Schema *specSchema }
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct{ Schema *specSchema }
	}
}

type specSchema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Enum       []any
	Required   []string
	Nullable   bool
	Properties map[string]*specSchema
	Items      *specSchema
	More       *specSchema   `json:"additionalProperties"`
	OneOf      []*specSchema `json:"oneOf"`
}

func loadSpecs(t *testing.T) *specs {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(specFolder, "*.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("the vendor's OpenAPI documents are not beside the repository")
	}
	s := &specs{t: t, unchecked: map[string]bool{}}
	for _, name := range names {
		s.load(name)
	}
	// Literal segments before parameters.
	slices.SortStableFunc(s.paths, func(a, b specPath) int {
		count := func(p specPath) int { return strings.Count(strings.Join(p.template, "/"), "{") }
		return count(a) - count(b)
	})
	return s
}

func (s *specs) load(name string) {
	s.t.Helper()
	f, err := os.Open(name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		s.t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]*specSchema }
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	d := &specDoc{name: filepath.Base(name), schemas: doc.Components.Schemas}
	for path, methods := range doc.Paths {
		p := specPath{template: strings.Split(path, "/"), ops: map[string]specOp{}, doc: d}
		for method, raw := range methods {
			var op specOp
			if err := json.Unmarshal(raw, &op); err != nil {
				continue // parameters shared by the path
			}
			p.ops[strings.ToUpper(method)] = op
		}
		s.paths = append(s.paths, p)
	}
}

func (s *specs) find(method, path string) (*specDoc, specOp, bool) {
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for _, p := range s.paths {
		if len(p.template) != len(parts) {
			continue
		}
		op, ok := p.ops[method]
		for i, want := range p.template {
			ok = ok && (strings.HasPrefix(want, "{") || want == parts[i])
		}
		if ok {
			return p.doc, op, true
		}
	}
	return nil, specOp{}, false
}

// check is an account's seen function. Errors (4xx) are checked against the
// document's Error.
func (s *specs) check(method, path string, request []byte, status int, response []byte) {
	s.t.Helper()
	doc, op, ok := s.find(method, path)
	if !ok {
		s.unchecked[method+" "+path] = true
		return
	}
	s.checked++
	where := fmt.Sprintf("%s: %s %s %d", doc.name, method, path, status)
	if op.Body != nil && len(request) > 0 && status < 300 {
		if c, ok := op.Body.Content["application/json"]; ok {
			s.match(doc, c.Schema, request, where+" request")
		}
	}
	answer, documented := op.Responses[strconv.Itoa(status)]
	if !documented && status == 207 {
		answer, documented = op.Responses["200"] // some documents leave 207 out
		if !documented {
			answer, documented = op.Responses["201"]
		}
	}
	switch {
	case status >= 400:
		if doc.schemas["Error"] != nil && len(response) > 0 {
			s.match(doc, &specSchema{Ref: "#/components/schemas/Error"}, response, where)
		}
	case !documented:
		s.t.Errorf("%s: only %v are documented", where, keys(op.Responses))
	case len(answer.Content) == 0:
		if len(response) > 0 {
			s.t.Errorf("%s: has a body", where)
		}
	default:
		for _, c := range answer.Content {
			s.match(doc, c.Schema, response, where)
		}
	}
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (s *specs) match(doc *specDoc, schema *specSchema, raw []byte, where string) {
	s.t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		s.t.Errorf("%s: %v", where, err)
		return
	}
	for _, problem := range doc.problems(schema, v, "$") {
		s.t.Errorf("%s: %s", where, problem)
	}
}

// leniency names members that the documents require and the service does without.
var leniency = map[string][]string{
	"Error":         {"category"}, // 429 and some 400 have none
	"StandardError": {"errors", "links", "context"},

	"BatchReadInputPropertyName":            {"dataSensitivity"},
	"BatchReadInputSimplePublicObjectId":    {"properties", "propertiesWithHistory"},
	"ObjectSchemaEgg":                       {"allowsSensitiveProperties", "shouldCreateSameObjectAssociation"},
	"ObjectTypeDefinitionPatch":             {"clearDescription"},
	"PublicObjectSearchRequest":             {"after", "filterGroups", "limit", "properties", "sorts"},
	"SimplePublicObjectBatchInputForCreate": {"associations"},
	"SimplePublicObjectInputForCreate":      {"associations"},
}

func (d *specDoc) problems(schema *specSchema, v any, path string) []string {
	if schema == nil {
		return nil
	}
	name := ""
	if schema.Ref != "" {
		name = schema.Ref[strings.LastIndexByte(schema.Ref, '/')+1:]
		if schema = d.schemas[name]; schema == nil {
			return []string{path + ": unknown schema " + name}
		}
	}
	if v == nil {
		return nil // the service answers null for empty values whatever its documents say
	}
	if len(schema.OneOf) > 0 {
		return nil
	}
	if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, v) {
		return []string{fmt.Sprintf("%s: %v is none of %v", path, v, schema.Enum)}
	}
	switch schema.Type {
	case "object":
		return d.objectProblems(schema, name, v, path)
	case "array":
		items, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %T is no array", path, v)}
		}
		var out []string
		for i, item := range items {
			out = append(out, d.problems(schema.Items, item, fmt.Sprintf("%s[%d]", path, i))...)
		}
		return out
	case "string":
		return stringProblems(schema, v, path)
	case "boolean":
		if _, ok := v.(bool); !ok {
			return []string{fmt.Sprintf("%s: %v is no boolean", path, v)}
		}
	case "integer", "number":
		if f, ok := v.(float64); !ok || schema.Type == "integer" && f != float64(int64(f)) {
			return []string{fmt.Sprintf("%s: %v is no %s", path, v, schema.Type)}
		}
	}
	return nil
}

func stringProblems(schema *specSchema, v any, path string) []string {
	text, ok := v.(string)
	if !ok {
		// Ids and values may be numbers on the wire, and sorts may be objects.
		if _, number := v.(float64); number && (strings.Contains(path, "Id") || strings.Contains(path, "properties") || strings.HasSuffix(path, "after")) {
			return nil
		}
		if strings.Contains(path, ".sorts[") || strings.Contains(path, ".properties.") {
			return nil
		}
		return []string{fmt.Sprintf("%s: %v is no string", path, v)}
	}
	if schema.Format == "date-time" {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return []string{path + ": " + err.Error()}
		}
	}
	return nil
}

func (d *specDoc) objectProblems(schema *specSchema, name string, v any, path string) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %v is no object", path, v)}
	}
	var out []string
	for _, need := range schema.Required {
		if _, ok := m[need]; !ok && !slices.Contains(leniency[name], need) {
			out = append(out, fmt.Sprintf("%s: %s lacks %q", path, name, need))
		}
	}
	for key, value := range m {
		if name == "StandardError" && key == "subCategory" {
			continue // text on the wire, an object in the documents
		}
		sub, known := schema.Properties[key]
		if !known {
			sub = schema.More
		}
		out = append(out, d.problems(sub, value, path+"."+key)...)
	}
	slices.Sort(out)
	return out
}
