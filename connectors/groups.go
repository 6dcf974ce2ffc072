package connectors

import (
	"maps"
	"slices"
)

// WriteGroup is the creates or updates of one call that have an object and a
// scope in common. Members are their places in the call.
type WriteGroup struct {
	Object  string
	Scope   Scope
	Members []int
}

// GroupCreates groups the creates of a call, in the order in which each object
// and scope comes first.
func GroupCreates(creates []Create) []*WriteGroup {
	return groups(creates, func(c *Create) (string, Scope) { return c.Object, c.Scope })
}

// GroupUpdates groups the updates of a call likewise.
func GroupUpdates(updates []Update) []*WriteGroup {
	return groups(updates, func(u *Update) (string, Scope) { return u.Object, u.Scope })
}

func groups[T any](writes []T, of func(*T) (string, Scope)) []*WriteGroup {
	var groups []*WriteGroup
	for i := range writes {
		object, scope := of(&writes[i])
		at := slices.IndexFunc(groups, func(g *WriteGroup) bool { return g.Object == object && maps.Equal(g.Scope, scope) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &WriteGroup{Object: object, Scope: scope})
		}
		groups[at].Members = append(groups[at].Members, i)
	}
	return groups
}

// Fail gives each member's result the same error.
func (g *WriteGroup) Fail(results []WriteResult, err error) {
	for _, i := range g.Members {
		results[i].Err = err
	}
}
