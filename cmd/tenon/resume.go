package main

import (
	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/server"
)

func (c *cli) resumeCommand() *cobra.Command {
	return c.listing("resume MAPPING", "Let a mapping go on that a guard stopped",
		"What the guard asked about is then done, and no more: `tenon status` shows what and\nhow much, `tenon history` what led to it. Code 1 when the mapping is not stopped.", cobra.ExactArgs(1),
		func(cmd *cobra.Command, op server.Operator, args []string) error {
			if err := op.Resume(cmd.Context(), args[0], "command line"); err != nil {
				return err
			}
			return c.done(map[string]string{"mapping": args[0], "state": "running"}, "%s goes on", args[0])
		})
}
