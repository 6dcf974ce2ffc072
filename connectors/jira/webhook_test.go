package jira

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const testSecret = "It's a Secret to Everybody"

func signed(body []byte, now time.Time) connectors.WebhookRequest {
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write(body)
	return connectors.WebhookRequest{
		Method: http.MethodPost, Body: body, Now: now,
		Header: http.Header{signatureHeader: {"sha256=" + hex.EncodeToString(mac.Sum(nil))}, identifierHeader: {"id-1"}},
	}
}

func hookConnection() *Connection {
	c := testConnection()
	c.webhooks = connectors.NewRing(testSecret)
	return c
}

// The vector is Atlassian's own ("Webhooks", Jira Cloud platform, read 2025-12).
func TestSignatureVector(t *testing.T) {
	const vector = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
	ring := connectors.NewRing(testSecret)
	if _, err := verifySignature(ring, vector, []byte("Hello World!")); err != nil {
		t.Errorf("the vector is refused: %v", err)
	}
	for _, bad := range []string{"", "sha256=", "sha256", "sha1=" + vector[7:], vector[:len(vector)-1] + "8", vector + "00", "sha256=zz"} {
		if _, err := verifySignature(ring, bad, []byte("Hello World!")); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestParseWebhook(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	stamp := "1772445600000" // now
	for _, c := range []struct {
		name, body string
		want       connectors.Change
		none       bool
		kind       connectors.Kind
	}{
		{name: "updated", body: `{"timestamp":` + stamp + `,"webhookEvent":"jira:issue_updated","issue":{"id":"10040","fields":{"updated":"2026-03-02T09:59:59.500+0000"}}}`, want: connectors.Change{ID: "10040", Version: "1772445599500"}},
		{name: "id as a number", body: `{"webhookEvent":"jira:issue_updated","issue":{"id":10040}}`, want: connectors.Change{ID: "10040"}},
		{name: "deleted", body: `{"timestamp":` + stamp + `,"webhookEvent":"jira:issue_deleted","issue":{"id":"10040","fields":{"updated":"2026-03-02T09:59:59.500+0000"}}}`, want: connectors.Change{ID: "10040", State: connectors.Deleted}},
		{name: "comment on Data Center", body: `{"webhookEvent":"comment_created","comment":{"self":"https://jira.acme.com/jira/rest/api/2/issue/10040/comment/10023"}}`, want: connectors.Change{ID: "10040"}},
		{name: "another event", body: `{"webhookEvent":"jira:version_created","version":{"id":"1"}}`, none: true},
		{name: "key instead of id", body: `{"webhookEvent":"jira:issue_updated","issue":{"id":"A-1"}}`, none: true},
		{name: "no event", body: `[]`, kind: connectors.Invalid},
		{name: "cut", body: `{"webhookEvent":`, kind: connectors.Invalid},
		{name: "old", body: `{"timestamp":1,"webhookEvent":"jira:issue_updated","issue":{"id":"10040"}}`, kind: connectors.Auth},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := hookConnection().ParseWebhook(signed([]byte(c.body), now))
			if c.kind != 0 {
				if connectors.KindOf(err) != c.kind {
					t.Errorf("error %v, want kind %v", err, c.kind)
				}
				return
			}
			if err != nil || d.ID != "id-1" {
				t.Fatalf("ParseWebhook: %+v, %v", d, err)
			}
			if c.none {
				if len(d.Hints) > 0 {
					t.Errorf("hints %+v, want none", d.Hints)
				}
				return
			}
			if len(d.Hints) != 1 || d.Hints[0].Object != "issue" || d.Hints[0].ID != c.want.ID || d.Hints[0].Version != c.want.Version || d.Hints[0].State != c.want.State {
				t.Errorf("hints %+v, want %+v", d.Hints, c.want)
			}
		})
	}
}

func TestSecretsInRotation(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	req := signed([]byte(`{"webhookEvent":"jira:issue_updated","issue":{"id":"1"}}`), now)
	for name, c := range map[string]struct {
		ring *connectors.Ring
		want int
	}{
		"newest": {connectors.NewRing(testSecret, "before"), 0}, "older": {connectors.NewRing("new", testSecret), 1},
		"oldest": {connectors.NewRing("new", "before", testSecret), 2}, "foreign": {connectors.NewRing("new", "before"), -1},
	} {
		conn := testConnection()
		conn.webhooks = c.ring
		d, err := conn.ParseWebhook(req)
		switch {
		case c.want < 0 && connectors.KindOf(err) != connectors.Auth:
			t.Errorf("%s: got %v, want auth", name, err)
		case c.want >= 0 && (err != nil || d.Secret != c.want):
			t.Errorf("%s: got secret %d, %v, want %d", name, d.Secret, err, c.want)
		}
	}
}

func TestScreenWebhook(t *testing.T) {
	sum := "sha256=" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		header  http.Header
		refused bool
	}{
		"nothing":               {http.Header{}, true},
		"a sum":                 {http.Header{signatureHeader: {sum}}, false},
		"a short sum":           {http.Header{signatureHeader: {sum[:70]}}, true},
		"another method":        {http.Header{signatureHeader: {"sha1=" + sum[7:]}}, true},
		"a token for no secret": {http.Header{"Authorization": {"Bearer a.b.c"}}, true},
	} {
		err := hookConnection().ScreenWebhook(connectors.WebhookRequest{Header: c.header})
		if got := err != nil; got != c.refused || c.refused && connectors.KindOf(err) != connectors.Auth {
			t.Errorf("%s: got %v, want refused %v", name, err, c.refused)
		}
	}
}

// Captured deliveries, where the folder of samples stands beside the repository.
func TestCapturedWebhooks(t *testing.T) {
	files, err := filepath.Glob("../../../shared/samples/jira/webhook.*.json")
	if err != nil || len(files) == 0 {
		t.Skip("no captured webhooks beside the repository (../shared/samples/jira)")
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		req := signed(body, time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC))
		d, err := hookConnection().ParseWebhook(req)
		if err != nil || len(d.Hints) != 1 || !isID(d.Hints[0].ID) {
			t.Errorf("%s: %+v, %v", filepath.Base(file), d, err)
			continue
		}
		if deleted := strings.Contains(file, "issue_deleted"); (d.Hints[0].State == connectors.Deleted) != deleted {
			t.Errorf("%s: state %v", filepath.Base(file), d.Hints[0].State)
		}
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add([]byte(`{"timestamp":1772445600000,"webhookEvent":"jira:issue_updated","issue":{"id":"10040","fields":{"updated":"2026-03-02T09:59:59.500+0000"}}}`))
	f.Add([]byte(`{"comment":{"self":"/issue/1/comment/2"}}`))
	f.Add([]byte(`{"issue":{"id":{}}}`))
	c := hookConnection()
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := c.ParseWebhook(signed(body, time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)))
		if err != nil {
			if k := connectors.KindOf(err); k != connectors.Invalid && k != connectors.Auth {
				t.Fatalf("kind %v", k)
			}
			return
		}
		for _, h := range d.Hints {
			if !isID(h.ID) {
				t.Fatalf("hint at %q", h.ID)
			}
		}
	})
}
