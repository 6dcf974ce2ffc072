package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// Derive returns a secret of KeySize bytes for a purpose other than sealing,
// such as signing links. The same key and purpose give the same secret; none
// tells anything about the key or about another purpose's.
func (k Key) Derive(purpose string) []byte {
	secret, err := hkdf.Key(sha256.New, k.b[:], nil, "tenon derive 1: "+purpose, KeySize)
	if err != nil { // only for lengths out of range
		panic(err)
	}
	return secret
}
