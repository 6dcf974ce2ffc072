package jira

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

var signatureNow = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// FuzzSignature signs any body and any token with the right and with another
// secret: the right one passes while it is valid, and nothing else does.
func FuzzSignature(f *testing.F) {
	f.Add(`{"issue":{"id":"10040"}}`, `{"alg":"HS256","typ":"JWT"}`, `{"exp":1772445700}`, "sha256=00")
	f.Add(`{}`, `{"alg":"none"}`, `{}`, "Bearer a.b.c")
	f.Add(``, `{"alg":"HS256"}`, `{"exp":1,"nbf":99999999999}`, "sha256=")
	f.Add(`[]`, `{"alg":["HS256"]}`, `{"exp":"soon"}`, "SHA256=zz")
	f.Add("\xff", `{"alg":"hs256"}`, `{"exp":1e400}`, "Bearer ..")
	c := hookConnection()
	c.apps = connectors.NewRing("another secret, of the app")
	f.Fuzz(func(t *testing.T, body, head, claims, forged string) {
		try := func(header http.Header) bool {
			_, err := c.verify(connectors.WebhookRequest{Method: http.MethodPost, Header: header, Body: []byte(body), Now: signatureNow})
			if err != nil && (strings.Contains(err.Error(), testSecret) || strings.Contains(err.Error(), "another secret")) {
				t.Errorf("the error shows a secret: %v", err)
			}
			return err == nil
		}
		if !try(http.Header{signatureHeader: {"sha256=" + hex.EncodeToString(macOf(testSecret, body))}}) {
			t.Error("a good signature is refused")
		}
		signed := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		bearer := func(secret string) http.Header {
			return http.Header{"Authorization": {"Bearer " + signed + "." + base64.RawURLEncoding.EncodeToString(macOf(secret, signed))}}
		}
		if got, want := try(bearer(c.apps.Newest())), validPlainly(head, claims); got != want {
			t.Errorf("token with %s and %s: passes %v, want %v", head, claims, got, want)
		}
		for name, header := range map[string]http.Header{
			"a token signed with the webhook's secret": bearer(testSecret),
			"a forged signature":                       {signatureHeader: {forged}},
			"a forged token":                           {"Authorization": {forged}},
			"a body signed with the app's secret":      {signatureHeader: {"sha256=" + hex.EncodeToString(macOf(c.apps.Newest(), body))}},
			"nothing":                                  {},
		} {
			if try(header) {
				t.Errorf("%s passes", name)
			}
		}
	})
}

func macOf(secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// validPlainly reads a token's two parts in the plainest way.
func validPlainly(head, claims string) bool {
	var h struct {
		Algorithm string `json:"alg"`
	}
	var p struct {
		Expires   float64 `json:"exp"`
		NotBefore float64 `json:"nbf"`
	}
	if json.NewDecoder(strings.NewReader(head)).Decode(&h) != nil || json.NewDecoder(strings.NewReader(claims)).Decode(&p) != nil {
		return false
	}
	now := float64(signatureNow.Unix())
	return h.Algorithm == "HS256" && (p.Expires <= 0 || now <= p.Expires+60) && p.NotBefore <= now+60
}
