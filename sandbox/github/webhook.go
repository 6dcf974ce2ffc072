package github

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the legacy signature that GitHub sends besides
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// delivery is one message of a hook. GitHub does not send it again by itself.
type delivery struct {
	id            int64
	guid          string
	hook          *hook
	event, action string
	at            time.Time
	redelivery    bool
	payload       []byte // the JSON
	header        http.Header
	status        string // "OK", or what went wrong; empty: not sent yet
	code          int
	duration      float64
}

// maxDeliveries bounds what a hook remembers.
const maxDeliveries = 500

func (d *delivery) ok() bool { return d.code >= 200 && d.code < 300 }

func (d *delivery) item() object {
	return object{
		"id": d.id, "guid": d.guid, "delivered_at": stamp(d.at), "redelivery": d.redelivery, "duration": d.duration, "status": orElse(d.status, "pending"),
		"status_code": d.code, "event": d.event, "action": orNull(d.action), "installation_id": nil, "repository_id": d.hook.repo.id, "throttled_at": nil,
	}
}

// announce tells the hooks of something that happened to an issue. Pull requests
// have events of their own, which the sandbox does not send.
func (s *System) announce(a actor, i *issue, action string, more, changes object) {
	if i.pull {
		return
	}
	body := object{"issue": s.links().issueJSON(i, true, s.opts.Enterprise)}
	for k, v := range more {
		body[k] = v
	}
	if changes != nil {
		body["changes"] = changes
	}
	s.tell(i.repo, "issues", action, a, body)
}

// announceComment tells of a comment; those of pull requests come as well.
func (s *System) announceComment(a actor, i *issue, cm *comment, action string, changes object) {
	body := object{"issue": s.links().issueJSON(i, true, s.opts.Enterprise), "comment": s.links().comment(i, cm)}
	if changes != nil {
		body["changes"] = changes
	}
	s.tell(i.repo, "issue_comment", action, a, body)
}

// tell queues an event for the hooks of a repository.
func (s *System) tell(r *repo, event, action string, a actor, body object) {
	for _, h := range r.hooks {
		if !h.active || !slices.Contains(h.events, event) && !slices.Contains(h.events, "*") {
			continue
		}
		s.message(h, event, action, a, body)
	}
}

func (s *System) ping(h *hook, who *user) {
	s.message(h, "ping", "", actor{user: who}, object{"zen": "Keep it logically awesome.", "hook_id": h.id, "hook": s.links().hook(h)})
}

func (s *System) message(h *hook, event, action string, a actor, body object) {
	l := s.links()
	full := object{"repository": l.repoJSON(h.repo), "sender": l.user(a.user)}
	if action != "" {
		full["action"] = action
	}
	if h.repo.owner.typ == "Organization" {
		o := h.repo.owner
		me := l.api("/orgs/" + o.login)
		full["organization"] = object{
			"login": o.login, "id": o.id, "node_id": userNode(o), "url": me, "repos_url": me + "/repos", "events_url": me + "/events", "hooks_url": me + "/hooks",
			"issues_url": me + "/issues", "members_url": me + "/members{/member}", "public_members_url": me + "/public_members{/member}",
			"avatar_url": fmt.Sprintf("%s/avatars/u/%d?v=4", l.root, o.id), "description": "",
		}
	}
	for k, v := range body {
		full[k] = v
	}
	raw, err := kit.EncodeJSON(full)
	if err != nil {
		return // maps of plain values always encode
	}
	s.dispatch(&delivery{
		id: s.nextID("delivery", 12345678000), guid: s.rand.UUID(), hook: h, event: event, action: action, at: s.now(), payload: raw,
	})
}

func (s *System) dispatch(d *delivery) {
	h := d.hook
	body, contentType := d.payload, "application/json"
	if h.contentType == "form" {
		body, contentType = []byte("payload="+url.QueryEscape(string(d.payload))), "application/x-www-form-urlencoded"
	}
	d.header = http.Header{}
	for k, v := range map[string]string{
		"Content-Type": contentType, "User-Agent": "GitHub-Hookshot/044aadd", "Accept": "*/*", "X-GitHub-Event": d.event, "X-GitHub-Delivery": d.guid,
		"X-GitHub-Hook-ID": strconv.FormatInt(h.id, 10), "X-GitHub-Hook-Installation-Target-ID": strconv.FormatInt(h.repo.id, 10),
		"X-GitHub-Hook-Installation-Target-Type": "repository",
	} {
		d.header.Set(k, v)
	}
	if h.secret != "" {
		d.header.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, h.secret, body))
		d.header.Set("X-Hub-Signature", "sha1="+sign(sha1.New, h.secret, body))
	}
	if s.opts.Enterprise {
		d.header.Set("X-GitHub-Enterprise-Version", "3.17.4")
	}
	h.deliveries = append(h.deliveries, d)
	if len(h.deliveries) > maxDeliveries {
		h.deliveries = slices.Delete(h.deliveries, 0, len(h.deliveries)-maxDeliveries)
	}
	name := d.event
	if d.action != "" {
		name += "." + d.action
	}
	s.outbox.Send(kit.Delivery{Event: name, URL: h.url, Header: d.header, Body: body, Data: d})
}

// sign returns the signature over a body as it is sent.
func sign(algorithm func() hash.Hash, secret string, body []byte) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

type deliveryKey struct{}

func (s *System) buildDelivery(ctx context.Context, d kit.Delivery, _ time.Time) (*http.Request, error) {
	return kit.NewJSONPost(context.WithValue(ctx, deliveryKey{}, d.Data), d.URL, d.Header, d.Body)
}

// deliverer sends webhooks and keeps what became of them.
type deliverer struct {
	sys  *System
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t deliverer) RoundTrip(req *http.Request) (*http.Response, error) {
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	start := t.sys.clock.Now()
	resp, err := next.RoundTrip(req)
	d, known := req.Context().Value(deliveryKey{}).(*delivery)
	if !known {
		return resp, err
	}
	t.sys.mu.Lock()
	defer t.sys.mu.Unlock()
	d.duration = t.sys.clock.Now().Sub(start).Seconds()
	d.hook.last = d
	switch {
	case err != nil:
		d.status, d.code = "failed to connect to host", 502
	default:
		d.code = resp.StatusCode
		if d.status = "OK"; !d.ok() {
			d.status = "Invalid HTTP Response: " + strconv.Itoa(resp.StatusCode)
		}
	}
	return resp, err
}

// hookEvents are those that a hook of Options.WebhookTarget is told of.
var hookEvents = []string{"issues", "issue_comment", "label", "milestone", "sub_issues", "repository"}

// setTarget makes the hook that an administrator would make by hand.
func (s *System) setTarget(address string) {
	r, _ := s.repoByName(DefaultRepository)
	r.hooks = slices.DeleteFunc(r.hooks, func(h *hook) bool { return h.secret == s.opts.WebhookSecret })
	if address == "" {
		return
	}
	r.hooks = append(r.hooks, &hook{
		id: s.nextID("hook", 109948000), repo: r, url: address, secret: s.opts.WebhookSecret, contentType: "json", insecure: "0",
		events: slices.Clone(hookEvents), active: true, created: s.now(), updated: s.now(),
	})
}
