package connectortest

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// deliveries makes an edit and returns the record and its deliveries.
func (e *env) deliveries() (id string, sent []connectors.WebhookRequest) {
	e.Helper()
	w, ok := e.w.(Webhooker)
	if !ok || e.can.WebhookSource == nil {
		e.Skipf("the system sends no webhooks")
	}
	id = e.seed(1)[0]
	w.Webhooks(e)
	e.w.Edit(e, id, e.h.Title, connectors.Text("Told by webhook"))
	sent = w.Webhooks(e)
	if len(sent) == 0 {
		e.Fatalf("no delivery followed an edit")
	}
	return id, sent
}

// signed skips what only systems that sign their deliveries can pass.
func (e *env) signed() {
	e.Helper()
	if e.c.Facts().WebhookUnsigned {
		e.Skipf("the system signs nothing")
	}
}

func copyOf(r connectors.WebhookRequest) connectors.WebhookRequest {
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	return r
}

var webhooks = []test{
	{"delivery hints at the record", func(e *env) {
		id, sent := e.deliveries()
		seen := map[string]bool{}
		for _, req := range sent {
			d, err := e.can.WebhookSource.ParseWebhook(copyOf(req))
			if err != nil {
				e.Fatalf("ParseWebhook: %v", err)
			}
			for _, h := range d.Hints {
				seen[h.ID] = seen[h.ID] || h.Object == e.h.Object
				if e.c.Facts().WebhookVersions && h.ID == id && h.State == connectors.Live && h.Version != e.one(id).Version {
					e.Errorf("hint has version %q, a read %q", h.Version, e.one(id).Version)
				}
			}
			again, err := e.can.WebhookSource.ParseWebhook(copyOf(req))
			if err != nil || again.ID != d.ID || len(again.Hints) != len(d.Hints) {
				e.Errorf("the same delivery again: %+v, %v; want %+v", again, err, d)
			}
		}
		e.all("hints", seen, []string{id})
	}},
	{"webhook tells of a delete", func(e *env) {
		id, _ := e.deliveries()
		e.w.Delete(e, id)
		seen := map[string]bool{}
		for _, req := range e.w.(Webhooker).Webhooks(e) {
			d, err := e.can.WebhookSource.ParseWebhook(req)
			if err != nil {
				e.Fatalf("ParseWebhook: %v", err)
			}
			collect(seen, d.Hints)
		}
		if !seen[id] {
			e.Logf("no hint follows a delete: only a sweep will find it")
		}
	}},
	{"tampered body is refused", func(e *env) {
		e.signed()
		_, sent := e.deliveries()
		for _, i := range []int{0, len(sent[0].Body) / 2, len(sent[0].Body) - 1} {
			req := copyOf(sent[0])
			req.Body[i] ^= 1
			_, err := e.can.WebhookSource.ParseWebhook(req)
			e.kind("ParseWebhook of a changed body", err, connectors.Auth)
		}
		req := copyOf(sent[0])
		req.Body = append(req.Body, ' ')
		_, err := e.can.WebhookSource.ParseWebhook(req)
		e.kind("ParseWebhook of a longer body", err, connectors.Auth)
	}},
	{"missing or wrong signature is refused", func(e *env) {
		e.signed()
		_, sent := e.deliveries()
		req := copyOf(sent[0])
		req.Header = http.Header{"Content-Type": req.Header.Values("Content-Type")}
		_, err := e.can.WebhookSource.ParseWebhook(req)
		e.kind("ParseWebhook without headers", err, connectors.Auth)
		// One of the headers holds the signature: spoiling each in turn must
		// fail at least once, and never pass as another account's.
		refused := 0
		for name := range sent[0].Header {
			for _, value := range []string{"", "0", strings.Repeat("a", 64), "sha256=" + strings.Repeat("0", 64), "v1=" + strings.Repeat("A", 88)} {
				req := copyOf(sent[0])
				req.Header[name] = []string{value}
				if _, err := e.can.WebhookSource.ParseWebhook(req); err != nil {
					e.kind("ParseWebhook with a spoilt "+name, err, connectors.Auth, connectors.Invalid)
					refused++
				}
			}
		}
		if refused < 5 {
			e.Errorf("a delivery passes whatever its signature is")
		}
	}},
	{"old delivery is refused", func(e *env) {
		if e.h.OldWebhooks {
			e.Skipf("deliveries carry no time")
		}
		e.signed()
		_, sent := e.deliveries()
		req := copyOf(sent[0])
		req.Now = req.Now.Add(72 * time.Hour)
		_, err := e.can.WebhookSource.ParseWebhook(req)
		e.kind("ParseWebhook three days later", err, connectors.Auth)
	}},
	{"garbage never panics", func(e *env) {
		_, sent := e.deliveries()
		rng := rand.New(rand.NewPCG(1, 2))
		bodies := [][]byte{nil, {}, []byte("null"), []byte("[]"), []byte("{}"), []byte(`[{"objectId":{}}]`), []byte("\xff\xfe"), bytes.Repeat([]byte("["), 1<<20)}
		for range 200 {
			b := bytes.Clone(sent[0].Body)
			for range 1 + rng.IntN(5) {
				b[rng.IntN(len(b))] = byte(rng.IntN(256))
			}
			bodies = append(bodies, b[:rng.IntN(len(b)+1)])
		}
		for _, b := range bodies {
			if bytes.Equal(b, sent[0].Body) {
				continue
			}
			for _, req := range []connectors.WebhookRequest{
				{Method: http.MethodPost, URL: sent[0].URL, Header: sent[0].Header, Body: b, Now: sent[0].Now},
				{Method: http.MethodPost, URL: "://\x00", Header: http.Header{}, Body: b},
				{Body: b},
			} {
				_, err := e.can.WebhookSource.ParseWebhook(req)
				e.kind("ParseWebhook of garbage", err, connectors.Auth, connectors.Invalid)
			}
		}
	}},
}
