package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
)

func (c *cli) planCommand() *cobra.Command {
	var details bool
	cmd := &cobra.Command{
		Use:   "plan [MAPPING...]",
		Short: "Show what a sync would do, without writing anything",
		Long: `Reads both systems and shows what a sync would link, create and write, and why.
Nothing is written, neither to the systems nor to the queue.

Exit code 0: nothing would be done. 1: something would.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.online(cmd.Context(), serviceOptions{readOnly: true})
			if err != nil {
				return err
			}
			defer s.close()
			names, err := s.chosen(args)
			if err != nil {
				return err
			}
			plans := []*engine.Plan{}
			changes := 0
			show, end := progress(c.stderr)
			for _, name := range names {
				p, err := s.engine.Plan(cmd.Context(), name, show)
				end()
				if err != nil {
					return err
				}
				plans = append(plans, p)
				changes += len(p.Changes)
			}
			if c.json() {
				err = c.printJSON(plans)
			} else {
				err = c.showPlans(plans, details)
			}
			if err == nil && changes > 0 {
				return &failure{code: exitFound, err: errors.New("")}
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&details, "details", "d", false, "show each field with its value before and after")
	return cmd
}

func (c *cli) showPlans(plans []*engine.Plan, details bool) error {
	for _, p := range plans {
		fmt.Fprintf(c.stdout, "%s: %s read", p.Mapping, count(p.Read, "record", "records"))
		for _, action := range sortedKeys(p.Counts) {
			fmt.Fprintf(c.stdout, ", %d %s", p.Counts[action], action)
		}
		fmt.Fprintln(c.stdout)
		for _, ch := range p.Changes {
			fmt.Fprintf(c.stdout, "  %-10s %s", ch.Action, oneLine(planRecords(ch)))
			if ch.Title != "" {
				fmt.Fprintf(c.stdout, "  %s", oneLine(ch.Title))
			}
			if ch.Reason != "" {
				fmt.Fprintf(c.stdout, "  (%s)", oneLine(ch.Reason))
			}
			fmt.Fprintln(c.stdout)
			for _, f := range ch.Fields {
				if details {
					fmt.Fprintf(c.stdout, "      %s: %q -> %q  %s\n", f.Name, f.Before, f.After, oneLine(f.Why))
				} else {
					fmt.Fprintf(c.stdout, "      %s  %s\n", f.Name, oneLine(f.Why))
				}
			}
		}
	}
	return nil
}

func planRecords(ch engine.PlanChange) string {
	var refs []string
	for _, r := range ch.Records {
		if r.ID != "" {
			refs = append(refs, r.String())
		}
	}
	text := strings.Join(refs, " = ")
	if ch.To != "" {
		text += " -> " + ch.To
	}
	return text
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
