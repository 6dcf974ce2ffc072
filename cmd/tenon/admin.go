package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

func sideID(n int) mapping.SideID { return mapping.SideID(n) } //nolint:gosec // 0 or 1

// isLocalAddress reports whether a URL points to this machine.
func isLocalAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// allLocal reports whether every system is on this machine too, as the sandbox
// is.
func (s *service) allLocal() bool {
	for _, conn := range s.config.Connections {
		local := false
		for _, key := range []string{"base_url", "url"} {
			local = local || isLocalAddress(conn.Settings.Get(key))
		}
		if !local {
			return false
		}
	}
	return true
}

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

func (c *cli) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a consistent copy of the state, also while the service runs",
		Long: `Writes a consistent copy of the state to FILE, "-" for standard output. While
the service runs, it is asked for the copy. The sealing key is not in it: keep
that apart, for without it sealed values cannot be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(config.Options{NoSecrets: true})
			if err != nil {
				return err
			}
			if args[0] == "-" {
				return c.copyState(cmd.Context(), cfg, c.stdout)
			}
			if err := c.backupTo(cmd.Context(), cfg, args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"file": args[0]}, "wrote %s", args[0])
		},
	}
}

// backupTo writes the copy under a temporary name first, so that FILE is whole
// or not there.
func (c *cli) backupTo(ctx context.Context, cfg *config.Config, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tenon-backup-*")
	if err != nil {
		return fail(exitUsage, "", "%w", err)
	}
	err = c.copyState(ctx, cfg, f)
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

func (c *cli) copyState(ctx context.Context, cfg *config.Config, w io.Writer) error {
	db, err := bolt.Open(ctx, cfg.State.Path, bolt.Options{ReadOnly: true, LockWait: lockWait})
	if errors.Is(err, state.ErrLocked) {
		r, err := c.remote(ctx, cfg, server.ScopeConfigure)
		if err != nil {
			return err
		}
		r.http.Timeout = 0 // a large state takes its time; ctx ends it
		return r.do(ctx, http.MethodGet, "/api/v1/backup", nil, nil, w)
	}
	if err != nil {
		return err
	}
	return errors.Join(db.Backup(ctx, w), db.Close())
}

func (c *cli) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the state",
		Long: `Checks the backup in FILE ("-" for standard input) and puts it where tenon.yaml
says that the state is. The service must be stopped; a state that is there is
kept beside it. After a restore, everything is compared again: what changed since
the backup is found by the sweep, and creates since then are found by their keys.`,
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
					return fail(exitUsage, "", "%w", err)
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
	kept = fmt.Sprintf("%s.before-restore-%s", path, time.Now().UTC().Format("20060102T150405"))
	switch err := os.Rename(path, kept); {
	case errors.Is(err, os.ErrNotExist):
		kept = ""
	case err != nil:
		return "", err
	}
	return kept, os.Rename(fresh, path)
}

func (c *cli) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke API tokens",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var scopes string
	var days int
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and show it, this once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			order := server.TokenOrder{Name: args[0]}
			var err error
			if order.Scopes, err = server.ParseScopes(scopes); err != nil {
				return fail(exitUsage, "", "%w", err)
			}
			if days > 0 {
				order.Expires = time.Now().UTC().AddDate(0, 0, days)
			}
			return c.withTokens(cmd.Context(), func(t tokenKeeper) error {
				made, err := t.create(cmd.Context(), order)
				if err != nil {
					return err
				}
				if c.json() {
					return c.printJSON(made)
				}
				fmt.Fprintf(c.stderr, "token %s (%s); it is not shown again\n", made.ID, scopes)
				_, err = fmt.Fprintln(c.stdout, made.Text)
				return err
			})
		},
	}
	create.Flags().StringVar(&scopes, "scopes", "read", "a list of read, operate, convert, configure")
	create.Flags().IntVar(&days, "days", 0, "good for this many days; 0: until revoked")
	list := &cobra.Command{
		Use:   "list",
		Short: "List the tokens, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withTokens(cmd.Context(), func(t tokenKeeper) error {
				tokens, err := t.list(cmd.Context())
				if err != nil {
					return err
				}
				if c.json() {
					return c.printJSON(orEmpty(tokens))
				}
				tab := newTable(c.stdout, "ID", "NAME", "SCOPES", "MADE", "EXPIRES")
				for _, k := range tokens {
					words := make([]string, len(k.Scopes))
					for i, s := range k.Scopes {
						words[i] = string(s)
					}
					tab.row(k.ID, k.Name, strings.Join(words, ","), showTime(k.Created), showTime(k.Expires))
				}
				return tab.flush()
			})
		},
	}
	revoke := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withTokens(cmd.Context(), func(t tokenKeeper) error {
				if err := t.revoke(cmd.Context(), args[0]); errors.Is(err, state.ErrNotFound) {
					return fail(exitFound, "`tenon token list` shows the ids", "there is no token %s", args[0])
				} else if err != nil {
					return err
				}
				return c.done(map[string]string{"revoked": args[0]}, "revoked %s", args[0])
			})
		},
	}
	cmd.AddCommand(create, list, revoke)
	return cmd
}

// tokenKeeper keeps API tokens: in the state, or in the running service's.
type tokenKeeper interface {
	create(ctx context.Context, order server.TokenOrder) (server.NewToken, error)
	list(ctx context.Context) ([]server.Token, error)
	revoke(ctx context.Context, id string) error
}

func (c *cli) withTokens(ctx context.Context, fn func(tokenKeeper) error) error {
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return err
	}
	v, err := openVault(ctx, cfg.State, quiet())
	if errors.Is(err, state.ErrLocked) {
		r, err := c.remote(ctx, cfg, server.ScopeConfigure)
		if err != nil {
			return err
		}
		return fn(remoteTokens{r})
	}
	if err != nil {
		return err
	}
	defer v.close()
	return fn(localTokens{server.Tokens{Store: v.store}})
}

type localTokens struct{ server.Tokens }

func (t localTokens) create(ctx context.Context, order server.TokenOrder) (server.NewToken, error) {
	token, text, err := t.Create(ctx, order.Name, order.Scopes, time.Now(), order.Expires)
	return server.NewToken{Token: token, Text: text}, err
}

func (t localTokens) list(ctx context.Context) ([]server.Token, error) { return t.List(ctx) }
func (t localTokens) revoke(ctx context.Context, id string) error      { return t.Revoke(ctx, id) }

type remoteTokens struct{ r *remote }

func (t remoteTokens) create(ctx context.Context, order server.TokenOrder) (made server.NewToken, err error) {
	err = t.r.do(ctx, http.MethodPost, "/api/v1/tokens", nil, order, &made)
	return made, err
}

func (t remoteTokens) list(ctx context.Context) ([]server.Token, error) {
	var l server.List[server.Token]
	err := t.r.get(ctx, "tokens", nil, &l)
	return l.Rows, err
}

func (t remoteTokens) revoke(ctx context.Context, id string) error {
	return t.r.do(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(id), nil, nil, io.Discard)
}

func (c *cli) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the running service whether it is ready, for containers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(config.Options{NoSecrets: true})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
			defer cancel()
			host, port, err := net.SplitHostPort(cfg.Server.Listen)
			if err != nil {
				return fail(exitConfig, "", "%w", err)
			}
			if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
				host = "127.0.0.1"
			}
			r := newRemote("http://"+net.JoinHostPort(host, port), "")
			if err := r.do(ctx, http.MethodGet, "/readyz", nil, nil, io.Discard); err != nil {
				return err
			}
			return c.done(map[string]string{"status": "ready"}, "ready")
		},
	}
}

func (c *cli) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIRECTORY]",
		Short: "Write a first tenon.yaml and a mapping, to edit",
		Long: `Writes the example of HubSpot and Jira into DIRECTORY (the working directory
unless given): tenon.yaml and mappings/. Files that are there are left alone.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			written, err := examples.Write(examples.HubSpotJira(), dir)
			if err != nil {
				return fail(exitUsage, "", "%w", err)
			}
			if len(written) == 0 {
				return fail(exitFound, "name another directory", "%s holds these files already", dir)
			}
			if c.json() {
				return c.printJSON(map[string][]string{"written": written})
			}
			for _, path := range written {
				fmt.Fprintf(c.stdout, "wrote %s\n", path)
			}
			fmt.Fprintln(c.stdout, "next: set the variables that tenon.yaml names, then run `tenon validate`")
			return nil
		},
	}
}
