package main

import (
	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/server"
)

func (c *cli) pauseCommand() *cobra.Command {
	var reason string
	cmd := c.listing("pause MAPPING|CONNECTION", "Read and write nothing for a mapping or a connection until it is resumed",
		`The pause stands over restarts. Webhooks are taken in all the while, and what they
tell waits in the queue; a paused connection is not polled. What is under way has
ended when the command returns. Where a mapping and a connection have the same
name, write mapping:NAME or connection:NAME. Code 1 when it is paused already.`, cobra.ExactArgs(1),
		func(cmd *cobra.Command, op server.Operator, args []string) error {
			p, err := op.Pause(cmd.Context(), args[0], reason, commandLine)
			if err != nil {
				return err
			}
			return c.done(p, "%s is paused; let it go on with: tenon resume %s", oneLine(args[0]), oneLine(args[0]))
		})
	cmd.Example = `  tenon pause jira --reason "the tracker is being moved"
  tenon pause won-deal-to-epic`
	cmd.Flags().StringVarP(&reason, "reason", "r", "", "why, in `words` that others see in the status")
	return cmd
}

// commandLine is who decides in the history when a command does.
const commandLine = "command line"
