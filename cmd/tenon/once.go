package main

import (
	"context"
	"fmt"
	"io"

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

// progress shows how far work is on one line of a terminal, which each call
// writes anew; end finishes the line. show is nil where nobody looks.
func progress(w io.Writer) (show func(engine.SyncProgress), end func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	shown := false
	show = func(p engine.SyncProgress) {
		shown = true
		fmt.Fprintf(w, "\r%s: ", p.Step())
		if p.Listed > 0 {
			fmt.Fprintf(w, "%d listed, ", p.Listed)
		}
		fmt.Fprintf(w, "%d worked, %d to do \x1b[K", p.Done, p.Queued)
	}
	return show, func() {
		if shown {
			fmt.Fprintln(w)
		}
		shown = false
	}
}
