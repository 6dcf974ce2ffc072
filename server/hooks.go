package server

import (
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenonsync/tenon/connectors"
)

// hooks takes webhooks in. What can be known without the body is refused
// before the body is read; what is read is bounded in size, number and time.
type hooks struct {
	*Config
	doors   map[string]*door // by connection
	unknown *door            // of all names that are none
}

func newHooks(c *Config) (*hooks, error) {
	secrets := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tenon_webhook_secrets_total", Help: "Webhook deliveries taken, by connection and by which of its secrets signed them (0: the newest).",
	}, []string{"connection", "secret"})
	if err := c.Metrics.registry.Register(secrets); err != nil {
		return nil, err
	}
	h := &hooks{Config: c, doors: map[string]*door{}, unknown: newDoor(c, "unknown", nil, secrets)}
	for name, conn := range c.Connections {
		h.doors[name] = newDoor(c, name, conn, secrets)
	}
	return h, nil
}

func (h *hooks) routes() []route {
	const signed = "the system signs its deliveries"
	const secret = "the address itself is the secret"
	refusals := []int{
		http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable,
	}
	return []route{
		{
			pattern: "POST /hooks/{connection}", open: signed, group: groupHooks, raw: "*/*",
			summary: "Take a delivery of a system in.", detail: "204 says that the delivery is on stable storage; a handshake may be answered otherwise.",
			status: http.StatusNoContent, serve: h.receive, also: refusals,
		},
		{
			pattern: "POST /hooks/{connection}/{token}", open: secret, group: groupHooks, raw: "*/*",
			summary: "Take a delivery of a system in that signs nothing.", status: http.StatusNoContent, serve: h.receive, also: refusals,
		},
		{ // Trello asks before it sends
			pattern: "HEAD /hooks/{connection}", open: signed, group: groupHooks,
			summary: "Whether there is such an address.", serve: h.probe, also: []int{http.StatusNotFound},
		},
		{
			pattern: "HEAD /hooks/{connection}/{token}", open: secret, group: groupHooks,
			summary: "Whether there is such an address.", serve: h.probe, also: []int{http.StatusNotFound},
		},
	}
}

// isHook reports whether a request goes to the hooks.
func isHook(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/hooks/") }

// outcome is what became of a delivery.
type outcome uint8

const (
	taken outcome = iota
	badSignature
	unreadableBody
	noSuchPath
	tooLarge
	encoded
	putOff
	failed
	outcomes
)

var outcomeWords = [outcomes]string{
	"taken", "bad signature", "unreadable", "unknown", "too large", "encoded", "put off", "failed",
}

func outcomeOf(status int) outcome {
	switch status {
	case http.StatusUnauthorized:
		return badSignature
	case http.StatusBadRequest:
		return unreadableBody
	case http.StatusNotFound:
		return noSuchPath
	case http.StatusRequestEntityTooLarge:
		return tooLarge
	case http.StatusUnsupportedMediaType:
		return encoded
	case http.StatusServiceUnavailable:
		return putOff
	}
	return failed
}

// door is where the deliveries of one connection come in. Each has places of
// its own, so that one system's flood does not keep another's deliveries out.
type door struct {
	name     string
	source   bool // it takes webhooks
	unsigned bool // its system signs nothing: the address has to be right
	screener connectors.WebhookScreener
	places   chan struct{} // for deliveries on their way to stable storage
	gate     gate
	counts   [outcomes]prometheus.Counter
	secrets  [8]prometheus.Counter // taken, by the secret that signed

	logged     [outcomes]atomic.Int64 // when an outcome was logged last, nanoseconds since 1970
	suppressed [outcomes]atomic.Int64 // how many were not, since then
}

func newDoor(c *Config, name string, conn connectors.Connection, secrets *prometheus.CounterVec) *door {
	d := &door{name: name, places: make(chan struct{}, c.MaxRequests)}
	if conn != nil {
		d.source = connectors.AbilitiesOf(conn).WebhookSource != nil
		d.unsigned = conn.Facts().WebhookUnsigned
		d.screener, _ = conn.(connectors.WebhookScreener)
	}
	for i, word := range outcomeWords {
		d.counts[i] = c.Metrics.webhooks.WithLabelValues(name, word)
	}
	if d.source {
		for i := range d.secrets {
			d.secrets[i] = secrets.WithLabelValues(name, strconv.Itoa(i))
		}
	}
	return d
}

// logEvery is how often one outcome of a connection is logged at most: a flood
// of refusals must not become a flood of lines.
const logEvery = time.Second

// loggable reports whether to log an outcome now, and how many there were since
// the last time.
func (d *door) loggable(o outcome, now time.Time) (count int64, ok bool) {
	d.suppressed[o].Add(1)
	last := d.logged[o].Load()
	if now.UnixNano()-last < int64(logEvery) || !d.logged[o].CompareAndSwap(last, now.UnixNano()) {
		return 0, false
	}
	return d.suppressed[o].Swap(0), true
}

// door returns where a request wants to go in, nil if there is no such address.
func (h *hooks) door(r *http.Request) *door {
	d := h.doors[r.PathValue("connection")]
	if d == nil || !d.source {
		return nil
	}
	token := r.PathValue("token")
	if token == "" && !d.unsigned || token != "" && h.Signer.validHook(d.name, token) {
		return d
	}
	return nil
}

// receive answers 2xx only when the delivery is on stable storage; any other
// answer makes the sender deliver again.
func (h *hooks) receive(w http.ResponseWriter, r *http.Request) {
	now := h.Clock.Now()
	d := h.door(r)
	if d == nil {
		h.refuse(w, r, h.unknown, now, http.StatusNotFound, "no such address for webhooks", nil)
		return
	}
	req := h.request(r, now)
	if status, title, err := h.screen(r, d, req); status != 0 {
		h.refuse(w, r, d, now, status, title, err)
		return
	}
	body, release, err := h.room.read(w, r, h.MaxBody)
	if err != nil {
		h.failed(w, r, d, now, err)
		return
	}
	defer release()
	complete(r)
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	default:
		h.refuse(w, r, d, now, http.StatusServiceUnavailable, "too many webhooks at the same time", nil)
		return
	}
	probe, ok := d.gate.enter()
	if !ok {
		h.refuse(w, r, d, now, http.StatusServiceUnavailable, titleFull, nil)
		return
	}
	req.Body = body
	delivery, err := h.hand(r, d, probe, req)
	if err != nil {
		h.failed(w, r, d, now, err)
		return
	}
	d.counts[taken].Inc()
	d.secrets[min(max(delivery.Secret, 0), len(d.secrets)-1)].Inc()
	accept(w, delivery.Answer)
}

// hand gives a delivery to the engine, and opens or shuts the gate by what the
// engine says.
func (h *hooks) hand(r *http.Request, d *door, probe bool, req connectors.WebhookRequest) (delivery connectors.Delivery, err error) {
	err = errPanicked
	defer func() { d.gate.leave(probe, err) }()
	return h.Engine.Receive(r.Context(), d.name, req)
}

// unscreened is how large a body may be that is read whatever the headers tell:
// it has mostly come with them, and to read it costs no more than to screen it.
const unscreened = 2 << 10

// screen refuses what need not be read. Status 0 lets the request pass.
func (h *hooks) screen(r *http.Request, d *door, req connectors.WebhookRequest) (status int, title string, err error) {
	if r.ContentLength > h.MaxBody {
		return http.StatusRequestEntityTooLarge, titleTooLarge, nil
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return http.StatusUnsupportedMediaType, "webhooks are taken in uncompressed only", nil
	}
	if d.screener != nil && (r.ContentLength < 0 || r.ContentLength > unscreened) {
		if err := d.screener.ScreenWebhook(req); err != nil {
			status, title := statusOf(err)
			return status, title, err
		}
	}
	if d.gate.closed() {
		return http.StatusServiceUnavailable, titleFull, nil
	}
	return 0, "", nil
}

// failed answers with what an error means.
func (h *hooks) failed(w http.ResponseWriter, r *http.Request, d *door, now time.Time, err error) {
	status, title := statusOf(err)
	if status == http.StatusInternalServerError && connectors.KindOf(err) == connectors.Unavailable {
		status = http.StatusServiceUnavailable // the client has gone, or the service stops
	}
	h.refuse(w, r, d, now, status, title, err)
}

func (h *hooks) refuse(w http.ResponseWriter, r *http.Request, d *door, now time.Time, status int, title string, err error) {
	o := outcomeOf(status)
	d.counts[o].Inc()
	if status == http.StatusServiceUnavailable {
		setRetryAfter(w, connectors.RetryAfter(err))
	}
	if count, ok := d.loggable(o, now); ok {
		attrs := []slog.Attr{slog.String("connection", d.name), slog.Int("status_code", status), slog.Int64("count", count)}
		if err != nil {
			attrs = append(attrs, slog.Any("err", err))
		}
		h.Logger.LogAttrs(r.Context(), slog.LevelWarn, "webhook refused", attrs...)
	}
	w.Header()["X-Content-Type-Options"] = noSniff
	problem(w, status, title, "")
}

func accept(w http.ResponseWriter, a *connectors.WebhookAnswer) {
	if a == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header()["X-Content-Type-Options"] = noSniff
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(max(a.Status, http.StatusOK))
	w.Write(a.Body)
}

func (h *hooks) probe(w http.ResponseWriter, r *http.Request) {
	if h.door(r) == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// request describes r as its sender knew it, under the public address, without
// its body.
func (c *Config) request(r *http.Request, now time.Time) connectors.WebhookRequest {
	return connectors.WebhookRequest{Method: r.Method, URL: c.PublicURL + r.URL.RequestURI(), Header: r.Header, Now: now}
}
