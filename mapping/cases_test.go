package mapping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tenonsync/tenon/connectors"
)

// pairFile is the mapping that the test files of testdata/cases are about.
const pairFile = `mapping: pair
between:
  deal: {connection: hubspot, object: deals}
  epic: {connection: jira, object: issue, scope: {project: DELIV, issuetype: Epic}}
create:
  epic: {when: deal.dealstage == "closedwon"}
fields:
  - {deal: dealname, epic: summary}
  - {deal: amount, epic: Budget, flow: deal -> epic}
  - {deal: hubspot_owner_id, epic: assignee}
`

// readPair reads a test file as `tenon test` does; without saved schemas where
// guess is set.
func readPair(t *testing.T, name, source string, src []byte, guess bool) (*CaseFile, *Mapping, Problems) {
	t.Helper()
	file, problems := Parse("pair.yaml", []byte(source))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	cf, problems := ReadCases(name, src)
	if cf == nil {
		return nil, nil, problems
	}
	problems = append(problems, cf.For(file)...)
	if problems.Err() != nil {
		return cf, nil, problems
	}
	env := testEnv()
	if guess {
		env.Schemas = [2]*connectors.Schema{}
	}
	schemas, more := cf.Schemas(file, env.Schemas)
	problems = append(problems, more...)
	if more.Err() != nil {
		return cf, nil, problems
	}
	env.Schemas = schemas
	m, found := Compile(file, env)
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return cf, m, append(problems, cf.Bind(m, schemas, [2]*connectors.Schema{})...)
}

// TestCaseErrors compares what people are told about mistakes in test files with
// testdata/cases, whole.
func TestCaseErrors(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join("testdata", "cases", "*.txtar"))
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d archives: %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var src []byte
			want, guess := -1, false
			for i, f := range archive.Files {
				switch f.Name {
				case "want":
					want = i
				case "guess":
					guess = true
				default:
					src = f.Data
				}
			}
			_, _, problems := readPair(t, "pair_test.yaml", pairFile, src, guess)
			for _, p := range problems {
				if p.Severity == Error && p.Hint == "" {
					t.Errorf("nothing says what to do:\n%s", p)
				}
			}
			got := problems.String() + "\n"
			if *update {
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 {
				t.Fatal("the archive says not what is wanted; run with -update")
			}
			if d := cmp.Diff(string(archive.Files[want].Data), got); d != "" {
				t.Errorf("messages (-want +got), run with -update to accept:\n%s", d)
			}
		})
	}
}

// TestCases reads every form of a case.
func TestCases(t *testing.T) {
	src := `mapping: pair
now: 2026-03-02T09:00:00+01:00
people: {epic: [Ada@Acme.example]}
given:
  deal: {dealname: Roll-out, amount: 12}
defaults:
  epic: {status: To Do}
cases:
  - name: all of it
    exact: false
    deal: {id: 42, amount: 13, services: [Design, delivery], arr: 12.5 EUR, description: }
    epic:
      - {summary: One, key: DELIV-1, assignee: ada@acme.example}
      - {summary: Two}
    linked: true
    edits:
      epic: {summary: Three}
      deal: archived
    expect:
      link: true
      update: {epic: {Budget: 14}}
      conflict: [dealname]
      aside: {assignee: no user}
      error: gone
`
	cf, _, problems := readPair(t, "pair_test.yaml", pairFile, []byte(src), false)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if cf.Mapping != "pair" || len(cf.Cases) != 1 {
		t.Fatalf("got mapping %q with %d cases, want pair with 1", cf.Mapping, len(cf.Cases))
	}
	c := cf.Cases[0]
	if want := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC); !c.Now.Equal(want) {
		t.Errorf("got now %v, want %v", c.Now, want)
	}
	shown := func(fields []FieldValue) string {
		var parts []string
		for _, f := range fields {
			parts = append(parts, f.Field+"="+f.Value.String())
		}
		return strings.Join(parts, " ")
	}
	var given []string
	for _, g := range c.Given {
		given = append(given, g.Side.String()+" "+g.ID+g.Key+" "+shown(g.Fields))
	}
	if d := cmp.Diff([]string{
		"left 42 amount=13 services=Delivery, Design arr=12.5 EUR description= dealname=Roll-out",
		"right DELIV-1 summary=One assignee=ada@acme.example",
		"right  summary=Two",
	}, given); d != "" {
		t.Errorf("given (-want +got):\n%s", d)
	}
	if len(c.Edits) != 2 || c.Edits[0].Side != Right || c.Edits[1].Become != "archived" {
		t.Errorf("got edits %+v, want the epic's before the deal's", c.Edits)
	}
	if d := cmp.Diff([]string{"ada@acme.example"}, c.People[Right]); d != "" || c.AllPeople != [2]bool{true, false} {
		t.Errorf("people: %v (-want +got):\n%s", c.AllPeople, d)
	}
	e := c.Expect
	if e == nil || e.Link == nil || !*e.Link || c.Exact || !c.Linked || e.Error != "gone" {
		t.Fatalf("got %+v", e)
	}
	if got := shown(e.Updates[Right].Fields); got != "customfield_10051=14" {
		t.Errorf("got update %s", got)
	}
	if len(e.Conflicts) != 1 || len(e.Asides) != 1 || e.Asides[0].Reason != "no user" || e.Conflicts[0].Rule == e.Asides[0].Rule {
		t.Errorf("got conflicts %v and asides %v", e.Conflicts, e.Asides)
	}
	if got := shown(c.Defaults[Right]); got != "status=To Do" {
		t.Errorf("got defaults %s", got)
	}
}

// TestInsert adds an expectation to a case that has none, and leaves everything
// else as it is: comments, empty lines, cases in braces.
func TestInsert(t *testing.T) {
	src := `# Head.
cases:
  - name: one # here
    deal: {dealname: x}

  # About two.
  - name: two
    deal: {dealname: y}
    expect: nothing
  - {name: three, deal: {}}
  -
    name: four
    deal:
      description: |
        several

        lines


schema: {deal: {extra: text}}
`
	cf, _, problems := readPair(t, "pair_test.yaml", pairFile, []byte(src), false)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	got, added := cf.Insert(func(c *Case) string { return "expect:\n  error: " + c.Name + "\n" })
	want := strings.Replace(strings.Replace(src, "    deal: {dealname: x}\n", "    deal: {dealname: x}\n    expect:\n      error: one\n", 1),
		"        lines\n", "        lines\n    expect:\n      error: four\n", 1)
	if d := cmp.Diff(want, got); d != "" || added != 2 {
		t.Errorf("added %d (-want +got):\n%s", added, d)
	}
	if _, _, problems := readPair(t, "pair_test.yaml", pairFile, []byte(got), false); problems.Err() != nil {
		t.Errorf("the result is no test file:\n%v", problems)
	}
}

// TestGuess guesses the fields of systems of which nothing is saved.
func TestGuess(t *testing.T) {
	source := `mapping: pair
between:
  deal: {connection: crm, object: deals}
  task: {connection: pm, object: tasks}
match:
  - {deal: id, task: crm_id}
create:
  task:
    when: deal.stage == "won" and deal.size > 3
    button: {label: Go, field: link}
    with: {tags: [a], note: "{{ deal.owner.email }}"}
    tasks:
      - {summary: "{{ deal.name }}", assignee: "{{ deal.owner.email }}", due: deal.closes}
fields:
  - {deal: name, task: title}
  - {deal: amount, task: budget, flow: deal -> task}
  - {deal: stage, task: status, values: {won: Open, done: Closed}, back: {Review: won}}
  - {task: info, set: 'label(deal.kind) + ": " + deal.url'}
  - {task: labels, set: '["crm"]'}
`
	src := `schema: {deal: {kind: [new, old]}}
cases:
  - name: a
    deal: {name: x, stage: won, size: 4, amount: 12.5, closes: 2026-03-01, active: true, seen: 2026-03-01T08:00:00Z, code: "007", owner: ada@acme.example}
    expect: nothing
`
	cf, m, problems := readPair(t, "pair_test.yaml", source, []byte(src), true)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if m == nil || len(cf.Cases) != 1 || len(problems) != 2 {
		t.Fatalf("got %d cases and %d warnings, want 1 and 2", len(cf.Cases), len(problems))
	}
	file, _ := Parse("pair.yaml", []byte(source))
	schemas, _ := cf.Schemas(file, [2]*connectors.Schema{})
	for side, want := range []map[string]connectors.Type{
		{
			"name": connectors.TypeText, "amount": connectors.TypeNumber, "stage": connectors.TypeOption, "kind": connectors.TypeOption,
			"size": connectors.TypeNumber, "owner": connectors.TypePerson, "closes": connectors.TypeDate, "link": connectors.TypeText,
			"active": connectors.TypeBool, "seen": connectors.TypeInstant, "code": connectors.TypeText,
		},
		{
			"crm_id": connectors.TypeText, "title": connectors.TypeText, "budget": connectors.TypeNumber, "status": connectors.TypeOption,
			"info": connectors.TypeText, "labels": connectors.TypeOptions, "tags": connectors.TypeOptions, "note": connectors.TypeText,
			"assignee": connectors.TypePerson, "due": connectors.TypeDate,
		},
	} {
		got := map[string]connectors.Type{}
		for _, f := range schemas[side].Fields {
			got[f.Name] = f.Type
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("side %d (-want +got):\n%s", side, d)
		}
	}
	if got := optionLabels(schemas[Right].Field("status").Options); !cmp.Equal(got, []string{"Open", "Closed", "Review"}) {
		t.Errorf("got options %v", got)
	}
}

// TestParts lists what there is to touch.
func TestParts(t *testing.T) {
	m := compileText(t, string(exampleFile(t)), testEnv())
	var got []string
	for _, p := range m.Parts() {
		got = append(got, string(p.Kind)+" "+p.Text)
	}
	for _, want := range []string{
		"match match deal.hs_object_id = epic.CRM deal", "when create epic when: true", "unless create epic when: false",
		"button create epic by the button", "task task requirements", "rule deal.dealname → epic.summary", "rule epic.summary → deal.dealname",
		"value deal.dealstage → epic.status: closedwon → To Do", "value epic.status → deal.dealstage: In Review → in_delivery",
		"other deal.dealstage → epic.status: otherwise", "rule computed → epic.labels",
	} {
		found := false
		for _, g := range got {
			found = found || g == want
		}
		if !found {
			t.Errorf("no part %q among\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// TestRenamed names what a system renamed since its schema was saved.
func TestRenamed(t *testing.T) {
	env := testEnv()
	env.Before = [2]*connectors.Schema{dealSchema(), epicSchema()}
	f := env.Before[Right].Field("customfield_10051")
	f.Label = "Money"
	gone := field("customfield_99", "Team", connectors.TypeText)
	env.Before[Right].Fields = append(env.Before[Right].Fields, gone)
	status := env.Before[Right].Field("status")
	status.Options = append(opts("3", "Doing", "77", "Paused"), status.Options...)
	file, problems := Parse("test.yaml", []byte(head+`  - {deal: amount, epic: Money, flow: deal -> epic}
  - {deal: dealname, epic: Team}
  - {deal: dealstage, epic: status, flow: deal -> epic, values: {closedwon: Doing, delivered: Paused}, otherwise: leave}
`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	_, problems = Compile(file, env)
	var got []string
	for _, p := range problems {
		got = append(got, p.Message+": "+p.Hint)
	}
	want := []string{
		"no field `Money` on Epic (issue): it was renamed: write `Budget`, or its API name `customfield_10051`",
		"no field `Team` on Epic (issue): the system had it when the schema was saved, and does not show it any longer: drop the rule, bring the field back, or give the account the right to see it",
		"`status` of `epic` has no option `Doing`: it was renamed to `In Progress`",
		"`status` of `epic` has no option `Paused`: the system had it when the schema was saved, and has it no longer: there are `To Do`, `In Progress`, `In Review` and `Done`",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

// TestCheckReach warns of values that no step leads to, where they stand.
func TestCheckReach(t *testing.T) {
	m := compileText(t, head+`  - {deal: dealname, epic: summary}
  - {deal: dealstage, epic: status, values: {closedwon: To Do, delivered: Done}, back: {In Review: delivered}, otherwise: leave}
`, testEnv())
	if d := cmp.Diff([]string{"status"}, m.Stepped(Right)); d != "" || len(m.Stepped(Left)) > 0 {
		t.Errorf("stepped (-want +got):\n%s", d)
	}
	got := m.CheckReach(Right, "status", opts("10002", "Done", "10001", "In Review")).String()
	want := "test.yaml:9:75: warning: no step leads to `Done` of `epic`: only new records hold it, and such a write is set aside\n" +
		"    9 |   - {deal: dealstage, epic: status, values: {closedwon: To Do, delivered: Done}, back: {In Review: delivered}, otherwise: leave}\n" +
		"      | " + strings.Repeat(" ", 74) + "^^^^\n" +
		"hint: choose a value that a step leads to, or have the step added in the system"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	if got := m.CheckReach(Right, "summary", nil); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
