package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/mark"
)

func (c *cli) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Read the whole state and report what is damaged",
		Long: `Reads everything in the state file and reports what is damaged or contradicts
itself, and whether it is another state than the one that was last in use there,
such as an older copy. Nothing is changed. The service must be stopped; check a
backup instead while it runs, by setting TENON_STATE_PATH.`,
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
				err = c.showCheck(report)
			}
			if err != nil || len(report.Problems) == 0 && report.Doubt == "" {
				return err
			}
			if len(report.Problems) == 0 {
				return fail(exitState, "put the right file there; or start with this one: every record is compared anew, and nothing is made twice",
					"%s: %s", cfg.State.Path, report.Doubt)
			}
			return fail(exitState, "restore a backup with `tenon restore`", "%s in %s", count(len(report.Problems), "problem", "problems"), cfg.State.Path)
		},
	}
}

// showCheck writes what a check found, for people.
func (c *cli) showCheck(r stateReport) (err error) {
	if r.Older != 0 && len(r.Problems) == 0 {
		_, err = fmt.Fprintf(c.stdout, "written by an older Tenon (layout %d): the file is sound; the next start keeps a copy and upgrades it\n", r.Older)
		return err
	}
	if r.Older == 0 {
		_, err = fmt.Fprintf(c.stdout, "%s, %s, %s, %s, %s\n",
			count(r.Links, "link", "links"), count(r.Entries, "queue entry", "queue entries"),
			count(r.Intents, "intent", "intents"), count(r.Asides, "field set aside", "fields set aside"),
			count(r.Events, "event", "events"))
	}
	for _, p := range r.Problems {
		fmt.Fprintln(c.stdout, oneLine(p))
	}
	return err
}

// stateReport is what `tenon check` found.
type stateReport struct {
	state.Report
	Doubt string // why the state is not the one that was last in use, "" if it is
}

func checkState(ctx context.Context, path string) (r stateReport, err error) {
	db, err := bolt.Open(ctx, path, bolt.Options{ReadOnly: true})
	if err != nil {
		return r, noState(path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if r.Report, err = state.Inspect(ctx, db); err != nil || len(r.Problems) > 0 {
		return r, err
	}
	store, err := state.Open(ctx, db, state.Options{})
	if errors.Is(err, state.ErrReadOnly) {
		return r, nil // an older layout, which the next start upgrades
	}
	if err != nil {
		return r, err
	}
	if _, err := os.Stat(path + mark.Suffix); errors.Is(err, fs.ErrNotExist) {
		return r, nil // a backup has none
	}
	commit, err := db.Commit(ctx)
	if err != nil {
		return r, err
	}
	have, err := mark.Read(ctx, store, commit)
	r.Doubt = mark.Compare(path, have)
	return r, err
}

// noState says what to do where there is no state yet; other errors stay as they are.
func noState(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fail(exitState, "`tenon serve` and `tenon sync` make one; state.path in tenon.yaml says where", "there is no state at %s", path)
}
