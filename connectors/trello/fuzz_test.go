package trello

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Trello signs with it
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// sign signs as the vendor's page says, in plain words.
func sign(secret string, body []byte, address string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(slices.Concat(body, []byte(address)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// FuzzSignature holds that a delivery passes exactly when it is signed with a
// secret of the connection over that body and address.
func FuzzSignature(f *testing.F) {
	f.Add("secret", []byte(`{"action":{}}`), "https://tenon.example.com/hooks/t", "")
	f.Add("secret", []byte(`{}`), "https://tenon.example.com/hooks/t?a=b", "c2hvcnQ=")
	f.Add("older", []byte("Zürich"), "", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, secret string, body []byte, address, header string) {
		if secret == "" {
			return
		}
		c := &Connection{secrets: connectors.NewRing("another", secret)}
		right := sign(secret, body, address)
		_, err := c.ParseWebhook(connectors.WebhookRequest{URL: address, Header: http.Header{"X-Trello-Webhook": {right}}, Body: body})
		if connectors.KindOf(err) == connectors.Auth && err != nil {
			t.Errorf("a signed delivery: %v", err)
		}
		given, decoded := base64.StdEncoding.DecodeString(header)
		want, _ := base64.StdEncoding.DecodeString(right)
		other, _ := base64.StdEncoding.DecodeString(sign("another", body, address))
		_, err = c.ParseWebhook(connectors.WebhookRequest{URL: address, Header: http.Header{"X-Trello-Webhook": {header}}, Body: body})
		passes := decoded == nil && (bytes.Equal(given, want) || bytes.Equal(given, other))
		if refused := err != nil && connectors.KindOf(err) == connectors.Auth; refused == passes {
			t.Errorf("signature %q of %q: refused %v, want %v", header, body, refused, !passes)
		}
	})
}

// FuzzWebhook holds that a signed body gives ids that are ids, or an error of
// the right kind.
func FuzzWebhook(f *testing.F) {
	f.Add([]byte(`{"action":{"id":"` + boardID + `","type":"deleteCard","date":"2026-03-12T09:00:00.000Z","data":{"card":{"id":"` + cardID + `"}}}}`))
	f.Add([]byte(`{"action":{"data":{"card":{"id":"` + cardID + `"},"checkItem":{"id":"` + labelID + `"}}}}`))
	f.Add([]byte(`{"action":[],"model":null}`))
	f.Add([]byte(`[[[[`))
	c := &Connection{secrets: connectors.NewRing("s")}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := c.ParseWebhook(connectors.WebhookRequest{URL: "u", Header: http.Header{"X-Trello-Webhook": {sign("s", body, "u")}}, Body: body})
		if err != nil {
			if kind := connectors.KindOf(err); kind != connectors.Invalid || json.Valid(body) && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		for _, h := range d.Hints {
			_, _, item := splitItem(h.ID)
			if h.Object == objectCard && !isID(h.ID) || h.Object == objectItem && !item {
				t.Errorf("hint %+v names no record", h)
			}
		}
	})
}

// FuzzDecode holds that a card reads as values of its fields' types, and that what
// was read of a custom field can be written and reads the same again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"` + cardID + `","name":"x","due":"2026-04-01T10:00:00.000Z","pos":1.5,"customFieldItems":[{"idCustomField":"` + fieldID(1) + `","value":{"number":"1e3"}}]}`))
	f.Add([]byte(`{"id":"` + cardID + `","dueReminder":"10","customFieldItems":[{"idCustomField":"` + fieldID(2) + `","value":{"date":"2026-02-30"}}]}`))
	f.Add([]byte(`{"customFieldItems":[{"idCustomField":"` + fieldID(4) + `","idValue":"69b280020000000000000001"},{"idCustomField":"` + fieldID(3) + `","value":{"checked":"true"}}]}`))
	c := &Connection{name: "t", markURL: markPage}
	if opened, err := openBare(); err == nil {
		c = opened
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var w card
		if json.Unmarshal(raw, &w) != nil {
			return
		}
		in := testBoard()
		kinds := map[string]connectors.Type{}
		for _, d := range ownFields {
			kinds[d.Name] = d.Type
		}
		for i := range in.CustomFields {
			d, _ := schemaField(&in.CustomFields[i])
			kinds[d.Name] = d.Type
		}
		var wanted []string
		for name := range kinds {
			wanted = append(wanted, name)
		}
		r := c.record(&w, wanted, in, in.CustomFields)
		r.Fields(func(name string, v connectors.Value) bool {
			if !v.IsNull() && v.Type() != kinds[name] {
				t.Errorf("%s: a value of the type %v, want %v", name, v.Type(), kinds[name])
			}
			if d := in.customField(name); d != nil {
				again(t, d, v)
			}
			return true
		})
	})
}

func again(t *testing.T, f *customField, v connectors.Value) {
	t.Helper()
	wire, err := encodeCustom(f, v)
	if err != nil {
		return // an option that is gone, a text that is too long
	}
	raw, err := json.Marshal(wire)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(`"value":""`)) || bytes.Contains(raw, []byte(`"idValue":""`)) {
		return // cleared
	}
	var it fieldItem
	if err := json.Unmarshal(raw, &it); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	back, err := decode(f, &it)
	if err != nil {
		t.Errorf("%s: what was written does not read: %v", raw, err)
		return
	}
	if f.Type == "date" {
		v = connectors.Instant(v.Time().Truncate(time.Millisecond))
	}
	if !connectors.Equal(back, v) {
		t.Errorf("%s: written %v, read %v", raw, v, back)
	}
}

func openBare() (*Connection, error) {
	s, err := connectors.NewSettings(New().Info().Settings, map[string]string{"key": "k", "token": "t"})
	if err != nil {
		return nil, err
	}
	c, err := New().Open(connectors.Config{Name: "t", Settings: s}, connectors.Options{})
	if err != nil {
		return nil, err
	}
	return c.(*Connection), nil //nolint:forcetypeassert // Open makes no other
}

// FuzzCursor holds that a cursor is understood and the same again, or refused.
func FuzzCursor(f *testing.F) {
	f.Add("t1.1773300843846.1773300843846")
	f.Add("t1.0.0")
	f.Add("t1.-1.5")
	f.Add("")
	c := &Connection{name: "t"}
	f.Fuzz(func(t *testing.T, s string) {
		cu, err := c.cursorOf("list changes", s)
		if err != nil {
			if connectors.KindOf(err) != connectors.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if s == "" {
			return
		}
		again, err := c.cursorOf("list changes", cu.String())
		if err != nil || again != cu {
			t.Errorf("%q became %q: %v, %v", s, cu, again, err)
		}
	})
}

// FuzzMark holds that marks come off as they were put on, and nothing else does.
func FuzzMark(f *testing.F) {
	f.Add("https://example.com/", "k-1", "Said")
	f.Add("https://example.com/#/a&tenon=x", "k", "a [·](https://example.com/#tenon=q)")
	f.Fuzz(func(t *testing.T, link, key, body string) {
		if !markForm.MatchString("#tenon=" + key) {
			return
		}
		if !bytes.ContainsAny([]byte(link), "\n") {
			if got, k := unmark(mark(link, key)); got != link || k != key {
				t.Errorf("mark(%q, %q): back %q, %q", link, key, got, k)
			}
		}
		c := &Connection{markURL: markPage}
		if _, k := undot(body + "\n\n" + c.dot(key)); k != key {
			t.Errorf("undot of %q: the key %q, want %q", body, k, key)
		}
	})
}
