package asana_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/kit"
)

func seeded(t *testing.T) *world { return newWorld(t, sandbox.Options{NoSeed: true}, false, nil) }

func create(t *testing.T, w *world, object, parent, key string, fields map[string]connectors.Value) connectors.WriteResult {
	t.Helper()
	return w.conn.Create(t.Context(), []connectors.Create{{Object: object, Scope: delivery, Parent: parent, Key: key, Fields: fields}})[0]
}

func update(t *testing.T, w *world, id string, fields map[string]connectors.Value) connectors.WriteResult {
	t.Helper()
	return w.conn.Update(t.Context(), []connectors.Update{{Object: "task", Scope: delivery, ID: id, Fields: fields}})[0]
}

func made(t *testing.T, r connectors.WriteResult) string {
	t.Helper()
	if r.Err != nil || r.ID == "" {
		t.Fatalf("write: id %q, %v", r.ID, r.Err)
	}
	return r.ID
}

func TestStartDateTakesTheDueDateAlong(t *testing.T) {
	w := seeded(t)
	start := map[string]connectors.Value{"start_on": connectors.Date(2026, 5, 1)}
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A"), "due_on": connectors.Date(2026, 5, 20)}))
	if r := update(t, w, id, start); r.Err != nil || len(r.Refused) > 0 {
		t.Errorf("start date of a task with a due date: %v, refused %v", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.StartOn != "2026-05-01" || task.DueOn != "2026-05-20" {
		t.Errorf("dates %s to %s, want 2026-05-01 to 2026-05-20", task.StartOn, task.DueOn)
	}
	other := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("B")}))
	start["name"] = connectors.Text("B renamed")
	r := update(t, w, other, start)
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != "start_on" {
		t.Errorf("start date without a due date: %v, refused %v; want start_on refused", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(other); task.Name != "B renamed" {
		t.Errorf("name %q: the other field did not go through", task.Name)
	}
}

func TestDueTimeAndDueDateExcludeEachOther(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"due_at": connectors.Instant(time.Date(2026, 5, 20, 22, 30, 0, 0, time.UTC))}))
	sel := connectors.Selection{Object: "task", Scope: delivery, Fields: []string{"due_on", "due_at"}}
	read := func() (on, at connectors.Value) {
		got, err := w.conn.Read(t.Context(), sel, []string{id})
		if err != nil || got[0].Err != nil {
			t.Fatalf("Read: %v, %v", err, got)
		}
		on, _ = got[0].Record.Get("due_on")
		at, _ = got[0].Record.Get("due_at")
		return on, at
	}
	if on, at := read(); on.String() != "2026-05-21" || at.IsNull() { // in the workspace's zone
		t.Errorf("due time: due_on %q, due_at %q", on, at)
	}
	made(t, update(t, w, id, map[string]connectors.Value{"due_on": connectors.Date(2026, 6, 1)}))
	if on, at := read(); on.String() != "2026-06-01" || !at.IsNull() {
		t.Errorf("due date: due_on %q, due_at %q; want no time", on, at)
	}
}

func TestLockedFieldIsSetAside(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	if err := w.sys.LockField("Budget", true); err != nil {
		t.Fatal(err)
	}
	budget := w.sys.FieldGID("Budget")
	r := update(t, w, id, map[string]connectors.Value{budget: number("5"), "name": connectors.Text("Renamed")})
	refused := r.Refused
	if e, ok := r.Err.(*connectors.Error); ok { //nolint:errorlint // the connection's own error
		refused = e.Fields
	}
	if len(refused) != 1 || refused[0].Field != budget {
		t.Errorf("locked field: %v, refused %v; want %s by name", r.Err, r.Refused, budget)
	}
}

func TestTextBeyondTheLimitIsRefused(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	deal := w.sys.FieldGID("CRM deal")
	r := update(t, w, id, map[string]connectors.Value{deal: connectors.Text(strings.Repeat("x", 1025)), "name": connectors.Text("B")})
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != deal || !strings.Contains(r.Refused[0].Reason, "1024") {
		t.Errorf("long text: %v, refused %v", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.Name != "B" || task.Fields["CRM deal"] != nil {
		t.Errorf("the task became %+v", task)
	}
}

func TestUnknownPersonClearsNothing(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A"), "assignee": connectors.PersonValue(connectors.Person{Email: ada})}))
	r := update(t, w, id, map[string]connectors.Value{"assignee": connectors.PersonValue(connectors.Person{Email: "nobody@nowhere.example"})})
	if r.Err != nil || len(r.Refused) != 1 {
		t.Errorf("unknown person: %v, refused %v", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.Assignee != ada {
		t.Errorf("assignee %q, want the one before", task.Assignee)
	}
}

func TestSubtasks(t *testing.T) {
	w := seeded(t)
	parent := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Parent")}))
	sub := made(t, create(t, w, "subtask", parent, "tenon-sub", map[string]connectors.Value{"name": connectors.Text("Sub"), "notes": connectors.RichText("Words")}))
	deep := made(t, create(t, w, "subtask", sub, "", map[string]connectors.Value{"name": connectors.Text("Deep")}))
	foreign, err := w.sys.As(ada).Create("Website relaunch", "", map[string]any{"name": "Foreign"})
	if err != nil {
		t.Fatal(err)
	}
	stray, err := w.sys.As(ada).CreateSubtask(foreign, map[string]any{"name": "Stray"})
	if err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "subtask", Scope: delivery, Fields: []string{"name", "notes"}}
	got, err := w.conn.Read(t.Context(), sel, []string{sub, deep, stray, parent})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false, false} {
		if got[i].Err != nil || got[i].Record.InScope != want {
			t.Errorf("record %d: %v, in scope %v, want %v", i, got[i].Err, got[i].Record != nil && got[i].Record.InScope, want)
		}
	}
	// The key stays below the description whatever is written above it.
	res := w.conn.Update(t.Context(), []connectors.Update{{Object: "subtask", Scope: delivery, ID: sub, Fields: map[string]connectors.Value{"notes": connectors.RichText("Other words")}}})[0]
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	if v, _ := res.Record.Get("notes"); v.Text() != "Other words" {
		t.Errorf("the description reads %q", v)
	}
	found, err := w.conn.FindByKey(t.Context(), "subtask", delivery, []string{"tenon-sub"})
	if err != nil || !slices.Equal(found[0], []string{sub}) {
		t.Errorf("FindByKey: %v, %v; want %s", found, err, sub)
	}
	page, err := w.conn.Changes(t.Context(), sel, "")
	var ids []string
	for _, ch := range page.Changes {
		ids = append(ids, ch.ID)
	}
	if err != nil || !slices.Contains(ids, sub) || !slices.Contains(ids, deep) || slices.Contains(ids, stray) {
		t.Errorf("Changes: %v, %v; want %s and %s", ids, err, sub, deep)
	}
	w.Settle(nil)
	if err := w.sys.As(ada).Edit(deep, map[string]any{"name": "Deeper"}); err != nil {
		t.Fatal(err)
	}
	w.Settle(nil)
	page, err = w.conn.Changes(t.Context(), sel, page.Next)
	if err != nil || !slices.ContainsFunc(page.Changes, func(c connectors.Change) bool { return c.ID == deep }) {
		t.Errorf("Changes after an edit: %+v, %v; want %s", page.Changes, err, deep)
	}
}

func TestLostSyncTokenMakesAFullPass(t *testing.T) {
	w := seeded(t)
	var ids []string
	for i := range 3 {
		ids = append(ids, made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text(fmt.Sprint(i))})))
	}
	sel := connectors.Selection{Object: "task", Scope: delivery, Fields: []string{"name"}}
	cursor := ""
	for range 3 {
		w.Settle(nil)
		page, err := w.conn.Changes(t.Context(), sel, cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
	}
	w.sys.ExpireSyncTokens()
	page, err := w.conn.Changes(t.Context(), sel, cursor)
	if err != nil || len(page.Changes) != len(ids) {
		t.Errorf("Changes after a gap: %d rows, %v; want all %d tasks", len(page.Changes), err, len(ids))
	}
}

func TestListThatEndsEarlyGoesOnSectionBySection(t *testing.T) {
	for name, spoil := range map[string]func(*sandbox.System){
		"the page's token has run out":    (*sandbox.System).ExpireOffsets,
		"Asana does not page any further": func(s *sandbox.System) { s.CapPages(100) },
	} {
		t.Run(name, func(t *testing.T) {
			w := seeded(t)
			want := map[string]bool{}
			for i := range 130 {
				gid, err := w.sys.As(ada).Create(sandbox.DefaultProject, []string{"To Do", "In Progress", "Done"}[i%3], map[string]any{"name": fmt.Sprint(i)})
				if err != nil {
					t.Fatal(err)
				}
				want[gid] = true
			}
			sel := connectors.Selection{Object: "task", Scope: delivery}
			page, err := w.conn.Changes(t.Context(), sel, "")
			if err != nil || !page.More {
				t.Fatalf("first page: %v, more %v", err, page.More)
			}
			spoil(w.sys)
			for n := 0; page.More && n < 20; n++ {
				if page, err = w.conn.Changes(t.Context(), sel, page.Next); err != nil {
					t.Fatal(err)
				}
				for _, ch := range page.Changes {
					delete(want, ch.ID)
				}
			}
			if len(want) > 0 || page.More {
				t.Errorf("%d tasks are missing, more %v", len(want), page.More)
			}
		})
	}
}

func TestTwoProjectsHaveTwoWebhooks(t *testing.T) {
	w := seeded(t)
	other := connectors.Scope{"project": "Website relaunch"}
	target := connectors.WebhookTarget{URL: w.hooks, Objects: []connectors.Selection{{Object: "task", Scope: delivery}, {Object: "subtask", Scope: delivery}, {Object: "task", Scope: other}}}
	registrar := connectors.AbilitiesOf(w.conn).WebhookRegistrar
	if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	w.watched = true
	if n := len(w.sys.Webhooks()); n != 2 {
		t.Fatalf("%d webhooks, want one for each project", n)
	}
	w.Webhooks(connectortest.T(t))
	here := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Here")}))
	there, err := w.sys.As(ada).Create("Website relaunch", "", map[string]any{"name": "There"})
	if err != nil {
		t.Fatal(err)
	}
	source := connectors.AbilitiesOf(w.conn).WebhookSource
	sent := w.Webhooks(connectortest.T(t))
	seen, addresses := map[string]bool{}, map[string]bool{}
	for _, req := range sent {
		d, err := source.ParseWebhook(req)
		if err != nil {
			t.Fatal(err)
		}
		addresses[req.URL] = true
		for _, h := range d.Hints {
			seen[h.Object+" "+h.ID] = true
		}
	}
	if !seen["task "+here] || !seen["subtask "+here] || !seen["task "+there] || seen["subtask "+there] || len(addresses) != 2 {
		t.Errorf("hints %v at %d addresses", seen, len(addresses))
	}
	crossed := sent[0]
	for address := range addresses {
		if address != sent[0].URL {
			crossed.URL = address
		}
	}
	if _, err := source.ParseWebhook(crossed); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("a delivery at the other webhook's address: %v, want an Auth error", err)
	}
	target.Objects = target.Objects[:1]
	if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if n := len(w.sys.Webhooks()); n != 1 {
		t.Errorf("%d webhooks after a mapping went, want one", n)
	}
}

func TestFindGoesOnFromItsIndex(t *testing.T) {
	w := seeded(t)
	for i := range 120 {
		if _, err := w.sys.As(ada).Create(sandbox.DefaultProject, "", map[string]any{"name": fmt.Sprint("Task ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.Settle(nil)
	sel := connectors.Selection{Object: "task", Scope: delivery}
	find := func(name string) []string {
		t.Helper()
		got, err := connectors.AbilitiesOf(w.conn).Finder.Find(t.Context(), sel, "name", []connectors.Value{connectors.Text(name)}, 5)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	id := find("Task 7")
	if len(id) != 1 {
		t.Fatalf("Find: %v, want one task", id)
	}
	w.Settle(nil)
	if err := w.sys.As(ada).Edit(id[0], map[string]any{"name": "Renamed"}); err != nil {
		t.Fatal(err)
	}
	before := w.calls.Load()
	if old, now := find("Task 7"), find("Renamed"); len(old) != 0 || len(now) != 1 || now[0] != id[0] {
		t.Errorf("after a rename: %v by the old name, %v by the new one", old, now)
	}
	if n := w.calls.Load() - before; n > 5 {
		t.Errorf("two more looks took %d calls", n)
	}
}

func TestDeleteAndMoveComeByEvents(t *testing.T) {
	w := seeded(t)
	gone := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Gone")}))
	moved := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Moved")}))
	sel := connectors.Selection{Object: "task", Scope: delivery}
	cursor := ""
	for range 3 {
		w.Settle(nil)
		page, err := w.conn.Changes(t.Context(), sel, cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
	}
	if err := w.sys.As(ada).Delete(gone); err != nil {
		t.Fatal(err)
	}
	if err := w.sys.As(ada).Edit(moved, map[string]any{"section": "Done"}); err != nil {
		t.Fatal(err)
	}
	w.Settle(nil)
	page, err := w.conn.Changes(t.Context(), sel, cursor)
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]connectors.State{}
	for _, ch := range page.Changes {
		state[ch.ID] = max(state[ch.ID], ch.State)
	}
	if s, ok := state[gone]; !ok || s != connectors.Deleted {
		t.Errorf("the deleted task: listed %v as %v", ok, s)
	}
	if s, ok := state[moved]; !ok || s != connectors.Live {
		t.Errorf("the moved task: listed %v as %v", ok, s)
	}
}

func TestWebhooksAreRenewed(t *testing.T) {
	w := seeded(t)
	w.ensure(t)
	first := w.sys.Webhooks()
	w.ensure(t)
	if again := w.sys.Webhooks(); len(first) != 1 || !slices.Equal(first, again) {
		t.Errorf("webhooks %v, after a repeat %v; want the same one", first, again)
	}
	w.sys.DropWebhooks("")
	w.ensure(t)
	second := w.sys.Webhooks()
	if len(second) != 1 || second[0] == first[0] {
		t.Errorf("webhooks %v after Asana dropped one; want a new one", second)
	}
	w.conn = w.open(t, w.values) // a restart: the secret is in the store
	w.ensure(t)
	if kept := w.sys.Webhooks(); !slices.Equal(kept, second) {
		t.Errorf("webhooks %v after a restart, want %v", kept, second)
	}
	w.vault.m = nil
	w.conn = w.open(t, w.values) // the secret is lost
	w.ensure(t)
	if third := w.sys.Webhooks(); len(third) != 1 || third[0] == second[0] {
		t.Errorf("webhooks %v after the secret was lost; want a new one", third)
	}
	w.clock.Advance(10 * time.Hour) // no heartbeat arrives
	w.ensure(t)
	w.clock.Advance(time.Minute)
	if n := len(w.sys.Webhooks()); n != 1 {
		t.Errorf("%d webhooks, want one", n)
	}
}

func TestUnaskedHandshakeIsRefused(t *testing.T) {
	w := seeded(t)
	w.ensure(t)
	w.watched = true
	source := connectors.AbilitiesOf(w.conn).WebhookSource
	made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	sent := w.Webhooks(connectortest.T(t))
	if len(sent) == 0 {
		t.Fatal("no delivery")
	}
	const planted = "a secret of somebody else"
	for _, address := range []string{sent[0].URL, w.hooks, w.hooks + "?hook=1", "://"} {
		req := connectors.WebhookRequest{Method: "POST", URL: address, Header: http.Header{"X-Hook-Secret": {planted}}, Now: w.clock.Now()}
		if d, err := source.ParseWebhook(req); connectors.KindOf(err) != connectors.Auth || d.Answer != nil {
			t.Errorf("handshake at %s: %+v, %v; want an Auth error", address, d, err)
		}
	}
	forged := sent[0]
	m := hmac.New(sha256.New, []byte(planted))
	_, _ = m.Write(forged.Body)
	forged.Header = http.Header{"X-Hook-Signature": {hex.EncodeToString(m.Sum(nil))}}
	if _, err := source.ParseWebhook(forged); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("a delivery signed with the planted secret: %v, want an Auth error", err)
	}
	if _, err := source.ParseWebhook(sent[0]); err != nil {
		t.Errorf("the true delivery: %v", err)
	}
}

func TestUnreachableAddressIsTold(t *testing.T) {
	w := seeded(t)
	target := connectors.WebhookTarget{URL: w.url + "/nobody/hears", Objects: []connectors.Selection{{Object: "task", Scope: delivery}}}
	_, err := connectors.AbilitiesOf(w.conn).WebhookRegistrar.EnsureWebhook(t.Context(), target)
	e, ok := err.(*connectors.Error) //nolint:errorlint // the connection's own error
	if !ok || e.Kind != connectors.Invalid || !strings.Contains(e.Help, "tenon serve must be running") {
		t.Errorf("EnsureWebhook: %v; want an Invalid error with help", err)
	}
}

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

func TestKeyFieldIsMadeAndAttached(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, false, map[string]string{"key_field": "Sync key"})
	p := connectors.AbilitiesOf(w.conn).Preparer
	need := connectors.Need{Object: "task"}
	if missing, err := p.Missing(t.Context(), need); err != nil || len(missing) != 1 || !strings.Contains(missing[0], "Sync key") {
		t.Errorf("Missing: %v, %v", missing, err)
	}
	if err := p.Prepare(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	id := made(t, create(t, w, "task", "", "tenon-k", map[string]connectors.Value{"name": connectors.Text("A")}))
	if task, _ := w.sys.Task(id); task.Fields["Sync key"] != "tenon-k" {
		t.Errorf("the fields are %v: no key", task.Fields)
	}
	schema, err := w.conn.Schema(t.Context(), "task", delivery)
	if err != nil || schema.Field(w.sys.FieldGID("Sync key")) != nil {
		t.Errorf("the schema shows the key field, or %v", err)
	}
}

func TestFreePlan(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true, Free: true}, false, nil)
	r := create(t, w, "task", "", "tenon-free", map[string]connectors.Value{"name": connectors.Text("A")})
	e, ok := r.Err.(*connectors.Error) //nolint:errorlint // the connection's own error
	if !ok || e.Kind != connectors.Permission || !strings.Contains(e.Help, "create_key: notes") {
		t.Errorf("Create with a key in a field: %v; want a Permission error with help", r.Err)
	}
	gaps, err := connectors.AbilitiesOf(w.conn).RightsChecker.MissingRights(t.Context(), []connectors.Need{{Object: "task", Scope: delivery, Create: true}})
	if err != nil || len(gaps) == 0 {
		t.Errorf("MissingRights: %v, %v; want a gap", gaps, err)
	}
	w = newWorld(t, sandbox.Options{NoSeed: true, Free: true}, false, map[string]string{"create_key": "notes"})
	made(t, create(t, w, "task", "", "tenon-free", map[string]connectors.Value{"name": connectors.Text("A")}))
	found, err := w.conn.FindByKey(t.Context(), "task", delivery, []string{"tenon-free"})
	if err != nil || len(found[0]) != 1 {
		t.Errorf("FindByKey: %v, %v", found, err)
	}
}

func TestHiddenProjectIsAPermissionError(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	if err := w.sys.HideProject(sandbox.DefaultProject, true); err != nil {
		t.Fatal(err)
	}
	got, err := w.conn.Read(t.Context(), connectors.Selection{Object: "task", Scope: delivery}, []string{id})
	if err != nil || connectors.KindOf(got[0].Err) != connectors.Permission {
		t.Errorf("Read: %v, %+v; want a Permission error for the record", err, got)
	}
}

func TestMissingScopes(t *testing.T) {
	w := seeded(t)
	w.values["token"] = w.sys.IssueToken("oauth", sandbox.DefaultUser, []string{"tasks:read", "users:read", "projects:read", "custom_fields:read"})
	conn := w.open(t, w.values)
	_, err := conn.Schema(t.Context(), "task", delivery)
	if connectors.KindOf(err) != connectors.Permission {
		t.Errorf("Schema with a granular token: %v; want a Permission error", err)
	}
}

func TestRefusalWithoutAName(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	if _, err := w.sys.Faults().Add(kit.Rule{Kind: kit.ServerError, Status: 400, Method: "PUT", Path: "/api/1.0/tasks/*", Times: 2}); err != nil {
		t.Fatal(err)
	}
	// The write as a whole, then its first field by itself: the rest goes through.
	r := update(t, w, id, map[string]connectors.Value{"name": connectors.Text("B"), "completed": connectors.Bool(true)})
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != "completed" {
		t.Errorf("Update: %v, refused %v; want completed set aside", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.Name != "B" || task.Completed {
		t.Errorf("the task became %+v", task)
	}
}

func TestConsent(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, true, nil)
	values := map[string]string{"base_url": w.url, "client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "authorize_url": w.url + "/-/oauth_authorize"}
	set, err := connectors.NewSettings(asana.New().Info().Settings, values)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := asana.New().Authorization(connectors.Config{Name: "asana-test", Settings: set}, connectors.Options{Clock: w.clock})
	if err != nil || auth == nil {
		t.Fatalf("Authorization: %v, %v", auth, err)
	}
	required, _ := auth.Scopes(nil)
	ask := connectors.Consent{Redirect: "http://localhost:8485/callback", State: "s", Verifier: strings.Repeat("v", 43), Required: required}
	resp, err := http.Get(auth.ConsentURL(ask))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the consent page answers %d", resp.StatusCode)
	}
	if _, err := auth.Exchange(t.Context(), "no such code", ask); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("Exchange of a wrong code: %v, want an Auth error", err)
	}
	grant, err := auth.Exchange(t.Context(), w.sys.Authorize(ask.Redirect, ada, nil), ask)
	if err != nil || grant.Person != "Ada Okafor" || grant.Settings["refresh_token"] == "" {
		t.Fatalf("Exchange: %+v, %v", grant, err)
	}
	values["refresh_token"] = grant.Settings["refresh_token"]
	conn := w.open(t, values)
	if a, err := conn.Check(t.Context()); err != nil || a.Name != "Ada Okafor" {
		t.Errorf("Check: %+v, %v", a, err)
	}
	w.clock.Advance(2 * time.Hour) // the access token has run out
	if _, err := conn.Check(t.Context()); err != nil {
		t.Errorf("Check after the token ran out: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for want, values := range map[string]map[string]string{
		`"token" is missing`:               {},
		`"client_secret" is missing`:       {"client_id": "1"},
		`exclude each other`:               {"token": "t", "client_id": "1"},
		`only OAuth apps`:                  {"token": "t", "create_key": "external"},
		`"base_url" is no address`:         {"token": "t", "base_url": "asana"},
		`"requests_per_minute": "0" is no`: {"token": "t", "requests_per_minute": "0"},
	} {
		set, err := connectors.NewSettings(asana.New().Info().Settings, values)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := asana.New().Open(connectors.Config{Name: "a", Settings: set}, connectors.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open with %v: %v, want %q", values, err, want)
		}
	}
}
