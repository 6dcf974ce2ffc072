package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// feed is one list of changes: an object of a connection within a scope. All
// mappings that look at the same records share it.
type feed struct {
	name  string // stable: the cursor's key
	conn  *connection
	users []feedUser
	nudge chan struct{} // wakes the feed's poll
}

// object returns the object that the feed lists.
func (f *feed) object() string { return f.users[0].m.Side(f.users[0].side).Object }

// wake makes the feed be polled at once.
func (f *feed) wake() {
	select {
	case f.nudge <- struct{}{}:
	default:
	}
}

type feedUser struct {
	m    *worked
	side mapping.SideID
}

func feedsOf(mappings []*worked) []*feed {
	byName := map[string]*feed{}
	var feeds []*feed
	for _, m := range mappings {
		for side := range m.sides {
			s := m.Side(mapping.SideID(side))
			name := feedName(s)
			f := byName[name]
			if f == nil {
				f = &feed{name: name, conn: m.sides[side], nudge: make(chan struct{}, 1)}
				byName[name] = f
				feeds = append(feeds, f)
			}
			f.users = append(f.users, feedUser{m: m, side: mapping.SideID(side)})
		}
	}
	slices.SortFunc(feeds, func(a, b *feed) int { return cmpText(a.name, b.name) })
	return feeds
}

// selection names all fields that the feed's mappings look at.
func (f *feed) selection() connectors.Selection {
	sel := f.users[0].m.selection(f.users[0].side)
	if len(f.users) == 1 {
		return sel
	}
	sel.Fields = slices.Clone(sel.Fields)
	for _, u := range f.users[1:] {
		sel.Fields = append(sel.Fields, u.m.Needs(u.side)...)
	}
	slices.Sort(sel.Fields)
	sel.Fields = slices.Compact(sel.Fields)
	return sel
}

func feedName(s mapping.Side) string {
	keys := make([]string, 0, len(s.Scope))
	for k := range s.Scope {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s", s.Connection, s.Object)
	for _, k := range keys {
		fmt.Fprintf(&b, "/%s=%q", k, s.Scope[k])
	}
	return b.String()
}

// Feeds returns the names of the feeds, sorted: the arguments of Poll and Sweep.
func (e *Engine) Feeds() []string {
	names := make([]string, len(e.feeds))
	for i, f := range e.feeds {
		names[i] = f.name
	}
	return names
}

func (e *Engine) feed(name string) (*feed, error) {
	for _, f := range e.feeds {
		if f.name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("engine: no feed %q", name)
}
