package asana

import (
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// field is one field of tasks or projects. For those of tasks, path is what
// opt_fields call it; custom fields have a definition.
type field struct {
	name, label string
	kind        connectors.Type
	path        string
	readOnly    string // why, for those that are
	keep        bool   // it cannot be cleared
	createOnly  bool
	oneLine     bool
	open        bool
	history     bool
	findable    bool
	options     []connectors.Option
	custom      *wireField
}

const (
	byAsana   = "Asana sets it"
	whoMade   = "it is who made it"
	maxText   = 1024 // characters of a text field
	nameChars = 1024
)

// taskFields are the fields that every task has.
var taskFields = []field{
	{name: "name", label: "Name", kind: connectors.TypeText, path: "name", oneLine: true, history: true, findable: true},
	{name: "notes", label: "Description", kind: connectors.TypeRichText, path: "html_notes"},
	{name: "completed", label: "Completed", kind: connectors.TypeBool, path: "completed", keep: true, history: true},
	{name: "completed_at", label: "Completed at", kind: connectors.TypeInstant, path: "completed_at", readOnly: byAsana},
	{name: "due_on", label: "Due date", kind: connectors.TypeDate, path: "due_on", history: true},
	{name: "due_at", label: "Due time", kind: connectors.TypeInstant, path: "due_at", history: true},
	{name: "start_on", label: "Start date", kind: connectors.TypeDate, path: "start_on", history: true},
	{name: "assignee", label: "Assignee", kind: connectors.TypePerson, path: "assignee.name,assignee.email", history: true},
	{name: "section", label: "Section", kind: connectors.TypeOption, path: "memberships.section.name", keep: true, history: true},
	{name: "tags", label: "Tags", kind: connectors.TypeOptions, path: "tags.name", open: true},
	{name: "followers", label: "Collaborators", kind: connectors.TypeOptions, path: "followers.name"},
	{name: "projects", label: "Projects", kind: connectors.TypeOptions, path: "memberships.project.name"},
	{name: "parent", label: "Parent", kind: connectors.TypeReference, path: "parent.name"},
	{name: "resource_subtype", label: "Type", kind: connectors.TypeOption, path: "resource_subtype", keep: true, options: plainOptions("default_task", "Task", "milestone", "Milestone", "approval", "Approval")},
	{name: "approval_status", label: "Approval", kind: connectors.TypeOption, path: "approval_status", keep: true, options: plainOptions("pending", "Pending", "approved", "Approved", "rejected", "Rejected", "changes_requested", "Changes requested")},
	{name: "created_at", label: "Created at", kind: connectors.TypeInstant, path: "created_at", readOnly: byAsana},
	{name: "modified_at", label: "Modified at", kind: connectors.TypeInstant, path: "modified_at", readOnly: byAsana},
	{name: "created_by", label: "Created by", kind: connectors.TypePerson, path: "created_by.name,created_by.email", readOnly: whoMade},
	{name: "completed_by", label: "Completed by", kind: connectors.TypePerson, path: "completed_by.name,completed_by.email", readOnly: byAsana},
	{name: "num_subtasks", label: "Subtasks", kind: connectors.TypeNumber, path: "num_subtasks", readOnly: byAsana},
	{name: "permalink_url", label: "Link", kind: connectors.TypeText, path: "permalink_url", readOnly: byAsana, oneLine: true},
}

// subtaskLacks are the fields of tasks that subtasks do not have by themselves.
var subtaskLacks = []string{"section"}

// projectFields are the fields of projects.
var projectFields = []field{
	{name: "name", label: "Name", kind: connectors.TypeText, path: "name", oneLine: true, findable: true},
	{name: "notes", label: "Description", kind: connectors.TypeRichText, path: "html_notes"},
	{name: "archived", label: "Archived", kind: connectors.TypeBool, path: "archived", keep: true},
	{name: "completed", label: "Completed", kind: connectors.TypeBool, path: "completed", readOnly: byAsana},
	{name: "due_on", label: "Due date", kind: connectors.TypeDate, path: "due_on"},
	{name: "start_on", label: "Start date", kind: connectors.TypeDate, path: "start_on"},
	{name: "owner", label: "Owner", kind: connectors.TypePerson, path: "owner.name,owner.email"},
	{name: "team", label: "Team", kind: connectors.TypeOption, path: "team.name", createOnly: true, keep: true},
	{name: "template", label: "Template", kind: connectors.TypeOption, createOnly: true, keep: true},
	{name: "color", label: "Colour", kind: connectors.TypeText, path: "color", oneLine: true},
	{name: "privacy_setting", label: "Privacy", kind: connectors.TypeOption, path: "privacy_setting", keep: true, options: plainOptions("public_to_workspace", "Public", "private", "Private")},
	{name: "created_at", label: "Created at", kind: connectors.TypeInstant, path: "created_at", readOnly: byAsana},
	{name: "modified_at", label: "Modified at", kind: connectors.TypeInstant, path: "modified_at", readOnly: byAsana},
	{name: "permalink_url", label: "Link", kind: connectors.TypeText, path: "permalink_url", readOnly: byAsana, oneLine: true},
}

// plainOptions makes options of ids and labels in turn.
func plainOptions(pairs ...string) []connectors.Option {
	var out []connectors.Option
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, connectors.Option{ID: pairs[i], Label: pairs[i+1]})
	}
	return out
}

// builtIn returns a field that every record of the object has, or nil.
func builtIn(object, name string) *field {
	list := taskFields
	if object == objectProject {
		list = projectFields
	}
	if object == objectSubtask && slices.Contains(subtaskLacks, name) {
		return nil
	}
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// customOf makes a field of a custom field's definition.
func customOf(w *wireField) *field {
	f := &field{name: w.GID, label: w.Name, custom: w, history: true}
	if w.ReadOnly || w.Formula || w.Shows == "formula" || w.Shows == "custom_id" {
		f.readOnly, f.history = byAsana, false
	}
	switch w.Subtype {
	case "number":
		f.kind = connectors.TypeNumber
	case "enum":
		f.kind = connectors.TypeOption
	case "multi_enum":
		f.kind = connectors.TypeOptions
	case "date":
		f.kind = connectors.TypeDate
	case "people":
		f.kind = connectors.TypeOptions
	case "text":
		f.kind, f.findable = connectors.TypeText, true
	default:
		f.kind, f.readOnly, f.history = connectors.TypeText, "Tenon does not write fields of the type "+w.Subtype, false
	}
	for _, o := range w.Options {
		if o.Enabled {
			f.options = append(f.options, connectors.Option{ID: o.GID, Label: o.Name})
		}
	}
	return f
}

// custom returns a project's custom field by its gid; nil where it has none.
func (p *projectInfo) custom(gid string) *field {
	if p == nil {
		return nil
	}
	for i := range p.fields {
		if p.fields[i].GID == gid {
			return customOf(&p.fields[i])
		}
	}
	return nil
}

// valuePaths are the members of custom_fields that hold the values of a type.
var valuePaths = map[string]string{
	"text": "custom_fields.text_value", "number": "custom_fields.number_value", "enum": "custom_fields.enum_value.name",
	"multi_enum": "custom_fields.multi_enum_values.name", "date": "custom_fields.date_value", "people": "custom_fields.people_value.name",
}

// own are the members that every record is made of.
const (
	ownTask    = "name,created_at,modified_at,permalink_url,memberships.project.gid,memberships.section.gid,parent.gid"
	ownSubtask = ",parent.memberships.project.gid,parent.parent.memberships.project.gid,parent.parent.parent.memberships.project.gid"
	ownProject = "name,created_at,modified_at,permalink_url,archived,team.gid"
)

// optFields lists what to ask for so that records have the fields.
func optFields(object string, scope *scopeRef, fields []string) string {
	paths := strings.Split(ownTask, ",")
	if object == objectSubtask {
		paths = append(paths, strings.Split(ownSubtask[1:], ",")...)
	}
	if object == objectProject {
		paths = strings.Split(ownProject, ",")
	}
	for _, name := range fields {
		path := ""
		if f := builtIn(object, name); f != nil {
			path = f.path
		} else if f := scope.project.custom(name); f != nil {
			if path = valuePaths[f.custom.Subtype]; path == "" {
				path = "custom_fields.display_value"
			}
		}
		for _, p := range strings.Split(path, ",") {
			if p != "" && !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	return strings.Join(paths, ",")
}
