package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) linksCommand() *cobra.Command {
	var p pager
	cmd := c.listing("links", "List the links: which record belongs to which", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			rows, err := pages(p.limit, func(after uint64, n int) ([]engine.LinkRow, error) {
				return op.Links(cmd.Context(), p.mapping, after, n)
			}, func(l engine.LinkRow) uint64 { return l.ID })
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(rows)
			}
			t := newTable(c.stdout, "LINK", "MAPPING", "STATUS", "RECORDS", "", "LAST AGREED", "SET ASIDE")
			for _, l := range rows {
				t.row(fmt.Sprint(l.ID), l.Mapping, l.Status, showRecord(l, 0), showRecord(l, 1), showTime(l.Synced), fmt.Sprint(len(l.Asides)))
			}
			return c.listed(t, len(rows), "nothing is linked yet; `tenon plan` shows what would be")
		})
	p.flags(cmd)
	return cmd
}

// showRecord names a record of a link, and says so when it is not live.
func showRecord(l engine.LinkRow, side int) string {
	text := showRef(l.Records[side])
	if state := l.States[side]; state != "" && state != connectors.Live.String() {
		text += " (" + state + ")"
	}
	return text
}
