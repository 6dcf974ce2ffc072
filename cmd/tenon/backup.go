package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a consistent copy of the state, also while the service runs",
		Long: `Writes a consistent copy of the state to FILE, "-" for standard output. While
the service runs, it is asked for the copy. The sealing key is not in it: keep
that apart, for without it sealed values cannot be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" {
				return c.copyState(cmd.Context(), c.stdout)
			}
			if err := c.backupTo(cmd.Context(), args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"file": args[0]}, "wrote %s", args[0])
		},
	}
}

// backupTo writes the copy under a temporary name first, so that FILE is whole
// or not there.
func (c *cli) backupTo(ctx context.Context, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tenon-backup-*")
	if err != nil {
		return fail(exitUsage, "name a file in a folder that is there and may be written to", "%w", cause(err))
	}
	err = c.copyState(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error says what is wrong
	}
	return err
}

func (c *cli) copyState(ctx context.Context, w io.Writer) error {
	if r, err := c.elsewhere(ctx, server.ScopeConfigure); err != nil {
		return err
	} else if r != nil {
		return r.backup(ctx, w)
	}
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return err
	}
	db, err := bolt.Open(ctx, cfg.State.Path, bolt.Options{ReadOnly: true, LockWait: lockWait})
	if errors.Is(err, state.ErrLocked) {
		r, err := c.remote(ctx, cfg, server.ScopeConfigure)
		if err != nil {
			return err
		}
		return r.backup(ctx, w)
	}
	if err != nil {
		return noState(cfg.State.Path, err)
	}
	return errors.Join(db.Backup(ctx, w), db.Close())
}

// backup writes the service's copy of its state to w.
func (r *remote) backup(ctx context.Context, w io.Writer) error {
	return r.do(ctx, http.MethodGet, "/api/v1/backup", nil, nil, w)
}

// cause returns what is wrong with a folder, without the temporary name in it.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", filepath.Dir(p.Path), p.Err)
	}
	return err
}
