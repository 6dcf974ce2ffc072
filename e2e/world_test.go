// Package e2e runs the whole path with the real connectors against both
// emulated systems, over real sockets and in virtual time: webhooks are lost and
// doubled, requests fail before and after they took effect, the service is
// started again in the middle. Afterwards both systems must agree.
package e2e

import (
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/hubspot"
	"github.com/tenonsync/tenon/connectors/jira"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/examples"
	hubspotbox "github.com/tenonsync/tenon/sandbox/hubspot"
	jirabox "github.com/tenonsync/tenon/sandbox/jira"
)

const (
	ada           = "ada.okafor@harbourworks.example"
	webhookSecret = "an end-to-end secret"
)

type world struct {
	*rig
	hub  *hubspotbox.System
	jira *jirabox.System
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	return newWorldOver(t, seed, memory.New(), slog.New(slog.DiscardHandler))
}

// newWorldOver keeps the state in a backend and logs.
func newWorldOver(t *testing.T, seed uint64, backend state.Backend, log *slog.Logger) *world {
	t.Helper()
	w := &world{rig: newRig(t, seed, backend, log)}
	hooks := w.listen()
	w.hub = hubspotbox.New(hubspotbox.Options{
		Seed: seed, Clock: w.clock.ManualClock, WebhookTarget: hooks + "/hubspot", NoSettling: true,
	})
	w.jira = jirabox.New(jirabox.Options{
		Seed: seed, Clock: w.clock.ManualClock, WebhookTarget: hooks + "/jira", WebhookSecret: webhookSecret, Empty: true,
	})
	t.Cleanup(w.hub.Close)
	t.Cleanup(w.jira.Close)
	hub, tracker := httptest.NewServer(w.hub), httptest.NewServer(w.jira)
	t.Cleanup(hub.Close)
	t.Cleanup(tracker.Close)
	w.conns = map[string]connectors.Connection{
		"hubspot": w.open(hubspot.Connector{}, "hubspot", map[string]string{
			"token": hubspotbox.DefaultToken, "client_secret": hubspotbox.DefaultClientSecret, "base_url": hub.URL,
		}),
		"jira": w.open(&jira.Connector{}, "jira", map[string]string{
			"base_url": tracker.URL, "email": jirabox.DefaultEmail, "token": jirabox.DefaultToken, "webhook_secret": webhookSecret,
		}),
	}
	if p := connectors.AbilitiesOf(w.conns["hubspot"]).Preparer; p != nil {
		for _, object := range []string{"deals", "notes"} {
			if err := p.Prepare(t.Context(), connectors.Need{Object: object}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.clock.Advance(5 * time.Second)
	source, err := fs.ReadFile(examples.HubSpotJira(), "mappings/won-deal-to-epic.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w.compile("won-deal-to-epic.yaml", source)
	w.boot()
	return w
}
