package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/mapping/schemas"
)

// validation is the JSON output of validate.
type validation struct {
	OK       bool             `json:"ok"`
	Offline  bool             `json:"offline"`
	Mappings []string         `json:"mappings"`
	Accounts []accountRow     `json:"accounts"`
	Problems mapping.Problems `json:"problems"`
	// Unchecked names, for a mapping of an offline check, the objects of which
	// nothing is saved, so that its fields were not looked at.
	Unchecked map[string][]string `json:"unchecked,omitempty"`
	Saved     []string            `json:"saved,omitempty"` // the files of schemas that were written
}

type accountRow struct {
	Connection string   `json:"connection"`
	System     string   `json:"system,omitempty"`
	Name       string   `json:"name,omitempty"`
	Missing    []string `json:"missing,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
	Error      string   `json:"error,omitempty"`
	Help       string   `json:"help,omitempty"` // what to do about the error

	needed bool // Missing is what mappings need
}

// validateOptions are the flags of validate.
type validateOptions struct {
	offline, live bool
	save          bool
}

func (c *cli) validateCommand() *cobra.Command {
	var o validateOptions
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check tenon.yaml and the mappings, and the accounts unless --offline",
		Long: `Checks tenon.yaml and all mapping files and shows every problem with its place.

Unless --offline it also asks each system who we are, what we may do and how
the objects look, and checks the mappings against that: fields and options that
are gone or renamed, fields that may not be written, rights that are missing.
Nothing is written to a system.

--offline asks no system and needs no secret. Fields are then checked against
the schemas in schemas/CONNECTION.OBJECT.json beside tenon.yaml, where they were
saved by --save-schemas: good for a pipeline that checks each change.

Exit code 0: all is well. 3: there are errors. 5: a system could not be asked,
or the account lacks a right that the mappings need.`,
		Example: `  tenon validate --save-schemas`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.validate(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.offline, "offline", false, "ask no system and need no secrets")
	f.BoolVar(&o.live, "live", false, "ask the systems, as is done unless --offline")
	f.BoolVar(&o.save, "save-schemas", false, "save how the objects of the mappings look, for --offline and `tenon test`")
	return cmd
}

func (c *cli) validate(ctx context.Context, o validateOptions) error {
	if o.offline && (o.live || o.save) {
		return fail(exitUsage, "leave --offline away to ask the systems", "--offline asks no system, so it goes with neither --live nor --save-schemas")
	}
	result := validation{Offline: o.offline, Mappings: []string{}, Accounts: []accountRow{}, Problems: mapping.Problems{}}
	cfg, problems := config.Load(c.configPath, c.registry, config.Options{NoSecrets: o.offline})
	result.Problems = append(result.Problems, problems...)
	var asked error
	if cfg != nil {
		files, ps, err := parseMappings(cfg.Mappings)
		result.Problems = append(result.Problems, ps...)
		if err != nil {
			return err
		}
		if o.offline {
			err = c.validateOffline(ctx, cfg, files, &result)
		} else {
			asked, err = c.validateOnline(ctx, cfg, files, o, &result)
		}
		if err != nil {
			return err
		}
	}
	wanting, _ := result.wanting()
	result.OK = result.Problems.Err() == nil && asked == nil && wanting == 0
	if c.json() {
		if err := c.printJSON(result); err != nil {
			return err
		}
		if !result.OK {
			return &failure{code: verdictCode(result, asked), err: fmt.Errorf("not in order")}
		}
		return nil
	}
	return c.showValidation(result, asked)
}

func verdictCode(v validation, asked error) int {
	if wanting, _ := v.wanting(); v.Problems.Err() == nil && (asked != nil || wanting > 0) {
		return exitSystem
	}
	return exitConfig
}

// validateOffline checks the mappings against what is saved of their objects.
func (c *cli) validateOffline(ctx context.Context, cfg *config.Config, files []*mapping.File, result *validation) error {
	files, ps := checkConnections(cfg, files)
	result.Problems = append(result.Problems, ps...)
	folder := schemaFolder(cfg)
	conns, err := c.open(cfg, connectors.Options{Logger: quiet()}, nil)
	if err != nil {
		conns = connections{} // what they can do is not known then
	}
	defer conns.close()
	var compiled []*mapping.Mapping
	for _, f := range files {
		missing, err := unsaved(folder, f)
		if err != nil {
			return fail(exitConfig, "save it anew: tenon validate --save-schemas", "%w", err)
		}
		result.Mappings = append(result.Mappings, f.Name)
		if len(missing) > 0 {
			if result.Unchecked == nil {
				result.Unchecked = map[string][]string{}
			}
			result.Unchecked[f.Name] = missing
			continue
		}
		env := mapping.Env{Zone: cfg.TimeZone}
		ps, err := describe(ctx, f, conns, savedSchemas{folder}, &env)
		if err != nil {
			return fmt.Errorf("mapping %s: %w", f.Name, err)
		}
		result.Problems = append(result.Problems, ps...)
		m, ps := mapping.Compile(f, env)
		result.Problems = append(result.Problems, ps...)
		if m == nil {
			result.drop(f.Name)
			continue
		}
		compiled = append(compiled, m)
	}
	together := mapping.CheckTogether(compiled)
	for _, m := range compiled {
		if !slices.Contains(without(slices.Clone(compiled), together), m) {
			result.drop(m.Name())
		}
	}
	result.Problems = append(result.Problems, together...)
	return nil
}

// drop takes a mapping out of those that are sound.
func (v *validation) drop(name string) {
	v.Mappings = slices.DeleteFunc(v.Mappings, func(n string) bool { return n == name })
}

// unsaved lists the objects of a mapping of which nothing is saved.
func unsaved(folder schemas.Folder, f *mapping.File) ([]string, error) {
	var missing []string
	for _, side := range f.Sides {
		s, err := folder.Load(side.Connection, side.Object, side.Scope)
		if err != nil {
			return nil, err
		}
		if name := side.Connection + "/" + side.Object; s == nil && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// wanting counts the rights without which mappings do not work, and names a
// connection that lacks one.
func (v *validation) wanting() (n int, connection string) {
	for _, a := range v.Accounts {
		if a.needed && len(a.Missing) > 0 {
			n, connection = n+len(a.Missing), a.Connection
		}
	}
	return n, connection
}

// validateOnline asks the systems; asked is why one could not be asked.
func (c *cli) validateOnline(ctx context.Context, cfg *config.Config, files []*mapping.File, o validateOptions, result *validation) (asked, err error) {
	conns, done, err := c.accounts(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, conn := range cfg.Connections {
		row := accountRow{Connection: conn.Name}
		a, err := conns[conn.Name].Check(ctx)
		if err != nil {
			asked, row.Error = err, err.Error()
			_, row.Help = classify(err)
		}
		row.System, row.Name, row.Missing, row.Warnings = a.System, a.Name, a.Missing, a.Warnings
		result.Accounts = append(result.Accounts, row)
	}
	var from schemaSource = conns
	saving := &schemaSaver{from: conns, folder: schemaFolder(cfg)}
	if o.save {
		from = saving
	}
	compiled, ps, err := compileMappings(ctx, cfg, files, conns, from)
	result.Problems = append(result.Problems, ps...)
	for _, m := range compiled {
		result.Mappings = append(result.Mappings, m.Name())
		ps, stepErr := checkSteps(ctx, conns, m)
		result.Problems = append(result.Problems, ps...)
		if err == nil {
			err = stepErr
		}
	}
	if asked == nil {
		asked = err
	}
	result.Saved, err = saving.save(result.Problems.Err() == nil)
	return asked, err
}

// checkSteps asks the systems for values that a mapping writes and that no step of
// a workflow leads to.
func checkSteps(ctx context.Context, conns connections, m *mapping.Mapping) (mapping.Problems, error) {
	var problems mapping.Problems
	for side := range mapping.SideID(2) {
		s := m.Side(side)
		teller := connectors.AbilitiesOf(conns[s.Connection]).StepTeller
		if teller == nil {
			continue
		}
		for _, field := range m.Stepped(side) {
			unreachable, err := teller.Unreachable(ctx, s.Object, s.Scope, field)
			if err != nil {
				return problems, err
			}
			problems = append(problems, m.CheckReach(side, field, unreachable)...)
		}
	}
	return problems, nil
}

// schemaSaver keeps what it is asked for, to be saved.
type schemaSaver struct {
	from   schemaSource
	folder schemas.Folder
	told   []toldSchema
}

type toldSchema struct {
	connection, object string
	scope              connectors.Scope
	schema             *connectors.Schema
}

// schema implements schemaSource.
func (s *schemaSaver) schema(ctx context.Context, connection, object string, scope connectors.Scope) (*connectors.Schema, error) {
	schema, err := s.from.schema(ctx, connection, object, scope)
	if err != nil {
		return nil, err
	}
	s.told = append(s.told, toldSchema{connection, object, scope, schema})
	return schema, nil
}

// save writes what was told, and returns the files that changed. Where mappings
// have errors, what was saved before stays: it says what the system renamed.
func (s *schemaSaver) save(sound bool) (files []string, err error) {
	for _, t := range s.told {
		if old, err := s.folder.Load(t.connection, t.object, t.scope); !sound && err == nil && old != nil {
			continue
		}
		changed, err := s.folder.Save(t.connection, t.object, t.scope, t.schema)
		if err != nil {
			return files, fail(exitConfig, "give Tenon the right to write there", "%w", err)
		}
		if path := shownPath(s.folder.Path(t.connection, t.object)); changed && !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	return files, nil
}

func (c *cli) showValidation(v validation, asked error) error {
	for _, a := range v.Accounts {
		if a.Error == "" {
			fmt.Fprintf(c.stdout, "%s: %s as %s\n", a.Connection, oneLine(a.System), oneLine(a.Name))
		} else {
			fmt.Fprintf(c.stdout, "%s: %s\n", a.Connection, oneLine(strings.TrimPrefix(a.Error, a.Connection+": ")))
			if a.Help != "" && (asked == nil || a.Error != asked.Error()) { // the last one's is told at the end
				fmt.Fprintf(c.stdout, "  hint: %s\n", oneLine(a.Help))
			}
		}
		for _, m := range a.Missing {
			fmt.Fprintf(c.stdout, "  missing: %s\n", oneLine(m))
		}
		for _, w := range a.Warnings {
			fmt.Fprintf(c.stdout, "  warning: %s\n", oneLine(w))
		}
	}
	for _, m := range v.Mappings {
		if missing := v.Unchecked[m]; len(missing) > 0 {
			fmt.Fprintf(c.stdout, "mapping %s: sound, but its fields were not checked: nothing is saved of %s (tenon validate --save-schemas)\n", m, joinAnd(missing))
			continue
		}
		fmt.Fprintf(c.stdout, "mapping %s: sound\n", m)
	}
	for _, path := range v.Saved {
		fmt.Fprintf(c.stdout, "saved %s\n", path)
	}
	if err := c.problems(v.Problems); err != nil {
		return err
	}
	if asked != nil {
		_, hint := classify(asked)
		return fail(exitSystem, cmp.Or(hint, "correct the credentials, or try again later"), "%w", asked)
	}
	if n, connection := v.wanting(); n > 0 {
		return fail(exitSystem, "give the account what is missing; `tenon connect "+connection+" --check` says how", "%s missing", count(n, "right is", "rights are"))
	}
	return nil
}

func joinAnd(words []string) string {
	if len(words) == 2 {
		return words[0] + " and " + words[1]
	}
	return words[0]
}
