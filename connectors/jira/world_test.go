package jira_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	ada           = "ada.okafor@harbourworks.example"
	jonas         = "jonas.lindqvist@harbourworks.example"
	mei           = "mei.tanaka@harbourworks.example" // hides the e-mail
	webhookSecret = "It's a Secret to Everybody"
)

var epics = connectors.Scope{"project": "DELIV", "issuetype": "Epic"}

// clock is the sandbox's clock as a connection sees it: to wait is to move it.
type clock struct{ *kit.ManualClock }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return context.Cause(ctx)
}

// world is a sandbox with a connection to it.
type world struct {
	sys    *sandbox.System
	clock  clock
	url    string
	hooks  string // where deliveries are received
	conn   connectors.Connection
	dc     bool
	schema *connectors.Schema
	people map[string]connectors.Person // by e-mail

	served atomic.Int64

	mu   sync.Mutex
	sent []connectors.WebhookRequest
}

var (
	_ connectortest.World     = (*world)(nil)
	_ connectortest.Webhooker = (*world)(nil)
	_ connectortest.Mover     = (*world)(nil)
	_ connectortest.Hider     = (*world)(nil)
	_ connectortest.Talker    = (*world)(nil)
	_ connectortest.Attacher  = (*world)(nil)
	_ connectortest.Faulter   = (*world)(nil)
	_ connectortest.Throttler = (*world)(nil)
	_ connectortest.Reshaper  = (*world)(nil)
	_ connectortest.Counter   = (*world)(nil)
)

// tb is what a world needs of a test.
type tb interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// newWorld starts a sandbox and opens a connection to it. Settings add to those
// that log in.
func newWorld(t tb, opts sandbox.Options, settings map[string]string) *world {
	t.Helper()
	w := &world{clock: clock{kit.NewManualClock(time.Date(2026, 3, 2, 9, 30, 15, 0, time.UTC))}}
	receiver := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(receiver.Close)
	opts.Clock, w.hooks = w.clock.ManualClock, receiver.URL+"/hooks/jira"
	opts.WebhookTarget, opts.WebhookSecret = w.hooks, webhookSecret
	w.sys = sandbox.New(opts)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.served.Add(1)
		w.sys.ServeHTTP(rw, r)
	}))
	t.Cleanup(func() {
		server.Close()
		w.sys.Close()
	})
	w.url = server.URL + opts.BasePath
	w.dc = opts.Flavour == sandbox.DataCenter
	values := map[string]string{"base_url": w.url, "webhook_secret": webhookSecret}
	if w.dc {
		values["deployment"], values["pat"] = "datacenter", sandbox.DefaultToken
	} else {
		values["email"], values["token"] = sandbox.DefaultEmail, sandbox.DefaultToken
	}
	maps.Copy(values, settings)
	w.conn = openWith(t, values, w.clock)
	return w
}

func openWith(t tb, values map[string]string, clock connectors.Clock) connectors.Connection {
	t.Helper()
	set, err := connectors.NewSettings(jira.New().Info().Settings, values)
	if err != nil {
		t.Fatalf("NewSettings: %v", err)
	}
	conn, err := jira.New().Open(connectors.Config{Name: "jira-test", Settings: set}, connectors.Options{Clock: clock})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
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

func (w *world) Requests(connectortest.TB) int { return int(w.served.Load()) }

// tick lets a second pass, as between two acts of a person.
func (w *world) tick() { w.clock.Advance(time.Second) }

func (w *world) Create(t connectortest.TB, fields map[string]connectors.Value) string {
	t.Helper()
	w.tick()
	set := map[string]any{"project": "DELIV", "issuetype": "Epic"}
	var state connectors.Value
	for name, v := range fields {
		if name == "status" {
			state = v
			continue
		}
		set[name] = w.wire(t, v)
	}
	if w.dc {
		set["Epic Name"] = "Epic"
	}
	key, err := w.sys.As(ada).Create(set)
	if err != nil {
		t.Fatalf("create as a person: %v", err)
	}
	i, _ := w.sys.Issue(key)
	if !state.IsNull() {
		w.Edit(t, i.ID, "status", state)
	}
	return i.ID
}

func (w *world) Edit(t connectortest.TB, id, field string, v connectors.Value) {
	t.Helper()
	w.tick()
	if field == "status" {
		if i, _ := w.sys.Issue(id); i.Status == v.Option().Label {
			return
		}
		if err := w.sys.As(ada).Transition(id, v.Option().Label, nil); err != nil {
			t.Fatalf("transition as a person: %v", err)
		}
		return
	}
	wire := w.wire(t, v)
	if field == "labels" { // in the browser, labels are added and taken away one by one: the key's stays
		i, _ := w.sys.Issue(id)
		labels, _ := wire.([]string)
		for _, l := range i.Labels {
			if strings.HasPrefix(l, "tenon-key-") {
				labels = append(labels, l)
			}
		}
		wire = append([]string{}, labels...)
	}
	if err := w.sys.As(ada).Edit(id, map[string]any{field: wire}); err != nil {
		t.Fatalf("edit %q as a person: %v", field, err)
	}
}

// wire writes a value as API v2 takes it.
func (w *world) wire(t connectortest.TB, v connectors.Value) any {
	switch v.Type() {
	case connectors.TypeNull:
		return nil
	case connectors.TypeNumber:
		return json.Number(v.Number())
	case connectors.TypeInstant:
		return v.Time().Format("2006-01-02T15:04:05.000-0700")
	case connectors.TypeOption:
		return map[string]any{"id": v.Option().ID}
	case connectors.TypeOptions:
		var labels []string
		var objects []any
		for _, o := range v.Options() {
			labels = append(labels, o.ID)
			objects = append(objects, map[string]any{"id": o.ID})
		}
		if _, err := strconv.Atoi(labels[0]); err != nil {
			return labels
		}
		return objects
	case connectors.TypePerson:
		return w.emailOf(t, v.Person())
	}
	return v.String()
}

func (w *world) emailOf(t connectortest.TB, p connectors.Person) string {
	for _, email := range []string{ada, jonas} {
		if w.person(t, email).ID == p.ID || p.ID == "" && p.Email == email {
			return email
		}
	}
	t.Fatalf("no person %+v in this world", p)
	return ""
}

// person returns a person with the id that the connection knows.
func (w *world) person(t connectortest.TB, email string) connectors.Person {
	t.Helper()
	if p, ok := w.people[email]; ok {
		return p
	}
	got, err := connectors.AbilitiesOf(w.conn).PeopleFinder.PeopleByEmail(t.Context(), []string{email})
	if err != nil || got[0].ID == "" {
		t.Fatalf("PeopleByEmail(%q): %+v, %v", email, got, err)
	}
	if w.people == nil {
		w.people = map[string]connectors.Person{}
	}
	w.people[email] = got[0]
	return got[0]
}

func (w *world) Delete(t connectortest.TB, id string) {
	t.Helper()
	w.tick()
	if err := w.sys.As(ada).Delete(id); err != nil {
		t.Fatalf("delete as a person: %v", err)
	}
}

// Truth converts what the sandbox holds by the types of the schema.
func (w *world) Truth(t connectortest.TB, id string) map[string]connectors.Value {
	t.Helper()
	i, ok := w.sys.Issue(id)
	if !ok {
		return nil
	}
	if w.schema == nil {
		s, err := w.conn.Schema(t.Context(), "issue", epics)
		if err != nil {
			t.Fatalf("Schema: %v", err)
		}
		w.schema = s
	}
	out := map[string]connectors.Value{}
	for name, plain := range i.Fields {
		if f := w.schema.Field(name); f != nil {
			out[name] = w.value(t, f, plain)
		}
	}
	o, _ := w.schema.Field("status").Option(i.Status)
	out["status"] = connectors.Choice(o)
	return out
}

func (w *world) value(t connectortest.TB, f *connectors.Field, plain any) connectors.Value {
	t.Helper()
	var v connectors.Value
	var err error
	switch f.Type {
	case connectors.TypeText:
		v = connectors.Text(plain.(string))
	case connectors.TypeRichText:
		v = connectors.RichText(plain.(string))
	case connectors.TypeNumber:
		raw, _ := json.Marshal(plain)
		v, err = connectors.ParseNumber(string(raw))
	case connectors.TypeDate:
		v, err = connectors.ParseDate(plain.(string))
	case connectors.TypeInstant:
		if at, ok := plain.(time.Time); ok {
			v = connectors.Instant(at)
		}
	case connectors.TypeOption:
		label, _ := plain.(string)
		o, _ := f.Option(label)
		v = connectors.Choice(o)
	case connectors.TypeOptions:
		list, _ := plain.([]string)
		var options []connectors.Option
		for _, label := range list {
			o, ok := f.Option(label)
			if !ok {
				o = connectors.Option{ID: label, Label: label}
			}
			options = append(options, o)
		}
		options = slices.DeleteFunc(options, func(o connectors.Option) bool { return strings.HasPrefix(o.ID, "tenon-key-") })
		v = connectors.Choices(options...)
	case connectors.TypePerson:
		v = connectors.PersonValue(w.truePerson(t, plain.(string)))
	}
	if err != nil {
		t.Fatalf("truth of %s: %v", f.Name, err)
	}
	return v
}

func (w *world) truePerson(t connectortest.TB, email string) connectors.Person {
	if email == ada || email == jonas {
		return w.person(t, email)
	}
	return connectors.Person{Email: email}
}

func (w *world) IDs(connectortest.TB) []string {
	ids := []string{}
	for _, i := range w.sys.Issues("DELIV") {
		if i.Type == "Epic" {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

func (w *world) Settle(connectortest.TB) { w.clock.Advance(7*time.Minute + time.Millisecond) }

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

func (w *world) Move(t connectortest.TB, id string) {
	t.Helper()
	for _, project := range []string{"OPS", "SUP", "WEB"} {
		if _, err := w.sys.As(ada).Move(id, project); err == nil {
			return
		}
	}
	t.Fatalf("no project to move to")
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
	i, _ := w.sys.Issue(id)
	return len(i.Comments)
}

func (w *world) Attach(t connectortest.TB, id, name string, content []byte) string {
	t.Helper()
	w.tick()
	fileID, err := w.sys.As(ada).Attach(id, name, content)
	if err != nil {
		t.Fatalf("attach as a person: %v", err)
	}
	return fileID
}

func (w *world) Attached(_ connectortest.TB, id string) []connectortest.AttachedFile {
	i, _ := w.sys.Issue(id)
	var out []connectortest.AttachedFile
	for _, f := range i.Files {
		out = append(out, connectortest.AttachedFile{Name: f.Name, Content: f.Data})
	}
	for _, l := range i.Links {
		out = append(out, connectortest.AttachedFile{Name: l.Title, Link: l.URL})
	}
	return out
}

func (w *world) Fault(t connectortest.TB, f connectortest.Fault) bool {
	t.Helper()
	switch f {
	case connectortest.Revoked:
		w.sys.ExpireToken(sandbox.DefaultToken)
	case connectortest.Forbidden:
		w.rights(t, w.sys.Deny)
	case connectortest.Down:
		w.strike(t, kit.Rule{Kind: kit.ServerError, Status: 503, Path: "**/rest/**"})
	case connectortest.TooMany:
		w.strike(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 1, Times: 1, Path: "**/rest/**"})
	default:
		kind := map[connectortest.Fault]kit.Kind{
			connectortest.ResetBefore: kit.ResetBefore, connectortest.ResetAfter: kit.ResetAfter, connectortest.ErrorAfter: kit.ErrorAfter,
		}[f]
		for _, path := range []string{"**/issue", "**/issue/bulk", "**/issue/*/comment", "**/issue/*/transitions", "**/issue/*/attachments"} {
			w.strike(t, kit.Rule{Kind: kind, Method: "POST", Path: path, Times: 1})
		}
		w.strike(t, kit.Rule{Kind: kind, Method: "PUT", Path: "**/issue/*", Times: 1})
	}
	return true
}

func (w *world) Throttle(t connectortest.TB, n int) bool {
	w.strike(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 1, Skip: n, Path: "**/rest/**"})
	return true
}

func (w *world) DropField(_ connectortest.TB, field string) bool {
	return w.sys.HideField(field) == nil
}

func (w *world) DropOption(_ connectortest.TB, field, option string) bool {
	return w.sys.SetOption(field, option, false) == nil
}

func (w *world) strike(t connectortest.TB, r kit.Rule) {
	t.Helper()
	if _, err := w.sys.Faults().Add(r); err != nil {
		t.Fatalf("arm %s: %v", r.Kind, err)
	}
}

func (w *world) rights(t connectortest.TB, set func(email, project, right string) error) {
	t.Helper()
	for _, right := range []string{"CREATE_ISSUES", "EDIT_ISSUES"} {
		if err := set(sandbox.DefaultEmail, "DELIV", right); err != nil {
			t.Fatalf("right %s: %v", right, err)
		}
	}
}

func (w *world) Heal(t connectortest.TB) {
	w.sys.Faults().Clear()
	w.sys.RenewToken(sandbox.DefaultToken)
	w.rights(t, w.sys.Allow)
}

// harness describes the sandbox to the suite.
func harness(opts sandbox.Options, settings map[string]string) connectortest.Harness {
	option := func(id, label string) connectors.Value {
		return connectors.Choice(connectors.Option{ID: id, Label: label})
	}
	number := func(s string) connectors.Value {
		v, err := connectors.ParseNumber(s)
		if err != nil {
			panic(err)
		}
		return v
	}
	h := connectortest.Harness{
		Open:   func(t connectortest.TB) connectortest.World { return newWorld(t, opts, settings) },
		Object: "issue", Scope: epics, Title: "summary", Droppable: "customfield_10041",
		Samples: []connectortest.Sample{
			{Field: "customfield_10041", One: connectors.Text("deal 4711"), Two: connectors.Text("deal 4712 & sons")},
			{Field: "description", One: connectors.RichText("Plain words"), Two: connectors.RichText("Two paragraphs")},
			{Field: "customfield_10042", One: number("125000.5"), Two: number("-3")},
			{Field: "duedate", One: connectors.Date(2026, 3, 29), Two: connectors.Date(2024, 2, 29)},
			{Field: "customfield_10047", One: connectors.Instant(time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)), Two: connectors.Instant(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))},
			{Field: "priority", One: option("2", "High"), Two: option("4", "Low")},
			{Field: "customfield_10043", One: option("10020", "Fixed price"), Two: option("10022", "Retainer")},
			{Field: "status", One: option("10000", "To Do"), Two: option("3", "In Progress")},
			{Field: "labels", One: connectors.Labels("crm", "rollout"), Two: connectors.Labels("Crm")},
			{Field: "components", One: connectors.Choices(connectors.Option{ID: "10000", Label: "Delivery"}), Two: connectors.Choices(connectors.Option{ID: "10000", Label: "Delivery"}, connectors.Option{ID: "10001", Label: "Design"})},
		},
		Refused:  map[string]connectors.Value{"customfield_10043": option("999", "No such contract")},
		ReadOnly: connectortest.Sample{Field: "created", One: connectors.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))},
		BadScope: connectors.Scope{"project": "NOPE"}, AbsentID: "999999",
		Find:   connectortest.Sample{Field: "customfield_10041", One: connectors.Text("deal 4711"), Two: connectors.Text("deal 4712")},
		Email:  ada,
		Labels: "labels", LabelOptions: connectors.Labels("alpha", "beta", "gamma").Options(),
		Records: 120, // more than a page
	}
	if opts.Flavour == sandbox.DataCenter {
		h.Required = map[string]connectors.Value{"customfield_10011": connectors.Text("Epic")}
	}
	return h
}

var _ tb = (*testing.T)(nil)
