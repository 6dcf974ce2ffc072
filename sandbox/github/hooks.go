package github

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// hook is a webhook of a repository.
type hook struct {
	id               int64
	repo             *repo
	url, secret      string
	contentType      string // "json" or "form"
	insecure         string
	events           []string
	active           bool
	created, updated time.Time
	deliveries       []*delivery // oldest first
	last             *delivery
}

// maxHooks is how many hooks a repository may have.
const maxHooks = 20

func (l links) hook(h *hook) object {
	me := fmt.Sprintf("%s/hooks/%d", l.repo(h.repo), h.id)
	config := object{"url": h.url, "content_type": h.contentType, "insecure_ssl": h.insecure}
	if h.secret != "" {
		config["secret"] = "********"
	}
	last := object{"code": nil, "status": "unused", "message": nil}
	if h.last != nil && h.last.status != "" {
		last = object{"code": h.last.code, "status": map[bool]string{true: "active", false: "misconfigured"}[h.last.ok()], "message": h.last.status}
	}
	return object{
		"type": "Repository", "id": h.id, "name": "web", "active": h.active, "events": h.events, "config": config, "created_at": stamp(h.created),
		"updated_at": stamp(h.updated), "url": me, "test_url": me + "/test", "ping_url": me + "/pings", "deliveries_url": me + "/deliveries", "last_response": last,
	}
}

func (c *call) hookRepo() (*repo, error) {
	r, err := c.pathRepo()
	if err != nil {
		return nil, err
	}
	return r, c.mayHook(r)
}

func (c *call) pathHook() (*hook, error) {
	r, err := c.hookRepo()
	if err != nil {
		return nil, err
	}
	for _, h := range r.hooks {
		if strconv.FormatInt(h.id, 10) == c.values["hook"] {
			return h, nil
		}
	}
	return nil, errNotFound
}

func (c *call) listHooks() (reply, error) {
	r, err := c.hookRepo()
	if err != nil {
		return reply{}, err
	}
	return page(c, r.hooks, func(h *hook) any { return c.links().hook(h) })
}

func (c *call) getHook() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	return ok(c.links().hook(h)), nil
}

// hookBody is what creates and edits take.
type hookBody struct {
	Name   string   `json:"name"`
	Active *bool    `json:"active"`
	Events []string `json:"events"`
	Add    []string `json:"add_events"`
	Remove []string `json:"remove_events"`
	Config *struct {
		URL         string          `json:"url"`
		ContentType string          `json:"content_type"`
		Secret      *string         `json:"secret"`
		Insecure    json.RawMessage `json:"insecure_ssl"`
	} `json:"config"`
}

func (c *call) readHook(h *hook) error {
	m, err := c.members()
	if err != nil {
		return err
	}
	var in hookBody
	if json.Unmarshal(c.body, &in) != nil && len(m) > 0 {
		return fail(http.StatusUnprocessableEntity, "Invalid request.")
	}
	if in.Name != "" && in.Name != "web" {
		return invalid("Hook", "name", "invalid", nil)
	}
	if in.Config != nil {
		u, err := url.Parse(in.Config.URL)
		if err != nil || u.Host == "" {
			return &apiError{status: 422, message: "Validation Failed", errors: []any{object{"resource": "Hook", "code": "custom", "message": "Config must contain URL for webhooks"}}}
		}
		h.url, h.contentType, h.insecure = in.Config.URL, orElse(in.Config.ContentType, "form"), "0"
		if string(in.Config.Insecure) == `"1"` || string(in.Config.Insecure) == "1" {
			h.insecure = "1"
		}
		h.secret = "" // left out means taken off, as with the real thing
		if in.Config.Secret != nil {
			h.secret = *in.Config.Secret
		}
	}
	if in.Events != nil {
		h.events = in.Events
	}
	for _, e := range in.Add {
		if !slices.Contains(h.events, e) {
			h.events = append(h.events, e)
		}
	}
	h.events = slices.DeleteFunc(h.events, func(e string) bool { return slices.Contains(in.Remove, e) })
	if in.Active != nil {
		h.active = *in.Active
	}
	h.updated = c.sys.now()
	return nil
}

func (c *call) createHook() (reply, error) {
	r, err := c.hookRepo()
	if err != nil {
		return reply{}, err
	}
	h := &hook{repo: r, events: []string{"push"}, active: true, created: c.sys.now()}
	if err := c.readHook(h); err != nil {
		return reply{}, err
	}
	if h.url == "" {
		return reply{}, &apiError{status: 422, message: "Validation Failed", errors: []any{object{"resource": "Hook", "code": "custom", "message": "Config must contain URL for webhooks"}}}
	}
	same := slices.ContainsFunc(r.hooks, func(o *hook) bool {
		return o.url == h.url && slices.ContainsFunc(o.events, func(e string) bool { return slices.Contains(h.events, e) })
	})
	switch {
	case same:
		return reply{}, &apiError{status: 422, message: "Validation Failed", errors: []any{object{"resource": "Hook", "code": "custom", "message": "Hook already exists on this repository"}}}
	case len(r.hooks) >= maxHooks:
		return reply{}, &apiError{status: 422, message: "Validation Failed", errors: []any{object{"resource": "Hook", "code": "custom", "message": "The \"push\" event cannot have more than 20 hooks"}}}
	}
	h.id = c.sys.nextID("hook", 109948000)
	r.hooks = append(r.hooks, h)
	c.sys.ping(h, c.grant.user)
	body := c.links().hook(h)
	location, _ := body["url"].(string)
	return created(body, location), nil
}

func (c *call) editHook() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	draft := *h
	draft.events = slices.Clone(h.events)
	if err := c.readHook(&draft); err != nil {
		return reply{}, err
	}
	*h = draft
	return ok(c.links().hook(h)), nil
}

func (c *call) deleteHook() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	h.repo.hooks = slices.DeleteFunc(h.repo.hooks, func(o *hook) bool { return o == h })
	return noContent, nil
}

func (c *call) pingHook() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	c.sys.ping(h, c.grant.user)
	return noContent, nil
}

func (c *call) listDeliveries() (reply, error) {
	h, err := c.pathHook()
	if err != nil {
		return reply{}, err
	}
	list := slices.Clone(h.deliveries)
	slices.SortFunc(list, func(a, b *delivery) int { return cmp.Compare(b.id, a.id) })
	if want := c.query.Get("status"); want != "" {
		list = slices.DeleteFunc(list, func(d *delivery) bool { return d.ok() != (want == "success") })
	}
	if cursor := c.query.Get("cursor"); cursor != "" {
		from := slices.IndexFunc(list, func(d *delivery) bool { return "v1_"+strconv.FormatInt(d.id, 10) == cursor })
		list = list[max(from, 0):]
	}
	to := min(c.perPage(), len(list))
	out := []any{}
	for _, d := range list[:to] {
		out = append(out, d.item())
	}
	rep := ok(out)
	if to < len(list) {
		rep.header = http.Header{"Link": {fmt.Sprintf(`<%s?per_page=%d&cursor=v1_%d>; rel="next"`, c.linkPath(), c.perPage(), list[to].id)}}
	}
	return rep, nil
}

func (c *call) pathDelivery() (*delivery, error) {
	h, err := c.pathHook()
	if err != nil {
		return nil, err
	}
	for _, d := range h.deliveries {
		if strconv.FormatInt(d.id, 10) == c.values["delivery"] {
			return d, nil
		}
	}
	return nil, errNotFound
}

func (c *call) getDelivery() (reply, error) {
	d, err := c.pathDelivery()
	if err != nil {
		return reply{}, err
	}
	out := d.item()
	headers := object{}
	for k, v := range d.header {
		headers[k] = v[0]
	}
	out["url"] = d.hook.url
	out["request"] = object{"headers": headers, "payload": json.RawMessage(d.payload)}
	out["response"] = object{"headers": object{}, "payload": nil}
	return ok(out), nil
}

// redeliver sends a delivery again under the id that it had.
func (c *call) redeliver() (reply, error) {
	d, err := c.pathDelivery()
	if err != nil {
		return reply{}, err
	}
	again := *d
	again.id, again.at, again.redelivery, again.status, again.code = c.sys.nextID("delivery", 12345678000), c.sys.now(), true, "", 0
	c.sys.dispatch(&again)
	return reply{status: http.StatusAccepted, body: object{}}, nil
}
