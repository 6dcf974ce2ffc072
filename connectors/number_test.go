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

// TestFarInstants keeps points in time that do not fit beside a value's type.
func TestFarInstants(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(3111, 9, 17, 0, 0, 0, 0, time.UTC),
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(828, 1, 1, 0, 0, 0, 0, time.UTC), time.UnixMicro(-1).UTC(),
	} {
		v := Instant(at)
		if !v.Time().Equal(at) {
			t.Errorf("got %s, want %s", v.Time(), at)
		}
		back, err := DecodeValue(EncodeValue(v))
		if err != nil || !Equal(v, back) || !back.Time().Equal(at) {
			t.Errorf("%s: decoded %s (%v)", at, back, err)
		}
		if Equal(v, Instant(at.Add(time.Microsecond))) {
			t.Errorf("%s equals what follows it", at)
		}
	}
	const size = 1 << 60
	f := FileValue(File{ID: "1", Name: "a", Size: size})
	back, err := DecodeValue(EncodeValue(f))
	if err != nil || back.File() != f.File() || f.File().Size != size || f.File().Name != "a" {
		t.Errorf("got %+v, want %+v (%v)", back.File(), f.File(), err)
	}
}

// TestDaysAreReadAsByTheCalendar holds the short way of reading days against
// package time.
func TestDaysAreReadAsByTheCalendar(t *testing.T) {
	texts := []string{"", "2026-02-28", "2026-02-30", "2026-13-01", "2026-00-10", "2026-10-00", "2026/10/01", "0000-01-01", "9999-12-31", "2026-1-01", "٢026-01-1"}
	r := rand.New(rand.NewPCG(2, 4))
	for range 20_000 {
		text := []byte("2026-07-15")
		text[r.IntN(len(text))] = "0123456789-x "[r.IntN(13)]
		text[r.IntN(len(text))] = "0123456789-x "[r.IntN(13)]
		texts = append(texts, string(text))
	}
	for _, text := range texts {
		got, err := ParseDate(text)
		want, wantErr := time.Parse(time.DateOnly, text)
		if (err == nil) != (wantErr == nil) || err == nil && !got.Time().Equal(want) {
			t.Errorf("%q: got %s (%v), want %s (%v)", text, got, err, want, wantErr)
		}
	}
}
