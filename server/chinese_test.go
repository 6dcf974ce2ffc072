package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// greekRows hold what people and systems wrote in Greek letters, so that any
// Latin word on a page is the page's own.
func greekRows() rows {
	ref := connectors.Ref{Connection: "δ", Object: "ο", ID: "1"}
	refs := [2]connectors.Ref{ref, ref}
	two := [2]string{"α", "β"}
	aside := func(kind, code string) engine.AsideRow {
		return engine.AsideRow{Link: 1, Rule: 2, Mapping: "μ", Field: "φ", Kind: kind, Since: testNow, Code: code, Reason: "said by the engine", Records: refs, Sides: two, Values: two}
	}
	r := rows{
		asides: []engine.AsideRow{aside("conflict", "conflict"), aside("refused", "refused"), aside("oscillating", "oscillating"), aside("unmatched", "unmatched")},
		tally:  engine.Tally{InSync: 2000, Due: 1, Waiting: 1, SetAside: 1, Conflicts: 1, Failed: 1, Cut: true, Since: testNow},
		status: engine.Status{
			At: testNow,
			Connections: []engine.ConnectionStatus{
				{Name: "δ", State: "up", LastWebhook: testNow, Daily: 100, DailyLeft: 3},
				{Name: "ε", State: "paused", Code: "auth", Reason: "said by the engine", Since: testNow, RetryAt: testNow},
				{Name: "ζ", State: "paused", Code: "paused", Paused: &engine.Pause{Connection: "ζ", By: "Ω", Since: testNow, Reason: "Ω"}},
			},
			Mappings: []engine.MappingStatus{
				{Name: "μ", State: "running"},
				{Name: "ν", State: "stopped", Code: "guard", Reason: "said by the engine"},
				{Name: "ξ", State: "paused", Paused: &engine.Pause{Mapping: "ξ", By: "Ω", Since: testNow}},
			},
		},
	}
	for _, state := range []string{"back", "was", "left", "else"} {
		r.undone.Rows = append(r.undone.Rows, engine.UndoneRow{Record: "δ/ο/1", Title: "Ω", Field: "φ", State: state, Code: "edited-since", Reason: "said by the engine", Now: "Ω"})
	}
	r.conflict.AsideRow = r.asides[0]
	r.conflict.Live = [2]engine.LiveValue{{Title: "Ω", URL: "https://x.example/", State: "archived", Value: "Ω", Told: true}, {Error: "said by the engine"}}
	r.resolved = []engine.ResolvedRow{{ConflictID: engine.ConflictID{Link: 1, Rule: 2}, Mapping: "μ", Field: "φ", Sides: two, Values: [2]string{"Ω", ""}}}
	r.undone.Back, r.undone.Was, r.undone.Left, r.undone.Else, r.undone.More = 1, 1, 1, 1, 7
	r.links = []engine.LinkRow{
		{ID: 1, Mapping: "μ", Records: refs, Status: "active", Created: testNow, Asides: r.asides[:1]},
		{ID: 2, Mapping: "μ", Records: refs, Status: "ended"},
		{ID: 3, Mapping: "μ", Records: refs, Status: "waiting"},
	}
	for _, status := range []string{"ready", "waiting", "failed"} {
		for _, p := range []string{"button", "webhook", "poll", "backfill", "sweep"} {
			r.queue = append(r.queue, engine.QueueRow{Mapping: "μ", Link: 1, Record: "δ/ο/1", Status: status, Priority: p, Due: testNow, Attempts: 2, Code: "unavailable", Reason: "said by the engine", Source: p})
		}
	}
	for _, action := range []string{"updated", "created", "found", "linked", "unlinked", "agreed", "no difference", "set aside", "conflict", "resolved", "resumed", "paused", "stopped", "undone", "run started", "drift", "offered", "pressed", "merged"} {
		r.history = append(r.history, engine.EventRow{
			Seq: 1, Run: 7, At: testNow, Mapping: "μ", Link: 1, Records: [2]string{"δ/ο/1", "δ/ο/2"}, Action: action, To: "α", Source: "webhook",
			Detail: "said by the engine", Fields: []engine.EventFieldRow{{Name: "φ", Why: "said by the engine", Replaced: "kept"}},
		})
	}
	return r
}

func greekExplanation() engine.Explanation {
	x := engine.Explanation{
		At: testNow, Asked: "link:1", Verdict: "said by the engine", Code: "conflict", Live: true, Unreachable: true, Standing: engine.NeedsYou,
		Record: engine.ExplainedRecord{Ref: connectors.Ref{Connection: "δ", Object: "ο", ID: "1"}, Title: "Ω", Key: "Ω-1", URL: "https://x.example/", State: "live"},
	}
	m := engine.ExplainedMapping{
		Name: "μ", Standing: engine.NeedsYou, Link: &engine.ExplainedLink{ID: 1, Status: "active", Created: testNow},
		Queue:    &engine.ExplainedEntry{QueueRow: engine.QueueRow{Status: "ready", Due: testNow}, Ahead: 2},
		LastHint: &engine.ExplainedHint{At: testNow, Source: "webhook"}, LastWork: testNow,
		Sides: [2]engine.ExplainedSide{{Name: "α", Connection: "δ", Record: x.Record, LastPoll: testNow}, {Name: "β", Connection: "δ", Record: engine.ExplainedRecord{State: "archived"}}},
	}
	for i, s := range []engine.Standing{engine.InSync, engine.LeftAlone, engine.OnItsWay, engine.Waits, engine.NeedsYou, engine.Unknown} {
		m.Fields = append(m.Fields, engine.ExplainedField{
			Rule: uint32(i), Name: "φ", Flow: "both ways", Standing: s, Why: "said by the engine", Values: [2]string{"Ω"}, Told: [2]bool{true, i%2 == 0}, To: "β", After: "Ω", Code: "unmatched",
		})
	}
	x.Mappings = append(x.Mappings, m)
	for _, a := range engine.Advices() {
		x.Findings = append(x.Findings, engine.Finding{Code: a.Code, Standing: a.Standing, Text: "said of it by the engine", Do: a.Do, Link: 1, Rule: 2})
	}
	return x
}

// latin is what a Chinese page should not have but in what the engine, a system
// or a person said, and in the program's own names.
var (
	latin    = regexp.MustCompile(`[A-Za-z]{2,}`)
	ownNames = regexp.MustCompile(`Tenon|crm/deal|API|UTC|Webhook|English|CRM|read|operate|OIDC|tenon|yaml|engine\.[a-z_]+|[a-z]+_[a-z_]+|(when|with|between|values|otherwise|scope|create|on_delete|sweep):?|unlink|archive|delete|repair`)
)

// TestPagesInChinese looks for words that nobody translated on each page.
func TestPagesInChinese(t *testing.T) {
	f := newFixture(t, func(c *server.Config) {
		c.OIDC = server.OIDC{Issuer: "https://idp.example", ClientID: "x", Read: []string{"group:x"}}
	})
	p := newPerson(t, f)
	p.login(f.token(t, server.ScopeRead, server.ScopeOperate), "")
	p.headers["Accept-Language"] = "zh-CN"
	look := func(what string, r *http.Response) {
		t.Helper()
		root, err := html.Parse(strings.NewReader(read(t, r)))
		if err != nil {
			t.Fatal(err)
		}
		checkChinese(t, what, root)
	}
	f.engine.rows = greekRows()
	f.engine.rows.explanation = greekExplanation()
	f.engine.preview = previewOf("Ω")
	f.engine.preview.Button, f.engine.preview.System, f.engine.preview.Problems = "Ω", "δ", []string{"said by the engine"}
	f.engine.preview.Fields = []engine.PreviewField{{Name: "φ", Label: "φ", Value: "Ω"}}
	f.engine.preview.Tasks = []engine.PreviewTask{{Title: "Ω", Assignee: "Ω", Due: testNow}}
	paths := []string{
		"/", "/?every=30", "/mappings/μ", "/links", "/conflicts", "/conflicts?kind=conflict", "/queue", "/history", "/history?run=7", "/login", "/nothing", "/links?after=x", "/explain?record=link:1",
		"/undo?event=1", "/undo?run=1", "/undo?link=1", "/undo?link=x", "/conflicts/1/2", "/conflicts/1/x", "/conflicts/all?mapping=μ&field=φ&side=α", "/conflicts/all",
	}
	for _, path := range paths {
		look(path, p.get(path))
	}
	convert := f.signer.ConvertLink("", "deals", deal)
	for _, c := range []*engine.Conversion{
		nil,
		{State: "done", Key: "Ω-1", URL: "https://x.example/", Made: true, Tasks: 2},
		{State: "under way", Reason: "said by the engine"},
		{State: "failed", Reason: "said by the engine", Code: "refused"},
	} {
		f.engine.preview.Conversion = c
		look("convert", p.get(convert))
	}
	look("a convert page of nobody", p.get("/convert/deals?record=1"))
	look("a convert page of nothing", p.get("/convert/none?record=1"))
	look("a wrong token", p.login("x", ""))
	look("a stale form", p.do("POST", "/queue/retry", nil))
	for _, kind := range []connectors.Kind{connectors.Auth, connectors.Permission, connectors.NotFound, connectors.Invalid, connectors.Conflict, connectors.Unavailable, connectors.Internal} {
		f.engine.err = &connectors.Error{Op: "said by the engine", Kind: kind}
		look("an error", p.get("/queue"))
	}
	f.engine.err = nil
	f.engine.rows = rows{status: engine.Status{At: testNow}}
	for _, path := range paths {
		look(path+" of nothing", p.get(path))
	}
	reader := newPerson(t, f)
	reader.headers["Accept-Language"] = "zh"
	reader.login(f.token(t, server.ScopeRead), "")
	look("not allowed", reader.do("POST", "/queue/retry", nil))
	look("logged out", reader.do("POST", "/logout", nil))
}

func checkChinese(t *testing.T, what string, n *html.Node) {
	t.Helper()
	check := func(text string) {
		rest := strings.TrimSpace(ownNames.ReplaceAllString(text, ""))
		if latin.MatchString(rest) {
			t.Errorf("%s: %q is not Chinese", what, strings.TrimSpace(text))
		}
	}
	switch n.Type {
	case html.TextNode:
		check(n.Data)
	case html.ElementNode:
		if n.Data == "style" || n.Data == "code" {
			return
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "lang" && a.Val == "en", a.Key == "translate" && a.Val == "no":
				return
			case a.Key == "placeholder" || a.Key == "aria-label" || a.Key == "title" || a.Key == "alt":
				check(a.Val)
			}
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		checkChinese(t, what, c)
	}
}
