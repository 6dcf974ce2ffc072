package salesforce

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// An OutboundMessage is what an admin set up: which records are sent where and
// with which fields when they are created or updated. Deletes are never told.
type OutboundMessage struct {
	Object string   `json:"object"`
	Fields []string `json:"fields"` // besides Id
	URL    string   `json:"url"`    // empty: the sandbox's webhook target
}

// maxNotifications is how many records one message holds.
const maxNotifications = 100

// How long Salesforce goes on to send what is not acknowledged, and how long it
// waits at most in between.
const (
	outboundLife  = 24 * time.Hour
	outboundPause = 2 * time.Hour
)

// outbound is the state of Outbound Messages, guarded by the System's mu.
type outbound struct {
	target   string
	messages []OutboundMessage
	ids      int
	rand     *kit.Rand
}

// sending is one message on its way.
type sending struct {
	message OutboundMessage
	action  string
	records []sentRecord
	since   time.Time
	empty   atomic.Bool // all its records are gone: there is nothing to send
}

type sentRecord struct{ notification, id string }

// startOutbound begins to send what commits change.
func (s *System) startOutbound() {
	s.out.rand = kit.NewRand(s.opts.Seed, "salesforce outbound")
	s.out.target = s.opts.WebhookTarget
	for _, object := range []string{"Opportunity", "Account", "Contact", "Lead", "Case"} {
		s.out.messages = append(s.out.messages, OutboundMessage{Object: object, Fields: []string{"Name", "OwnerId", "LastModifiedDate"}})
	}
	transport := s.opts.Transport
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: 10, IdleConnTimeout: 30 * time.Second}
	}
	s.outbox = kit.NewOutbox(kit.OutboxOptions{
		Clock: s.clock, Faults: s.host.Faults, Timeout: time.Minute, Transport: acknowledged{transport},
		Build: s.buildOutbound, Again: s.outboundAgain,
	})
	s.host.Outbox = s.outbox
	s.Listen(s.sendOutbound)
}

// SetWebhookTarget sends outbound messages to an address from now on; empty
// sends none.
func (s *System) SetWebhookTarget(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.target = url
}

// SetOutboundMessages replaces the outbound messages that an admin set up.
func (s *System) SetOutboundMessages(messages ...OutboundMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range messages {
		o := s.object(m.Object)
		if o == nil {
			return fmt.Errorf("there is no object %q", m.Object)
		}
		messages[i].Object = o.name
	}
	s.out.messages = slices.Clone(messages)
	return nil
}

// sendOutbound queues the messages that a commit causes. The System is locked.
func (s *System) sendOutbound(c Commit) {
	for n, m := range s.out.messages {
		url := m.URL
		if url == "" {
			url = s.out.target
		}
		if url == "" {
			continue
		}
		action := newID("04k", n+1)
		var job *sending
		flush := func() {
			if job == nil {
				return
			}
			d := kit.Delivery{Event: m.Object, URL: url, Data: job}
			s.outbox.Send(d)
			if s.out.rand.Chance(s.opts.WebhookDoubles) {
				s.outbox.Send(d)
			}
			job = nil
		}
		for _, change := range c.Changes {
			if change.Object != m.Object || change.Kind != Created && change.Kind != Updated && change.Kind != Undeleted {
				continue
			}
			if job == nil {
				job = &sending{message: m, action: action, since: c.At}
			}
			s.out.ids++
			job.records = append(job.records, sentRecord{newID("04l", s.out.ids), change.ID})
			if len(job.records) == maxNotifications {
				flush()
			}
		}
		flush()
	}
}

// outboundAgain is the policy of retries: waits that double up to two hours, for
// a day.
func (s *System) outboundAgain(d kit.Delivery, _ *http.Response) (time.Duration, bool) {
	job, ok := d.Data.(*sending)
	if !ok || job.empty.Load() || s.clock.Now().Sub(job.since) > outboundLife {
		return 0, false
	}
	return min(30*time.Second<<min(d.Attempt, 8), outboundPause), true
}

var errNothingLeft = errors.New("all records of the message are gone")

// buildOutbound makes the request of one try, with what the records hold now.
func (s *System) buildOutbound(ctx context.Context, d kit.Delivery, _ time.Time) (*http.Request, error) {
	job, ok := d.Data.(*sending)
	if !ok {
		return nil, errors.New("not an outbound message")
	}
	body, n := s.outboundBody(job)
	if n == 0 {
		job.empty.Store(true)
		return nil, errNothingLeft
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", `""`)
	return req, nil
}

// outboundBody writes a message, and returns how many records it holds. The
// session id is empty, as it always is since February 2026.
func (s *System) outboundBody(job *sending) ([]byte, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	base := s.opts.InstanceURL
	if base == "" {
		base = "https://harbourworks.my.salesforce.com"
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` + "\n" +
		` <soapenv:Body>` + "\n" + `  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">` + "\n")
	element := func(name, text string) {
		fmt.Fprintf(&b, "<%s>", name)
		_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
		fmt.Fprintf(&b, "</%s>\n", name)
	}
	element("OrganizationId", s.org)
	element("ActionId", job.action)
	b.WriteString(`<SessionId xsi:nil="true"/>` + "\n")
	element("EnterpriseUrl", base+"/services/Soap/c/"+APIVersion+"/"+s.org[:15])
	element("PartnerUrl", base+"/services/Soap/u/"+APIVersion+"/"+s.org[:15])
	n := 0
	for _, sent := range job.records {
		r, err := s.lookUp(sent.id)
		if err != nil || r.deleted() {
			continue
		}
		n++
		b.WriteString("<Notification>\n")
		element("Id", sent.notification)
		fmt.Fprintf(&b, `<sObject xsi:type="sf:%s" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">`+"\n", r.object.name)
		element("sf:Id", r.id)
		for _, name := range job.message.Fields {
			f := r.object.field(name)
			if f == nil || r.values[f.name] == nil {
				continue // null fields are left out
			}
			text := fmt.Sprint(r.values[f.name])
			if at, ok := r.values[f.name].(time.Time); ok {
				text = at.UTC().Format("2006-01-02T15:04:05.000Z")
			}
			element("sf:"+f.name, text)
		}
		b.WriteString("</sObject>\n</Notification>\n")
	}
	b.WriteString("  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>")
	return b.Bytes(), n
}

// acknowledged lets an answer count as success only if it says so: 200 with
// Ack true in a body that can be read.
type acknowledged struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a acknowledged) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode == http.StatusOK && (err != nil || !acks(body)) {
		resp.StatusCode, resp.Status = http.StatusBadGateway, "502 not acknowledged"
	} else if resp.StatusCode < 300 && resp.StatusCode != http.StatusOK {
		resp.StatusCode, resp.Status = http.StatusBadGateway, "502 not acknowledged"
	}
	return resp, nil
}

// acks reports whether an answer acknowledges a message.
func acks(body []byte) bool {
	var answer struct {
		XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
		Ack     string   `xml:"Body>notificationsResponse>Ack"`
	}
	return xml.Unmarshal(body, &answer) == nil && strings.TrimSpace(answer.Ack) == "true"
}

// outboundRoutes adds the calls of outbound messages to the control API.
func (s *System) outboundRoutes() {
	control(s, "outbound", func(in struct {
		Messages []OutboundMessage `json:"messages"`
	},
	) (any, error) {
		return nil, s.SetOutboundMessages(in.Messages...)
	})
	control(s, "outbound/target", func(in struct {
		URL string `json:"url"`
	},
	) (any, error) {
		s.SetWebhookTarget(in.URL)
		return nil, nil
	})
}
