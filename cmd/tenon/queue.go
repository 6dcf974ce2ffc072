package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) queueCommand() *cobra.Command {
	var p pager
	var f engine.QueueFilter
	cmd := c.listing("queue", "List what waits to be reconciled, and what failed",
		"Each entry that waits or failed has a reason code, which docs/troubleshooting.md\nexplains, and the reason in words.", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			f.Mapping = p.mapping
			rows, err := queuePages(cmd, op, f, p.limit)
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(rows)
			}
			t := newTable(c.stdout, "MAPPING", "RECORD", "STATUS", "PRIORITY", "DUE", "ATTEMPTS", "CODE", "REASON")
			for _, q := range rows {
				t.row(q.Mapping, q.Record, q.Status, q.Priority, showTime(q.Due), fmt.Sprint(q.Attempts), dash(q.Code), q.Reason)
			}
			return c.listed(t, len(rows), "nothing waits, and nothing failed")
		})
	cmd.Example = "  tenon queue --status failed\n  tenon queue --code refused --mapping won-deal-to-epic"
	p.flags(cmd)
	cmd.Flags().StringVarP(&f.Status, "status", "s", "", "only entries that are ready, waiting or failed")
	cmd.Flags().StringVar(&f.Code, "code", "", "only entries with this reason `code`")
	cmd.AddCommand(c.queueRetryCommand())
	return cmd
}

func (c *cli) queueRetryCommand() *cobra.Command {
	var f engine.QueueFilter
	cmd := &cobra.Command{
		Use: "retry [RECORD]", Short: "Work what failed, waits or was set aside again at once", Args: cobra.MaximumNArgs(1),
		Long: `Works what failed, waits or was set aside again at once: all of it, or what
--mapping, --status and --code let pass, or that of one RECORD
(connection/object/id, an id, a readable key, its web address, or link:N).

While ` + "`tenon serve`" + ` runs, the command asks that service; else the next run of
Tenon works it. Code 1 when nothing of the record failed, waits or is set aside.`,
		Example: "  tenon queue retry\n  tenon queue retry jira/issue/10042",
		RunE: func(cmd *cobra.Command, args []string) error {
			open := c.operator
			if len(args) > 0 {
				f.Record, open = args[0], c.reader // a key or an address is asked for
			}
			op, done, err := open(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			n, err := op.Retry(cmd.Context(), f)
			if err != nil {
				return err
			}
			return c.done(server.Retried{Entries: n}, "%s will be worked again", count(n, "entry", "entries"))
		},
	}
	cmd.Flags().StringVarP(&f.Mapping, "mapping", "m", "", "only this `mapping`")
	cmd.Flags().StringVarP(&f.Status, "status", "s", "", "only failed or waiting entries; else both, and fields set aside too")
	cmd.Flags().StringVar(&f.Code, "code", "", "only entries with this reason `code`")
	return cmd
}

// queuePages lists the queue, page by page; a limit of 0 is all of it.
func queuePages(cmd *cobra.Command, op server.Operator, f engine.QueueFilter, limit int) ([]engine.QueueRow, error) {
	if s := f.Status; s != "" && s != "ready" && s != "waiting" && s != "failed" {
		return nil, fail(exitUsage, "write ready, waiting or failed", "there is no status %q", s)
	}
	const step = 500
	rows := []engine.QueueRow{}
	for {
		f.Limit = step
		if limit > 0 {
			f.Limit = min(step, limit-len(rows))
		}
		page, err := op.Queue(cmd.Context(), f)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page...)
		if len(page) < f.Limit || limit > 0 && len(rows) >= limit {
			return rows, nil
		}
		f.After = page[len(page)-1].Key
	}
}
