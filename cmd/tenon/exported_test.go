package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// family is one metric as the service exports it, with its labels.
type family struct {
	help   bool
	labels []string
}

var (
	helpLine   = regexp.MustCompile(`(?m)^# HELP (\w+) \S`)
	sampleLine = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`)
	labelSet   = regexp.MustCompile(`(\w+)="`)
	// selection finds metrics in PromQL and what is asked of their labels.
	selection  = regexp.MustCompile(`\b((?:tenon|go|process)_\w+)(?:\{([^}]*)\})?`)
	labelAsked = regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`)
)

// exports reads what /metrics answers.
func exports(t *testing.T, address string) map[string]family {
	t.Helper()
	resp, err := http.Get(address + "/metrics") //nolint:noctx // a test of this machine
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %s, %v", resp.Status, err)
	}
	found := map[string]family{}
	for _, m := range helpLine.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = family{help: true}
	}
	for _, m := range sampleLine.FindAllStringSubmatch(string(text), -1) {
		f := found[m[1]]
		for _, l := range labelSet.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(f.labels, l[1]) {
				f.labels = append(f.labels, l[1])
			}
		}
		found[m[1]] = f
	}
	return found
}

// onlyLater are metrics that are not exported before something happens that
// does not happen here.
var onlyLater = map[string][]string{
	"tenon_budget_refused_total": {"connection", "priority"}, // a call is put off for want of an allowance
	"tenon_jobs_total":           {"kind", "state"},          // a job ends
}

// TestExported holds the dashboard and the alerts against what a running
// service exports.
func TestExported(t *testing.T) {
	t.Parallel()
	d := newTestDemoOf(t, "salesforce-jira", 1, "") // one that streams, and one with webhooks
	if err := d.start(interrupted(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	for _, hook := range []string{"/hooks/jira"} {
		resp, err := http.Post(d.url()+hook, "application/json", strings.NewReader("[]")) //nolint:noctx // a test of this machine
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	var have map[string]family
	eventually(t, func() error {
		have = exports(t, d.url())
		for name, labels := range onlyLater {
			have[name] = family{help: true, labels: labels}
		}
		for _, name := range []string{"tenon_links", "tenon_webhook_secrets_total", "tenon_call_seconds_bucket", "tenon_budget_used", "tenon_last_webhook_seconds", "tenon_last_poll_seconds", "tenon_stream_up", "tenon_last_stream_seconds"} {
			if len(have[name].labels) == 0 {
				return fmt.Errorf("%s is not exported yet", name)
			}
		}
		return nil
	})
	seen := 0
	for _, path := range []string{"prometheus/tenon-alerts.yaml", "grafana/tenon.json"} {
		text, err := os.ReadFile(filepath.Join("../../deploy", path))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte(`\"`), []byte(`"`)) // the dashboard's JSON
		for _, m := range selection.FindAllSubmatch(text, -1) {
			name := string(m[1])
			f, ok := have[name]
			if !ok && len(have[name+"_bucket"].labels) == 0 {
				t.Errorf("%s: the service exports no metric %s", path, name)
				continue
			}
			seen++
			for _, l := range labelAsked.FindAllSubmatch(m[2], -1) {
				label := string(l[1])
				if label != "job" && label != "instance" && !slices.Contains(f.labels, label) {
					t.Errorf("%s: %s has no label %s, it has %v", path, name, label, f.labels)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d metrics were found in deploy/; are they written in another form now?", seen)
	}
	for name, f := range have {
		if strings.HasPrefix(name, "tenon_") && !f.help && len(f.labels) == 0 {
			t.Errorf("%s has no help text", name)
		}
	}
}
