package connectortest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

var writes = []test{
	{"create holds what was written", func(e *env) {
		fields := e.fields("Created")
		for _, s := range e.h.Samples {
			fields[s.Field] = s.One
		}
		results := e.c.Create(e.Context(), []connectors.Create{{Object: e.h.Object, Scope: e.h.Scope, Fields: fields}})
		if len(results) != 1 || results[0].Err != nil || results[0].ID == "" {
			e.Fatalf("Create: %+v", results)
		}
		e.noneRefused(results[0])
		id := results[0].ID
		truth := e.w.Truth(e, id)
		e.same("in truth: title", truth[e.h.Title], connectors.Text("Created"))
		for _, s := range e.h.Samples {
			e.same("in truth: "+s.Field, truth[s.Field], s.one())
		}
		e.answered(results[0], func(what string, r *connectors.Record) {
			for _, s := range e.h.Samples {
				e.present(what, r, s.Field, s.one())
			}
		})
		if r := e.one(id); !r.InScope {
			e.Errorf("Read: what was created in the scope is not in it")
		}
		if got := e.w.IDs(e); len(got) != 1 {
			e.Errorf("%d records after one create", len(got))
		}
	}},
	{"many creates, results in order", func(e *env) {
		n := batch(e.c.Facts().CreateBatch)
		creates := make([]connectors.Create, n)
		for i := range creates {
			creates[i] = connectors.Create{Object: e.h.Object, Scope: e.h.Scope, Fields: e.fields(fmt.Sprintf("Create %03d", i))}
		}
		results := e.c.Create(e.Context(), creates)
		if len(results) != n {
			e.Fatalf("Create: %d results for %d creates", len(results), n)
		}
		seen := map[string]bool{}
		for i, r := range results {
			if r.Err != nil || seen[r.ID] {
				e.Fatalf("Create %d: id %q, error %v", i, r.ID, r.Err)
			}
			seen[r.ID] = true
			if got, want := e.title(r.ID), fmt.Sprintf("Create %03d", i); got != want {
				e.Fatalf("Create: result %d is the record titled %q, want %q", i, got, want)
			}
		}
	}},
	{"texts survive", func(e *env) {
		for _, text := range []string{
			"Ünïcödé 漢字 🎉", `"quotes" 'and' \back\slash`, "<b>&amp; &lt;tags&gt;</b>", "{{ x }} ${y} %s %d", "null", "0", "a*b_c`d`#e",
		} {
			id := e.create("", text)
			if got := e.title(id); got != text {
				e.Errorf("created title %q is %q", text, got)
			}
			e.present("Read", e.one(id), e.h.Title, connectors.Text(text))
		}
	}},
	{"bad create spoils no other", func(e *env) {
		bad := e.fields("Bad")
		maps.Copy(bad, e.h.Refused)
		if len(e.h.Refused) == 0 {
			e.Skipf("the harness names no refused field")
		}
		results := e.c.Create(e.Context(), []connectors.Create{
			{Object: e.h.Object, Scope: e.h.Scope, Fields: e.fields("Good 1")},
			{Object: e.h.Object, Scope: e.h.Scope, Fields: bad},
			{Object: e.h.Object, Scope: e.h.Scope, Fields: e.fields("Good 2")},
		})
		if len(results) != 3 {
			e.Fatalf("Create: %d results for 3 creates", len(results))
		}
		for _, i := range []int{0, 2} {
			if results[i].Err != nil {
				e.Errorf("Create beside a bad one: %v", results[i].Err)
			} else if got, want := e.title(results[i].ID), fmt.Sprintf("Good %d", i/2+1); got != want {
				e.Errorf("Create: result %d is %q, want %q", i, got, want)
			}
		}
		e.refusal("Create", results[1])
		want := 3
		if results[1].Err != nil {
			want = 2
		}
		if got := len(e.w.IDs(e)); got != want {
			e.Errorf("%d records are there, want %d", got, want)
		}
	}},
	{"update changes what it names and nothing else", func(e *env) {
		fields := e.fields("Before")
		for _, s := range e.h.Samples {
			fields[s.Field] = s.One
		}
		id := e.w.Create(e, fields)
		for _, s := range e.h.Samples {
			before := e.w.Truth(e, id)
			r := e.update(e.change(id, map[string]connectors.Value{s.Field: s.Two}))[0]
			if r.Err != nil {
				e.Errorf("Update of %q: %v", s.Field, r.Err)
				continue
			}
			e.noneRefused(r)
			after := e.w.Truth(e, id)
			e.same("in truth: "+s.Field, after[s.Field], s.two())
			e.answered(r, func(what string, r *connectors.Record) { e.present(what, r, s.Field, s.two()) })
			e.present("Read after the update", e.one(id), s.Field, s.two())
			for name, v := range before {
				if name != s.Field && !connectors.Equal(v, after[name]) {
					e.Errorf("Update of %q changed %q from %q to %q", s.Field, name, v, after[name])
				}
			}
		}
	}},
	{"update of many fields, repeated", func(e *env) {
		id := e.seed(1)[0]
		fields := map[string]connectors.Value{e.h.Title: connectors.Text("All at once")}
		for _, s := range e.h.Samples {
			fields[s.Field] = s.Two
		}
		for range 2 {
			if r := e.update(e.change(id, fields))[0]; r.Err != nil || r.ID != id {
				e.Fatalf("Update: id %q, error %v", r.ID, r.Err)
			}
			truth := e.w.Truth(e, id)
			e.same("in truth: title", truth[e.h.Title], connectors.Text("All at once"))
			for _, s := range e.h.Samples {
				e.same("in truth: "+s.Field, truth[s.Field], s.two())
			}
		}
		if got := len(e.w.IDs(e)); got != 1 {
			e.Errorf("%d records after two updates of one", got)
		}
	}},
	{"null clears", func(e *env) {
		schema := e.schema()
		for _, s := range e.h.Samples {
			f := schema.Field(s.Field)
			if f == nil || !f.Clearable {
				continue
			}
			fields := e.fields("Clear " + s.Field)
			fields[s.Field] = s.One
			id := e.w.Create(e, fields)
			r := e.update(e.change(id, map[string]connectors.Value{s.Field: connectors.Null}))[0]
			if r.Err != nil {
				e.Errorf("Update of %q to null: %v", s.Field, r.Err)
				continue
			}
			e.same("in truth: "+s.Field, e.w.Truth(e, id)[s.Field], connectors.Null)
			e.answered(r, func(what string, r *connectors.Record) { e.present(what, r, s.Field, connectors.Null) })
			e.present("Read after clearing", e.one(id), s.Field, connectors.Null)
		}
	}},
	{"many updates, results in order", func(e *env) {
		n := batch(e.c.Facts().UpdateBatch)
		ids := e.seed(n)
		slices.Reverse(ids)
		updates := make([]connectors.Update, n)
		for i, id := range ids {
			updates[i] = e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Update " + id)})
		}
		for i, r := range e.update(updates...) {
			if r.Err != nil || r.ID != ids[i] {
				e.Fatalf("Update %d: id %q, error %v; want %q", i, r.ID, r.Err, ids[i])
			}
			if got, want := e.title(ids[i]), "Update "+ids[i]; got != want {
				e.Fatalf("Update %d: title %q, want %q", i, got, want)
			}
		}
	}},
	{"missing record spoils no other update", func(e *env) {
		ids := e.seed(3)
		e.w.Delete(e, ids[1])
		var updates []connectors.Update
		for _, id := range ids {
			updates = append(updates, e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("New")}))
		}
		results := e.update(updates...)
		e.kind("Update of a missing record", results[1].Err, connectors.NotFound)
		for _, i := range []int{0, 2} {
			if results[i].Err != nil || e.title(ids[i]) != "New" {
				e.Errorf("Update beside a missing record: %v, title %q", results[i].Err, e.title(ids[i]))
			}
		}
	}},
	{"refused field is named", func(e *env) {
		if len(e.h.Refused) == 0 {
			e.Skipf("the harness names no refused field")
		}
		ids := e.seed(2)
		fields := maps.Clone(e.h.Refused)
		fields[e.h.Title] = connectors.Text("Beside")
		results := e.update(e.change(ids[0], fields), e.change(ids[1], map[string]connectors.Value{e.h.Title: connectors.Text("Other")}))
		e.refusal("Update", results[0])
		want := "Beside"
		if results[0].Err != nil {
			want = "Seed 000"
		}
		if got := e.title(ids[0]); got != want {
			e.Errorf("after %v (refused %v) the title is %q, want %q", results[0].Err, results[0].Refused, got, want)
		}
		if results[1].Err != nil || e.title(ids[1]) != "Other" {
			e.Errorf("Update beside a refused one: %v, title %q", results[1].Err, e.title(ids[1]))
		}
	}},
	{"read-only field stays", func(e *env) {
		ro := e.h.ReadOnly
		if ro.Field == "" {
			e.Skipf("the harness names no read-only field")
		}
		id := e.seed(1)[0]
		sel := e.sel
		sel.Fields = []string{ro.Field}
		before, _ := e.readFields(sel, id)[0].Record.Get(ro.Field)
		r := e.update(e.change(id, map[string]connectors.Value{ro.Field: ro.One}))[0]
		after, _ := e.readFields(sel, id)[0].Record.Get(ro.Field)
		e.same("read-only field", after, before)
		if r.Err != nil {
			e.kind("Update of a read-only field", r.Err, connectors.Invalid, connectors.Permission)
			return
		}
		told := slices.ContainsFunc(r.Refused, func(f connectors.FieldError) bool { return f.Field == ro.Field })
		if r.Record != nil {
			v, p := r.Record.Get(ro.Field)
			told = told || p != connectors.Present || connectors.Equal(v, before)
		}
		if r.Record != nil && !told {
			e.Errorf("Update claims that the read-only field %q took %q", ro.Field, ro.One)
		}
	}},
	{"set edits keep other elements", func(e *env) {
		if !e.c.Facts().SetEdits || len(e.h.LabelOptions) < 3 {
			e.Skipf("sets are not edited by element here")
		}
		o := e.h.LabelOptions
		fields := e.fields("Sets")
		fields[e.h.Labels] = connectors.Choices(o[0], o[1])
		id := e.w.Create(e, fields)
		edit := connectors.Update{Object: e.h.Object, Scope: e.h.Scope, ID: id, Edits: map[string]connectors.SetEdit{
			e.h.Labels: {Add: []connectors.Option{o[2]}, Remove: []connectors.Option{o[0]}},
		}}
		for range 2 {
			if r := e.update(edit)[0]; r.Err != nil {
				e.Fatalf("Update: %v", r.Err)
			}
			e.same("in truth: "+e.h.Labels, e.w.Truth(e, id)[e.h.Labels], connectors.Choices(o[1], o[2]))
		}
	}},
	{"conditional write refuses a changed record", func(e *env) {
		if !e.c.Facts().ConditionalWrites {
			e.Skipf("the system has no conditional writes")
		}
		id := e.seed(1)[0]
		old := e.one(id).Version
		if old == "" {
			e.Fatalf("conditional writes without versions")
		}
		u := e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("Ours")})
		u.IfVersion = old
		e.w.Edit(e, id, e.h.Title, connectors.Text("Theirs"))
		e.kind("Update with an old version", e.update(u)[0].Err, connectors.Conflict)
		if got := e.title(id); got != "Theirs" {
			e.Errorf("title %q, want that of the other edit", got)
		}
		u.IfVersion = e.one(id).Version
		if r := e.update(u)[0]; r.Err != nil || e.title(id) != "Ours" {
			e.Errorf("Update with the right version: %v, title %q", r.Err, e.title(id))
		}
	}},
	{"unknown object refuses writes", func(e *env) {
		r := e.c.Create(e.Context(), []connectors.Create{{Object: "no_such_object_here", Fields: e.fields("x")}})
		if len(r) != 1 {
			e.Fatalf("Create: %d results, want 1", len(r))
		}
		e.kind("Create", r[0].Err, connectors.NotFound, connectors.Invalid)
		if connectors.IsUnsure(r[0].Err) {
			e.Errorf("Create of an unknown object is unsure: %v", r[0].Err)
		}
	}},
	{"no writes give no results", func(e *env) {
		if n := len(e.c.Create(e.Context(), nil)) + len(e.update()); n != 0 {
			e.Errorf("%d results for nothing", n)
		}
	}},
}

func (e *env) noneRefused(r connectors.WriteResult) {
	e.Helper()
	if len(r.Refused) > 0 {
		e.Errorf("fields were refused: %v", r.Refused)
	}
}

// answered checks the record in a write's answer, where it tells one.
func (e *env) answered(r connectors.WriteResult, check func(what string, r *connectors.Record)) {
	e.Helper()
	if r.Record == nil {
		return
	}
	if r.Record.Ref.ID != r.ID || r.Record.Ref.Object != e.h.Object {
		e.Errorf("the answer is about %v, the result about %q", r.Record.Ref, r.ID)
	}
	check("the write's answer", r.Record)
	if read := e.one(r.ID); read.Version != r.Record.Version && r.Record.Version != "" {
		e.Errorf("the write's answer has version %q, a read %q", r.Record.Version, read.Version)
	}
}

// refusal checks the result of a write with the harness's refused fields.
func (e *env) refusal(op string, r connectors.WriteResult) {
	e.Helper()
	refused := r.Refused
	if r.Err != nil {
		e.kind(op+" with a refused field", r.Err, connectors.Invalid)
		if connectors.IsUnsure(r.Err) {
			e.Errorf("%s with a refused field is unsure: %v", op, r.Err)
		}
		refused = fieldsOf(r.Err)
	}
	for name := range e.h.Refused {
		i := slices.IndexFunc(refused, func(f connectors.FieldError) bool { return f.Field == name })
		if i < 0 || strings.TrimSpace(refused[i].Reason) == "" {
			e.Errorf("%s: field %q is not named with a reason among the refused: %+v (%v)", op, name, refused, r.Err)
		}
	}
}
