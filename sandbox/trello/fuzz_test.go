package trello

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// FuzzRequests sends any request of a known person: no fault of the sandbox.
func FuzzRequests(f *testing.F) {
	f.Add("GET", "boards/BOARD?cards=all&lists=all&members=all&fields=all", "")
	f.Add("GET", "batch?urls=/cards/CARD?fields=name%252Cdue,/boards/BOARD/cards", "")
	f.Add("PUT", "cards/CARD", `{"idLabels":[1,null],"due":"2026-01-01","pos":"top","closed":1}`)
	f.Add("POST", "cards", `{"idList":"LIST","name":"x","urlSource":"https://example.com","idMembers":"a,b"}`)
	f.Add("PUT", "cards/CARD/customFields", `{"customFieldItems":[{"idCustomField":"FIELD","value":{"number":"1"}},7]}`)
	f.Add("POST", "customFields", `{"idModel":"BOARD","modelType":"board","name":"n","type":"list","options":[{"value":7}]}`)
	f.Add("GET", "boards/BOARD/actions?since=CARD&limit=5&filter=updateCard:idList,all", "")
	f.Add("POST", "checklists", `{"idCard":"CARD","name":"Tasks"}`)
	f.Add("GET", "search?query=a&idBoards=mine&partial=true&cards_page=9", "")
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if method != "GET" && method != "PUT" && method != "POST" && method != "DELETE" || strings.Contains(path, "webhooks") {
			return // a webhook asks an address
		}
		s := New(Options{Seed: 1, Clock: kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)), WebhookDoubles: -1})
		defer s.Close()
		field, _ := s.FieldID(DefaultBoard, "Budget")
		names := strings.NewReplacer("BOARD", s.BoardID(DefaultBoard), "CARD", s.CardIDs(DefaultBoard)[0], "LIST", s.ListID(DefaultBoard, "Planned"), "FIELD", field)
		r := httptest.NewRequest("GET", "/", strings.NewReader(names.Replace(body)))
		u, err := r.URL.Parse("/1/" + names.Replace(path))
		if err != nil {
			return
		}
		r.Method, r.URL = method, u
		r.Header.Set("Authorization", `OAuth oauth_consumer_key="`+DefaultKey+`", oauth_token="`+DefaultToken+`"`)
		if strings.HasPrefix(body, "{") {
			r.Header.Set("Content-Type", "application/json")
		} else {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s %s: %d %s", method, path, body, w.Code, w.Body)
		}
	})
}
