package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/server"
)

var _ server.Rules = (*service)(nil)

// readRules reads the mapping files as they are now and checks them as the
// start does, against the systems too.
func (s *service) readRules(ctx context.Context, op string) ([]*mapping.File, []*mapping.Mapping, error) {
	refuse := func(err error) error {
		return &connectors.Error{Op: op, Kind: connectors.Invalid, Err: err, Help: "correct the files; the service goes on with the rules that it has"}
	}
	files, problems, err := parseMappings(s.config.Mappings)
	if err != nil {
		return nil, nil, refuse(err)
	}
	from := &rememberedSchemas{vault: s.vault, live: s.conns, log: s.log, shapes: map[string]string{}}
	compiled, more, err := compileMappings(ctx, s.config, files, s.conns, from)
	if problems = append(problems, more...); problems.Err() != nil {
		return nil, nil, refuse(fmt.Errorf("the mapping files have errors:\n%w", problems.Err()))
	}
	return files, compiled, err
}

// Draft implements server.Rules: an engine over the same state that reads only.
func (s *service) Draft(ctx context.Context) (server.Planner, error) {
	_, compiled, err := s.readRules(ctx, "plan")
	if err != nil {
		return nil, err
	}
	c := s.engineConfig
	c.Mappings, c.Broken, c.ReadOnly = compiled, nil, true
	return engine.New(c)
}

// Reload implements server.Rules: the service starts anew with the files.
func (s *service) Reload(ctx context.Context, by string) (*server.Reloaded, error) {
	files, compiled, err := s.readRules(ctx, "reload")
	if err != nil {
		return nil, err
	}
	r := &server.Reloaded{Added: []string{}, Changed: []string{}, Removed: []string{}}
	for _, m := range compiled {
		i := slices.IndexFunc(s.mappings, func(old *mapping.Mapping) bool { return old.Name() == m.Name() })
		switch {
		case i < 0:
			r.Added = append(r.Added, m.Name())
		case s.mappings[i].Hash() != m.Hash():
			r.Changed = append(r.Changed, m.Name())
		}
	}
	for _, old := range s.mappings {
		if !slices.ContainsFunc(compiled, func(m *mapping.Mapping) bool { return m.Name() == old.Name() }) {
			r.Removed = append(r.Removed, old.Name())
		}
	}
	s.log.Info("the mapping files are taken in anew", "by", by, "count", len(files))
	s.next.Store(&files)
	s.startAnew("reload")
	return r, nil
}

// startAnew lets a running service end, and begin again at once.
func (s *service) startAnew(reason string) {
	select {
	case s.anew <- reason:
	default: // it starts anew already
	}
}

// nextFiles are the mappings to run when the service starts anew.
func (s *service) nextFiles() []*mapping.File {
	if next := s.next.Load(); next != nil {
		return *next
	}
	return s.files
}

// reloadOnHangup takes SIGHUP for a reload, as service managers send it.
func (s *service) reloadOnHangup(ctx context.Context) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-hangups:
			if _, err := s.Reload(ctx, "SIGHUP"); err != nil && ctx.Err() == nil {
				if shown, ok := errors.AsType[*connectors.Error](err); ok {
					err = shown.Err
				}
				s.log.Error("the mapping files cannot be taken in; the service goes on as it was", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
