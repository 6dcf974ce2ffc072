package mapping

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// TestShortDecimalsAgreeWithLongOnes computes with numbers of all lengths around
// the border between both ways.
func TestShortDecimalsAgreeWithLongOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	draw := func() value {
		var b strings.Builder
		if r.IntN(2) == 0 {
			b.WriteByte('-')
		}
		for range 1 + r.IntN(20) {
			b.WriteByte(byte('0' + r.IntN(10)))
		}
		if r.IntN(2) == 0 {
			b.WriteByte('.')
			for range 1 + r.IntN(20) {
				b.WriteByte(byte('0' + r.IntN(10)))
			}
		}
		v, err := connectors.ParseNumber(b.String())
		if err != nil {
			t.Fatal(err)
		}
		return one(v)
	}
	pairs := [][2]value{}
	for _, a := range []string{"0", "1", "-1", "0.1", "999999999999999999", "-999999999999999999", "0.000000000000000001", "9223372036854775807", "4611686018427387904", "1000000000000000000"} {
		for _, b := range []string{"0", "1", "-0.1", "10", "999999999999999999", "0.999999999999999999", "-9223372036854775808"} {
			pairs = append(pairs, [2]value{numberValue(t, a), numberValue(t, b)})
		}
	}
	for range 20_000 {
		pairs = append(pairs, [2]value{draw(), draw()})
	}
	for _, p := range pairs {
		for _, op := range []string{"+", "-", "*"} {
			got, err := calculate(op, p[0], p[1])
			if err != nil {
				t.Fatal(err)
			}
			want, err := calculateLong(op, p[0], p[1])
			if err != nil {
				t.Fatal(err)
			}
			if got.v.Number() != want.v.Number() {
				t.Fatalf("%s %s %s: got %s, want %s", p[0].v, op, p[1].v, got.v, want.v)
			}
		}
		got, err := compareNumbers(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		x, y, err := decimals(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		if want := x.Cmp(y); got != want {
			t.Fatalf("compare %s with %s: got %d, want %d", p[0].v, p[1].v, got, want)
		}
	}
}

func numberValue(t *testing.T, s string) value {
	t.Helper()
	v, err := connectors.ParseNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return one(v)
}
