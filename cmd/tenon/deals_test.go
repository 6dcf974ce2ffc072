package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
)

// hubspotOf and jiraOf return the emulated systems themselves, for tests that do
// more in them than a hand can.
func (e *emulated) hubspotOf() *hubspot.System { return e.box("hubspot").System.(*hubspot.System) }

func (e *emulated) jiraOf() *jira.System { return e.box("jira").System.(*jira.System) }

// dealStory is the story of the first example in the words of its systems.
type dealStory struct{ *story }

func newDealStory(d *demonstration) *dealStory { return &dealStory{newStory(d)} }

func (s *dealStory) deals() []hubspot.Record { return s.systems.hubspotOf().All("deals") }

func (s *dealStory) dealNow(id string) (hubspot.Record, error) {
	return s.systems.hubspotOf().Get("deals", id)
}

// epics returns the epics that name a deal.
func (s *dealStory) epics(deal string) []jira.Issue {
	field := s.systems.jiraOf().FieldID("CRM deal")
	var found []jira.Issue
	for _, i := range s.systems.jiraOf().Issues("DELIV") {
		if i.Type == "Epic" && fmt.Sprint(i.Fields[field]) == deal {
			found = append(found, i)
		}
	}
	return found
}

func (s *dealStory) epic(deal string) (jira.Issue, error) {
	found := s.epics(deal)
	if len(found) != 1 {
		return jira.Issue{}, fmt.Errorf("deal %s has %d epics", deal, len(found))
	}
	return found[0], nil
}

// sameName returns the name that a deal and its epic share.
func (s *dealStory) sameName(deal string) (string, error) {
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
func (s *dealStory) writes() int {
	n := 0
	for _, b := range s.systems.boxes {
		for _, e := range b.System.Requests().Since(0) {
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

// compareWith holds a deal against its epic, field by field, without the engine.
func (s *dealStory) compareWith(d hubspot.Record, epic jira.Issue) error {
	a := s.acts[0]
	from, err := a.From.Get(d.ID)
	if err != nil {
		return err
	}
	to, err := a.To.Get(epic.ID)
	if err != nil {
		return err
	}
	return a.Alike(from, to)
}
