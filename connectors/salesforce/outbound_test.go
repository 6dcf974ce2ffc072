package salesforce_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/salesforce"
	sandbox "github.com/tenonsync/tenon/sandbox/salesforce"
)

// mailbox takes the outbound messages of an org, and acknowledges those that a
// connection understands while open.
type mailbox struct {
	mu         sync.Mutex
	source     connectors.WebhookSource
	deliveries []connectors.Delivery
	bodies     []string
	errs       []error
	refuse     bool
}

func (m *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		m.errs = append(m.errs, err)
		return
	}
	m.bodies = append(m.bodies, string(body))
	if m.refuse {
		w.WriteHeader(http.StatusOK) // without Ack: not acknowledged
		return
	}
	d, err := m.source.ParseWebhook(connectors.WebhookRequest{Method: r.Method, URL: r.URL.String(), Header: r.Header, Body: body})
	if err != nil {
		m.errs = append(m.errs, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	m.deliveries = append(m.deliveries, d)
	w.Header().Set("Content-Type", d.Answer.Header.Get("Content-Type"))
	w.WriteHeader(d.Answer.Status)
	_, _ = w.Write(d.Answer.Body)
}

// openMailbox opens an org that sends outbound messages to a connection.
func openMailbox(t *testing.T) (*world, *mailbox) {
	t.Helper()
	w := openOrg(t, ofOpportunities, sandbox.Options{WebhookDoubles: -1}, nil)
	w.conn = open(t, w.settings(map[string]string{"organization": w.sys.OrgID()}), connectors.Options{Clock: w.clock})
	m := &mailbox{source: connectors.AbilitiesOf(w.conn).WebhookSource}
	if m.source == nil {
		t.Fatal("a connection that knows its org takes no outbound messages")
	}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	w.sys.SetWebhookTarget(server.URL + "/hooks/crm/secret")
	return w, m
}

// sent sends what waits, and returns the hints since the last call.
func (m *mailbox) sent(t *testing.T, w *world) []connectors.Change {
	t.Helper()
	if err := w.sys.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, err := range m.errs {
		t.Errorf("a message: %v", err)
	}
	var hints []connectors.Change
	for _, d := range m.deliveries {
		hints = append(hints, d.Hints...)
	}
	m.deliveries = nil
	return hints
}

func TestOutboundMessagesHint(t *testing.T) {
	w, m := openMailbox(t)
	tb := connectortest.T(t)
	deal := w.Create(tb, won("Bridge"))
	if diff := cmp.Diff([]connectors.Change{{Object: "Opportunity", ID: deal}}, m.sent(t, w)); diff != "" {
		t.Errorf("hints of a create (-want +got):\n%s", diff)
	}
	w.edit(tb, deal, map[string]string{"NextStep": "Call"})
	if got := m.sent(t, w); len(got) != 1 || got[0].ID != deal {
		t.Errorf("hints of an edit: %+v", got)
	}
	w.Delete(tb, deal)
	if got := m.sent(t, w); len(got) != 0 {
		t.Errorf("a delete was told: %+v", got)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if body := m.bodies[0]; !strings.Contains(body, "<sf:Name>Bridge</sf:Name>") || !strings.Contains(body, "Z</sf:LastModifiedDate>") || !strings.Contains(body, `<SessionId xsi:nil="true"/>`) {
		t.Errorf("the message is\n%s", body)
	}
}

func TestOutboundMessagesComeAgainUntilAcknowledged(t *testing.T) {
	w, m := openMailbox(t)
	tb := connectortest.T(t)
	m.refuse = true
	deal := w.Create(tb, won("Bridge"))
	for range 3 {
		if got := m.sent(t, w); len(got) != 0 {
			t.Fatalf("taken although it was refused: %+v", got)
		}
	}
	w.edit(tb, deal, map[string]string{"Name": "Tunnel"}) // told as another message; both show the newest values
	m.mu.Lock()
	m.refuse = false
	m.mu.Unlock()
	ids := map[string]bool{}
	if err := w.sys.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	for _, d := range m.deliveries {
		ids[d.ID] = true
	}
	last := m.bodies[len(m.bodies)-1]
	m.mu.Unlock()
	if len(ids) != 2 {
		t.Errorf("%d deliveries with ids %v, want two", len(ids), ids)
	}
	if strings.Contains(last, "Bridge") {
		t.Errorf("a message was not built when it was sent:\n%s", last)
	}
	if got := m.sent(t, w); len(got) != 2 {
		t.Errorf("hints %+v, want those of both messages", got)
	}
	if got := m.sent(t, w); len(got) != 0 {
		t.Errorf("sent again although it was acknowledged: %+v", got)
	}
	m.mu.Lock()
	m.refuse = true
	m.mu.Unlock()
	w.edit(tb, deal, map[string]string{"Name": "Ferry"})
	m.sent(t, w)
	w.clock.Advance(25 * time.Hour)
	m.sent(t, w)
	tries := len(m.bodies)
	if m.sent(t, w); len(m.bodies) != tries {
		t.Error("a message is sent for longer than a day")
	}
}

func TestOutboundMessagesOfOthersAreRefused(t *testing.T) {
	w, m := openMailbox(t)
	w.Create(connectortest.T(t), won("Bridge"))
	m.sent(t, w)
	good := m.bodies[0]
	org := w.sys.OrgID()
	for name, test := range map[string]struct {
		body string
		want connectors.Kind
	}{
		"another org":        {strings.Replace(good, org, "00Dak00000000ZZEAY", 1), connectors.Auth},
		"no org":             {strings.Replace(good, org, "", 1), connectors.Invalid},
		"no message":         {"<a/>", connectors.Invalid},
		"nothing":            {"", connectors.Invalid},
		"JSON":               {`{"OrganizationId":"` + org + `"}`, connectors.Invalid},
		"a document type":    {"<!DOCTYPE x [<!ENTITY a \"b\">]>" + good, connectors.Invalid},
		"an entity":          {strings.Replace(good, "Bridge", "&a;", 1), connectors.Invalid},
		"cut":                {good[:len(good)/2], connectors.Invalid},
		"deep":               {strings.Replace(good, "<sf:Id>", strings.Repeat("<x>", 1000)+"<sf:Id>", 1), connectors.Invalid},
		"an id that is none": {strings.Replace(good, "<sf:Id>006", "<sf:Id>6", 1), connectors.Invalid},
		"two messages":       {strings.Replace(good, "</soapenv:Body>", `<notifications xmlns="http://soap.sforce.com/2005/09/outbound"/></soapenv:Body>`, 1), connectors.Invalid},
		"too many":           {strings.Replace(good, "<Notification>", strings.Repeat("<Notification></Notification>", 1001)+"<Notification>", 1), connectors.Invalid},
		"another charset":    {strings.Replace(good, `encoding="UTF-8"`, `encoding="UTF-7"`, 1), connectors.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := m.source.ParseWebhook(connectors.WebhookRequest{Method: http.MethodPost, Body: []byte(test.body)})
			if got := connectors.KindOf(err); err == nil || got != test.want {
				t.Errorf("got %v, want an error of kind %v", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "Bridge") {
				t.Errorf("the error shows the body: %v", err)
			}
		})
	}
	short := strings.Replace(good, org, org[:15], 1)
	if _, err := m.source.ParseWebhook(connectors.WebhookRequest{Method: http.MethodPost, Body: []byte(short)}); err != nil {
		t.Errorf("an org's id of 15 characters: %v", err)
	}
}

// TestOutboundSample reads a recorded message, where the samples are at hand.
func TestOutboundSample(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", "salesforce", "outbound.notifications.two_contacts.xml"))
	if err != nil {
		t.Skip("the samples are not here")
	}
	w := openWorld(t, ofOpportunities, nil)
	conn := open(t, w.settings(map[string]string{"organization": w.sys.OrgID()}), connectors.Options{Clock: w.clock})
	body := strings.Replace(string(raw), "012345678901234", w.sys.OrgID()[:15], 1)
	d, err := connectors.AbilitiesOf(conn).WebhookSource.ParseWebhook(connectors.WebhookRequest{Method: http.MethodPost, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	want := []connectors.Change{{Object: "Contact", ID: "0031I0000081tbPQAQ"}, {Object: "Contact", ID: "0031I0000081tb0QAA"}}
	if diff := cmp.Diff(want, d.Hints); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
}

func TestStreamSettings(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	for _, bad := range []map[string]string{
		{"organization": "acme"},
		{"organization": "001ak000001bPTHAA2"},
		{"channel": "ChangeEvents"},
		{"channel": "/data/a b"},
		{"pubsub_url": "api.pubsub.salesforce.com:7443"},
		{"stream": "maybe"},
	} {
		if err := opens(w.settings(bad)); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

// opens reports what is wrong with settings.
func opens(settings map[string]string) error {
	s, err := connectors.NewSettings(salesforce.Connector{}.Info().Settings, settings)
	if err != nil {
		return err
	}
	c, err := salesforce.Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, connectors.Options{})
	if err == nil {
		_ = c.Close()
	}
	return err
}
