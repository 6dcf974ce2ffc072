package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// fieldRow is a field as the JSON output shows it.
type fieldRow struct {
	Name     string      `json:"name"`
	Label    string      `json:"label"`
	Type     string      `json:"type"`
	Writable bool        `json:"writable"`
	Required bool        `json:"required,omitempty"`
	ReadOnly string      `json:"readOnly,omitempty"`
	Options  []optionRow `json:"options,omitempty"`
}

type optionRow struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// fieldsOptions are the flags of fields.
type fieldsOptions struct {
	scope   map[string]string
	options bool
	search  string
	save    bool
}

func (c *cli) fieldsCommand() *cobra.Command {
	var o fieldsOptions
	cmd := &cobra.Command{
		Use:   "fields CONNECTION OBJECT",
		Short: "List an object's fields, as a mapping may name them",
		Long: `Asks a system how an object looks: the names and labels of its fields, their
types, and whether they may be written. A mapping may name a field by either.
Some objects need a scope, as in a mapping: --scope project=DELIV,issuetype=Epic

--save writes them to schemas/CONNECTION.OBJECT.json beside tenon.yaml, so that
"tenon test" and "tenon validate --offline" know them: fields, types, options
and rights, and nothing of any record.`,
		Example: `  tenon fields hubspot deals --search stage --options
  tenon fields jira issue --scope project=DELIV,issuetype=Epic`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return c.fields(cmd.Context(), o, args[0], args[1]) },
	}
	f := cmd.Flags()
	f.StringToStringVar(&o.scope, "scope", nil, "narrows the object, as `key=value,…`")
	f.BoolVar(&o.options, "options", false, "show the choices of option fields too")
	f.StringVar(&o.search, "search", "", "only fields with the `text` in their name, label or choices")
	f.BoolVar(&o.save, "save", false, "save them for work without the system")
	return cmd
}

func (c *cli) fields(ctx context.Context, o fieldsOptions, connection, object string) error {
	cfg, err := c.load(config.Options{})
	if err != nil {
		return err
	}
	conns, done, err := c.accounts(ctx, cfg)
	if err != nil {
		return err
	}
	defer done()
	conn, ok := conns[connection]
	if !ok {
		var names []string
		for _, known := range cfg.Connections {
			names = append(names, known.Name)
		}
		return fail(exitUsage, mapping.Suggest(connection, "connections are", names), "there is no connection %q", connection)
	}
	schema, err := conn.Schema(ctx, object, o.scope)
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Help == "" && (e.Kind == connectors.NotFound || e.Kind == connectors.Invalid) {
		return fail(exitFound, "name an object and a --scope that "+connection+" has: see `tenon fields --help`", "%w", err)
	}
	if err != nil {
		return err
	}
	if o.save {
		folder := schemaFolder(cfg)
		if _, err := folder.Save(connection, object, o.scope, schema); err != nil {
			return fail(exitConfig, "give Tenon the right to write there", "%w", err)
		}
		fmt.Fprintf(c.stderr, "saved %s\n", shownPath(folder.Path(connection, object)))
	}
	found := searched(schema, o.search)
	if len(found) == 0 && o.search != "" {
		return fail(exitFound, "leave --search away to see all", "none of the %s of %s holds %q", count(len(schema.Fields), "field", "fields"), object, o.search)
	}
	return c.showFields(found, o.options)
}

// searched returns the fields that hold a text in what people see of them, all
// for "", sorted by name.
func searched(schema *connectors.Schema, text string) []connectors.Field {
	text = strings.ToLower(text)
	holds := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	var found []connectors.Field
	for _, f := range schema.Fields {
		if holds(f.Name) || holds(f.Label) || slices.ContainsFunc(f.Options, func(o connectors.Option) bool { return holds(o.Label) || holds(o.ID) }) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b connectors.Field) int { return strings.Compare(a.Name, b.Name) })
	return found
}

func (c *cli) showFields(fields []connectors.Field, options bool) error {
	if c.json() {
		rows := make([]fieldRow, len(fields))
		for i, f := range fields {
			rows[i] = fieldRow{Name: f.Name, Label: f.Label, Type: f.Type.String(), Writable: f.Writable, Required: f.Required, ReadOnly: f.ReadOnly}
			for _, o := range f.Options {
				rows[i].Options = append(rows[i].Options, optionRow(o))
			}
		}
		return c.printJSON(rows)
	}
	t := newTable(c.stdout, "NAME", "LABEL", "TYPE", "WRITE", "")
	for _, f := range fields {
		write, note := "yes", ""
		switch {
		case f.Hidden:
			write, note = "no", "hidden from this account"
		case !f.Writable && f.Creatable:
			write = "at creation"
		case !f.Writable:
			write, note = "no", f.ReadOnly
		case f.Required:
			note = "required"
		}
		t.row(f.Name, f.Label, f.Type.String(), write, note)
		if !options {
			continue
		}
		for _, o := range f.Options {
			t.row("", "  "+o.Label, o.ID, "", "")
		}
	}
	return t.flush()
}
