package github_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/github"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	ada           = "ada.okafor@harbourworks.example"
	tom           = "tom.becker@harbourworks.example"
	webhookSecret = "It's a Secret to Everybody"
	repository    = sandbox.DefaultRepository
)

var delivery = connectors.Scope{"repo": repository}

// clock is the sandbox's clock as a connection sees it: to wait is to move it.
type clock struct{ *kit.ManualClock }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return context.Cause(ctx)
}

// world is a sandbox with a connection to it.
type world struct {
	sys   *sandbox.System
	clock clock
	url   string
	hooks string // where deliveries are received
	conn  connectors.Connection
	label string // of the scope

	mu   sync.Mutex
	sent []connectors.WebhookRequest
	n    int // requests
}

var (
	_ connectortest.World     = (*world)(nil)
	_ connectortest.Webhooker = (*world)(nil)
	_ connectortest.Mover     = (*world)(nil)
	_ connectortest.Talker    = (*world)(nil)
	_ connectortest.Faulter   = (*world)(nil)
	_ connectortest.Counter   = (*world)(nil)
	_ connectortest.Waiter    = (*world)(nil)
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
// that log in.
func newWorld(t tb, opts sandbox.Options, settings map[string]string) *world {
	t.Helper()
	w := &world{clock: clock{kit.NewManualClock(time.Date(2026, 3, 2, 9, 30, 15, 0, time.UTC))}}
	receiver := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(receiver.Close)
	opts.Clock, w.hooks = w.clock.ManualClock, receiver.URL+"/hooks/github"
	opts.WebhookTarget, opts.WebhookSecret = w.hooks, webhookSecret
	w.sys = sandbox.New(opts)
	server := httptest.NewServer(w.sys)
	t.Cleanup(func() {
		server.Close()
		w.sys.Close()
	})
	w.url = server.URL
	if opts.Enterprise {
		w.url += "/api/v3"
	}
	w.conn = open(t, w.url, settings, connectors.Options{Clock: w.clock, Observe: w.count})
	return w
}

// open opens a connection to the system at an address.
func open(t tb, base string, settings map[string]string, options connectors.Options) connectors.Connection {
	t.Helper()
	values := map[string]string{"base_url": base, "webhook_secret": webhookSecret}
	maps.Copy(values, settings)
	if values["app_id"] == "" && values["token"] == "" {
		values["token"] = sandbox.DefaultToken
	}
	set, err := connectors.NewSettings(github.New().Info().Settings, values)
	if err != nil {
		t.Fatalf("NewSettings: %v", err)
	}
	conn, err := github.New().Open(connectors.Config{Name: "github-test", Settings: set}, options)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (w *world) count(connectors.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
}

func (w *world) Requests(connectortest.TB) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

func (w *world) receive(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, connectors.WebhookRequest{
		Method: r.Method, URL: "http://" + r.Host + r.URL.String(), Header: r.Header.Clone(), Body: body, Now: w.clock.Now(),
	})
}

func (w *world) Connection() connectors.Connection { return w.conn }

// tick lets a second pass, as between two acts of a person.
func (w *world) tick() { w.clock.Advance(time.Second) }

// id names an issue as the connection does.
func (w *world) id(number int) string {
	return strconv.FormatInt(w.sys.RepositoryID(repository), 10) + "-" + strconv.Itoa(number)
}

// number is the way back; 0 for ids that are none.
func number(id string) int {
	_, tail, _ := strings.Cut(id, "-")
	n, _ := strconv.Atoi(tail)
	return n
}

func (w *world) Create(t connectortest.TB, fields map[string]connectors.Value) string {
	t.Helper()
	w.tick()
	set := map[string]any{}
	if w.label != "" {
		set["labels"] = []string{w.label}
	}
	status := connectors.Null
	for name, v := range fields {
		if name == "status" {
			status = v
			continue
		}
		maps.Copy(set, w.wire(t, "", name, v))
	}
	n, err := w.sys.As(ada).Create(repository, set)
	if err != nil {
		t.Fatalf("create as a person: %v", err)
	}
	id := w.id(n)
	if !status.IsNull() {
		w.Edit(t, id, "status", status)
	}
	return id
}

func (w *world) Edit(t connectortest.TB, id, field string, v connectors.Value) {
	t.Helper()
	w.tick()
	if field == "status" {
		w.setStatus(t, id, v.Option().ID)
		return
	}
	if err := w.sys.As(ada).Edit(repository, number(id), w.wire(t, id, field, v)); err != nil {
		t.Fatalf("edit %q as a person: %v", field, err)
	}
}

func (w *world) setStatus(t connectortest.TB, id, status string) {
	t.Helper()
	var err error
	if status == "open" {
		err = w.sys.As(ada).Edit(repository, number(id), map[string]any{"state": "open"})
	} else {
		err = w.sys.As(ada).Close(repository, number(id), status)
	}
	if err != nil {
		t.Fatalf("set the status as a person: %v", err)
	}
}

// wire writes a value as the REST API takes it. People who edit a description
// leave a comment in it alone.
func (w *world) wire(t connectortest.TB, id, field string, v connectors.Value) map[string]any {
	t.Helper()
	switch field {
	case "body":
		text := v.Text()
		if i, ok := w.sys.Issue(repository, number(id)); ok {
			if at := strings.Index(i.Body, "<!-- tenon-key"); at >= 0 {
				text = strings.TrimSpace(text + "\n\n" + i.Body[at:])
			}
		}
		if text == "" {
			return map[string]any{field: nil}
		}
		return map[string]any{field: text}
	case "labels":
		names := []string{}
		for _, o := range v.Options() {
			names = append(names, o.ID)
		}
		if w.label != "" {
			names = append(names, w.label)
		}
		return map[string]any{field: names}
	case "assignees":
		names := []string{}
		for _, o := range v.Options() {
			names = append(names, o.ID)
		}
		return map[string]any{field: names}
	case "milestone":
		if v.IsNull() {
			return map[string]any{field: nil}
		}
		return map[string]any{field: v.Option().ID}
	case "assignee":
		if v.IsNull() {
			return map[string]any{"assignees": []string{}}
		}
		return map[string]any{"assignees": []string{v.Person().ID}}
	case "type":
		if v.IsNull() {
			return map[string]any{field: nil}
		}
		return map[string]any{field: v.Option().ID}
	}
	return map[string]any{field: v.Text()}
}

func (w *world) Delete(t connectortest.TB, id string) {
	t.Helper()
	w.tick()
	if err := w.sys.As(ada).Delete(repository, number(id)); err != nil {
		t.Fatalf("delete as a person: %v", err)
	}
}

func (w *world) Truth(_ connectortest.TB, id string) map[string]connectors.Value {
	i, ok := w.sys.Issue(repository, number(id))
	if !ok {
		return nil
	}
	return w.truth(i)
}

func (w *world) truth(i sandbox.Issue) map[string]connectors.Value {
	status := i.State
	if status == "closed" {
		status = i.Reason
	}
	out := map[string]connectors.Value{
		"title": connectors.Text(i.Title), "status": connectors.Choice(connectors.Option{ID: status}),
		"state": connectors.Choice(connectors.Option{ID: i.State}),
	}
	body := i.Body
	if at := strings.Index(body, "<!-- tenon-key"); at >= 0 {
		body = strings.TrimRight(body[:at], "\n")
	}
	if body != "" {
		out["body"] = connectors.RichText(body)
	}
	var labels []string
	for _, l := range i.Labels {
		if l != w.label {
			labels = append(labels, l)
		}
	}
	out["labels"] = connectors.Labels(labels...)
	if len(i.Assignees) > 0 {
		out["assignee"] = connectors.PersonValue(connectors.Person{ID: i.Assignees[0]})
	}
	if i.Milestone > 0 {
		out["milestone"] = connectors.Choice(connectors.Option{ID: strconv.Itoa(i.Milestone)})
	}
	if i.Type != "" {
		out["type"] = connectors.Choice(connectors.Option{ID: i.Type})
	}
	return out
}

func (w *world) IDs(connectortest.TB) []string {
	ids := []string{}
	for _, i := range w.sys.Issues(repository) {
		inScope := w.label == ""
		for _, l := range i.Labels {
			inScope = inScope || l == w.label
		}
		if !i.PullRequest && inScope {
			ids = append(ids, w.id(i.Number))
		}
	}
	return ids
}

func (w *world) Settle(connectortest.TB) { w.clock.Advance(62 * time.Second) }

func (w *world) Wait(_ connectortest.TB, d time.Duration) { w.clock.Advance(d) }

func (w *world) Webhooks(t connectortest.TB) []connectors.WebhookRequest {
	t.Helper()
	if err := w.sys.Flush(t.Context()); err != nil {
		t.Fatalf("flush webhooks: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

// Move takes an issue out of a scope of a label; without one there is no way.
func (w *world) Move(t connectortest.TB, id string) {
	t.Helper()
	if w.label == "" {
		t.Skipf("an issue leaves its repository under another id only")
	}
	w.tick()
	if err := w.sys.As(ada).Edit(repository, number(id), map[string]any{"labels": []string{}}); err != nil {
		t.Fatalf("take the label off as a person: %v", err)
	}
}

func (w *world) Comment(t connectortest.TB, id, markdown string) {
	t.Helper()
	w.tick()
	if _, err := w.sys.As(ada).Comment(repository, number(id), markdown); err != nil {
		t.Fatalf("comment as a person: %v", err)
	}
}

func (w *world) CommentCount(_ connectortest.TB, id string) int {
	i, _ := w.sys.Issue(repository, number(id))
	return len(i.Comments)
}

func (w *world) Fault(t connectortest.TB, f connectortest.Fault) bool {
	t.Helper()
	switch f {
	case connectortest.Revoked:
		w.revoke(t, true)
	case connectortest.Forbidden:
		w.archive(t, true)
	case connectortest.Down:
		w.strike(t, kit.Rule{Kind: kit.ServerError, Status: 503})
	case connectortest.TooMany:
		w.strike(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 1, Times: 1})
	default:
		kind := map[connectortest.Fault]kit.Kind{
			connectortest.ResetBefore: kit.ResetBefore, connectortest.ResetAfter: kit.ResetAfter, connectortest.ErrorAfter: kit.ErrorAfter,
		}[f]
		for _, path := range []string{"**/issues", "**/comments"} {
			w.strike(t, kit.Rule{Kind: kind, Method: "POST", Path: path, Times: 1})
		}
		w.strike(t, kit.Rule{Kind: kind, Method: "PATCH", Path: "**/issues/*", Times: 1})
	}
	return true
}

// Attach drops a file into a comment, as people do: what stays is an address.
func (w *world) Attach(t connectortest.TB, id, name string, _ []byte) string {
	t.Helper()
	w.tick()
	address := "https://github.com/user-attachments/files/" + strconv.FormatInt(w.clock.Now().Unix(), 10) + "/" + name
	if _, err := w.sys.As(ada).Comment(repository, number(id), "["+name+"]("+address+")"); err != nil {
		t.Fatalf("attach as a person: %v", err)
	}
	sum := sha256.Sum256([]byte(address))
	return "l" + hex.EncodeToString(sum[:8])
}

// Attached lists the comments that link to a file.
func (w *world) Attached(_ connectortest.TB, id string) []connectortest.AttachedFile {
	i, _ := w.sys.Issue(repository, number(id))
	var out []connectortest.AttachedFile
	for _, c := range i.Comments {
		name, rest, ok := strings.Cut(strings.TrimPrefix(c.Text, "["), "](")
		if link, _, closed := strings.Cut(strings.TrimPrefix(rest, "<"), ">)"); ok && closed {
			out = append(out, connectortest.AttachedFile{Name: name, Link: link})
		} else if ok {
			out = append(out, connectortest.AttachedFile{Name: name, Link: strings.TrimSuffix(rest, ")")})
		}
	}
	return out
}

// Throttle implements connectortest.Throttler.
func (w *world) Throttle(t connectortest.TB, n int) bool {
	t.Helper()
	w.strike(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 60, Skip: n})
	return true
}

// DropField implements connectortest.Reshaper: the fields of issues are fixed.
func (w *world) DropField(connectortest.TB, string) bool { return false }

// DropOption implements connectortest.Reshaper.
func (w *world) DropOption(t connectortest.TB, field, option string) bool {
	t.Helper()
	if field != "milestone" {
		return false
	}
	n, err := strconv.Atoi(option)
	if err == nil {
		err = w.sys.As(ada).DeleteMilestone(repository, n)
	}
	if err != nil {
		t.Fatalf("delete the milestone %q: %v", option, err)
	}
	return true
}

func (w *world) strike(t connectortest.TB, r kit.Rule) {
	t.Helper()
	if _, err := w.sys.Faults().Add(r); err != nil {
		t.Fatalf("arm %s: %v", r.Kind, err)
	}
}

func (w *world) revoke(t connectortest.TB, revoked bool) {
	t.Helper()
	for _, token := range []string{sandbox.DefaultToken, sandbox.DefaultFineToken} {
		if err := w.sys.SetToken(token, revoked, nil); err != nil {
			t.Fatalf("revoke the token: %v", err)
		}
	}
	w.sys.RevokeMinted(revoked)
}

func (w *world) archive(t connectortest.TB, archived bool) {
	t.Helper()
	if err := w.sys.Archive(repository, archived); err != nil {
		t.Fatalf("archive the repository: %v", err)
	}
}

func (w *world) Heal(t connectortest.TB) {
	w.sys.Faults().Clear()
	w.revoke(t, false)
	w.archive(t, false)
}

// openError returns why a connection with these settings is not opened.
func openError(t tb, values map[string]string) error {
	t.Helper()
	set, err := connectors.NewSettings(github.New().Info().Settings, values)
	if err != nil {
		return err
	}
	_, err = github.New().Open(connectors.Config{Name: "github-test", Settings: set}, connectors.Options{})
	return err
}
