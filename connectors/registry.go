package connectors

import (
	"fmt"
	"slices"
)

// Registry is a set of connectors by kind.
type Registry struct {
	byKind map[string]Connector
}

// NewRegistry returns a registry of the given connectors; two of one kind are
// an error.
func NewRegistry(list ...Connector) (*Registry, error) {
	r := &Registry{byKind: make(map[string]Connector, len(list))}
	for _, c := range list {
		kind := c.Info().Kind
		if _, ok := r.byKind[kind]; ok {
			return nil, fmt.Errorf("two connectors of kind %q", kind)
		}
		r.byKind[kind] = c
	}
	return r, nil
}

// Connector returns the connector of a kind, or nil.
func (r *Registry) Connector(kind string) Connector { return r.byKind[kind] }

// Kinds returns the kinds, sorted.
func (r *Registry) Kinds() []string {
	kinds := make([]string, 0, len(r.byKind))
	for k := range r.byKind {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}
