package connectortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Answers fuzzes what a connection makes of whatever its system may answer: to
// any call, in any order, with any status and headers.
//
// An input names one call and holds the answers to the requests that the call
// makes, in order: each begins with a line of its status and its headers,
// "-- 429 Retry-After: 5; X-Other: a --", and goes on with its body. A text
// without such a line is the body of one 200. When the answers are used up, {}
// is answered.
//
// Whatever comes, the call must end without a panic and within a bounded number
// of requests, and keep to the contract: one result for each id, key or value,
// either a record or an error; errors of the closed set, short, with no secret
// in them; records with the id that was asked for, whose values survive being
// stored; a cursor that the connection itself understands.
type Answers struct {
	Harness

	// Dial opens a connection to the system at an address, with the world's secrets.
	Dial func(t testing.TB, base string, o connectors.Options) connectors.Connection
	// Base tells where a world's system is, and its time; for Record.
	Base func(w World) (address string, clock connectors.Clock)
	// Secrets are what the connection sends to the system, which may quote it.
	Secrets []string
	// IDs are the three ids that fuzzed calls ask for; nil: numbers.
	IDs []string
}

func (a Answers) ids() []string {
	if a.IDs == nil {
		return answersID
	}
	return a.IDs
}

// answersBase is where fuzzed systems seem to be.
const answersBase = "https://system.example"

// answersFrom is when fuzzed calls begin.
var answersFrom = time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)

// answersID are the ids that fuzzed calls ask for, unless a target has others.
var answersID = []string{"10001", "10002", "10003"}

// Requests that a fuzzed call may make before and after everything is answered
// with {}; the second bound is what a connection needs to notice.
const (
	maxScripted = 50
	maxRequests = 200
)

// Fuzz runs the target. The corpus in testdata/fuzz comes from Record.
func (a Answers) Fuzz(f *testing.F) {
	for op := range answerCalls {
		f.Add(uint8(op), "{}")
		f.Add(uint8(op), "-- 200 --\n{\"results\":[{}],\"issues\":[{}],\"values\":[{}],\"total\":1}\n-- 200 --\n[null]\n")
		f.Add(uint8(op), "-- 429 Retry-After: 3 --\n{}\n-- 500 --\n<html>\n-- 401 --\n"+strings.Join(a.Secrets, " ")+"\n")
		f.Add(uint8(op), "-- 207 --\n{\"status\":\"COMPLETE\",\"errors\":[{\"message\":\""+strings.Join(a.Secrets, " ")+"\"}]}\n")
	}
	f.Fuzz(func(t *testing.T, op uint8, answers string) { a.one(t, int(op), parseAnswers(answers)) })
}

// Record rewrites the corpus of the target of that name from what the harness's
// world answers to each call.
func (a Answers) Record(t *testing.T, target string) {
	t.Helper()
	for op, call := range answerCalls {
		w := a.Open(T(t))
		base, clock := a.Base(w)
		fields := a.fields(0)
		ids := make([]string, len(a.ids()))
		for i := range ids {
			ids[i] = w.Create(T(t), fields)
		}
		if talker, ok := w.(Talker); ok {
			talker.Comment(T(t), ids[0], "A *first* comment")
		}
		w.Edit(T(t), ids[0], a.Title, connectors.Text("Edited"))
		w.Delete(T(t), ids[2])
		w.Settle(T(t))
		tape := &tape{base: base, ids: ids, known: a.ids()}
		p := &probe{
			TB: t, h: a.Harness, ids: ids, secrets: a.Secrets, op: call.name,
			c: a.Dial(t, base, connectors.Options{Clock: clock, Transport: tape}),
		}
		call.run(p)
		path := filepath.Join("testdata", "fuzz", target, strings.ReplaceAll(call.name, " ", "-"))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("go test fuzz v1\nbyte(%q)\nstring(%q)\n", rune(op), tape.text.String())
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
}

// fields are the values of a create: the title, what is required, and one or
// the other value of each sample.
func (h Harness) fields(which int) map[string]connectors.Value {
	fields := map[string]connectors.Value{h.Title: connectors.Text([]string{"A title", "Another title"}[which])}
	for name, v := range h.Required {
		fields[name] = v
	}
	for _, s := range h.Samples {
		fields[s.Field] = []connectors.Value{s.One, s.Two}[which]
	}
	return fields
}

// parseAnswers reads the answers of an input.
func parseAnswers(text string) []scriptedAnswer {
	var answers []scriptedAnswer
	for line := range strings.Lines(text) {
		head, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "-- ")
		head, ended := strings.CutSuffix(head, " --")
		switch {
		case ok && ended:
			answers = append(answers, parseHead(head))
		case len(answers) == 0:
			return []scriptedAnswer{{status: http.StatusOK, body: []byte(text)}}
		default:
			last := &answers[len(answers)-1]
			last.body = append(last.body, line...)
		}
	}
	return answers
}

func parseHead(head string) scriptedAnswer {
	word, headers, _ := strings.Cut(head, " ")
	a := scriptedAnswer{status: http.StatusOK, header: http.Header{}}
	if n, err := strconv.Atoi(word); err == nil && n >= 200 && n <= 599 {
		a.status = n
	}
	for pair := range strings.SplitSeq(headers, ";") {
		if name, value, ok := strings.Cut(pair, ":"); ok {
			a.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return a
}

type scriptedAnswer struct {
	status int
	header http.Header
	body   []byte
}

// scripted answers with what an input holds.
type scripted struct {
	mu      sync.Mutex
	answers []scriptedAnswer
	served  int
}

// RoundTrip implements http.RoundTripper.
func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	a := scriptedAnswer{status: http.StatusOK, body: []byte("{}")}
	switch {
	case s.served > maxRequests:
		return nil, errors.New("no end of requests")
	case s.served <= min(len(s.answers), maxScripted):
		a = s.answers[s.served-1]
	}
	header := a.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	return &http.Response{
		StatusCode: a.status, Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}, nil
}

// tape passes requests on and keeps the answers, with the ids and the address
// that fuzzed calls know.
type tape struct {
	mu    sync.Mutex
	base  string
	ids   []string
	known []string // what the ids become
	text  strings.Builder
}

// RoundTrip implements http.RoundTripper.
func (p *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	pairs := []string{p.base, answersBase}
	for i, id := range p.ids {
		pairs = append(pairs, id, p.known[i])
	}
	text := strings.NewReplacer(pairs...).Replace(string(body))
	name := strconv.Itoa(resp.StatusCode)
	for _, h := range []string{"Content-Type", "Retry-After", "X-HubSpot-RateLimit-Remaining", "X-RateLimit-Remaining"} {
		if v, _, _ := strings.Cut(resp.Header.Get(h), ";"); v != "" {
			name += map[bool]string{true: " ", false: "; "}[!strings.Contains(name, ":")] + h + ": " + v
		}
	}
	fmt.Fprintf(&p.text, "-- %s --\n%s\n", name, strings.TrimRight(text, "\n"))
	return resp, err
}

// answersClock moves on when somebody sleeps.
type answersClock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements connectors.Clock.
func (c *answersClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep implements connectors.Clock.
func (c *answersClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(max(d, 0))
	return context.Cause(ctx)
}
