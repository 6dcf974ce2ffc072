package salesforce

import (
	_ "embed"
	"strconv"
	"strings"
)

//go:embed objects.txt
var objectsText string

// loadObjects makes the objects of a fresh organisation with the custom ones of
// the sandbox.
func (s *System) loadObjects() {
	var o *object
	finish := func() {
		if o != nil {
			s.finishObject(o)
		}
	}
	for _, line := range strings.Split(objectsText, "\n") {
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '=':
			finish()
			o = parseObject(line[2:])
			s.addObject(o)
		default:
			o.add(parseField(line))
		}
	}
	finish()
}

func parseObject(line string) *object {
	cells := strings.Split(line, "|")
	o := newObject(cells[0], cells[1], cells[2], cells[3])
	idField := &field{name: "Id", label: "Record ID", kind: "id", length: 18, defaulted: true, idLookup: true, filterable: true, sortable: true}
	o.add(idField)
	flags := strings.Fields(cells[4])
	deletable := &field{name: "IsDeleted", label: "Deleted", kind: "boolean", defaulted: true, filterable: true, sortable: true}
	o.add(deletable)
	for _, flag := range flags {
		name, of, _ := strings.Cut(flag, "=")
		switch name {
		case "merge":
			o.mergeable = true
		case "feed":
			o.feed = true
		case "owner":
			o.add(ownerField("User"))
		case "queue":
			o.field("OwnerId").references = []string{"Group", "User"}
		case "types":
			o.add(&field{name: "RecordTypeId", label: "Record Type ID", kind: "reference", length: 18, references: []string{"RecordType"}, relation: "RecordType", nillable: true, createable: true, updateable: true, filterable: true, sortable: true})
		case "fixed":
			o.createable, o.updateable, o.deletable, o.undeletable = false, false, false, false
		case "nodelete":
			o.deletable, o.undeletable = false, false
		case "nocreate":
			o.createable = false
		case "history":
			historyFields(o, of)
		}
	}
	return o
}

func ownerField(targets ...string) *field {
	return &field{
		name: "OwnerId", label: "Owner ID", kind: "reference", length: 18, references: targets, relation: "Owner",
		createable: true, updateable: true, defaulted: true, filterable: true, sortable: true,
	}
}

// historyFields are those of the table that keeps an object's tracked changes.
func historyFields(o *object, of string) {
	o.createable, o.updateable, o.undeletable, o.searchable = false, false, false, false
	ref := historyReference(of)
	for _, f := range []*field{
		{name: ref, label: of + " ID", kind: "reference", length: 18, references: []string{of}, relation: of, children: "Histories", cascade: true, filterable: true, sortable: true},
		{name: "Field", label: "Changed Field", kind: "picklist", length: 255, filterable: true, sortable: true},
		{name: "DataType", label: "Datatype", kind: "picklist", length: 40, filterable: true, sortable: true},
		{name: "OldValue", label: "Old Value", kind: "anyType", nillable: true},
		{name: "NewValue", label: "New Value", kind: "anyType", nillable: true},
	} {
		o.add(f)
	}
	if of == "Opportunity" {
		o.field("OpportunityId").children = "OpportunityFieldHistories"
	}
}

// historyReference is the field of a history table that names the record.
func historyReference(of string) string {
	if strings.HasSuffix(of, "__c") {
		return "ParentId"
	}
	return of + "Id"
}

// historyTable is the table that keeps an object's tracked changes.
func historyTable(of string) string {
	switch base, custom := strings.CutSuffix(of, "__c"); {
	case of == "Opportunity":
		return "OpportunityFieldHistory"
	case custom:
		return base + "__History"
	}
	return of + "History"
}

// finishObject adds the fields that the system keeps of each record.
func (s *System) finishObject(o *object) {
	person := func(name, label, relation string) *field {
		return &field{name: name, label: label, kind: "reference", length: 18, references: []string{"User"}, relation: relation, defaulted: true, filterable: true, sortable: true}
	}
	stamp := func(name, label string) *field {
		return &field{name: name, label: label, kind: "datetime", defaulted: true, filterable: true, sortable: true}
	}
	o.add(stamp("CreatedDate", "Created Date"))
	o.add(person("CreatedById", "Created By ID", "CreatedBy"))
	if !strings.HasSuffix(o.name, "History") {
		o.add(stamp("LastModifiedDate", "Last Modified Date"))
		o.add(person("LastModifiedById", "Last Modified By ID", "LastModifiedBy"))
		o.add(stamp("SystemModstamp", "System Modstamp"))
	}
	if o.feed {
		o.add(&field{name: "LastActivityDate", label: "Last Activity", kind: "date", nillable: true, filterable: true, sortable: true})
		o.add(&field{name: "LastViewedDate", label: "Last Viewed Date", kind: "datetime", nillable: true, filterable: true, sortable: true})
		o.add(&field{name: "LastReferencedDate", label: "Last Referenced Date", kind: "datetime", nillable: true, filterable: true, sortable: true})
	}
}

func parseField(line string) *field {
	cells := strings.Split(line, "|")
	f := &field{
		name: cells[0], label: cells[1], nillable: true, createable: true, updateable: true, filterable: true, sortable: true,
		custom: strings.HasSuffix(cells[0], "__c"),
	}
	kind, rest, _ := strings.Cut(cells[2], "(")
	f.kind = kind
	f.size(strings.TrimSuffix(rest, ")"))
	for _, attr := range strings.Split(cells[3], ";") {
		name, arg, _ := strings.Cut(attr, "=")
		f.attribute(name, arg)
	}
	if f.long() || f.kind == "address" || f.kind == "base64" {
		f.filterable, f.sortable = false, false
	}
	if f.kind == "multipicklist" {
		f.sortable, f.length = false, 4099
	}
	if f.kind == "boolean" {
		f.nillable = false
		if f.defaultValue == nil && !f.calculated {
			f.defaultValue = false
		}
		f.defaulted = true
	}
	return f
}

func (f *field) size(arg string) {
	a, b, _ := strings.Cut(arg, ",")
	n, _ := strconv.Atoi(a)
	m, _ := strconv.Atoi(b)
	switch f.kind {
	case "reference":
		f.references, f.length = strings.Split(arg, ","), 18
	case "double", "currency", "percent":
		f.precision, f.scale = n, m
		if f.kind == "percent" && m == 0 {
			f.precision = n
		}
	case "int":
		f.digits = n
	case "picklist":
		f.length = 255
	default:
		f.length = n
	}
}

func (f *field) attribute(name, arg string) {
	switch name {
	case "req":
		f.nillable = false
	case "ro":
		f.createable, f.updateable = false, false
	case "once":
		f.updateable = false
	case "unique":
		f.unique = true
	case "ext":
		f.externalID, f.idLookup = true, true
	case "idlookup":
		f.idLookup = true
	case "name":
		f.nameField = true
	case "restricted":
		f.restricted = true
	case "html":
		f.html = true
	case "calc":
		f.calculated = true
	case "cascade":
		f.cascade = true
	case "nofilter":
		f.filterable, f.sortable = false, false
	case "auto":
		f.defaulted = true
		if arg != "" {
			f.auto, f.autoFormat, f.nillable = true, arg, false
		}
	case "default":
		f.defaulted = true
		f.defaultValue = arg
		if f.kind == "boolean" {
			f.defaultValue = arg == "true"
		}
	case "rel":
		f.relation = arg
	case "kids":
		f.children = arg
	case "in":
		f.compound = arg
	case "extra":
		f.extra = arg
	case "values":
		f.choices(arg)
	}
}

func (f *field) choices(arg string) {
	for _, text := range strings.Split(arg, ",") {
		text, standard := strings.CutPrefix(text, "*")
		val, label, given := strings.Cut(text, ":")
		if !given {
			label = val
		}
		f.picklist = append(f.picklist, pick{Value: val, Label: label, Active: true, Default: standard})
	}
}
