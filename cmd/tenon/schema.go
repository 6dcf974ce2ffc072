package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/schema"
)

func (c *cli) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema mapping|test|tenon",
		Short: "Print the JSON Schema by which an editor checks a file",
		Long: `Prints the JSON Schema of a mapping, of a test file, or of tenon.yaml. Editors
that know JSON Schema then check the file while it is written, complete its keys
and explain them. Save it beside the files and name it in their first line:

  # yaml-language-server: $schema=../schema/mapping.json`,
		Example:   `  tenon schema mapping > schema/mapping.json`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: schema.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
			text, ok := schema.Text(args[0])
			if !ok {
				return fail(exitUsage, "there are "+strings.Join(schema.Names(), ", "), "there is no schema of %q", args[0])
			}
			_, err := c.stdout.Write(text)
			return err
		},
	}
}
