package connectortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// bends are what Bend puts in the place of a part of an answer.
var bends = []struct {
	name string
	v    any
}{
	{"null", nil},
	{"a number", json.Number("7")},
	{"a negative number", json.Number("-1")},
	{"a huge number", json.Number("1e400")},
	{"a text", "x"},
	{"an empty text", ""},
	{"a nasty text", "a\x00\u202e/../?#%2e"},
	{"a long text", strings.Repeat("long ", 4000)},
	{"a list", []any{}},
	{"a list of null", []any{nil}},
	{"a group", map[string]any{}},
	{"true", true},
	{"nothing", removed},
}

// removed takes the part out.
var removed = new(int)

// Bend makes every call of the target's recorded corpus again and again, each
// time with one part of one answer replaced by something else or taken out, and
// checks what Fuzz checks. Of lists, the first element stands for all; an answer
// that several calls get is bent for the first of them. Each part is bent in some
// ways, one after the other in turns, or in all.
func (a Answers) Bend(t *testing.T, target string, all bool) {
	t.Helper()
	known := map[string]bool{}
	for op, call := range answerCalls {
		path := filepath.Join("testdata", "fuzz", target, strings.ReplaceAll(call.name, " ", "-"))
		t.Run(call.name, func(t *testing.T) {
			answers := parseAnswers(corpusText(t, path))
			for i, answer := range answers {
				if known[string(answer.body)] {
					continue
				}
				known[string(answer.body)] = true
				a.bendAnswer(t, op, answers, i, all)
			}
		})
	}
}

func (a Answers) bendAnswer(t *testing.T, op int, answers []scriptedAnswer, i int, all bool) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(answers[i].body))
	d.UseNumber()
	var whole any
	if d.Decode(&whole) != nil {
		return
	}
	seen := map[string]bool{}
	for n, at := range partsOf(whole, nil, seen) {
		for k, b := range bends {
			if !all && (n+k)%5 != 0 {
				continue
			}
			body, err := json.Marshal(bent(whole, at, b.v))
			if err != nil {
				t.Fatal(err)
			}
			changed := slices.Clone(answers)
			changed[i].body = body
			if !a.one(t, op, changed) {
				t.Errorf("answer %d, %s: %s", i+1, strings.Join(at, "."), b.name)
			}
		}
	}
}

// one makes a call with the answers and reports whether it kept to the contract.
func (a Answers) one(t *testing.T, op int, answers []scriptedAnswer) bool {
	t.Helper()
	call := answerCalls[op%len(answerCalls)]
	system := &scripted{answers: answers}
	rec := &verdict{TB: t}
	p := &probe{
		TB: rec, h: a.Harness, ids: a.ids(), secrets: a.Secrets, op: call.name,
		c: a.Dial(t, answersBase, connectors.Options{Clock: &answersClock{now: answersFrom}, Transport: system}),
	}
	call.run(p)
	if err := p.c.Close(); err != nil {
		rec.Errorf("close: %v", err)
	}
	if system.served > maxRequests {
		rec.Errorf("%s: more than %d requests", call.name, maxRequests)
	}
	return !rec.failed
}

// verdict notes whether its test was failed through it.
type verdict struct {
	testing.TB
	failed bool
}

// Errorf implements testing.TB.
func (v *verdict) Errorf(format string, args ...any) {
	v.TB.Helper()
	v.failed = true
	v.TB.Errorf(format, args...)
}

// corpusText reads the answers of a file that Record wrote.
func corpusText(t *testing.T, path string) string {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		if quoted, ok := strings.CutPrefix(line, "string("); ok {
			text, err := strconv.Unquote(strings.TrimSuffix(strings.TrimSpace(quoted), ")"))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			return text
		}
	}
	t.Fatalf("%s holds no answers", path)
	return ""
}

// partsOf lists the paths of all parts of a JSON value, those of a list's
// elements once.
func partsOf(v any, at []string, seen map[string]bool) [][]string {
	kind := strings.Join(at, ".")
	if seen[kind] {
		return nil
	}
	seen[kind] = true
	paths := [][]string{slices.Clone(at)}
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			paths = append(paths, partsOf(v[name], append(at, name), seen)...)
		}
	case []any:
		if len(v) > 0 {
			paths = append(paths, partsOf(v[0], append(at, "0"), seen)...)
		}
	}
	return paths
}

// bent returns a copy of v in which another value stands at the path.
func bent(v any, at []string, with any) any {
	if len(at) == 0 {
		if with == removed {
			return map[string]any{}
		}
		return with
	}
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for name, inner := range v {
			switch {
			case name != at[0]:
				c[name] = inner
			case len(at) > 1 || with != removed:
				c[name] = bent(inner, at[1:], with)
			}
		}
		return c
	case []any:
		if len(at) == 1 && with == removed {
			return v[1:]
		}
		return append([]any{bent(v[0], at[1:], with)}, v[1:]...)
	}
	panic(fmt.Sprintf("no part %q", at[0]))
}
