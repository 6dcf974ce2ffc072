package hubspot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/hubspot"
	"github.com/tenonsync/tenon/connectors/richtext"
	sandbox "github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	ada        = "ada.okafor@harbourworks.example"
	hookURL    = "https://tenon.example.com/hooks/crm"
	otherPipe  = "partners"
	otherStage = "partners_new"
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
	ofDeals = kind{"deals", map[string]string{"pipeline": "default"}, map[string]string{"pipeline": otherPipe, "dealstage": otherStage}}
	// Contacts have a property of their own for the time of the last change, and
	// no pipelines: their scope is a plain property.
	ofContacts = kind{"contacts", map[string]string{"hs_lead_status": "NEW"}, map[string]string{"hs_lead_status": "OPEN"}}
)

// world is an empty account of the sandbox with a connection to it.
type world struct {
	kind
	sys   *sandbox.System
	clock clock
	base  string
	conn  connectors.Connection

	mu     sync.Mutex
	served int
	sent   []connectors.WebhookRequest
}

// The guards double as the list of what the world can do.
var (
	_ connectortest.World     = (*world)(nil)
	_ connectortest.Webhooker = (*world)(nil)
	_ connectortest.Archiver  = (*world)(nil)
	_ connectortest.Mover     = (*world)(nil)
	_ connectortest.Hider     = (*world)(nil)
	_ connectortest.Waiter    = (*world)(nil)
	_ connectortest.Talker    = (*world)(nil)
	_ connectortest.Attacher  = (*world)(nil)
	_ connectortest.Faulter   = (*world)(nil)
	_ connectortest.Throttler = (*world)(nil)
	_ connectortest.Reshaper  = (*world)(nil)
	_ connectortest.Counter   = (*world)(nil)
)

// extraProperties are of the types that deals lack.
const extraProperties = `[
	{"name":"brief","label":"Brief","type":"string","fieldType":"html","groupName":"dealinformation"},
	{"name":"vip","label":"VIP","type":"bool","fieldType":"booleancheckbox","groupName":"dealinformation","options":[{"label":"Yes","value":"true","displayOrder":0,"hidden":false},{"label":"No","value":"false","displayOrder":1,"hidden":false}]},
	{"name":"areas","label":"Areas","type":"enumeration","fieldType":"checkbox","groupName":"dealinformation","options":[{"label":"North","value":"n","displayOrder":0,"hidden":false},{"label":"South","value":"s","displayOrder":1,"hidden":false},{"label":"West","value":"w","displayOrder":2,"hidden":false}]}
]`

func openWorld(t connectortest.TB, of kind) *world {
	t.Helper()
	w := &world{kind: of, clock: clock{kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))}}
	w.sys = sandbox.New(sandbox.Options{
		Seed: 7, Clock: w.clock.ManualClock, NoSeed: true, WebhookTarget: hookURL, Transport: w, Limits: sandbox.VendorLimits(),
	})
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

	for _, p := range elements(t, extraProperties) {
		w.post(t, "/crm/properties/2026-03/deals", p)
	}
	w.post(t, "/crm/pipelines/2026-03/deals", []byte(`{"label":"Partners","pipelineId":"`+otherPipe+`","displayOrder":1,"stages":[{"stageId":"`+otherStage+`","label":"New","displayOrder":0,"metadata":{"probability":"0.1"}}]}`))
	w.clock.Advance(2 * time.Second) // new properties need a moment

	values := map[string]string{"token": sandbox.DefaultToken, "client_secret": sandbox.DefaultClientSecret, "base_url": server.URL}
	w.conn = open(t, values, connectors.Options{Clock: w.clock})
	return w
}

// open opens a connection that the test closes.
func open(t interface {
	Helper()
	Fatalf(string, ...any)
	Cleanup(func())
}, settings map[string]string, options connectors.Options,
) connectors.Connection {
	t.Helper()
	s, err := connectors.NewSettings(hubspot.Connector{}.Info().Settings, settings)
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	c, err := hubspot.Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func elements(t connectortest.TB, list string) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	if err := json.Unmarshal([]byte(list), &out); err != nil {
		t.Fatalf("elements: %v", err)
	}
	return out
}

func (w *world) post(t connectortest.TB, path string, body []byte) {
	t.Helper()
	w.send(t, http.MethodPost, path, body)
}

// send sends a request as an admin's script would.
func (w *world) send(t connectortest.TB, method, path string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.base+path, bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	req.Header.Set("Authorization", "Bearer "+sandbox.DefaultToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, answer, err)
	}
	return answer
}

// RoundTrip takes in the webhooks that the sandbox sends.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, connectors.WebhookRequest{
		Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Body: body, Now: w.clock.Now(),
	})
	return &http.Response{StatusCode: http.StatusNoContent, Status: "204 No Content", Body: http.NoBody, Request: r, Header: http.Header{}}, nil
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
	case connectors.TypeRichText:
		return richtext.ToHTML(v.Text())
	}
	return v.String()
}

func wireFields(fields map[string]connectors.Value) map[string]string {
	out := map[string]string{}
	for name, v := range fields {
		out[name] = wire(v)
	}
	return out
}

func (w *world) Create(t connectortest.TB, fields map[string]connectors.Value) string {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	properties := wireFields(fields)
	maps.Copy(properties, w.within)
	id, err := w.sys.As(ada).Create(w.object, properties)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return id
}

func (w *world) Edit(t connectortest.TB, id, field string, v connectors.Value) {
	t.Helper()
	w.edit(t, id, map[string]string{field: wire(v)})
}

func (w *world) edit(t connectortest.TB, id string, properties map[string]string) {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	if err := w.sys.As(ada).Edit(w.object, id, properties); err != nil {
		t.Fatalf("edit %s: %v", id, err)
	}
}

func (w *world) Delete(t connectortest.TB, id string) {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	if err := w.sys.As(ada).Archive(w.object, id); err != nil {
		t.Fatalf("archive %s: %v", id, err)
	}
}

func (w *world) Archive(t connectortest.TB, id string) { w.Delete(t, id) }

func (w *world) Move(t connectortest.TB, id string) {
	t.Helper()
	w.edit(t, id, w.moved)
}

func (w *world) Hide(_ connectortest.TB, field string) { w.sys.Hide(w.object, field, true) }

func (w *world) Truth(t connectortest.TB, id string) map[string]connectors.Value {
	t.Helper()
	r, err := w.sys.Get(w.object, id)
	if err != nil || r.Archived {
		return nil
	}
	out := map[string]connectors.Value{}
	for name, text := range r.Properties {
		if v, ok := truth(t, name, text); ok {
			out[name] = v
		}
	}
	return out
}

// truth returns the value of a property of the harness.
func truth(t connectortest.TB, name, text string) (connectors.Value, bool) {
	t.Helper()
	var v connectors.Value
	var err error
	switch name {
	case "dealname", "description", "project_url", "firstname", "lastname", "jobtitle":
		v = connectors.Text(text)
	case "brief":
		v = connectors.RichText(richtext.FromHTML(text))
	case "amount":
		v, err = connectors.ParseNumber(text)
	case "expected_delivery":
		v, err = connectors.ParseDate(text)
	case "closedate":
		var at time.Time
		at, err = time.Parse(time.RFC3339Nano, text)
		v = connectors.Instant(at)
	case "vip":
		v = connectors.Bool(text == "true")
	case "dealtype", "dealstage", "lifecyclestage":
		v = connectors.Choice(connectors.Option{ID: text})
	case "areas":
		v = connectors.Labels(strings.Split(text, ";")...)
	case "hubspot_owner_id":
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
	note, err := w.sys.As(ada).Create("notes", map[string]string{
		"hs_timestamp": w.clock.Now().Format(time.RFC3339Nano), "hs_note_body": richtext.ToHTML(markdown),
	})
	if err == nil {
		err = w.sys.As(ada).Link("notes", note, w.object, id)
	}
	if err != nil {
		t.Fatalf("comment: %v", err)
	}
}

func (w *world) CommentCount(t connectortest.TB, id string) int {
	t.Helper()
	r, err := w.sys.Get(w.object, id)
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	return len(r.Linked["notes"])
}

func (w *world) Attach(t connectortest.TB, id, name string, content []byte) string {
	t.Helper()
	w.clock.Advance(3 * time.Millisecond)
	note, file, err := w.sys.As(ada).Attach(w.object, id, name, content)
	if err != nil {
		t.Fatalf("attach: %v", err)
	}
	return note + "." + file
}

// Attached implements connectortest.Attacher: what the notes of a record show.
func (w *world) Attached(t connectortest.TB, id string) []connectortest.AttachedFile {
	t.Helper()
	r, err := w.sys.Get(w.object, id)
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	var out []connectortest.AttachedFile
	for _, noteID := range r.Linked["notes"] {
		note, err := w.sys.Get("notes", noteID)
		if err != nil {
			t.Fatalf("get note %s: %v", noteID, err)
		}
		ids := note.Properties["hs_attachment_ids"]
		if ids == "" {
			if _, rest, ok := strings.Cut(note.Properties["hs_note_body"], `<a href="`); ok {
				address, rest, _ := strings.Cut(rest, `">`)
				name, _, _ := strings.Cut(rest, "</a>")
				out = append(out, connectortest.AttachedFile{Name: name, Link: html.UnescapeString(address)})
			}
			continue
		}
		for fileID := range strings.SplitSeq(ids, ";") {
			f, ok := w.sys.File(fileID)
			if !ok {
				t.Fatalf("the note %s names the file %s, which is not there", noteID, fileID)
			}
			out = append(out, connectortest.AttachedFile{Name: f.Name, Content: f.Data})
		}
	}
	return out
}

// readScopes are those of an app that may write nothing.
var readScopes = []string{
	"crm.objects.deals.read", "crm.schemas.deals.read", "crm.objects.owners.read", "crm.objects.contacts.read",
	"crm.objects.companies.read", "tickets", "crm.schemas.contacts.read",
}

func (w *world) Fault(t connectortest.TB, f connectortest.Fault) bool {
	t.Helper()
	kinds := map[connectortest.Fault]kit.Kind{
		connectortest.ResetBefore: kit.ResetBefore, connectortest.ResetAfter: kit.ResetAfter, connectortest.ErrorAfter: kit.ErrorAfter,
	}
	switch f {
	case connectortest.Revoked:
		w.sys.RevokeToken()
	case connectortest.Forbidden:
		w.sys.SetScopes(readScopes)
	case connectortest.Down:
		w.arm(t, kit.Rule{Kind: kit.ServerError, Status: http.StatusServiceUnavailable})
	case connectortest.TooMany:
		w.arm(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 1, Times: 1})
	default:
		for _, path := range []string{"/crm/objects/*/*", "/crm/objects/*/*/batch/create", "/crm/objects/*/*/batch/update"} {
			w.arm(t, kit.Rule{Kind: kinds[f], Method: http.MethodPost, Path: path, Times: 1})
		}
	}
	return true
}

func (w *world) Throttle(t connectortest.TB, n int) bool {
	w.arm(t, kit.Rule{Kind: kit.RateLimit, RetryAfter: 1, Skip: n})
	return true
}

func (w *world) DropField(t connectortest.TB, field string) bool {
	w.send(t, http.MethodDelete, "/crm/properties/2026-03/"+w.object+"/"+field, nil)
	return true
}

func (w *world) DropOption(t connectortest.TB, field, option string) bool {
	var p struct {
		Options []map[string]any `json:"options"`
	}
	path := "/crm/properties/2026-03/" + w.object + "/" + field
	if err := json.Unmarshal(w.send(t, http.MethodGet, path, nil), &p); err != nil {
		t.Fatalf("property %s: %v", field, err)
	}
	p.Options = slices.DeleteFunc(p.Options, func(o map[string]any) bool { return o["value"] == option })
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatalf("property %s: %v", field, err)
	}
	w.send(t, http.MethodPatch, path, body)
	return true
}

func (w *world) arm(t connectortest.TB, r kit.Rule) {
	t.Helper()
	if _, err := w.sys.Faults().Add(r); err != nil {
		t.Fatalf("fault: %v", err)
	}
}

func (w *world) Heal(connectortest.TB) {
	w.sys.Faults().Clear()
	w.sys.SetScopes(nil)
}

// dealHarness describes deals to the suite.
func dealHarness() connectortest.Harness {
	option := func(id string) connectors.Value { return connectors.Choice(connectors.Option{ID: id}) }
	number := func(s string) connectors.Value {
		v, err := connectors.ParseNumber(s)
		if err != nil {
			panic(err)
		}
		return v
	}
	owner := func(email string) connectors.Value { // the sandbox's owners depend on its seed only
		s := sandbox.New(sandbox.Options{Seed: 7, NoSeed: true})
		defer s.Close()
		return connectors.PersonValue(connectors.Person{ID: s.OwnerID(email)})
	}
	return connectortest.Harness{
		Open:   func(t connectortest.TB) connectortest.World { return openWorld(t, ofDeals) },
		Object: "deals",
		Scope:  connectors.Scope{"pipeline": "default"},
		Title:  "dealname", Droppable: "brief",
		Required: map[string]connectors.Value{"dealstage": option("appointmentscheduled")},
		Samples: []connectortest.Sample{
			{Field: "description", One: connectors.Text("One\ntwo"), Two: connectors.Text("Other <b>text</b>")},
			{Field: "brief", One: connectors.RichText("A **bold** start\n\n- one\n- two"), Two: connectors.RichText("## Next\n\n[link](https://example.com/)")},
			{Field: "amount", One: number("1250.5"), Two: number("99999999999.01")},
			{Field: "closedate", One: connectors.Instant(time.UnixMilli(1773300843846)), Two: connectors.Instant(time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC))},
			{Field: "expected_delivery", One: connectors.Date(2026, 12, 31), Two: connectors.Date(2028, 2, 29)},
			{Field: "dealtype", One: option("newbusiness"), Two: option("existingbusiness")},
			{Field: "vip", One: connectors.Bool(true), Two: connectors.Bool(false)},
			{Field: "areas", One: connectors.Labels("n", "w"), Two: connectors.Labels("s")},
			{Field: "hubspot_owner_id", One: owner(ada), Two: owner("mei.tanaka@harbourworks.example")},
		},
		Refused:  map[string]connectors.Value{"dealtype": option("no_such_choice")},
		ReadOnly: connectortest.Sample{Field: "hs_is_closed", One: connectors.Bool(true)},
		BadScope: connectors.Scope{"pipeline": "nowhere"},
		AbsentID: "399999999999",
		Find:     connectortest.Sample{Field: "project_url", One: connectors.Text("https://e.com/1"), Two: connectors.Text("https://e.com/2")},
		Email:    ada,
		Child: &connectortest.Child{
			Object: "tasks", Scope: connectors.Scope{"parent": "deals"}, Title: "hs_task_subject",
			Required: map[string]connectors.Value{"hs_timestamp": connectors.Instant(time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC))},
		},
	}
}

func contactHarness() connectortest.Harness {
	h := dealHarness()
	h.Open = func(t connectortest.TB) connectortest.World { return openWorld(t, ofContacts) }
	h.Object, h.Scope, h.BadScope = "contacts", connectors.Scope{"hs_lead_status": "New"}, connectors.Scope{"hs_lead_status": "nowhere"}
	h.Title, h.Required = "firstname", nil
	h.Droppable = ""
	h.Samples = []connectortest.Sample{
		{Field: "lastname", One: connectors.Text("Ōsaka"), Two: connectors.Text("O'Brien")},
		{Field: "lifecyclestage", One: connectors.Choice(connectors.Option{ID: "lead"}), Two: connectors.Choice(connectors.Option{ID: "customer"})},
		h.Samples[len(h.Samples)-1],
	}
	h.Refused = map[string]connectors.Value{"lifecyclestage": connectors.Choice(connectors.Option{ID: "no_such_choice"})}
	h.ReadOnly = connectortest.Sample{Field: "hs_object_id", One: connectors.Int(5)}
	h.Find.Field = "jobtitle"
	h.Child.Scope = connectors.Scope{"parent": "contacts"}
	return h
}

func TestConformance(t *testing.T) {
	t.Run("deals", func(t *testing.T) { connectortest.Run(t, dealHarness()) })
	t.Run("contacts", func(t *testing.T) { connectortest.Run(t, contactHarness()) })
}
