package schema_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/all"
)

var update = flag.Bool("update", false, "rewrite tenon.json")

type object = map[string]any

// TestTenon keeps tenon.json in step with the catalogue of settings and with the
// connectors.
func TestTenon(t *testing.T) {
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(tenonSchema(registry), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := string(text) + "\n"
	if *update {
		if err := os.WriteFile("tenon.json", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile("tenon.json")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("schema/tenon.json is stale; run go test ./schema -update (-want +got):\n%s", d)
	}
}

// tenonSchema describes tenon.yaml.
func tenonSchema(registry *connectors.Registry) object {
	root := group("tenon.yaml", "The configuration of Tenon: accounts, service, state and limits.")
	for _, s := range config.Catalog() {
		at := root
		parts := strings.Split(s.Key, ".")
		for i, part := range parts[:len(parts)-1] {
			properties := at["properties"].(object)
			if properties[part] == nil {
				properties[part] = group(strings.Join(parts[:i+1], "."), "")
			}
			at = properties[part].(object)
		}
		at["properties"].(object)[parts[len(parts)-1]] = settingSchema(s)
	}
	root["properties"].(object)["connections"] = connectionsSchema(registry)
	root["properties"].(object)["people"] = object{
		"title": "people", "type": []any{"object", "null"},
		"description":          "Who is who where e-mails do not tell: one key for each person, the e-mail that most of the systems know, and below it by connection the e-mail, user name or id there.\n\nFor example:\npeople:\n  ada@acme.example: {jira: ada.okafor@tools.acme.example}",
		"propertyNames":        object{"pattern": "^[^ @]+@[^ @]+$"},
		"additionalProperties": object{"type": "object", "additionalProperties": object{"type": []any{"string", "number"}}},
	}
	root["required"] = []any{"connections"}
	root["definitions"] = object{"place": place()}
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	return root
}

func group(title, help string) object {
	g := object{"title": title, "type": []any{"object", "null"}, "properties": object{}, "additionalProperties": false}
	if help != "" {
		g["description"] = help
	}
	return g
}

// reference is a value with ${NAME} in it, which may stand for any.
var reference = object{"type": "string", "pattern": `\$\{`}

func settingSchema(s config.Setting) object {
	out := object{"title": s.Key, "description": s.Help + unlessGiven(s.Default)}
	text := []any{"string", "number", "boolean", "null"}
	switch {
	case len(s.Choices) > 0:
		out["anyOf"] = []any{object{"enum": texts(s.Choices)}, reference}
	case s.Type == config.List:
		out["anyOf"] = []any{object{"type": text}, object{"type": "array", "items": object{"type": "string"}}}
	case s.Type == config.Number:
		out["anyOf"] = []any{object{"type": []any{"integer", "null"}, "minimum": 0}, object{"type": "string", "pattern": `^[0-9]+$`}, reference}
	case s.Type == config.Flag:
		out["anyOf"] = []any{object{"type": []any{"boolean", "null"}}, object{"enum": []any{"true", "false"}}, reference}
	case s.Type == config.Secret:
		out["anyOf"] = []any{object{"type": text}, atPlace}
	default:
		out["type"] = text
	}
	return out
}

func unlessGiven(fallback string) string {
	if fallback == "" {
		return ""
	}
	return "\n\nUnless given: " + fallback + "."
}

func texts(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

var atPlace = object{"$ref": "#/definitions/place"}

// place says where a value is taken from, in place of the value.
func place() object {
	return object{
		"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
		"description": "Where the value is taken from.",
		"properties": object{
			"env":     object{"type": "string", "description": "An environment variable."},
			"file":    object{"type": "string", "description": "A file; a line break at its end does not count."},
			"command": object{"type": "array", "minItems": 1, "items": object{"type": []any{"string", "number", "boolean"}}, "description": "A program with its arguments, which prints the value. No shell takes it apart."},
			"plain":   object{"type": []any{"string", "number", "boolean"}, "description": "The value itself, in clear."},
		},
	}
}

func connectionsSchema(registry *connectors.Registry) object {
	var kinds, forms []any
	for _, kind := range registry.Kinds() {
		info := registry.Connector(kind).Info()
		kinds = append(kinds, kind)
		properties := object{"kind": object{"const": kind}}
		for _, s := range info.Settings {
			properties[s.Name] = connectionSetting(s)
			properties[s.Name+"_file"] = object{"type": "string", "title": s.Name + "_file", "description": "A file that holds `" + s.Name + "`. " + s.Help}
		}
		forms = append(forms, object{
			"if":   object{"properties": object{"kind": object{"const": kind}}},
			"then": object{"properties": properties, "additionalProperties": false},
		})
	}
	return object{
		"title": "connections", "type": "object", "description": "The accounts, by the name that mappings use for them.",
		"additionalProperties": object{
			"type": "object", "required": []any{"kind"},
			"properties": object{"kind": object{"enum": kinds, "title": "kind", "description": "Which connector the account belongs to."}},
			"allOf":      forms,
		},
	}
}

func connectionSetting(s connectors.Setting) object {
	help := s.Help + unlessGiven(s.Default)
	if s.Secret {
		help += "\n\nA secret: write ${NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}."
	}
	out := object{"title": s.Name, "description": help}
	forms := []any{object{"type": []any{"string", "number", "boolean", "null"}}, atPlace}
	switch {
	case len(s.Choices) > 0:
		forms[0] = object{"enum": texts(s.Choices)}
		forms = append(forms, reference)
	case s.Secret:
		forms[0] = object{"type": []any{"string", "null"}, "pattern": `^$|\$\{`}
	}
	out["anyOf"] = forms
	return out
}
