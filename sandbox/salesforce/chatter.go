package salesforce

import (
	"encoding/json"
	"net/http"
	"strings"
)

// createFeedElement posts to a record's feed in segments, which may mention
// people.
func createFeedElement(c *call) (answer, *apiError) {
	var body struct {
		Kind    string `json:"feedElementType"`
		Subject string `json:"subjectId"`
		Body    struct {
			Segments []struct {
				Type   string `json:"type"`
				Text   string `json:"text"`
				ID     string `json:"id"`
				Markup string `json:"markupType"`
				URL    string `json:"url"`
			} `json:"messageSegments"`
		} `json:"body"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, jsonFault("%s", parserText(c.body, err))
	}
	if body.Kind != "" && body.Kind != "FeedItem" || body.Subject == "" {
		return answer{}, refuseCall(http.StatusBadRequest, "MISSING_ARGUMENT", "feedElementType and subjectId are required")
	}
	var text strings.Builder
	mentions := 0
	for _, seg := range body.Body.Segments {
		switch strings.ToLower(seg.Type) {
		case "text":
			text.WriteString(seg.Text)
		case "link":
			text.WriteString(seg.URL)
		case "mention":
			id, _ := normalID(seg.ID)
			if mentions++; c.s.find(id) == nil || mentions > 25 {
				return answer{}, refuseCall(http.StatusBadRequest, "INVALID_ID_FIELD", "Invalid mention: %s", seg.ID)
			}
			text.WriteString("@" + c.s.nameOf(id))
		case "markupbegin":
			text.WriteString(markup(seg.Markup, "<"))
		case "markupend":
			text.WriteString(markup(seg.Markup, "</"))
		}
	}
	subject, _ := normalID(body.Subject)
	o := c.s.object("FeedItem")
	t := c.begin()
	mark := t.mark()
	values := map[string]value{"ParentId": subject, "IsRichText": strings.Contains(text.String(), "<")}
	v, err := o.field("Body").fromText(text.String())
	if err != nil {
		return answer{}, err
	}
	values["Body"] = v
	r, err := t.insert(o, values)
	if err != nil {
		t.rollback(mark)
		return answer{}, err
	}
	c.end(t)
	return answer{status: http.StatusCreated, body: c.feedElement(r)}, nil
}

func markup(kind, open string) string {
	tag := map[string]string{"bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "code": "code", "paragraph": "p", "orderedlist": "ol", "unorderedlist": "ul", "listitem": "li", "hyperlink": "a"}[strings.ToLower(kind)]
	if tag == "" {
		return ""
	}
	return open + tag + ">"
}

func (c *call) feedElement(r *record) any {
	author := r.text("CreatedById")
	return members{
		{"actor", members{{"id", author}, {"name", c.s.nameOf(author)}, {"type", "User"}}},
		{"body", members{{"isRichText", r.flag("IsRichText")}, {"text", r.text("Body")}}},
		{"createdDate", stamp(r.at("CreatedDate"))},
		{"feedElementType", "FeedItem"},
		{"id", r.id},
		{"parent", members{{"id", r.text("ParentId")}}},
		{"type", r.text("Type")},
		{"url", "/services/data/v" + c.version + "/chatter/feed-elements/" + r.id},
	}
}

// recordFeed lists the posts about a record, the newest first.
func recordFeed(c *call) (answer, *apiError) {
	id, _ := normalID(c.param["id"])
	parent := c.s.find(id)
	if parent == nil || parent.deleted() || parent.hidden {
		return answer{}, notFound()
	}
	items := c.s.rows(c.s.object("FeedItem"), false, true)
	out := []any{}
	for i := len(items) - 1; i >= 0; i-- {
		if items[i].text("ParentId") == id {
			out = append(out, c.feedElement(items[i]))
		}
	}
	return ok(members{{"currentPageUrl", "/services/data/v" + c.version + "/" + strings.Join(c.path, "/")}, {"elements", out}, {"nextPageUrl", nil}})
}
