package schemas_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/mapping/schemas"
)

// TestSave keeps schemas through a file: each scope its own, the same each time.
func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "schemas")
	f := schemas.Folder(dir)
	sample := memory.Sample().Schema
	other := connectors.Schema{Object: "record", Label: "Task", Fields: []connectors.Field{{Name: "x", Label: "X", Type: connectors.TypeMoney, Scale: 0}}}
	epic, task := connectors.Scope{"issuetype": "Epic"}, connectors.Scope{"issuetype": "Task"}
	save := func(scope connectors.Scope, s *connectors.Schema, want bool) {
		t.Helper()
		if changed, err := f.Save("jira-eu", "record", scope, s); err != nil || changed != want {
			t.Errorf("got changed %v, %v, want %v", changed, err, want)
		}
	}
	if s, err := f.Load("jira-eu", "record", epic); s != nil || err != nil {
		t.Errorf("got %v, %v of a folder that is not there", s, err)
	}
	save(task, &other, true)
	save(epic, &sample, true)
	save(epic, &sample, false)
	for name, c := range map[string]struct {
		scope connectors.Scope
		want  *connectors.Schema
	}{
		"epic": {epic, &sample}, "task": {task, &other}, "another scope": {connectors.Scope{"issuetype": "Bug"}, nil}, "none": {nil, nil},
	} {
		got, err := f.Load("jira-eu", "record", c.scope)
		if err != nil {
			t.Fatal(err)
		}
		byName := cmp.Transformer("byName", func(fields []connectors.Field) map[string]connectors.Field {
			m := map[string]connectors.Field{}
			for _, field := range fields {
				m[field.Name] = field
			}
			return m
		})
		if d := cmp.Diff(c.want, got, byName); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	save(nil, &other, true)
	if got, err := f.Load("jira-eu", "record", connectors.Scope{"issuetype": "Bug"}); err != nil || got == nil || got.Label != "Task" {
		t.Errorf("got %v, %v, want what is saved for no scope", got, err)
	}
}

// TestLoadBroken names the file that cannot be used.
func TestLoadBroken(t *testing.T) {
	f := schemas.Folder(t.TempDir())
	for name, text := range map[string]string{
		"cut":         `{"connection": "a"`,
		"unknown key": `{"connection": "a", "object": "b", "scopes": [], "more": 1}`,
		"a type":      `{"connection": "a", "object": "b", "scopes": [{"scope": {}, "label": "B", "fields": [{"name": "x", "label": "X", "type": "colour"}]}]}`,
	} {
		if err := os.WriteFile(f.Path("a", "b"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := f.Load("a", "b", nil); err == nil {
			t.Errorf("%s: got %v, want an error", name, s)
		}
	}
}

// TestPath keeps names of objects out of other folders.
func TestPath(t *testing.T) {
	got := schemas.Folder("s").Path("jira", "../../issue: x")
	if strings.Count(got, string(filepath.Separator)) != 1 || got != filepath.Join("s", "jira.______issue__x.json") {
		t.Errorf("got %s", got)
	}
}

// FuzzLoad reads any text as a saved schema.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"connection": "jira", "object": "issue", "scopes": [{"scope": {"project": "DELIV"}, "label": "Epic", "fields": [{"name": "a", "label": "A", "type": "number", "scale": 2, "writable": true}]}, {"scope": {}, "label": "Issue", "fields": []}]}`))
	f.Add([]byte(`{"connection": "a", "object": "b", "scopes": [{"scope": null, "label": "B", "fields": [{"name": "x", "label": "X", "type": "options", "options": [{"id": "1"}]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		folder := schemas.Folder(t.TempDir())
		if err := os.WriteFile(folder.Path("a", "b"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := folder.Load("a", "b", nil)
		if err != nil || s == nil {
			return
		}
		if _, err := folder.Save("a", "b", nil, s); err != nil {
			t.Fatal(err)
		}
		again, err := folder.Load("a", "b", nil)
		if err != nil || len(again.Fields) != len(s.Fields) {
			t.Errorf("saved again it is %v, %v", again, err)
		}
		if changed, err := folder.Save("a", "b", nil, again); changed || err != nil {
			t.Errorf("the same schema changes the file: %v", err)
		}
	})
}
