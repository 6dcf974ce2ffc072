package asana

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// webhook is one subscription.
type webhook struct {
	entity
	resource ref
	name     string // of the resource
	target   string
	secret   string
	filters  []filter
	active   bool
	deleted  bool
	by       *user
	open     *hookBatch

	lastSuccess, lastFailure time.Time
	failingSince, nextTry    time.Time
	failure                  string
	retries                  int
}

type filter struct {
	ResourceType    string   `json:"resource_type"`
	ResourceSubtype string   `json:"resource_subtype"`
	Action          string   `json:"action"`
	Fields          []string `json:"fields"`
}

// hookBatch collects the events of one delivery. One without events is a
// heartbeat.
type hookBatch struct {
	hook   *webhook
	events []map[string]any
	until  time.Time
	closed bool
	beat   bool
}

const (
	hookPatience = 24 * time.Hour
	hookTimeout  = 10 * time.Second
	heartbeat    = 8 * time.Hour
	maxHooks     = 1000 // of one resource
	maxBatch     = 100
)

// wants reports whether an event passes the filters.
func (h *webhook) wants(e *event) bool {
	if h.deleted {
		return false
	}
	if len(h.filters) == 0 {
		return true
	}
	return slices.ContainsFunc(h.filters, func(f filter) bool {
		return (f.ResourceType == "" || f.ResourceType == e.resource.kind) && (f.ResourceSubtype == "" || f.ResourceSubtype == e.resource.subtype) &&
			(f.Action == "" || f.Action == e.action) && (len(f.Fields) == 0 || slices.Contains(f.Fields, e.field))
	})
}

// collect puts an event into the delivery that is being gathered. It is called
// with mu held.
func (s *System) collect(h *webhook, e *event) {
	now := s.clock.Now()
	if b := h.open; b != nil && !b.closed && now.Before(b.until) && len(b.events) < maxBatch {
		b.events = append(b.events, e.wire())
		return
	}
	h.open = &hookBatch{hook: h, events: []map[string]any{e.wire()}, until: now.Add(s.opts.WebhookWindow)}
	d := kit.Delivery{Event: e.resource.kind + "." + e.action, URL: h.target, Due: h.open.until, Data: h.open}
	s.outbox.Send(d)
	if s.opts.WebhookDoubles > 0 && s.rand.Chance(s.opts.WebhookDoubles) {
		d.Due = d.Due.Add(time.Duration(s.rand.IntN(2_000)) * time.Millisecond)
		s.outbox.Send(d)
	}
}

func (s *System) newOutbox() *kit.Outbox {
	next := s.opts.Transport
	if next == nil {
		next = &http.Transport{MaxIdleConnsPerHost: 10, IdleConnTimeout: 30 * time.Second}
	}
	return kit.NewOutbox(kit.OutboxOptions{
		Clock: s.clock, Faults: s.host.Faults, Build: s.buildDelivery, Again: s.again, Timeout: hookTimeout, InFlight: 10,
		Transport: witness{s: s, next: next},
	})
}

type batchKey struct{}

// witness notes which deliveries were taken.
type witness struct {
	s    *System
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if b, ok := r.Context().Value(batchKey{}).(*hookBatch); ok && err == nil && resp.StatusCode >= 200 && resp.StatusCode < 300 {
		w.s.mu.Lock()
		h := b.hook
		h.active, h.lastSuccess, h.failingSince, h.nextTry, h.retries = true, w.s.now(), time.Time{}, time.Time{}, 0
		w.s.mu.Unlock()
	}
	return resp, err
}

// CloseIdleConnections lets http.Client close the connections below.
func (w witness) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// again repeats with growing waits; after 24 h of failures the webhook goes.
func (s *System) again(d kit.Delivery, resp *http.Response) (time.Duration, bool) {
	b, ok := d.Data.(*hookBatch)
	if !ok {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h, now := b.hook, s.now()
	if h.deleted || resp != nil && resp.StatusCode == http.StatusGone {
		h.deleted = h.deleted || resp != nil && resp.StatusCode == http.StatusGone
		return 0, false
	}
	h.lastFailure, h.failure = now, "no answer within 10 seconds"
	if resp != nil {
		h.failure = http.StatusText(resp.StatusCode)
	}
	if h.failingSince.IsZero() {
		h.failingSince = now
	}
	wait := min(time.Duration(1<<min(d.Attempt, 12))*30*time.Second, 4*time.Hour)
	h.retries, h.nextTry = d.Attempt+1, now.Add(wait)
	return wait, !now.Add(wait).After(h.failingSince.Add(hookPatience))
}

// dropHooks deletes the webhooks that have failed for too long. It is called
// with mu held.
func (s *System) dropHooks(now time.Time) {
	for _, h := range s.hooks {
		if !h.failingSince.IsZero() && now.Sub(h.failingSince) >= hookPatience {
			h.deleted = true
		}
	}
	s.hooks = slices.DeleteFunc(s.hooks, func(h *webhook) bool { return h.deleted })
}

var errHookGone = errors.New("the webhook is gone")

func (s *System) buildDelivery(ctx context.Context, d kit.Delivery, now time.Time) (*http.Request, error) {
	b, ok := d.Data.(*hookBatch)
	if !ok {
		return nil, errHookGone
	}
	s.mu.Lock()
	if b.hook.deleted {
		s.mu.Unlock()
		return nil, errHookGone
	}
	if b.beat && !b.closed {
		s.beat(b.hook, now.Add(heartbeat))
	}
	b.closed = true
	events, secret := b.events, b.hook.secret
	s.mu.Unlock()
	if events == nil {
		events = []map[string]any{}
	}
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	header.Set("X-Hook-Signature", sign(secret, body))
	return kit.NewJSONPost(context.WithValue(ctx, batchKey{}, b), d.URL, header, body)
}

// beat plans a heartbeat. It is called with mu held.
func (s *System) beat(h *webhook, at time.Time) {
	s.outbox.Send(kit.Delivery{Event: "heartbeat", URL: h.target, Due: at, Data: &hookBatch{hook: h, beat: true}})
}

// sign is the lower-case hex HMAC-SHA256 of a body.
func sign(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

const (
	noHandshake = "The remote server which is intended to receive the webhook did not respond with the handshake secret."
	twice       = "Duplicated webhook. You already have an existing webhook for the given resource and target. Delete the old one before creating another."
)

// createHook is POST /webhooks. It calls the target before it answers.
func (s *System) createHook(c *call) (map[string]any, int, *apiError) {
	h, err := s.prepareHook(c)
	if err != nil {
		return nil, 0, err
	}
	if !s.shakeHands(h) {
		return nil, 0, invalid("%s", noHandshake)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now()
	h.entity = s.entity(c.now)
	s.hooks = append(s.hooks, h)
	s.beat(h, c.now.Add(s.opts.WebhookWindow))
	return s.shown(c, &answer{one: h, status: http.StatusCreated, more: map[string]any{"X-Hook-Secret": h.secret}})
}

func (s *System) prepareHook(c *call) (*webhook, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now()
	s.tick(c.now)
	if err := s.mayCall(c, &route{scope: "webhooks:write", pattern: "/webhooks"}); err != nil {
		return nil, err
	}
	id, err := gidOf("resource", c.data["resource"])
	if err != nil {
		return nil, err
	}
	h := &webhook{by: c.user}
	if h.target, err = c.required("target"); err != nil {
		return nil, err
	}
	if h.resource, h.name, err = c.watched(id); err != nil {
		return nil, err
	}
	if h.filters, err = c.filters(h.resource.kind); err != nil {
		return nil, err
	}
	if err := s.checkTarget(h.target); err != nil {
		return nil, err
	}
	same := 0
	for _, o := range s.hooks {
		if o.resource.gid != h.resource.gid {
			continue
		}
		if o.target == h.target {
			return nil, forbidden("%s", twice)
		}
		same++
	}
	if same >= maxHooks {
		return nil, forbidden("Too many webhooks for this resource")
	}
	raw := strings.ReplaceAll(s.rand.UUID()+s.rand.UUID(), "-", "")
	h.secret = raw
	return h, nil
}

// watched finds what a webhook is for.
func (c *call) watched(id string) (ref, string, *apiError) {
	if p, err := c.project("resource", id); err == nil {
		return p.ref(), p.name, nil
	}
	if t, err := c.task("resource", id); err == nil {
		return t.ref(), t.name, nil
	}
	if tm := c.s.team(id); tm != nil {
		return ref{tm.gid, "team", ""}, tm.name, nil
	}
	if id == c.s.workspace.gid {
		return ref{id, "workspace", ""}, c.s.workspace.name, nil
	}
	return ref{}, "", unknown("resource", id)
}

func (c *call) filters(kind string) ([]filter, *apiError) {
	var out []filter
	if raw, ok := c.data["filters"]; ok && raw != nil {
		text, err := json.Marshal(raw)
		if err != nil || json.Unmarshal(text, &out) != nil {
			return nil, invalid("filters: Not an array of filters")
		}
	}
	wide := kind == "workspace" || kind == "team"
	if wide && len(out) == 0 {
		return nil, invalid("filters: Missing input")
	}
	for _, f := range out {
		switch {
		case len(f.Fields) > 0 && f.Action != "changed":
			return nil, invalid("filters: fields may be given with the action changed only")
		case wide && len(f.Fields) > 0:
			return nil, invalid("filters: fields may not be given for this resource")
		case wide && slices.Contains([]string{"task", "subtask", "story"}, f.ResourceType):
			return nil, invalid("filters: Events of this type do not come for this resource")
		}
	}
	return out, nil
}

func (s *System) checkTarget(target string) *apiError {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return invalid("target: Not a valid URI: %s", target)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate())
	if local && s.opts.PublicTargets || !local && u.Scheme != "https" {
		return forbidden("target: The host of the target is not allowed: %s", u.Host)
	}
	return nil
}

// shakeHands sends the secret to the target and waits for it to come back.
func (s *System) shakeHands(h *webhook) bool {
	ctx, cancel := context.WithTimeout(context.Background(), hookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.target, bytes.NewReader([]byte("{}")))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Hook-Secret", h.secret)
	resp, err := s.greeter.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	good := resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNoContent
	return good && resp.Header.Get("X-Hook-Secret") == h.secret
}

func listHooks(c *call) (*answer, *apiError) {
	ws := c.query.Get("workspace")
	if ws == "" {
		return nil, invalid("workspace: Missing input")
	}
	if err := c.inWorkspace("workspace", ws); err != nil {
		return nil, err
	}
	out := []resource{}
	for _, h := range c.s.hooks {
		if id := c.query.Get("resource"); id == "" || id == h.resource.gid {
			out = append(out, h)
		}
	}
	return list(out)
}

func (c *call) hook() (*webhook, *apiError) {
	for _, h := range c.s.hooks {
		if h.gid == c.vars["webhook"] {
			return h, nil
		}
	}
	return nil, unknown("webhook", c.vars["webhook"])
}

func getHook(c *call) (*answer, *apiError) {
	h, err := c.hook()
	if err != nil {
		return nil, err
	}
	return just(h)
}

func updateHook(c *call) (*answer, *apiError) {
	h, err := c.hook()
	if err != nil {
		return nil, err
	}
	filters, err := c.filters(h.resource.kind)
	if err != nil {
		return nil, err
	}
	h.filters = filters
	return just(h)
}

func deleteHook(c *call) (*answer, *apiError) {
	h, err := c.hook()
	if err != nil {
		return nil, err
	}
	h.deleted = true
	c.s.hooks = slices.DeleteFunc(c.s.hooks, func(x *webhook) bool { return x == h })
	return nothing()
}
