package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/viper"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// Options says how a configuration is loaded.
type Options struct {
	// Lookup reads an environment variable; nil means os.LookupEnv.
	Lookup func(name string) (value string, ok bool)
	// NoSecrets accepts secrets that are not there, for checks without them. No
	// file is read and no command is run for one.
	NoSecrets bool
	// SecretsOf, if not nil, names the connections whose secrets are needed; the
	// others are as with NoSecrets.
	SecretsOf []string
}

// Connection is one configured account.
type Connection struct {
	Name      string
	Connector connectors.Connector
	Settings  connectors.Settings
}

// Load reads the file and checks all of it. The configuration is nil when an
// error is among the problems.
func Load(path string, registry *connectors.Registry, options Options) (*Config, mapping.Problems) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	text, err := os.ReadFile(absolute)
	if err != nil {
		p := mapping.Problem{File: path, Message: cause(err), Hint: "name the file with --config, or make one with `tenon init`"}
		return nil, mapping.Problems{p}
	}
	if options.Lookup == nil {
		options.Lookup = os.LookupEnv
	}
	l := &loader{
		source: newSource(path, text), dir: filepath.Dir(absolute), options: options, noSecrets: options.NoSecrets, places: map[string]node{},
		folk: node{kind: nullNode},
	}
	l.dotenv()
	root, ok := l.parse(text)
	if !ok {
		return nil, l.sorted()
	}
	c := &Config{Path: absolute}
	l.split(root)
	l.settings(c)
	if c.State.KeyEnv != "" {
		text, _ := l.options.Lookup(c.State.KeyEnv)
		c.State.Key = Hidden(text)
	}
	c.Connections = l.connections(registry)
	c.People = l.people()
	if l.problems.Err() != nil {
		return nil, l.sorted()
	}
	return c, l.sorted()
}

// cause returns an error's text without the path that the caller shows itself.
func cause(err error) string {
	if p, ok := err.(*os.PathError); ok { //nolint:errorlint // os.ReadFile returns it bare
		return p.Op + ": " + p.Err.Error()
	}
	return err.Error()
}

type loader struct {
	*source
	dir     string
	options Options

	blank     map[string]bool // names that stand in .env without a value
	noSecrets bool            // for the part that is being read
	values    map[string]any  // of the catalogue's settings, nested, as viper wants them
	places    map[string]node // of the catalogue's settings, by dotted key
	conns     node
	folk      node // the table of people
}

// split takes the file apart: what is in the catalogue, and the connections.
func (l *loader) split(root node) {
	l.values = map[string]any{}
	groups := map[string][]string{}
	types := map[string]Type{}
	for _, s := range Catalog() {
		types[s.Key] = s.Type
		for key := s.Key; key != ""; {
			parent, last := "", key
			if i := strings.LastIndexByte(key, '.'); i >= 0 {
				parent, last = key[:i], key[i+1:]
			}
			if !slices.Contains(groups[parent], last) {
				groups[parent] = append(groups[parent], last)
			}
			key = parent
		}
	}
	groups[""] = append([]string{"connections", "people"}, groups[""]...)
	l.group("", root, l.values, groups, types)
}

func (l *loader) group(prefix string, n node, into map[string]any, groups map[string][]string, types map[string]Type) {
	for _, e := range n.keys {
		key := e.key.scalar
		dotted := strings.TrimPrefix(prefix+"."+key, ".")
		if prefix == "" && key == "connections" {
			l.conns = e.value
			continue
		}
		if prefix == "" && key == "people" {
			l.folk = e.value
			continue
		}
		if !slices.Contains(groups[prefix], key) {
			where := "here"
			if prefix != "" {
				where = "below `" + prefix + "`"
			}
			l.fail(e.key, mapping.Suggest(key, "keys "+where+" are", groups[prefix]), "unknown key `%s`", key)
			continue
		}
		l.places[dotted] = e.value
		if _, isGroup := groups[dotted]; isGroup {
			if e.value.kind == nullNode || e.value.kind == badNode {
				continue
			}
			if e.value.kind != mapNode {
				l.fail(e.value, "write its keys below it, with two blanks before each", "`%s` holds keys, not %s", dotted, e.value.kind)
				continue
			}
			below := map[string]any{}
			into[key] = below
			l.group(dotted, e.value, below, groups, types)
			continue
		}
		if v, ok := l.value(dotted, e.value, types[dotted]); ok {
			into[key] = v
		}
	}
}

// value returns a setting's text, or list of texts, with references expanded.
func (l *loader) value(key string, n node, t Type) (any, bool) {
	switch {
	case n.kind == nullNode, n.kind == badNode:
		return nil, false // as if the key were not there
	case n.kind == listNode && t == List:
		var texts []string
		for _, item := range n.list {
			if item.kind != scalarNode {
				l.fail(item, "write `"+key+": [A, B]`", "`%s` is a list of texts", key)
				return nil, false
			}
			text, ok := l.expand(item)
			if !ok {
				return nil, false
			}
			texts = append(texts, text)
		}
		return texts, true
	case t == Secret:
		text, ok := l.taken(key, n, true)
		if text == unset {
			return nil, false
		}
		return text, ok
	case n.kind != scalarNode:
		l.fail(n, "write one value", "`%s` is a %s, not %s", key, t, n.kind)
		return nil, false
	}
	text, ok := l.expand(n)
	if text == unset {
		return nil, false // the default
	}
	if t == List {
		return []string{text}, ok
	}
	return text, ok
}

// unset stands for a value with a variable that is not set, where that is
// accepted. It passes for a secret and for an address.
const unset = "https://unset.invalid"

// expand replaces ${NAME} by the variable's value; $${ stands for ${ itself.
func (l *loader) expand(n node) (string, bool) {
	var b strings.Builder
	rest := n.scalar
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			b.WriteString(rest)
			return b.String(), true
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1] + "${")
			rest = rest[i+2:]
			continue
		}
		b.WriteString(rest[:i])
		name, after, closed := strings.Cut(rest[i+2:], "}")
		if !closed || !isVariable(name) {
			l.fail(n, "write ${NAME}, or $${ for the two characters themselves", "this reference to the environment is not complete")
			return "", false
		}
		value, ok := l.variable(n, name)
		if !ok || value == unset {
			return value, ok
		}
		b.WriteString(value)
		rest = after
	}
}

// variable returns an environment variable, which must be set.
func (l *loader) variable(at node, name string) (string, bool) {
	value, _ := l.options.Lookup(name)
	switch {
	case value != "":
		return value, true
	case l.noSecrets:
		return unset, true
	}
	l.fail(at, l.howToSet(name), "the environment variable %s is not set", name)
	return "", false
}

// howToSet tells where a variable gets its value, by what there is already.
func (l *loader) howToSet(name string) string {
	if l.blank[name] {
		return "fill it in in the file .env; it has no value there yet"
	}
	if _, err := os.Stat(filepath.Join(l.dir, DotEnv)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(l.dir, DotEnv+".example")); err == nil {
			return "cp .env.example .env && chmod 600 .env, and fill it in; or set it where the service is started (export " + name + "=…)"
		}
	}
	return "set it where the service is started (export " + name + "=…), or in the file .env beside tenon.yaml"
}

func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// settings lets viper put defaults, file and environment in order of
// precedence, and reads the result into c.
func (l *loader) settings(c *Config) {
	v := viper.New()
	overridden := map[string]bool{}
	for _, s := range Catalog() {
		v.SetDefault(s.Key, s.Default)
		if text, ok := l.options.Lookup(s.Env()); ok {
			overridden[s.Key] = true
			if s.Type == List {
				v.Set(s.Key, strings.Split(text, ","))
			} else {
				v.Set(s.Key, text)
			}
		}
	}
	if err := v.MergeConfigMap(l.values); err != nil {
		l.fail(node{}, "", "%v", err)
		return
	}
	r := &reader{viper: v, fail: func(key string, hint, format string, args ...any) {
		if !overridden[key] {
			l.fail(l.places[key], hint, "`%s`: "+format, append([]any{key}, args...)...)
			return
		}
		env := Setting{Key: key}.Env()
		l.problems = append(l.problems, mapping.Problem{
			File: "environment", Message: fmt.Sprintf("%s: "+format, append([]any{env}, args...)...), Hint: hint,
		})
	}}
	r.read(c, l.dir)
}
