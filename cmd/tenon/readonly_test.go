package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// TestReadOnlyServiceWritesNothing lets a service only watch: it takes webhooks
// in, lists and sweeps, and sends neither system anything that changes it.
func TestReadOnlyServiceWritesNothing(t *testing.T) {
	b := newTestbed(t, 5, "TENON_ENGINE_READ_ONLY=true", "TENON_ENGINE_POLL_INTERVAL=100ms", "TENON_ENGINE_SWEEP_INTERVAL=1s")
	hub, tracker := b.systems.hubspotOf(), b.systems.jiraOf()
	hub.Requests().Clear()
	tracker.Requests().Clear()
	p := b.serve()
	id, err := hub.As(seller).Create("deals", map[string]string{
		"dealname": "Seen only", "dealstage": "closedwon", "amount": "1200", "closedate": "2026-03-01", "dealtype": "newbusiness",
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if queue := b.tenon("queue", "--output", "json", "--limit", "0"); !strings.Contains(queue, id) {
			return fmt.Errorf("the queue does not show deal %s: %s", id, queue)
		}
		return nil
	})
	status := b.tenon("status")
	p.stop(t)
	if n := len(tracker.Issues("DELIV")); strings.Contains(fmt.Sprint(tracker.Issues("DELIV")), "Seen only") {
		t.Errorf("the deal became one of %d issues", n)
	}
	for system, log := range map[string]*kit.RequestLog{"HubSpot": hub.Requests(), "Jira": tracker.Requests()} {
		requests := log.Since(0)
		if len(requests) == 0 {
			t.Errorf("%s was not asked for anything:\n%s", system, status)
		}
		for _, r := range requests {
			reads := r.Method == http.MethodGet || strings.HasSuffix(r.Path, "/search") || strings.HasSuffix(r.Path, "/search/jql") ||
				strings.HasSuffix(r.Path, "/batch/read") || strings.HasSuffix(r.Path, "/bulkfetch")
			if !reads {
				t.Errorf("%s was sent %s %s", system, r.Method, r.Path)
			}
		}
	}
}
