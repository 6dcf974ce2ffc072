// Package schemas keeps what systems told of their objects in files beside the
// mappings, so that mappings can be checked and tested where no system can be
// asked: fields, types, options and rights, and nothing of any record.
//
// An object of a connection has one file, CONNECTION.OBJECT.json, with an entry
// for each scope that was asked for. Files are sorted, so that a version control
// shows what a system changed.
package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Folder is a folder of saved schemas. It need not be there.
type Folder string

// file is what stands in a file.
type file struct {
	Connection string  `json:"connection"`
	Object     string  `json:"object"`
	Scopes     []entry `json:"scopes"`
}

type entry struct {
	Scope  connectors.Scope `json:"scope"`
	Label  string           `json:"label"`
	Child  string           `json:"child,omitempty"`
	Fields []field          `json:"fields"`
}

// field is a connectors.Field as it is written; what is not set is left out.
type field struct {
	Name      string   `json:"name"`
	Label     string   `json:"label"`
	Type      string   `json:"type"`
	Writable  bool     `json:"writable,omitempty"`
	Creatable bool     `json:"creatable,omitempty"`
	Clearable bool     `json:"clearable,omitempty"`
	ReadOnly  string   `json:"readOnly,omitempty"`
	Required  bool     `json:"required,omitempty"`
	Unique    bool     `json:"unique,omitempty"`
	Findable  bool     `json:"findable,omitempty"`
	History   bool     `json:"history,omitempty"`
	Hidden    bool     `json:"hidden,omitempty"`
	Options   []option `json:"options,omitempty"`
	Open      bool     `json:"open,omitempty"`
	MaxLength int      `json:"maxLength,omitempty"`
	Scale     *int     `json:"scale,omitempty"` // absent: all decimals are kept
	OneLine   bool     `json:"oneLine,omitempty"`
	Object    string   `json:"object,omitempty"`
	Hops      bool     `json:"hops,omitempty"`
}

type option struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// Path returns the file of an object.
func (f Folder) Path(connection, object string) string {
	clean := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}
	return filepath.Join(string(f), strings.Map(clean, connection)+"."+strings.Map(clean, object)+".json")
}

// Load returns the saved schema of an object in a scope: the one saved for just
// that scope, else the one saved for none. It is nil where nothing is saved. The
// error names a file that cannot be read.
func (f Folder) Load(connection, object string, scope connectors.Scope) (*connectors.Schema, error) {
	saved, err := f.read(connection, object)
	if err != nil || saved == nil {
		return nil, err
	}
	for _, wanted := range []connectors.Scope{scope, nil} {
		for _, e := range saved.Scopes {
			if maps.Equal(e.Scope, wanted) {
				return e.schema(object)
			}
		}
	}
	return nil, nil
}

func (f Folder) read(connection, object string) (*file, error) {
	path := f.Path(connection, object)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	saved := &file{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(saved); err != nil {
		return nil, fmt.Errorf("%s is %w: %w", path, errBroken, err)
	}
	return saved, nil
}

var errBroken = errors.New("no saved schema")

func (e *entry) schema(object string) (*connectors.Schema, error) {
	s := &connectors.Schema{Object: object, Label: e.Label, Child: e.Child}
	for _, w := range e.Fields {
		typ, ok := connectors.ParseType(w.Type)
		if !ok {
			return nil, fmt.Errorf("field %s: there is no type %q", w.Name, w.Type)
		}
		out := connectors.Field{
			Name: w.Name, Label: w.Label, Type: typ, Writable: w.Writable, Creatable: w.Creatable, Clearable: w.Clearable,
			ReadOnly: w.ReadOnly, Required: w.Required, Unique: w.Unique, Findable: w.Findable, History: w.History,
			Hidden: w.Hidden, Open: w.Open, MaxLength: w.MaxLength, Scale: -1, OneLine: w.OneLine, Object: w.Object, Hops: w.Hops,
		}
		if w.Scale != nil {
			out.Scale = *w.Scale
		}
		for _, o := range w.Options {
			out.Options = append(out.Options, connectors.Option(o))
		}
		s.Fields = append(s.Fields, out)
	}
	return s, nil
}

// Save stores the schema of an object in a scope and reports whether the file
// has changed. The folder is made where it is not there. The file is replaced as
// a whole or not at all; one that cannot be read begins anew.
func (f Folder) Save(connection, object string, scope connectors.Scope, s *connectors.Schema) (changed bool, err error) {
	saved, err := f.read(connection, object)
	if err != nil && !errors.Is(err, errBroken) {
		return false, err
	}
	if saved == nil {
		saved = &file{Connection: connection, Object: object}
	}
	if scope == nil {
		scope = connectors.Scope{}
	}
	saved.Scopes = slices.DeleteFunc(saved.Scopes, func(e entry) bool { return maps.Equal(e.Scope, scope) })
	saved.Scopes = append(saved.Scopes, written(scope, s))
	slices.SortFunc(saved.Scopes, func(a, b entry) int { return strings.Compare(scopeText(a.Scope), scopeText(b.Scope)) })
	text, err := saved.text()
	if err != nil {
		return false, err
	}
	path := f.Path(connection, object)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return false, nil
	}
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return false, err
	}
	return true, replace(path, text)
}

// scopeLine writes the keys of a scope in one line.
func scopeLine(scope connectors.Scope, one func(any) string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(scope)) {
		pairs = append(pairs, one(key)+": "+one(scope[key]))
	}
	return strings.Join(pairs, ", ")
}

// text writes the file with each field in a line of its own, so that people and
// version control can read it.
func (f *file) text() ([]byte, error) {
	var b bytes.Buffer
	var failed error
	one := func(v any) string {
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		failed = errors.Join(failed, enc.Encode(v))
		return strings.TrimSpace(line.String())
	}
	comma := func(i, n int) string {
		if i == n-1 {
			return "\n"
		}
		return ",\n"
	}
	b.WriteString("{\n  \"connection\": " + one(f.Connection) + ",\n  \"object\": " + one(f.Object) + ",\n  \"scopes\": [\n")
	for i, e := range f.Scopes {
		b.WriteString("    {\n      \"scope\": " + "{" + scopeLine(e.Scope, one) + "},\n      \"label\": " + one(e.Label) + ",\n")
		if e.Child != "" {
			b.WriteString("      \"child\": " + one(e.Child) + ",\n")
		}
		b.WriteString("      \"fields\": [\n")
		for j, field := range e.Fields {
			b.WriteString("        " + one(field) + comma(j, len(e.Fields)))
		}
		b.WriteString("      ]\n    }" + comma(i, len(f.Scopes)))
	}
	b.WriteString("  ]\n}\n")
	return b.Bytes(), failed
}

func replace(path string, text []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".schema-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func scopeText(s connectors.Scope) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s)) {
		b.WriteString(key + "\x00" + s[key] + "\x00")
	}
	return b.String()
}

func written(scope connectors.Scope, s *connectors.Schema) entry {
	e := entry{Scope: scope, Label: s.Label, Child: s.Child, Fields: []field{}}
	for i := range s.Fields {
		f := &s.Fields[i]
		w := field{
			Name: f.Name, Label: f.Label, Type: f.Type.String(), Writable: f.Writable, Creatable: f.Creatable, Clearable: f.Clearable,
			ReadOnly: f.ReadOnly, Required: f.Required, Unique: f.Unique, Findable: f.Findable, History: f.History,
			Hidden: f.Hidden, Open: f.Open, MaxLength: f.MaxLength, OneLine: f.OneLine, Object: f.Object, Hops: f.Hops,
		}
		if f.Scale >= 0 {
			w.Scale = &f.Scale
		}
		for _, o := range f.Options {
			w.Options = append(w.Options, option(o))
		}
		e.Fields = append(e.Fields, w)
	}
	slices.SortFunc(e.Fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return e
}
