package connectortest

import (
	"fmt"

	"github.com/tenonsync/tenon/connectors"
)

// Counter is a World that counts the requests of its connection, from
// Options.Observe or in the system.
type Counter interface {
	Requests(t TB) int
}

// spent runs a call and checks how many requests it took at most.
func (e *env) spent(what string, most int, call func()) {
	e.Helper()
	w := e.w.(Counter)
	before := w.Requests(e)
	call()
	if got := w.Requests(e) - before; got > most {
		e.Errorf("%s took %d requests, want at most %d", what, got, most)
	}
}

// counted skips the test unless the world counts requests and batches hold
// more than a few.
func (e *env) counted(size int) int {
	e.Helper()
	if _, ok := e.w.(Counter); !ok || size < 3 {
		e.Skipf("requests are not counted, or records go one by one")
	}
	return min(size, 50)
}

// slack is how many more requests than batches a call may take: metadata, a
// second page.
const slack = 3

var cost = []test{
	{"a batch is read at once", func(e *env) {
		n := e.counted(e.c.Facts().ReadBatch)
		ids := e.seed(n)
		e.read(ids[0]) // what is asked once
		e.spent(fmt.Sprintf("a read of %d", n), 1, func() { e.read(ids...) })
	}},
	{"a batch is updated at once", func(e *env) {
		n := e.counted(e.c.Facts().UpdateBatch)
		var updates []connectors.Update
		for _, id := range e.seed(n) {
			updates = append(updates, e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("New")}))
		}
		e.update(updates[0])
		e.spent(fmt.Sprintf("an update of %d", n), 1+slack, func() {
			for _, r := range e.update(updates...) {
				if r.Err != nil {
					e.Errorf("Update: %v", r.Err)
				}
			}
		})
	}},
	{"a batch is created at once", func(e *env) {
		n := e.counted(e.c.Facts().CreateBatch)
		var creates []connectors.Create
		for i := range n {
			creates = append(creates, connectors.Create{
				Object: e.h.Object, Scope: e.h.Scope, Key: fmt.Sprintf("tenon-cost-%d", i), Fields: e.fields("New"),
			})
		}
		e.create("", "What is asked once")
		e.spent(fmt.Sprintf("a create of %d", n), 1+slack, func() {
			for _, r := range e.c.Create(e.Context(), creates) {
				if r.Err != nil {
					e.Errorf("Create: %v", r.Err)
				}
			}
		})
	}},
	{"a quiet system is asked little", func(e *env) {
		e.counted(1000)
		e.seed(e.h.Records)
		cursor := e.behind("")
		e.spent("a list without changes", 1+slack, func() { e.list(cursor) })
	}},
}
