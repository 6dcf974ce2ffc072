package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke API tokens",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.tokenCreateCommand(), c.tokenListCommand(), c.tokenRevokeCommand())
	return cmd
}

func (c *cli) tokenCreateCommand() *cobra.Command {
	var scopes string
	var days int
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and show it, this once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			order := server.TokenOrder{Name: args[0]}
			var err error
			if order.Scopes, err = server.ParseScopes(scopes); err != nil {
				return fail(exitUsage, "write them with commas: --scopes read,operate", "%w", err)
			}
			if days > 0 {
				order.Expires = time.Now().UTC().AddDate(0, 0, days)
			}
			return c.withTokens(cmd.Context(), func(t tokenKeeper) error {
				made, err := t.create(cmd.Context(), order)
				if err != nil {
					return err
				}
				if c.json() {
					return c.printJSON(made)
				}
				fmt.Fprintf(c.stderr, "token %s (%s); it is not shown again\n", made.ID, scopes)
				_, err = fmt.Fprintln(c.stdout, made.Text)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&scopes, "scopes", "read", "a list of read, operate, convert, configure")
	cmd.Flags().IntVar(&days, "days", 0, "good for this many days; 0: until revoked")
	return cmd
}

func (c *cli) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the tokens, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withTokens(cmd.Context(), func(t tokenKeeper) error {
				tokens, err := t.list(cmd.Context())
				if err != nil {
					return err
				}
				if c.json() {
					return c.printJSON(orEmpty(tokens))
				}
				tab := newTable(c.stdout, "ID", "NAME", "SCOPES", "MADE", "EXPIRES")
				for _, k := range tokens {
					words := make([]string, len(k.Scopes))
					for i, s := range k.Scopes {
						words[i] = string(s)
					}
					tab.row(k.ID, k.Name, strings.Join(words, ","), showTime(k.Created), showTime(k.Expires))
				}
				return c.listed(tab, len(tokens), "there are no tokens; `tenon token create NAME` makes one")
			})
		},
	}
}

func (c *cli) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withTokens(cmd.Context(), func(t tokenKeeper) error {
				if err := t.revoke(cmd.Context(), args[0]); errors.Is(err, state.ErrNotFound) {
					return fail(exitFound, "`tenon token list` shows the ids", "there is no token %s", args[0])
				} else if err != nil {
					return err
				}
				return c.done(map[string]string{"revoked": args[0]}, "revoked %s", args[0])
			})
		},
	}
}

// tokenKeeper keeps API tokens: in the state, or in the running service's.
type tokenKeeper interface {
	create(ctx context.Context, order server.TokenOrder) (server.NewToken, error)
	list(ctx context.Context) ([]server.Token, error)
	revoke(ctx context.Context, id string) error
}

func (c *cli) withTokens(ctx context.Context, fn func(tokenKeeper) error) error {
	if r, err := c.elsewhere(ctx, server.ScopeConfigure); err != nil {
		return err
	} else if r != nil {
		return fn(remoteTokens{r})
	}
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return err
	}
	v, err := openVault(ctx, cfg.State, quiet())
	if errors.Is(err, state.ErrLocked) {
		r, err := c.remote(ctx, cfg, server.ScopeConfigure)
		if err != nil {
			return err
		}
		return fn(remoteTokens{r})
	}
	if err != nil {
		return err
	}
	defer v.close()
	return fn(localTokens{server.Tokens{Store: v.store}})
}

type localTokens struct{ server.Tokens }

func (t localTokens) create(ctx context.Context, order server.TokenOrder) (server.NewToken, error) {
	token, text, err := t.Create(ctx, order.Name, order.Scopes, time.Now(), order.Expires)
	return server.NewToken{Token: token, Text: text}, err
}

func (t localTokens) list(ctx context.Context) ([]server.Token, error) { return t.List(ctx) }
func (t localTokens) revoke(ctx context.Context, id string) error      { return t.Revoke(ctx, id) }

type remoteTokens struct{ r *remote }

func (t remoteTokens) create(ctx context.Context, order server.TokenOrder) (made server.NewToken, err error) {
	err = t.r.do(ctx, http.MethodPost, "/api/v1/tokens", nil, order, &made)
	return made, err
}

func (t remoteTokens) list(ctx context.Context) ([]server.Token, error) {
	var l server.List[server.Token]
	err := t.r.get(ctx, "tokens", nil, &l)
	return l.Rows, err
}

func (t remoteTokens) revoke(ctx context.Context, id string) error {
	return t.r.do(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(id), nil, nil, io.Discard)
}
