package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tenonsync/tenon/connectors"
)

// Kind is the connector's kind.
const Kind = "memory"

// Connector opens connections to one System.
type Connector struct{ system *System }

// Connector returns the system's connector.
func (s *System) Connector() *Connector { return &Connector{system: s} }

// Connect opens a connection of that name. It panics if the name is empty.
func (s *System) Connect(name string) *Connection {
	c, err := s.Connector().Open(connectors.Config{Name: name}, connectors.Options{})
	if err != nil {
		panic("memory: " + err.Error())
	}
	return c.(*Connection)
}

// Info implements connectors.Connector.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{Kind: Kind, Label: "Memory", Settings: []connectors.Setting{
		{Name: "user", Help: "The id that the connection writes as."},
		{Name: "secret", Help: "Signs webhooks.", Secret: true},
	}}
}

// Open implements connectors.Connector.
func (c *Connector) Open(config connectors.Config, options connectors.Options) (connectors.Connection, error) {
	if config.Name == "" {
		return nil, errors.New("a connection needs a name")
	}
	conn := &Connection{system: c.system, name: config.Name, observe: options.Observe, log: options.Logger}
	if conn.log == nil {
		conn.log = slog.New(slog.DiscardHandler)
	}
	conn.user = cmp.Or(config.Settings.Get("user"), c.system.opts.User)
	conn.secret = cmp.Or(config.Settings.Get("secret"), c.system.opts.Secret)
	return conn, nil
}

// Connection is one account of the system.
type Connection struct {
	system  *System
	name    string
	user    string
	secret  string
	observe func(connectors.Call)
	log     *slog.Logger
	closed  atomic.Bool
}

var (
	_ connectors.Connector     = (*Connector)(nil)
	_ connectors.Connection    = (*Connection)(nil)
	_ connectors.AbilityTeller = (*Connection)(nil)
	_ connectors.Finder        = (*Connection)(nil)
	_ connectors.PeopleFinder  = (*Connection)(nil)
	_ connectors.WebhookSource = (*Connection)(nil)
	_ connectors.Commenter     = (*Connection)(nil)
	_ connectors.HistoryReader = (*Connection)(nil)
	_ connectors.Deleter       = (*Connection)(nil)
	_ connectors.Archiver      = (*Connection)(nil)
	_ connectors.Preparer      = (*Connection)(nil)
	_ connectors.Locator       = (*Connection)(nil)
	_ connectors.RightsChecker = (*Connection)(nil)
	_ connectors.Streamer      = (*Connection)(nil)
	_ connectors.BatchFiler    = (*Connection)(nil)
)

// Abilities implements connectors.AbilityTeller.
func (c *Connection) Abilities() connectors.Abilities {
	a := connectors.Abilities{
		Finder: c, PeopleFinder: c, WebhookSource: c, Commenter: c,
		HistoryReader: c, Deleter: c, Archiver: c, Preparer: c, Locator: c, RightsChecker: c,
		Filer: c,
	}
	if c.system.opts.Streams {
		a.Streamer = c
	}
	for _, name := range c.system.opts.Without {
		switch name {
		case "Finder":
			a.Finder = nil
		case "PeopleFinder":
			a.PeopleFinder = nil
		case "WebhookSource":
			a.WebhookSource = nil
		case "Commenter":
			a.Commenter = nil
		case "HistoryReader":
			a.HistoryReader = nil
		case "Deleter":
			a.Deleter = nil
		case "Archiver":
			a.Archiver = nil
		case "Preparer":
			a.Preparer = nil
		case "Locator":
			a.Locator = nil
		case "Filer":
			a.Filer = nil
		default:
			panic("memory: no ability " + name)
		}
	}
	return a
}

// Facts implements connectors.Connection.
func (c *Connection) Facts() connectors.Facts {
	o := &c.system.opts
	return connectors.Facts{
		ReadBatch: o.ReadBatch, CreateBatch: o.CreateBatch, UpdateBatch: o.UpdateBatch,
		IndexLag: o.IndexLag, KeyLag: o.KeyLag, KeyIsUnique: o.KeyIsUnique,
		TimePrecision: o.Precision, ConditionalWrites: o.ConditionalWrites, SetEdits: o.SetEdits,
		WebhookUnsigned: o.Unsigned, WebhookVersions: o.WebhookVersions && !o.NoVersions, DailyRequests: o.DailyRequests,
	}
}

// Close implements connectors.Connection.
func (c *Connection) Close() error {
	c.closed.Store(true)
	c.system.mu.Lock()
	defer c.system.mu.Unlock()
	c.system.feed.wake()
	return nil
}

// begin checks that a call may run and runs the hook of a read, or of a write
// as a whole.
func (c *Connection) begin(ctx context.Context, m Moment, record string) error {
	if ctx.Err() != nil {
		return c.fail(m.Call, record, connectors.Unavailable, context.Cause(ctx))
	}
	if c.closed.Load() {
		return c.fail(m.Call, record, connectors.Unavailable, errors.New("the connection is closed"))
	}
	if !m.Effect {
		c.count(m.Call)
	}
	return c.hooked(m, record)
}

// count tells of one request. Batches of writes count themselves.
func (c *Connection) count(call string) {
	if c.observe != nil {
		c.observe(connectors.Call{Connection: c.name, Method: "CALL", Path: "/" + strings.ReplaceAll(call, " ", "-"), Status: 200})
	}
}

// hooked runs the hook and turns its error into one of the connection.
func (c *Connection) hooked(m Moment, record string) error {
	err := c.system.at(m)
	if err == nil {
		return nil
	}
	e := connectors.Error{Kind: connectors.Unavailable, Unsure: m.After, Err: err}
	if given, ok := errors.AsType[*connectors.Error](err); ok {
		e = *given
	}
	e.Op, e.Connection, e.Record = m.Call, c.name, record
	return &e
}

func (c *Connection) fail(op, record string, kind connectors.Kind, err error) *connectors.Error {
	return &connectors.Error{Op: op, Connection: c.name, Record: record, Kind: kind, Err: err}
}

// lock finds an object's table and returns with the system's lock held, unless
// the error is set.
func (c *Connection) lock(op, object string) (*table, error) {
	c.system.mu.Lock()
	if t := c.system.tables[object]; t != nil {
		if t.veil == Forbidden && op != "schema" && op != "read" {
			c.system.mu.Unlock()
			return nil, c.forbidden(op, "")
		}
		return t, nil
	}
	names := slices.Sorted(maps.Keys(c.system.tables))
	c.system.mu.Unlock()
	return nil, c.fail(op, "", connectors.NotFound, fmt.Errorf("no object %q; there are %s", object, strings.Join(names, ", ")))
}

// Check implements connectors.Connection.
func (c *Connection) Check(ctx context.Context) (connectors.Account, error) {
	if err := c.begin(ctx, Moment{Call: "check"}, ""); err != nil {
		return connectors.Account{}, err
	}
	return connectors.Account{ID: c.user, Name: c.user, System: c.system.opts.Name, Zone: cmp.Or(c.system.opts.Zone, "UTC")}, nil
}

// Schema implements connectors.Connection.
func (c *Connection) Schema(ctx context.Context, object string, scope connectors.Scope) (*connectors.Schema, error) {
	if err := c.begin(ctx, Moment{Call: "schema", Object: object}, ""); err != nil {
		return nil, err
	}
	t, err := c.lock("schema", object)
	if err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	if err := t.checkScope(scope); err != nil {
		return nil, c.fail("schema", object, connectors.Invalid, err)
	}
	schema := t.def.Schema
	schema.Fields = slices.Clone(schema.Fields)
	for i := range schema.Fields {
		f := &schema.Fields[i]
		f.Options = slices.Clone(f.Options)
		if t.hidden[f.Name] {
			f.Hidden, f.Writable, f.Creatable, f.Clearable = true, false, false, false
			f.ReadOnly = "the account may not read the field"
		}
	}
	return &schema, nil
}

func (t *table) checkScope(scope connectors.Scope) error {
	for _, key := range slices.Sorted(maps.Keys(scope)) {
		values, ok := t.def.Scopes[key]
		if !ok {
			return fmt.Errorf("no scope %q; there are %s", key, strings.Join(slices.Sorted(maps.Keys(t.def.Scopes)), ", "))
		}
		if values != nil && !slices.Contains(values, scope[key]) {
			return fmt.Errorf("scope %q: %q is none of %s", key, scope[key], strings.Join(values, ", "))
		}
	}
	return nil
}
