package mapping

import (
	"strings"
	"testing"
)

// TestParse reads what a person types as a value of one side.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, rule string
		side       SideID
		in, want   string
	}{
		{"text", `{deal: dealname, epic: summary}`, Left, " Acme ", "text  Acme "},
		{"one line", `{deal: dealname, epic: summary}`, Left, "a\nb", "text a b"},
		{"nothing", `{deal: dealname, epic: summary}`, Left, "  ", "null "},
		{"number", `{deal: amount, epic: "Team size"}`, Left, "12.50", "number 12.5"},
		{"no number", `{deal: amount, epic: "Team size"}`, Left, "many", "error: "},
		{"day", `{deal: expected_delivery, epic: Go-live, at: "09:00"}`, Left, "2026-07-01", "date 2026-07-01"},
		{"no day", `{deal: expected_delivery, epic: Go-live, at: "09:00"}`, Left, "1.7.", "error: "},
		{"instant", `{deal: expected_delivery, epic: Go-live, at: "09:00"}`, Right, "2026-07-01T07:00:00Z", "instant 2026-07-01T07:00:00Z"},
		{"option by label", `{deal: priority, epic: priority}`, Left, "High", "option High"},
		{"option by id", `{deal: priority, epic: priority}`, Left, "high", "option High"},
		{"no option", `{deal: priority, epic: priority}`, Left, "urgent", "error: the field `priority` has no option `urgent`"},
		{"its own option, whatever the table", `{deal: dealstage, epic: status, values: {closedwon: To Do}, otherwise: leave}`, Left, "Delivered", "option Delivered"},
		{"person", `{deal: hubspot_owner_id, epic: assignee}`, Left, "ada@example.com", "person ada@example.com"},
		{"nobody", `{deal: hubspot_owner_id, epic: assignee}`, Left, "Ada", "error: `Ada` is no e-mail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compileText(t, head+"  - "+c.rule+"\n", testEnv()).Rules()[0]
			v, err := r.Parse(c.side, c.in)
			got := v.Type().String() + " " + v.String()
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != c.want && !(strings.HasSuffix(c.want, ": ") && strings.HasPrefix(got, c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
