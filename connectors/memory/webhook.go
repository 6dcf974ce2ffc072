package memory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// The headers of a delivery.
const (
	SignatureHeader = "X-Memory-Signature" // hex HMAC-SHA256 of timestamp, "." and body
	TimestampHeader = "X-Memory-Timestamp" // seconds since 1970
	DeliveryHeader  = "X-Memory-Delivery"
)

// tolerance is how old a delivery may be, and how far in the future.
const tolerance = 5 * time.Minute

// maxOutbox bounds the deliveries that wait to be fetched; older ones are
// dropped, as real systems drop them.
const maxOutbox = 10_000

// event is one change in a delivery.
type event struct {
	Object  string    `json:"object"`
	ID      string    `json:"id"`
	Version string    `json:"version,omitempty"`
	At      time.Time `json:"at"`
	State   string    `json:"state"`
}

// notify queues a delivery about the record as it stands, and tells the streams.
func (s *System) notify(r *record) {
	e := event{Object: r.object, ID: r.id, At: r.modified, State: r.state.String()}
	if s.opts.WebhookVersions && !s.opts.NoVersions {
		e.Version = strconv.Itoa(r.version)
	}
	if len(s.outbox) >= maxOutbox {
		s.outbox = append(s.outbox[:0], s.outbox[len(s.outbox)/2:]...)
	}
	s.outbox = append(s.outbox, e)
	if s.opts.Streams {
		s.feed.append(e)
	}
}

// Webhooks returns the deliveries that wait, signed now, oldest first, one
// change each, and forgets them.
func (s *System) Webhooks() []connectors.WebhookRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	out := make([]connectors.WebhookRequest, 0, len(s.outbox))
	for _, e := range s.outbox {
		s.sent++
		body, err := json.Marshal([]event{e})
		if err != nil {
			panic("memory: " + err.Error())
		}
		req := Sign(s.opts.Secret, strconv.Itoa(s.sent), body, now)
		if s.opts.Unsigned {
			req.Header.Del(SignatureHeader)
			req.Header.Del(TimestampHeader)
		}
		out = append(out, req)
	}
	s.outbox = nil
	return out
}

// Sign returns a delivery of the body.
func Sign(secret, delivery string, body []byte, now time.Time) connectors.WebhookRequest {
	stamp := strconv.FormatInt(now.Unix(), 10)
	h := http.Header{}
	h.Set(TimestampHeader, stamp)
	h.Set(DeliveryHeader, delivery)
	h.Set(SignatureHeader, hex.EncodeToString(mac(secret, stamp, body)))
	return connectors.WebhookRequest{Method: http.MethodPost, URL: "https://tenon.example/hooks/memory", Header: h, Body: body, Now: now}
}

func mac(secret, stamp string, body []byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(stamp + "."))
	m.Write(body)
	return m.Sum(nil)
}

// ParseWebhook implements connectors.WebhookSource.
func (c *Connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	const op = "webhook"
	if !c.system.opts.Unsigned {
		if err := c.verify(op, req); err != nil {
			return connectors.Delivery{}, err
		}
	}
	var events []event
	if err := json.Unmarshal(req.Body, &events); err != nil {
		return connectors.Delivery{}, c.fail(op, "", connectors.Invalid, errors.New("the body is not a list of events"))
	}
	d := connectors.Delivery{ID: req.Header.Get(DeliveryHeader)}
	for _, e := range events {
		if e.Object == "" || e.ID == "" {
			return connectors.Delivery{}, c.fail(op, "", connectors.Invalid, errors.New("an event names no record"))
		}
		d.Hints = append(d.Hints, e.hint())
	}
	return d, nil
}

func (e *event) hint() connectors.Change {
	hint := connectors.Change{Object: e.Object, ID: e.ID, Version: e.Version, Modified: e.At}
	for _, state := range []connectors.State{connectors.Archived, connectors.Deleted, connectors.Merged} {
		if e.State == state.String() {
			hint.State = state
		}
	}
	return hint
}

func (c *Connection) verify(op string, req connectors.WebhookRequest) error {
	stamp := req.Header.Get(TimestampHeader)
	got, err := hex.DecodeString(req.Header.Get(SignatureHeader))
	if err != nil || !hmac.Equal(got, mac(c.secret, stamp, req.Body)) {
		return c.fail(op, "", connectors.Auth, errors.New("the signature is wrong"))
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if age := req.Now.Sub(time.Unix(seconds, 0)); err != nil || age > tolerance || age < -tolerance {
		return c.fail(op, "", connectors.Auth, errors.New("the delivery is out of date"))
	}
	return nil
}
