package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/server"
)

// hookRow is where the webhooks of a connection go.
type hookRow struct {
	Connection string `json:"connection"`
	Address    string `json:"address,omitempty"`
	Proof      string `json:"proof"` // "signature", "address", or "none" where no webhooks are taken
	Registers  bool   `json:"registers"`
}

func (c *cli) hooksCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hooks",
		Short: "Show where each system should send its webhooks",
		Long: `Shows the address of each connection's webhooks, below server.public_url, and by
what a delivery proves where it comes from: the system's signature, or an address
that nobody can guess. Keep such an address as secret as a password: it changes
only with the sealing key.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(config.Options{NoSecrets: true})
			if err != nil {
				return err
			}
			signer, err := anySigner(cmd.Context(), cfg.State)
			if err != nil {
				return err
			}
			conns, err := c.open(cfg, connectors.Options{Logger: quiet()}, nil)
			if err != nil {
				return err
			}
			defer conns.close()
			var rows []hookRow
			for name, conn := range conns {
				can := connectors.AbilitiesOf(conn)
				row := hookRow{Connection: name, Proof: "none", Registers: can.WebhookRegistrar != nil}
				if can.WebhookSource != nil {
					row.Address, row.Proof = signer.HookAddress(cfg.Server.PublicURL, name, conn.Facts()), "signature"
					if conn.Facts().WebhookUnsigned {
						row.Proof = "address"
					}
				}
				rows = append(rows, row)
			}
			slices.SortFunc(rows, func(a, b hookRow) int { return strings.Compare(a.Connection, b.Connection) })
			if c.json() {
				return c.printJSON(rows)
			}
			t := newTable(c.stdout, "CONNECTION", "PROOF", "SUBSCRIBES ITSELF", "ADDRESS")
			for _, r := range rows {
				t.row(r.Connection, r.Proof, map[bool]string{true: "yes", false: "no"}[r.Registers], cmp.Or(r.Address, "- (none are taken: the connection does not set what they need)"))
			}
			if err := t.flush(); err != nil {
				return err
			}
			if isLocalAddress(cfg.Server.PublicURL) {
				fmt.Fprintln(c.stdout, "\nserver.public_url is an address of this machine: systems elsewhere do not reach it.")
			}
			return nil
		},
	}
}

// anySigner returns the signer of the state, which is made if there is none
// yet: whoever sets up a system's webhooks may not have started the service.
func anySigner(ctx context.Context, cfg config.State) (*server.Signer, error) {
	v, err := openVault(ctx, cfg, quiet())
	if errors.Is(err, state.ErrLocked) {
		return openSigner(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	v.close()
	return v.signer, nil
}
