package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/connectors"
)

func (c *cli) prepareCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "prepare",
		Short: "Create in the systems what Tenon needs there",
		Long: `Creates what Tenon needs in the systems, such as a property for the keys of
creates. A repeat changes nothing. With --dry-run it only shows what is missing;
exit code 1 then says that something is. Webhooks are asked for by ` + "`tenon serve`" + `,
where a system takes subscriptions.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.online(cmd.Context(), serviceOptions{readOnly: true})
			if err != nil {
				return err
			}
			defer s.close()
			return c.prepare(cmd.Context(), s, dry)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show what is missing")
	return cmd
}

type prepareRow struct {
	Connection string   `json:"connection"`
	Object     string   `json:"object"`
	Missing    []string `json:"missing"`
	Made       bool     `json:"made"`
}

func (c *cli) prepare(ctx context.Context, s *service, dry bool) error {
	rows := []prepareRow{}
	missing := 0
	for _, name := range slices.Sorted(maps.Keys(s.conns)) {
		preparer := connectors.AbilitiesOf(s.conns[name]).Preparer
		if preparer == nil {
			continue
		}
		for _, need := range byObject(needsOf(s.files, name)) {
			row := prepareRow{Connection: name, Object: need.Object, Missing: []string{}}
			found, err := preparer.Missing(ctx, need)
			if err != nil {
				return err
			}
			row.Missing = append(row.Missing, found...)
			if len(found) > 0 && !dry {
				if err := preparer.Prepare(ctx, need); err != nil {
					return err
				}
				row.Made = true
			}
			missing += len(found)
			rows = append(rows, row)
		}
	}
	if c.json() {
		if err := c.printJSON(rows); err != nil {
			return err
		}
	} else {
		c.showPrepared(rows)
	}
	if dry && missing > 0 {
		return fail(exitFound, "run `tenon prepare`", "%s missing", count(missing, "thing is", "things are"))
	}
	return nil
}

func (c *cli) showPrepared(rows []prepareRow) {
	for _, r := range rows {
		verb := "missing"
		if r.Made {
			verb = "made"
		}
		if len(r.Missing) == 0 {
			fmt.Fprintf(c.stdout, "%s/%s: nothing is missing\n", r.Connection, r.Object)
		}
		for _, m := range r.Missing {
			fmt.Fprintf(c.stdout, "%s/%s: %s: %s\n", r.Connection, r.Object, verb, oneLine(m))
		}
	}
	if len(rows) == 0 {
		fmt.Fprintln(c.stdout, "nothing is needed in these systems")
	}
}

// byObject puts what mappings need of one object together, sorted by object and
// without their scopes.
func byObject(needs []connectors.Need) []connectors.Need {
	var merged []connectors.Need
	for _, n := range needs {
		i := slices.IndexFunc(merged, func(m connectors.Need) bool { return m.Object == n.Object })
		if i < 0 {
			n.Scope = nil
			merged = append(merged, n)
			continue
		}
		m := &merged[i]
		m.Write, m.Create = m.Write || n.Write, m.Create || n.Create
		m.Comment, m.Retire = m.Comment || n.Comment, m.Retire || n.Retire
		for _, f := range n.Fields {
			if !slices.Contains(m.Fields, f) {
				m.Fields = append(slices.Clip(m.Fields), f)
			}
		}
	}
	slices.SortFunc(merged, func(a, b connectors.Need) int { return strings.Compare(a.Object, b.Object) })
	return merged
}
