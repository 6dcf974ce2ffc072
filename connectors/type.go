package connectors

import "slices"

// ParseType returns the type that String names. There is none for "null", which
// no field has.
func ParseType(name string) (t Type, ok bool) {
	i := slices.Index(typeNames[:], name)
	return Type(max(i, 0)), i > 0
}

// TypeNames lists the names of the types that fields have.
func TypeNames() []string { return slices.Clone(typeNames[1:]) }
