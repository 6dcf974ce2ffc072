package connectortest

import (
	"fmt"
	"sync"

	"github.com/tenonsync/tenon/connectors"
)

var concurrency = []test{
	{"calls at the same time", func(e *env) {
		ids := e.seed(8)
		var wg sync.WaitGroup
		var mu sync.Mutex
		made := map[string]string{}
		complain := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			e.Errorf(format, args...)
		}
		for i, id := range ids {
			wg.Go(func() {
				for n := range 3 {
					title := fmt.Sprintf("Worker %d, step %d", i, n)
					r := e.c.Update(e.Context(), []connectors.Update{e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text(title)})})
					if len(r) != 1 || r[0].Err != nil {
						complain("Update: %+v", r)
						return
					}
					got, err := e.c.Read(e.Context(), e.sel, []string{id})
					if err != nil || len(got) != 1 || got[0].Err != nil {
						complain("Read: %v, %+v", err, got)
						return
					}
					if v, _ := got[0].Record.Get(e.h.Title); v.Text() != title {
						complain("Read: title %q, want our own %q", v, title)
					}
				}
				key := fmt.Sprintf("tenon-worker-%d", i)
				r := e.c.Create(e.Context(), []connectors.Create{{Object: e.h.Object, Scope: e.h.Scope, Key: key, Fields: e.fields(key)}})
				if len(r) != 1 || r[0].Err != nil {
					complain("Create: %+v", r)
					return
				}
				mu.Lock()
				made[key] = r[0].ID
				mu.Unlock()
			})
			wg.Go(func() {
				if _, err := e.c.Changes(e.Context(), e.sel, ""); err != nil {
					complain("Changes: %v", err)
				}
				if _, err := e.c.Schema(e.Context(), e.h.Object, e.h.Scope); err != nil {
					complain("Schema: %v", err)
				}
			})
		}
		wg.Wait()
		for key, id := range made {
			if got := e.title(id); got != key {
				e.Errorf("the record of %s has the title %q", key, got)
			}
		}
		if got, want := len(e.w.IDs(e)), 2*len(ids); got != want {
			e.Errorf("%d records, want %d", got, want)
		}
	}},
}
