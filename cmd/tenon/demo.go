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
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state/mark"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/sandbox/systems"
)

// demoOptions are the flags of the demo.
type demoOptions struct {
	example string // the first of the examples if empty
	list    bool
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
		Short: "Run Tenon between emulated systems",
		Long: `Starts the emulated systems of an example with invented data, and Tenon between
them, all on this machine: HubSpot and Jira, or what --example names. Open the
pages that are printed and press "Convert to project" on a deal. Nothing needs an
account, and nothing is left behind unless --dir names a folder.

With --check the story runs by itself: convert, a double click, edits on both
sides, an edit of one field on both at once, a lost webhook, comments, a restart,
a record that somebody removes. Exit code 0 only if the systems agree in the end
and every record has one counterpart.`,
		Example: `  tenon demo
  tenon demo --list
  tenon demo --example salesforce-jira --check`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.list {
				return c.listExamples()
			}
			return c.demo(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.example, "example", examples.Examples()[0].Name, "the `name` of the example to run; --list shows them")
	f.BoolVar(&o.list, "list", false, "list the examples")
	f.StringVar(&o.dir, "dir", "", "keep configuration and state in this `folder`")
	f.StringVar(&o.addr, "addr", anyPort, "the `address` of Tenon; port 0 is any free one")
	addressFlags(f, &o.sandbox)
	f.Uint64Var(&o.sandbox.seed, "seed", 1, "draws the invented data")
	f.BoolVar(&o.check, "check", false, "run the story without a person and check the outcome")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log what Tenon does")
	return cmd
}

func (c *cli) listExamples() error {
	if c.json() {
		type row struct {
			Name    string   `json:"name"`
			Title   string   `json:"title"`
			Systems []string `json:"systems"`
		}
		rows := []row{}
		for _, e := range examples.Examples() {
			rows = append(rows, row{e.Name, e.Title, e.Connections})
		}
		return c.printJSON(rows)
	}
	t := newTable(c.stdout, "EXAMPLE", "")
	for _, e := range examples.Examples() {
		t.row(e.Name, e.Title)
	}
	return t.flush()
}

// demonstration is a running demo.
type demonstration struct {
	cli     *cli
	dir     string
	log     *slog.Logger
	example examples.Example
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
	if d.example, err = o.find(); err != nil {
		return nil, err
	}
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
	o.sandbox.tenon, o.sandbox.only = d.url(), d.example.Connections
	if d.systems, err = startSandbox(o.sandbox); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "tenon.yaml")
	if err := os.WriteFile(path, []byte(d.example.SandboxConfig()), 0o600); err != nil {
		return nil, fail(exitUsage, "", "%w", err)
	}
	if _, err := examples.Write(d.example.FS(), dir); err != nil {
		return nil, fail(exitUsage, "", "%w", err)
	}
	variables := d.variables()
	d.config, err = (&cli{stderr: c.stderr, registry: c.registry, configPath: path}).load(config.Options{
		Lookup: func(name string) (string, bool) { v, ok := variables[name]; return v, ok },
	})
	return d, err
}

func (d *demonstration) variables() map[string]string {
	v := d.systems.variables()
	v["TENON_ADDRESS"] = d.address
	return v
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

// find returns the example that is asked for.
func (o demoOptions) find() (examples.Example, error) {
	if o.example == "" {
		return examples.Examples()[0], nil
	}
	e, ok := examples.FindExample(o.example)
	if !ok {
		return e, fail(exitUsage, "`tenon demo --list` shows the examples", "there is no example %q", o.example)
	}
	return e, nil
}

func (c *cli) demo(ctx context.Context, o demoOptions) (err error) {
	if _, err := o.find(); err != nil {
		return err
	}
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
	isDemo := func(e examples.Example) bool { return e.SandboxConfig() == string(text) }
	if err == nil && !slices.ContainsFunc(examples.Examples(), isDemo) {
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
		where := map[string]string{"tenon": d.url(), "dir": d.dir, "example": d.example.Name}
		for _, b := range d.systems.boxes {
			where[b.Name] = b.URL()
		}
		return d.cli.printJSON(where)
	}
	d.systems.show(d.cli.stdout, " (emulated)")
	lead := d.example.Casts[0]
	source, _ := systems.Find(lead.Source.Connection)
	target, _ := systems.Find(lead.Target.Connection)
	_, err := fmt.Fprintf(d.cli.stdout, `%-21s  %s

Try this:
  1. Open %[3]s, choose an open %[5]s and press "Convert to project".
     Tenon shows what would be made; confirm, and follow the link to the %[6]s.
  2. Change the %[5]s's name in %[3]s, or the %[6]s's in %[4]s. It appears on the
     other side within a second or two; so do dates, states and comments.
  3. Open Tenon: how everything stands. Type a record's key or paste its address
     into the search field to see why that record is in step. The history tells
     why each thing was done, and that Tenon's own writes, seen again, ended in
     "no difference"; what it wrote can be undone there.

What is ready already gets its counterpart by itself. Ctrl-C ends the demo.
`, "Tenon", d.url(), source.Title, target.Title, lead.Source.Noun, lead.Target.Noun)
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
