package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

func TestVerifyRequest(t *testing.T) {
	const secret, address = "app-secret", "https://tenon.example/convert/deals?record=42"
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	sign := func(text string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(text))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	v1 := sha256.Sum256([]byte(secret))
	for _, c := range []struct {
		name   string
		header map[string]string
		ok     bool
	}{
		{"good", map[string]string{"X-HubSpot-Signature-v3": sign("GET" + address + stamp), "X-HubSpot-Request-Timestamp": stamp}, true},
		{"for another record", map[string]string{"X-HubSpot-Signature-v3": sign("GET" + address + "0" + stamp), "X-HubSpot-Request-Timestamp": stamp}, false},
		{"old", map[string]string{
			"X-HubSpot-Signature-v3":      sign("GET" + address + strconv.FormatInt(now.Add(-time.Hour).UnixMilli(), 10)),
			"X-HubSpot-Request-Timestamp": strconv.FormatInt(now.Add(-time.Hour).UnixMilli(), 10),
		}, false},
		{"version 1", map[string]string{"X-HubSpot-Signature": hex.EncodeToString(v1[:])}, false},
		{"none", nil, false},
	} {
		conn := &connection{name: "hubspot", secrets: connectors.NewRing(secret)}
		req := connectors.WebhookRequest{Method: http.MethodGet, URL: address, Header: http.Header{}, Now: now}
		for k, v := range c.header {
			req.Header.Set(k, v)
		}
		err := conn.VerifyRequest(req)
		if (err == nil) != c.ok {
			t.Errorf("%s: got %v", c.name, err)
		}
		if err != nil && connectors.KindOf(err) != connectors.Auth {
			t.Errorf("%s: got kind %v, want auth", c.name, connectors.KindOf(err))
		}
	}
}
