package server_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/server"
)

// TestTrustedProxies lets guesses come through proxies: they count for the
// client that the last trusted proxy names, whatever a client writes itself.
func TestTrustedProxies(t *testing.T) {
	for _, c := range []struct {
		name        string
		from        string
		forwarded   string // %d: another one for each guess
		other       string // sent by somebody else, from the same address
		waits, shut bool   // the guesser after twenty; the other one then
	}{
		{"by a trusted proxy", "10.0.0.5:1", "198.51.100.7", "198.51.100.8", true, false},
		{"invented hops before the client", "10.0.0.5:1", "203.0.113.%d, 198.51.100.7", "198.51.100.8", true, false},
		{"through two trusted proxies", "10.0.0.5:1", "198.51.100.7, 10.0.0.9", "198.51.100.8, 10.0.0.9", true, false},
		{"invented trusted hops", "10.0.0.5:1", "10.0.0.%d, 198.51.100.7", "198.51.100.8", true, false},
		{"a proxy written as IPv6", "[::ffff:10.0.0.5]:1", "198.51.100.7", "198.51.100.8", true, false},
		{"a client by IPv6", "10.0.0.5:1", "2001:db8::1", "2001:db8::2", true, false},
		{"a stranger who says to be a proxy", "192.0.2.66:1", "203.0.113.%d", "198.51.100.8", true, true},
		{"a proxy that says nothing", "10.0.0.5:1", "", "", true, true},
		{"a proxy that says nonsense", "10.0.0.5:1", "unknown", "198.51.100.7:x", true, true},
		{"each from elsewhere", "10.0.0.5:1", "203.0.113.%d", "203.0.113.200", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")} })
			guess := func(forwarded string) int {
				p := newPerson(t, f)
				p.from = c.from
				if forwarded != "" {
					p.headers["X-Forwarded-For"] = forwarded
				}
				return p.login("tenon.0123456789abcdef.wrong", "/").StatusCode
			}
			last := 0
			for i := range 21 {
				last = guess(strings.ReplaceAll(c.forwarded, "%d", fmt.Sprint(i+1)))
			}
			if got := last == 429; got != c.waits {
				t.Errorf("after twenty guesses: got %d, must wait: %v", last, c.waits)
			}
			if got := guess(c.other); (got == 429) != c.shut {
				t.Errorf("somebody else: got %d, must wait: %v", got, c.shut)
			}
		})
	}
}

// TestLoginsAreLogged looks for who came in and who did not, and for no secret.
func TestLoginsAreLogged(t *testing.T) {
	idp := newProvider(t)
	var log bytes.Buffer
	f := newFixture(t, func(c *server.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.OIDC = server.OIDC{Issuer: idp.URL, ClientID: "tenon", ClientSecret: "hush", Operate: []string{"ann@example.com"}}
	})
	said := func(what string, words ...string) {
		t.Helper()
		text := log.String()
		log.Reset()
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %q is not in the log:\n%s", what, w, text)
			}
		}
		if strings.Contains(text, "a-code") || strings.Contains(text, "cdef.wrong") {
			t.Errorf("%s: the log has a secret:\n%s", what, text)
		}
	}
	for range 30 {
		newPerson(t, f).login("tenon.0123456789abcdef.wrong", "/")
	}
	if n := strings.Count(log.String(), "login refused"); n != 20 {
		t.Errorf("thirty guesses: got %d lines, want those twenty that were looked at", n)
	}
	said("a guess", `level=INFO msg="login refused" op=login how=token reason="no such token" client=192.0.2.1`)

	idp.claims = map[string]any{"email": "ann@example.com", "email_verified": true}
	idp.through(newPerson(t, f), nil)
	said("a person", "msg=login op=login how=\"identity provider\" who=ann@example.com", "operate", "client=192.0.2.1")
	idp.claims = map[string]any{"email": "eve@example.com", "email_verified": true}
	idp.through(newPerson(t, f), nil)
	said("a stranger", `msg="login refused" op=login how="identity provider" who=eve@example.com reason="on no list"`)
}
