package asana_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/asana/asanatest"
)

// TestContract holds what the connection sends, and what the sandbox answers,
// against Asana's document.
func TestContract(t *testing.T) {
	for _, oauth := range []bool{false, true} {
		spec := asanatest.Load(t, "../..")
		w := newWorld(t, sandbox.Options{NoSeed: true}, oauth, nil)
		set, err := connectors.NewSettings(asana.New().Info().Settings, w.values)
		if err != nil {
			t.Fatal(err)
		}
		w.conn, err = asana.New().Open(connectors.Config{Name: "asana-test", Settings: set}, connectors.Options{
			Clock: w.clock, Tokens: w.vault, Transport: spec.Transport(http.DefaultTransport),
		})
		if err != nil {
			t.Fatal(err)
		}
		walk(t, w, harness(oauth, nil))
		_ = w.conn.Close()
		exchanges, operations := spec.Checked()
		t.Logf("%d exchanges of %d operations checked", exchanges, operations)
		if operations < 25 {
			t.Errorf("only %d operations were called", operations)
		}
	}
}

// walk calls everything that a connection can do.
func walk(t *testing.T, w *world, h connectortest.Harness) {
	t.Helper()
	ctx, can := t.Context(), connectors.AbilitiesOf(w.conn)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	_, err := w.conn.Check(ctx)
	ok(err)
	for _, object := range []string{"task", "subtask"} {
		_, err = w.conn.Schema(ctx, object, delivery)
		ok(err)
	}
	schema, err := w.conn.Schema(ctx, "project", nil)
	ok(err)
	ok(can.Preparer.Prepare(ctx, connectors.Need{Object: "task", Scope: delivery}))
	fields := []map[string]connectors.Value{{}, {}}
	var names []string
	for _, s := range h.Samples {
		fields[0][s.Field], fields[1][s.Field] = s.One, s.Two
		names = append(names, s.Field)
	}
	names = append(names, "completed_at", "created_by", "completed_by", "projects", "followers", "parent", "num_subtasks", "resource_subtype", "approval_status", "permalink_url", "start_on")
	creates := []connectors.Create{{Object: "task", Scope: delivery, Key: "tenon-1", Fields: fields[0]}, {Object: "task", Scope: delivery, Key: "tenon-2", Fields: fields[1]}}
	r := w.conn.Create(ctx, creates)
	one, two := made(t, r[0]), made(t, r[1])
	sub := made(t, w.conn.Create(ctx, []connectors.Create{{Object: "subtask", Scope: delivery, Parent: one, Key: "tenon-3", Fields: map[string]connectors.Value{"name": connectors.Text("Sub")}}})[0])
	_, err = w.conn.FindByKey(ctx, "task", delivery, []string{"tenon-1", "tenon-x"})
	ok(err)
	_, err = w.conn.FindByKey(ctx, "subtask", delivery, []string{"tenon-3"})
	ok(err)
	for _, u := range w.conn.Update(ctx, []connectors.Update{
		{Object: "task", Scope: delivery, ID: one, Fields: fields[1]},
		{Object: "task", Scope: delivery, ID: two, Fields: fields[0]},
		{Object: "subtask", Scope: delivery, ID: sub, Fields: map[string]connectors.Value{"notes": connectors.RichText("Words"), "parent": connectors.Reference("task", two, "")}},
	}) {
		ok(u.Err)
	}
	sel := connectors.Selection{Object: "task", Scope: delivery, Fields: names}
	_, err = w.conn.Read(ctx, sel, []string{one, two, "1"})
	ok(err)
	_, err = w.conn.Read(ctx, connectors.Selection{Object: "subtask", Scope: delivery, Fields: []string{"name"}}, []string{sub})
	ok(err)
	for _, object := range []string{"task", "subtask"} {
		sel.Object = object
		page, err := w.conn.Changes(ctx, sel, "")
		ok(err)
		w.Settle(nil)
		_, err = w.conn.Changes(ctx, sel, page.Next)
		ok(err)
	}
	sel.Object = "task"
	_, err = can.Finder.Find(ctx, sel, "name", []connectors.Value{connectors.Text("x")}, 1)
	ok(err)
	_, err = can.PeopleFinder.PeopleByEmail(ctx, []string{ada, jonas, "nobody@nowhere.example"})
	ok(err)
	_, err = can.Commenter.AddComment(ctx, "task", one, connectors.Comment{Key: "tenon-c", Body: "Words"})
	ok(err)
	_, err = can.Commenter.Comments(ctx, "task", one)
	ok(err)
	_, err = can.HistoryReader.History(ctx, "task", []string{one, two}, names, w.clock.Now().Add(-1e12))
	ok(err)
	walkRest(t, w, one, schema, ok)
	for _, err := range can.Deleter.Delete(ctx, "task", []string{one, two}) {
		ok(err)
	}
}

func walkRest(t *testing.T, w *world, one string, schema *connectors.Schema, ok func(error)) {
	t.Helper()
	ctx, can := t.Context(), connectors.AbilitiesOf(w.conn)
	file, err := can.Filer.AddFile(ctx, "task", one, connectors.NewFile{Name: "a.txt", Size: 3, Content: bytes.NewReader([]byte("abc"))})
	ok(err)
	_, err = can.Filer.AddLink(ctx, "task", one, connectors.NewLink{Name: "b", URL: "https://example.com/"})
	ok(err)
	_, err = can.Filer.Files(ctx, "task", one)
	ok(err)
	body, err := can.Filer.OpenFile(ctx, "task", one, file)
	ok(err)
	if err == nil {
		_, err = io.Copy(io.Discard, body)
		ok(err)
		_ = body.Close()
	}
	_, err = can.Locator.Locate(ctx, one)
	ok(err)
	_, err = can.RightsChecker.MissingRights(ctx, []connectors.Need{{Object: "task", Scope: delivery, Create: true}})
	ok(err)
	w.ensure(t)
	w.ensure(t)
	tpl, _ := schema.Field("template").Option(sandbox.DefaultTemplate)
	team, _ := schema.Field("team").Option("Delivery")
	for key, fields := range map[string]map[string]connectors.Value{
		"tenon-p1": {"name": connectors.Text("Of a template"), "template": connectors.Choice(tpl), "start_on": connectors.Date(2026, 4, 1)},
		"tenon-p2": {"name": connectors.Text("Empty"), "team": connectors.Choice(team), "owner": connectors.PersonValue(connectors.Person{Email: ada}), "archived": connectors.Bool(false)},
	} {
		made(t, w.conn.Create(ctx, []connectors.Create{{Object: "project", Key: key, Fields: fields}})[0])
	}
	_, err = w.conn.FindByKey(ctx, "project", nil, []string{"tenon-p1"})
	ok(err)
	_, err = w.conn.Changes(ctx, connectors.Selection{Object: "project", Fields: []string{"name", "notes", "owner", "team", "due_on", "color", "privacy_setting"}}, "")
	ok(err)
}
