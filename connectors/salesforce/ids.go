package salesforce

import "strings"

// suffixLetters are the letters of the three check characters of an id.
const suffixLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// id18 returns a record id in the form of 18 characters; ok is false for what is
// no id. Pages and formulas show the first 15, which differ in case; the last
// three tell which of them are capitals.
func id18(s string) (id string, ok bool) {
	if len(s) != 15 && len(s) != 18 {
		return "", false
	}
	var suffix [3]byte
	for block := range 3 {
		bits := 0
		for i := range 5 {
			c := s[block*5+i]
			switch {
			case c >= 'A' && c <= 'Z':
				bits |= 1 << i
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			default:
				return "", false
			}
		}
		suffix[block] = suffixLetters[bits]
	}
	id = s[:15] + string(suffix[:])
	return id, len(s) == 15 || strings.EqualFold(s[15:], id[15:])
}

// NormalID implements connectors.IDNormaliser: flows and formulas name records by
// 15 characters.
func (c *connection) NormalID(id string) string {
	if long, ok := id18(id); ok {
		return long
	}
	return id
}

// isID reports whether s can be a record id, in either form.
func isID(s string) bool {
	_, ok := id18(s)
	return ok
}

// prefixOf returns the part of an id that says which object it is of.
func prefixOf(id string) string { return id[:min(len(id), 3)] }

// Key prefixes that never change.
const (
	userPrefix    = "005"
	groupPrefix   = "00G"
	contactPrefix = "003"
	leadPrefix    = "00Q"
)

// unique returns the ids in their long form, each once, in order; what is no id
// is left out.
func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	out := make([]string, 0, len(ids))
	for _, s := range ids {
		if id, ok := id18(s); ok && !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
