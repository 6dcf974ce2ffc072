package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) serveCommand() *cobra.Command {
	var readyFile string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Keep everything in step until stopped",
		Long: `Runs the service: takes webhooks in, follows the lists of changes, reconciles,
and serves the convert button, the pages and the API. SIGTERM or Ctrl-C stops it
in peace; being killed loses nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(config.Options{})
			if err != nil {
				return err
			}
			calmCollector()
			return c.serve(cmd.Context(), cfg, readyFile)
		},
	}
	cmd.Flags().StringVar(&readyFile, "ready-file", "", "write the service's address to this `file` once it answers")
	return cmd
}

// serve listens at once, opens the service and runs it until ctx ends.
func (c *cli) serve(ctx context.Context, cfg *config.Config, readyFile string) error {
	log := c.logger(cfg.Log.Level, cfg.Log.Format)
	address, err := listenLasting(cfg.Server.Listen)
	if err != nil {
		if db, err := bolt.Open(ctx, cfg.State.Path, bolt.Options{ReadOnly: true, LockWait: lockWait}); err == nil {
			_ = db.Close() // only the lock was of interest
		} else if errors.Is(err, state.ErrLocked) {
			return err // by a service that has the address, too
		}
		return fail(exitUsage, "name another address in server.listen", "%w", err)
	}
	defer address.close()
	o := serviceOptions{log: log, buttons: true, waitReady: true, sessions: server.NewSessions()}
	for {
		// With new fields, too, the mappings are those of the start: the admin's
		// edits meanwhile wait for the admin's reload.
		o.files, err = c.serveUntil(ctx, cfg, o, address, readyFile)
		if !errors.Is(err, errNewFields) {
			return err
		}
	}
}

// serveUntil opens the service and runs it until ctx ends or the systems' fields
// change, and returns the mappings that it ran.
func (c *cli) serveUntil(ctx context.Context, cfg *config.Config, o serviceOptions, address *lasting, readyFile string) ([]*mapping.File, error) {
	l, err := address.lease()
	if err != nil {
		return nil, err
	}
	waiting := answerStarting(l, o.log)
	o.waiting = waiting.because
	s, err := c.openService(ctx, cfg, o)
	if endErr := waiting.end(); err == nil && endErr != nil {
		s.close()
		return nil, endErr
	}
	if err != nil && ctx.Err() != nil {
		o.log.Info("stopped before it served", "err", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.close()
	if l, err = address.lease(); err != nil {
		return nil, err
	}
	err = s.serveOn(ctx, l, readyFile)
	return s.nextFiles(), err
}

// serveOn runs the engine and the server on a listener, which it closes, until
// ctx ends.
func (s *service) serveOn(ctx context.Context, l net.Listener, readyFile string) error {
	srv, err := s.newServer(l.Addr().String(), s.config.Server.PublicURL, connectors.SystemClock())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	var served, worked error
	wg.Go(func() {
		served = srv.Serve(ctx, l)
		stop(served)
	})
	wg.Go(func() {
		if worked = s.engine.Run(ctx); ctx.Err() == nil {
			stop(worked)
		}
	})
	wg.Go(func() { s.subscribe(ctx) })
	wg.Go(func() {
		select {
		case reason := <-s.anew:
			s.log.Info("starting anew", "op", reason)
			stop(errNewFields)
		case <-ctx.Done():
		}
	})
	wg.Go(func() { s.reloadOnHangup(ctx) })
	wg.Go(func() { s.watchFields(ctx, s.config.Engine.FieldsInterval, stop) })
	s.log.Info("serving", "address", l.Addr().String(), "public_url", s.config.Server.PublicURL, "count", len(s.mappings))
	if readyFile != "" {
		if err := writeWhole(readyFile, map[string]string{"url": "http://" + l.Addr().String()}); err != nil {
			stop(err)
		}
	}
	wg.Wait()
	s.log.Info("stopped")
	if errors.Is(context.Cause(ctx), errNewFields) {
		return errors.Join(errNewFields, s.retryHeld(context.WithoutCancel(ctx)))
	}
	if errors.Is(worked, context.Canceled) {
		worked = nil
	}
	if cause := context.Cause(ctx); served == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		served = cause
	}
	return errors.Join(served, worked)
}

// subscribeAgain is how long to wait after a subscription failed.
const subscribeAgain = time.Minute

// subscribe makes sure that systems which take subscriptions send webhooks
// here, and renews them. Without webhooks the lists of changes still tell. A
// service that only reads makes no subscription either.
func (s *service) subscribe(ctx context.Context) {
	if s.config.Engine.ReadOnly {
		s.log.Info("engine.read_only is set: nothing is written to any system, and no webhooks are asked for")
		return
	}
	if isLocalAddress(s.config.Server.PublicURL) && !s.allLocal() {
		s.log.Warn("server.public_url is not reachable from elsewhere: no webhooks are asked for, changes come by polling")
		return
	}
	var wg sync.WaitGroup
	for name, target := range s.webhookTargets() {
		registrar := connectors.AbilitiesOf(s.conns[name]).WebhookRegistrar
		if registrar == nil {
			continue
		}
		wg.Go(func() { s.keepSubscribed(ctx, name, registrar, target) })
	}
	wg.Wait()
}

func (s *service) keepSubscribed(ctx context.Context, name string, r connectors.WebhookRegistrar, target connectors.WebhookTarget) {
	clock := connectors.SystemClock()
	for ctx.Err() == nil {
		renew, err := r.EnsureWebhook(ctx, target)
		wait := subscribeAgain
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Warn("no webhooks from this connection; changes come by polling", "connection", name, "wait", wait, "err", err)
			if !connectors.KindOf(err).Temporary() {
				wait = time.Hour
			}
		case renew.IsZero():
			return
		default:
			wait = max(renew.Sub(clock.Now()), subscribeAgain)
		}
		if clock.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// webhookTargets returns what each connection's webhooks should tell.
func (s *service) webhookTargets() map[string]connectors.WebhookTarget {
	targets := map[string]connectors.WebhookTarget{}
	for _, m := range s.mappings {
		for side := range 2 {
			end := m.Side(sideID(side))
			t := targets[end.Connection]
			t.URL = s.signer.HookAddress(s.config.Server.PublicURL, end.Connection, s.conns[end.Connection].Facts())
			t.Objects = append(t.Objects, connectors.Selection{Object: end.Object, Scope: end.Scope, Fields: m.Needs(sideID(side))})
			targets[end.Connection] = t
		}
	}
	return targets
}
