package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/server"
)

// attacker is a connection of somebody who keeps to no rules.
type attacker struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

func attack(t *testing.T, address string) *attacker {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(rigDeadline)); err != nil {
		t.Fatal(err)
	}
	return &attacker{Conn: conn, t: t, in: bufio.NewReader(conn)}
}

func (a *attacker) send(text string) *attacker {
	a.t.Helper()
	if _, err := io.WriteString(a, text); err != nil {
		a.t.Fatalf("send: %v", err)
	}
	return a
}

// answer reads one answer.
func (a *attacker) answer() (status int, header http.Header) {
	a.t.Helper()
	r, err := http.ReadResponse(a.in, nil)
	if err != nil {
		a.t.Fatalf("no answer: %v", err)
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		a.t.Fatalf("half an answer: %v", err)
	}
	return r.StatusCode, r.Header
}

func (a *attacker) expect(what string, want int) http.Header {
	a.t.Helper()
	got, header := a.answer()
	if got != want {
		a.t.Errorf("%s: got %d, want %d", what, got, want)
	}
	if got == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
		a.t.Errorf("%s: no Retry-After", what)
	}
	return header
}

// ended reports whether the service closed the connection, or refused what was
// sent, before the test's patience ended.
func (a *attacker) ended() bool {
	r, err := http.ReadResponse(a.in, nil)
	if err != nil {
		timeout, ok := errors.AsType[net.Error](err)
		return !ok || !timeout.Timeout()
	}
	r.Body.Close()
	return r.StatusCode >= 400
}

// goodDeal is a delivery that is in order.
func (r *rig) goodDeal(event, deal int) string {
	now := time.Now()
	return hubspotRequest(hubSecret, "/hooks/hubspot", r.dealBody(event, deal, now), now)
}

// TestRefusedUnread sends headers only: what they tell is answered although the
// body never comes.
func TestRefusedUnread(t *testing.T) {
	r := newRig(t)
	stamp := time.Now().UnixMilli()
	signed := fmt.Sprintf("X-HubSpot-Request-Timestamp: %d\r\nX-HubSpot-Signature-v3: %s=\r\n", stamp, strings.Repeat("A", 43))
	large := "Content-Length: 3000000\r\n"
	for _, c := range []struct {
		name, path, headers string
		want                int
	}{
		{"no such connection", "/hooks/nobody", signed + large, 404},
		{"no such path", "/hooks/hubspot/a/b", signed + large, 404},
		{"a token that is none", "/hooks/hubspot/guess", signed + large, 404},
		{"no signature", "/hooks/hubspot", large, 401},
		{"no signature, no length", "/hooks/hubspot", "Transfer-Encoding: chunked\r\n", 401},
		{"an old signature", "/hooks/hubspot", strings.Replace(signed, fmt.Sprint(stamp), fmt.Sprint(stamp-600_000), 1) + large, 401},
		{"half a signature", "/hooks/hubspot", strings.Replace(signed, "AAAA", "", 1) + large, 401},
		{"no signature for jira", "/hooks/jira", signed + large, 401},
		{"announced too large", "/hooks/hubspot", signed + "Content-Length: 4194305\r\n", 413},
		{"announced far too large", "/hooks/hubspot", signed + "Content-Length: 9000000000000000000\r\n", 413},
		{"compressed", "/hooks/hubspot", signed + "Content-Encoding: gzip\r\n" + large, 415},
	} {
		a := attack(t, r.address).send("POST " + c.path + " HTTP/1.1\r\nHost: tenon.example\r\nExpect: 100-continue\r\n" + c.headers + "\r\n")
		a.expect(c.name, c.want)
	}
	for _, c := range []struct {
		name, head string
		want       int
	}{
		{"another method", "GET /hooks/hubspot", 404},
		{"no connection", "POST /hooks/", 404},
		{"dots", "POST /hooks/../api/v1/status", 405},
	} {
		got, _ := attack(t, r.address).send(c.head + " HTTP/1.1\r\nHost: tenon.example\r\nContent-Length: 0\r\n\r\n").answer()
		if got != c.want && got != http.StatusTemporaryRedirect && got != http.StatusMovedPermanently {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
	if got := r.queued(); len(got) > 0 {
		t.Errorf("refused deliveries made %v due", got)
	}
}

// TestFloodKeepsWhatItTook sends good deliveries among a flood of bad ones and
// starts the service again: each that was answered 2xx is in the state, and
// nothing else is.
func TestFloodKeepsWhatItTook(t *testing.T) {
	r := newRig(t)
	const senders, each = 12, 25
	bad := []string{
		"POST /hooks/hubspot HTTP/1.1\r\nHost: tenon.example\r\nContent-Length: 5\r\n\r\n[{}]x",
		hubspotRequest("a guess", "/hooks/hubspot", r.dealBody(1, 999_999, time.Now()), time.Now()),
		"POST /hooks/nobody HTTP/1.1\r\nHost: tenon.example\r\nContent-Length: 2\r\n\r\n[]",
		hubspotRequest(hubSecret, "/hooks/hubspot", strings.Repeat("[", 100_000), time.Now()),
		hubspotRequest(hubSecret, "/hooks/hubspot", `[{"objectId":`, time.Now()),
		jiraRequest("a guess", "/hooks/jira", "x", jiraBody(999_999, time.Now(), 0)),
	}
	var mu sync.Mutex
	took := map[string]bool{}
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			a := attack(t, r.address)
			for i := range each {
				deal := 1000*(s+1) + i
				status, _ := a.send(r.goodDeal(deal, deal)).answer()
				if status == http.StatusNoContent {
					mu.Lock()
					took[fmt.Sprint(deal)] = true
					mu.Unlock()
				} else if status != http.StatusServiceUnavailable {
					t.Errorf("a good delivery: got %d", status)
				}
				flood := attack(t, r.address).send(bad[(s+i)%len(bad)])
				if status, _ := flood.answer(); status < 400 || status >= 500 {
					t.Errorf("bad delivery %d: got %d", (s+i)%len(bad), status)
				}
				flood.Close()
			}
		})
	}
	wg.Wait()
	r.stop()
	r.start()
	if len(took) == 0 {
		t.Error("nothing was taken in")
	}
	if diff := cmp.Diff(took, r.queued()); diff != "" {
		t.Errorf("due after the restart (-answered 2xx +due):\n%s", diff)
	}
}

// TestFullQueue fills the queue: further deliveries are put off until there is
// room, without a restart.
func TestFullQueue(t *testing.T) {
	r := newRig(t, func(r *rig) { r.limits = engine.Limits{QueueFull: 3} })
	a := attack(t, r.address)
	for i := range 3 {
		a.send(r.goodDeal(i, 100+i)).expect("while there is room", 204)
	}
	for i := range 3 {
		a.send(r.goodDeal(10+i, 200+i)).expect("full", 503)
	}
	r.drop("100", "101")
	a.send(r.goodDeal(10, 200)).expect("delivered again", 204)
	a.send(r.goodDeal(11, 201)).expect("delivered again, too", 204)
	a.send(r.goodDeal(12, 202)).expect("full again", 503)
	if diff := cmp.Diff(map[string]bool{"102": true, "200": true, "201": true}, r.queued()); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

// fullDisk is a backend that has no room while full is set.
type fullDisk struct {
	state.Backend
	full atomic.Bool
}

func (d *fullDisk) Update(ctx context.Context, fn func(state.Writer) error) error {
	if d.full.Load() {
		return fmt.Errorf("commit: %w", state.ErrFull)
	}
	return d.Backend.Update(ctx, fn)
}

func TestFullDisk(t *testing.T) {
	disk := &fullDisk{}
	r := newRig(t, func(r *rig) {
		r.wrap = func(b state.Backend) state.Backend { disk.Backend = b; return disk }
	})
	a := attack(t, r.address)
	a.send(r.goodDeal(1, 100)).expect("before", 204)
	disk.full.Store(true)
	for i := range 3 {
		a.send(r.goodDeal(10+i, 200+i)).expect("full", 503)
	}
	disk.full.Store(false)
	for i := range 3 {
		a.send(r.goodDeal(10+i, 200+i)).expect("freed", 204)
	}
	want := map[string]bool{"100": true, "200": true, "201": true, "202": true}
	if diff := cmp.Diff(want, r.queued()); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

// TestSlowSenders trickle headers or a body. However they trickle, they come to
// an end; and a good delivery gets through meanwhile.
func TestSlowSenders(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.change = func(c *server.Config) { c.ReadTimeout = 500 * time.Millisecond }
	})
	good := r.goodDeal(1, 100)
	head, _, _ := strings.Cut(good, "\r\n\r\n")
	var wg sync.WaitGroup
	for name, start := range map[string]string{
		"headers": "POST /hooks/hubspot HTTP/1.1\r\nHost: tenon.example\r\nX-Slow: ",
		"a body":  head + "\r\n\r\n",
		"a chunked body": strings.Replace(head, "Content-Length", "Transfer-Encoding: chunked\r\nX-Length", 1) +
			"\r\n\r\n1000000\r\n",
	} {
		a := attack(t, r.address).send(start)
		stop := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				if _, err := a.Write([]byte(" ")); err != nil {
					return
				}
			}
		})
		wg.Go(func() {
			defer close(stop)
			if !a.ended() {
				t.Errorf("slow %s: still open after %s", name, rigDeadline)
			}
		})
	}
	for end := time.Now().Add(rigDeadline); ; { // on a busy machine, it may be too slow itself
		a := attack(t, r.address)
		if _, err := io.WriteString(a, good); err == nil {
			if answer, err := http.ReadResponse(a.in, nil); err == nil && answer.StatusCode == http.StatusNoContent {
				break
			}
		}
		a.Close()
		if time.Now().After(end) {
			t.Fatal("a good delivery does not get through beside slow ones")
		}
	}
	wg.Wait()
}

func TestHostileBodies(t *testing.T) {
	r := newRig(t, func(r *rig) { r.change = func(c *server.Config) { c.MaxBody = 1 << 20 } })
	now := time.Now()
	for name, body := range map[string]string{
		"arrays without end":             strings.Repeat("[", 1<<19),
		"objects without end":            strings.Repeat(`{"a":`, 1<<17),
		"no JSON":                        strings.Repeat("x", 1<<20),
		"nothing":                        "",
		"more events than anybody sends": "[" + strings.Repeat("{},", 20_000) + "{}]",
	} {
		attack(t, r.address).send(hubspotRequest(hubSecret, "/hooks/hubspot", body, now)).expect(name, 400)
	}
	long := attack(t, r.address)
	go func() {
		_, _ = io.WriteString(long, "POST /hooks/hubspot HTTP/1.1\r\nHost: tenon.example\r\nX-Long: "+strings.Repeat("x", 1<<20))
	}()
	if !long.ended() { // 431, unless the reset that follows overtakes it
		t.Error("headers without end are read without end")
	}

	// A chunked body without end is cut at the bound.
	head, _, _ := strings.Cut(r.goodDeal(1, 1), "\r\n\r\n")
	a := attack(t, r.address).send(strings.Replace(head, "Content-Length", "Transfer-Encoding: chunked\r\nX-Length", 1) + "\r\n\r\n")
	go func() {
		for {
			if _, err := io.WriteString(a, "1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n"); err != nil {
				return
			}
		}
	}()
	if !a.ended() { // 413, unless the reset that follows overtakes it
		t.Error("chunks without end are read without end")
	}
	if got := r.queued(); len(got) > 0 {
		t.Errorf("hostile bodies made %v due", got)
	}
}

// movable is a clock that a test moves.
type movable struct{ now atomic.Int64 }

func (m *movable) Now() time.Time                                   { return time.Unix(0, m.now.Load()) }
func (m *movable) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }
func (m *movable) pass(d time.Duration)                             { m.now.Add(int64(d)) }

// TestReplays sends good deliveries again, at once and after days: no record
// becomes due a second time.
func TestReplays(t *testing.T) {
	clock := &movable{}
	start := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	clock.now.Store(start.UnixNano())
	r := newRig(t, func(r *rig) { r.change = func(c *server.Config) { c.Clock = clock } })
	deal := hubspotRequest(hubSecret, "/hooks/hubspot", r.dealBody(1, 100, start), start)
	issue := jiraRequest(jiraSecret, "/hooks/jira", "delivery-1", jiraBody(200, start, 0))
	undated := jiraRequest(jiraSecret, "/hooks/jira", "delivery-2", `{"webhookEvent":"jira:issue_updated","issue":{"id":"300"}}`)
	a := attack(t, r.address)
	for _, d := range []string{deal, issue, undated} {
		a.send(d).expect("first", 204)
	}
	if got := r.queued(); len(got) != 3 {
		t.Fatalf("due: %v, want three records", got)
	}
	r.drop("100", "200", "300") // as if they were worked
	for _, c := range []struct {
		after                time.Duration
		deal, issue, undated int
	}{
		{0, 204, 204, 204},
		{6 * time.Minute, 401, 204, 204},
		{3 * time.Hour, 401, 204, 204},
		{48 * time.Hour, 401, 401, 204},
		{6 * 24 * time.Hour, 401, 401, 204},
	} {
		clock.now.Store(start.UnixNano())
		clock.pass(c.after)
		a.send(deal).expect(fmt.Sprintf("a deal after %v", c.after), c.deal)
		a.send(issue).expect(fmt.Sprintf("an issue after %v", c.after), c.issue)
		a.send(undated).expect(fmt.Sprintf("an issue without a time after %v", c.after), c.undated)
		if got := r.queued(); len(got) > 0 {
			t.Errorf("after %v, replays made %v due", c.after, got)
		}
	}
}

// TestSecretInRotation delivers with an older secret and looks at what is told
// of it.
func TestSecretInRotation(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	a := attack(t, r.address)
	a.send(hubspotRequest(olderSecret, "/hooks/hubspot", r.dealBody(1, 100, now), now)).expect("the older secret", 204)
	a.send(hubspotRequest(hubSecret, "/hooks/hubspot", r.dealBody(2, 101, now), now)).expect("the newest secret", 204)
	a.send(hubspotRequest("one before both", "/hooks/hubspot", r.dealBody(3, 102, now), now)).expect("another secret", 401)
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.signer.LocalToken(now.Add(time.Hour), server.ScopeRead))
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, answer)
	for _, want := range []string{
		`tenon_webhook_secrets_total{connection="hubspot",secret="0"} 1`, `tenon_webhook_secrets_total{connection="hubspot",secret="1"} 1`,
		`tenon_webhooks_total{connection="hubspot",outcome="bad signature"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, secret := range []string{hubSecret, olderSecret, jiraSecret} {
		if strings.Contains(text, secret) {
			t.Error("the metrics show a secret")
		}
	}
}

// drop takes records out of the queue.
func (r *rig) drop(records ...string) {
	r.tb.Helper()
	r.takeIn()
	err := r.store.Update(r.tb.Context(), func(tx state.Tx) error {
		entries, err := tx.ListEntries("", nil, 1<<20)
		if err != nil {
			return err
		}
		for _, e := range entries {
			for _, id := range records {
				if e.Record == id {
					if err := tx.DeleteEntry(e.Subject); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		r.tb.Fatal(err)
	}
}

var _ connectors.Clock = (*movable)(nil)
