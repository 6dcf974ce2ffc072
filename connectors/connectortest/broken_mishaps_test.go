package connectortest_test

import (
	"context"
	"errors"

	"github.com/tenonsync/tenon/connectors"
)

// eachResult breaks the results of updates.
func eachResult(change func(f *fake, u connectors.Update, r *connectors.WriteResult)) func(*fake) {
	return func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i := range results {
				change(f, updates[i], &results[i])
			}
			return results
		}
	}
}

func limited(r *connectors.WriteResult) bool {
	return connectors.KindOf(r.Err) == connectors.RateLimited
}

var brokenMishaps = []breakage{
	{"updates after a refused request claim success", "mishaps", eachResult(func(_ *fake, u connectors.Update, r *connectors.WriteResult) {
		if r.Err != nil && limited(r) {
			*r = connectors.WriteResult{ID: u.ID}
		}
	})},
	{"updates after a refused request are unsure", "mishaps", eachResult(func(_ *fake, _ connectors.Update, r *connectors.WriteResult) {
		if e, ok := errors.AsType[*connectors.Error](r.Err); ok && limited(r) {
			again := *e
			again.Unsure = true
			r.Err = &again
		}
	})},
	{"updates after a refused request are lost to another kind", "mishaps", eachResult(func(_ *fake, _ connectors.Update, r *connectors.WriteResult) {
		if r.Err != nil && limited(r) {
			r.Err = &connectors.Error{Op: "update", Kind: connectors.Invalid, Err: errors.New("refused")}
		}
	})},
	{"long texts are cut", "mishaps", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			long := map[int]connectors.Value{}
			for i, u := range updates {
				if v := u.Fields["title"]; len(v.Text()) > 255 {
					long[i] = v
					u.Fields["title"] = connectors.Text(v.Text()[:255])
				}
			}
			results := f.Connection.Update(ctx, updates)
			for i, v := range long {
				results[i].Record.Set("title", v)
			}
			return results
		}
	}},
	{"unknown options become the first one", "mishaps", eachUpdate(func(_ *fake, u *connectors.Update) {
		if u.Fields["stage"].Option().ID == "99999999" {
			u.Fields["stage"] = connectors.Choice(connectors.Option{ID: "1"})
		}
	})},
	{"fields that were deleted are read as cleared", "mishaps", func(f *fake) {
		f.read = func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
			results, err := f.Connection.Read(ctx, sel, ids)
			for _, r := range results {
				for _, name := range sel.Fields {
					if r.Record != nil && name == "notes" {
						if _, p := r.Record.Get(name); p == connectors.Absent {
							r.Record.Set(name, connectors.Null)
						}
					}
				}
			}
			return results, err
		}
	}},
	{"refusals of a deleted field are swallowed", "mishaps", func(f *fake) {
		f.update = func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
			results := f.Connection.Update(ctx, updates)
			for i, r := range results {
				e, ok := errors.AsType[*connectors.Error](r.Err)
				if !ok || len(e.Fields) == 0 || e.Fields[0].Field != "notes" {
					continue
				}
				u := updates[i]
				delete(u.Fields, "notes")
				results[i] = f.Connection.Update(ctx, []connectors.Update{u})[0]
			}
			return results
		}
	}},
	{"schema is kept for ever", "mishaps", func(f *fake) {
		var kept *connectors.Schema
		f.schema = func(s *connectors.Schema, err error) (*connectors.Schema, error) {
			if kept == nil && err == nil && s.Object == object {
				kept = s
			}
			if kept != nil && err == nil && s.Object == object {
				return kept, nil
			}
			return s, err
		}
	}},
	{"options that were deleted are written as the ones that stay", "mishaps", func(f *fake) {
		eachUpdate(func(f *fake, u *connectors.Update) {
			if v, ok := u.Fields["stage"]; ok && v.Option().ID == "3" {
				s, err := f.Connection.Schema(context.Background(), object, scope)
				if err != nil {
					return
				}
				if _, known := s.Field("stage").Option("3"); !known {
					u.Fields["stage"] = connectors.Choice(s.Field("stage").Options[0])
				}
			}
		})(f)
	}},
}
