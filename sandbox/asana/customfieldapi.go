package asana

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// maxOptions is how many options a field may have, disabled ones included.
const maxOptions = 500

func listCustomFields(c *call) (*answer, *apiError) {
	if err := c.inWorkspace("workspace", c.vars["workspace"]); err != nil {
		return nil, err
	}
	out := []resource{}
	for _, f := range c.s.fields {
		if !f.deleted && !f.hidden && !c.s.free {
			out = append(out, f)
		}
	}
	return list(out)
}

func (c *call) customField() (*customField, *apiError) {
	f := c.s.customField(c.vars["field"])
	if f == nil || f.hidden {
		return nil, unknown("custom_field", c.vars["field"])
	}
	return f, nil
}

func getCustomField(c *call) (*answer, *apiError) {
	f, err := c.customField()
	if err != nil {
		return nil, err
	}
	return just(f)
}

var fieldTypes = []string{"text", "number", "enum", "multi_enum", "date", "people", "reference"}

// builtIn are names that no custom field may have.
var builtIn = []string{"assignee", "due date", "projects", "tags", "completed", "created at", "name"}

func createCustomField(c *call) (*answer, *apiError) {
	ws, err := gidOf("workspace", c.data["workspace"])
	if err != nil {
		return nil, err
	}
	if ws != c.s.workspace.gid {
		return nil, invalid("workspace: Missing input")
	}
	name, err := c.required("name")
	if err != nil {
		return nil, err
	}
	kind, err := c.text("resource_subtype")
	if err != nil {
		return nil, err
	}
	if kind == "" {
		if kind, err = c.text("type"); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(fieldTypes, kind) {
		return nil, invalid("resource_subtype: %s is not a valid value", kind)
	}
	taken := slices.ContainsFunc(c.s.fields, func(f *customField) bool { return !f.deleted && strings.EqualFold(f.name, name) })
	if taken || slices.Contains(builtIn, strings.ToLower(name)) {
		return nil, forbidden("A custom field with the name %s already exists in this workspace", quoted(name))
	}
	f := &customField{name: name, subtype: kind, createdBy: c.user}
	if f.description, err = c.text("description"); err != nil {
		return nil, err
	}
	if n, ok := c.data["precision"].(json.Number); ok {
		p, bad := n.Int64()
		if bad != nil || p < 0 || p > 6 {
			return nil, invalid("precision: Must be between 0 and 6")
		}
		f.precision = int(p)
	}
	if f.format, err = c.text("format"); err != nil {
		return nil, err
	}
	if f.currency, err = c.text("currency_code"); err != nil {
		return nil, err
	}
	options, _ := c.data["enum_options"].([]any)
	if len(options) > maxOptions {
		return nil, invalid("enum_options: At most %d options", maxOptions)
	}
	f.entity = c.s.entity(c.now)
	for _, raw := range options {
		m, _ := raw.(map[string]any)
		text, err := textOf("enum_options", m["name"])
		if err != nil || text == "" {
			return nil, invalid("enum_options: name: Missing input")
		}
		c.s.addOption(f, text, "cool-gray", c.now)
	}
	c.s.fields = append(c.s.fields, f)
	return created(f)
}

func (s *System) addOption(f *customField, name, color string, now time.Time) *option {
	o := &option{entity: s.entity(now), name: name, color: color}
	f.options = append(f.options, o)
	s.options[o.gid] = o
	return o
}

func updateCustomField(c *call) (*answer, *apiError) {
	f, err := c.customField()
	if err != nil {
		return nil, err
	}
	if f.locked {
		return nil, forbidden("You do not have access to modify this custom field")
	}
	for _, name := range []string{"resource_subtype", "type"} {
		if text, _ := c.text(name); c.has(name) && text != f.subtype {
			return nil, invalid("%s: The type of a custom field cannot be changed", name)
		}
	}
	if c.has("name") {
		name, err := c.required("name")
		if err != nil {
			return nil, err
		}
		f.name = name
	}
	if c.has("description") {
		if f.description, err = c.text("description"); err != nil {
			return nil, err
		}
	}
	return just(f)
}

func deleteCustomField(c *call) (*answer, *apiError) {
	f, err := c.customField()
	if err != nil {
		return nil, err
	}
	f.deleted = true
	for _, p := range c.s.projects {
		p.settings = slices.DeleteFunc(p.settings, func(st *setting) bool { return st.of == f })
	}
	return nothing()
}

func createOption(c *call) (*answer, *apiError) {
	f, err := c.customField()
	if err != nil {
		return nil, err
	}
	name, err := c.required("name")
	if err != nil {
		return nil, err
	}
	if len(f.options) >= maxOptions {
		return nil, invalid("enum_options: At most %d options", maxOptions)
	}
	color, err := c.text("color")
	if err != nil {
		return nil, err
	}
	if color == "" {
		color = "cool-gray"
	}
	return created(c.s.addOption(f, name, color, c.now))
}

func updateOption(c *call) (*answer, *apiError) {
	o := c.s.options[c.vars["option"]]
	if o == nil {
		return nil, unknown("enum_option", c.vars["option"])
	}
	if c.has("name") {
		name, err := c.required("name")
		if err != nil {
			return nil, err
		}
		o.name = name
	}
	if c.has("enabled") {
		on, err := c.flag("enabled")
		if err != nil {
			return nil, err
		}
		for _, f := range c.s.fields {
			left := slices.ContainsFunc(f.options, func(x *option) bool { return x != o && !x.disabled })
			if !on && slices.Contains(f.options, o) && !left {
				return nil, invalid("enabled: At least one option must stay enabled")
			}
		}
		o.disabled = !on
	}
	return just(o)
}
