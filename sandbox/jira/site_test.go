package jira

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	ada  = "ada.okafor@harbourworks.example"
	mei  = "mei.tanaka@harbourworks.example"
	rosa = "rosa.delgado@harbourworks.example"
)

// testStart is noon UTC on a day without a change of clocks anywhere near.
var testStart = time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)

// site is a system behind a real server, on a clock that the test moves.
type site struct {
	*System
	t     *testing.T
	clock *kit.ManualClock
	url   string // origin and base path
	auth  string // the Authorization header
}

func newSite(t *testing.T, opts Options) *site {
	t.Helper()
	clock := kit.NewManualClock(testStart)
	opts.Clock = clock
	if opts.Seed == 0 {
		opts.Seed = 7
	}
	sys := New(opts)
	t.Cleanup(sys.Close)
	srv := httptest.NewServer(sys)
	t.Cleanup(srv.Close)
	s := &site{System: sys, t: t, clock: clock, url: srv.URL + opts.BasePath}
	s.auth = basic(sys.opts.Email, sys.opts.Token)
	if opts.Flavour == DataCenter {
		s.auth = "Bearer " + sys.opts.Token
	}
	return s
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// with returns the site as another caller.
func (s *site) with(auth string) *site {
	other := *s
	other.auth = auth
	return &other
}

// answer is what a call got.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   any
}

// call sends a request; body is a string of JSON or a value to marshal.
func (s *site) call(method, path string, body any) answer {
	s.t.Helper()
	var payload io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		payload = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		payload = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.auth != "" {
		req.Header.Set("Authorization", s.auth)
	}
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			s.t.Fatalf("%s %s: not JSON: %s", method, path, raw)
		}
	}
	return a
}

// want is call, with the status that it has to have.
func (s *site) want(status int, method, path string, body any) answer {
	s.t.Helper()
	a := s.call(method, path, body)
	if a.status != status {
		s.t.Fatalf("%s %s: got %d %s, want %d", method, path, a.status, a.raw, status)
	}
	return a
}

// at walks into an answer by a dotted path of keys and indexes.
func (a answer) at(path string) any {
	now := a.body
	for step := range strings.SplitSeq(path, ".") {
		switch v := now.(type) {
		case map[string]any:
			now = v[step]
		case []any:
			var n int
			if _, err := fmt.Sscan(step, &n); err != nil || n >= len(v) {
				return nil
			}
			now = v[n]
		default:
			return nil
		}
	}
	return now
}

func (a answer) text(path string) string {
	text, _ := a.at(path).(string)
	return text
}

func (a answer) len(path string) int {
	list, _ := a.at(path).([]any)
	return len(list)
}

// fieldErrors gives the names of the fields that an error is about.
func (a answer) fieldErrors() []string {
	errs, _ := a.at("errors").(map[string]any)
	return slices.Sorted(maps.Keys(errs))
}

// create makes a task and returns its key.
func (s *site) create(summary string, fields map[string]any) string {
	s.t.Helper()
	all := map[string]any{"project": object{"key": "DELIV"}, "issuetype": object{"name": "Task"}, "summary": summary}
	maps.Copy(all, fields)
	return s.want(http.StatusCreated, "POST", "/rest/api/2/issue", object{"fields": all}).text("key")
}

// search runs a query and returns the keys.
func (s *site) search(jql string) []string {
	s.t.Helper()
	path, method := "/rest/api/3/search/jql", "POST"
	if !s.cloud() {
		path = "/rest/api/2/search"
	}
	a := s.want(http.StatusOK, method, path, object{"jql": jql, "fields": []string{"key"}, "maxResults": 1000})
	keys := []string{}
	list, _ := a.at("issues").([]any)
	for n := range list {
		keys = append(keys, a.text(fmt.Sprintf("issues.%d.key", n)))
	}
	return keys
}
