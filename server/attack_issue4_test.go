package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// TestReadersSeeNoResultsOfJobs asks with a token of scope read for what a job
// of somebody else holds: a plan's values.
func TestReadersSeeNoResultsOfJobs(t *testing.T) {
	const value = "the customer's value"
	r := newJobRig(t, func(_ context.Context, _ []string, file io.Writer, _ engine.PlanOptions) ([]*engine.Plan, error) {
		_, err := io.WriteString(file, value)
		return []*engine.Plan{{Mapping: "a", Changes: []engine.PlanChange{{Action: "update", Title: value}}}}, err
	})
	bearer, reader := r.token(t, server.ScopeOperate, server.ScopeRead), r.token(t, server.ScopeRead)
	j := r.job("POST", "/api/v1/plans", `{"mappings": ["a"], "file": true}`, bearer, 202)
	if got := r.ended(j.ID, bearer); !strings.Contains(string(got.Result), value) {
		t.Fatalf("the job: %+v", got)
	}
	if got := r.ended(j.ID, reader); got.State != server.JobDone || got.Result != nil {
		t.Errorf("a reader sees %+v", got)
	}
	for _, c := range []struct{ method, path string }{{"GET", "/api/v1/jobs"}, {"GET", "/api/v1/jobs/" + j.ID}, {"GET", "/api/v1/jobs/" + j.ID + "/output"}, {"DELETE", "/api/v1/jobs/" + j.ID}} {
		if text := read(t, r.do(c.method, c.path, "", "Authorization", "Bearer "+reader)); strings.Contains(text, value) {
			t.Errorf("%s %s tells a reader %s", c.method, c.path, text)
		}
	}
	r.job("GET", "/api/v1/jobs/"+j.ID+"/output", "", reader, 403)
	r.job("DELETE", "/api/v1/jobs/"+j.ID, "", reader, 403)
}

// applied is an engine that reads a plan's file.
type applied struct{ planning }

func (applied) Apply(_ context.Context, file io.ReadSeeker, _ engine.ApplyOptions) (*engine.Applied, error) {
	_, err := io.Copy(io.Discard, file)
	return &engine.Applied{}, err
}

// TestFilesOfJobsAreBounded fills the disk's share: what is old makes room, what
// is too large is refused, and nothing has a name in the folder.
func TestFilesOfJobsAreBounded(t *testing.T) {
	dir, size := t.TempDir(), 60
	plan := func(_ context.Context, _ []string, file io.Writer, _ engine.PlanOptions) ([]*engine.Plan, error) {
		_, err := io.WriteString(file, strings.Repeat("x", size))
		return nil, err
	}
	r := &jobRig{fixture: newFixture(t, func(c *server.Config) {
		c.TempDir, c.MaxSpooled = dir, 100
		c.Engine = applied{planning{fakeEngine: &fakeEngine{}, plan: plan}}
	})}
	bearer := r.token(t, server.ScopeOperate, server.ScopeRead)
	output := func(id string) string { return "/api/v1/jobs/" + id + "/output" }
	work := func() server.Job {
		return r.ended(r.job("POST", "/api/v1/plans", `{"mappings": ["a"], "file": true}`, bearer, 202).ID, bearer)
	}
	first := work()
	if first.Output != 60 {
		t.Fatalf("the first: %+v", first)
	}
	second := work()
	if second.Output != 60 {
		t.Errorf("the second: %+v", second)
	}
	r.job("GET", output(first.ID), "", bearer, 404) // made room
	size = 150
	if third := work(); third.State != server.JobFailed || third.Problem.Status != 503 {
		t.Errorf("what is too large: %+v", third)
	}
	send := func(body string) *http.Response {
		return r.do("POST", "/api/v1/plans/apply", body, "Authorization", "Bearer "+bearer, "Content-Type", "application/x-ndjson")
	}
	for range 3 { // room is given back, also by those that are refused
		if resp := send(strings.Repeat("x", 150)); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("a plan that is too large: got %d", resp.StatusCode)
		}
		resp := send(strings.Repeat("x", 90))
		var j server.Job
		if err := json.Unmarshal([]byte(read(t, resp)), &j); err != nil || resp.StatusCode != 202 {
			t.Fatalf("a plan that fits: got %d, %v", resp.StatusCode, err)
		}
		if j = r.ended(j.ID, bearer); j.State != server.JobDone {
			t.Errorf("a plan that fits: %+v", j)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

// TestNobodyIsKeptOutByGuesses lets a stranger behind the same proxy guess.
func TestNobodyIsKeptOutByGuesses(t *testing.T) {
	f := newFixture(t, nil)
	p := newPerson(t, f)
	for range 20 {
		answers(t, "a guess", p.login("tenon.0123456789abcdef.00", ""), 403)
	}
	for _, from := range []string{"203.0.113.9", "127.0.0.1"} { // who claims to be somebody else waits as well
		p.headers["X-Forwarded-For"], p.headers["X-Real-Ip"] = from, from
		answers(t, "one more", p.login("tenon.0123456789abcdef.00", ""), 429, "Wait a minute")
	}
	leadsTo(t, "a good token", newPerson(t, f).login(f.token(t, server.ScopeRead), ""), "/")
}

// TestSessionsAreNotFixed gives the browser a session before its owner logs in.
func TestSessionsAreNotFixed(t *testing.T) {
	f := newFixture(t, nil)
	attacker, victim := newPerson(t, f), newPerson(t, f)
	leadsTo(t, "the attacker", attacker.login(f.token(t, server.ScopeRead), ""), "/")
	planted := attacker.cookies["__Host-tenon-session"]
	for _, c := range []*http.Cookie{planted, {Name: planted.Name, Value: "chosen"}, {Name: planted.Name, Value: ""}, {Name: planted.Name, Value: strings.Repeat("x", 5000)}} {
		victim.cookies[c.Name] = c
		leadsTo(t, "the victim", victim.login(f.token(t, server.ScopeRead, server.ScopeOperate), ""), "/")
		if got := victim.cookies[c.Name].Value; got == c.Value || len(got) < 43 {
			t.Errorf("the session is %q after %q", got, c.Value)
		}
	}
	leadsTo(t, "the planted session", attacker.get("/"), "/login")
	victim.cookies[planted.Name] = &http.Cookie{Name: "tenon-session", Value: victim.cookies[planted.Name].Value}
	leadsTo(t, "the session under a name that any host may set", victim.get("/"), "/login")
}

// TestNoWayLeadsElsewhere tries every address that takes a way back with
// addresses of other sites.
func TestNoWayLeadsElsewhere(t *testing.T) {
	f := newFixture(t, nil)
	token := f.token(t, server.ScopeRead, server.ScopeOperate)
	p := newPerson(t, f)
	p.login(token, "")
	f.engine.rows.asides = []engine.AsideRow{{Link: 7, Rule: 3, Mapping: "m", Field: "name", Kind: "conflict", Sides: [2]string{"deal", "epic"}}}
	form := p.formToken("/conflicts")
	for _, way := range []string{
		"//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, `\\evil.example`, "https://evil.example", "HTTPS:evil.example", "https:/evil.example",
		"javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n/evil.example", " //evil.example", "\x00//evil.example", "//evil.example/../", "evil.example",
		"http:///evil.example", "//tenon.example@evil.example", "/" + strings.Repeat("a", 3000), "%2f%2fevil.example", "?x=//evil.example",
	} {
		for what, r := range map[string]*http.Response{
			"login":    newPerson(t, f).login(token, way),
			"language": p.get("/language/en?" + url.Values{"back": {way}}.Encode()),
			"act":      p.do("POST", "/queue/retry", url.Values{"form": {form}, "mapping": {"m"}, "back": {way}}),
		} {
			leadsTo(t, what+" with "+way, r, "/")
		}
		if text := read(t, newPerson(t, f).get("/login?"+url.Values{"next": {way}}.Encode())); !strings.Contains(text, `name="next" value="/"`) {
			t.Errorf("the login form keeps the way %q", way)
		}
	}
	for way, want := range map[string]string{"/.//evil.example": "/evil.example", "/%2f/evil.example": "/%2f/evil.example", "/%5cevil.example": "/%5cevil.example"} {
		leadsTo(t, way, newPerson(t, f).login(token, way), want) // an address here, with no such page
	}
}

// TestPagesTakeOnlyTheirMethods sends what no form of the pages sends.
func TestPagesTakeOnlyTheirMethods(t *testing.T) {
	f := newFixture(t, nil)
	p := newPerson(t, f)
	p.login(f.token(t, server.ScopeRead, server.ScopeOperate), "")
	for _, a := range acts {
		for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "HEAD"} {
			r := p.do(method, a.path+"?"+a.form.Encode(), nil)
			if got := f.engine.presses(); len(got) > 0 {
				t.Fatalf("%s %s did %v", method, a.path, got)
			}
			if look := method == "HEAD" && (a.path == "/undo" || a.path == "/conflicts/all"); !look && r.StatusCode < 400 {
				t.Errorf("%s %s: got %d", method, a.path, r.StatusCode)
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "" || r.Header.Get("Access-Control-Allow-Methods") != "" {
				t.Errorf("%s %s opens the service to other sites", method, a.path)
			}
		}
	}
}

// TestOpenPagesAreDirect asks a loopback service without a public address in the
// ways of a rebound name and of proxies, told and untold.
func TestOpenPagesAreDirect(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.PublicURL = "" })
	ask := func(change func(*http.Request)) int {
		req := httptest.NewRequest("GET", "/queue", nil)
		req.Host = "127.0.0.1:8484"
		req.Header.Set("Accept", "text/html")
		change(req)
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, req)
		return w.Code
	}
	if got := ask(func(*http.Request) {}); got != 200 {
		t.Fatalf("from this machine: got %d", got)
	}
	for name, change := range map[string]func(*http.Request){
		"a name that was rebound":    func(r *http.Request) { r.Host = "evil.example:8484" },
		"a name below localhost":     func(r *http.Request) { r.Host = "localhost.evil.example" },
		"a name before the address":  func(r *http.Request) { r.Host = "127.0.0.1.evil.example" },
		"no name":                    func(r *http.Request) { r.Host = "" },
		"a proxy that says so":       func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") },
		"a proxy of the standard":    func(r *http.Request) { r.Header.Set("Forwarded", "for=127.0.0.1") },
		"a proxy that says nothing":  func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0 },
		"a proxy that names itself":  func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") },
		"the address in other words": func(r *http.Request) { r.Host = "0.0.0.0:8484" },
	} {
		if got := ask(change); got != http.StatusSeeOther {
			t.Errorf("%s: got %d, want to be sent to the login", name, got)
		}
	}
}

// TestASlowProviderKeepsNobodyElseOut lets the identity provider hang: logins
// beyond a few are refused at once, and all else goes on.
func TestASlowProviderKeepsNobodyElseOut(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		http.NotFound(w, nil)
	}))
	defer slow.Close()
	f := newFixture(t, func(c *server.Config) {
		c.MaxRequests = 20
		c.OIDC = server.OIDC{Issuer: slow.URL, ClientID: "tenon", ClientSecret: "hush", Read: []string{"@example.com"}, Client: &http.Client{}}
	})
	f.plain = true
	const visitors = 17
	statuses := make(chan int, visitors)
	for range visitors {
		go func() {
			req := httptest.NewRequest("GET", "/login/oidc", nil)
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, req)
			statuses <- w.Code
		}()
	}
	wait := func() int {
		select {
		case got := <-statuses:
			return got
		case <-time.After(time.Minute):
			t.Fatal("no answer")
			return 0
		}
	}
	if got := wait(); got != http.StatusServiceUnavailable {
		t.Errorf("a visitor too many: got %d, want 503", got)
	}
	if got := f.do("GET", "/healthz", "").StatusCode; got != 200 {
		t.Errorf("something else: got %d", got)
	}
	close(release)
	for range visitors - 1 {
		if got := wait(); got != http.StatusBadGateway {
			t.Errorf("a visitor who waited: got %d, want 502", got)
		}
	}
}

// TestProblemsTellNothingOfTheInside fails in ways that quote paths and secrets.
func TestProblemsTellNothingOfTheInside(t *testing.T) {
	f := newFixture(t, nil)
	bearer := "Bearer " + f.token(t, server.ScopeRead)
	for _, err := range []error{
		&os.PathError{Op: "open", Path: "/var/lib/tenon/secret.key", Err: os.ErrPermission},
		&connectors.Error{Op: "read", Kind: connectors.Internal, Err: &os.PathError{Op: "open", Path: "/var/lib/tenon/secret.key", Err: os.ErrPermission}},
	} {
		f.engine.err = err
		for _, accept := range []string{"application/json", "text/html"} {
			for _, path := range []string{"/api/v1/status", "/api/v1/links", "/links", "/queue"} {
				if r := f.do("GET", path, "", "Authorization", bearer, "Accept", accept); r.StatusCode != 500 {
					t.Errorf("%s: got %d", path, r.StatusCode)
				} else if text := read(t, r); strings.Contains(text, "secret.key") {
					t.Errorf("%s tells %s", path, text)
				}
			}
		}
	}
}
