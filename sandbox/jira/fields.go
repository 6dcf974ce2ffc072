package jira

import (
	"slices"
	"strconv"
	"strings"
)

// field is one field of the site. System fields have no custom suffix.
type field struct {
	id     string
	name   string
	kind   fieldKind
	custom string // type of a custom field, without the plugin's prefix
	// prefix of custom; empty means Jira's own custom field types.
	plugin     string
	schemaType string
	items      string
	system     string
	options    []*option
	operations []string
	clauses    []string
	navigable  bool
	// readOnly fields are on no screen whatever the screens say.
	readOnly bool
}

// option is a choice of a select field.
type option struct {
	id       string
	value    string
	disabled bool
	children []*option
}

const customTypes = "com.atlassian.jira.plugin.system.customfieldtypes"

func (f *field) isCustom() bool { return f.custom != "" }

func (f *field) number() int64 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(f.id, "customfield_"), 10, 64)
	return n
}

func (f *field) customType() string {
	if f.plugin != "" {
		return f.plugin + ":" + f.custom
	}
	return customTypes + ":" + f.custom
}

func (f *field) schema() object {
	o := object{"type": f.schemaType}
	if f.items != "" {
		o["items"] = f.items
	}
	if f.isCustom() {
		o["custom"] = f.customType()
		o["customId"] = f.number()
	} else {
		o["system"] = f.system
	}
	return o
}

func (f *field) clauseNames() []string {
	if f.isCustom() {
		return []string{"cf[" + strconv.FormatInt(f.number(), 10) + "]", f.name}
	}
	return f.clauses
}

// The custom fields of the demo's site. Their ids are the emulator's own: a
// client must look them up.
const (
	fieldEpicName       = "customfield_10011"
	fieldEpicLink       = "customfield_10014"
	fieldStartDate      = "customfield_10015"
	fieldEstimate       = "customfield_10016"
	fieldRank           = "customfield_10019"
	fieldSprint         = "customfield_10020"
	fieldCRMDeal        = "customfield_10041"
	fieldBudget         = "customfield_10042"
	fieldContract       = "customfield_10043"
	fieldRegions        = "customfield_10044"
	fieldContractLink   = "customfield_10045"
	fieldHandover       = "customfield_10046"
	fieldGoLive         = "customfield_10047"
	fieldAccountManager = "customfield_10048"
	fieldLocation       = "customfield_10049"
)

var (
	opSet  = []string{"set"}
	opMany = []string{"add", "set", "remove"}
)

// siteFields returns the fields of a fresh site, in the order of the field list.
func siteFields(flavour Flavour) []*field {
	const greenhopper = "com.pyxis.greenhopper.jira"
	list := []*field{
		{id: "summary", name: "Summary", kind: textKind{limit: 255, summary: true}, schemaType: "string", system: "summary", operations: opSet, clauses: []string{"summary"}, navigable: true},
		{id: "issuetype", name: "Issue Type", kind: typeKind{}, schemaType: "issuetype", system: "issuetype", clauses: []string{"issuetype", "type"}, navigable: true},
		{id: "project", name: "Project", kind: projectKind{}, schemaType: "project", system: "project", clauses: []string{"project"}, navigable: true},
		{id: "description", name: "Description", kind: docKind{}, schemaType: "string", system: "description", operations: opSet, clauses: []string{"description"}, navigable: true},
		{id: "environment", name: "Environment", kind: docKind{}, schemaType: "string", system: "environment", operations: opSet, clauses: []string{"environment"}, navigable: true},
		{id: "priority", name: "Priority", kind: priorityKind(), schemaType: "priority", system: "priority", operations: opSet, clauses: []string{"priority"}, navigable: true},
		{id: "resolution", name: "Resolution", kind: resolutionKind(), schemaType: "resolution", system: "resolution", operations: opSet, clauses: []string{"resolution"}, navigable: true},
		{id: "assignee", name: "Assignee", kind: userKind{assignee: true}, schemaType: "user", system: "assignee", operations: opSet, clauses: []string{"assignee"}, navigable: true},
		{id: "reporter", name: "Reporter", kind: userKind{}, schemaType: "user", system: "reporter", operations: opSet, clauses: []string{"reporter"}, navigable: true},
		{id: "labels", name: "Labels", kind: labelsKind{}, schemaType: "array", items: "string", system: "labels", operations: opMany, clauses: []string{"labels"}, navigable: true},
		{id: "components", name: "Components", kind: componentKind(), schemaType: "array", items: "component", system: "components", operations: opMany, clauses: []string{"component"}, navigable: true},
		{id: "fixVersions", name: "Fix versions", kind: versionKind(), schemaType: "array", items: "version", system: "fixVersions", operations: opMany, clauses: []string{"fixVersion"}, navigable: true},
		{id: "versions", name: "Affects versions", kind: versionKind(), schemaType: "array", items: "version", system: "versions", operations: opMany, clauses: []string{"affectedVersion"}, navigable: true},
		{id: "duedate", name: "Due date", kind: dateKind{}, schemaType: "date", system: "duedate", operations: opSet, clauses: []string{"due", "duedate"}, navigable: true},
		{id: "parent", name: "Parent", kind: parentKind{}, schemaType: "issuelink", system: "parent", operations: opSet, clauses: []string{"parent"}},
		{id: fieldStartDate, name: "Start date", kind: dateKind{}, custom: "datepicker", schemaType: "date", operations: opSet, navigable: true},
		{id: fieldEstimate, name: "Story point estimate", kind: numberKind{}, custom: "jsw-story-points", plugin: greenhopper, schemaType: "number", operations: opSet, navigable: true},
		{id: fieldRank, name: "Rank", kind: opaqueKind{}, custom: "gh-lexo-rank", plugin: greenhopper, schemaType: "any", navigable: true, readOnly: true},
		{id: fieldSprint, name: "Sprint", kind: opaqueKind{}, custom: "gh-sprint", plugin: greenhopper, schemaType: "array", items: "json", navigable: true, readOnly: true},
		{id: fieldCRMDeal, name: "CRM deal", kind: textKind{limit: 255}, custom: "textfield", schemaType: "string", operations: opSet, navigable: true},
		{id: fieldBudget, name: "Budget", kind: numberKind{}, custom: "float", schemaType: "number", operations: opSet, navigable: true},
		{id: fieldContract, name: "Contract", kind: optionKind(), custom: "select", schemaType: "option", operations: opSet, options: options(10020, "Fixed price", "Time and material", "Retainer"), navigable: true},
		{id: fieldRegions, name: "Regions", kind: optionsKind(), custom: "multicheckboxes", schemaType: "array", items: "option", operations: opMany, options: options(10030, "EMEA", "Americas", "APAC"), navigable: true},
		{id: fieldContractLink, name: "Contract link", kind: textKind{limit: 255, url: true}, custom: "url", schemaType: "string", operations: opSet, navigable: true},
		{id: fieldHandover, name: "Handover notes", kind: docKind{}, custom: "textarea", schemaType: "string", operations: opSet, navigable: true},
		{id: fieldGoLive, name: "Go-live", kind: dateTimeKind{}, custom: "datetime", schemaType: "datetime", operations: opSet, navigable: true},
		{id: fieldAccountManager, name: "Account manager", kind: userKind{}, custom: "userpicker", schemaType: "user", operations: opSet, navigable: true},
		{id: fieldLocation, name: "Location", kind: cascadeKind{}, custom: "cascadingselect", schemaType: "option-with-child", operations: opSet, options: locations(), navigable: true},
	}
	if flavour == DataCenter {
		list = append(list,
			&field{id: fieldEpicName, name: "Epic Name", kind: textKind{limit: 255}, custom: "gh-epic-label", plugin: greenhopper, schemaType: "string", operations: opSet, navigable: true},
			&field{id: fieldEpicLink, name: "Epic Link", kind: epicLinkKind{}, custom: "gh-epic-link", plugin: greenhopper, schemaType: "any", operations: opSet, navigable: true})
	}
	return append(list, readOnlyFields()...)
}

func readOnlyFields() []*field {
	computed := func(id, name, schemaType, items string, navigable bool, clauses ...string) *field {
		return &field{id: id, name: name, kind: opaqueKind{}, schemaType: schemaType, items: items, system: id, clauses: clauses, navigable: navigable, readOnly: true}
	}
	return []*field{
		computed("status", "Status", "status", "", true, "status"),
		computed("statusCategory", "Status Category", "statusCategory", "", true, "statusCategory"),
		computed("statuscategorychangedate", "Status Category Changed", "datetime", "", true, "statusCategoryChangedDate"),
		computed("created", "Created", "datetime", "", true, "created", "createdDate"),
		computed("updated", "Updated", "datetime", "", true, "updated", "updatedDate"),
		computed("resolutiondate", "Resolved", "datetime", "", true, "resolutiondate", "resolved"),
		computed("creator", "Creator", "user", "", true, "creator"),
		computed("subtasks", "Sub-tasks", "array", "issuelinks", true, "subtasks"),
		computed("issuelinks", "Linked Issues", "array", "issuelinks", true, "issueLink"),
		computed("attachment", "Attachment", "array", "attachment", false, "attachments"),
		computed("comment", "Comment", "comments-page", "", false, "comment"),
		computed("watches", "Watchers", "watches", "", true, "watchers"),
		computed("votes", "Votes", "votes", "", true, "votes"),
		computed("worklog", "Log Work", "array", "worklog", false),
		computed("timetracking", "Time tracking", "timetracking", "", false),
		computed("progress", "Progress", "progress", "", true, "progress"),
		computed("workratio", "Work Ratio", "number", "", true, "workratio"),
		computed("lastViewed", "Last Viewed", "datetime", "", true, "lastViewed"),
		computed("security", "Security Level", "securitylevel", "", true, "level"),
	}
}

func options(first int, values ...string) []*option {
	list := make([]*option, 0, len(values))
	for i, v := range values {
		list = append(list, &option{id: strconv.Itoa(first + i), value: v})
	}
	return list
}

func locations() []*option {
	list := options(10050, "Europe", "America")
	list[0].children = options(10060, "Berlin", "Lisbon")
	list[1].children = options(10070, "Boston")
	return list
}

// baseScreen lists the fields of the create and edit screens of a type.
func baseScreen(flavour Flavour, t *issueType) []string {
	screen := []string{
		"summary", "issuetype", "project", "description", "environment", "priority", "assignee", "reporter", "labels", "components", "fixVersions",
		"versions", "duedate", fieldStartDate, fieldEstimate, fieldCRMDeal, fieldBudget, fieldContract, fieldRegions, fieldContractLink, fieldHandover,
		fieldGoLive, fieldAccountManager, fieldLocation,
	}
	switch {
	case flavour == Cloud && t != typeEpic, t.subtask:
		screen = append(screen, "parent")
	case flavour == DataCenter && t == typeEpic:
		screen = append(screen, fieldEpicName)
	case flavour == DataCenter:
		screen = append(screen, fieldEpicLink)
	}
	return slices.Clip(screen)
}

func (s *System) field(id string) *field { return s.fieldByID[id] }

// fieldNamed finds a field by id, or by a name that only one field has.
func (s *System) fieldNamed(name string) (*field, bool) {
	if f := s.fieldByID[name]; f != nil {
		return f, true
	}
	var found *field
	for _, f := range s.fields {
		if strings.EqualFold(f.name, name) {
			if found != nil {
				return nil, false
			}
			found = f
		}
	}
	return found, found != nil
}

// onScreen reports whether a field can be set on issues of this type.
func (s *System) onScreen(p *project, t *issueType, id string) bool {
	f := s.field(id)
	return f != nil && !f.readOnly && !s.hidden[id] && slices.Contains(p.screens[t.id], id)
}
