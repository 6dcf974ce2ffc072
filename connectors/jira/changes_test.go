package jira_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

// smallPages is a Data Center whose administrator bounds the pages of searches.
type smallPages struct{}

func (smallPages) RoundTrip(req *http.Request) (*http.Response, error) {
	if q := req.URL.Query(); q.Has("maxResults") {
		req = req.Clone(req.Context())
		q.Set("maxResults", "30")
		req.URL.RawQuery = q.Encode()
	}
	return http.DefaultTransport.RoundTrip(req)
}

var allEpics = connectors.Selection{Object: "issue", Scope: epics}

// walkOn lists pages until there are no more, with act between them.
func walkOn(t *testing.T, conn connectors.Connection, cursor string, seen map[string]bool, act func(page int)) string {
	t.Helper()
	for i := range 100 {
		page, err := conn.Changes(t.Context(), allEpics, cursor)
		if err != nil {
			t.Fatalf("Changes: %v", err)
		}
		for _, r := range page.Changes {
			seen[r.ID] = true
		}
		if cursor = page.Next; !page.More {
			return cursor
		}
		if act != nil {
			act(i)
		}
	}
	t.Fatal("the walk does not end")
	return ""
}

func (w *world) seed(t *testing.T, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, w.Create(connectortest.T(t), summary(fmt.Sprintf("Seed %03d", i))))
	}
	return ids
}

func TestPagesOfDataCenterMissNothing(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true, Flavour: sandbox.DataCenter, Lag: -1}, nil)
	set, err := connectors.NewSettings(jira.New().Info().Settings, map[string]string{"base_url": w.url, "deployment": "datacenter", "pat": sandbox.DefaultToken})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := jira.New().Open(connectors.Config{Name: "j", Settings: set}, connectors.Options{Clock: w.clock, Transport: smallPages{}})
	if err != nil {
		t.Fatal(err)
	}
	ids := w.seed(t, 100)
	seen := map[string]bool{}
	pages := 0
	walkOn(t, conn, "", seen, func(page int) {
		pages++
		if page < 3 { // what was listed moves to the end, the rest moves up
			for _, id := range ids[page*5 : page*5+5] {
				w.Edit(connectortest.T(t), id, "summary", connectors.Text("Moved"))
			}
		}
	})
	for _, id := range ids {
		if !seen[id] {
			t.Errorf("issue %s was missed", id)
		}
	}
	if pages < 3 {
		t.Errorf("%d pages, want several", pages+1)
	}
}

func TestOutdatedPageTokenGoesOn(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true, Lag: -1}, nil)
	ids := w.seed(t, 250)
	seen := map[string]bool{}
	w.clock.Advance(time.Hour)
	walkOn(t, w.conn, "", seen, func(page int) {
		if page == 0 {
			w.clock.Advance(8 * 24 * time.Hour)
		}
	})
	for _, id := range ids {
		if !seen[id] {
			t.Fatalf("issue %s was missed", id)
		}
	}
}

func TestAnotherTimeZoneHidesNothing(t *testing.T) {
	for _, c := range []struct{ from, to string }{{"Asia/Tokyo", "America/Los_Angeles"}, {"America/Los_Angeles", "Asia/Tokyo"}} {
		t.Run(c.from, func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Empty: true, Lag: -1}, nil)
			zone := func(name string) {
				t.Helper()
				if err := w.sys.SetUser(sandbox.DefaultEmail, true, false, name); err != nil {
					t.Fatal(err)
				}
			}
			zone(c.from)
			ids := w.seed(t, 3)
			seen := map[string]bool{}
			cursor := walkOn(t, w.conn, "", seen, nil)
			w.clock.Advance(20 * time.Minute)
			cursor = walkOn(t, w.conn, cursor, seen, nil)
			zone(c.to) // somebody edits the account's profile
			w.clock.Advance(2 * time.Minute)
			w.Edit(connectortest.T(t), ids[1], "summary", connectors.Text("Meanwhile"))
			clear(seen)
			walkOn(t, w.conn, cursor, seen, nil)
			if !seen[ids[1]] {
				t.Errorf("the edit was missed")
			}
		})
	}
}

func TestExpiredTokenEndsNoWalk(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true, Lag: -1}, nil)
	ids := w.seed(t, 2)
	cursor := walkOn(t, w.conn, "", map[string]bool{}, nil)
	w.Edit(connectortest.T(t), ids[0], "summary", connectors.Text("Unseen"))
	w.sys.ExpireToken(sandbox.DefaultToken) // searches answer 200 and nothing
	if page, err := w.conn.Changes(t.Context(), allEpics, cursor); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("Changes: %+v, %v; want an auth error", page, err)
	}
}

// The calls that a piece of work takes are what the systems' allowances are
// spent on.
func TestCallsPerWork(t *testing.T) {
	w := newWorld(t, sandbox.Options{Lag: -1}, nil)
	rec := &recorder{}
	set, err := connectors.NewSettings(jira.New().Info().Settings, map[string]string{"base_url": w.url, "email": sandbox.DefaultEmail, "token": sandbox.DefaultToken})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := jira.New().Open(connectors.Config{Name: "j", Settings: set}, connectors.Options{Clock: w.clock, Transport: rec})
	if err != nil {
		t.Fatal(err)
	}
	ids := w.seed(t, 60)
	sel := allEpics
	sel.Fields = []string{"summary", "assignee"}
	cursor := walkOn(t, conn, "", map[string]bool{}, nil)
	if _, err := conn.Read(t.Context(), sel, ids); err != nil {
		t.Fatal(err)
	}
	calls := func(what string, want int, work func()) {
		t.Helper()
		before := len(rec.sent)
		work()
		if got := len(rec.sent) - before; got != want {
			t.Errorf("%s took %d calls, want %d: %+v", what, got, want, rec.sent[before:])
		}
	}
	calls("a poll with rows", 1, func() { walkOn(t, conn, cursor, map[string]bool{}, nil) })
	calls("a read of 60 issues", 1, func() { _, _ = conn.Read(t.Context(), sel, ids) })
	calls("an update", 1, func() {
		conn.Update(t.Context(), []connectors.Update{{Object: "issue", Scope: epics, ID: ids[0], Fields: summary("New")}})
	})
	calls("50 creates", 1, func() {
		var creates []connectors.Create
		for i := range 50 {
			creates = append(creates, connectors.Create{Object: "issue", Scope: epics, Key: fmt.Sprintf("k-%d", i), Fields: summary("Made")})
		}
		conn.Create(t.Context(), creates)
	})
	calls("a look-up by key", 1, func() { _, _ = conn.FindByKey(t.Context(), "issue", epics, []string{"k-7"}) })
}
