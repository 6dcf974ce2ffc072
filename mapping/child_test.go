package mapping

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

// TestTaskObjects: tasks are of the object that `type` names, else of the one
// that the system makes under the side's records.
func TestTaskObjects(t *testing.T) {
	env := testEnv()
	env.Schemas[Right].Child = "checkitem"
	m := compileText(t, `mapping: a
between:
  deal: {connection: hubspot, object: deals}
  card: {connection: trello, object: issue, scope: {board: Delivery}}
create:
  card:
    when: "true"
    tasks:
      - {summary: Plain}
      - {summary: Named, type: checkitem}
      - {summary: Other, type: note}
fields:
  - {deal: dealname, card: summary}
`, env)
	tasks, err := m.Create(Right).Tasks(&connectors.Record{}, time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	type made struct {
		Object string
		Scope  connectors.Scope
	}
	var got []made
	for _, task := range tasks {
		got = append(got, made{task.Object, task.Scope})
	}
	board := connectors.Scope{"board": "Delivery"}
	if diff := cmp.Diff([]made{{"checkitem", board}, {"checkitem", board}, {"note", connectors.Scope{}}}, got); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}
