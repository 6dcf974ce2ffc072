package asana_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/richtext"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	ada   = "ada.okafor@harbourworks.example"
	jonas = "jonas.lindqvist@harbourworks.example"
)

var delivery = connectors.Scope{"project": sandbox.DefaultProject}

// clock is the sandbox's clock as a connection sees it: to wait is to move it.
type clock struct{ *kit.ManualClock }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return context.Cause(ctx)
}

// vault keeps secrets in memory.
type vault struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (v *vault) LoadToken(_ context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return bytes.Clone(v.m[name]), nil
}

func (v *vault) SaveToken(_ context.Context, name string, token []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.m == nil {
		v.m = map[string][]byte{}
	}
	v.m[name] = bytes.Clone(token)
	return nil
}

// world is a sandbox with a connection to it.
type world struct {
	sys    *sandbox.System
	clock  clock
	url    string
	hooks  string
	vault  *vault
	conn   connectors.Connection
	values map[string]string
	calls  atomic.Int64

	mu      sync.Mutex
	sent    []connectors.WebhookRequest
	watched bool
}

var (
	_ connectortest.World     = (*world)(nil)
	_ connectortest.Webhooker = (*world)(nil)
	_ connectortest.Mover     = (*world)(nil)
	_ connectortest.Hider     = (*world)(nil)
	_ connectortest.Talker    = (*world)(nil)
	_ connectortest.Faulter   = (*world)(nil)
	_ connectortest.Waiter    = (*world)(nil)
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

var _ tb = (*testing.T)(nil)

// newWorld starts a sandbox and opens a connection to it. Settings add to those
// that log in; with oauth the connection logs in by a consent.
func newWorld(t tb, opts sandbox.Options, oauth bool, settings map[string]string) *world {
	t.Helper()
	w := &world{clock: clock{kit.NewManualClock(time.Date(2026, 3, 2, 9, 30, 15, 0, time.UTC))}, vault: &vault{}}
	opts.Clock, opts.WebhookDoubles = w.clock.ManualClock, -1
	w.sys = sandbox.New(opts)
	server := httptest.NewServer(w.sys)
	receiver := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(func() {
		server.Close()
		w.sys.Close()
		receiver.Close()
	})
	w.url, w.hooks = server.URL, receiver.URL+"/hooks/asana"
	w.values = map[string]string{"base_url": w.url, "requests_per_minute": "1000000"}
	if oauth {
		w.values["client_id"], w.values["client_secret"] = sandbox.DefaultClientID, sandbox.DefaultClientSecret
		w.values["refresh_token"] = w.sys.Grant(sandbox.DefaultUser)
	} else {
		w.values["token"] = sandbox.DefaultToken
	}
	maps.Copy(w.values, settings)
	w.conn = w.open(t, w.values)
	return w
}

func (w *world) open(t tb, values map[string]string) connectors.Connection {
	t.Helper()
	set, err := connectors.NewSettings(asana.New().Info().Settings, values)
	if err != nil {
		t.Fatalf("NewSettings: %v", err)
	}
	conn, err := asana.New().Open(connectors.Config{Name: "asana-test", Settings: set}, connectors.Options{
		Clock: w.clock, Tokens: w.vault, Observe: func(connectors.Call) { w.calls.Add(1) },
	})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// receive takes deliveries in and answers handshakes as the service does.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	req := connectors.WebhookRequest{
		Method: r.Method, URL: "http://" + r.Host + r.URL.String(), Header: r.Header.Clone(), Body: body, Now: w.clock.Now(),
	}
	if r.Header.Get("X-Hook-Secret") != "" {
		d, err := connectors.AbilitiesOf(w.conn).WebhookSource.ParseWebhook(req)
		if err != nil || d.Answer == nil {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		maps.Copy(rw.Header(), d.Answer.Header)
		rw.WriteHeader(d.Answer.Status)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, req)
}

func (w *world) Connection() connectors.Connection { return w.conn }

// tick lets a second pass, as between two acts of a person.
func (w *world) tick() { w.clock.Advance(time.Second) }

func (w *world) Create(t connectortest.TB, fields map[string]connectors.Value) string {
	t.Helper()
	w.tick()
	set := map[string]any{}
	for name, v := range fields {
		set[plainName(name)] = w.plain(t, name, v)
	}
	gid, err := w.sys.As(ada).Create(sandbox.DefaultProject, "To Do", set)
	if err != nil {
		t.Fatalf("create as a person: %v", err)
	}
	return gid
}

func plainName(name string) string {
	if name == "notes" {
		return "html_notes"
	}
	return name
}

func (w *world) Edit(t connectortest.TB, id, field string, v connectors.Value) {
	t.Helper()
	w.tick()
	value := w.plain(t, field, v)
	if task, _ := w.sys.Task(id); field == "notes" { // people write above the marker
		if at := strings.Index(task.Notes, `<a href="https://key.tenon.invalid/`); at >= 0 {
			html, _ := value.(string)
			value = "<body>" + strings.TrimSuffix(strings.TrimPrefix(html, "<body>"), "</body>") + task.Notes[at:]
		}
	}
	if err := w.sys.As(ada).Edit(id, map[string]any{plainName(field): value}); err != nil {
		t.Fatalf("edit %q as a person: %v", field, err)
	}
}

// plain writes a value as people give it in the sandbox.
func (w *world) plain(t connectortest.TB, field string, v connectors.Value) any {
	t.Helper()
	switch v.Type() {
	case connectors.TypeNull:
		if field == "tags" || field == "followers" {
			return []string{}
		}
		return nil
	case connectors.TypeRichText:
		return richtext.AsanaNotes.To(v.Text())
	case connectors.TypeBool:
		return v.Bool()
	case connectors.TypeInstant:
		return v.Time()
	case connectors.TypeOption:
		return v.Option().ID
	case connectors.TypeOptions:
		var ids []string
		for _, o := range v.Options() {
			ids = append(ids, o.ID)
		}
		return ids
	case connectors.TypePerson:
		return v.Person().ID
	}
	return v.String()
}

func (w *world) Delete(t connectortest.TB, id string) {
	t.Helper()
	w.tick()
	if err := w.sys.As(ada).Delete(id); err != nil {
		t.Fatalf("delete as a person: %v", err)
	}
}

// Truth converts what the sandbox holds.
func (w *world) Truth(t connectortest.TB, id string) map[string]connectors.Value {
	t.Helper()
	task, ok := w.sys.Task(id)
	if !ok {
		return nil
	}
	out := map[string]connectors.Value{"name": connectors.Text(task.Name), "completed": connectors.Bool(task.Completed)}
	if html, _, _ := strings.Cut(task.Notes, `<a href="https://key.tenon.invalid/`); richtext.AsanaNotes.From(html) != "" {
		out["notes"] = connectors.RichText(richtext.AsanaNotes.From(html))
	}
	if task.DueOn != "" && task.DueAt.IsZero() {
		out["due_on"], _ = connectors.ParseDate(task.DueOn)
	}
	if !task.DueAt.IsZero() {
		out["due_at"] = connectors.Instant(task.DueAt)
	}
	if task.Assignee != "" {
		out["assignee"] = w.person(task.Assignee)
	}
	out["section"] = connectors.Choice(connectors.Option{ID: w.sys.SectionGID(sandbox.DefaultProject, task.Section), Label: task.Section})
	out["tags"] = connectors.Labels(task.Tags...)
	for name, v := range task.Fields {
		out[w.sys.FieldGID(name)] = w.fieldValue(t, name, v)
	}
	return out
}

func (w *world) person(email string) connectors.Value {
	return connectors.PersonValue(connectors.Person{ID: w.sys.UserGID(email), Email: email})
}

func (w *world) fieldValue(t connectortest.TB, name string, v any) connectors.Value {
	t.Helper()
	var out connectors.Value
	var err error
	switch name {
	case "Budget", "Progress":
		out, err = connectors.ParseNumber(v.(string))
	case "Kick-off":
		out, err = connectors.ParseDate(v.(string))
	case "Priority":
		out = connectors.Choice(connectors.Option{ID: w.sys.OptionGID(name, v.(string)), Label: v.(string)})
	case "Skills":
		var list []connectors.Option
		for _, label := range v.([]string) {
			list = append(list, connectors.Option{ID: w.sys.OptionGID(name, label), Label: label})
		}
		out = connectors.Choices(list...)
	case "Reviewers":
		var list []connectors.Option
		for _, email := range v.([]string) {
			list = append(list, connectors.Option{ID: w.sys.UserGID(email)})
		}
		out = connectors.Choices(list...)
	default:
		out = connectors.Text(v.(string))
	}
	if err != nil {
		t.Fatalf("truth of %s: %v", name, err)
	}
	return out
}

func (w *world) IDs(connectortest.TB) []string {
	ids := []string{}
	for _, task := range w.sys.Tasks(sandbox.DefaultProject) {
		ids = append(ids, task.GID)
	}
	return ids
}

func (w *world) Settle(connectortest.TB) { w.clock.Advance(3*time.Minute + time.Millisecond) }

func (w *world) Wait(_ connectortest.TB, d time.Duration) { w.clock.Advance(d) }

func (w *world) Requests(connectortest.TB) int { return int(w.calls.Load()) }

// Webhooks registers the webhook first. Heartbeats are left out: they say
// nothing.
func (w *world) Webhooks(t connectortest.TB) []connectors.WebhookRequest {
	t.Helper()
	if !w.watched {
		w.watched = true
		w.ensure(t)
	}
	if err := w.sys.Flush(t.Context()); err != nil {
		t.Fatalf("flush webhooks: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := slices.DeleteFunc(w.sent, func(r connectors.WebhookRequest) bool { return string(r.Body) == `{"events":[]}` })
	w.sent = nil
	return sent
}

func (w *world) ensure(t tb) {
	t.Helper()
	target := connectors.WebhookTarget{URL: w.hooks, Objects: []connectors.Selection{{Object: "task", Scope: delivery}}}
	if _, err := connectors.AbilitiesOf(w.conn).WebhookRegistrar.EnsureWebhook(t.Context(), target); err != nil {
		t.Fatalf("EnsureWebhook: %v", err)
	}
}

func (w *world) Move(t connectortest.TB, id string) {
	t.Helper()
	if err := w.sys.As(ada).Move(id, "Website relaunch", "Doing"); err != nil {
		t.Fatalf("move as a person: %v", err)
	}
}

func (w *world) Hide(t connectortest.TB, field string) {
	t.Helper()
	if err := w.sys.HideField(field); err != nil {
		t.Fatalf("hide %q: %v", field, err)
	}
}

func (w *world) Comment(t connectortest.TB, id, markdown string) {
	t.Helper()
	w.tick()
	if _, err := w.sys.As(ada).Comment(id, markdown); err != nil {
		t.Fatalf("comment as a person: %v", err)
	}
}

func (w *world) CommentCount(_ connectortest.TB, id string) int {
	task, _ := w.sys.Task(id)
	return len(task.Comments)
}

func (w *world) Attach(t connectortest.TB, id, name string, content []byte) string {
	t.Helper()
	w.clock.Advance(time.Minute)
	gid, err := w.sys.As(jonas).Attach(id, name, content)
	if err != nil {
		t.Fatalf("attach as a person: %v", err)
	}
	return gid
}

func (w *world) Attached(_ connectortest.TB, id string) []connectortest.AttachedFile {
	var out []connectortest.AttachedFile
	for _, f := range w.sys.Files(id) {
		out = append(out, connectortest.AttachedFile{Name: f.Name, Content: f.Content, Link: f.Link})
	}
	return out
}

func (w *world) Fault(t connectortest.TB, f connectortest.Fault) bool {
	t.Helper()
	switch f {
	case connectortest.Revoked:
		w.sys.Block(true)
	case connectortest.Forbidden:
		w.sys.Deny(true)
	case connectortest.Down:
		w.strike(t, kit.Rule{Kind: kit.ServerError, Status: 503, Path: "/api/**"})
	case connectortest.TooMany:
		w.strike(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 1, Times: 1, Path: "/api/**"})
	default:
		kind := map[connectortest.Fault]kit.Kind{
			connectortest.ResetBefore: kit.ResetBefore, connectortest.ResetAfter: kit.ResetAfter, connectortest.ErrorAfter: kit.ErrorAfter,
		}[f]
		for _, path := range []string{"/api/1.0/tasks", "/api/1.0/tasks/*/*", "/api/1.0/attachments"} {
			w.strike(t, kit.Rule{Kind: kind, Method: "POST", Path: path, Times: 1})
		}
		w.strike(t, kit.Rule{Kind: kind, Method: "PUT", Path: "/api/1.0/tasks/*", Times: 1})
	}
	return true
}

func (w *world) Throttle(t connectortest.TB, n int) bool {
	w.strike(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 60, Skip: n, Path: "/api/**"})
	return true
}

func (w *world) DropField(t connectortest.TB, field string) bool {
	t.Helper()
	if err := w.sys.DropField(field); err != nil {
		t.Fatalf("delete the field %q: %v", field, err)
	}
	return true
}

func (w *world) DropOption(t connectortest.TB, field, option string) bool {
	t.Helper()
	if field == "section" {
		return false // a task's section can be deleted when it is empty only
	}
	if err := w.sys.DisableOption(option); err != nil {
		t.Fatalf("disable an option of %q: %v", field, err)
	}
	return true
}

func (w *world) strike(t connectortest.TB, r kit.Rule) {
	t.Helper()
	if _, err := w.sys.Faults().Add(r); err != nil {
		t.Fatalf("arm %s: %v", r.Kind, err)
	}
}

func (w *world) Heal(connectortest.TB) {
	w.sys.Faults().Clear()
	w.sys.Block(false)
	w.sys.Deny(false)
}
