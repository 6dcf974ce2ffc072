package github

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const hooksPath = "/repos/{owner}/{repo}/hooks"

// shownHook is a webhook as GitHub shows it: without its secret.
type shownHook struct {
	ID     int64                      `json:"id"`
	Active bool                       `json:"active"`
	Events []string                   `json:"events"`
	Config map[string]json.RawMessage `json:"config"`
}

func (h *shownHook) config(name string) string {
	var s string
	if json.Unmarshal(h.Config[name], &s) != nil {
		return ""
	}
	return s
}

// EnsureWebhook implements connectors.WebhookRegistrar: one webhook for each
// repository of the objects.
func (c *Connection) EnsureWebhook(ctx context.Context, target connectors.WebhookTarget) (time.Time, error) {
	const op = "register a webhook"
	if c.webhooks.Newest() == "" {
		return time.Time{}, c.fail(op, "", connectors.Invalid, "the setting webhook_secret is missing: deliveries could not be checked")
	}
	done := map[int64]bool{}
	for _, sel := range target.Objects {
		if err := c.checkObject(op, sel.Object); err != nil {
			return time.Time{}, err
		}
		sc, err := c.scope(ctx, op, sel.Object, sel.Scope)
		if err != nil {
			return time.Time{}, err
		}
		if done[sc.repo.id] {
			continue
		}
		done[sc.repo.id] = true
		if err := c.ensureHook(ctx, op, sc.repo, target.URL); err != nil {
			return time.Time{}, c.hookRights(sc.repo, err)
		}
	}
	return time.Time{}, nil
}

// hookRights says what is missing for webhooks, which GitHub hides from those
// who may not manage them.
func (c *Connection) hookRights(r repoRef, err error) error {
	e, ok := asError(err)
	if !ok || e.Kind != connectors.NotFound && e.Kind != connectors.Permission {
		return err
	}
	told := *e
	told.Kind = connectors.Permission
	told.Help = "give the account the role admin in " + r.fullName() + ", and the token the scope admin:repo_hook or the permission Webhooks; or make the webhook by hand"
	return &told
}

// ensureHook registers a webhook for the address, or brings the one that is
// there up to date.
func (c *Connection) ensureHook(ctx context.Context, op string, r repoRef, address string) error {
	var hooks []shownHook
	if err := c.all(ctx, rest.Request{Op: op, Path: hooksPath, Params: r.params(), Query: url.Values{"per_page": {"100"}}}, into(&hooks)); err != nil {
		return err
	}
	insecure := "0"
	want := wireHook{Name: "web", Active: true, Events: hookEvents, Config: map[string]string{
		"url": address, "content_type": "json", "secret": c.webhooks.Newest(), "insecure_ssl": insecure,
	}}
	for n := range hooks {
		h := &hooks[n]
		if h.config("url") != address {
			continue
		}
		events := slices.Clone(h.Events)
		slices.Sort(events)
		signed := h.config("secret") != ""
		fits := h.Active && signed && h.config("content_type") == "json" && h.config("insecure_ssl") == insecure && slices.Equal(events, hookEvents)
		if fits && c.webhooks.Len() == 1 { // GitHub never shows the secret: while one is being replaced, it is told the newest each time
			return nil
		}
		want.Name = ""
		_, err := c.http.Do(ctx, rest.Request{
			Op: op, Method: http.MethodPatch, Path: hooksPath + "/{id}", Params: r.params("id", strconv.FormatInt(h.ID, 10)), Body: want, Idempotent: true,
		})
		return err
	}
	_, err := c.http.Do(ctx, rest.Request{Op: op, Method: http.MethodPost, Path: hooksPath, Params: r.params(), Body: want})
	return err
}
