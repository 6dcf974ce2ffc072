package server_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/server"
)

// sample is one request that the description allows.
type sample struct {
	method, path, body string
	scope              server.Scope // "" where none is needed
}

func (s sample) String() string { return s.method + " " + s.path }

var anyParam = regexp.MustCompile(`\{\w+\}`)

// samples returns a request for each route.
func (d *apiDoc) samples() []sample {
	var all []sample
	for path, methods := range d.Paths {
		for method, op := range methods {
			s := sample{method: strings.ToUpper(method), scope: server.Scope(op.Scope), path: anyParam.ReplaceAllString(path, "1")}
			var query []string
			for _, p := range op.Parameters {
				if p.In == "query" && p.Required {
					query = append(query, p.Name+"=1")
				}
			}
			if len(query) > 0 {
				s.path += "?" + strings.Join(query, "&")
			}
			if op.RequestBody != nil {
				if m, ok := op.RequestBody.Content["application/json"]; ok {
					s.body = string(m.Example)
				}
			}
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b sample) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// bearers are what a request may come with: who may use it, by scope.
func (f *fixture) bearers(t *testing.T) map[string]struct {
	text   string
	scopes []server.Scope
} {
	t.Helper()
	all := server.Scopes()
	make1 := func(expires time.Time, scopes ...server.Scope) (id, text string) {
		token, text, err := f.tokens.Create(t.Context(), "test", scopes, testNow.Add(-time.Hour), expires)
		if err != nil {
			t.Fatal(err)
		}
		return token.ID, text
	}
	revokedID, revoked := make1(time.Time{}, all...)
	if err := f.tokens.Revoke(t.Context(), revokedID); err != nil {
		t.Fatal(err)
	}
	_, expired := make1(testNow, all...)
	_, whole := make1(testNow.Add(time.Hour), all...)
	type bearer = struct {
		text   string
		scopes []server.Scope
	}
	b := map[string]bearer{
		"nothing": {}, "nonsense": {text: "Bearer nonsense"}, "another scheme": {text: "Digest " + whole}, "revoked": {text: "Bearer " + revoked},
		"expired": {text: "Bearer " + expired}, "all scopes": {"Bearer " + whole, all},
		"local":                    {"Bearer " + f.signer.LocalToken(testNow.Add(time.Minute), all...), all},
		"a local token that ended": {text: "Bearer " + f.signer.LocalToken(testNow, all...)},
	}
	for _, s := range all {
		_, one := make1(time.Time{}, s)
		b["only "+string(s)] = bearer{"Bearer " + one, []server.Scope{s}}
		b["local only "+string(s)] = bearer{"Bearer " + f.signer.LocalToken(testNow.Add(time.Minute), s), []server.Scope{s}}
		_, rest := make1(time.Time{}, slices.DeleteFunc(slices.Clone(all), func(x server.Scope) bool { return x == s })...)
		b["all but "+string(s)] = bearer{"Bearer " + rest, slices.DeleteFunc(slices.Clone(all), func(x server.Scope) bool { return x == s })}
	}
	return b
}

// TestEveryRouteAsksForItsScope walks every route with everything that a request
// may come with. What is let in may go wrong for other reasons: the engine of
// this test knows nothing.
func TestEveryRouteAsksForItsScope(t *testing.T) {
	f := newFixtureOnly(t)
	samples := f.description(t).samples()
	scoped := 0
	for name, b := range f.bearers(t) {
		for _, s := range samples {
			if strings.HasPrefix(s.path, "/convert/") || strings.HasPrefix(s.path, "/hooks/") {
				continue // they have proofs of their own, and tests of their own
			}
			headers := []string{}
			if b.text != "" {
				headers = append(headers, "Authorization", b.text)
			}
			if s.body != "" {
				headers = append(headers, "Content-Type", "application/json")
			}
			r := f.do(s.method, s.path, s.body, headers...)
			text := read(t, r)
			want := "let in"
			switch {
			case s.scope == "":
			case b.scopes == nil:
				want = "401"
			case !slices.Contains(b.scopes, s.scope):
				want = "403"
			}
			got := "let in"
			if r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden {
				got = http.StatusText(r.StatusCode)
				if want == map[string]string{"Unauthorized": "401", "Forbidden": "403"}[got] {
					got = want
				}
			}
			if got != want {
				t.Errorf("%s with %s: %d, want %s: %.200s", s, name, r.StatusCode, want, text)
			}
			if want != "let in" {
				checkProblem(t, s.String()+" with "+name, r, text)
			}
			if s.scope != "" {
				scoped++
			}
		}
	}
	if scoped < 300 {
		t.Errorf("only %d pairs of a route and a token: the walk sees too little", scoped)
	}
}

// checkProblem holds an answer to the form of a problem.
func checkProblem(t *testing.T, where string, r *http.Response, text string) {
	t.Helper()
	var p server.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Errorf("%s: %v: %.200s", where, err, text)
		return
	}
	if p.Status != r.StatusCode || p.Title == "" || p.Code == "" || p.Type != "urn:tenon:problem:"+p.Code ||
		r.Header.Get("Content-Type") != "application/problem+json" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %d %v: %s", where, r.StatusCode, r.Header, text)
	}
	if r.StatusCode == http.StatusUnauthorized && r.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s: 401 without WWW-Authenticate", where)
	}
}

// TestUnknownAddresses: without a token nobody is told what there is; with one,
// a wrong address and a wrong method are told apart.
func TestUnknownAddresses(t *testing.T) {
	f := newFixture(t, nil)
	bearer := "Bearer " + f.token(t, server.ScopeConvert)
	for _, c := range []struct {
		method, path string
		want         int
		allow        string
	}{
		{"GET", "/api/v1/nothing", 404, ""},
		{"GET", "/api/", 404, ""},
		{"GET", "/api/v2/status", 404, ""},
		{"POST", "/api/v1/status", 405, "GET"},
		{"PUT", "/api/v1/tokens", 405, "GET, POST"},
		{"PATCH", "/api/v1/jobs/1", 405, "GET, DELETE"},
		{"GET", "/api/v1/queue/retry", 405, "POST"},
	} {
		if got := f.do(c.method, c.path, "").StatusCode; got != 401 {
			t.Errorf("%s %s without a token: got %d, want 401", c.method, c.path, got)
		}
		r := f.do(c.method, c.path, "", "Authorization", bearer)
		if got := r.StatusCode; got != c.want || r.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d allowing %q, want %d %q", c.method, c.path, got, r.Header.Get("Allow"), c.want, c.allow)
		}
		checkProblem(t, c.method+" "+c.path, r, read(t, r))
	}
}

// TestEveryRouteRefusesWhatItDoesNotKnow sends each route a parameter and a key
// that it does not know.
func TestEveryRouteRefusesWhatItDoesNotKnow(t *testing.T) {
	f := newFixtureOnly(t)
	bearer := "Bearer " + f.token(t, server.Scopes()...)
	d := f.description(t)
	for _, s := range d.samples() {
		if s.scope == "" || s.path == "/api/v1/backup" || strings.HasSuffix(s.path, "/output") {
			continue
		}
		join := "?"
		if strings.Contains(s.path, "?") {
			join = "&"
		}
		for _, query := range []string{"nothing=1", "limit=x", "after=&after="} {
			r := f.do(s.method, s.path+join+query, s.body, "Authorization", bearer)
			if text := read(t, r); r.StatusCode != http.StatusBadRequest {
				t.Errorf("%s?%s: got %d: %.200s", s, query, r.StatusCode, text)
			}
		}
		if s.body == "" {
			continue
		}
		for _, body := range []string{`{"nothing": 1}`, `[]`, `{`, `{} {}`, `"x"`} {
			r := f.do(s.method, s.path, body, "Authorization", bearer)
			if text := read(t, r); r.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: got %d: %.200s", s, body, r.StatusCode, text)
			}
		}
	}
}
