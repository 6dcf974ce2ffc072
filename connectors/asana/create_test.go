package asana

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTurnsKeepSiblingsInOrder(t *testing.T) {
	var tasks []*write
	for _, parent := range []string{"", "1", "1", "2", "", "1", "2"} {
		w := &write{put: map[string]any{}}
		if parent != "" {
			w.put["parent"] = parent
		}
		tasks = append(tasks, w)
	}
	want := [][]int{{0, 1, 3, 4}, {2, 6}, {5}}
	if diff := cmp.Diff(want, turns(tasks)); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
	if got := turns(nil); got != nil {
		t.Errorf("turns of nothing: got %v, want none", got)
	}
}
