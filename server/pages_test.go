package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// hostile is what a record may hold, from whoever writes to a CRM.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3) '--{{.}}`

func hostileRows() rows {
	ref := connectors.Ref{Connection: hostile, Object: hostile, ID: hostile}
	refs := [2]connectors.Ref{ref, ref}
	two := [2]string{hostile, hostile}
	aside := engine.AsideRow{Link: 1, Rule: 2, Mapping: hostile, Field: hostile, Kind: "conflict", Since: testNow, Code: hostile, Reason: hostile, Records: refs, Sides: two, Values: two}
	chosen := aside
	chosen.Choice = hostile
	return rows{
		links:  []engine.LinkRow{{ID: 1, Mapping: hostile, Records: refs, Status: hostile, Created: testNow, Asides: []engine.AsideRow{aside}}},
		asides: []engine.AsideRow{aside, chosen},
		queue: []engine.QueueRow{
			{Mapping: hostile, Link: 1, Record: hostile, Status: "failed", Priority: hostile, Due: testNow, First: testNow, Attempts: 3, Code: hostile, Reason: hostile, Source: hostile},
			{Mapping: hostile, Record: hostile, Status: "waiting"},
		},
		history: []engine.EventRow{{
			Seq: 1, At: testNow, Mapping: hostile, Link: 1, Records: two, Action: hostile, To: hostile, Source: hostile, Code: hostile, Detail: hostile,
			Fields: []engine.EventFieldRow{{Name: hostile, Why: hostile}},
		}},
		status: engine.Status{
			At:          testNow,
			Connections: []engine.ConnectionStatus{{Name: hostile, State: "paused", Code: hostile, Reason: hostile, Since: testNow, RetryAt: testNow.Add(time.Minute), Daily: 5, DailyLeft: 1}, {Name: "b", State: "up"}},
			Mappings:    []engine.MappingStatus{{Name: hostile, State: "stopped", Reason: hostile, Resume: hostile, Failed: 1, Conflicts: 2}, {Name: "m", State: "running"}},
		},
	}
}

func hostileExplanation() engine.Explanation {
	record := engine.ExplainedRecord{Ref: connectors.Ref{Connection: hostile, Object: hostile, ID: hostile}, Title: hostile, Key: hostile, URL: "javascript:alert(6)", State: hostile, Error: hostile}
	finding := engine.Finding{Code: hostile, Standing: hostile, Text: hostile, Do: []engine.Step{{Text: hostile, Command: hostile}}, Link: 1, Rule: 2}
	side := engine.ExplainedSide{Name: hostile, Connection: hostile, Record: record}
	return engine.Explanation{
		Asked: hostile, Standing: hostile, Verdict: "x", Code: hostile, Record: record, Findings: []engine.Finding{finding},
		Mappings: []engine.ExplainedMapping{{
			Name: hostile, Standing: hostile, Sides: [2]engine.ExplainedSide{side, side}, Link: &engine.ExplainedLink{Status: hostile},
			Queue: &engine.ExplainedEntry{QueueRow: engine.QueueRow{Status: hostile}}, LastHint: &engine.ExplainedHint{Source: hostile},
			Fields: []engine.ExplainedField{{Name: hostile, Flow: hostile, Standing: hostile, Code: hostile, Why: hostile, Values: [2]string{hostile, hostile}, Told: [2]bool{true, true}, To: hostile, After: hostile}},
		}},
		Events: hostileRows().history,
	}
}

// TestPagesEscape runs each page with hostile data and looks at what a browser
// would make of it.
func TestPagesEscape(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.rows = hostileRows()
	f.engine.rows.explanation = hostileExplanation()
	f.engine.rows.undone = engine.Undone{Back: 1, Rows: []engine.UndoneRow{{Record: hostile, Title: hostile, Field: hostile, State: hostile, Code: hostile, Reason: hostile, Now: hostile, Back: hostile}}}
	live := engine.LiveValue{Title: hostile, URL: "javascript:alert(7)", State: hostile, Value: hostile, Told: true}
	f.engine.rows.conflict = engine.ConflictView{AsideRow: f.engine.rows.asides[0], Live: [2]engine.LiveValue{live, {Error: hostile}}, Seen: hostile}
	f.engine.rows.resolved = []engine.ResolvedRow{{Mapping: hostile, Field: hostile, Sides: [2]string{hostile, hostile}, Values: [2]string{hostile, hostile}}}
	bearer := "Bearer " + f.token(t, server.ScopeRead, server.ScopeOperate)
	f.engine.preview = previewOf(hostile)
	f.engine.preview.Button, f.engine.preview.System, f.engine.preview.SourceURL = hostile, hostile, "javascript:alert(4)"
	f.engine.preview.Fields = []engine.PreviewField{{Name: hostile, Label: hostile, Value: hostile}, {Name: hostile}}
	f.engine.preview.Tasks = []engine.PreviewTask{{Title: hostile, Assignee: hostile}}
	f.engine.preview.Problems = []string{hostile}
	link := f.signer.ConvertLink("", "deals", deal)
	states := []*engine.Conversion{
		nil,
		{State: "done", Key: hostile, URL: "javascript:alert(5)", Made: true, Tasks: 1},
		{State: "under way", Reason: hostile},
		{State: "failed", Reason: hostile, Code: hostile},
	}
	for _, path := range []string{"/", "/history", "/history?record=" + "%22%3E%3Cscript%3E", "/conflicts?mapping=%3Cscript%3E", "/queue", "/links", "/nothing", "/explain?record=%3Cscript%3E", "/mappings/%3Cscript%3E", "/login?next=%22%3E%3Cscript%3E", "/undo?event=1", "/undo?run=%3Cscript%3E", "/conflicts/1/2", "/conflicts/all?mapping=%3Cscript%3E&field=%22&side=%27"} {
		checkPage(t, path, f.do("GET", path, "", "Authorization", bearer, "Accept", "text/html"))
	}
	for _, c := range states {
		f.engine.preview.Conversion = c
		checkPage(t, "convert", f.do("GET", link, "", "Accept", "text/html"))
	}
	f.engine.conversion = states[3]
	checkPage(t, "failed press", f.do("POST", link, "", "Accept", "text/html"))
	f.engine.err = &connectors.Error{Op: hostile, Kind: connectors.Invalid, Connection: hostile, Record: hostile}
	checkPage(t, "error", f.do("GET", link, "", "Accept", "text/html"))
	checkPage(t, "error of a list", f.do("GET", "/links", "", "Authorization", bearer, "Accept", "text/html"))
}

func checkPage(t *testing.T, name string, r *http.Response) {
	t.Helper()
	text := read(t, r)
	if policy := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("%s: policy %q", name, policy)
	}
	if got, want := r.Header.Get("Content-Type"), "text/html; charset=utf-8"; got != want {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !strings.Contains(text, "</html>") {
		t.Errorf("%s: the page is cut", name)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" || n.Data == "img" || n.Data == "iframe" {
			t.Errorf("%s: hostile data became <%s>", name, n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:") {
				t.Errorf("%s: hostile data became %s=%q", name, a.Key, a.Val)
			}
		}
	}
}

// TestServe runs the server on a socket and stops it while a request is open.
func TestServe(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	f := newFixture(t, nil)
	f.engine.receive = func(string, connectors.WebhookRequest) (connectors.Delivery, error) {
		close(entered)
		<-leave
		return connectors.Delivery{}, nil
	}
	s, err := server.New(func() server.Config { c := f.config; c.Metrics = nil; return c }())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	answered := make(chan int, 1)
	go func() {
		r, err := http.Post("http://"+l.Addr().String()+"/hooks/crm", "application/json", strings.NewReader("x"))
		if err != nil {
			answered <- 0
			return
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		answered <- r.StatusCode
	}()
	<-entered
	stop()
	close(leave)
	if got, want := <-answered, http.StatusNoContent; got != want {
		t.Errorf("the open request: got %d, want %d", got, want)
	}
	if err := <-served; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
