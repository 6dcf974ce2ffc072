package salesforce

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// outboundSettings are the settings of Outbound Messages.
var outboundSettings = []connectors.Setting{
	{Name: "organization", Help: "The org's id (Setup, Company Information): with it Tenon takes Outbound Messages, of this org only. A refreshed sandbox sends its copies of your messages under another id."},
}

// outboundProblems says what is wrong with the settings of Outbound Messages.
func outboundProblems(s connectors.Settings) []string {
	if org := s.Get("organization"); org != "" && !isOrg(org) {
		return []string{`setting "organization" is no org's id, such as 00D5g000004dPEEEA2`}
	}
	return nil
}

func isOrg(s string) bool { return isID(s) && strings.HasPrefix(s, "00D") }

var _ connectors.WebhookSource = (*connection)(nil)

// Bounds of a message. Salesforce sends at most 100 notifications in one.
const (
	maxNotifications = 1000
	maxXMLDepth      = 16
)

const (
	soapNS     = "http://schemas.xmlsoap.org/soap/envelope/"
	outboundNS = "http://soap.sforce.com/2005/09/outbound"
	schemaNS   = "http://www.w3.org/2001/XMLSchema-instance"
)

// ack is what Salesforce wants to hear once a message is safe; anything else
// makes it send the message again, for up to a day.
const ack = `<?xml version="1.0" encoding="UTF-8"?>` +
	`<soapenv:Envelope xmlns:soapenv="` + soapNS + `"><soapenv:Body>` +
	`<notificationsResponse xmlns="` + outboundNS + `"><Ack>true</Ack></notificationsResponse>` +
	`</soapenv:Body></soapenv:Envelope>`

// ParseWebhook implements connectors.WebhookSource: it reads an Outbound Message.
// Nothing in it is signed, so that it is taken at an address that nobody can
// guess only, and of the right org only. Deletes are never told.
func (c *connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	const op = "webhook"
	m, err := parseOutbound(req.Body)
	if err != nil {
		return connectors.Delivery{}, c.fail(op, "", connectors.Invalid, "%w", err)
	}
	want, _ := id18(c.settings.Get("organization"))
	if got, ok := id18(m.org); !ok || want == "" || got != want {
		return connectors.Delivery{}, c.fail(op, "", connectors.Auth, "the message is of another org than this connection's")
	}
	d := connectors.Delivery{ID: m.id(), Answer: &connectors.WebhookAnswer{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}}, Body: []byte(ack),
	}}
	for _, n := range m.notifications {
		if id, ok := id18(n.record); ok {
			d.Hints = append(d.Hints, connectors.Change{Object: c.mappedName(n.object), ID: id})
		}
	}
	return d, nil
}

// outbound is an Outbound Message.
type outbound struct {
	org, action   string
	notifications []notification
}

// notification is one record of a message, as it was when the message was sent.
type notification struct{ id, object, record string }

// id names the message by its notifications: Salesforce sends those again that
// were not acknowledged.
func (m *outbound) id() string {
	if len(m.notifications) == 1 {
		return m.notifications[0].id
	}
	h := sha256.New()
	for _, n := range m.notifications {
		h.Write([]byte(n.id + "\n"))
	}
	return "batch-" + hex.EncodeToString(h.Sum(nil)[:16])
}

var (
	errNoMessage = errors.New("the body is no outbound message")
	errBounds    = errors.New("the body is no outbound message: it nests too deep or tells too much")
	errDoctype   = errors.New("the body is no outbound message: it has a document type")
)

// parseOutbound reads a message. Of the records only ids and types are of
// interest.
func parseOutbound(body []byte) (*outbound, error) {
	p := &outboundParser{d: xml.NewDecoder(bytes.NewReader(body)), m: &outbound{}}
	for {
		token, err := p.d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errNoMessage // the decoder's words quote the body
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errDoctype
		case xml.StartElement:
			if err := p.start(t); err != nil {
				return nil, err
			}
		case xml.EndElement:
			p.end()
		case xml.CharData:
			p.text(t)
		}
	}
	if !p.seen || p.m.org == "" {
		return nil, errNoMessage
	}
	for _, n := range p.m.notifications {
		if !isID(n.id) || !isID(n.record) || !nameForm.MatchString(n.object) {
			return nil, errNoMessage
		}
	}
	return p.m, nil
}

// outboundParser keeps where in a message the decoder is.
type outboundParser struct {
	d    *xml.Decoder
	m    *outbound
	path []xml.Name
	seen bool    // the notifications element was there
	into *string // where text goes
}

func (p *outboundParser) start(t xml.StartElement) error {
	p.path = append(p.path, t.Name)
	p.into = nil
	if len(p.path) > maxXMLDepth {
		return errBounds
	}
	if len(p.path) == 1 && (t.Name.Space != soapNS || t.Name.Local != "Envelope") {
		return errNoMessage
	}
	switch {
	case p.at("notifications"):
		if p.seen {
			return errNoMessage
		}
		p.seen = true
	case p.at("notifications", "OrganizationId"):
		p.into = &p.m.org
	case p.at("notifications", "ActionId"):
		p.into = &p.m.action
	case p.at("notifications", "Notification"):
		if len(p.m.notifications) == maxNotifications {
			return errBounds
		}
		p.m.notifications = append(p.m.notifications, notification{})
	case p.at("notifications", "Notification", "Id"):
		p.into = &p.last().id
	case p.at("notifications", "Notification", "sObject"):
		for _, a := range t.Attr {
			if a.Name.Space == schemaNS && a.Name.Local == "type" {
				_, p.last().object, _ = strings.Cut(a.Value, ":")
			}
		}
	case len(p.path) == 6 && p.inRecord() && t.Name.Local == "Id" && strings.HasPrefix(t.Name.Space, "urn:sobject."):
		p.into = &p.last().record
	}
	return nil
}

// at reports whether the decoder stands at an element of the message's own
// namespace, below the envelope's body.
func (p *outboundParser) at(names ...string) bool {
	if len(p.path) != 2+len(names) {
		return false
	}
	return p.below(names)
}

func (p *outboundParser) below(names []string) bool {
	if p.path[1].Space != soapNS || p.path[1].Local != "Body" {
		return false
	}
	for i, name := range names {
		if got := p.path[2+i]; got.Space != outboundNS || got.Local != name {
			return false
		}
	}
	return true
}

func (p *outboundParser) inRecord() bool {
	return p.below([]string{"notifications", "Notification", "sObject"})
}

func (p *outboundParser) last() *notification { return &p.m.notifications[len(p.m.notifications)-1] }

func (p *outboundParser) end() {
	p.path, p.into = p.path[:len(p.path)-1], nil
}

// text takes the text of an element that is of interest; ids are short.
func (p *outboundParser) text(t xml.CharData) {
	if p.into != nil && len(*p.into)+len(t) <= 64 {
		*p.into = strings.TrimSpace(*p.into + string(t))
	}
}
