package connectors

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Setting describes one key of a connection's configuration.
type Setting struct {
	Name     string
	Help     string // one sentence
	Required bool
	Secret   bool
	Default  string
	Choices  []string // the values allowed; empty: any
}

// Settings are the configured values of one connection, by key. Values of
// secret settings print as "***"; only Get reveals them. The values stand behind
// a pointer, so that printing a struct that holds Settings shows none either.
type Settings struct{ *settings }

// settings holds what Settings print.
type settings struct {
	values  map[string]string
	secrets map[string]bool
}

// NewSettings checks values against what the connector declares: unknown keys,
// missing required ones and values outside the choices are errors, all of them
// in one. Defaults are filled in.
func NewSettings(declared []Setting, values map[string]string) (Settings, error) {
	s := Settings{&settings{values: map[string]string{}, secrets: map[string]bool{}}}
	var problems []string
	known := map[string]Setting{}
	for _, d := range declared {
		known[d.Name] = d
		s.secrets[d.Name] = d.Secret
		v := values[d.Name]
		if v == "" {
			v = d.Default
		}
		switch {
		case v == "" && d.Required:
			problems = append(problems, fmt.Sprintf("setting %q is missing: %s", d.Name, d.Help))
		case v != "" && len(d.Choices) > 0 && !slices.Contains(d.Choices, v):
			shown := fmt.Sprintf("%q", v)
			if d.Secret {
				shown = "its value"
			}
			problems = append(problems, fmt.Sprintf("setting %q: %s is none of %s", d.Name, shown, strings.Join(d.Choices, ", ")))
		}
		s.values[d.Name] = v
	}
	for _, name := range slices.Sorted(keys(values)) {
		if _, ok := known[name]; !ok {
			problems = append(problems, fmt.Sprintf("unknown setting %q", name))
		}
	}
	if len(problems) > 0 {
		return Settings{}, &SettingsError{Problems: problems}
	}
	return s, nil
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// SettingsError lists what is wrong with a connection's settings.
type SettingsError struct{ Problems []string }

// Error joins the problems with "; ".
func (e *SettingsError) Error() string { return strings.Join(e.Problems, "; ") }

// Get returns a setting's value, "" when it is not set.
func (s Settings) Get(name string) string {
	if s.settings == nil {
		return ""
	}
	return s.values[name]
}

// With returns the settings with those values besides that they leave empty, as
// a Grant gives them.
func (s Settings) With(granted map[string]string) Settings {
	out := Settings{&settings{values: map[string]string{}, secrets: map[string]bool{}}}
	if s.settings != nil {
		maps.Copy(out.values, s.values)
		maps.Copy(out.secrets, s.secrets)
	}
	for name, v := range granted {
		if out.values[name] == "" {
			out.values[name] = v
		}
		if _, declared := out.secrets[name]; !declared {
			out.secrets[name] = true
		}
	}
	return out
}

// String lists the settings in order, secrets as "***".
func (s Settings) String() string {
	var b strings.Builder
	if s.settings == nil {
		return ""
	}
	for i, name := range slices.Sorted(keys(s.values)) {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%s", name, s.shown(name))
	}
	return b.String()
}

func (s Settings) shown(name string) string {
	if s.secrets[name] && s.values[name] != "" {
		return "***"
	}
	return s.values[name]
}

// LogValue keeps secrets out of logs.
func (s Settings) LogValue() slog.Value { return slog.StringValue(s.String()) }

// GoString keeps secrets out of %#v.
func (s Settings) GoString() string { return "connectors.Settings{" + s.String() + "}" }

// MarshalJSON writes the settings, secrets as "***".
func (s Settings) MarshalJSON() ([]byte, error) {
	shown := map[string]string{}
	if s.settings != nil {
		for name := range s.values {
			shown[name] = s.shown(name)
		}
	}
	return json.Marshal(shown)
}
