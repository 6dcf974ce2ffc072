package jira_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

// TestKeysAreWalkedThroughOnce counts the calls of look-ups among many issues
// that the account has made: Jira cannot search the keys.
func TestKeysAreWalkedThroughOnce(t *testing.T) {
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
	made := map[string]string{}
	create := func(by connectors.Connection, from, to int) {
		t.Helper()
		var creates []connectors.Create
		for i := from; i < to; i++ {
			creates = append(creates, connectors.Create{Object: "issue", Scope: epics, Key: fmt.Sprintf("k-%d", i), Fields: summary("Made")})
		}
		for i, r := range by.Create(t.Context(), creates) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			made[creates[i].Key] = r.ID
		}
		w.clock.Advance(7 * time.Minute)
	}
	look := func(want int, keys ...string) {
		t.Helper()
		before := len(rec.sent)
		found, err := conn.FindByKey(t.Context(), "issue", epics, keys)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, call := range rec.sent[before:] {
			if strings.HasSuffix(call.path, "/search/jql") || strings.HasSuffix(call.path, "/bulkfetch") {
				got++ // the scope's names are looked up now and then, too
			}
		}
		if got != want {
			t.Errorf("the look-up of %v took %d searches and reads, want %d", keys, got, want)
		}
		for i, k := range keys {
			var ids []string
			if made[k] != "" {
				ids = []string{made[k]}
			}
			if diff := cmp.Diff(ids, found[i]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", k, diff)
			}
		}
	}
	create(conn, 0, 350)
	look(2, "k-349", "k-348")      // the newest come first; another page shows that there is no second one
	look(4, "k-0", "nothing")      // all are walked through, in pages of a hundred
	look(1, "nothing", "nobody's") // once
	look(2, "k-0")                 // what is remembered is read: it may be gone
	create(w.conn, 350, 360)       // by another process
	look(1, "k-355", "nothing")
	create(conn, 360, 860) // many at once
	look(1, "nothing")
	if errs := connectors.AbilitiesOf(w.conn).Deleter.Delete(t.Context(), "issue", []string{made["k-5"]}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	delete(made, "k-5")
	look(2, "k-5")
	look(1, "k-5")
}
