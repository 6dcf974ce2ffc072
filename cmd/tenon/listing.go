package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/server"
)

// listing makes a command that asks the operator and prints.
func (c *cli) listing(use, short, long string, args cobra.PositionalArgs, fn func(cmd *cobra.Command, op server.Operator, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		Long: strings.TrimSpace(short + ".\n\n" + long + "\n\nWhile `tenon serve` runs, the command asks that service; else it reads the state."),
		RunE: func(cmd *cobra.Command, args []string) error {
			op, done, err := c.operator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			return fn(cmd, op, args)
		},
	}
}

// pager is the flags of a list.
type pager struct {
	mapping string
	limit   int
}

func (p *pager) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.mapping, "mapping", "m", "", "only this `mapping`")
	cmd.Flags().IntVarP(&p.limit, "limit", "n", 100, "at most this `many`; 0: all")
}

// pages calls fetch with the place to go on from until nothing more comes or
// the limit is reached.
func pages[T any](limit int, fetch func(after uint64, n int) ([]T, error), next func(T) uint64) ([]T, error) {
	const step = 500
	rows := []T{}
	for after := uint64(0); ; {
		n := step
		if limit > 0 {
			n = min(n, limit-len(rows))
		}
		page, err := fetch(after, n)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page...)
		if len(page) < n || limit > 0 && len(rows) >= limit {
			return rows, nil
		}
		after = next(page[len(page)-1])
	}
}

// done says that a command did what it should.
func (c *cli) done(v any, format string, args ...any) error {
	if c.json() {
		return json.NewEncoder(c.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(c.stdout, format+"\n", args...)
	return err
}

func orEmpty[T any](rows []T) []T {
	if rows == nil {
		return []T{}
	}
	return rows
}
