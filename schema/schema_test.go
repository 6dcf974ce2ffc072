package schema_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/tenonsync/tenon/schema"
)

// validator checks values by the part of JSON Schema that the files use.
type validator struct {
	t    *testing.T
	root object
}

// problems lists where v does not fit s.
func (c validator) problems(s object, v any, at string) []string {
	if ref, ok := s["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/definitions/")
		return c.problems(c.root["definitions"].(object)[name].(object), v, at)
	}
	var found []string
	bad := func(what string) { found = append(found, at+": "+what) }
	for key, rule := range s {
		switch key {
		case "title", "description", "$schema", "definitions", "additionalProperties", "then":
		case "type":
			if !hasType(rule, v) {
				bad("wrong type")
			}
		case "enum":
			if !slices.Contains(rule.([]any), v) {
				bad("none of the values")
			}
		case "const":
			if rule != v {
				bad("another value")
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(rule.(string)).MatchString(text) {
				bad("not of the form")
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < rule.(float64) {
				bad("too small")
			}
		case "minProperties", "maxProperties", "minItems":
			if n := size(v); n >= 0 && (key[:3] == "min" && n < int(rule.(float64)) || key[:3] == "max" && n > int(rule.(float64))) {
				bad("wrong number of entries")
			}
		case "required":
			for _, name := range rule.([]any) {
				if o, ok := v.(object); ok && o[name.(string)] == nil {
					bad("lacks " + name.(string))
				}
			}
		case "properties":
			found = append(found, c.properties(s, v, at)...)
		case "items":
			list, _ := v.([]any)
			for _, item := range list {
				found = append(found, c.problems(rule.(object), item, at+"[]")...)
			}
		case "anyOf":
			if !slices.ContainsFunc(rule.([]any), func(form any) bool { return len(c.problems(form.(object), v, at)) == 0 }) {
				bad("none of the forms")
			}
		case "allOf":
			for _, form := range rule.([]any) {
				found = append(found, c.problems(form.(object), v, at)...)
			}
		case "if":
			if len(c.problems(rule.(object), v, at)) == 0 {
				found = append(found, c.problems(s["then"].(object), v, at)...)
			}
		case "not":
			if len(c.problems(rule.(object), v, at)) == 0 {
				bad("what may not stand there")
			}
		default:
			c.t.Fatalf("the schema uses %s, which this test does not know", key)
		}
	}
	if _, ok := s["properties"]; !ok {
		found = append(found, c.properties(s, v, at)...)
	}
	return found
}

// properties checks the keys of an object.
func (c validator) properties(s object, v any, at string) []string {
	o, ok := v.(object)
	if !ok {
		return nil
	}
	known, _ := s["properties"].(object)
	var found []string
	for key, value := range o {
		switch more := s["additionalProperties"].(type) {
		case nil:
			if known[key] != nil {
				found = append(found, c.problems(known[key].(object), value, at+"."+key)...)
			}
		case bool:
			if known[key] == nil && !more {
				found = append(found, at+": unknown key "+key)
			} else if known[key] != nil {
				found = append(found, c.problems(known[key].(object), value, at+"."+key)...)
			}
		case object:
			rule := more
			if known[key] != nil {
				rule = known[key].(object)
			}
			found = append(found, c.problems(rule, value, at+"."+key)...)
		}
	}
	return found
}

func size(v any) int {
	switch v := v.(type) {
	case object:
		return len(v)
	case []any:
		return len(v)
	}
	return -1
}

func hasType(rule, v any) bool {
	types, ok := rule.([]any)
	if !ok {
		types = []any{rule}
	}
	is := "null"
	switch v := v.(type) {
	case string:
		is = "string"
	case bool:
		is = "boolean"
	case float64:
		is = "number"
		if v == float64(int64(v)) && slices.Contains(types, any("integer")) {
			is = "integer"
		}
	case []any:
		is = "array"
	case object:
		is = "object"
	}
	return slices.Contains(types, any(is))
}

// load reads a schema.
func load(t *testing.T, name string) validator {
	t.Helper()
	text, ok := schema.Text(name)
	if !ok {
		t.Fatalf("no schema %s", name)
	}
	c := validator{t: t}
	if err := json.Unmarshal(text, &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

// check returns what is wrong with a YAML text by a schema.
func (c validator) check(text string) []string {
	c.t.Helper()
	var v any
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		c.t.Fatal(err)
	}
	return c.problems(c.root, v, "")
}

// TestExamples holds the editor's schemas against every file of the examples: an
// editor finds no fault with them.
func TestExamples(t *testing.T) {
	found := 0
	for pattern, name := range map[string]string{"tenon.yaml": "tenon", "mappings/*.yaml": "mapping", "mappings/*_test.yaml": "test"} {
		paths, err := filepath.Glob(filepath.Join("..", "examples", "*", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if name == "mapping" && strings.HasSuffix(path, "_test.yaml") {
				continue
			}
			found++
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range load(t, name).check(string(text)) {
				t.Errorf("%s%s", path, p)
			}
		}
	}
	if found < 3 {
		t.Errorf("got %d files, want at least three", found)
	}
}

// TestMistakes shows that an editor marks typical mistakes.
func TestMistakes(t *testing.T) {
	const between = "between:\n  a: {connection: x, object: y}\n  b: {connection: x, object: z}\n"
	for name, c := range map[string]struct{ schema, text string }{
		"mapping: unknown key":      {"mapping", "mapping: m\n" + between + "fields: [{a: x, b: y}]\nfeilds: []\n"},
		"mapping: bad word":         {"mapping", "mapping: m\n" + between + "fields: [{a: x, b: y}]\nconflict: later\n"},
		"mapping: one side":         {"mapping", "mapping: m\nbetween: {a: {connection: x, object: y}}\nfields: [{a: x, b: y}]\n"},
		"mapping: no fields":        {"mapping", "mapping: m\n" + between},
		"mapping: button's key":     {"mapping", "mapping: m\n" + between + "fields: [{a: x, b: y}]\ncreate: {a: {button: {lable: x}}}\n"},
		"test: unknown key":         {"test", "cases: [{name: x, expect: nothing, linkd: true}]\n" + "given: {}\nmore: 1\n"},
		"test: expect":              {"test", "cases: [{name: x, expect: everything}]\n"},
		"test: no name":             {"test", "cases: [{expect: nothing}]\n"},
		"test: edits":               {"test", "cases: [{name: x, edits: {a: removed}}]\n"},
		"tenon: unknown key":        {"tenon", "connections: {}\nservr: {}\n"},
		"tenon: unknown setting":    {"tenon", "connections: {}\nserver: {port: 1}\n"},
		"tenon: no connections":     {"tenon", "server: {}\n"},
		"tenon: kind":               {"tenon", "connections: {a: {kind: sugar}}\n"},
		"tenon: key of the kind":    {"tenon", "connections: {a: {kind: hubspot, tokn: x}}\n"},
		"tenon: secret in clear":    {"tenon", "connections: {a: {kind: hubspot, token: pat-1}}\n"},
		"tenon: two places":         {"tenon", "connections: {a: {kind: hubspot, token: {env: A, file: b}}}\n"},
		"tenon: command as a text":  {"tenon", "connections: {a: {kind: hubspot, token: {command: pass x}}}\n"},
		"tenon: number as a word":   {"tenon", "connections: {}\nengine: {batch: many}\n"},
		"tenon: choice of settings": {"tenon", "connections: {}\nlog: {level: loud}\n"},
	} {
		if found := load(t, c.schema).check(c.text); len(found) == 0 {
			t.Errorf("%s: the schema lets it pass", name)
		}
	}
}

// TestSound shows that the schemas leave room where the language does.
func TestSound(t *testing.T) {
	for name, c := range map[string]struct{ schema, text string }{
		"secrets":       {"tenon", "connections: {a: {kind: hubspot, token: \"${A}\", client_secret: {command: [pass, show, x]}}}\n"},
		"empty group":   {"tenon", "connections: {a: {kind: hubspot, token_file: x}}\nserver:\n"},
		"override":      {"tenon", "connections: {}\nengine: {batch: \"${N}\", read_only: true, keep_history: 30d}\n"},
		"several":       {"test", "cases: [{name: x, a: [{id: 1, t: [b, c], n: null}, {}], edits: {a: deleted, b: {t: u}}, expect: {conflict: [t], aside: {t: no user}, tasks: [x, {y: z}]}}]\n"},
		"a button word": {"mapping", "mapping: m\nbetween: {a: {connection: x, object: y}, b: {connection: x, object: z}}\nfields: [{a: x, b: y, flow: a -> b}]\ncreate: {b: {button: Go}}\non_delete: {a: unlink}\n"},
	} {
		for _, p := range load(t, c.schema).check(c.text) {
			t.Errorf("%s%s", name, p)
		}
	}
}

// TestHover shows that every key of every schema says what it is for.
func TestHover(t *testing.T) {
	for _, name := range schema.Names() {
		c := load(t, name)
		var walk func(s object, at string)
		walk = func(s object, at string) {
			properties, _ := s["properties"].(object)
			for key, p := range properties {
				below := p.(object)
				text, _ := below["description"].(string)
				_, fixed := below["const"]
				_, isGroup := below["properties"]
				_, refused := below["not"]
				if utf8.RuneCountInString(text) < 10 && !fixed && !isGroup && !refused {
					t.Errorf("%s%s.%s says nothing: %q", name, at, key, text)
				}
				walk(below, at+"."+key)
			}
			for _, more := range []string{"additionalProperties", "items", "then"} {
				if below, ok := s[more].(object); ok {
					walk(below, at+"."+more)
				}
			}
			for _, more := range []string{"anyOf", "allOf"} {
				forms, _ := s[more].([]any)
				for _, form := range forms {
					walk(form.(object), at)
				}
			}
		}
		walk(c.root, "")
	}
	if _, ok := schema.Text("other"); ok {
		t.Error("there is a schema that there is not")
	}
}
