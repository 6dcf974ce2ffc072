package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
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

func (c *cli) fieldsCommand() *cobra.Command {
	var scope map[string]string
	var options bool
	cmd := &cobra.Command{
		Use:   "fields CONNECTION OBJECT",
		Short: "List an object's fields, as a mapping may name them",
		Long: `Asks a system how an object looks: the names and labels of its fields, their
types, and whether they may be written. A mapping may name a field by either.
Some objects need a scope, as in a mapping: --scope project=DELIV,issuetype=Epic`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(config.Options{})
			if err != nil {
				return err
			}
			conns, done, err := c.accounts(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer done()
			conn, ok := conns[args[0]]
			if !ok {
				var names []string
				for _, known := range cfg.Connections {
					names = append(names, known.Name)
				}
				return fail(exitUsage, "connections are "+strings.Join(names, ", "), "there is no connection %q", args[0])
			}
			schema, err := conn.Schema(cmd.Context(), args[1], scope)
			if err != nil {
				return err
			}
			return c.showFields(schema, options)
		},
	}
	cmd.Flags().StringToStringVar(&scope, "scope", nil, "narrows the object, as `key=value,…`")
	cmd.Flags().BoolVar(&options, "options", false, "show the choices of option fields too")
	return cmd
}

func (c *cli) showFields(schema *connectors.Schema, options bool) error {
	fields := slices.Clone(schema.Fields)
	slices.SortFunc(fields, func(a, b connectors.Field) int { return strings.Compare(a.Name, b.Name) })
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
			t.row("", fmt.Sprintf("  %s", o.Label), o.ID)
		}
	}
	return t.flush()
}
