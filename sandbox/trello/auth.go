package trello

import (
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

var oauthHeader = regexp.MustCompile(`^OAuth\s+(.*)$`)

var oauthPair = regexp.MustCompile(`(oauth_consumer_key|oauth_token)="([^"]*)"`)

// authenticate finds the key and the token of a call: in the header, the query
// or the body.
func (s *System) authenticate(c *call) *apiError {
	key, value := c.p.text("key"), c.p.text("token")
	if m := oauthHeader.FindStringSubmatch(c.header.Get("Authorization")); m != nil {
		for _, pair := range oauthPair.FindAllStringSubmatch(m[1], -1) {
			if pair[1] == "oauth_token" {
				value = pair[2]
			} else {
				key = pair[2]
			}
		}
	}
	delete(c.p, "key")
	delete(c.p, "token")
	if key != s.opts.Key {
		return errKey
	}
	if value == "" {
		if c.method == http.MethodGet {
			return errRight
		}
		return text(http.StatusUnauthorized, "missing scopes") // misleading, as TRELLO-1769 says
	}
	t := s.tokens[value]
	if t == nil || !t.expires.IsZero() && !s.now().Before(t.expires) {
		return errToken
	}
	c.token = t
	return nil
}

// grant makes a token of a person.
func (s *System) grant(value string, m *member, app string, write, account bool, life time.Duration) *token {
	t := &token{value: value, id: s.newID(), member: m, app: app, read: true, write: write, account: account, created: s.now()}
	if life > 0 {
		t.expires = t.created.Add(life)
	}
	s.tokens[value] = t
	return t
}

// revoke ends a token; its webhooks die with it.
func (s *System) revoke(value string) {
	delete(s.tokens, value)
	kept := s.webhooks[:0]
	for _, h := range s.webhooks {
		if h.token.value != value {
			kept = append(kept, h)
		}
	}
	s.webhooks = kept
}

// may reports what the caller's role on a board lets it do.
func (c *call) may(b *board, write bool) *apiError {
	m := b.member(c.me().id)
	switch {
	case m == nil:
		return errRight
	case write && m.kind == "observer":
		return errCard
	}
	return nil
}

func tokenView(t *token) object {
	rights := func(model, id string) object {
		return object{"idModel": id, "modelType": model, "read": t.read, "write": t.write}
	}
	return object{
		"id": t.id, "identifier": t.app, "idMember": t.member.id, "dateCreated": stamp(t.created), "dateExpires": stamp(t.expires),
		"permissions": []object{rights("Board", "*"), rights("Organization", "*"), rights("Member", t.member.id)},
	}
}

func getToken(c *call) (any, error) {
	t := c.sys.tokens[c.id(0)]
	if t == nil || t.member != c.me() {
		return nil, errToken
	}
	out := pick(tokenView(t), c.p.text("fields"), "all")
	if c.p.yes("webhooks") {
		out["webhooks"] = c.sys.webhooksOf(t)
	}
	return out, nil
}

func getTokenMember(c *call) (any, error) {
	t := c.sys.tokens[c.id(0)]
	if t == nil {
		return nil, errToken
	}
	return pick(c.sys.memberView(t.member, c), c.p.text("fields"), "all"), nil
}

func deleteToken(c *call) (any, error) {
	if c.sys.tokens[c.id(0)] == nil {
		return nil, errToken
	}
	c.sys.revoke(c.id(0))
	return object{"_value": nil}, nil
}

// limits are the windows of Trello's rate limits.
type limits struct {
	token, key, member *kit.Window
	refused            *kit.Window // locks out who goes on after too many refusals
	max                Limits
}

func newLimits(clock kit.Clock, l Limits) *limits {
	return &limits{
		token: kit.NewRollingWindow(clock, l.Token, 10*time.Second), key: kit.NewRollingWindow(clock, l.Key, 10*time.Second),
		member: kit.NewRollingWindow(clock, l.Member, 900*time.Second), refused: kit.NewRollingWindow(clock, 200, 10*time.Second), max: l,
	}
}

func rateLimited(code string) *apiError {
	return &apiError{status: http.StatusTooManyRequests, text: "Rate limit exceeded", json: object{"error": code, "message": "Rate limit exceeded"}}
}

func setLimit(h http.Header, scope string, most, left, interval int) {
	if h == nil || most <= 0 {
		return
	}
	h.Set("X-Rate-Limit-"+scope+"-Interval-Ms", strconv.Itoa(interval))
	h.Set("X-Rate-Limit-"+scope+"-Max", strconv.Itoa(most))
	h.Set("X-Rate-Limit-"+scope+"-Remaining", strconv.Itoa(max(left, 0)))
}

// take counts a call; each part of a batch counts. The answer's headers tell what
// is left.
func (l *limits) take(c *call) *apiError {
	code, header := "", c.out
	perKey := l.key.Take("key")
	setLimit(header, "api-key", perKey.Limit, perKey.Remaining, 10_000)
	perToken := l.token.Take(c.token.value)
	setLimit(header, "api-token", perToken.Limit, perToken.Remaining, 10_000)
	switch {
	case !perKey.OK:
		code = "API_KEY_LIMIT_EXCEEDED"
	case !perToken.OK:
		code = "API_TOKEN_LIMIT_EXCEEDED"
	case c.memberRoute():
		perMember := l.member.Take(c.token.value)
		setLimit(header, "member", perMember.Limit, perMember.Remaining, 900_000)
		if !perMember.OK {
			code = "MEMBER_LIMIT_EXCEEDED"
		}
	}
	if code == "" {
		return nil
	}
	if v := l.refused.Take("key"); !v.OK { // who goes on asking is locked out
		for l.key.Take("key").OK {
		}
		code = "API_KEY_LIMIT_EXCEEDED"
	}
	return rateLimited(code)
}

// memberRoute reports whether a call is of the family with a limit of its own.
func (c *call) memberRoute() bool {
	for _, prefix := range []string{"members/", "membersSearch", "search"} {
		if len(c.path) >= len(prefix) && c.path[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}
