package connectors_test

import (
	"context"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

func TestPriorityTravelsInTheContext(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if got, want := connectors.PriorityOf(ctx), connectors.PriorityPoll; got != want {
		t.Errorf("without a priority: %v, want %v", got, want)
	}
	for p := range connectors.Priorities {
		p := connectors.Priority(p)
		if got := connectors.PriorityOf(connectors.WithPriority(ctx, p)); got != p {
			t.Errorf("got %v, want %v", got, p)
		}
	}
	if got, want := connectors.PriorityOf(connectors.WithPriority(ctx, 77)), connectors.PrioritySweep; got != want {
		t.Errorf("an unknown priority is %v, want %v", got, want)
	}
	if got, want := connectors.PriorityButton.String()+" "+connectors.Priority(77).String(), "button priority(77)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKeyWait(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ index, key, want time.Duration }{
		{0, 0, 0},
		{time.Minute, 0, time.Minute},
		{time.Minute, connectors.NoLag, 0},
		{time.Minute, time.Second, time.Second},
	} {
		if got := (connectors.Facts{IndexLag: tc.index, KeyLag: tc.key}).KeyWait(); got != tc.want {
			t.Errorf("index lag %v, key lag %v: wait %v, want %v", tc.index, tc.key, got, tc.want)
		}
	}
}

// deleter is a connection with one ability; muted takes it away.
type deleter struct{ connectors.Connection }

func (deleter) Delete(context.Context, string, []string) []error { return nil }

type muted struct{ deleter }

func (muted) Abilities() connectors.Abilities { return connectors.Abilities{} }

func TestAbilities(t *testing.T) {
	t.Parallel()
	if a := connectors.AbilitiesOf(deleter{}); a.Deleter == nil || a.Archiver != nil || a.Finder != nil {
		t.Errorf("abilities %+v, want a Deleter alone", a)
	}
	if a := connectors.AbilitiesOf(muted{}); a != (connectors.Abilities{}) {
		t.Errorf("abilities %+v, want none: the connection says so", a)
	}
}
