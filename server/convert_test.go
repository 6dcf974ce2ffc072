package server_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

var deal = connectors.Ref{Connection: "crm", Object: "deal", ID: "42"}

func previewOf(title string) *engine.Preview {
	return &engine.Preview{
		Mapping: "deals", Button: "Convert to project", Source: deal, SourceURL: "https://crm.example/42", Title: title,
		Target: "epic", System: "tracker",
		Fields: []engine.PreviewField{{Name: "summary", Label: "Summary", Value: title}},
		Tasks:  []engine.PreviewTask{{Title: "Prototype", Assignee: "ada@example.com", Due: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}},
	}
}

// verifier is a connection whose system signs requests with one header.
type verifier struct{ crm }

func (verifier) VerifyRequest(req connectors.WebhookRequest) error {
	if req.Header.Get("X-Signed") != req.Method+" "+req.URL+" "+string(req.Body) {
		return &connectors.Error{Op: "verify request", Kind: connectors.Auth, Err: errors.New("wrong signature")}
	}
	return nil
}

func TestConvertWaysIn(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.Connections["crm"] = verifier{} })
	f.engine.preview = previewOf("Deal")
	link := f.signer.ConvertLink("", "deals", deal)
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(q url.Values)) string {
		q := u.Query()
		change(q)
		return u.Path + "?" + q.Encode()
	}
	plain := "/convert/deals?record=42"
	crmSays := "GET https://tenon.example" + plain + " "
	otherMapping := f.signer.ConvertLink("", "deals", connectors.Ref{Connection: "other", Object: "deal", ID: "42"})
	for _, c := range []struct {
		name, target string
		headers      []string
		want         int
	}{
		{"signed link", link, nil, 200},
		{"another record", with(func(q url.Values) { q.Set("record", "43") }), nil, 403},
		{"changed signature", with(func(q url.Values) { q.Set("sig", q.Get("sig")[1:]+"A") }), nil, 403},
		{"unreadable signature", with(func(q url.Values) { q.Set("sig", "%%") }), nil, 403},
		{"another key", with(func(q url.Values) { q.Set("key", "00000000") }), nil, 403},
		{"signed for another connection", otherMapping, nil, 403},
		{"no record", with(func(q url.Values) { q.Del("record") }), nil, 400},
		{"long record", with(func(q url.Values) { q.Set("record", strings.Repeat("4", 600)) }), nil, 400},
		{"no such mapping", strings.Replace(link, "/deals", "/nothing", 1), nil, 404},
		{"nothing at all", plain, nil, 403},
		{"signed by the CRM", plain, []string{"X-Signed", crmSays}, 200},
		{"signed by the CRM for another", plain, []string{"X-Signed", crmSays + "x"}, 403},
		{"token", plain, []string{"Authorization", "Bearer " + f.token(t, server.ScopeConvert)}, 200},
		{"token of another scope", plain, []string{"Authorization", "Bearer " + f.token(t, server.ScopeRead)}, 403},
	} {
		for _, accept := range []string{"application/json", "text/html,application/xhtml+xml"} {
			r := f.do("GET", c.target, "", append(c.headers, "Accept", accept)...)
			if r.StatusCode != c.want {
				t.Errorf("%s as %s: got %d, want %d", c.name, accept, r.StatusCode, c.want)
			}
		}
	}
	if got := f.engine.presses(); len(got) > 0 {
		t.Errorf("a GET acted: %v", got)
	}
}

func TestSignerRotation(t *testing.T) {
	older, newer := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	before, err := server.NewSigner(older)
	if err != nil {
		t.Fatal(err)
	}
	after, err := server.NewSigner(newer, older)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *server.Config) { c.Signer = after })
	f.engine.preview = previewOf("Deal")
	if got, want := f.do("GET", before.ConvertLink("", "deals", deal), "").StatusCode, 200; got != want {
		t.Errorf("a link signed with the older secret: got %d, want %d", got, want)
	}
	if before.ConvertLink("", "deals", deal) == after.ConvertLink("", "deals", deal) {
		t.Error("the newer secret does not sign")
	}
	if _, err := server.NewSigner([]byte("short")); err == nil {
		t.Error("a short secret is accepted")
	}
}

func TestConvertPress(t *testing.T) {
	made := engine.Conversion{State: "done", Source: deal, Key: "P-1", URL: "https://tracker.example/P-1", Tasks: 3, Made: true}
	for _, c := range []struct {
		name     string
		answer   engine.Conversion
		err      error
		accept   string
		status   int
		contains string
	}{
		{"made, for a program", made, nil, "application/json", 200, `"key":"P-1"`},
		{"made, for a browser", made, nil, "text/html", 303, ""},
		{"under way, for a program", engine.Conversion{State: "under way"}, nil, "application/json", 202, "under way"},
		{"under way, for a browser", engine.Conversion{State: "under way"}, nil, "text/html", 303, ""},
		{"failed, for a program", engine.Conversion{State: "failed", Reason: "no right"}, nil, "", 422, "no right"},
		{"failed, for a browser", engine.Conversion{State: "failed", Reason: "no right"}, nil, "text/html", 422, "no right"},
		{"system down", engine.Conversion{}, kindErr(connectors.Unavailable), "text/html", 503, "unavailable"},
		{"fault of ours", engine.Conversion{}, errors.New("secret detail"), "text/html", 500, "internal error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.engine.conversion, f.engine.err = &c.answer, c.err
			r := f.do("POST", f.signer.ConvertLink("", "deals", deal), "", "Accept", c.accept)
			text := read(t, r)
			if r.StatusCode != c.status {
				t.Errorf("status: got %d, want %d", r.StatusCode, c.status)
			}
			if c.name != "system down" && !strings.Contains(text, c.contains) {
				t.Errorf("the answer lacks %q:\n%s", c.contains, text)
			}
			if strings.Contains(text, "secret detail") {
				t.Error("the answer tells internals")
			}
			if got, want := len(f.engine.presses()), 1; got != want || f.engine.presses()[0] != "deals 42 by button" {
				t.Errorf("presses: %v", f.engine.presses())
			}
			if c.status == http.StatusSeeOther && !strings.HasPrefix(r.Header.Get("Location"), "/convert/deals?") {
				t.Errorf("it leads to %q", r.Header.Get("Location"))
			}
		})
	}
}

func TestConvertFromAnotherSite(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.conversion = &engine.Conversion{State: "done"}
	r := f.do("POST", f.signer.ConvertLink("", "deals", deal), "", "Sec-Fetch-Site", "cross-site")
	if got, want := r.StatusCode, 403; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	if got := f.engine.presses(); len(got) > 0 {
		t.Errorf("it acted: %v", got)
	}
}

func TestConvertPageStates(t *testing.T) {
	f := newFixture(t, nil)
	link := f.signer.ConvertLink("", "deals", deal)
	page := func() string { return read(t, f.do("GET", link, "", "Accept", "text/html")) }
	f.engine.preview = previewOf("Deal")
	f.engine.preview.Problems = []string{"the owner has no account"}
	text := page()
	for _, want := range []string{`<form method="post"`, ">Convert to project</button>", "Prototype", "due 1 Apr 2026", "the owner has no account", "Nothing has been made yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("the preview lacks %q", want)
		}
	}
	f.engine.preview.Conversion = &engine.Conversion{State: "under way"}
	if text = page(); !strings.Contains(text, `http-equiv="refresh" content="2; url=/convert/deals?`) || strings.Contains(text, "<form") {
		t.Errorf("the page does not wait:\n%s", text)
	}
	f.engine.preview.Conversion = &engine.Conversion{State: "done", Key: "P-1", URL: "https://tracker.example/P-1", Tasks: 3}
	if text = page(); !strings.Contains(text, `href="https://tracker.example/P-1"`) || strings.Contains(text, "<form") {
		t.Errorf("the page shows no project:\n%s", text)
	}
	f.engine.preview.Conversion = &engine.Conversion{State: "failed", Reason: "no right to create"}
	if text = page(); !strings.Contains(text, "no right to create") || !strings.Contains(text, "Try again") {
		t.Errorf("the page shows no failure:\n%s", text)
	}
}
