package connectortest_test

import (
	"context"
	"errors"
	"html"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// eachUpdate breaks updates before they are sent.
func eachUpdate(change func(f *fake, u *connectors.Update)) func(*fake) {
	return func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			sent := slices.Clone(updates)
			for i := range sent {
				sent[i].Fields = maps.Clone(sent[i].Fields)
				change(f, &sent[i])
			}
			return f.Connection.Update(ctx, sent)
		}
	}
}

// eachCreate breaks creates before they are sent.
func eachCreate(change func(c *connectors.Create)) func(*fake) {
	return func(f *fake) {
		f.create = func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
			sent := slices.Clone(creates)
			for i := range sent {
				sent[i].Fields = maps.Clone(sent[i].Fields)
				change(&sent[i])
			}
			return f.Connection.Create(ctx, sent)
		}
	}
}

var brokenWrites = []breakage{
	{"create results in reverse", "write", func(f *fake) {
		f.create = func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
			results := f.Connection.Create(ctx, creates)
			slices.Reverse(results)
			return results
		}
	}},
	{"creates stop at the first failure", "write", func(f *fake) {
		f.create = func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
			var results []connectors.WriteResult
			for i := range creates {
				r := f.Connection.Create(ctx, creates[i:i+1])[0]
				if n := len(results); n > 0 && results[n-1].Err != nil {
					r = connectors.WriteResult{Err: results[n-1].Err}
				}
				results = append(results, r)
			}
			return results
		}
	}},
	{"create forgets its scope", "write", eachCreate(func(c *connectors.Create) { c.Scope = nil })},
	{"create sends the title only", "write", eachCreate(func(c *connectors.Create) {
		c.Fields = map[string]connectors.Value{"title": c.Fields["title"]}
	})},
	{"titles are escaped", "write", eachCreate(func(c *connectors.Create) {
		c.Fields["title"] = connectors.Text(html.EscapeString(c.Fields["title"].Text()))
	})},
	{"titles lose what is not ASCII", "write", eachCreate(func(c *connectors.Create) {
		c.Fields["title"] = connectors.Text(strings.Map(func(r rune) rune {
			if r > 127 {
				return '?'
			}
			return r
		}, c.Fields["title"].Text()))
	})},
	{"refused fields are dropped silently", "write", func(f *fake) {
		eachUpdate(func(_ *fake, u *connectors.Update) {
			if u.Fields["stage"].Option().ID == "99" {
				delete(u.Fields, "stage")
			}
		})(f)
	}},
	{"refusals name no field", "write", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				if e, ok := errors.AsType[*connectors.Error](results[i].Err); ok {
					e.Fields = nil
				}
			}
			return results
		}
	}},
	{"refused write took effect in part", "write", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			for _, u := range updates {
				for name, v := range u.Fields {
					f.Connection.Update(ctx, []connectors.Update{{Object: u.Object, Scope: u.Scope, ID: u.ID, Fields: map[string]connectors.Value{name: v}}})
				}
			}
			return f.Connection.Update(ctx, updates)
		}
	}},
	{"update clears what it does not name", "write", eachUpdate(func(f *fake, u *connectors.Update) {
		for _, name := range []string{"notes", "labels"} {
			if _, named := u.Fields[name]; !named && u.Fields != nil {
				u.Fields[name] = connectors.Null
			}
		}
	})},
	{"null is not sent", "write", eachUpdate(func(_ *fake, u *connectors.Update) {
		maps.DeleteFunc(u.Fields, func(_ string, v connectors.Value) bool { return v.IsNull() })
	})},
	{"null is sent as nothing", "write", eachUpdate(func(_ *fake, u *connectors.Update) {
		for name, v := range u.Fields {
			if v.IsNull() && name != "title" {
				u.Fields[name] = connectors.Text("null")
			}
		}
	})},
	{"update of a missing record succeeds", "write", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				if connectors.KindOf(results[i].Err) == connectors.NotFound {
					results[i] = connectors.WriteResult{ID: updates[i].ID}
				}
			}
			return results
		}
	}},
	{"answer is the record of before", "write", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			var before []*connectors.Record
			for _, u := range updates {
				r, err := f.Connection.Read(ctx, connectors.Selection{Object: u.Object, Scope: u.Scope, Fields: slices.Collect(maps.Keys(u.Fields))}, []string{u.ID})
				if err != nil {
					return f.Connection.Update(ctx, updates)
				}
				before = append(before, r[0].Record)
			}
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				if results[i].Err == nil {
					results[i].Record = before[i]
				}
			}
			return results
		}
	}},
	{"answer echoes the request", "write", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				if results[i].Record != nil {
					for name, v := range updates[i].Fields {
						results[i].Record.Set(name, v)
					}
				}
			}
			return results
		}
	}},
	{"set edits replace the set", "write", eachUpdate(func(_ *fake, u *connectors.Update) {
		for name, edit := range u.Edits {
			if u.Fields == nil {
				u.Fields = map[string]connectors.Value{}
			}
			u.Fields[name] = connectors.Choices(edit.Add...)
		}
		u.Edits = nil
	})},
	{"set edits do not remove", "write", eachUpdate(func(_ *fake, u *connectors.Update) {
		u.Edits = maps.Clone(u.Edits)
		for name, edit := range u.Edits {
			u.Edits[name] = connectors.SetEdit{Add: edit.Add}
		}
	})},
	{"version condition is ignored", "write", eachUpdate(func(_ *fake, u *connectors.Update) { u.IfVersion = "" })},
	{"update makes a new record", "write", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i, u := range updates {
				if u.Fields["title"].Text() == "All at once" && results[i].Err == nil {
					f.Connection.Create(ctx, []connectors.Create{{Object: u.Object, Scope: u.Scope, Fields: u.Fields}})
				}
			}
			return results
		}
	}},
	{"updates beyond a batch are dropped", "write", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates[:min(len(updates), 4)])
			for _, u := range updates[min(len(updates), 4):] {
				results = append(results, connectors.WriteResult{ID: u.ID})
			}
			return results
		}
	}},
	{"created ids are keys", "write", func(f *fake) {
		f.create = func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
			results := f.Connection.Create(ctx, creates)
			for i := range results {
				if results[i].Record != nil {
					results[i].Record.Ref.ID = results[i].Record.Key
				}
			}
			return results
		}
	}},
}

// eachKey breaks what FindByKey returns.
func eachKey(change func(f *fake, key string, ids []string) []string) func(*fake) {
	return func(f *fake) {
		f.byKey = func(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
			found, err := f.Connection.FindByKey(ctx, object, scope, keys)
			for i := range found {
				found[i] = change(f, keys[i], found[i])
			}
			return found, err
		}
	}
}

var brokenKeys = []breakage{
	{"keys are dropped", "keys", eachCreate(func(c *connectors.Create) { c.Key = "" })},
	{"keys are cut to 32 letters", "keys", func(f *fake) {
		eachCreate(func(c *connectors.Create) { c.Key = c.Key[:min(len(c.Key), 32)] })(f)
		f.byKey = func(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
			cut := slices.Clone(keys)
			for i := range cut {
				cut[i] = cut[i][:min(len(cut[i]), 32)]
			}
			return f.Connection.FindByKey(ctx, object, scope, cut)
		}
	}},
	{"key goes into the title", "keys", eachCreate(func(c *connectors.Create) {
		if c.Key != "" {
			c.Fields["title"] = connectors.Text(c.Fields["title"].Text() + " [" + c.Key + "]")
		}
	})},
	{"unknown keys are left out", "keys", func(f *fake) {
		f.byKey = func(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
			found, err := f.Connection.FindByKey(ctx, object, scope, keys)
			return slices.DeleteFunc(found, func(ids []string) bool { return len(ids) == 0 }), err
		}
	}},
	{"found keys come sorted", "keys", func(f *fake) {
		f.byKey = func(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
			return f.Connection.FindByKey(ctx, object, scope, slices.Sorted(slices.Values(keys)))
		}
	}},
	{"key finds one of two", "keys", eachKey(func(_ *fake, _ string, ids []string) []string { return ids[:min(len(ids), 1)] })},
	{"key finds the newest record", "keys", eachKey(func(f *fake, _ string, ids []string) []string {
		if all := f.w.system.IDs(object); len(ids) == 0 && len(all) > 0 {
			return all[len(all)-1:]
		}
		return ids
	})},
	{"key finds at most 50", "keys", func(f *fake) {
		f.byKey = func(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
			found, err := f.Connection.FindByKey(ctx, object, scope, keys)
			if len(found) > 50 {
				clear(found[50:])
			}
			return found, err
		}
	}},
	{"uniqueness is claimed", "keys", func(f *fake) {
		f.facts = func(facts connectors.Facts) connectors.Facts { facts.KeyIsUnique = true; return facts }
	}},
	{"lag of keys is denied", "keys", func(f *fake) {
		f.facts = func(facts connectors.Facts) connectors.Facts { facts.KeyLag = connectors.NoLag; return facts }
	}},
	{"an update loses the key", "keys", func(f *fake) {
		lost := map[string]bool{}
		eachUpdate(func(_ *fake, u *connectors.Update) { lost[u.ID] = true })(f)
		eachKey(func(_ *fake, _ string, ids []string) []string {
			return slices.DeleteFunc(ids, func(id string) bool { return lost[id] })
		})(f)
	}},
}

var brokenChildren = []breakage{
	{"children lose their parent", "children", eachCreate(func(c *connectors.Create) { c.Parent = "" })},
	{"parents are not told", "children", eachRecord(func(_ *fake, r *connectors.ReadResult, _ string) {
		if r.Record != nil {
			r.Record.Parent = ""
		}
	})},
	{"orphans are made", "children", eachCreate(func(c *connectors.Create) {
		if c.Parent == "999999" {
			c.Parent = ""
		}
	})},
	{"children go to the first parent", "children", eachCreate(func(c *connectors.Create) {
		if c.Parent != "" && c.Parent != "999999" {
			c.Parent = "1"
		}
	})},
}

var brokenCost = []breakage{
	{"records are read one by one", "cost", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			var all []connectors.ReadResult
			for _, id := range ids {
				results, err := f.Connection.Read(ctx, sel, []string{id})
				if err != nil {
					return nil, err
				}
				all = append(all, results...)
			}
			return all, nil
		}
	}},
	{"records are updated one by one", "cost", func(f *fake) {
		f.facts = func(facts connectors.Facts) connectors.Facts { facts.UpdateBatch = 20; return facts }
	}},
	{"records are created one by one", "cost", func(f *fake) {
		f.facts = func(facts connectors.Facts) connectors.Facts { facts.CreateBatch = 20; return facts }
	}},
	{"a list is read ten times", "cost", eachPage(func(f *fake, cursor string, _ *connectors.ChangePage) {
		for range 9 {
			if _, err := f.Connection.Changes(context.Background(), connectors.Selection{Object: object, Scope: scope}, cursor); err != nil {
				return
			}
		}
	})},
}

var brokenFaults = []breakage{
	{"lost creates are repeated", "faults", func(f *fake) {
		f.create = func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
			results := f.Connection.Create(ctx, creates)
			if connectors.IsUnsure(results[0].Err) {
				return f.Connection.Create(ctx, creates)
			}
			return results
		}
	}},
	{"lost comments are repeated", "faults", func(f *fake) {
		f.comment = func(ctx context.Context, object, id string, c connectors.Comment) (string, error) {
			made, err := f.Connection.AddComment(ctx, object, id, c)
			if connectors.IsUnsure(err) {
				return f.Connection.AddComment(ctx, object, id, c)
			}
			return made, err
		}
	}},
	{"lost creates are sure", "faults", func(f *fake) {
		f.create = func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
			return allSure(f.Connection.Create(ctx, creates))
		}
	}},
	{"lost updates are sure", "faults", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			return allSure(f.Connection.Update(ctx, updates))
		}
	}},
	{"every failed update is unsure", "faults", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				if e, ok := errors.AsType[*connectors.Error](results[i].Err); ok {
					e.Unsure = true
				}
			}
			return results
		}
	}},
	{"refused credentials look like an outage", "faults", kindInstead(connectors.Auth, connectors.Unavailable)},
	{"missing rights look invalid", "faults", kindInstead(connectors.Permission, connectors.Invalid)},
	{"limits look like an outage", "faults", kindInstead(connectors.RateLimited, connectors.Unavailable)},
	{"an outage reads as no changes", "faults", func(f *fake) {
		f.changes = func(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
			page, err := f.Connection.Changes(ctx, sel, cursor)
			if err != nil && connectors.KindOf(err) == connectors.Unavailable && ctx.Err() == nil {
				return connectors.ChangePage{Next: cursorAt(f.w.clock.Now())}, nil
			}
			return page, err
		}
	}},
	{"an outage reads as deleted records", "faults", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			results, err := f.Connection.Read(ctx, sel, ids)
			if err != nil && connectors.KindOf(err) == connectors.Unavailable && ctx.Err() == nil {
				results = make([]connectors.ReadResult, len(ids))
				for i := range results {
					results[i].Err = &connectors.Error{Op: "read", Connection: "acme", Kind: connectors.NotFound}
				}
				return results, nil
			}
			return results, err
		}
	}},
	{"an outage reads as no key", "faults", func(f *fake) {
		f.byKey = func(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
			found, err := f.Connection.FindByKey(ctx, object, scope, keys)
			if err != nil {
				return make([][]string, len(keys)), nil
			}
			return found, nil
		}
	}},
	{"waits are a day long", "faults", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				if e, ok := errors.AsType[*connectors.Error](results[i].Err); ok {
					e.RetryAfter = 24 * time.Hour
				}
			}
			return results
		}
	}},
}

func allSure(results []connectors.WriteResult) []connectors.WriteResult {
	for i := range results {
		if e, ok := errors.AsType[*connectors.Error](results[i].Err); ok {
			e.Unsure = false
		}
	}
	return results
}

// kindInstead makes updates and checks answer another kind of error.
func kindInstead(from, to connectors.Kind) func(*fake) {
	return func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				if e, ok := errors.AsType[*connectors.Error](results[i].Err); ok && e.Kind == from {
					e.Kind = to
				}
			}
			return results
		}
	}
}
