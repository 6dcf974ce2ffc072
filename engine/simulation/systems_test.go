package simulation

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/connectors/memory"
)

// logins are settings with which each connector opens, as most people do.
var logins = map[string]map[string]string{
	"hubspot":    {"token": "t", "client_secret": "s"},
	"jira":       {"base_url": "https://acme.atlassian.net", "email": "bot@acme.example", "token": "t", "webhook_secret": "s"},
	"salesforce": {"auth": "client_credentials", "client_id": "c", "client_secret": "s", "login_url": "https://acme.my.salesforce.com", "stream": "on", "organization": "00D5g000004dPEEEA2"},
	"asana":      {"token": "t"},
	"trello":     {"key": "0123456789abcdef0123456789abcdef", "token": "t", "api_secret": "s"},
	"github":     {"token": "t", "webhook_secret": "s"},
}

// TestHabitsAreThoseOfTheConnectors holds the made-up systems to what the
// connectors declare: as many records at once or one, how late things show, what
// a repeat does, how exact times are, which abilities there are.
func TestHabitsAreThoseOfTheConnectors(t *testing.T) {
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	habits := Habits()
	if diff := cmp.Diff(registry.Kinds(), sortedKeys(habits)); diff != "" {
		t.Fatalf("kinds (-connectors +habits):\n%s", diff)
	}
	for kind, o := range habits {
		connector := registry.Connector(kind)
		s, err := connectors.NewSettings(connector.Info().Settings, logins[kind])
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		actual, err := connector.Open(connectors.Config{Name: kind, Settings: s}, connectors.Options{})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		t.Cleanup(func() { _ = actual.Close() })
		made := memory.NewSystem(o).Connect(kind)
		if diff := cmp.Diff(habitsOf(actual), habitsOf(made)); diff != "" {
			t.Errorf("%s (-connector +made up):\n%s", kind, diff)
		}
	}
}

type habit struct {
	Facts     connectors.Facts
	Many      [3]bool // reads, creates, updates
	Abilities map[string]bool
}

func habitsOf(c connectors.Connection) habit {
	f := c.Facts()
	h := habit{Facts: f, Many: [3]bool{f.ReadBatch > 1, f.CreateBatch > 1, f.UpdateBatch > 1}}
	h.Facts.ReadBatch, h.Facts.CreateBatch, h.Facts.UpdateBatch = 0, 0, 0
	h.Facts.PollInterval, h.Facts.DailyRequests = 0, 0
	can := connectors.AbilitiesOf(c)
	h.Abilities = map[string]bool{
		"Commenter": can.Commenter != nil, "HistoryReader": can.HistoryReader != nil,
		"Deleter": can.Deleter != nil, "Archiver": can.Archiver != nil, "Streamer": can.Streamer != nil,
		"WebhookSource": can.WebhookSource != nil, "Filer": can.Filer != nil,
	}
	return h
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
