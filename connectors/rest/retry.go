package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/tenonsync/tenon/connectors"
)

// withRetries returns the round tripper that repeats what may be repeated. Its
// waits go by the client's clock; a wait that the system asked for is the
// gate's business and holds all callers.
func (c *Client) withRetries() http.RoundTripper {
	once := &http.Client{
		Transport: attempt{c},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the outer client follows
		},
	}
	return &retrier{client: c, once: once.Transport, retry: &retryablehttp.Client{
		HTTPClient:   once,
		RetryMax:     max(c.cfg.Retries, 0),
		CheckRetry:   shouldRetry,
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return 0 },
		PrepareRetry: c.beforeRetry,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}}
}

type retrier struct {
	client *Client
	once   http.RoundTripper
	retry  *retryablehttp.Client
}

type retryKey struct{}

// retries counts the repeats of one request.
type retries struct {
	n      int
	failed *Failure // of the last answer, nil if none came
	unsure bool     // an earlier attempt may have taken effect
}

// RoundTrip implements http.RoundTripper.
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	if !r.client.repeatable(callOf(req)) || !rewinds(req) {
		return r.once.RoundTrip(req)
	}
	state := &retries{}
	outer := req.Context()
	req = req.WithContext(context.WithValue(outer, retryKey{}, state))
	again, err := retryablehttp.FromRequest(req)
	if err != nil {
		return nil, &connectors.Error{Kind: connectors.Internal, Err: err}
	}
	resp, err := r.retry.Do(again)
	if err == nil {
		if b, ok := resp.Body.(*body); ok && b.failure != nil {
			b.failure.Unsure = b.failure.Unsure || state.unsure
		}
		return resp, nil
	}
	own := connectors.Error{Kind: connectors.Unavailable, Err: err}
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		own = *e // it may be the cause of a context that other calls share
	}
	own.Unsure = own.Unsure || state.unsure
	return nil, &own
}

func shouldRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	state, _ := ctx.Value(retryKey{}).(*retries)
	live := ctx.Err() == nil
	state.failed = nil
	if err != nil {
		e, ok := errors.AsType[*connectors.Error](err)
		state.unsure = state.unsure || ok && e.Unsure
		return live && ok && e.Kind == connectors.Unavailable && !errors.Is(e, errClosed), nil
	}
	if b, ok := resp.Body.(*body); ok && b.failure != nil {
		state.failed, state.unsure = b.failure, state.unsure || b.failure.Unsure
		return live && (b.failure.Kind == connectors.RateLimited || b.failure.Kind == connectors.Unavailable), nil
	}
	return false, nil
}

// beforeRetry waits: half a second, doubled with each repeat, give or take
// 30 %. A pause of the connection is waited for in the gate instead.
func (c *Client) beforeRetry(req *http.Request) error {
	ctx := req.Context()
	state, _ := ctx.Value(retryKey{}).(*retries)
	state.n++
	if state.failed != nil && state.failed.RetryAfter > 0 {
		return nil
	}
	wait := float64(500*time.Millisecond<<min(state.n-1, 6)) * (0.7 + 0.6*c.rand())
	return c.clock.Sleep(ctx, time.Duration(wait))
}

// checkRedirect lets reads be redirected within the connection's hosts.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if !callOf(via[0]).Reads || req.Method != via[0].Method {
		return http.ErrUseLastResponse
	}
	if len(via) > 5 {
		return &connectors.Error{Kind: connectors.Internal, Err: errors.New("more than five redirects")}
	}
	if !c.ours(req.URL) {
		return &connectors.Error{
			Kind: connectors.Internal,
			Err:  fmt.Errorf("the answer redirects to %s://%s, which is not %s", req.URL.Scheme, req.URL.Host, c.base.Host),
			Help: "check the connection's base URL",
		}
	}
	return nil
}
