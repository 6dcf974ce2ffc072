package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// movingClock tells what a test sets.
type movingClock struct{ now time.Time }

func (c *movingClock) Now() time.Time                                 { return c.now }
func (*movingClock) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// person is a browser: it keeps cookies.
type person struct {
	t       *testing.T
	handler http.Handler
	cookies map[string]*http.Cookie
	headers map[string]string
	from    string // the address it comes from
}

func newPerson(t *testing.T, f *fixture) *person {
	return &person{
		t: t, handler: f.handler, cookies: map[string]*http.Cookie{}, from: "192.0.2.1:5000",
		headers: map[string]string{"Accept": "text/html", "Sec-Fetch-Site": "same-origin"},
	}
}

func (p *person) do(method, target string, form url.Values) *http.Response {
	p.t.Helper()
	req := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	req.RemoteAddr, req.Host = p.from, "tenon.example"
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range p.headers {
		req.Header.Set(k, v)
	}
	for _, c := range p.cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, req)
	r := w.Result()
	for _, c := range r.Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || !strings.HasPrefix(c.Name, "__Host-") {
			p.t.Errorf("the cookie %s is %v", c.Name, c)
		}
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
			continue
		}
		p.cookies[c.Name] = c
	}
	return r
}

func (p *person) get(target string) *http.Response { p.t.Helper(); return p.do("GET", target, nil) }

// login enters a token.
func (p *person) login(token, next string) *http.Response {
	p.t.Helper()
	return p.do("POST", "/login", url.Values{"token": {token}, "next": {next}})
}

var formField = regexp.MustCompile(`name="form" value="([^"]+)"`)

// formToken reads the token of the first form of a page.
func (p *person) formToken(target string) string {
	p.t.Helper()
	m := formField.FindStringSubmatch(read(p.t, p.get(target)))
	if m == nil {
		p.t.Fatalf("%s shows no form", target)
	}
	return m[1]
}

func leadsTo(t *testing.T, what string, r *http.Response, want string) {
	t.Helper()
	if got := r.Header.Get("Location"); r.StatusCode != http.StatusSeeOther || got != want {
		t.Errorf("%s: got %d to %q, want 303 to %q", what, r.StatusCode, got, want)
	}
}

func answers(t *testing.T, what string, r *http.Response, status int, words ...string) {
	t.Helper()
	text := read(t, r)
	if r.StatusCode != status {
		t.Errorf("%s: got %d, want %d", what, r.StatusCode, status)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s: the page lacks %q:\n%s", what, w, text)
		}
	}
}

func TestLogin(t *testing.T) {
	clock := &movingClock{testNow}
	f := newFixture(t, func(c *server.Config) { c.Clock = clock })
	p := newPerson(t, f)
	leadsTo(t, "a page of nobody", p.get("/history?link=7"), "/login?next=%2Fhistory%3Flink%3D7")
	leadsTo(t, "the front page of nobody", p.get("/"), "/login")
	answers(t, "the login", p.get("/login?next=/queue"), 200, "API token", `value="/queue"`)
	answers(t, "a wrong token", p.login("tenon.0123456789abcdef.00", "/queue"), 403, "not good", `value="/queue"`)
	answers(t, "no token", p.login("", ""), 403, "not good")
	answers(t, "a token for programs", p.login(f.token(t, server.ScopeConvert), ""), 403, "lacks the scope read")

	token := f.token(t, server.ScopeRead)
	leadsTo(t, "a good token", p.login(" "+token+"\n", "/queue"), "/queue")
	answers(t, "the page", p.get("/queue"), 200, "token test", "Log out")
	leadsTo(t, "a way to another site", newPerson(t, f).login(token, "https://evil.example/"), "/")

	// The session is for pages only.
	p.headers["Accept"] = "application/json"
	if got := p.get("/api/v1/status").StatusCode; got != 401 {
		t.Errorf("the API takes a cookie: got %d, want 401", got)
	}
	p.headers["Accept"] = "text/html"

	answers(t, "log out", p.do("POST", "/logout", nil), 200, "logged out")
	if len(p.cookies) > 0 {
		t.Errorf("the browser keeps %v", p.cookies)
	}
	leadsTo(t, "after that", p.get("/"), "/login")
}

// Over plain HTTP browsers tell only by Origin where a form comes from, and tell
// it only to pages whose referrer policy lets them.
func TestLoginOverPlainHTTP(t *testing.T) {
	f := newFixture(t, nil)
	p := newPerson(t, f)
	delete(p.headers, "Sec-Fetch-Site")
	if got, want := p.get("/login").Header.Get("Referrer-Policy"), "same-origin"; got != want {
		t.Errorf("Referrer-Policy is %q, want %q", got, want)
	}
	token := f.token(t, server.ScopeRead)
	for origin, want := range map[string]int{"http://evil.example": http.StatusForbidden, "null": http.StatusForbidden, "http://tenon.example": http.StatusSeeOther} {
		p.headers["Origin"] = origin
		if got := p.login(token, "/").StatusCode; got != want {
			t.Errorf("a login by a form of %s answers %d, want %d", origin, got, want)
		}
	}
}

// TestSessionsEnd lets sessions end in each way that they may.
func TestSessionsEnd(t *testing.T) {
	clock := &movingClock{testNow}
	f := newFixture(t, func(c *server.Config) { c.Clock = clock })
	enter := func(token string) *person {
		p := newPerson(t, f)
		leadsTo(t, "login", p.login(token, ""), "/")
		return p
	}
	token := f.token(t, server.ScopeRead)

	p := enter(token)
	for range 11 { // each look keeps it for another hour, up to twelve in all
		clock.now = clock.now.Add(59 * time.Minute)
		answers(t, "a busy session", p.get("/queue"), 200)
	}
	clock.now = clock.now.Add(time.Hour + 11*time.Minute)
	leadsTo(t, "an idle session", p.get("/"), "/login")

	p = enter(token)
	for range 13 {
		clock.now = clock.now.Add(55 * time.Minute)
		answers(t, "a long session", p.get("/queue"), 200)
	}
	clock.now = clock.now.Add(55 * time.Minute)
	leadsTo(t, "a session of more than twelve hours", p.get("/"), "/login")

	made, text, err := f.tokens.Create(t.Context(), "short", []server.Scope{server.ScopeRead}, clock.now, clock.now.Add(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	p = enter(text)
	clock.now = clock.now.Add(11 * time.Minute)
	leadsTo(t, "a session of a token that expired", p.get("/"), "/login")

	made, text, err = f.tokens.Create(t.Context(), "revoked", []server.Scope{server.ScopeRead}, clock.now, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	p = enter(text)
	if err := f.tokens.Revoke(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	leadsTo(t, "a session of a revoked token", p.get("/"), "/login")

	// A copy of the cookie is no good after its owner logged out.
	p = enter(token)
	thief := newPerson(t, f)
	for k, c := range p.cookies {
		thief.cookies[k] = c
	}
	answers(t, "with the copy", thief.get("/queue"), 200)
	p.do("POST", "/logout", nil)
	leadsTo(t, "with the copy after the end", thief.get("/"), "/login")
}

func TestLoginRate(t *testing.T) {
	clock := &movingClock{testNow}
	f := newFixture(t, func(c *server.Config) { c.Clock = clock })
	token := f.token(t, server.ScopeRead)
	p := newPerson(t, f)
	for range 20 {
		answers(t, "a guess", p.login("tenon.0123456789abcdef.00", ""), 403)
	}
	const guess = "tenon.0123456789abcdef.00"
	r := p.login(guess, "")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	answers(t, "after twenty guesses", r, 429, "Wait a minute")
	other := newPerson(t, f)
	other.from = "192.0.2.2:5000"
	answers(t, "somebody else's guess", other.login(guess, ""), 403)
	leadsTo(t, "a good token", p.login(token, ""), "/")
	clock.now = clock.now.Add(time.Minute)
	answers(t, "a guess a minute later", p.login(guess, ""), 403)
}

func (f *fakeEngine) ShowConflict(_ context.Context, link uint64, rule uint32) (*engine.ConflictView, error) {
	v := f.rows.conflict
	v.Link, v.Rule = link, rule
	return &v, f.err
}

func (f *fakeEngine) Replay(_ context.Context, o engine.ReplayOrder, by string) (*engine.Replayed, error) {
	f.pressed = append(f.pressed, fmt.Sprintf("replay %q %q %v by %s", o.Record, o.Mapping, o.Failed, by))
	return &engine.Replayed{Entries: 2}, f.err
}

var jobAddress = regexp.MustCompile(`^/undo/[0-9a-z]+-[0-9]+$`)

// acts are the forms of the pages with what the engine is asked for by each.
var acts = []struct {
	path string
	form url.Values
	want string
}{
	{"/conflicts/resolve", url.Values{"link": {"7"}, "rule": {"3"}, "side": {"deal"}}, "resolve 7 3 deal by token test"},
	{"/queue/retry", url.Values{"mapping": {"m"}}, "retry m "},
	{"/conflicts/all", url.Values{"mapping": {"m"}, "field": {"f"}, "side": {"deal"}}, "decide m f for deal by token test"},
	{"/replay", url.Values{"record": {"crm/deal/7"}}, `replay "crm/deal/7" "" false by token test`},
	{"/replay", url.Values{"mapping": {"m"}, "failed": {"true"}}, `replay "" "m" true by token test`},
	{"/undo", url.Values{"run": {"17"}}, "undo run 17 by token test"},
	{"/resume", url.Values{"name": {"mapping:m"}}, "resume mapping:m by token test"},
	{"/pause", url.Values{"name": {"connection:crm"}, "reason": {" a reason "}}, "pause connection:crm \"a reason\" by token test"},
}

// TestActs sends each form as it should be, and in each way in which it must not
// act.
func TestActs(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.rows.asides = []engine.AsideRow{{Link: 7, Rule: 3, Mapping: "m", Field: "name", Kind: "conflict", Sides: [2]string{"deal", "epic"}}}
	f.engine.rows.undone = engine.Undone{Back: 3, Left: 1}
	operator, reader, other := newPerson(t, f), newPerson(t, f), newPerson(t, f)
	operator.login(f.token(t, server.ScopeRead, server.ScopeOperate), "")
	other.login(f.token(t, server.ScopeRead, server.ScopeOperate), "")
	reader.login(f.token(t, server.ScopeRead), "")
	token, foreign := operator.formToken("/conflicts"), other.formToken("/conflicts")
	if strings.Contains(read(t, reader.get("/conflicts")), `name="form"`) {
		t.Error("somebody who may only read is shown a form that acts")
	}
	for _, a := range acts {
		send := func(p *person, token string) *http.Response {
			form := url.Values{"form": {token}, "back": {"/conflicts?mapping=m"}}
			for k, v := range a.form {
				form[k] = v
			}
			return p.do("POST", a.path, form)
		}
		refused := func(what string, r *http.Response, status int) {
			t.Helper()
			if r.StatusCode != status {
				t.Errorf("%s, %s: got %d, want %d", a.path, what, r.StatusCode, status)
			}
			if got := f.engine.presses(); len(got) > 0 {
				t.Fatalf("%s, %s: did %v", a.path, what, got)
			}
		}
		refused("no token", send(operator, ""), 403)
		refused("a wrong token", send(operator, token[1:]+"x"), 403)
		refused("the token of another session", send(operator, foreign), 403)
		refused("scope read", send(reader, token), 403)
		refused("nobody", send(newPerson(t, f), token), 303)
		switch a.path {
		case "/undo", "/conflicts/all": // the looks before
			refused("GET", operator.get(a.path), 400)
			refused("GET of a reader", reader.get(a.path), 403)
		default:
			refused("GET", operator.get(a.path), 404)
		}
		operator.headers["Sec-Fetch-Site"] = "cross-site"
		refused("from another site", send(operator, token), 403)
		operator.headers["Sec-Fetch-Site"] = "same-origin"

		sent := send(operator, token)
		if a.path == "/undo" {
			if at := sent.Header.Get("Location"); sent.StatusCode != 303 || !jobAddress.MatchString(at) {
				t.Errorf("%s: got %d to %q, want 303 to a job", a.path, sent.StatusCode, at)
			}
			answers(t, "the job", operator.get(sent.Header.Get("Location")), 200, "Undone", "left as they are")
			answers(t, "the job for a reader", reader.get(sent.Header.Get("Location")), 403, "scope operate")
			answers(t, "the look", operator.get("/undo?run=17"), 200, "Undo all writes of run 17?", "Put 3 values back")
			answers(t, "two at once", operator.get("/undo?run=17&event=3"), 400)
			answers(t, "no number", operator.get("/undo?run=x"), 400)
			answers(t, "no job", operator.get("/undo/x-1"), 404)
		} else {
			leadsTo(t, a.path, sent, "/conflicts?mapping=m")
		}
		if got := f.engine.presses(); len(got) != 1 || got[0] != a.want {
			t.Errorf("%s: did %q, want %q", a.path, got, a.want)
		}
		f.engine.pressed = nil
		if a.path == "/undo" {
			continue
		}
		notice := read(t, operator.get("/conflicts"))
		if !strings.Contains(notice, `role="status"`) {
			t.Errorf("%s: the next page says nothing", a.path)
		}
		if strings.Contains(read(t, operator.get("/conflicts")), `role="status"`) {
			t.Errorf("%s: the notice is said twice", a.path)
		}
		f.engine.err = &connectors.Error{Op: "act", Kind: connectors.Conflict}
		answers(t, a.path+" that fails", send(operator, token), 409, "changed meanwhile")
		f.engine.err, f.engine.pressed = nil, nil
	}
}

// TestNoticeSaysOnlyNotices gives the browser a notice that nobody left.
func TestNoticeSaysOnlyNotices(t *testing.T) {
	f := newFixture(t, nil)
	p := newPerson(t, f)
	p.login(f.token(t, server.ScopeRead), "")
	for _, value := range []string{"e30", "eyJrIjoibG9naW4ud3JvbmcifQ", "%%%", "bm9uZQ", strings.Repeat("A", 2000)} {
		p.cookies["__Host-tenon-notice"] = &http.Cookie{Name: "__Host-tenon-notice", Value: value}
		if strings.Contains(read(t, p.get("/queue")), `role="status"`) {
			t.Errorf("the page says what %s asks for", value)
		}
	}
}

func TestLanguage(t *testing.T) {
	f := newFixture(t, nil)
	p := newPerson(t, f)
	p.login(f.token(t, server.ScopeRead), "")
	p.headers["Accept-Language"] = "zh-CN,zh;q=0.9"
	answers(t, "asked for by the browser", p.get("/queue"), 200, `<html lang="zh-CN">`, "队列")
	leadsTo(t, "the switch", p.get("/language/en?back=/queue"), "/queue")
	answers(t, "chosen by the reader", p.get("/queue"), 200, `<html lang="en">`, "Queue")
	leadsTo(t, "to another site", p.get("/language/zh-CN?back=//evil.example"), "/")
	answers(t, "chosen again", p.get("/queue"), 200, `<html lang="zh-CN">`)
	leadsTo(t, "no such language", p.get("/language/xx"), "/")
	answers(t, "kept", p.get("/queue"), 200, `<html lang="zh-CN">`)
}
