package jira

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/jql"
)

// dynamicHook is a webhook that an OAuth app registered for itself. It expires.
type dynamicHook struct {
	id         int64
	app        string
	owner      *user
	url        string
	events     []string
	filter     string
	match      func(*issue) bool
	fields     []string
	properties []string
	expires    time.Time
}

const (
	dynamicLife = 30 * 24 * time.Hour
	maxDynamic  = 5
)

var dynamicEvents = []string{
	eventIssueCreated, eventIssueUpdated, eventIssueDeleted, eventCommentCreated, eventCommentUpdated, eventCommentDeleted,
	eventPropertySet, eventPropertyDeleted,
}

// dynamicClauses are the fields that a dynamic webhook's filter may name.
var dynamicClauses = []string{"issuekey", "key", "project", "issuetype", "status", "priority", "assignee", "reporter"}

func (h *dynamicHook) wants(e happening) bool {
	switch {
	case e.issue == nil || !slices.Contains(h.events, e.event) || !h.match(e.issue):
		return false
	case e.event == eventIssueUpdated && len(h.fields) > 0:
		return slices.ContainsFunc(e.fields, func(id string) bool { return slices.Contains(h.fields, id) })
	case e.property != "" && len(h.properties) > 0:
		return slices.Contains(h.properties, e.property)
	}
	return true
}

type dynamicGroup struct {
	app, url string
	ids      []int64
}

// matchingDynamic groups the webhooks that want an event by target: an app
// hears of an event once.
func (s *System) matchingDynamic(e happening) []dynamicGroup {
	now := s.now()
	s.dynamic = slices.DeleteFunc(s.dynamic, func(h *dynamicHook) bool { return !now.Before(h.expires) })
	var groups []dynamicGroup
	for _, h := range s.dynamic {
		if !h.wants(e) {
			continue
		}
		n := slices.IndexFunc(groups, func(g dynamicGroup) bool { return g.app == h.app && g.url == h.url })
		if n < 0 {
			groups = append(groups, dynamicGroup{app: h.app, url: h.url})
			n = len(groups) - 1
		}
		groups[n].ids = append(groups[n].ids, h.id)
	}
	return groups
}

func (c *call) mine(h *dynamicHook) bool { return h.app == c.grant.app && h.owner == c.user }

func (c *call) ownDynamic() []*dynamicHook {
	now := c.sys.now()
	var list []*dynamicHook
	for _, h := range c.sys.dynamic {
		if c.mine(h) && now.Before(h.expires) {
			list = append(list, h)
		}
	}
	return list
}

type dynamicBody struct {
	Events                  []string `json:"events"`
	JQLFilter               string   `json:"jqlFilter"`
	FieldIDsFilter          []string `json:"fieldIdsFilter"`
	IssuePropertyKeysFilter []string `json:"issuePropertyKeysFilter"`
}

// registerDynamic registers webhooks; each may fail by itself within a 200.
func (c *call) registerDynamic() (reply, error) {
	var body struct {
		URL      string        `json:"url"`
		Webhooks []dynamicBody `json:"webhooks"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if u, err := url.Parse(body.URL); err != nil || u.Host == "" || len(body.Webhooks) == 0 {
		return reply{}, fail(http.StatusBadRequest, "The URL and at least one webhook must be given.")
	}
	for _, h := range c.ownDynamic() {
		if h.url != body.URL {
			return reply{}, fail(http.StatusBadRequest, "All webhooks of an app must have the same URL.")
		}
	}
	results := []any{}
	for _, w := range body.Webhooks {
		match, problems := c.checkDynamic(w)
		if len(problems) == 0 && len(c.ownDynamic()) >= maxDynamic {
			problems = []string{fmt.Sprintf("The maximum number of webhooks (%d) per app and user has been reached.", maxDynamic)}
		}
		if len(problems) > 0 {
			results = append(results, object{"errors": problems})
			continue
		}
		h := &dynamicHook{
			id: c.sys.nextID("dynamic", 999), app: c.grant.app, owner: c.user, url: body.URL, events: w.Events, filter: w.JQLFilter, match: match,
			fields: w.FieldIDsFilter, properties: w.IssuePropertyKeysFilter, expires: c.sys.now().Add(dynamicLife),
		}
		c.sys.dynamic = append(c.sys.dynamic, h)
		results = append(results, object{"createdWebhookId": h.id})
	}
	return ok(object{"webhookRegistrationResult": results}), nil
}

func (c *call) checkDynamic(w dynamicBody) (match func(*issue) bool, problems []string) {
	if len(w.Events) == 0 {
		problems = append(problems, "At least one event must be given.")
	}
	for _, e := range w.Events {
		if !slices.Contains(dynamicEvents, e) {
			problems = append(problems, fmt.Sprintf("The event %s is unsupported", e))
		}
	}
	q, err := jql.Parse(w.JQLFilter)
	if err != nil {
		return nil, append(problems, err.Error())
	}
	if q.Where == nil {
		return nil, append(problems, "The jqlFilter must not be empty")
	}
	q.Clauses(func(cl jql.Clause) {
		name := strings.ToLower(cl.Field.Name)
		if name == "type" {
			name = "issuetype"
		}
		if cl.Field.Property == "" && !slices.Contains(dynamicClauses, name) {
			problems = append(problems, fmt.Sprintf("The clause %s is unsupported", cl.Field))
		}
		if !slices.Contains([]jql.Op{jql.Equal, jql.NotEqual, jql.In, jql.NotIn}, cl.Op) {
			problems = append(problems, fmt.Sprintf("The operator %s is unsupported", cl.Op))
		}
	})
	if len(problems) > 0 {
		return nil, problems
	}
	if match, err = c.sys.matcher(c.user, w.JQLFilter); err != nil {
		return nil, []string{err.Error()}
	}
	return match, nil
}

func (c *call) listDynamic() (reply, error) {
	out, err := page(c, c.ownDynamic(), 100, 100, func(h *dynamicHook) any {
		o := object{"id": h.id, "url": h.url, "events": h.events, "jqlFilter": h.filter, "expirationDate": h.expires.UnixMilli()}
		if len(h.fields) > 0 {
			o["fieldIdsFilter"] = h.fields
		}
		if len(h.properties) > 0 {
			o["issuePropertyKeysFilter"] = h.properties
		}
		return o
	})
	return ok(out), err
}

type hookIDs struct {
	WebhookIDs []int64 `json:"webhookIds"`
}

// deleteDynamic removes the caller's webhooks among the given ones.
func (c *call) deleteDynamic() (reply, error) {
	var body hookIDs
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if len(body.WebhookIDs) == 0 {
		return reply{}, fail(http.StatusBadRequest, "The list of webhook IDs must not be empty.")
	}
	c.sys.dynamic = slices.DeleteFunc(c.sys.dynamic, func(h *dynamicHook) bool { return c.mine(h) && slices.Contains(body.WebhookIDs, h.id) })
	return reply{status: http.StatusAccepted}, nil
}

// refreshDynamic gives webhooks another 30 days.
func (c *call) refreshDynamic() (reply, error) {
	var body hookIDs
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	expires := c.sys.now().Add(dynamicLife)
	refreshed := 0
	for _, h := range c.ownDynamic() {
		if slices.Contains(body.WebhookIDs, h.id) {
			h.expires = expires
			refreshed++
		}
	}
	if refreshed == 0 {
		return reply{}, fail(http.StatusBadRequest, "No webhooks were found for the given IDs.")
	}
	return ok(object{"expirationDate": expires.UnixMilli()}), nil
}

// failedDynamic is for Connect apps only.
func (c *call) failedDynamic() (reply, error) {
	return reply{}, fail(http.StatusForbidden, "Only Connect apps can use this operation.")
}
