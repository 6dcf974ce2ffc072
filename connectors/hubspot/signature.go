package hubspot

import (
	"crypto/sha256"
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

const opWebhook = "receive webhook"

// ScreenWebhook implements connectors.WebhookScreener.
func (c *connection) ScreenWebhook(req connectors.WebhookRequest) error {
	_, err := c.screen(req)
	return err
}

// signed is a request's strongest signature.
type signed struct {
	version string // "v3", "v2" or "v1"
	stamp   string // of v3
	sum     [sha256.Size]byte
}

// screen returns the signature that a request's headers show: v3 where it is
// sent, else v2 or v1 as the version header says.
func (c *connection) screen(req connectors.WebhookRequest) (s signed, err error) {
	if c.secrets.Len() == 0 {
		err := c.fail(opWebhook, "", connectors.Auth, "no client secret is configured to check signatures with")
		err.Help = "put the app's client secret into the setting client_secret"
		return s, err
	}
	if v3 := req.Header.Get("X-HubSpot-Signature-v3"); v3 != "" {
		s.version, s.stamp = "v3", req.Header.Get("X-HubSpot-Request-Timestamp")
		ms, err := strconv.ParseInt(s.stamp, 10, 64)
		if err != nil || ms < 0 || ms > 1e14 {
			return s, c.fail(opWebhook, "", connectors.Auth, "the signature's timestamp is not a number")
		}
		if age := req.Now.Sub(time.UnixMilli(ms)); age > maxSignatureAge || age < -maxSignatureLag {
			return s, c.fail(opWebhook, "", connectors.Auth, "the signature is outdated, or a clock is wrong")
		}
		if base64.StdEncoding.EncodedLen(sha256.Size) != len(v3) {
			return s, c.wrongSignature()
		}
		if n, err := base64.StdEncoding.Strict().Decode(s.sum[:], []byte(v3)); n != len(s.sum) || err != nil {
			return s, c.wrongSignature()
		}
		return s, nil
	}
	given := req.Header.Get("X-HubSpot-Signature")
	if given == "" {
		return s, c.fail(opWebhook, "", connectors.Auth, "the request has no signature")
	}
	s.version = "v1"
	if strings.EqualFold(req.Header.Get("X-HubSpot-Signature-Version"), "v2") {
		s.version = "v2"
	}
	if len(given) != hex.EncodedLen(sha256.Size) {
		return s, c.wrongSignature()
	}
	if _, err := hex.Decode(s.sum[:], []byte(given)); err != nil {
		return s, c.wrongSignature()
	}
	return s, nil
}

func (c *connection) wrongSignature() error {
	return c.fail(opWebhook, "", connectors.Auth, "the signature is wrong: the client secret or the public address differ")
}

// verify checks a request's signature and returns which secret made it.
func (c *connection) verify(req connectors.WebhookRequest) (secret int, err error) {
	s, err := c.screen(req)
	if err != nil {
		return 0, err
	}
	switch s.version {
	case "v3":
		secret = c.secrets.Verify(s.sum[:], method(req)+decodedURI(req.URL), req.Body, s.stamp)
	case "v2":
		secret = c.matchPlain(s, method(req)+withoutFragment(req.URL), req.Body)
	default:
		secret = c.matchPlain(s, "", req.Body)
	}
	if secret < 0 {
		return 0, c.wrongSignature()
	}
	return secret, nil
}

// matchPlain checks the older signatures, a plain SHA-256 that begins with the
// secret.
func (c *connection) matchPlain(s signed, head string, body []byte) int {
	return c.secrets.Match(s.sum[:], func(secret string) []byte {
		h := sha256.New()
		h.Write([]byte(secret + head))
		h.Write(body)
		return h.Sum(nil)
	})
}

func method(req connectors.WebhookRequest) string {
	if req.Method == "" {
		return http.MethodPost
	}
	return strings.ToUpper(req.Method)
}

// decoded are the escapes that HubSpot resolves before it signs; all others
// stay as they are.
var decoded = strings.NewReplacer(
	"%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/", "%3F", "?", "%3f", "?", "%40", "@", "%21", "!", "%24", "$",
	"%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2a", "*", "%2C", ",", "%2c", ",", "%3B", ";", "%3b", ";",
)

func decodedURI(uri string) string {
	uri = withoutFragment(uri)
	if !strings.Contains(uri, "%") {
		return uri
	}
	return decoded.Replace(uri)
}

func withoutFragment(uri string) string {
	before, _, _ := strings.Cut(uri, "#")
	return before
}
