package github_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// blind answers queries for issues as GitHub does where a part of one issue must
// not be seen: the part is null, and an error names it.
type blind struct{ alias string }

func (b blind) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/graphql") {
		return resp, err
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	var answer struct {
		Data struct {
			Repository map[string]any `json:"repository"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	if part, ok := answer.Data.Repository[b.alias].(map[string]any); ok {
		part["labels"] = map[string]any{"nodes": []any{}}
		raw, err = json.Marshal(map[string]any{"data": answer.Data, "errors": []any{map[string]any{
			"type": "FORBIDDEN", "message": "Resource not accessible by integration", "path": []any{"repository", b.alias, "labels"},
		}}})
		if err != nil {
			return nil, err
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// TestPartOfOneIssueIsNoReasonForAll hides a part of one issue from GraphQL: the
// others are read all the same, and what it lacks does not look empty.
func TestPartOfOneIssueIsNoReasonForAll(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	one := w.make(t, map[string]connectors.Value{"title": connectors.Text("One"), "labels": connectors.Labels("bug")})
	two := w.make(t, text("title", "Two"))
	conn := open(t, w.url, nil, connectors.Options{Clock: w.clock, Transport: blind{"i1"}})
	got, err := conn.Read(t.Context(), issues, []string{one, two})
	if err != nil || got[0].Err != nil || got[1].Err != nil {
		t.Fatalf("Read: %+v, %v", got, err)
	}
	if labels, _ := got[0].Record.Get("labels"); !connectors.Equal(labels, connectors.Labels("bug")) {
		t.Errorf("labels: got %v, want bug", labels)
	}
	if title := got[1].Record.Title; title != "Two" {
		t.Errorf("the other's title is %q", title)
	}
}

// TestKeyOfAnIssueThatCannotBeReadIsNotUnknown: taken for unknown, the issue
// would be made again.
func TestKeyOfAnIssueThatCannotBeReadIsNotUnknown(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: delivery, Key: "tenon-seen", Fields: text("title", "Seen")}})[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	w.clock.Advance(2 * time.Minute)
	conn := open(t, w.url, nil, connectors.Options{Clock: w.clock, Transport: blind{"i1"}})
	found, err := conn.FindByKey(t.Context(), "issue", delivery, []string{"tenon-seen"})
	if err != nil || !slices.Equal(found[0], []string{r.ID}) {
		t.Fatalf("FindByKey: %v, %v; want %s", found, err, r.ID)
	}
	w.strike(connectortest.T(t), kit.Rule{Kind: kit.ServerError, Status: http.StatusForbidden, Path: "**/issues/1"})
	if found, err := conn.FindByKey(t.Context(), "issue", delivery, []string{"tenon-seen"}); err == nil {
		t.Errorf("FindByKey of an issue that may not be read: got %v, want an error", found)
	}
}

func TestAssigneesAreEditedOneByOne(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	id := w.make(t, map[string]connectors.Value{"title": connectors.Text("People"), "assignees": connectors.Labels("ada-okafor")})
	edit := func(e connectors.SetEdit) {
		t.Helper()
		r := w.conn.Update(t.Context(), []connectors.Update{{Object: "issue", Scope: delivery, ID: id, Edits: map[string]connectors.SetEdit{"assignees": e}}})[0]
		if r.Err != nil || len(r.Refused) > 0 {
			t.Fatalf("Update: %+v", r)
		}
	}
	edit(connectors.SetEdit{Add: connectors.Labels("tbecker").Options()})
	if i, _ := w.sys.Issue(repository, number(id)); !slices.Equal(i.Assignees, []string{"ada-okafor", "tbecker"}) {
		t.Errorf("after the addition: %v", i.Assignees)
	}
	edit(connectors.SetEdit{Remove: connectors.Labels("ada-okafor").Options()})
	if i, _ := w.sys.Issue(repository, number(id)); !slices.Equal(i.Assignees, []string{"tbecker"}) {
		t.Errorf("after the removal: %v", i.Assignees)
	}
	edit(connectors.SetEdit{Remove: connectors.Labels("tbecker").Options()})
	if i, _ := w.sys.Issue(repository, number(id)); len(i.Assignees) > 0 {
		t.Errorf("after the last one's removal: %v", i.Assignees)
	}
}

// TestPersonIsAskedForAgain: a look at a person that failed tells nothing about
// the e-mail.
func TestPersonIsAskedForAgain(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	id := w.make(t, map[string]connectors.Value{"title": connectors.Text("Assigned"), "assignees": connectors.Labels("ada-okafor")})
	conn := open(t, w.url, nil, connectors.Options{Clock: w.clock})
	w.strike(connectortest.T(t), kit.Rule{Kind: kit.ServerError, Path: "**/users/*"})
	if got, err := conn.Read(t.Context(), issues, []string{id}); err == nil {
		t.Fatalf("Read while people cannot be asked for: %+v, want an error", got)
	}
	w.sys.Faults().Clear()
	got, err := conn.Read(t.Context(), issues, []string{id})
	if err != nil || got[0].Err != nil {
		t.Fatalf("Read: %+v, %v", got, err)
	}
	if v, _ := got[0].Record.Get("assignee"); v.Person().Email != ada {
		t.Errorf("the assignee is %+v, want %s", v.Person(), ada)
	}
}
