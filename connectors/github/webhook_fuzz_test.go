package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const testSecret = "It's a Secret to Everybody"

func hookConnection() *Connection {
	return &Connection{name: "github-test", webhooks: connectors.NewRing(testSecret, "an older one")}
}

func macOf(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func signed(body, signature, contentType string) connectors.WebhookRequest {
	return connectors.WebhookRequest{
		Method: http.MethodPost, URL: "https://tenon.example/hooks/github", Body: []byte(body), Now: time.Unix(1772445700, 0),
		Header: http.Header{signatureHeader: {signature}, "Content-Type": {contentType}, deliveryHeader: {"72d3162e-cc78-11e3-81ab-4c9367dc0958"}},
	}
}

// TestSignatureOfTheDocumentation holds the example of GitHub's documentation.
func TestSignatureOfTheDocumentation(t *testing.T) {
	const want = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := macOf(testSecret, "Hello, World!"); got != want {
		t.Fatalf("the example's signature is %s, want %s", got, want)
	}
	_, err := hookConnection().ParseWebhook(signed("Hello, World!", "sha256="+want, "application/json"))
	if got := connectors.KindOf(err); got != connectors.Invalid {
		t.Errorf("a well signed body that is no JSON: %v, want Invalid", err)
	}
}

// FuzzSignature signs any body with the right and with another secret: the
// right ones pass, and nothing else does.
func FuzzSignature(f *testing.F) {
	f.Add(`{"action":"opened"}`, "sha256=00")
	f.Add("", "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709")
	f.Add("\xff", "SHA256=")
	c := hookConnection()
	f.Fuzz(func(t *testing.T, body, forged string) {
		passes := func(signature string) bool {
			_, err := c.ParseWebhook(signed(body, signature, "application/json"))
			if err != nil && strings.Contains(err.Error(), testSecret) {
				t.Errorf("the error shows the secret: %v", err)
			}
			if screened := c.ScreenWebhook(signed("", signature, "")); screened != nil && connectors.KindOf(err) != connectors.Auth {
				t.Errorf("screened for %v, but taken in: %v", screened, err)
			}
			return connectors.KindOf(err) != connectors.Auth || err == nil
		}
		for _, secret := range []string{testSecret, "an older one"} {
			if !passes("sha256=" + macOf(secret, body)) {
				t.Errorf("a good signature of %q is refused", body)
			}
		}
		good := macOf(testSecret, body)
		for _, bad := range []string{forged, "sha256=" + macOf("another", body), good, "sha256=" + macOf(testSecret, body+" "), "sha256=" + good[:62], "sha1=" + good} {
			if !strings.EqualFold(bad, "sha256="+good) && bad != "sha256="+macOf("an older one", body) && passes(bad) {
				t.Errorf("%q passes for %q", bad, body)
			}
		}
	})
}

// FuzzWebhook takes in well signed bodies of any content: hints have ids that
// are ids, or the error is of the right kind. A form tells what its JSON tells.
func FuzzWebhook(f *testing.F) {
	f.Add(`{"action":"opened","issue":{"number":1,"title":"A","updated_at":"2026-03-02T09:30:15Z"},"repository":{"id":7}}`)
	f.Add(`{"action":"deleted","issue":{"number":1},"comment":{"id":3},"repository":{"id":7}}`)
	f.Add(`{"action":"transferred","issue":{"number":1},"changes":{"new_issue":{"number":4},"new_repository":{"id":8}},"repository":{"id":7}}`)
	f.Add(`{"action":"edited","issue":{"number":-1,"pull_request":{}},"milestone":{"number":2},"repository":{"id":0}}`)
	f.Add(`{"zen":"Keep it logically awesome.","hook_id":1}`)
	f.Add(`[]`)
	c := hookConnection()
	f.Fuzz(func(t *testing.T, body string) {
		d, err := c.ParseWebhook(signed(body, "sha256="+macOf(testSecret, body), "application/json"))
		if err != nil {
			if connectors.KindOf(err) != connectors.Invalid || len(err.Error()) > 1000 {
				t.Fatalf("%q: %v, want a short Invalid error", body, err)
			}
			return
		}
		for _, h := range d.Hints {
			if _, _, ok := parseID(h.ID); !ok || h.Object != issueObject && h.Object != milestoneObject {
				t.Errorf("%q: the hint %+v names no record", body, h)
			}
		}
		form := "payload=" + url.QueryEscape(body)
		again, err := c.ParseWebhook(signed(form, "sha256="+macOf(testSecret, form), "application/x-www-form-urlencoded"))
		if body != "" && (err != nil || len(again.Hints) != len(d.Hints)) {
			t.Errorf("%q as a form: %d hints, %v, want %d", body, len(again.Hints), err, len(d.Hints))
		}
	})
}

// FuzzMark hides marks in any text: the text and the mark come back, and a text
// that was read has none.
func FuzzMark(f *testing.F) {
	f.Add("Plain words", "tenon-1", "7-12")
	f.Add("", "a", "")
	f.Add("<!-- tenon-key: x -->\n\nafter", "b-2", "")
	f.Add("ends in lines\n\n", "c", "0-0")
	f.Fuzz(func(t *testing.T, text, key, parent string) {
		clean, _ := splitMark(newlines(text))
		if again, m := splitMark(clean); again != clean && m.key == "" {
			t.Errorf("%q: cleaned twice it is %q", clean, again)
		}
		m := mark{key: key, parent: parent}
		if !markForm.MatchString(m.with("")) || markForm.MatchString(clean) {
			return // the key has another form, or taking out one mark made another
		}
		got, found := splitMark(m.with(clean))
		if got != clean || found != m {
			t.Errorf("%q with %+v: got %q with %+v", clean, m, got, found)
		}
		if len(m.with(clean)) > len(clean)+maxMark {
			t.Errorf("the mark %+v takes more room than %d", m, maxMark)
		}
	})
}
