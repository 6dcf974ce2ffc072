package jira

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/jql"
)

// adminHook is a webhook of the site, as an administrator sets it up.
type adminHook struct {
	id          int64
	name        string
	url         string
	events      []string
	filter      string
	match       func(*issue) bool
	excludeBody bool
	enabled     bool
	secret      string
	owner       *user
	updated     time.Time
}

func (h *adminHook) wants(_ *System, e happening) bool {
	return h.enabled && slices.Contains(h.events, e.event) && (e.issue == nil || h.match(e.issue))
}

const issueSection = "issue-related-events-section"

type hookBody struct {
	Name        *string           `json:"name"`
	URL         *string           `json:"url"`
	Events      []string          `json:"events"`
	Filters     map[string]string `json:"filters"`
	JQLFilter   *string           `json:"jqlFilter"`
	ExcludeBody *bool             `json:"excludeBody"`
	Enabled     *bool             `json:"enabled"`
	Secret      *string           `json:"secret"`
}

// matcher compiles a filter; an empty one matches everything.
func (s *System) matcher(owner *user, filter string) (func(*issue) bool, error) {
	q, err := jql.Parse(filter)
	if err != nil {
		return nil, err
	}
	b := &binder{sys: s, user: owner, now: s.now()}
	match, errs := jql.Compile(q, b.bind)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return match, nil
}

// fill takes over what a request sets.
func (h *adminHook) fill(s *System, b hookBody) error {
	if b.Name != nil {
		h.name = *b.Name
	}
	if b.URL != nil {
		h.url = *b.URL
	}
	if b.Events != nil {
		h.events = b.Events
	}
	if b.JQLFilter != nil {
		h.filter = *b.JQLFilter
	}
	if text, given := b.Filters[issueSection]; given {
		h.filter = text
	}
	if b.ExcludeBody != nil {
		h.excludeBody = *b.ExcludeBody
	}
	if b.Enabled != nil {
		h.enabled = *b.Enabled
	}
	if b.Secret != nil {
		h.secret = *b.Secret
	}
	if h.name == "" {
		return fail(http.StatusBadRequest, "The name of the webhook must not be empty.")
	}
	if u, err := url.Parse(h.url); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fail(http.StatusBadRequest, "The URL of the webhook is not valid.")
	}
	for _, e := range h.events {
		if !slices.Contains(adminEvents, e) {
			return fail(http.StatusBadRequest, "The event '%s' is not supported.", e)
		}
	}
	match, err := s.matcher(h.owner, h.filter)
	if err != nil {
		return fail(http.StatusBadRequest, "%s", err.Error())
	}
	h.match, h.updated = match, s.now()
	return nil
}

func (c *call) hook(h *adminHook) object {
	self := c.view.base + "/rest/webhooks/1.0/webhook/" + strconv.FormatInt(h.id, 10)
	return object{
		"name": h.name, "url": h.url, "excludeBody": h.excludeBody, "filters": object{issueSection: h.filter}, "events": nonNil(h.events),
		"enabled": h.enabled, "self": self, "lastUpdatedUser": h.owner.id(), "lastUpdatedDisplayName": h.owner.displayName,
		"lastUpdated": h.updated.UnixMilli(), "isSigned": h.secret != "",
	}
}

func (c *call) adminOnly() error {
	if !c.sys.mayGlobally(c.user, administer) {
		return fail(http.StatusForbidden, "Only administrators can manage webhooks.")
	}
	return nil
}

func (c *call) pathHook() (*adminHook, error) {
	if err := c.adminOnly(); err != nil {
		return nil, err
	}
	h, found := find(c.sys.hooks, func(h *adminHook) bool { return idOf(h.id) == c.pathValue("id") })
	if !found {
		return nil, fail(http.StatusNotFound, "The webhook with id %s does not exist.", c.pathValue("id"))
	}
	return h, nil
}

func (c *call) listHooks() (reply, error) {
	if err := c.adminOnly(); err != nil {
		return reply{}, err
	}
	return ok(rendered(c.sys.hooks, func(h *adminHook) any { return c.hook(h) })), nil
}

func (c *call) getHook() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	return ok(c.hook(h)), nil
}

func (c *call) postHook() (reply, error) {
	if err := c.adminOnly(); err != nil {
		return reply{}, err
	}
	var b hookBody
	if err := c.decode(&b); err != nil {
		return reply{}, err
	}
	h := &adminHook{enabled: true, owner: c.user}
	if err := h.fill(c.sys, b); err != nil {
		return reply{}, err
	}
	h.id = c.sys.nextID("hook", 0)
	c.sys.hooks = append(c.sys.hooks, h)
	return created(c.hook(h)), nil
}

func (c *call) putHook() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	var b hookBody
	if err := c.decode(&b); err != nil {
		return reply{}, err
	}
	changed := *h
	if err := changed.fill(c.sys, b); err != nil {
		return reply{}, err
	}
	*h = changed
	return ok(c.hook(h)), nil
}

func (c *call) deleteHook() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	c.sys.hooks = slices.DeleteFunc(c.sys.hooks, func(o *adminHook) bool { return o == h })
	return noContent, nil
}

// SetWebhookTarget points the admin webhook of Options.WebhookTarget at another
// URL, and makes it if there was none; an empty URL removes it.
func (s *System) SetWebhookTarget(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setTarget(target)
}

func (s *System) setTarget(target string) {
	s.hooks = slices.DeleteFunc(s.hooks, func(h *adminHook) bool { return h == s.target })
	s.target = nil
	if target == "" {
		return
	}
	s.target = &adminHook{
		id: s.nextID("hook", 0), name: "Tenon", url: target, events: slices.Clone(adminEvents[:12]), enabled: true,
		secret: s.opts.WebhookSecret, owner: s.userByEmail(s.opts.Email), updated: s.now(), match: func(*issue) bool { return true },
	}
	s.hooks = append(s.hooks, s.target)
}
