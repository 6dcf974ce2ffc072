package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// sandboxOptions say how the emulated systems are started.
type sandboxOptions struct {
	seed           uint64
	hubspot, jira  string // listen addresses
	tenon          string // where webhooks go; "" sends none
	faults         string // a file of rules for both systems
	anywhere       bool   // listen on addresses other than loopback
	webhookDoubles float64
}

// emulated are the running systems of the sandbox.
type emulated struct {
	hubspot, jira *kit.Server
	hubspotSystem *hubspot.System
	jiraSystem    *jira.System
}

// ready is what the ready file tells.
type ready struct {
	HubSpot struct {
		URL          string `json:"url"`
		Token        string `json:"token"`
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
	} `json:"hubspot"`
	Jira struct {
		URL           string `json:"url"`
		Email         string `json:"email"`
		Token         string `json:"token"`
		ClientID      string `json:"clientId"`
		ClientSecret  string `json:"clientSecret"`
		WebhookSecret string `json:"webhookSecret"`
	} `json:"jira"`
}

func startSandbox(o sandboxOptions) (*emulated, error) {
	listen := kit.Listen
	if o.anywhere {
		listen = kit.ListenAnywhere
	}
	e := &emulated{}
	ho := hubspot.Options{Seed: o.seed, WebhookDoubles: o.webhookDoubles}
	jo := jira.Options{Seed: o.seed, WebhookSecret: jira.DefaultWebhookSecret}
	if o.tenon != "" {
		ho.WebhookTarget, jo.WebhookTarget = o.tenon+"/hooks/hubspot", o.tenon+"/hooks/jira"
	}
	e.hubspotSystem, e.jiraSystem = hubspot.New(ho), jira.New(jo)
	var err error
	if e.hubspot, err = listen(o.hubspot, e.hubspotSystem); err == nil {
		e.jira, err = listen(o.jira, e.jiraSystem)
	}
	if err == nil {
		e.hubspotSystem.SetUI(e.hubspot.URL())
	}
	if err == nil && o.faults != "" {
		err = e.loadFaults(o.faults)
	}
	if err != nil {
		e.close()
		return nil, fail(exitUsage, "name other addresses with --hubspot and --jira", "%w", err)
	}
	return e, nil
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
	if err := e.hubspotSystem.Faults().Replace(rules); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return e.jiraSystem.Faults().Replace(rules)
}

// close ends the systems; deliveries that are not sent yet are dropped.
func (e *emulated) close() {
	e.hubspotSystem.Close()
	e.jiraSystem.Close()
	for _, s := range []*kit.Server{e.hubspot, e.jira} {
		if s != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			_ = s.Close(ctx) // open pages of a sandbox are nobody's loss
			cancel()
		}
	}
}

func (e *emulated) ready() ready {
	var r ready
	r.HubSpot.URL, r.HubSpot.Token, r.HubSpot.ClientSecret = e.hubspot.URL(), hubspot.DefaultToken, hubspot.DefaultClientSecret
	r.HubSpot.ClientID, r.Jira.ClientID, r.Jira.ClientSecret = hubspot.DefaultClientID, jira.DefaultClientID, jira.DefaultClientSecret
	r.Jira.URL, r.Jira.Email, r.Jira.Token, r.Jira.WebhookSecret = e.jira.URL(), jira.DefaultEmail, jira.DefaultToken, jira.DefaultWebhookSecret
	return r
}

// settle gives the systems the addresses that a written configuration names,
// where no flag says others.
func (o *sandboxOptions) settle(given func(flag string) bool) {
	for flag, address := range map[string]*string{"hubspot": &o.hubspot, "jira": &o.jira, "tenon": &o.tenon} {
		if !given(flag) {
			*address = map[string]string{"hubspot": practiceHubSpot, "jira": practiceJira, "tenon": practiceTenon}[flag]
		}
	}
}

func (c *cli) sandboxCommand() *cobra.Command {
	var o sandboxOptions
	var readyFile, dir, template, auth string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run emulated systems, without any account",
		Long: `Runs an emulated HubSpot and an emulated Jira, each at an origin of its own,
until it is stopped. Their state is in memory only. The faults that can be
switched on are described in sandbox/README.md.

With --init it writes a configuration for them into a directory first, as ` + "`tenon init`" + `
does for real accounts, to practise with: the systems are then at
` + practiceHubSpot + ` and ` + practiceJira + `, and send their webhooks to ` + practiceTenon + `,
unless flags say otherwise.`,
		Example: "  tenon sandbox --init try",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" {
				o.settle(cmd.Flags().Changed)
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
				fmt.Fprintf(c.stdout, "HubSpot  %s\nJira     %s\n", e.hubspot.URL(), e.jira.URL())
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
	f.StringVar(&o.hubspot, "hubspot", "127.0.0.1:0", "the `address` of the emulated HubSpot; port 0 is any free one")
	f.StringVar(&o.jira, "jira", "127.0.0.1:0", "the `address` of the emulated Jira")
	f.StringVar(&o.tenon, "tenon", "", "the `URL` of the service that webhooks go to; none are sent without it")
	f.StringVar(&o.faults, "faults", "", "a `file` with a JSON list of fault rules for both systems")
	f.StringVar(&readyFile, "ready-file", "", "write addresses and credentials to this `file` once both systems answer")
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
