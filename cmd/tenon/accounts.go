package main

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
)

// accounts opens the connections for a command that only asks the systems. A
// connection whose tokens rotate needs the state, where the new ones are kept:
// without it, asking would use up the token that the service lives on.
func (c *cli) accounts(ctx context.Context, cfg *config.Config) (conns connections, done func(), err error) {
	options := connectors.Options{Logger: quiet()}
	if !slices.ContainsFunc(cfg.Connections, rotates) {
		conns, err = c.open(cfg, options, nil)
		return conns, func() { conns.close() }, err
	}
	v, err := openVault(ctx, cfg.State, quiet())
	if err != nil {
		return nil, nil, err
	}
	if conns, err = c.open(cfg, options, v.tokens); err != nil {
		v.close()
		return nil, nil, err
	}
	return conns, func() {
		conns.close()
		v.close()
	}, nil
}
