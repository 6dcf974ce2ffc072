package salesforce

import (
	"encoding/json"
	"net/http"
	"strings"
)

// actionList tells which actions can be run, as far as this sandbox has them.
func actionList(c *call) (answer, *apiError) {
	if len(c.path) == 1 {
		base := "/services/data/v" + c.version + "/actions/"
		return ok(members{{"standard", base + "standard"}, {"custom", base + "custom"}})
	}
	return ok(members{{"actions", []any{members{
		{"label", "Post to Chatter"}, {"name", "chatterPost"}, {"type", "CHATTERPOST"}, {"url", "/services/data/v" + c.version + "/actions/standard/chatterPost"},
	}}}})
}

// chatterPost runs the standard action of this name for each of its inputs.
func chatterPost(c *call) (answer, *apiError) {
	var body struct {
		Inputs []struct {
			Text    string `json:"text"`
			Subject string `json:"subjectNameOrId"`
		} `json:"inputs"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, jsonFault("%s", parserText(c.body, err))
	}
	if len(body.Inputs) == 0 || len(body.Inputs) > maxRows {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALID_INPUT", "inputs must have 1 to %d entries", maxRows)
	}
	results := []any{}
	t := c.begin()
	failed := false
	for _, in := range body.Inputs {
		mark := t.mark()
		subject, _ := normalID(in.Subject)
		values := map[string]value{"ParentId": subject}
		v, err := c.s.object("FeedItem").field("Body").fromText(in.Text)
		var r *record
		if values["Body"] = v; err == nil {
			r, err = t.insert(c.s.object("FeedItem"), values)
		}
		if err != nil {
			t.rollback(mark)
			failed = true
			results = append(results, members{{"actionName", "chatterPost"}, {"errors", []any{err.row()}}, {"isSuccess", false}, {"outputValues", nil}})
			continue
		}
		results = append(results, members{{"actionName", "chatterPost"}, {"errors", nil}, {"isSuccess", true}, {"outputValues", members{{"feedItemId", r.id}}}})
	}
	c.end(t)
	if failed {
		return answer{status: http.StatusBadRequest, body: results}, nil
	}
	return ok(results)
}

// picklistValues tells the values of an object's picklists for a record type;
// here all record types have all values.
func picklistValues(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	id, valid := normalID(c.param["type"])
	if r := c.s.find(id); !valid || id != masterType && (r == nil || !strings.EqualFold(r.text("SobjectType"), o.name)) {
		return answer{}, notFound()
	}
	fields := members{}
	for _, f := range o.fields {
		if len(f.picklist) == 0 || c.s.hides(f) {
			continue
		}
		values := []any{}
		var standard any
		for _, p := range f.picklist {
			v := members{{"attributes", nil}, {"label", p.Label}, {"validFor", []any{}}, {"value", p.Value}}
			if p.Default {
				standard = v
			}
			if p.Active {
				values = append(values, v)
			}
		}
		fields = append(fields, member{f.name, members{
			{"controllerValues", members{}},
			{"defaultValue", standard},
			{"eTag", strings.Trim(c.s.schemaTag(), `"`)},
			{"url", "/services/data/v" + c.version + "/ui-api/object-info/" + o.name + "/picklist-values/" + id + "/" + f.name},
			{"values", values},
		}})
	}
	return ok(members{{"eTag", strings.Trim(c.s.schemaTag(), `"`)}, {"picklistFieldValues", fields}})
}
