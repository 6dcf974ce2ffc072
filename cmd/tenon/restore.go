package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
)

func (c *cli) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the state",
		Long: `Checks the backup in FILE ("-" for standard input) and puts it where tenon.yaml
says that the state is. The service must be stopped; a state that is there is
kept beside it. The next start knows that this is not the state that was last in
use: it compares every record on both sides, finds what was made since the backup
by its keys, and makes nothing twice. docs/operations.md tells the rest.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(config.Options{NoSecrets: true})
			if err != nil {
				return err
			}
			in := c.stdin
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fail(exitUsage, "name a file that `tenon backup` wrote, or - for standard input", "%w", err)
				}
				defer f.Close()
				in = f
			}
			kept, err := restoreState(cmd.Context(), in, cfg.State.Path)
			if err != nil {
				return err
			}
			text := "restored " + cfg.State.Path
			if kept != "" {
				text += "; the former state is " + kept
			}
			return c.done(map[string]string{"state": cfg.State.Path, "former": kept}, "%s", text)
		},
	}
}

// restoreState restores to path and returns where the former state was put.
func restoreState(ctx context.Context, in io.Reader, path string) (kept string, err error) {
	if _, err := os.Stat(path); err == nil {
		// The lock tells whether a service has the state open.
		db, err := bolt.Open(ctx, path, bolt.Options{LockWait: lockWait})
		if err != nil && !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, state.ErrNewer) {
			return "", err
		}
		if err == nil {
			if err := db.Close(); err != nil {
				return "", err
			}
		}
	}
	fresh := path + ".restoring"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := bolt.Restore(ctx, in, fresh); err != nil {
		return "", err
	}
	kept = fmt.Sprintf("%s.before-restore-%s", path, time.Now().UTC().Format("20060102T150405.000000"))
	// A second name first, so that there is a state at every moment; a file
	// system without hard links has to do without that.
	err = os.Link(path, kept)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		err = os.Rename(path, kept)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		kept = ""
	case err != nil:
		return "", err
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", err
	}
	return kept, syncFolder(filepath.Dir(path))
}

// syncFolder makes new names in a folder durable.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // not possible, and not needed
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
