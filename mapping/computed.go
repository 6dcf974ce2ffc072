package mapping

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// computed is an expression whose result goes into a field, or is a condition.
type computed struct {
	expr *expression
	into *converter // nil for a condition
}

// value computes the value for the target field. A field that could not be
// read leaves nothing to compute.
func (c *computed) value(rec *connectors.Record) (connectors.Value, connectors.Presence, error) {
	x, err := c.expr.run(rec, time.Time{})
	if missing, ok := errors.AsType[*missingError](err); ok {
		return connectors.Null, missing.presence, nil
	}
	if err != nil {
		return connectors.Null, connectors.Present, fmt.Errorf("`%s`: %w", clip(c.expr.source), err)
	}
	v, err := c.into.result(x)
	if err != nil {
		return connectors.Null, connectors.Present, fmt.Errorf("`%s`: %w", clip(c.expr.source), err)
	}
	return v, connectors.Present, nil
}

// truth evaluates a condition.
func (c *computed) truth(rec *connectors.Record) (bool, error) {
	ok, err := truth(c.expr.eval, &frame{rec: rec})
	if err != nil {
		return false, fmt.Errorf("`%s`: %w", clip(c.expr.source), err)
	}
	return ok, nil
}

// assignment is a value for one field of a new record.
type assignment struct {
	into *converter
	eval func(rec *connectors.Record, now time.Time) (value, error)
}

// evaluate computes assignments. Those that come out empty are left out, and so
// are people whose e-mail cannot be seen: a new record need not wait for them.
func evaluate(list []assignment, rec *connectors.Record, now time.Time) ([]FieldValue, error) {
	values := make([]FieldValue, 0, len(list))
	for _, a := range list {
		x, err := a.eval(rec, now)
		var v connectors.Value
		if x.kind() == kPerson && x.v.Person().Email == "" {
			continue
		}
		if err == nil {
			v, err = a.into.result(x)
		}
		if err != nil {
			return nil, fmt.Errorf("field `%s`: %w", a.into.to.Name, err)
		}
		if !v.IsNull() {
			values = append(values, FieldValue{a.into.to.Name, v})
		}
	}
	return values, nil
}

// taskPlan makes one task.
type taskPlan struct {
	key    string
	title  *template
	object string
	scope  connectors.Scope
	fields []assignment
}

func (t *taskPlan) make(rec *connectors.Record, now time.Time) (Task, error) {
	title, err := t.title.run(rec, now)
	if err == nil && strings.TrimSpace(title.shown()) == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return Task{}, fmt.Errorf("task `%s`: title: %w", t.key, err)
	}
	fields, err := evaluate(t.fields, rec, now)
	if err != nil {
		return Task{}, fmt.Errorf("task `%s`: %w", t.key, err)
	}
	return Task{Key: t.key, Title: title.shown(), Object: t.object, Scope: cloneScope(t.scope), Fields: fields}, nil
}

func cloneScope(s connectors.Scope) connectors.Scope {
	c := make(connectors.Scope, len(s))
	for k, v := range s {
		c[k] = v
	}
	return c
}
