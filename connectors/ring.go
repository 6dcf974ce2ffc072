package connectors

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"slices"
	"strings"
	"sync"
)

// Ring holds the secrets by which a system signs what it sends, the newest
// first. While a secret is being replaced, both are good. The zero value and
// nil hold none.
type Ring struct {
	secrets []string
	macs    []sync.Pool // of *mac, by secret
}

type mac struct {
	hash    hash.Hash
	scratch []byte
	sum     [sha256.Size]byte
}

// NewRing returns a ring of the secrets that are not empty.
func NewRing(secrets ...string) *Ring {
	r := &Ring{}
	for _, s := range secrets {
		if s != "" && !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
	r.macs = make([]sync.Pool, len(r.secrets))
	for i, s := range r.secrets {
		r.macs[i].New = func() any { return &mac{hash: hmac.New(sha256.New, []byte(s))} }
	}
	return r
}

// Ring returns the secrets that one setting names and another one holds from
// before, one a line.
func (s Settings) Ring(newest, older string) *Ring {
	secrets := []string{s.Get(newest)}
	for line := range strings.Lines(s.Get(older)) {
		secrets = append(secrets, strings.TrimRight(line, "\r\n"))
	}
	return NewRing(secrets...)
}

// Len returns how many secrets there are.
func (r *Ring) Len() int {
	if r == nil {
		return 0
	}
	return len(r.secrets)
}

// Newest returns the newest secret, "" when there is none.
func (r *Ring) Newest() string {
	if r.Len() == 0 {
		return ""
	}
	return r.secrets[0]
}

// Verify returns the index of the secret under which the HMAC-SHA256 of head,
// body and tail in a row is given, -1 if there is none. How long it takes does
// not tell which.
func (r *Ring) Verify(given []byte, head string, body []byte, tail string) int {
	found := -1
	for i := range r.Len() {
		m := r.macs[i].Get().(*mac) //nolint:forcetypeassert // the pool holds nothing else
		m.hash.Reset()
		m.write(head)
		m.hash.Write(body)
		m.write(tail)
		same := subtle.ConstantTimeCompare(m.hash.Sum(m.sum[:0]), given)
		found = subtle.ConstantTimeSelect(same, i, found)
		r.macs[i].Put(m)
	}
	return found
}

func (m *mac) write(s string) {
	if s != "" {
		m.scratch = append(m.scratch[:0], s...)
		m.hash.Write(m.scratch)
	}
}

// Match returns the index of the secret for which sign returns given, -1 if
// there is none, for systems that sign in another way than by HMAC-SHA256. How
// long it takes does not tell which.
func (r *Ring) Match(given []byte, sign func(secret string) []byte) int {
	found := -1
	for i := range r.Len() {
		same := subtle.ConstantTimeCompare(sign(r.secrets[i]), given)
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	return found
}
