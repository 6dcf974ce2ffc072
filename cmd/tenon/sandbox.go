package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/systems"
)

// anyPort is an address of this machine with a port that is free.
const anyPort = "127.0.0.1:0"

// sandboxOptions say how the emulated systems are started.
type sandboxOptions struct {
	seed           uint64
	only           []string          // kinds; all of them if empty
	addresses      map[string]string // where each kind listens; anyPort unless set
	tenon          string            // where webhooks go; "" sends none
	faults         string            // a file of rules for all systems
	anywhere       bool              // listen on addresses other than loopback
	webhookDoubles float64
}

// emulated are the running systems of the sandbox, in the order of their table.
type emulated struct{ boxes []*systems.Box }

// startSandbox starts the systems.
func startSandbox(o sandboxOptions) (*emulated, error) {
	listen := kit.Listen
	if o.anywhere {
		listen = kit.ListenAnywhere
	}
	for _, name := range o.only {
		if _, ok := systems.Find(name); !ok {
			return nil, fail(exitUsage, "systems are "+strings.Join(systemNames(), ", "), "there is no emulated system %q", name)
		}
	}
	e := &emulated{}
	for _, k := range systems.Kinds() {
		if len(o.only) > 0 && !slices.Contains(o.only, k.Name) {
			continue
		}
		so := systems.Options{Seed: o.seed, WebhookDoubles: o.webhookDoubles}
		if o.tenon != "" {
			so.WebhookTarget = o.tenon + "/hooks/" + k.Name
		}
		b, err := k.Start(cmp.Or(o.addresses[k.Name], anyPort), listen, so)
		if err != nil {
			e.close()
			return nil, fail(exitUsage, "name another address with --"+k.Name, "%w", err)
		}
		e.boxes = append(e.boxes, b)
	}
	if o.faults != "" {
		if err := e.loadFaults(o.faults); err != nil {
			e.close()
			return nil, fail(exitUsage, "name a file with a JSON list of rules; sandbox/README.md describes them", "%w", err)
		}
	}
	return e, nil
}

func systemNames() []string {
	var names []string
	for _, k := range systems.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// box returns the running system of that kind, nil if it was not started.
func (e *emulated) box(name string) *systems.Box {
	i := slices.IndexFunc(e.boxes, func(b *systems.Box) bool { return b.Name == name })
	if i < 0 {
		return nil
	}
	return e.boxes[i]
}

func (e *emulated) loadFaults(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var rules []kit.Rule
	if err := json.Unmarshal(text, &rules); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, b := range e.boxes {
		if err := b.System.Faults().Replace(rules); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// close ends the systems; deliveries that are not sent yet are dropped.
func (e *emulated) close() {
	for _, b := range e.boxes {
		b.Close()
	}
}

// ready is what the ready file tells: for each system its address and
// credentials.
func (e *emulated) ready() map[string]map[string]string {
	r := map[string]map[string]string{}
	for _, b := range e.boxes {
		r[b.Name] = b.Members()
	}
	return r
}

// variables are the same by the variables that the examples' tenon.yaml names.
func (e *emulated) variables() map[string]string {
	v := map[string]string{}
	for _, b := range e.boxes {
		for _, g := range b.Given() {
			v[g.Variable] = g.Value
		}
	}
	return v
}

// show lists the systems with their addresses for people.
func (e *emulated) show(w io.Writer, suffix string) {
	for _, b := range e.boxes {
		fmt.Fprintf(w, "%-*s  %s\n", 10+len(suffix), b.Title+suffix, b.URL())
	}
}

// settle gives the systems the addresses that a written configuration names,
// where no flag says others, and starts those of the template only.
func (o *sandboxOptions) settle(given func(flag string) bool, template string) error {
	t, ok := examples.Find(template)
	if !ok {
		return fail(exitUsage, "`tenon init --list` shows the templates", "there is no template %q", template)
	}
	if !given("only") {
		o.only = []string{t.CRM, t.Tool}
	}
	for _, name := range []string{t.CRM, t.Tool} {
		if !slices.Contains(o.only, name) {
			return fail(exitUsage, "name "+t.CRM+" and "+t.Tool+" with --only", "the template %s needs the emulated system %s", template, name)
		}
	}
	for _, k := range systems.Kinds() {
		if !given(k.Name) {
			o.addresses[k.Name] = k.Address
		}
	}
	if !given("tenon") {
		o.tenon = practiceTenon
	}
	return nil
}

// addressFlags adds a flag for the address of each system.
func addressFlags(f *pflag.FlagSet, o *sandboxOptions) {
	o.addresses = map[string]string{}
	for _, k := range systems.Kinds() {
		f.Var(&addressFlag{o.addresses, k.Name}, k.Name, "the `address` of the emulated "+k.Title+"; port 0 is any free one")
	}
}

// addressFlag keeps a system's address among those of all.
type addressFlag struct {
	all  map[string]string
	name string
}

// String implements pflag.Value.
func (a *addressFlag) String() string { return cmp.Or(a.all[a.name], anyPort) }

// Set implements pflag.Value.
func (a *addressFlag) Set(text string) error {
	a.all[a.name] = text
	return nil
}

// Type implements pflag.Value.
func (a *addressFlag) Type() string { return "string" }

func (c *cli) sandboxCommand() *cobra.Command {
	var o sandboxOptions
	var readyFile, dir, template, auth string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run emulated systems, without any account",
		Long: `Runs the emulated systems, each at an origin of its own, until it is stopped:
HubSpot, Salesforce, Jira, Asana, Trello and GitHub, or those that --only names.
Their state is in memory only. The faults that can be switched on are described
in sandbox/README.md.

With --init it writes a configuration for two of them into a directory first, as
` + "`tenon init`" + ` does for real accounts, to practise with: the systems are then at
addresses that stay the same (HubSpot at 127.0.0.1:8481, Jira at 127.0.0.1:8482),
and send their webhooks to ` + practiceTenon + `, unless flags say otherwise.`,
		Example: `  tenon sandbox --init try
  tenon sandbox --only salesforce,jira --ready-file ready.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" {
				if err := o.settle(cmd.Flags().Changed, template); err != nil {
					return err
				}
			}
			e, err := startSandbox(o)
			if err != nil {
				return err
			}
			defer e.close()
			if c.json() {
				if err := c.printJSON(e.ready()); err != nil {
					return err
				}
			} else {
				e.show(c.stdout, "")
			}
			if dir != "" {
				if err := c.practice(e, dir, template, auth); err != nil {
					return err
				}
			}
			if readyFile != "" {
				if err := writeWhole(readyFile, e.ready()); err != nil {
					return fail(exitUsage, "name a file in a folder that is there and may be written to", "%w", err)
				}
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "init", "", "write a configuration for the systems into this `directory`")
	f.StringVar(&template, "template", examples.Templates()[0].Name, "the mapping in that configuration, as in tenon init --list")
	f.StringVar(&auth, "auth", authToken, "how that configuration logs in: token, or oauth for the consent pages")
	f.Uint64Var(&o.seed, "seed", 1, "draws the records and the faults")
	f.StringSliceVar(&o.only, "only", nil, "start these `systems` only, such as hubspot,jira")
	addressFlags(f, &o)
	f.StringVar(&o.tenon, "tenon", "", "the `URL` of the service that webhooks go to; none are sent without it")
	f.StringVar(&o.faults, "faults", "", "a `file` with a JSON list of fault rules for all systems")
	f.StringVar(&readyFile, "ready-file", "", "write addresses and credentials to this `file` once the systems answer")
	f.BoolVar(&o.anywhere, "anywhere", false, "listen on addresses other than loopback; the sandbox protects nothing")
	return cmd
}

// writeWhole writes v as JSON under a temporary name and renames it, so that a
// reader never sees half of it.
func writeWhole(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tenon-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error above says what is wrong
	}
	return err
}
