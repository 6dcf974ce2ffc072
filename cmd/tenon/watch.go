package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/mapping"
)

// errNewFields ends a service whose systems have other fields or options than
// its mappings were compiled for. It is started anew at once, and what was held
// back is tried again.
var errNewFields = errors.New("the fields of a system have changed")

// shapeOf tells a schema apart from another one, whatever the order in which
// the system lists fields and options.
func shapeOf(s *connectors.Schema) string {
	shape := *s
	shape.Fields = slices.Clone(s.Fields)
	slices.SortFunc(shape.Fields, func(a, b connectors.Field) int { return cmp.Compare(a.Name, b.Name) })
	for i := range shape.Fields {
		f := &shape.Fields[i]
		f.Options = slices.Clone(f.Options)
		slices.SortFunc(f.Options, func(a, b connectors.Option) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Label, b.Label))
		})
	}
	text, err := json.Marshal(shape)
	if err != nil {
		return ""
	}
	return string(text)
}

// watchFields looks now and then whether the systems' fields are those that the
// mappings were compiled for, and calls stop when they are not. An interval of
// zero or less looks never.
func (s *service) watchFields(ctx context.Context, every time.Duration, stop func(error)) {
	if every <= 0 {
		return
	}
	told := ""
	for s.clock.Sleep(ctx, every) == nil {
		changed, err := s.fieldsChanged(connectors.WithPriority(ctx, connectors.PrioritySweep))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != told:
			told = err.Error()
			s.log.Error("the systems' fields cannot be taken in; the mappings go on as they are", "err", err)
		case err == nil && changed:
			s.log.Info("the fields of a system have changed; starting anew with them")
			stop(errNewFields)
			return
		}
	}
}

// fieldsChanged reports whether a system shows other fields than at the start,
// with which every running mapping still compiles.
func (s *service) fieldsChanged(ctx context.Context) (bool, error) {
	from := &rememberedSchemas{vault: s.vault, live: s.conns, log: s.log, shapes: map[string]string{}}
	compiled, problems, err := compileMappings(ctx, s.config, s.files, s.conns, from)
	if err != nil {
		return false, err
	}
	changed := false
	for name, shape := range from.shapes {
		changed = changed || s.shapes[name] != shape
	}
	if !changed {
		return false, nil
	}
	for _, m := range s.mappings {
		if slices.ContainsFunc(compiled, func(c *mapping.Mapping) bool { return c.Name() == m.Name() }) {
			continue
		}
		return false, fmt.Errorf("mapping %s does not fit them any more: %w", m.Name(), problems.Err())
	}
	return true, nil
}

// retryHeld makes what failed or was set aside due again, for the service that
// comes next.
func (s *service) retryHeld(ctx context.Context) error {
	_, err := s.engine.Retry(ctx, engine.QueueFilter{})
	return err
}
