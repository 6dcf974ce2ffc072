package hubspot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// maxEvents bounds the events of one delivery; HubSpot sends up to 100.
const maxEvents = 10_000

// event is one entry of a delivery. The ids may come as numbers or texts.
type event struct {
	EventID      wireID   `json:"eventId"`
	PortalID     wireID   `json:"portalId"`
	Type         string   `json:"subscriptionType"`
	TypeToo      string   `json:"eventType"` // the name that HubSpot's own table uses
	OccurredAt   int64    `json:"occurredAt"`
	ObjectID     wireID   `json:"objectId"`
	ObjectTypeID string   `json:"objectTypeId"`
	Property     string   `json:"propertyName"`
	PrimaryID    wireID   `json:"primaryObjectId"`
	NewID        wireID   `json:"newObjectId"`
	MergedIDs    []wireID `json:"mergedObjectIds"`
	Association  string   `json:"associationType"`
	FromID       wireID   `json:"fromObjectId"`
	ToID         wireID   `json:"toObjectId"`
	FromTypeID   string   `json:"fromObjectTypeId"`
	ToTypeID     string   `json:"toObjectTypeId"`
}

func (e *event) name() string { return firstOf(e.Type, e.TypeToo) }

// key is the same when HubSpot sends the event again.
func (e *event) key() string {
	return fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%d", e.PortalID, e.name(), e.ObjectID, e.FromID, e.ToID, e.Property, e.EventID, e.OccurredAt)
}

// action is the call of a custom workflow action.
type action struct {
	CallbackID string `json:"callbackId"`
	Origin     struct {
		PortalID wireID `json:"portalId"`
	} `json:"origin"`
	Object struct {
		ID   wireID `json:"objectId"`
		Type string `json:"objectType"`
	} `json:"object"`
}

// ParseWebhook implements connectors.WebhookSource: the deliveries of app
// webhooks, and calls of a custom workflow action, which count as a hint about
// their record.
func (c *connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	if err := c.verify(req); err != nil {
		return connectors.Delivery{}, err
	}
	body := bytes.TrimSpace(req.Body)
	if len(body) > 0 && body[0] == '{' {
		return c.parseAction(body)
	}
	var events []event
	if err := json.Unmarshal(body, &events); err != nil {
		return connectors.Delivery{}, c.fail("receive webhook", "", connectors.Invalid, "the body is not a list of events")
	}
	if len(events) > maxEvents {
		return connectors.Delivery{}, c.fail("receive webhook", "", connectors.Invalid, "%d events in one delivery", len(events))
	}
	c.mu.Lock()
	portal := c.portal
	c.mu.Unlock()
	var hints []connectors.Change
	keys := make([]string, 0, len(events))
	for i := range events {
		e := &events[i]
		keys = append(keys, e.key())
		if portal != "" && e.PortalID != "" && string(e.PortalID) != portal {
			continue // another account of the same app
		}
		hints = append(hints, c.hints(e)...)
	}
	slices.Sort(keys)
	sum := sha256.Sum256([]byte(strings.Join(keys, "\n")))
	return connectors.Delivery{ID: hex.EncodeToString(sum[:16]), Hints: distinct(hints)}, nil
}

func (c *connection) parseAction(body []byte) (connectors.Delivery, error) {
	var a action
	if err := json.Unmarshal(body, &a); err != nil || a.Object.ID == "" {
		return connectors.Delivery{}, c.fail("receive webhook", "", connectors.Invalid, "the body is neither a list of events nor a workflow action")
	}
	return connectors.Delivery{
		ID:     a.CallbackID,
		Hints:  c.hint(a.Object.Type, a.Object.ID, time.Time{}, connectors.Live),
		Answer: actionDone(),
	}, nil
}

// actionDone is what a workflow waits for before it goes on.
func actionDone() *connectors.WebhookAnswer {
	return &connectors.WebhookAnswer{
		Status: 200, Header: map[string][]string{"Content-Type": {"application/json"}},
		Body: []byte(`{"outputFields":{"hs_execution_state":"SUCCESS"}}`),
	}
}

// hints returns what one event says may have changed.
func (c *connection) hints(e *event) []connectors.Change {
	object, what, _ := strings.Cut(e.name(), ".")
	if object == "object" || e.ObjectTypeID != "" {
		object = e.ObjectTypeID
	}
	var at time.Time
	if e.OccurredAt > 0 && e.OccurredAt < 1e14 {
		at = time.UnixMilli(e.OccurredAt).UTC()
	}
	switch what {
	case "deletion":
		return c.hint(object, e.ObjectID, at, connectors.Archived)
	case "privacyDeletion":
		return c.hint(object, e.ObjectID, at, connectors.Deleted)
	case "merge":
		survivor := wireID(firstOf(string(e.NewID), string(e.PrimaryID), string(e.ObjectID)))
		out := c.hint(object, survivor, at, connectors.Live)
		for _, id := range append(slices.Clone(e.MergedIDs), e.PrimaryID) {
			if id != survivor {
				out = append(out, c.hint(object, id, at, connectors.Merged)...)
			}
		}
		return out
	case "associationChange":
		from, to := e.FromTypeID, e.ToTypeID
		if from == "" || to == "" {
			from, to, _ = strings.Cut(e.Association, "_TO_")
		}
		return append(c.hint(from, e.FromID, at, connectors.Live), c.hint(to, e.ToID, at, connectors.Live)...)
	}
	return c.hint(object, e.ObjectID, at, connectors.Live)
}

// hint returns a row for each name under which mappings know the object; none
// when HubSpot did not name a record.
func (c *connection) hint(object string, id wireID, at time.Time, state connectors.State) []connectors.Change {
	if !isID(string(id)) {
		return nil
	}
	names := []string{object}
	t := standardType(object)
	if t != nil {
		names[0] = t.plural
	} else if !typeID.MatchString(object) {
		return nil
	}
	key := object
	if t != nil {
		key = t.id
	}
	c.mu.Lock()
	if known := c.aliases[key]; len(known) > 0 {
		names = slices.Clone(known)
	}
	c.mu.Unlock()
	out := make([]connectors.Change, len(names))
	for i, name := range names {
		out[i] = connectors.Change{Object: name, ID: string(id), Modified: at, State: state}
	}
	return out
}

// distinct keeps one hint for each record, the last that was told.
func distinct(hints []connectors.Change) []connectors.Change {
	at := map[[2]string]int{}
	var out []connectors.Change
	for _, h := range hints {
		key := [2]string{h.Object, h.ID}
		i, seen := at[key]
		if !seen {
			at[key] = len(out)
			out = append(out, h)
			continue
		}
		if !h.Modified.Before(out[i].Modified) {
			out[i] = h
		}
	}
	return out
}
