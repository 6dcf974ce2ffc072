package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// linkFlags are the flags of tenon link.
type linkFlags struct {
	from, report string
	match        bool
	skipBad, dry bool
}

func (c *cli) linkCommand() *cobra.Command {
	var f linkFlags
	cmd := &cobra.Command{
		Use:   "link MAPPING [LEFT RIGHT]",
		Short: "Link records that exist on both sides already",
		Args:  cobra.RangeArgs(1, 3),
		Long: `Links records that belong together, so that Tenon keeps them in step instead of
making a second one: one pair, all pairs of a CSV file, or all that the mapping's
match rules find. Nothing is written to the records: the next reconcile does, by
the mapping's first_sync; --plan shows what that would be, and links nothing.

LEFT and RIGHT are ids, connection/object/id, readable keys or web addresses. A
CSV file names the two sides in its first line, and one record of each in every
further line. One bad line refuses the whole file, unless --skip-bad is given.
What --match finds for several records, or for none, --report writes into such a
file with a comment: keep the right lines, and give it back with --from.

A repeat, also after an interruption, links what is not linked yet.

While ` + "`tenon serve`" + ` runs, the command asks that service.

Exit code 0: all are linked. 1: some cannot be, or match several.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			op, done, err := c.liveOperator(cmd.Context(), serviceOptions{readOnly: f.dry})
			if err != nil {
				return err
			}
			defer done()
			if _, err := soundMappings(cmd.Context(), op, args[:1]); err != nil {
				return err
			}
			sides, err := op.MappingSides(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var got *engine.Adopted
			if f.match {
				got, err = c.linkMatches(cmd.Context(), op, sides, f)
			} else {
				got, err = c.linkPairs(cmd.Context(), op, sides, args, f)
			}
			if err != nil {
				return err
			}
			return c.showAdopted(got, sides, f)
		},
	}
	cmd.Example = `  tenon link won-deal-to-epic 1042 DELIV-12
  tenon link won-deal-to-epic --match --report rest.csv
  tenon link won-deal-to-epic --from rest.csv --plan
  tenon link won-deal-to-epic --from rest.csv`
	cmd.Flags().StringVar(&f.from, "from", "", "a CSV `file` of pairs; - is standard input")
	cmd.Flags().BoolVar(&f.match, "match", false, "link all that the match rules find")
	cmd.Flags().StringVar(&f.report, "report", "", "with --match: write what is ambiguous or alone to this `file`")
	cmd.Flags().BoolVar(&f.skipBad, "skip-bad", false, "link the others when some pairs are bad")
	cmd.Flags().BoolVar(&f.dry, "plan", false, "only show what would be linked, and written then")
	return cmd
}

// check refuses flags and arguments that do not go together.
func (f linkFlags) check(args []string) error {
	ways := 0
	for _, way := range []bool{len(args) > 1, f.from != "", f.match} {
		if way {
			ways++
		}
	}
	switch {
	case ways != 1 || len(args) == 2:
		return fail(exitUsage, "tenon link MAPPING LEFT RIGHT, or --from FILE, or --match", "name one pair, a file, or --match")
	case f.report != "" && !f.match:
		return fail(exitUsage, "a file of pairs is read with --from", "--report goes with --match")
	}
	return nil
}

func (c *cli) linkPairs(ctx context.Context, op server.Operator, sides *engine.MappingSides, args []string, f linkFlags) (*engine.Adopted, error) {
	o := engine.LinkOrder{Mapping: args[0], SkipBad: f.skipBad, Dry: f.dry, By: commandLine}
	if f.from == "" {
		o.Pairs = []engine.LinkPair{{Records: [2]string{args[1], args[2]}}}
	} else {
		in := io.NopCloser(c.stdin)
		if f.from != "-" {
			file, err := openFile(f.from, "`tenon link MAPPING --match --report FILE` writes one")
			if err != nil {
				return nil, err
			}
			in = file
		}
		defer in.Close()
		pairs, skipped, err := engine.ReadPairs(in, sides.Sides)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.from, err)
		}
		if skipped > 0 {
			fmt.Fprintf(c.stderr, "%s left out\n", count(skipped, "line that names only one record is", "lines that name only one record are"))
		}
		o.Pairs = pairs
	}
	show, end := progress(c.stderr)
	defer end()
	return op.Adopt(ctx, o, show)
}

func (c *cli) linkMatches(ctx context.Context, op server.Operator, sides *engine.MappingSides, f linkFlags) (got *engine.Adopted, err error) {
	show, end := progress(c.stderr)
	defer end()
	o := engine.MatchOrder{Mapping: sides.Mapping, Dry: f.dry, By: commandLine}
	if f.report == "" {
		return op.Match(ctx, o, nil, show)
	}
	if _, err := os.Lstat(f.report); err == nil {
		return nil, fail(exitUsage, "name another file, or take that one away", "%s is there already", f.report)
	}
	file, err := os.CreateTemp(filepath.Dir(f.report), "."+filepath.Base(f.report)+"-*") // mode 0600: it holds titles
	if err != nil {
		return nil, fail(exitUsage, "name a file in a folder that may be written", "the report cannot be kept: %w", err)
	}
	got, err = op.Match(ctx, o, file, show)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), f.report)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the error says enough
	}
	return got, err
}

func (c *cli) showAdopted(a *engine.Adopted, sides *engine.MappingSides, f linkFlags) error {
	if c.json() {
		if err := c.printJSON(a); err != nil {
			return err
		}
	} else {
		c.tellAdopted(a, sides, f)
	}
	switch {
	case a.Refused && f.from != "":
		return fail(exitFound, "mend these lines, or link the others: --skip-bad", "%s, nothing was linked", count(a.Bad, "line is bad", "lines are bad"))
	case a.Refused:
		return fail(exitFound, "tenon links --mapping "+a.Mapping+" shows what is linked", "the two cannot be linked")
	case a.Bad > 0:
		return fail(exitFound, "the reasons are above", "%s not linked", count(a.Bad, "pair was", "pairs were"))
	case a.Ambiguous > 0 && f.report != "":
		return fail(exitFound, "keep the right lines of "+f.report+", then: tenon link "+a.Mapping+" --from "+f.report, "%s several", count(a.Ambiguous, "record matches", "records match"))
	case a.Ambiguous > 0:
		return fail(exitFound, "write them to a file with --report FILE", "%s several", count(a.Ambiguous, "record matches", "records match"))
	}
	return nil
}

func (c *cli) tellAdopted(a *engine.Adopted, sides *engine.MappingSides, f linkFlags) {
	const most = 20
	shown := map[string]int{}
	for _, row := range a.Rows {
		if shown[row.Status]++; row.Status != engine.RowBad && shown[row.Status] > most {
			continue
		}
		where := ""
		if row.Line > 0 {
			where = "line " + strconv.Itoa(row.Line) + "  "
		}
		if row.Status == engine.RowBad {
			fmt.Fprintf(c.stdout, "  %sbad: %s\n", where, oneLine(row.Reason))
			continue
		}
		titles := strings.TrimSuffix(short(row.Titles[0], 60)+" = "+short(row.Titles[1], 60), " = ")
		fmt.Fprintf(c.stdout, "  %s%-7s  %s  %s\n", where, row.Status, refs(row.Records), titles)
	}
	verb := "linked"
	if f.dry {
		verb = "would be linked"
	}
	text := fmt.Sprintf("%s: %d %s", a.Mapping, a.Linked, verb)
	for _, part := range []struct {
		n    int
		what string
	}{{a.Already, "linked before"}, {a.Bad, "bad"}, {a.Ambiguous, "match several"}, {a.Alone, "without a counterpart"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	fmt.Fprintln(c.stdout, text)
	if a.Plan != nil {
		planView{w: c.stdout, details: true, limit: plannedShown}.plan(a.Plan)
	}
	if a.Linked > 0 && !f.dry {
		fmt.Fprintf(c.stdout, "They come into step with the next sync (first_sync: %s). Look at that first:  tenon plan %s --details\n", sides.FirstSync, a.Mapping)
	}
	if a.Reported > 0 && f.report != "" {
		fmt.Fprintf(c.stdout, "%s in %s\n", count(a.Reported, "line is", "lines are"), f.report)
	}
}

func (c *cli) unlinkCommand() *cobra.Command {
	cmd := c.listing("unlink LINK", "End a link; both records stay as they are",
		`LINK is the number that `+"`tenon links`"+` shows. Neither record gets another counterpart
by itself; `+"`tenon link`"+` links the two again.`, cobra.ExactArgs(1),
		func(cmd *cobra.Command, op server.Operator, args []string) error {
			id, err := strconv.ParseUint(strings.TrimPrefix(args[0], "link:"), 10, 64)
			if err != nil || id == 0 {
				return fail(exitUsage, "`tenon links` shows the numbers", "%q is no link", args[0])
			}
			row, err := op.Unlink(cmd.Context(), id, commandLine)
			if err != nil {
				return err
			}
			return c.done(row, "link %d has ended: %s = %s stay as they are", row.ID, showRef(row.Records[0]), showRef(row.Records[1]))
		})
	cmd.Example = "  tenon unlink 12"
	return cmd
}
