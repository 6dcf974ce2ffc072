package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Let the running service go on with the mapping files as they are now",
		Args:  cobra.NoArgs,
		Long: `Asks the running service to read its mapping files again. All of them are checked
first, against the systems too: with an error in one of them nothing changes. The
service then goes on with them at once, without a gap for webhooks, and looks at
every record of a changed mapping. tenon.yaml is read by a start only.

Look first with ` + "`tenon plan`" + `, which plans by the files as they are now. To carry out
just a plan: tenon pause MAPPING, tenon reload, tenon plan --out FILE, tenon apply
FILE, tenon resume MAPPING.

SIGHUP does the same. Exit code 1: a file has errors. 4: no service answers.`,
		Example: `  tenon plan won-deal-to-epic && tenon reload`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := c.elsewhere(cmd.Context(), server.ScopeConfigure)
			if err == nil && r == nil {
				r, err = c.runningService(cmd.Context())
			}
			if err != nil {
				return err
			}
			var done server.Reloaded
			if err := r.do(cmd.Context(), http.MethodPost, "/api/v1/reload", nil, nil, &done); err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(done)
			}
			told := false
			for _, part := range []struct {
				what  string
				names []string
			}{{"added", done.Added}, {"changed", done.Changed}, {"removed", done.Removed}} {
				if len(part.names) > 0 {
					told = true
					fmt.Fprintf(c.stdout, "%s: %s\n", part.what, strings.Join(part.names, ", "))
				}
			}
			if !told {
				fmt.Fprintln(c.stdout, "the rules are the same as before")
			}
			return nil
		},
	}
}

// runningService returns the service that has the state open.
func (c *cli) runningService(ctx context.Context) (*remote, error) {
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return nil, err
	}
	if !locked(ctx, cfg.State.Path) {
		return nil, fail(exitState, "the next `tenon serve` reads the mapping files as they are then", "no service runs with this configuration")
	}
	return c.remote(ctx, cfg, server.ScopeConfigure)
}
