package server

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestColoursCanBeRead holds each pair of text and ground to the contrast that
// WCAG 2.2 asks of text, 4.5 to 1, in the light and in the dark.
func TestColoursCanBeRead(t *testing.T) {
	style, err := os.ReadFile("templates/style.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := regexp.MustCompile(`:root \{[^}]*\}`).FindAllString(string(style), -1)
	if len(schemes) != 2 {
		t.Fatalf("got %d colour schemes, want 2", len(schemes))
	}
	for i, scheme := range schemes {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z]+): (#[0-9a-f]{3,6})`).FindAllStringSubmatch(scheme, -1) {
			colours[m[1]] = m[2]
		}
		for ground, texts := range map[string][]string{
			"back": {"ink", "soft", "accent", "good", "warn", "bad", "wait"}, "card": {"ink", "soft", "accent", "good", "warn", "bad", "wait"},
			"goodback": {"ink", "good", "soft"}, "warnback": {"ink", "warn"}, "badback": {"ink", "bad"}, "waitback": {"ink", "wait"}, "softback": {"ink", "soft"},
		} {
			for _, text := range texts {
				if got := contrast(t, colours[text], colours[ground]); got < 4.5 {
					t.Errorf("scheme %d: %s on %s: got %.2f to 1, want 4.5", i, text, ground, got)
				}
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of "#rgb" or "#rrggbb".
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) == 4 {
		colour = "#" + colour[1:2] + colour[1:2] + colour[2:3] + colour[2:3] + colour[3:4] + colour[3:4]
	}
	if len(colour) != 7 {
		t.Fatalf("%q is no colour", colour)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
