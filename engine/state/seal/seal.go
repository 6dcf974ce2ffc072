package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// The errors of Open.
var (
	// ErrKey says that none of the keys sealed the value.
	ErrKey = errors.New("sealed with a key that is not at hand")
	// ErrOpen says that the value was changed, cut, or sealed for another
	// purpose.
	ErrOpen = errors.New("the sealed value is damaged or of another purpose")
)

// A sealed value is: version, key id, nonce, ciphertext with its tag. The
// version and the purpose are authenticated with it.
const (
	version  = 1
	idSize   = 4
	headSize = 1 + idSize

	// Overhead is how much longer a sealed value is than what it holds.
	Overhead = headSize + 12 + 16
)

// Sealer encrypts with one key and decrypts with that and older ones. It is
// safe for use by several goroutines.
type Sealer struct {
	keys []sealingKey // the first one seals
}

type sealingKey struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// New returns a Sealer that seals with key, and opens what key or an older one
// sealed. To replace a key, put the new one first and keep the old one until
// what it sealed has expired or was sealed anew.
func New(key Key, older ...Key) (*Sealer, error) {
	s := &Sealer{}
	for _, k := range append([]Key{key}, older...) {
		if k.IsZero() {
			return nil, errors.New("there is no key to seal with")
		}
		id, err := hkdf.Key(sha256.New, k.b[:], nil, "tenon seal 1: key id", idSize)
		if err != nil {
			return nil, err
		}
		secret, err := hkdf.Key(sha256.New, k.b[:], nil, "tenon seal 1: aes-256-gcm", KeySize)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, sealingKey{[idSize]byte(id), aead})
	}
	return s, nil
}

// Seal encrypts plaintext for a purpose, such as "token" or "undo": Open must
// name the same one. Two seals of the same plaintext differ. One key is good
// for 2^32 seals.
func (s *Sealer) Seal(plaintext []byte, purpose string) []byte {
	k := &s.keys[0]
	sealed := make([]byte, headSize, len(plaintext)+Overhead)
	sealed[0] = version
	copy(sealed[1:], k.id[:])
	return k.aead.Seal(sealed, nil, plaintext, authenticated(purpose))
}

func authenticated(purpose string) []byte { return append([]byte{version}, purpose...) }

// Open decrypts what Seal returned for the same purpose. The error is ErrKey
// or ErrOpen.
func (s *Sealer) Open(sealed []byte, purpose string) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, fmt.Errorf("%w: not a sealed value", ErrOpen)
	}
	err := ErrKey
	for i := range s.keys {
		k := &s.keys[i]
		if [idSize]byte(sealed[1:headSize]) != k.id {
			continue
		}
		plain, e := k.aead.Open(nil, nil, sealed[headSize:], authenticated(purpose))
		if e == nil {
			if plain == nil {
				plain = []byte{}
			}
			return plain, nil
		}
		err = ErrOpen
	}
	return nil, err
}

// Current reports whether a value was sealed with the key that seals now, so
// that it outlives the older ones.
func (s *Sealer) Current(sealed []byte) bool {
	return len(sealed) >= headSize && sealed[0] == version && [idSize]byte(sealed[1:headSize]) == s.keys[0].id
}
