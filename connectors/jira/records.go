package jira

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jira/adf"
)

// timeLayout is how Jira writes instants: no colon in the offset.
const timeLayout = "2006-01-02T15:04:05.000-0700"

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{timeLayout, time.RFC3339Nano, "2006-01-02T15:04:05-0700", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", s)
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// record converts an issue. Fields that do not have the form their schema
// promises stay absent, and come back in odd.
func (c *Connection) record(w *issue, wanted []*field, sel scopeRef) (r *connectors.Record, odd []string) {
	r = &connectors.Record{
		Ref: connectors.Ref{Connection: c.name, Object: object, ID: w.ID},
		Key: w.Key, URL: c.site + "/browse/" + w.Key, InScope: true,
	}
	var text string
	if json.Unmarshal(w.Fields["summary"], &text) == nil {
		r.Title = text
	}
	if t, ok := timeField(w.Fields["updated"]); ok {
		r.Modified, r.Version = t, versionOf(t)
	}
	r.Created, _ = timeField(w.Fields["created"])
	var project, kind named
	if json.Unmarshal(w.Fields["project"], &project) == nil && project.ID != "" {
		r.InScope = sel.project == "" || sel.project == string(project.ID)
	}
	if json.Unmarshal(w.Fields["issuetype"], &kind) == nil && kind.ID != "" {
		r.InScope = r.InScope && (sel.issueType == "" || sel.issueType == string(kind.ID))
	}
	var parent named
	if json.Unmarshal(w.Fields["parent"], &parent) == nil {
		r.Parent = string(parent.ID)
	}
	for _, f := range wanted {
		if f.shape == issueKey {
			r.Set(f.id, connectors.Text(w.Key))
			continue
		}
		raw, told := w.Fields[f.id]
		if !told {
			continue
		}
		v, err := c.decode(f, raw)
		if err != nil {
			odd = append(odd, f.id)
			continue
		}
		r.Set(f.id, v)
	}
	return r, odd
}

func timeField(raw json.RawMessage) (time.Time, bool) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return time.Time{}, false
	}
	t, err := parseTime(s)
	return t, err == nil
}

// versionOf is a record's version: its time of change to the millisecond,
// which does not depend on the account's time zone.
func versionOf(updated time.Time) string { return strconv.FormatInt(updated.UnixMilli(), 10) }

// decode converts one field's value.
func (c *Connection) decode(f *field, raw json.RawMessage) (connectors.Value, error) {
	if isNull(raw) {
		return connectors.Null, nil
	}
	switch f.shape {
	case plain, date, instant:
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return connectors.Null, err
		}
		return textValue(f.shape, s)
	case number:
		return connectors.ParseNumber(string(raw))
	case rich:
		return decodeRich(raw)
	case choice, cascade:
		var n named
		if err := json.Unmarshal(raw, &n); err != nil {
			return connectors.Null, err
		}
		return choiceValue(&n), nil
	case choices, labelSet, people:
		return decodeList(f.shape, raw, c.keyLabels)
	case person:
		var u gojira.User
		if err := json.Unmarshal(raw, &u); err != nil {
			return connectors.Null, err
		}
		return connectors.PersonValue(c.personOf(&u)), nil
	case parentLink, epicLink:
		var n named
		if err := json.Unmarshal(raw, &n); err != nil {
			return connectors.Null, err
		}
		if n.ID == "" {
			return connectors.Null, errors.New("no id")
		}
		return connectors.Reference(object, string(n.ID), n.Key), nil
	}
	return opaqueValue(raw), nil
}

func textValue(sh shape, s string) (connectors.Value, error) {
	if s == "" {
		return connectors.Null, nil
	}
	switch sh {
	case date:
		return connectors.ParseDate(s)
	case instant:
		t, err := parseTime(s)
		if err != nil {
			return connectors.Null, err
		}
		return connectors.Instant(t), nil
	}
	return connectors.Text(s), nil
}

// decodeRich reads an ADF document, or wiki markup where API v2 tells it.
func decodeRich(raw json.RawMessage) (connectors.Value, error) {
	markdown, err := markdownOf(raw)
	if err != nil || markdown == "" {
		return connectors.Null, err
	}
	return connectors.RichText(markdown), nil
}

func markdownOf(raw json.RawMessage) (string, error) {
	if isNull(raw) {
		return "", nil
	}
	if raw[0] == '"' {
		var wiki string
		if err := json.Unmarshal(raw, &wiki); err != nil {
			return "", err
		}
		return adf.FromWiki(wiki).Markdown(), nil
	}
	doc, err := adf.Parse(raw)
	if err != nil {
		return "", err
	}
	return doc.Markdown(), nil
}

func (n *named) label() string {
	switch {
	case n.Value != "":
		return n.Value
	case n.Name != "":
		return n.Name
	}
	return n.Key
}

// choiceValue is an option; of a cascade both steps, "Europe / Berlin".
func choiceValue(n *named) connectors.Value {
	o := optionOf(n)
	if o.ID == "" {
		return connectors.Null
	}
	return connectors.Choice(o)
}

func optionOf(n *named) connectors.Option {
	o := connectors.Option{ID: string(n.ID), Label: n.label()}
	if o.ID == "" {
		o.ID = o.Label
	}
	if n.Child != nil {
		child := optionOf(n.Child)
		o.ID, o.Label = o.ID+"/"+child.ID, o.Label+" / "+child.Label
	}
	return o
}

func decodeList(sh shape, raw json.RawMessage, keyLabels bool) (connectors.Value, error) {
	var options []connectors.Option
	switch sh {
	case labelSet:
		var labels []string
		if err := json.Unmarshal(raw, &labels); err != nil {
			return connectors.Null, err
		}
		if keyLabels {
			labels = slices.DeleteFunc(labels, isKeyLabel)
		}
		return connectors.Labels(labels...), nil
	case people:
		var users []gojira.User
		if err := json.Unmarshal(raw, &users); err != nil {
			return connectors.Null, err
		}
		for _, u := range users {
			options = append(options, connectors.Option{ID: userID(&u), Label: u.DisplayName})
		}
	default:
		var list []named
		if err := json.Unmarshal(raw, &list); err != nil {
			return connectors.Null, err
		}
		for i := range list {
			options = append(options, optionOf(&list[i]))
		}
	}
	return connectors.Choices(options...), nil
}

// opaqueValue shows what an app keeps as text.
func opaqueValue(raw json.RawMessage) connectors.Value {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if s == "" {
			return connectors.Null
		}
		return connectors.Text(s)
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return connectors.Null
	}
	return connectors.Text(b.String())
}

// userID is what names a user in writes: the account id on Cloud, the name on
// Data Center.
func userID(u *gojira.User) string {
	if u.AccountID != "" {
		return u.AccountID
	}
	return u.Name
}

// encode converts a value for a write. The error is the reason for a person,
// in plain words.
func (c *Connection) encode(f *field, v connectors.Value) (any, error) {
	if v.IsNull() {
		if f.shape == choices || f.shape == labelSet {
			return []any{}, nil
		}
		return nil, nil
	}
	mismatch := fmt.Errorf("Jira takes no %s here", v.Type()) //nolint:staticcheck // shown to people as it is
	switch f.shape {
	case plain:
		if v.Type() == connectors.TypeReference || v.Type() == connectors.TypeOptions {
			return nil, mismatch
		}
		return v.String(), nil
	case rich:
		return c.encodeRich(v)
	case number:
		if v.Number() == "" {
			return nil, mismatch
		}
		return json.Number(v.Number()), nil
	case date:
		if v.Type() != connectors.TypeDate {
			return nil, mismatch
		}
		return v.String(), nil
	case instant:
		if v.Type() != connectors.TypeInstant {
			return nil, mismatch
		}
		return v.Time().Format(timeLayout), nil
	case choice, cascade:
		if v.Type() != connectors.TypeOption {
			return nil, mismatch
		}
		return encodeOption(f, v.Option()), nil
	case choices, labelSet:
		if v.Type() != connectors.TypeOptions {
			return nil, mismatch
		}
		list := []any{}
		for _, o := range v.Options() {
			list = append(list, encodeElement(f, o))
		}
		return list, nil
	case parentLink:
		_, id, _ := v.Reference()
		if id == "" {
			return nil, mismatch
		}
		return map[string]string{"id": id}, nil
	}
	return nil, errors.New("Jira lets nobody write this field") //nolint:staticcheck // shown to people as it is
}

func (c *Connection) encodeRich(v connectors.Value) (any, error) {
	var doc *adf.Node
	switch v.Type() {
	case connectors.TypeRichText:
		doc = adf.FromMarkdown(v.Text())
	default:
		doc = adf.FromText(v.String())
	}
	if c.cloud {
		return doc, nil
	}
	return doc.Wiki(), nil
}

// encodeElement converts one element of a set.
func encodeElement(f *field, o connectors.Option) any {
	if f.shape == labelSet {
		if o.ID != "" {
			return o.ID
		}
		return o.Label
	}
	return encodeOption(f, o)
}

func encodeOption(f *field, o connectors.Option) map[string]any {
	if parent, child, ok := strings.Cut(o.ID, "/"); ok && f.shape == cascade {
		return map[string]any{"id": parent, "child": map[string]any{"id": child}}
	}
	if o.ID != "" {
		return map[string]any{"id": o.ID}
	}
	if f.schema.Custom != "" {
		return map[string]any{"value": o.Label}
	}
	return map[string]any{"name": o.Label}
}
