package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
)

// endless are the commands that run until they are stopped, or that bring
// systems of their own.
var endless = []string{"tenon serve", "tenon sandbox", "tenon demo"}

// leaves returns the words of every command that does something.
func leaves(cmd *cobra.Command) [][]string {
	var found [][]string
	if cmd.Runnable() && !slices.Contains(endless, cmd.CommandPath()) && cmd.HasParent() {
		found = append(found, strings.Fields(cmd.CommandPath())[1:])
	}
	for _, sub := range cmd.Commands() {
		found = append(found, leaves(sub)...)
	}
	return found
}

// TestNoCommandShowsASecret runs every command, in good order and in bad, with
// every log line, and looks for the credentials in all that is shown and kept.
func TestNoCommandShowsASecret(t *testing.T) {
	d := newTestDemo(t, 1, "127.0.0.1:0")
	v := d.variables()
	dir := t.TempDir()
	work := t.TempDir()
	t.Chdir(work) // commands that write files do so here
	secrets := map[string]string{
		"HubSpot's token": v["HUBSPOT_TOKEN"], "HubSpot's client secret": v["HUBSPOT_CLIENT_SECRET"],
		"Jira's token": v["JIRA_TOKEN"], "Jira's webhook secret": v["JIRA_WEBHOOK_SECRET"], "the sealing variable": "c2VhbGluZyBrZXkgb2YgdGhpcyB0ZXN0LCAzMiBieXQ=",
	}
	env := "SEALING=" + secrets["the sealing variable"] + "\nTENON_LOG_LEVEL=debug\n"
	for name, value := range v {
		env += name + "=" + value + "\n"
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program(t.Context(), "init", dir, "--template", "deal-to-epic").want(t, exitDone)
	config := examples.Examples()[0].SandboxConfig() + "state: {key_env: SEALING}\nlog: {level: debug}\n"
	write("tenon.yaml", config)
	write(".env", env)
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	commands := leaves((&cli{registry: registry}).root())
	if len(commands) < 15 {
		t.Fatalf("%d commands found", len(commands))
	}

	look := func(what, text string) {
		t.Helper()
		for name, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %s", what, name)
			}
		}
	}
	each := func(state string, more ...[]string) {
		for _, words := range commands {
			for _, args := range append([][]string{{}, {"hubspot"}, {"hubspot", "deals"}, {"won-deal-to-epic"}}, more...) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				line := slices.Concat([]string{"--config", filepath.Join(dir, "tenon.yaml")}, words, args)
				var out overflow
				run(ctx, line, strings.NewReader(""), &out, &out)
				cancel()
				look(state+": tenon "+strings.Join(line[2:], " "), out.String())
			}
		}
	}
	program(t.Context(), "--config", filepath.Join(dir, "tenon.yaml"), "connect", "hubspot", "--yes").want(t, exitDone, "as HubSpot app")
	program(t.Context(), "--config", filepath.Join(dir, "tenon.yaml"), "validate").want(t, exitDone, "sound")
	each("in order", []string{"--output", "json"})
	serveAWhile(t, filepath.Join(dir, "tenon.yaml"), look)

	write("tenon.yaml", strings.Replace(config, "${JIRA_TOKEN}", jira.DefaultToken, 1))
	each("with a secret in clear")
	write("tenon.yaml", strings.Replace(config, "token: ${JIRA_TOKEN}", "token: {plain: "+jira.DefaultToken+"}\n    tokn: x", 1))
	each("with a secret in clear and a mistake")
	write("tenon.yaml", config)
	d.systems.jiraOf().ExpireToken(jira.DefaultToken)
	write(".env", strings.Replace(env, hubspot.DefaultToken, hubspot.DefaultToken+"-revoked", 1))
	each("with refused tokens")

	for _, folder := range []string{dir, work} {
		err = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || e.Name() == ".env" {
				return err
			}
			text, err := os.ReadFile(path)
			look("the file "+e.Name(), string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// overflow takes what several goroutines write, so that logs and output may
// come together.
type overflow struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *overflow) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *overflow) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// serveAWhile runs the service with every log line until it has looked at both
// systems.
func serveAWhile(t *testing.T, config string, look func(what, text string)) {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out overflow
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"--config", config, "serve", "--ready-file", ready}, strings.NewReader(""), &out, &out)
	}()
	eventually(t, func() error {
		_, err := os.Stat(ready)
		return err
	})
	text, err := os.ReadFile(ready)
	if err != nil {
		t.Fatal(err)
	}
	base := strings.Split(string(text), `"`)[3]
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/api/v1/status", "/history", "/hooks/hubspot"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			t.Error(err)
		}
		look("the page "+path, body.String())
	}
	cancel()
	<-done
	look("tenon serve", out.String())
}
