package connectortest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// eachComment breaks the list of comments.
func eachComment(change func([]connectors.Comment) []connectors.Comment) func(*fake) {
	return func(f *fake) {
		f.comments = func(ctx context.Context, object, id string) ([]connectors.Comment, error) {
			list, err := f.Connection.Comments(ctx, object, id)
			return change(list), err
		}
	}
}

// eachHistory breaks the lists of edits.
func eachHistory(change func([]connectors.FieldEdit) []connectors.FieldEdit) func(*fake) {
	return func(f *fake) {
		f.history = func(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
			edits, err := f.Connection.History(ctx, object, ids, fields, since)
			for i := range edits {
				edits[i] = change(edits[i])
			}
			return edits, err
		}
	}
}

var brokenExtras = []breakage{
	{"a normal id is another than the records have", "find", func(f *fake) {
		f.normalID = func(id string) string { return id[:min(len(id), 1)] }
	}},
	{"locate finds nothing", "find", func(f *fake) {
		f.locate = func(context.Context, string) (connectors.Ref, error) { return connectors.Ref{}, nil }
	}},
	{"locate names another record", "find", func(f *fake) {
		f.locate = func(ctx context.Context, text string) (connectors.Ref, error) {
			ref, err := f.Connection.Locate(ctx, text)
			if !ref.IsZero() {
				ref.ID += "0"
			}
			return ref, err
		}
	}},
	{"locate takes any text for a record", "find", func(f *fake) {
		f.locate = func(ctx context.Context, text string) (connectors.Ref, error) {
			ref, err := f.Connection.Locate(ctx, text)
			if ref.IsZero() {
				ref = connectors.Ref{Connection: "fake", Object: object, ID: text}
			}
			return ref, err
		}
	}},
	{"find goes by parts of words", "find", func(f *fake) {
		f.find = func(_ context.Context, _ connectors.Selection, field string, values []connectors.Value, _ int) ([][]string, error) {
			found := make([][]string, len(values))
			for i, v := range values {
				for _, id := range f.w.system.IDs(object) {
					if strings.Contains(strings.ToLower(f.w.system.Truth(id)[field].Text()), strings.ToLower(v.Text())) {
						found[i] = append(found[i], id)
					}
				}
			}
			return found, nil
		}
	}},
	{"find keeps no limit", "find", func(f *fake) {
		f.find = func(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, _ int) ([][]string, error) {
			return f.Connection.Find(ctx, sel, field, values, 1000)
		}
	}},
	{"find mixes up its values", "find", func(f *fake) {
		f.find = func(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error) {
			found, err := f.Connection.Find(ctx, sel, field, values, limit)
			slices.Reverse(found)
			return found, err
		}
	}},
	{"findable is not said", "find", eachField(func(field *connectors.Field) { field.Findable = field.Name == "title" })},
	{"people are guessed", "people", func(f *fake) {
		f.people = func(_ context.Context, emails []string) ([]connectors.Person, error) {
			people := make([]connectors.Person, len(emails))
			for i := range people {
				people[i] = connectors.Person{ID: "u1"}
			}
			return people, nil
		}
	}},
	{"people are found by part of the e-mail", "people", func(f *fake) {
		f.people = func(_ context.Context, emails []string) ([]connectors.Person, error) {
			people := make([]connectors.Person, len(emails))
			for i, email := range emails {
				if email != "" && strings.Contains("ada@example.com", email) {
					people[i] = connectors.Person{ID: "u1", Email: "ada@example.com"}
				}
			}
			return people, nil
		}
	}},
	{"comments of many come in the order of ids that ascend", "comments", func(f *fake) {
		f.manyComments = func(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
			sorted := slices.Clone(ids)
			slices.Sort(sorted)
			return f.Connection.CommentsOf(ctx, object, sorted)
		}
	}},
	{"comments of many are asked for one by one", "comments", func(f *fake) {
		f.manyComments = func(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
			results := make([]connectors.CommentsResult, len(ids))
			for i, id := range ids {
				results[i].Comments, results[i].Err = f.Connection.Comments(ctx, object, id)
			}
			return results, nil
		}
	}},
	{"one missing record spoils the comments of many", "comments", func(f *fake) {
		f.manyComments = func(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
			results, err := f.Connection.CommentsOf(ctx, object, ids)
			for _, r := range results {
				if r.Err != nil {
					return nil, r.Err
				}
			}
			return results, err
		}
	}},
	{"comments lose their key", "comments", eachComment(func(list []connectors.Comment) []connectors.Comment {
		for i := range list {
			list[i].Key = ""
		}
		return list
	})},
	{"every comment has a key", "comments", eachComment(func(list []connectors.Comment) []connectors.Comment {
		for i := range list {
			list[i].Key = "tenon-c1"
		}
		return list
	})},
	{"comments show their key", "comments", eachComment(func(list []connectors.Comment) []connectors.Comment {
		for i := range list {
			list[i].Body += "\n" + list[i].Key
		}
		return list
	})},
	{"comments come newest first", "comments", eachComment(func(list []connectors.Comment) []connectors.Comment {
		slices.Reverse(list)
		return list
	})},
	{"only a page of comments", "comments", eachComment(func(list []connectors.Comment) []connectors.Comment {
		return list[:min(len(list), 20)]
	})},
	{"comments have no author", "comments", eachComment(func(list []connectors.Comment) []connectors.Comment {
		for i := range list {
			list[i].Author = connectors.Person{}
		}
		return list
	})},
	{"comment to a missing record succeeds", "comments", func(f *fake) {
		f.comment = func(ctx context.Context, object, id string, c connectors.Comment) (string, error) {
			made, err := f.Connection.AddComment(ctx, object, id, c)
			if connectors.KindOf(err) == connectors.NotFound {
				return "c0", nil
			}
			return made, err
		}
	}},
	{"history comes newest first", "history", eachHistory(func(e []connectors.FieldEdit) []connectors.FieldEdit {
		slices.Reverse(e)
		return e
	})},
	{"history tells the values of before", "history", eachHistory(func(e []connectors.FieldEdit) []connectors.FieldEdit {
		for i := len(e) - 1; i >= 0; i-- {
			if e[i].Value = connectors.Null; i > 0 {
				e[i].Value = e[i-1].Value
			}
		}
		return e
	})},
	{"history tells other fields", "history", func(f *fake) {
		f.history = func(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
			return f.Connection.History(ctx, object, ids, append(slices.Clone(fields), "title"), since)
		}
	}},
	{"history tells everything", "history", func(f *fake) {
		f.history = func(ctx context.Context, object string, ids, fields []string, _ time.Time) ([][]connectors.FieldEdit, error) {
			return f.Connection.History(ctx, object, ids, fields, time.Time{})
		}
	}},
	{"history leaves out our own writes", "history", eachHistory(func(e []connectors.FieldEdit) []connectors.FieldEdit {
		return slices.DeleteFunc(e, func(e connectors.FieldEdit) bool { return e.Author == "tenon" })
	})},
	{"signatures are not checked", "webhooks", func(f *fake) {
		f.parse = func(req connectors.WebhookRequest) (connectors.Delivery, error) {
			d, err := f.Connection.ParseWebhook(req)
			if connectors.KindOf(err) == connectors.Auth && err != nil {
				return connectors.Delivery{}, nil
			}
			return d, err
		}
	}},
	{"old deliveries pass", "webhooks", func(f *fake) {
		f.parse = func(req connectors.WebhookRequest) (connectors.Delivery, error) {
			if d, err := f.Connection.ParseWebhook(req); err == nil {
				return d, nil
			}
			req.Now = req.Now.Add(-72 * time.Hour)
			return f.Connection.ParseWebhook(req)
		}
	}},
	{"signature covers the trimmed body", "webhooks", func(f *fake) {
		f.parse = func(req connectors.WebhookRequest) (connectors.Delivery, error) {
			req.Body = bytes.TrimSpace(req.Body)
			return f.Connection.ParseWebhook(req)
		}
	}},
	{"garbage panics", "webhooks", func(f *fake) {
		f.parse = func(req connectors.WebhookRequest) (connectors.Delivery, error) {
			if req.Body[0] == 0 {
				return connectors.Delivery{}, errors.New("zero")
			}
			return f.Connection.ParseWebhook(req)
		}
	}},
	{"hints name the readable key", "webhooks", func(f *fake) {
		f.parse = func(req connectors.WebhookRequest) (connectors.Delivery, error) {
			d, err := f.Connection.ParseWebhook(req)
			for i := range d.Hints {
				d.Hints[i].ID = "REC-" + d.Hints[i].ID
			}
			return d, err
		}
	}},
	{"delivery's id is new each time", "webhooks", func(f *fake) {
		n := 0
		f.parse = func(req connectors.WebhookRequest) (connectors.Delivery, error) {
			d, err := f.Connection.ParseWebhook(req)
			n++
			d.ID = strings.Repeat("x", n)
			return d, err
		}
	}},
	{"hints carry an old version", "webhooks", func(f *fake) {
		f.parse = func(req connectors.WebhookRequest) (connectors.Delivery, error) {
			d, err := f.Connection.ParseWebhook(req)
			for i := range d.Hints {
				d.Hints[i].Version = "0"
			}
			return d, err
		}
	}},
	{"deleting what is gone fails", "retire", func(f *fake) {
		f.delete = func(ctx context.Context, object string, ids []string) []error {
			errs := f.Connection.Delete(ctx, object, ids)
			for i, id := range ids {
				if id == "2" {
					errs[i] = &connectors.Error{Op: "delete", Connection: "acme", Kind: connectors.NotFound}
				}
			}
			return errs
		}
	}},
	{"delete deletes nothing", "retire", func(f *fake) {
		f.delete = func(_ context.Context, _ string, ids []string) []error { return make([]error, len(ids)) }
	}},
	{"delete goes too far", "retire", func(f *fake) {
		f.delete = func(ctx context.Context, object string, ids []string) []error {
			f.Connection.Delete(ctx, object, f.w.system.IDs(object))
			return make([]error, len(ids))
		}
	}},
	{"archive deletes", "retire", func(f *fake) {
		f.archive = func(ctx context.Context, object string, ids []string) []error {
			return f.Connection.Delete(ctx, object, ids)
		}
	}},
	{"rights are missing for everybody", "rights", func(f *fake) {
		f.rights = func(context.Context, []connectors.Need) ([]connectors.Gap, error) {
			return []connectors.Gap{{Right: "all", For: "do all"}}, nil
		}
	}},
	{"rights are tried by writing", "rights", func(f *fake) {
		f.rights = func(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
			f.Connection.Create(ctx, []connectors.Create{{Object: needs[0].Object, Fields: map[string]connectors.Value{"title": connectors.Text("A try")}}})
			return f.Connection.MissingRights(ctx, needs)
		}
	}},
	{"refused credentials miss no rights", "rights", func(f *fake) {
		f.rights = func(context.Context, []connectors.Need) ([]connectors.Gap, error) { return nil, nil }
	}},
}
