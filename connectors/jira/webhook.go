package jira

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const (
	signatureHeader  = "X-Hub-Signature"
	identifierHeader = "X-Atlassian-Webhook-Identifier"

	// oldest is how long ago an event may have happened: Jira resends for a
	// little more than an hour, and secondary events take up to 15 minutes.
	oldest = 24 * time.Hour
)

// event is the part of a delivery that is looked at.
type event struct {
	Timestamp int64  `json:"timestamp"` // milliseconds since 1970
	Event     string `json:"webhookEvent"`
	Issue     *struct {
		ID     idText                     `json:"id"`
		Fields map[string]json.RawMessage `json:"fields"`
	} `json:"issue"`
	Comment *struct {
		Self string `json:"self"`
	} `json:"comment"`
}

// ParseWebhook implements connectors.WebhookSource. Admin webhooks are signed
// over the body (X-Hub-Signature); the dynamic webhooks of an OAuth app carry a
// JWT that its client secret signs, which proves the sender only.
func (c *Connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	const op = "take a webhook"
	if err := c.verify(req); err != nil {
		return connectors.Delivery{}, &connectors.Error{
			Op: op, Connection: c.name, Kind: connectors.Auth, Err: err,
			Help: "set the same secret in Jira's webhook and in webhook_secret",
		}
	}
	var e event
	if err := json.Unmarshal(req.Body, &e); err != nil {
		return connectors.Delivery{}, c.fail(op, "", connectors.Invalid, "the body is no event of Jira: %w", err)
	}
	d := connectors.Delivery{ID: req.Header.Get(identifierHeader)}
	if e.Timestamp > 0 && req.Now.Sub(time.UnixMilli(e.Timestamp)) > oldest {
		return connectors.Delivery{}, &connectors.Error{Op: op, Connection: c.name, Kind: connectors.Auth, Err: errors.New("the event is older than a day: it may be a replay")}
	}
	if h, ok := e.hint(); ok {
		d.Hints = []connectors.Change{h}
	}
	return d, nil
}

// hint names the issue that an event is about.
func (e *event) hint() (connectors.Change, bool) {
	h := connectors.Change{Object: object}
	switch {
	case e.Issue != nil && isID(string(e.Issue.ID)):
		h.ID = string(e.Issue.ID)
	case e.Comment != nil:
		h.ID = issueOfComment(e.Comment.Self) // Data Center leaves the issue out
	}
	if h.ID == "" {
		return h, false
	}
	if e.Timestamp > 0 {
		h.Modified = time.UnixMilli(e.Timestamp).UTC()
	}
	if e.Issue != nil {
		if t, ok := timeField(e.Issue.Fields["updated"]); ok {
			h.Modified, h.Version = t, versionOf(t)
		}
	}
	if e.Event == "jira:issue_deleted" {
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

func (c *Connection) verify(req connectors.WebhookRequest) error {
	signature := req.Header.Get(signatureHeader)
	token, bearer := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	switch {
	case signature != "" && len(c.webhook) > 0:
		return verifySignature(c.webhook, signature, req.Body)
	case bearer && len(c.appSecret) > 0:
		return verifyToken(c.appSecret, token, req.Now)
	case signature == "" && !bearer:
		return errors.New("the delivery is not signed")
	}
	return errors.New("the delivery is signed in a way that the connection has no secret for")
}

// verifySignature checks "sha256=HEX", an HMAC over the raw body.
func verifySignature(secret []byte, signature string, body []byte) error {
	method, coded, _ := strings.Cut(signature, "=")
	given, err := hex.DecodeString(coded)
	if !strings.EqualFold(method, "sha256") || err != nil {
		return errors.New("the signature is none of the form sha256=HEX")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	if !hmac.Equal(mac.Sum(nil), given) {
		return errors.New("the signature is wrong")
	}
	return nil
}

// verifyToken checks a JWT, HS256 only, that has not run out.
func verifyToken(secret []byte, token string, now time.Time) error {
	signed, coded, ok := cutLast(token, ".")
	if !ok {
		return errors.New("the token is no JWT")
	}
	given, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil {
		return errors.New("the token is no JWT")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	if !hmac.Equal(mac.Sum(nil), given) {
		return errors.New("the token's signature is wrong")
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
		return errors.New("the token is no JWT of HS256")
	}
	const leeway = 60
	unix := float64(now.Unix())
	if p.Expires > 0 && unix > p.Expires+leeway || p.NotBefore > unix+leeway {
		return errors.New("the token has run out")
	}
	return nil
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
