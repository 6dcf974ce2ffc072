package asana

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jsonscan"
)

const (
	opWebhook = "take a webhook"

	secretHeader    = "X-Hook-Secret"
	signatureHeader = "X-Hook-Signature"

	// oldest is how long ago the newest event of a delivery may have happened:
	// Asana tries for 24 hours.
	oldest = 25 * time.Hour
	// maxSecret bounds a handshake's secret.
	maxSecret = 512
	// storeWait bounds a look into the store of secrets.
	storeWait = 5 * time.Second
)

func (c *Connection) unsigned(format string, args ...any) error {
	e := c.fail(opWebhook, "", connectors.Auth, format, args...)
	e.Help = "Tenon makes its webhooks in Asana by itself and renews those whose secret is lost; delete others that lead here"
	return e
}

// ParseWebhook implements connectors.WebhookSource. A handshake is taken only at
// an address that a webhook of ours is being made for just now; else anyone
// could hand us a secret to sign forgeries with.
func (c *Connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	nonce := nonceOf(req.URL)
	if secret := req.Header.Get(secretHeader); secret != "" {
		if len(secret) > maxSecret || nonce == "" || !c.hooks.shake(nonce, secret) {
			return connectors.Delivery{}, c.unsigned("no handshake is awaited at this address")
		}
		return connectors.Delivery{Answer: &connectors.WebhookAnswer{Status: http.StatusOK, Header: http.Header{secretHeader: {secret}}}}, nil
	}
	given, err := signatureOf(req.Header)
	if err != nil {
		return connectors.Delivery{}, c.unsigned("%w", err)
	}
	hook, err := c.hookAt(nonce)
	if err != nil {
		return connectors.Delivery{}, err
	}
	if connectors.NewRing(hook.Secret).Verify(given[:], "", req.Body, "") < 0 {
		return connectors.Delivery{}, c.unsigned("the signature is wrong")
	}
	d, newest, err := parseDelivery(req.Body, hook.Objects)
	if err != nil {
		return connectors.Delivery{}, c.fail(opWebhook, "", connectors.Invalid, "the body is no delivery of Asana: %w", err)
	}
	if !newest.IsZero() && req.Now.Sub(newest) > oldest {
		return connectors.Delivery{}, c.unsigned("the events are older than a day: it may be a replay")
	}
	if len(d.Hints) > 0 {
		d.ID = hex.EncodeToString(given[:]) // the same body, signed alike
	}
	return d, nil
}

// ScreenWebhook implements connectors.WebhookScreener.
func (c *Connection) ScreenWebhook(req connectors.WebhookRequest) error {
	if req.Header.Get(secretHeader) != "" {
		return nil
	}
	if _, err := signatureOf(req.Header); err != nil {
		return c.unsigned("%w", err)
	}
	return nil
}

// signatureOf reads the signature, a hex HMAC-SHA256.
func signatureOf(h http.Header) (sum [sha256.Size]byte, err error) {
	coded := h.Get(signatureHeader)
	if coded == "" {
		return sum, errors.New("the delivery is not signed")
	}
	if len(coded) != hex.EncodedLen(len(sum)) {
		return sum, errors.New("the signature is none of Asana's")
	}
	if _, err := hex.Decode(sum[:], []byte(coded)); err != nil {
		return sum, errors.New("the signature is none of Asana's")
	}
	return sum, nil
}

// hookAt finds the webhook of an address.
func (c *Connection) hookAt(nonce string) (heldHook, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeWait)
	defer cancel()
	if err := c.hooks.load(ctx, c.tokens); err != nil {
		return heldHook{}, c.fail(opWebhook, "", connectors.Unavailable, "the secrets cannot be read: %w", err)
	}
	if hook, ok := c.hooks.find(nonce); ok {
		return hook, nil
	}
	if nonce != "" {
		c.hooks.reload(ctx, c.tokens, c.clock.Now())
	}
	hook, ok := c.hooks.find(nonce)
	if !ok {
		return heldHook{}, c.unsigned("no webhook of ours leads to this address")
	}
	return hook, nil
}

// parseDelivery reads the events of a body as hints for the objects.
func parseDelivery(body []byte, objects []string) (d connectors.Delivery, newest time.Time, err error) {
	root, err := jsonscan.Parse(body)
	if err == nil && !root.IsObject() {
		err = errors.New("it is no object")
	}
	if err != nil {
		return d, newest, err
	}
	list := root.Field("events")
	list.Elements(func(e jsonscan.Value) bool {
		if at := parseTime(e.Field("created_at").Text()); at.After(newest) {
			newest = at
		}
		for _, ch := range hintsOf(e, objects) {
			if !slices.ContainsFunc(d.Hints, func(o connectors.Change) bool { return o.ID == ch.ID && o.Object == ch.Object && o.State == ch.State }) {
				d.Hints = append(d.Hints, ch)
			}
		}
		return true
	})
	return d, newest, nil
}

// hintsOf returns what an event may be about: Asana does not tell tasks from
// subtasks here.
func hintsOf(e jsonscan.Value, objects []string) []connectors.Change {
	res, parent := e.Field("resource"), e.Field("parent")
	ch := connectors.Change{ID: res.Field("gid").Text()}
	deleted := e.Field("action").Text() == "deleted"
	kinds := []string{objectTask, objectSubtask}
	switch res.Field("resource_type").Text() {
	case "task":
		if deleted {
			ch.State = connectors.Deleted
		}
	case "story", "attachment":
		if parent.Field("resource_type").Text() != "task" {
			return nil
		}
		ch.ID = parent.Field("gid").Text()
	case "project":
		kinds = []string{objectProject}
		if deleted {
			ch.State = connectors.Deleted
		}
	default:
		return nil
	}
	if !isID(ch.ID) {
		return nil
	}
	var out []connectors.Change
	for _, kind := range kinds {
		if slices.Contains(objects, kind) {
			ch.Object = kind
			out = append(out, ch)
		}
	}
	return out
}
