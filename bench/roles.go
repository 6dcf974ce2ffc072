package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"   // http_server, http, http_client
	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // mapping
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/seal"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

// ready is the line by which a child tells its address.
const ready = "ready "

// waited is the line by which Tenon tells, when it stops, how long its engine
// waited in calls that read and write.
const waited = "waited "

// runTenon is a Tenon in a process of its own: server, engine, bolt file with
// every commit synced, seals, fingerprints, journal and metrics.
func runTenon(args []string) error {
	f := flag.NewFlagSet("tenon", flag.ContinueOnError)
	systems := f.String("systems", "", "base URL of the two systems")
	dir := f.String("dir", "", "folder of the state")
	secret := f.String("secret", "", "signs webhooks")
	batch := f.Int("batch", 100, "records in one call")
	coalesce := f.Duration("coalesce", time.Nanosecond, "how long a hint waits for more of its kind")
	anew := f.Bool("anew", false, "read all lists from the start, as in a backfill")
	profiles := f.String("profiles", "", "folder for profiles")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	debug.SetGCPercent(400) // as tenon serve does
	profiled, err := profile(*profiles)
	if err != nil {
		return err
	}
	defer profiled()

	sealer, err := seal.New(keyOf(*dir))
	if err != nil {
		return err
	}
	db, err := bolt.Open(ctx, filepath.Join(*dir, "state.db"), bolt.Options{})
	if err != nil {
		return err
	}
	store, err := state.Open(ctx, db, state.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // each commit was reported by itself
	printer, err := seal.LoadPrinter(ctx, store, sealer)
	if err != nil {
		return err
	}
	metrics, meter := server.NewMetrics(), &engine.Meter{}
	options := connectors.Options{Observe: func(call connectors.Call) {
		metrics.Observe(call)
		meter.Observe(call)
	}}
	crm, err := newConnection("crm", "deal", *systems+"/crm", dealFields, *secret, *batch, options)
	if err != nil {
		return err
	}
	pm, err := newConnection("pm", "epic", *systems+"/pm", epicFields, *secret, *batch, options)
	if err != nil {
		return err
	}
	conns := map[string]connectors.Connection{"crm": crm, "pm": pm}
	m, err := compile(ctx, conns)
	if err != nil {
		return err
	}
	eng, err := engine.New(engine.Config{
		Store: store, Connections: conns, Mappings: []*mapping.Mapping{m}, Sealer: sealer, Printer: printer, Meter: meter,
		Limits: engine.Limits{Coalesce: *coalesce, Creates: 100_000_000, Overwrites: 100_000_000, Clears: 100_000_000},
	})
	if err != nil {
		return err
	}
	if *anew {
		if err := store.Update(ctx, func(tx state.Tx) error { return tx.SetCursor("crm/deal", "") }); err != nil {
			return err
		}
	}
	signer, err := server.NewSigner(make([]byte, 32))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv, err := server.New(server.Config{
		Engine: eng, Tokens: server.Tokens{Store: store}, Signer: signer, Connections: conns, Metrics: metrics,
		Listen: l.Addr().String(), PublicURL: "http://" + l.Addr().String(), MaxRequests: 1024,
	})
	if err != nil {
		return err
	}
	engineEnded := make(chan error, 1)
	go func() { engineEnded <- eng.Run(ctx) }()
	fmt.Println(ready + "http://" + l.Addr().String())
	err = srv.Serve(ctx, l)
	<-engineEnded
	fmt.Println(waited + time.Duration(crm.waited.Load()+pm.waited.Load()).String())
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// profile keeps a processor profile and one of what was allocated, if a folder
// is named, until the function that it returns is called.
func profile(dir string) (func(), error) {
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.CreateTemp(dir, "cpu-")
	if err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile is no result
		if f, err := os.CreateTemp(dir, "allocs-"); err == nil {
			_ = pprof.Lookup("allocs").WriteTo(f, 0)
			_ = f.Close()
		}
	}, pprof.StartCPUProfile(f)
}

// keyOf returns the sealing key of a folder, which it makes at first.
func keyOf(dir string) seal.Key {
	key, _, err := seal.KeyFromFile(filepath.Join(dir, "key"), true)
	if err != nil {
		panic(err)
	}
	return key
}

func compile(ctx context.Context, conns map[string]connectors.Connection) (*mapping.Mapping, error) {
	file, problems := mapping.Parse("bench.yaml", []byte(tenonMapping))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	env := mapping.Env{Zone: time.UTC}
	for side := range env.Schemas {
		s := file.Sides[side]
		conn := conns[s.Connection]
		schema, err := conn.Schema(ctx, s.Object, s.Scope)
		if err != nil {
			return nil, err
		}
		abilities := connectors.AbilitiesOf(conn)
		env.Schemas[side], env.Facts[side], env.Abilities[side] = schema, conn.Facts(), &abilities
	}
	m, problems := mapping.Compile(file, env)
	return m, problems.Err()
}

// runBenthos is Benthos in a process of its own.
func runBenthos(args []string) error {
	f := flag.NewFlagSet("benthos", flag.ContinueOnError)
	systems := f.String("systems", "", "base URL of the two systems")
	secret := f.String("secret", "", "signs webhooks")
	if err := f.Parse(args); err != nil {
		return err
	}
	debug.SetGCPercent(400) // the same for both
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	b := service.NewStreamBuilder()
	if err := b.SetYAML(benthosConfig(address, *systems, *secret)); err != nil {
		return err
	}
	stream, err := b.Build()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		for {
			c, err := net.Dial("tcp", address)
			if err == nil {
				_ = c.Close()
				fmt.Println(ready + "http://" + address)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if err := stream.Run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
