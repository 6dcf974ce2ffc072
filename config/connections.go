package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// A connection's name stands in addresses and in the state.
var connectionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (l *loader) connections(registry *connectors.Registry) []Connection {
	if l.conns.kind == badNode {
		return nil
	}
	if l.conns.kind != mapNode || len(l.conns.keys) == 0 {
		at := l.conns
		l.fail(at, "kinds are "+strings.Join(registry.Kinds(), ", "), "no connections: write `connections:` and below it one key for each account")
		return nil
	}
	var list []Connection
	for _, e := range l.conns.keys {
		name := e.key.scalar
		if !connectionName.MatchString(name) {
			l.fail(e.key, "use small letters, digits and hyphens, at most 63", "%q cannot be a connection's name", name)
			continue
		}
		if e.value.kind == badNode {
			continue
		}
		if e.value.kind != mapNode {
			l.fail(e.value, "write `kind:` and the settings of that kind", "connection `%s` holds keys, not %s", name, e.value.kind)
			continue
		}
		l.noSecrets = !l.needsSecrets(name)
		c, ok := l.connection(name, e, registry)
		l.noSecrets = l.options.NoSecrets
		if ok {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Connection) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// needsSecrets reports whether the secrets of a connection must be there.
func (l *loader) needsSecrets(connection string) bool {
	only := l.options.SecretsOf
	return !l.options.NoSecrets && (only == nil || slices.Contains(only, connection))
}

func (l *loader) connection(name string, e entry, registry *connectors.Registry) (Connection, bool) {
	i := slices.IndexFunc(e.value.keys, func(k entry) bool { return k.key.scalar == "kind" })
	if i < 0 {
		l.fail(e.key, "write `kind:` with one of "+strings.Join(registry.Kinds(), ", "), "connection `%s` has no kind", name)
		return Connection{}, false
	}
	kind := e.value.keys[i].value
	connector := registry.Connector(kind.scalar)
	if connector == nil {
		l.fail(kind, mapping.Suggest(kind.scalar, "kinds are", registry.Kinds()), "there is no connector of kind %q", kind.scalar)
		return Connection{}, false
	}
	declared := connector.Info().Settings
	before := len(l.problems)
	values := map[string]string{}
	given := map[string]node{}
	for _, k := range e.value.keys {
		if k.key.scalar != "kind" {
			l.connectionKey(k, declared, values, given)
		}
	}
	for _, d := range declared {
		_, ok := given[d.Name]
		at, set := given[d.Name], values[d.Name] != ""
		switch {
		case !ok && d.Required && d.Default == "":
			hint := d.Help
			if d.Secret {
				hint += "\nhint: write `" + d.Name + ": ${NAME}` to take it from the environment, or {file: PATH} or {command: [PROGRAM, ARGUMENT]} for ${NAME}"
			}
			l.fail(e.key, hint, "connection `%s` needs `%s`", name, d.Name)
		case set && len(d.Choices) > 0 && !slices.Contains(d.Choices, values[d.Name]):
			l.fail(at, "write one of "+strings.Join(d.Choices, ", "), "`%s` cannot be that", d.Name)
		}
	}
	if l.problems[before:].Err() != nil {
		return Connection{}, false
	}
	settings, err := connectors.NewSettings(declared, values)
	if err != nil {
		l.fail(e.key, "docs/configuration.md lists the settings of each kind", "connection `%s`: %v", name, err)
		return Connection{}, false
	}
	return Connection{Name: name, Connector: connector, Settings: settings}, true
}

// connectionKey takes in one key of a connection: a setting of its connector,
// or NAME_file for a setting NAME.
func (l *loader) connectionKey(k entry, declared []connectors.Setting, values map[string]string, given map[string]node) {
	key := k.key.scalar
	find := func(name string) (connectors.Setting, bool) {
		i := slices.IndexFunc(declared, func(d connectors.Setting) bool { return d.Name == name })
		if i < 0 {
			return connectors.Setting{}, false
		}
		return declared[i], true
	}
	setting, known := find(key)
	fromFile := false
	if base, isFile := strings.CutSuffix(key, "_file"); !known && isFile {
		setting, known = find(base)
		fromFile = known
	}
	if !known {
		names := make([]string, len(declared))
		for i, d := range declared {
			names[i] = d.Name
		}
		l.fail(k.key, mapping.Suggest(key, "keys of this kind are", append([]string{"kind"}, names...)), "unknown key `%s`", key)
		return
	}
	if k.value.kind == nullNode || k.value.kind == badNode {
		return
	}
	if fromFile && k.value.kind != scalarNode {
		l.fail(k.value, "write one value: `"+key+": VALUE`", "`%s` is a text, not %s", key, k.value.kind)
		return
	}
	if _, twice := given[setting.Name]; twice {
		l.fail(k.key, "keep one of them", "`%s` is given twice, as text and as file", setting.Name)
		return
	}
	given[setting.Name] = k.value
	text, ok := "", false
	if fromFile {
		if text, ok = l.expand(k.value); ok {
			text, ok = l.secretFile(k.value, text)
		}
	} else {
		text, ok = l.taken(key, k.value, setting.Secret)
	}
	if !ok {
		return
	}
	if text == unset && len(setting.Choices) > 0 {
		text = "" // the default
	}
	values[setting.Name] = text
}
