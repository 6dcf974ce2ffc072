package connectortest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenonsync/tenon/connectors"
)

var finds = []test{
	{"locate by what people call it", func(e *env) {
		l := e.can.Locator
		if l == nil {
			e.Skipf("the connection locates nothing")
		}
		e.seed(1)
		id := e.w.Create(e, e.fields("Findable"))
		rec := e.one(id)
		want := connectors.Ref{Connection: rec.Ref.Connection, Object: rec.Ref.Object, ID: id}
		for _, name := range []string{rec.URL, rec.Key} {
			if name == "" {
				continue
			}
			if got, err := l.Locate(e.Context(), name); err != nil || got != want {
				e.Errorf("Locate(%q): got %v, %v, want %v", name, got, err, want)
			}
		}
		for _, name := range []string{"", " ", "nothing", "https://elsewhere.example/a/b/1", "https://", "://", strings.Repeat("x", 5000)} {
			if got, err := l.Locate(e.Context(), name); err != nil || !got.IsZero() {
				e.Errorf("Locate(%.40q): got %v, %v, want nothing", name, got, err)
			}
		}
	}},
	{"normal ids", func(e *env) {
		n := e.can.IDNormaliser
		if n == nil {
			e.Skipf("a record has one id")
		}
		e.seed(1)
		id := e.w.Create(e, e.fields("Named"))
		for _, id := range []string{id, e.one(id).Ref.ID, "", " ", "nothing", strings.Repeat("x", 5000)} {
			if got := n.NormalID(id); got != id {
				e.Errorf("NormalID(%.40q): got %.40q, want it as it is", id, got)
			}
		}
	}},
	{"find by value", func(e *env) {
		f := e.can.Finder
		if f == nil || e.h.Find.Field == "" {
			e.Skipf("the connection finds nothing by value")
		}
		if s := e.field(e.h.Find.Field); !s.Findable {
			e.Errorf("Schema: field %q is not findable, but it is", s.Name)
		}
		fields := e.fields("One")
		fields[e.h.Find.Field] = e.h.Find.One
		one := e.w.Create(e, fields)
		e.seed(2)
		gone := e.fields("Gone")
		gone[e.h.Find.Field] = e.h.Find.Two
		e.w.Delete(e, e.w.Create(e, gone))
		e.w.Settle(e)
		got, err := f.Find(e.Context(), e.sel, e.h.Find.Field, []connectors.Value{e.h.Find.Two, e.h.Find.One}, 10)
		if err != nil {
			e.Fatalf("Find: %v", err)
		}
		if diff := cmp.Diff([][]string{nil, {one}}, got, cmpopts.EquateEmpty()); diff != "" {
			e.Errorf("Find (-want +got):\n%s", diff)
		}
	}},
	{"find goes by the whole value", func(e *env) {
		f := e.can.Finder
		if f == nil || !e.field(e.h.Title).Findable {
			e.Skipf("the connection finds no titles")
		}
		want := e.w.Create(e, e.fields("Bridge"))
		e.w.Create(e, e.fields("Bridge over water"))
		e.w.Create(e, e.fields("A bridge"))
		e.w.Settle(e)
		got, err := f.Find(e.Context(), e.sel, e.h.Title, []connectors.Value{connectors.Text("Bridge")}, 10)
		if err != nil {
			e.Fatalf("Find: %v", err)
		}
		if diff := cmp.Diff([][]string{{want}}, got); diff != "" {
			e.Errorf("Find (-want +got):\n%s", diff)
		}
	}},
	{"find keeps the limit", func(e *env) {
		f := e.can.Finder
		if f == nil || !e.field(e.h.Title).Findable {
			e.Skipf("the connection finds no titles")
		}
		for range 4 {
			e.w.Create(e, e.fields("Same"))
		}
		e.w.Settle(e)
		got, err := f.Find(e.Context(), e.sel, e.h.Title, []connectors.Value{connectors.Text("Same")}, 2)
		if err != nil || len(got) != 1 || len(got[0]) != 2 || got[0][0] == got[0][1] {
			e.Errorf("Find at most 2 of 4: %v, %v", got, err)
		}
	}},
}

var people = []test{
	{"people by e-mail", func(e *env) {
		p := e.can.PeopleFinder
		if p == nil || e.h.Email == "" {
			e.Skipf("the connection finds no people")
		}
		got, err := p.PeopleByEmail(e.Context(), []string{"nobody@nowhere.example", strings.ToLower(e.h.Email), "", strings.ToLower(e.h.Email[1:])})
		if err != nil {
			e.Fatalf("PeopleByEmail: %v", err)
		}
		if len(got) != 4 || got[0] != (connectors.Person{}) || got[2] != (connectors.Person{}) || got[3] != (connectors.Person{}) {
			e.Fatalf("PeopleByEmail guesses: %+v", got)
		}
		if got[1].ID == "" || got[1].Email != "" && got[1].Email != strings.ToLower(e.h.Email) {
			e.Errorf("PeopleByEmail(%q): %+v", e.h.Email, got[1])
		}
	}},
	{"no e-mails give no people", func(e *env) {
		if e.can.PeopleFinder == nil {
			e.Skipf("the connection finds no people")
		}
		if got, err := e.can.PeopleFinder.PeopleByEmail(e.Context(), nil); err != nil || len(got) != 0 {
			e.Errorf("PeopleByEmail of nothing: %v, %v", got, err)
		}
	}},
}

var comments = []test{
	{"comment is found again by its key", func(e *env) {
		c := e.can.Commenter
		if c == nil {
			e.Skipf("the connection has no comments")
		}
		ids := e.seed(2)
		id := ids[0]
		if got := e.comments(id); len(got) != 0 {
			e.Errorf("Comments of a new record: %+v", got)
		}
		body := "First **bold** line\n\nSecond _paragraph_ with [a link](https://example.com/)"
		made := e.comment(id, "tenon-c1", body)
		got := e.comments(id)
		if len(got) != 1 || got[0].ID != made || got[0].Key != "tenon-c1" || got[0].Created.IsZero() {
			e.Fatalf("Comments: %+v, want %q with its key and time", got, made)
		}
		for _, word := range []string{"First", "bold", "Second", "paragraph", "https://example.com/"} {
			if !strings.Contains(got[0].Body, word) {
				e.Errorf("the comment lost %q: %q", word, got[0].Body)
			}
		}
		if strings.Contains(got[0].Body, "tenon-c1") {
			e.Errorf("the comment's body shows its key: %q", got[0].Body)
		}
		if other := e.comments(ids[1]); len(other) != 0 {
			e.Errorf("the comment went to another record too: %+v", other)
		}
	}},
	{"comments come oldest first, all of them", func(e *env) {
		if e.can.Commenter == nil {
			e.Skipf("the connection has no comments")
		}
		id := e.seed(1)[0]
		var want []string
		for i := range 25 {
			want = append(want, e.comment(id, "", "Comment "+string(rune('A'+i))))
			if i%5 == 0 {
				e.w.Settle(e)
			}
		}
		var got []string
		var last time.Time
		for _, c := range e.comments(id) {
			got = append(got, c.ID)
			if c.Created.Before(last) {
				e.Errorf("comment %s of %v follows one of %v", c.ID, c.Created, last)
			}
			last = c.Created
			if c.Key != "" {
				e.Errorf("comment %s has the key %q, but was made without", c.ID, c.Key)
			}
		}
		slices.Sort(want) // those of one second come in any order
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			e.Errorf("Comments (-want +got):\n%s", diff)
		}
	}},
	{"people's comments have an author and no key", func(e *env) {
		talker, ok := e.w.(Talker)
		if !ok || e.can.Commenter == nil {
			e.Skipf("people do not comment here")
		}
		id := e.seed(1)[0]
		talker.Comment(e, id, "By hand")
		got := e.comments(id)
		if len(got) != 1 || got[0].Key != "" || got[0].Body != "By hand" || got[0].Author.ID == "" && got[0].Author.Name == "" {
			e.Errorf("Comments: %+v; want one by hand, with an author, without a key", got)
		}
		e.comment(id, "tenon-c2", "By us")
		if n := talker.CommentCount(e, id); n != 2 {
			e.Errorf("%d comments are there, want 2", n)
		}
	}},
	{"comments of many records at once", func(e *env) {
		batch, ok := e.can.Commenter.(connectors.BatchCommenter)
		if !ok {
			e.Skipf("the connection reads comments record by record")
		}
		ids := e.seed(8)
		for i, id := range ids[:6] {
			for n := range i {
				e.comment(id, fmt.Sprintf("tenon-m%d-%d", i, n), fmt.Sprintf("Comment %d of %d", n, i))
			}
		}
		e.w.Settle(e)
		e.w.Delete(e, ids[6])
		slices.Reverse(ids)
		want := make([][]connectors.Comment, len(ids))
		for i, id := range ids {
			if i != 1 {
				want[i] = e.comments(id)
			}
		}
		before := e.requests()
		got, err := batch.CommentsOf(e.Context(), e.h.Object, ids)
		if err != nil || len(got) != len(ids) {
			e.Fatalf("CommentsOf: %d results for %d records, %v", len(got), len(ids), err)
		}
		if n := e.requests() - before; n >= len(ids) {
			e.Errorf("CommentsOf of %d records took %d requests", len(ids), n)
		}
		for i, r := range got {
			switch {
			case i == 1 && r.Err != nil:
				e.kind("CommentsOf of a missing record", r.Err, connectors.NotFound)
			case i == 1 && len(r.Comments) > 0:
				e.Errorf("CommentsOf of a missing record: %+v", r.Comments)
			case r.Err != nil:
				e.Errorf("CommentsOf record %d: %v", i, r.Err)
			default:
				if diff := cmp.Diff(want[i], r.Comments, cmpopts.EquateEmpty()); diff != "" {
					e.Errorf("CommentsOf record %d, beside what Comments tells (-one by one +at once):\n%s", i, diff)
				}
			}
		}
		if none, err := batch.CommentsOf(e.Context(), e.h.Object, nil); err != nil || len(none) != 0 {
			e.Errorf("CommentsOf nothing: %v, %v", none, err)
		}
	}},
	{"missing record has no comments", func(e *env) {
		if e.can.Commenter == nil {
			e.Skipf("the connection has no comments")
		}
		id := e.seed(1)[0]
		e.w.Delete(e, id)
		_, err := e.can.Commenter.AddComment(e.Context(), e.h.Object, id, connectors.Comment{Body: "Hello"})
		e.kind("AddComment to a missing record", err, connectors.NotFound)
	}},
}

func (e *env) comments(id string) []connectors.Comment {
	e.Helper()
	got, err := e.can.Commenter.Comments(e.Context(), e.h.Object, id)
	if err != nil {
		e.Fatalf("Comments: %v", err)
	}
	return got
}

// requests returns how many requests the system got, where the world counts.
func (e *env) requests() int {
	if w, ok := e.w.(Counter); ok {
		return w.Requests(e)
	}
	return 0
}

func (e *env) comment(id, key, body string) string {
	e.Helper()
	made, err := e.can.Commenter.AddComment(e.Context(), e.h.Object, id, connectors.Comment{Key: key, Body: body})
	if err != nil || made == "" {
		e.Fatalf("AddComment: %q, %v", made, err)
	}
	return made
}

var history = []test{
	{"history tells the edits", func(e *env) {
		h := e.can.HistoryReader
		field, ok := e.remembered()
		if h == nil || !ok {
			e.Skipf("the connection tells no history")
		}
		ids := e.seed(3)
		e.w.Settle(e)
		since := e.one(ids[0]).Modified
		e.w.Settle(e)
		e.w.Edit(e, ids[0], field.Field, field.One)
		e.w.Settle(e)
		if r := e.update(e.change(ids[0], map[string]connectors.Value{field.Field: field.Two}))[0]; r.Err != nil {
			e.Fatalf("Update: %v", r.Err)
		}
		e.w.Settle(e)
		e.w.Edit(e, ids[2], field.Field, field.Two)
		e.w.Edit(e, ids[2], e.h.Title, connectors.Text("Not asked for"))
		got, err := h.History(e.Context(), e.h.Object, []string{ids[2], ids[1], ids[0]}, []string{field.Field}, since.Add(-time.Second))
		if err != nil || len(got) != 3 {
			e.Fatalf("History: %d results, %v", len(got), err)
		}
		e.edits("of the third record", got[0], field.Field, field.two())
		e.edits("of the untouched record", got[1], field.Field)
		e.edits("of the first record", got[2], field.Field, field.one(), field.two())
		if n := len(got[2]); n > 0 {
			last := got[2][n-1]
			later, err := h.History(e.Context(), e.h.Object, ids[:1], []string{field.Field}, last.At.Add(time.Second))
			if err != nil || len(later) != 1 || len(later[0]) != 0 {
				e.Errorf("History after the last edit: %+v, %v", later, err)
			}
		}
	}},
}

// remembered returns a sample whose edits the system keeps.
func (e *env) remembered() (Sample, bool) {
	e.Helper()
	schema := e.schema()
	for _, s := range e.h.Samples {
		if f := schema.Field(s.Field); f != nil && f.History {
			return s, true
		}
	}
	return Sample{}, false
}

// edits checks the values of edits; an edit to null at first is the creation.
func (e *env) edits(what string, got []connectors.FieldEdit, field string, want ...connectors.Value) {
	e.Helper()
	for len(got) > 0 && len(got) > len(want) && got[0].Value.IsNull() {
		got = got[1:]
	}
	if len(got) != len(want) {
		e.Errorf("History %s: %+v, want %d edits", what, got, len(want))
		return
	}
	for i, g := range got {
		if g.Field != field || g.At.IsZero() || i > 0 && g.At.Before(got[i-1].At) {
			e.Errorf("History %s: edit %d is %+v; want field %q, in order of time", what, i, g, field)
		}
		e.same("History "+what, g.Value, want[i])
	}
}
