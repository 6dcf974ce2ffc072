package trello_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/trello"
	"github.com/tenonsync/tenon/sandbox/kit"
	sandbox "github.com/tenonsync/tenon/sandbox/trello"
)

const hookURL = "https://tenon.example.com/hooks/trello?from=board"

var delivery = connectors.Scope{"board": sandbox.DefaultBoard}

// clock is the sandbox's clock for the connection: whoever waits moves it.
type clock struct{ *kit.ManualClock }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	c.Advance(d)
	return nil
}

// world is the sandbox without cards, with a connection to it.
type world struct {
	sys   *sandbox.System
	clock clock
	base  string
	conn  connectors.Connection

	mu     sync.Mutex
	served int
	sent   []connectors.WebhookRequest
}

var (
	_ connectortest.World     = (*world)(nil)
	_ connectortest.Webhooker = (*world)(nil)
	_ connectortest.Archiver  = (*world)(nil)
	_ connectortest.Mover     = (*world)(nil)
	_ connectortest.Hider     = (*world)(nil)
	_ connectortest.Waiter    = (*world)(nil)
	_ connectortest.Talker    = (*world)(nil)
	_ connectortest.Faulter   = (*world)(nil)
	_ connectortest.Counter   = (*world)(nil)
	_ connectortest.Attacher  = (*world)(nil)
	_ connectortest.Throttler = (*world)(nil)
	_ connectortest.Reshaper  = (*world)(nil)
)

// tb is what a world needs of a test.
type tb interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Fatalf(format string, args ...any)
}

func newWorld(t tb, opts sandbox.Options, settings map[string]string) *world {
	t.Helper()
	w := &world{clock: clock{kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))}}
	opts.Seed, opts.Clock, opts.NoSeed, opts.ShowEmails = 7, w.clock.ManualClock, true, true
	opts.WebhookTarget, opts.Transport = hookURL, w
	w.sys = sandbox.New(opts)
	t.Cleanup(w.sys.Close)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.clock.Advance(2 * time.Millisecond) // as a network would
		w.mu.Lock()
		w.served++
		w.mu.Unlock()
		w.sys.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.base = server.URL
	values := map[string]string{"key": sandbox.DefaultKey, "token": sandbox.DefaultToken, "api_secret": sandbox.DefaultSecret, "base_url": server.URL}
	for name, v := range settings {
		values[name] = v
	}
	w.conn = open(t, values, connectors.Options{Clock: w.clock})
	return w
}

// open opens a connection that the test closes.
func open(t tb, values map[string]string, options connectors.Options) connectors.Connection {
	t.Helper()
	s, err := connectors.NewSettings(trello.New().Info().Settings, values)
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	c, err := trello.New().Open(connectors.Config{Name: "trello-test", Settings: s}, options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// RoundTrip takes in the webhooks that the sandbox sends.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method == http.MethodPost {
		w.sent = append(w.sent, connectors.WebhookRequest{
			Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Body: body, Now: w.clock.Now(),
		})
	}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: http.NoBody, Request: r, Header: http.Header{}}, nil
}

func (w *world) Connection() connectors.Connection { return w.conn }

// field returns a custom field's id by its name.
func (w *world) field(name string) string {
	id, _ := w.sys.FieldID(sandbox.DefaultBoard, name)
	return id
}

var fieldKinds = map[string]string{"CRM deal": "text", "Budget": "number", "Kick-off": "date", "Contract signed": "checked", "Size": "list"}

// kind returns the kind of a custom field, "" for a card's own.
func (w *world) kind(id string) string {
	for name, kind := range fieldKinds {
		if w.field(name) == id {
			return kind
		}
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// wire writes a value as the API takes it for a card's own field.
func wire(v connectors.Value) any {
	switch v.Type() {
	case connectors.TypeNull:
		return ""
	case connectors.TypeInstant:
		return stamp(v.Time())
	case connectors.TypeOption:
		return v.Option().ID
	case connectors.TypeOptions:
		ids := []any{}
		for _, o := range v.Options() {
			ids = append(ids, o.ID)
		}
		return ids
	case connectors.TypePerson:
		return []any{v.Person().ID}
	}
	return v.String()
}

// wireCustom writes a value as the API takes it for a custom field.
func wireCustom(kind string, v connectors.Value) map[string]any {
	switch {
	case kind == "list":
		return map[string]any{"idValue": v.Option().ID}
	case v.IsNull():
		return map[string]any{"value": ""}
	case kind == "date":
		return map[string]any{"value": map[string]any{"date": stamp(v.Time())}}
	}
	return map[string]any{"value": map[string]any{kind: v.String()}}
}

func (w *world) set(t connectortest.TB, id string, fields map[string]connectors.Value) {
	t.Helper()
	own := map[string]any{}
	for name, v := range fields {
		if kind := w.kind(name); kind != "" {
			if err := w.sys.As(sandbox.Ada).SetField(id, name, wireCustom(kind, v)); err != nil {
				t.Fatalf("set %s: %v", name, err)
			}
			continue
		}
		wired := wire(v)
		if name == "member" {
			if name = "idMembers"; v.IsNull() {
				wired = []any{}
			}
		}
		own[name] = wired
	}
	if len(own) > 0 {
		if err := w.sys.As(sandbox.Ada).Edit(id, own); err != nil {
			t.Fatalf("edit %s: %v", id, err)
		}
	}
}

func (w *world) Create(t connectortest.TB, fields map[string]connectors.Value) string {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	id, err := w.sys.As(sandbox.Ada).Create(sandbox.DefaultBoard, "Planned", map[string]any{"name": fields["name"].Text()})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	w.set(t, id, fields)
	return id
}

func (w *world) Edit(t connectortest.TB, id, field string, v connectors.Value) {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	w.set(t, id, map[string]connectors.Value{field: v})
}

func (w *world) Delete(t connectortest.TB, id string) {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	if err := w.sys.As(sandbox.Ada).Delete(id); err != nil {
		t.Fatalf("delete %s: %v", id, err)
	}
}

func (w *world) Archive(t connectortest.TB, id string) {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	if err := w.sys.As(sandbox.Ada).Archive(id); err != nil {
		t.Fatalf("archive %s: %v", id, err)
	}
}

func (w *world) Move(t connectortest.TB, id string) {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	if err := w.sys.As(sandbox.Ada).Move(id, sandbox.InternalBoard, "Ideas"); err != nil {
		t.Fatalf("move %s: %v", id, err)
	}
}

// Hide switches the custom fields of the board off: Trello hides none by itself.
func (w *world) Hide(t connectortest.TB, _ string) {
	t.Helper()
	if err := w.sys.EnableCustomFields(sandbox.DefaultBoard, false); err != nil {
		t.Fatalf("hide: %v", err)
	}
}

func (w *world) Truth(t connectortest.TB, id string) map[string]connectors.Value {
	t.Helper()
	cd, ok := w.sys.Card(id)
	if !ok {
		return nil
	}
	out := map[string]connectors.Value{
		"name": connectors.Text(cd.Name), "dueComplete": connectors.Bool(cd.DueComplete),
		"idList":   connectors.Choice(connectors.Option{ID: w.sys.ListID(cd.Board, cd.List)}),
		"idLabels": connectors.Labels(cd.Labels...),
	}
	if cd.Desc != "" {
		out["desc"] = connectors.RichText(cd.Desc)
	}
	if !cd.Due.IsZero() {
		out["due"] = connectors.Instant(cd.Due)
	}
	if !cd.Start.IsZero() {
		out["start"] = connectors.Instant(cd.Start)
	}
	if len(cd.Members) > 0 {
		out["member"] = connectors.PersonValue(connectors.Person{ID: cd.Members[0]})
	}
	for name, kind := range fieldKinds {
		id := w.field(name)
		if v, ok := truth(t, kind, cd.Fields[id]); ok {
			out[id] = v
		}
	}
	return out
}

// truth returns the value of a custom field.
func truth(t connectortest.TB, kind, held string) (connectors.Value, bool) {
	t.Helper()
	if kind == "checked" {
		return connectors.Bool(held == "true"), true
	}
	if held == "" {
		return connectors.Null, false
	}
	switch kind {
	case "number":
		v, err := connectors.ParseNumber(held)
		if err != nil {
			t.Fatalf("the sandbox holds the number %q", held)
		}
		return v, true
	case "date":
		at, err := time.Parse(time.RFC3339Nano, held)
		if err != nil {
			t.Fatalf("the sandbox holds the time %q", held)
		}
		return connectors.Instant(at), true
	case "list":
		return connectors.Choice(connectors.Option{ID: held}), true
	}
	return connectors.Text(held), true
}

func (w *world) IDs(connectortest.TB) []string { return w.sys.CardIDs(sandbox.DefaultBoard) }

func (w *world) Settle(connectortest.TB) {
	w.clock.Advance(w.conn.Facts().IndexLag + time.Second)
}

func (w *world) Wait(_ connectortest.TB, d time.Duration) { w.clock.Advance(d) }

// Requests implements connectortest.Counter.
func (w *world) Requests(connectortest.TB) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.served
}

func (w *world) Webhooks(t connectortest.TB) []connectors.WebhookRequest {
	t.Helper()
	if err := w.sys.Flush(t.Context()); err != nil {
		t.Fatalf("flush: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

func (w *world) Comment(t connectortest.TB, id, markdown string) {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	if _, err := w.sys.As(sandbox.Ada).Comment(id, markdown); err != nil {
		t.Fatalf("comment: %v", err)
	}
}

func (w *world) CommentCount(t connectortest.TB, id string) int {
	t.Helper()
	cd, ok := w.sys.Card(id)
	if !ok {
		t.Fatalf("no card %s", id)
	}
	return len(cd.Comments)
}

func (w *world) Attach(t connectortest.TB, id, name string, content []byte) string {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	made, err := w.sys.As(sandbox.Ada).Upload(id, name, content)
	if err != nil {
		t.Fatalf("attach: %v", err)
	}
	return made
}

func (w *world) Attached(t connectortest.TB, id string) []connectortest.AttachedFile {
	t.Helper()
	cd, ok := w.sys.Card(id)
	if !ok {
		t.Fatalf("no card %s", id)
	}
	var out []connectortest.AttachedFile
	for _, a := range cd.Attachments {
		f := connectortest.AttachedFile{Name: a.Name, Link: a.URL}
		if a.Upload {
			f.Link, f.Content = "", append([]byte{}, a.Content...)
		}
		out = append(out, f)
	}
	return out
}

func (w *world) Fault(t connectortest.TB, f connectortest.Fault) bool {
	t.Helper()
	kinds := map[connectortest.Fault]kit.Kind{
		connectortest.ResetBefore: kit.ResetBefore, connectortest.ResetAfter: kit.ResetAfter, connectortest.ErrorAfter: kit.ErrorAfter,
	}
	switch f {
	case connectortest.Revoked:
		w.sys.RevokeToken("")
	case connectortest.Forbidden:
		w.role(t, "observer")
	case connectortest.Down:
		w.arm(t, kit.Rule{Kind: kit.ServerError, Status: http.StatusServiceUnavailable})
	case connectortest.TooMany:
		w.arm(t, kit.Rule{Kind: kit.RateLimit, Times: 1})
	default:
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			w.arm(t, kit.Rule{Kind: kinds[f], Method: method, Times: 1})
		}
	}
	return true
}

func (w *world) Throttle(t connectortest.TB, n int) bool {
	t.Helper()
	w.arm(t, kit.Rule{Kind: kit.RateLimit, Skip: n})
	return true
}

func (w *world) DropField(t connectortest.TB, field string) bool {
	t.Helper()
	if err := w.sys.As(sandbox.Ada).Call("DELETE", "customFields/"+field, nil); err != nil {
		t.Fatalf("drop the field: %v", err)
	}
	return true
}

func (w *world) DropOption(t connectortest.TB, field, option string) bool {
	t.Helper()
	if w.kind(field) != "list" {
		return false
	}
	if err := w.sys.As(sandbox.Ada).Call("DELETE", "customFields/"+field+"/options/"+option, nil); err != nil {
		t.Fatalf("drop the option: %v", err)
	}
	return true
}

func (w *world) role(t connectortest.TB, role string) {
	t.Helper()
	if err := w.sys.SetRole(sandbox.DefaultBoard, sandbox.Bot, role); err != nil {
		t.Fatalf("role: %v", err)
	}
}

func (w *world) arm(t connectortest.TB, r kit.Rule) {
	t.Helper()
	if _, err := w.sys.Faults().Add(r); err != nil {
		t.Fatalf("fault: %v", err)
	}
}

func (w *world) Heal(t connectortest.TB) {
	t.Helper()
	w.sys.Faults().Clear()
	w.role(t, "normal")
	if err := w.sys.GrantToken(sandbox.DefaultToken, sandbox.Bot, true, false, 0); err != nil {
		t.Fatalf("heal: %v", err)
	}
}

// listen serves a system until the test ends.
func listen(t tb, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// tryOpen opens a connection for its error.
func tryOpen(values map[string]string) error {
	s, err := connectors.NewSettings(trello.New().Info().Settings, values)
	if err != nil {
		return err
	}
	c, err := trello.New().Open(connectors.Config{Name: "t", Settings: s}, connectors.Options{})
	if err != nil {
		return err
	}
	return c.Close()
}
