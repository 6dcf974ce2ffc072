package salesforce_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/richtext"
	"github.com/tenonsync/tenon/connectors/salesforce"
	"github.com/tenonsync/tenon/sandbox/kit"
	sandbox "github.com/tenonsync/tenon/sandbox/salesforce"
)

const (
	ada = "ada.okafor@harbourworks.example"
	mei = "mei.tanaka@harbourworks.example"
)

// clock is the sandbox's clock for the connection: whoever waits moves it.
type clock struct{ *kit.ManualClock }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	c.Advance(d)
	return nil
}

// kind is an object that a world works with.
type kind struct {
	object string
	within map[string]string // what puts a record into the harness's scope
	moved  map[string]string // what takes it out of it
}

var (
	ofOpportunities = kind{"Opportunity", map[string]string{"LeadSource": "Web"}, map[string]string{"LeadSource": "Other"}}
	ofProjects      = kind{"Project__c", map[string]string{"Status__c": "Active"}, map[string]string{"Status__c": "Done"}}
	ofContacts      = kind{"Contact", map[string]string{"LeadSource": "Web"}, map[string]string{"LeadSource": "Other"}}
	ofAccounts      = kind{"Account", map[string]string{"Rating": "Hot"}, map[string]string{"Rating": "Cold"}}
)

// world is an empty org of the sandbox with a connection to it.
type world struct {
	kind
	sys   *sandbox.System
	clock clock
	base  string
	conn  connectors.Connection

	chatter bool // comments are posts

	mu     sync.Mutex
	served int
}

// The guards double as the list of what the world can do.
var (
	_ connectortest.World     = (*world)(nil)
	_ connectortest.Merger    = (*mergingWorld)(nil)
	_ connectortest.Mover     = (*world)(nil)
	_ connectortest.Hider     = (*world)(nil)
	_ connectortest.Waiter    = (*world)(nil)
	_ connectortest.Talker    = (*world)(nil)
	_ connectortest.Faulter   = (*world)(nil)
	_ connectortest.Counter   = (*world)(nil)
	_ connectortest.Throttler = (*world)(nil)
	_ connectortest.Reshaper  = (*world)(nil)
	_ connectortest.Attacher  = (*world)(nil)
)

// tester is what opening a connection needs of a test.
type tester interface {
	Helper()
	Fatalf(string, ...any)
	Cleanup(func())
}

func openWorld(t tester, of kind, more map[string]string) *world {
	t.Helper()
	return openOrg(t, of, sandbox.Options{Limits: sandbox.VendorLimits()}, more)
}

func openOrg(t tester, of kind, o sandbox.Options, more map[string]string) *world {
	t.Helper()
	w := &world{kind: of, chatter: more["notes"] == "chatter", clock: clock{kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))}}
	o.Seed, o.Clock, o.NoSeed = 7, w.clock.ManualClock, true
	w.sys = sandbox.New(o)
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
	w.conn = open(t, w.settings(more), connectors.Options{Clock: w.clock})
	return w
}

// settings are those of a connection to the org, with others in their place.
func (w *world) settings(more map[string]string) map[string]string {
	s := map[string]string{
		"login_url": w.base, "client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "currency": "EUR",
	}
	maps.Copy(s, more)
	return s
}

// open opens a connection that the test closes.
func open(t tester, settings map[string]string, options connectors.Options) connectors.Connection {
	t.Helper()
	s, err := connectors.NewSettings(salesforce.Connector{}.Info().Settings, settings)
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	c, err := salesforce.Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *world) Connection() connectors.Connection { return w.conn }

// wire returns the sandbox's text of a value.
func wire(v connectors.Value) string {
	switch v.Type() {
	case connectors.TypeOption:
		return v.Option().ID
	case connectors.TypeOptions:
		var ids []string
		for _, o := range v.Options() {
			ids = append(ids, o.ID)
		}
		return strings.Join(ids, ";")
	case connectors.TypePerson:
		return v.Person().ID
	case connectors.TypeMoney:
		return v.Number()
	case connectors.TypeRichText:
		return richtext.Salesforce.To(v.Text())
	}
	return v.String()
}

// pause is how long people take between two things that they do: stamps are
// whole seconds.
const pause = 3 * time.Second

func (w *world) Create(t connectortest.TB, fields map[string]connectors.Value) string {
	t.Helper()
	texts := map[string]string{}
	for name, v := range fields {
		texts[name] = wire(v)
	}
	maps.Copy(texts, w.within)
	id, err := w.sys.As(ada).Create(w.object, texts)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	w.clock.Advance(pause)
	return id
}

func (w *world) Edit(t connectortest.TB, id, field string, v connectors.Value) {
	t.Helper()
	w.edit(t, id, map[string]string{field: wire(v)})
}

func (w *world) edit(t connectortest.TB, id string, fields map[string]string) {
	t.Helper()
	if err := w.sys.As(ada).Edit(id, fields); err != nil {
		t.Fatalf("edit %s: %v", id, err)
	}
	w.clock.Advance(pause)
}

func (w *world) Delete(t connectortest.TB, id string) {
	t.Helper()
	if err := w.sys.As(ada).Delete(id); err != nil {
		t.Fatalf("delete %s: %v", id, err)
	}
	w.clock.Advance(pause)
}

func (w *world) Move(t connectortest.TB, id string) {
	t.Helper()
	w.edit(t, id, w.moved)
}

func (w *world) Hide(t connectortest.TB, field string) {
	t.Helper()
	if err := w.sys.Hide(w.object, field, true); err != nil {
		t.Fatalf("hide %s: %v", field, err)
	}
}

func (w *world) Throttle(t connectortest.TB, n int) bool {
	t.Helper()
	w.arm(t, kit.Rule{Kind: kit.RateLimit, Skip: n})
	return true
}

func (w *world) DropField(t connectortest.TB, field string) bool {
	t.Helper()
	if !strings.HasSuffix(field, "__c") {
		return false // standard fields are for ever
	}
	if err := w.sys.DropField(w.object, field); err != nil {
		t.Fatalf("drop %s: %v", field, err)
	}
	return true
}

func (w *world) DropOption(t connectortest.TB, field, option string) bool {
	t.Helper()
	if err := w.sys.DropOption(w.object, field, option); err != nil {
		t.Fatalf("drop %s of %s: %v", option, field, err)
	}
	return true
}

// mergingWorld is a world of an object whose records people merge.
type mergingWorld struct{ *world }

func (w *mergingWorld) Merge(t connectortest.TB, loser, winner string) {
	t.Helper()
	if err := w.sys.As(ada).Merge(winner, loser); err != nil {
		t.Fatalf("merge: %v", err)
	}
	w.clock.Advance(pause)
}

func (w *world) Truth(t connectortest.TB, id string) map[string]connectors.Value {
	t.Helper()
	r, err := w.sys.Get(w.object, id)
	if err != nil || r.Deleted {
		return nil
	}
	out := map[string]connectors.Value{}
	for name, text := range r.Fields {
		if v, ok := truth(t, name, text); ok {
			out[name] = v
		}
	}
	return out
}

// truth returns the value of a field of the harness.
func truth(t connectortest.TB, name, text string) (connectors.Value, bool) {
	t.Helper()
	var v connectors.Value
	var err error
	switch name {
	case "Name", "LastName", "Department", "Title", "Contact_Email__c", "Description", "NextStep", "Project_Url__c", "Phone", "Site", "Website":
		v = connectors.Text(text)
	case "Kickoff__c", "EmailBouncedDate":
		var at time.Time
		at, err = time.Parse(time.RFC3339Nano, text)
		v = connectors.Instant(at)
	case "Delivery_Notes__c", "Summary__c":
		v = connectors.RichText(richtext.Salesforce.From(text))
	case "Amount", "AnnualRevenue":
		v, err = connectors.Money(text, "EUR")
	case "Delivery_Progress__c", "NumberOfEmployees", "Hours__c":
		v, err = connectors.ParseNumber(text)
	case "Delivery_Due__c", "CloseDate", "Due__c":
		v, err = connectors.ParseDate(text)
	case "IsPrivate", "Billable__c":
		v = connectors.Bool(text == "true")
	case "Type", "StageName", "Industry", "Delivery_Status__c":
		v = connectors.Choice(connectors.Option{ID: text})
	case "Delivery_Teams__c", "Skills__c":
		v = connectors.Labels(strings.Split(text, ";")...)
	case "OwnerId":
		v = connectors.PersonValue(connectors.Person{ID: text})
	default:
		return v, false
	}
	if err != nil {
		t.Fatalf("the sandbox holds %s = %q: %v", name, text, err)
	}
	return v, true
}

func (w *world) IDs(connectortest.TB) []string {
	var ids []string
	for _, r := range w.sys.All(w.object) {
		ids = append(ids, r.ID)
	}
	return ids
}

func (w *world) Settle(connectortest.TB) {
	w.clock.Advance(w.conn.Facts().IndexLag + 2*time.Second)
}

func (w *world) Wait(_ connectortest.TB, d time.Duration) { w.clock.Advance(d) }

// Requests implements connectortest.Counter.
func (w *world) Requests(connectortest.TB) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.served
}

func (w *world) Comment(t connectortest.TB, id, markdown string) {
	t.Helper()
	var err error
	if w.chatter {
		_, err = w.sys.As(ada).Comment(id, markdown)
	} else {
		field := "WhatId"
		if w.object == "Contact" {
			field = "WhoId"
		}
		_, err = w.sys.As(ada).Create("Task", map[string]string{
			field: id, "Subject": "Progress note", "Description": markdown, "Status": "Completed",
		})
	}
	if err != nil {
		t.Fatalf("comment: %v", err)
	}
	w.clock.Advance(pause)
}

func (w *world) CommentCount(t connectortest.TB, id string) int {
	t.Helper()
	r, err := w.sys.Get(w.object, id)
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	if w.object != "Contact" {
		return len(r.Comments)
	}
	n := 0
	for _, task := range w.sys.All("Task") {
		if task.Fields["WhoId"] == id {
			n++
		}
	}
	return n
}

func (w *world) Attach(t connectortest.TB, id, name string, content []byte) string {
	t.Helper()
	document, err := w.sys.As(ada).Attach(id, name, content)
	if err != nil {
		t.Fatalf("attach: %v", err)
	}
	w.clock.Advance(pause)
	return document
}

func (w *world) Attached(t connectortest.TB, id string) []connectortest.AttachedFile {
	t.Helper()
	files, err := w.sys.Files(id)
	if err != nil {
		t.Fatalf("files: %v", err)
	}
	out := make([]connectortest.AttachedFile, len(files))
	for i, f := range files {
		out[i] = connectortest.AttachedFile{Name: f.Title, Link: f.Link, Content: f.Content}
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
		w.edit(t, w.sys.IntegrationUser(), map[string]string{"IsActive": "false"})
	case connectortest.Forbidden:
		w.deny(t, true)
	case connectortest.Down:
		w.arm(t, kit.Rule{Kind: kit.ServerError, Status: http.StatusServiceUnavailable})
	case connectortest.TooMany:
		w.arm(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 1, Times: 1})
	default:
		for _, r := range []kit.Rule{
			{Kind: kinds[f], Method: http.MethodPost, Path: "/services/data/*/composite/sobjects", Times: 1},
			{Kind: kinds[f], Method: http.MethodPost, Path: "/services/data/*/composite", Times: 1},
			{Kind: kinds[f], Method: http.MethodPost, Path: "/services/data/*/sobjects/*", Times: 1},
		} {
			w.arm(t, r)
		}
	}
	return true
}

func (w *world) deny(t connectortest.TB, denied bool) {
	t.Helper()
	for _, what := range []string{"create", "update"} {
		if err := w.sys.Deny(w.object, what, denied); err != nil {
			t.Fatalf("deny: %v", err)
		}
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
	w.clock.Advance(6 * time.Minute) // a pause after the allowance was used up
	w.deny(t, false)
	if err := w.sys.As(ada).Edit(w.sys.IntegrationUser(), map[string]string{"IsActive": "true"}); err != nil {
		t.Fatalf("heal: %v", err)
	}
}
