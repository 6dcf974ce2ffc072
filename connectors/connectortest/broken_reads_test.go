package connectortest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// eachField breaks the schema's fields.
func eachField(change func(*connectors.Field)) func(*fake) {
	return func(f *fake) {
		f.schema = func(s *connectors.Schema, err error) (*connectors.Schema, error) {
			for i := range s.Fields {
				change(&s.Fields[i])
			}
			return s, err
		}
	}
}

var brokenBasics = []breakage{
	{"account without an id", "basics", func(f *fake) {
		f.check = func(a connectors.Account, err error) (connectors.Account, error) { a.ID = ""; return a, err }
	}},
	{"facts that vary", "basics", func(f *fake) {
		n := 0
		f.facts = func(facts connectors.Facts) connectors.Facts { n++; facts.ReadBatch = n; return facts }
	}},
	{"schema of any object", "basics", func(f *fake) { f.anyObject = true }},
	{"read-only field is writable", "basics", eachField(func(field *connectors.Field) { field.Writable = true })},
	{"all fields are text", "basics", eachField(func(field *connectors.Field) { field.Type = connectors.TypeText })},
	{"options are left out", "basics", eachField(func(field *connectors.Field) { field.Options = nil })},
	{"all fields are required", "basics", eachField(func(field *connectors.Field) { field.Required = true })},
	{"nothing is writable", "basics", eachField(func(field *connectors.Field) { field.Writable = false })},
	{"context is ignored", "basics", func(f *fake) {
		f.read = func(_ context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			return f.Connection.Read(context.Background(), sel, ids)
		}
	}},
	{"close does nothing", "basics", func(f *fake) { f.close = func() error { return nil } }},
	{"errors of another type", "read", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			results, err := f.Connection.Read(ctx, sel, ids)
			for i := range results {
				if results[i].Err != nil {
					results[i].Err = errors.New("404")
				}
			}
			return results, err
		}
	}},
}

// eachRecord breaks what reads return.
func eachRecord(change func(f *fake, r *connectors.ReadResult, id string)) func(*fake) {
	return func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			results, err := f.Connection.Read(ctx, sel, ids)
			for i := range results {
				change(f, &results[i], ids[i])
			}
			return results, err
		}
	}
}

// eachValue breaks the values that reads return.
func eachValue(change func(connectors.Value) connectors.Value) func(*fake) {
	return eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record == nil {
			return
		}
		for field, v := range r.Record.Clone().Fields {
			r.Record.Set(field, change(v))
		}
	})
}

// without returns a copy of a record with some fields absent.
func without(r *connectors.Record, drop func(string, connectors.Value) bool) *connectors.Record {
	c := *r
	bare := connectors.Record{
		Ref: c.Ref, Version: c.Version, Modified: c.Modified, Created: c.Created, State: c.State,
		InScope: c.InScope, MergedInto: c.MergedInto, Key: c.Key, Title: c.Title,
	}
	for field, v := range c.Fields {
		if !drop(field, v) {
			bare.Set(field, v)
		}
	}
	return &bare
}

var brokenReads = []breakage{
	{"results in the order of ids by number", "read", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			sorted := slices.Sorted(slices.Values(ids))
			return f.Connection.Read(ctx, sel, sorted)
		}
	}},
	{"repeated ids are read once", "read", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			seen := map[string]bool{}
			results, err := f.Connection.Read(ctx, sel, ids)
			return slices.DeleteFunc(results, func(r connectors.ReadResult) bool {
				if r.Record == nil {
					return false
				}
				again := seen[r.Record.Ref.ID]
				seen[r.Record.Ref.ID] = true
				return again
			}), err
		}
	}},
	{"missing records are left out", "read", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			results, err := f.Connection.Read(ctx, sel, ids)
			return slices.DeleteFunc(results, func(r connectors.ReadResult) bool { return r.Err != nil }), err
		}
	}},
	{"a missing record fails the call", "read", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			results, err := f.Connection.Read(ctx, sel, ids)
			for _, r := range results {
				if r.Err != nil {
					return nil, r.Err
				}
			}
			return results, err
		}
	}},
	{"missing records are empty and live", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, id string) {
		if r.Err != nil {
			r.Err = nil
			r.Record = &connectors.Record{Ref: connectors.Ref{Connection: "acme", Object: object, ID: id}, InScope: true}
		}
	})},
	{"records that never were are deleted", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, id string) {
		if r.Err != nil {
			r.Err = nil
			r.Record = &connectors.Record{Ref: connectors.Ref{Connection: "acme", Object: object, ID: id}, State: connectors.Deleted}
		}
	})},
	{"deleted records are live", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil && r.Record.State == connectors.Deleted {
			r.Record.State = connectors.Live
		}
	})},
	{"cleared fields are absent", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil {
			r.Record = without(r.Record, func(_ string, v connectors.Value) bool { return v.IsNull() })
		}
	})},
	{"hidden fields are null", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record == nil {
			return
		}
		for _, name := range []string{"notes", "description"} {
			if _, p := r.Record.Get(name); p == connectors.Hidden {
				r.Record.Set(name, connectors.Null)
			}
		}
	})},
	{"only the first batch is read", "read", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			return f.Connection.Read(ctx, sel, ids[:min(len(ids), 5)])
		}
	}},
	{"version stands still", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil {
			r.Record.Version = "1"
		}
	})},
	{"version moves by itself", "read", func(f *fake) {
		n := 0
		eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
			if r.Record != nil {
				n++
				r.Record.Version = strconv.Itoa(n)
			}
		})(f)
	}},
	{"archived records are live", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil && r.Record.State == connectors.Archived {
			r.Record.State = connectors.Live
		}
	})},
	{"merged records turn into the winner", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil && r.Record.State == connectors.Merged {
			r.Record.State, r.Record.Ref.ID = connectors.Live, r.Record.MergedInto
		}
	})},
	{"everything is in scope", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil {
			r.Record.InScope = true
		}
	})},
	{"what left the scope is not found", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, id string) {
		if r.Record != nil && !r.Record.InScope {
			r.Record, r.Err = nil, &connectors.Error{Op: "read", Connection: "acme", Kind: connectors.NotFound}
		}
	})},
	{"times are local", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil {
			r.Record.Modified = r.Record.Modified.In(time.FixedZone("here", 3600))
		}
	})},
	{"refs name another object", "read", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil {
			r.Record.Ref.Object = "records"
		}
	})},
	{"numbers pass through float64", "read", eachValue(func(v connectors.Value) connectors.Value {
		if v.Type() != connectors.TypeNumber {
			return v
		}
		n, err := strconv.ParseFloat(v.Number(), 64)
		if err != nil {
			return v
		}
		return must(connectors.ParseNumber(strconv.FormatFloat(n, 'f', -1, 64)))
	})},
	{"dates lie a day early", "read", eachValue(func(v connectors.Value) connectors.Value {
		if v.Type() == connectors.TypeDate {
			return connectors.DateOf(v.Time().Add(-time.Hour))
		}
		return v
	})},
	{"instants lose their fraction", "read", eachValue(func(v connectors.Value) connectors.Value {
		if v.Type() == connectors.TypeInstant {
			return connectors.Instant(v.Time().Truncate(time.Second))
		}
		return v
	})},
	{"sets keep one element", "read", eachValue(func(v connectors.Value) connectors.Value {
		if o := v.Options(); len(o) > 1 {
			return connectors.Choices(o[0])
		}
		return v
	})},
	{"options go by label", "read", eachValue(func(v connectors.Value) connectors.Value {
		if o := v.Option(); o.ID != "" {
			return connectors.Choice(connectors.Option{ID: o.Label, Label: o.Label})
		}
		return v
	})},
	{"currency is lost", "read", eachValue(func(v connectors.Value) connectors.Value {
		if v.Type() == connectors.TypeMoney {
			return must(connectors.Money(v.Number(), ""))
		}
		return v
	})},
	{"false is null", "read", eachValue(func(v connectors.Value) connectors.Value {
		if v.Type() == connectors.TypeBool && !v.Bool() {
			return connectors.Null
		}
		return v
	})},
	{"line breaks are lost", "read", eachValue(func(v connectors.Value) connectors.Value {
		if v.Type() == connectors.TypeText {
			return connectors.Text(strings.ReplaceAll(v.Text(), "\n", " "))
		}
		return v
	})},
	{"people go by name", "read", eachValue(func(v connectors.Value) connectors.Value {
		if p := v.Person(); p.ID != "" {
			return connectors.PersonValue(connectors.Person{ID: p.Name})
		}
		return v
	})},
}

// eachPage breaks the pages of changes.
func eachPage(change func(f *fake, cursor string, p *connectors.ChangePage)) func(*fake) {
	return func(f *fake) {
		f.changes = func(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
			page, err := f.Connection.Changes(ctx, sel, cursor)
			if err == nil {
				change(f, cursor, &page)
			}
			return page, err
		}
	}
}

// cursorAt is a cursor of the memory system between two rounds.
func cursorAt(t time.Time) string { return fmt.Sprintf("m1.%d.0.0", t.UnixMicro()) }

var brokenChanges = []breakage{
	{"cursor without an overlap", "changes", eachPage(func(f *fake, _ string, p *connectors.ChangePage) {
		if !p.More {
			p.Next = cursorAt(f.w.clock.Now())
		}
	})},
	{"cursor at the newest row", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		if n := len(p.Changes); n > 0 && !p.More {
			p.Next = cursorAt(p.Changes[n-1].Modified.Add(time.Microsecond))
		}
	})},
	{"overlap counts from the last page", "changes", eachPage(func(f *fake, _ string, p *connectors.ChangePage) {
		if !p.More {
			p.Next = cursorAt(f.w.clock.Now().Add(-rich.IndexLag - rich.Precision))
		}
	})},
	{"overlap is half the lag", "changes", eachPage(func(f *fake, _ string, p *connectors.ChangePage) {
		if !p.More {
			p.Next = cursorAt(f.w.clock.Now().Add(-rich.IndexLag / 2))
		}
	})},
	{"list ends after a page", "changes", eachPage(func(f *fake, _ string, p *connectors.ChangePage) {
		p.More = false
	})},
	{"list never ends", "changes", eachPage(func(f *fake, _ string, p *connectors.ChangePage) { p.More = true })},
	{"newest first", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) { slices.Reverse(p.Changes) })},
	{"next cursor is empty at the end", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		if !p.More {
			p.Next = ""
		}
	})},
	{"cursor stands still", "changes", eachPage(func(_ *fake, cursor string, p *connectors.ChangePage) {
		if !p.More && cursor != "" {
			p.Next = "m1.1.0.0"
		}
	})},
	{"foreign cursor starts anew", "changes", func(f *fake) {
		f.changes = func(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
			page, err := f.Connection.Changes(ctx, sel, cursor)
			if connectors.KindOf(err) == connectors.Invalid && err != nil {
				return f.Connection.Changes(ctx, sel, "")
			}
			return page, err
		}
	}},
	{"rows show records of yesterday", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		for _, c := range p.Changes {
			if c.Record != nil {
				c.Record.Set("notes", connectors.Text("of yesterday"))
			}
		}
	})},
	{"rows show records with values cleared", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		for _, c := range p.Changes {
			if c.Record != nil {
				c.Record.Set("labels", connectors.Null)
			}
		}
	})},
	{"rows show every record in scope", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		for _, c := range p.Changes {
			if c.Record != nil {
				c.Record.InScope = !c.Record.InScope
			}
		}
	})},
	{"edits are not listed", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		p.Changes = slices.DeleteFunc(p.Changes, func(c connectors.Change) bool { return c.Version != "1" })
	})},
	{"creations are not listed", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		p.Changes = slices.DeleteFunc(p.Changes, func(c connectors.Change) bool { return c.Version == "1" })
	})},
	{"last row of a page is lost", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		if n := len(p.Changes); n > 1 && p.More {
			p.Changes = p.Changes[:n-1]
		}
	})},
	{"rows name no object", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		for i := range p.Changes {
			p.Changes[i].Object = ""
		}
	})},
	{"row's version is made up", "changes", eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
		for i := range p.Changes {
			p.Changes[i].Version += "x"
		}
	})},
	{"own writes are left out", "changes", func(f *fake) {
		mine := map[string]bool{}
		f.create = func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
			results := f.Connection.Create(ctx, creates)
			for _, r := range results {
				mine[r.ID] = true
			}
			return results
		}
		eachPage(func(_ *fake, _ string, p *connectors.ChangePage) {
			p.Changes = slices.DeleteFunc(p.Changes, func(c connectors.Change) bool { return mine[c.ID] })
		})(f)
	}},
}
