package mapping

import (
	"fmt"
	"strings"
	"testing"
)

// TestHostileFiles reads files that are made to cost time or memory: each ends
// in a refusal, none in a hang. The YAML library alone takes minutes for some.
func TestHostileFiles(t *testing.T) {
	deep := func(indicator string) string {
		var b strings.Builder
		for i := range 400 {
			b.WriteString(strings.Repeat(" ", i) + indicator + "\n")
		}
		return b.String()
	}
	for name, src := range map[string]string{
		"bytes":          strings.Repeat("# comment\n", maxFileSize/10+1),
		"lines":          strings.Repeat("a: b\n", maxLines+1),
		"line":           "a: " + strings.Repeat("x", maxLine),
		"dashes":         strings.Repeat("- ", maxLine/2-1),
		"question marks": strings.Repeat("? ", maxLine/2-1),
		"anchors":        strings.Repeat("&a ", maxLine/3-1),
		"tags":           strings.Repeat("!!x ", maxLine/4-1),
		"colons":         strings.Repeat("a: ", maxLine/3-1),
		"brackets":       strings.Repeat("[", maxLine-1),
		"over lines":     "a: " + strings.Repeat("[\n", 500),
		"lists":          deep("-"),
		"blocks":         deep("a:"),
		"same key":       strings.Repeat("a: b\n", 300),
		"aliases":        "a: &x [1]\n" + strings.Repeat("b: *x\n", 200),
		"commas":         "a: [" + strings.Repeat(",", maxLine-10) + "]",
		"not UTF-8":      "mapping: \xff\n",
		"nothing":        "",
	} {
		t.Run(name, func(t *testing.T) {
			m, problems := check("hostile.yaml", []byte(src))
			if m != nil || problems.Err() == nil {
				t.Errorf("the file compiled")
			}
			if len(problems) > maxProblems+1 {
				t.Errorf("got %d problems, want at most %d", len(problems), maxProblems+1)
			}
		})
	}
}

// TestManyProblems checks that what is dropped can never hide an error.
func TestManyProblems(t *testing.T) {
	r := newReporter("x", nil)
	for i := range 3 * maxProblems {
		r.warnf(position{i, 1, 1}, "", "w%d", i)
	}
	r.errorf(position{9999, 1, 1}, "", "the error")
	r.errorf(position{9999, 2, 1}, "", "another")
	if err := r.problems.Err(); err == nil || !strings.Contains(err.Error(), "the error") {
		t.Errorf("got %v", err)
	}
	if got, want := len(r.problems), maxProblems+3; got != want {
		t.Errorf("got %d problems, want %d", got, want)
	}
}

// TestByteOrderMark reads a file as some editors save it.
func TestByteOrderMark(t *testing.T) {
	compileText(t, "\uFEFF"+strings.ReplaceAll(head, "\n", "\r\n")+"  - {deal: dealname, epic: summary}\r\n", testEnv())
}

// TestManyRules compiles as many rules as a wide mapping may have.
func TestManyRules(t *testing.T) {
	env := testEnv()
	var b strings.Builder
	b.WriteString(head)
	for i := range 500 {
		name := fmt.Sprintf("extra_%03d", i)
		for side := range env.Schemas {
			env.Schemas[side].Fields = append(env.Schemas[side].Fields, field(name, name, 1))
		}
		fmt.Fprintf(&b, "  - {deal: %s, epic: %s}\n", name, name)
	}
	if got := len(compileText(t, b.String(), env).Rules()); got != 500 {
		t.Errorf("got %d rules, want 500", got)
	}
}
