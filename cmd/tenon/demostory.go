package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/kit"
)

func (s *story) deals() []hubspot.Record { return s.systems.hubspotSystem.All("deals") }

func (s *story) dealNow(id string) (hubspot.Record, error) {
	return s.systems.hubspotSystem.Get("deals", id)
}

// epics returns the epics that name a deal.
func (s *story) epics(deal string) []jira.Issue {
	field := s.systems.jiraSystem.FieldID("CRM deal")
	var found []jira.Issue
	for _, i := range s.systems.jiraSystem.Issues("DELIV") {
		if i.Type == "Epic" && fmt.Sprint(i.Fields[field]) == deal {
			found = append(found, i)
		}
	}
	return found
}

func (s *story) epic(deal string) (jira.Issue, error) {
	found := s.epics(deal)
	if len(found) != 1 {
		return jira.Issue{}, fmt.Errorf("deal %s has %d epics", deal, len(found))
	}
	return found[0], nil
}

// button returns the address that Tenon wrote into the deal.
func (s *story) button(ctx context.Context, deal string) (string, error) {
	var address string
	err := await(ctx, func() error {
		d, err := s.dealNow(deal)
		if err != nil {
			return err
		}
		if address = d.Properties["tenon_convert"]; address == "" {
			return fmt.Errorf("deal %s shows no button", deal)
		}
		return nil
	})
	return address, err
}

// call asks Tenon as a program does and decodes the answer.
func (s *story) call(ctx context.Context, method, address string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, strings.TrimSpace(string(text)))
	}
	return json.Unmarshal(text, out)
}

// press presses the button of a deal until the work is done.
func (s *story) press(ctx context.Context, deal string) (engine.Conversion, error) {
	address, err := s.button(ctx, deal)
	if err != nil {
		return engine.Conversion{}, err
	}
	var made engine.Conversion
	err = await(ctx, func() error {
		if err := s.call(ctx, http.MethodPost, address, &made); err != nil {
			return err
		}
		if made.State != "done" {
			return fmt.Errorf("the conversion is %s: %s", made.State, made.Reason)
		}
		return nil
	})
	return made, err
}

func since(start time.Time) string { return fmt.Sprintf("after %.1f s", time.Since(start).Seconds()) }

// dateOf reads a date property, which HubSpot writes as a day or as the
// milliseconds of its midnight in UTC.
func dateOf(text string) string {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC().Format(time.DateOnly)
	}
	return text
}

// sameName returns the name that a deal and its epic share.
func (s *story) sameName(deal string) (string, error) {
	d, err := s.dealNow(deal)
	if err != nil {
		return "", err
	}
	epic, err := s.epic(deal)
	if err != nil {
		return "", err
	}
	if d.Properties["dealname"] != epic.Fields["summary"] {
		return "", fmt.Errorf("deal %s is %q and %s is %q", deal, d.Properties["dealname"], epic.Key, epic.Fields["summary"])
	}
	return d.Properties["dealname"], nil
}

// writes counts the requests that changed something in a system.
func (s *story) writes() int {
	n := 0
	for _, log := range []*kit.RequestLog{s.systems.hubspotSystem.Requests(), s.systems.jiraSystem.Requests()} {
		for _, e := range log.Since(0) {
			if isWrite(e.Method, e.Path) {
				n++
			}
		}
	}
	return n
}

// isWrite tells the requests that change something from those that only carry
// their question in a body.
func isWrite(method, path string) bool {
	if method == http.MethodGet || method == http.MethodHead {
		return false
	}
	for _, reading := range []string{"/search", "/batch/read", "/bulkfetch", "/jql", "/properties/search", "/list"} {
		if strings.Contains(path, reading) {
			return false
		}
	}
	return true
}

// compare holds a deal against its epic, field by field, without the engine.
func (s *story) compare(d hubspot.Record) error {
	epic, err := s.epic(d.ID)
	if err != nil {
		return err
	}
	return s.compareWith(d, epic)
}

func (s *story) compareWith(d hubspot.Record, epic jira.Issue) error {
	budget := epic.Fields[s.systems.jiraSystem.FieldID("Budget")]
	pairs := [][2]string{
		{d.Properties["dealname"], asText(epic.Fields["summary"])},
		{plainNumber(d.Properties["amount"]), plainNumber(asText(budget))},
	}
	if due := asText(epic.Fields["duedate"]); due != "" { // one way: the deal's own date stays until the epic has one
		pairs = append(pairs, [2]string{dateOf(d.Properties["expected_delivery"]), due})
	}
	for _, pair := range pairs {
		if pair[0] != pair[1] {
			return fmt.Errorf("deal %s holds %q where %s holds %q", d.ID, pair[0], epic.Key, pair[1])
		}
	}
	if u, err := url.Parse(d.Properties["project_url"]); err != nil || !strings.HasSuffix(u.Path, "/"+epic.Key) {
		return fmt.Errorf("deal %s links to %q, not to %s", d.ID, d.Properties["project_url"], epic.Key)
	}
	return nil
}

func asText(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// plainNumber writes equal numbers alike.
func plainNumber(text string) string {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return text
}
