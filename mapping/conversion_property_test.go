package mapping

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tenonsync/tenon/connectors"
)

// drawDecimal draws a number as people and systems write it.
func drawDecimal(t *rapid.T) string {
	whole := rapid.StringMatching(`[0-9]{1,15}`).Draw(t, "whole")
	decimals := rapid.StringMatching(`([0-9]{1,9})?`).Draw(t, "decimals")
	sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
	if decimals == "" {
		return sign + whole
	}
	return sign + whole + "." + decimals
}

// convertTo converts a value for a field.
func convertTo(t *rapid.T, c converter, v connectors.Value) connectors.Value {
	t.Helper()
	out, outcome, err := c.value(v)
	if err != nil || outcome != Write {
		t.Fatalf("%s %q for a %s: %v", v.Type(), v, c.to.Type, err)
	}
	return out
}

// TestNumbersAreRoundedAsOnPaper holds the rounding to a field's decimals
// against rational numbers.
func TestNumbersAreRoundedAsOnPaper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits, scale := drawDecimal(t), rapid.IntRange(0, 6).Draw(t, "scale")
		v, err := connectors.ParseNumber(digits)
		if err != nil {
			t.Fatal(err)
		}
		field := connectors.Field{Name: "n", Type: connectors.TypeNumber, Scale: scale}
		got := convertTo(t, converter{to: &field}, v)
		exact, ok := new(big.Rat).SetString(digits)
		if !ok {
			t.Fatalf("%q", digits)
		}
		want, ok := new(big.Rat).SetString(exact.FloatString(scale)) // a half goes away from zero
		if !ok {
			t.Fatalf("%q", exact)
		}
		told, ok := new(big.Rat).SetString(got.Number())
		if !ok || told.Cmp(want) != 0 {
			t.Errorf("%s with %d decimals: got %s, want %s", digits, scale, got.Number(), want.FloatString(scale))
		}
		if again := convertTo(t, converter{to: &field}, got); !connectors.Equal(again, got) {
			t.Errorf("%s is rounded again to %s", got, again)
		}
	})
}

// TestThroughText: numbers, days and instants come back from a text as they
// were.
func TestThroughText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number, err := connectors.ParseNumber(drawDecimal(t))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(-2_000_000_000, 4_000_000_000).Draw(t, "instant"), 0)
		for _, v := range []connectors.Value{number, connectors.DateOf(at.UTC())} {
			words := convertTo(t, converter{to: &connectors.Field{Type: connectors.TypeText}, zone: time.UTC}, v)
			back := convertTo(t, converter{to: &connectors.Field{Type: v.Type(), Scale: -1}, zone: time.UTC}, words)
			if !connectors.Equal(v, back) {
				t.Errorf("%s %q through the text %q is %q", v.Type(), v, words.Text(), back)
			}
		}
	})
}

// TestDaysComeBackFromInstants: a day that gets a time of day, in whatever zone
// and around whatever change of the clocks, is the same day again on the way
// back, so that no echo moves a date by one.
func TestDaysComeBackFromInstants(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe",
		"America/Sao_Paulo", "Asia/Beirut", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Casablanca",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		day := time.Date(2015, 1, 1+rapid.IntRange(0, 8000).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		clock := time.Date(0, 1, 1, rapid.IntRange(0, 23).Draw(t, "hour"), rapid.SampledFrom([]int{0, 15, 30, 59}).Draw(t, "minute"), 0, 0, time.UTC)
		v := connectors.DateOf(day)
		instant := convertTo(t, converter{to: &connectors.Field{Type: connectors.TypeInstant}, zone: zone, clock: &clock}, v)
		back := convertTo(t, converter{to: &connectors.Field{Type: connectors.TypeDate}, zone: zone}, instant)
		if !connectors.Equal(v, back) {
			t.Errorf("%s at %s in %s is %s, and that is the day %s", v, clock.Format("15:04"), zone, instant, back)
		}
		// The clock shows what was asked for, unless it leaps over it that day.
		local := instant.Time().In(zone)
		asked := fmt.Sprintf("%s %s", day.Format(time.DateOnly), clock.Format("15:04"))
		if got := local.Format("2006-01-02 15:04"); got != asked && !leaps(day, clock, zone) {
			t.Errorf("asked for %s in %s, got %s", asked, zone, got)
		}
	})
}

// leaps reports whether a zone's clock never shows a time of a day: it is looked
// for minute by minute.
func leaps(day, clock time.Time, zone *time.Location) bool {
	want := day.Format(time.DateOnly) + clock.Format(" 15:04")
	for at := day.Add(-15 * time.Hour); at.Before(day.Add(40 * time.Hour)); at = at.Add(time.Minute) {
		if strings.HasPrefix(at.In(zone).Format("2006-01-02 15:04"), want) {
			return false
		}
	}
	return true
}
