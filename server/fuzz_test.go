package server_test

import (
	"bufio"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/server"
)

// rowsSecret stands in everything that the fuzzed service keeps from strangers.
const rowsSecret = "confidential-8812"

// fuzzed is a service whose engine answers each question with one row.
type fuzzed struct {
	engine             *fakeEngine
	handler            http.Handler
	token, local, link string
}

func newFuzzed(f *testing.F) *fuzzed {
	f.Helper()
	store, err := state.Open(f.Context(), memory.New(), state.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	signer, err := server.NewSigner([]byte(strings.Repeat("k", 32)))
	if err != nil {
		f.Fatal(err)
	}
	tokens := server.Tokens{Store: store}
	z := &fuzzed{engine: &fakeEngine{preview: previewOf(rowsSecret), conversion: &engine.Conversion{State: "done", Key: rowsSecret}}}
	z.engine.rows = rows{
		links: []engine.LinkRow{{ID: 1, Mapping: rowsSecret}}, asides: []engine.AsideRow{{Link: 1, Mapping: rowsSecret}},
		queue: []engine.QueueRow{{Mapping: rowsSecret}}, history: []engine.EventRow{{Seq: 1, Mapping: rowsSecret}},
	}
	if _, z.token, err = tokens.Create(f.Context(), "fuzz", server.Scopes(), testNow, time.Time{}); err != nil {
		f.Fatal(err)
	}
	z.local = signer.LocalToken(testNow.Add(time.Minute), server.ScopeRead)
	z.link = signer.ConvertLink("", "deals", deal)
	s, err := server.New(server.Config{
		Engine: z.engine, Tokens: tokens, Signer: signer, Clock: clock{}, Version: "test",
		Listen: "127.0.0.1:8484", PublicURL: "https://tenon.example",
		Connections: map[string]connectors.Connection{"crm": verifier{}},
		Sources:     map[string]server.Source{"deals": {Connection: "crm", Object: "deal"}},
		MaxBody:     1000,
	})
	if err != nil {
		f.Fatal(err)
	}
	z.handler = s.Handler()
	return z
}

// FuzzRequests sends anything that net/http takes for a request. The words
// TOKEN, LOCAL and LINK in it stand for what opens doors. Nobody else gets
// through them: no answer shows a row, and nothing is done. Whatever comes, the
// answer is whole, is no fault of ours, and is what its header says.
func FuzzRequests(f *testing.F) {
	z := newFuzzed(f)
	f.Fuzz(func(t *testing.T, raw string) {
		raw = strings.NewReplacer("TOKEN", z.token, "LOCAL", z.local, "LINK", z.link).Replace(raw)
		known := strings.Contains(raw, z.token) || strings.Contains(raw, z.local) || strings.Contains(raw, "sig=")
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		z.engine.pressed = nil
		w := httptest.NewRecorder()
		z.handler.ServeHTTP(w, r)
		answer := w.Result()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		// 503 would be a service that is busy, 501 a method that net/http lacks.
		if answer.StatusCode >= 500 {
			t.Errorf("status %d: %s", answer.StatusCode, body)
		}
		if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); strings.HasSuffix(kind, "json") && !json.Valid(body) {
			t.Errorf("this is no JSON: %s", body)
		}
		if known {
			return
		}
		verified := r.Header.Get("X-Signed") != ""
		if len(z.engine.pressed) > 0 && !verified {
			t.Errorf("a stranger did: %v", z.engine.pressed)
		}
		if strings.Contains(string(body), rowsSecret) && !verified {
			t.Errorf("a stranger saw: %s", body)
		}
	})
}

// TestChangedProofsOpenNothing changes each character of what opens doors.
func TestChangedProofsOpenNothing(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.preview = previewOf("Deal")
	token := f.token(t, server.ScopeRead)
	local := f.signer.LocalToken(testNow.Add(time.Minute), server.ScopeRead)
	link, err := url.Parse(f.signer.ConvertLink("", "deals", deal))
	if err != nil {
		t.Fatal(err)
	}
	sig := link.Query().Get("sig")
	open := map[string]func(proof string) int{
		"token": func(proof string) int {
			return f.do("GET", "/api/v1/status", "", "Authorization", "Bearer "+proof).StatusCode
		},
		"link": func(proof string) int {
			q := link.Query()
			q.Set("sig", proof)
			return f.do("GET", link.Path+"?"+q.Encode(), "").StatusCode
		},
	}
	for _, c := range []struct{ name, door, proof string }{
		{"token", "token", token}, {"local token", "token", local}, {"signed address", "link", sig},
	} {
		if got := open[c.door](c.proof); got != http.StatusOK {
			t.Errorf("%s: got %d, want 200", c.name, got)
		}
		for i := range len(c.proof) {
			// The next but three of the alphabet: base64 leaves the last two bits
			// of the last character without a meaning.
			changed := c.proof[:i] + string(rotated(c.proof[i])) + c.proof[i+1:]
			if got := open[c.door](changed); got == http.StatusOK {
				t.Errorf("%s: %q opens the door of %q", c.name, changed, c.proof)
			}
			if got := open[c.door](c.proof[:i]); got == http.StatusOK {
				t.Errorf("%s: its first %d characters open its door", c.name, i)
			}
		}
	}
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func rotated(c byte) byte {
	i := strings.IndexByte(base64Letters, c)
	if i < 0 {
		return 'A' // a dot, say
	}
	return base64Letters[(i+4)%len(base64Letters)]
}
