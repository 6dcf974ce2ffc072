package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// idleConnections is how many connections the idle service keeps, two to a
// mapping.
const idleConnections = 20

// idle measures what the released program costs while nothing happens: its
// processor time with 20 connections that it polls as always, and its size.
func idle(b *bench) error {
	if b.tenon == "" {
		fmt.Println("P10  not measured: name the binary with -tenon, or use bench/run")
		return nil
	}
	info, err := os.Stat(b.tenon)
	if err != nil {
		return err
	}
	dir, err := b.folder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var systems sandboxReady
	sandbox, err := b.program(dir, &systems, "sandbox", "--ready-file", filepath.Join(dir, "sandbox.json"))
	if err != nil {
		return err
	}
	defer sandbox.end()
	if err := writeIdleConfig(dir, systems); err != nil {
		return err
	}
	var at struct{ URL string }
	service, err := b.program(dir, &at, "serve", "--config", filepath.Join(dir, "tenon.yaml"), "--ready-file", filepath.Join(dir, "serve.json"))
	if err != nil {
		return err
	}
	defer service.end()
	if err := answers(at.URL + "/readyz"); err != nil {
		return err
	}
	time.Sleep(10 * time.Second) // the first look at all lists is work
	before, err := cpu(service.cmd.Process.Pid)
	if err != nil {
		return err
	}
	length := max(6*b.length, 35*time.Second) // polls come every 30 s or more often
	time.Sleep(length)
	after, err := cpu(service.cmd.Process.Pid)
	if err != nil {
		return err
	}
	share := 100 * (after - before).Seconds() / length.Seconds()
	size := float64(info.Size()) / 1e6
	b.row("P10", fmt.Sprintf("processor time with %d connections and nothing to do", idleConnections), fmt.Sprintf("%.2f %%", share), "≤ 0.5 %", share <= .5)
	b.row("P10", "size of the stripped binary", fmt.Sprintf("%.1f MB", size), "≤ 40 MB", size <= 40)
	return nil
}

// sandboxReady is what `tenon sandbox` tells.
type sandboxReady struct {
	HubSpot struct{ URL, Token, ClientSecret string }
	Jira    struct{ URL, Email, Token, WebhookSecret string }
}

// writeIdleConfig writes a configuration of ten pairs of connections with a
// mapping each.
func writeIdleConfig(dir string, systems sandboxReady) error {
	var b strings.Builder
	b.WriteString("connections:\n")
	if err := os.Mkdir(filepath.Join(dir, "mappings"), 0o700); err != nil {
		return err
	}
	for i := range idleConnections / 2 {
		h, j := systems.HubSpot, systems.Jira
		fmt.Fprintf(&b, "  crm%d: {kind: hubspot, base_url: %q, token: %q, client_secret: %q}\n", i, h.URL, h.Token, h.ClientSecret)
		fmt.Fprintf(&b, "  pm%d: {kind: jira, base_url: %q, email: %q, token: %q, webhook_secret: %q}\n", i, j.URL, j.Email, j.Token, j.WebhookSecret)
		text := fmt.Sprintf(`mapping: pair%d
between:
  deal: {connection: crm%d, object: deals}
  epic: {connection: pm%d, object: issue, scope: {project: DELIV, issuetype: Epic}}
match:
  - {deal: dealname, epic: summary}
fields:
  - {deal: dealname, epic: summary}
`, i, i, i)
		if err := os.WriteFile(filepath.Join(dir, "mappings", fmt.Sprintf("pair%d.yaml", i)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	b.WriteString("server: {listen: \"127.0.0.1:0\"}\nmappings: mappings/\n")
	return os.WriteFile(filepath.Join(dir, "tenon.yaml"), []byte(b.String()), 0o600)
}

// program is the released binary at work.
type program struct{ cmd *exec.Cmd }

// program starts the released binary and waits for the ready file that its last
// argument names.
func (b *bench) program(dir string, ready any, args ...string) (*program, error) {
	cmd := exec.Command(b.tenon, args...)
	cmd.Dir = dir
	if b.verbose {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &program{cmd}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(args[len(args)-1])
		switch {
		case err == nil:
			return p, json.Unmarshal(text, ready)
		case !errors.Is(err, fs.ErrNotExist) || time.Now().After(deadline):
			p.end()
			return nil, fmt.Errorf("tenon %s did not get ready: %w", args[0], err)
		}
	}
}

func (p *program) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = p.cmd.Wait()
}

// answers waits until a URL is answered 2xx.
func answers(url string) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(url)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode/100 == 2 {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not answered", url)
		}
	}
}
