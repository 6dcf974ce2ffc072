package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) verifyCommand() *cobra.Command {
	var expect string
	cmd := c.listing("verify", "Prove that the history is what Tenon wrote",
		`Each event of the history holds a hash over itself and the event before it. The
command follows that chain: it tells that no event was changed, removed or added,
or names the first one that does not fit. Old events that were pruned, and replaced
values whose time is over, do not break the chain.

The last line is the head of the chain, SEQ:HASH. A chain alone does not stop
somebody who can write the state file and computes all of it anew: note the head
elsewhere from time to time, and give it with --expect later.

Exit code 0: sound. 1: an event does not fit, or the chain is not the expected one.`, cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			if expect != "" {
				if _, err := state.ParseMark(expect); err != nil {
					return fail(exitUsage, "`tenon verify` shows it as the head", "%w", err)
				}
			}
			v, err := op.Verify(cmd.Context(), expect)
			if err != nil {
				return err
			}
			if c.json() {
				if err := c.printJSON(v); err != nil || v.Sound {
					return err
				}
			}
			if !v.Sound {
				return fail(exitFound, "compare with a backup: restore it elsewhere and run `tenon history` on both", "the history is not what Tenon wrote: %s", oneLine(v.Reason))
			}
			if v.Events == 0 {
				fmt.Fprintln(c.stdout, "the history is empty")
			} else {
				fmt.Fprintf(c.stdout, "sound: %s, from %d to %d\n", count(v.Events, "event", "events"), v.First, v.Last)
			}
			if expect != "" {
				fmt.Fprintln(c.stdout, "the expected event is in it")
			}
			if v.Head != "" {
				fmt.Fprintln(c.stdout, "head "+v.Head)
			}
			return nil
		})
	cmd.Example = `  tenon verify
  tenon verify --expect 1042:8f3a…`
	cmd.Flags().StringVar(&expect, "expect", "", "a head that was noted before, `SEQ:HASH`")
	return cmd
}
