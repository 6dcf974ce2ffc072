package e2e

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	hubspotbox "github.com/tenonsync/tenon/sandbox/hubspot"
	jirabox "github.com/tenonsync/tenon/sandbox/jira"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first seed")
	seeds     = flag.Int("seeds", 3, "how many seeds to run")
	events    = flag.Int("events", 60, "events a seed")
)

// TestBothSystemsAgree lets people and faults loose on both systems and holds
// them against each other afterwards.
func TestBothSystemsAgree(t *testing.T) {
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			w.settle(false)
			for range *events {
				w.event()
			}
			w.hub.Faults().Clear()
			w.jira.Faults().Clear()
			w.settle(true)
			w.audit()
			before := w.stamps()
			w.settle(true)
			for id, at := range w.stamps() {
				if !at.Equal(before[id]) {
					t.Errorf("%s was written at rest", id)
				}
			}
			if t.Failed() {
				w.dump()
			}
		})
	}
}

// event lets one thing happen.
func (w *world) event() {
	w.t.Helper()
	switch n := w.rng.IntN(20); {
	case n < 5:
		w.editDeal()
	case n < 9:
		w.editEpic()
	case n < 10:
		w.press()
	case n < 13:
		w.deliver()
	case n < 15:
		for _, m := range w.eng.Mappings() {
			w.try(func() error { _, err := w.eng.Drain(w.t.Context(), m); return err })
		}
	case n < 16:
		for _, f := range w.eng.Feeds() {
			w.try(func() error { _, err := w.eng.Poll(w.t.Context(), f); return err })
		}
	case n < 17:
		w.boot()
	case n < 19:
		w.fault()
	}
	w.clock.Advance(time.Duration(w.rng.IntN(5000)) * time.Millisecond)
}

// fault arms a fault for the next requests of one system.
func (w *world) fault() {
	rule, faults := w.rule(), w.hub.Faults()
	if w.rng.IntN(2) == 0 {
		faults = w.jira.Faults()
	}
	if _, err := faults.Add(rule); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deals() []hubspotbox.Record { return w.hub.All("deals") }

// epics are the epics that came from deals, by the deal's id.
func (w *world) epics() map[string][]jirabox.Issue {
	found := map[string][]jirabox.Issue{}
	field := w.jira.FieldID("CRM deal")
	for _, i := range w.jira.Issues("DELIV") {
		if id, ok := i.Fields[field].(string); ok && i.Type == "Epic" {
			found[id] = append(found[id], i)
		}
	}
	return found
}

func (w *world) editDeal() {
	deals := w.deals()
	d := deals[w.rng.IntN(len(deals))]
	value := map[string]string{}
	switch w.rng.IntN(4) {
	case 0:
		value["dealname"] = fmt.Sprintf("Deal %d", w.rng.IntN(1000))
	case 1:
		value["amount"] = fmt.Sprint(w.rng.IntN(100000))
	case 2:
		value["description"] = fmt.Sprintf("As agreed, %d days.", w.rng.IntN(100))
	case 3:
		value["dealstage"] = "closedwon"
	}
	if err := w.hub.As(ada).Edit("deals", d.ID, value); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) editEpic() {
	var all []jirabox.Issue
	for _, i := range w.jira.Issues("DELIV") {
		if i.Type == "Epic" {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return
	}
	i := all[w.rng.IntN(len(all))]
	var err error
	switch w.rng.IntN(4) {
	case 0:
		err = w.jira.As(ada).Edit(i.Key, map[string]any{"summary": fmt.Sprintf("Epic %d", w.rng.IntN(1000))})
	case 1:
		err = w.jira.As(ada).Edit(i.Key, map[string]any{"duedate": fmt.Sprintf("2026-05-%02d", 1+w.rng.IntN(28))})
	case 2:
		_, err = w.jira.As(ada).Comment(i.Key, fmt.Sprintf("Word from delivery %d.", w.rng.IntN(1000)))
	case 3:
		if i.Status == "To Do" {
			err = w.jira.As(ada).Transition(i.Key, "In Progress", nil)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// press presses the button of some deal, twice.
func (w *world) press() {
	deals := w.deals()
	id := deals[w.rng.IntN(len(deals))].ID
	for range 2 {
		w.try(func() error { return w.eng.Ask(w.t.Context(), "won-deal-to-epic", id, ada) })
	}
}

// stamps tells when each record was changed last.
func (w *world) stamps() map[string]time.Time {
	stamps := map[string]time.Time{}
	for _, d := range w.deals() {
		stamps["deal "+d.ID] = d.Updated
	}
	for _, i := range w.jira.Issues("DELIV") {
		stamps[i.Key] = i.Updated
	}
	return stamps
}

// audit holds both systems against each other.
func (w *world) audit() {
	w.t.Helper()
	epics := w.epics()
	field := w.jira.FieldID("Budget")
	for _, d := range w.deals() {
		found := epics[d.ID]
		switch {
		case len(found) > 1:
			w.t.Errorf("deal %s has %d epics", d.ID, len(found))
			continue
		case len(found) == 0:
			if d.Properties["dealstage"] == "closedwon" {
				w.t.Errorf("deal %s is won and has no epic", d.ID)
			}
			continue
		}
		e := found[0]
		if got, want := e.Fields["summary"], d.Properties["dealname"]; got != want {
			w.t.Errorf("%s: summary %q, deal's name %q", e.Key, got, want)
		}
		if got, want := number(e.Fields[field]), number(d.Properties["amount"]); got != want {
			w.t.Errorf("%s: budget %v, deal's amount %v", e.Key, got, want)
		}
		// A date that the deal had before the epic had one stays.
		if due, _ := e.Fields["duedate"].(string); due != "" && due != d.Properties["expected_delivery"] {
			w.t.Errorf("%s: due %q, deal's expected delivery %q", e.Key, due, d.Properties["expected_delivery"])
		}
		if len(e.Children) != 3 {
			w.t.Errorf("%s: %d children, want the three tasks", e.Key, len(e.Children))
		}
		if url := d.Properties["project_url"]; !strings.HasSuffix(url, e.Key) {
			w.t.Errorf("%s: the deal's link back is %q", e.Key, url)
		}
	}
}

// number reads a number as either system holds it; 0 for none.
func number(v any) float64 {
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		return 0
	}
	return f
}
