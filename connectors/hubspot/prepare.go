package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// propertyGroup is where Tenon's own property stands in HubSpot's pages.
const propertyGroup = "tenon"

// Missing implements connectors.Preparer. Where comments are copied, notes are
// looked at too, since they are the object's comments.
func (c *connection) Missing(ctx context.Context, need connectors.Need) ([]string, error) {
	types, err := c.prepared(ctx, "check", need)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, t := range types {
		p, err := c.property(ctx, t, keyProperty)
		switch {
		case err != nil:
			return nil, err
		case p == nil:
			missing = append(missing, "the property "+keyProperty+" (single-line text, unique values) on "+t.plural)
		case !p.HasUniqueValue:
			return nil, c.notUnique(t)
		}
	}
	return missing, nil
}

// usableAfter is how long writes may not know a new property; 250 to 700 ms
// have been seen (read 2026-11-21).
const usableAfter = time.Second

// Prepare implements connectors.Preparer. It returns when the property can be
// written.
func (c *connection) Prepare(ctx context.Context, need connectors.Need) error {
	types, err := c.prepared(ctx, "prepare", need)
	if err != nil {
		return err
	}
	fresh := false
	for _, t := range types {
		p, err := c.property(ctx, t, keyProperty)
		if err != nil {
			return err
		}
		if p == nil {
			fresh = true
			if p, err = c.createKeyProperty(ctx, t); err != nil {
				return err
			}
		}
		if !p.HasUniqueValue {
			return c.notUnique(t)
		}
	}
	if !fresh {
		return nil
	}
	if err := c.clock.Sleep(ctx, usableAfter); err != nil {
		return c.fail("prepare", need.Object, connectors.Unavailable, "%w", err)
	}
	return nil
}

// prepared returns the types that need the key property.
func (c *connection) prepared(ctx context.Context, op string, need connectors.Need) ([]*objectType, error) {
	t, err := c.object(ctx, op, need.Object)
	if err != nil {
		return nil, err
	}
	if t.readOnly {
		return nil, nil
	}
	if t.id == notesID || !need.Comment && !need.Attach {
		return []*objectType{t}, nil
	}
	return []*objectType{t, standardType("notes")}, nil
}

// property reads one definition; nil when there is none.
func (c *connection) property(ctx context.Context, t *objectType, name string) (*wireProperty, error) {
	var p wireProperty
	err := c.do(ctx, rest.Request{
		Op: "read property", Record: t.plural, Path: pathProperty,
		Params: map[string]string{"type": t.id, "name": name}, Out: &p,
	})
	if err != nil && connectors.KindOf(err) == connectors.NotFound || p.Archived {
		return nil, nil
	}
	return &p, err
}

// makeGroup makes the group of Tenon's properties, unless it is there.
func (c *connection) makeGroup(ctx context.Context, t *objectType) error {
	err := c.create(ctx, t, pathGroups, map[string]string{"name": propertyGroup, "label": "Tenon"}, nil)
	if err != nil && connectors.KindOf(err) != connectors.Conflict {
		return err
	}
	return nil
}

func (c *connection) createKeyProperty(ctx context.Context, t *objectType) (*wireProperty, error) {
	if err := c.makeGroup(ctx, t); err != nil {
		return nil, err
	}
	var made wireProperty
	err := c.create(ctx, t, pathProperties, wireProperty{
		Name: keyProperty, Label: "Tenon key", Type: "string", FieldType: "text", GroupName: propertyGroup,
		Description:    "Set by Tenon on records that it makes, so that each is made once. Do not change.",
		HasUniqueValue: true,
	}, &made)
	if err != nil && connectors.KindOf(err) == connectors.Conflict {
		// Made meanwhile by another; an archived one comes back by the create.
		p, err := c.property(ctx, t, keyProperty)
		if err == nil && p == nil {
			err = c.fail("prepare", t.plural, connectors.Conflict, "the property %s exists but cannot be read", keyProperty)
		}
		return p, err
	}
	return &made, err
}

// create makes a definition. A repeat answers Conflict.
func (c *connection) create(ctx context.Context, t *objectType, path string, body, out any) error {
	return c.do(ctx, rest.Request{
		Op: "prepare", Record: t.plural, Method: http.MethodPost, Path: path,
		Params: map[string]string{"type": t.id}, Body: body, Out: out,
	})
}

func (c *connection) notUnique(t *objectType) error {
	err := c.fail("prepare", t.plural, connectors.Conflict, "the property %s exists without unique values", keyProperty)
	err.Help = "rename or delete the property " + keyProperty + " of " + t.plural + " in HubSpot, then prepare again: HubSpot cannot make an existing property unique"
	return err
}

// unprepared gives an error about the missing key property the advice to
// create it; other errors stay as they are.
func (c *connection) unprepared(t *objectType, err error) error {
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok || e.Kind != connectors.Invalid {
		return err
	}
	at := slices.IndexFunc(e.Fields, func(f connectors.FieldError) bool { return f.Field == keyProperty })
	if at < 0 && (e.Err == nil || !strings.Contains(e.Err.Error(), keyProperty)) {
		return err
	}
	own := *e
	own.Fields = nil
	if at >= 0 {
		own.Err = errors.New(e.Fields[at].Reason)
		if e.Err != nil {
			own.Err = fmt.Errorf("%s: %w", e.Fields[at].Reason, e.Err)
		}
	}
	own.Help = "run `tenon prepare`: it creates the property " + keyProperty + " on " + t.plural + " in HubSpot"
	return &own
}
