package github

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// apiVersion is the version of the REST API that everything here is written for.
const apiVersion = "2022-11-28"

func headers() http.Header {
	return http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {apiVersion}}
}

// coreLimits are the headers of the allowance of an hour.
var coreLimits = rest.LimitHeaders{
	PerWindow: "X-RateLimit-Limit", Remaining: "X-RateLimit-Remaining", Reset: "X-RateLimit-Reset", Window: time.Hour,
}

// limits reads the allowance that most requests use; search and GraphQL have
// their own.
func limits(h http.Header, now time.Time) rest.Learnt {
	if r := h.Get("X-RateLimit-Resource"); r != "" && r != "core" {
		return rest.Learnt{}
	}
	return coreLimits.Read(h, now)
}

// strict is the transport that go-github sends by: the connection's stack, with
// refusals as errors, and without the headers by which that library would hold
// back requests on its own account.
type strict struct{ c *Connection }

// RoundTrip implements http.RoundTripper.
func (t strict) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.c.http.HTTP().Do(req)
	if err != nil {
		return nil, err
	}
	if err := t.c.http.ErrorOf("", "", resp, nil); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	resp.Header = resp.Header.Clone()
	for _, h := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Retry-After"} {
		resp.Header.Del(h)
	}
	return resp, nil
}

func (c *Connection) library(base string) (*gogithub.Client, error) {
	return newLibrary(&http.Client{
		Transport:     strict{c},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, base)
}

func newLibrary(client *http.Client, base string) (*gogithub.Client, error) {
	hub := gogithub.NewClient(client)
	u, err := url.Parse(base + "/")
	if err != nil {
		return nil, err
	}
	hub.BaseURL = u
	return hub, nil
}

// calling describes a call that go-github makes.
func calling(ctx context.Context, path string) context.Context {
	return rest.WithCall(ctx, rest.Call{Path: path})
}

// creating describes one that makes something.
func creating(ctx context.Context, path string) context.Context {
	return rest.WithCall(ctx, rest.Call{Path: path, Lane: createLane})
}

// writing describes one that changes something.
func writing(ctx context.Context, path string) context.Context {
	return rest.WithCall(ctx, rest.Call{Path: path, Lane: writeLane})
}

// outcome turns what go-github returned into an error of the connection, nil
// for a success.
func (c *Connection) outcome(op, record string, r *gogithub.Response, err error) error {
	if err == nil {
		return nil
	}
	var resp *http.Response
	if r != nil {
		resp = r.Response
	}
	return c.http.ErrorOf(op, record, resp, err)
}

// refusal is the body of GitHub's errors. The errors are objects or texts.
type refusal struct {
	Message string            `json:"message"`
	Docs    string            `json:"documentation_url"`
	Errors  []json.RawMessage `json:"errors"`
}

type refusedField struct {
	Resource string          `json:"resource"`
	Field    string          `json:"field"`
	Code     string          `json:"code"`
	Message  string          `json:"message"`
	Value    json.RawMessage `json:"value"`
}

// secondaryWait is how long to stay away after a secondary limit that does not
// say how long.
const secondaryWait = time.Minute

// explain tells limits from missing rights, which share 403, and names the
// fields that a write was refused for.
func explain(clock connectors.Clock) func(*rest.Answer, *rest.Failure) {
	return func(a *rest.Answer, f *rest.Failure) {
		var body refusal
		if json.Unmarshal(a.Body, &body) == nil && body.Message != "" {
			f.Message = rest.Clip(body.Message)
		}
		switch a.Status {
		case http.StatusForbidden, http.StatusTooManyRequests:
			explainLimit(a, f, &body, clock.Now())
		case http.StatusUnauthorized:
			f.Help = "give the connection a new token, or check the app's key"
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			f.Kind, f.Message, f.Help = connectors.NotFound, "it has moved to another repository, or its repository has another name", ""
		case http.StatusUnprocessableEntity:
			explainFields(f, &body)
		}
	}
}

func explainLimit(a *rest.Answer, f *rest.Failure, body *refusal, now time.Time) {
	learnt := coreLimits.Read(a.Header, now)
	wait := f.RetryAfter
	if wait == 0 {
		wait = headerWait(a.Header)
	}
	switch {
	case wait > 0:
	case learnt.Limit.Known && learnt.Limit.Remaining == 0 && !learnt.Reset.IsZero():
		wait = max(learnt.Reset.Sub(now), time.Second)
	case a.Status == http.StatusTooManyRequests, strings.HasSuffix(body.Docs, "secondary-rate-limits"):
		wait = secondaryWait
	default:
		f.Help = "give the token or the app the right to read and write issues of the repository"
		return
	}
	f.Kind, f.RetryAfter, f.Unsure = connectors.RateLimited, wait, false
}

// headerWait reads Retry-After, which rest looks at for other statuses than 403.
func headerWait(h http.Header) time.Duration {
	d, err := time.ParseDuration(strings.TrimSpace(h.Get("Retry-After")) + "s")
	if err != nil || d < 0 || d > 24*time.Hour {
		return 0
	}
	return d
}

// ourName is the field of a record by the name that GitHub's errors give it.
func ourName(r refusedField) string {
	switch {
	case r.Resource == "Label":
		return "labels"
	case r.Field == "assignee":
		return "assignees"
	}
	return r.Field
}

func explainFields(f *rest.Failure, body *refusal) {
	for _, raw := range body.Errors {
		var r refusedField
		var plain string
		if json.Unmarshal(raw, &plain) == nil {
			f.Message = rest.Clip(f.Message + ": " + plain)
			continue
		}
		if json.Unmarshal(raw, &r) != nil {
			continue
		}
		reason := r.Message
		if reason == "" {
			reason = "GitHub calls it " + strings.ReplaceAll(r.Code, "_", " ")
			if len(r.Value) > 0 && len(r.Value) < 200 {
				reason += ": " + strings.Trim(string(r.Value), `"`)
			}
		}
		if r.Field == "" {
			f.Message = rest.Clip(f.Message + ": " + reason)
			continue
		}
		f.Fields = append(f.Fields, connectors.FieldError{Field: ourName(r), Reason: rest.Clip(reason)})
	}
}

// nextPage returns the address of the next page, "" if this was the last.
func nextPage(h http.Header) string {
	for _, line := range h.Values("Link") {
		for part := range strings.SplitSeq(line, ",") {
			address, params, ok := strings.Cut(part, ";")
			address = strings.TrimSpace(address)
			if ok && strings.Contains(params, `rel="next"`) && strings.HasPrefix(address, "<") && strings.HasSuffix(address, ">") {
				return strings.Trim(address, "<>")
			}
		}
	}
	return ""
}

// all walks the pages of a list; each is decoded by take. More than maxPages are
// taken for a list without an end.
func (c *Connection) all(ctx context.Context, r rest.Request, take func(raw []byte) error) error {
	for range maxPages {
		var raw []byte
		r.Out = &raw
		resp, err := c.http.Do(ctx, r)
		if err != nil {
			return err
		}
		if err := take(raw); err != nil {
			return c.fail(r.Op, r.Record, connectors.Internal, "the answer makes no sense: %s", c.http.Clip(err.Error()))
		}
		next := nextPage(resp.Header)
		if next == "" || next == r.URL {
			return nil
		}
		r.URL = next
	}
	return c.fail(r.Op, r.Record, connectors.Internal, "the list has no end")
}

// maxPages bounds the pages of a list that is read whole.
const maxPages = 1000

// into decodes the pages of a list of Ts and appends them.
func into[T any](list *[]T) func([]byte) error {
	return func(raw []byte) error {
		var page []T
		if err := json.Unmarshal(raw, &page); err != nil {
			return err
		}
		*list = append(*list, page...)
		return nil
	}
}
