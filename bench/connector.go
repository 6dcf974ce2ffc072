package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jsonscan"
	"github.com/tenonsync/tenon/connectors/rest"
)

// connection speaks to a system over Tenon's shared HTTP client, as the
// connectors of real systems do.
type connection struct {
	client *rest.Client
	name   string
	object string
	fields []wireField
	types  map[string]*wireField
	secret []byte
	batch  int // records in one call; 1: a call for each, eight at a time

	waited atomic.Int64 // nanoseconds that callers spent in Read, Create, Update and FindByKey
}

var (
	_ connectors.Connection    = (*connection)(nil)
	_ connectors.WebhookSource = (*connection)(nil)
)

// createBatch is how many records one create makes.
const createBatch = 100

// atOnce is how many calls for single records are under way at a time.
const atOnce = 8

func newConnection(name, object, base string, fields []wireField, secret string, batch int, o connectors.Options) (*connection, error) {
	client, err := rest.New(rest.Config{
		Connection: name, BaseURL: base, Auth: rest.Bearer("bench-token"), Pace: rest.Pace{Concurrent: atOnce},
	}, o)
	if err != nil {
		return nil, err
	}
	c := &connection{client: client, name: name, object: object, fields: fields, secret: []byte(secret), batch: batch, types: map[string]*wireField{}}
	for i := range fields {
		c.types[fields[i].name] = &fields[i]
	}
	return c, nil
}

func (c *connection) Facts() connectors.Facts {
	return connectors.Facts{
		ReadBatch: c.batch, CreateBatch: createBatch, UpdateBatch: c.batch,
		KeyLag: connectors.NoLag, KeyIsUnique: true, TimePrecision: time.Microsecond,
	}
}

func (c *connection) Check(context.Context) (connectors.Account, error) {
	return connectors.Account{ID: "tenon", System: c.name, Zone: "UTC"}, nil
}

func (c *connection) Schema(_ context.Context, object string, _ connectors.Scope) (*connectors.Schema, error) {
	s := &connectors.Schema{Object: object, Label: object}
	for _, f := range c.fields {
		s.Fields = append(s.Fields, connectors.Field{
			Name: f.name, Label: f.name, Type: f.typ, Writable: true, Creatable: true, Clearable: true, Scale: -1, Options: options[f.name],
		})
	}
	return s, nil
}

// record reads one record of an answer.
func (c *connection) record(raw jsonscan.Value) (*connectors.Record, error) {
	r := &connectors.Record{Ref: connectors.Ref{Connection: c.name, Object: c.object}, InScope: true}
	var bad error
	raw.Fields(func(name []byte, v jsonscan.Value) bool {
		switch string(name) {
		case "id":
			r.Ref.ID = v.Text()
		case "version":
			r.Version = v.Text()
		case "modified":
			r.Modified, bad = time.Parse(time.RFC3339Nano, v.Text())
			r.Created = r.Modified
		case "properties":
			r.Grow(len(c.fields))
			v.Fields(func(name []byte, v jsonscan.Value) bool {
				f, ok := c.types[string(name)]
				if !ok {
					return true
				}
				value, err := f.value(v)
				if err != nil {
					bad = err
				}
				r.Set(f.name, value)
				return bad == nil
			})
		}
		return bad == nil
	})
	if bad == nil && r.Ref.ID == "" {
		bad = errors.New("a record without an id")
	}
	if bad != nil {
		return nil, &connectors.Error{Op: "read", Connection: c.name, Record: r.Ref.ID, Kind: connectors.Internal, Err: bad}
	}
	return r, nil
}

func (f *wireField) value(v jsonscan.Value) (connectors.Value, error) {
	if v.IsNull() {
		return connectors.Null, nil
	}
	switch f.typ {
	case connectors.TypeNumber:
		return connectors.ParseNumber(string(v))
	case connectors.TypeBool:
		return connectors.Bool(string(v) == "true"), nil
	}
	text := v.Text()
	switch f.typ {
	case connectors.TypeDate:
		return connectors.ParseDate(text)
	case connectors.TypeInstant:
		at, err := time.Parse(time.RFC3339, text)
		return connectors.Instant(at), err
	case connectors.TypeOption:
		for _, o := range options[f.name] {
			if o.ID == text {
				return connectors.Choice(o), nil
			}
		}
		return connectors.Null, fmt.Errorf("no option %q", text)
	}
	return connectors.Text(text), nil
}

// records reads the records of a batch's answer.
func (c *connection) records(body []byte) ([]*connectors.Record, error) {
	v, err := jsonscan.Parse(body)
	if err != nil {
		return nil, err
	}
	var records []*connectors.Record
	v.Field("records").Elements(func(v jsonscan.Value) bool {
		var r *connectors.Record
		if r, err = c.record(v); err == nil {
			records = append(records, r)
		}
		return err == nil
	})
	return records, err
}

// outgoing is a record that is to be written.
type outgoing struct {
	id, key string
	fields  map[string]connectors.Value
}

// append writes the record as JSON.
func (w outgoing) append(b []byte) []byte {
	b = append(b, '{')
	if w.id != "" {
		b = append(appendText(append(b, `"id":`...), w.id), ',')
	}
	if w.key != "" {
		b = append(appendText(append(b, `"key":`...), w.key), ',')
	}
	b = append(b, `"properties":{`...)
	first := true
	for name, v := range w.fields {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, name), ':')
		switch v.Type() {
		case connectors.TypeNull:
			b = append(b, "null"...)
		case connectors.TypeNumber:
			b = append(b, v.Number()...)
		case connectors.TypeBool:
			b = strconv.AppendBool(b, v.Bool())
		case connectors.TypeOption:
			b = appendText(b, v.Option().ID)
		default:
			b = appendText(b, v.String())
		}
	}
	return append(b, "}}"...)
}

// appendText writes a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			text, _ := json.Marshal(s) // a text
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func (c *connection) timed() func() {
	start := time.Now()
	return func() { c.waited.Add(int64(time.Since(start))) }
}

// Read implements connectors.Connection.
func (c *connection) Read(ctx context.Context, _ connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	defer c.timed()()
	results := make([]connectors.ReadResult, len(ids))
	if c.batch == 1 {
		each(len(ids), func(i int) {
			results[i].Record, results[i].Err = c.one(ctx, rest.Request{Op: "read", Path: "/records/{id}", Params: map[string]string{"id": ids[i]}})
		})
		return results, nil
	}
	for start := 0; start < len(ids); start += c.batch {
		end := min(start+c.batch, len(ids))
		var body []byte
		if _, err := c.client.Do(ctx, rest.Request{
			Op: "read", Method: http.MethodPost, Path: "/batch/read", Body: map[string][]string{"ids": ids[start:end]}, Out: &body, Reads: true,
		}); err != nil {
			return nil, err
		}
		records, err := c.records(body)
		if err != nil {
			return nil, err
		}
		found := make(map[string]*connectors.Record, len(records))
		for _, r := range records {
			found[r.Ref.ID] = r
		}
		for i := start; i < end; i++ {
			if results[i].Record = found[ids[i]]; results[i].Record == nil {
				results[i].Err = &connectors.Error{Op: "read", Connection: c.name, Record: ids[i], Kind: connectors.NotFound}
			}
		}
	}
	return results, nil
}

// one sends a request whose answer is one record.
func (c *connection) one(ctx context.Context, r rest.Request) (*connectors.Record, error) {
	var body []byte
	r.Out = &body
	if _, err := c.client.Do(ctx, r); err != nil {
		return nil, err
	}
	v, err := jsonscan.Parse(body)
	if err != nil {
		return nil, &connectors.Error{Op: r.Op, Connection: c.name, Kind: connectors.Internal, Err: err}
	}
	return c.record(v)
}

// each runs fn for 0 to n-1, atOnce at a time.
func each(n int, fn func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(atOnce, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	wg.Wait()
}

// Changes implements connectors.Connection.
func (c *connection) Changes(ctx context.Context, _ connectors.Selection, cursor string) (connectors.ChangePage, error) {
	var page wirePage
	if _, err := c.client.Do(ctx, rest.Request{Op: "changes", Path: "/changes", Query: url.Values{"after": {cursor}}, Out: &page}); err != nil {
		return connectors.ChangePage{}, err
	}
	out := connectors.ChangePage{Next: page.Next, More: page.More, Changes: make([]connectors.Change, len(page.Changes))}
	for i, w := range page.Changes {
		out.Changes[i] = connectors.Change{Object: c.object, ID: w.ID, Version: w.Version, Modified: w.Modified}
	}
	return out, nil
}

// Create implements connectors.Connection.
func (c *connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	records := make([]outgoing, len(creates))
	for i, w := range creates {
		records[i] = outgoing{key: w.Key, fields: w.Fields}
	}
	return c.write(ctx, "/batch/create", records, createBatch)
}

// Update implements connectors.Connection.
func (c *connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	records := make([]outgoing, len(updates))
	for i, u := range updates {
		records[i] = outgoing{id: u.ID, fields: u.Fields}
	}
	if c.batch > 1 {
		return c.write(ctx, "/batch/update", records, c.batch)
	}
	defer c.timed()()
	results := make([]connectors.WriteResult, len(records))
	each(len(records), func(i int) {
		rec, err := c.one(ctx, rest.Request{
			Op: "update", Method: http.MethodPatch, Path: "/records/{id}", Params: map[string]string{"id": records[i].id},
			Body: records[i].append(nil), Idempotent: true,
		})
		results[i] = connectors.WriteResult{ID: records[i].id, Record: rec, Err: err}
	})
	return results
}

func (c *connection) write(ctx context.Context, path string, records []outgoing, batch int) []connectors.WriteResult {
	defer c.timed()()
	results := make([]connectors.WriteResult, len(records))
	for start := 0; start < len(records); start += batch {
		end := min(start+batch, len(records))
		body := []byte(`{"records":[`)
		for i, w := range records[start:end] {
			if i > 0 {
				body = append(body, ',')
			}
			body = w.append(body)
		}
		var answer []byte
		_, err := c.client.Do(ctx, rest.Request{Op: "write", Method: http.MethodPost, Path: path, Body: append(body, "]}"...), Out: &answer})
		var written []*connectors.Record
		if err == nil {
			if written, err = c.records(answer); err != nil || len(written) != end-start {
				err = &connectors.Error{Op: "write", Connection: c.name, Kind: connectors.Internal, Unsure: true, Err: err}
			}
		}
		for i := start; i < end; i++ {
			if results[i].Err = err; err == nil {
				results[i] = connectors.WriteResult{ID: written[i-start].Ref.ID, Record: written[i-start]}
			}
		}
	}
	return results
}

// FindByKey implements connectors.Connection.
func (c *connection) FindByKey(ctx context.Context, _ string, _ connectors.Scope, keys []string) ([][]string, error) {
	defer c.timed()()
	var out struct{ IDs []string }
	if _, err := c.client.Do(ctx, rest.Request{
		Op: "find", Method: http.MethodPost, Path: "/batch/find", Body: map[string][]string{"keys": keys}, Out: &out, Reads: true,
	}); err != nil {
		return nil, err
	}
	found := make([][]string, len(keys))
	for i, id := range out.IDs {
		if id != "" {
			found[i] = []string{id}
		}
	}
	return found, nil
}

// Close implements connectors.Connection.
func (c *connection) Close() error { return c.client.Close() }

// signatureHeader carries the hex HMAC-SHA256 of the body.
const signatureHeader = "X-Signature"

// deliveryHeader tells repeats of a delivery apart from new ones.
const deliveryHeader = "X-Delivery"

func sign(secret, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

// ParseWebhook implements connectors.WebhookSource.
func (c *connection) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	if !hmac.Equal([]byte(sign(c.secret, req.Body)), []byte(req.Header.Get(signatureHeader))) {
		return connectors.Delivery{}, &connectors.Error{Op: "webhook", Connection: c.name, Kind: connectors.Auth}
	}
	var hint struct{ ID string }
	if err := json.Unmarshal(req.Body, &hint); err != nil {
		return connectors.Delivery{}, &connectors.Error{Op: "webhook", Connection: c.name, Kind: connectors.Invalid, Err: err}
	}
	return connectors.Delivery{ID: req.Header.Get(deliveryHeader), Hints: []connectors.Change{{Object: c.object, ID: hint.ID}}}, nil
}
