package asana

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	apiPath   = "/api/1.0"
	pageSize  = 100
	maxPages  = 1000
	batchSize = 10 // actions of one batch

	// batchLane paces the batches, each of which counts as ten calls.
	batchLane = "batch"
)

// newClient makes the HTTP side. Asana tells its limits by 429 only (read
// 2026-11-22), so the pace is the configured one.
func newClient(name, site string, auth rest.Auth, perSecond float64, options connectors.Options) (*rest.Client, error) {
	return rest.New(rest.Config{
		Connection: name, BaseURL: site + apiPath, Auth: auth,
		Pace:    rest.Pace{PerSecond: perSecond, Concurrent: 12},
		Lanes:   map[string]rest.Pace{batchLane: {PerSecond: perSecond / batchSize}},
		Explain: explain,
	}, options)
}

const (
	helpToken = "make a new personal access token in Asana and put it into the connection's settings, or run tenon connect again"
	helpPaid  = "the workspace's plan lacks this feature of Asana"
)

// refusal is Asana's account of a refused request.
type refusal struct {
	Errors []struct {
		Message string `json:"message"`
		Phrase  string `json:"phrase"`
	} `json:"errors"`
}

func (r *refusal) words() string {
	var words []string
	for _, e := range r.Errors {
		text := e.Message
		if e.Phrase != "" {
			text += " (phrase for Asana's support: " + e.Phrase + ")"
		}
		words = append(words, text)
	}
	return rest.Clip(strings.Join(words, "; "))
}

// explain completes the account of a refused request.
func explain(a *rest.Answer, f *rest.Failure) {
	var r refusal
	if json.Unmarshal(a.Body, &r) == nil && len(r.Errors) > 0 {
		f.Message = r.words()
	}
	switch a.Status {
	case http.StatusUnauthorized:
		f.Help = helpToken
	case http.StatusPaymentRequired:
		f.Help = helpPaid
	case http.StatusFailedDependency: // a file's store does not answer
		f.Kind = connectors.Unavailable
	case http.StatusRequestEntityTooLarge:
		f.Kind = connectors.Invalid
	}
}

// kindOf judges the status of an action in a batch.
func kindOf(status int) connectors.Kind {
	switch status {
	case http.StatusUnauthorized:
		return connectors.Auth
	case http.StatusPaymentRequired, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return connectors.Permission
	case http.StatusNotFound:
		return connectors.NotFound
	case http.StatusTooManyRequests:
		return connectors.RateLimited
	case http.StatusFailedDependency:
		return connectors.Unavailable
	}
	switch {
	case status >= 500:
		return connectors.Unavailable
	case status >= 400:
		return connectors.Invalid
	}
	return connectors.Internal
}

// envelope is the frame of an answer.
type envelope struct {
	Data json.RawMessage `json:"data"`
	Next *struct {
		Offset string `json:"offset"`
	} `json:"next_page"`
}

var errNoData = errors.New("the answer has no data")

// do sends a request and decodes the data of its answer.
func (c *Connection) do(ctx context.Context, r rest.Request, out any) (*rest.Response, error) {
	var e envelope
	r.Out = &e
	resp, err := c.http.Do(ctx, r)
	if err != nil {
		return resp, err
	}
	if err := decodeData(e.Data, out); err != nil {
		return resp, &connectors.Error{
			Op: r.Op, Connection: c.name, Record: r.Record, Kind: connectors.Internal, Unsure: r.Method != "" && r.Method != http.MethodGet && !r.Reads, Err: err,
		}
	}
	return resp, nil
}

func decodeData(data json.RawMessage, out any) error {
	if out == nil {
		return nil
	}
	if len(bytes.TrimSpace(data)) == 0 || string(data) == "null" {
		return errNoData
	}
	if err := json.Unmarshal(data, out); err != nil {
		return errors.New("the answer's data has another form: " + rest.Clip(err.Error()))
	}
	return nil
}

// get reads one object or a list that is not paged. Params fill the path.
func (c *Connection) get(ctx context.Context, op, record, path string, params map[string]string, fields string, out any) error {
	q := url.Values{}
	if fields != "" {
		q.Set("opt_fields", fields)
	}
	_, err := c.do(ctx, rest.Request{Op: op, Record: record, Path: path, Params: params, Query: q}, out)
	return err
}

// list is one page of a list.
type list[T any] struct {
	Data []T `json:"data"`
	Next *struct {
		Offset string `json:"offset"`
	} `json:"next_page"`
}

// page reads one page of a list; offset "" is the first.
func page[T any](ctx context.Context, c *Connection, r rest.Request, offset string) (rows []T, next string, resp *rest.Response, err error) {
	q := url.Values{}
	for name, v := range r.Query {
		q[name] = v
	}
	q.Set("limit", strconv.Itoa(pageSize))
	if offset != "" {
		q.Set("offset", offset)
	}
	var l list[T]
	r.Query, r.Out = q, &l
	if resp, err = c.http.Do(ctx, r); err != nil {
		return nil, "", nil, err
	}
	if l.Data == nil {
		return nil, "", nil, &connectors.Error{Op: r.Op, Connection: c.name, Record: r.Record, Kind: connectors.Internal, Err: errNoData}
	}
	if l.Next != nil && len(l.Next.Offset) > maxToken {
		return nil, "", nil, c.fail(r.Op, r.Record, connectors.Internal, "the page's token has %d characters", len(l.Next.Offset))
	}
	if l.Next != nil && l.Next.Offset != offset {
		next = l.Next.Offset
	}
	return l.Data, next, resp, nil
}

// all reads all pages of a list, at most so many. One that is longer than any list
// of Asana's is an error; of others what fits is enough.
func all[T any](ctx context.Context, c *Connection, r rest.Request, most int) ([]T, error) {
	var out []T
	offset := ""
	for range most {
		rows, next, _, err := page[T](ctx, c, r, offset)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		if next == "" {
			return out, nil
		}
		offset = next
	}
	if most >= maxPages {
		return nil, c.fail(r.Op, r.Record, connectors.Internal, "%w", errEndless)
	}
	return out, nil
}

var errEndless = errors.New("the list has no end")

// action is one call inside a batch. Path is complete, without a query.
type action struct {
	method string
	path   string
	data   map[string]any
	fields string
	limit  int
	offset string
}

// reply is what became of an action: its data, or an error.
type reply struct {
	data json.RawMessage
	next string
	err  *connectors.Error
	part bool // the batch was answered, so that err is about this action alone
}

// aboutRecord reports whether what went wrong is about the action's record, not
// about the call.
func (r *reply) aboutRecord() bool {
	return connectors.AboutRecord(r.err) || r.part && r.err.Kind == connectors.Internal
}

type wireAction struct {
	Method  string         `json:"method"`
	Path    string         `json:"relative_path"`
	Data    map[string]any `json:"data,omitempty"`
	Options map[string]any `json:"options,omitempty"`
}

func (a *action) wire() wireAction {
	w := wireAction{Method: strings.ToLower(a.method), Path: a.path, Data: a.data}
	if a.fields != "" {
		w.Options = map[string]any{"fields": strings.Split(a.fields, ",")}
	}
	if a.limit > 0 {
		if w.Options == nil {
			w.Options = map[string]any{}
		}
		w.Options["limit"] = a.limit
		if a.offset != "" {
			w.Options["offset"] = a.offset
		}
	}
	return w
}

// run carries actions out, ten in a batch, one by itself. The replies are in the
// order of the actions. They run in no order, so none may rest on another.
func (c *Connection) run(ctx context.Context, op string, actions []action) []reply {
	out := make([]reply, 0, len(actions))
	for start := 0; start < len(actions); start += batchSize {
		part := actions[start:min(start+batchSize, len(actions))]
		if len(part) == 1 {
			out = append(out, c.single(ctx, op, &part[0]))
			continue
		}
		out = append(out, c.sendBatch(ctx, op, part)...)
	}
	return out
}

func (c *Connection) single(ctx context.Context, op string, a *action) reply {
	path, id := template(a.path)
	r := rest.Request{Op: op, Method: a.method, Path: path, Params: id, Query: url.Values{}}
	if a.fields != "" {
		r.Query.Set("opt_fields", a.fields)
	}
	if a.limit > 0 {
		r.Query.Set("limit", strconv.Itoa(a.limit))
	}
	if a.offset != "" {
		r.Query.Set("offset", a.offset)
	}
	if a.method == http.MethodGet {
		for name, v := range a.data {
			if s, ok := v.(string); ok {
				r.Query.Set(name, s)
			}
		}
	} else if a.method != http.MethodDelete {
		r.Body = map[string]any{"data": a.data}
	}
	var e envelope
	r.Out = &e
	_, err := c.http.Do(ctx, r)
	if err != nil {
		return reply{err: c.asError(op, err)}
	}
	out := reply{data: e.Data}
	if e.Next != nil {
		out.next = e.Next.Offset
	}
	return out
}

// template makes "/tasks/{id}/addTag" of "/tasks/123/addTag", for metrics.
func template(path string) (string, map[string]string) {
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		return path, nil
	}
	id := parts[2]
	parts[2] = "{id}"
	return strings.Join(parts, "/"), map[string]string{"id": id}
}

func (c *Connection) asError(op string, err error) *connectors.Error {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		return e
	}
	return c.fail(op, "", connectors.KindOf(err), "%w", err)
}

type wireReply struct {
	Status  int             `json:"status_code"`
	Headers json.RawMessage `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

func (c *Connection) sendBatch(ctx context.Context, op string, part []action) []reply {
	body := make([]wireAction, len(part))
	reads := true
	for i := range part {
		body[i] = part[i].wire()
		reads = reads && part[i].method == http.MethodGet
	}
	var got []wireReply
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "/batch", Body: map[string]any{"data": map[string]any{"actions": body}}, Reads: reads, Lane: batchLane, Units: len(part),
	}, &got)
	if err == nil && len(got) != len(part) {
		e := c.fail(op, "", connectors.Internal, "the answer to a batch of %d has %d replies", len(part), len(got))
		e.Unsure = !reads
		err = e
	}
	out := make([]reply, len(part))
	for i := range part {
		if err != nil {
			out[i].err = c.asError(op, err)
			continue
		}
		out[i] = c.readReply(op, part[i].method, &got[i])
	}
	return out
}

func (c *Connection) readReply(op, method string, w *wireReply) reply {
	if w.Status >= 200 && w.Status < 300 {
		var e envelope
		if err := json.Unmarshal(w.Body, &e); err != nil {
			return reply{err: &connectors.Error{Op: op, Connection: c.name, Kind: connectors.Internal, Unsure: method != http.MethodGet, Err: errors.New("a reply in the batch makes no sense")}}
		}
		out := reply{data: e.Data}
		if e.Next != nil {
			out.next = e.Next.Offset
		}
		return out
	}
	var r refusal
	_ = json.Unmarshal(w.Body, &r) // an odd refusal has no words
	err := &connectors.Error{
		Op: op, Connection: c.name, Kind: kindOf(w.Status), Unsure: w.Status >= 500 && w.Status != http.StatusServiceUnavailable && method != http.MethodGet,
		Err: &rest.StatusError{Status: w.Status, Message: c.http.Clip(r.words())},
	}
	switch w.Status {
	case http.StatusUnauthorized:
		err.Help = helpToken
	case http.StatusPaymentRequired:
		err.Help = helpPaid
	case http.StatusTooManyRequests:
		err.RetryAfter = 10 * time.Second
	}
	if err.Kind == connectors.Unavailable { // to this action: Asana itself is there
		err.Kind = connectors.Internal
	}
	return reply{err: err, part: true}
}

// named completes an error with the record that it is about.
func named(e *connectors.Error, op, record string) *connectors.Error {
	out := *e
	out.Op, out.Record = op, record
	return &out
}
