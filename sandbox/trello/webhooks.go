package trello

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Trello signs with it
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

type webhook struct {
	id, description, model, callback string
	token                            *token
	active                           bool
	failures                         int
	failing                          time.Time // zero: the last delivery went through
}

func hookView(h *webhook) object {
	return object{
		"id": h.id, "description": h.description, "idModel": h.model, "callbackURL": h.callback, "active": h.active,
		"consecutiveFailures": h.failures, "firstConsecutiveFailDate": stamp(h.failing),
	}
}

// Sign returns the signature of a delivery: over its raw body and the address as
// it was registered.
func Sign(secret string, body []byte, callback string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	mac.Write([]byte(callback))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (s *System) subscribe(callback, model, description string, t *token) *webhook {
	h := &webhook{id: s.newID(), description: description, model: model, callback: callback, token: t, active: true}
	s.webhooks = append(s.webhooks, h)
	return h
}

func (s *System) webhooksOf(t *token) []object {
	out := []object{}
	for _, h := range s.webhooks {
		if h.token == t {
			out = append(out, hookView(h))
		}
	}
	return out
}

func getTokenHooks(c *call) (any, error) {
	t := c.sys.tokens[c.id(0)]
	if t == nil || t != c.token {
		return nil, errToken
	}
	return c.sys.webhooksOf(t), nil
}

// model reports whether a webhook can watch a thing, and the caller see it.
func (c *call) model(id string) *apiError {
	s := c.sys
	var b *board
	switch {
	case !isID(id):
		return invalid("idModel")
	case s.boardBy(id) != nil:
		b = s.boardBy(id)
	case s.cards[id] != nil:
		b = s.cards[id].board()
	case s.lists[id] != nil:
		b = s.lists[id].board
	case id == c.me().id || id == s.org:
		return nil
	default:
		return invalid("idModel")
	}
	return c.may(b, false)
}

// checkClient sends the HEAD check, which follows no redirect.
func (s *System) checkClient() *http.Client {
	return &http.Client{
		Transport: s.opts.Transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reachable asks an address by HEAD, which has to answer 200. The system is
// unlocked meanwhile.
func (s *System) reachable(callback string) *apiError {
	s.mu.Unlock()
	defer s.mu.Lock()
	status := 0
	req, err := http.NewRequestWithContext(context.Background(), http.MethodHead, callback, nil)
	if err == nil {
		var resp *http.Response
		if resp, err = s.checks.Do(req); err == nil {
			status = resp.StatusCode
			_ = resp.Body.Close()
		}
	}
	if err == nil && status == http.StatusOK {
		return nil
	}
	words := fmt.Sprintf("URL (%s) did not return 200 status code, got %d", callback, status)
	return &apiError{status: http.StatusBadRequest, text: words, json: object{"message": words, "error": "ERROR"}}
}

var errHookThere = text(http.StatusBadRequest, "A webhook with that callback, model, and token already exists")

func postHook(c *call) (any, error) {
	s, p := c.sys, c.p
	callback, model := p.text("callbackURL"), p.text("idModel")
	u, err := url.Parse(callback)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, invalid("callbackURL")
	}
	if err := c.model(model); err != nil {
		return nil, err
	}
	there := func() bool {
		return slices.ContainsFunc(s.webhooks, func(h *webhook) bool {
			return h.callback == callback && h.model == model && h.token == c.token
		})
	}
	if there() {
		return nil, errHookThere
	}
	if err := s.reachable(callback); err != nil {
		return nil, err
	}
	if there() { // somebody else was quicker while the address was asked
		return nil, errHookThere
	}
	h := s.subscribe(callback, model, p.text("description"), c.token)
	h.active = p.or("active", "true") == "true"
	return hookView(h), nil
}

// hook finds a webhook of the caller's token.
func (c *call) hook(id string) (*webhook, error) {
	for _, h := range c.sys.webhooks {
		if h.id == id {
			if h.token != c.token {
				return nil, text(http.StatusUnauthorized, "webhook does not belong to token")
			}
			return h, nil
		}
	}
	return nil, errNotFound
}

func getHook(c *call) (any, error) {
	h, err := c.hook(c.id(0))
	if err != nil {
		return nil, err
	}
	return hookView(h), nil
}

func getHookField(c *call) (any, error) {
	h, err := c.hook(c.id(0))
	if err != nil {
		return nil, err
	}
	return single(hookView(h), c)
}

func getTokenHook(c *call) (any, error) {
	h, err := c.hook(c.id(1))
	if err != nil {
		return nil, err
	}
	return hookView(h), nil
}

func putHook(c *call) (any, error) {
	h, err := c.hook(c.id(0))
	if err != nil {
		return nil, err
	}
	p := c.p
	if p.has("idModel") {
		if err := c.model(p.text("idModel")); err != nil {
			return nil, err
		}
		h.model = p.text("idModel")
	}
	if callback := p.text("callbackURL"); callback != "" && callback != h.callback {
		if err := c.sys.reachable(callback); err != nil {
			return nil, err
		}
		h.callback = callback
	}
	if p.has("description") {
		h.description = p.text("description")
	}
	if p.has("active") {
		if h.active = p.yes("active"); h.active {
			h.failures, h.failing = 0, time.Time{}
		}
	}
	return hookView(h), nil
}

func deleteHook(c *call) (any, error) {
	h, err := c.hook(c.id(0))
	if err != nil {
		return nil, err
	}
	c.sys.unsubscribe(h)
	return object{"_value": nil}, nil
}

func deleteTokenHook(c *call) (any, error) {
	h, err := c.hook(c.id(1))
	if err != nil {
		return nil, invalid("idWebhook")
	}
	c.sys.unsubscribe(h)
	return object{"_value": nil}, nil
}

func (s *System) unsubscribe(h *webhook) {
	s.webhooks = slices.DeleteFunc(s.webhooks, func(o *webhook) bool { return o == h })
}

// tell queues the deliveries of an action: to each webhook that watches
// something it is about. A card's webhook does not learn of labels.
func (s *System) tell(c *call, a *action, b *board) {
	for _, h := range s.webhooks {
		if !h.active || !h.token.read || b.member(h.token.member.id) == nil {
			continue
		}
		var model object
		labels := a.kind == "addLabelToCard" || a.kind == "removeLabelFromCard"
		old, _ := a.data["old"].(object)
		switch {
		case h.model == b.id:
			model = pick(s.boardView(b), "", boardDefaults)
		case h.model == a.card && s.cards[a.card] != nil && !labels && !has(old, "idLabels"):
			model = s.cardView(s.cards[a.card])
		case h.model == a.list && s.lists[a.list] != nil:
			model = listView(s.lists[a.list])
		case s.memberBy(h.model) != nil && b.member(h.model) != nil:
			model = s.memberView(s.memberBy(h.model), nil)
		default:
			continue
		}
		view := s.actionView(a)
		view["display"] = displayOf(a)
		body, err := kit.EncodeJSON(object{"action": view, "model": model, "webhook": object{
			"id": h.id, "description": h.description, "idModel": h.model, "callbackURL": h.callback, "active": h.active,
			"consecutiveFailures": h.failures, "firstConsecutiveFailDate": stamp(h.failing),
		}})
		if err != nil {
			continue
		}
		d := kit.Delivery{Event: a.kind, URL: h.callback, Body: body, Data: sending{hook: h.id, client: c.client}}
		s.outbox.Send(d)
		if s.opts.WebhookDoubles > 0 && s.doubles.Chance(s.opts.WebhookDoubles) {
			s.outbox.Send(d)
		}
	}
}

// sending is what a delivery knows of its webhook.
type sending struct{ hook, client string }

type sendingKey struct{}

func (s *System) newOutbox() *kit.Outbox {
	return kit.NewOutbox(kit.OutboxOptions{
		Clock: s.clock, Faults: s.host.Faults, Build: s.buildDelivery, Again: again, Timeout: 30 * time.Second,
		Transport: &observer{sys: s, next: s.opts.Transport},
	})
}

func (s *System) buildDelivery(ctx context.Context, d kit.Delivery, _ time.Time) (*http.Request, error) {
	info, _ := d.Data.(sending)
	header := http.Header{"X-Trello-Webhook": {Sign(s.opts.Secret, d.Body, d.URL)}, "User-Agent": {"Trello Webhooks"}}
	if info.client != "" {
		header.Set("X-Trello-Client-Identifier", info.client)
	}
	return kit.NewJSONPost(context.WithValue(ctx, sendingKey{}, info), d.URL, header, d.Body)
}

// waits are the times before the repeats of a delivery that failed.
var waits = []time.Duration{30 * time.Second, 60 * time.Second, 120 * time.Second}

func again(d kit.Delivery, resp *http.Response) (time.Duration, bool) {
	if d.Attempt >= len(waits) || resp != nil && resp.StatusCode == http.StatusGone {
		return 0, false
	}
	return waits[d.Attempt], true
}

// observer sees how deliveries end, and counts what fails.
type observer struct {
	sys  *System
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (o *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	next := o.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	info, _ := r.Context().Value(sendingKey{}).(sending)
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	o.sys.ended(info.hook, status)
	return resp, err
}

// ended counts a delivery. 410 ends a webhook; more than 1000 failures in a row
// over 30 days switch it off.
func (s *System) ended(id string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.webhooks, func(h *webhook) bool { return h.id == id })
	if i < 0 {
		return
	}
	h := s.webhooks[i]
	switch {
	case status/100 == 2:
		h.failures, h.failing = 0, time.Time{}
	case status == http.StatusGone:
		s.unsubscribe(h)
	default:
		if h.failures++; h.failing.IsZero() {
			h.failing = s.now()
		}
		if h.failures > 1000 && s.now().Sub(h.failing) > 30*24*time.Hour {
			h.active = false
		}
	}
}
