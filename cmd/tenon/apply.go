package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
)

func (c *cli) applyCommand() *cobra.Command {
	var o engine.ApplyOptions
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Carry out a plan: just that",
		Args:  cobra.ExactArgs(1),
		Long: `Carries out the plan that ` + "`tenon plan --out FILE`" + ` has kept, and nothing else. Each
change is decided anew and compared with the plan. When one of them is stale,
since a record, a link or a value is other now, nothing is written at all, and
the command names what has changed; --skip-stale leaves those out and does the
rest. A plan for another state, another account or a mapping that was changed is
refused. The guards let a plan through, since you have seen it.

A repeat does what is left to do: nothing, or the rest after an interruption.

While ` + "`tenon serve`" + ` runs, the command asks that service.

Exit code 0: all is done. 1: the plan is stale, or something of it waits or failed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := openFile(args[0], "make one: tenon plan --out FILE")
			if err != nil {
				return err
			}
			defer file.Close()
			op, done, err := c.liveOperator(cmd.Context(), serviceOptions{buttons: true})
			if err != nil {
				return err
			}
			defer done()
			show, end := progress(c.stderr)
			o.Progress, o.By = show, commandLine
			applied, err := op.Apply(cmd.Context(), file, o)
			end()
			if err != nil {
				return err
			}
			if c.json() {
				err = c.printJSON(applied)
			} else {
				c.showApplied(applied)
			}
			return errors.Join(err, judgeApplied(applied, args[0]))
		},
	}
	cmd.Example = `  tenon plan --out change.plan
  tenon apply change.plan
  tenon apply change.plan --skip-stale`
	cmd.Flags().BoolVar(&o.SkipStale, "skip-stale", false, "leave out what has changed since, and do the rest")
	return cmd
}

// doneWords say what came of the actions of a plan. The others are said as they
// stand: nothing was done.
var doneWords = map[string]string{
	engine.PlanLink: "linked", engine.PlanCreate: "created", engine.PlanUpdate: "updated", engine.PlanRepeat: "tried again",
	engine.PlanComment: "commented", engine.PlanAttach: "attached", engine.PlanOffer: "offered", engine.PlanArchive: "archived", engine.PlanDelete: "deleted",
	engine.PlanRecreate: "recreated", engine.PlanUnlink: "unlinked",
}

func (c *cli) showApplied(a *engine.Applied) {
	for _, m := range a.Mappings {
		if a.Refused {
			fmt.Fprintf(c.stdout, "%s: %d of %d are stale, nothing was written\n", m.Mapping, len(m.Stale), m.Planned)
		} else {
			var parts []string
			for _, action := range engine.PlanActions {
				if n := m.Counts[action]; n > 0 {
					parts = append(parts, fmt.Sprintf("%d %s", n, cmp.Or(doneWords[action], action)))
				}
			}
			text := strings.Join(parts, ", ")
			switch {
			case text == "" && m.Before > 0:
				text = "nothing to do, it was carried out before"
			case text == "":
				text = "nothing to do"
			case m.Before > 0:
				text += fmt.Sprintf("; %d were carried out before", m.Before)
			}
			fmt.Fprintf(c.stdout, "%s: %s\n", m.Mapping, text)
		}
		for _, s := range m.Stale {
			fmt.Fprintf(c.stdout, "  stale      %s  %s\n", refs(s.Records), short(s.Title, 60))
			for _, what := range s.What {
				fmt.Fprintf(c.stdout, "      %s\n", short(what, 2*valueShown))
			}
		}
		for _, l := range m.Left {
			text := oneLine(l.Reason)
			if l.Field != "" {
				text = oneLine(l.Field) + ": " + text
			}
			fmt.Fprintf(c.stdout, "  %-9s  %s  %s\n", l.Status, refs(l.Records), text)
		}
		if m.Omitted > 0 {
			fmt.Fprintf(c.stdout, "  … and %d more\n", m.Omitted)
		}
	}
}

// judgeApplied turns what a plan came to into the command's error.
func judgeApplied(a *engine.Applied, file string) error {
	stale, left := 0, 0
	for _, m := range a.Mappings {
		stale, left = stale+len(m.Stale), left+len(m.Left)
	}
	switch {
	case a.Refused:
		return fail(exitFound, "look anew: tenon plan --out "+file+"; or leave out what is stale: tenon apply --skip-stale "+file, "the plan is stale")
	case stale > 0:
		return fail(exitFound, "`tenon plan` shows what would be done about them now", "%s left out", count(stale, "stale change was", "stale changes were"))
	case left > 0:
		return fail(exitFound, "`tenon queue` and `tenon conflicts --all` show them; what waits goes on with `tenon serve` or `tenon sync`", "not everything is in step yet")
	}
	return nil
}
