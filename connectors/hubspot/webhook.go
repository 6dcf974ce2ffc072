package hubspot

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jsonscan"
)

// maxEvents bounds the events of one delivery; HubSpot sends up to 100.
const maxEvents = 10_000

// event is what matters of one entry of a delivery. The ids may come as numbers
// or texts.
type event struct {
	id, portal, object, primary, merged, from, to wireID
	name                                          string // "deal.propertyChange"
	objectType, association, fromType, toType     string
	property                                      string
	mergedIDs                                     []wireID
	at                                            int64 // milliseconds since 1970
}

// parseEvent reads an entry of a delivery. What is not as HubSpot writes it
// counts as absent.
func parseEvent(v jsonscan.Value) (e event) {
	var named string
	v.Fields(func(name []byte, v jsonscan.Value) bool {
		switch string(name) {
		case "eventId":
			e.id = idOf(v)
		case "portalId":
			e.portal = idOf(v)
		case "subscriptionType":
			e.name = v.Text()
		case "eventType": // the name that HubSpot's own table uses
			named = v.Text()
		case "occurredAt":
			e.at, _ = v.Int()
		case "objectId":
			e.object = idOf(v)
		case "objectTypeId":
			e.objectType = v.Text()
		case "propertyName":
			e.property = v.Text()
		case "primaryObjectId":
			e.primary = idOf(v)
		case "newObjectId":
			e.merged = idOf(v)
		case "mergedObjectIds":
			for id := range v.Elements {
				e.mergedIDs = append(e.mergedIDs, idOf(id))
			}
		case "associationType":
			e.association = v.Text()
		case "fromObjectId":
			e.from = idOf(v)
		case "toObjectId":
			e.to = idOf(v)
		case "fromObjectTypeId":
			e.fromType = v.Text()
		case "toObjectTypeId":
			e.toType = v.Text()
		}
		return true
	})
	e.name = cmp.Or(e.name, named)
	return e
}

// idOf returns the id that a text or a number writes, "" for anything else.
func idOf(v jsonscan.Value) wireID {
	switch {
	case len(v) == 0 || v[0] == '{' || v[0] == '[' || v[0] == 'n' || v[0] == 't' || v[0] == 'f':
		return ""
	case v[0] == '"':
		return wireID(v.Text())
	}
	return wireID(v)
}

// appendKey appends what is the same when HubSpot sends the event again.
func (e *event) appendKey(to []byte) []byte {
	for _, s := range [...]string{string(e.portal), e.name, string(e.object), string(e.from), string(e.to), e.property, string(e.id)} {
		to = append(append(to, s...), '|')
	}
	return strconv.AppendInt(to, e.at, 10)
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
	secret, err := c.verify(req)
	if err != nil {
		return connectors.Delivery{}, err
	}
	body, err := jsonscan.Parse(req.Body)
	switch {
	case err == nil && body.IsObject():
		return c.parseAction(body, secret)
	case err != nil || !body.IsArray():
		return connectors.Delivery{}, c.fail("receive webhook", "", connectors.Invalid, "the body is not a list of events")
	}
	c.mu.Lock()
	portal := c.portal
	c.mu.Unlock()
	d := connectors.Delivery{Secret: secret}
	var keys [][]byte
	for v := range body.Elements {
		if len(keys) == maxEvents {
			return connectors.Delivery{}, c.fail("receive webhook", "", connectors.Invalid, "more than %d events in one delivery", maxEvents)
		}
		e := parseEvent(v)
		keys = append(keys, e.appendKey(make([]byte, 0, 96)))
		if portal != "" && e.portal != "" && string(e.portal) != portal {
			continue // another account of the same app
		}
		d.Hints = append(d.Hints, c.hints(&e)...)
	}
	slices.SortFunc(keys, bytes.Compare)
	sum := sha256.Sum256(bytes.Join(keys, []byte{'\n'}))
	d.ID, d.Hints = hex.EncodeToString(sum[:16]), distinct(d.Hints)
	return d, nil
}

func (c *connection) parseAction(body []byte, secret int) (connectors.Delivery, error) {
	var a action
	if err := json.Unmarshal(body, &a); err != nil || a.Object.ID == "" {
		return connectors.Delivery{}, c.fail("receive webhook", "", connectors.Invalid, "the body is neither a list of events nor a workflow action")
	}
	return connectors.Delivery{
		ID:     a.CallbackID,
		Hints:  c.hint(a.Object.Type, a.Object.ID, time.Time{}, connectors.Live),
		Answer: actionDone(),
		Secret: secret,
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
	object, what, _ := strings.Cut(e.name, ".")
	if object == "object" || e.objectType != "" {
		object = e.objectType
	}
	var at time.Time
	if e.at > 0 && e.at < 1e14 {
		at = time.UnixMilli(e.at).UTC()
	}
	switch what {
	case "deletion":
		return c.hint(object, e.object, at, connectors.Archived)
	case "privacyDeletion":
		return c.hint(object, e.object, at, connectors.Deleted)
	case "merge":
		survivor := wireID(cmp.Or(string(e.merged), string(e.primary), string(e.object)))
		out := c.hint(object, survivor, at, connectors.Live)
		for _, id := range append(slices.Clone(e.mergedIDs), e.primary) {
			if id != survivor {
				out = append(out, c.hint(object, id, at, connectors.Merged)...)
			}
		}
		return out
	case "associationChange":
		from, to := e.fromType, e.toType
		if from == "" || to == "" {
			from, to, _ = strings.Cut(e.association, "_TO_")
		}
		return append(c.hint(from, e.from, at, connectors.Live), c.hint(to, e.to, at, connectors.Live)...)
	}
	return c.hint(object, e.object, at, connectors.Live)
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
	if len(hints) < 2 {
		return hints
	}
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
