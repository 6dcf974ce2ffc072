package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// FuzzSignature checks the three signature schemes against their plain reading:
// a request passes when it carries the signature of its own text, in time, and
// only then.
func FuzzSignature(f *testing.F) {
	const address = "https://tenon.example.com/hooks/crm"
	fresh := strconv.FormatInt(webhookNow.UnixMilli(), 10)
	f.Add("POST", address, `[{"objectId":1}]`, fresh, "x", "3")
	f.Add("POST", address+"?a=%2F%3a%20b#part", "", fresh, "]", "3")
	f.Add("get", address+"?record=42", "", strconv.FormatInt(webhookNow.Add(-time.Hour).UnixMilli(), 10), "0", "3")
	f.Add("POST", address, "{}", "-1", " ", "3")
	f.Add("POST", address, "{}", "1e12", "\x00", "2")
	f.Add("", address, "[]", "", "a", "1")
	c := &connection{name: "crm", secrets: connectors.NewRing(testSecret)}
	f.Fuzz(func(t *testing.T, method, address, body, stamp, tail, version string) {
		req := connectors.WebhookRequest{Method: method, URL: address, Body: []byte(body), Now: webhookNow, Header: http.Header{}}
		good := signPlainly(req, stamp, version)
		_, err := c.verify(req)
		if got := err == nil; got != good {
			t.Errorf("version %s, signed at %q: passes %v, want %v", version, stamp, got, good)
		}
		if tail == "" {
			return
		}
		for what, change := range map[string]func(*connectors.WebhookRequest){
			"body":      func(r *connectors.WebhookRequest) { r.Body = append([]byte(body), tail...) },
			"signature": func(r *connectors.WebhookRequest) { r.Header = with(r.Header, tail) },
			"secret": func(r *connectors.WebhookRequest) {
				r.Header = http.Header{
					"X-Hubspot-Signature-V3": {tail}, "X-Hubspot-Request-Timestamp": {stamp},
					"X-Hubspot-Signature": {tail}, "X-Hubspot-Signature-Version": {version},
				}
			},
		} {
			changed := req
			change(&changed)
			if _, err := c.verify(changed); err == nil || connectors.KindOf(err) != connectors.Auth {
				t.Errorf("with another %s: %v, want an auth error", what, err)
			}
		}
	})
}

// signPlainly signs a request as HubSpot's pages say and reports whether it
// should pass.
func signPlainly(req connectors.WebhookRequest, stamp, version string) bool {
	method := strings.ToUpper(req.Method)
	if method == "" {
		method = "POST"
	}
	address := strings.SplitN(req.URL, "#", 2)[0]
	switch version {
	case "1", "2":
		text := testSecret + string(req.Body)
		if version == "2" {
			text = testSecret + method + address + string(req.Body)
		}
		sum := sha256.Sum256([]byte(text))
		req.Header.Set("X-HubSpot-Signature", hex.EncodeToString(sum[:]))
		req.Header.Set("X-HubSpot-Signature-Version", "v"+version)
		return true
	}
	for _, plain := range ":/?@!$'()*,;" {
		code := "%" + strings.ToUpper(strconv.FormatInt(int64(plain), 16))
		address = strings.ReplaceAll(address, code, string(plain))
		address = strings.ReplaceAll(address, strings.ToLower(code), string(plain))
	}
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(method + address + string(req.Body) + stamp))
	req.Header.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	req.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	ms, err := strconv.ParseInt(stamp, 10, 64)
	return err == nil && ms >= webhookNow.Add(-5*time.Minute).UnixMilli() && ms <= webhookNow.Add(time.Minute).UnixMilli()
}

// with returns the header with something behind each signature.
func with(h http.Header, tail string) http.Header {
	h = h.Clone()
	for _, name := range []string{"X-Hubspot-Signature-V3", "X-Hubspot-Signature"} {
		if v := h.Get(name); v != "" {
			h.Set(name, v+tail)
		}
	}
	return h
}
