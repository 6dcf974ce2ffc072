package connectortest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Throttler is a World whose system can begin to refuse requests in the midst of
// a call.
type Throttler interface {
	// Throttle lets n more requests pass, and refuses those after them with 429
	// until Faulter.Heal; false where the world cannot.
	Throttle(t TB, n int) bool
}

// Reshaper is a World whose admins change an object while a connection is open.
type Reshaper interface {
	// DropField deletes a field of the harness's object; false where nobody can.
	DropField(t TB, field string) bool
	// DropOption deletes a choice of a field, by its id; false where nobody can.
	DropOption(t TB, field, option string) bool
}

// noSuchOption is a choice that no field has.
var noSuchOption = connectors.Option{ID: "99999999", Label: "No such choice"}

var mishaps = []test{
	{"too many requests in the midst of a batch", func(e *env) {
		w, ok := e.w.(Throttler)
		if !ok {
			e.Skipf("the world cannot refuse requests in the midst of a call")
		}
		ids := e.seed(batch(e.c.Facts().UpdateBatch) + 2)
		e.one(ids[0]) // what is asked for once is known
		e.tryUpdates(ids, "Before")
		if !w.Throttle(e, 1) {
			e.Skipf("the world cannot refuse requests in the midst of a call")
		}
		healed := false
		heal := func() {
			if f, ok := e.w.(Faulter); ok && !healed {
				f.Heal(e)
				healed = true
			}
		}
		e.Cleanup(heal)
		results := e.tryUpdates(ids, "Limited")
		heal()
		for i, r := range results {
			got := e.title(ids[i])
			switch {
			case r.Err == nil && got != "Limited "+ids[i]:
				e.Errorf("Update %d says that it took effect; the title is %q", i, got)
			case r.Err != nil && connectors.KindOf(r.Err) != connectors.RateLimited:
				e.Errorf("Update %d: %v, want a RateLimited error", i, r.Err)
			case r.Err != nil && (connectors.IsUnsure(r.Err) || got != "Before "+ids[i]):
				e.Errorf("Update %d was refused and is unsure (%v), or took effect: the title is %q", i, r.Err, got)
			}
		}
		e.w.Settle(e)
		for i, r := range e.tryUpdates(ids, "After") {
			if r.Err != nil || e.title(ids[i]) != "After "+ids[i] {
				e.Fatalf("Update %d afterwards: %v, title %q", i, r.Err, e.title(ids[i]))
			}
		}
	}},
	{"text that is too long is not cut silently", func(e *env) {
		f := e.schema().Field(e.h.Title)
		if f == nil || f.MaxLength == 0 {
			e.Skipf("the title has no known length")
		}
		long := strings.Repeat("long", f.MaxLength/4+1)[:f.MaxLength+1]
		id := e.seed(1)[0]
		r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text(long)}))[0]
		e.notSilent("Update", r, e.h.Title, connectors.Text(long))
		c := e.createResult("", long)
		if c.Err != nil {
			e.kind("Create with a text that is too long", c.Err, connectors.Invalid)
			if n := len(e.w.IDs(e)); n != 1 {
				e.Errorf("%d records after a create that was refused, want the one that was there", n)
			}
			return
		}
		e.notSilent("Create", c, e.h.Title, connectors.Text(long))
	}},
	{"unknown option is refused by its field", func(e *env) {
		samples := e.choices()
		if len(samples) == 0 {
			e.Skipf("no sample is a closed choice")
		}
		id := e.seed(1)[0]
		for _, s := range samples {
			before := e.w.Truth(e, id)[s.Field]
			r := e.update(e.change(id, map[string]connectors.Value{s.Field: connectors.Choice(noSuchOption)}))[0]
			e.refusedField("Update with an unknown option", r, s.Field)
			e.same("in truth: "+s.Field, e.w.Truth(e, id)[s.Field], before)
		}
	}},
	{"field that was deleted under us", func(e *env) {
		w, ok := e.w.(Reshaper)
		if !ok || e.h.Droppable == "" {
			e.Skipf("nobody can delete fields here")
		}
		var sample Sample
		for _, s := range e.h.Samples {
			if s.Field == e.h.Droppable {
				sample = s
			}
		}
		id := e.seed(1)[0]
		e.schema()
		if r := e.update(e.change(id, map[string]connectors.Value{sample.Field: sample.One}))[0]; r.Err != nil {
			e.Fatalf("Update: %v", r.Err)
		}
		if !w.DropField(e, sample.Field) {
			e.Skipf("nobody can delete fields here")
		}
		rec := e.one(id)
		if v, p := rec.Get(sample.Field); p == connectors.Present && v.IsNull() {
			e.Errorf("Read: a field that was deleted looks like one that was cleared")
		}
		r := e.update(e.change(id, map[string]connectors.Value{sample.Field: sample.Two, e.h.Title: connectors.Text("Beside")}))[0]
		e.refusedField("Update of a field that was deleted", r, sample.Field)
		if got := e.title(id); (got == "Beside") != (r.Err == nil) {
			e.Errorf("after %v (refused %v) the title is %q", r.Err, r.Refused, got)
		}
		e.later(24 * time.Hour)
		if f := e.schema().Field(sample.Field); f != nil {
			e.Errorf("Schema, a day later, still shows the field that was deleted")
		}
		if r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Later")}))[0]; r.Err != nil || e.title(id) != "Later" {
			e.Errorf("Update of another field: %v, title %q", r.Err, e.title(id))
		}
	}},
	{"option that was deleted under us", func(e *env) {
		w, ok := e.w.(Reshaper)
		if !ok {
			e.Skipf("nobody can delete options here")
		}
		id := e.seed(1)[0]
		for _, sample := range e.choices() {
			if r := e.update(e.change(id, map[string]connectors.Value{sample.Field: sample.One}))[0]; r.Err != nil {
				e.Fatalf("Update: %v", r.Err)
			}
			if !w.DropOption(e, sample.Field, sample.Two.Option().ID) {
				continue
			}
			r := e.update(e.change(id, map[string]connectors.Value{sample.Field: sample.Two}))[0]
			e.refusedField("Update to an option that was deleted", r, sample.Field)
			e.same("in truth: "+sample.Field, e.w.Truth(e, id)[sample.Field], sample.one())
			return
		}
		e.Skipf("nobody can delete options here")
	}},
}

// tryUpdates gives each record a title of its own.
func (e *env) tryUpdates(ids []string, title string) []connectors.WriteResult {
	e.Helper()
	updates := make([]connectors.Update, len(ids))
	for i, id := range ids {
		updates[i] = e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text(fmt.Sprintf("%s %s", title, id))})
	}
	return e.update(updates...)
}

// choices returns the samples of fields whose options are known and closed.
func (e *env) choices() []Sample {
	schema := e.schema()
	return slices.DeleteFunc(slices.Clone(e.h.Samples), func(s Sample) bool {
		f := schema.Field(s.Field)
		return f == nil || f.Type != connectors.TypeOption || f.Open || len(f.Options) == 0
	})
}

// later lets time pass, where the world can.
func (e *env) later(d time.Duration) {
	if w, ok := e.w.(Waiter); ok {
		w.Wait(e, d)
		return
	}
	e.w.Settle(e)
}

// notSilent checks that a value was taken as it is, refused by its field, or
// shown in the answer as what became of it.
func (e *env) notSilent(op string, r connectors.WriteResult, field string, v connectors.Value) {
	e.Helper()
	if r.Err != nil || slices.ContainsFunc(r.Refused, func(f connectors.FieldError) bool { return f.Field == field }) {
		e.refusedField(op, r, field)
		return
	}
	held := e.w.Truth(e, r.ID)[field]
	if connectors.Equal(held, v) {
		return
	}
	if r.Record != nil {
		if shown, p := r.Record.Get(field); p == connectors.Present && connectors.Equal(shown, held) {
			return
		}
	}
	if r.Record == nil {
		return // whoever wants to know reads it
	}
	e.Errorf("%s: %s holds %q without a word", op, field, held)
}

// refusedField checks that a write was refused for sure, by the field's name,
// with a reason.
func (e *env) refusedField(op string, r connectors.WriteResult, field string) {
	e.Helper()
	refused := r.Refused
	if r.Err != nil {
		e.kind(op, r.Err, connectors.Invalid, connectors.Permission)
		if connectors.IsUnsure(r.Err) {
			e.Errorf("%s is unsure: %v", op, r.Err)
		}
		refused = fieldsOf(r.Err)
	}
	i := slices.IndexFunc(refused, func(f connectors.FieldError) bool { return f.Field == field })
	if i < 0 || strings.TrimSpace(refused[i].Reason) == "" {
		e.Errorf("%s: %q is not named with a reason among the refused: %+v (%v)", op, field, refused, r.Err)
	}
}
