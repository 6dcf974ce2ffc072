package mapping_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

func Example() {
	source := `
mapping: deal-to-task
between:
  deal: {connection: crm, object: deals}
  task: {connection: projects, object: tasks}
create:
  task: {when: deal.stage == "won"}
fields:
  - {deal: name, task: title}
  - {deal: closes, task: Due date, flow: deal -> task}
`
	env := mapping.Env{Zone: time.UTC}
	env.Schemas[mapping.Left] = &connectors.Schema{Object: "deals", Label: "Deal", Fields: []connectors.Field{
		{Name: "name", Label: "Name", Type: connectors.TypeText, Writable: true},
		{Name: "stage", Label: "Stage", Type: connectors.TypeOption, Options: []connectors.Option{{ID: "won", Label: "Won"}}},
		{Name: "closes", Label: "Closes", Type: connectors.TypeInstant},
	}}
	env.Schemas[mapping.Right] = &connectors.Schema{Object: "tasks", Label: "Task", Fields: []connectors.Field{
		{Name: "title", Label: "Title", Type: connectors.TypeText, Writable: true},
		{Name: "due", Label: "Due date", Type: connectors.TypeDate, Writable: true},
	}}

	file, problems := mapping.Parse("deal-to-task.yaml", []byte(source))
	if err := problems.Err(); err != nil {
		fmt.Println(err)
		return
	}
	m, problems := mapping.Compile(file, env)
	if err := problems.Err(); err != nil {
		fmt.Println(err)
		return
	}

	deal := &connectors.Record{}
	deal.Set("name", connectors.Text("Acme roll-out"))
	deal.Set("stage", connectors.Choice(connectors.Option{ID: "won", Label: "Won"}))
	deal.Set("closes", connectors.Instant(time.Date(2026, 4, 1, 9, 30, 0, 0, time.UTC)))
	wanted, _ := m.Create(mapping.Right).When(deal)
	fmt.Println("create:", wanted)
	for _, rule := range m.Rules() {
		v, _, _ := rule.Value(mapping.Left, deal)
		v, _, _ = rule.Convert(mapping.Right, v)
		fmt.Printf("%s: %s\n", rule.Name(), v)
	}
	// Output:
	// create: true
	// name ↔ title: Acme roll-out
	// closes → Due date: 2026-04-01
}

func ExampleProblem_String() {
	_, problems := mapping.Parse("deals.yaml", []byte("mapping: deals\nconflicts: newest\n"))
	fmt.Println(problems[len(problems)-1])
	// Output:
	// deals.yaml:2:1: unknown key `conflicts` in the mapping
	//     2 | conflicts: newest
	//       | ^^^^^^^^^
	// hint: did you mean `conflict`?
}

func ExampleProblems_Err() {
	_, problems := mapping.Parse("empty.yaml", nil)
	fmt.Println(problems.Err())
	text, _ := json.Marshal(problems)
	fmt.Println(string(text))
	// Output:
	// empty.yaml: the file is empty
	// hint: start with `mapping: NAME`
	// [{"file":"empty.yaml","line":0,"column":0,"width":0,"severity":"error","message":"the file is empty","hint":"start with `mapping: NAME`"}]
}

// TestWords fixes the words that journals and JSON show.
func TestWords(t *testing.T) {
	var got []string
	for _, s := range []mapping.SideID{mapping.Left, mapping.Right} {
		got = append(got, s.String(), s.Other().String())
	}
	for p := mapping.Newest; p <= mapping.Ask; p++ {
		got = append(got, p.String())
	}
	for f := mapping.FirstLeftWins; f <= mapping.FirstFillBlanks; f++ {
		got = append(got, f.String())
	}
	for d := mapping.Unlink; d <= mapping.Recreate; d++ {
		got = append(got, d.String())
	}
	got = append(got, mapping.Error.String(), mapping.Warning.String())
	want := "[left right right left newest left wins right wins ask left wins right wins newest fill blanks unlink archive delete recreate error warning]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	for _, c := range []struct {
		flow        mapping.Flow
		left, right bool
	}{{mapping.Both, true, true}, {mapping.ToRight, false, true}, {mapping.ToLeft, true, false}} {
		if c.flow.To(mapping.Left) != c.left || c.flow.To(mapping.Right) != c.right {
			t.Errorf("flow %d goes left %v, right %v", c.flow, c.flow.To(mapping.Left), c.flow.To(mapping.Right))
		}
	}
}
