package salesforce

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestID18(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		ok       bool
	}{
		{"003ak00000jvIfp", "003ak00000jvIfpAAE", true},
		{"003ak00000jvIfpAAE", "003ak00000jvIfpAAE", true},
		{"003ak00000jvIfpaae", "003ak00000jvIfpAAE", true}, // as spread sheets make it
		{"003ak00000luKU1AAM", "003ak00000luKU1AAM", true},
		{"00Qak00000696HFEAY", "00Qak00000696HFEAY", true},
		{"a00D0000008pQRAIA2", "a00D0000008pQRAIA2", true},
		{"750ak000009AVi5AAG", "750ak000009AVi5AAG", true},
		{"003ak00000jvIfpAAF", "003ak00000jvIfpAAE", false},
		{"003ak00000jvIf", "", false},
		{"003ak00000jvIf-", "", false},
		{"003ak00000jvIfpAAEE", "", false},
		{"", "", false},
	} {
		got, ok := id18(tc.in)
		if ok != tc.ok || ok && got != tc.want {
			t.Errorf("id18(%q): got %q, %v, want %q, %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

// Two ids that differ in case only have different long forms in any case.
func TestID18TellsCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.StringMatching(`[A-Za-z0-9]{15}`).Draw(t, "id")
		at := rapid.IntRange(0, 14).Draw(t, "at")
		c := short[at : at+1]
		other := strings.ToUpper(c)
		if other == c {
			other = strings.ToLower(c)
		}
		a, _ := id18(short)
		b, _ := id18(short[:at] + other + short[at+1:])
		if same := other == c; strings.EqualFold(a, b) != same {
			t.Fatalf("%q and %q: got %q and %q", short, other, a, b)
		}
		if again, ok := id18(a); !ok || again != a {
			t.Fatalf("id18(%q): got %q, %v, want itself", a, again, ok)
		}
	})
}

func TestUnique(t *testing.T) {
	got := unique([]string{"003ak00000jvIfp", "nothing", "00Qak00000696HFEAY", "003ak00000jvIfpAAE", ""})
	if want := []string{"003ak00000jvIfpAAE", "00Qak00000696HFEAY"}; !slices.Equal(got, want) {
		t.Errorf("unique: got %v, want %v", got, want)
	}
}

func TestNormalID(t *testing.T) {
	for id, want := range map[string]string{
		"003ak00000jvIfp":    "003ak00000jvIfpAAE",
		"003ak00000jvIfpAAE": "003ak00000jvIfpAAE",
		"003ak00000jvIfpaae": "003ak00000jvIfpAAE",
		"003ak00000jvIfpAAF": "003ak00000jvIfpAAF",
		"none":               "none",
		"":                   "",
	} {
		if got := (*connection)(nil).NormalID(id); got != want {
			t.Errorf("NormalID(%q): got %q, want %q", id, got, want)
		}
	}
}
