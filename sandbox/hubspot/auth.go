package hubspot

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// token is an access token.
type token struct {
	text    string
	scopes  map[string]bool // nil: all
	oauth   bool
	expires time.Time // zero: never
	userID  int
}

func (s *System) addToken(text string, scopes []string) *token {
	t := &token{text: text}
	if scopes != nil {
		t.scopes = map[string]bool{}
		for _, scope := range scopes {
			t.scopes[scope] = true
		}
	}
	s.tokens[text] = t
	return t
}

// allows reports whether the token has one of these scopes.
func (t *token) allows(scopes []string) bool {
	all := t.scopes == nil
	if all || len(scopes) == 0 {
		return true
	}
	return slices.ContainsFunc(scopes, func(scope string) bool { return t.scopes[scope] })
}

const authDocs = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"

// authenticate finds the caller's token.
func (s *System) authenticate(r *http.Request, now time.Time) (*token, *apiError) {
	text, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t := s.tokens[strings.TrimSpace(text)]
	if !bearer || t == nil {
		return nil, newError(http.StatusUnauthorized, "INVALID_AUTHENTICATION",
			"Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at %s", authDocs)
	}
	if !t.expires.IsZero() && !now.Before(t.expires) {
		ago := int(now.Sub(t.expires) / time.Second)
		return nil, newError(http.StatusUnauthorized, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired %d second(s) ago.", ago).
			with("expire time", formatTime(t.expires))
	}
	return t, nil
}

// require refuses a token that has none of these scopes.
func (c *call) require(scopes ...string) *apiError {
	if c.token.allows(scopes) {
		return nil
	}
	named := slices.Clone(scopes)
	for i, scope := range named {
		if scope == "crm.schemas.custom.read" {
			named[i] = "custom-object-read" // as recorded
		}
	}
	e := newError(http.StatusForbidden, "MISSING_SCOPES", "One or more of the following scopes are required.").with("requiredGranularScopes", named...)
	return e.with("links", "https://developers.hubspot.com/scopes")
}

func (c *call) mayRead(ot *objectType) *apiError {
	if ot.name == "feedback_submissions" {
		if err := c.require(scopeContacts + ".read"); err != nil {
			return err
		}
	}
	return c.require(ot.read)
}

func (c *call) mayWrite(ot *objectType) *apiError { return c.require(ot.write) }

// schemaScope is the scope for the definitions of a type.
func schemaScope(ot *objectType, right string) []string {
	switch {
	case ot.schema != nil:
		return []string{"crm.schemas.custom." + right}
	case ot.name == "tickets":
		return []string{"tickets"}
	case strings.HasPrefix(ot.read, "crm.objects."):
		return []string{strings.Replace(strings.TrimSuffix(ot.read, ".read"), "objects", "schemas", 1) + "." + right, ot.read[:len(ot.read)-len("read")] + right}
	}
	return []string{ot.read}
}

// limits are the rate limits of the account.
type limits struct {
	burst  *kit.Window
	search *kit.Window
	max    Limits
	day    string
	used   int
}

func newLimits(clock kit.Clock, bounds Limits) *limits {
	return &limits{
		burst:  kit.NewRollingWindow(clock, bounds.Burst, 10*time.Second),
		search: kit.NewRollingWindow(clock, bounds.Search, time.Second),
		max:    bounds,
	}
}

// take counts a call, sets the rate-limit headers and refuses it when it is one
// too many.
func (s *System) take(w http.ResponseWriter, t *token, search bool, now time.Time) *apiError {
	l := s.limits
	if search {
		if v := l.search.Take("account"); !v.OK {
			return s.tooMany("SECONDLY", "You have reached your secondly limit.")
		}
		return nil
	}
	h := w.Header()
	if today := now.In(s.zone).Format(time.DateOnly); l.day != today {
		l.day, l.used = today, 0
	}
	if !t.oauth && l.max.Daily > 0 {
		if l.used >= l.max.Daily {
			return s.tooMany("DAILY", "You have reached your daily limit.")
		}
		l.used++
		h.Set("X-Hubspot-Ratelimit-Daily", strconv.Itoa(l.max.Daily))
		h.Set("X-Hubspot-Ratelimit-Daily-Remaining", strconv.Itoa(l.max.Daily-l.used))
	}
	v := l.burst.Take(t.text)
	if v.Limit > 0 {
		h.Set("X-Hubspot-Ratelimit-Interval-Milliseconds", "10000")
		h.Set("X-Hubspot-Ratelimit-Max", strconv.Itoa(v.Limit))
		h.Set("X-Hubspot-Ratelimit-Remaining", strconv.Itoa(v.Remaining))
		h.Set("X-Hubspot-Ratelimit-Secondly", strconv.Itoa(v.Limit/10))
		h.Set("X-Hubspot-Ratelimit-Secondly-Remaining", strconv.Itoa(v.Remaining/10))
	}
	if !v.OK {
		return s.tooMany("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.")
	}
	return nil
}

func (s *System) tooMany(policy, message string) *apiError {
	return &apiError{code: http.StatusTooManyRequests, Status: "error", Message: message, ErrorType: "RATE_LIMIT", PolicyName: policy, RequestID: s.rand.UUID()}
}
