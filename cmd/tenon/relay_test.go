package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// relay stands between the emulated systems and the service. It takes every
// webhook in at once and sends it on, by several senders, until the service has
// answered 2xx; some are sent again later, as systems do. While it is blind, it
// answers the systems' lists of changes with nothing, so that only webhooks tell
// the service what happened.
type relay struct {
	target string // the service
	hooks  *kit.Server
	client *http.Client

	down     atomic.Bool // the systems drop every connection
	canBlind bool        // every system tells by webhooks what happens, and its lists can be emptied
	blind    atomic.Bool
	blinded  atomic.Int64 // lists answered with nothing
	acked    atomic.Int64
	refused  atomic.Int64 // answers other than 2xx and 503

	mu      sync.Mutex
	waiting []delivery
	sending int
	wake    *sync.Cond
	ended   bool
}

// delivery is one webhook on its way.
type delivery struct {
	path   string
	header http.Header
	body   []byte
	again  bool // was acknowledged before
}

// newRelay puts a relay around a demonstration whose service is a process: what
// is started from now on asks the systems through it.
func newRelay(t *testing.T, b *testbed) *relay {
	t.Helper()
	r := &relay{target: b.url(), client: &http.Client{Timeout: 10 * time.Second}}
	r.wake = sync.NewCond(&r.mu)
	listen := func(h http.Handler) *kit.Server {
		s, err := kit.Listen("127.0.0.1:0", h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(t.Context()) }) // requests of a dead service
		return s
	}
	r.hooks = listen(http.HandlerFunc(r.take))
	r.canBlind = true
	for _, box := range b.systems.boxes {
		blind := blindness[box.Name]
		r.canBlind = r.canBlind && blind != nil
		server := listen(r.between(box.System, blind))
		box.WebhookTo(r.hooks.URL() + "/hooks/" + box.Name)
		b.extra = append(b.extra, box.Given()[0].Variable+"="+server.URL())
	}
	b.extra = append(b.extra, "TENON_SERVER_PUBLIC_URL="+r.hooks.URL())
	return r
}

// blindness gives the systems' answers to lists of changes while nothing is to
// be told by them.
var blindness = map[string]func(*http.Request, []byte) string{"hubspot": blindHubSpot, "jira": blindJira}

// take accepts a webhook of a system.
func (r *relay) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil || !strings.HasPrefix(req.URL.Path, "/hooks/") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if req.Method == http.MethodHead || req.Header.Get("X-Hook-Secret") != "" {
		r.pass(w, req, body)
		return
	}
	r.put(delivery{path: req.URL.RequestURI(), header: req.Header.Clone(), body: body})
	w.WriteHeader(http.StatusNoContent)
}

// pass hands on at once what a system asks before it sends webhooks.
func (r *relay) pass(w http.ResponseWriter, req *http.Request, body []byte) {
	on, err := http.NewRequestWithContext(req.Context(), req.Method, r.target+req.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	on.Header = req.Header.Clone()
	resp, err := r.client.Do(on)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for _, name := range []string{"X-Hook-Secret", "Content-Type"} {
		if v := resp.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // the status is all that counts
}

func (r *relay) put(d delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, d)
	r.wake.Signal()
}

// send sends what waits until end is called, at most pause apart.
func (r *relay) send(rng *rand.Rand) {
	var former []delivery
	for {
		r.mu.Lock()
		for len(r.waiting) == 0 && !r.ended {
			r.wake.Wait()
		}
		if r.ended {
			r.mu.Unlock()
			return
		}
		d := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.sending++
		r.mu.Unlock()
		status := r.post(d)
		switch {
		case status >= 200 && status < 300:
			if !d.again {
				r.acked.Add(1)
				d.again = true
				former = append(former, d)
			}
			if rng.IntN(2) == 0 { // an old one, once more
				r.post(former[rng.IntN(len(former))])
			}
		case status != 0 && status != http.StatusServiceUnavailable:
			r.refused.Add(1)
		default:
			r.put(d)
			time.Sleep(time.Duration(5+rng.IntN(20)) * time.Millisecond) // the pace of a sender whose receiver is down, no synchronisation
		}
		r.mu.Lock()
		r.sending--
		r.mu.Unlock()
	}
}

// post sends a delivery; 0: no answer.
func (r *relay) post(d delivery) (status int) {
	resp, err := r.request(d)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body) // the status is all that counts
	resp.Body.Close()
	return resp.StatusCode
}

// request sends a delivery, signed anew where a signature grows old.
func (r *relay) request(d delivery) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodPost, r.target+d.path, bytes.NewReader(d.body))
	if err != nil {
		return nil, err
	}
	req.Header = d.header.Clone()
	if req.Header.Get("X-HubSpot-Signature-v3") != "" {
		stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
		mac := hmac.New(sha256.New, []byte(hubspot.DefaultClientSecret))
		fmt.Fprintf(mac, "POST%s%s%s%s", r.hooks.URL(), d.path, d.body, stamp)
		req.Header.Set("X-HubSpot-Request-Timestamp", stamp)
		req.Header.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return r.client.Do(req)
}

// end stops the senders.
func (r *relay) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.wake.Broadcast()
}

// idle says which webhooks still wait.
func (r *relay) idle() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.waiting) + r.sending; n > 0 {
		return fmt.Errorf("%d webhooks wait to be acknowledged", n)
	}
	return nil
}

// between passes requests on to a system, and answers its lists of changes
// itself while the relay is blind.
func (r *relay) between(system http.Handler, blind func(*http.Request, []byte) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil || r.down.Load() {
			panic(http.ErrAbortHandler) // the service was killed while it asked
		}
		if blind != nil && r.blind.Load() {
			if empty := blind(req, body); empty != "" {
				r.blinded.Add(1)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, empty)
				return
			}
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		system.ServeHTTP(w, req)
	})
}

// blindHubSpot returns the empty answer to a list of changes, "" to any other
// request: a search by time of change, or a page of all records.
func blindHubSpot(req *http.Request, body []byte) string {
	if req.Method == http.MethodGet && strings.HasPrefix(req.URL.Path, "/crm/objects/") && strings.Count(req.URL.Path, "/") == 4 && req.URL.Query().Has("archived") && req.URL.Query().Has("limit") {
		return `{"results":[]}`
	}
	if !strings.HasSuffix(req.URL.Path, "/search") {
		return ""
	}
	type named struct {
		Name string `json:"propertyName"`
	}
	var q struct {
		Groups []struct {
			Filters []named `json:"filters"`
		} `json:"filterGroups"`
		Sorts []named `json:"sorts"`
	}
	if json.Unmarshal(body, &q) != nil {
		return ""
	}
	names := q.Sorts
	for _, g := range q.Groups {
		names = append(names, g.Filters...)
	}
	for _, n := range names {
		if strings.HasSuffix(n.Name, "lastmodifieddate") {
			return `{"total":0,"results":[]}`
		}
	}
	return ""
}

// blindJira is the same for Jira: searches that ask for the order of changes.
func blindJira(req *http.Request, body []byte) string {
	if strings.Contains(req.URL.Path, "/search") && strings.Contains(req.URL.RawQuery+string(body), "updated ASC") {
		return `{"issues":[],"isLast":true}`
	}
	return ""
}
