package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestStartingUnseen starts a service whose systems are down and were never
// seen: it answers at once, and says what it waits for.
func TestStartingUnseen(t *testing.T) {
	b := newTestbed(t, 7)
	r := newRelay(t, b)
	remove(t, b.dir+"/tenon.db") // the schemas of prepare with it
	r.down.Store(true)
	service := b.spawn()
	eventually(t, func() error {
		status, text, err := b.get("/readyz")
		if err == nil && (status != http.StatusServiceUnavailable || !strings.Contains(text, "not ready: waiting for hubspot, which was never seen before")) {
			err = fmt.Errorf("/readyz: %d %s", status, text)
		}
		return err
	})
	if status, text, err := b.get("/healthz"); err != nil || status != http.StatusOK || !strings.Contains(text, "starting") {
		t.Errorf("/healthz: got %d %s (%v), want 200, starting", status, text, err)
	}
	resp, err := http.Post(b.url()+"/hooks/hubspot", "application/json", strings.NewReader("[]"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a webhook is answered %s, Retry-After %q; want 503 and a time", resp.Status, resp.Header.Get("Retry-After"))
	}
	if code, _, stderr := b.run("healthcheck"); code != exitFound || !strings.Contains(stderr, "not ready: waiting for hubspot") {
		t.Errorf("healthcheck: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := b.run("serve"); code != exitState || !strings.Contains(stderr, "the state is in use by another process") {
		t.Errorf("a second service: exit code %d, %q", code, stderr)
	}
	r.down.Store(false)
	eventually(t, b.answersReady)
	service.stop(t)
}

// TestStartingSeen starts a service whose systems are down and known: it takes
// webhooks in, and works them when the systems are back.
func TestStartingSeen(t *testing.T) {
	b := newTestbed(t, 8, "TENON_ENGINE_POLL_INTERVAL=24h", "TENON_ENGINE_SWEEP_INTERVAL=24h")
	r := newRelay(t, b)
	p := newPairs(t, b)
	r.blind.Store(true)
	go r.send(newRand(8, 0))
	t.Cleanup(r.end)
	r.down.Store(true)
	p.editDeal(t, 0, map[string]string{"dealname": "edited while nobody could ask"})
	service := b.serve()
	eventually(t, r.idle)
	r.down.Store(false)
	eventually(t, func() error { return p.inStep(map[int][]string{0: {"edited while nobody could ask"}}) })
	service.stop(t)
}
