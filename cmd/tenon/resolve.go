package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// resolveFlags are the flags of `tenon conflicts resolve`.
type resolveFlags struct {
	order    engine.ResolveOrder
	value    string
	yes, dry bool
}

func (c *cli) resolveCommand() *cobra.Command {
	f := &resolveFlags{}
	cmd := &cobra.Command{
		Use: "resolve [LINK:RULE...]", Short: "Decide conflicts: one side's value stands, or another value for both",
		Long: `Decides the conflicts that are named, or with --mapping and --field all that
those describe. --side lets the value of that side stand, as it is when the
decision is carried out; --value gives both sides another one, as a person types
it: a number, a day as 2026-12-24, the label of an option, an e-mail.

LINK and RULE are the numbers that ` + "`tenon conflicts`" + ` shows. Rule 0 is the record
as a whole, deleted on one side: that side's name carries the deletion out, the
other one keeps the record; it is decided by name only.

One conflict is shown with what both sides hold now and asked about on a
terminal; when a value changes in between, nothing is decided. Of several it is
told how many there are first, and --yes decides. --dry-run only looks.
` + "`resolve LINK RULE SIDE`" + ` decides one at once.

While ` + "`tenon serve`" + ` runs, the command asks that service; else it works on the
state itself. Code 1: nothing was decided, or there is no such conflict.`,
		Example: `  tenon conflicts resolve 7:3 --side deal
  tenon conflicts resolve 7:3 --value "48000"
  tenon conflicts resolve --mapping won-deal-to-epic --field amount --side deal --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("value") {
				f.order.Value = &f.value
			}
			return c.resolve(cmd, f, args)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.order.Side, "side", "s", "", "the name of the `side` whose value stands")
	fl.StringVar(&f.value, "value", "", "another value for both sides, as a person types it")
	fl.StringVarP(&f.order.Mapping, "mapping", "m", "", "all conflicts of this `mapping`")
	fl.StringVarP(&f.order.Field, "field", "f", "", "all conflicts of this `field`: a rule's name, or a field's on either side")
	fl.StringVar(&f.order.Seen, "seen", "", "the `mark` that conflicts show --output json gives as \"seen\": refuse where a value changed since")
	fl.BoolVarP(&f.yes, "yes", "y", false, "decide without asking")
	fl.BoolVar(&f.dry, "dry-run", false, "only tell what would be decided")
	return cmd
}

// parse reads the arguments: LINK:RULE..., LINK RULE, or the short form LINK
// RULE SIDE, which decides at once.
func (f *resolveFlags) parse(args []string) error {
	isNumber := func(s string) bool { _, err := strconv.ParseUint(s, 10, 64); return err == nil }
	switch {
	case len(args) == 3 && f.order.Side == "" && f.order.Value == nil && !isNumber(args[2]):
		f.order.Side, f.yes, args = args[2], true, args[:2]
		fallthrough
	case len(args) == 2 && isNumber(args[0]) && isNumber(args[1]):
		id, _, err := conflictArg(args)
		f.order.Conflicts = []engine.ConflictID{id}
		return err
	}
	for _, arg := range args {
		id, one, err := conflictArg([]string{arg})
		if err != nil {
			return err
		}
		if !one {
			return fail(exitUsage, "write LINK:RULE, as `tenon conflicts` shows them", "%q names a link, no conflict", arg)
		}
		f.order.Conflicts = append(f.order.Conflicts, id)
	}
	if len(args) > 0 && (f.order.Mapping != "" || f.order.Field != "") {
		return fail(exitUsage, "leave out the one or the other", "conflicts are named, and described by --mapping or --field")
	}
	if len(args) == 0 && f.order.Mapping == "" && f.order.Field == "" {
		return fail(exitUsage, "name LINK:RULE, or describe them by --mapping or --field", "no conflict is named")
	}
	if (f.order.Side == "") == (f.order.Value == nil) {
		return fail(exitUsage, "--side lets a side's value stand, --value gives both another one", "say what stands: --side or --value")
	}
	return nil
}

func (c *cli) resolve(cmd *cobra.Command, f *resolveFlags, args []string) error {
	if err := f.parse(args); err != nil {
		return err
	}
	if f.yes && f.dry {
		return fail(exitUsage, "--dry-run looks, --yes decides", "--yes and --dry-run exclude each other")
	}
	ask := c.asker(f.yes)
	one := len(f.order.Conflicts) == 1
	open := c.operator
	if f.order.Value != nil || f.order.Seen != "" || one && !ask.alone() {
		open = c.reader // it reads the systems
	}
	op, done, err := open(cmd.Context())
	if err != nil {
		return err
	}
	defer done()
	if f.dry || !f.yes && !(one && ask.alone()) {
		decide, err := c.lookFirst(cmd, op, f, ask)
		if err != nil || !decide {
			return err
		}
	}
	r, err := op.ResolveMany(cmd.Context(), f.order, commandLine)
	if err != nil {
		return err
	}
	if r.Count == 0 {
		return noConflict(r)
	}
	return c.done(r, "%s decided; %s with the next reconcile", count(r.Count, "conflict is", "conflicts are"), f.stands())
}

// stands says what becomes of the values.
func (f *resolveFlags) stands() string {
	if f.order.Value != nil {
		return "the value is written to both sides"
	}
	return oneLine(f.order.Side) + " wins; it is written"
}

// lookFirst shows what would be decided, and asks. One conflict is shown with
// what both sides hold now, and decided as it was seen only.
func (c *cli) lookFirst(cmd *cobra.Command, op server.Operator, f *resolveFlags, ask *asker) (decide bool, err error) {
	dry := f.order
	dry.Dry = true
	r, err := op.ResolveMany(cmd.Context(), dry, commandLine)
	if err != nil {
		return false, err
	}
	if one := len(f.order.Conflicts) == 1; one && !ask.alone() && !f.dry {
		v, err := op.ShowConflict(cmd.Context(), f.order.Conflicts[0].Link, f.order.Conflicts[0].Rule)
		if err != nil {
			return false, err
		}
		f.order.Seen = v.Seen
		if err := c.showConflict(v); err != nil {
			return false, err
		}
	} else if err := c.showDecisions(r); err != nil {
		return false, err
	}
	switch {
	case r.Count == 0:
		return false, noConflict(r)
	case f.dry:
		return false, nil
	case ask.alone():
		return false, fail(exitFound, "add --yes to decide them", "%w", errUndecided)
	case !ask.confirm(fmt.Sprintf("Decide %s?", count(r.Count, "conflict", "conflicts"))):
		return false, fail(exitFound, "", "%w", errUndecided)
	}
	return true, nil
}

// noConflict ends a command that found nothing to decide.
func noConflict(r *engine.Resolved) error {
	if r.Skipped > 0 {
		return fail(exitFound, "`tenon conflicts` lists them; decide them by name", "only records that are deleted on one side are meant (%d)", r.Skipped)
	}
	return fail(exitFound, "`tenon conflicts` lists them", "no conflict is meant")
}

// shownDecisions is how many conflicts are shown before they are decided.
const shownDecisions = 20

func (c *cli) showDecisions(r *engine.Resolved) error {
	if c.json() {
		return c.printJSON(r)
	}
	t := newTable(c.stdout, "LINK", "RULE", "MAPPING", "FIELD", "VALUES", "", "STANDS")
	for _, row := range r.Rows[:min(len(r.Rows), shownDecisions)] {
		t.row(fmt.Sprint(row.Link), fmt.Sprint(row.Rule), row.Mapping, row.Field,
			row.Sides[0]+": "+row.Values[0], row.Sides[1]+": "+row.Values[1], row.Stands)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if more := r.Count - shownDecisions; more > 0 {
		fmt.Fprintf(c.stdout, "and %d more\n", more)
	}
	if r.Skipped > 0 {
		fmt.Fprintf(c.stdout, "%s on one side: decide by name\n", count(r.Skipped, "record is deleted", "records are deleted"))
	}
	return nil
}
