package salesforce_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// bent changes answers on their way; it returns the body as it is to be seen.
type bent func(req *http.Request, resp *http.Response, body []byte) []byte

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
	body = b(req, resp, body)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// A look for new notes that failed for a passing reason is made up for.
func TestNoteIsToldAfterAFailedLook(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	tb := connectortest.T(t)
	id := w.Create(tb, won("Noted"))
	w.Settle(tb)
	failing := false
	conn := open(t, w.settings(nil), connectors.Options{Clock: w.clock, Transport: bent(func(req *http.Request, _ *http.Response, body []byte) []byte {
		var answer struct {
			Responses []map[string]any `json:"compositeResponse"`
		}
		if !failing || !strings.HasSuffix(req.URL.Path, "/composite") || json.Unmarshal(body, &answer) != nil || len(answer.Responses) != 2 {
			return body
		}
		answer.Responses[1]["httpStatusCode"] = http.StatusBadRequest
		answer.Responses[1]["body"] = []any{map[string]any{"errorCode": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}}
		body, err := json.Marshal(answer)
		if err != nil {
			t.Error(err)
		}
		return body
	})})
	_, cursor := list(t, conn, all, "")
	w.Settle(tb)
	_, cursor = list(t, conn, all, cursor)
	w.Comment(tb, id, "Called them")
	failing = true
	for range 3 {
		w.clock.Advance(10 * time.Minute)
		_, cursor = list(t, conn, all, cursor)
	}
	failing = false
	rows, _ := list(t, conn, all, cursor)
	if _, ok := listed(rows, id); !ok {
		t.Error("the note was not told once the look for notes succeeded")
	}
}

// A job whose next page cannot be asked for, or never ends, is no whole listing:
// queries list everything.
func TestBulkLocatorOfAnotherForm(t *testing.T) {
	for name, locator := range map[string]string{"form": "no locator!", "loop": "MTAw"} {
		t.Run(name, func(t *testing.T) {
			w := openWorld(t, ofOpportunities, map[string]string{"bulk_from": "5"})
			for range 8 {
				w.Create(connectortest.T(t), won("Listed"))
			}
			w.Settle(connectortest.T(t))
			asked := 0
			settings := w.settings(map[string]string{"bulk_from": "5"})
			conn := open(t, settings, connectors.Options{Clock: w.clock, Transport: bent(func(req *http.Request, resp *http.Response, body []byte) []byte {
				if !strings.HasSuffix(req.URL.Path, "/results") {
					return body
				}
				asked++
				resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
				resp.Header.Set("Sforce-Locator", locator)
				resp.Header.Set("Content-Type", "text/csv")
				return []byte("\"Id\"\n")
			})})
			rows, _ := list(t, conn, all, "")
			seen := map[string]bool{}
			for _, r := range rows {
				seen[r.ID] = true
			}
			if len(seen) != 8 || asked > 2 {
				t.Errorf("%d records after %d pages of the job, want 8 after two at most", len(seen), asked)
			}
		})
	}
}

// Where the log of deletes is refused, records that are not told are not found;
// the others are read all the same.
func TestReadWithoutTheLogOfDeletes(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	tb := connectortest.T(t)
	here, gone := w.Create(tb, won("Here")), w.Create(tb, won("Gone"))
	if err := w.sys.As(ada).Delete(gone); err != nil {
		t.Fatal(err)
	}
	if err := w.sys.As(ada).Purge(gone); err != nil {
		t.Fatal(err)
	}
	w.arm(tb, kit.Rule{Kind: kit.ServerError, Status: http.StatusForbidden, Path: "/services/data/*/sobjects/*/deleted"})
	got, err := w.conn.Read(t.Context(), all, []string{here, gone})
	if err != nil || got[0].Err != nil {
		t.Fatalf("Read: %+v, %v", got, err)
	}
	if connectors.KindOf(got[1].Err) != connectors.NotFound || got[1].Err == nil {
		t.Errorf("the purged record: %+v, want NotFound", got[1])
	}
}
