package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// api is the JSON API, version 1.
type api struct {
	*Config
	auth *auth
}

const (
	maxLimit     = 1000
	defaultLimit = 100
)

func (a api) mount(mux *http.ServeMux) {
	for pattern, route := range map[string]struct {
		scope Scope
		fn    func(r *http.Request) (any, error)
	}{
		"GET /api/v1/status":                     {ScopeRead, a.status},
		"GET /api/v1/links":                      {ScopeRead, a.links},
		"GET /api/v1/conflicts":                  {ScopeRead, a.conflicts},
		"POST /api/v1/conflicts/{link}/{rule}":   {ScopeOperate, a.resolve},
		"GET /api/v1/queue":                      {ScopeRead, a.queue},
		"POST /api/v1/queue/retry":               {ScopeOperate, a.retry},
		"GET /api/v1/history":                    {ScopeRead, a.history},
		"POST /api/v1/mappings/{mapping}/resume": {ScopeOperate, a.resume},
		"GET /api/v1/tokens":                     {ScopeConfigure, a.tokens},
		"POST /api/v1/tokens":                    {ScopeConfigure, a.createToken},
		"DELETE /api/v1/tokens/{id}":             {ScopeConfigure, a.revokeToken},
	} {
		mux.HandleFunc(pattern, a.auth.need(route.scope, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, a.MaxBody)
			body, err := route.fn(r)
			if err != nil {
				a.fail(w, r, err)
				return
			}
			answer(w, http.StatusOK, body)
		}))
	}
	mux.HandleFunc("GET /api/v1/backup", a.auth.need(ScopeConfigure, a.backup))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusNotFound, "there is no such address", "docs/http.md lists the addresses of the API")
	})
}

// List is the body of a list answer. Next, when set, is the value of "after"
// (history: "before") that asks for the following rows.
type List[T any] struct {
	Rows []T    `json:"rows"`
	Next string `json:"next,omitempty"`
}

func list[T any](rows []T, limit int, next func(last T) string) List[T] {
	l := List[T]{Rows: rows}
	if l.Rows == nil {
		l.Rows = []T{}
	}
	if len(rows) >= limit && next != nil {
		l.Next = next(rows[len(rows)-1])
	}
	return l
}

func invalid(format string, args ...any) error {
	return &connectors.Error{Op: "read the request", Kind: connectors.Invalid, Err: fmt.Errorf(format, args...)}
}

// query reads the parameters of a list request; unknown ones are errors.
type query struct {
	values url.Values
	err    error
}

func queryOf(r *http.Request, known ...string) *query {
	q := &query{values: r.URL.Query()}
next:
	for name := range q.values {
		for _, k := range append(known, "limit") {
			if k == name {
				continue next
			}
		}
		q.err = invalid("unknown parameter %q", name)
	}
	return q
}

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) number(name string) uint64 {
	text := q.values.Get(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		q.err = invalid("%s: %q is not a number", name, text)
	}
	return n
}

func (q *query) flag(name string) bool {
	switch text := q.values.Get(name); text {
	case "true":
		return true
	case "", "false":
	default:
		q.err = invalid("%s: %q is neither true nor false", name, text)
	}
	return false
}

func (q *query) limit() int {
	n := q.number("limit")
	if n == 0 {
		return defaultLimit
	}
	return int(min(n, maxLimit))
}

func (q *query) time(name string) time.Time {
	text := q.values.Get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.err = invalid("%s: %q is not a time like 2026-01-31T12:00:00Z", name, text)
	}
	return t
}

// decode reads a JSON body; an empty one leaves v as it is.
func decode(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err
	}
	if err != nil {
		return invalid("the body: %w", err)
	}
	return nil
}

func (a api) status(r *http.Request) (any, error) { return a.Engine.Status(r.Context()) }

func (a api) links(r *http.Request) (any, error) {
	q := queryOf(r, "mapping", "after")
	mapping, after, limit := q.text("mapping"), q.number("after"), q.limit()
	if q.err != nil {
		return nil, q.err
	}
	rows, err := a.Engine.Links(r.Context(), mapping, after, limit)
	if err != nil {
		return nil, err
	}
	return list(rows, limit, func(l engine.LinkRow) string { return strconv.FormatUint(l.ID, 10) }), nil
}

func (a api) conflicts(r *http.Request) (any, error) {
	q := queryOf(r, "mapping", "all", "after")
	mapping, all, after, limit := q.text("mapping"), q.flag("all"), q.number("after"), q.limit()
	if q.err != nil {
		return nil, q.err
	}
	rows, err := a.Engine.Asides(r.Context(), mapping, !all, after, limit)
	if err != nil {
		return nil, err
	}
	return list(rows, limit, func(l engine.AsideRow) string { return strconv.FormatUint(l.Link, 10) }), nil
}

// Choice is the body that resolves a conflict: the name of the side whose value
// is to stand.
type Choice struct {
	Choice string `json:"choice"`
}

func (a api) resolve(r *http.Request) (any, error) {
	link, err := strconv.ParseUint(r.PathValue("link"), 10, 64)
	if err != nil {
		return nil, invalid("%q is not a link's number", r.PathValue("link"))
	}
	rule, err := strconv.ParseUint(r.PathValue("rule"), 10, 32)
	if err != nil {
		return nil, invalid("%q is not a rule's number", r.PathValue("rule"))
	}
	var c Choice
	if err := decode(r, &c); err != nil {
		return nil, err
	}
	if c.Choice == "" {
		return nil, invalid("`choice` is missing: the name of the side whose value is to stand")
	}
	if err := a.Engine.Resolve(r.Context(), link, uint32(rule), c.Choice, callerOf(r.Context()).name); err != nil {
		return nil, err
	}
	return map[string]string{"status": "taken"}, nil
}

func (a api) queue(r *http.Request) (any, error) {
	q := queryOf(r, "mapping", "status")
	f := engine.QueueFilter{Mapping: q.text("mapping"), Status: q.text("status"), Limit: q.limit()}
	if q.err != nil {
		return nil, q.err
	}
	rows, err := a.Engine.Queue(r.Context(), f)
	if err != nil {
		return nil, err
	}
	return list(rows, f.Limit, nil), nil
}

// RetryOrder is the body that asks for failed entries to be worked again.
type RetryOrder struct {
	Mapping string `json:"mapping,omitempty"`
	Status  string `json:"status,omitempty"` // "failed" (the default) or "waiting"
}

// Retried tells how many entries are worked again.
type Retried struct {
	Entries int `json:"entries"`
}

func (a api) retry(r *http.Request) (any, error) {
	order := RetryOrder{Status: "failed"}
	if err := decode(r, &order); err != nil {
		return nil, err
	}
	n, err := a.Engine.Retry(r.Context(), engine.QueueFilter{Mapping: order.Mapping, Status: order.Status})
	return Retried{Entries: n}, err
}

func (a api) history(r *http.Request) (any, error) {
	q := queryOf(r, "mapping", "link", "record", "action", "since", "before")
	f := engine.HistoryFilter{
		Mapping: q.text("mapping"), Link: q.number("link"), Record: q.text("record"), Action: q.text("action"),
		Since: q.time("since"), Before: q.number("before"), Limit: q.limit(),
	}
	if q.err != nil {
		return nil, q.err
	}
	rows, err := a.Engine.History(r.Context(), f)
	if err != nil {
		return nil, err
	}
	return list(rows, f.Limit, func(e engine.EventRow) string { return strconv.FormatUint(e.Seq, 10) }), nil
}

func (a api) resume(r *http.Request) (any, error) {
	if err := a.Engine.Resume(r.Context(), r.PathValue("mapping"), callerOf(r.Context()).name); err != nil {
		return nil, err
	}
	return map[string]string{"status": "running"}, nil
}

func (a api) tokens(r *http.Request) (any, error) {
	tokens, err := a.auth.tokens.List(r.Context())
	return list(tokens, maxTokens+1, nil), err
}

// TokenOrder is the body that asks for a token.
type TokenOrder struct {
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
}

// NewToken is a token with its text, which is shown this once only.
type NewToken struct {
	Token
	Text string `json:"token"`
}

func (a api) createToken(r *http.Request) (any, error) {
	var order TokenOrder
	if err := decode(r, &order); err != nil {
		return nil, err
	}
	scopes, err := ParseScopes(joinScopes(order.Scopes))
	if err != nil {
		return nil, invalid("%w", err)
	}
	if order.Name == "" || len(order.Name) > 100 {
		return nil, invalid("`name` is missing or longer than 100 bytes")
	}
	token, text, err := a.auth.tokens.Create(r.Context(), order.Name, scopes, a.Clock.Now(), order.Expires)
	return NewToken{token, text}, err
}

func (a api) revokeToken(r *http.Request) (any, error) {
	return map[string]string{"status": "revoked"}, a.auth.tokens.Revoke(r.Context(), r.PathValue("id"))
}

// backup streams a consistent copy of the state. An error in the middle cuts
// the connection, so that no cut copy passes for a whole one.
func (a api) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		a.Logger.DebugContext(r.Context(), "backup keeps its time-out", "err", err)
	}
	if err := a.auth.tokens.Store.Backup(r.Context(), w); err != nil {
		a.Logger.ErrorContext(r.Context(), "backup failed", "err", err)
		panic(http.ErrAbortHandler)
	}
}
