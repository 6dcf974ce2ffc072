package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) queueCommand() *cobra.Command {
	var p pager
	var status string
	cmd := c.listing("queue", "List what waits to be reconciled, and what failed", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			limit := p.limit
			if limit == 0 {
				limit = 10_000
			}
			rows, err := op.Queue(cmd.Context(), engine.QueueFilter{Mapping: p.mapping, Status: status, Limit: limit})
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(orEmpty(rows))
			}
			t := newTable(c.stdout, "MAPPING", "RECORD", "STATUS", "PRIORITY", "DUE", "ATTEMPTS", "CODE", "REASON")
			for _, q := range rows {
				t.row(q.Mapping, q.Record, q.Status, q.Priority, showTime(q.Due), fmt.Sprint(q.Attempts), dash(q.Code), q.Reason)
			}
			return t.flush()
		})
	p.flags(cmd)
	cmd.Flags().StringVarP(&status, "status", "s", "", "only entries that are ready, waiting or failed")
	var f engine.QueueFilter
	retry := c.listing("retry", "Work what failed, waits or was set aside again at once", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			n, err := op.Retry(cmd.Context(), f)
			if err != nil {
				return err
			}
			return c.done(map[string]int{"entries": n}, "%s will be worked again", count(n, "entry", "entries"))
		})
	retry.Flags().StringVarP(&f.Mapping, "mapping", "m", "", "only this `mapping`")
	retry.Flags().StringVarP(&f.Status, "status", "s", "", "only failed or waiting entries; else both, and fields set aside too")
	cmd.AddCommand(retry)
	return cmd
}
