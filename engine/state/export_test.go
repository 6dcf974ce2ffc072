package state

import (
	"context"
	"log/slog"
)

// Prepare brings a backend to a layout of the test's own, by its own steps.
func Prepare(ctx context.Context, b Backend, want uint64, steps map[uint64]func(Writer) error) error {
	own := map[uint64]upgrade{}
	for v, step := range steps {
		own[v] = step
	}
	return prepare(ctx, b, slog.New(slog.DiscardHandler), want, own)
}

// Schema is the layout that Open writes.
const Schema = uint64(schema)
