package jira

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

// TestUnreachableStatuses names a status that no transition leads to, once it is
// known what follows each of the others.
func TestUnreachableStatuses(t *testing.T) {
	var f flowCache
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	to := func(ids ...string) []transition {
		var steps []transition
		for _, id := range ids {
			steps = append(steps, transition{To: status{ID: id}})
		}
		return steps
	}
	all := []connectors.Option{{ID: "1", Label: "To Do"}, {ID: "2", Label: "In Progress"}, {ID: "3", Label: "Done"}, {ID: "4", Label: "Lost"}}
	if got := f.unreachable("p/t", all); got != nil {
		t.Errorf("got %v of a workflow that nobody looked at", got)
	}
	f.learn("p/t", "1", to("2"), now)
	f.learn("p/t", "2", to("1", "3"), now)
	f.learn("p/t", "4", to("1"), now)
	if got := f.unreachable("p/t", all); got != nil {
		t.Errorf("got %v while it is not known what follows Done", got)
	}
	f.learn("p/t", "3", nil, now)
	if d := cmp.Diff([]connectors.Option{all[3]}, f.unreachable("p/t", all)); d != "" {
		t.Errorf("unreachable (-want +got):\n%s", d)
	}
}
