package github

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	ada  = "ada.okafor@harbourworks.example"
	tom  = "tom.becker@harbourworks.example"
	home = "/repos/harbourworks/delivery"
)

// site is a sandbox that a test talks to.
type site struct {
	*System
	t     *testing.T
	clock *kit.ManualClock
	url   string
	token string
}

func newSite(t *testing.T, opts Options) *site {
	t.Helper()
	s := &site{t: t, clock: kit.NewManualClock(time.Date(2026, 3, 2, 9, 30, 15, 0, time.UTC)), token: DefaultToken}
	opts.Clock = s.clock
	s.System = New(opts)
	t.Cleanup(s.Close)
	srv := httptest.NewServer(s.System)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// got is an answer.
type got struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
	body   any
}

// call sends a request. Headers are pairs of a name and a value.
func (s *site) call(method, path string, body any, headers ...string) got {
	s.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
		if headers[n+1] == "" {
			req.Header[headers[n]] = nil
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	out := got{t: s.t, status: resp.StatusCode, header: resp.Header, raw: raw}
	_ = json.Unmarshal(raw, &out.body)
	return out
}

// want checks the status.
func (g got) want(status int) got {
	g.t.Helper()
	if g.status != status {
		g.t.Fatalf("got status %d, want %d: %.300s", g.status, status, g.raw)
	}
	return g
}

// at looks into the body: "issue.labels.0.name".
func (g got) at(path string) any {
	v := g.body
	for _, part := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[part]
		case []any:
			n := 0
			for _, c := range part {
				n = n*10 + int(c-'0')
			}
			if n >= len(in) {
				return nil
			}
			v = in[n]
		default:
			return nil
		}
	}
	return v
}

func (g got) is(path string, want any) got {
	g.t.Helper()
	if have := g.at(path); have != want {
		g.t.Errorf("%s: got %v, want %v", path, have, want)
	}
	return g
}

func (g got) list() []any {
	g.t.Helper()
	list, ok := g.body.([]any)
	if !ok {
		g.t.Fatalf("got no list: %.300s", g.raw)
	}
	return list
}

// create makes an issue and returns its number.
func (s *site) create(fields object) int {
	s.t.Helper()
	n, ok := s.call("POST", home+"/issues", fields).want(201).at("number").(float64)
	if !ok {
		s.t.Fatal("the issue has no number")
	}
	return int(n)
}

// inbox takes webhooks in.
type inbox struct {
	*httptest.Server

	mu     sync.Mutex
	status int
	got    []message
}

type message struct {
	header http.Header
	body   []byte
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{status: http.StatusOK}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, message{r.Header.Clone(), body})
		w.WriteHeader(in.status)
	}))
	t.Cleanup(in.Close)
	return in
}

// take returns what has come since the last call.
func (in *inbox) take(t *testing.T, s *site) []message {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	out := in.got
	in.got = nil
	return out
}

// events lists the events of messages with their actions.
func events(t *testing.T, list []message) []string {
	t.Helper()
	out := []string{}
	for _, m := range list {
		var body struct {
			Action string `json:"action"`
		}
		if err := json.Unmarshal(m.body, &body); err != nil {
			t.Fatalf("a delivery that is no JSON: %s", m.body)
		}
		out = append(out, strings.TrimSuffix(m.header.Get("X-GitHub-Event")+"."+body.Action, "."))
	}
	return out
}
