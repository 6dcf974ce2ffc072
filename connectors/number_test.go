package connectors

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestPlainDecimalsAreReadAsAllOthers holds the short way of reading numbers
// against the long one.
func TestPlainDecimalsAreReadAsAllOthers(t *testing.T) {
	texts := []string{
		"", "-", ".", "-.", "0", "-0", "00", "01", "0.", ".5", "0.0", "-0.00", "0.10", "-0.10", "10.00", "100", "1.2.3", "--1", "1-", "+1", "1e3", "12 ", "١",
	}
	r := rand.New(rand.NewPCG(3, 5))
	for range 20_000 {
		text := make([]byte, r.IntN(12))
		for i := range text {
			text[i] = "-..000123456789"[r.IntN(15)]
		}
		texts = append(texts, string(text))
	}
	taken := 0
	for _, text := range texts {
		got, ok := plainDecimal(text)
		if !ok {
			continue
		}
		taken++
		want, err := anyDecimal(text)
		if err != nil || got != want {
			t.Errorf("%q: got %q, want %q (%v)", text, got, want, err)
		}
	}
	if taken < 100 {
		t.Errorf("got %d texts read the short way, want more", taken)
	}
}

// TestNumbersMakeNoGarbage keeps plain decimals free of allocations: systems
// send amounts by the thousand.
func TestNumbersMakeNoGarbage(t *testing.T) {
	for _, text := range []string{"0", "12500", "12500.50", "-0.25"} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := ParseNumber(text); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", text, n)
		}
	}
}

// TestDateOfIsTheDayOnTheClock holds the arithmetic of days against the
// calendar, in zones that are far apart and before 1970.
func TestDateOfIsTheDayOnTheClock(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 20_000 {
		zone := time.FixedZone("", r.IntN(28*3600)-14*3600)
		at := time.Unix(r.Int64N(8e9)-4e9, r.Int64N(1e9)).In(zone)
		if got, want := DateOf(at).String(), at.Format(time.DateOnly); got != want {
			t.Fatalf("%s: got %s, want %s", at, got, want)
		}
	}
}
