package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

const testSecret = "a-secret-of-the-app"

func testConnection(t *testing.T, settings map[string]string) *connection {
	t.Helper()
	s, err := connectors.NewSettings(Connector{}.Info().Settings, settings)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened.(*connection)
}

func webhookConnection(t *testing.T) *connection {
	return testConnection(t, map[string]string{"token": "pat-1", "client_secret": testSecret})
}

var webhookNow = time.UnixMilli(1_700_000_300_000)

// signV3 returns the signature of version 3 over method, address, body and
// timestamp.
func signV3(secret string, req connectors.WebhookRequest, stamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method(req) + decodedURI(req.URL)))
	mac.Write(req.Body)
	mac.Write([]byte(stamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedRequest returns a delivery with a good v3 signature.
func signedRequest(body string) connectors.WebhookRequest {
	req := connectors.WebhookRequest{
		Method: "POST", URL: "https://tenon.example.com/hooks/crm?x=%2Fa%20b#f", Body: []byte(body), Now: webhookNow, Header: http.Header{},
	}
	stamp := strconv.FormatInt(webhookNow.UnixMilli(), 10)
	req.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	req.Header.Set("X-HubSpot-Signature-v3", signV3(testSecret, req, stamp))
	return req
}

func TestParseWebhook(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123).UTC()
	live := func(object, id string) connectors.Change {
		return connectors.Change{Object: object, ID: id, Modified: at}
	}
	tests := []struct {
		name, body string
		want       []connectors.Change
	}{
		{"property change", `[{"eventId":1,"portalId":5,"subscriptionType":"deal.propertyChange","occurredAt":1700000000123,"objectId":77,"propertyName":"amount","propertyValue":"5"}]`, []connectors.Change{live("deals", "77")}},
		{"one hint for many events", `[{"eventId":1,"subscriptionType":"deal.creation","occurredAt":1700000000123,"objectId":77},{"eventId":2,"subscriptionType":"deal.propertyChange","occurredAt":1700000000123,"objectId":77}]`, []connectors.Change{live("deals", "77")}},
		{"the other name of the type", `[{"eventType":"contact.creation","occurredAt":1700000000123,"objectId":"9"}]`, []connectors.Change{live("contacts", "9")}},
		{"generic", `[{"subscriptionType":"object.propertyChange","objectTypeId":"0-5","occurredAt":1700000000123,"objectId":9}]`, []connectors.Change{live("tickets", "9")}},
		{"custom object", `[{"subscriptionType":"object.creation","objectTypeId":"2-123","occurredAt":1700000000123,"objectId":9}]`, []connectors.Change{live("project_x", "9")}},
		{"deletion", `[{"subscriptionType":"deal.deletion","occurredAt":1700000000123,"objectId":9}]`, []connectors.Change{{Object: "deals", ID: "9", Modified: at, State: connectors.Archived}}},
		{"privacy deletion", `[{"subscriptionType":"contact.privacyDeletion","occurredAt":1700000000123,"objectId":9}]`, []connectors.Change{{Object: "contacts", ID: "9", Modified: at, State: connectors.Deleted}}},
		{"merge", `[{"subscriptionType":"company.merge","occurredAt":1700000000123,"objectId":1,"primaryObjectId":1,"mergedObjectIds":[2,3],"newObjectId":4}]`, []connectors.Change{
			live("companies", "4"),
			{Object: "companies", ID: "2", Modified: at, State: connectors.Merged},
			{Object: "companies", ID: "3", Modified: at, State: connectors.Merged},
			{Object: "companies", ID: "1", Modified: at, State: connectors.Merged},
		}},
		{"association", `[{"subscriptionType":"deal.associationChange","occurredAt":1700000000123,"associationType":"DEAL_TO_COMPANY","fromObjectId":1,"toObjectId":2}]`, []connectors.Change{live("deals", "1"), live("companies", "2")}},
		{"another account", `[{"subscriptionType":"deal.creation","portalId":6,"occurredAt":1700000000123,"objectId":9}]`, nil},
		{"no record", `[{"subscriptionType":"conversation.creation","occurredAt":1700000000123,"objectId":9},{"subscriptionType":"deal.creation","objectId":-4},{}]`, nil},
		{"nothing", `[]`, nil},
		{"workflow action", `{"callbackId":"ap-1","object":{"objectId":5,"objectType":"DEAL"},"inputFields":{}}`, []connectors.Change{{Object: "deals", ID: "5"}}},
	}
	c := webhookConnection(t)
	c.portal = "5"
	c.aliases["2-123"] = []string{"project_x"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.ParseWebhook(signedRequest(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Hints); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseWebhookTellsRepeats(t *testing.T) {
	c := webhookConnection(t)
	id := func(body string) string {
		t.Helper()
		d, err := c.ParseWebhook(signedRequest(body))
		if err != nil {
			t.Fatal(err)
		}
		return d.ID
	}
	first := id(`[{"eventId":1,"subscriptionType":"deal.creation","occurredAt":1,"objectId":7,"attemptNumber":0}]`)
	if again := id(`[{"eventId":1,"subscriptionType":"deal.creation","occurredAt":1,"objectId":7,"attemptNumber":3}]`); again != first {
		t.Errorf("a repeat has the id %s, want %s", again, first)
	}
	if other := id(`[{"eventId":1,"subscriptionType":"deal.creation","occurredAt":2,"objectId":7,"attemptNumber":0}]`); other == first {
		t.Error("another event has the same id")
	}
}

func TestParseWebhookRefuses(t *testing.T) {
	good := func() connectors.WebhookRequest {
		return signedRequest(`[{"subscriptionType":"deal.creation","objectId":9}]`)
	}
	tests := []struct {
		name   string
		change func(*connectors.WebhookRequest)
		kind   connectors.Kind
	}{
		{"another body", func(r *connectors.WebhookRequest) { r.Body = append(r.Body, ' ') }, connectors.Auth},
		{"another address", func(r *connectors.WebhookRequest) { r.URL = "https://other.example.com/hooks/crm" }, connectors.Auth},
		{"another method", func(r *connectors.WebhookRequest) { r.Method = "PUT" }, connectors.Auth},
		{"too old", func(r *connectors.WebhookRequest) { r.Now = r.Now.Add(5*time.Minute + time.Millisecond) }, connectors.Auth},
		{"too new", func(r *connectors.WebhookRequest) { r.Now = r.Now.Add(-time.Minute - time.Millisecond) }, connectors.Auth},
		{"timestamp is no number", func(r *connectors.WebhookRequest) { r.Header.Set("X-HubSpot-Request-Timestamp", "now") }, connectors.Auth},
		{"no signature", func(r *connectors.WebhookRequest) { r.Header = http.Header{} }, connectors.Auth},
		{"wrong v3 beside a good v1", func(r *connectors.WebhookRequest) {
			sum := sha256.Sum256([]byte(testSecret + string(r.Body)))
			r.Header.Set("X-HubSpot-Signature", hex.EncodeToString(sum[:]))
			r.Header.Set("X-HubSpot-Signature-v3", "x")
		}, connectors.Auth},
		{"not JSON", func(r *connectors.WebhookRequest) { *r = signedRequest("hello") }, connectors.Invalid},
		{"another object", func(r *connectors.WebhookRequest) { *r = signedRequest(`{"a":1}`) }, connectors.Invalid},
		{"empty", func(r *connectors.WebhookRequest) { *r = signedRequest("") }, connectors.Invalid},
	}
	c := webhookConnection(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := good()
			tt.change(&req)
			_, err := c.ParseWebhook(req)
			if err == nil || connectors.KindOf(err) != tt.kind {
				t.Errorf("error = %v, want kind %v", err, tt.kind)
			}
		})
	}
	_, err := testConnection(t, map[string]string{"token": "pat-1"}).ParseWebhook(good())
	if err == nil || connectors.KindOf(err) != connectors.Auth {
		t.Errorf("without a client secret: %v, want auth", err)
	}
}

func TestOlderSignatures(t *testing.T) {
	c := webhookConnection(t)
	req := connectors.WebhookRequest{Method: "POST", URL: "https://tenon.example.com/hooks/crm", Body: []byte(`[]`), Now: webhookNow, Header: http.Header{}}
	for version, signed := range map[string]string{"v1": testSecret + "[]", "v2": testSecret + "POST" + req.URL + "[]"} {
		sum := sha256.Sum256([]byte(signed))
		req.Header.Set("X-HubSpot-Signature", hex.EncodeToString(sum[:]))
		req.Header.Set("X-HubSpot-Signature-Version", version)
		if _, err := c.ParseWebhook(req); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestSecretsInRotation(t *testing.T) {
	c := testConnection(t, map[string]string{"token": "pat-1", "client_secret": "new", "older_client_secrets": "before\nlong ago\n"})
	req := connectors.WebhookRequest{Method: "POST", URL: "https://tenon.example.com/hooks/crm", Body: []byte(`[]`), Now: webhookNow}
	stamp := strconv.FormatInt(webhookNow.UnixMilli(), 10)
	for secret, want := range map[string]int{"new": 0, "before": 1, "long ago": 2, "never": -1, "": -1} {
		plain := sha256.Sum256([]byte(secret + "[]"))
		for name, header := range map[string]http.Header{
			"v3": {"X-Hubspot-Request-Timestamp": {stamp}, "X-Hubspot-Signature-V3": {signV3(secret, req, stamp)}},
			"v1": {"X-Hubspot-Signature": {hex.EncodeToString(plain[:])}},
		} {
			req.Header = header
			d, err := c.ParseWebhook(req)
			switch {
			case want < 0 && connectors.KindOf(err) != connectors.Auth:
				t.Errorf("%s by %q: got %v, want auth", name, secret, err)
			case want >= 0 && (err != nil || d.Secret != want):
				t.Errorf("%s by %q: got secret %d, %v, want %d", name, secret, d.Secret, err, want)
			}
		}
	}
}

// TestScreenAgrees checks that what the headers refuse is refused as a whole,
// and that nothing that is taken is refused by its headers.
func TestScreenAgrees(t *testing.T) {
	c := webhookConnection(t)
	good := signedRequest(`[]`)
	for name, c2 := range map[string]struct {
		change  func(*connectors.WebhookRequest)
		refused bool
	}{
		"good":       {func(*connectors.WebhookRequest) {}, false},
		"no headers": {func(r *connectors.WebhookRequest) { r.Header = http.Header{} }, true},
		"too old":    {func(r *connectors.WebhookRequest) { r.Now = r.Now.Add(time.Hour) }, true},
		"short":      {func(r *connectors.WebhookRequest) { r.Header.Set("X-HubSpot-Signature-v3", "abcd") }, true},
		"not base64": {func(r *connectors.WebhookRequest) { r.Header.Set("X-HubSpot-Signature-v3", strings.Repeat("!", 44)) }, true},
		"another's": {func(r *connectors.WebhookRequest) {
			r.Header.Set("X-HubSpot-Signature-v3", strings.Repeat("A", 43)+"=")
		}, false},
		"v1 of any kind": {func(r *connectors.WebhookRequest) {
			r.Header = http.Header{"X-Hubspot-Signature": {strings.Repeat("0", 64)}}
		}, false},
		"v1 too short": {func(r *connectors.WebhookRequest) { r.Header = http.Header{"X-Hubspot-Signature": {"00"}} }, true},
	} {
		req := good
		req.Header = good.Header.Clone()
		c2.change(&req)
		screened := req
		screened.Body = nil
		err := c.ScreenWebhook(screened)
		if got := err != nil; got != c2.refused {
			t.Errorf("%s: got %v, want refused %v", name, err, c2.refused)
		}
		if _, whole := c.ParseWebhook(req); err != nil && connectors.KindOf(whole) != connectors.Auth {
			t.Errorf("%s: the headers are refused, the whole is not: %v", name, whole)
		}
	}
}

// The vendor's own vectors, where they lie beside the repository.
func TestSignatureVectors(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", "hubspot", "signatures.json"))
	if err != nil {
		t.Skip("the vendor's samples are not beside the repository")
	}
	var file struct {
		Secret  string `json:"secret"`
		Vectors []struct {
			Version, Method, URI, Body, Timestamp, Header, Signature string
		} `json:"vectors"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	c := testConnection(t, map[string]string{"token": "pat-1", "client_secret": file.Secret})
	for _, v := range file.Vectors {
		req := connectors.WebhookRequest{Method: v.Method, URL: v.URI, Body: []byte(v.Body), Header: http.Header{}}
		req.Header.Set(v.Header, v.Signature)
		req.Header.Set("X-HubSpot-Signature-Version", v.Version)
		if v.Timestamp != "" {
			req.Header.Set("X-HubSpot-Request-Timestamp", v.Timestamp)
			ms, err := strconv.ParseInt(v.Timestamp, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			req.Now = time.UnixMilli(ms)
		}
		if _, err := c.verify(req); err != nil {
			t.Errorf("%s %s: %v", v.Version, v.Signature, err)
		}
	}
}

func FuzzParseWebhook(f *testing.F) {
	f.Add(`[{"eventId":1,"subscriptionType":"deal.propertyChange","occurredAt":1700000000123,"objectId":77}]`)
	f.Add(`[{"subscriptionType":"company.merge","mergedObjectIds":[2,3],"newObjectId":"4"}]`)
	f.Add(`{"callbackId":"ap-1","object":{"objectId":5,"objectType":"DEAL"}}`)
	s, err := connectors.NewSettings(Connector{}.Info().Settings, map[string]string{"token": "t", "client_secret": testSecret})
	if err != nil {
		f.Fatal(err)
	}
	opened, err := Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, connectors.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		d, err := opened.(*connection).ParseWebhook(signedRequest(body))
		if err != nil && connectors.KindOf(err) != connectors.Invalid {
			t.Errorf("kind = %v, want invalid", connectors.KindOf(err))
		}
		for _, h := range d.Hints {
			if !isID(h.ID) || h.Object == "" {
				t.Errorf("a hint about %q of %q", h.ID, h.Object)
			}
		}
	})
}
