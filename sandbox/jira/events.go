package jira

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// The webhook events that the emulator sends.
const (
	eventIssueCreated      = "jira:issue_created"
	eventIssueUpdated      = "jira:issue_updated"
	eventIssueDeleted      = "jira:issue_deleted"
	eventCommentCreated    = "comment_created"
	eventCommentUpdated    = "comment_updated"
	eventCommentDeleted    = "comment_deleted"
	eventPropertySet       = "issue_property_set"
	eventPropertyDeleted   = "issue_property_deleted"
	eventAttachmentCreated = "attachment_created"
	eventAttachmentDeleted = "attachment_deleted"
	eventLinkCreated       = "issuelink_created"
	eventLinkDeleted       = "issuelink_deleted"
)

var adminEvents = []string{
	eventIssueCreated, eventIssueUpdated, eventIssueDeleted, eventCommentCreated, eventCommentUpdated, eventCommentDeleted,
	eventPropertySet, eventPropertyDeleted, eventAttachmentCreated, eventAttachmentDeleted, eventLinkCreated, eventLinkDeleted,
	"worklog_created", "worklog_updated", "worklog_deleted", "project_created", "project_updated", "project_deleted",
	"jira:version_created", "jira:version_updated", "jira:version_deleted", "jira:version_released", "jira:version_unreleased", "jira:version_moved",
	"sprint_created", "sprint_updated", "sprint_started", "sprint_closed", "sprint_deleted", "board_created", "board_updated", "board_deleted",
	"user_created", "user_updated", "user_deleted", "issuetype_created", "issuetype_updated", "issuetype_deleted",
}

const (
	flowPrimary   = "Primary"
	flowSecondary = "Secondary"
	// secondaryDelay is how much later the fallout of a change is told.
	secondaryDelay = 3 * time.Second
)

// happening is one event on its way to the webhooks.
type happening struct {
	event    string
	issue    *issue // nil: filters do not apply
	fields   []string
	property string
	flow     string
	body     func(v *view) object
}

func (s *System) eventView() *view {
	return &view{sys: s, api: 2, base: s.siteURL(), webhook: true}
}

// siteURL is the address that payloads name: that of the latest call of the API.
func (s *System) siteURL() string {
	if s.origin == "" {
		return "https://sandbox.atlassian.net" + s.opts.BasePath
	}
	return s.origin + s.opts.BasePath
}

func (s *System) announceIssue(i *issue, entry *change, w write) {
	var fields []string
	for _, it := range entry.items {
		fields = append(fields, it.fieldID)
	}
	s.announce(happening{event: w.event, issue: i, fields: fields, flow: flowPrimary, body: func(v *view) object {
		o := object{"issue_event_type_name": w.name, "user": v.user(w.actor), "issue": v.wholeIssue(i)}
		if len(entry.items) > 0 {
			o["changelog"] = object{"id": strconv.FormatInt(entry.id, 10), "items": v.items(entry.items)}
		}
		if w.comment != nil {
			o["comment"] = v.comment(i, w.comment)
		}
		return o
	}})
}

// wholeIssue is the issue of an event: as GET shows it, without expand.
func (v *view) wholeIssue(i *issue) object {
	scoped := *v
	scoped.project = i.project
	return object{"id": i.idText(), "self": v.rest("issue/%d", i.id), "key": i.key, "fields": scoped.fields(i, fieldSet{all: true, without: []string{"worklog"}})}
}

// announceDeletion tells that an issue is gone and, later, what went with it.
func (s *System) announceDeletion(i *issue, links []*issueLink, actor *user) {
	s.announce(happening{event: eventIssueDeleted, issue: i, flow: flowPrimary, body: func(v *view) object {
		return object{"user": v.user(actor), "issue": v.wholeIssue(i)}
	}})
	for _, c := range i.comments {
		s.announce(s.commentHappening(eventCommentDeleted, i, c, flowSecondary))
	}
	for _, a := range i.attachments {
		s.announce(happening{event: eventAttachmentDeleted, issue: i, flow: flowSecondary, body: func(v *view) object {
			return object{"attachment": v.attachment(a)}
		}})
	}
	for _, l := range links {
		s.announceLink(eventLinkDeleted, l, flowSecondary)
	}
}

func (s *System) announceLink(event string, l *issueLink, flow string) {
	s.announce(happening{event: event, flow: flow, body: func(*view) object {
		typeID, err := strconv.Atoi(l.linkType.id)
		if err != nil {
			typeID = 0
		}
		return object{"issueLink": object{
			"id": l.id, "sourceIssueId": l.inward, "destinationIssueId": l.outward, "sequence": 0, "systemLink": false,
			"issueLinkType": object{
				"id": typeID, "name": l.linkType.name, "outwardName": l.linkType.outward, "inwardName": l.linkType.inward,
				"isSubTaskLinkType": false, "isSystemLinkType": false,
			},
		}}
	}})
}

// announceComment tells of a comment: once on Cloud, twice on Data Center.
func (s *System) announceComment(event, name string, i *issue, c *comment, actor *user) {
	s.announce(s.commentHappening(event, i, c, flowPrimary))
	if s.cloud() {
		return
	}
	s.announce(happening{event: eventIssueUpdated, issue: i, flow: flowPrimary, body: func(v *view) object {
		return object{"issue_event_type_name": name, "user": v.user(actor), "issue": v.wholeIssue(i), "comment": v.comment(i, c)}
	}})
}

// commentHappening has a thin issue and no user on Cloud, no issue at all on
// Data Center.
func (s *System) commentHappening(event string, i *issue, c *comment, flow string) happening {
	return happening{event: event, issue: i, flow: flow, body: func(v *view) object {
		o := object{"comment": v.comment(i, c)}
		if s.cloud() {
			scoped := *v
			scoped.project = i.project
			thin := parseFieldSet([]string{"assignee,issuetype,priority,project,status,summary"}, "")
			o["issue"] = object{"id": i.idText(), "self": v.rest("issue/%d", i.id), "key": i.key, "fields": scoped.fields(i, thin)}
		}
		return o
	}}
}

func (s *System) announceProperty(event string, i *issue, key string, actor *user) {
	s.announce(happening{event: event, issue: i, property: key, flow: flowPrimary, body: func(v *view) object {
		o := object{"user": v.user(actor), "issue": object{"id": i.idText(), "self": v.rest("issue/%d", i.id), "key": i.key}}
		property := object{"key": key}
		if now := s.issues[i.id]; now != nil && event == eventPropertySet {
			property["value"] = now.properties[key]
		}
		o["property"] = property
		return o
	}})
}

// announce hands an event to every webhook that wants it.
func (s *System) announce(h happening) {
	var body object
	payload := func() object {
		if body == nil {
			body = h.body(s.eventView())
			body["timestamp"], body["webhookEvent"] = s.now().UnixMilli(), h.event
		}
		return body
	}
	for _, hook := range s.hooks {
		if hook.wants(s, h) {
			content := payload()
			if hook.excludeBody {
				content = nil
			}
			s.deliver(h, hook.url, content, delivery{secret: hook.secret})
		}
	}
	for _, group := range s.matchingDynamic(h) {
		content := object{"matchedWebhookIds": group.ids}
		for k, v := range payload() {
			content[k] = v
		}
		s.deliver(h, group.url, content, delivery{app: group.app})
	}
}

// delivery is what the outbox needs to know to sign and repeat a webhook.
type delivery struct {
	id     string
	flow   string
	secret string // of an admin webhook; empty: not signed
	app    string // of a dynamic webhook
}

func (s *System) deliver(h happening, url string, content object, d delivery) {
	body := []byte("{}")
	if content != nil {
		var buffer bytes.Buffer
		enc := json.NewEncoder(&buffer)
		enc.SetEscapeHTML(false)
		if enc.Encode(content) == nil {
			body = bytes.TrimSpace(buffer.Bytes())
		}
	}
	d.id, d.flow = s.rand.UUID(), h.flow
	due := s.clock.Now()
	if h.flow == flowSecondary {
		due = due.Add(secondaryDelay)
	}
	s.outbox.Send(kit.Delivery{Event: h.event, URL: expandURL(url, h.issue), Body: body, Due: due, Data: d})
}

// expandURL fills in the variables that a webhook's URL may hold.
func expandURL(url string, i *issue) string {
	if i == nil || !strings.Contains(url, "{") {
		return url
	}
	return strings.NewReplacer("${issue.key}", i.key, "{issue.key}", i.key, "${issue.id}", i.idText(), "{issue.id}", i.idText(),
		"${project.key}", i.project.key, "{project.key}", i.project.key).Replace(url)
}

// buildDelivery makes the request of one try. It runs without the lock.
func (s *System) buildDelivery(ctx context.Context, d kit.Delivery, now time.Time) (*http.Request, error) {
	data, _ := d.Data.(delivery)
	header := http.Header{
		"Content-Type":                   {"application/json; charset=utf-8"},
		"User-Agent":                     {"Atlassian Webhook HTTP Client"},
		"X-Atlassian-Webhook-Identifier": {data.id},
	}
	if s.cloud() {
		header.Set("X-Atlassian-Webhook-Flow", data.flow)
	}
	if d.Attempt > 0 {
		header.Set("X-Atlassian-Webhook-Retry", strconv.Itoa(d.Attempt))
	}
	if data.secret != "" {
		header.Set("X-Hub-Signature", Signature(data.secret, d.Body))
	}
	if data.app != "" {
		header.Set("Authorization", "Bearer "+signJWT(s.opts.ClientSecret, data.app, now))
	}
	return kit.NewJSONPost(ctx, d.URL, header, d.Body)
}

// Signature is the X-Hub-Signature of a body: "sha256=" and the HMAC in hex.
func Signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// signJWT makes the token that dynamic webhooks of an OAuth app carry: HS256
// with the app's client secret.
func signJWT(secret, app string, now time.Time) string {
	enc := base64.RawURLEncoding
	head := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	claims := enc.EncodeToString(fmt.Appendf(nil, `{"iss":%q,"iat":%d,"exp":%d}`, app, now.Unix(), now.Add(15*time.Minute).Unix()))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(head + "." + claims))
	return head + "." + claims + "." + enc.EncodeToString(mac.Sum(nil))
}

const maxRetries = 5

// retryDelivery is Jira's policy: again only after certain answers, up to five
// times. Data Center does not repeat at all.
func (s *System) retryDelivery(d kit.Delivery, resp *http.Response) (time.Duration, bool) {
	again := resp == nil || resp.StatusCode >= 500 || slices.Contains([]int{
		http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests,
	}, resp.StatusCode)
	if !again || d.Attempt >= maxRetries || !s.cloud() {
		return 0, false
	}
	if s.opts.RetryDelay != nil {
		return s.opts.RetryDelay(d.Attempt + 1), true
	}
	return time.Duration(min(5+3*d.Attempt, 15)) * time.Minute, true
}

func adfError(err error) bool { return errors.Is(err, adf.ErrUnsupported) }
