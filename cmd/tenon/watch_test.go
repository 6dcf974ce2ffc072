package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

// growing is a connection whose system is given another option.
type growing struct {
	connectors.Connection
	mu    sync.Mutex
	grown bool
	gone  string // a field that is not there any more
}

func (g *growing) Abilities() connectors.Abilities { return connectors.AbilitiesOf(g.Connection) }

func (g *growing) set(grown bool, gone string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.grown, g.gone = grown, gone
}

// Schema lists fields and options in another order each time, as some systems do.
func (g *growing) Schema(ctx context.Context, object string, scope connectors.Scope) (*connectors.Schema, error) {
	s, err := g.Connection.Schema(ctx, object, scope)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	out := *s
	out.Fields = nil
	for _, f := range s.Fields {
		if f.Name == g.gone {
			continue
		}
		if f.Name == "stage" {
			f.Options = append([]connectors.Option(nil), f.Options...)
			f.Options[0], f.Options[1] = f.Options[1], f.Options[0]
			if g.grown {
				f.Options = append(f.Options, connectors.Option{ID: "9", Label: "Nine"})
			}
		}
		out.Fields = append([]connectors.Field{f}, out.Fields...)
	}
	return &out, nil
}

// watched returns a service over two made-up systems.
func watched(t *testing.T) (*service, *growing) {
	t.Helper()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	cfg := &config.Config{
		TimeZone: time.UTC,
		State:    config.State{Path: filepath.Join(dir, "tenon.db"), KeyFile: filepath.Join(dir, "tenon.key")},
		Server:   config.Server{PublicURL: "http://127.0.0.1"},
		Connections: []config.Connection{
			{Name: "crm"}, {Name: "pm"},
		},
	}
	v, err := openVault(t.Context(), cfg.State, log)
	if err != nil {
		t.Fatal(err)
	}
	g := &growing{Connection: memory.NewSystem(memory.Options{Name: "pm"}).Connect("pm")}
	file, problems := mapping.Parse("pair.yaml", []byte(`
mapping: pair
between:
  deal: {connection: crm, object: record}
  epic: {connection: pm, object: record}
fields:
  - {deal: title, epic: title}
  - {deal: stage, epic: stage, otherwise: leave}
`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s := &service{
		vault: v, config: cfg, log: log, clock: connectors.SystemClock(), metrics: server.NewMetrics(),
		conns: connections{"crm": memory.NewSystem(memory.Options{Name: "crm"}).Connect("crm"), "pm": g},
	}
	t.Cleanup(s.close)
	if err := s.compile(t.Context(), &cli{stderr: &strings.Builder{}}, serviceOptions{log: log, files: []*mapping.File{file}}); err != nil {
		t.Fatal(err)
	}
	if s.engine, err = engine.New(engine.Config{
		Store: s.store, Connections: s.conns, Mappings: s.mappings, Sealer: s.sealer, Printer: s.printer,
	}); err != nil {
		t.Fatal(err)
	}
	return s, g
}

func TestFieldsThatChangedAreNoticed(t *testing.T) {
	s, g := watched(t)
	for _, test := range []struct {
		name  string
		grown bool
		gone  string
		want  bool
		err   string
	}{
		{name: "another order"},
		{name: "another option", grown: true, want: true},
		{name: "a field less that no rule names", gone: "amount", want: true},
		{name: "a field less that a rule names", gone: "title", err: "mapping pair does not fit them any more: "},
	} {
		g.set(test.grown, test.gone)
		got, err := s.fieldsChanged(t.Context())
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %v, %v; want %v, %q", test.name, got, err, test.want, test.err)
		}
	}
}

func TestServiceEndsForNewFields(t *testing.T) {
	s, g := watched(t)
	s.config.Engine.FieldsInterval = time.Millisecond
	g.set(true, "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.serveOn(t.Context(), l, ""); !errors.Is(err, errNewFields) {
		t.Errorf("got %v, want it to end for the new fields", err)
	}
}
