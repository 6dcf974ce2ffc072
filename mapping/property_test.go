package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tenonsync/tenon/connectors"
)

var markdownish = rapid.StringOfN(rapid.SampledFrom([]rune("ab 1.*_`#-\\\n\n~>|[]()ä")), 0, 60, -1)

// TestRichTextStable checks that a text which goes to a rich text and back is
// stable from the first pass on, and the same where its lines do not end in
// what Markdown takes for a line break.
func TestRichTextStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := markdownish.Draw(t, "text")
		once := textFromRich(richFromText(s, false), false)
		if twice := textFromRich(richFromText(once, false), false); twice != once {
			t.Fatalf("%q: once %q, twice %q", s, once, twice)
		}
		ends := slices.ContainsFunc(strings.Split(s, "\n"), func(line string) bool {
			return strings.HasSuffix(line, " ") || strings.HasSuffix(line, `\`)
		})
		if !ends && once != s {
			t.Fatalf("%q came back as %q", s, once)
		}
	})
}

// TestPlainWords checks that plain words survive a rich text, whatever markup
// they look like.
func TestPlainWords(t *testing.T) {
	word := rapid.StringOfN(rapid.SampledFrom([]rune("ab1.*_`#-\\~>|[]()<&;=+!ä")), 1, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(word, 1, 4), func(w []string) string { return strings.Join(w, " ") }), 1, 4).Draw(t, "lines")
		s := strings.Join(lines, "\n")
		rich := richFromText(s, true)
		if got := wordsOf(rich); got != s {
			t.Fatalf("%q became %q, whose words are %q", s, rich, got)
		}
	})
}

// TestTableThereAndBack checks that a two-way table brings each value back.
func TestTableThereAndBack(t *testing.T) {
	stages, statuses := dealSchema().Field("dealstage").Options, epicSchema().Field("status").Options
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, len(statuses)).Draw(t, "n")
		left := rapid.Permutation(stages).Draw(t, "left")[:n]
		right := rapid.Permutation(statuses).Draw(t, "right")[:n]
		var pairs []string
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("%s: %s", left[i].ID, right[i].Label))
		}
		f, problems := Parse("t.yaml", []byte(head+"  - {deal: dealstage, epic: status, otherwise: leave, values: {"+strings.Join(pairs, ", ")+"}}\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		m, problems := Compile(f, testEnv())
		if m == nil {
			t.Fatal(problems)
		}
		r := m.Rules()[0]
		for i := range n {
			there, outcome, err := r.Convert(Right, connectors.Choice(left[i]))
			if err != nil || outcome != Write || there.Option() != right[i] {
				t.Fatalf("%s: got %v %v %v", left[i].ID, there, outcome, err)
			}
			back, outcome, err := r.Convert(Left, there)
			if err != nil || outcome != Write || back.Option() != left[i] {
				t.Fatalf("%s came back as %v %v %v", left[i].ID, back, outcome, err)
			}
		}
	})
}

// TestWorkdays compares the count of working days with one day by day.
func TestWorkdays(t *testing.T) {
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		start := base.AddDate(0, 0, rapid.IntRange(0, 700).Draw(t, "start"))
		n := rapid.IntRange(-60, 60).Draw(t, "n")
		holidays := map[int64]bool{}
		for _, h := range rapid.SliceOfN(rapid.IntRange(-50, 750), 0, 20).Draw(t, "holidays") {
			holidays[base.AddDate(0, 0, h).Unix()] = true
		}
		end := start.AddDate(0, 0, workdays(start, n, holidays))
		from, to := start, end
		if n < 0 {
			from, to = end.AddDate(0, 0, -1), start.AddDate(0, 0, -1)
		}
		count := 0
		for d := from.AddDate(0, 0, 1); !d.After(to); d = d.AddDate(0, 0, 1) {
			if w := d.Weekday(); w != time.Saturday && w != time.Sunday && !holidays[d.Unix()] {
				count++
			}
		}
		if count != max(n, -n) {
			t.Fatalf("%d working days from %s end at %s: counted %d", n, start, end, count)
		}
	})
}

// TestNearMisses checks that hints only name what is there.
func TestNearMisses(t *testing.T) {
	names := rapid.SliceOfN(rapid.StringN(0, 12, -1), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		candidates, word := names.Draw(t, "candidates"), rapid.StringN(0, 12, -1).Draw(t, "word")
		got := nearest(word, candidates)
		if len(got) > 3 {
			t.Fatalf("got %d candidates", len(got))
		}
		for _, g := range got {
			if !slices.Contains(candidates, g) {
				t.Fatalf("%q is no candidate", g)
			}
		}
		if d := distance(word, word); d != 0 {
			t.Fatalf("the distance of %q from itself is %d", word, d)
		}
	})
}
