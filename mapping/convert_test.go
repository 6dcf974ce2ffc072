package mapping

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

// TestConvert converts single values by single rules, each way that the rule
// goes. A result is written as its type and what people read.
func TestConvert(t *testing.T) {
	instant := connectors.Instant(time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC))
	option := func(id, label string) connectors.Value {
		return connectors.Choice(connectors.Option{ID: id, Label: label})
	}
	for _, c := range []struct {
		name, rule string
		to         SideID
		in         connectors.Value
		want       string
	}{
		{"text", `{deal: dealname, epic: summary}`, Right, connectors.Text("a"), "text a"},
		{"null", `{deal: dealname, epic: summary}`, Right, connectors.Null, "null "},
		{"empty text", `{deal: dealname, epic: summary}`, Right, connectors.Text(""), "text "},
		{"lines into one line", `{deal: description, epic: "CRM deal"}`, Right, connectors.Text("a\n b\n\nc"), "text a b c"},
		{"too long", `{deal: description, epic: "CRM deal"}`, Right, connectors.Text(strings.Repeat("ä", 256)), "error: the text has 256 characters; the field takes 255 (`truncate: true` cuts it)"},
		{"just fits", `{deal: description, epic: "CRM deal"}`, Right, connectors.Text(strings.Repeat("ä", 255)), "text " + strings.Repeat("ä", 255)},
		{"cut", `{deal: description, epic: "CRM deal", flow: deal -> epic, truncate: true}`, Right, connectors.Text(strings.Repeat("ä", 256)), "text " + strings.Repeat("ä", 254) + "…"},
		{"number", `{deal: amount, epic: "Team size"}`, Right, number64("12.345"), "number 12.345"},
		{"number rounded to the target's places", `{deal: amount, epic: Budget}`, Right, number64("12.345"), "number 12.35"},
		{"number to text", `{deal: amount, epic: "CRM deal", flow: deal -> epic}`, Right, number64("12.50"), "text 12.5"},
		{"money to number", `{deal: arr, epic: Budget}`, Right, money("990.995", "EUR"), "number 991"},
		{"number to money", `{deal: arr, epic: Budget}`, Left, number64("5"), "money 5"},
		{"money to text", `{deal: arr, epic: "CRM deal", flow: deal -> epic}`, Right, money("990", "EUR"), "text 990 EUR"},
		{"instant to day in the zone", `{deal: closedate, epic: "Start date", flow: deal -> epic}`, Right, instant, "date 2026-04-01"},
		{"day to instant", `{deal: expected_delivery, epic: Go-live, at: "09:00"}`, Right, connectors.Date(2026, 7, 1), "instant 2026-07-01T07:00:00Z"},
		{"and back", `{deal: expected_delivery, epic: Go-live, at: "09:00"}`, Left, instant, "date 2026-04-01"},
		{"instant to text", `{deal: closedate, epic: "CRM deal", flow: deal -> epic}`, Right, instant, "text 2026-04-01 00:30:00 +02:00"},
		{"option by label, not by id", `{deal: priority, epic: priority}`, Right, option("high", "High"), "option High"},
		{"and back", `{deal: priority, epic: priority}`, Left, option("3", "Low"), "option Low"},
		{"unknown option", `{deal: priority, epic: priority}`, Right, option("urgent", "Urgent"), "error: the field `priority` has no option `Urgent`"},
		{"option to text", `{deal: priority, epic: "CRM deal", flow: deal -> epic}`, Right, option("high", "High"), "text High"},
		{"option to labels", `{deal: dealtype, epic: labels, flow: deal -> epic}`, Right, option("newbusiness", "New Business"), "options New Business"},
		{"table", `{deal: dealstage, epic: status, values: {closedwon: To Do}, otherwise: leave}`, Right, option("closedwon", "Closed won"), "option To Do"},
		{"table, unlisted", `{deal: dealstage, epic: status, values: {closedwon: To Do}, otherwise: leave}`, Right, option("delivered", "Delivered"), "leave"},
		{"table, back", `{deal: dealstage, epic: status, values: {closedwon: To Do}, otherwise: leave}`, Left, option("10000", "To Do"), "option Closed won"},
		{"table, further value back", `{deal: dealstage, epic: status, values: {closedwon: To Do}, back: {In Review: delivered}, otherwise: leave}`, Left, option("10001", "In Review"), "option Delivered"},
		{"table, chosen value back", `{deal: dealstage, epic: status, values: {closedwon: To Do, qualified: To Do}, back: {To Do: qualified}, otherwise: leave}`, Left, option("10000", "To Do"), "option Qualified to buy"},
		{"table, clear", `{deal: dealstage, epic: priority, values: {closedwon: High}, otherwise: clear}`, Right, option("x", "X"), "null "},
		{"table, error", `{deal: dealstage, epic: priority, values: {closedwon: High}, otherwise: error}`, Right, option("x", "X"), "error: `values` does not list `X`"},
		{"table, value", `{deal: dealstage, epic: priority, flow: deal -> epic, values: {closedwon: High}, otherwise: Low}`, Right, option("x", "X"), "option Low"},
		{"table, copy", `{deal: dealstage, epic: labels, flow: deal -> epic, values: {closedwon: won}, otherwise: copy}`, Right, option("delivered", "Delivered"), "options Delivered"},
		{"table into labels", `{deal: dealstage, epic: labels, flow: deal -> epic, values: {closedwon: won}, otherwise: copy}`, Right, option("closedwon", "Closed won"), "options won"},
		{"boolean table", `{deal: is_key, epic: priority, values: {true: High, false: Low}, back: {Medium: false}}`, Right, connectors.Bool(true), "option High"},
		{"boolean table, back", `{deal: is_key, epic: priority, values: {true: High, false: Low}, back: {Medium: false}}`, Left, option("2", "Medium"), "boolean false"},
		{"number table", `{deal: amount, epic: priority, flow: deal -> epic, values: {1.0: High}, otherwise: leave}`, Right, connectors.Int(1), "option High"},
		{"text by name of the option", `{deal: project_status, epic: priority, flow: deal -> epic, otherwise: leave}`, Right, connectors.Text("Medium"), "option Medium"},
		{"text by name, unknown", `{deal: project_status, epic: priority, flow: deal -> epic, otherwise: leave}`, Right, connectors.Text("Whatever"), "leave"},
		{"same names, rest left", `{deal: priority, epic: status, otherwise: leave}`, Right, option("high", "High"), "leave"},
		{"set by table", `{deal: services, epic: components, values: {delivery: Delivery, design: Design}, otherwise: leave}`, Right, connectors.Choices(opts("delivery", "Delivery", "training", "Training")...), "options Delivery"},
		{"set to labels", `{deal: services, epic: labels, flow: deal -> epic}`, Right, connectors.Choices(opts("delivery", "Delivery")...), "options Delivery"},
		{"set to text", `{deal: services, epic: "CRM deal", flow: deal -> epic}`, Right, connectors.Choices(opts("delivery", "Delivery", "design", "Design")...), "text Delivery, Design"},
		{"person", `{deal: hubspot_owner_id, epic: assignee}`, Right, connectors.PersonValue(connectors.Person{ID: "7", Email: "a@b.c", Name: "A"}), "person A"},
		{"person unseen", `{deal: hubspot_owner_id, epic: assignee}`, Right, connectors.PersonValue(connectors.Person{ID: "7", Name: "A"}), "error: the e-mail of A cannot be seen"},
		{"person to text", `{deal: hubspot_owner_id, epic: "CRM deal", flow: deal -> epic}`, Right, connectors.PersonValue(connectors.Person{ID: "7", Email: "a@b.c", Name: "A"}), "text a@b.c"},
		{"reference to text", `{deal: company, epic: "CRM deal", flow: deal -> epic}`, Right, connectors.Reference("companies", "5", "Acme"), "text Acme"},
		{"lines survive rich text", `{deal: description, epic: description}`, Right, connectors.Text("a\nb\n\n- c\n- d"), "rich text a  \nb\n\n- c  \n- d"},
		{"and back", `{deal: description, epic: description}`, Left, connectors.RichText("a  \nb\\\nc\n\n**d**"), "text a\nb\nc\n\n**d**"},
		{"plain words into rich text", `{deal: description, epic: description, flow: deal -> epic, format: plain}`, Right, connectors.Text("2*3*4\n# 1"), "rich text 2\\*3\\*4  \n\\# 1"},
		{"words of rich text", `{deal: description, epic: description, flow: epic -> deal, format: plain}`, Left, connectors.RichText("# Title\n\nSome **bold** [link](https://x.example)\n\n1. one\n2. two\n   - sub"), "text Title\n\nSome bold link (https://x.example)\n\n1. one\n2. two\n  - sub"},
		{"computed values are the target's", `{epic: priority, set: deal.priority}`, Right, option("1", "High"), "option High"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := testEnv()
			zone, err := time.LoadLocation("Europe/Berlin")
			if err != nil {
				t.Fatal(err)
			}
			env.Zone = zone
			r := compileText(t, head+"  - "+c.rule+"\n", env).Rules()[0]
			if !r.Flow().To(c.to) {
				t.Fatalf("the rule does not go to %s", c.to)
			}
			v, outcome, err := r.Convert(c.to, c.in)
			got := v.Type().String() + " " + v.String()
			switch {
			case err != nil:
				got = "error: " + err.Error()
			case outcome == Leave:
				got = "leave"
			}
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestConvertKeepsIDs checks what the labels do not show.
func TestConvertKeepsIDs(t *testing.T) {
	rules := compileText(t, head+`
  - {deal: priority, epic: priority}
  - {deal: hubspot_owner_id, epic: assignee}
`, testEnv()).Rules()
	v, _, err := rules[0].Convert(Right, connectors.Choice(connectors.Option{ID: "high", Label: "High"}))
	if err != nil || v.Option().ID != "1" {
		t.Errorf("option: got %+v, %v; want id 1", v.Option(), err)
	}
	v, _, err = rules[1].Convert(Right, connectors.PersonValue(connectors.Person{ID: "77", Email: "A@b.c"}))
	if want := (connectors.Person{Email: "a@b.c"}); err != nil || v.Person() != want {
		t.Errorf("person: got %+v, %v; want %+v", v.Person(), err, want)
	}
	if !rules[1].PeopleOf(Right) || rules[0].PeopleOf(Left) {
		t.Error("PeopleOf is wrong")
	}
}

func TestConvertElement(t *testing.T) {
	r := compileText(t, head+`  - {deal: services, epic: components, values: {delivery: Delivery}, otherwise: leave}`, testEnv()).Rules()[0]
	if !r.IsSet() {
		t.Error("IsSet: got false")
	}
	for _, c := range []struct {
		to      SideID
		in      connectors.Option
		want    connectors.Option
		outcome Outcome
	}{
		{Right, connectors.Option{ID: "delivery", Label: "Delivery"}, connectors.Option{ID: "20001", Label: "Delivery"}, Write},
		{Right, connectors.Option{ID: "design", Label: "Design"}, connectors.Option{}, Leave},
		{Left, connectors.Option{ID: "20001", Label: "Delivery"}, connectors.Option{ID: "delivery", Label: "Delivery"}, Write},
	} {
		got, outcome, err := r.ConvertElement(c.to, c.in)
		if err != nil || got != c.want || outcome != c.outcome {
			t.Errorf("%+v to %s: got %+v, %v, %v; want %+v, %v", c.in, c.to, got, outcome, err, c.want, c.outcome)
		}
	}
}

func TestMatch(t *testing.T) {
	src := strings.Replace(head, "fields:", "match:\n  - {deal: id, epic: \"CRM deal\"}\n  - {deal: hs_object_id, epic: \"CRM deal\"}\n  - {deal: hubspot_owner_id, epic: assignee}\nfields:", 1)
	m := compileText(t, src+"  - {deal: dealname, epic: summary}\n", testEnv())
	match := m.Match()
	if d := cmp.Diff([2]string{"id", "customfield_10050"}, match[0].Fields); d != "" || !match[0].ByID[Left] || match[0].ByID[Right] {
		t.Errorf("first rule: %+v", match[0])
	}
	v, p := match[0].Value(Left, aDeal())
	if p != connectors.Present || v.Text() != "1042" {
		t.Errorf("id: got %v %v", v, p)
	}
	v, p = match[1].Value(Left, aDeal())
	if v, _, err := match[1].Convert(Right, v); err != nil || p != connectors.Present || !connectors.Equal(v, connectors.Text("1042")) {
		t.Errorf("number to text: got %v %v", v, err)
	}
	if v, _, err := match[1].Convert(Left, connectors.Text("1042")); err != nil || !connectors.Equal(v, connectors.Int(1042)) {
		t.Errorf("text to number: got %v %v", v, err)
	}
	if _, _, err := match[1].Convert(Left, connectors.Text("none")); err == nil {
		t.Error("a text that is no number matched")
	}
}

// TestMapping checks what a mapping tells about itself.
func TestMapping(t *testing.T) {
	src := strings.Replace(head, "mapping: test", "mapping: test\ndescription: For a test.", 1) + `
  - {deal: dealname, epic: summary}
  - {epic: labels, set: '["crm", deal.dealtype]', conflict: ask}
  - {deal: amount, epic: Budget, flow: deal -> epic, enforce: true}
  - {deal: priority, epic: priority, conflict: epic wins}
conflict: deal wins
first_sync: epic wins
on_delete: {deal: delete, epic: recreate}
comments: to epic
within: parents
time_zone: Asia/Tokyo
`
	m := compileText(t, src, testEnv())
	type facts struct {
		Name, Description, Within, Zone string
		Conflict                        Policy
		First                           FirstSync
		OnLeft, OnRight                 DeletePolicy
		ToLeft, ToRight                 bool
		Policies                        []Policy
		Flows                           []Flow
		Names                           []string
		Enforced, Sets                  []bool
	}
	got := facts{
		m.Name(), m.Description(), m.Within(), m.Zone().String(), m.Conflict(), m.FirstSync(),
		m.OnDelete(Left), m.OnDelete(Right), m.CommentsTo(Left), m.CommentsTo(Right), nil, nil, nil, nil, nil,
	}
	ids := map[uint32]bool{}
	for _, r := range m.Rules() {
		got.Policies = append(got.Policies, r.Conflict())
		got.Flows = append(got.Flows, r.Flow())
		got.Names = append(got.Names, r.Name())
		got.Enforced = append(got.Enforced, r.Enforce())
		got.Sets = append(got.Sets, r.IsSet())
		ids[r.ID()] = true
	}
	want := facts{
		"test", "For a test.", "parents", "Asia/Tokyo", LeftWins, FirstRightWins, DeleteOther, Recreate, false, true,
		[]Policy{LeftWins, Ask, LeftWins, RightWins},
		[]Flow{Both, ToRight, ToRight, Both},
		[]string{"dealname ↔ summary", "[\"crm\", deal.dealtype] → labels", "amount → Budget", "priority ↔ priority"},
		[]bool{false, false, true, false},
		[]bool{false, true, false, false},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(ids) != 4 {
		t.Errorf("got %d rule ids, want 4", len(ids))
	}
	if side, ok := m.SideNamed("epic"); !ok || side != Right {
		t.Errorf("SideNamed: got %v %v", side, ok)
	}
	if _, ok := m.SideNamed("task"); ok {
		t.Error("SideNamed knows a side that is not there")
	}
	if f, l := m.Rules()[2].Field(Right), m.Rules()[2].Label(Right); f != "customfield_10051" || l != "Budget" {
		t.Errorf("got field %s, label %s", f, l)
	}
	if f, typ := m.Rules()[1].Field(Left), m.Rules()[1].TypeOf(Left); f != "" || typ != connectors.TypeOptions {
		t.Errorf("computed side: got field %q, type %s", f, typ)
	}
}

// TestHash fixes the hash: state files hold it.
func TestHash(t *testing.T) {
	base := head + "  - {deal: dealname, epic: summary}\n"
	hash := func(src string) uint64 { return compileText(t, src, testEnv()).Hash() }
	want := hash(base)
	for name, same := range map[string]string{
		"comment":     "# a comment\n" + base,
		"description": strings.Replace(base, "between:", "description: Other words.\nbetween:", 1),
		"quotes":      strings.Replace(base, "dealname", `"dealname"`, 1),
		"layout":      strings.Replace(base, "{deal: dealname, epic: summary}", "deal: dealname\n    epic: summary", 1),
	} {
		if got := hash(same); got != want {
			t.Errorf("%s: the hash changed", name)
		}
	}
	for name, other := range map[string]string{
		"rule":     base + "  - {deal: amount, epic: Budget, flow: deal -> epic}\n",
		"policy":   base + "conflict: ask\n",
		"scope":    strings.Replace(base, "DELIV", "OTHER", 1),
		"when":     strings.Replace(base, "when: true", "when: deal.amount > 1", 1),
		"zone":     base + "time_zone: Asia/Tokyo\n",
		"holidays": base + "holidays: [2026-12-25]\n",
	} {
		if got := hash(other); got == want {
			t.Errorf("%s: the hash did not change", name)
		}
	}
	env := testEnv()
	env.Schemas[Right].Field("summary").Type = connectors.TypeRichText
	if compileText(t, base, env).Hash() == want {
		t.Error("type of a field: the hash did not change")
	}
	if golden := uint64(0xe18401c0fea2f447); want != golden {
		t.Errorf("got hash %#x, want %#x: hashes are stored and must not change without need", want, golden)
	}
}

func TestRuleIDs(t *testing.T) {
	a := &Rule{fields: [2]ruleField{{name: "a"}, {name: "b"}}}
	b := &Rule{fields: [2]ruleField{{name: "a"}, {name: "b"}}}
	c := &Rule{fields: [2]ruleField{{name: ""}, {name: "b"}}}
	assignIDs([]*Rule{a, b, c})
	if a.id == b.id || a.id == c.id || b.id == c.id {
		t.Errorf("got ids %d %d %d, want three", a.id, b.id, c.id)
	}
	if want := uint32(0x10f3abd2); a.id != want {
		t.Errorf("got id %#x, want %#x: ids are stored and must not change", a.id, want)
	}
}

func TestProblemsErr(t *testing.T) {
	ps := Problems{{File: "a", Severity: Warning, Message: "w"}}
	if err := ps.Err(); err != nil {
		t.Errorf("warnings only: got %v", err)
	}
	ps = append(ps, Problem{File: "a", Line: 2, Column: 3, Width: 2, Message: "m", Source: "\tx y", Hint: "h"})
	want := "a:2:3: m\n    2 | \tx y\n      | \t ^^\nhint: h"
	if err := ps.Err(); err == nil || err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// TestWithinNeedsChildren checks that a key which nobody carries out is no key
// that is quietly ignored.
func TestWithinNeedsChildren(t *testing.T) {
	f, problems := Parse("x.yaml", []byte(head+"  - {deal: dealname, epic: summary}\nwithin: parents\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	env := testEnv()
	env.Children = false
	m, problems := Compile(f, env)
	if want := "`within` is checked but not carried out yet"; m != nil || len(problems) != 1 || problems[0].Message != want {
		t.Errorf("got %v, want %s", problems, want)
	}
}

// TestSideProblem checks the place of what a system says about an object.
func TestSideProblem(t *testing.T) {
	f, _ := Parse("x.yaml", []byte(head+"  - {deal: dealname, epic: summary}\n"))
	want := "x.yaml:4:36: there is no object `issue`\n    4 |   epic: {connection: jira, object: issue, scope: {project: DELIV, issuetype: Epic}}\n      |                                    ^^^^^\nhint: look"
	if got := f.SideProblem(Right, "there is no object `issue`", "look").String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
