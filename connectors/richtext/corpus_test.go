package richtext_test

import (
	"html"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors/jira/adf"
	"github.com/tenonsync/tenon/connectors/richtext"
	"github.com/tenonsync/tenon/connectors/richtext/richtexttest"
)

// forms are how the systems hold rich text: to and from CommonMark.
var forms = map[string]struct {
	from func(string) string
	to   func(string) string
}{
	"html":            {richtext.HTML.From, richtext.HTML.To},
	"asana":           {richtext.AsanaNotes.From, richtext.AsanaNotes.To},
	"asana comment":   {richtext.AsanaText.From, richtext.AsanaText.To},
	"salesforce":      {richtext.Salesforce.From, richtext.Salesforce.To},
	"salesforce feed": {richtext.SalesforceFeed.From, richtext.SalesforceFeed.To},
	"md":              {func(s string) string { return s }, func(s string) string { return s }},
	"adf": {
		func(s string) string {
			doc, err := adf.Parse([]byte(s))
			if err != nil {
				return "unreadable: " + err.Error()
			}
			return doc.Markdown()
		},
		func(s string) string {
			raw, err := adf.FromMarkdown(s).MarshalJSON()
			if err != nil {
				return err.Error()
			}
			return string(raw)
		},
	},
}

// shown is a text as people see it, more or less: without the signs by which a
// form hides what it means.
func shown(s string) string {
	return html.UnescapeString(strings.NewReplacer(
		`\\`, `\`, `\"`, `"`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\_`, "_", `\*`, "*", `\#`, "#", `\<`, "<", `\.`, ".", `\[`, "[", `\]`, "]", `\~`, "~", "\u00a0", " ",
	).Replace(s))
}

// TestCorpusComesToRest takes every text through every pair of forms: what came
// out once stays as it is, however often it goes round, and says the same.
func TestCorpusComesToRest(t *testing.T) {
	for _, text := range richtexttest.Corpus() {
		first := forms[text.Form].from(text.Text)
		for from, a := range forms {
			for to, b := range forms {
				t.Run(text.Name+" in "+from+" to "+to, func(t *testing.T) {
					here := a.to(first)         // as it stands in the one system
					there := b.to(a.from(here)) // as it is written to the other
					for round := range 2 {
						back := a.to(b.from(there))
						again := b.to(a.from(back))
						if again != there {
							t.Fatalf("round %d changes it:\n from %q\n to   %q", round, there, again)
						}
					}
					for _, word := range text.Keep {
						if !strings.Contains(shown(there), word) {
							t.Errorf("%q is lost in\n%s", word, there)
						}
					}
				})
			}
		}
	}
}
