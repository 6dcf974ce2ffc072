package mapping

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

// TestReference keeps docs/mapping.md and the editor's schemas in step with the
// spec of the keys, the functions and the conversions.
func TestReference(t *testing.T) {
	for path, want := range map[string]string{
		filepath.Join("..", "docs", "mapping.md"):          referencePage(t),
		filepath.Join("..", "schema", "mapping.json"):      editorSchema(t, fileSpec, "Tenon mapping"),
		filepath.Join("..", "schema", "mapping_test.json"): editorSchema(t, caseFileSpec, "Cases of a Tenon mapping"),
	} {
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s is stale; run go test ./mapping -update (-want +got):\n%s", path, d)
		}
	}
}

// TestReferenceExamples runs the example of every key and every YAML block of
// the page through the parser.
func TestReferenceExamples(t *testing.T) {
	page := referencePage(t)
	blocks := 0
	for i, part := range strings.Split(page, "```") {
		src, ok := strings.CutPrefix(part, "yaml\n")
		if i%2 == 0 || !ok {
			continue
		}
		blocks++
		if !strings.HasPrefix(src, "mapping:") {
			if strings.HasPrefix(src, "create:") {
				src = strings.Replace(head, "create:\n  epic: {when: true}\n", src, 1) + "  - {deal: dealname, epic: summary}\n"
			} else {
				src = head + src
			}
		}
		compileText(t, src, testEnv())
	}
	if blocks < 3 {
		t.Errorf("got %d YAML blocks on the page, want at least 3", blocks)
	}
	for _, k := range fileSpec.keys {
		if k.name == "mapping" || k.name == "between" {
			continue
		}
		src := head + "  - {deal: dealname, epic: summary}\n"
		switch k.name {
		case "fields":
			src = strings.Replace(head, "fields:\n", k.example+"\n", 1)
		case "create":
			src = strings.Replace(head, "create:\n  epic: {when: true}\n", k.example+"\n", 1) + "  - {deal: dealname, epic: summary}\n"
		default:
			src += k.example + "\n"
		}
		t.Run(k.name, func(t *testing.T) { compileText(t, src, testEnv()) })
	}
}

func referencePage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("testdata", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(
		"{{keys}}", keyReference(fileSpec, "###"),
		"{{casekeys}}", keyReference(caseFileSpec, "###"),
		"{{conversions}}", conversionReference(),
		"{{functions}}", functionReference(),
		"{{listfunctions}}", listFunctionReference(),
	).Replace(string(page))
}

func keyReference(root *spec, heading string) string {
	var b strings.Builder
	told := map[*spec]bool{}
	var write func(s *spec, path string)
	write = func(s *spec, path string) {
		for _, k := range s.keys {
			if told[k] {
				continue // of the file, and of a case
			}
			told[k] = true
			name := strings.TrimPrefix(path+"."+k.name, ".")
			fmt.Fprintf(&b, "%s `%s`\n\n%s\n\n", heading, name, k.help)
			var facts []string
			if k.required {
				facts = append(facts, "Required.")
			}
			if len(k.values) > 0 {
				facts = append(facts, "One of "+oneOf(k.values)+".")
			}
			if k.fallback != "" {
				facts = append(facts, "Unless given: "+k.fallback+".")
			}
			if len(facts) > 0 {
				fmt.Fprintf(&b, "%s\n\n", strings.Join(facts, " "))
			}
			fmt.Fprintf(&b, "```\n%s\n```\n\n", k.example)
			switch {
			case k.kind == specObject && k.side != nil:
				write(k.side, name+".<side>")
			case k.kind == specList && k.item.kind == specObject:
				write(k.item, name+"[]")
			}
			for _, or := range k.or {
				write(or, name)
			}
		}
	}
	write(root, "")
	return strings.TrimSpace(b.String())
}

// conversionReference asks the compiler about every pair of types.
func conversionReference() string {
	types := []connectors.Type{
		connectors.TypeText, connectors.TypeRichText, connectors.TypeNumber, connectors.TypeMoney, connectors.TypeBool,
		connectors.TypeDate, connectors.TypeInstant, connectors.TypeOption, connectors.TypeOptions, connectors.TypePerson,
		connectors.TypeReference, connectors.TypeFile,
	}
	var b strings.Builder
	b.WriteString("| from \\ to |")
	for _, t := range types {
		b.WriteString(" " + t.String() + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(types)) + "\n")
	for _, from := range types {
		b.WriteString("| **" + from.String() + "** |")
		for _, to := range types {
			b.WriteString(" " + conversionWord(from, to) + " |")
		}
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

func conversionWord(from, to connectors.Type) string {
	k := &compilation{file: &File{Sides: [2]Side{{Name: "a"}, {Name: "b"}}}}
	d := &ruleDraft{item: &node{kind: objectNode}, flow: ToRight, fields: [2]*connectors.Field{
		{Name: "x", Type: from, Options: opts("1", "One")}, {Name: "y", Type: to, Options: opts("2", "Two")},
	}}
	problem, _ := k.refusal(d, Right)
	if problem == "" {
		return "yes"
	}
	if from == connectors.TypeDate && to == connectors.TypeInstant {
		return "at"
	}
	if problem, _ := k.tableRefusal(d.fields[0], d.fields[1]); problem == "" {
		return "values"
	}
	if from != connectors.TypeFile && kindsOf(from).fits(resultKindsFor(d.fields[1])) {
		return "set"
	}
	return "–"
}

func functionReference() string {
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, f := range functions {
		fmt.Fprintf(&b, "| `%s` | %s |\n", f.usage, f.help)
	}
	return strings.TrimSpace(b.String())
}

func listFunctionReference() string {
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, name := range sortedKeys(listFunctions) {
		fmt.Fprintf(&b, "| `%s(list, # …)` | %s |\n", name, listFunctions[name])
	}
	return strings.TrimSpace(b.String())
}

// editorSchema is the JSON Schema by which editors check, complete and explain a
// file.
func editorSchema(t *testing.T, root *spec, title string) string {
	t.Helper()
	s := specSchema(root)
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = title
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func specSchema(s *spec) map[string]any {
	out := kindSchema(s)
	if len(s.or) > 0 {
		forms := []any{out}
		for _, o := range s.or {
			forms = append(forms, specSchema(o))
		}
		out = map[string]any{"anyOf": forms}
	}
	if s.name != "" {
		out["title"] = s.name
	}
	if s.help != "" {
		out["description"] = s.help
		if s.fallback != "" {
			out["description"] = s.help + "\n\nUnless given: " + s.fallback + "."
		}
	}
	if s.example != "" {
		out["description"] = fmt.Sprintf("%v\n\nFor example:\n%s", out["description"], s.example)
	}
	return out
}

func kindSchema(s *spec) map[string]any {
	scalar := []any{"string", "number", "boolean"}
	switch s.kind {
	case specName:
		return map[string]any{"type": "string", "pattern": nameForm.String()}
	case specBool:
		return map[string]any{"type": "boolean"}
	case specWord:
		return wordSchema(s)
	case specTable:
		return map[string]any{"type": "object", "additionalProperties": map[string]any{"type": scalar}}
	case specValues:
		return map[string]any{"type": "object", "additionalProperties": map[string]any{"anyOf": []any{
			map[string]any{"type": scalar},
			map[string]any{"type": "array", "items": map[string]any{"type": scalar}},
		}}}
	case specRecord:
		return map[string]any{"type": []any{"object", "null"}, "additionalProperties": map[string]any{"anyOf": []any{
			map[string]any{"type": append([]any{"null"}, scalar...)},
			map[string]any{"type": "array", "items": map[string]any{"type": scalar}},
		}}}
	case specList:
		return map[string]any{"type": "array", "items": specSchema(s.item)}
	case specObject:
		return objectSchema(s)
	case specText, specExpression, specTemplate:
	}
	return map[string]any{"type": scalar}
}

func wordSchema(s *spec) map[string]any {
	fixed := []any{}
	pattern := false
	for _, v := range s.values {
		if strings.Contains(v, "<side>") {
			pattern = true
			continue
		}
		fixed = append(fixed, v)
	}
	if !pattern {
		return map[string]any{"enum": fixed}
	}
	name := strings.Trim(sideForm.String(), "^$")
	forms := []any{map[string]any{"enum": fixed}}
	if len(fixed) == 0 {
		forms = nil
	}
	for _, v := range s.values {
		if strings.Contains(v, "<side>") {
			forms = append(forms, map[string]any{"type": "string", "pattern": "^" + strings.ReplaceAll(v, "<side>", name) + "$"})
		}
	}
	return map[string]any{"anyOf": forms}
}

func objectSchema(s *spec) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, k := range s.keys {
		properties[k.name] = specSchema(k)
		if k.required {
			required = append(required, k.name)
		}
	}
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	switch {
	case s.side != nil:
		out["additionalProperties"] = specSchema(s.side)
	case s.free:
		out["additionalProperties"] = map[string]any{"type": []any{"string", "number", "boolean"}}
	}
	if s == fileSpec.key("between") {
		out["minProperties"], out["maxProperties"] = 2, 2
	}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}
