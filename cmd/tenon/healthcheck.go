package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
)

func (c *cli) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the running service whether it is ready, for containers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(config.Options{NoSecrets: true})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
			defer cancel()
			host, port, err := net.SplitHostPort(cfg.Server.Listen)
			if err != nil {
				return fail(exitConfig, "", "%w", err)
			}
			if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
				host = "127.0.0.1"
			}
			r := newRemote("http://"+net.JoinHostPort(host, port), func() string { return "" })
			err = r.do(ctx, http.MethodGet, "/readyz", nil, nil, io.Discard)
			if f, ok := errors.AsType[*failure](err); ok && f.code == exitSystem {
				f.code = exitFound // it answers, and is not ready: no other system is to blame
			}
			if err != nil {
				return err
			}
			return c.done(map[string]string{"status": "ready"}, "ready")
		},
	}
}
