package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
)

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
			names, err := soundMappings(cmd.Context(), s.engine, args)
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
