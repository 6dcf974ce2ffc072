package kit

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

// Rand is a seeded source of random numbers that is safe for concurrent use.
// The numbers are reproducible, not secret.
type Rand struct {
	mu sync.Mutex
	r  *rand.Rand
}

// NewRand returns the source that belongs to seed and stream. Streams of one
// seed are independent, so that a draw for one purpose does not shift another.
func NewRand(seed uint64, stream string) *Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(stream))
	return &Rand{r: rand.New(rand.NewPCG(seed, h.Sum64()))} //nolint:gosec // reproducible by design
}

// IntN returns a number in [0,n). It panics if n <= 0.
func (r *Rand) IntN(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.IntN(n)
}

// Uint64 returns any 64-bit number.
func (r *Rand) Uint64() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Uint64()
}

// Float64 returns a number in [0,1).
func (r *Rand) Float64() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Float64()
}

// Chance reports true with probability p.
func (r *Rand) Chance(p float64) bool { return r.Float64() < p }

// Shuffle permutes n elements with swap.
func (r *Rand) Shuffle(n int, swap func(i, j int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Shuffle(n, swap)
}

// UUID returns a version 4 UUID made of the source's numbers.
func (r *Rand) UUID() string {
	var b [16]byte
	hi, lo := r.Uint64(), r.Uint64()
	for i := range 8 {
		b[i], b[8+i] = byte(hi>>(8*i)), byte(lo>>(8*i))
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 36)
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}
