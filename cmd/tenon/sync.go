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
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// online opens the service for a command that works once.
func (c *cli) online(ctx context.Context, o serviceOptions) (*service, error) {
	cfg, err := c.load(config.Options{})
	if err != nil {
		return nil, err
	}
	return c.openService(ctx, cfg, o)
}

// chosen returns the mappings that a command works: all, or those named.
func (s *service) chosen(names []string) ([]string, error) {
	have := s.engine.Mappings()
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

// progress shows how far a run is on one line of a terminal, which each call
// writes anew.
func progress(w io.Writer) (show func(engine.SyncProgress), end func()) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil, func() {}
	}
	shown := false
	return func(p engine.SyncProgress) {
			shown = true
			fmt.Fprintf(w, "\r%s: %d listed, %d worked, %d to do ", p.Mapping, p.Listed, p.Done, p.Queued)
		}, func() {
			if shown {
				fmt.Fprintln(w)
			}
		}
}

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

func (c *cli) syncCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sync [MAPPING...]",
		Short: "Bring everything into step once, then stop",
		Long: `Reads everything in scope, reconciles what differs, and stops when nothing is
left to do. The service must not run at the same time.

Exit code 0: both sides agree. 1: something failed or waits for a person.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.online(cmd.Context(), serviceOptions{buttons: true})
			if err != nil {
				return err
			}
			defer s.close()
			names, err := s.chosen(args)
			if err != nil {
				return err
			}
			show, end := progress(c.stderr)
			for _, name := range names {
				err := s.engine.Sync(cmd.Context(), name, show)
				end()
				if errors.Is(err, engine.ErrStopped) {
					return fail(exitFound, "look at `tenon history`, then: tenon resume "+name, "%s: %w", name, err)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return c.afterSync(cmd.Context(), s, names)
		},
	}
}

// afterSync reports how the mappings stand.
func (c *cli) afterSync(ctx context.Context, s *service, names []string) error {
	status, err := s.engine.Status(ctx)
	if err != nil {
		return err
	}
	rows := []engine.MappingStatus{}
	open := 0
	for _, m := range status.Mappings {
		if slices.Contains(names, m.Name) {
			rows = append(rows, m)
			open += m.Queued + m.Waiting + m.Failed + m.Conflicts + m.SetAside
		}
	}
	if c.json() {
		err = c.printJSON(rows)
	} else {
		for _, m := range rows {
			fmt.Fprintf(c.stdout, "%s: %s, %d waiting, %d failed, %s, %d set aside\n", m.Name, count(m.Links, "link", "links"),
				m.Queued+m.Waiting, m.Failed, count(m.Conflicts, "conflict", "conflicts"), m.SetAside)
		}
	}
	if err == nil && open > 0 {
		return fail(exitFound, "`tenon queue` and `tenon conflicts --all` show what it is", "not everything is in step")
	}
	return err
}

func (c *cli) prepareCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "prepare",
		Short: "Create in the systems what Tenon needs there",
		Long: `Creates what Tenon needs in the systems, such as a property for the keys of
creates, and asks for the webhooks where a system takes subscriptions. A repeat
changes nothing. With --dry-run it only shows what is missing; exit code 1 then
says that something is.`,
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
	for _, name := range sortedNames(s.conns) {
		preparer := connectors.AbilitiesOf(s.conns[name]).Preparer
		if preparer == nil {
			continue
		}
		for _, object := range s.objects(name) {
			row := prepareRow{Connection: name, Object: object, Missing: []string{}}
			found, err := preparer.Missing(ctx, object)
			if err != nil {
				return err
			}
			row.Missing = append(row.Missing, found...)
			if len(found) > 0 && !dry {
				if err := preparer.Prepare(ctx, object); err != nil {
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

// objects returns a connection's objects that the mappings name, sorted.
func (s *service) objects(connection string) []string {
	var objects []string
	for _, m := range s.mappings {
		for side := range 2 {
			end := m.Side(sideID(side))
			if end.Connection == connection && !slices.Contains(objects, end.Object) {
				objects = append(objects, end.Object)
			}
		}
	}
	slices.Sort(objects)
	return objects
}

func sortedNames(conns connections) []string {
	names := make([]string, 0, len(conns))
	for n := range conns {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
