package asana_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/kit"
)

func TestProjects(t *testing.T) {
	w := seeded(t)
	schema, err := w.conn.Schema(t.Context(), "project", connectors.Scope{"team": "Delivery"})
	if err != nil {
		t.Fatal(err)
	}
	tpl, ok := schema.Field("template").Option(sandbox.DefaultTemplate)
	if !ok {
		t.Fatalf("the schema offers no template %q", sandbox.DefaultTemplate)
	}
	team := connectors.Scope{"team": "Delivery"}
	r := w.conn.Create(t.Context(), []connectors.Create{
		{Object: "project", Scope: team, Key: "tenon-p1", Fields: map[string]connectors.Value{
			"name": connectors.Text("Alpenglow rollout"), "template": connectors.Choice(tpl), "start_on": connectors.Date(2026, 4, 6), "notes": connectors.RichText("For **Alpenglow**"),
		}},
		{Object: "project", Scope: team, Key: "tenon-p2", Fields: map[string]connectors.Value{"name": connectors.Text("Empty one"), "owner": connectors.PersonValue(connectors.Person{Email: jonas})}},
	})
	one, two := made(t, r[0]), made(t, r[1])
	for _, p := range w.sys.Projects() {
		if p.GID == one && (p.Name != "Alpenglow rollout" || len(p.Sections) != 3 || p.StartOn != "2026-04-06" || !strings.Contains(p.Notes, "<strong>Alpenglow</strong>")) {
			t.Errorf("the project of a template is %+v", p)
		}
		if p.GID == two && p.Owner != jonas {
			t.Errorf("the empty project is %+v", p)
		}
	}
	if tasks := w.sys.Tasks("Alpenglow rollout"); len(tasks) != 6 || tasks[0].DueOn != "2026-04-06" {
		t.Errorf("%d tasks came of the template", len(tasks))
	}
	found, err := w.conn.FindByKey(t.Context(), "project", team, []string{"tenon-p2", "none", "tenon-p1"})
	if err != nil || !slices.Equal(found[0], []string{two}) || found[1] != nil || !slices.Equal(found[2], []string{one}) {
		t.Errorf("FindByKey: %v, %v", found, err)
	}
	if v, _ := r[0].Record.Get("notes"); v.Text() != "For **Alpenglow**" {
		t.Errorf("the description reads %q: the marker shows", v)
	}
	sel := connectors.Selection{Object: "project", Scope: team, Fields: []string{"name"}}
	page, err := w.conn.Changes(t.Context(), sel, "")
	if err != nil || !slices.ContainsFunc(page.Changes, func(c connectors.Change) bool { return c.ID == one }) {
		t.Errorf("Changes: %+v, %v", page.Changes, err)
	}
	if errs := connectors.AbilitiesOf(w.conn).Deleter.Delete(t.Context(), "project", []string{two}); errs[0] != nil {
		t.Errorf("Delete: %v", errs[0])
	}
}

// TestTemplateSurvivesACrash cuts the answer of the last call: the project is
// found by the key in its name, and made whole.
func TestTemplateSurvivesACrash(t *testing.T) {
	w := seeded(t)
	schema, err := w.conn.Schema(t.Context(), "project", nil)
	if err != nil {
		t.Fatal(err)
	}
	tpl, _ := schema.Field("template").Option(sandbox.DefaultTemplate)
	if _, err := w.sys.Faults().Add(kit.Rule{Kind: kit.ResetBefore, Method: "PUT", Path: "/api/1.0/projects/*", Times: 1}); err != nil {
		t.Fatal(err)
	}
	fields := map[string]connectors.Value{"name": connectors.Text("Cut short"), "template": connectors.Choice(tpl)}
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "project", Key: "tenon-cut", Fields: fields}})[0]
	if r.Err == nil || !connectors.IsUnsure(r.Err) {
		t.Fatalf("Create whose end was cut: %v, want an unsure error", r.Err)
	}
	for range 2 {
		found, err := w.conn.FindByKey(t.Context(), "project", nil, []string{"tenon-cut"})
		if err != nil || len(found[0]) != 1 {
			t.Fatalf("FindByKey: %v, %v", found, err)
		}
	}
	n := 0
	for _, p := range w.sys.Projects() {
		if strings.Contains(p.Name, "Cut short") {
			n++
			if p.Name != "Cut short" || !strings.Contains(p.Notes, "tenon-cut") {
				t.Errorf("the project is %+v; want its name alone, and the marker", p)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d projects, want one", n)
	}
}

// TestTemplateWithoutItsDescriptionIsUnsure refuses the look at the project that
// the job has made: it is there, so nothing may be made again.
func TestTemplateWithoutItsDescriptionIsUnsure(t *testing.T) {
	w := seeded(t)
	schema, err := w.conn.Schema(t.Context(), "project", nil)
	if err != nil {
		t.Fatal(err)
	}
	tpl, _ := schema.Field("template").Option(sandbox.DefaultTemplate)
	if _, err := w.sys.Faults().Add(kit.Rule{Kind: kit.ServerError, Status: 403, Method: "GET", Path: "/api/1.0/projects/*"}); err != nil {
		t.Fatal(err)
	}
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "project", Key: "tenon-unseen", Fields: map[string]connectors.Value{
		"name": connectors.Text("Unseen"), "template": connectors.Choice(tpl),
	}}})[0]
	if !connectors.IsUnsure(r.Err) {
		t.Fatalf("got %+v, want an unsure error", r)
	}
	w.sys.Faults().Clear()
	found, err := w.conn.FindByKey(t.Context(), "project", nil, []string{"tenon-unseen"})
	if err != nil || len(found[0]) != 1 {
		t.Errorf("FindByKey: %v, %v; want the project", found, err)
	}
}

func TestTemplateOfAnotherFormIsRefused(t *testing.T) {
	w := seeded(t)
	before := w.calls.Load()
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "project", Fields: map[string]connectors.Value{
		"name": connectors.Text("Odd"), "template": connectors.Choice(connectors.Option{ID: "1/../../webhooks"}),
	}}})[0]
	if connectors.KindOf(r.Err) != connectors.Invalid || r.Err == nil {
		t.Errorf("got %+v after %d calls, want an invalid field", r, w.calls.Load()-before)
	}
}
