package salesforce

import (
	"net/http"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// fuzzed is a connection that takes outbound messages.
func fuzzed(f *testing.F) *connection {
	f.Helper()
	s, err := connectors.NewSettings(outboundSettings, map[string]string{"organization": "00D5g000004dPEEEA2"})
	if err != nil {
		f.Fatal(err)
	}
	return &connection{name: "crm", settings: s}
}

const messageHead = `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>` +
	`<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D5g000004dPEE</OrganizationId>`

// FuzzOutbound reads outbound messages of anybody: they name records, or are
// refused as what they are.
func FuzzOutbound(f *testing.F) {
	f.Add(messageHead + `<Notification><Id>04l1I000000fztEQAQ</Id><sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>0031I0000081tbPQAQ</sf:Id></sObject></Notification></notifications></soapenv:Body></soapenv:Envelope>`)
	f.Add(messageHead + `</notifications></soapenv:Body></soapenv:Envelope>`)
	f.Add(messageHead + `<Notification><Notification><Id>&lt;</Id>`)
	f.Add(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)
	f.Add("\xef\xbb\xbf<a/>")
	c := fuzzed(f)
	f.Fuzz(func(t *testing.T, body string) {
		req := connectors.WebhookRequest{Method: http.MethodPost, Body: []byte(body)}
		d, err := c.ParseWebhook(req)
		if err != nil {
			if k := connectors.KindOf(err); k != connectors.Auth && k != connectors.Invalid || len(err.Error()) > 300 {
				t.Fatalf("%v is no error of a message", err)
			}
			return
		}
		if d.ID == "" || len(d.ID) > 64 || d.Answer == nil || len(d.Hints) > maxNotifications {
			t.Fatalf("the delivery %+v", d)
		}
		for _, h := range d.Hints {
			if id, ok := id18(h.ID); !ok || id != h.ID || !nameForm.MatchString(h.Object) {
				t.Errorf("the hint %+v names no record", h)
			}
		}
		if again, err := c.ParseWebhook(req); err != nil || again.ID != d.ID {
			t.Errorf("the same message again has the id %q, %v, want %q", again.ID, err, d.ID)
		}
	})
}

// FuzzStreamCursor reads places of streams: they are written again the same way,
// or are none.
func FuzzStreamCursor(f *testing.F) {
	f.Add(cursorOf(map[string][]byte{"/data/AccountChangeEvent": {0, 0, 0, 0, 1, 20, 39, 247}, "/data/X__chn": {1}}))
	f.Add(`{"v":1,"places":{"a":""}}`)
	f.Add(`{"v":1}`)
	f.Add(`{"v":2,"places":{"a":"AAAA"}}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, cursor string) {
		p := placesIn(cursor)
		if p == nil {
			t.Fatal("no map")
		}
		for topic, place := range p {
			if len(place) == 0 || len(place) > maxPlace {
				t.Errorf("%q is at %x", topic, place)
			}
		}
		again := placesIn(cursorOf(p))
		if len(again) != len(p) {
			t.Errorf("%d places, %d after a round", len(p), len(again))
		}
	})
}
