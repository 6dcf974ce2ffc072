package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// subscription asks for one kind of event.
type subscription struct {
	EventType    string `json:"eventType"`
	PropertyName string `json:"propertyName,omitempty"`
	ObjectTypeID string `json:"objectTypeId,omitempty"` // of object.* only
	Active       bool   `json:"active"`
	ID           string `json:"id"`
	CreatedAt    string `json:"createdAt"`
	UpdatedAt    string `json:"updatedAt,omitempty"`
}

// event is something that happened to a record.
type event struct {
	kind     string // creation, deletion, propertyChange, merge, restore, associationChange, privacyDeletion
	rec      *record
	src      source
	at       time.Time
	flag     string
	property string
	text     string
	merged   []int64 // ids of the primary and of the merged record
	moved    int
	link     *linkType
	other    *record
	removed  bool
}

// wireEvent is one member of a webhook's array.
type wireEvent struct {
	EventID          int64   `json:"eventId"`
	SubscriptionID   int     `json:"subscriptionId"`
	PortalID         int     `json:"portalId"`
	AppID            int     `json:"appId"`
	OccurredAt       int64   `json:"occurredAt"`
	SubscriptionType string  `json:"subscriptionType"`
	Attempt          int     `json:"attemptNumber"`
	ObjectID         int64   `json:"objectId,omitempty"`
	ObjectTypeID     string  `json:"objectTypeId,omitempty"`
	PropertyName     string  `json:"propertyName,omitempty"`
	PropertyValue    *string `json:"propertyValue,omitempty"`
	IsSensitive      *bool   `json:"isSensitive,omitempty"`
	ChangeSource     string  `json:"changeSource,omitempty"`
	SourceID         string  `json:"sourceId,omitempty"`
	ChangeFlag       string  `json:"changeFlag,omitempty"`
	Primary          int64   `json:"primaryObjectId,omitempty"`
	Merged           []int64 `json:"mergedObjectIds,omitempty"`
	NewObject        int64   `json:"newObjectId,omitempty"`
	Moved            *int    `json:"numberOfPropertiesMoved,omitempty"`
	AssociationType  string  `json:"associationType,omitempty"`
	From             int64   `json:"fromObjectId,omitempty"`
	To               int64   `json:"toObjectId,omitempty"`
	FromType         string  `json:"fromObjectTypeId,omitempty"`
	ToType           string  `json:"toObjectTypeId,omitempty"`
	Removed          *bool   `json:"associationRemoved,omitempty"`
	IsPrimary        *bool   `json:"isPrimaryAssociation,omitempty"`
}

// eventBatch collects the events of one webhook request.
type eventBatch struct {
	events []wireEvent
	until  time.Time // end of its window
	closed bool      // being sent, perhaps before that
}

// maxEvents is how many events one webhook request holds.
const maxEvents = 100

// emit hands an event to the subscriptions that ask for it.
func (s *System) emit(e event) {
	for _, sub := range s.subscriptions {
		if !sub.Active || sub.PropertyName != e.property {
			continue
		}
		own := e.rec.ot.event != "" && sub.EventType == e.rec.ot.event+"."+e.kind
		generic := sub.EventType == "object."+e.kind && sub.ObjectTypeID == e.rec.ot.id
		if own || generic {
			s.collect(s.wireEvent(e, sub, generic))
		}
	}
}

// emitLink tells of an association from both sides.
func (s *System) emitLink(from, to *record, t *linkType, removed bool, src source, now time.Time) {
	s.emit(event{kind: "associationChange", rec: from, other: to, link: t, removed: removed, src: src, at: now})
	if back := s.linkType(to.ot, from.ot, t.inverse); back != nil {
		s.emit(event{kind: "associationChange", rec: to, other: from, link: back, removed: removed, src: src, at: now})
	}
}

func (s *System) wireEvent(e event, sub *subscription, generic bool) wireEvent {
	s.nextEvent += 1 + int64(s.rand.IntN(9))
	id, _ := strconv.Atoi(sub.ID)
	out := wireEvent{
		EventID: s.nextEvent, SubscriptionID: id, PortalID: s.portalID, AppID: s.appID, OccurredAt: e.at.UnixMilli(), SubscriptionType: sub.EventType,
		ObjectID: e.rec.id, ChangeSource: e.src.kind, SourceID: e.src.id, ChangeFlag: e.flag,
	}
	if generic {
		out.ObjectTypeID = e.rec.ot.id
	}
	switch e.kind {
	case "propertyChange":
		sensitive := e.rec.ot.props[e.property].DataSensitivity != "non_sensitive"
		out.PropertyName, out.PropertyValue = e.property, &e.text
		if generic {
			out.IsSensitive = &sensitive
		} else if sensitive {
			redacted := "REDACTED"
			out.PropertyValue = &redacted
		}
	case "merge":
		out.ObjectID, out.Primary, out.Merged, out.NewObject, out.Moved = e.merged[0], e.merged[0], e.merged[1:], e.rec.id, &e.moved
	case "associationChange":
		out.ObjectID, out.AssociationType, out.From, out.To = 0, s.eventName(e.link), e.rec.id, e.other.id
		out.Removed, out.IsPrimary = &e.removed, &e.link.primary
		if generic {
			out.ObjectTypeID, out.FromType, out.ToType = "", e.link.from, e.link.to
		}
	}
	return out
}

// collect puts an event into the request that is being gathered, or starts one
// that will be sent when its window ends.
func (s *System) collect(e wireEvent) {
	if s.target == "" {
		return
	}
	now := s.clock.Now()
	if b := s.open; b != nil && !b.closed && now.Before(b.until) && len(b.events) < maxEvents {
		b.events = append(b.events, e)
		return
	}
	s.open = &eventBatch{events: []wireEvent{e}, until: now.Add(s.opts.WebhookWindow)}
	d := kit.Delivery{Event: e.SubscriptionType, URL: s.target, Due: s.open.until, Data: s.open}
	s.outbox.Send(d)
	if s.opts.WebhookDoubles > 0 && s.rand.Chance(s.opts.WebhookDoubles) {
		d.Due = d.Due.Add(time.Duration(s.rand.IntN(2_000)) * time.Millisecond)
		s.outbox.Send(d)
	}
}

// newOutbox delivers as HubSpot does: 5 s to answer, up to 10 repeats spread
// over 24 hours for whatever is not 2xx, at most 10 requests at once.
func (s *System) newOutbox() *kit.Outbox {
	return kit.NewOutbox(kit.OutboxOptions{
		Clock: s.clock, Faults: s.host.Faults, Build: s.buildWebhook, Again: s.again, Timeout: 5 * time.Second, InFlight: 10, Transport: s.opts.Transport,
	})
}

var webhookWaits = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 7 * time.Hour,
}

func (s *System) again(d kit.Delivery, resp *http.Response) (time.Duration, bool) {
	if run, ok := d.Data.(*actionRun); ok {
		return run.again(d, resp)
	}
	if d.Attempt >= len(webhookWaits) {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := webhookWaits[d.Attempt]
	return wait - wait/5 + time.Duration(s.rand.Float64()*float64(wait)*2/5), true
}

// buildWebhook closes the batch and signs it; events come in no order.
func (s *System) buildWebhook(ctx context.Context, d kit.Delivery, now time.Time) (*http.Request, error) {
	if run, ok := d.Data.(*actionRun); ok {
		return s.buildAction(ctx, run, d, now)
	}
	b, ok := d.Data.(*eventBatch)
	if !ok {
		return nil, errUnknownDelivery
	}
	s.mu.Lock()
	if !b.closed {
		b.closed = true
		s.rand.Shuffle(len(b.events), func(i, j int) { b.events[i], b.events[j] = b.events[j], b.events[i] })
	}
	events := slices.Clone(b.events)
	s.mu.Unlock()
	for i := range events {
		events[i].Attempt = d.Attempt
	}
	body, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	header.Set("User-Agent", "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client) - WebhooksExecutorDaemon-executor")
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	header.Set("X-HubSpot-Signature", signV1(s.opts.ClientSecret, body))
	header.Set("X-HubSpot-Signature-Version", "v1")
	header.Set("X-HubSpot-Signature-v3", signV3(s.opts.ClientSecret, http.MethodPost, d.URL, body, stamp))
	header.Set("X-HubSpot-Request-Timestamp", stamp)
	return kit.NewJSONPost(ctx, d.URL, header, body)
}

// eventKinds are the events of each object that has some of its own.
var eventKinds = []string{"creation", "deletion", "merge", "propertyChange", "restore", "associationChange"}

// check refuses subscriptions that HubSpot does not know.
func (s *System) checkSubscription(sub *subscription) *apiError {
	object, kind, _ := strings.Cut(sub.EventType, ".")
	ot := s.typeByName(object)
	switch {
	case object == "object":
		ot = s.typeByName(sub.ObjectTypeID)
		if ot == nil || ot.id != sub.ObjectTypeID {
			return invalid("objectTypeId %q is not an object type id", sub.ObjectTypeID)
		}
	case ot == nil || ot.event != object:
		return invalid("Invalid event type: %s", sub.EventType)
	}
	if !slices.Contains(eventKinds, kind) && sub.EventType != "contact.privacyDeletion" || sub.EventType == "product.associationChange" {
		return invalid("Invalid event type: %s", sub.EventType)
	}
	if (kind == "propertyChange") != (sub.PropertyName != "") {
		return invalid("propertyName must be given for propertyChange, and only there")
	}
	return nil
}

func (s *System) addSubscription(sub subscription, now time.Time) *subscription {
	s.nextSub++
	sub.ID, sub.CreatedAt = strconv.Itoa(s.nextSub), formatTime(now)
	s.subscriptions = append(s.subscriptions, &sub)
	return &sub
}

// defaultSubscriptions are those of an app that follows deals, companies,
// contacts and notes.
func (s *System) defaultSubscriptions() {
	now := s.now()
	for _, object := range []string{"deal", "company", "contact"} {
		for _, kind := range []string{"creation", "deletion", "merge", "restore", "associationChange"} {
			s.addSubscription(subscription{EventType: object + "." + kind, Active: true}, now)
		}
	}
	watched := map[string][]string{
		"deal": {
			"dealname", "amount", "closedate", "dealstage", "pipeline", "dealtype", "description", "hubspot_owner_id", "hs_priority",
			"expected_delivery", "project_url", "project_status",
		},
		"company": {"name", "domain", "phone", "city", "country", "industry"},
		"contact": {"email", "firstname", "lastname", "phone", "jobtitle"},
	}
	for _, object := range []string{"deal", "company", "contact"} {
		for _, name := range watched[object] {
			s.addSubscription(subscription{EventType: object + ".propertyChange", PropertyName: name, Active: true}, now)
		}
	}
	for _, id := range []string{"0-46", "0-27"} {
		s.addSubscription(subscription{EventType: "object.creation", ObjectTypeID: id, Active: true}, now)
		s.addSubscription(subscription{EventType: "object.deletion", ObjectTypeID: id, Active: true}, now)
	}
	s.addSubscription(subscription{EventType: "object.propertyChange", ObjectTypeID: "0-46", PropertyName: "hs_note_body", Active: true}, now)
	s.addSubscription(subscription{EventType: "object.propertyChange", ObjectTypeID: "0-27", PropertyName: "hs_task_status", Active: true}, now)
}
