package connectortest

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// arm arms a fault and takes care that it ends.
func (e *env) arm(f Fault) Faulter {
	e.Helper()
	w, ok := e.w.(Faulter)
	if !ok || !w.Fault(e, f) {
		e.Skipf("the world has no fault %q", f)
	}
	e.Cleanup(func() { w.Heal(e) })
	return w
}

var faults = []test{
	{"lost answer of a create is unsure", func(e *env) { e.lostCreate(ResetAfter, true) }},
	{"server error of a create is unsure", func(e *env) { e.lostCreate(ErrorAfter, true) }},
	{"cut create is made at most once", func(e *env) { e.lostCreate(ResetBefore, false) }},
	{"lost answer of an update is unsure", func(e *env) {
		id := e.seed(1)[0]
		w := e.arm(ResetAfter)
		r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Lost")}))[0]
		w.Heal(e)
		if r.Err != nil {
			e.kind("Update whose answer was lost", r.Err, connectors.Unavailable, connectors.Internal)
			if !connectors.IsUnsure(r.Err) {
				e.Errorf("Update whose answer was lost is sure: %v", r.Err)
			}
		}
		if got := e.title(id); got != "Lost" {
			e.Errorf("title %q, want what was written", got)
		}
		if r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Again")}))[0]; r.Err != nil {
			e.Errorf("Update afterwards: %v", r.Err)
		}
	}},
	{"lost answer of a comment makes one comment", func(e *env) {
		if e.can.Commenter == nil {
			e.Skipf("the connection has no comments")
		}
		id := e.seed(1)[0]
		w := e.arm(ResetAfter)
		_, err := e.can.Commenter.AddComment(e.Context(), e.h.Object, id, connectors.Comment{Key: "tenon-c3", Body: "Once"})
		w.Heal(e)
		if err != nil && !connectors.IsUnsure(err) {
			e.Errorf("AddComment whose answer was lost is sure: %v", err)
		}
		if got := e.comments(id); len(got) != 1 || got[0].Key != "tenon-c3" {
			e.Errorf("Comments: %+v, want one with its key", got)
		}
	}},
	{"too many requests stop writes, not reads", func(e *env) {
		id := e.seed(1)[0]
		w := e.arm(TooMany)
		r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Limited")}))[0]
		if r.Err != nil {
			e.kind("Update", r.Err, connectors.RateLimited)
			if connectors.IsUnsure(r.Err) || connectors.RetryAfter(r.Err) > time.Hour {
				e.Errorf("Update: %v is unsure or waits %v", r.Err, connectors.RetryAfter(r.Err))
			}
			if got := e.title(id); got == "Limited" {
				e.Errorf("the update took effect though it failed")
			}
		}
		w.Heal(e)
		if w.Fault(e, TooMany) {
			if got, err := e.c.Read(e.Context(), e.sel, []string{id}); err != nil {
				e.kind("Read", err, connectors.RateLimited)
			} else if got[0].Err != nil {
				e.Errorf("Read: %v", got[0].Err)
			}
		}
		w.Heal(e)
		e.one(id)
	}},
	{"revoked credentials are an auth error", func(e *env) {
		id := e.seed(1)[0]
		w := e.arm(Revoked)
		_, err := e.c.Check(e.Context())
		e.kind("Check", err, connectors.Auth)
		_, err = e.c.Read(e.Context(), e.sel, []string{id})
		e.kind("Read", err, connectors.Auth)
		_, err = e.c.Changes(e.Context(), e.sel, "")
		e.kind("Changes", err, connectors.Auth)
		r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Revoked")}))[0]
		e.kind("Update", r.Err, connectors.Auth)
		if connectors.IsUnsure(r.Err) {
			e.Errorf("Update with refused credentials is unsure: %v", r.Err)
		}
		w.Heal(e)
		e.one(id)
	}},
	{"missing right is a permission error", func(e *env) {
		id := e.seed(1)[0]
		w := e.arm(Forbidden)
		r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Forbidden")}))[0]
		e.kind("Update", r.Err, connectors.Permission)
		c := e.createResult("", "Forbidden")
		e.kind("Create", c.Err, connectors.Permission)
		if connectors.IsUnsure(r.Err) || connectors.IsUnsure(c.Err) {
			e.Errorf("writes without the right are unsure: %v; %v", r.Err, c.Err)
		}
		w.Heal(e)
		if got := len(e.w.IDs(e)); got != 1 || e.title(id) == "Forbidden" {
			e.Errorf("%d records, title %q: a forbidden write took effect", got, e.title(id))
		}
	}},
	{"system that is down loses nothing", func(e *env) {
		ids := e.seed(3)
		cursor := e.behind("")
		e.w.Edit(e, ids[0], e.h.Title, connectors.Text("While down"))
		e.w.Settle(e)
		w := e.arm(Down)
		_, err := e.c.Changes(e.Context(), e.sel, cursor)
		e.kind("Changes", err, connectors.Unavailable, connectors.RateLimited)
		_, err = e.c.Read(e.Context(), e.sel, ids)
		e.kind("Read", err, connectors.Unavailable, connectors.RateLimited)
		_, err = e.c.FindByKey(e.Context(), e.h.Object, e.h.Scope, []string{"tenon-none"})
		e.kind("FindByKey", err, connectors.Unavailable, connectors.RateLimited)
		w.Heal(e)
		rows, _ := e.list(cursor)
		seen := map[string]bool{}
		collect(seen, rows)
		e.all("Changes after the system came back", seen, ids[:1])
	}},
}

// lostCreate makes a record under a fault, and checks that it is made at most
// once and found by its key.
func (e *env) lostCreate(f Fault, made bool) {
	e.Helper()
	w := e.arm(f)
	r := e.createResult("tenon-lost", "Lost")
	w.Heal(e)
	e.w.Settle(e)
	ids := e.w.IDs(e)
	if len(ids) > 1 {
		e.Fatalf("%d records after one create: it was repeated", len(ids))
	}
	if r.Err != nil {
		e.kind("Create", r.Err, connectors.Unavailable, connectors.Internal)
	}
	if made && r.Err != nil && !connectors.IsUnsure(r.Err) {
		e.Errorf("Create took effect and failed, but is sure that it did not: %v", r.Err)
	}
	if r.Err != nil && len(ids) == 1 && !connectors.IsUnsure(r.Err) {
		e.Errorf("Create failed for sure, but the record is there: %v", r.Err)
	}
	if got := e.byKey("tenon-lost")[0]; len(got) != len(ids) || len(ids) == 1 && got[0] != ids[0] {
		e.Errorf("FindByKey: %v, but %v are there", got, ids)
	}
	if made && len(ids) != 1 {
		e.Errorf("the world's fault %q made no record", f)
	}
}
