package examples_test

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/mapping"
)

var variable = regexp.MustCompile(`\$\{([A-Z_]+)\}`)

// TestSetups writes each template in each way and reads it back with the real
// parsers. Every variable that tenon.yaml names stands in .env.example.
func TestSetups(t *testing.T) {
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range examples.Templates() {
		for name, setup := range map[string]examples.Setup{
			"as it stands": {},
			"by consent":   {OAuth: true},
			"of a project": {Addresses: map[string]string{"jira": "https://acme.atlassian.net"}, Place: "WEB"},
			"all":          {Addresses: map[string]string{"jira": "https://acme.atlassian.net"}, Place: "WEB", OAuth: true},
		} {
			t.Run(template.Name+" "+name, func(t *testing.T) {
				setup.Template = template
				files, err := setup.Files()
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				if _, _, err := examples.WriteFiles(files, dir); err != nil {
					t.Fatal(err)
				}
				texts := map[string]string{}
				for _, f := range files {
					texts[f.Path] = string(f.Text)
				}
				var missing []string
				for _, m := range variable.FindAllStringSubmatch(texts["tenon.yaml"], -1) {
					if !regexp.MustCompile(`(?m)^` + m[1] + `=`).MatchString(texts[".env.example"]) {
						missing = append(missing, m[1])
					}
				}
				if len(missing) > 0 {
					t.Errorf(".env.example lacks %v", missing)
				}
				cfg, problems := config.Load(filepath.Join(dir, "tenon.yaml"), registry, config.Options{Lookup: func(name string) (string, bool) {
					return "https://acme.atlassian.net", !strings.HasPrefix(name, "TENON_")
				}})
				if len(problems) > 0 {
					t.Fatalf("tenon.yaml:\n%s", problems)
				}
				var kinds []string
				for _, conn := range cfg.Connections {
					kinds = append(kinds, conn.Connector.Info().Kind)
				}
				if want := slices.Sorted(slices.Values([]string{template.CRM, template.Tool})); !slices.Equal(slices.Sorted(slices.Values(kinds)), want) {
					t.Errorf("the connections are of the kinds %v, want %v", kinds, want)
				}
				readMappings(t, files, template.Place, setup.Place)
			})
		}
	}
}

func readMappings(t *testing.T, files []examples.File, place examples.Place, want string) {
	t.Helper()
	found := false
	for _, f := range files {
		if path.Dir(f.Path) != "mappings" || strings.HasSuffix(f.Path, "_test.yaml") {
			continue
		}
		found = true
		file, problems := mapping.Parse(f.Path, f.Text)
		if len(problems) > 0 {
			t.Errorf("%s:\n%s", f.Path, problems)
			continue
		}
		if got, want := file.Sides[mapping.Right].Scope[place.Key], cmp.Or(want, place.Value); got != want {
			t.Errorf("%s: %s %q, want %q", f.Path, place.Key, got, want)
		}
	}
	if !found {
		t.Error("there is no mapping")
	}
}

func TestWriteFilesKeepsAndCleansUp(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	written, kept, err := examples.WriteFiles([]examples.File{{Path: "a", Text: []byte("x")}, {Path: "b/c", Text: []byte("y")}}, dir)
	if err != nil || !slices.Equal(written, []string{filepath.Join(dir, "b", "c")}) || !slices.Equal(kept, []string{filepath.Join(dir, "a")}) {
		t.Errorf("written %v, kept %v, %v", written, kept, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a")); string(text) != "mine" || err != nil {
		t.Errorf("a was overwritten: %q, %v", text, err)
	}
	// "a" is a file, so nothing can be written below it, and "d" goes again.
	if written, _, err := examples.WriteFiles([]examples.File{{Path: "d"}, {Path: "a/e"}}, dir); err == nil || len(written) > 0 {
		t.Errorf("written %v, %v", written, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "d")); err == nil {
		t.Error("a file is left behind")
	}
}
