package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) historyCommand() *cobra.Command {
	var f engine.HistoryFilter
	var since string
	cmd := c.listing("history", "Show what Tenon decided and wrote, and why, newest first", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			var err error
			if f.Since, err = sinceFlag(since, time.Now()); err != nil {
				return err
			}
			limit := f.Limit
			rows, err := pages(limit, func(before uint64, n int) ([]engine.EventRow, error) {
				f.Before, f.Limit = before, n
				return op.History(cmd.Context(), f)
			}, func(e engine.EventRow) uint64 { return e.Seq })
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(rows)
			}
			partial := 0
			t := newTable(c.stdout, "EVENT", "RUN", "TIME", "ACTION", "TO", "RECORDS", "", "WHY")
			for _, e := range rows {
				if e.Partial {
					partial++
				}
				t.row(fmt.Sprint(e.Seq), number(e.Run), showTime(e.At), e.Action, dash(e.To), dash(e.Records[0]), dash(e.Records[1]), why(e))
			}
			if err := c.listed(t, len(rows), "nothing like that is in the history"); err != nil || partial == 0 {
				return err
			}
			_, err = fmt.Fprintln(c.stderr, "The journal is long: of older events only those of the record's present links are told; --since and --mapping narrow the search.")
			return err
		})
	fl := cmd.Flags()
	fl.StringVarP(&f.Mapping, "mapping", "m", "", "only this `mapping`")
	fl.Uint64Var(&f.Link, "link", 0, "only this `link`")
	fl.StringVarP(&f.Record, "record", "r", "", "only this `record`: an id, or connection/object/id")
	fl.StringVarP(&f.Action, "action", "a", "", "only this `action`, such as created or updated")
	fl.Uint64Var(&f.Run, "run", 0, "only the events of this `run`")
	fl.StringVarP(&f.Field, "field", "f", "", "only events that tell of this `field`, of either side")
	fl.StringVar(&since, "since", "", "only since this `time`, or that long ago, such as 24h")
	fl.IntVarP(&f.Limit, "limit", "n", 100, "at most this `many`; 0: all")
	return cmd
}

// number shows a number that may be none.
func number(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// why joins the reasons of an event into one line.
func why(e engine.EventRow) string {
	var parts []string
	for _, f := range e.Fields {
		parts = append(parts, f.Name+": "+f.Why)
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Source != "" {
		parts = append(parts, "by "+e.Source)
	}
	return strings.Join(parts, "; ")
}
