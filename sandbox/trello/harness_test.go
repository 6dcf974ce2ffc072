package trello

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// site is a sandbox behind a server, as a client sees it.
type site struct {
	*testing.T
	sys   *System
	clock *kit.ManualClock
	url   string
	auth  string
	board string
	lists []string
}

func newSite(t *testing.T, opts Options) *site {
	t.Helper()
	s := &site{T: t, clock: kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))}
	opts.Clock = s.clock
	if opts.WebhookDoubles == 0 {
		opts.WebhookDoubles = -1
	}
	s.sys = New(opts)
	t.Cleanup(s.sys.Close)
	server := httptest.NewServer(s.sys)
	t.Cleanup(server.Close)
	s.url, s.auth = server.URL, `OAuth oauth_consumer_key="`+DefaultKey+`", oauth_token="`+DefaultToken+`"`
	s.board = s.sys.BoardID(DefaultBoard)
	for _, name := range []string{"Planned", "In progress"} {
		s.lists = append(s.lists, s.sys.ListID(DefaultBoard, name))
	}
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	body   any
}

func (a answer) object() map[string]any {
	o, _ := a.body.(map[string]any)
	return o
}

func (a answer) list() []any {
	l, _ := a.body.([]any)
	return l
}

func (a answer) str(name string) string {
	s, _ := a.object()[name].(string)
	return s
}

// call sends a request below /1 with a JSON body; body may be nil.
func (s *site) call(method, path string, body any) answer {
	s.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+"/1/"+path, reader)
	if err != nil {
		s.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.auth != "" {
		req.Header.Set("Authorization", s.auth)
	}
	return s.send(req)
}

func (s *site) send(req *http.Request) answer {
	s.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(raw)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			s.Fatalf("%s %s: %v: %s", req.Method, req.URL.Path, err, raw)
		}
	}
	return a
}

// ok is call for what has to succeed.
func (s *site) ok(method, path string, body any) answer {
	s.Helper()
	a := s.call(method, path, body)
	if a.status != http.StatusOK {
		s.Fatalf("%s %s: %d %s", method, path, a.status, a.text)
	}
	return a
}

// refused checks a refusal's status and words.
func (s *site) refused(status int, words, method, path string, body any) {
	s.Helper()
	if a := s.call(method, path, body); a.status != status || !strings.Contains(a.text, words) {
		s.Errorf("%s %s: got %d %q, want %d %q", method, path, a.status, a.text, status, words)
	}
}

// card makes a card in the first list.
func (s *site) card(fields map[string]any) answer {
	s.Helper()
	all := map[string]any{"idList": s.lists[0], "name": "A card"}
	for name, v := range fields {
		all[name] = v
	}
	return s.ok("POST", "cards", all)
}

func kinds(list []any) []string {
	var out []string
	for _, each := range list {
		o, _ := each.(map[string]any)
		kind, _ := o["type"].(string)
		out = append(out, kind)
	}
	return out
}
