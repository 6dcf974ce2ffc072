package connectortest

import (
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

var reads = []test{
	{"results come in the order of ids", func(e *env) {
		ids := e.seed(5)
		order := []string{ids[3], ids[0], ids[4], ids[0], ids[2], ids[1]}
		for i, r := range e.read(order...) {
			if r.Err != nil {
				e.Errorf("Read %s: %v", order[i], r.Err)
				continue
			}
			e.present("Read", r.Record, e.h.Title, e.w.Truth(e, order[i])[e.h.Title])
		}
	}},
	{"no ids give no results", func(e *env) {
		if got := e.read(); len(got) != 0 {
			e.Errorf("Read of nothing: %d results", len(got))
		}
	}},
	{"record says what it is", func(e *env) {
		id := e.seed(1)[0]
		r := e.one(id)
		if r.Ref.Object != e.h.Object || r.Ref.Connection == "" {
			e.Errorf("Read: ref %v; want the object %q and a connection", r.Ref, e.h.Object)
		}
		if !r.InScope || r.State != connectors.Live {
			e.Errorf("Read: in scope %v, state %v; want true, live", r.InScope, r.State)
		}
		for name, at := range map[string]time.Time{"Modified": r.Modified, "Created": r.Created} {
			if !at.IsZero() && at.Location() != time.UTC {
				e.Errorf("Read: %s %v is not in UTC", name, at)
			}
		}
		if p := e.c.Facts().TimePrecision; p > 0 && r.Modified.IsZero() {
			e.Errorf("Read: no modified time, though its precision is said to be %v", p)
		}
	}},
	{"fields read as they are", func(e *env) {
		fields := e.fields("All fields")
		for _, s := range e.h.Samples {
			fields[s.Field] = s.One
		}
		id := e.w.Create(e, fields)
		r := e.one(id)
		e.present("Read", r, e.h.Title, connectors.Text("All fields"))
		for _, s := range e.h.Samples {
			e.present("Read", r, s.Field, s.one())
		}
		for _, s := range e.h.Samples {
			e.w.Edit(e, id, s.Field, s.Two)
		}
		r = e.one(id)
		for _, s := range e.h.Samples {
			e.present("Read after an edit", r, s.Field, s.two())
		}
	}},
	{"unknown fields are ignored", func(e *env) {
		id := e.seed(1)[0]
		sel := e.sel
		sel.Fields = []string{"no_such_field_here", e.h.Title}
		r := e.readFields(sel, id)[0]
		if r.Err != nil {
			e.Fatalf("Read: %v", r.Err)
		}
		if _, p := r.Record.Get("no_such_field_here"); p == connectors.Present {
			e.Errorf("Read: an unknown field is present")
		}
		e.present("Read", r.Record, e.h.Title, e.w.Truth(e, id)[e.h.Title])
	}},
	{"cleared is null, not absent", func(e *env) {
		schema := e.schema()
		id := e.seed(1)[0]
		for _, s := range e.h.Samples {
			f := schema.Field(s.Field)
			if f == nil || !f.Clearable || !e.w.Truth(e, id)[s.Field].IsNull() {
				continue
			}
			e.present("Read of a field never set", e.one(id), s.Field, connectors.Null)
			e.w.Edit(e, id, s.Field, s.One)
			e.present("Read of a set field", e.one(id), s.Field, s.one())
			e.w.Edit(e, id, s.Field, connectors.Null)
			e.present("Read of a cleared field", e.one(id), s.Field, connectors.Null)
		}
	}},
	{"hidden is hidden, not null", func(e *env) {
		h, ok := e.w.(Hider)
		if !ok || len(e.h.Samples) == 0 {
			e.Skipf("the world hides no fields")
		}
		s := e.h.Samples[0]
		fields := e.fields("Hidden")
		fields[s.Field] = s.One
		id := e.w.Create(e, fields)
		h.Hide(e, s.Field)
		r := e.one(id)
		if _, p := r.Get(s.Field); p == connectors.Present {
			e.Errorf("Read: a hidden field is present")
		}
		if f := e.schema().Field(s.Field); f != nil && (f.Writable || !f.Hidden) {
			e.Errorf("Schema: the field without the right to read is %+v; want it hidden, or not there", *f)
		}
		e.present("Read beside a hidden field", r, e.h.Title, connectors.Text("Hidden"))
	}},
	{"missing record spoils no other", func(e *env) {
		ids := e.seed(3)
		e.w.Delete(e, ids[1])
		asked := []string{ids[0], ids[1], ids[2]}
		if e.h.AbsentID != "" {
			asked = append(asked, e.h.AbsentID)
		}
		results := e.read(asked...)
		for i, id := range asked {
			r := results[i]
			if id == ids[0] || id == ids[2] {
				if r.Err != nil {
					e.Errorf("Read of a record beside a missing one: %v", r.Err)
				}
				continue
			}
			switch {
			case r.Err != nil:
				e.kind("Read of a missing record", r.Err, connectors.NotFound)
			case r.Record.State == connectors.Live:
				e.Errorf("Read: the missing record %s is live", id)
			case id == e.h.AbsentID:
				e.Errorf("Read: a record that never was is %v", r.Record.State)
			}
		}
	}},
	{"more ids than fit a batch", func(e *env) {
		n := batch(e.c.Facts().ReadBatch)
		ids := e.seed(n)
		slices.Reverse(ids)
		for i, r := range e.read(ids...) {
			if r.Err != nil {
				e.Fatalf("Read %d of %d: %v", i, n, r.Err)
			}
			if i%25 == 0 {
				e.present("Read", r.Record, e.h.Title, e.w.Truth(e, ids[i])[e.h.Title])
			}
		}
	}},
	{"version tells changes", func(e *env) {
		id := e.seed(1)[0]
		first := e.one(id)
		if first.Version == "" {
			e.Skipf("the system has no versions")
		}
		if again := e.one(id); again.Version != first.Version {
			e.Errorf("version %q became %q without a change", first.Version, again.Version)
		}
		seen := map[string]bool{first.Version: true}
		for i, title := range []string{"One", "Two", "Three"} {
			e.w.Settle(e)
			e.w.Edit(e, id, e.h.Title, connectors.Text(title))
			r := e.one(id)
			if seen[r.Version] {
				e.Errorf("edit %d: version %q was there before", i, r.Version)
			}
			if r.Modified.Before(first.Modified) {
				e.Errorf("edit %d: modified %v lies before %v", i, r.Modified, first.Modified)
			}
			seen[r.Version] = true
		}
	}},
	{"archived record is not live", func(e *env) {
		a, ok := e.w.(Archiver)
		if !ok {
			e.Skipf("people archive nothing here")
		}
		id := e.seed(1)[0]
		a.Archive(e, id)
		if r := e.read(id)[0]; r.Err != nil {
			e.kind("Read", r.Err, connectors.NotFound)
		} else if r.Record.State != connectors.Archived {
			e.Errorf("Read: state %v, want archived", r.Record.State)
		}
	}},
	{"merged record tells its successor", func(e *env) {
		m, ok := e.w.(Merger)
		if !ok {
			e.Skipf("people merge nothing here")
		}
		ids := e.seed(2)
		m.Merge(e, ids[0], ids[1])
		r := e.read(ids[0])[0]
		if r.Err != nil {
			e.kind("Read", r.Err, connectors.NotFound)
		} else if r.Record.State != connectors.Merged || r.Record.MergedInto != ids[1] {
			e.Errorf("Read: state %v, merged into %q; want merged, %q", r.Record.State, r.Record.MergedInto, ids[1])
		}
		if e.one(ids[1]).State != connectors.Live {
			e.Errorf("Read: the successor is not live")
		}
	}},
	{"record that left the scope is there", func(e *env) {
		m, ok := e.w.(Mover)
		if !ok {
			e.Skipf("people move nothing here")
		}
		id := e.seed(1)[0]
		m.Move(e, id)
		if r := e.one(id); r.InScope || r.State != connectors.Live {
			e.Errorf("Read: in scope %v, state %v; want false, live", r.InScope, r.State)
		}
	}},
}
