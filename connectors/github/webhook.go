package github

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Headers of a delivery.
const (
	signatureHeader = "X-Hub-Signature-256"
	deliveryHeader  = "X-Github-Delivery"
	signaturePrefix = "sha256="
)

var errUnsigned = errors.New("the delivery carries no signature: set the webhook's secret in GitHub")

// ScreenWebhook implements connectors.WebhookScreener: a delivery without a
// signature of the right form needs no reading.
func (c *Connection) ScreenWebhook(req connectors.WebhookRequest) error {
	_, err := c.signature(req.Header)
	return err
}

func (c *Connection) signature(h http.Header) ([]byte, error) {
	given, ok := strings.CutPrefix(h.Get(signatureHeader), signaturePrefix)
	if !ok {
		return nil, c.unsigned(errUnsigned)
	}
	sum, err := hex.DecodeString(given)
	if err != nil || len(sum) != 32 {
		return nil, c.unsigned(errors.New("the signature has another form"))
	}
	return sum, nil
}

func (c *Connection) unsigned(err error) error {
	return &connectors.Error{Op: "take in a webhook", Connection: c.name, Kind: connectors.Auth, Err: err}
}

// ParseWebhook implements connectors.WebhookSource. Deliveries carry no time, so
// old ones cannot be told; they are hints only. What happened is read off the
// body, since the headers are not signed.
func (c *Connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	sum, err := c.signature(req.Header)
	if err != nil {
		return connectors.Delivery{}, err
	}
	secret := c.webhooks.Verify(sum, "", req.Body, "")
	if secret < 0 {
		return connectors.Delivery{}, c.unsigned(errors.New("the signature does not fit the body and the secret"))
	}
	body, err := payload(req)
	if err != nil {
		return connectors.Delivery{}, c.invalid("take in a webhook", err)
	}
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return connectors.Delivery{}, c.invalid("take in a webhook", errors.New("the body is no delivery of GitHub"))
	}
	return connectors.Delivery{ID: req.Header.Get(deliveryHeader), Secret: secret, Hints: hintsOf(&d)}, nil
}

// payload takes the JSON out of a delivery that was sent as a form.
func payload(req connectors.WebhookRequest) ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" {
		return req.Body, nil
	}
	form, err := url.ParseQuery(string(req.Body))
	if err != nil || form.Get("payload") == "" {
		return nil, errors.New("the form holds no payload")
	}
	return []byte(form.Get("payload")), nil
}

// hintsOf lists the records that a delivery is about.
func hintsOf(d *delivery) []connectors.Change {
	var hints []connectors.Change
	add := func(w *wireIssue, r *wireRepo, tellsAll bool, state connectors.State) {
		if w == nil || r == nil || r.ID <= 0 || w.GetNumber() <= 0 || w.IsPullRequest() {
			return
		}
		i := ofREST(w, r.ID)
		h := connectors.Change{Object: issueObject, ID: i.id, State: state, Modified: i.updated}
		if tellsAll && state == connectors.Live && w.UpdatedAt != nil {
			h.Version = i.version()
		}
		hints = append(hints, h)
	}
	comment := len(d.Comment) > 0
	state := connectors.Live
	if d.Action == "deleted" && !comment {
		state = connectors.Deleted
	}
	// The issue beside a comment may be older than the comment, and that of a
	// transfer is not there any more.
	add(d.Issue, d.Repository, !comment && d.Action != "transferred", state)
	if d.Changes != nil {
		add(d.Changes.NewIssue, d.Changes.NewRepo, false, connectors.Live)
	}
	subRepo, parentRepo := d.SubIssueRepo, d.ParentRepo
	if subRepo == nil {
		subRepo = d.Repository
	}
	if parentRepo == nil {
		parentRepo = d.Repository
	}
	add(d.SubIssue, subRepo, false, connectors.Live)
	add(d.Parent, parentRepo, false, connectors.Live)
	if m := d.Milestone; m != nil && d.Issue == nil && d.Repository != nil && d.Repository.ID > 0 && m.Number > 0 {
		h := connectors.Change{Object: milestoneObject, ID: idOf(d.Repository.ID, m.Number), Modified: m.Updated.UTC(), State: connectors.Live}
		if d.Action == "deleted" {
			h.State = connectors.Deleted
		}
		hints = append(hints, h)
	}
	return hints
}

// hookEvents are the events that Tenon listens to.
var hookEvents = []string{"issue_comment", "issues", "milestone", "sub_issues"}
