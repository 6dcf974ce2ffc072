package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) resumeCommand() *cobra.Command {
	cmd := c.listing("resume MAPPING|CONNECTION", "Let go on what a person paused or a guard stopped",
		`A pause is lifted. What a guard asked about is done, and no more: `+"`tenon status`"+`
shows what and how much, `+"`tenon history`"+` what led to it. A mapping that is paused and
stopped needs both: the first resume lifts the pause, the second lets the guard's
mapping go on. Code 1 when it is neither.`, cobra.ExactArgs(1),
		func(cmd *cobra.Command, op server.Operator, args []string) error {
			if err := op.Resume(cmd.Context(), args[0], commandLine); err != nil {
				return err
			}
			s, err := op.Status(cmd.Context())
			if err != nil {
				return err
			}
			row := standing(s, args[0])
			if row.State == "running" || row.State == "up" {
				return c.done(row, "%s goes on", oneLine(args[0]))
			}
			return c.done(row, "the pause of %s is lifted; it is %s still: %s", oneLine(args[0]), row.State, oneLine(row.Reason))
		})
	cmd.Example = `  tenon resume won-deal-to-epic
  tenon resume connection:jira`
	return cmd
}

// stands is how a mapping or a connection stands after an order.
type stands struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func standing(s *engine.Status, name string) stands {
	kind, bare, told := strings.Cut(name, ":")
	if !told {
		kind, bare = "", name
	}
	for _, m := range s.Mappings {
		if m.Name == bare && kind != "connection" {
			return stands{m.Name, m.State, m.Code, m.Reason}
		}
	}
	for _, n := range s.Connections {
		if n.Name == bare {
			return stands{n.Name, n.State, n.Code, n.Reason}
		}
	}
	return stands{Name: bare, State: "running"}
}
