package gql

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// tree is a schema of one type that leads to itself.
func tree() Schema {
	self := func(any, Args) (any, error) { return Object{Type: "Node", Source: 1}, nil }
	return Schema{
		"Query": {Fields: map[string]Field{"node": {Type: "Node", Args: []string{"id", "opts"}, Resolve: self}}},
		"Node": {Fields: map[string]Field{
			"self": {Type: "Node", Resolve: self},
			"echo": {Args: []string{"v"}, Resolve: func(_ any, a Args) (any, error) { return a["v"], nil }},
			"fail": {Resolve: func(any, Args) (any, error) { return nil, errors.New("broken") }},
			"list": {Type: "Node", Resolve: func(any, Args) (any, error) { return []Object{{Type: "Node"}, {Type: "Node"}}, nil }},
		}},
	}
}

func run(t *testing.T, query string, variables map[string]any) string {
	t.Helper()
	d, err := Parse(query)
	if err != nil {
		return "error: " + err.Error()
	}
	raw, err := json.Marshal(tree().Execute(d, "", variables))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestExecute(t *testing.T) {
	for _, tc := range []struct{ name, query, want string }{
		{"alias", `{ a: node { b: echo(v: "x\u00e9\"\n") } }`, `{"data":{"a":{"b":"xé\"\n"}}}`},
		{"values", `{ node { echo(v: {a: [1, 2.5, true, null, WORD, "s"]}) } }`, `{"data":{"node":{"echo":{"a":[1,2.5,true,null,"WORD","s"]}}}}`},
		{"block string", `{ node { echo(v: """ two "lines" """) } }`, `{"data":{"node":{"echo":"two \"lines\""}}}`},
		{"merged", `{ node { echo(v: 1) } node { self { echo(v: 2) } } }`, `{"data":{"node":{"echo":1,"self":{"echo":2}}}}`},
		{"directives", `{ node { a: echo(v: 1) @skip(if: true) b: echo(v: 2) @include(if: true) } }`, `{"data":{"node":{"b":2}}}`},
		{"error beside data", `{ node { fail echo(v: 1) } }`, `{"data":{"node":{"fail":null,"echo":1}},"errors":[{"path":["node","fail"],"locations":[{"line":1,"column":10}],"message":"broken"}]}`},
		{"list", `{ node { list { __typename } } }`, `{"data":{"node":{"list":[{"__typename":"Node"},{"__typename":"Node"}]}}}`},
		{"comment", "# a comment\n{ node, { echo(v: 1) } }", `{"data":{"node":{"echo":1}}}`},
		{"default", `query Q($v: Int = 3) { node { echo(v: $v) } }`, `{"data":{"node":{"echo":3}}}`},
		{"bad sign", `{ node { echo(v: ~) } }`, `error: Expected one of SCHEMA, SCALAR, TYPE, ENUM, INPUT, UNION, INTERFACE, actual: UNKNOWN_CHAR ("~")`},
		{"empty", ``, `error: A query attribute must be specified and must be a string.`},
	} {
		if got := run(t, tc.query, nil); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestHostileDocuments keeps the work of a document in bounds.
func TestHostileDocuments(t *testing.T) {
	deep := strings.Repeat("{ self ", 5000)
	if _, err := Parse("{ node " + deep); err == nil {
		t.Error("a document that nests without end is taken")
	}
	var bomb strings.Builder
	bomb.WriteString("{ node { ...F0 } }")
	for n := range 40 {
		for range 1 {
			bomb.WriteString("fragment F" + string(rune('0'+n%10)) + " on Node { self { ...F" + string(rune('0'+(n+1)%10)) + " } }")
		}
	}
	if got := run(t, bomb.String(), nil); !strings.Contains(got, "complexity") {
		t.Errorf("fragments that call each other: %.200s", got)
	}
}

// FuzzDocument parses and runs any document: it ends, and what is answered is
// JSON.
func FuzzDocument(f *testing.F) {
	for _, q := range []string{
		`{ node { echo(v: 1) } }`, `query Q($a: [ID!]! = ["x"]) { node(id: $a) { ...F @skip(if: false) } } fragment F on Node { self { list { __typename } } }`,
		`mutation { x }`, `{ ... on Query { node { fail } } }`, `{ node { echo(v: """x""") } }`, "\ufeff{}", `{ node { echo(v: -1.5e3) } }`,
	} {
		f.Add(q, `{"a":["y"]}`)
	}
	f.Fuzz(func(t *testing.T, query, variables string) {
		var given map[string]any
		_ = json.Unmarshal([]byte(variables), &given)
		d, err := Parse(query)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("%q: %v is no SyntaxError", query, err)
			}
			return
		}
		d.Mutates("")
		if raw, err := json.Marshal(tree().Execute(d, "", given)); err != nil || !json.Valid(raw) {
			t.Fatalf("%q: %v", query, err)
		}
	})
}
