package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

// service is the engine over an open state, with everything that it needs.
type service struct {
	*vault
	config       *config.Config
	conns        connections
	files        []*mapping.File   // the mappings' sources
	shapes       map[string]string // of the schemas that the mappings were compiled for
	mappings     []*mapping.Mapping
	broken       []engine.BrokenMapping
	clock        connectors.Clock
	engine       *engine.Engine
	engineConfig engine.Config
	metrics      *server.Metrics
	sessions     *server.Sessions
	log          *slog.Logger
	anew         chan string                     // holds one: why to start anew
	next         atomic.Pointer[[]*mapping.File] // what to run then; nil: the same
}

// serviceOptions say how a service is put together.
type serviceOptions struct {
	log       *slog.Logger
	clock     connectors.Clock
	readOnly  bool
	offline   bool // no secrets and no calls: the schemas come from the state
	buttons   bool // write the button's address into the CRM
	waitReady bool // wait for systems that are down and were never seen before
	tolerant  bool // go on with the mappings that can be run, and say nothing of the others

	// sessions are those of the pages; nil: new ones.
	sessions *server.Sessions

	// waiting, if not nil, is told what is waited for.
	waiting func(reason string)
	files   []*mapping.File // the mappings to run; nil: those that the configuration names
}

// openService opens the state and the connections, compiles the mappings and
// makes the engine. Problems of mappings are printed; those mappings are left
// out.
func (c *cli) openService(ctx context.Context, cfg *config.Config, o serviceOptions) (_ *service, err error) {
	if o.log == nil {
		o.log = quiet()
	}
	s := &service{anew: make(chan string, 1), config: cfg, log: o.log, metrics: server.NewMetrics(), sessions: o.sessions, clock: o.clock}
	if s.clock == nil {
		s.clock = connectors.SystemClock()
	}
	if s.vault, err = openVault(ctx, cfg.State, o.log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	meter := &engine.Meter{}
	options := connectors.Options{Logger: o.log, Clock: o.clock, Observe: func(call connectors.Call) {
		s.metrics.Observe(call)
		meter.Observe(call)
	}}
	if s.conns, err = c.open(cfg, options, s.tokens); err != nil {
		return nil, err
	}
	if err := s.compile(ctx, c, o); err != nil {
		return nil, err
	}
	s.engineConfig = engine.Config{
		Store: s.store, Connections: s.conns, Mappings: s.mappings, Sealer: s.sealer, Printer: s.printer,
		Broken: s.broken, People: people(cfg.People), Clock: o.clock, Logger: o.log, Meter: meter, Limits: limits(cfg.Engine), ReadOnly: o.readOnly || cfg.Engine.ReadOnly,
	}
	if o.buttons {
		s.engineConfig.ConvertLink = func(mapping string, record connectors.Ref) string {
			return s.signer.ConvertLink(cfg.Server.PublicURL, mapping, record)
		}
	}
	s.engine, err = engine.New(s.engineConfig)
	return s, err
}

// people hands the table of people on.
func people(rows []config.Person) []engine.PersonRow {
	out := make([]engine.PersonRow, len(rows))
	for i, p := range rows {
		out[i] = engine.PersonRow{Email: p.Email, On: p.On}
	}
	return out
}

// seenWait is how long to wait between two looks for a system that was never
// seen before.
const seenWait = 5 * time.Second

// compile checks the mappings against the systems, or against what the state
// remembers of them.
func (s *service) compile(ctx context.Context, c *cli, o serviceOptions) error {
	files, problems := o.files, mapping.Problems(nil)
	if files == nil {
		var err error
		if files, problems, err = parseMappings(s.config.Mappings); err != nil {
			return err
		}
	}
	from := &rememberedSchemas{vault: s.vault, log: o.log, hurry: o.waitReady || o.tolerant, shapes: map[string]string{}}
	s.files, s.shapes = files, from.shapes
	if !o.offline {
		from.live = s.conns
	}
	for {
		compiled, ps, err := compileMappings(ctx, s.config, files, s.conns, from)
		s.mappings, s.broken = compiled, brokenMappings(files, compiled, append(slices.Clone(problems), ps...), err)
		wait := o.waitReady && err != nil && connectors.KindOf(err).Temporary() && ctx.Err() == nil
		if !wait {
			if o.tolerant {
				return nil
			}
			if !o.offline {
				if perr := c.problems(append(problems, ps...)); perr != nil && len(compiled) == 0 {
					return perr
				} else if perr != nil {
					o.log.Error("mappings with errors do not run", "count", len(files)-len(compiled))
				}
			}
			if err != nil && (len(compiled) == 0 || !o.waitReady) && !o.offline {
				return err
			}
			return nil
		}
		o.log.Warn("a system that was never seen before cannot be asked; trying again", "wait", seenWait, "err", err)
		if o.waiting != nil {
			name := "a system"
			if e, ok := errors.AsType[*connectors.Error](err); ok && e.Connection != "" {
				name = e.Connection
			}
			o.waiting("waiting for " + name + ", which was never seen before and cannot be asked") // the log tells more
		}
		if err := connectors.SystemClock().Sleep(ctx, seenWait); err != nil {
			return err
		}
	}
}

func (s *service) close() {
	if s.conns != nil {
		s.conns.close()
	}
	s.vault.close()
}

// sources returns the side of each mapping whose records have a button.
func (s *service) sources() map[string]server.Source {
	sources := map[string]server.Source{}
	for _, m := range s.mappings {
		for _, target := range []mapping.SideID{mapping.Left, mapping.Right} {
			if create := m.Create(target); create != nil && create.Button() != nil {
				side := m.Side(target.Other())
				sources[m.Name()] = server.Source{Connection: side.Connection, Object: side.Object}
			}
		}
	}
	return sources
}

// newServer returns the HTTP side of the service.
func (s *service) newServer(listen, publicURL string, clock connectors.Clock) (*server.Server, error) {
	cfg := s.config.Server
	return server.New(server.Config{
		Engine: s.engine, Tokens: server.Tokens{Store: s.store}, Signer: s.signer,
		Connections: s.conns, Sources: s.sources(), Grants: s, Rules: s,
		Listen: listen, PublicURL: publicURL, Zone: s.config.TimeZone, Version: versionText(),
		Clock: clock, Logger: s.log, Metrics: s.metrics,
		MaxBody: cfg.MaxBody, MaxRequests: cfg.MaxRequests, ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout,
		ShutdownTimeout: cfg.ShutdownTimeout, PressWait: cfg.PressWait, TempDir: filepath.Dir(s.config.State.Path),
		Sessions: s.sessions, SessionIdle: cfg.SessionIdle, SessionLife: cfg.SessionLife, TrustedProxies: cfg.TrustedProxies,
		OIDC: server.OIDC{
			Issuer: cfg.OIDC.Issuer, ClientID: cfg.OIDC.ClientID, ClientSecret: cfg.OIDC.ClientSecret.Reveal(),
			Read: cfg.OIDC.Read, Operate: cfg.OIDC.Operate, GroupsClaim: cfg.OIDC.GroupsClaim,
		},
	})
}

// limits hands the configured limits to the engine. A configured zero of what
// may be zero means "not at all", which the engine writes as a negative one.
func limits(c config.Engine) engine.Limits {
	l := engine.Limits{
		Batch: c.Batch, Coalesce: c.Coalesce, Poll: c.PollInterval, Sweep: c.SweepInterval, ReportDrift: c.ReportDrift, Missing: c.MissingAfter,
		RetryMin: c.RetryMin, RetryMax: c.RetryMax, Probe: c.ProbeInterval, QueueFull: c.QueueFull,
		Window: c.GuardWindow, Clears: c.GuardClears, Overwrites: c.GuardOverwrites, Deletes: c.GuardDeletes,
		Creates: c.GuardCreates, Share: c.GuardShare, MissingAt: c.GuardMissing, DeleteWait: c.DeleteWait,
		Flips: c.Flips, FlipWindow: c.FlipWindow,
		KeepReplaced: c.KeepReplaced, KeepJournal: c.KeepHistory, KeepDelivery: c.KeepDeliveries,
	}
	if l.KeepReplaced == 0 {
		l.KeepReplaced = -1
	}
	if l.DeleteWait == 0 {
		l.DeleteWait = -1
	}
	if l.Share == 0 {
		l.Share = -1
	}
	return l
}

// operator returns how the commands that list and order ask: the engine over
// the state, or the running service when that has the state open or
// TENON_SERVICE_URL names one. The engine has no secrets and asks no system.
func (c *cli) operator(ctx context.Context) (server.Operator, func(), error) {
	return c.operatorWith(ctx, config.Options{NoSecrets: true}, serviceOptions{offline: true})
}

// liveOperator is operator for commands that read, or write, the systems too.
func (c *cli) liveOperator(ctx context.Context, o serviceOptions) (server.Operator, func(), error) {
	return c.operatorWith(ctx, config.Options{}, o)
}

func (c *cli) operatorWith(ctx context.Context, how config.Options, o serviceOptions) (server.Operator, func(), error) {
	if r, err := c.elsewhere(ctx, server.ScopeRead, server.ScopeOperate); r != nil || err != nil {
		return r, func() {}, err
	}
	if !how.NoSecrets {
		// A service that runs has the secrets, which may be missing here.
		if cfg, problems := config.Load(c.configPath, c.registry, config.Options{NoSecrets: true}); problems.Err() == nil && locked(ctx, cfg.State.Path) {
			r, err := c.remote(ctx, cfg, server.ScopeRead, server.ScopeOperate)
			return r, func() {}, err
		}
	}
	cfg, err := c.load(how)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.openService(ctx, cfg, o)
	if err == nil {
		return s.engine, s.close, nil
	}
	if !errors.Is(err, state.ErrLocked) {
		return nil, nil, err
	}
	r, err := c.remote(ctx, cfg, server.ScopeRead, server.ScopeOperate)
	return r, func() {}, err
}

// locked reports whether another process has the state open.
func locked(ctx context.Context, path string) bool {
	db, err := bolt.Open(ctx, path, bolt.Options{ReadOnly: true, LockWait: lockWait})
	if err == nil {
		err = db.Close() // only the lock was of interest
	}
	return errors.Is(err, state.ErrLocked)
}

// localTokenLife is how long a token that a command makes for itself is good.
const localTokenLife = 5 * time.Minute

// The variables that name a service on another machine.
const (
	serviceURLVariable = "TENON_SERVICE_URL"
	tokenVariable      = "TENON_TOKEN"
)

// elsewhere returns the service that TENON_SERVICE_URL names, nil when it names
// none. No state is opened then, and with a token no configuration is needed.
func (c *cli) elsewhere(ctx context.Context, scopes ...server.Scope) (*remote, error) {
	if os.Getenv(serviceURLVariable) == "" {
		return nil, nil
	}
	if os.Getenv(tokenVariable) != "" {
		return c.remote(ctx, nil, scopes...)
	}
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return nil, fail(exitUsage, "set "+tokenVariable+" to a token of the service at "+os.Getenv(serviceURLVariable), "%w", err)
	}
	return c.remote(ctx, cfg, scopes...)
}

// remote returns the running service: with the token in TENON_TOKEN, else with
// one that the sealing key signs.
func (c *cli) remote(ctx context.Context, cfg *config.Config, scopes ...server.Scope) (*remote, error) {
	base := strings.TrimRight(os.Getenv(serviceURLVariable), "/")
	if base == "" {
		base = "http://" + cfg.Server.Listen
	}
	if token := os.Getenv(tokenVariable); token != "" {
		return newRemote(base, func() string { return token }), nil
	}
	signer, err := openSigner(ctx, cfg.State)
	if err != nil {
		return nil, fail(exitUsage, "set "+tokenVariable+" to a token of the service; `tenon token create` makes one", "asking the service at %s needs a token: %w", base, err)
	}
	return newRemote(base, func() string { return signer.LocalToken(time.Now().Add(localTokenLife), scopes...) }), nil
}
