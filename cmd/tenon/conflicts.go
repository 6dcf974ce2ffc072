package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) conflictsCommand() *cobra.Command {
	var p pager
	var all bool
	cmd := c.listing("conflicts", "List the fields, and the deletions, that wait for a person",
		"With --all also those that are set aside for another reason: refused by a system,\noscillating, without a counterpart.", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			rows, err := pages(p.limit, func(after uint64, n int) ([]engine.AsideRow, error) {
				return op.Asides(cmd.Context(), p.mapping, !all, after, n)
			}, func(a engine.AsideRow) uint64 { return a.Link })
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(rows)
			}
			t := newTable(c.stdout, "LINK", "RULE", "MAPPING", "FIELD", "CODE", "VALUES", "", "REASON")
			for _, a := range rows {
				if a.Choice != "" {
					a.Code = "decided"
				}
				t.row(fmt.Sprint(a.Link), fmt.Sprint(a.Rule), a.Mapping, a.Field, a.Code,
					a.Sides[0]+": "+a.Values[0], a.Sides[1]+": "+a.Values[1], a.Reason)
			}
			return t.flush()
		})
	p.flags(cmd)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also fields that are set aside for another reason")
	cmd.AddCommand(c.listing("resolve LINK RULE SIDE", "Let the value of one side stand in a conflict",
		"LINK and RULE are the numbers that `tenon conflicts` shows, SIDE is the name of a side.\nRule 0 is the record as a whole, deleted on one side: that side's name carries the\ndeletion out, the other one keeps the record.", cobra.ExactArgs(3),
		func(cmd *cobra.Command, op server.Operator, args []string) error {
			var link uint64
			var rule uint32
			if _, err := fmt.Sscan(args[0], &link); err != nil {
				return fail(exitUsage, "`tenon conflicts` shows the numbers", "%q is not a link's number", args[0])
			}
			if _, err := fmt.Sscan(args[1], &rule); err != nil {
				return fail(exitUsage, "`tenon conflicts` shows the numbers", "%q is not a rule's number", args[1])
			}
			if err := op.Resolve(cmd.Context(), link, rule, args[2], "command line"); err != nil {
				return err
			}
			return c.done(map[string]any{"link": link, "rule": rule, "choice": args[2]}, "%s wins; it is written with the next reconcile", args[2])
		}))
	return cmd
}
