package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine"
)

// online opens the service for a command that works once.
func (c *cli) online(ctx context.Context, o serviceOptions) (*service, error) {
	cfg, err := c.load(config.Options{})
	if err != nil {
		return nil, err
	}
	return c.openService(ctx, cfg, o)
}

// chosen returns the mappings that a command works: all, or those named.
func (s *service) chosen(names []string) ([]string, error) {
	have := s.engine.Mappings()
	for _, n := range names {
		if !slices.Contains(have, n) {
			return nil, fail(exitUsage, "mappings are "+strings.Join(have, ", "), "there is no sound mapping %q", n)
		}
	}
	if len(names) > 0 {
		return names, nil
	}
	return have, nil
}

// progress shows how far a run is on one line of a terminal, which each call
// writes anew.
func progress(w io.Writer) (show func(engine.SyncProgress), end func()) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil, func() {}
	}
	shown := false
	return func(p engine.SyncProgress) {
			shown = true
			name := p.Mapping
			if p.Stage != "" {
				name += ", " + p.Stage
			}
			fmt.Fprintf(w, "\r%s: %d listed, %d worked, %d to do \x1b[K", name, p.Listed, p.Done, p.Queued)
		}, func() {
			if shown {
				fmt.Fprintln(w)
			}
		}
}
