package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

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
			return c.listed(t, len(rows), "nothing waits for a person")
		})
	p.flags(cmd)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also fields that are set aside for another reason")
	cmd.AddCommand(c.conflictsShowCommand(), c.resolveCommand())
	return cmd
}

func (c *cli) conflictsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show LINK[:RULE]", Short: "Show what both sides hold now, and how to decide", Args: cobra.RangeArgs(1, 2),
		Long: `Reads both records now and shows the two values of each conflict of a link, or
of one of its rules. LINK and RULE are the numbers that ` + "`tenon conflicts`" + ` shows.

While ` + "`tenon serve`" + ` runs, the command asks that service; else it reads the
state and the systems itself. Code 1 when there is no such conflict.`,
		Example: "  tenon conflicts show 7\n  tenon conflicts show 7:3",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, one, err := conflictArg(args)
			if err != nil {
				return err
			}
			op, done, err := c.reader(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			views, err := conflictViews(cmd.Context(), op, id, one)
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(views)
			}
			for i, v := range views {
				if i > 0 {
					fmt.Fprintln(c.stdout)
				}
				if err := c.showConflict(v); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// reader is operator for commands that read the systems too, as far as those can
// be asked.
func (c *cli) reader(ctx context.Context) (server.Operator, func(), error) {
	return c.liveOperator(ctx, serviceOptions{tolerant: true})
}

// conflictArg reads LINK, LINK:RULE or LINK RULE; one says that a rule is named.
func conflictArg(args []string) (id engine.ConflictID, one bool, err error) {
	link, rule, one := strings.Cut(args[0], ":")
	if len(args) == 2 {
		if one {
			return id, false, fail(exitUsage, "write LINK:RULE", "%q and %q are one conflict too many", args[0], args[1])
		}
		rule, one = args[1], true
	}
	if id.Link, err = strconv.ParseUint(link, 10, 64); err != nil {
		return id, false, fail(exitUsage, "`tenon conflicts` shows the numbers", "%q is not a link's number", link)
	}
	if !one {
		return id, false, nil
	}
	n, err := strconv.ParseUint(rule, 10, 32)
	if err != nil {
		return id, false, fail(exitUsage, "`tenon conflicts` shows the numbers", "%q is not a rule's number", rule)
	}
	id.Rule = uint32(n)
	return id, true, nil
}

// conflictViews reads the values of one conflict, or of all that a link has.
func conflictViews(ctx context.Context, op server.Operator, id engine.ConflictID, one bool) ([]*engine.ConflictView, error) {
	if one {
		v, err := op.ShowConflict(ctx, id.Link, id.Rule)
		return []*engine.ConflictView{v}, err
	}
	var views []*engine.ConflictView
	if id.Link > 0 {
		rows, err := op.Asides(ctx, "", true, id.Link-1, 1)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Link != id.Link {
				continue
			}
			v, err := op.ShowConflict(ctx, row.Link, row.Rule)
			if err != nil {
				return nil, err
			}
			views = append(views, v)
		}
	}
	if len(views) == 0 {
		return nil, fail(exitFound, "`tenon conflicts` lists them", "link %d has no conflict", id.Link)
	}
	return views, nil
}

// showConflict shows one conflict with the commands that decide it.
func (c *cli) showConflict(v *engine.ConflictView) error {
	fmt.Fprintf(c.stdout, "%s of link %d (%s): %s\n", oneLine(v.Field), v.Link, v.Mapping, oneLine(v.Reason))
	t := newTable(c.stdout, "SIDE", "RECORD", "TITLE", "HOLDS NOW")
	for side, live := range v.Live {
		value := live.Value
		if !live.Told {
			value = "(" + live.Error + ")"
			if live.Error == "" {
				value = "(the record is " + live.State + ")"
			}
		}
		t.row(v.Sides[side], showRef(v.Records[side]), dash(live.Title), value)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if v.Choice != "" {
		fmt.Fprintln(c.stdout, "decided already; it is carried out with the next reconcile")
		return nil
	}
	if v.Kind != "conflict" {
		fmt.Fprintf(c.stdout, "set aside as %s: mend the cause, then: tenon queue retry link:%d\n", v.Code, v.Link)
		return nil
	}
	for _, side := range v.Sides {
		fmt.Fprintf(c.stdout, "let %s stand:  tenon conflicts resolve %d:%d --side %s\n", side, v.Link, v.Rule, side)
	}
	return nil
}

// errUndecided ends a command that has only looked.
var errUndecided = errors.New("nothing was decided")
