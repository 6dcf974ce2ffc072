package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// A signature's timestamp may be this old, or this far ahead of our clock.
const (
	maxSignatureAge = 5 * time.Minute
	maxSignatureLag = time.Minute
)

// verify checks a request's strongest signature: v3 where it is sent, else v2
// or v1 as the version header says.
func (c *connection) verify(req connectors.WebhookRequest) error {
	const op = "receive webhook"
	if c.secret == "" {
		err := c.fail(op, "", connectors.Auth, "no client secret is configured to check signatures with")
		err.Help = "put the app's client secret into the setting client_secret"
		return err
	}
	if v3 := req.Header.Get("X-HubSpot-Signature-v3"); v3 != "" {
		stamp := req.Header.Get("X-HubSpot-Request-Timestamp")
		ms, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil || ms < 0 || ms > 1e14 {
			return c.fail(op, "", connectors.Auth, "the signature's timestamp is not a number")
		}
		if age := req.Now.Sub(time.UnixMilli(ms)); age > maxSignatureAge || age < -maxSignatureLag {
			return c.fail(op, "", connectors.Auth, "the signature is outdated, or a clock is wrong")
		}
		if !equal(v3, signV3(c.secret, req, stamp)) {
			return c.fail(op, "", connectors.Auth, "the signature is wrong: the client secret or the public address differ")
		}
		return nil
	}
	given := req.Header.Get("X-HubSpot-Signature")
	if given == "" {
		return c.fail(op, "", connectors.Auth, "the request has no signature")
	}
	signed := c.secret + string(req.Body)
	if strings.EqualFold(req.Header.Get("X-HubSpot-Signature-Version"), "v2") {
		signed = c.secret + method(req) + withoutFragment(req.URL) + string(req.Body)
	}
	sum := sha256.Sum256([]byte(signed))
	if !equal(strings.ToLower(given), hex.EncodeToString(sum[:])) {
		return c.fail(op, "", connectors.Auth, "the signature is wrong: the client secret or the public address differ")
	}
	return nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func method(req connectors.WebhookRequest) string {
	if req.Method == "" {
		return http.MethodPost
	}
	return strings.ToUpper(req.Method)
}

// signV3 returns the signature of version 3 over method, address, body and
// timestamp.
func signV3(secret string, req connectors.WebhookRequest, stamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method(req) + decodedURI(req.URL)))
	mac.Write(req.Body)
	mac.Write([]byte(stamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// decoded are the escapes that HubSpot resolves before it signs; all others
// stay as they are.
var decoded = strings.NewReplacer(
	"%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/", "%3F", "?", "%3f", "?", "%40", "@", "%21", "!", "%24", "$",
	"%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2a", "*", "%2C", ",", "%2c", ",", "%3B", ";", "%3b", ";",
)

func decodedURI(uri string) string { return decoded.Replace(withoutFragment(uri)) }

func withoutFragment(uri string) string {
	before, _, _ := strings.Cut(uri, "#")
	return before
}
