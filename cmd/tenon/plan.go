package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

// plannedShown is how many changes of each action a plan shows unless asked for
// more.
const plannedShown = 10

func (c *cli) planCommand() *cobra.Command {
	var v planView
	var out string
	cmd := &cobra.Command{
		Use:   "plan [MAPPING...]",
		Short: "Show what a sync would do, without writing anything",
		Long: `Reads both systems and shows all that a sync would do, and why: what it would
link, create with which tasks, write, copy, archive or delete; what several
records match; people and options without a counterpart; where a guard would
stop and ask; and about how many calls it takes. Nothing is written, neither to
the systems nor to the queue.

With --out the plan is kept in a file, which ` + "`tenon apply`" + ` carries out: just that.
The file holds the records' values; only its owner may read it.

While ` + "`tenon serve`" + ` runs, the command asks that service. It plans by the mapping
files as they are now, also where the service has older rules: look, then let it
go on with them by ` + "`tenon reload`" + `.

Exit code 0: nothing would be done. 1: something would.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			op, done, err := c.liveOperator(cmd.Context(), serviceOptions{readOnly: true, buttons: true})
			if err != nil {
				return err
			}
			defer done()
			names, edited, err := c.plannable(cmd.Context(), op, args)
			if err != nil {
				return err
			}
			return c.plan(cmd.Context(), op, names, edited, out, v)
		},
	}
	cmd.Example = `  tenon plan --details
  tenon plan won-deal-to-epic --out change.plan`
	cmd.Flags().BoolVarP(&v.details, "details", "d", false, "show each field with its value before and after")
	cmd.Flags().IntVarP(&v.limit, "limit", "n", plannedShown, "show at most this `many` of each kind; 0: all")
	cmd.Flags().StringVar(&out, "out", "", "keep the plan in this `file`, for tenon apply")
	return cmd
}

// soundMappings returns the mappings that a command works: all, or those named.
func soundMappings(ctx context.Context, op server.Operator, names []string) ([]string, error) {
	status, err := op.Status(ctx)
	if err != nil {
		return nil, err
	}
	var have []string
	for _, m := range status.Mappings {
		have = append(have, m.Name)
	}
	for _, n := range names {
		if !slices.Contains(have, n) {
			return nil, fail(exitUsage, mapping.Suggest(n, "mappings are", have), "there is no sound mapping %q", n)
		}
	}
	if len(names) > 0 {
		return names, nil
	}
	return have, nil
}

// plannable returns the mappings to plan: all, or those named. edited are those
// of them by which the running service does not work: it plans them by the files
// as they are now.
func (c *cli) plannable(ctx context.Context, op server.Operator, named []string) (names, edited []string, err error) {
	if _, ok := op.(*remote); !ok || os.Getenv(serviceURLVariable) != "" {
		names, err = soundMappings(ctx, op, named)
		return names, nil, err
	}
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return nil, nil, err
	}
	files, problems, err := parseMappings(cfg.Mappings)
	if err == nil {
		err = c.problems(problems)
	}
	if err != nil {
		return nil, nil, err
	}
	var have []string
	for _, f := range files {
		have = append(have, f.Name)
		if len(named) > 0 && !slices.Contains(named, f.Name) {
			continue
		}
		names = append(names, f.Name)
		sides, err := op.MappingSides(ctx, f.Name)
		if err != nil || sides.Source != fmt.Sprintf("%016x", f.Hash()) {
			edited = append(edited, f.Name)
		}
	}
	for _, n := range named {
		if !slices.Contains(have, n) {
			return nil, nil, fail(exitUsage, "mappings are "+strings.Join(have, ", "), "there is no sound mapping %q", n)
		}
	}
	return names, edited, nil
}

func (c *cli) plan(ctx context.Context, op server.Operator, names, edited []string, out string, v planView) error {
	show, end := progress(c.stderr)
	o := engine.PlanOptions{Limit: v.limit, Progress: show}
	var plans []*engine.Plan
	write := func(w io.Writer) (err error) {
		plans, err = op.WritePlan(ctx, names, w, o)
		end()
		return err
	}
	var err error
	if out == "" {
		err = write(nil)
	} else {
		err = writePlanFile(out, write)
	}
	if err != nil {
		return err
	}
	changes := 0
	for _, p := range plans {
		for _, n := range p.Counts {
			changes += n
		}
	}
	if c.json() {
		err = c.printJSON(plans)
	} else {
		v.w = c.stdout
		v.plans(plans)
		if out != "" && changes > 0 {
			fmt.Fprintf(c.stdout, "\nThe plan is in %s, with the records' values.%s\n", out, nextOfPlan(out, edited))
		}
		if len(edited) > 0 {
			fmt.Fprintf(c.stdout, "\nThe running service has older rules of %s. To let it go on with these:  tenon reload\n", strings.Join(edited, ", "))
		}
	}
	if err == nil && changes > 0 {
		return &failure{code: exitFound, err: errors.New("")}
	}
	return err
}

// nextOfPlan tells what to do with a plan file. A service refuses one by rules
// that it does not have, and works by them at once when it has.
func nextOfPlan(file string, edited []string) string {
	if len(edited) == 0 {
		return " Carry it out:  tenon apply " + file
	}
	return "\nThe service can carry it out when it has these rules, and does so by itself unless the mapping is paused."
}
