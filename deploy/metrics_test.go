package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// rules is a file of Prometheus's rules.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert       string
			Expr        string
			For         string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
}

// dashboard is what is checked of Grafana's model.
type dashboard struct {
	Title, UID string
	Panels     []panel
	Templating struct {
		List []struct {
			Name       string
			Definition string
		}
	}
}

type panel struct {
	ID          int
	Title       string
	Type        string
	Description string
	Datasource  struct{ Type, UID string }
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ Expr, LegendFormat, RefID string }
}

func loadRules(t *testing.T) rules {
	t.Helper()
	var r rules
	decode(t, "prometheus/tenon-alerts.yaml", read(t, "prometheus/tenon-alerts.yaml"), &r)
	return r
}

func loadDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/tenon.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	// metricName finds metrics in the source: they are written as whole texts.
	metricName = regexp.MustCompile(`"(tenon_[a-z_]+)"`)
	// metricUsed finds them in PromQL and in documents.
	metricUsed = regexp.MustCompile(`\btenon_[a-z_]+`)
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// exported returns the names of Tenon's metrics, as the source gives them.
// cmd/tenon holds the running service against the same files.
func exported(t *testing.T) []string {
	t.Helper()
	var names []string
	paths, err := filepath.Glob("../server/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, m := range metricName.FindAllStringSubmatch(read(t, path), -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 15 {
		t.Fatalf("only %d metrics were found: %v", len(names), names)
	}
	return names
}

// checkMetrics reports metrics of Tenon in text that are not exported.
func checkMetrics(t *testing.T, names []string, where, text string) {
	t.Helper()
	for _, used := range metricUsed.FindAllString(text, -1) {
		used = strings.TrimRight(used, "_") // tenon_budget_… in prose
		known := slices.ContainsFunc(names, func(n string) bool {
			return n == used || strings.HasPrefix(n, used+"_") && strings.Contains(text, used+"_…")
		})
		if !known && !slices.Contains(names, suffix.ReplaceAllString(used, "")) {
			t.Errorf("%s names the metric %s, which is not exported", where, used)
		}
	}
}

// TestMetricsDocumented checks that each metric is in docs/http.md, and that
// pages name no others.
func TestMetricsDocumented(t *testing.T) {
	names := exported(t)
	reference := read(t, "../docs/http.md")
	for _, name := range names {
		if !strings.Contains(reference, "`"+name) {
			t.Errorf("docs/http.md does not describe the metric %s", name)
		}
	}
	for _, page := range []string{"../docs/http.md", "../docs/operations.md", "../docs/security.md", "../docs/performance.md"} {
		checkMetrics(t, names, page, read(t, page))
	}
}

func TestAlerts(t *testing.T) {
	names, guide, seen := exported(t), read(t, "../docs/operations.md"), map[string]bool{}
	for _, g := range loadRules(t).Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || seen[r.Alert] || r.Expr == "" {
				t.Errorf("alert %q has no name of its own or no expression", r.Alert)
			}
			seen[r.Alert] = true
			checkMetrics(t, names, "alert "+r.Alert, r.Expr)
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("alert %s has severity %q", r.Alert, s)
			}
			for _, key := range []string{"summary", "description", "runbook_url"} {
				if r.Annotations[key] == "" {
					t.Errorf("alert %s has no %s", r.Alert, key)
				}
			}
			_, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "docs/operations.md#")
			if !slices.Contains(anchors(guide), anchor) {
				t.Errorf("alert %s leads to %q, which is no heading of docs/operations.md", r.Alert, anchor)
			}
			if !strings.Contains(guide, "`"+r.Alert+"`") {
				t.Errorf("docs/operations.md does not tell of the alert %s", r.Alert)
			}
		}
	}
	if len(seen) < 8 {
		t.Errorf("only %d alerts", len(seen))
	}
	var tests yaml.MapSlice
	decode(t, "prometheus/tenon-alerts_test.yaml", read(t, "prometheus/tenon-alerts_test.yaml"), &tests)
	for alert := range seen {
		if !strings.Contains(read(t, "prometheus/tenon-alerts_test.yaml"), "alertname: "+alert) {
			t.Errorf("prometheus/tenon-alerts_test.yaml does not test %s", alert)
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9_ -]`)

// anchors returns the fragments of a page's headings.
func anchors(page string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		found = append(found, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return found
}

// TestDashboard checks that panels ask for metrics that there are, by variables
// that there are, and do not lie upon each other.
func TestDashboard(t *testing.T) {
	d, names := loadDashboard(t), exported(t)
	variables := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		checkMetrics(t, names, "variable "+v.Name, v.Definition)
	}
	asked := regexp.MustCompile(`\$(\w+)`)
	ids, cells := map[int]bool{}, map[[2]int]string{}
	shown := ""
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q lies upon %q or outside, at %d, %d", p.Title, other, x, y)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q has no description, nothing to show, or a data source of its own", p.Title)
		}
		for _, target := range p.Targets {
			shown += target.Expr + "\n"
			checkMetrics(t, names, "panel "+p.Title, target.Expr)
			for _, m := range asked.FindAllStringSubmatch(target.Expr, -1) {
				if !slices.Contains(variables, m[1]) {
					t.Errorf("panel %q asks for $%s, which is no variable", p.Title, m[1])
				}
			}
		}
	}
	for _, name := range names {
		if !strings.Contains(shown, name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// TestPromtool lets Prometheus's own tool read every expression and run the
// tests of the alerts, where it is installed.
func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: the alerts are checked by their names only")
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("check", "rules", "prometheus/tenon-alerts.yaml")
	run("test", "rules", "prometheus/tenon-alerts_test.yaml")
	panels := strings.NewReplacer("$__rate_interval", "5m", "$job", "tenon", "$mapping", ".*", "$connection", ".*")
	var list []map[string]string
	for _, p := range loadDashboard(t).Panels {
		for _, target := range p.Targets {
			list = append(list, map[string]string{"record": "panel", "expr": panels.Replace(target.Expr)})
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": list}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "panels.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run("check", "rules", "--lint=none", path)
}
