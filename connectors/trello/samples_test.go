package trello

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// samples is where recorded answers and deliveries may lie, beside the
// repository.
const samples = "../../../shared/samples/trello"

func sampleFiles(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(samples, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("the recorded samples are not beside the repository (../shared/samples)")
	}
	return names
}

func readSample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestRecordedDeliveries: each delivery about a card hints at it.
func TestRecordedDeliveries(t *testing.T) {
	c := &Connection{secrets: connectors.NewRing("s")}
	for _, name := range sampleFiles(t, "webhook.*.json") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			body := readSample(t, name)
			d, err := c.ParseWebhook(connectors.WebhookRequest{URL: "u", Header: http.Header{"X-Trello-Webhook": {sign("s", body, "u")}}, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			if d.ID == "" {
				t.Error("the delivery has no id")
			}
			ofCard := !strings.Contains(name, "updateBoard") && !strings.Contains(name, "updateList")
			if ofCard != (len(d.Hints) > 0) {
				t.Fatalf("got the hints %+v", d.Hints)
			}
			if ofCard && (d.Hints[0].Object != objectCard || d.Hints[0].Modified.IsZero()) {
				t.Errorf("got %+v, want a card and a time", d.Hints[0])
			}
		})
	}
}

// TestRecordedActions: deletes and moves away are told from the log.
func TestRecordedActions(t *testing.T) {
	for _, name := range sampleFiles(t, "action.card-*.json") {
		var a action
		if err := json.Unmarshal(readSample(t, name), &a); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		if a.cardID() == "" || a.Type == "" {
			t.Errorf("%s: got %+v, want a card and a type", filepath.Base(name), a)
		}
	}
	var log []action
	if err := json.Unmarshal(readSample(t, filepath.Join(samples, "rest.board_actions.json")), &log); err != nil {
		t.Fatal(err)
	}
	c := &Connection{}
	edits := map[string]int{}
	for _, e := range c.editsOf(log, []string{"name", "desc", "due", "idList", "pos"}, createdAt("500000000000000000000000")) {
		edits[e.Field]++
	}
	for _, field := range []string{"name", "desc", "due", "idList"} {
		if edits[field] != 1 {
			t.Errorf("%d edits of %s in the recorded log, want 1", edits[field], field)
		}
	}
	if edits["pos"] != 0 {
		t.Error("the history of positions is told, though the schema says it is not")
	}
}

// TestRecordedCards: cards of several years read.
func TestRecordedCards(t *testing.T) {
	c, err := openBare()
	if err != nil {
		t.Fatal(err)
	}
	var wanted []string
	for _, f := range ownFields {
		wanted = append(wanted, f.Name)
	}
	for _, name := range append(sampleFiles(t, "rest.card*.json"), sampleFiles(t, "rest.board_cards.json")...) {
		raw := readSample(t, name)
		var cards []json.RawMessage
		if json.Unmarshal(raw, &cards) != nil {
			cards = []json.RawMessage{raw}
		}
		for _, raw := range cards {
			var w card
			if err := json.Unmarshal(raw, &w); err != nil {
				t.Errorf("%s: %v", filepath.Base(name), err)
				continue
			}
			in := within{board: &board{ID: w.IDBoard, Lists: []list{{ID: w.IDList, Name: "List"}}}}
			r := c.record(&w, wanted, in, nil)
			if !isID(r.Ref.ID) || r.Title == "" || r.Modified.IsZero() || r.Created.IsZero() || r.URL == "" || !r.InScope {
				t.Errorf("%s: got %+v", filepath.Base(name), r)
			}
			for _, f := range []string{"name", "desc", "idList", "due", "start", "dueComplete", "idLabels", "pos"} {
				if _, p := r.Get(f); p != connectors.Present {
					t.Errorf("%s: %s is %v", filepath.Base(name), f, p)
				}
			}
		}
	}
}

// TestRecordedFields: custom fields and boards as they were recorded.
func TestRecordedFields(t *testing.T) {
	sampleFiles(t, "rest.*.json")
	var fields []customField
	if err := json.Unmarshal(readSample(t, filepath.Join(samples, "rest.board_customFields.json")), &fields); err != nil {
		t.Fatal(err)
	}
	for i := range fields {
		f, ok := schemaField(&fields[i])
		if !ok || f.Type != connectors.TypeOption || len(f.Options) != 2 || f.Options[0].Label == "" {
			t.Errorf("got %+v, want a choice of two", f)
		}
	}
	var info tokenInfo
	if err := json.Unmarshal(readSample(t, filepath.Join(samples, "rest.token.json")), &info); err != nil || !info.may(true) {
		t.Errorf("the recorded token: got %+v, %v, want one that may write", info, err)
	}
	var lists []checklist
	if err := json.Unmarshal(readSample(t, filepath.Join(samples, "rest.checklists.json")), &lists); err != nil || len(lists) != 2 || len(lists[0].CheckItems) != 2 {
		t.Errorf("the recorded checklists: got %+v, %v", lists, err)
	}
	var hooks []webhook
	if err := json.Unmarshal(readSample(t, filepath.Join(samples, "rest.token_webhooks.json")), &hooks); err != nil || !hooks[0].Active {
		t.Errorf("the recorded webhooks: got %+v, %v", hooks, err)
	}
}
