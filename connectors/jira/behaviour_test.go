package jira_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

type fields = map[string]connectors.Value

var (
	toDo = connectors.Choice(connectors.Option{ID: "10000", Label: "To Do"})
	done = connectors.Choice(connectors.Option{ID: "10002", Label: "Done"})
)

func summary(s string) fields { return fields{"summary": connectors.Text(s)} }

func with(f fields, name string, v connectors.Value) fields {
	f[name] = v
	return f
}

// make creates one issue through the connection.
func (w *world) make(t *testing.T, scope connectors.Scope, parent string, f fields) connectors.WriteResult {
	t.Helper()
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: scope, Parent: parent, Fields: f}})[0]
	if r.Err != nil {
		t.Fatalf("Create: %v", r.Err)
	}
	return r
}

func (w *world) set(t *testing.T, id string, f fields) connectors.WriteResult {
	t.Helper()
	return w.conn.Update(t.Context(), []connectors.Update{{Object: "issue", Scope: epics, ID: id, Fields: f}})[0]
}

func (w *world) get(t *testing.T, scope connectors.Scope, id string, names ...string) *connectors.Record {
	t.Helper()
	got, err := w.conn.Read(t.Context(), connectors.Selection{Object: "issue", Scope: scope, Fields: names}, []string{id})
	if err != nil || got[0].Err != nil {
		t.Fatalf("Read %s: %v, %+v", id, err, got)
	}
	return got[0].Record
}

func TestStatusMovesThroughTheWorkflow(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			for _, c := range []struct {
				name  string
				empty bool
			}{{"with issues to learn from", false}, {"in a new project", true}} {
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, sandbox.Options{Empty: c.empty, Flavour: flavour, Lag: -1}, nil)
					id := w.Create(connectortest.T(t), summary("Moves"))
					r := w.set(t, id, fields{"status": done, "summary": connectors.Text("Moved")})
					if r.Err != nil || len(r.Refused) > 0 {
						t.Fatalf("Update: %v, refused %v", r.Err, r.Refused)
					}
					i, _ := w.sys.Issue(id)
					if i.Status != "Done" || i.Fields["resolution"] != "Done" || i.Fields["summary"] != "Moved" {
						t.Errorf("status %q, resolution %v, summary %v", i.Status, i.Fields["resolution"], i.Fields["summary"])
					}
					if r := w.set(t, id, fields{"status": done}); r.Err != nil || len(r.Refused) > 0 {
						t.Errorf("again: %v, refused %v", r.Err, r.Refused)
					}
					if r := w.set(t, id, fields{"status": toDo}); r.Err != nil || len(r.Refused) > 0 {
						t.Errorf("back: %v, refused %v", r.Err, r.Refused)
					}
					if i, _ := w.sys.Issue(id); i.Status != "To Do" || i.Fields["resolution"] != nil {
						t.Errorf("back: status %q, resolution %v", i.Status, i.Fields["resolution"])
					}
				})
			}
		})
	}
}

// The workflow was looked at while no issue was in review: the way to Done has
// to be found by going there.
func TestStatusBeyondWhatWasSeen(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true, Lag: -1}, nil)
	first := w.Create(connectortest.T(t), summary("First"))
	w.Edit(connectortest.T(t), first, "status", connectors.Choice(connectors.Option{ID: "3", Label: "In Progress"}))
	// A status that no workflow of the project has makes the connection look.
	unknown := connectors.Choice(connectors.Option{ID: "99", Label: "Nowhere"})
	if r := w.set(t, first, fields{"status": unknown}); r.Err != nil || len(r.Refused) != 1 {
		t.Fatalf("Update: %v, refused %v", r.Err, r.Refused)
	}
	if i, _ := w.sys.Issue(first); i.Status != "In Progress" {
		t.Errorf("status %q: the issue was moved for a status that is not there", i.Status)
	}
	for range 2 {
		id := w.Create(connectortest.T(t), summary("Next"))
		if r := w.set(t, id, fields{"status": done}); r.Err != nil || len(r.Refused) > 0 {
			t.Errorf("Update: %v, refused %v", r.Err, r.Refused)
		}
		if i, _ := w.sys.Issue(id); i.Status != "Done" {
			t.Errorf("status %q, want Done", i.Status)
		}
	}
}

func TestStatusOfAnotherWorkflow(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	ops := connectors.Scope{"project": "OPS", "issuetype": "Task"}
	// Done there has no screen: sending a resolution would be refused.
	r := w.make(t, ops, "", with(summary("Simple"), "status", done))
	if len(r.Refused) > 0 {
		t.Errorf("refused: %v", r.Refused)
	}
	if i, _ := w.sys.Issue(r.ID); i.Status != "Done" {
		t.Errorf("status %q", i.Status)
	}
	// In Review is no status of that workflow.
	review := connectors.Choice(connectors.Option{ID: "10001", Label: "In Review"})
	u := w.conn.Update(t.Context(), []connectors.Update{{Object: "issue", Scope: ops, ID: r.ID, Fields: fields{"status": review, "summary": connectors.Text("Still written")}}})[0]
	if u.Err != nil || len(u.Refused) != 1 || u.Refused[0].Field != "status" || !strings.Contains(u.Refused[0].Reason, "no way is known") {
		t.Errorf("Update: %v, refused %v", u.Err, u.Refused)
	}
	if i, _ := w.sys.Issue(r.ID); i.Fields["summary"] != "Still written" {
		t.Errorf("the other field was not written: %v", i.Fields["summary"])
	}
}

func TestTransitionThatAsksForAField(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, map[string]string{"resolution": "Won't Do"})
	r := w.make(t, epics, "", with(summary("Close"), "status", done))
	if i, _ := w.sys.Issue(r.ID); len(r.Refused) > 0 || i.Fields["resolution"] != "Won't Do" {
		t.Errorf("refused %v, resolution %v", r.Refused, i.Fields["resolution"])
	}
	duplicate := connectors.Choice(connectors.Option{ID: "10002", Label: "Duplicate"})
	r = w.make(t, epics, "", with(with(summary("Close"), "status", done), "resolution", duplicate))
	if i, _ := w.sys.Issue(r.ID); len(r.Refused) > 0 || i.Fields["resolution"] != "Duplicate" {
		t.Errorf("refused %v, resolution %v", r.Refused, i.Fields["resolution"])
	}
}

func TestUnknownPersonClearsNobody(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Empty: true, Flavour: flavour}, nil)
			id := w.Create(connectortest.T(t), fields{"summary": connectors.Text("Who"), "assignee": connectors.PersonValue(connectors.Person{Email: ada})})
			r := w.set(t, id, fields{"summary": connectors.Text("New"), "assignee": connectors.PersonValue(connectors.Person{Email: "nobody@nowhere.example"})})
			if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != "assignee" || !strings.Contains(r.Refused[0].Reason, "nobody@nowhere.example") {
				t.Errorf("Update: %v, refused %v", r.Err, r.Refused)
			}
			if i, _ := w.sys.Issue(id); i.Fields["assignee"] != ada || i.Fields["summary"] != "New" {
				t.Errorf("assignee %v, summary %v", i.Fields["assignee"], i.Fields["summary"])
			}
			if r := w.set(t, id, fields{"assignee": connectors.PersonValue(connectors.Person{Email: "nobody@nowhere.example"})}); connectors.KindOf(r.Err) != connectors.Invalid {
				t.Errorf("Update of nothing else: %v", r.Err)
			}
			if r := w.set(t, id, fields{"assignee": connectors.PersonValue(connectors.Person{Email: jonas})}); r.Err != nil {
				t.Fatal(r.Err)
			}
			if i, _ := w.sys.Issue(id); i.Fields["assignee"] != jonas {
				t.Errorf("assignee %v, want %s", i.Fields["assignee"], jonas)
			}
			made := w.make(t, epics, "", with(w.epicName(summary("Made")), "assignee", connectors.PersonValue(connectors.Person{Email: "nobody@nowhere.example"})))
			if len(made.Refused) != 1 {
				t.Errorf("Create: refused %v", made.Refused)
			}
		})
	}
}

// epicName adds what Data Center wants of every epic.
func (w *world) epicName(f fields) fields {
	if w.dc {
		f["customfield_10011"] = connectors.Text("Epic")
	}
	return f
}

func TestHiddenEmailIsFoundAsAWhole(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	finder := connectors.AbilitiesOf(w.conn).PeopleFinder
	got, err := finder.PeopleByEmail(t.Context(), []string{mei, mei[:8], "Mei", "automation@harbourworks.example"})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].ID == "" || got[0].Email != mei || got[1].ID != "" || got[2].ID != "" || got[3].ID != "" {
		t.Errorf("PeopleByEmail: %+v", got)
	}
	id := w.Create(connectortest.T(t), summary("Hidden"))
	if r := w.set(t, id, fields{"assignee": connectors.PersonValue(connectors.Person{Email: mei})}); r.Err != nil || len(r.Refused) > 0 {
		t.Fatalf("Update: %v %v", r.Err, r.Refused)
	}
	v, _ := w.get(t, epics, id, "assignee").Get("assignee")
	if p := v.Person(); p.ID != got[0].ID || p.Email != mei {
		t.Errorf("Read: %+v; want the e-mail that the look-up proved", p)
	}
}

func TestChildren(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Empty: true, Flavour: flavour}, nil)
			epic := w.make(t, epics, "", w.epicName(summary("Epic"))).ID
			tasks := connectors.Scope{"project": "DELIV", "issuetype": "Task"}
			task := w.make(t, tasks, epic, summary("Task")).ID
			sub := w.make(t, connectors.Scope{"project": "DELIV", "issuetype": "Sub-task"}, task, summary("Sub")).ID
			if r := w.get(t, tasks, task, "parent"); r.Parent != epic || !r.InScope {
				t.Errorf("the task's parent is %q, want %q", r.Parent, epic)
			}
			if r := w.get(t, epics, sub); r.Parent != task || r.InScope {
				t.Errorf("the sub-task's parent is %q, want %q; in scope %v", r.Parent, task, r.InScope)
			}
			errs := connectors.AbilitiesOf(w.conn).Deleter.Delete(t.Context(), "issue", []string{task, sub, sub}) // in order
			if connectors.KindOf(errs[0]) != connectors.Invalid || errs[1] != nil || errs[2] != nil {
				t.Errorf("Delete: %v; want the task refused while it has a sub-task", errs)
			}
		})
	}
}

func TestLostProjectIsNoDeletion(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	id := w.Create(connectortest.T(t), summary("There"))
	w.get(t, epics, id)
	if err := w.sys.Deny(sandbox.DefaultEmail, "DELIV", "BROWSE_PROJECTS"); err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "issue", Scope: epics}
	for range 2 {
		got, err := w.conn.Read(t.Context(), sel, []string{id})
		if err != nil {
			if connectors.KindOf(err) != connectors.Permission {
				t.Errorf("Read: %v, want a permission error", err)
			}
		} else if connectors.KindOf(got[0].Err) != connectors.Permission {
			t.Errorf("Read: %+v, want a permission error", got[0])
		}
		w.clock.Advance(time.Hour) // what is known of the project is outdated
	}
	if _, err := w.conn.Changes(t.Context(), sel, ""); connectors.KindOf(err) != connectors.Permission {
		t.Errorf("Changes: %v, want a permission error", err)
	}
	if err := w.sys.Allow(sandbox.DefaultEmail, "DELIV", "BROWSE_PROJECTS"); err != nil {
		t.Fatal(err)
	}
	w.get(t, epics, id)
}

func TestSchemaOfAScope(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	s, err := w.conn.Schema(t.Context(), "issue", connectors.Scope{"project": "deliv", "issuetype": "epic"})
	if err != nil {
		t.Fatal(err)
	}
	status, resolution, created := s.Field("status"), s.Field("resolution"), s.Field("created")
	if !status.Hops || !status.Writable || !status.Creatable || len(status.Options) != 4 {
		t.Errorf("status: %+v", status)
	}
	if o, ok := resolution.Option("won't do"); !ok || o.ID != "10001" {
		t.Errorf("resolution: %+v", resolution)
	}
	if created.Writable || created.ReadOnly == "" || s.Field("comment") != nil {
		t.Errorf("created: %+v, comment %+v", created, s.Field("comment"))
	}
	if f := s.Field("summary"); !f.Required || !f.OneLine || f.MaxLength != 255 {
		t.Errorf("summary: %+v", f)
	}
	for _, c := range []struct {
		scope connectors.Scope
		words string
	}{
		{connectors.Scope{"project": "NOPE"}, "DELIV, OPS"},
		{connectors.Scope{"project": "DELIV", "issuetype": "Saga"}, "Epic, Story, Task"},
		{connectors.Scope{"projct": "DELIV"}, `no "projct"`},
		{connectors.Scope{"issuetype": "Epic"}, "without its project"},
		{nil, "needs a project"},
	} {
		_, err := w.conn.Schema(t.Context(), "issue", c.scope)
		if connectors.KindOf(err) != connectors.Invalid || !strings.Contains(err.Error(), c.words) {
			t.Errorf("Schema of %v: %v, want words about %q", c.scope, err, c.words)
		}
	}
	if err := w.sys.SetOnScreen("DELIV", "Epic", "Budget", false); err != nil {
		t.Fatal(err)
	}
	s, err = w.conn.Schema(t.Context(), "issue", epics)
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Field("customfield_10042"); f == nil || f.Writable || f.Creatable || f.ReadOnly == "" {
		t.Errorf("a field that is on no screen: %+v", f)
	}
	all, err := w.conn.Schema(t.Context(), "issue", connectors.Scope{"project": "DELIV"})
	if err != nil {
		t.Fatal(err)
	}
	if f := all.Field("issuetype"); !f.Creatable || !f.Required || len(f.Options) == 0 {
		t.Errorf("issuetype of a whole project: %+v", f)
	}
}

func TestCheck(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	got, err := w.conn.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.ID == "" || got.Name != "Tenon Sync" || got.Zone != "America/Los_Angeles" || len(got.Missing)+len(got.Warnings) > 0 {
		t.Errorf("Check: %+v", got)
	}
	if err := w.sys.Deny(sandbox.DefaultEmail, "", "USER_PICKER"); err != nil {
		t.Fatal(err)
	}
	if got, err = w.conn.Check(t.Context()); err != nil || len(got.Warnings) != 1 {
		t.Errorf("Check without the right to find people: %+v, %v", got, err)
	}
	values := map[string]string{"base_url": w.url, "deployment": "datacenter", "email": sandbox.DefaultEmail, "token": sandbox.DefaultToken}
	if _, err := openWith(t, values, w.clock).Check(t.Context()); connectors.KindOf(err) != connectors.Invalid || !strings.Contains(err.Error(), "set deployment: cloud") {
		t.Errorf("Check of the other deployment: %v", err)
	}
	values = map[string]string{"base_url": w.url, "email": sandbox.DefaultEmail, "token": "wrong"}
	_, err = openWith(t, values, w.clock).Check(t.Context())
	if connectors.KindOf(err) != connectors.Auth || strings.Contains(err.Error(), "wrong\"") {
		t.Errorf("Check with a wrong token: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	cloud := map[string]string{"base_url": "https://acme.atlassian.net", "email": "a@b.c", "token": "t"}
	for _, c := range []struct {
		name, key, value, words string
	}{
		{"address", "base_url", "acme", "base_url"},
		{"no token", "token", "", "email"},
		{"pat on Cloud", "pat", "x", "Data Center"},
		{"two accounts", "client_id", "x", "exclude"},
		{"pace", "requests_per_second", "fast", "requests_per_second"},
		{"share", "daily_share", "0", "daily_share"},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := map[string]string{}
			for k, v := range cloud {
				values[k] = v
			}
			values[c.key] = c.value
			set, err := connectors.NewSettings(jira.New().Info().Settings, values)
			if err != nil {
				t.Fatal(err)
			}
			_, err = jira.New().Open(connectors.Config{Name: "j", Settings: set}, connectors.Options{})
			if connectors.KindOf(err) != connectors.Invalid || !strings.Contains(err.Error(), c.words) {
				t.Errorf("Open: %v, want words about %q", err, c.words)
			}
		})
	}
}

func TestFindEachKind(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Empty: true, Flavour: flavour, Lag: -1}, nil)
			ct := connectortest.T(t)
			budget, err := connectors.ParseNumber("99.5")
			if err != nil {
				t.Fatal(err)
			}
			retainer := connectors.Choice(connectors.Option{ID: "10022", Label: "Retainer"})
			id := w.Create(ct, fields{
				"summary": connectors.Text("Bridge (north): 2nd \"try\""), "customfield_10042": budget, "duedate": connectors.Date(2026, 5, 1),
				"customfield_10043": retainer, "labels": connectors.Labels("one", "two"), "assignee": connectors.PersonValue(w.person(ct, jonas)),
			})
			w.Create(ct, summary("Bridge"))
			i, _ := w.sys.Issue(id)
			for _, c := range []struct {
				field string
				value connectors.Value
				found bool
			}{
				{"summary", connectors.Text("Bridge (north): 2nd \"try\""), true},
				{"summary", connectors.Text("Bridge (north)"), false},
				{"summary", connectors.Text("?!"), false},
				{"customfield_10042", budget, true},
				{"customfield_10042", connectors.Int(99), false},
				{"duedate", connectors.Date(2026, 5, 1), true},
				{"customfield_10043", retainer, true},
				{"customfield_10043", connectors.Text("retainer"), true},
				{"customfield_10043", connectors.Text("Unheard of"), false},
				{"labels", connectors.Labels("one"), true},
				{"labels", connectors.Labels("One"), false},
				{"labels", connectors.Text("two"), true},
				{"assignee", connectors.PersonValue(w.person(ct, jonas)), true},
				{"issuekey", connectors.Text(i.Key), true},
				{"issuekey", connectors.Text("DELIV-999"), false},
			} {
				got, err := connectors.AbilitiesOf(w.conn).Finder.Find(t.Context(), allEpics, c.field, []connectors.Value{c.value}, 5)
				if err != nil {
					t.Errorf("Find %s = %q: %v", c.field, c.value, err)
					continue
				}
				var want []string
				if c.found {
					want = []string{id}
				}
				if !slices.Equal(got[0], want) {
					t.Errorf("Find %s = %q: %v, want %v", c.field, c.value, got[0], want)
				}
			}
			_, err = connectors.AbilitiesOf(w.conn).Finder.Find(t.Context(), allEpics, "description", []connectors.Value{connectors.Text("x")}, 5)
			if connectors.KindOf(err) != connectors.Invalid {
				t.Errorf("Find by description: %v", err)
			}
		})
	}
}

func TestRichTextComesBackAsWritten(t *testing.T) {
	text := "# Plan\n\nSome **bold** and _soft_ words, a [link](https://example.com/).\n\n- one\n- two\n  - three\n\n1. first\n2. second\n\n> said\n\n```go\nx := 1\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Empty: true, Flavour: flavour}, nil)
			id := w.Create(connectortest.T(t), summary("Rich"))
			if r := w.set(t, id, fields{"description": connectors.RichText(text)}); r.Err != nil || len(r.Refused) > 0 {
				t.Fatalf("Update: %v %v", r.Err, r.Refused)
			}
			v, _ := w.get(t, epics, id, "description").Get("description")
			if diff := cmp.Diff(text, v.Text()); diff != "" {
				t.Errorf("description (-want +got)\n%s", diff)
			}
		})
	}
}

// stripper takes the properties out of lists of comments, as a Jira that does
// not tell them there.
type stripper struct{}

func (stripper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/comment") || req.Method != http.MethodGet {
		return resp, err
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	raw = bytes.ReplaceAll(raw, []byte(`"properties"`), []byte(`"withheld"`))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	resp.Header.Del("Content-Length")
	return resp, nil
}

func TestCommentKeysWithoutPropertiesInLists(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	set, err := connectors.NewSettings(jira.New().Info().Settings, map[string]string{"base_url": w.url, "email": sandbox.DefaultEmail, "token": sandbox.DefaultToken})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := jira.New().Open(connectors.Config{Name: "j", Settings: set}, connectors.Options{Clock: w.clock, Transport: stripper{}})
	if err != nil {
		t.Fatal(err)
	}
	c := connectors.AbilitiesOf(conn).Commenter
	id := w.Create(connectortest.T(t), summary("Talk"))
	if _, err := c.AddComment(t.Context(), "issue", id, connectors.Comment{Key: "k-1", Body: "ours"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddComment(t.Context(), "issue", id, connectors.Comment{Body: "ours, without a key"}); err != nil {
		t.Fatal(err)
	}
	w.Comment(connectortest.T(t), id, "by hand")
	got, err := c.Comments(t.Context(), "issue", id)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, cm := range got {
		keys = append(keys, cm.Key)
	}
	if !slices.Equal(keys, []string{"k-1", "", ""}) {
		t.Errorf("keys %q", keys)
	}
}

func TestClosedConnection(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	for range 2 {
		if err := w.conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.conn.Check(context.WithoutCancel(t.Context())); connectors.KindOf(err) != connectors.Unavailable {
		t.Errorf("Check after Close: %v", err)
	}
}
