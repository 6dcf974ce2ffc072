package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"github.com/tenonsync/tenon/mapping"
)

// DotEnv is the name of the file beside tenon.yaml that holds variables for
// those that the environment does not set.
const DotEnv = ".env"

// dotenv adds the variables of the file .env, if there is one, to the lookup.
// The environment goes before; a variable that is set to nothing there does not
// count.
func (l *loader) dotenv() {
	path := filepath.Join(l.dir, DotEnv)
	shown := filepath.Join(filepath.Dir(l.path), DotEnv)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var text []byte
	if err == nil {
		text, err = readSome(path)
	}
	if err != nil {
		l.problems = append(l.problems, mapping.Problem{File: shown, Message: "cannot be read: " + cause(err)})
		return
	}
	s := newSource(shown, bytes.TrimPrefix(text, []byte("\ufeff"))) // some editors put the mark before it
	values := s.variables()
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o037 != 0 && len(values) > 0 { // a group may read: of a secret in Kubernetes it must
		s.problem(node{}, mapping.Warning, "chmod 600 "+shown, "others than its owner may read or write this file (mode %04o)", mode)
	}
	l.problems = append(l.problems, s.problems...)
	l.blank = map[string]bool{}
	for name, value := range values {
		l.blank[name] = value == ""
	}
	environment := l.options.Lookup
	l.options.Lookup = func(name string) (string, bool) {
		if v, ok := environment(name); ok && v != "" {
			return v, true
		}
		if v, ok := values[name]; ok {
			return v, true
		}
		return environment(name)
	}
}

// variables reads lines NAME=VALUE. Lines that begin with # are comments, the
// word export before a name is left out, and quotes around a value are taken
// off. There are no references and no escapes. No line is shown in a problem,
// since it may hold a secret.
func (s *source) variables() map[string]string {
	values := map[string]string{}
	for i, line := range s.lines {
		at := node{line: i + 1, column: 1, width: 1}
		s.lines[i] = ""
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		name = strings.TrimSpace(strings.TrimPrefix(name, "export "))
		if !found || !isVariable(name) {
			s.fail(at, "write NAME=VALUE", "this line sets no variable")
			continue
		}
		value = strings.TrimSpace(value)
		if quote := value; len(quote) > 0 && (quote[0] == '"' || quote[0] == '\'') {
			end := strings.IndexByte(quote[1:], quote[0])
			rest := ""
			if end >= 0 {
				rest = strings.TrimSpace(quote[end+2:])
			}
			if end < 0 || rest != "" && rest[0] != '#' {
				s.fail(at, "end the value with the quote that begins it", "the quotes of %s do not match", name)
				continue
			}
			value = quote[1 : end+1]
		} else if before, _, comment := strings.Cut(value, " #"); comment {
			value = strings.TrimSpace(before)
		}
		if strings.ContainsFunc(value, unicode.IsControl) {
			s.fail(at, "write the value on one line, as plain text", "the value of %s holds a control character", name)
			continue
		}
		values[name] = value
	}
	return values
}
