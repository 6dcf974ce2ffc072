package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// listing makes a command that asks the operator and prints.
func (c *cli) listing(use, short, long string, args cobra.PositionalArgs, fn func(cmd *cobra.Command, op server.Operator, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		Long: strings.TrimSpace(short + ".\n\n" + long + "\n\nWhile `tenon serve` runs, the command asks that service; else it reads the state."),
		RunE: func(cmd *cobra.Command, args []string) error {
			op, done, err := c.operator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			return fn(cmd, op, args)
		},
	}
}

func (c *cli) statusCommand() *cobra.Command {
	return c.listing("status", "Show how every connection and mapping stands", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			s, err := op.Status(cmd.Context())
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(s)
			}
			t := newTable(c.stdout, "MAPPING", "STATE", "LINKS", "QUEUE", "WAITING", "FAILED", "CONFLICTS", "SET ASIDE")
			for _, m := range s.Mappings {
				t.row(m.Name, strings.TrimSpace(m.State+" "+m.Reason), fmt.Sprint(m.Links), fmt.Sprint(m.Queued), fmt.Sprint(m.Waiting),
					fmt.Sprint(m.Failed), fmt.Sprint(m.Conflicts), fmt.Sprint(m.SetAside))
			}
			if err := t.flush(); err != nil {
				return err
			}
			fmt.Fprintln(c.stdout)
			t = newTable(c.stdout, "CONNECTION", "STATE", "LAST WEBHOOK", "LAST POLL")
			for _, n := range s.Connections {
				t.row(n.Name, strings.TrimSpace(n.State+" "+n.Reason), showTime(n.LastWebhook), showTime(n.LastPoll))
			}
			return t.flush()
		})
}

// pager is the flags of a list.
type pager struct {
	mapping string
	limit   int
}

func (p *pager) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.mapping, "mapping", "m", "", "only this `mapping`")
	cmd.Flags().IntVarP(&p.limit, "limit", "n", 100, "at most this `many`; 0: all")
}

// pages calls fetch with the place to go on from until nothing more comes or
// the limit is reached.
func pages[T any](limit int, fetch func(after uint64, n int) ([]T, error), next func(T) uint64) ([]T, error) {
	const step = 500
	rows := []T{}
	for after := uint64(0); ; {
		n := step
		if limit > 0 {
			n = min(n, limit-len(rows))
		}
		page, err := fetch(after, n)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page...)
		if len(page) < n || limit > 0 && len(rows) >= limit {
			return rows, nil
		}
		after = next(page[len(page)-1])
	}
}

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
				t.row(fmt.Sprint(l.ID), l.Mapping, l.Status, showRef(l.Records[0]), showRef(l.Records[1]), showTime(l.Synced), fmt.Sprint(len(l.Asides)))
			}
			return t.flush()
		})
	p.flags(cmd)
	return cmd
}

func (c *cli) conflictsCommand() *cobra.Command {
	var p pager
	var all bool
	cmd := c.listing("conflicts", "List the fields that wait for a person",
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
			t := newTable(c.stdout, "LINK", "RULE", "MAPPING", "FIELD", "KIND", "VALUES", "", "REASON")
			for _, a := range rows {
				t.row(fmt.Sprint(a.Link), fmt.Sprint(a.Rule), a.Mapping, a.Field, a.Kind,
					a.Sides[0]+": "+a.Values[0], a.Sides[1]+": "+a.Values[1], a.Reason)
			}
			return t.flush()
		})
	p.flags(cmd)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also fields that are set aside for another reason")
	cmd.AddCommand(c.listing("resolve LINK RULE SIDE", "Let the value of one side stand in a conflict",
		"LINK and RULE are the numbers that `tenon conflicts` shows, SIDE is the name of a side.", cobra.ExactArgs(3),
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
			t := newTable(c.stdout, "MAPPING", "RECORD", "STATUS", "PRIORITY", "DUE", "ATTEMPTS", "REASON")
			for _, q := range rows {
				t.row(q.Mapping, q.Record, q.Status, q.Priority, showTime(q.Due), fmt.Sprint(q.Attempts), q.Reason)
			}
			return t.flush()
		})
	p.flags(cmd)
	cmd.Flags().StringVarP(&status, "status", "s", "", "only entries that are ready, waiting or failed")
	var f engine.QueueFilter
	retry := c.listing("retry", "Work failed entries again at once", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			n, err := op.Retry(cmd.Context(), f)
			if err != nil {
				return err
			}
			return c.done(map[string]int{"entries": n}, "%s will be worked again", count(n, "entry", "entries"))
		})
	retry.Flags().StringVarP(&f.Mapping, "mapping", "m", "", "only this `mapping`")
	retry.Flags().StringVarP(&f.Status, "status", "s", "failed", "failed or waiting")
	cmd.AddCommand(retry)
	return cmd
}

func (c *cli) historyCommand() *cobra.Command {
	var f engine.HistoryFilter
	var since time.Duration
	cmd := c.listing("history", "Show what Tenon decided and wrote, and why, newest first", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			if since > 0 {
				f.Since = time.Now().Add(-since)
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
			t := newTable(c.stdout, "TIME", "ACTION", "TO", "RECORDS", "", "WHY")
			for _, e := range rows {
				t.row(showTime(e.At), e.Action, dash(e.To), dash(e.Records[0]), dash(e.Records[1]), why(e))
			}
			return t.flush()
		})
	fl := cmd.Flags()
	fl.StringVarP(&f.Mapping, "mapping", "m", "", "only this `mapping`")
	fl.Uint64Var(&f.Link, "link", 0, "only this `link`")
	fl.StringVarP(&f.Record, "record", "r", "", "only this `record`: an id, or connection/object/id")
	fl.StringVarP(&f.Action, "action", "a", "", "only this `action`, such as created or updated")
	fl.DurationVar(&since, "since", 0, "only the last `duration`, such as 24h")
	fl.IntVarP(&f.Limit, "limit", "n", 100, "at most this `many`; 0: all")
	return cmd
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

func (c *cli) resumeCommand() *cobra.Command {
	return c.listing("resume MAPPING", "Let a mapping go on that a guard stopped",
		"What the guard stopped is then written. Look at `tenon history` first.", cobra.ExactArgs(1),
		func(cmd *cobra.Command, op server.Operator, args []string) error {
			if err := op.Resume(cmd.Context(), args[0], "command line"); err != nil {
				return err
			}
			return c.done(map[string]string{"mapping": args[0], "state": "running"}, "%s goes on", args[0])
		})
}

// done says that a command did what it should.
func (c *cli) done(v any, format string, args ...any) error {
	if c.json() {
		return json.NewEncoder(c.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(c.stdout, format+"\n", args...)
	return err
}

func orEmpty[T any](rows []T) []T {
	if rows == nil {
		return []T{}
	}
	return rows
}
