package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/mapping/schemas"
)

// load reads the configuration and prints what is wrong with it.
func (c *cli) load(options config.Options) (*config.Config, error) {
	cfg, problems := config.Load(c.configPath, c.registry, options)
	if err := c.problems(problems); err != nil {
		return nil, err
	}
	return cfg, nil
}

// connections are the open accounts by name.
type connections map[string]connectors.Connection

// open opens all configured connections. Nothing is sent yet.
// Tokens, if not nil, gives each connection the place of its rotated tokens and
// of the grant that it lives on.
func (c *cli) open(cfg *config.Config, options connectors.Options, tokens func(connection string) connectors.TokenStore) (connections, error) {
	open := connections{}
	var errs []error
	options.UserAgent = "tenon/" + versionText()
	for _, conn := range cfg.Connections {
		settings := conn.Settings
		if tokens != nil {
			options.Tokens = tokens(conn.Name)
			granted, err := withGrant(context.Background(), conn, options.Tokens) // from the state: a moment
			if err != nil {
				errs = append(errs, fmt.Errorf("connection %s: %w", conn.Name, err))
				continue
			}
			settings = granted
		}
		opened, err := conn.Connector.Open(connectors.Config{Name: conn.Name, Settings: settings}, options)
		if err != nil {
			errs = append(errs, fmt.Errorf("connection %s: %w", conn.Name, err))
			continue
		}
		open[conn.Name] = opened
	}
	if len(errs) > 0 {
		open.close()
		return nil, fail(exitConfig, "docs/configuration.md lists the settings of each kind", "%w", errors.Join(errs...))
	}
	return open, nil
}

func (c connections) close() {
	for _, conn := range c {
		_ = conn.Close() // nothing is under way any more
	}
}

// mappingFiles returns the files that the patterns name, sorted.
func mappingFiles(patterns []string) ([]string, error) {
	found := map[string]bool{}
	for _, p := range patterns {
		pattern := p
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			pattern = filepath.Join(p, "*.yaml")
		}
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fail(exitConfig, "", "mappings: %q: %w", p, err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.yaml") {
				found[path] = true
			}
		}
	}
	if len(found) == 0 {
		return nil, fail(exitConfig, "write one; docs/mapping.md shows how", "no mapping files in %s", strings.Join(patterns, ", "))
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// parseMappings reads the mapping files. Files with errors are left out.
func parseMappings(patterns []string) ([]*mapping.File, mapping.Problems, error) {
	paths, err := mappingFiles(patterns)
	if err != nil {
		return nil, nil, err
	}
	var files []*mapping.File
	var problems mapping.Problems
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, fail(exitConfig, "", "%w", err)
		}
		f, ps := mapping.Parse(shownPath(path), text)
		problems = append(problems, ps...)
		if ps.Err() == nil {
			files = append(files, f)
		}
	}
	return files, problems, nil
}

// shownPath is the path from the working directory where that is shorter.
func shownPath(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return rel
}

// checkConnections finds mappings whose connections are not configured.
func checkConnections(cfg *config.Config, files []*mapping.File) ([]*mapping.File, mapping.Problems) {
	var sound []*mapping.File
	var problems mapping.Problems
	names := make([]string, len(cfg.Connections))
	for i, conn := range cfg.Connections {
		names[i] = conn.Name
	}
	for _, f := range files {
		ok := true
		for i, side := range f.Sides {
			if !slices.Contains(names, side.Connection) {
				ok = false
				problems = append(problems, f.ConnectionProblem(mapping.SideID(i),
					fmt.Sprintf("there is no connection `%s` in %s", side.Connection, shownPath(cfg.Path)), mapping.Suggest(side.Connection, "connections are", names)))
			}
		}
		if ok {
			sound = append(sound, f)
		}
	}
	return sound, problems
}

// schemaSource tells how objects look; live ones ask the systems.
type schemaSource interface {
	schema(ctx context.Context, connection, object string, scope connectors.Scope) (*connectors.Schema, error)
}

// schema asks the system.
func (c connections) schema(ctx context.Context, connection, object string, scope connectors.Scope) (*connectors.Schema, error) {
	return c[connection].Schema(ctx, object, scope)
}

// compileMappings checks the files against both systems' schemas. A file that
// fails its check is left out, and stops no other. The error is that of a system
// that could not be asked; the mappings that need it are left out.
func compileMappings(ctx context.Context, cfg *config.Config, files []*mapping.File, conns connections, from schemaSource) ([]*mapping.Mapping, mapping.Problems, error) {
	files, problems := checkConnections(cfg, files)
	var compiled []*mapping.Mapping
	var errs []error
	for _, f := range files {
		env := mapping.Env{Zone: cfg.TimeZone, Before: before(schemaFolder(cfg), f)}
		ps, err := describe(ctx, f, conns, from, &env)
		problems = append(problems, ps...)
		if err != nil {
			errs = append(errs, fmt.Errorf("mapping %s: %w", f.Name, err))
			continue
		}
		if ps.Err() != nil {
			continue
		}
		m, ps := mapping.Compile(f, env)
		problems = append(problems, ps...)
		if ps.Err() == nil {
			compiled = append(compiled, m)
		}
	}
	together := mapping.CheckTogether(compiled)
	problems = append(problems, together...)
	return without(compiled, together), problems, errors.Join(errs...)
}

// before returns what is saved of a file's sides, for hints about what systems
// have changed since; nil where nothing can be read.
func before(folder schemas.Folder, f *mapping.File) (saved [2]*connectors.Schema) {
	for i, side := range f.Sides {
		if s, err := folder.Load(side.Connection, side.Object, side.Scope); err == nil {
			saved[i] = s
		}
	}
	return saved
}

// without leaves out the mappings in whose files errors are.
func without(compiled []*mapping.Mapping, problems mapping.Problems) []*mapping.Mapping {
	bad := map[string]bool{}
	for _, p := range problems {
		if p.Severity == mapping.Error {
			bad[p.File] = true
		}
	}
	return slices.DeleteFunc(compiled, func(m *mapping.Mapping) bool { return bad[m.Path()] })
}

// describe fills env with what both systems tell about the file's sides.
func describe(ctx context.Context, f *mapping.File, conns connections, from schemaSource, env *mapping.Env) (mapping.Problems, error) {
	var problems mapping.Problems
	for i, side := range f.Sides {
		conn := conns[side.Connection]
		s, err := from.schema(ctx, side.Connection, side.Object, side.Scope)
		if kind := connectors.KindOf(err); err != nil && (kind == connectors.NotFound || kind == connectors.Invalid) {
			hint := "name an object that the connection has, and a scope that it knows"
			if e, ok := errors.AsType[*connectors.Error](err); ok && e.Help != "" {
				hint = e.Help
			}
			problems = append(problems, f.SideProblem(mapping.SideID(i), err.Error(), hint))
			continue
		}
		if err != nil {
			return problems, err
		}
		abilities := connectors.AbilitiesOf(conn)
		env.Schemas[i], env.Abilities[i], env.Facts[i] = s, &abilities, conn.Facts()
		env.TaskSchemas[i] = taskSchema(ctx, from, side, s.Child)
	}
	return problems, nil
}

// taskSchema returns how the tasks look that are made with a record of the side,
// nil where the system tells nothing of them: the side's own schema counts then.
func taskSchema(ctx context.Context, from schemaSource, side mapping.Side, child string) *connectors.Schema {
	scope := maps.Clone(side.Scope)
	for key := range scope {
		if strings.EqualFold(key, "issuetype") {
			scope[key] = "Task"
			if s, err := from.schema(ctx, side.Connection, side.Object, scope); err == nil {
				return s
			}
		}
	}
	if child == "" {
		return nil
	}
	s, err := from.schema(ctx, side.Connection, child, side.Scope)
	if err != nil {
		return nil
	}
	return s
}

// quiet is the logger of commands that report by themselves.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
