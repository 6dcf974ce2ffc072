package asana

import (
	"encoding/json"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxFieldText is how many characters a text field takes.
const maxFieldText = 1024

func (s *System) customField(gid string) *customField {
	for _, f := range s.fields {
		if f.gid == gid && !f.deleted {
			return f
		}
	}
	return nil
}

// fieldEdits reads custom_fields: a map of field gids to flat values.
func (c *call) fieldEdits(t *task) ([]*edit, *apiError) {
	given, ok := c.data["custom_fields"].(map[string]any)
	if !ok {
		if c.has("custom_fields") && c.data["custom_fields"] != nil {
			return nil, invalid("custom_fields: Not a map of custom field IDs to values")
		}
		return nil, nil
	}
	if c.s.free && len(given) > 0 {
		return nil, refuse(402, "Custom Fields are not available for this workspace")
	}
	gids := make([]string, 0, len(given))
	for gid := range given {
		gids = append(gids, gid)
	}
	sort.Strings(gids)
	var out []*edit
	for _, gid := range gids {
		f := c.s.customField(gid)
		switch {
		case f == nil || f.hidden:
			return nil, invalid("Custom field with ID %s is not on given object", gid)
		case !t.has(f) && given[gid] != nil:
			return nil, invalid("Custom field with ID %s is not on given object", gid)
		case f.readOnly():
			return nil, invalid("custom_fields: The value of the custom field with ID %s is read-only", gid)
		case f.locked:
			return nil, forbidden("You do not have access to modify the custom field with ID %s", gid)
		}
		v, stored, err := c.fieldValue(f, given[gid])
		if err != nil {
			return nil, err
		}
		if !stored {
			continue
		}
		out = append(out, c.valueEdit(t, f, v))
	}
	return out, nil
}

func (c *call) valueEdit(t *task, f *customField, v *fieldValue) *edit {
	old := t.values[f.gid]
	if old == nil {
		old = &fieldValue{}
	}
	names := map[string]string{
		"text": "text_custom_field_changed", "number": "number_custom_field_changed", "enum": "enum_custom_field_changed",
		"multi_enum": "multi_enum_custom_field_changed", "date": "date_custom_field_changed", "people": "people_custom_field_changed",
		"reference": "reference_custom_field_changed",
	}
	details := map[string]any{"custom_field": resource(f)}
	c.s.storyValue(details, f, "old", old)
	c.s.storyValue(details, f, "new", v)
	return &edit{
		field: "custom_fields", changed: !old.equal(v), set: func() { t.values[f.gid] = v }, subtype: names[f.subtype],
		text: c.who() + " changed " + f.name + " to " + quoted(c.s.display(f, v)), details: details,
		news: inline{"gid": f.gid, "resource_type": "custom_field", "resource_subtype": f.subtype},
	}
}

// storyValue puts a value into a story's members.
func (s *System) storyValue(into map[string]any, f *customField, when string, v *fieldValue) {
	switch f.subtype {
	case "text":
		into[when+"_text_value"] = v.text
	case "number":
		into[when+"_number_value"] = nil
		if v.number != nil {
			into[when+"_number_value"] = number(*v.number)
		}
	case "enum":
		into[when+"_enum_value"] = orNil(v.option)
	case "multi_enum":
		into[when+"_multi_enum_values"] = resources(v.options)
	case "people":
		into[when+"_people_value"] = resources(v.people)
	case "date":
		var d any
		if v.date != "" {
			d = inline{"start_on": nil, "due_at": stamp(v.dateTime), "due_on": v.date}
		}
		into[when+"_date_value"] = d
	}
}

func (v *fieldValue) equal(w *fieldValue) bool {
	same := (v.number == nil) == (w.number == nil) && (v.number == nil || *v.number == *w.number)
	return same && v.text == w.text && v.option == w.option && slices.Equal(v.options, w.options) && v.date == w.date &&
		v.dateTime.Equal(w.dateTime) && slices.Equal(v.people, w.people) && slices.Equal(v.refs, w.refs)
}

// fieldValue reads a value as it is written. Stored is false for values of a
// wrong shape, which Asana takes without a word.
func (c *call) fieldValue(f *customField, raw any) (v *fieldValue, stored bool, err *apiError) {
	v = &fieldValue{}
	if raw == nil {
		return v, true, nil
	}
	if m, wrong := raw.(map[string]any); wrong && f.subtype != "date" {
		_ = m
		return nil, false, nil // nested as it is read
	}
	switch f.subtype {
	case "text":
		v.text, err = textOf("custom_fields", raw)
		if err == nil && utf8.RuneCountInString(v.text) > maxFieldText {
			err = invalid("custom_fields: The value of the custom field with ID %s is too long: the limit is %d characters", f.gid, maxFieldText)
		}
	case "number":
		v.number, err = numberOf(f, raw)
	case "enum":
		id, bad := textOf("custom_fields", raw)
		if bad != nil {
			return nil, false, bad
		}
		if id != "" {
			v.option, err = f.choose(id)
		}
	case "multi_enum":
		v.options, err = f.chooseAll(raw)
	case "date":
		return c.dateValue(f, raw)
	case "people":
		v.people, err = c.people("custom_fields", raw)
	case "reference":
		list, bad := gids("custom_fields", raw)
		if bad != nil {
			return nil, false, bad
		}
		for _, id := range list {
			t, err := c.task("custom_fields", id)
			if err != nil {
				return nil, false, invalid("custom_fields: Unknown object: %s", id)
			}
			v.refs = append(v.refs, t)
		}
	}
	return v, err == nil, err
}

func numberOf(f *customField, raw any) (*float64, *apiError) {
	text := ""
	switch raw := raw.(type) {
	case json.Number:
		text = raw.String()
	case string:
		text = raw
	default:
		return nil, invalid("custom_fields: The value of the custom field with ID %s is not a number", f.gid)
	}
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return nil, invalid("custom_fields: The value of the custom field with ID %s is not a number", f.gid)
	}
	digits := f.precision
	if f.format == "percentage" {
		digits += 2
	}
	scale := math.Pow10(digits)
	n = math.Round(n*scale) / scale
	return &n, nil
}

func (f *customField) choose(id string) (*option, *apiError) {
	for _, o := range f.options {
		if o.gid == id {
			if o.disabled {
				return nil, invalid("custom_fields: The enum option with ID %s of the custom field with ID %s is disabled", id, f.gid)
			}
			return o, nil
		}
	}
	return nil, invalid("custom_fields: %s is not a valid enum option of the custom field with ID %s", id, f.gid)
}

func (f *customField) chooseAll(raw any) ([]*option, *apiError) {
	list, err := gids("custom_fields", raw)
	if err != nil {
		return nil, err
	}
	var chosen []*option
	for _, id := range list {
		o, err := f.choose(id)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, o)
	}
	var out []*option // in the order of the field
	for _, o := range f.options {
		if slices.Contains(chosen, o) {
			out = append(out, o)
		}
	}
	return out, nil
}

func (c *call) dateValue(f *customField, raw any) (*fieldValue, bool, *apiError) {
	v := &fieldValue{}
	day, at := raw, any(nil)
	if m, ok := raw.(map[string]any); ok {
		if _, nested := m["date_value"]; nested {
			return nil, false, nil
		}
		day, at = m["date"], m["date_time"]
	}
	text, err := textOf("custom_fields", day)
	if err != nil {
		return nil, false, err
	}
	if text != "" {
		if v.date, err = dayOf("custom_fields: "+f.gid, text); err != nil {
			return nil, false, err
		}
	}
	if text, err = textOf("custom_fields", at); err != nil {
		return nil, false, err
	}
	if text != "" {
		if v.dateTime, err = instantOf("custom_fields: "+f.gid, text); err != nil {
			return nil, false, err
		}
		v.date = c.s.zoneDay(v.dateTime)
	}
	return v, true, nil
}

// display is the text by which people see a value.
func (s *System) display(f *customField, v *fieldValue) string {
	if v == nil {
		return ""
	}
	switch f.subtype {
	case "number":
		if v.number == nil {
			return ""
		}
		n := *v.number
		if f.format == "percentage" {
			return strconv.FormatFloat(n*100, 'f', f.precision, 64) + "%"
		}
		text := strconv.FormatFloat(n, 'f', f.precision, 64)
		if f.format == "currency" {
			return f.currency + " " + text
		}
		return text
	case "enum":
		if v.option == nil {
			return ""
		}
		return v.option.name
	case "multi_enum":
		return joined(v.options, func(o *option) string { return o.name })
	case "date":
		if !v.dateTime.IsZero() {
			return v.dateTime.Format(time.RFC3339)
		}
		return v.date
	case "people":
		return joined(v.people, func(u *user) string { return u.name })
	case "reference":
		return joined(v.refs, func(t *task) string { return t.name })
	}
	return v.text
}

func joined[T any](list []T, name func(T) string) string {
	var names []string
	for _, x := range list {
		names = append(names, name(x))
	}
	return strings.Join(names, ", ")
}

// fieldValues shows the custom fields of a task: those of its projects, and
// values that outlived them.
func (t *task) fieldValues(v *viewer) []inline {
	var fields []*customField
	for _, m := range t.memberships {
		for _, st := range m.project.settings {
			if !slices.Contains(fields, st.of) {
				fields = append(fields, st.of)
			}
		}
	}
	enabled := len(fields)
	for _, f := range v.s.fields {
		if val := t.values[f.gid]; val != nil && !val.equal(&fieldValue{}) && !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	out := []inline{}
	for i, f := range fields {
		if f.hidden || f.deleted || v.s.free {
			continue
		}
		out = append(out, v.s.showValue(f, v.s.valueOf(t, f), i < enabled))
	}
	return out
}

// valueOf is a task's value of a field; formulas are computed.
func (s *System) valueOf(t *task, f *customField) *fieldValue {
	if f.represents == "formula" {
		n := float64(len(t.subtasks))
		return &fieldValue{number: &n}
	}
	if v := t.values[f.gid]; v != nil {
		return v
	}
	return &fieldValue{}
}

func (s *System) valuesOf(_ *viewer, values map[string]*fieldValue, _ *project) []inline {
	out := []inline{}
	for _, f := range s.fields {
		if v := values[f.gid]; v != nil {
			out = append(out, s.showValue(f, v, true))
		}
	}
	return out
}

func (s *System) showValue(f *customField, v *fieldValue, enabled bool) inline {
	out := inline{
		"gid": f.gid, "resource_type": "custom_field", "name": f.name, "type": f.subtype, "resource_subtype": f.subtype, "enabled": enabled,
		"display_value": orNull(s.display(f, v)), "representation_type": f.subtype, "is_formula_field": f.represents == "formula",
		"is_value_read_only": f.readOnly(), "created_by": orNil(f.createdBy), "description": f.description,
	}
	if f.represents != "" {
		out["representation_type"] = f.represents
	}
	switch f.subtype {
	case "text":
		out["text_value"] = orNull(v.text)
	case "number":
		out["precision"], out["number_value"] = f.precision, nil
		if v.number != nil {
			out["number_value"] = number(*v.number)
		}
	case "enum":
		out["enum_options"], out["enum_value"] = resources(f.options), orNil(v.option)
	case "multi_enum":
		out["enum_options"], out["multi_enum_values"] = resources(f.options), resources(v.options)
	case "date":
		var d any
		if v.date != "" {
			d = inline{"date": v.date, "date_time": stamp(v.dateTime)}
		}
		out["date_value"] = d
	case "people":
		out["people_value"] = resources(v.people)
	case "reference":
		out["reference_value"] = resources(v.refs)
	}
	return out
}

// numbered gives a task its number in a project with an id field.
func (s *System) numbered(t *task, p *project) {
	for _, st := range p.settings {
		f := st.of
		if f.represents == "custom_id" && t.values[f.gid] == nil {
			f.next++
			t.values[f.gid] = &fieldValue{text: f.prefix + "-" + strconv.Itoa(f.next)}
		}
	}
}
