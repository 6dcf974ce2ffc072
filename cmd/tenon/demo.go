package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state/mark"
	"github.com/tenonsync/tenon/examples"
)

// demoOptions are the flags of the demo.
type demoOptions struct {
	dir     string
	addr    string
	check   bool
	verbose bool
	sandbox sandboxOptions

	// address, where set, is where another process will serve: nothing listens
	// there then.
	address string
}

func (c *cli) demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run Tenon between an emulated HubSpot and an emulated Jira",
		Long: `Starts an emulated HubSpot and Jira with invented data, and Tenon between them,
all on this machine. Open the pages that are printed and press "Convert to
project" on a deal. Nothing needs an account, and nothing is left behind unless
--dir names a folder.

With --check the story runs by itself: convert, a double click, edits on both
sides, an edit of one field on both at once, a lost webhook, a restart. Exit code
0 only if both systems agree in the end and every record has one counterpart.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "", "keep configuration and state in this `folder`")
	f.StringVar(&o.addr, "addr", "127.0.0.1:0", "the `address` of Tenon; port 0 is any free one")
	f.StringVar(&o.sandbox.hubspot, "hubspot", "127.0.0.1:0", "the `address` of the emulated HubSpot")
	f.StringVar(&o.sandbox.jira, "jira", "127.0.0.1:0", "the `address` of the emulated Jira")
	f.Uint64Var(&o.sandbox.seed, "seed", 1, "draws the invented data")
	f.BoolVar(&o.check, "check", false, "run the story without a person and check the outcome")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log what Tenon does")
	return cmd
}

// demoConfig is the configuration of the demo: the example's, with the emulated
// systems' addresses and shorter intervals.
const demoConfig = `# The configuration of the demo. Its variables hold the credentials of the sandbox.
connections:
  hubspot:
    kind: hubspot
    base_url: ${HUBSPOT_URL}
    token: ${HUBSPOT_TOKEN}
    client_secret: ${HUBSPOT_CLIENT_SECRET}
    requests_per_second: 50
  jira:
    kind: jira
    base_url: ${JIRA_URL}
    email: ${JIRA_EMAIL}
    token: ${JIRA_TOKEN}
    webhook_secret: ${JIRA_WEBHOOK_SECRET}
    search_lag: 20s

server:
  listen: ${TENON_ADDRESS}

mappings: mappings/
engine:
  poll_interval: 3s
  missing_after: 5s
`

// demonstration is a running demo.
type demonstration struct {
	cli     *cli
	dir     string
	log     *slog.Logger
	systems *emulated
	address string
	config  *config.Config

	listener *lasting // nil where another process serves

	service *service
	stop    func() error
}

// url returns where Tenon is.
func (d *demonstration) url() string { return "http://" + d.address }

// close ends the systems. The service must have ended.
func (d *demonstration) close() {
	if d.systems != nil {
		d.systems.close()
	}
	if d.listener != nil {
		d.listener.close()
	}
}

// newDemonstration starts the systems and writes the configuration into dir.
func (c *cli) newDemonstration(dir string, o demoOptions) (_ *demonstration, err error) {
	d := &demonstration{cli: c, dir: dir, log: quiet()}
	if o.verbose {
		d.log = c.logger("info", "text")
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.address = o.address; d.address == "" {
		if d.listener, err = listenLasting(o.addr); err != nil {
			return nil, fail(exitUsage, "name another address with --addr", "%w", err)
		}
		d.address = d.listener.tcp.Addr().String()
	}
	o.sandbox.tenon = d.url()
	if d.systems, err = startSandbox(o.sandbox); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "tenon.yaml")
	if err := os.WriteFile(path, []byte(demoConfig), 0o600); err != nil {
		return nil, fail(exitUsage, "", "%w", err)
	}
	if _, err := examples.Write(examples.HubSpotJira(), dir); err != nil {
		return nil, fail(exitUsage, "", "%w", err)
	}
	variables := d.variables()
	d.config, err = (&cli{stderr: c.stderr, registry: c.registry, configPath: path}).load(config.Options{
		Lookup: func(name string) (string, bool) { v, ok := variables[name]; return v, ok },
	})
	return d, err
}

func (d *demonstration) variables() map[string]string {
	r := d.systems.ready()
	return map[string]string{
		"HUBSPOT_URL": r.HubSpot.URL, "HUBSPOT_TOKEN": r.HubSpot.Token, "HUBSPOT_CLIENT_SECRET": r.HubSpot.ClientSecret,
		"JIRA_URL": r.Jira.URL, "JIRA_EMAIL": r.Jira.Email, "JIRA_TOKEN": r.Jira.Token, "JIRA_WEBHOOK_SECRET": r.Jira.WebhookSecret,
		"TENON_ADDRESS": d.address,
	}
}

// start prepares the systems and runs the service in the background.
func (d *demonstration) start(ctx context.Context) error {
	s, err := d.cli.openService(ctx, d.config, serviceOptions{log: d.log, buttons: true})
	if err != nil {
		return err
	}
	silent := &cli{stdout: io.Discard, stderr: io.Discard, output: "table"}
	if err := silent.prepare(ctx, s, false); err != nil {
		s.close()
		return err
	}
	l, err := d.listener.lease()
	if err != nil {
		s.close()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		err := s.serveOn(ctx, l, "")
		s.close()
		served <- err
	}()
	d.service = s
	d.stop = func() error {
		cancel()
		return <-served
	}
	return nil
}

func (c *cli) demo(ctx context.Context, o demoOptions) (err error) {
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "tenon-demo-*"); err != nil {
			return fail(exitUsage, "", "%w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(exitUsage, "", "%w", err)
	}
	if err := c.clearDemo(dir); err != nil {
		return err
	}
	d, err := c.newDemonstration(dir, o)
	if err != nil {
		return err
	}
	defer d.close()
	if o.check {
		return d.check(ctx)
	}
	if err := d.start(ctx); err != nil {
		return err
	}
	if err := d.welcome(); err != nil {
		return errors.Join(err, d.stop())
	}
	<-ctx.Done()
	return d.stop()
}

// clearDemo puts the state of an earlier demo in a folder aside: the emulated
// systems begin anew each time. A folder with a configuration of its own is
// refused.
func (c *cli) clearDemo(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "tenon.yaml"))
	if err == nil && string(text) != demoConfig {
		return fail(exitUsage, "name another folder with --dir", "%s holds a tenon.yaml that is not the demo's", dir)
	}
	path := filepath.Join(dir, "tenon.db")
	kept := path + ".demo-" + time.Now().UTC().Format("20060102T150405.000000")
	switch err := os.Rename(path, kept); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fail(exitUsage, "", "%w", err)
	}
	if err := os.Remove(path + mark.Suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(exitUsage, "", "%w", err)
	}
	fmt.Fprintf(c.stderr, "the emulated systems begin anew; the state of the demo before is kept as %s\n", kept)
	return nil
}

func (d *demonstration) welcome() error {
	if d.cli.json() {
		r := d.systems.ready()
		return d.cli.printJSON(map[string]string{"tenon": d.url(), "hubspot": r.HubSpot.URL, "jira": r.Jira.URL, "dir": d.dir})
	}
	_, err := fmt.Fprintf(d.cli.stdout, `HubSpot (emulated)  %s
Jira (emulated)     %s
Tenon               %s

Try this:
  1. Open HubSpot, choose an open deal and press "Convert to project".
     Tenon shows what would be made; confirm, and follow the link to the epic.
  2. Change the deal's name or amount in HubSpot, or the epic's due date or status
     in Jira. It appears on the other side within a second or two.
  3. Open Tenon: how everything stands. Type an epic's key (DELIV-…) into its
     search field to see why that record is in step. Its history tells why each
     thing was done, and that Tenon's own writes, seen again, ended in
     "no difference"; what it wrote can be undone there.

Deals that are won already get their epics by themselves. Ctrl-C ends the demo.
`, d.systems.hubspot.URL(), d.systems.jira.URL(), d.url())
	return err
}

// patience is how long a step of the check may take, on a machine that has
// much else to do.
const patience = 2 * time.Minute

// await looks again and again until look finds nothing wrong.
func await(ctx context.Context, look func() error) error {
	deadline := time.Now().Add(patience)
	for {
		wrong := look()
		if wrong == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not after %v: %w", patience, wrong)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(30 * time.Millisecond):
		}
	}
}
