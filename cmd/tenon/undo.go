package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
)

// undoFlags are what `tenon undo` is told.
type undoFlags struct {
	order engine.UndoOrder
	since string
	yes   bool
	dry   bool
	rows  int
}

func (c *cli) undoCommand() *cobra.Command {
	var f undoFlags
	cmd := &cobra.Command{
		Use: "undo [EVENT]", Short: "Put back what Tenon has overwritten", Args: cobra.MaximumNArgs(1),
		Long: `Takes back field writes of Tenon: those of one event, of one record, of one link,
of one run, or of a mapping since a time. ` + "`tenon history`" + ` shows the numbers.

Where the record still holds what Tenon wrote, what that replaced is put back, and
both sides count as agreed, so that the value does not flow again, also with the
same mapping still in place. Everything else is left as it is, and listed with the
reason: what somebody has edited since, records that are gone, values that are not
kept any more (engine.keep_replaced), records that were made or linked.

Without --yes the command first shows what it would do, and asks. An undo is a run
of its own: its number, given to ` + "`tenon undo --run`" + `, takes it back.

While ` + "`tenon serve`" + ` runs, the command asks that service; else it works by itself.

Exit code 0: all of it is put back, or was already. 1: something was left as it is,
or nothing was done because --yes is missing. 5: a system did not answer; a repeat
goes on where it ended.`,
		Example: `  tenon undo 1042
  tenon undo --run 17
  tenon undo --record jira/issue/10010 --field summary
  tenon undo --mapping won-deal-to-epic --since 2h --yes`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.undo(cmd, &f, args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.order.Record, "record", "r", "", "the writes to this `record`: connection/object/id, an id, a key, a web address or link:N")
	fl.Uint64Var(&f.order.Link, "link", 0, "the writes to both records of this `link`")
	fl.Uint64Var(&f.order.Run, "run", 0, "the writes of this `run`")
	fl.StringVarP(&f.order.Mapping, "mapping", "m", "", "the writes of this `mapping`, with --since")
	fl.StringVar(&f.since, "since", "", "only those since this `time`, or that long ago, such as 2h")
	fl.StringVarP(&f.order.Field, "field", "f", "", "only this `field`, of either side")
	fl.BoolVarP(&f.yes, "yes", "y", false, "put back without asking")
	fl.BoolVar(&f.dry, "dry-run", false, "only show what would be put back")
	fl.IntVarP(&f.rows, "limit", "n", 20, "show at most this `many` fields that are put back; 0: all that are told of")
	return cmd
}

func (c *cli) undo(cmd *cobra.Command, f *undoFlags, args []string) error {
	if len(args) == 1 {
		n, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil || n == 0 {
			return fail(exitUsage, "`tenon history` shows the numbers", "%q is not an event's number", args[0])
		}
		f.order.Event = n
	}
	if f.yes && f.dry {
		return fail(exitUsage, "--dry-run shows, --yes puts back", "--yes and --dry-run exclude each other")
	}
	var err error
	if f.order.Since, err = sinceFlag(f.since, time.Now()); err != nil {
		return err
	}
	if err := f.order.Check(); err != nil {
		return fail(exitUsage, "give EVENT, --record, --link or --run, or --mapping with --since; `tenon history` shows the numbers", "%w", err)
	}
	op, done, err := c.liveOperator(cmd.Context(), serviceOptions{})
	if err != nil {
		return err
	}
	defer done()
	show, end := progress(c.stderr)
	carry := func(dry bool) (*engine.Undone, error) {
		u, err := op.Undo(cmd.Context(), f.order, engine.UndoOptions{Dry: dry, By: commandLine, Progress: show})
		end()
		return u, err
	}
	if !f.yes {
		u, err := carry(true)
		if err != nil {
			return err
		}
		if err := c.showUndone(u, f.rows); err != nil {
			return err
		}
		if ask := c.asker(false); u.Back == 0 || f.dry || c.json() || ask.alone() {
			return undoFound(u, f.dry)
		} else if !ask.confirm(fmt.Sprintf("Put back %s?", count(u.Back, "field", "fields"))) {
			return fail(exitFound, "", "nothing was written")
		}
	}
	u, err := carry(false)
	if err != nil {
		return err
	}
	if err := c.showUndone(u, f.rows); err != nil || u.Left == 0 {
		return err
	}
	return fail(exitFound, "edit them by hand where that is wanted", "%s", count(u.Left, "field was left as it is", "fields were left as they are"))
}

// undoFound ends a command that has only looked.
func undoFound(u *engine.Undone, dry bool) error {
	switch {
	case u.Back > 0 && !dry:
		return fail(exitFound, "add --yes to put them back", "nothing was written")
	case u.Back+u.Left > 0:
		return &failure{code: exitFound, err: errors.New("")}
	}
	return nil
}

// showUndone writes what an undo came to.
func (c *cli) showUndone(u *engine.Undone, rows int) error {
	if c.json() {
		return c.printJSON(u)
	}
	back := "back"
	if u.Dry {
		back = "would be back"
	}
	words := map[string]string{engine.UndoneBack: back, engine.UndoneWas: "is back", engine.UndoneLeft: "left", engine.UndoneElse: "not undone"}
	t := newTable(c.stdout, "", "RECORD", "FIELD", "NOW", "BACK", "WHY")
	shown, more := map[string]int{}, u.More
	for _, r := range u.Rows {
		if shown[r.State]++; rows > 0 && r.State != engine.UndoneLeft && shown[r.State] > rows {
			more++
			continue
		}
		why := r.Reason
		if r.Code != "" {
			why = r.Code + ": " + why
		}
		now, value := dash(r.Now), dash(r.Back)
		if r.State == engine.UndoneElse {
			now, value = "", ""
		}
		t.row(words[r.State], r.Record, dash(r.Field), now, value, why)
	}
	if len(u.Rows) > 0 {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if more > 0 {
		fmt.Fprintf(c.stdout, "… and %d more\n", more)
	}
	fmt.Fprintln(c.stdout, undoneSummary(u))
	return nil
}

// undoneSummary is one sentence about an undo.
func undoneSummary(u *engine.Undone) string {
	verb := "put back"
	if u.Dry {
		verb = "to be put back"
	}
	text := fmt.Sprintf("%s: %s %s", oneLine(u.Order), count(u.Back, "field", "fields"), verb)
	if u.Was > 0 {
		text += fmt.Sprintf(", %d already", u.Was)
	}
	text += fmt.Sprintf(", %d left as they are", u.Left)
	if u.Else > 0 {
		text += ", " + count(u.Else, "other effect", "other effects") + " not undone"
	}
	for i, run := range u.Runs {
		if i == 0 {
			text += "; to take this back: tenon undo --run " + strconv.FormatUint(run, 10)
		} else {
			text += ", " + strconv.FormatUint(run, 10)
		}
	}
	return text
}
