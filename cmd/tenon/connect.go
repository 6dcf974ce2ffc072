package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/consent"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

// connectOptions are the flags of connect.
type connectOptions struct {
	check, again, yes, noBrowser, paste bool
	listen, redirect                    string
	timeout                             time.Duration
}

func (c *cli) connectCommand() *cobra.Command {
	var o connectOptions
	cmd := &cobra.Command{
		Use:   "connect CONNECTION",
		Short: "Connect an account: log in, check its rights, create what Tenon needs there",
		Long: `Connects one account and says what is missing for the mappings that use it.

Where the connection is an OAuth app (client_id and client_secret without a
token), a browser opens for a person's consent; the answer comes back to
` + consent.RedirectFor(consent.DefaultListen) + `, which the app must have registered. The tokens
are kept sealed in the state, and no file holds them. Where tenon.yaml names a
token, it is checked.

Then the rights are compared with what the mappings do, and what Tenon needs in
the system is created, such as its key property and fields of a template that
schemas/ describes: after a question on a terminal, with --yes at once.

On a machine without a browser, tunnel the port (ssh -L 8485:localhost:8485) or
take --paste and paste the address at which the browser ended.

While ` + "`tenon serve`" + ` runs, a new consent is handed to it, and it goes on with it.

Exit code 0: all is there. 1: something is missing. 5: the system refuses.`,
		Example: `  tenon connect hubspot
  tenon connect hubspot --check
  tenon connect jira --yes --no-browser`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.connect(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.check, "check", false, "only look; ask for no consent and create nothing")
	f.BoolVar(&o.again, "again", false, "ask for a consent although there is one that works")
	f.BoolVarP(&o.yes, "yes", "y", false, "create what is missing without a question")
	f.BoolVar(&o.noBrowser, "no-browser", false, "print the address only")
	f.BoolVar(&o.paste, "paste", false, "read the address at which the browser ended from standard input")
	f.StringVar(&o.listen, "listen", consent.DefaultListen, "the loopback `address` that takes the answer")
	f.StringVar(&o.redirect, "redirect", "", "the `URL` that the app has registered, where another one leads here")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait for the consent")
	return cmd
}

// connecting is one account on its way to be connected.
type connecting struct {
	*cli
	options connectOptions
	cfg     *config.Config
	conn    config.Connection
	files   []*mapping.File
	needs   []connectors.Need
	asked   connectors.Authorization // nil: the settings name a token
	vault   *vault                   // nil: no state is needed, or there is none yet
	service *remote                  // the running service that has the state open; nil: none
	ask     *asker
	opened  connectors.Connection
	report  connectReport

	redirect string // where the consent's answer was awaited
}

// connectReport is the JSON output of connect.
type connectReport struct {
	Connection string           `json:"connection"`
	System     string           `json:"system"`
	Account    string           `json:"account"`
	Connected  bool             `json:"connected"` // a new grant was taken
	Scopes     []string         `json:"scopes,omitempty"`
	Mappings   []string         `json:"mappings"`
	Missing    []connectors.Gap `json:"missing"`
	Prepared   []prepareRow     `json:"prepared"`
	Webhooks   string           `json:"webhooks"`

	// Subscriptions are what people have to subscribe to by hand.
	Subscriptions []string `json:"subscriptions,omitempty"`
	Warnings      []string `json:"warnings"`
}

func (c *cli) connect(ctx context.Context, name string, o connectOptions) (err error) {
	cfg, err := c.load(config.Options{SecretsOf: []string{name}})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(cfg.Connections, func(conn config.Connection) bool { return conn.Name == name })
	if i < 0 {
		var names []string
		for _, conn := range cfg.Connections {
			names = append(names, conn.Name)
		}
		return fail(exitUsage, "connections are "+strings.Join(names, ", "), "there is no connection %q in %s", name, shownPath(cfg.Path))
	}
	k := &connecting{cli: c, options: o, cfg: cfg, conn: cfg.Connections[i], ask: c.asker(o.yes)}
	k.report = connectReport{Connection: name, Mappings: []string{}, Missing: []connectors.Gap{}, Prepared: []prepareRow{}, Warnings: []string{}}
	if k.asked, err = authorization(k.conn, k.how()); err != nil {
		return fail(exitConfig, "docs/configuration.md lists the settings of each kind", "connection %s: %w", name, err)
	}
	k.readNeeds()
	if err := k.openState(ctx); err != nil {
		return err
	}
	defer k.close()
	if err := k.logIn(ctx); err != nil {
		return err
	}
	if k.service == nil {
		if err := k.look(ctx); err != nil {
			return err
		}
	}
	return k.tell()
}

// how is what the connection is opened with.
func (k *connecting) how() connectors.Options {
	o := connectors.Options{Logger: quiet(), UserAgent: "tenon/" + versionText()}
	if k.vault != nil {
		o.Tokens = k.vault.tokens(k.conn.Name)
	}
	return o
}

// readNeeds takes from the mappings what they do with the connection. Those with
// errors are left out.
func (k *connecting) readNeeds() {
	files, problems, err := parseMappings(k.cfg.Mappings)
	switch {
	case err != nil:
		k.warn("no mapping is there yet, so nothing is known of the rights that it needs")
	case problems.Err() != nil:
		k.warn("mappings with errors are left out; `tenon validate --offline` shows them")
	}
	k.files = files
	k.needs = needsOf(files, k.conn.Name)
	for _, f := range files {
		if f.Sides[0].Connection == k.conn.Name || f.Sides[1].Connection == k.conn.Name {
			k.report.Mappings = append(k.report.Mappings, f.Name)
		}
	}
}

// needsOf returns what the mappings do with a connection.
func needsOf(files []*mapping.File, connection string) []connectors.Need {
	var needs []connectors.Need
	for _, f := range files {
		for side, s := range f.Sides {
			if s.Connection == connection {
				needs = append(needs, f.Need(mapping.SideID(side))) //nolint:gosec // 0 or 1
			}
		}
	}
	return needs
}

func (k *connecting) warn(text string) { k.report.Warnings = append(k.report.Warnings, text) }

// openState opens the state where the connection's tokens are kept there, and
// else where there is one already, to know the account again.
func (k *connecting) openState(ctx context.Context) error {
	needed := k.asked != nil || k.conn.Settings.Get("refresh_token") != ""
	if _, err := os.Stat(k.cfg.State.Path); errors.Is(err, fs.ErrNotExist) && (!needed || k.options.check) {
		return nil
	}
	v, err := openVault(ctx, k.cfg.State, quiet())
	switch {
	case errors.Is(err, state.ErrLocked) && !needed:
		return nil // a service runs; a token can be checked beside it
	case errors.Is(err, state.ErrLocked) && k.asked != nil && !k.options.check:
		k.service, err = k.remote(ctx, k.cfg, server.ScopeConfigure)
		return err
	case errors.Is(err, state.ErrLocked) && k.options.check:
		return fail(exitState, "`tenon status` shows how the connection stands; stop `tenon serve` to look at its rights", "the tokens of %s are kept in the state, which a running service has open", k.conn.Name)
	case errors.Is(err, state.ErrLocked):
		return fail(exitState, "stop `tenon serve`, run this again, then start it: it goes on where it was", "the tokens of %s are kept in the state, which a running service has open", k.conn.Name)
	case err != nil:
		return err
	}
	k.vault = v
	return nil
}

func (k *connecting) close() {
	if k.opened != nil {
		_ = k.opened.Close() // nothing is under way any more
	}
	if k.vault != nil {
		k.vault.close()
	}
}

// open opens the connection anew, with the grant if there is one.
func (k *connecting) open(grant *connectors.Grant) error {
	if k.opened != nil {
		_ = k.opened.Close() // it is replaced
		k.opened = nil
	}
	settings := k.conn.Settings
	if grant != nil {
		settings = settings.With(grant.Settings)
	}
	opened, err := k.conn.Connector.Open(connectors.Config{Name: k.conn.Name, Settings: settings}, k.how())
	if err != nil {
		return fail(exitConfig, "docs/configuration.md lists the settings of each kind", "connection %s: %w", k.conn.Name, err)
	}
	k.opened = opened
	return nil
}

// logIn opens the connection, after a consent where that is needed.
func (k *connecting) logIn(ctx context.Context) error {
	if k.asked == nil {
		return k.open(nil)
	}
	var kept *connectors.Grant
	if k.vault != nil {
		var err error
		if kept, err = loadGrant(ctx, k.how().Tokens); err != nil {
			return err
		}
	}
	if kept != nil && !k.options.again {
		serves, err := k.serves(ctx, kept)
		if err != nil || serves || k.options.check {
			return err
		}
	}
	if k.options.check {
		return fail(exitFound, "run `tenon connect "+k.conn.Name+"`", "nobody has connected %s yet", k.conn.Name)
	}
	grant, err := k.consent(ctx)
	if err != nil {
		return err
	}
	k.report.Connected = true
	if k.service != nil {
		return nil
	}
	return k.open(grant)
}

// handOver gives the grant to the running service, which goes on with it.
func (k *connecting) handOver(ctx context.Context, grant *connectors.Grant) error {
	k.report.System, k.report.Account = grant.Label, grant.Person
	k.report.Webhooks = "as before"
	path := "/api/v1/connections/" + url.PathEscape(k.conn.Name) + "/grant"
	return k.service.do(ctx, http.MethodPut, path, nil, grant, io.Discard)
}

// serves reports whether a kept grant still works and has the scopes that the
// mappings need.
func (k *connecting) serves(ctx context.Context, kept *connectors.Grant) (bool, error) {
	if err := k.open(kept); err != nil {
		return false, err
	}
	k.report.Scopes = kept.Scopes
	if _, err := k.opened.Check(ctx); err != nil {
		if connectors.KindOf(err) == connectors.Auth && !k.options.check {
			return false, nil
		}
		return false, err
	}
	gaps, err := k.gaps(ctx)
	wanting := slices.ContainsFunc(gaps, func(g connectors.Gap) bool { return len(g.Scopes) > 0 && !g.Minor })
	return !wanting, err
}

// consent asks a person, and keeps the grant.
func (k *connecting) consent(ctx context.Context) (*connectors.Grant, error) {
	required, optional := k.asked.Scopes(k.needs)
	asking, cancel := context.WithTimeout(ctx, k.options.timeout)
	defer cancel()
	o := consent.Options{Listen: k.options.listen, Redirect: k.options.redirect, Required: required, Optional: optional, Show: k.showConsent}
	if k.options.paste {
		o.Paste = k.stdin
		if !k.ask.alone() {
			o.Paste = k.ask.in // which may hold lines already
		}
	}
	if !k.options.noBrowser && !k.options.paste {
		o.Open = consent.OpenBrowser
	}
	grant, err := consent.Ask(asking, k.asked, o)
	if err != nil {
		return nil, k.noConsent(err)
	}
	k.report.Scopes = grant.Scopes
	if k.service != nil {
		return grant, k.handOver(ctx, grant)
	}
	before, err := loadAccount(ctx, k.how().Tokens, consentNote)
	if err != nil {
		return nil, err
	}
	now := knownAccount{grant.System, grant.Label}
	if err := sameAccount(k.conn.Name, before, now); err != nil {
		return nil, err
	}
	if err := saveGrant(ctx, k.how().Tokens, grant); err != nil {
		return nil, err
	}
	return grant, saveAccount(ctx, k.how().Tokens, consentNote, now)
}

func (k *connecting) showConsent(address, redirect string) {
	k.redirect = redirect
	fmt.Fprintf(k.stderr, "Open this address, log in to the account that Tenon should work in, and consent:\n\n  %s\n\n", address)
	if k.options.paste {
		fmt.Fprintln(k.stderr, "Then paste the address at which the browser ended, even if it shows no page:")
		return
	}
	fmt.Fprintf(k.stderr, "Waiting up to %v for the answer at %s …\n", k.options.timeout, redirect)
}

// noConsent says what to do about a consent that did not come about.
func (k *connecting) noConsent(err error) error {
	var system *connectors.Error
	switch {
	case errors.As(err, &system):
		return err
	case errors.Is(err, consent.ErrDenied):
		return fail(exitSystem, "run `tenon connect "+k.conn.Name+"` again when the account's owner agrees", "%w; nothing was stored", err)
	case errors.Is(err, consent.ErrTimeout):
		return fail(exitSystem, "if the page refused the redirect URL, register "+k.redirect+" with the app; if it names scopes, give them to the app", "%w; nothing was stored", err)
	case errors.Is(err, consent.ErrListen):
		return fail(exitUsage, "name another port with --listen (and register its address with the app), or use --paste", "%w", err)
	}
	return err
}
