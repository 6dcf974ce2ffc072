package asana

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const (
	testSecret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81"
	testHook   = "https://tenon.example/hooks/asana?hook=0123456789abcdef0123456789abcdef"
)

// hookConnection has one webhook, at testHook.
func hookConnection() *Connection {
	c := &Connection{name: "asana-test", clock: connectors.SystemClock()}
	c.hooks.loaded = true
	c.hooks.held = []heldHook{{GID: "1", Resource: "2", Nonce: nonceOf(testHook), Secret: testSecret, Objects: []string{objectProject, objectSubtask, objectTask}}}
	return c
}

func signed(secret, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

// TestSignatureVector is the vector of Asana's documentation.
func TestSignatureVector(t *testing.T) {
	req := connectors.WebhookRequest{
		URL: testHook, Body: []byte(`{"events":[]}`), Now: time.Now(),
		Header: http.Header{signatureHeader: {"10468027b67df18c739cc4794c6fc2d2806dcaaf2259fc3e1ed9d26433659853"}},
	}
	if d, err := hookConnection().ParseWebhook(req); err != nil || len(d.Hints) > 0 {
		t.Errorf("the heartbeat of the documentation: got %+v, %v", d, err)
	}
}

// FuzzSignature signs any body with the right and with other secrets: the right
// one passes at its own address only.
func FuzzSignature(f *testing.F) {
	f.Add(`{"events":[]}`, "10468027", "https://tenon.example/hooks/asana")
	f.Add(``, strings.Repeat("0", 64), "://")
	f.Add("\xff", strings.Repeat("zz", 32), testHook+"&hook=2")
	c := hookConnection()
	f.Fuzz(func(t *testing.T, body, forged, address string) {
		kind := func(address, signature string) connectors.Kind {
			_, err := c.ParseWebhook(connectors.WebhookRequest{URL: address, Body: []byte(body), Header: http.Header{signatureHeader: {signature}}, Now: time.Unix(1_772_445_700, 0)})
			if err == nil {
				return connectors.Internal // none
			}
			if strings.Contains(err.Error(), testSecret) {
				t.Errorf("the error shows the secret: %v", err)
			}
			return connectors.KindOf(err)
		}
		good := signed(testSecret, body)
		if forged != good && kind(testHook, forged) != connectors.Auth {
			t.Errorf("the signature %q passes", forged)
		}
		if kind(testHook, signed("another", body)) != connectors.Auth {
			t.Error("another secret's signature passes")
		}
		if nonceOf(address) != nonceOf(testHook) && kind(address, good) != connectors.Auth {
			t.Errorf("a good signature passes at %q", address)
		}
	})
}

// FuzzWebhook reads any body that is signed well: ids that are ids, or an error
// of the right kind.
func FuzzWebhook(f *testing.F) {
	for _, body := range []string{
		`{"events":[]}`,
		`{"events":[{"user":{"gid":"1198829643564474"},"created_at":"2021-10-29T02:44:21.987Z","action":"changed","parent":null,"change":{"field":"completed","action":"changed"},"resource":{"gid":"1199170056173519","resource_type":"task","resource_subtype":"default_task"}}]}`,
		`{"events":[{"action":"deleted","resource":{"gid":"12","resource_type":"task"}},{"action":"added","resource":{"gid":"13","resource_type":"story"},"parent":{"gid":"14","resource_type":"task"}}]}`,
		`{"events":[{"action":"changed","resource":{"gid":"15","resource_type":"project"}}]}`,
		`{"events":{}}`, `[]`, `null`, ``, `{"events":[null,1,"x",[]]}`, `{"events":[{"resource":{"gid":7}}]}`,
	} {
		f.Add([]byte(body))
	}
	c := hookConnection()
	f.Fuzz(func(t *testing.T, body []byte) {
		req := connectors.WebhookRequest{URL: testHook, Body: body, Header: http.Header{signatureHeader: {signed(testSecret, string(body))}}, Now: time.Date(2021, 10, 29, 3, 0, 0, 0, time.UTC)}
		d, err := c.ParseWebhook(req)
		if err != nil {
			if k := connectors.KindOf(err); k != connectors.Invalid && k != connectors.Auth {
				t.Errorf("an error of the kind %v: %v", k, err)
			}
			return
		}
		for _, h := range d.Hints {
			if !isID(h.ID) || h.Object != objectTask && h.Object != objectSubtask && h.Object != objectProject {
				t.Errorf("a hint at %q %q", h.Object, h.ID)
			}
		}
	})
}

// FuzzCursor reads any cursor: understood and the same again, or refused.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(walk{Since: 1, Begun: 2, Offset: "o", Sync: "t", Sections: true, Section: 3}.String())
	f.Add("asana1.e30")
	f.Add("asana1.")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := parseWalk(text)
		if err != nil {
			return
		}
		again, err := parseWalk(w.String())
		if err != nil || again != w {
			t.Errorf("%+v becomes %+v, %v", w, again, err)
		}
	})
}

// FuzzMark takes markers out of any text: a key that was put in comes out, and
// nothing of it stays.
func FuzzMark(f *testing.F) {
	f.Add("<body>Words</body>", "tenon-1")
	f.Add("<body></body>", "a")
	f.Add("", "0")
	f.Add(`<body><a href="https://key.tenon.invalid/x">y</a></body>`, "b")
	f.Fuzz(func(t *testing.T, html, key string) {
		rest, _ := unmark(html)
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || key == "" || len(key) > 64 || strings.Contains(rest, markerBase) {
			return
		}
		back, got := unmark(mark(rest, key))
		if got != key || strings.Contains(back, markerBase) {
			t.Errorf("mark(%q, %q) gives %q, %q back", rest, key, back, got)
		}
	})
}
