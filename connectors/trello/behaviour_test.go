package trello_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/trello"
)

// people acts in a world as people do.
func people(t *testing.T, settings map[string]string) (*world, connectortest.TB) {
	t.Helper()
	tb := connectortest.T(t)
	return newWorld(tb, sandbox.Options{}, settings), tb
}

func named(name string) map[string]connectors.Value {
	return map[string]connectors.Value{"name": connectors.Text(name)}
}

func (w *world) selection(fields ...string) connectors.Selection {
	return connectors.Selection{Object: "card", Scope: delivery, Fields: fields}
}

// list returns the rows since a cursor, by id, and the next cursor.
func (w *world) list(t *testing.T, c connectors.Connection, cursor string, fields ...string) (map[string]connectors.Change, string) {
	t.Helper()
	page, err := c.Changes(t.Context(), w.selection(fields...), cursor)
	if err != nil {
		t.Fatalf("Changes: %v", err)
	}
	rows := map[string]connectors.Change{}
	for _, ch := range page.Changes {
		rows[ch.ID] = ch
	}
	return rows, page.Next
}

func (w *world) update(t *testing.T, id string, fields map[string]connectors.Value) connectors.WriteResult {
	t.Helper()
	return w.conn.Update(t.Context(), []connectors.Update{{Object: "card", Scope: delivery, ID: id, Fields: fields}})[0]
}

func (w *world) dial(t *testing.T, settings map[string]string) connectors.Connection {
	t.Helper()
	values := map[string]string{"key": sandbox.DefaultKey, "token": sandbox.DefaultToken, "api_secret": sandbox.DefaultSecret, "base_url": w.base}
	for name, v := range settings {
		values[name] = v
	}
	return open(t, values, connectors.Options{Clock: w.clock})
}

// TestTasksOfNewCards: a card with two tasks takes one request for each, and one
// for the checklist.
func TestTasksOfNewCards(t *testing.T) {
	w, tb := people(t, nil)
	w.list(t, w.conn, "", "name") // what is asked once
	before := w.Requests(tb)
	made := w.conn.Create(t.Context(), []connectors.Create{{Object: "card", Scope: delivery, Key: "k-0", Fields: named("Card")}})[0]
	for i := range 2 {
		r := w.conn.Create(t.Context(), []connectors.Create{{
			Object: "checkitem", Scope: delivery, Parent: made.ID, Key: fmt.Sprintf("k-%d", i+1), Fields: named("Task"),
		}})[0]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if n := w.Requests(tb) - before; n != 4 {
		t.Errorf("a card with two tasks took %d requests, want 4", n)
	}
	if cd, _ := w.sys.Card(made.ID); len(cd.Checklists) != 1 {
		t.Errorf("got %d checklists, want one", len(cd.Checklists))
	}
}

// TestQuietChanges: some changes of a card move no activity. They show all the
// same, and a restart forgets none.
func TestQuietChanges(t *testing.T) {
	w, tb := people(t, nil)
	budget := w.field("Budget")
	ids := []string{w.Create(tb, named("One")), w.Create(tb, named("Two"))}
	w.Settle(tb)
	_, cursor := w.list(t, w.conn, "", "name", budget)
	w.Settle(tb)
	_, cursor = w.list(t, w.conn, cursor, "name", budget)
	if rows, _ := w.list(t, w.conn, cursor, "name", budget); len(rows) != 0 {
		t.Fatalf("a quiet board: got %d rows, want none", len(rows))
	}
	w.Edit(tb, ids[0], budget, connectors.Int(7))
	w.Settle(tb)
	rows, next := w.list(t, w.conn, cursor, "name", budget)
	if len(rows) != 1 || rows[ids[0]].Record == nil {
		t.Fatalf("after a custom field: got %+v, want the first card with its record", rows)
	}
	w.Settle(tb)
	w.Edit(tb, ids[1], budget, connectors.Int(8))
	fresh := w.dial(t, nil)
	rows, next = w.list(t, fresh, next, "name", budget)
	got, _ := rows[ids[1]].Record.Get(budget)
	if len(rows) != 2 || !connectors.Equal(got, connectors.Int(8)) {
		t.Fatalf("after a restart: got %+v, want both cards with their records", rows)
	}
	if rows, _ = w.list(t, fresh, next, "name", budget); len(rows) != 0 {
		t.Errorf("after that: got %d rows, want none", len(rows))
	}
}

// TestArchivedList: the cards of an archived list are out of sight, though
// nothing is written on them.
func TestArchivedList(t *testing.T) {
	w, tb := people(t, nil)
	id := w.Create(tb, named("Card"))
	w.Settle(tb)
	_, cursor := w.list(t, w.conn, "", "name")
	w.clock.Advance(2 * time.Minute)
	_, cursor = w.list(t, w.conn, cursor, "name")
	planned := w.sys.ListID(sandbox.DefaultBoard, "Planned")
	if err := w.sys.As(sandbox.Ada).Call("PUT", "lists/"+planned, map[string]any{"closed": "true"}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Minute)
	rows, _ := w.list(t, w.conn, cursor, "name")
	if rows[id].State != connectors.Archived {
		t.Errorf("got %+v, want the card as archived", rows)
	}
}

// TestGone: deletes and moves to another board are told, a delete as one.
func TestGone(t *testing.T) {
	w, tb := people(t, nil)
	deleted, moved := w.Create(tb, named("Deleted")), w.Create(tb, named("Moved"))
	w.Settle(tb)
	_, cursor := w.list(t, w.conn, "", "name")
	w.Settle(tb)
	w.Delete(tb, deleted)
	w.Move(tb, moved)
	rows, _ := w.list(t, w.conn, cursor, "name")
	if rows[deleted].State != connectors.Deleted || rows[moved].State != connectors.Live || rows[moved].ID == "" {
		t.Errorf("got %+v, want one deleted and one to be read", rows)
	}
	got, err := w.conn.Read(t.Context(), w.selection("name"), []string{deleted, moved})
	if err != nil || connectors.KindOf(got[0].Err) != connectors.NotFound || got[1].Record == nil || got[1].Record.InScope {
		t.Errorf("Read: got %+v, %v; want not found, and out of scope", got, err)
	}
}

// TestLostBoard: who was taken off a board may not read its cards; nothing was
// deleted.
func TestLostBoard(t *testing.T) {
	w, tb := people(t, nil)
	id := w.Create(tb, named("Card"))
	if _, err := w.conn.Read(t.Context(), w.selection("name"), []string{id}); err != nil {
		t.Fatal(err)
	}
	w.role(tb, "none")
	got, err := w.conn.Read(t.Context(), w.selection("name"), []string{id})
	if err != nil || connectors.KindOf(got[0].Err) != connectors.Permission {
		t.Errorf("Read: got %+v, %v; want a Permission error of the record", got, err)
	}
	if _, err := w.conn.Changes(t.Context(), w.selection("name"), ""); connectors.KindOf(err) != connectors.Permission {
		t.Errorf("Changes: got %v, want a Permission error", err)
	}
	r := w.update(t, id, named("x"))
	if connectors.KindOf(r.Err) != connectors.Permission {
		t.Errorf("Update: got %v, want a Permission error", r.Err)
	}
}

// TestFieldsSwitchedOff: custom fields that are switched off are hidden, never
// cleared, and come back with what they held.
func TestFieldsSwitchedOff(t *testing.T) {
	w, tb := people(t, nil)
	deal := w.field("CRM deal")
	fields := named("Card")
	fields[deal] = connectors.Text("deal 7")
	id := w.Create(tb, fields)
	read := func() *connectors.Record {
		got, err := w.conn.Read(t.Context(), w.selection("name", deal), []string{id})
		if err != nil || got[0].Err != nil {
			t.Fatalf("Read: %v, %v", err, got[0].Err)
		}
		return got[0].Record
	}
	if v, _ := read().Get(deal); v.Text() != "deal 7" {
		t.Fatalf("got %v, want the deal", v)
	}
	w.Hide(tb, deal)
	if v, p := read().Get(deal); p != connectors.Hidden {
		t.Errorf("switched off: got %v, %v, want hidden", v, p)
	}
	rows, _ := w.list(t, w.conn, "", "name", deal)
	if v, p := rows[id].Record.Get(deal); p != connectors.Hidden {
		t.Errorf("in a list: got %v, %v, want hidden", v, p)
	}
	r := w.update(t, id, map[string]connectors.Value{deal: connectors.Text("x"), "name": connectors.Text("Beside")})
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != deal {
		t.Errorf("Update: got %+v, want the field refused and the name written", r)
	}
	if err := w.sys.EnableCustomFields(sandbox.DefaultBoard, true); err != nil {
		t.Fatal(err)
	}
	if v, _ := read().Get(deal); v.Text() != "deal 7" {
		t.Errorf("switched on again: got %v, want the deal", v)
	}
}

func TestPeople(t *testing.T) {
	w, tb := people(t, nil)
	w.sys.ShowEmails(false)
	found, err := w.conn.(connectors.PeopleFinder).PeopleByEmail(t.Context(), []string{sandbox.Ada})
	if err != nil || found[0].ID != "" {
		t.Errorf("hidden e-mails: got %+v, %v, want nobody", found, err)
	}
	found, err = w.conn.(connectors.PeopleFinder).PeopleByEmail(t.Context(), []string{"@ada_okafor", "mei_tanaka", "nobody", w.sys.MemberID(sandbox.Jonas)})
	if err != nil || found[0].ID != w.sys.MemberID(sandbox.Ada) || found[1].Name != "Mei Tanaka" || found[2].ID != "" || found[3].Name != "Jonas Lindqvist" {
		t.Errorf("by what the table of people calls them: got %+v, %v", found, err)
	}
	id := w.Create(tb, named("Card"))
	set := func(p connectors.Person) connectors.WriteResult {
		return w.update(t, id, map[string]connectors.Value{"member": connectors.PersonValue(p)})
	}
	members := func() []string {
		cd, _ := w.sys.Card(id)
		return cd.Members
	}
	ada, mei := w.sys.MemberID(sandbox.Ada), w.sys.MemberID(sandbox.Mei)
	if r := set(connectors.Person{ID: "ada_okafor"}); r.Err != nil || !slices.Equal(members(), []string{ada}) {
		t.Errorf("by username: got %v, %v", r.Err, members())
	}
	r := set(connectors.Person{Email: "stranger@example.com"})
	if connectors.KindOf(r.Err) != connectors.Invalid || !slices.Equal(members(), []string{ada}) {
		t.Errorf("a stranger: got %v, members %v; want a refusal and Ada still there", r.Err, members())
	}
	// The others on the card stay.
	if err := w.sys.As(sandbox.Ada).Edit(id, map[string]any{"idMembers": []any{ada, w.sys.MemberID(sandbox.Jonas)}}); err != nil {
		t.Fatal(err)
	}
	if r := set(connectors.Person{ID: mei}); r.Err != nil || !slices.Equal(members(), []string{mei, w.sys.MemberID(sandbox.Jonas)}) {
		t.Errorf("another assignee: got %v, %v", r.Err, members())
	}
	made := w.conn.Create(t.Context(), []connectors.Create{{Object: "card", Scope: delivery, Fields: map[string]connectors.Value{
		"name": connectors.Text("New"), "member": connectors.PersonValue(connectors.Person{Email: "stranger@example.com"}),
	}}})[0]
	if made.Err != nil || len(made.Refused) != 1 {
		t.Errorf("a new card for a stranger: got %+v, want it made without the member", made)
	}
}

func TestLabels(t *testing.T) {
	w, tb := people(t, nil)
	id := w.Create(tb, named("Card"))
	edit := connectors.Update{Object: "card", Scope: delivery, ID: id, Edits: map[string]connectors.SetEdit{
		"idLabels": {Add: []connectors.Option{{ID: "Won", Label: "Won"}}},
	}}
	if r := w.conn.Update(t.Context(), []connectors.Update{edit})[0]; connectors.KindOf(r.Err) != connectors.Invalid {
		t.Errorf("a label that is not there: got %+v, want a refusal", r)
	}
	maker := w.dial(t, map[string]string{"create_labels": "yes"})
	var updates []connectors.Update
	for range 5 {
		u := edit
		u.ID = w.Create(tb, named("Card"))
		updates = append(updates, u)
	}
	for _, r := range maker.Update(t.Context(), updates) {
		if r.Err != nil || len(r.Refused) > 0 {
			t.Fatalf("made labels: got %+v", r)
		}
	}
	s, err := maker.Schema(t.Context(), "card", delivery)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range s.Field("idLabels").Options {
		if o.Label == "Won" {
			n++
		}
	}
	if n != 1 || !s.Field("idLabels").Open {
		t.Errorf("got %d labels of that name, want one", n)
	}
	if _, ok := s.Field("idLabels").Option("sky"); !ok {
		t.Errorf("a label without a name is not called by its colour: %v", s.Field("idLabels").Options)
	}
}

func TestCopiesAreNoRepeats(t *testing.T) {
	w, tb := people(t, nil)
	made := w.conn.Create(t.Context(), []connectors.Create{{Object: "card", Scope: delivery, Key: "tenon-1", Fields: map[string]connectors.Value{
		"name": connectors.Text("Original"), "urlSource": connectors.Text("https://crm.example.com/deals/7"),
	}}})[0]
	if made.Err != nil {
		t.Fatal(made.Err)
	}
	if _, err := w.sys.As(sandbox.Ada).Create(sandbox.DefaultBoard, "Done", map[string]any{"idCardSource": made.ID, "keepFromSource": "all"}); err != nil {
		t.Fatal(err)
	}
	w.Settle(tb)
	found, err := w.conn.FindByKey(t.Context(), "card", delivery, []string{"tenon-1"})
	if err != nil || !slices.Equal(found[0], []string{made.ID}) {
		t.Errorf("FindByKey: got %v, %v; want the original alone", found, err)
	}
	cd, _ := w.sys.Card(made.ID)
	if len(cd.Attachments) != 1 || cd.Attachments[0].URL != "https://crm.example.com/deals/7#tenon=tenon-1" {
		t.Errorf("attachments: got %+v, want the link back with the key", cd.Attachments)
	}
	got, err := w.conn.Read(t.Context(), w.selection("urlSource"), []string{made.ID})
	if err != nil || got[0].Err != nil {
		t.Fatalf("Read: %v, %v", err, got[0].Err)
	}
	if v, _ := got[0].Record.Get("urlSource"); v.Text() != "https://crm.example.com/deals/7" {
		t.Errorf("the link reads %q", v)
	}
}

// TestTasks: tasks become items of one checklist, also without a scope.
func TestTasks(t *testing.T) {
	w, tb := people(t, map[string]string{"checklist": "Next steps"})
	id := w.Create(tb, named("Card"))
	due := connectors.Instant(time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC))
	creates := []connectors.Create{
		{Object: "checkitem", Parent: id, Key: "k-1", Fields: map[string]connectors.Value{"name": connectors.Text("Prototype"), "due": due}},
		{Object: "checkitem", Parent: id, Key: "k-2", Fields: map[string]connectors.Value{
			"name": connectors.Text("Acceptance\ntest"), "member": connectors.PersonValue(connectors.Person{ID: w.sys.MemberID(sandbox.Mei)}),
		}},
		{Object: "card", Scope: delivery, Parent: id, Fields: named("A card under a card")},
	}
	res := w.conn.Create(t.Context(), creates)
	if res[0].Err != nil || res[1].Err != nil || connectors.KindOf(res[2].Err) != connectors.Invalid || !strings.Contains(res[2].Err.Error(), "type: checkitem") {
		t.Fatalf("Create: got %+v", res)
	}
	cd, _ := w.sys.Card(id)
	if items := cd.Checklists["Next steps"]; len(cd.Checklists) != 1 || len(items) != 2 {
		t.Fatalf("checklists: got %+v, want one with two items", cd.Checklists)
	}
	found, err := w.conn.FindByKey(t.Context(), "checkitem", nil, []string{"k-2", "k-1", "k-3"})
	if err != nil || !slices.Equal(found[0], []string{res[1].ID}) || !slices.Equal(found[1], []string{res[0].ID}) || found[2] != nil {
		t.Errorf("FindByKey: got %v, %v", found, err)
	}
	if r := w.conn.Update(t.Context(), []connectors.Update{{Object: "checkitem", ID: res[0].ID, Fields: map[string]connectors.Value{
		"name": connectors.Text("Prototype 2"), "dueComplete": connectors.Bool(true),
	}}})[0]; r.Err != nil {
		t.Fatalf("Update: %v", r.Err)
	}
	got, err := w.conn.Read(t.Context(), connectors.Selection{Object: "checkitem"}, []string{res[0].ID, res[1].ID, "x"})
	if err != nil || got[0].Err != nil || got[1].Err != nil || connectors.KindOf(got[2].Err) != connectors.NotFound {
		t.Fatalf("Read: %+v, %v", got, err)
	}
	name, _ := got[0].Record.Get("name")
	done, _ := got[0].Record.Get("dueComplete")
	at, _ := got[0].Record.Get("due")
	who, _ := got[1].Record.Get("member")
	if name.Text() != "Prototype 2" || !done.Bool() || !connectors.Equal(at, due) || who.Person().ID != w.sys.MemberID(sandbox.Mei) || got[1].Record.Title != "Acceptance test" {
		t.Errorf("Read: got %v, %v, %v, %v, %q", name, done, at, who, got[1].Record.Title)
	}
	// A checklist that somebody deleted is made again.
	if err := w.sys.As(sandbox.Ada).Call("DELETE", "checklists/"+w.sys.ChecklistID(id, "Next steps"), nil); err != nil {
		t.Fatal(err)
	}
	again := w.conn.Create(t.Context(), creates[:1])[0]
	if cd, _ = w.sys.Card(id); again.Err != nil || len(cd.Checklists["Next steps"]) != 1 {
		t.Fatalf("after the checklist was deleted: got %+v, %+v", again, cd.Checklists)
	}
	res[0] = again
	if found, err = w.conn.FindByKey(t.Context(), "checkitem", delivery, []string{"k-1"}); err != nil || !slices.Equal(found[0], []string{res[0].ID}) {
		t.Errorf("the key after a new name: got %v, %v", found, err)
	}
	if errs := w.conn.(connectors.Deleter).Delete(t.Context(), "checkitem", []string{res[0].ID}); errs[0] != nil {
		t.Errorf("Delete: %v", errs[0])
	}
}
