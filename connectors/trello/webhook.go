package trello

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Trello signs with it
	"encoding/base64"
	"errors"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jsonscan"
)

const (
	opWebhook       = "take a webhook"
	signatureHeader = "X-Trello-Webhook"
)

// signed returns which of the app's secrets signed a delivery, -1 for none. Trello
// signs the raw body and behind it the address as it was registered.
func (c *Connection) signed(given, body []byte, address string) int {
	return c.secrets.Match(given, func(secret string) []byte {
		mac := hmac.New(sha1.New, []byte(secret))
		mac.Write(body)
		mac.Write([]byte(address))
		return mac.Sum(nil)
	})
}

// ScreenWebhook implements connectors.WebhookScreener.
func (c *Connection) ScreenWebhook(req connectors.WebhookRequest) error {
	_, err := c.signature(req)
	return err
}

func (c *Connection) signature(req connectors.WebhookRequest) ([]byte, error) {
	header := req.Header.Get(signatureHeader)
	if header == "" {
		return nil, c.refused("the delivery is not signed")
	}
	given, err := base64.StdEncoding.DecodeString(header)
	if err != nil || len(given) != sha1.Size {
		return nil, c.refused("the signature is none of Trello's form")
	}
	return given, nil
}

// refused says what to do about a delivery whose signature is not good.
func (c *Connection) refused(why string) error {
	return &connectors.Error{
		Op: opWebhook, Connection: c.name, Kind: connectors.Auth, Err: errors.New(why),
		Help: "set api_secret to the secret of the app whose key the connection uses, and let Tenon's public address be the one that was registered",
	}
}

// ParseWebhook implements connectors.WebhookSource. One edit may come in several
// deliveries; each hints at its card.
func (c *Connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	given, err := c.signature(req)
	if err != nil {
		return connectors.Delivery{}, err
	}
	secret := c.signed(given, req.Body, req.URL)
	if secret < 0 {
		return connectors.Delivery{}, c.refused("the signature is wrong")
	}
	body, err := jsonscan.Parse(req.Body)
	if err == nil && !body.IsObject() {
		err = errors.New("it is no object")
	}
	if err != nil {
		return connectors.Delivery{}, c.fail(opWebhook, "", connectors.Invalid, "the body is no delivery of Trello: %w", err)
	}
	a := body.Field("action")
	d := connectors.Delivery{Secret: secret}
	if id := a.Field("id").Text(); isID(id) {
		d.ID = id
	}
	d.Hints = hints(a)
	return d, nil
}

// hints names the card that an action is about, and the item of its checklist.
func hints(a jsonscan.Value) []connectors.Change {
	data := a.Field("data")
	id := data.Field("card").Field("id").Text()
	if !isID(id) {
		return nil
	}
	h := connectors.Change{Object: objectCard, ID: id}
	h.Modified, _ = parseTime(a.Field("date").Text())
	kind := a.Field("type").Text()
	if kind == "deleteCard" {
		h.State = connectors.Deleted
	}
	out := []connectors.Change{h}
	if item := data.Field("checkItem").Field("id").Text(); isID(item) {
		i := connectors.Change{Object: objectItem, ID: itemID(id, item), Modified: h.Modified}
		if kind == "deleteCheckItem" {
			i.State = connectors.Deleted
		}
		out = append(out, i)
	}
	return out
}
