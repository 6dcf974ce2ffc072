package server_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func TestAPIExplain(t *testing.T) {
	f := newFixture(t, nil)
	bearer := "Bearer " + f.token(t, server.ScopeRead)
	f.engine.rows.explanation = engine.Explanation{
		Standing: engine.NeedsYou, Code: "refused", Verdict: "it is not in sync: <b>no</b>",
		Findings: []engine.Finding{{Code: "refused", Do: []engine.Step{{Text: "Correct it.", Command: "tenon queue retry"}}}},
	}
	r := f.do("GET", "/api/v1/explain?record="+url.QueryEscape("https://acme.example/browse/D-1?x=1&y=2")+"&offline=true&events=3", "", "Authorization", bearer)
	if r.StatusCode != 200 {
		t.Fatalf("got %d", r.StatusCode)
	}
	var x engine.Explanation
	if err := json.Unmarshal([]byte(read(t, r)), &x); err != nil {
		t.Fatal(err)
	}
	if x.Code != "refused" || x.Standing != engine.NeedsYou || x.Findings[0].Do[0].Command != "tenon queue retry" {
		t.Errorf("got %+v", x)
	}
	for _, bad := range []string{"", "?record=", "?record=1&offline=perhaps", "?record=1&events=many", "?record=1&events=-1", "?id=1", "?record=1&limit=1"} {
		if got := f.do("GET", "/api/v1/explain"+bad, "", "Authorization", bearer).StatusCode; got != 400 {
			t.Errorf("explain%s: got %d, want 400", bad, got)
		}
	}
	f.engine.err = &connectors.Error{Op: "explain", Kind: connectors.NotFound, Err: errors.New("there is no link 7"), Help: "`tenon links` shows the numbers"}
	r = f.do("GET", "/api/v1/explain?record=link:7", "", "Authorization", bearer)
	if text := read(t, r); r.StatusCode != 404 || !strings.Contains(text, "there is no link 7") || !strings.Contains(text, "tenon links") {
		t.Errorf("got %d: %s", r.StatusCode, text)
	}
}
