package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/server"
)

var testNow = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// clock stands still.
type clock struct{}

func (clock) Now() time.Time                                   { return testNow }
func (clock) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// fakeEngine answers with what a test gives it. The zero value knows nothing.
// What it does not define panics, which is answered 500.
type fakeEngine struct {
	server.Operator

	mu      sync.Mutex
	taken   []connectors.WebhookRequest
	pressed []string

	receiving  func(connection string) // called first, without the lock; may be nil
	receive    func(connection string, req connectors.WebhookRequest) (connectors.Delivery, error)
	preview    *engine.Preview
	conversion *engine.Conversion
	err        error
	rows       rows
}

type rows struct {
	links   []engine.LinkRow
	asides  []engine.AsideRow
	queue   []engine.QueueRow
	history []engine.EventRow
	status  engine.Status
	tally   engine.Tally

	explanation engine.Explanation
	undone      engine.Undone
	conflict    engine.ConflictView
	resolved    []engine.ResolvedRow
}

func (f *fakeEngine) Receive(_ context.Context, connection string, req connectors.WebhookRequest) (connectors.Delivery, error) {
	if f.receiving != nil {
		f.receiving(connection)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.receive != nil {
		return f.receive(connection, req)
	}
	f.taken = append(f.taken, req)
	return connectors.Delivery{}, f.err
}

func (f *fakeEngine) Preview(context.Context, string, string) (*engine.Preview, error) {
	return f.preview, f.err
}

func (f *fakeEngine) Press(_ context.Context, mapping, record, by string) (*engine.Conversion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pressed = append(f.pressed, mapping+" "+record+" by "+by)
	return f.conversion, f.err
}

func (f *fakeEngine) presses() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pressed
}

func (f *fakeEngine) Ready(context.Context) error { return f.err }

func (f *fakeEngine) Status(context.Context) (*engine.Status, error) {
	s := f.rows.status
	return &s, f.err
}

func (f *fakeEngine) Links(context.Context, string, uint64, int) ([]engine.LinkRow, error) {
	return f.rows.links, f.err
}

func (f *fakeEngine) Asides(context.Context, string, bool, uint64, int) ([]engine.AsideRow, error) {
	return f.rows.asides, f.err
}

func (f *fakeEngine) Resolve(_ context.Context, link uint64, rule uint32, choice, by string) error {
	f.pressed = append(f.pressed, fmt.Sprintf("resolve %d %d %s by %s", link, rule, choice, by))
	return f.err
}

func (f *fakeEngine) ResolveMany(_ context.Context, o engine.ResolveOrder, by string) (*engine.Resolved, error) {
	for _, id := range o.Conflicts {
		f.pressed = append(f.pressed, fmt.Sprintf("resolve %d %d %s by %s", id.Link, id.Rule, o.Side, by))
	}
	if o.Mapping != "" {
		if !o.Dry {
			f.pressed = append(f.pressed, fmt.Sprintf("decide %s %s for %s by %s", o.Mapping, o.Field, o.Side, by))
		}
		return &engine.Resolved{Count: len(f.rows.resolved) + 1, Rows: f.rows.resolved}, f.err
	}
	return &engine.Resolved{Count: len(o.Conflicts), Rows: []engine.ResolvedRow{}}, f.err
}

func (f *fakeEngine) Queue(context.Context, engine.QueueFilter) ([]engine.QueueRow, error) {
	return f.rows.queue, f.err
}

func (f *fakeEngine) Retry(_ context.Context, q engine.QueueFilter) (int, error) {
	f.pressed = append(f.pressed, "retry "+q.Mapping+" "+q.Status)
	return 2, f.err
}

func (f *fakeEngine) History(context.Context, engine.HistoryFilter) ([]engine.EventRow, error) {
	return f.rows.history, f.err
}

func (f *fakeEngine) Explain(context.Context, string, engine.ExplainOptions) (*engine.Explanation, error) {
	x := f.rows.explanation
	return &x, f.err
}

func (f *fakeEngine) Undo(_ context.Context, order engine.UndoOrder, o engine.UndoOptions) (*engine.Undone, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !o.Dry {
		f.pressed = append(f.pressed, fmt.Sprintf("undo %s by %s", order, o.By))
	}
	u := f.rows.undone
	u.Dry, u.Order = o.Dry, order.String()
	return &u, f.err
}

func (f *fakeEngine) Tally(context.Context, string) (*engine.Tally, error) {
	t := f.rows.tally
	return &t, f.err
}

func (f *fakeEngine) Pause(_ context.Context, name, reason, by string) (*engine.Pause, error) {
	f.pressed = append(f.pressed, fmt.Sprintf("pause %s %q by %s", name, reason, by))
	return &engine.Pause{By: by}, f.err
}

func (f *fakeEngine) Resume(_ context.Context, mapping, by string) error {
	f.pressed = append(f.pressed, "resume "+mapping+" by "+by)
	return f.err
}

// crm is a connection whose webhooks the fake engine reads.
type crm struct {
	connectors.Connection
	unsigned bool
}

func (c crm) Facts() connectors.Facts {
	return connectors.Facts{WebhookUnsigned: c.unsigned}
}

func (crm) ParseWebhook(connectors.WebhookRequest) (connectors.Delivery, error) {
	return connectors.Delivery{}, errors.New("the fake engine does not ask")
}

// fixture is a server over a fake engine.
type fixture struct {
	t       *testing.T
	plain   bool // answers are not held to the description
	engine  *fakeEngine
	tokens  server.Tokens
	signer  *server.Signer
	config  server.Config
	handler http.Handler
}

func newFixture(t *testing.T, change func(*server.Config)) *fixture {
	t.Helper()
	store, err := state.Open(t.Context(), memory.New(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	signer, err := server.NewSigner([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, engine: &fakeEngine{}, tokens: server.Tokens{Store: store}, signer: signer}
	f.config = server.Config{
		Engine: f.engine, Tokens: f.tokens, Signer: signer, Clock: clock{}, Version: "test",
		Listen: "127.0.0.1:8484", PublicURL: "https://tenon.example",
		Connections: map[string]connectors.Connection{"crm": crm{}},
		Sources:     map[string]server.Source{"deals": {Connection: "crm", Object: "deal"}},
		MaxBody:     1000,
	}
	if change != nil {
		change(&f.config)
	}
	s, err := server.New(f.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	f.handler = s.Handler()
	return f
}

// newFixtureOnly returns a fixture whose answers are not held to the description.
func newFixtureOnly(t *testing.T) *fixture {
	f := newFixture(t, nil)
	f.plain = true
	return f
}

func (f *fixture) do(method, target, body string, headers ...string) *http.Response {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, req)
	if !f.plain {
		f.checkAnswer(req, w.Code, w.Header(), w.Body.Bytes())
	}
	return w.Result()
}

func read(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (f *fixture) token(t *testing.T, scopes ...server.Scope) string {
	t.Helper()
	_, text, err := f.tokens.Create(t.Context(), "test", scopes, testNow, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func kindErr(k connectors.Kind) error {
	return &connectors.Error{Op: "receive webhook", Connection: "crm", Kind: k, Err: errors.New("cause")}
}

func TestHooksAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		body   string
		status int
		retry  string
	}{
		{"taken", nil, "x", http.StatusNoContent, ""},
		{"bad signature", kindErr(connectors.Auth), "x", http.StatusUnauthorized, ""},
		{"unreadable", kindErr(connectors.Invalid), "x", http.StatusBadRequest, ""},
		{"no such connection", kindErr(connectors.NotFound), "x", http.StatusNotFound, ""},
		{"queue full", fmt.Errorf("take: %w", engine.ErrOverload), "x", http.StatusServiceUnavailable, "1"},
		{"disk full", fmt.Errorf("commit: %w", state.ErrFull), "x", http.StatusServiceUnavailable, "1"},
		{"asked to wait", &connectors.Error{Op: "x", Kind: connectors.Unavailable, RetryAfter: 1500 * time.Millisecond}, "x", http.StatusServiceUnavailable, "2"},
		{"stopping", context.Canceled, "x", http.StatusServiceUnavailable, "1"},
		{"fault of ours", errors.New("secret detail"), "x", http.StatusInternalServerError, ""},
		{"too large", nil, strings.Repeat("x", 1001), http.StatusRequestEntityTooLarge, ""},
		{"just fits", nil, strings.Repeat("x", 1000), http.StatusNoContent, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.engine.err = c.err
			r := f.do("POST", "/hooks/crm?a=b", c.body)
			text := read(t, r)
			if got, want := r.StatusCode, c.status; got != want {
				t.Errorf("status: got %d, want %d: %s", got, want, text)
			}
			if got, want := r.Header.Get("Retry-After"), c.retry; got != want {
				t.Errorf("Retry-After: got %q, want %q", got, want)
			}
			if strings.Contains(text, "secret detail") {
				t.Errorf("the answer tells internals: %s", text)
			}
			if c.status == http.StatusNoContent {
				got := f.engine.taken[0]
				if got.URL != "https://tenon.example/hooks/crm?a=b" || string(got.Body) != c.body || !got.Now.Equal(testNow) {
					t.Errorf("the engine got %q, %d bytes at %v", got.URL, len(got.Body), got.Now)
				}
			} else if c.err == nil && len(f.engine.taken) > 0 {
				t.Error("a refused delivery reached the engine")
			}
		})
	}
}

func TestHookHandshake(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.receive = func(string, connectors.WebhookRequest) (connectors.Delivery, error) {
		return connectors.Delivery{Answer: &connectors.WebhookAnswer{
			Status: 200, Header: http.Header{"X-Hook-Secret": {"s"}}, Body: []byte("hello"),
		}}, nil
	}
	r := f.do("POST", "/hooks/crm", "x")
	if got, want := r.Header.Get("X-Hook-Secret")+" "+read(t, r), "s hello"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.do("HEAD", "/hooks/crm", "").StatusCode, 200; got != want {
		t.Errorf("HEAD: got %d, want %d", got, want)
	}
	if got, want := f.do("HEAD", "/hooks/other", "").StatusCode, 404; got != want {
		t.Errorf("HEAD of another: got %d, want %d", got, want)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.MaxRequests = 1 })
	inside, leave := make(chan struct{}), make(chan struct{})
	f.engine.receive = func(string, connectors.WebhookRequest) (connectors.Delivery, error) {
		close(inside)
		<-leave
		return connectors.Delivery{}, nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { f.do("POST", "/hooks/crm", "x") })
	<-inside
	r := f.do("POST", "/hooks/crm", "x")
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("the second delivery: got %d with Retry-After %q, want 503 with one", r.StatusCode, r.Header.Get("Retry-After"))
	}
	if got, want := f.do("GET", "/healthz", "").StatusCode, 200; got != want {
		t.Errorf("webhooks keep health out: got %d, want %d", got, want)
	}
	close(leave)
	wg.Wait()
}

func TestPanicIsAnswered(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.receive = func(string, connectors.WebhookRequest) (connectors.Delivery, error) { panic("boom") }
	if got, want := f.do("POST", "/hooks/crm", "x").StatusCode, 500; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestScopes(t *testing.T) {
	f := newFixture(t, nil)
	all := map[server.Scope]string{}
	for _, s := range server.Scopes() {
		all[s] = f.token(t, s)
	}
	for _, c := range []struct {
		method, path, body string
		scope              server.Scope
	}{
		{"GET", "/api/v1/status", "", server.ScopeRead},
		{"GET", "/api/v1/links", "", server.ScopeRead},
		{"GET", "/api/v1/conflicts", "", server.ScopeRead},
		{"POST", "/api/v1/conflicts/1/2", `{"choice":"deal"}`, server.ScopeOperate},
		{"GET", "/api/v1/queue", "", server.ScopeRead},
		{"POST", "/api/v1/queue/retry", `{}`, server.ScopeOperate},
		{"GET", "/api/v1/history", "", server.ScopeRead},
		{"POST", "/api/v1/mappings/m/resume", "", server.ScopeOperate},
		{"GET", "/api/v1/tokens", "", server.ScopeConfigure},
		{"GET", "/api/v1/backup", "", server.ScopeConfigure},
		{"GET", "/metrics", "", server.ScopeRead},
		{"GET", "/", "", server.ScopeRead},
		{"GET", "/history", "", server.ScopeRead},
	} {
		if got, want := f.do(c.method, c.path, c.body).StatusCode, 401; got != want {
			t.Errorf("%s %s without a token: got %d, want %d", c.method, c.path, got, want)
		}
		for scope, token := range all {
			got := f.do(c.method, c.path, c.body, "Authorization", "Bearer "+token).StatusCode
			if ok := got == 200; ok != (scope == c.scope) {
				t.Errorf("%s %s with scope %s: got %d", c.method, c.path, scope, got)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	f := newFixture(t, nil)
	token, text, err := f.tokens.Create(t.Context(), "dashboards", []server.Scope{server.ScopeRead}, testNow, testNow.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	status := func(text string) int {
		return f.do("GET", "/api/v1/status", "", "Authorization", "Bearer "+text).StatusCode
	}
	local := f.signer.LocalToken(testNow.Add(time.Minute), server.ScopeRead)
	digit := "0" // another last digit than the secret's own, which is drawn
	if strings.HasSuffix(text, digit) {
		digit = "1"
	}
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"good": {text, 200}, "cut": {text[:len(text)-1], 401}, "other secret": {text[:len(text)-1] + digit, 401},
		"no token": {"nonsense", 401}, "other id": {strings.Replace(text, token.ID, strings.Repeat("0", 16), 1), 401},
		"local": {local, 200}, "local with another scope": {strings.Replace(local, ".read.", ".read,configure.", 1), 401},
		"local that ended": {f.signer.LocalToken(testNow, server.ScopeRead), 401}, "long": {strings.Repeat("x", 10000), 401},
	} {
		if got := status(c.text); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	r := f.do("GET", "/history", "", "Authorization", "Basic "+basic("anybody", text))
	if got, want := r.StatusCode, 200; got != want {
		t.Errorf("as a password: got %d, want %d", got, want)
	}
	if err := f.tokens.Revoke(t.Context(), token.ID); err != nil {
		t.Fatal(err)
	}
	if got, want := status(text), 401; got != want {
		t.Errorf("revoked: got %d, want %d", got, want)
	}
	if err := f.tokens.Revoke(t.Context(), token.ID); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("revoked twice: got %v, want ErrNotFound", err)
	}
	_, text, err = f.tokens.Create(t.Context(), "short", []server.Scope{server.ScopeRead}, testNow.Add(-time.Hour), testNow)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := status(text), 401; got != want {
		t.Errorf("expired: got %d, want %d", got, want)
	}
}

func basic(user, password string) string {
	req := httptest.NewRequest("GET", "/", nil)
	req.SetBasicAuth(user, password)
	return strings.TrimPrefix(req.Header.Get("Authorization"), "Basic ")
}

func TestTokensByAPI(t *testing.T) {
	f := newFixture(t, nil)
	bearer := "Bearer " + f.token(t, server.ScopeConfigure)
	r := f.do("POST", "/api/v1/tokens", `{"name":"n","scopes":["read","convert"]}`, "Authorization", bearer)
	var made server.NewToken
	if err := json.Unmarshal([]byte(read(t, r)), &made); err != nil || made.Text == "" {
		t.Fatalf("made %+v: %v", made, err)
	}
	if got, want := f.do("GET", "/api/v1/status", "", "Authorization", "Bearer "+made.Text).StatusCode, 200; got != want {
		t.Errorf("the new token: got %d, want %d", got, want)
	}
	if text := read(t, f.do("GET", "/api/v1/tokens", "", "Authorization", bearer)); strings.Contains(text, strings.Split(made.Text, ".")[2]) {
		t.Errorf("the list tells a secret: %s", text)
	}
	for body, want := range map[string]int{
		`{"name":"n","scopes":["all"]}`: 400, `{"name":"","scopes":["read"]}`: 400, `{"nme":1}`: 400, `{`: 400, `{"name":"n"}`: 400,
		`{"name":"` + strings.Repeat("x", 2000) + `"}`: 413,
	} {
		if got := f.do("POST", "/api/v1/tokens", body, "Authorization", bearer).StatusCode; got != want {
			t.Errorf("%.40s: got %d, want %d", body, got, want)
		}
	}
	if got, want := f.do("DELETE", "/api/v1/tokens/"+made.ID, "", "Authorization", bearer).StatusCode, 200; got != want {
		t.Errorf("revoke: got %d, want %d", got, want)
	}
	if got, want := f.do("DELETE", "/api/v1/tokens/"+made.ID, "", "Authorization", bearer).StatusCode, 404; got != want {
		t.Errorf("revoke again: got %d, want %d", got, want)
	}
}

func TestOpenPagesOnlyOnThisMachine(t *testing.T) {
	for _, c := range []struct {
		name, listen, public string
		headers              []string
		want                 int
	}{
		{"loopback", "127.0.0.1:8484", "http://127.0.0.1:8484", []string{"Host", "127.0.0.1:8484"}, 200},
		{"loopback by name", "127.0.0.1:8484", "", []string{"Host", "localhost:8484"}, 200},
		{"rebound name", "127.0.0.1:8484", "", []string{"Host", "evil.example:8484"}, 401},
		{"behind a proxy", "127.0.0.1:8484", "", []string{"Host", "127.0.0.1:8484", "X-Forwarded-For", "203.0.113.7"}, 401},
		{"public address", "127.0.0.1:8484", "https://tenon.example", []string{"Host", "127.0.0.1:8484"}, 401},
		{"all interfaces", "0.0.0.0:8484", "", []string{"Host", "127.0.0.1:8484"}, 401},
	} {
		f := newFixture(t, func(cfg *server.Config) { cfg.Listen, cfg.PublicURL = c.listen, c.public })
		if got := f.do("GET", "/history", "", c.headers...).StatusCode; got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestAPIOrders(t *testing.T) {
	f := newFixture(t, nil)
	bearer := "Bearer " + f.token(t, server.ScopeOperate)
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"/api/v1/conflicts/7/9", `{"choice":"deal"}`, 200},
		{"/api/v1/conflicts/x/9", `{"choice":"deal"}`, 400},
		{"/api/v1/conflicts/7/99999999999", `{"choice":"deal"}`, 400},
		{"/api/v1/conflicts/7/9", `{}`, 400},
		{"/api/v1/queue/retry", ``, 200},
		{"/api/v1/queue/retry", `{"mapping":"m","status":"waiting"}`, 200},
		{"/api/v1/mappings/m/resume", ``, 200},
		{"/api/v1/nothing", ``, 404},
	} {
		if got := f.do("POST", c.path, c.body, "Authorization", bearer).StatusCode; got != c.want {
			t.Errorf("%s %s: got %d, want %d", c.path, c.body, got, c.want)
		}
	}
	want := []string{"resolve 7 9 deal by token test", "retry  ", "retry m waiting", "resume mapping:m by token test"}
	if diff := cmp.Diff(want, f.engine.presses()); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
}

func TestAPILists(t *testing.T) {
	f := newFixture(t, nil)
	bearer := "Bearer " + f.token(t, server.ScopeRead)
	f.engine.rows.links = []engine.LinkRow{{ID: 4}, {ID: 9}}
	var l server.List[engine.LinkRow]
	r := f.do("GET", "/api/v1/links?limit=2", "", "Authorization", bearer)
	if err := json.Unmarshal([]byte(read(t, r)), &l); err != nil {
		t.Fatal(err)
	}
	if len(l.Rows) != 2 || l.Next != "9" {
		t.Errorf("got %d rows and next %q, want 2 and 9", len(l.Rows), l.Next)
	}
	for _, bad := range []string{"links?nothing=1", "links?after=x", "history?since=yesterday", "conflicts?all=perhaps", "queue?limit=-1"} {
		r := f.do("GET", "/api/v1/"+bad, "", "Authorization", bearer)
		if got, want := r.StatusCode, 400; got != want {
			t.Errorf("%s: got %d, want %d", bad, got, want)
		}
		if got, want := r.Header.Get("Content-Type"), "application/problem+json"; got != want {
			t.Errorf("%s: got %q, want %q", bad, got, want)
		}
	}
	if got, want := strings.TrimSpace(read(t, f.do("GET", "/api/v1/queue", "", "Authorization", bearer))), `{"rows":[]}`; got != want {
		t.Errorf("an empty list: got %s, want %s", got, want)
	}
}

func TestHealth(t *testing.T) {
	f := newFixture(t, nil)
	if got, want := f.do("GET", "/readyz", "").StatusCode, 200; got != want {
		t.Errorf("ready: got %d, want %d", got, want)
	}
	f.engine.err = state.ErrClosed
	if got, want := f.do("GET", "/readyz", "").StatusCode, 503; got != want {
		t.Errorf("not ready: got %d, want %d", got, want)
	}
	if got, want := f.do("GET", "/healthz", "").StatusCode, 200; got != want {
		t.Errorf("alive: got %d, want %d", got, want)
	}
}

func TestMetrics(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.rows.status = engine.Status{
		Mappings:    []engine.MappingStatus{{Name: "deals", State: "stopped", Links: 3, Conflicts: 2, Paused: &engine.Pause{}}},
		Connections: []engine.ConnectionStatus{{Name: "crm", State: "up", Paused: &engine.Pause{}}},
		Inbox:       7,
	}
	f.do("POST", "/hooks/crm", "x")
	f.do("POST", "/hooks/made-up-name", "x")
	text := read(t, f.do("GET", "/metrics", "", "Authorization", "Bearer "+f.token(t, server.ScopeRead)))
	for _, want := range []string{
		`tenon_webhooks_total{connection="crm",outcome="taken"} 1`, `tenon_webhooks_total{connection="unknown",outcome="unknown"} 1`,
		`tenon_webhook_secrets_total{connection="crm",secret="0"} 1`, `tenon_http_seconds_count{route="POST /hooks/{connection}",status="404"} 1`,
		`tenon_links{mapping="deals"} 3`, `tenon_conflicts{mapping="deals"} 2`, `tenon_mapping_stopped{mapping="deals"} 1`,
		`tenon_mapping_paused{mapping="deals"} 1`, `tenon_connection_paused{connection="crm"} 1`, `tenon_inbox_deliveries 7`,
		`tenon_connection_up{connection="crm"} 1`, `tenon_http_seconds_count{route="POST /hooks/{connection}",status="204"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(text, "made-up-name") {
		t.Error("a made-up name became a label")
	}
}
