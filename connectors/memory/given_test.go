package memory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// TestPut puts records with ids and presentations of their own beside those
// that the system numbers.
func TestPut(t *testing.T) {
	s := memory.NewSystem(memory.Options{Name: "crm"})
	title := map[string]connectors.Value{"title": connectors.Text("Roll-out")}
	put := func(g memory.Given) string {
		t.Helper()
		g.Object = "record"
		id, err := s.Put("u1", g)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	got := []string{
		put(memory.Given{ID: "2", Fields: title, Key: "DELIV-2", URL: "https://x.example/2"}),
		put(memory.Given{Fields: title, Title: "Other"}), put(memory.Given{Fields: title}),
	}
	if d := cmp.Diff([]string{"2", "3", "4"}, got); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
	for id, want := range map[string]memory.Shown{
		"2": {Key: "DELIV-2", Title: "Roll-out", URL: "https://x.example/2"},
		"3": {Key: "REC-3", Title: "Other", URL: "https://crm.example/record/3"},
		"4": {Key: "REC-4", Title: "Roll-out", URL: "https://crm.example/record/4"},
	} {
		if d := cmp.Diff(want, s.Shown(id)); d != "" {
			t.Errorf("record %s (-want +got):\n%s", id, d)
		}
	}
	for name, g := range map[string]memory.Given{
		"id twice":      {ID: "2"},
		"unknown field": {Fields: map[string]connectors.Value{"nothing": connectors.Text("x")}},
		"wrong type":    {Fields: map[string]connectors.Value{"title": connectors.Int(1)}},
		"no option":     {Fields: map[string]connectors.Value{"stage": connectors.Choice(connectors.Option{ID: "9"})}},
	} {
		g.Object = "record"
		if id, err := s.Put("u1", g); err == nil {
			t.Errorf("%s: got record %s, want an error", name, id)
		}
	}
	if err := s.Set("2", "u1", map[string]connectors.Value{"title": connectors.Int(1)}); err == nil {
		t.Error("a text field took a number")
	}
	if err := s.Set("2", "u1", map[string]connectors.Value{"title": connectors.Text("Later")}); err != nil {
		t.Error(err)
	}
	if got := s.Truth("2")["title"].Text(); got != "Later" {
		t.Errorf("got %q, want Later", got)
	}
}
