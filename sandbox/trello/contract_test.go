package trello

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The OpenAPI document of Trello, where the folder of specifications stands
// beside the repository.
const openAPI = "../../../shared/specs/trello.openapi.json.gz"

type specSchema struct {
	Ref        string                     `json:"$ref"`
	Type       string                     `json:"type"`
	Nullable   bool                       `json:"nullable"`
	Enum       []any                      `json:"enum"`
	Properties map[string]json.RawMessage `json:"properties"`
	Items      json.RawMessage            `json:"items"`
	OneOf      []json.RawMessage          `json:"oneOf"`
}

// specErrors are where the document is wrong, as live tests of clients found.
var specErrors = []string{
	"Card.dueReminder",                 // a number
	"Card.checkItemStates",             // objects
	"Card.labels", "Card.idAttachment", // objects; null without a cover
	"Card.cover", "Card.idAttachmentCover", "Card.mirrorSourceId", "Card.start", "Card.badges",
	"CustomField.display",   // holds cardFront only: the rest stands beside it
	"CustomFieldItem",       // values of other types than checkboxes
	"Board.descData",        // null
	"Board.dateLastView",    // null
	"Board.powerUps",        // texts
	"Board.prefs",           // less than all of it
	"Board.ixUpdate",        // a text
	"TrelloList.softLimit",  // null
	"Attachment.bytes",      // null for links
	"Attachment.edgeColor",  // null
	"Attachment.previews",   // objects
	"Label.color",           // thirty colours
	"Action.limits",         // null
	"Member.products",       // not shown to others
	"Member.idEnterprise",   // null
	"Webhook.firstConsecut", // null
	"Member.idMemberReferrer",
	"Board.idTags", "Board.memberships", // lists
	"CheckItem.nameData", "CheckItem.pos", // an object, a number
}

// TestAnswersFollowTheDocument compares the types of what is answered with the
// document's.
func TestAnswersFollowTheDocument(t *testing.T) {
	f, err := os.Open(openAPI)
	if err != nil {
		t.Skip("the OpenAPI document of Trello is not beside the repository (../shared/specs)")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	c := &checker{T: t, schemas: doc.Components.Schemas}
	s := newSite(t, Options{Seed: 1, WebhookTarget: "https://tenon.example.com/", Transport: newInbox()})
	id := s.sys.CardIDs(DefaultBoard)[0]
	s.ok("POST", "cards/"+id+"/attachments", map[string]any{"url": "https://example.com/"})
	s.ok("POST", "cards/"+id+"/actions/comments", map[string]any{"text": "Said"})
	first := func(path string) any { return s.ok("GET", path, nil).list()[0] }
	checklist := first("cards/" + id + "/checklists")
	for name, v := range map[string]any{
		"Card": s.ok("GET", "cards/"+id, nil).body, "Board": s.ok("GET", "boards/"+s.board+"?fields=all", nil).body,
		"TrelloList": first("boards/" + s.board + "/lists"), "Label": first("boards/" + s.board + "/labels"),
		"Member": s.ok("GET", "members/me", nil).body, "Action": first("boards/" + s.board + "/actions"),
		"Attachment": first("cards/" + id + "/attachments"), "CustomField": first("boards/" + s.board + "/customFields"),
		"Checklist": checklist, "CheckItem": checklist.(map[string]any)["checkItems"].([]any)[0],
		"Webhook": first("tokens/" + DefaultToken + "/webhooks"), "Token": s.ok("GET", "tokens/"+DefaultToken, nil).body,
	} {
		c.match(c.named(name), v, name)
	}
	if c.checked < 120 {
		t.Errorf("%d members were checked, want at least 120", c.checked)
	}
}

type checker struct {
	*testing.T
	schemas map[string]json.RawMessage
	checked int
}

func (c *checker) named(name string) *specSchema { return c.read(c.schemas[name]) }

func (c *checker) read(raw json.RawMessage) *specSchema {
	var sc specSchema
	if raw == nil || json.Unmarshal(raw, &sc) != nil {
		return nil
	}
	if sc.Ref != "" {
		target := c.named(sc.Ref[strings.LastIndexByte(sc.Ref, '/')+1:])
		if target != nil {
			target.Nullable = target.Nullable || sc.Nullable
		}
		return target
	}
	return &sc
}

func (c *checker) match(sc *specSchema, v any, at string) {
	c.Helper()
	if sc == nil || slices.ContainsFunc(specErrors, func(e string) bool { return strings.HasPrefix(at, e) }) {
		return
	}
	c.checked++
	ok := true
	switch v := v.(type) {
	case nil:
		ok = sc.Nullable
	case string:
		ok = sc.Type == "string" || sc.Type == ""
	case float64:
		ok = sc.Type == "number" || sc.Type == "integer" || sc.Type == ""
	case bool:
		ok = sc.Type == "boolean" || sc.Type == ""
	case []any:
		ok = sc.Type == "array" || sc.Type == ""
		items := c.read(sc.Items)
		for i, e := range v {
			if items != nil && len(items.OneOf) == 0 && i < 3 {
				c.match(items, e, at+"[]")
			}
		}
	case map[string]any:
		ok = sc.Type == "object" || sc.Type == ""
		for name, raw := range sc.Properties {
			if inner, there := v[name]; there {
				c.match(c.read(raw), inner, at+"."+name)
			}
		}
	}
	if !ok {
		c.Errorf("%s: got %v (%T), the document says %q, nullable %v", at, v, v, sc.Type, sc.Nullable)
	}
}

// TestAnswersMatchSamples: what was recorded at the service has no member that
// the sandbox lacks, but those that stand here.
func TestAnswersMatchSamples(t *testing.T) {
	folder := "../../../shared/samples/trello"
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the recorded answers are not beside the repository (../shared/samples)")
	}
	in := newInbox()
	s := newSite(t, Options{Seed: 1, WebhookTarget: "https://tenon.example.com/", Transport: in})
	id := s.sys.CardIDs(DefaultBoard)[0]
	comment := s.ok("POST", "cards/"+id+"/actions/comments", map[string]any{"text": "Said"}).body
	s.ok("PUT", "cards/"+id, map[string]any{"name": "New"})
	s.ok("PUT", "cards/"+id, map[string]any{"idList": s.lists[1]})
	s.ok("PUT", "cards/"+id, map[string]any{"due": "2026-05-01"})
	s.ok("POST", "cards/"+id+"/idLabels", map[string]any{"value": s.sys.LabelID(DefaultBoard, "crm")})
	s.ok("POST", "cards/"+id+"/attachments", map[string]any{"url": "https://example.com/"})
	s.ok("DELETE", "cards/"+s.sys.CardIDs(DefaultBoard)[1], nil)
	delivered := map[string]any{}
	for _, d := range in.take(s) {
		var v any
		if err := json.Unmarshal(d.body, &v); err != nil {
			t.Fatal(err)
		}
		delivered[d.kind+" "+d.event] = v
	}
	first := func(path string) any { return s.ok("GET", path, nil).list()[0] }
	newest := s.ok("GET", "boards/"+s.board+"/actions?filter=deleteCard", nil).list()
	tests := []struct {
		file string
		got  any
		gone []string // members that the service had and the sandbox lacks
	}{
		{"rest.card.json", s.ok("GET", "cards/"+id, nil).body, nil},
		{"rest.board.json", s.ok("GET", "boards/"+s.board, nil).body, nil},
		{"rest.lists.json", first("boards/" + s.board + "/lists"), nil},
		{"rest.labels.json", first("boards/" + s.board + "/labels"), nil},
		{"rest.members.json", first("boards/" + s.board + "/members"), nil},
		{"rest.checklists.json", first("cards/" + id + "/checklists"), nil},
		{"rest.board_customFields.json", s.ok("GET", "boards/"+s.board+"/customFields", nil).list()[4], nil},
		{"rest.token.json", s.ok("GET", "tokens/"+DefaultToken, nil).body, nil},
		{"rest.token_webhooks.json", first("tokens/" + DefaultToken + "/webhooks"), nil},
		{"rest.comment_created.json", comment, nil},
		{"action.card-delete.json", newest[0], nil},
		{"webhook.board.updateCard.name.json", delivered["updateCard action_renamed_card"], nil},
		{"webhook.board.updateCard.idList.json", delivered["updateCard action_move_card_from_list_to_list"], nil},
		{"webhook.board.updateCard.due.json", delivered["updateCard action_changed_a_due_date"], nil},
		{"webhook.board.addLabelToCard.json", delivered["addLabelToCard action_add_label_to_card"], nil},
		{"webhook.board.updateCard.idLabels-add.json", delivered["updateCard unknown"], nil},
		{"webhook.board.addAttachmentToCard.json", delivered["addAttachmentToCard action_add_attachment_to_card"], nil},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(folder, tt.file))
			if err != nil {
				t.Skip(err)
			}
			var want any
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if list, ok := want.([]any); ok {
				want = list[0]
			}
			if tt.got == nil {
				t.Fatal("there is no such answer")
			}
			for _, lost := range missing(want, tt.got, "") {
				if !slices.Contains(tt.gone, lost) && !sampleOnly(lost) {
					t.Errorf("%s is missing", lost)
				}
			}
		})
	}
}

// sampleOnly reports whether a member of a recording is of no use to clients
// that sync: how a page shows an action, a board's looks, previews of pictures.
func sampleOnly(at string) bool {
	for _, part := range []string{".entities", ".prefs.", ".idMemberReferrer", ".limits.", ".previewUrl", ".previewUrl2x", ".member.", ".descData.", ".stickers"} {
		if strings.Contains(at, part) {
			return true
		}
	}
	return at == ".descData.emoji"
}

// missing lists the members of want that got lacks, by path.
func missing(want, got any, at string) []string {
	var out []string
	w, ok := want.(map[string]any)
	if !ok {
		return nil
	}
	g, _ := got.(map[string]any)
	for name, inner := range w {
		have, there := g[name]
		if !there {
			out = append(out, at+"."+name)
			continue
		}
		out = append(out, missing(inner, have, at+"."+name)...)
	}
	slices.Sort(out)
	return out
}
