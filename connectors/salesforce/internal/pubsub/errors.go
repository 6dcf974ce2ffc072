package pubsub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tenonsync/tenon/connectors"
)

// codePrefix stands before the error codes that trailers carry.
const codePrefix = "sfdc.platform.eventbus.grpc."

// refusal is what a call was answered with instead of what it asked for.
type refusal struct {
	code   codes.Code
	reason string // the vendor's code without its prefix, "" where none came
	text   string
}

// refused reads the status and the trailer of a failed call.
func refused(err error, trailer metadata.MD) refusal {
	s := status.Convert(err)
	r := refusal{code: s.Code(), text: s.Message()}
	for _, key := range []string{"error-code", "errorcode"} {
		for _, v := range trailer.Get(key) {
			r.reason = strings.TrimPrefix(strings.TrimSpace(v), codePrefix)
		}
	}
	if r.reason == "" { // some answers carry the code in their text only
		if _, rest, ok := strings.Cut(r.text, codePrefix); ok {
			r.reason, _, _ = strings.Cut(rest, " ")
			r.reason = strings.TrimRight(r.reason, ".,;:)")
		}
	}
	return r
}

// session reports whether the session was refused: another token may help.
func (r refusal) session() bool {
	return r.code == codes.Unauthenticated || strings.HasPrefix(r.reason, "service.auth.")
}

// place reports whether the place to go on from was refused: it is too old, or
// none of this topic.
func (r refusal) place() bool {
	return strings.HasPrefix(r.reason, "subscription.fetch.replayid.")
}

// How long to stay away after a limit.
const limitPause = 5 * time.Minute

// err turns the refusal into an error of the right kind.
func (r refusal) err(ctx context.Context) error {
	e := &connectors.Error{Kind: connectors.Unavailable}
	switch {
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
		return e
	case r.session():
		e.Kind = connectors.Auth
		e.Help = "check that the integration user may use the API and that the app has the scope api"
	case strings.Contains(r.reason, "limit.exceeded"), r.code == codes.ResourceExhausted:
		e.Kind, e.RetryAfter = connectors.RateLimited, limitPause
		e.Help = "the org's allowance of delivered events is used up, or too many clients listen"
	case strings.HasPrefix(r.reason, "topic.not.found"), r.code == codes.NotFound, r.code == codes.Unimplemented:
		e.Kind = connectors.NotFound
	case strings.Contains(r.reason, "cannot.subscribe"), r.code == codes.PermissionDenied:
		e.Kind = connectors.Permission
	case r.code == codes.InvalidArgument:
		e.Kind = connectors.Internal
	}
	e.Err = errors.New(r.words())
	return e
}

func (r refusal) words() string {
	words := clip(r.text)
	if words == "" {
		words = r.code.String()
	}
	if r.reason != "" && !strings.Contains(words, r.reason) {
		words += fmt.Sprintf(" (%s)", clip(r.reason))
	}
	return words
}

// clip makes one short line of what a server says.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
