package connectors

import (
	"bytes"
	"encoding/binary"
)

// AppendCanonical appends the value's normal form to dst. Two values are the
// same exactly when their normal forms are equal: an option counts by its id,
// a person by the system's id (by e-mail where no id is known), a set without
// order, a reference without its title, a file by its id (by name and address
// where it has none). Texts count byte by byte.
//
// The form is stable across releases: the state file holds keyed hashes of it.
func AppendCanonical(dst []byte, v Value) []byte {
	dst = append(dst, byte(v.Type()))
	switch v.Type() {
	case TypeBool, TypeDate, TypeInstant:
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.number()))
	case TypeText, TypeRichText, TypeNumber, TypeOption:
		dst = append(dst, v.s...)
	case TypeMoney, TypeReference:
		dst = appendPart(dst, v.s)
		dst = append(dst, v.label()...)
	case TypePerson:
		if v.s != "" {
			dst = append(append(dst, 'i'), v.s...)
		} else {
			dst = append(append(dst, 'e'), v.label()...)
		}
	case TypeOptions:
		for _, o := range v.Options() {
			dst = appendPart(dst, o.ID)
		}
	case TypeFile:
		if v.s != "" {
			dst = append(append(dst, 'i'), v.s...)
		} else {
			dst = appendPart(append(dst, 'n'), v.label())
			dst = append(dst, v.note()...)
		}
	}
	return dst
}

func appendPart(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// Equal reports whether two values are the same in their normal form.
func Equal(a, b Value) bool {
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case TypeText, TypeRichText, TypeNumber, TypeOption:
		return a.s == b.s
	case TypeBool, TypeDate, TypeInstant:
		return a.number() == b.number()
	}
	return bytes.Equal(AppendCanonical(nil, a), AppendCanonical(nil, b))
}
