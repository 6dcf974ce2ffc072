package jsonscan_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors/jsonscan"
)

var texts = []string{
	`{}`, `[]`, ` [ 1 , 2 ] `, `null`, `true`, `false`, `0`, `-0`, `-1.5e+7`, `1E9`, `"a\u00e9\n\"\\b"`, "\"\u00e9\"",
	`{"a":{"b":[1,{"c":null}]},"d":"}"}`, "\t{\r\n\"a\" : 1 }", `{"a":1,"a":2}`, `{"a\u0062":"x"}`,
	``, ` `, `{`, `[`, `[1`, `[1,`, `[1,]`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{1:1}`, `[1 2]`, `{"a" 1}`,
	`01`, `-`, `1.`, `.5`, `1e`, `1e+`, `+1`, `tru`, `nul`, `truex`, `"a`, `"\x"`, `"\u12g4"`, "\"\n\"", `"\`, `"\u12`, `1 2`, `{}}`, `]`, "\x00",
}

func TestParseAgreesWithTheStandardLibrary(t *testing.T) {
	for _, text := range texts {
		_, err := jsonscan.Parse([]byte(text))
		if got, want := err == nil, json.Valid([]byte(text)); got != want {
			t.Errorf("%q: valid %v, want %v", text, got, want)
		}
	}
}

func TestWalk(t *testing.T) {
	v, err := jsonscan.Parse([]byte(` {"id": 42 , "name":"Zo\u00eb", "n\u0061me2" : "x", "list":[ 1,"two" ,[3],{} ], "neg":-7, "big":12345678901234567890, "half":1.5, "gone":null, "id":"last"} `))
	if err != nil {
		t.Fatal(err)
	}
	if !v.IsObject() || v.IsArray() || !v.Field("gone").IsNull() {
		t.Error("the kinds are wrong")
	}
	var names, elements []string
	v.Fields(func(name []byte, _ jsonscan.Value) bool { names = append(names, string(name)); return true })
	v.Field("list").Elements(func(e jsonscan.Value) bool { elements = append(elements, string(e)); return true })
	if diff := cmp.Diff([]string{"id", "name", "name2", "list", "neg", "big", "half", "gone", "id"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1", `"two"`, "[3]", "{}"}, elements); diff != "" {
		t.Errorf("elements (-want +got):\n%s", diff)
	}
	if got, want := v.Field("id").Text()+v.Field("name").Text()+v.Field("none").Text()+v.Field("neg").Text(), "lastZoë"; got != want {
		t.Errorf("texts: got %q, want %q", got, want)
	}
	for name, want := range map[string]int64{"neg": -7, "big": 0, "half": 0, "name": 0, "none": 0} {
		if n, ok := v.Field(name).Int(); n != want || ok != (want != 0) {
			t.Errorf("%s: got %d, %v", name, n, ok)
		}
	}
	count := 0
	v.Fields(func([]byte, jsonscan.Value) bool { count++; return false })
	v.Field("list").Elements(func(jsonscan.Value) bool { count++; return false })
	if count != 2 {
		t.Errorf("it goes on after it was told to stop: %d", count)
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if _, err := jsonscan.Parse(nested(jsonscan.MaxDepth)); err != nil {
		t.Errorf("as deep as allowed: %v", err)
	}
	for _, n := range []int{jsonscan.MaxDepth + 1, 1 << 20} {
		if _, err := jsonscan.Parse(nested(n)); !errors.Is(err, jsonscan.ErrDepth) {
			t.Errorf("%d deep: got %v, want ErrDepth", n, err)
		}
	}
}

// FuzzParse compares with the standard library, which decodes what was found.
func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := jsonscan.Parse(text)
		if errors.Is(err, jsonscan.ErrDepth) {
			return
		}
		if got, want := err == nil, json.Valid(text); got != want {
			t.Fatalf("%q: valid %v, want %v", text, got, want)
		}
		if err != nil {
			return
		}
		var whole any
		if err := json.Unmarshal(text, &whole); err != nil {
			return // a number out of range
		}
		switch w := whole.(type) {
		case string:
			if v.Text() != w {
				t.Errorf("%q: text %q, want %q", text, v.Text(), w)
			}
		case []any:
			n := 0
			v.Elements(func(e jsonscan.Value) bool {
				check(t, e, w[n])
				n++
				return true
			})
			if n != len(w) {
				t.Errorf("%q: %d elements, want %d", text, n, len(w))
			}
		case map[string]any:
			seen := map[string]jsonscan.Value{}
			v.Fields(func(name []byte, e jsonscan.Value) bool {
				// Names that are not UTF-8 are not repaired.
				seen[strings.ToValidUTF8(string(name), "\ufffd")] = e
				return true
			})
			for name, e := range seen {
				if want, ok := w[name]; ok {
					check(t, e, want)
				}
			}
		}
	})
}

func check(t *testing.T, e jsonscan.Value, want any) {
	t.Helper()
	var got any
	if err := json.Unmarshal(e, &got); err != nil {
		t.Errorf("%q: %v", e, err)
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-want +got):\n%s", e, diff)
	}
}
