package trello

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// singles is how many records are worked at the same time where each takes
// requests of its own.
const singles = 4

// authorization puts key and token into the header: in the query they would
// stand in the logs of whatever lies between.
func authorization(key, token string) string {
	return `OAuth oauth_consumer_key="` + key + `", oauth_token="` + token + `"`
}

// limitWindow is how long Trello's windows are, where no header tells.
const limitWindow = 10 * time.Second

var limitHeaders = rest.LimitHeaders{
	PerWindow: "X-Rate-Limit-Api-Token-Max", Remaining: "X-Rate-Limit-Api-Token-Remaining", WindowMS: "X-Rate-Limit-Api-Token-Interval-Ms",
}

// do sends a request; the path starts below /1.
func (c *Connection) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	return c.http.Do(ctx, r)
}

// query makes parameters of names and values in turn.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

const helpToken = "grant a new token as the bot (trello.com/apps/admin, the app, Token) and put it into the connection's settings"

// explain completes the account of a refused request. Trello answers 401 for
// what an account may not see as well as for bad credentials; its words tell
// them apart.
func explain(a *rest.Answer, f *rest.Failure) {
	switch a.Status {
	case http.StatusUnauthorized:
		if bytes.Contains(a.Body, []byte("permission")) || bytes.Contains(a.Body, []byte("belong to token")) {
			f.Kind = connectors.Permission
			f.Help = "let the bot be a normal member of the board, and its token have the scopes read and write"
			return
		}
		f.Help = helpToken
	case http.StatusTooManyRequests:
		// A pause for the whole connection, unless it is the allowance of looking
		// at members and searching, which the rest does not need.
		if f.RetryAfter == 0 && !bytes.Contains(a.Body, []byte("MEMBER_LIMIT")) {
			f.RetryAfter = limitWindow
			if ms, err := strconv.Atoi(a.Header.Get("X-Rate-Limit-Api-Token-Interval-Ms")); err == nil && ms > 0 && ms <= 900_000 {
				f.RetryAfter = time.Duration(ms) * time.Millisecond
			}
		}
	case 449: // a part of the request failed, for a reason of its own
		var part struct {
			Message string `json:"originalMessage"`
			Status  int    `json:"originalStatus"`
		}
		if json.Unmarshal(a.Body, &part) == nil && part.Status != 0 {
			f.Kind, f.Message = kindOf(part.Status), rest.Clip(part.Message)
		}
	case http.StatusBadRequest:
		if name, ok := bytes.CutPrefix(bytes.TrimSpace(a.Body), []byte("invalid value for ")); ok && len(name) < 40 {
			f.Fields = []connectors.FieldError{{Field: string(name), Reason: "Trello takes it for invalid"}}
		}
	}
}

// kindOf judges the status of a part of an answer, whose whole was let through:
// so 401 is about the record, not the credentials.
func kindOf(status int) connectors.Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return connectors.Permission
	case status == http.StatusNotFound, status == http.StatusGone:
		return connectors.NotFound
	case status == http.StatusTooManyRequests:
		return connectors.RateLimited
	case status == http.StatusConflict:
		return connectors.Conflict
	case status >= 500:
		return connectors.Unavailable
	case status >= 400:
		return connectors.Invalid
	}
	return connectors.Internal
}

// turn lets one caller in at a time.
type turn chan struct{}

func newTurn() turn {
	return make(turn, 1)
}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) leave() { <-t }

// isID reports whether a text has the form of Trello's ids.
func isID(s string) bool {
	if len(s) != 24 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isShortLink reports whether a text has the form of a card's or board's short
// link.
func isShortLink(s string) bool {
	if len(s) != 8 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// createdAt reads the time out of an id: its first eight digits.
func createdAt(id string) time.Time {
	if !isID(id) {
		return time.Time{}
	}
	n, err := strconv.ParseInt(id[:8], 16, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, false
	}
	return t.UTC(), true
}
