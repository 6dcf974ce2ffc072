package jira

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jsonscan"
)

const (
	opWebhook = "take a webhook"

	signatureHeader  = "X-Hub-Signature"
	identifierHeader = "X-Atlassian-Webhook-Identifier"

	// oldest is how long ago an event may have happened: Jira resends for a
	// little more than an hour, and secondary events take up to 15 minutes.
	oldest = 24 * time.Hour
)

// event is the part of a delivery that is looked at.
type event struct {
	name    string
	at      int64  // milliseconds since 1970
	issue   string // its id
	updated string // the field of the issue
	comment string // its address
}

func parseEvent(body jsonscan.Value) (e event) {
	body.Fields(func(name []byte, v jsonscan.Value) bool {
		switch string(name) {
		case "timestamp":
			e.at, _ = v.Int()
		case "webhookEvent":
			e.name = v.Text()
		case "issue":
			v.Fields(func(name []byte, v jsonscan.Value) bool {
				switch string(name) {
				case "id": // a text, or a number
					e.issue = string(bytes.Trim(v, `"`))
				case "fields":
					e.updated = v.Field("updated").Text()
				}
				return true
			})
		case "comment":
			e.comment = v.Field("self").Text()
		}
		return true
	})
	return e
}

// ParseWebhook implements connectors.WebhookSource. Admin webhooks are signed
// over the body (X-Hub-Signature); the dynamic webhooks of an OAuth app carry a
// JWT that its client secret signs, which proves the sender only.
func (c *Connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	secret, err := c.verify(req)
	if err != nil {
		return connectors.Delivery{}, c.refused(err)
	}
	body, err := jsonscan.Parse(req.Body)
	if err == nil && !body.IsObject() {
		err = errors.New("it is no object")
	}
	if err != nil {
		return connectors.Delivery{}, c.fail(opWebhook, "", connectors.Invalid, "the body is no event of Jira: %w", err)
	}
	e := parseEvent(body)
	d := connectors.Delivery{ID: req.Header.Get(identifierHeader), Secret: secret}
	if e.at > 0 && req.Now.Sub(time.UnixMilli(e.at)) > oldest {
		return connectors.Delivery{}, &connectors.Error{Op: opWebhook, Connection: c.name, Kind: connectors.Auth, Err: errors.New("the event is older than a day: it may be a replay")}
	}
	if h, ok := e.hint(); ok {
		d.Hints = []connectors.Change{h}
	}
	return d, nil
}

// refused says what to do about a delivery whose signature is not good.
func (c *Connection) refused(err error) error {
	return &connectors.Error{
		Op: opWebhook, Connection: c.name, Kind: connectors.Auth, Err: err,
		Help: "set the same secret in Jira's webhook and in webhook_secret",
	}
}

// hint names the issue that an event is about.
func (e *event) hint() (connectors.Change, bool) {
	h := connectors.Change{Object: object}
	switch {
	case isID(e.issue):
		h.ID = e.issue
	case e.comment != "":
		h.ID = issueOfComment(e.comment) // Data Center leaves the issue out
	}
	if h.ID == "" {
		return h, false
	}
	if e.at > 0 {
		h.Modified = time.UnixMilli(e.at).UTC()
	}
	if t, err := parseTime(e.updated); err == nil {
		h.Modified, h.Version = t, versionOf(t)
	}
	if e.name == "jira:issue_deleted" {
		h.State, h.Version = connectors.Deleted, ""
	}
	return h, true
}

// issueOfComment reads the issue's id out of a comment's address,
// ".../rest/api/2/issue/10040/comment/10023".
func issueOfComment(self string) string {
	_, rest, ok := strings.Cut(self, "/issue/")
	id, _, ok2 := strings.Cut(rest, "/comment/")
	if !ok || !ok2 || !isID(id) {
		return ""
	}
	return id
}

// ScreenWebhook implements connectors.WebhookScreener.
func (c *Connection) ScreenWebhook(req connectors.WebhookRequest) error {
	signature, _, err := c.screen(req)
	if err == nil && signature != "" {
		_, err = sumOf(signature)
	}
	if err != nil {
		return c.refused(err)
	}
	return nil
}

// screen returns the signature or the token that a delivery has to prove itself
// by.
func (c *Connection) screen(req connectors.WebhookRequest) (signature, token string, err error) {
	signature = req.Header.Get(signatureHeader)
	token, bearer := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	switch {
	case signature != "" && c.webhooks.Len() > 0:
		return signature, "", nil
	case bearer && c.apps.Len() > 0:
		return "", token, nil
	case signature == "" && !bearer:
		return "", "", errors.New("the delivery is not signed")
	}
	return "", "", errors.New("the delivery is signed in a way that the connection has no secret for")
}

// verify checks a delivery and returns which secret it was signed with.
func (c *Connection) verify(req connectors.WebhookRequest) (secret int, err error) {
	signature, token, err := c.screen(req)
	switch {
	case err != nil:
		return 0, err
	case signature != "":
		return verifySignature(c.webhooks, signature, req.Body)
	}
	return verifyToken(c.apps, token, req.Now)
}

// sumOf reads "sha256=HEX".
func sumOf(signature string) (sum [sha256.Size]byte, err error) {
	method, coded, _ := strings.Cut(signature, "=")
	if strings.EqualFold(method, "sha256") && len(coded) == hex.EncodedLen(len(sum)) {
		if _, err := hex.Decode(sum[:], []byte(coded)); err == nil {
			return sum, nil
		}
	}
	return sum, errors.New("the signature is none of the form sha256=HEX")
}

// verifySignature checks "sha256=HEX", an HMAC over the raw body.
func verifySignature(secrets *connectors.Ring, signature string, body []byte) (secret int, err error) {
	given, err := sumOf(signature)
	if err != nil {
		return 0, err
	}
	if secret = secrets.Verify(given[:], "", body, ""); secret < 0 {
		return 0, errors.New("the signature is wrong")
	}
	return secret, nil
}

// verifyToken checks a JWT, HS256 only, that has not run out.
func verifyToken(secrets *connectors.Ring, token string, now time.Time) (secret int, err error) {
	signed, coded, ok := cutLast(token, ".")
	if !ok {
		return 0, errors.New("the token is no JWT")
	}
	given, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil {
		return 0, errors.New("the token is no JWT")
	}
	if secret = secrets.Verify(given, signed, nil, ""); secret < 0 {
		return 0, errors.New("the token's signature is wrong")
	}
	head, claims, _ := strings.Cut(signed, ".")
	var h struct {
		Algorithm string `json:"alg"`
	}
	var p struct {
		Expires   float64 `json:"exp"`
		NotBefore float64 `json:"nbf"`
	}
	if !decodePart(head, &h) || h.Algorithm != "HS256" || !decodePart(claims, &p) {
		return 0, errors.New("the token is no JWT of HS256")
	}
	const leeway = 60
	unix := float64(now.Unix())
	if p.Expires > 0 && unix > p.Expires+leeway || p.NotBefore > unix+leeway {
		return 0, errors.New("the token has run out")
	}
	return secret, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func decodePart(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.NewDecoder(bytes.NewReader(raw)).Decode(into) == nil
}

// events are what Tenon subscribes to.
var events = []string{"jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_updated", "comment_deleted"}
