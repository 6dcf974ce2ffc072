package connectortest

import (
	"context"

	"github.com/tenonsync/tenon/connectors"
)

var retires = []test{
	{"delete deletes what it names", func(e *env) {
		if e.can.Deleter == nil {
			e.Skipf("the connection deletes nothing")
		}
		e.retire("Delete", e.can.Deleter.Delete, connectors.Deleted, connectors.Archived)
	}},
	{"archive puts out of sight what it names", func(e *env) {
		if e.can.Archiver == nil {
			e.Skipf("the connection archives nothing")
		}
		e.retire("Archive", e.can.Archiver.Archive, connectors.Archived)
	}},
}

func (e *env) retire(op string, do func(context.Context, string, []string) []error, states ...connectors.State) {
	e.Helper()
	ids := e.seed(5)
	e.w.Delete(e, ids[1])
	for _, round := range []string{op, op + " again"} {
		errs := do(e.Context(), e.h.Object, []string{ids[3], ids[1], ids[0]})
		if len(errs) != 3 {
			e.Fatalf("%s: %d results for 3 ids", round, len(errs))
		}
		for i, err := range errs {
			if err != nil {
				e.Errorf("%s: result %d: %v", round, i, err)
			}
		}
	}
	for i, id := range ids {
		gone := i == 0 || i == 1 || i == 3
		r := e.read(id)[0]
		live := r.Record != nil && r.Record.State == connectors.Live
		if live == gone {
			e.Errorf("%s: record %d is live: %v, want %v", op, i, live, !gone)
		}
		if r.Err != nil {
			e.kind("Read", r.Err, connectors.NotFound)
		} else if gone && i != 1 && !contains(states, r.Record.State) {
			e.Errorf("%s: record %d is %v, want one of %v", op, i, r.Record.State, states)
		}
	}
	if got := do(e.Context(), e.h.Object, nil); len(got) != 0 {
		e.Errorf("%s of nothing: %d results", op, len(got))
	}
}

func contains(states []connectors.State, s connectors.State) bool {
	for _, have := range states {
		if have == s {
			return true
		}
	}
	return false
}
