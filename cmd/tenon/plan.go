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

While ` + "`tenon serve`" + ` runs, the command asks that service; for a mapping that was
edited since it started, stop it first.

Exit code 0: nothing would be done. 1: something would.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			op, done, err := c.liveOperator(cmd.Context(), serviceOptions{readOnly: true, buttons: true})
			if err != nil {
				return err
			}
			defer done()
			names, err := soundMappings(cmd.Context(), op, args)
			if err != nil {
				return err
			}
			if err := c.sameRules(cmd.Context(), op, names); err != nil {
				return err
			}
			return c.plan(cmd.Context(), op, names, out, v)
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
			return nil, fail(exitUsage, "mappings are "+strings.Join(have, ", "), "there is no sound mapping %q", n)
		}
	}
	if len(names) > 0 {
		return names, nil
	}
	return have, nil
}

// otherRules says how to plan by rules that the running service does not have.
const otherRules = "stop `tenon serve`, plan, and start it again: nothing is lost meanwhile; or look only, with a copy: tenon backup copy.db, then TENON_STATE_PATH=copy.db tenon plan"

// sameRules refuses a plan by a service that runs other rules than the mapping
// files here say: it would not be about what was edited.
func (c *cli) sameRules(ctx context.Context, op server.Operator, names []string) error {
	if _, ok := op.(*remote); !ok || os.Getenv(serviceURLVariable) != "" {
		return nil
	}
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return err
	}
	files, problems, err := parseMappings(cfg.Mappings)
	if err != nil {
		return err
	}
	if err := c.problems(problems); err != nil {
		return err
	}
	for _, name := range names {
		i := slices.IndexFunc(files, func(f *mapping.File) bool { return f.Name == name })
		if i < 0 {
			return fail(exitFound, otherRules, "there is no file of mapping %s any more, by which the running service works", name)
		}
		sides, err := op.MappingSides(ctx, name)
		if err != nil {
			return err
		}
		if sides.Source != fmt.Sprintf("%016x", files[i].Hash()) {
			return fail(exitFound, otherRules, "%s is not what the running service works by: it was edited since that started", files[i].Path)
		}
	}
	return nil
}

func (c *cli) plan(ctx context.Context, op server.Operator, names []string, out string, v planView) error {
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
			fmt.Fprintf(c.stdout, "\nThe plan is in %s, with the records' values. Carry it out:  tenon apply %s\n", out, out)
		}
	}
	if err == nil && changes > 0 {
		return &failure{code: exitFound, err: errors.New("")}
	}
	return err
}
