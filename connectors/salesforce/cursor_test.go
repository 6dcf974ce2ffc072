package salesforce

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A walk's end goes back behind the time of its first page, never behind where
// it was.
func TestCursorNext(t *testing.T) {
	server := time.Unix(1_777_000_000, 0)
	c := cursor{All: true}
	c.begin(server, 5)
	c.begin(server.Add(time.Hour), 7) // a later page
	c.ID, c.Job = "x", "y"
	c.next()
	want := cursor{From: server.Unix() - 600, Server: server.Add(time.Hour).Unix()}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("after the first listing (-want +got):\n%s", diff)
	}
	c.begin(server.Add(-time.Hour), 0) // a server whose clock went back
	c.next()
	if c.From != want.From {
		t.Errorf("the window went back to %d from %d", c.From, want.From)
	}
	c.begin(time.Time{}, server.Unix()+1000) // no Date: the newest stamp counts
	c.next()
	if got, want := c.From, server.Unix()+400; got != want {
		t.Errorf("without the server's time the window starts at %d, want %d", got, want)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor{All: true}.String())
	f.Add(cursor{From: 1_777_000_000, Stamp: 5, ID: mustID(someID), Deleted: 7, DeletedDue: 9}.String())
	f.Add(cursor{Job: mustID("750000000000001"), Locator: "MTAwMDA", Bulked: true}.String())
	f.Add("e30")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := parseCursor(s)
		if !ok {
			return
		}
		again, ok := parseCursor(c.String())
		if !ok || again != c {
			t.Fatalf("got %+v, then %+v, %v", c, again, ok)
		}
	})
}

func TestCSV(t *testing.T) {
	rows, err := parseCSV([]byte("\"Id\",\"Name\",\"Amount\"\n\"006000000000001AAA\",\"Two\nlines, \"\"quoted\"\"\",\"1.5E3\"\n\"006000000000002AAA\",\"\",\"\"\n"))
	if err != nil || len(rows) != 2 {
		t.Fatalf("got %d rows, %v", len(rows), err)
	}
	if got := rows[0].text("Name"); got != "Two\nlines, \"quoted\"" {
		t.Errorf("name: got %q", got)
	}
	if v, told := rows[1]["Amount"]; !told || v != nil {
		t.Errorf("empty: got %v, %v, want null", v, told)
	}
	for _, bad := range []string{"Id,Id\n1,2\n", "Name\nx\n", "Id,\n1,2\n", "Id,Name\n1\n", "Id\n\"open\n"} {
		if _, err := parseCSV([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if rows, err := parseCSV(nil); err != nil || rows != nil {
		t.Errorf("nothing: got %v, %v", rows, err)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("Id,Name\n1,2\n"))
	f.Add([]byte("\"Id\"\n\"a\"\"b\"\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rows, err := parseCSV(raw)
		if err != nil {
			return
		}
		for _, r := range rows {
			if _, ok := r[fieldID]; !ok {
				t.Fatal("a row has no Id")
			}
			for name, v := range r {
				if v != nil && *v == "" {
					t.Fatalf("%s is an empty text", strings.Clone(name))
				}
			}
		}
	})
}
