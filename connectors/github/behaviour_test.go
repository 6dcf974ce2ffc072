package github_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
	"github.com/tenonsync/tenon/sandbox/kit"
)

var issues = connectors.Selection{Object: "issue", Scope: delivery, Fields: []string{"title", "body", "status", "labels", "assignee"}}

// read reads one record.
func (w *world) read(t *testing.T, sel connectors.Selection, id string) *connectors.Record {
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

func (w *world) update(t *testing.T, id string, fields map[string]connectors.Value) connectors.WriteResult {
	t.Helper()
	return w.conn.Update(t.Context(), []connectors.Update{{Object: "issue", Scope: delivery, ID: id, Fields: fields}})[0]
}

func text(field, s string) map[string]connectors.Value {
	return map[string]connectors.Value{field: connectors.Text(s)}
}

func (w *world) make(t *testing.T, fields map[string]connectors.Value) string {
	t.Helper()
	return w.Create(connectortest.T(t), fields)
}

func TestTransferredIssueIsMergedIntoItsNewSelf(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	id := w.make(t, text("title", "Moved"))
	w.read(t, issues, id)
	w.Webhooks(connectortest.T(t))
	there, err := w.sys.As(ada).Transfer(repository, number(id), "harbourworks/operations")
	if err != nil {
		t.Fatal(err)
	}
	now := fmt.Sprintf("%d-%d", w.sys.RepositoryID("harbourworks/operations"), there)
	r := w.read(t, issues, id)
	if r.State != connectors.Merged || r.MergedInto != now {
		t.Errorf("state %v, merged into %q; want merged, %q", r.State, r.MergedInto, now)
	}
	if got := w.read(t, issues, now); got.InScope || got.State != connectors.Live {
		t.Errorf("the new one is in scope %v, %v; want false, live", got.InScope, got.State)
	}
	// The trap: net/http would turn this PATCH into a GET that succeeds.
	res := w.update(t, id, text("title", "Lost"))
	if got := connectors.KindOf(res.Err); got != connectors.NotFound || connectors.IsUnsure(res.Err) {
		t.Errorf("update of a transferred issue: %v, want a sure NotFound", res.Err)
	}
	if i, _ := w.sys.Issue("harbourworks/operations", there); i.Title != "Moved" {
		t.Errorf("the title is %q", i.Title)
	}
	var hints []string
	for _, req := range w.Webhooks(connectortest.T(t)) {
		d, err := connectors.AbilitiesOf(w.conn).WebhookSource.ParseWebhook(req)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range d.Hints {
			hints = append(hints, h.ID)
		}
	}
	if !slices.Contains(hints, id) || !slices.Contains(hints, now) {
		t.Errorf("the webhook hints at %v, want both %s and %s", hints, id, now)
	}
}

func TestRenamedRepositoryGoesOn(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	id := w.make(t, text("title", "Before"))
	w.read(t, issues, id)
	if err := w.sys.Rename(repository, "shipping"); err != nil {
		t.Fatal(err)
	}
	if got := w.read(t, issues, id); !got.InScope {
		t.Errorf("a renamed repository is out of scope")
	}
	// The first write after the renaming meets a redirect, which is not followed.
	res := w.update(t, id, text("title", "After"))
	if res.Err != nil {
		if connectors.IsUnsure(res.Err) || !connectors.KindOf(res.Err).Temporary() {
			t.Fatalf("the write that met the redirect: %v, want a sure, temporary error", res.Err)
		}
		res = w.update(t, id, text("title", "After"))
	}
	if i, _ := w.sys.Issue("harbourworks/shipping", number(id)); res.Err != nil || i.Title != "After" {
		t.Errorf("got %v, title %q", res.Err, i.Title)
	}
	if page, err := w.conn.Changes(t.Context(), issues, ""); err != nil || len(page.Changes) != 1 || page.Changes[0].ID != id {
		t.Errorf("Changes by the old name: %+v, %v", page, err)
	}
}

func TestPullRequestsAreNoRecords(t *testing.T) {
	w := newWorld(t, sandbox.Options{}, nil)
	pull := ""
	for _, i := range w.sys.Issues(repository) {
		if i.PullRequest {
			pull = w.id(i.Number)
		}
	}
	got, err := w.conn.Read(t.Context(), issues, []string{pull})
	if err != nil || connectors.KindOf(got[0].Err) != connectors.NotFound || got[0].Record != nil {
		t.Errorf("Read of a pull request: %+v, %v", got, err)
	}
	page, err := w.conn.Changes(t.Context(), issues, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Changes {
		if row.ID == pull {
			t.Errorf("Changes lists the pull request %s", pull)
		}
	}
	if len(page.Changes) != len(w.IDs(connectortest.T(t))) {
		t.Errorf("%d rows for %d issues", len(page.Changes), len(w.IDs(connectortest.T(t))))
	}
}

func TestQuietListCostsNothing(t *testing.T) {
	w := newWorld(t, sandbox.Options{}, nil)
	var cursor string
	for range 5 {
		page, err := w.conn.Changes(t.Context(), issues, cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
		w.clock.Advance(time.Minute)
	}
	w.sys.Requests().Clear()
	for range 4 {
		page, err := w.conn.Changes(t.Context(), issues, cursor)
		if err != nil || page.Next != cursor || page.More || len(page.Changes) > 0 {
			t.Fatalf("a quiet list: %+v, %v", page, err)
		}
		w.clock.Advance(time.Minute)
	}
	free := 0
	for _, e := range w.sys.Requests().Since(0) {
		if e.Status == 304 {
			free++
		}
	}
	if got := len(w.sys.Requests().Since(0)); got != 4 || free < 3 {
		t.Errorf("got %d requests, %d of them free; want 4, at most one of them paid", got, free)
	}
	id := w.make(t, text("title", "New"))
	w.clock.Advance(time.Minute)
	page, err := w.conn.Changes(t.Context(), issues, cursor)
	if err != nil || len(page.Changes) != 1 || page.Changes[0].ID != id {
		t.Errorf("after a create: %+v, %v", page, err)
	}
}

// TestManyOfOneSecond walks through more issues of one second than a page holds.
func TestManyOfOneSecond(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	for n := range 230 {
		if _, err := w.sys.As(ada).Create(repository, map[string]any{"title": fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Hour)
	seen := map[string]bool{}
	cursor, pages := "", 0
	for more := true; more; pages++ {
		page, err := w.conn.Changes(t.Context(), issues, cursor)
		if err != nil || pages > 10 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, row := range page.Changes {
			seen[row.ID] = true
		}
		cursor, more = page.Next, page.More
	}
	if len(seen) != 230 {
		t.Errorf("got %d of 230 issues", len(seen))
	}
}

func TestMarkStaysHiddenAndStays(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	made := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: delivery, Key: "tenon-mark", Fields: text("title", "Marked")}})[0]
	if made.Err != nil {
		t.Fatal(made.Err)
	}
	for _, body := range []connectors.Value{connectors.RichText("One\n\n- [ ] task"), connectors.Null, connectors.RichText("Two")} {
		fresh := open(t, w.url, nil, connectors.Options{Clock: w.clock}) // knows no marks
		if r := fresh.Update(t.Context(), []connectors.Update{{Object: "issue", Scope: delivery, ID: made.ID, Fields: map[string]connectors.Value{"body": body}}})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
		i, _ := w.sys.Issue(repository, number(made.ID))
		if !strings.HasSuffix(i.Body, "<!-- tenon-key: tenon-mark -->") {
			t.Errorf("the mark is lost: %q", i.Body)
		}
		if got, _ := w.read(t, issues, made.ID).Get("body"); !connectors.Equal(got, body) {
			t.Errorf("the body reads %q, want %q", got, body)
		}
	}
}

func TestLimitsPauseTheConnection(t *testing.T) {
	for _, tc := range []struct {
		name string
		opts sandbox.Options
		arm  func(w *world)
		wait time.Duration
	}{
		{"the hour's allowance is used up", sandbox.Options{Limits: sandbox.Limits{Core: 3}}, func(*world) {}, 50 * time.Minute},
		{"a secondary limit that says how long", sandbox.Options{}, func(w *world) {
			_, _ = w.sys.Faults().Add(kit.Rule{Kind: kit.RateLimit, RetryAfter: 90, Times: 9})
		}, 90 * time.Second},
		{"a secondary limit that does not", sandbox.Options{}, func(w *world) { w.sys.SecondaryLimit() }, time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.opts.NoSeed = true
			w := newWorld(t, tc.opts, nil)
			id := w.make(t, text("title", "Limited"))
			if _, err := w.conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			tc.arm(w)
			var limited error
			for range 6 {
				if r := w.update(t, id, text("title", "Written")); r.Err != nil {
					limited = r.Err
					break
				}
			}
			if connectors.KindOf(limited) != connectors.RateLimited || connectors.IsUnsure(limited) || connectors.RetryAfter(limited) < tc.wait-2*time.Second {
				t.Fatalf("got %v, kind %v, wait %v; want RateLimited for %v at least", limited, connectors.KindOf(limited), connectors.RetryAfter(limited), tc.wait)
			}
			before := len(w.sys.Requests().Since(0))
			if r := w.update(t, id, text("title", "Too early")); connectors.KindOf(r.Err) != connectors.RateLimited || len(w.sys.Requests().Since(0)) != before {
				t.Errorf("during the pause: %v, and a request was sent: %v", r.Err, len(w.sys.Requests().Since(0)) != before)
			}
			w.sys.Faults().Clear()
			w.clock.Advance(connectors.RetryAfter(limited) + 5*time.Second)
			if r := w.update(t, id, text("title", "Later")); r.Err != nil {
				t.Errorf("after the pause: %v", r.Err)
			}
		})
	}
}

func TestCreatesAreSpacedOut(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true, Limits: sandbox.VendorLimits()}, nil)
	start := w.clock.Now()
	for n := range 100 {
		r := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: delivery, Fields: text("title", fmt.Sprint(n))}})[0]
		if r.Err != nil {
			t.Fatalf("create %d after %v: %v", n, w.clock.Now().Sub(start), r.Err)
		}
	}
	if took := w.clock.Now().Sub(start); took < 79*time.Second || took > 2*time.Minute {
		t.Errorf("100 creates took %v, want one a second after the first twenty", took)
	}
}

func TestAppFetchesOneTokenForAll(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, map[string]string{"app_id": "4711", "private_key": sandbox.DefaultPrivateKey, "installation_id": "815"})
	id := w.make(t, text("title", "Read by many"))
	minted := func() int {
		n := 0
		for _, e := range w.sys.Requests().Since(0) {
			if strings.HasSuffix(e.Path, "/access_tokens") {
				n++
			}
		}
		return n
	}
	together := func() {
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				if got, err := w.conn.Read(t.Context(), issues, []string{id}); err != nil || got[0].Err != nil {
					t.Errorf("Read: %v, %v", got, err)
				}
			})
		}
		wg.Wait()
	}
	together()
	if got := minted(); got != 1 {
		t.Errorf("%d tokens were fetched, want 1", got)
	}
	w.clock.Advance(2 * time.Hour)
	together()
	if got := minted(); got != 2 {
		t.Errorf("after two hours %d tokens were fetched, want 2", got)
	}
	w.sys.Suspend(true)
	_, err := w.conn.Check(t.Context())
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok || e.Kind != connectors.Auth && e.Kind != connectors.Permission || e.Help == "" {
		t.Errorf("Check by a suspended app: %v", err)
	}
}

func TestWebhookIsRegisteredOnce(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	w.sys.SetWebhookTarget("")
	reg := connectors.AbilitiesOf(w.conn).WebhookRegistrar
	target := connectors.WebhookTarget{URL: w.hooks, Objects: []connectors.Selection{issues, {Object: "milestone", Scope: delivery}, {Object: "issue", Scope: connectors.Scope{"repo": "harbourworks/operations"}}}}
	for range 3 {
		if renew, err := reg.EnsureWebhook(t.Context(), target); err != nil || !renew.IsZero() {
			t.Fatalf("EnsureWebhook: %v, %v", renew, err)
		}
	}
	posts := 0
	for _, e := range w.sys.Requests().Since(0) {
		if e.Method == "POST" && strings.HasSuffix(e.Path, "/hooks") {
			posts++
		}
	}
	if posts != 2 {
		t.Errorf("%d webhooks were made, want one for each of two repositories", posts)
	}
	id := w.make(t, text("title", "Told"))
	told := false
	for _, req := range w.Webhooks(connectortest.T(t)) {
		d, err := connectors.AbilitiesOf(w.conn).WebhookSource.ParseWebhook(req)
		if err != nil {
			t.Fatalf("a delivery, a ping among them: %v", err)
		}
		told = told || len(d.Hints) > 0 && d.Hints[0].ID == id && d.ID != ""
	}
	if !told {
		t.Errorf("no delivery told of %s", id)
	}
	if err := w.sys.SetRole(repository, sandbox.DefaultLogin, "write"); err != nil {
		t.Fatal(err)
	}
	_, err := reg.EnsureWebhook(t.Context(), target)
	if e, ok := errors.AsType[*connectors.Error](err); !ok || e.Kind != connectors.Permission || !strings.Contains(e.Help, "admin") {
		t.Errorf("EnsureWebhook without the right: %v", err)
	}
}

func TestUnseenRepositoryIsAMissingRight(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	id := w.make(t, text("title", "Hidden"))
	w.read(t, issues, id)
	if err := w.sys.Hide(repository, sandbox.DefaultLogin, true); err != nil {
		t.Fatal(err)
	}
	got, err := w.conn.Read(t.Context(), issues, []string{id})
	if err == nil {
		err = got[0].Err
	}
	if connectors.KindOf(err) != connectors.Permission {
		t.Errorf("Read: %v, want Permission", err)
	}
	if _, err := w.conn.Changes(t.Context(), issues, ""); connectors.KindOf(err) != connectors.Permission {
		t.Errorf("Changes: %v, want Permission: an unreadable list is no empty one", err)
	}
	if r := w.update(t, id, text("title", "x")); connectors.KindOf(r.Err) != connectors.Permission {
		t.Errorf("Update: %v, want Permission", r.Err)
	}
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: delivery, Fields: text("title", "x")}})[0]
	if connectors.KindOf(r.Err) != connectors.Permission || connectors.IsUnsure(r.Err) {
		t.Errorf("Create: %v, want a sure Permission", r.Err)
	}
}

func TestNewLabelsMayBeRefused(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, map[string]string{"new_labels": "refuse"})
	id := w.make(t, text("title", "Labels"))
	r := w.update(t, id, map[string]connectors.Value{"title": connectors.Text("Beside"), "labels": connectors.Labels("BUG", "unheard of")})
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != "labels" || !strings.Contains(r.Refused[0].Reason, "unheard of") {
		t.Fatalf("got %+v", r)
	}
	if r := w.update(t, id, map[string]connectors.Value{"labels": connectors.Labels("BUG")}); r.Err != nil || len(r.Refused) > 0 {
		t.Fatalf("got %+v", r)
	}
	if i, _ := w.sys.Issue(repository, number(id)); i.Title != "Beside" || !slices.Equal(i.Labels, []string{"bug"}) {
		t.Errorf("got %+v", i)
	}
}

// TestSubIssueFindsItsParentLater cuts the call between the create of a
// sub-issue and the one that puts it below its parent.
func TestSubIssueFindsItsParentLater(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	parent := w.make(t, text("title", "Parent"))
	w.strike(connectortest.T(t), kit.Rule{Kind: kit.ResetBefore, Path: "**/sub_issues"})
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: delivery, Key: "tenon-below", Parent: parent, Fields: text("title", "Below")}})[0]
	if !connectors.IsUnsure(r.Err) || r.ID == "" {
		t.Fatalf("got %+v, want an unsure error and the id", r)
	}
	w.sys.Faults().Clear()
	w.clock.Advance(2 * time.Minute)
	found, err := w.conn.FindByKey(t.Context(), "issue", delivery, []string{"tenon-below"})
	if err != nil || len(found[0]) != 1 || found[0][0] != r.ID {
		t.Fatalf("FindByKey: %v, %v", found, err)
	}
	if got := w.read(t, issues, r.ID); got.Parent != parent {
		t.Errorf("the parent is %q, want %q", got.Parent, parent)
	}
}

func TestFilesAreLinks(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	files := connectors.AbilitiesOf(w.conn).Filer
	id := w.make(t, map[string]connectors.Value{
		"title": connectors.Text("Files"), "body": connectors.RichText("See ![screen](https://github.com/user-attachments/assets/1f2e) and [the log](https://github.com/user-attachments/files/7/a.log)."),
	})
	if limit, err := files.FileLimit(t.Context(), "issue"); err != nil || limit != 0 {
		t.Errorf("FileLimit: %d, %v; want links only", limit, err)
	}
	w.clock.Advance(time.Second)
	added, err := files.AddLink(t.Context(), "issue", id, connectors.NewLink{Key: "tenon-f1", Name: `offer [v2] \ final.pdf`, URL: "https://files.example/offer%20v2.pdf?x=1"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := files.Files(t.Context(), "issue", id)
	if err != nil || len(got) != 3 {
		t.Fatalf("Files: %+v, %v", got, err)
	}
	if got[0].Name != "screen" || got[1].Link != "https://github.com/user-attachments/files/7/a.log" || got[0].Mine {
		t.Errorf("people's files: %+v", got[:2])
	}
	if f := got[2]; f.ID != added || f.Key != "tenon-f1" || !f.Mine || f.Name != `offer [v2] \ final.pdf` || f.Link != "https://files.example/offer%20v2.pdf?x=1" {
		t.Errorf("ours: %+v", f)
	}
	if list, err := connectors.AbilitiesOf(w.conn).Commenter.Comments(t.Context(), "issue", id); err != nil || len(list) != 0 {
		t.Errorf("a file shows as a comment: %+v, %v", list, err)
	}
	_, err = files.AddFile(t.Context(), "issue", id, connectors.NewFile{Name: "a.bin", Content: strings.NewReader("x"), Size: 1})
	if !errors.Is(err, connectors.ErrFileTooLarge) || connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("AddFile: %v", err)
	}
	if _, err := files.AddLink(t.Context(), "issue", id, connectors.NewLink{Name: "x", URL: "no address"}); connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("AddLink of no address: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		name     string
		settings map[string]string
		want     string
	}{
		{"site for API", map[string]string{"base_url": "https://github.com"}, "its API is https://api.github.com"},
		{"server without /api/v3", map[string]string{"base_url": "https://git.acme.example/github"}, "https://git.acme.example/api/v3"},
		{"no address", map[string]string{"base_url": "github"}, "is no address"},
		{"token and app", map[string]string{"token": "x", "app_id": "1"}, "exclude each other"},
		{"app without key", map[string]string{"app_id": "1"}, `"private_key" is missing`},
		{"no key", map[string]string{"app_id": "1", "private_key": "x"}, "no RSA key"},
		{"installation", map[string]string{"app_id": "1", "private_key": sandbox.DefaultPrivateKey, "installation_id": "x"}, "is no number"},
		{"lag", map[string]string{"token": "x", "list_lag": "soon"}, "write 1m"},
		{"pace", map[string]string{"token": "x", "creates_per_minute": "0"}, "between 0 and 10000"},
		{"share", map[string]string{"token": "x", "daily_share": "200"}, "between 1 and 100"},
		{"nothing", map[string]string{}, `"token" is missing`},
	} {
		if got := openError(t, tc.settings); got == nil || !strings.Contains(got.Error(), tc.want) || connectors.KindOf(got) != connectors.Invalid {
			t.Errorf("%s: got %v, want %q", tc.name, got, tc.want)
		}
	}
}
