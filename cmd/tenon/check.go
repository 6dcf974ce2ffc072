package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
)

func (c *cli) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Read the whole state and report what is damaged",
		Long: `Reads everything in the state file and reports what is damaged or contradicts
itself. Nothing is changed. The service must be stopped; check a backup instead
while it runs, by setting TENON_STATE_PATH.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(config.Options{NoSecrets: true})
			if err != nil {
				return err
			}
			report, err := checkState(cmd.Context(), cfg.State.Path)
			if err != nil {
				return err
			}
			if c.json() {
				err = c.printJSON(report)
			} else {
				_, err = fmt.Fprintf(c.stdout, "%s, %s, %s, %s, %s\n",
					count(report.Links, "link", "links"), count(report.Entries, "queue entry", "queue entries"),
					count(report.Intents, "intent", "intents"), count(report.Asides, "field set aside", "fields set aside"),
					count(report.Events, "event", "events"))
				for _, p := range report.Problems {
					fmt.Fprintln(c.stdout, oneLine(p))
				}
			}
			if err != nil || len(report.Problems) == 0 {
				return err
			}
			return fail(exitState, "restore a backup with `tenon restore`", "%s in %s", count(len(report.Problems), "problem", "problems"), cfg.State.Path)
		},
	}
}

func checkState(ctx context.Context, path string) (state.Report, error) {
	db, err := bolt.Open(ctx, path, bolt.Options{ReadOnly: true})
	if err != nil {
		return state.Report{}, err
	}
	store, err := state.Open(ctx, db, state.Options{})
	if err != nil {
		return state.Report{}, errors.Join(err, db.Close())
	}
	report, err := store.Check(ctx)
	return report, errors.Join(err, store.Close())
}
