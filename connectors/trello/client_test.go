package trello

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

func TestExplain(t *testing.T) {
	const permissionHelp = "let the bot be a normal member of the board, and its token have the scopes read and write"
	window := http.Header{"X-Rate-Limit-Api-Token-Interval-Ms": {"5000"}}
	tests := []struct {
		name   string
		status int
		header http.Header
		body   string
		given  connectors.Kind
		want   rest.Failure
	}{
		{"a revoked token", 401, nil, "invalid token", connectors.Auth, rest.Failure{Kind: connectors.Auth, Help: helpToken}},
		{"a wrong key", 401, nil, "invalid key", connectors.Auth, rest.Failure{Kind: connectors.Auth, Help: helpToken}},
		{"out of sight", 401, nil, "unauthorized permission requested", connectors.Auth, rest.Failure{Kind: connectors.Permission, Help: permissionHelp}},
		{"an observer", 401, nil, "unauthorized card permission requested", connectors.Auth, rest.Failure{Kind: connectors.Permission, Help: permissionHelp}},
		{"another's webhook", 401, nil, "webhook does not belong to token", connectors.Auth, rest.Failure{Kind: connectors.Permission, Help: permissionHelp}},
		{"the token's limit", 429, window, `{"error":"API_TOKEN_LIMIT_EXCEEDED"}`, connectors.RateLimited, rest.Failure{Kind: connectors.RateLimited, RetryAfter: 5 * time.Second}},
		{"a limit without headers", 429, nil, `{"error":"API_KEY_LIMIT_EXCEEDED"}`, connectors.RateLimited, rest.Failure{Kind: connectors.RateLimited, RetryAfter: 10 * time.Second}},
		{"the members' limit pauses nothing else", 429, window, `{"error":"MEMBER_LIMIT_EXCEEDED"}`, connectors.RateLimited, rest.Failure{Kind: connectors.RateLimited}},
		{"a part that was refused", 449, nil, `{"path":"boards","originalMessage":"Unauthorized","originalStatus":401}`, connectors.Invalid, rest.Failure{Kind: connectors.Permission, Message: "Unauthorized"}},
		{"a field", 400, nil, "invalid value for idList", connectors.Invalid, rest.Failure{
			Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "idList", Reason: "Trello takes it for invalid"}},
		}},
		{"no field", 400, nil, "invalid id", connectors.Invalid, rest.Failure{Kind: connectors.Invalid}},
		{"down", 503, nil, "<html>", connectors.Unavailable, rest.Failure{Kind: connectors.Unavailable}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := tt.header
			if header == nil {
				header = http.Header{}
			}
			got := rest.Failure{Kind: tt.given}
			explain(&rest.Answer{Status: tt.status, Header: header, Body: []byte(tt.body)}, &got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	for s, want := range map[string]bool{
		cardID: true, "": false, cardID[:23]: false, cardID + "0": false, "69B28000000000000000000E": false, "69b2800000000000000000zz": false,
	} {
		if got := isID(s); got != want {
			t.Errorf("isID(%q): got %v, want %v", s, got, want)
		}
	}
	if got := createdAt("4d5ea62fd76aa1136000000c"); got != time.Date(2011, 2, 18, 17, 2, 39, 0, time.UTC) {
		t.Errorf("createdAt: got %v", got)
	}
	for text, want := range map[string]string{
		"https://trello.com/b/SCPjg8ON/customer-board": "SCPjg8ON", "https://trello.com/b/SCPjg8ON": "SCPjg8ON",
		"https://trello.com/c/SCPjg8ON": "", "SCPjg8ON": "", "https://trello.com/b/short": "", "://": "",
	} {
		if got := linkIn(text, "/b/"); got != want {
			t.Errorf("linkIn(%q): got %q, want %q", text, got, want)
		}
	}
}
