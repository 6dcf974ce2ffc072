package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// linkPrefix begins the name of a link.
const linkPrefix = "link:"

// finder finds the record that people mean: connection/object/id, an id, a
// readable key, a web address, or link:N.
type finder struct {
	*Engine
	op          string // for errors
	offline     bool   // the systems are not asked
	unreachable bool   // a system was not asked, or did not answer
}

// subject is the record that was found.
type subject struct {
	ref     connectors.Ref
	mapping string // of link:N: only this one counts
	link    uint64 // of link:N
	side    mapping.SideID
	unknown bool
}

// find turns what was asked into the record that it means. Errors are of kind
// NotFound for a link that is not there, Invalid for a name that means nothing
// or several records; others are the state's.
func (x *finder) find(ctx context.Context, text string) (subject, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || len(text) > 4*maxID:
		return subject{}, x.unclear("write connection/object/id, an id, a key, a web address or link:N", "%q names no record", brief(text))
	case strings.HasPrefix(text, linkPrefix):
		return x.findLink(ctx, text)
	case strings.Contains(text, "://"):
		return x.locate(ctx, text)
	}
	if ref, err := connectors.ParseRef(text); err == nil {
		if x.conns[ref.Connection] == nil {
			return subject{}, x.unclear(mapping.Suggest(ref.Connection, "connections are", sortedNames(x.conns)), "there is no connection %q", ref.Connection)
		}
		ref.ID = x.conns[ref.Connection].normalID(ref.ID)
		return subject{ref: ref}, nil
	}
	found, err := x.remembered(ctx, text)
	if err != nil {
		return subject{}, err
	}
	if len(found) == 0 && !x.offline {
		s, err := x.locate(ctx, text)
		if err != nil || !s.unknown {
			return s, err
		}
		found = x.shown(ctx, text)
	}
	return x.only(text, found)
}

// only returns the one record that was found.
func (x *finder) only(text string, found []connectors.Ref) (subject, error) {
	switch len(found) {
	case 0:
		return subject{unknown: true}, nil
	case 1:
		return subject{ref: found[0]}, nil
	}
	names := make([]string, len(found))
	for i, ref := range found {
		names[i] = ref.String()
	}
	return subject{}, x.unclear("name one of them", "%q may be %s", text, strings.Join(names, " or "))
}

func (x *finder) unclear(help, format string, args ...any) error {
	return &connectors.Error{Op: x.op, Kind: connectors.Invalid, Err: fmt.Errorf(format, args...), Help: help}
}

// findLink finds the left record of link:N.
func (x *finder) findLink(ctx context.Context, text string) (s subject, err error) {
	id, err := strconv.ParseUint(strings.TrimPrefix(text, linkPrefix), 10, 64)
	if err != nil {
		return s, x.unclear("`tenon links` shows the numbers", "%q is no link", text)
	}
	err = x.store.View(ctx, func(tx state.Tx) error {
		l, err := tx.Link(id)
		if err != nil {
			return err
		}
		s = subject{mapping: l.Mapping, link: id}
		for _, b := range x.broken {
			if side := b.Sides[0]; b.Name == l.Mapping && side.Connection != "" {
				s.ref = connectors.Ref{Connection: side.Connection, Object: side.Object, ID: l.Ends[0].ID}
			}
		}
		if m, err := x.mapping(l.Mapping); err == nil {
			s.ref = m.ref(mapping.Left, l.Ends[0].ID)
		}
		return nil
	})
	if errors.Is(err, state.ErrNotFound) {
		return s, noLink(x.op, id)
	}
	return s, err
}

func noLink(op string, id uint64) error {
	return &connectors.Error{Op: op, Kind: connectors.NotFound, Err: fmt.Errorf("there is no link %d", id), Help: "`tenon links` shows the numbers"}
}

// ends calls fn for each object of a connection that mappings use, once.
func (x *finder) ends(fn func(m *worked, side mapping.SideID)) {
	var seen []connectors.Ref
	for _, m := range x.mappings {
		for side := range mapping.SideID(2) {
			ref := m.ref(side, "-")
			if !slices.Contains(seen, ref) {
				seen = append(seen, ref)
				fn(m, side)
			}
		}
	}
}

// remembered returns the records of which the state knows the id.
func (x *finder) remembered(ctx context.Context, id string) (found []connectors.Ref, err error) {
	if len(id) > maxID {
		return nil, nil
	}
	err = x.store.View(ctx, func(tx state.Tx) error {
		found = nil
		look := func(name string, sides [2]mapping.Side) error {
			for side, s := range sides {
				known, err := knows(tx, name, mapping.SideID(side), id)
				if err != nil {
					return err
				}
				ref := connectors.Ref{Connection: s.Connection, Object: s.Object, ID: id}
				if known && s.Connection != "" && !slices.Contains(found, ref) {
					found = append(found, ref)
				}
			}
			return nil
		}
		for _, m := range x.mappings {
			if err := look(m.Name(), [2]mapping.Side{m.Side(mapping.Left), m.Side(mapping.Right)}); err != nil {
				return err
			}
		}
		for _, b := range x.broken {
			if err := look(b.Name, b.Sides); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// knows reports whether a mapping has dealt with a record.
func knows(tx state.Tx, name string, side mapping.SideID, id string) (bool, error) {
	if _, err := tx.LinkOf(name, uint8(side), id); !errors.Is(err, state.ErrNotFound) {
		return err == nil, err
	}
	if _, err := tx.Entry(state.Subject{Mapping: name, Side: uint8(side), Record: id}); !errors.Is(err, state.ErrNotFound) {
		return err == nil, err
	}
	mark, err := tx.Known(name, uint8(side), id)
	return mark != nil, err
}

// locate asks the connections whose record a key or a web address names.
func (x *finder) locate(ctx context.Context, text string) (subject, error) {
	if x.offline {
		return subject{unknown: true}, nil
	}
	var found []connectors.Ref
	for _, name := range sortedNames(x.conns) {
		c := x.conns[name]
		if c.can.Locator == nil || c.shut() {
			x.unreachable = x.unreachable || c.can.Locator != nil
			continue
		}
		ref, err := c.can.Locator.Locate(ctx, text)
		x.note(c, err)
		switch {
		case err != nil:
			x.unreachable = true
		case !ref.IsZero() && !slices.Contains(found, ref):
			found = append(found, x.asMapped(ref))
		}
	}
	return x.only(text, found)
}

// asMapped gives a located record the name of its object that mappings use,
// where the system has several for it.
func (x *finder) asMapped(ref connectors.Ref) connectors.Ref {
	same := ref
	x.ends(func(m *worked, side mapping.SideID) {
		if s := m.Side(side); s.Connection == ref.Connection && strings.EqualFold(s.Object, ref.Object) {
			same.Object = s.Object
		}
	})
	return same
}

// shown returns the records with that id which the systems show.
func (x *finder) shown(ctx context.Context, id string) (found []connectors.Ref) {
	if len(id) > maxID || strings.ContainsAny(id, " \t\n") {
		return nil
	}
	x.ends(func(m *worked, side mapping.SideID) {
		c := m.sides[side]
		if c.shut() {
			x.unreachable = true
			return
		}
		sel := m.selection(side)
		sel.Fields = nil
		results, err := c.Read(ctx, sel, []string{id})
		x.note(c, err)
		switch {
		case err != nil:
			x.unreachable = true
		case len(results) == 1 && results[0].Record != nil:
			found = append(found, m.ref(side, results[0].Record.Ref.ID))
		}
	})
	return found
}

// shut reports whether the connection is paused, so that nothing is sent.
func (c *connection) shut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused
}
