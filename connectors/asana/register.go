package asana

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	// hookRenew is how often to look whether the webhooks are there: Asana drops
	// those that fail for a day.
	hookRenew = time.Hour
	// silent is how long a webhook may be without a success: Asana sends a
	// heartbeat every eight hours.
	silent = 9 * time.Hour
	// handshakeTries is how often a handshake is tried that nobody saw, and
	// handshakePause how long in between: the service may be starting.
	handshakeTries = 3
	handshakePause = 2 * time.Second
)

// watched is one resource to have a webhook for.
type watched struct {
	resource string
	objects  []string
	filters  []map[string]any
}

// projectFilters are the events of a project that make hints.
var projectFilters = []map[string]any{
	{"resource_type": "task"},
	{"resource_type": "story", "resource_subtype": "comment_added"},
	{"resource_type": "attachment"},
}

// workspaceFilters are the events of a workspace or team that tell of projects.
var workspaceFilters = []map[string]any{
	{"resource_type": "project", "action": "added"},
	{"resource_type": "project", "action": "changed"},
	{"resource_type": "project", "action": "deleted"},
	{"resource_type": "project", "action": "undeleted"},
}

type wireHook struct {
	GID         string       `json:"gid"`
	Target      string       `json:"target"`
	Resource    wireNamed    `json:"resource"`
	CreatedAt   string       `json:"created_at"`
	LastSuccess string       `json:"last_success_at"`
	Filters     []wireFilter `json:"filters"`
}

type wireFilter struct {
	Type    string `json:"resource_type"`
	Subtype string `json:"resource_subtype"`
	Action  string `json:"action"`
}

// EnsureWebhook implements connectors.WebhookRegistrar: one webhook for each
// project, with an address and a secret of its own. Those that were dropped, are
// silent for too long, or whose secret is not known any more are made anew.
func (c *Connection) EnsureWebhook(ctx context.Context, target connectors.WebhookTarget) (time.Time, error) {
	const op = "register a webhook"
	want, err := c.watchedOf(ctx, op, target)
	if err != nil {
		return time.Time{}, err
	}
	me, err := c.whoami(ctx, op)
	if err != nil {
		return time.Time{}, err
	}
	if err := c.hooks.load(ctx, c.tokens); err != nil {
		return time.Time{}, c.fail(op, "", connectors.Unavailable, "the secrets of the webhooks cannot be read: %w", err)
	}
	c.hooks.claim()
	there, err := all[wireHook](ctx, c, rest.Request{
		Op: op, Path: "/webhooks", Query: url.Values{"workspace": {me.workspace.GID}, "opt_fields": {"target,resource.name,created_at,last_success_at,filters.resource_type,filters.resource_subtype,filters.action"}},
	}, maxPages)
	if err != nil {
		return time.Time{}, err
	}
	good := map[string]bool{} // resources whose webhook stands
	for i := range there {
		h := &there[i]
		if !sameAddress(h.Target, target.URL) || nonceOf(h.Target) == "" {
			continue // somebody else's
		}
		if c.stands(h, want) && !good[h.Resource.GID] {
			good[h.Resource.GID] = true
			continue
		}
		if r := c.single(ctx, op, &action{method: http.MethodDelete, path: "/webhooks/" + h.GID}); r.err != nil && r.err.Kind != connectors.NotFound {
			return time.Time{}, r.err
		}
	}
	for i := range want {
		if good[want[i].resource] {
			continue
		}
		if err := c.makeHook(ctx, op, target.URL, &want[i]); err != nil {
			return time.Time{}, err
		}
	}
	c.hooks.keepOnly(func(h heldHook) bool {
		return slices.ContainsFunc(want, func(w watched) bool { return w.resource == h.Resource })
	})
	if err := c.hooks.save(ctx, c.tokens); err != nil {
		return time.Time{}, c.fail(op, "", connectors.Unavailable, "the secrets of the webhooks cannot be kept: %w", err)
	}
	return c.clock.Now().Add(hookRenew), nil
}

// watchedOf lists the resources that tell of what is wanted.
func (c *Connection) watchedOf(ctx context.Context, op string, target connectors.WebhookTarget) ([]watched, error) {
	var out []watched
	for _, sel := range target.Objects {
		s, err := c.scope(ctx, op, sel.Object, sel.Scope)
		if err != nil {
			return nil, err
		}
		w := watched{filters: projectFilters, objects: []string{sel.Object}}
		switch {
		case s.project != nil:
			w.resource = s.project.gid
		default:
			me, err := c.whoami(ctx, op)
			if err != nil {
				return nil, err
			}
			w.resource, w.filters = me.workspace.GID, workspaceFilters
			if s.team != "" {
				w.resource = s.team
			}
		}
		if i := slices.IndexFunc(out, func(o watched) bool { return o.resource == w.resource }); i >= 0 {
			if !slices.Contains(out[i].objects, sel.Object) {
				out[i].objects = append(out[i].objects, sel.Object)
			}
			continue
		}
		out = append(out, w)
	}
	for i := range out {
		slices.Sort(out[i].objects)
	}
	return out, nil
}

// stands reports whether a webhook is one that is wanted, whose secret is known,
// and that Asana reaches.
func (c *Connection) stands(h *wireHook, want []watched) bool {
	i := slices.IndexFunc(want, func(w watched) bool { return w.resource == h.Resource.GID })
	held, ok := c.hooks.of(h.Resource.GID)
	if i < 0 || !ok || held.GID != h.GID || held.Secret == "" || nonceOf(h.Target) != held.Nonce || !slices.Equal(held.Objects, want[i].objects) {
		return false
	}
	if len(h.Filters) != len(want[i].filters) {
		return false
	}
	for _, f := range want[i].filters {
		if !slices.ContainsFunc(h.Filters, func(w wireFilter) bool {
			subtype, _ := f["resource_subtype"].(string)
			action, _ := f["action"].(string)
			return w.Type == f["resource_type"] && w.Subtype == subtype && w.Action == action
		}) {
			return false
		}
	}
	last := parseTime(h.LastSuccess)
	if made := parseTime(h.CreatedAt); made.After(last) {
		last = made
	}
	return last.IsZero() || c.clock.Now().Sub(last) < silent
}

// makeHook makes one webhook. Asana sends the secret to its address before it
// answers, so that the service must be taking requests by now.
func (c *Connection) makeHook(ctx context.Context, op, address string, w *watched) error {
	for try := 1; ; try++ {
		seen, err := c.tryHook(ctx, op, address, w)
		if err == nil || seen || connectors.KindOf(err) != connectors.Invalid || try == handshakeTries {
			return err
		}
		if err := c.clock.Sleep(ctx, handshakePause); err != nil {
			return c.fail(op, "", connectors.Unavailable, "%w", err)
		}
	}
}

func (c *Connection) tryHook(ctx context.Context, op, address string, w *watched) (seen bool, err error) {
	nonce := newNonce()
	target, err := withNonce(address, nonce)
	if err != nil {
		return false, c.fail(op, "", connectors.Invalid, "the address for webhooks is none")
	}
	c.hooks.await(nonce, w.objects)
	var made struct {
		Data   wireHook `json:"data"`
		Secret string   `json:"X-Hook-Secret"`
	}
	_, err = c.http.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "/webhooks", Out: &made,
		Body: map[string]any{"data": map[string]any{"resource": w.resource, "target": target, "filters": w.filters}},
	})
	if err == nil && made.Data.GID == "" {
		err = c.fail(op, "", connectors.Internal, "the answer names no webhook")
	}
	if err == nil {
		secret, _ := c.hooks.came(nonce)
		if secret == "" { // another process of ours took the handshake
			secret = made.Secret
		}
		c.hooks.keep(heldHook{GID: made.Data.GID, Resource: w.resource, Nonce: nonce, Secret: secret, Objects: w.objects})
		if kept := c.hooks.save(ctx, c.tokens); kept != nil {
			err = c.fail(op, "", connectors.Unavailable, "the secret of the webhook cannot be kept: %w", kept)
		}
	}
	_, seen = c.hooks.shut(nonce)
	if err == nil {
		return seen, nil
	}
	e := c.asError(op, err)
	if e.Kind == connectors.Invalid {
		out := *e
		out.Help = "let Asana reach " + address + ": tenon serve must be running there, and proxies must pass the header " + secretHeader + " both ways"
		return seen, &out
	}
	return seen, e
}
