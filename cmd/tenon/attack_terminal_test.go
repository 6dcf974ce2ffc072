package main

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/tenonsync/tenon/connectors"
)

// steering is what a title, or a system's message, may hold to steer a terminal
// or to read otherwise than it is.
const steering = "a\x1b]0;title\x07\x1b[2J\x9b1m\u009b1m\r\x00\b\x7f\u2028\u202eevil\u2066 z"

func TestForeignTextSteersNoTerminal(t *testing.T) {
	check := func(what, got string) {
		t.Helper()
		for _, r := range got {
			if unicode.IsControl(r) || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%s holds %U: %q", what, r, got)
			}
		}
		if !strings.Contains(got, "evil") {
			t.Errorf("%s lost words: %q", what, got)
		}
	}
	check("a cell", oneLine(steering))
	check("a short cell", short(steering, 200))
	var stderr strings.Builder
	c := &cli{stderr: &stderr}
	c.report(t.Context(), &connectors.Error{Op: steering, Kind: connectors.Invalid, Err: errors.New(steering), Help: steering})
	told, hint, _ := strings.Cut(strings.TrimSuffix(stderr.String(), "\n"), "\n")
	check("an error", told)
	check("a hint", hint)
	if got := oneLine("two\nlines\tשלום 👩‍🚀"); got != "two lines שלום 👩‍🚀" {
		t.Errorf("a good text became %q", got)
	}
	if got := manyLines("two\nlines"); got != "two\nlines" {
		t.Errorf("lines became %q", got)
	}
}
