package asana_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// bent changes the bodies of answers on their way.
type bent func(req *http.Request, body []byte) []byte

func (b bent) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	body = b(req, body)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// TestOneTaskInTroubleIsNoTroubleOfAsana: an action of a batch that fails at
// Asana's end says nothing about the others, nor that Asana is down.
func TestOneTaskInTroubleIsNoTroubleOfAsana(t *testing.T) {
	w := seeded(t)
	name := func(s string) map[string]connectors.Value {
		return map[string]connectors.Value{"name": connectors.Text(s)}
	}
	ids := []string{made(t, create(t, w, "task", "", "", name("One"))), made(t, create(t, w, "task", "", "", name("Two")))}
	conn := w.dial(t, bent(func(req *http.Request, body []byte) []byte {
		var replies struct {
			Data []map[string]any `json:"data"`
		}
		if !strings.HasSuffix(req.URL.Path, "/batch") || json.Unmarshal(body, &replies) != nil || len(replies.Data) != 2 {
			return body
		}
		replies.Data[0] = map[string]any{"status_code": 500, "body": map[string]any{"errors": []any{map[string]any{"message": "Server Error", "phrase": "6 sad squid"}}}}
		body, err := json.Marshal(replies)
		if err != nil {
			t.Error(err)
		}
		return body
	}))
	check := func(what string, one, two error) {
		t.Helper()
		if connectors.KindOf(one) != connectors.Internal || one == nil || two != nil {
			t.Errorf("%s: got %v and %v, want an internal error and none", what, one, two)
		}
	}
	read, err := conn.Read(t.Context(), connectors.Selection{Object: "task", Scope: delivery, Fields: []string{"name"}}, ids)
	if err != nil {
		t.Fatal(err)
	}
	check("Read", read[0].Err, read[1].Err)
	said, err := connectors.AbilitiesOf(conn).Commenter.(connectors.BatchCommenter).CommentsOf(t.Context(), "task", ids)
	if err != nil {
		t.Fatal(err)
	}
	check("CommentsOf", said[0].Err, said[1].Err)
	wrote := conn.Update(t.Context(), []connectors.Update{
		{Object: "task", Scope: delivery, ID: ids[0], Fields: name("One more")}, {Object: "task", Scope: delivery, ID: ids[1], Fields: name("Two more")},
	})
	check("Update", wrote[0].Err, wrote[1].Err)
	if !connectors.IsUnsure(wrote[0].Err) {
		t.Errorf("Update: %v is sure, though it may have taken effect", wrote[0].Err)
	}
}

// TestAttachmentElsewhereIsNotFetched: its address is one that a person chose.
func TestAttachmentElsewhereIsNotFetched(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Files")}))
	files := connectors.AbilitiesOf(w.conn).Filer
	link, err := files.AddLink(t.Context(), "task", id, connectors.NewLink{Name: "Plan", URL: "https://files.example.com/plan"})
	if err != nil {
		t.Fatal(err)
	}
	asked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(elsewhere.Close)
	conn := w.dial(t, bent(func(req *http.Request, body []byte) []byte {
		if !strings.HasSuffix(req.URL.Path, "/attachments/"+link) {
			return body
		}
		body, err := json.Marshal(map[string]any{"data": map[string]any{
			"gid": link, "resource_subtype": "external", "host": "external", "download_url": elsewhere.URL + "/plan", "parent": map[string]any{"gid": id},
		}})
		if err != nil {
			t.Error(err)
		}
		return body
	}))
	content, err := connectors.AbilitiesOf(conn).Filer.OpenFile(t.Context(), "task", id, link)
	if err == nil {
		_ = content.Close()
	}
	if connectors.KindOf(err) != connectors.NotFound || err == nil || asked {
		t.Errorf("OpenFile of a link: %v, asked elsewhere: %v; want NotFound, false", err, asked)
	}
}

// endless answers for stories with page after page.
type endless struct{ pages *int }

func (e endless) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, "/stories") {
		return http.DefaultTransport.RoundTrip(req)
	}
	*e.pages++
	answer := `{"data":[],"next_page":{"offset":"` + strconv.Itoa(*e.pages) + `"}}`
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(answer)), ContentLength: int64(len(answer)), Request: req,
	}, nil
}

// TestListWithoutAnEndEnds: whatever pages are told of, a look at comments ends.
func TestListWithoutAnEndEnds(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Talk")}))
	pages := 0
	conn := w.dial(t, endless{&pages})
	can := connectors.AbilitiesOf(conn).Commenter
	if _, err := can.Comments(t.Context(), "task", id); connectors.KindOf(err) != connectors.Internal || err == nil {
		t.Errorf("Comments: got %v after %d pages, want an internal error", err, pages)
	}
	pages = 0
	_, err := can.(connectors.BatchCommenter).CommentsOf(t.Context(), "task", []string{id})
	if connectors.KindOf(err) != connectors.Internal || err == nil {
		t.Errorf("CommentsOf: got %v after %d pages, want an internal error", err, pages)
	}
}

// TestPersonOutOfSightIsNobody: that one user may not be seen is no reason to
// refuse the whole write.
func TestPersonOutOfSightIsNobody(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Before")}))
	if _, err := w.sys.Faults().Add(kit.Rule{Kind: kit.ServerError, Status: 403, Method: "GET", Path: "/api/1.0/users/*@*"}); err != nil {
		t.Fatal(err)
	}
	r := update(t, w, id, map[string]connectors.Value{"name": connectors.Text("After"), "assignee": connectors.PersonValue(connectors.Person{Email: jonas})})
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != "assignee" {
		t.Errorf("got %+v, want the assignee refused", r)
	}
	if task, _ := w.sys.Task(id); task.Name != "After" {
		t.Errorf("the name is %q: the other field did not go through", task.Name)
	}
}

// dial opens another connection to the sandbox, by a transport.
func (w *world) dial(t *testing.T, transport http.RoundTripper) connectors.Connection {
	t.Helper()
	set, err := connectors.NewSettings(asana.New().Info().Settings, w.values)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := asana.New().Open(connectors.Config{Name: "asana-test", Settings: set}, connectors.Options{Clock: w.clock, Tokens: &vault{}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
