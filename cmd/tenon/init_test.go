package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/examples"
)

// program carries out a command line in-process, without a person.
func program(ctx context.Context, args ...string) outcome {
	var out, errs bytes.Buffer
	code := run(ctx, args, strings.NewReader(""), &out, &errs)
	return outcome{code, out.String(), errs.String()}
}

// TestTemplatesAgainstTheSystems takes each template from init to a plan.
func TestTemplatesAgainstTheSystems(t *testing.T) {
	for _, template := range examples.Templates() {
		t.Run(template.Name, func(t *testing.T) {
			e, err := startSandbox(sandboxOptions{seed: 1, only: []string{template.CRM, template.Tool}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.close)
			dir := filepath.Join(t.TempDir(), "sync")
			program(t.Context(), "init", dir, "--template", template.Name).want(t, exitDone, "tenon connect "+template.CRM, "tenon connect "+template.Tool)

			example, err := os.ReadFile(filepath.Join(dir, ".env.example"))
			if err != nil {
				t.Fatal(err)
			}
			env := string(example)
			for name, value := range e.variables() {
				env = regexp.MustCompile(`(?m)^`+name+`=.*$`).ReplaceAllLiteralString(env, name+"="+value)
			}
			if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(env), 0o600); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "tenon.yaml")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(e.addressed(string(text), false)), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := []string{"--config", path}
			for _, name := range []string{template.CRM, template.Tool} {
				program(t.Context(), append(cfg, "connect", name, "--yes")...).want(t, exitDone, "rights     all that")
			}
			program(t.Context(), append(cfg, "validate")...).want(t, exitDone, "sound")
			plan := program(t.Context(), append(cfg, "plan")...)
			if plan.code != exitDone && plan.code != exitFound || !strings.Contains(plan.out, "create") {
				t.Errorf("plan: exit code %d\n%s%s", plan.code, plan.out, plan.errors)
			}
		})
	}
}

// TestInitAsks answers the questions as a person does.
func TestInitAsks(t *testing.T) {
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		answers string
		want    map[string]string
	}{
		"all": {"ticket-to-issue\noauth\nhttps://acme.atlassian.net/\nweb\n", map[string]string{
			"tenon.yaml": "base_url: https://acme.atlassian.net\n    client_id", "mappings/ticket-to-issue.yaml": "project: WEB",
		}},
		"by number":    {"17\n3\n\n\n\n", map[string]string{"tenon.yaml": "base_url: ${JIRA_URL}", "mappings/won-deal-to-epic.yaml": "project: DELIV"}},
		"nothing":      {"\n\n\n\n", map[string]string{"tenon.yaml": "token: ${HUBSPOT_TOKEN}", "mappings/deal-to-issue.yaml": "project: DELIV"}},
		"end of input": {"", map[string]string{"tenon.yaml": "token: ${JIRA_TOKEN}", "mappings/deal-to-issue.yaml": "project: DELIV"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := &cli{stdin: strings.NewReader(tc.answers), stdout: io.Discard, stderr: io.Discard, registry: registry, person: true, output: "table"}
			cmd := c.initCommand()
			cmd.SetArgs([]string{dir})
			if err := cmd.Execute(); err != nil {
				t.Fatal(err)
			}
			for file, want := range tc.want {
				text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
				if err != nil || !strings.Contains(string(text), want) {
					t.Errorf("%s: no word of %q (%v):\n%s", file, want, err, text)
				}
			}
		})
	}
}
