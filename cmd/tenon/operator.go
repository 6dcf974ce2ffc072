package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// remote asks a running service over its API.
type remote struct {
	base  string
	token func() string // long work asks for longer than one token is good
	http  *http.Client
}

func newRemote(base string, token func() string) *remote {
	return &remote{base: base, token: token, http: &http.Client{Timeout: 2 * time.Minute}}
}

// errUnreachable says that no service answers.
var errUnreachable = errors.New("no service answers")

// do sends one request and decodes the answer into out (an io.Writer takes it
// as it is). A body that is an io.Reader is sent as it is, any other as JSON.
func (r *remote) do(ctx context.Context, method, path string, query url.Values, body, out any) error {
	payload, whole := body.(io.Reader)
	if body != nil && !whole {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(text)
	}
	address := r.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.token())
	req.Header.Set("Accept", "application/json")
	client := *r.http
	if _, file := out.(io.Writer); file || whole {
		client.Timeout = 0 // what is large takes its time; ctx ends it
	}
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the address stands before it
		}
		return fail(exitState, "is `tenon serve` running with this configuration?", "%w at %s: %w", errUnreachable, r.base, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var p server.Problem
		if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil || p.Title == "" {
			p.Title = resp.Status
		}
		if resp.StatusCode == http.StatusUnauthorized {
			p.Title, p.Detail = refusedToken()
		}
		return fail(exitOfStatus(resp.StatusCode), p.Detail, "the service at %s: %s", r.base, p.Title)
	}
	if w, ok := out.(io.Writer); ok {
		_, err := io.Copy(w, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// refusedToken says what is wrong when the service knows no such token.
func refusedToken() (title, hint string) {
	if os.Getenv("TENON_TOKEN") == "" {
		return "it works with another sealing key than this configuration", "name the service's tenon.yaml with --config, or put a token into TENON_TOKEN"
	}
	return "the token in TENON_TOKEN is not good, or not any more", "`tenon token create NAME`, where the service runs, makes another"
}

// exitOfStatus returns the exit code that goes with a refusal of the service.
func exitOfStatus(status int) int {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitUsage
	case http.StatusServiceUnavailable:
		return exitSystem
	}
	return exitFound
}

func (r *remote) get(ctx context.Context, path string, query url.Values, out any) error {
	return r.do(ctx, http.MethodGet, "/api/v1/"+path, query, nil, out)
}

func params(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" && pairs[i+1] != "0" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func text(n uint64) string { return strconv.FormatUint(n, 10) }

// Status implements server.Operator, as do the methods below.
func (r *remote) Status(ctx context.Context) (*engine.Status, error) {
	var s engine.Status
	return &s, r.get(ctx, "status", nil, &s)
}

func (r *remote) Links(ctx context.Context, mapping string, after uint64, limit int) ([]engine.LinkRow, error) {
	var l server.List[engine.LinkRow]
	err := r.get(ctx, "links", params("mapping", mapping, "after", text(after), "limit", strconv.Itoa(limit)), &l)
	return l.Rows, err
}

func (r *remote) Asides(ctx context.Context, mapping string, conflictsOnly bool, after uint64, limit int) ([]engine.AsideRow, error) {
	var l server.List[engine.AsideRow]
	q := params("mapping", mapping, "after", text(after), "limit", strconv.Itoa(limit))
	if !conflictsOnly {
		q.Set("all", "true")
	}
	err := r.get(ctx, "conflicts", q, &l)
	return l.Rows, err
}

func (r *remote) Queue(ctx context.Context, f engine.QueueFilter) ([]engine.QueueRow, error) {
	var l server.List[engine.QueueRow]
	err := r.get(ctx, "queue", params("mapping", f.Mapping, "status", f.Status, "code", f.Code, "after", f.After, "limit", strconv.Itoa(f.Limit)), &l)
	return l.Rows, err
}

func (r *remote) Retry(ctx context.Context, f engine.QueueFilter) (int, error) {
	var n server.Retried
	err := r.do(ctx, http.MethodPost, "/api/v1/queue/retry", nil, server.RetryOrder{Mapping: f.Mapping, Status: f.Status, Code: f.Code, Record: f.Record}, &n)
	return n.Entries, err
}

func (r *remote) History(ctx context.Context, f engine.HistoryFilter) ([]engine.EventRow, error) {
	q := params("mapping", f.Mapping, "link", text(f.Link), "record", f.Record, "action", f.Action,
		"run", text(f.Run), "field", f.Field, "before", text(f.Before), "limit", strconv.Itoa(f.Limit))
	if !f.Since.IsZero() {
		q.Set("since", f.Since.Format(time.RFC3339))
	}
	var l server.List[engine.EventRow]
	err := r.get(ctx, "history", q, &l)
	return l.Rows, err
}

var _ server.Operator = (*remote)(nil)
