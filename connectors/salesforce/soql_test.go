package salesforce

import (
	"strings"
	"testing"
	"time"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		`plain`:          `'plain'`,
		`O'Brien`:        `'O\'Brien'`,
		`a\b`:            `'a\\b'`,
		"x' OR Id != '":  `'x\' OR Id != \''`,
		"two\nlines\t\r": `'two\nlines\t\r'`,
		"\x00\x7f":       `'\u0000\u007F'`,
		`"said"`:         `'\"said\"'`,
		`Ünïcödé 漢字 🎉`:   `'Ünïcödé 漢字 🎉'`,
		``:               `''`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q): got %s, want %s", in, got, want)
		}
	}
}

func TestSelect(t *testing.T) {
	got := selectFrom("Task", []string{"Id", "Subject"}, []string{"A = 1", "B = TRUE"}, "ORDER BY Id LIMIT 2")
	if want := "SELECT Id, Subject FROM Task WHERE A = 1 AND B = TRUE ORDER BY Id LIMIT 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLiteral(t *testing.T) {
	for _, tc := range []struct{ wire, in, want string }{
		{"datetime", "2026-05-01T07:25:37.000+0000", "2026-05-01T07:25:37Z"},
		{"date", "2026-05-01", "2026-05-01"},
		{"currency", "12.5", "12.5"},
		{"boolean", "true", "true"},
		{"picklist", "Closed Won", "'Closed Won'"},
		{"datetime", "no time", "'no time'"},
	} {
		if got := (&property{wire: tc.wire}).literal(tc.in); got != tc.want {
			t.Errorf("literal(%s %q): got %s, want %s", tc.wire, tc.in, got, tc.want)
		}
	}
	if got, want := timeLiteral(time.Date(2026, 5, 1, 9, 25, 37, 9e8, time.FixedZone("", 7200))), "2026-05-01T07:25:37Z"; got != want {
		t.Errorf("timeLiteral: got %s, want %s", got, want)
	}
}

// FuzzQuote: a quoted text ends where it should, and says what it said.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "'", `\`, `\'`, "a\nb", "\x01", `"`, "漢"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := quote(s)
		if len(q) < 2 || q[0] != '\'' || q[len(q)-1] != '\'' {
			t.Fatalf("quote(%q): got %s", s, q)
		}
		inner := q[1 : len(q)-1]
		for i := 0; i < len(inner); i++ {
			switch inner[i] {
			case '\\':
				if i++; i >= len(inner) || !strings.ContainsRune(`\'"nrtu`, rune(inner[i])) {
					t.Fatalf("quote(%q): a bad escape in %s", s, q)
				}
			case '\'', '\n', '\r':
				t.Fatalf("quote(%q): ends early in %s", s, q)
			}
		}
	})
}
