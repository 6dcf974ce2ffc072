package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/examples"
)

func (c *cli) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIRECTORY]",
		Short: "Write a first tenon.yaml and a mapping, to edit",
		Long: `Writes the example of HubSpot and Jira into DIRECTORY (the working directory
unless given): tenon.yaml and mappings/. Files that are there are left alone.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			written, err := examples.Write(examples.HubSpotJira(), dir)
			if err != nil {
				return fail(exitUsage, "", "%w", err)
			}
			if len(written) == 0 {
				return fail(exitFound, "name another directory", "%s holds these files already", dir)
			}
			if c.json() {
				return c.printJSON(map[string][]string{"written": written})
			}
			for _, path := range written {
				fmt.Fprintf(c.stdout, "wrote %s\n", path)
			}
			fmt.Fprintln(c.stdout, "next: set the variables that tenon.yaml names, then run `tenon validate`")
			return nil
		},
	}
}
