package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Request is one request of a connector.
type Request struct {
	Op     string // "update", for errors
	Record string // "deals/1042"; empty when not about one record
	Method string // default GET

	// Path is a template below the base URL, "/crm/v3/objects/{object}/{id}".
	// Params fills the braces, escaped. The template itself goes to metrics.
	Path   string
	Params map[string]string
	Query  url.Values

	// URL is an absolute address that the system itself gave (the next page).
	// It replaces Params and Query; Path is then for metrics only.
	URL string

	Header http.Header

	// Body is sent as JSON, unless it is []byte (sent as it is, JSON unless
	// Header says otherwise), url.Values (a form) or a *Stream. Nil sends none.
	Body any

	// Out takes the answer: *[]byte the raw body, anything else its JSON. It is
	// left alone when the body is empty. Nil drops the answer.
	Out       any
	UseNumber bool // numbers into any become json.Number

	Lane       string
	Reads      bool // a POST that changes nothing: it may be repeated and is never unsure
	Idempotent bool // a write that may be repeated
	Accept     []int
	MaxBody    int64

	// Units is the most that the request may cost of an allowance that counts
	// more than requests (Jira's points); default 1.
	Units int
}

// Response is an accepted answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and decodes its answer. Errors are *connectors.Error.
// Reads, and writes marked Idempotent, are repeated within the context; another
// write never is, except after a 401 that new credentials may mend. A status
// outside 2xx is an error unless Accept names it.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	stream, _ := r.Body.(*Stream)
	call := Call{
		Path: r.Path, Lane: r.Lane, Reads: r.Reads, Idempotent: r.Idempotent,
		MaxBody: r.MaxBody, Accept: r.Accept, Units: r.Units, streams: stream != nil,
	}
	req, err := c.build(WithCall(ctx, call), &r)
	if err != nil {
		return nil, &connectors.Error{
			Op: r.Op, Connection: c.cfg.Connection, Record: r.Record, Kind: connectors.Internal, Err: err,
		}
	}
	resp, err := c.http.Do(req)
	if err != nil && stream != nil && stream.broken != nil {
		return nil, c.named(stream.failure(), r.Op, r.Record)
	}
	if err != nil {
		if e, ok := errors.AsType[*connectors.Error](err); ok {
			return nil, c.named(e, r.Op, r.Record)
		}
		return nil, c.named(&connectors.Error{Kind: connectors.Unavailable, Err: bare(err)}, r.Op, r.Record)
	}
	defer func() { _ = resp.Body.Close() }()
	b, ok := resp.Body.(*body)
	if !ok {
		return nil, c.named(&connectors.Error{Kind: connectors.Internal, Err: errors.New("the answer's body was replaced")}, r.Op, r.Record)
	}
	if b.failure != nil {
		return nil, c.errorOf(r.Op, r.Record, resp.StatusCode, b.failure)
	}
	if err := decode(b.raw, &r); err != nil {
		return nil, c.named(&connectors.Error{
			Kind: connectors.Internal, Unsure: !callOf(req).Reads,
			Err: fmt.Errorf("the answer (%s) makes no sense: %s", resp.Status, c.Clip(err.Error())), // it may quote the answer
		}, r.Op, r.Record)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: b.raw}, nil
}

// bare takes the address, which may hold a query, off an error of net/http.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func (c *Client) build(ctx context.Context, r *Request) (*http.Request, error) {
	address, err := c.address(r)
	if err != nil {
		return nil, err
	}
	stream, streams := r.Body.(*Stream)
	var content []byte
	var kind string
	if streams {
		kind = stream.kind
	} else if content, kind, err = encode(r.Body); err != nil {
		return nil, err
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	var reader io.Reader
	switch {
	case streams && stream.length == 0:
		reader = http.NoBody
	case streams:
		reader = stream
	case r.Body != nil:
		reader = bytes.NewReader(content)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return nil, errors.New("the request's address makes no sense")
	}
	if streams && stream.length > 0 {
		req.ContentLength = stream.length
	}
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	return req, nil
}

func (c *Client) address(r *Request) (string, error) {
	if r.URL != "" {
		return r.URL, nil
	}
	var b strings.Builder
	b.WriteString(c.base.String())
	rest := r.Path
	if !strings.HasPrefix(rest, "/") {
		b.WriteByte('/')
	}
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		value, known := r.Params[name]
		if !closed || !known {
			return "", fmt.Errorf("the path %s has no value for {%s}", r.Path, name)
		}
		if value == "" || value == "." || value == ".." {
			return "", fmt.Errorf("%q cannot stand in the path %s", value, r.Path)
		}
		b.WriteString(url.PathEscape(value))
		rest = tail
	}
	if len(r.Query) > 0 {
		b.WriteString("?" + r.Query.Encode())
	}
	return b.String(), nil
}

func encode(v any) (content []byte, kind string, err error) {
	switch v := v.(type) {
	case nil:
		return nil, "", nil
	case []byte:
		return v, "application/json", nil
	case url.Values:
		return []byte(v.Encode()), "application/x-www-form-urlencoded", nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, "", fmt.Errorf("the request cannot be written: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), "application/json", nil
}

func decode(raw []byte, r *Request) error {
	if r.Out == nil || len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if out, ok := r.Out.(*[]byte); ok {
		*out = raw
		return nil
	}
	if !r.UseNumber {
		return json.Unmarshal(raw, r.Out)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(r.Out); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
