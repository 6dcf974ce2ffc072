package mapping

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"slices"
)

// CheckTogether finds mappings that do not go together: two of the same name,
// parents that are not there, and fields that more than one mapping writes. The
// result is sorted and does not depend on the order of the mappings.
func CheckTogether(files []*Mapping) Problems {
	all := slices.Clone(files)
	slices.SortStableFunc(all, func(a, b *Mapping) int {
		return slices.Compare([]string{a.name, a.path}, []string{b.name, b.path})
	})
	byName := map[string]*Mapping{}
	var problems Problems
	for _, m := range all {
		r := &reporter{file: m.path, lines: m.file.report.lines}
		if first := byName[m.name]; first != nil {
			r.errorf(m.file.root.get("mapping").pos, "give each mapping a name of its own", "the name `%s` is taken by %s", m.name, first.path)
		} else {
			byName[m.name] = m
		}
		problems = append(problems, r.problems...)
	}
	for i, m := range all {
		r := &reporter{file: m.path, lines: m.file.report.lines}
		r.checkWithin(m, byName)
		for _, other := range all[:i] {
			r.checkFight(m, other)
		}
		problems = append(problems, r.problems...)
	}
	return problems.sorted()
}

// checkWithin follows the parents of a mapping.
func (r *reporter) checkWithin(m *Mapping, byName map[string]*Mapping) {
	if m.within == "" {
		return
	}
	at := m.file.root.get("within").pos
	parent := byName[m.within]
	if parent == nil {
		r.errorf(at, didYouMean(m.within, sortedKeys(byName)), "there is no mapping `%s`", m.within)
		return
	}
	for side := range m.sides {
		if !slices.ContainsFunc(parent.sides[:], func(s Side) bool { return s.Connection == m.sides[side].Connection }) {
			r.errorf(at, "name a mapping between the same connections", "`%s` does not reach the connection `%s`: its links cannot be parents here", parent.name, m.sides[side].Connection)
			return
		}
	}
	seen := map[string]bool{m.name: true}
	for p := parent; p != nil; p = byName[p.within] {
		if seen[p.name] {
			r.errorf(at, "drop `within` in the one that holds the parents", "the mappings are within each other in a circle")
			return
		}
		seen[p.name] = true
	}
}

// checkFight warns where two mappings write the same field of records that both
// may link.
func (r *reporter) checkFight(m, other *Mapping) {
	for i := range m.sides {
		for j := range other.sides {
			a, b := m.sides[i], other.sides[j]
			if a.Connection != b.Connection || a.Object != b.Object || scopesDisjoint(a.Scope, b.Scope) {
				continue
			}
			for _, field := range sortedKeys(m.writes[i]) {
				if _, both := other.writes[j][field]; !both || rollsAlike(m.rolls[i][field], other.rolls[j][field]) {
					continue
				}
				if m.rolls[i][field] != nil && other.rolls[j][field] != nil {
					r.errorf(m.writes[i][field], "write the same `rollup` in both", "`%s` of `%s` on %s is rolled up in another way by the mapping `%s`", field, a.Object, a.Connection, other.name)
					continue
				}
				r.warnf(m.writes[i][field], "let one mapping write it, or give the sides scopes that do not overlap",
					"`%s` of `%s` on %s is also written by the mapping `%s`: a record that both link changes to and fro", field, a.Object, a.Connection, other.name)
			}
		}
	}
}

// fingerprint hashes what decides the mapping's behaviour: the file without its
// layout and words for people, and what its names stand for.
func (m *Mapping) fingerprint(root *node) uint64 {
	h := fnv.New64a()
	hashNode(h, root, "description")
	for _, r := range m.rules {
		for side := range r.fields {
			hashText(h, r.fields[side].name)
			hashText(h, r.fields[side].typ.String())
		}
	}
	hashText(h, m.zone.String())
	return h.Sum64()
}

// Hash returns a hash of the file without its layout and words for people. Two
// files with the same hash compile alike against the same systems.
func (f *File) Hash() uint64 {
	h := fnv.New64a()
	hashNode(h, f.root, "description")
	return h.Sum64()
}

// hashNode hashes a tree without one key of its top level. The order of keys
// counts: it says which side is the left one, and how `values` is read.
func hashNode(h io.Writer, n *node, without string) {
	switch n.kind {
	case listNode:
		hashText(h, "[")
		for _, item := range n.items {
			hashNode(h, item, "")
		}
		hashText(h, "]")
	case objectNode:
		hashText(h, "{")
		for _, e := range n.entries {
			if without == "" || e.key.text != without {
				hashText(h, e.key.text)
				hashNode(h, e.value, "")
			}
		}
		hashText(h, "}")
	default:
		hashText(h, n.text)
	}
}

func hashText(h io.Writer, s string) {
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(s)))
	_, _ = h.Write(size[:])
	_, _ = io.WriteString(h, s)
}
