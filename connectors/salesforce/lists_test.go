package salesforce_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// list walks to the end of the changes.
func list(t *testing.T, c connectors.Connection, sel connectors.Selection, cursor string) (rows []connectors.Change, next string) {
	t.Helper()
	for range 50 {
		page, err := c.Changes(t.Context(), sel, cursor)
		if err != nil {
			t.Fatalf("Changes: %v", err)
		}
		rows, cursor = append(rows, page.Changes...), page.Next
		if !page.More {
			return rows, cursor
		}
	}
	t.Fatal("Changes has no end")
	return nil, ""
}

func listed(rows []connectors.Change, id string) (connectors.Change, bool) {
	at := slices.IndexFunc(rows, func(c connectors.Change) bool { return c.ID == id })
	if at < 0 {
		return connectors.Change{}, false
	}
	return rows[at], true
}

// A transaction that takes nine minutes is stamped at its beginning: polling by
// the minute still sees what it did.
func TestLateCommit(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	id := w.Create(connectortest.T(t), won("Slow"))
	w.Settle(connectortest.T(t))
	_, cursor := list(t, w.conn, all, "")
	w.Settle(connectortest.T(t))
	_, cursor = list(t, w.conn, all, cursor)
	if err := w.sys.As(ada).EditLate(id, map[string]string{"Name": "Late"}, 9*time.Minute); err != nil {
		t.Fatal(err)
	}
	told := false
	for range 20 {
		w.clock.Advance(time.Minute)
		var rows []connectors.Change
		rows, cursor = list(t, w.conn, all, cursor)
		if row, ok := listed(rows, id); ok {
			name, _ := row.Record.Get("Name")
			told = told || name.Text() == "Late"
		}
	}
	if !told {
		t.Error("an edit that came into sight late was never told")
	}
}

func TestGoneRecords(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	tb := connectortest.T(t)
	bin, purged, hidden := w.Create(tb, won("Bin")), w.Create(tb, won("Purged")), w.Create(tb, won("Hidden"))
	w.Settle(tb)
	_, cursor := list(t, w.conn, all, "")
	w.Delete(tb, bin)
	w.Delete(tb, purged)
	if err := errors.Join(w.sys.As(ada).Purge(purged), w.sys.Unshare(hidden, true)); err != nil {
		t.Fatal(err)
	}
	rows, cursor := list(t, w.conn, all, cursor)
	if row, ok := listed(rows, bin); !ok || row.State != connectors.Archived || row.Record != nil {
		t.Errorf("the row of a deleted record: %+v, %v", row, ok)
	}
	w.clock.Advance(20 * time.Minute)
	_, cursor = list(t, w.conn, all, cursor)
	rows, _ = list(t, w.conn, all, cursor)
	if row, ok := listed(rows, purged); !ok || row.State != connectors.Deleted {
		t.Errorf("the row of a record whose bin was emptied: %+v, %v", row, ok)
	}
	got, err := w.conn.Read(t.Context(), all, []string{bin, purged, hidden, "none", hidden[:15]})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Record == nil || got[0].Record.State != connectors.Archived {
		t.Errorf("Read of a deleted record: %+v", got[0])
	}
	if got[1].Record == nil || got[1].Record.State != connectors.Deleted {
		t.Errorf("Read of a record whose bin was emptied: %+v", got[1])
	}
	for i := 2; i < 5; i++ {
		if connectors.KindOf(got[i].Err) != connectors.NotFound {
			t.Errorf("Read %d: %+v, want NotFound", i, got[i])
		}
	}
	if err := errors.Join(w.sys.As(ada).Restore(bin), w.sys.Unshare(hidden, false)); err != nil {
		t.Fatal(err)
	}
	got, err = w.conn.Read(t.Context(), all, []string{bin[:15], hidden})
	if err != nil || got[0].Record == nil || got[0].Record.State != connectors.Live || got[0].Record.Ref.ID != bin || got[1].Record == nil {
		t.Errorf("Read after they came back: %+v, %v", got, err)
	}
}

// More records than fit a page, all of one second.
func TestManyOfOneStamp(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	const n = 2300
	for i := range n {
		if _, err := w.sys.As(ada).Create("Opportunity", map[string]string{
			"Name": fmt.Sprint(i), "StageName": "Prospecting", "CloseDate": "2026-06-30", "LeadSource": "Web",
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Minute)
	sel := all
	sel.Fields = nil
	rows, cursor := list(t, w.conn, sel, "")
	if len(rows) != n {
		t.Errorf("the first listing has %d rows, want %d", len(rows), n)
	}
	rows, _ = list(t, w.conn, sel, cursor) // the window still holds them all
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.ID] = true
	}
	if len(seen) != n || len(rows) != n {
		t.Errorf("the window has %d rows of %d records, want %d", len(rows), len(seen), n)
	}
}

func TestBulkListing(t *testing.T) {
	w := openWorld(t, ofOpportunities, map[string]string{"bulk_from": "10"})
	tb := connectortest.T(t)
	var ids []string
	for i := range 25 {
		ids = append(ids, w.Create(tb, map[string]connectors.Value{
			"Name": connectors.Text(fmt.Sprintf("Line\n%d, \"quoted\"", i)), "StageName": option("Prospecting"), "CloseDate": connectors.Date(2026, 6, 30),
			"Amount": euros("1250000.5"), "Delivery_Teams__c": connectors.Labels("Design", "Support"), "IsPrivate": connectors.Bool(i%2 == 0),
			"Delivery_Notes__c": connectors.RichText("A **bold** start"),
		}))
	}
	w.Settle(tb)
	sel := all
	sel.Fields = []string{"Name", "Amount", "Delivery_Teams__c", "IsPrivate", "OwnerId", "Delivery_Notes__c", "Delivery_Due__c", "CloseDate"}
	rows, cursor := list(t, w.conn, sel, "")
	jobs := slices.ContainsFunc(w.sys.Requests().Since(0), func(e kit.Entry) bool {
		return e.Method == http.MethodPost && strings.HasSuffix(e.Path, "/jobs/query")
	})
	if !jobs || len(rows) != 25 {
		t.Fatalf("%d rows, by a bulk job: %v", len(rows), jobs)
	}
	read, err := w.conn.Read(t.Context(), sel, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		row, ok := listed(rows, id)
		if !ok || row.Record == nil {
			t.Fatalf("record %d is not listed: %+v", i, row)
		}
		for _, f := range sel.Fields {
			got, _ := row.Record.Get(f)
			if want, _ := read[i].Record.Get(f); !connectors.Equal(got, want) {
				t.Errorf("%s of %d: the job tells %v, a read %v", f, i, got, want)
			}
		}
		if row.Version != read[i].Record.Version || !row.Record.InScope {
			t.Errorf("record %d: version %q, in scope %v; a read tells %q", i, row.Version, row.Record.InScope, read[i].Record.Version)
		}
	}
	w.Edit(tb, ids[3], "Name", connectors.Text("Edited"))
	if rows, _ = list(t, w.conn, sel, cursor); len(rows) >= 25 {
		t.Errorf("%d rows after one edit", len(rows))
	} else if _, ok := listed(rows, ids[3]); !ok {
		t.Error("the edit after the job was not told")
	}
}

// Where the Bulk API is refused, or its job fails, queries list everything.
func TestBulkRefused(t *testing.T) {
	for _, r := range []kit.Rule{
		{Kind: kit.ServerError, Status: http.StatusBadRequest, Method: http.MethodPost, Path: "/services/data/*/jobs/query"},
		{Kind: kit.ServerError, Status: http.StatusNotFound, Method: http.MethodGet, Path: "/services/data/*/jobs/query/*"},
		{Kind: kit.ServerError, Status: http.StatusNotFound, Method: http.MethodGet, Path: "/services/data/*/jobs/query/*/results"},
	} {
		t.Run(r.Path, func(t *testing.T) {
			w := openWorld(t, ofOpportunities, map[string]string{"bulk_from": "5"})
			for i := range 8 {
				w.Create(connectortest.T(t), won(fmt.Sprint(i)))
			}
			w.arm(connectortest.T(t), r)
			if rows, _ := list(t, w.conn, all, ""); len(rows) != 8 {
				t.Errorf("%d rows, want 8", len(rows))
			}
		})
	}
}

// A note that a person logs does not stamp its record; the list tells it all the
// same, once or twice.
func TestNewNoteIsTold(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	tb := connectortest.T(t)
	id, other := w.Create(tb, won("Noted")), w.Create(tb, won("Other"))
	w.Settle(tb)
	_, cursor := list(t, w.conn, all, "")
	w.Settle(tb)
	_, cursor = list(t, w.conn, all, cursor)
	w.Comment(tb, id, "Called them")
	if _, err := w.sys.As(ada).LogTask(other, "Some other task", "x"); err != nil {
		t.Fatal(err)
	}
	told := 0
	for range 5 {
		var rows []connectors.Change
		before := w.Requests(tb)
		rows, cursor = list(t, w.conn, all, cursor)
		if spent := w.Requests(tb) - before; spent > 2 {
			t.Errorf("a poll took %d requests", spent)
		}
		if _, ok := listed(rows, id); ok {
			told++
		}
		if _, ok := listed(rows, other); ok {
			t.Error("a task that is no note counts as one")
		}
		w.clock.Advance(time.Minute)
	}
	if told < 1 || told > 2 {
		t.Errorf("the note was told %d times in five polls", told)
	}
}
