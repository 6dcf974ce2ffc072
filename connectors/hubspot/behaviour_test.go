package hubspot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/hubspot"
)

var won = map[string]connectors.Value{"dealstage": connectors.Choice(connectors.Option{ID: "closedwon"})}

// deals is the selection that most tests read.
var deals = connectors.Selection{Object: "deals", Fields: []string{"dealname", "amount"}}

// seedDeals makes deals as a person does.
func seedDeals(t *testing.T, w *world, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		id, err := w.sys.As(ada).Create("deals", map[string]string{"dealname": fmt.Sprintf("Deal %d", i), "pipeline": "default", "dealstage": "closedwon"})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

// poll lists a whole round of changes.
func poll(t *testing.T, c connectors.Connection, object, cursor string) (rows []connectors.Change, next string) {
	t.Helper()
	for range 200 {
		page, err := c.Changes(t.Context(), connectors.Selection{Object: object}, cursor)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, page.Changes...)
		cursor = page.Next
		if !page.More {
			return rows, cursor
		}
	}
	t.Fatal("the list of changes has no end")
	return nil, ""
}

func rowIDs(rows []connectors.Change) []string {
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// calls counts the requests that f makes.
func (w *world) calls(f func()) int {
	w.sys.Requests().Clear()
	f()
	return len(w.sys.Requests().Since(0))
}

func readOne(t *testing.T, w *world, sel connectors.Selection, id string) *connectors.Record {
	t.Helper()
	got, err := w.conn.Read(t.Context(), sel, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Err != nil {
		t.Fatal(got[0].Err)
	}
	return got[0].Record
}

func prepare(t *testing.T, w *world, object string) {
	t.Helper()
	if err := connectors.AbilitiesOf(w.conn).Preparer.Prepare(t.Context(), connectors.Need{Object: object, Comment: true}); err != nil {
		t.Fatal(err)
	}
}

func TestMergedRecordTellsItsSuccessor(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	ids := seedDeals(t, w, 3)
	survivor, err := w.sys.As(ada).Merge("deals", ids[0], ids[1])
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.conn.Read(t.Context(), deals, []string{ids[0], ids[1], ids[2], survivor})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []connectors.State{connectors.Merged, connectors.Merged, connectors.Live, connectors.Live} {
		r := got[i].Record
		if got[i].Err != nil || r.State != want {
			t.Errorf("record %d: %+v, want %v", i, got[i], want)
			continue
		}
		if want == connectors.Merged && r.MergedInto != survivor {
			t.Errorf("record %d is merged into %q, want %q", i, r.MergedInto, survivor)
		}
	}
}

// An import gives hundreds of records one time stamp: more than a page, in a
// window that no offset can walk safely.
func TestChangesOfABulkEdit(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	ids := seedDeals(t, w, 450)
	_, cursor := poll(t, w.conn, "deals", "")
	w.Settle(nil)
	_, cursor = poll(t, w.conn, "deals", cursor)
	w.Settle(nil)
	_, cursor = poll(t, w.conn, "deals", cursor)
	for _, id := range ids { // the clock stands still
		if err := w.sys.As(ada).Edit("deals", id, map[string]string{"amount": "7"}); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(10 * time.Second)
	seen := map[string]bool{}
	var page connectors.ChangePage
	var err error
	for n := 0; ; n++ {
		if page, err = w.conn.Changes(t.Context(), deals, cursor); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Changes {
			seen[r.ID] = true
		}
		cursor = page.Next
		if n == 1 { // in the midst of the walk a record leaves the window
			if err := w.sys.As(ada).Edit("deals", ids[449], map[string]string{"amount": "8"}); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(10 * time.Second)
		}
		if !page.More {
			break
		}
	}
	rows, cursor := poll(t, w.conn, "deals", cursor)
	for _, r := range rows {
		seen[r.ID] = true
	}
	if len(seen) != len(ids) {
		t.Errorf("%d of %d edited records are listed", len(seen), len(ids))
	}
	w.Settle(nil)
	_, cursor = poll(t, w.conn, "deals", cursor)
	if rows, _ := poll(t, w.conn, "deals", cursor); len(rows) > 0 {
		t.Errorf("a quiet account lists %d rows", len(rows))
	}
}

// skewed is a clock that is wrong by a fixed time.
type skewed struct {
	clock
	by time.Duration
}

func (c skewed) Now() time.Time { return c.clock.Now().Add(c.by) }

func TestChangesWithAWrongClock(t *testing.T) {
	for _, by := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			w := openWorld(connectortest.T(t), ofDeals)
			c := reopen(t, w, nil, connectors.Options{Clock: skewed{w.clock, by}})
			ids := seedDeals(t, w, 5)
			w.clock.Advance(time.Minute)
			_, cursor := poll(t, c, "deals", "")
			for _, id := range ids {
				w.clock.Advance(7 * time.Minute)
				if err := w.sys.As(ada).Edit("deals", id, map[string]string{"amount": "7"}); err != nil {
					t.Fatal(err)
				}
				var rows []connectors.Change
				rows, cursor = poll(t, c, "deals", cursor) // before the index knows
				w.clock.Advance(30 * time.Second)
				late, next := poll(t, c, "deals", cursor)
				cursor = next
				if !slices.Contains(rowIDs(append(rows, late...)), id) {
					t.Errorf("the edit of %s is missing", id)
				}
			}
			w.Settle(nil)
			_, cursor = poll(t, c, "deals", cursor)
			if rows, _ := poll(t, c, "deals", cursor); len(rows) > 0 {
				t.Errorf("a quiet account lists %d rows", len(rows))
			}
		})
	}
}

// reopen opens another connection to the world.
func reopen(t *testing.T, w *world, settings map[string]string, options connectors.Options) connectors.Connection {
	t.Helper()
	values := map[string]string{"token": sandbox.DefaultToken, "client_secret": sandbox.DefaultClientSecret, "base_url": w.base}
	if settings != nil {
		values = settings
		values["base_url"] = w.base
	}
	return open(t, values, options)
}

func TestChangesTellOfArchivedRecords(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	ids := seedDeals(t, w, 130)
	for _, id := range ids[:120] {
		w.Delete(connectortest.T(t), id)
	}
	_, cursor := poll(t, w.conn, "deals", "")
	w.Settle(nil)
	_, cursor = poll(t, w.conn, "deals", cursor)
	w.clock.Advance(time.Hour)
	_, cursor = poll(t, w.conn, "deals", cursor)
	w.clock.Advance(time.Hour)
	w.Delete(connectortest.T(t), ids[125])
	w.clock.Advance(time.Minute)
	rows, cursor := poll(t, w.conn, "deals", cursor)
	if len(rows) != 1 || rows[0].ID != ids[125] || rows[0].State != connectors.Archived {
		t.Errorf("rows = %+v, want %s archived and nothing else", rows, ids[125])
	}
	if n := w.calls(func() { poll(t, w.conn, "deals", cursor) }); n != 1 {
		t.Errorf("%d requests for the next poll, want 1: the archived list is not due", n)
	}
}

func TestCallsPerChange(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	prepare(t, w, "deals")
	ids := seedDeals(t, w, 100)
	if _, err := w.conn.Schema(t.Context(), "deals", nil); err != nil {
		t.Fatal(err)
	}
	w.conn.Update(t.Context(), []connectors.Update{{Object: "deals", ID: ids[0], Fields: won}}) // learns the owners
	updates := make([]connectors.Update, len(ids))
	for i, id := range ids {
		updates[i] = connectors.Update{Object: "deals", ID: id, Fields: map[string]connectors.Value{"amount": connectors.Int(int64(i))}}
	}
	creates := make([]connectors.Create, 100)
	keys := make([]string, 100)
	for i := range creates {
		keys[i] = fmt.Sprintf("tenon-%d", i)
		creates[i] = connectors.Create{Object: "deals", Key: keys[i], Fields: map[string]connectors.Value{
			"dealname": connectors.Text("New"), "dealstage": won["dealstage"],
		}}
	}
	for _, tt := range []struct {
		name string
		want int
		do   func()
	}{
		{"read 100", 1, func() { _, _ = w.conn.Read(t.Context(), deals, ids) }},
		{"update 100", 1, func() { w.conn.Update(t.Context(), updates) }},
		{"create 100", 1, func() { w.conn.Create(t.Context(), creates) }},
		{"find 100 keys", 1, func() { _, _ = w.conn.FindByKey(t.Context(), "deals", nil, keys) }},
	} {
		if got := w.calls(tt.do); got != tt.want {
			t.Errorf("%s: %d requests, want %d", tt.name, got, tt.want)
		}
	}
}

func TestOneBadRecordAmongMany(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	ids := seedDeals(t, w, 100)
	updates := make([]connectors.Update, len(ids))
	for i, id := range ids {
		updates[i] = connectors.Update{Object: "deals", ID: id, Fields: map[string]connectors.Value{"amount": connectors.Int(int64(i))}}
	}
	updates[37].Fields["dealtype"] = connectors.Choice(connectors.Option{ID: "nonsense"})
	var results []connectors.WriteResult
	n := w.calls(func() { results = w.conn.Update(t.Context(), updates) })
	for i, r := range results {
		if (r.Err != nil) != (i == 37) {
			t.Errorf("update %d: %v", i, r.Err)
		}
	}
	if n > 20 {
		t.Errorf("%d requests to find one bad record among 100, want at most 20", n)
	}
	err := results[37].Err.Error()
	if !strings.HasPrefix(err, "crm: update deals/"+ids[37]+`: field "dealtype": `) {
		t.Errorf("error = %s", err)
	}
}

func TestCreateWithoutTheKeyProperty(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	want := "run `tenon prepare`: it creates the property tenon_key on deals in HubSpot"
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "deals", Key: "k", Fields: map[string]connectors.Value{"dealname": connectors.Text("x")}}})
	_, err := w.conn.FindByKey(t.Context(), "deals", nil, []string{"k"})
	for _, err := range []error{r[0].Err, err} {
		if e, ok := errors.AsType[*connectors.Error](err); !ok || e.Kind != connectors.Invalid || e.Help != want {
			t.Errorf("error = %#v, want Invalid with the help %q", err, want)
		}
		if !strings.Contains(err.Error(), "tenon_key") {
			t.Errorf("error = %q, want it to name the property", err)
		}
	}
	missing, err := connectors.AbilitiesOf(w.conn).Preparer.Missing(t.Context(), connectors.Need{Object: "deals", Comment: true})
	if diff := cmp.Diff([]string{
		"the property tenon_key (single-line text, unique values) on deals",
		"the property tenon_key (single-line text, unique values) on notes",
	}, missing); err != nil || diff != "" {
		t.Errorf("Missing: %v (-want +got):\n%s", err, diff)
	}
}

func TestKeyOfAnArchivedRecordStaysKnown(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	prepare(t, w, "deals")
	create := []connectors.Create{{Object: "deals", Key: "tenon-a", Fields: map[string]connectors.Value{"dealname": connectors.Text("x")}}}
	id := w.conn.Create(t.Context(), create)[0].ID
	if errs := connectors.AbilitiesOf(w.conn).Archiver.Archive(t.Context(), "deals", []string{id}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	got, err := w.conn.FindByKey(t.Context(), "deals", nil, []string{"tenon-a"})
	if err != nil || len(got[0]) != 1 || got[0][0] != id {
		t.Errorf("FindByKey = %v, %v; want %s", got, err, id)
	}
	if r := readOne(t, w, deals, id); r.State != connectors.Archived {
		t.Errorf("state = %v, want archived", r.State)
	}
}

func TestChildrenAreLinkedToTheirParent(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	prepare(t, w, "tasks")
	deal := seedDeals(t, w, 1)[0]
	task := connectors.Create{
		Object: "tasks", Scope: connectors.Scope{"parent": "deals"}, Key: "tenon-t1", Parent: deal,
		Fields: map[string]connectors.Value{
			"hs_task_subject": connectors.Text("Call them"), "hs_timestamp": connectors.Instant(w.clock.Now()),
		},
	}
	results := w.conn.Create(t.Context(), []connectors.Create{task})
	if results[0].Err != nil {
		t.Fatal(results[0].Err)
	}
	truth, err := w.sys.Get("deals", deal)
	if err != nil || !slices.Equal(truth.Linked["tasks"], []string{results[0].ID}) {
		t.Errorf("the deal's tasks are %v (%v), want %s", truth.Linked["tasks"], err, results[0].ID)
	}
	sel := connectors.Selection{Object: "tasks", Scope: task.Scope, Fields: []string{"hs_task_subject"}}
	if r := readOne(t, w, sel, results[0].ID); r.Parent != deal || r.Title != "Call them" {
		t.Errorf("parent %q, title %q; want %s, Call them", r.Parent, r.Title, deal)
	}
}

func TestParentsObjectIsFoundOut(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	prepare(t, w, "tasks")
	deal := seedDeals(t, w, 1)[0]
	task := connectors.Create{Object: "Task", Parent: deal, Fields: map[string]connectors.Value{"hs_task_subject": connectors.Text("Call them")}}
	create := func(key string) connectors.WriteResult {
		task.Key = key
		return w.conn.Create(t.Context(), []connectors.Create{task})[0]
	}
	if r := create("tenon-1"); connectors.KindOf(r.Err) != connectors.Invalid || connectors.IsUnsure(r.Err) {
		t.Errorf("nothing known but tasks: %v, want Invalid", r.Err)
	}
	for _, object := range []string{"deals", "companies"} { // one candidate, then two
		if _, err := w.conn.Schema(t.Context(), object, nil); err != nil {
			t.Fatal(err)
		}
		if r := create("tenon-" + object); r.Err != nil {
			t.Error(r.Err)
		}
	}
	truth, err := w.sys.Get("deals", deal)
	if err != nil || len(truth.Linked["tasks"]) != 2 || len(w.sys.All("tasks")) != 2 {
		t.Errorf("the deal has the tasks %v of %d (%v), want 2 of 2", truth.Linked["tasks"], len(w.sys.All("tasks")), err)
	}
	if got := w.sys.All("tasks")[0].Properties["hs_timestamp"]; got == "" {
		t.Error("a task without a time of its own has none")
	}
	task.Parent = "399999999999"
	if r := create("tenon-x"); connectors.KindOf(r.Err) != connectors.Invalid {
		t.Errorf("a parent that is nowhere: %v, want Invalid", r.Err)
	}
}

func TestAssociatedCompany(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	ids := seedDeals(t, w, 2)
	company, err := w.sys.As(ada).Create("companies", map[string]string{"name": "Roofers"})
	if err == nil {
		err = w.sys.As(ada).Link("deals", ids[0], "companies", company)
	}
	if err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "deals", Fields: []string{"associated_company", "associated_company_name"}}
	linked, free := readOne(t, w, sel, ids[0]), readOne(t, w, sel, ids[1])
	v, _ := linked.Get("associated_company")
	if object, id, title := v.Reference(); object != "companies" || id != company || title != "Roofers" {
		t.Errorf("reference = %s %s %q", object, id, title)
	}
	if v, _ := linked.Get("associated_company_name"); v.Text() != "Roofers" {
		t.Errorf("name = %q, want Roofers", v)
	}
	if v, presence := free.Get("associated_company_name"); !v.IsNull() || presence != connectors.Present {
		t.Errorf("name of no company = %q, %v; want null, present", v, presence)
	}
	r := w.conn.Update(t.Context(), []connectors.Update{{Object: "deals", ID: ids[0], Fields: map[string]connectors.Value{"associated_company_name": connectors.Text("x")}}})
	if connectors.KindOf(r[0].Err) != connectors.Invalid {
		t.Errorf("writing it: %v, want Invalid", r[0].Err)
	}
}

func TestCustomObject(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	w.post(connectortest.T(t), "/crm-object-schemas/2026-03/schemas", []byte(`{"name":"site","labels":{"singular":"Site","plural":"Sites"},"primaryDisplayProperty":"title",
		"requiredProperties":["title"],"associatedObjects":["NOTE","DEAL"],"properties":[{"name":"title","label":"Title","type":"string","fieldType":"text"}]}`))
	w.clock.Advance(2 * time.Second)
	for _, name := range []string{"site", "p_site", "Sites"} {
		if s, err := w.conn.Schema(t.Context(), name, nil); err != nil || s.Object != name || !s.Field("title").Required {
			t.Errorf("Schema(%s) = %+v, %v", name, s, err)
		}
	}
	prepare(t, w, "site")
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "site", Key: "tenon-s", Fields: map[string]connectors.Value{"title": connectors.Text("North")}}})
	if r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
	got, err := w.conn.FindByKey(t.Context(), "site", nil, []string{"tenon-s"})
	if err != nil || !slices.Equal(got[0], []string{r[0].ID}) {
		t.Errorf("FindByKey = %v, %v; want %s", got, err, r[0].ID)
	}
	rec := readOne(t, w, connectors.Selection{Object: "site", Fields: []string{"title"}}, r[0].ID)
	if rec.Title != "North" || rec.Ref.Object != "site" {
		t.Errorf("record = %+v", rec)
	}
	if _, err := connectors.AbilitiesOf(w.conn).Commenter.AddComment(t.Context(), "site", r[0].ID, connectors.Comment{Key: "tenon-n", Body: "Hello"}); err != nil {
		t.Error(err)
	}
	w.Settle(nil)
	if rows, _ := poll(t, w.conn, "site", ""); !slices.Equal(rowIDs(rows), []string{r[0].ID}) {
		t.Errorf("changes = %+v", rows)
	}
	_, err = w.conn.Schema(t.Context(), "nothing", nil)
	if connectors.KindOf(err) != connectors.NotFound || !strings.Contains(err.Error(), "site") {
		t.Errorf("Schema(nothing) = %v, want NotFound that lists the objects", err)
	}
}

func TestContactsByEmail(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	id, err := w.sys.As(ada).Create("contacts", map[string]string{"email": "kim@example.com", "firstname": "Kim"})
	if err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "contacts"}
	got, err := connectors.AbilitiesOf(w.conn).Finder.Find(t.Context(), sel, "email", []connectors.Value{connectors.Text("KIM@example.com"), connectors.Text("no@example.com")}, 5)
	if err != nil || !slices.Equal(got[0], []string{id}) || got[1] != nil {
		t.Errorf("Find, before the index knows = %v, %v; want %s and nothing", got, err, id)
	}
	got, err = connectors.AbilitiesOf(w.conn).Finder.Find(t.Context(), sel, "hs_object_id", []connectors.Value{connectors.Text(id), connectors.Text("x")}, 5)
	if err != nil || !slices.Equal(got[0], []string{id}) || got[1] != nil {
		t.Errorf("Find by id = %v, %v; want %s and nothing", got, err, id)
	}
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "contacts", Fields: map[string]connectors.Value{"email": connectors.Text("kim@example.com")}}})
	want := "crm: create contacts: another of HubSpot's contacts has the same email: Contact already exists. Existing ID: " + id
	if connectors.KindOf(r[0].Err) != connectors.Invalid || !strings.HasPrefix(fmt.Sprint(r[0].Err), want) {
		t.Errorf("a second contact of one e-mail: %v, want Invalid: %s", r[0].Err, want)
	}
	other, err := w.sys.As(ada).Create("contacts", map[string]string{"email": "lee@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	u := w.conn.Update(t.Context(), []connectors.Update{{Object: "contacts", ID: other, Fields: map[string]connectors.Value{"email": connectors.Text("kim@example.com")}}})
	if e, ok := errors.AsType[*connectors.Error](u[0].Err); !ok || e.Kind != connectors.Invalid || len(e.Fields) != 1 || e.Fields[0].Field != "email" {
		t.Errorf("an e-mail that is taken: %v, want Invalid that names it", u[0].Err)
	}
	rows, _ := poll(t, w.conn, "contacts", "")
	if !slices.Equal(rowIDs(rows), []string{id, other}) {
		t.Errorf("changes = %v, want %s and %s", rowIDs(rows), id, other)
	}
}

func TestNewStageIsLearnt(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	id := seedDeals(t, w, 1)[0]
	sel := connectors.Selection{Object: "deals", Fields: []string{"dealstage"}}
	readOne(t, w, sel, id)
	w.post(connectortest.T(t), "/crm/pipelines/2026-03/deals/default/stages", []byte(`{"label":"Brand new","stageId":"brand_new","displayOrder":20,"metadata":{"probability":"0.5"}}`))
	w.edit(connectortest.T(t), id, map[string]string{"dealstage": "brand_new"})
	w.clock.Advance(11 * time.Minute)
	if v, _ := readOne(t, w, sel, id).Get("dealstage"); v.Option() != (connectors.Option{ID: "brand_new", Label: "Brand new"}) {
		t.Errorf("stage = %+v, want its label", v.Option())
	}
}

func TestOAuth(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	code := w.sys.Authorize("https://tenon.example.com/cb", []string{"crm.objects.deals.read", "crm.objects.owners.read", "oauth"}, ada)
	resp, err := http.PostForm(w.base+"/oauth/2026-03/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {sandbox.DefaultClientID}, "client_secret": {sandbox.DefaultClientSecret},
		"redirect_uri": {"https://tenon.example.com/cb"}, "code": {code},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var granted struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(raw, &granted); err != nil || granted.Refresh == "" {
		t.Fatalf("token call: %s %v", raw, err)
	}
	id := seedDeals(t, w, 1)[0]
	c := reopen(t, w, map[string]string{
		"client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "refresh_token": granted.Refresh,
	}, connectors.Options{Clock: w.clock})
	for _, step := range []func(){func() {}, w.sys.ExpireTokens, func() { w.clock.Advance(31 * time.Minute) }} {
		step()
		if got, err := c.Read(t.Context(), connectors.Selection{Object: "deals"}, []string{id}); err == nil && got[0].Err != nil || err != nil && connectors.KindOf(err) != connectors.Permission {
			t.Errorf("Read = %+v, %v", got, err)
		}
	}
	bad := reopen(t, w, map[string]string{"client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "refresh_token": "no-such-token"}, connectors.Options{Clock: w.clock})
	if _, err := bad.Check(t.Context()); connectors.KindOf(err) != connectors.Auth || strings.Contains(err.Error(), sandbox.DefaultClientSecret) {
		t.Errorf("Check with a bad refresh token = %v, want Auth", err)
	}
}

func TestOwnersThatMayNotBeSeen(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	id := seedDeals(t, w, 1)[0]
	w.edit(connectortest.T(t), id, map[string]string{"hubspot_owner_id": w.sys.OwnerID(ada)})
	w.sys.SetScopes([]string{"crm.objects.deals.read", "crm.schemas.deals.read"})
	sel := connectors.Selection{Object: "deals", Fields: []string{"hubspot_owner_id"}}
	v, _ := readOne(t, w, sel, id).Get("hubspot_owner_id")
	if p := v.Person(); p.ID != w.sys.OwnerID(ada) || p.Email != "" {
		t.Errorf("owner = %+v, want the id alone", p)
	}
	if n := w.calls(func() { readOne(t, w, sel, id) }); n != 1 {
		t.Errorf("the next read takes %d requests, want 1", n)
	}
	_, err := connectors.AbilitiesOf(w.conn).PeopleFinder.PeopleByEmail(t.Context(), []string{ada})
	if connectors.KindOf(err) != connectors.Permission {
		t.Errorf("PeopleByEmail = %v, want Permission", err)
	}
}

func TestCheckNamesMissingScopes(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	w.sys.SetScopes([]string{"crm.objects.deals.read", "crm.objects.contacts.read", "crm.objects.companies.read"})
	account, err := w.conn.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(account.Warnings) > 0 {
		t.Errorf("warnings %q about objects that nobody named", account.Warnings)
	}
	if diff := cmp.Diff([]string{"owners cannot be read, so people cannot be matched: give the app in HubSpot the scope crm.objects.owners.read"}, account.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if account.Zone == "" || account.System == "" {
		t.Errorf("account = %+v", account)
	}
}

func TestFindManyValues(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	can := connectors.AbilitiesOf(w.conn)
	day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	var names, days, amounts, stamps []connectors.Value
	var want [][]string
	for i := range 45 { // more values than fit one search, and more records than a page
		at := day.AddDate(0, 0, i)
		amount, err := connectors.ParseNumber(fmt.Sprintf("%d.50", i))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, connectors.Text(fmt.Sprintf("Roof %d", i)))
		days = append(days, connectors.DateOf(at))
		stamps = append(stamps, connectors.Instant(at.Add(time.Hour)))
		amounts = append(amounts, amount)
		var ids []string
		for range 1 + 12*(i%2) {
			id, err := w.sys.As(ada).Create("deals", map[string]string{
				"dealname": names[i].Text(), "expected_delivery": at.Format(time.DateOnly), "amount": fmt.Sprintf("%d.500", i),
				"closedate": at.Add(time.Hour).Format(time.RFC3339), "pipeline": "default", "dealstage": "closedwon",
			})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		want = append(want, ids[:min(len(ids), 3)])
	}
	w.Settle(nil)
	for field, values := range map[string][]connectors.Value{"dealname": names, "expected_delivery": days, "closedate": stamps} {
		got, err := can.Finder.Find(t.Context(), connectors.Selection{Object: "deals"}, field, values, 3)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Find by %s (-want +got):\n%s", field, diff)
		}
	}
	got, err := can.Finder.Find(t.Context(), connectors.Selection{Object: "deals"}, "amount", amounts[:1], 3)
	if err != nil || !slices.Equal(got[0], want[0]) {
		t.Errorf("Find by amount = %v, %v; want %v", got, err, want[0])
	}
	byID, err := can.Finder.Find(t.Context(), connectors.Selection{Object: "deals", Scope: connectors.Scope{"pipeline": otherPipe}}, "dealname", names[:1], 3)
	if err != nil || byID[0] != nil {
		t.Errorf("Find in another pipeline = %v, %v; want nothing", byID, err)
	}
	_, err = can.Finder.Find(t.Context(), connectors.Selection{Object: "deals"}, "dealname", []connectors.Value{connectors.Text(strings.Repeat("x", 3000))}, 3)
	if connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("Find by a long text = %v, want Invalid", err)
	}
	_, err = can.Finder.Find(t.Context(), connectors.Selection{Object: "deals"}, "no_such_field", names[:1], 3)
	if connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("Find by an unknown field = %v, want Invalid", err)
	}
}

func TestPropertyThatIsNotUnique(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	w.post(connectortest.T(t), "/crm/properties/2026-03/deals", []byte(`{"name":"tenon_key","label":"x","type":"string","fieldType":"text","groupName":"dealinformation"}`))
	p := connectors.AbilitiesOf(w.conn).Preparer
	_, err := p.Missing(t.Context(), connectors.Need{Object: "deals"})
	for _, err := range []error{err, p.Prepare(t.Context(), connectors.Need{Object: "deals"})} {
		if connectors.KindOf(err) != connectors.Conflict {
			t.Errorf("error = %v, want Conflict", err)
		}
	}
}

// HubSpot may answer 2xx with errors and without results.
func TestHollowBatch(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	ids := seedDeals(t, w, 2)
	w.sys.HollowBatches(1)
	var updates []connectors.Update
	for _, id := range ids {
		updates = append(updates, connectors.Update{Object: "deals", ID: id, Fields: map[string]connectors.Value{"dealname": connectors.Text("x")}})
	}
	for i, r := range w.conn.Update(t.Context(), updates) {
		if r.Err == nil || r.Record != nil {
			t.Errorf("update %d of a batch that failed: %+v, want an error", i, r)
		}
	}
	for i, r := range w.conn.Update(t.Context(), updates) {
		if r.Err != nil {
			t.Errorf("update %d afterwards: %v", i, r.Err)
		}
	}
}
