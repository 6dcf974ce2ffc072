package trello_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	sandbox "github.com/tenonsync/tenon/sandbox/trello"
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

// TestOneCardInTroubleIsNoTroubleOfTrello: a part of a batch that fails at
// Trello's end says nothing about the others, nor that Trello is down.
func TestOneCardInTroubleIsNoTroubleOfTrello(t *testing.T) {
	w, tb := people(t, nil)
	ids := []string{w.Create(tb, named("One")), w.Create(tb, named("Two"))}
	conn := open(tb, map[string]string{
		"key": sandbox.DefaultKey, "token": sandbox.DefaultToken, "api_secret": sandbox.DefaultSecret, "base_url": w.base,
	}, connectors.Options{Clock: w.clock, Transport: bent(func(req *http.Request, body []byte) []byte {
		var parts []any
		if !strings.HasSuffix(req.URL.Path, "/batch") || json.Unmarshal(body, &parts) != nil || len(parts) != 2 {
			return body
		}
		parts[0] = map[string]any{"message": "Internal Server Error", "statusCode": 500}
		body, err := json.Marshal(parts)
		if err != nil {
			t.Error(err)
		}
		return body
	})})
	check := func(what string, one, two error) {
		t.Helper()
		if connectors.KindOf(one) != connectors.Internal || one == nil || two != nil {
			t.Errorf("%s: got %v and %v, want an internal error and none", what, one, two)
		}
	}
	read, err := conn.Read(t.Context(), w.selection("name"), ids)
	if err != nil {
		t.Fatal(err)
	}
	check("Read", read[0].Err, read[1].Err)
	can := connectors.AbilitiesOf(conn)
	said, err := can.Commenter.(connectors.BatchCommenter).CommentsOf(t.Context(), "card", ids)
	if err != nil {
		t.Fatal(err)
	}
	check("CommentsOf", said[0].Err, said[1].Err)
	held, err := can.Filer.(connectors.BatchFiler).FilesOf(t.Context(), "card", ids)
	if err != nil {
		t.Fatal(err)
	}
	check("FilesOf", held[0].Err, held[1].Err)
}
