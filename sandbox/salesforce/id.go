package salesforce

import "strings"

const (
	base62     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	checkChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	// instance is the part of each id that names the instance.
	instance = "ak00000"
)

// newID returns the 18-character id number n of a key prefix.
func newID(prefix string, n int) string {
	var digits [5]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = base62[n%62]
		n /= 62
	}
	return withCheck(prefix + instance + string(digits[:]))
}

// withCheck appends the three characters that tell upper from lower case.
func withCheck(id15 string) string {
	out := []byte(id15)
	for group := range 3 {
		bits := 0
		for i := range 5 {
			if c := id15[group*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		out = append(out, checkChars[bits])
	}
	return string(out)
}

// normalID returns the 18-character form of an id of 15 or 18 characters.
func normalID(text string) (string, bool) {
	if len(text) != 15 && len(text) != 18 {
		return "", false
	}
	for i := range 15 {
		if strings.IndexByte(base62, text[i]) < 0 {
			return "", false
		}
	}
	full := withCheck(text[:15])
	return full, len(text) == 15 || strings.EqualFold(full, text)
}
