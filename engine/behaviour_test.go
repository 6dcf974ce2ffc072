package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// linked returns a world with one deal and its epic at rest.
func linked(t *testing.T, source string, change func(crm, pm *memory.Options)) (w *world, deal1, epic string) {
	t.Helper()
	w = newWorld(t, source, change)
	deal1 = w.crm.Create("record", nil, "ada", deal("Ship it", nil))
	w.settle()
	links := w.links()
	if len(links) != 1 {
		w.dump()
		t.Fatalf("got %d links, want 1", len(links))
	}
	return w, deal1, links[0].Records[1].ID
}

func with(source, old, changed string) string { return strings.Replace(source, old, changed, 1) }

func (w *world) actions() string {
	w.t.Helper()
	rows, err := w.eng.History(w.t.Context(), engine.HistoryFilter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for i := len(rows) - 1; i >= 0; i-- {
		b.WriteString(rows[i].Action + "\n")
	}
	return b.String()
}

func TestAskHoldsOneFieldAndLetsTheOthersGo(t *testing.T) {
	w, id, epic := linked(t, with(twoWay, "conflict: newest", "conflict: ask"), nil)
	w.crm.Edit(id, "ada", "notes", connectors.Text("from sales"))
	w.pm.Edit(epic, "grace", "notes", connectors.Text("from delivery"))
	w.crm.Edit(id, "ada", "count", connectors.Int(7))
	w.settle()
	if got := w.get(w.pm, epic, "count"); got.Number() != "7" {
		t.Errorf("count: got %v, want 7: one field's conflict must not hold the others", got)
	}
	rows, err := w.eng.Asides(t.Context(), "", true, 0, 0)
	if err != nil || len(rows) != 1 {
		t.Fatalf("conflicts: %v, %v", rows, err)
	}
	if got, want := rows[0].Values, [2]string{"from sales", "from delivery"}; got != want {
		t.Errorf("values: got %v, want %v", got, want)
	}
	if got := w.get(w.crm, id, "notes"); got.Text() != "from sales" {
		t.Errorf("the deal was written before anybody chose: %v", got)
	}
	if err := w.eng.Resolve(t.Context(), rows[0].Link, rows[0].Rule, "nobody", "ada"); connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("a choice of no side: got %v", err)
	}
	if err := w.eng.Resolve(t.Context(), rows[0].Link, rows[0].Rule, "epic", "ada"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := w.get(w.crm, id, "notes"); got.Text() != "from delivery" {
		t.Errorf("after the choice: got %v", got)
	}
	if rows, _ := w.eng.Asides(t.Context(), "", false, 0, 0); len(rows) != 0 {
		t.Errorf("still held back: %+v", rows)
	}
}

func TestNewestWinsByTheFieldsOwnHistory(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "notes", connectors.Text("first"))
	w.clock.Advance(time.Minute)
	w.pm.Edit(epic, "grace", "notes", connectors.Text("second"))
	w.clock.Advance(time.Minute)
	w.crm.Edit(id, "ada", "count", connectors.Int(1)) // makes the deal the newer record, not the newer value
	w.settle()
	for _, v := range []connectors.Value{w.get(w.crm, id, "notes"), w.get(w.pm, epic, "notes")} {
		if v.Text() != "second" {
			t.Errorf("got %v, want the later edit", v)
		}
	}
	if !strings.Contains(w.actions(), "conflict") {
		t.Error("the journal does not tell of the conflict")
	}
}

func TestOneWayTargetEditedByHandStaysUntilItsSourceChanges(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	day := func(d int) connectors.Value { return connectors.Date(2026, time.May, d) }
	w.crm.Edit(id, "ada", "due", day(1))
	w.settle()
	w.pm.Edit(epic, "grace", "due", day(2))
	w.settle()
	if got := w.get(w.pm, epic, "due"); !connectors.Equal(got, day(2)) {
		t.Errorf("the hand edit was undone: %v", got)
	}
	if got := w.get(w.crm, id, "due"); !connectors.Equal(got, day(1)) {
		t.Errorf("the source was written: %v", got)
	}
	w.crm.Edit(id, "ada", "due", day(3))
	w.settle()
	if got := w.get(w.pm, epic, "due"); !connectors.Equal(got, day(3)) {
		t.Errorf("the source's change did not arrive: %v", got)
	}
}

func TestClearedTravelsAndHiddenDoesNot(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "notes", connectors.Text("here"))
	w.crm.Edit(id, "ada", "count", connectors.Int(3))
	w.settle()
	w.crm.Edit(id, "ada", "notes", connectors.Null)
	w.crm.HideField("record", "count", true)
	w.settle()
	if got := w.get(w.pm, epic, "notes"); !got.IsNull() {
		t.Errorf("notes: got %v, want cleared", got)
	}
	if got := w.get(w.pm, epic, "count"); got.Number() != "3" {
		t.Errorf("count: got %v; a right that was lost looked like an empty value", got)
	}
	rows, err := w.eng.Asides(t.Context(), "", false, 0, 0)
	if err != nil || len(rows) != 1 || rows[0].Code != "hidden" {
		t.Errorf("held back: %+v, %v; want count, hidden", rows, err)
	}
}

func TestMatchAdoptsWhatExists(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	epic := w.pm.Create("record", nil, "grace", map[string]connectors.Value{
		"title": connectors.Text("Old title"), "code": connectors.Text("A-1"), "count": connectors.Int(5),
	})
	id := w.crm.Create("record", nil, "ada", deal("New title", map[string]connectors.Value{"code": connectors.Text("A-1")}))
	w.settle()
	links := w.links()
	if len(links) != 1 || links[0].Records[1].ID != epic {
		t.Fatalf("links: %+v", links)
	}
	if n := len(w.pm.IDs("record")); n != 1 {
		t.Errorf("got %d records, want no second one and no tasks", n)
	}
	if got := w.get(w.pm, epic, "title"); got.Text() != "New title" {
		t.Errorf("first_sync: deal wins: got %v", got)
	}
	if got := w.get(w.crm, id, "title"); got.Text() != "New title" {
		t.Errorf("the deal's title: got %v", got)
	}
}

func TestAmbiguousMatchAsks(t *testing.T) {
	many := memory.Sample()
	many.Schema.Fields = append([]connectors.Field(nil), many.Schema.Fields...)
	for i := range many.Schema.Fields {
		many.Schema.Fields[i].Unique = false
	}
	w := newWorld(t, twoWay, func(_, pm *memory.Options) { pm.Objects = []memory.Object{many} })
	for range 2 {
		w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": connectors.Text("x"), "code": connectors.Text("A-1")})
	}
	w.crm.Create("record", nil, "ada", deal("New", map[string]connectors.Value{"code": connectors.Text("A-1")}))
	w.settle()
	if n := len(w.links()); n != 0 {
		t.Errorf("got %d links, want none", n)
	}
	rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{Status: "failed"})
	if err != nil || len(rows) != 3 {
		t.Errorf("queue: %+v, %v; want the deal and both epics", rows, err)
	}
	for _, r := range rows {
		if r.Code != "ambiguous-match" {
			t.Errorf("queue: %+v", r)
		}
	}
}

func TestRefusedFieldIsSetAsideAndTheRestGoesThrough(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	var refuse error
	w.pm.SetHook(func(m memory.Moment) error {
		if m.Call == "update" && !m.After {
			return refuse
		}
		return nil
	})
	refuse = &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "no swearing"}}}
	w.crm.Edit(id, "ada", "notes", connectors.Text("darn"))
	w.settle()
	rows, err := w.eng.Asides(t.Context(), "", false, 0, 0)
	if err != nil || len(rows) != 1 || rows[0].Reason != "no swearing" {
		t.Fatalf("held back: %+v, %v; want the system's own words", rows, err)
	}
	refuse = nil
	w.crm.Edit(id, "ada", "count", connectors.Int(2))
	w.settle()
	if got := w.get(w.pm, epic, "count"); got.Number() != "2" {
		t.Errorf("count: got %v", got)
	}
	if got := w.get(w.pm, epic, "notes"); !got.IsNull() {
		t.Errorf("the refused value was sent again without cause: %v", got)
	}
	w.crm.Edit(id, "ada", "notes", connectors.Text("oh dear"))
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "oh dear" {
		t.Errorf("another value: got %v", got)
	}
}

func TestUnknownPersonNeverClears(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "owner", connectors.PersonValue(connectors.Person{ID: "u1", Email: "ada@example.com"}))
	w.settle()
	w.crm.Edit(id, "ada", "owner", connectors.PersonValue(connectors.Person{ID: "u3"})) // no e-mail to be seen
	w.settle()
	if got := w.get(w.pm, epic, "owner"); got.Person().ID != "u1" {
		t.Errorf("owner: got %v, want the one before", got)
	}
	rows, _ := w.eng.Asides(t.Context(), "", false, 0, 0)
	if len(rows) != 1 || rows[0].Kind != "unmatched" {
		t.Errorf("held back: %+v", rows)
	}
}

func TestDeletePolicies(t *testing.T) {
	for _, test := range []struct {
		policy string
		edited bool
		want   connectors.State
		links  string
		action string
	}{
		{policy: "unlink", want: connectors.Live, links: "ended", action: "unlinked"},
		{policy: "archive", want: connectors.Archived, links: "ended", action: "unlinked"},
		{policy: "delete", want: connectors.Deleted, links: "ended", action: "unlinked"},
		{policy: "delete", edited: true, want: connectors.Live, links: "active", action: "conflict"},
	} {
		name := test.policy
		if test.edited {
			name += ", edited"
		}
		t.Run(name, func(t *testing.T) {
			w, id, epic := linked(t, twoWay+"on_delete: {deal: "+test.policy+"}\n", nil)
			w.crm.SetState(id, connectors.Deleted)
			if test.edited {
				w.pm.Edit(epic, "grace", "notes", connectors.Text("still at it"))
			}
			if n, err := w.eng.Requeue(t.Context(), "pair"); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			w.settle()
			if got := w.pm.State(epic); got != test.want {
				t.Errorf("epic is %v, want %v", got, test.want)
			}
			if got := w.links()[0].Status; got != test.links {
				t.Errorf("link is %s, want %s", got, test.links)
			}
			if !strings.Contains(w.actions(), test.action) {
				t.Errorf("the journal lacks %q:\n%s", test.action, w.actions())
			}
		})
	}
}

func TestRecreateMakesTheDeletedRecordAgain(t *testing.T) {
	w, id, epic := linked(t, twoWay+"on_delete: {epic: recreate}\n", nil)
	w.pm.SetState(epic, connectors.Deleted)
	if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	links := w.links()
	if len(links) != 1 || links[0].Records[0].ID != id || links[0].Records[1].ID == epic {
		w.dump()
		t.Fatalf("links: %+v", links)
	}
	if got := w.get(w.pm, links[0].Records[1].ID, "title"); got.Text() != "Ship it" {
		t.Errorf("title: got %v", got)
	}
}

func TestRestoredRecordIsLinkedAgain(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.SetState(id, connectors.Archived)
	w.sweep()
	if got := w.links()[0].Status; got != "ended" {
		t.Fatalf("link is %s, want ended", got)
	}
	w.crm.SetState(id, connectors.Live)
	w.crm.Edit(id, "ada", "notes", connectors.Text("back"))
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "back" {
		t.Errorf("notes: got %v", got)
	}
	if n := len(w.links()); n != 1 {
		t.Errorf("got %d links, want 1", n)
	}
}

func TestMergedRecordKeepsItsCounterpart(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	winner := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("The survivor")})
	w.crm.Merge(id, winner)
	w.sweep()
	links := w.links()
	if len(links) != 1 || links[0].Records[0].ID != winner {
		t.Fatalf("links: %+v", links)
	}
	if got := w.get(w.pm, epic, "title"); got.Text() != "The survivor" {
		t.Errorf("title: got %v", got)
	}
}

// The survivor asks for a counterpart of its own at the moment in which the
// link comes over to it: it gets none.
func TestMergeIntoARecordThatAsksForACounterpart(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	winner := w.crm.Create("record", nil, "ada", deal("The survivor", nil))
	w.crm.Merge(id, winner)
	w.sweepOnly()
	w.drainDry()
	links := w.links()
	if len(links) != 1 || links[0].Records[0].ID != winner || links[0].Records[1].ID != epic {
		t.Fatalf("links: %+v, want one of %s with %s", links, winner, epic)
	}
	epics := 0
	for _, other := range w.pm.IDs("record") {
		if w.get(w.pm, other, "title").Text() == "The survivor" {
			epics++
		}
	}
	if epics != 1 {
		t.Errorf("the survivor has %d epics, want 1", epics)
	}
}

func TestGuardStopsAndResumes(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.lim.Clears = 2
	w.start()
	var ids []string
	for range 5 {
		ids = append(ids, w.crm.Create("record", nil, "ada", deal("d", map[string]connectors.Value{"notes": connectors.Text("n")})))
	}
	w.settle()
	for _, id := range ids {
		w.crm.Edit(id, "script", "notes", connectors.Null)
	}
	w.settle()
	cleared := func() (n int) {
		for _, l := range w.links() {
			if w.get(w.pm, l.Records[1].ID, "notes").IsNull() {
				n++
			}
		}
		return n
	}
	if n := cleared(); n != 0 {
		t.Errorf("%d fields were emptied before anybody was asked", n)
	}
	status, err := w.eng.Status(t.Context())
	if err != nil || status.Mappings[0].State != "stopped" || status.Mappings[0].Resume != "tenon resume pair" {
		t.Fatalf("status: %+v, %v", status.Mappings, err)
	}
	if err := w.eng.Resume(t.Context(), "pair", "ada"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if n := cleared(); n != 5 {
		t.Errorf("after resume %d fields are emptied, want 5", n)
	}
}

func TestFlippingFieldIsParked(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	writes := 0
	for i := range 40 {
		before := w.get(w.pm, epic, "notes")
		w.crm.Edit(id, "robot", "notes", connectors.Text([]string{"on", "off"}[i%2]))
		w.settle()
		if !connectors.Equal(before, w.get(w.pm, epic, "notes")) {
			writes++
		}
	}
	rows, _ := w.eng.Asides(t.Context(), "", false, 0, 0)
	if len(rows) != 1 || rows[0].Kind != "oscillating" || writes > 12 {
		t.Errorf("held back: %+v after %d writes", rows, writes)
	}
}

func TestConnectionOutagePausesTheConnectionNotTheRecords(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	down := true
	w.pm.SetHook(func(m memory.Moment) error {
		if down && !m.After {
			return &connectors.Error{Kind: connectors.Auth, Err: errors.New("the token has expired")}
		}
		return nil
	})
	w.crm.Edit(id, "ada", "notes", connectors.Text("waiting"))
	for range 10 {
		for _, f := range w.eng.Feeds() {
			_, _ = w.eng.Poll(t.Context(), f) // the paused one answers with an error
		}
		_, err := w.eng.Drain(t.Context(), "pair")
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(10 * time.Second)
	}
	status, err := w.eng.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := status.Connections[1]; c.State != "paused" || c.Code != "auth" || !strings.Contains(c.Reason, "expired") {
		t.Errorf("connection: %+v", c)
	}
	if m := status.Mappings[0]; m.Failed != 0 {
		t.Errorf("mapping: %+v; no record is to blame", m)
	}
	down = false
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "waiting" {
		t.Errorf("after the outage: got %v", got)
	}
}

func TestPoisonRecordDoesNotBlockOthers(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.pm.SetHook(func(m memory.Moment) error {
		if m.Call == "update" && m.ID == "1" && !m.After {
			return &connectors.Error{Kind: connectors.Internal, Err: errors.New("boom")}
		}
		return nil
	})
	a := w.crm.Create("record", nil, "ada", deal("a", nil))
	b := w.crm.Create("record", nil, "ada", deal("b", nil))
	for range 3 {
		for _, f := range w.eng.Feeds() {
			if _, err := w.eng.Poll(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		for range 6 {
			if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Second)
		}
		w.crm.Edit(a, "ada", "notes", connectors.Text("x"))
		w.crm.Edit(b, "ada", "notes", connectors.Text("y"))
	}
	found := false
	for _, l := range w.links() {
		if l.Records[0].ID == b {
			found = w.get(w.pm, l.Records[1].ID, "notes").Text() == "y"
		}
	}
	if !found {
		t.Error("the good record waits for the bad one")
	}
	rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{Status: "waiting"})
	if len(rows) != 1 || !strings.Contains(rows[0].Reason, "boom") {
		t.Errorf("queue: %+v", rows)
	}
}

func TestCommentsTravelOnceWithTheirAuthor(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Comment(id, "u1", "Customer wants it *earlier*.")
	w.settle()
	w.pm.Comment(epic, "u2", "We try.")
	w.settle()
	w.settle()
	for _, side := range []struct {
		s    *memory.System
		id   string
		want string
	}{{w.pm, epic, "**Ada Lovelace** (crm):\n\nCustomer wants it *earlier*."}, {w.crm, id, "**Grace Hopper** (pm):\n\nWe try."}} {
		n := 0
		for _, c := range side.s.Comments(side.id) {
			if c.Body == side.want {
				n++
			}
		}
		if n != 1 || len(side.s.Comments(side.id)) != 2 {
			t.Errorf("%q stands %d times among %+v", side.want, n, side.s.Comments(side.id))
		}
	}
}

func TestLostAnswerOfACreateMakesNoSecondRecord(t *testing.T) {
	w := newWorld(t, twoWay, func(_, pm *memory.Options) { pm.IndexLag, pm.KeyLag = time.Minute, time.Minute })
	lost := true
	w.pm.SetHook(func(m memory.Moment) error {
		if lost && m.Call == "create" && m.After {
			lost = false
			return memory.Lost()
		}
		return nil
	})
	w.crm.Create("record", nil, "ada", deal("Once", nil))
	w.settle()
	if n := len(w.pm.IDs("record")); n != 3 {
		w.dump()
		t.Errorf("got %d records, want one epic and two tasks", n)
	}
}

func TestCommentMadeBeforeTheAnswerWasFoundIsCopied(t *testing.T) {
	w := newWorld(t, twoWay, func(_, pm *memory.Options) { pm.IndexLag, pm.KeyLag = time.Minute, time.Minute })
	lost := true
	epic := ""
	w.pm.SetHook(func(m memory.Moment) error {
		if lost && m.Call == "create" && m.After {
			lost = false
			return memory.Lost()
		}
		return nil
	})
	id := w.crm.Create("record", nil, "ada", deal("Once", nil))
	for range 10 {
		for _, f := range w.eng.Feeds() {
			if _, err := w.eng.Poll(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
			t.Fatal(err)
		}
		if ids := w.pm.IDs("record"); len(ids) > 0 {
			epic = ids[0]
			break
		}
		w.clock.Advance(time.Second)
	}
	if epic == "" || lost || len(w.links()) != 0 {
		t.Fatalf("got epic %q, answer lost %v, %d links, want an epic that is not linked yet", epic, !lost, len(w.links()))
	}
	w.clock.Advance(10 * time.Second)
	w.pm.Comment(epic, "u2", "Seen.")
	w.settle()
	if got := w.crm.Comments(id); len(got) != 1 || !strings.HasSuffix(got[0].Body, "Seen.") {
		t.Errorf("the deal's comments: got %+v, want the epic's one", got)
	}
	if got := w.pm.Comments(epic); len(got) != 1 {
		t.Errorf("the epic's comments: got %+v, want its own", got)
	}
}

func TestEmptyStateFindsWhatWasMadeBefore(t *testing.T) {
	w, _, _ := linked(t, with(twoWay, "match:\n  - {deal: code, epic: code}\n", ""), nil)
	fresh := newWorld(t, with(twoWay, "match:\n  - {deal: code, epic: code}\n", ""), nil)
	fresh.crm, fresh.pm, fresh.conns, fresh.clock = w.crm, w.pm, w.conns, w.clock
	fresh.start()
	fresh.settle()
	if n := len(w.pm.IDs("record")); n != 3 {
		t.Errorf("got %d records after the state was lost, want the same three", n)
	}
	if n := len(fresh.links()); n != 1 {
		t.Errorf("got %d links, want 1", n)
	}
}

// shortIDs is a connection whose people name records by less than the whole id.
type shortIDs struct{ connectors.Connection }

func (s shortIDs) Abilities() connectors.Abilities {
	a := connectors.AbilitiesOf(s.Connection)
	a.IDNormaliser = s
	return a
}

func (shortIDs) NormalID(id string) string { return strings.TrimSuffix(id, "-short") }

func TestAPressByAnotherIDIsOfTheSameRecord(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.conns["crm"] = shortIDs{w.conns["crm"]}
	w.start()
	id := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("Quiet deal")})
	w.settle()
	if p, err := w.eng.Preview(t.Context(), "pair", id+"-short"); err != nil || p.Source.ID != id {
		t.Errorf("preview: %+v, %v", p, err)
	}
	for _, name := range []string{id + "-short", id} {
		if err := w.eng.Ask(t.Context(), "pair", name, "ada"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if conv, err := w.eng.Press(t.Context(), "pair", name, "ada"); err != nil || conv.State != "done" || conv.Source.ID != id {
			t.Errorf("press of %s: %+v, %v", name, conv, err)
		}
	}
	if links := w.links(); len(links) != 1 {
		t.Errorf("got %d links, want 1", len(links))
	}
	x, err := w.eng.Explain(t.Context(), "crm/record/"+id+"-short", engine.ExplainOptions{})
	if err != nil || x.Record.Ref.ID != id {
		t.Errorf("explain: %+v, %v", x, err)
	}
}

func TestPressIsIdempotentAndPreviewWritesNothing(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	id := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("Quiet deal")})
	w.settle()
	if n := len(w.links()); n != 0 {
		t.Fatalf("converted though nobody asked: %d", n)
	}
	p, err := w.eng.Preview(t.Context(), "pair", id)
	if err != nil {
		t.Fatal(err)
	}
	if p.Title != "Quiet deal" || len(p.Tasks) != 2 || p.Tasks[0].Title != "Kick-off Quiet deal" || p.Conversion != nil {
		t.Errorf("preview: %+v", p)
	}
	if n := len(w.pm.IDs("record")); n != 0 {
		t.Fatalf("the preview made %d records", n)
	}
	for range 3 {
		if err := w.eng.Ask(t.Context(), "pair", id, "ada"); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	conv, err := w.eng.Press(t.Context(), "pair", id, "ada")
	if err != nil || conv.State != "done" || conv.Made || conv.Target.ID == "" || conv.Tasks != 2 {
		t.Errorf("press: %+v, %v", conv, err)
	}
	if n := len(w.pm.IDs("record")); n != 3 {
		t.Errorf("got %d records, want one epic and two tasks", n)
	}
	if _, err := w.eng.Preview(t.Context(), "pair", "404"); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("preview of nothing: %v", err)
	}
}

func TestPlanWritesNothing(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "notes", connectors.Text("planned"))
	w.crm.Create("record", nil, "ada", deal("Second", nil))
	events := w.actions()
	p, err := w.eng.Plan(t.Context(), "pair", nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Counts["create"] != 1 || p.Counts["update"] != 1 {
		t.Errorf("plan: %+v", p)
	}
	if got := w.get(w.pm, epic, "notes"); !got.IsNull() {
		t.Errorf("the plan wrote: %v", got)
	}
	if w.actions() != events || len(w.pm.IDs("record")) != 3 {
		t.Error("the plan left traces")
	}
}

func TestPlanTellsAMatchOnce(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": connectors.Text("Old"), "code": connectors.Text("A-1")})
	w.crm.Create("record", nil, "ada", deal("New", map[string]connectors.Value{"code": connectors.Text("A-1")}))
	p, err := w.eng.Plan(t.Context(), "pair", nil)
	if err != nil || p.Counts["link"] != 1 || p.Counts["update"] != 1 || p.Counts["create"] != 0 {
		t.Errorf("plan: %+v, %v", p, err)
	}
}

func TestRetryTriesRefusedFieldsAgain(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	refuse := true
	w.pm.SetHook(func(m memory.Moment) error {
		if refuse && m.Call == "update" && !m.After {
			return &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "the option is off"}}}
		}
		return nil
	})
	w.crm.Edit(id, "ada", "notes", connectors.Text("wanted"))
	w.settle()
	refuse = false
	w.settle()
	if got := w.get(w.pm, epic, "notes"); !got.IsNull() {
		t.Fatalf("sent again without cause: %v", got)
	}
	if n, err := w.eng.Retry(t.Context(), engine.QueueFilter{}); n != 1 || err != nil {
		t.Fatalf("retry: %d, %v", n, err)
	}
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "wanted" {
		t.Errorf("after the retry: got %v", got)
	}
}

func TestWebhookIsTakenOnceAndForgeriesAreNot(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Webhooks()
	w.crm.Edit(id, "ada", "notes", connectors.Text("by webhook"))
	hooks := w.crm.Webhooks()
	if len(hooks) != 1 {
		t.Fatalf("got %d deliveries", len(hooks))
	}
	forged := hooks[0]
	forged.Body = []byte(strings.Replace(string(forged.Body), `"1"`, `"2"`, 1))
	if _, err := w.eng.Receive(t.Context(), "crm", forged); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("forged: got %v, want auth", err)
	}
	if _, err := w.eng.Receive(t.Context(), "nobody", hooks[0]); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("no such connection: got %v", err)
	}
	for range 3 {
		if _, err := w.eng.Receive(t.Context(), "crm", hooks[0]); err != nil {
			t.Fatal(err)
		}
	}
	rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{})
	if len(rows) != 1 || rows[0].Source != "webhook" {
		t.Errorf("queue: %+v", rows)
	}
	w.clock.Advance(time.Second)
	if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	if got := w.get(w.pm, epic, "notes"); got.Text() != "by webhook" {
		t.Errorf("notes: got %v", got)
	}
	if _, err := w.eng.Receive(t.Context(), "crm", hooks[0]); err != nil {
		t.Fatal(err)
	}
	if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 0 {
		t.Errorf("a replayed delivery was queued again: %+v", rows)
	}
}

func TestChangedMappingLooksAtEverythingAnew(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.crm.Edit(id, "ada", "amount", must(connectors.ParseNumber("12.5")))
	lonely := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("Later")})
	w.settle()
	if changed, err := w.eng.Recover(t.Context()); err != nil || len(changed) != 0 {
		t.Fatalf("at the first start: %v, %v", changed, err)
	}
	w.load(with(with(twoWay, "when: deal.active == true", "when: deal.title != \"\""), "  - {deal: count, epic: count}", "  - {deal: count, epic: count}\n  - {deal: amount, epic: amount}"))
	w.start()
	changed, err := w.eng.Recover(t.Context())
	if err != nil || len(changed) != 1 {
		t.Fatalf("after the change: %v, %v", changed, err)
	}
	w.sweep()
	if got := w.get(w.pm, epic, "amount"); got.Number() != "12.5" {
		t.Errorf("the new rule's value: got %v", got)
	}
	if n := len(w.links()); n != 2 {
		t.Errorf("got %d links; the new condition asks for %s too", n, lonely)
	}
	if changed, err := w.eng.Recover(t.Context()); err != nil || len(changed) != 0 {
		t.Errorf("a repeat: %v, %v", changed, err)
	}
}

func must(v connectors.Value, err error) connectors.Value {
	if err != nil {
		panic(err)
	}
	return v
}
