package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// connection speaks to a system over Tenon's shared HTTP client, as the
// connectors of real systems do.
type connection struct {
	client *rest.Client
	name   string
	object string
	fields []wireField
	types  map[string]connectors.Type
	secret []byte
	batch  int // records in one call; 1: a call for each, eight at a time

	waited atomic.Int64 // nanoseconds that callers spent in Read, Create, Update and FindByKey
}

var (
	_ connectors.Connection    = (*connection)(nil)
	_ connectors.WebhookSource = (*connection)(nil)
)

// atOnce is how many calls for single records are under way at a time.
const atOnce = 8

func newConnection(name, object, base string, fields []wireField, secret string, batch int, o connectors.Options) (*connection, error) {
	client, err := rest.New(rest.Config{
		Connection: name, BaseURL: base, Auth: rest.Bearer("bench-token"), Pace: rest.Pace{Concurrent: atOnce},
	}, o)
	if err != nil {
		return nil, err
	}
	c := &connection{client: client, name: name, object: object, fields: fields, secret: []byte(secret), batch: batch, types: map[string]connectors.Type{}}
	for _, f := range fields {
		c.types[f.name] = f.typ
	}
	return c, nil
}

func (c *connection) Facts() connectors.Facts {
	return connectors.Facts{
		ReadBatch: c.batch, CreateBatch: 100, UpdateBatch: c.batch,
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

// record turns a wire record into a record.
func (c *connection) record(w *wireRecord) (*connectors.Record, error) {
	r := &connectors.Record{
		Ref:     connectors.Ref{Connection: c.name, Object: c.object, ID: w.ID},
		Version: w.Version, Modified: w.Modified, Created: w.Modified, InScope: true,
	}
	r.Grow(len(w.Properties))
	for name, raw := range w.Properties {
		v, err := c.value(name, raw)
		if err != nil {
			return nil, &connectors.Error{Op: "read", Connection: c.name, Record: w.ID, Kind: connectors.Internal, Err: err}
		}
		r.Set(name, v)
	}
	return r, nil
}

func (c *connection) value(name string, raw json.RawMessage) (connectors.Value, error) {
	text := string(raw)
	if text == "null" {
		return connectors.Null, nil
	}
	typ := c.types[name]
	switch typ {
	case connectors.TypeNumber:
		return connectors.ParseNumber(text)
	case connectors.TypeBool:
		return connectors.Bool(text == "true"), nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		text = text[1 : len(text)-1] // between its quotes; nothing is escaped
	} else if err := json.Unmarshal(raw, &text); err != nil {
		return connectors.Null, err
	}
	switch typ {
	case connectors.TypeDate:
		return connectors.ParseDate(text)
	case connectors.TypeInstant:
		at, err := time.Parse(time.RFC3339, text)
		return connectors.Instant(at), err
	case connectors.TypeOption:
		for _, o := range options[name] {
			if o.ID == text {
				return connectors.Choice(o), nil
			}
		}
		return connectors.Null, fmt.Errorf("no option %q", text)
	}
	return connectors.Text(text), nil
}

// wire turns values into properties.
func wire(fields map[string]connectors.Value) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(fields))
	for name, v := range fields {
		switch v.Type() {
		case connectors.TypeNull:
			out[name] = json.RawMessage("null")
		case connectors.TypeNumber:
			out[name] = json.RawMessage(v.Number())
		case connectors.TypeBool:
			out[name] = strconv.AppendBool(nil, v.Bool())
		case connectors.TypeOption:
			out[name], _ = json.Marshal(v.Option().ID) // a text
		default:
			out[name], _ = json.Marshal(v.String()) // a text
		}
	}
	return out
}

type wireRecords struct {
	Records []wireRecord `json:"records"`
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
			var w wireRecord
			if _, err := c.client.Do(ctx, rest.Request{Op: "read", Path: "/records/{id}", Params: map[string]string{"id": ids[i]}, Out: &w}); err != nil {
				results[i].Err = err
				return
			}
			results[i].Record, results[i].Err = c.record(&w)
		})
		return results, nil
	}
	for start := 0; start < len(ids); start += c.batch {
		end := min(start+c.batch, len(ids))
		var out wireRecords
		if _, err := c.client.Do(ctx, rest.Request{
			Op: "read", Method: http.MethodPost, Path: "/batch/read", Body: map[string][]string{"ids": ids[start:end]}, Out: &out, Reads: true,
		}); err != nil {
			return nil, err
		}
		found := make(map[string]*wireRecord, len(out.Records))
		for i := range out.Records {
			found[out.Records[i].ID] = &out.Records[i]
		}
		for i := start; i < end; i++ {
			w := found[ids[i]]
			if w == nil {
				results[i].Err = &connectors.Error{Op: "read", Connection: c.name, Record: ids[i], Kind: connectors.NotFound}
				continue
			}
			results[i].Record, results[i].Err = c.record(w)
		}
	}
	return results, nil
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
	records := make([]wireRecord, len(creates))
	for i, w := range creates {
		records[i] = wireRecord{Key: w.Key, Properties: wire(w.Fields)}
	}
	return c.write(ctx, "/batch/create", records, 100)
}

// Update implements connectors.Connection.
func (c *connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	records := make([]wireRecord, len(updates))
	for i, u := range updates {
		records[i] = wireRecord{ID: u.ID, Properties: wire(u.Fields)}
	}
	if c.batch > 1 {
		return c.write(ctx, "/batch/update", records, c.batch)
	}
	defer c.timed()()
	results := make([]connectors.WriteResult, len(records))
	each(len(records), func(i int) {
		var out wireRecord
		_, err := c.client.Do(ctx, rest.Request{
			Op: "update", Method: http.MethodPatch, Path: "/records/{id}", Params: map[string]string{"id": records[i].ID}, Body: records[i], Out: &out, Idempotent: true,
		})
		results[i] = c.written(&out, err)
	})
	return results
}

func (c *connection) write(ctx context.Context, path string, records []wireRecord, batch int) []connectors.WriteResult {
	defer c.timed()()
	results := make([]connectors.WriteResult, len(records))
	for start := 0; start < len(records); start += batch {
		end := min(start+batch, len(records))
		var out wireRecords
		_, err := c.client.Do(ctx, rest.Request{
			Op: "write", Method: http.MethodPost, Path: path, Body: wireRecords{Records: records[start:end]}, Out: &out,
		})
		if err == nil && len(out.Records) != end-start {
			err = &connectors.Error{Op: "write", Connection: c.name, Kind: connectors.Internal, Unsure: true}
		}
		for i := start; i < end; i++ {
			if err != nil {
				results[i].Err = err
				continue
			}
			results[i] = c.written(&out.Records[i-start], nil)
		}
	}
	return results
}

func (c *connection) written(w *wireRecord, err error) connectors.WriteResult {
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	rec, err := c.record(w)
	return connectors.WriteResult{ID: w.ID, Record: rec, Err: err}
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
