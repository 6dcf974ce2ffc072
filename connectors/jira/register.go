package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	hookName = "Tenon"
	// hookRenew is when a dynamic webhook is renewed; it lives for 30 days.
	hookRenew = 7 * 24 * time.Hour
)

// EnsureWebhook implements connectors.WebhookRegistrar. OAuth apps have dynamic
// webhooks, which run out after 30 days and are renewed weekly; other accounts
// register an admin webhook, which takes an administrator.
func (c *Connection) EnsureWebhook(ctx context.Context, target connectors.WebhookTarget) (time.Time, error) {
	const op = "register a webhook"
	projects, err := c.hookProjects(ctx, op, target)
	if err != nil {
		return time.Time{}, err
	}
	if c.oauth {
		return c.ensureDynamic(ctx, op, target.URL, projects)
	}
	return time.Time{}, c.ensureAdmin(ctx, op, target.URL, projects)
}

// hookProjects returns the ids of the projects that deliveries are wanted for,
// nil for all.
func (c *Connection) hookProjects(ctx context.Context, op string, target connectors.WebhookTarget) ([]string, error) {
	var ids []string
	for _, sel := range target.Objects {
		if err := c.checkObject(op, sel.Object); err != nil {
			return nil, err
		}
		scope, err := c.scope(ctx, op, sel.Scope, false)
		if err != nil {
			return nil, err
		}
		if scope.project == "" {
			return nil, nil
		}
		if !slices.Contains(ids, scope.project) {
			ids = append(ids, scope.project)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return ids, nil
}

func projectFilter(projects []string) string {
	if len(projects) == 0 {
		return ""
	}
	return "project in (" + strings.Join(projects, ", ") + ")"
}

// adminHook is a webhook as Jira's administration knows it.
type adminHook struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Events      []string          `json:"events"`
	Filters     map[string]string `json:"filters"`
	ExcludeBody bool              `json:"excludeBody"`
	Secret      string            `json:"secret,omitempty"`
	Enabled     bool              `json:"enabled"`
	Self        string            `json:"self,omitempty"`
	Signed      bool              `json:"isSigned,omitempty"`
}

const (
	adminHooks   = "/rest/webhooks/1.0/webhook"
	filterIssues = "issue-related-events-section"
)

// ensureAdmin registers one admin webhook for the address, or brings the one
// that is there up to date.
func (c *Connection) ensureAdmin(ctx context.Context, op, address string, projects []string) error {
	if c.webhooks.Newest() == "" {
		return c.fail(op, "", connectors.Invalid, "the setting webhook_secret is missing: deliveries could not be checked")
	}
	var hooks []adminHook
	if _, err := c.http.Do(ctx, rest.Request{Op: op, Path: adminHooks, Out: &hooks}); err != nil {
		return adminOnly(err)
	}
	want := adminHook{
		Name: hookName, URL: address, Events: events, Secret: c.webhooks.Newest(), Enabled: true,
		Filters: map[string]string{filterIssues: projectFilter(projects)},
	}
	for _, h := range hooks {
		if h.URL != address {
			continue
		}
		// Jira never shows the secret: while one is being replaced, it is told
		// the newest each time.
		if c.webhooks.Len() == 1 && h.Enabled && h.Signed && !h.ExcludeBody && sameEvents(h.Events, events) && h.Filters[filterIssues] == want.Filters[filterIssues] {
			return nil
		}
		_, err := c.http.Do(ctx, rest.Request{
			Op: op, Method: "PUT", Path: adminHooks + "/{id}", Body: want, Idempotent: true,
			Params: map[string]string{"id": h.Self[strings.LastIndexByte(h.Self, '/')+1:]},
		})
		return adminOnly(err)
	}
	_, err := c.http.Do(ctx, rest.Request{Op: op, Method: "POST", Path: adminHooks, Body: want})
	return adminOnly(err)
}

func adminOnly(err error) error {
	e, ok := asError(err)
	if !ok || e.Kind != connectors.Permission && e.Kind != connectors.NotFound {
		return err
	}
	out := *e
	out.Kind = connectors.Permission
	out.Help = "let a Jira administrator add the webhook under System, WebHooks: the address, the secret, and the issue and comment events"
	return &out
}

func sameEvents(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// dynamicHook is a webhook of an OAuth app.
type dynamicHook struct {
	ID      int64           `json:"id"`
	Filter  string          `json:"jqlFilter"`
	Events  []string        `json:"events"`
	URL     string          `json:"url"`
	Expires json.RawMessage `json:"expirationDate"`
}

// ensureDynamic registers a webhook for the projects, removes those of other
// filters, and renews what stays.
func (c *Connection) ensureDynamic(ctx context.Context, op, address string, projects []string) (time.Time, error) {
	filter := projectFilter(projects)
	if filter == "" {
		return time.Time{}, c.fail(op, "", connectors.Invalid, "a webhook of an OAuth app needs projects: name a project in the mapping's scope")
	}
	hooks, err := c.dynamicHooks(ctx, op)
	if err != nil {
		return time.Time{}, err
	}
	var keep, drop []int64
	for _, h := range hooks {
		right := h.Filter == filter && sameEvents(h.Events, events) && (h.URL == "" || h.URL == address)
		if right && len(keep) == 0 {
			keep = append(keep, h.ID)
		} else {
			drop = append(drop, h.ID)
		}
	}
	if len(drop) > 0 {
		if _, err := c.do(ctx, rest.Request{
			Op: op, Method: "DELETE", Path: "/webhook", Body: map[string]any{"webhookIds": drop}, Idempotent: true,
		}); err != nil {
			return time.Time{}, err
		}
	}
	now := c.clock.Now()
	if len(keep) == 0 {
		return now.Add(hookRenew), c.registerDynamic(ctx, op, address, filter)
	}
	if _, err := c.do(ctx, rest.Request{
		Op: op, Method: "PUT", Path: "/webhook/refresh", Body: map[string]any{"webhookIds": keep}, Idempotent: true,
	}); err != nil {
		return time.Time{}, err
	}
	return now.Add(hookRenew), nil
}

func (c *Connection) dynamicHooks(ctx context.Context, op string) ([]dynamicHook, error) {
	var all []dynamicHook
	for range 100 {
		var page struct {
			Values []dynamicHook `json:"values"`
			IsLast bool          `json:"isLast"`
		}
		_, err := c.do(ctx, rest.Request{
			Op: op, Path: "/webhook", Query: url.Values{"startAt": {strconv.Itoa(len(all))}, "maxResults": {"100"}}, Out: &page,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Values...)
		if page.IsLast || len(page.Values) == 0 {
			break
		}
	}
	return all, nil
}

func (c *Connection) registerDynamic(ctx context.Context, op, address, filter string) error {
	var answer struct {
		Results []struct {
			ID     int64    `json:"createdWebhookId"`
			Errors []string `json:"errors"`
		} `json:"webhookRegistrationResult"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/webhook", Out: &answer,
		Body: map[string]any{"url": address, "webhooks": []map[string]any{{"events": events, "jqlFilter": filter}}},
	})
	if err != nil {
		return err
	}
	for _, r := range answer.Results {
		if len(r.Errors) > 0 {
			return c.fail(op, "", connectors.Invalid, "%s", c.http.Clip(strings.Join(r.Errors, "; ")))
		}
	}
	if len(answer.Results) == 0 {
		return c.fail(op, "", connectors.Internal, "the answer does not say whether the webhook of %s was made", fmt.Sprintf("%q", filter))
	}
	return nil
}
