package connectortest

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

var changes = []test{
	{"empty cursor lists everything", func(e *env) {
		var ids []string
		for range 3 {
			ids = append(ids, e.seed(e.h.Records/3)...)
			e.w.Settle(e)
		}
		rows, _ := e.list("")
		seen := map[string]bool{}
		var last time.Time
		for _, r := range rows {
			if r.Object != e.h.Object || r.ID == "" {
				e.Errorf("Changes: row %+v names no %s", r, e.h.Object)
			}
			if !r.Modified.IsZero() && r.Modified.Before(last) {
				e.Errorf("Changes: %v comes after %v; want oldest first", r.Modified, last)
			}
			last = r.Modified
			seen[r.ID] = true
		}
		e.all("Changes from the start", seen, ids)
		if len(rows) > 3*len(ids) {
			e.Errorf("Changes: %d rows for %d records", len(rows), len(ids))
		}
	}},
	{"nothing there is an empty list", func(e *env) {
		rows, next := e.list("")
		if len(rows) > 0 {
			e.Errorf("Changes of an empty system: %d rows", len(rows))
		}
		id := e.seed(1)[0]
		e.w.Settle(e)
		rows, _ = e.list(next)
		seen := map[string]bool{}
		collect(seen, rows)
		e.all("Changes after an empty list", seen, []string{id})
	}},
	{"cursor goes on from where it was", func(e *env) {
		ids := e.seed(e.h.Records)
		cursor := e.behind("")
		e.w.Edit(e, ids[1], e.h.Title, connectors.Text("Edited"))
		added := e.w.Create(e, e.fields("Added"))
		e.w.Settle(e)
		rows, next := e.list(cursor)
		seen := map[string]bool{}
		collect(seen, rows)
		e.all("Changes since the cursor", seen, []string{ids[1], added})
		if len(rows) >= len(ids) {
			e.Errorf("Changes: %d rows for two changes among %d records: the cursor does not go on", len(rows), len(ids))
		}
		if seen[ids[5]] {
			e.Logf("record %s is listed again although it did not change", ids[5])
		}
		again, _ := e.list(cursor)
		repeated := map[string]bool{}
		collect(repeated, again)
		e.all("Changes with the same cursor again", repeated, []string{ids[1], added})
		if next == cursor {
			e.Logf("the cursor stands still at %q", cursor)
		}
	}},
	{"edit of each field shows", func(e *env) {
		id := e.seed(1)[0]
		cursor := e.behind("")
		for _, s := range e.h.Samples {
			e.w.Edit(e, id, s.Field, s.Two)
			e.w.Settle(e)
			rows, next := e.list(cursor)
			seen := map[string]bool{}
			collect(seen, rows)
			e.all(fmt.Sprintf("Changes after an edit of %q", s.Field), seen, []string{id})
			e.w.Settle(e)
			cursor = e.behind(next)
		}
	}},
	{"own writes show", func(e *env) {
		cursor := e.behind("")
		id := e.create("", "Ours")
		e.w.Settle(e)
		rows, _ := e.list(cursor)
		seen := map[string]bool{}
		collect(seen, rows)
		e.all("Changes after a create", seen, []string{id})
	}},
	{"nothing is missed that shows late", func(e *env) {
		cursor := e.behind("")
		seen := map[string]bool{}
		var ids []string
		for i := range e.h.Records {
			ids = append(ids, e.w.Create(e, e.fields(fmt.Sprintf("Late %03d", i))))
			var rows []connectors.Change
			rows, cursor = e.list(cursor) // at once: the index may not know the record yet
			collect(seen, rows)
			e.wait(4)
			if i%10 == 9 {
				e.w.Settle(e)
			}
		}
		e.w.Settle(e)
		rows, _ := e.list(cursor)
		collect(seen, rows)
		e.all("Changes, polled while records are made", seen, ids)
	}},
	{"nothing is missed while edits go on", func(e *env) {
		ids := e.seed(e.h.Records)
		e.w.Settle(e)
		cursor := e.behind("")
		seen := map[string]bool{}
		for _, id := range ids {
			e.w.Edit(e, id, e.h.Title, connectors.Text("Edited "+id))
			var rows []connectors.Change
			rows, cursor = e.list(cursor)
			collect(seen, rows)
			e.wait(7)
		}
		e.w.Settle(e)
		rows, _ := e.list(cursor)
		collect(seen, rows)
		e.all("Changes, polled while records are edited", seen, ids)
	}},
	{"nothing is missed that shows between two pages", func(e *env) {
		e.w.Settle(e)
		var ids []string
		for range e.h.Records {
			ids = append(ids, e.seed(1)...)
			e.wait(100)
		}
		// A round whose pages lie far apart: at first half of the rows show, the
		// others come behind its back.
		e.wait(3)
		seen := map[string]bool{}
		cursor := ""
		for n, more := 0, true; more; n++ {
			if n > 2*e.h.Records {
				e.Fatalf("Changes: no end after %d pages", n)
			}
			page, err := e.c.Changes(e.Context(), e.sel, cursor)
			if err != nil {
				e.Fatalf("Changes: %v", err)
			}
			collect(seen, page.Changes)
			cursor, more = page.Next, page.More
			e.wait(2)
		}
		e.w.Settle(e)
		rows, _ := e.list(cursor)
		collect(seen, rows)
		e.all("Changes, read over pauses between pages", seen, ids)
	}},
	{"quiet system has little to tell", func(e *env) {
		n := len(e.seed(e.h.Records))
		cursor := e.behind("")
		if rows, _ := e.list(cursor); len(rows) >= n {
			e.Errorf("Changes: %d rows although nothing has changed for long", len(rows))
		}
	}},
	{"row's version is the record's", func(e *env) {
		id := e.seed(1)[0]
		e.w.Settle(e)
		rows, _ := e.list("")
		if len(rows) == 0 || rows[len(rows)-1].Version == "" {
			e.Skipf("the list tells no versions")
		}
		if got, want := rows[len(rows)-1].Version, e.one(id).Version; got != want {
			e.Errorf("Changes: version %q, Read: %q", got, want)
		}
	}},
	{"row's record is what a read tells", func(e *env) {
		id := e.seed(1)[0]
		for _, s := range e.h.Samples {
			e.w.Edit(e, id, s.Field, s.Two)
		}
		e.w.Settle(e)
		sel := e.sel
		for _, s := range e.h.Samples {
			sel.Fields = append(sel.Fields, s.Field)
		}
		page, err := e.c.Changes(e.Context(), sel, "")
		if err != nil {
			e.Fatalf("Changes: %v", err)
		}
		for _, row := range page.Changes {
			if row.Record == nil {
				e.Skipf("the list shows no records")
			}
			read := e.readFields(sel, row.ID)[0].Record
			if read == nil {
				e.Fatalf("Read of the listed record %s: none", row.ID)
				return
			}
			if row.Version != read.Version || row.Record.Ref != read.Ref || row.Record.State != read.State || row.Record.InScope != read.InScope {
				e.Errorf("Changes: row %+v with record %+v, Read: %+v", row, row.Record, read)
			}
			for _, f := range sel.Fields {
				got, presence := row.Record.Get(f)
				want, _ := read.Get(f)
				if presence != connectors.Absent && !connectors.Equal(got, want) {
					e.Errorf("Changes: %s of %s is %v, Read: %v", f, row.ID, got, want)
				}
			}
		}
	}},
	{"foreign cursor is invalid", func(e *env) {
		for _, cursor := range []string{"no cursor of ours", "{}", "\x00\xff", strings.Repeat("x", 5000), "-1", "m1.-5.0.0.0.0"} {
			_, err := e.c.Changes(e.Context(), e.sel, cursor)
			e.kind(fmt.Sprintf("Changes(%.20q)", cursor), err, connectors.Invalid)
		}
	}},
	{"unknown object has no list", func(e *env) {
		sel := e.sel
		sel.Object = "no_such_object_here"
		_, err := e.c.Changes(e.Context(), sel, "")
		e.kind("Changes", err, connectors.NotFound, connectors.Invalid)
	}},
}

// wait lets a part of the index's lag pass, where the world can.
func (e *env) wait(part int) {
	e.Helper()
	if w, ok := e.w.(Waiter); ok {
		w.Wait(e, e.c.Facts().IndexLag/time.Duration(part))
	}
}

// behind lists until what was done so far lies behind the cursor's overlap.
func (e *env) behind(cursor string) string {
	e.Helper()
	for range 3 {
		e.w.Settle(e)
		_, cursor = e.list(cursor)
	}
	return cursor
}
