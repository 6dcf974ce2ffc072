package hubspot

import (
	"slices"
	"strings"
)

// objectType is one kind of record with its definitions and its records.
type objectType struct {
	id       string // "0-3"
	name     string // "deals"
	singular string // "deal"
	upper    string // "DEAL", in error messages
	event    string // prefix of webhook events of its own; "" means object.* only
	defaults []string
	lastMod  string // property that holds the time of the last modification
	created  string // property that holds the time of creation besides hs_createdate
	required []string
	noWrites bool
	read     string // scope
	write    string // scope
	schema   *schema

	pipelineProp, stageProp string
	pipelines               []*pipeline

	props     map[string]*property
	propOrder []string
	groups    []*propertyGroup

	nextID  int64
	records map[int64]*record
	alias   map[int64]int64 // ids of merged records, to the id that lives on
	ids     []int64         // ascending; archived ones included
	index   map[int64]*indexed
	unique  map[string]map[string][]int64 // property → value → records
}

func (ot *objectType) is(name string) bool {
	return name == ot.id || strings.EqualFold(name, ot.name) || strings.EqualFold(name, ot.singular) ||
		ot.schema != nil && (strings.EqualFold(name, ot.schema.FullyQualifiedName) || strings.EqualFold(name, "p_"+ot.schema.Name) || name == ot.schema.ID)
}

// key is the type's name in association maps and in URLs of lists.
func (ot *objectType) key() string {
	if ot.schema != nil {
		return ot.schema.FullyQualifiedName
	}
	return strings.ReplaceAll(ot.name, "_", " ")
}

// typeByName finds a type by id, plural, singular or fully qualified name. It
// returns nil for unknown ones.
func (s *System) typeByName(name string) *objectType {
	for _, ot := range s.types {
		if ot.is(name) && (ot.schema == nil || !ot.schema.Archived) {
			return ot
		}
	}
	return nil
}

type typeSpec struct {
	id, name, singular, event, scope string
	defaults                         string
	required                         string
}

const (
	scopeContacts = "crm.objects.contacts"
	scopeCustom   = "crm.objects.custom"
)

var standardTypes = []typeSpec{
	{"0-1", "contacts", "contact", "contact", scopeContacts, "firstname lastname email createdate lastmodifieddate hs_object_id", ""},
	{"0-2", "companies", "company", "company", "crm.objects.companies", "name domain createdate hs_lastmodifieddate hs_object_id", ""},
	{"0-3", "deals", "deal", "deal", "crm.objects.deals", "dealname amount closedate pipeline dealstage createdate hs_lastmodifieddate hs_object_id", ""},
	{"0-5", "tickets", "ticket", "ticket", "tickets", "content subject hs_pipeline hs_pipeline_stage hs_ticket_category hs_ticket_priority createdate hs_lastmodifieddate hs_object_id", "hs_pipeline_stage"},
	{"0-7", "products", "product", "product", "e-commerce", "name description price createdate hs_lastmodifieddate hs_object_id", ""},
	{"0-8", "line_items", "line_item", "line_item", "crm.objects.line_items", "quantity amount price createdate hs_lastmodifieddate hs_object_id", ""},
	{"0-14", "quotes", "quote", "", "crm.objects.quotes", "hs_expiration_date hs_public_url_key hs_status hs_title hs_createdate hs_lastmodifieddate hs_object_id", "hs_title hs_expiration_date"},
	{"0-19", "feedback_submissions", "feedback_submission", "", "crm.objects.feedback_submissions", "hs_createdate hs_lastmodifieddate hs_object_id", ""},
	{"0-18", "communications", "communication", "", scopeContacts, "hs_createdate hs_lastmodifieddate hs_object_id", "hs_timestamp"},
	{"0-27", "tasks", "task", "", scopeContacts, "hs_createdate hs_lastmodifieddate hs_object_id", "hs_timestamp"},
	{"0-46", "notes", "note", "", scopeContacts, "hs_createdate hs_lastmodifieddate hs_object_id", "hs_timestamp"},
	{"0-47", "meetings", "meeting", "", scopeContacts, "hs_createdate hs_lastmodifieddate hs_object_id", "hs_timestamp"},
	{"0-48", "calls", "call", "", scopeContacts, "hs_createdate hs_lastmodifieddate hs_object_id", "hs_timestamp"},
	{"0-49", "emails", "email", "", scopeContacts, "hs_createdate hs_lastmodifieddate hs_object_id", "hs_timestamp hs_email_direction"},
	{"0-970", "projects", "project", "", "crm.objects.projects", "hs_name hs_pipeline hs_pipeline_stage hs_createdate hs_lastmodifieddate hs_object_id", "hs_name"},
}

func newObjectType(spec typeSpec) *objectType {
	ot := &objectType{
		id: spec.id, name: spec.name, singular: spec.singular, upper: strings.ToUpper(spec.singular), event: spec.event,
		defaults: strings.Fields(spec.defaults), lastMod: "hs_lastmodifieddate", created: "createdate",
		required: strings.Fields(spec.required), read: spec.scope + ".read", write: spec.scope + ".write",
		props: map[string]*property{}, records: map[int64]*record{}, alias: map[int64]int64{}, index: map[int64]*indexed{},
		unique: map[string]map[string][]int64{},
	}
	switch spec.name {
	case "contacts":
		ot.lastMod = "lastmodifieddate"
	case "deals":
		ot.pipelineProp, ot.stageProp = "pipeline", "dealstage"
	case "tickets":
		ot.read, ot.write = "tickets", "tickets"
		ot.pipelineProp, ot.stageProp = "hs_pipeline", "hs_pipeline_stage"
	case "projects":
		ot.pipelineProp, ot.stageProp = "hs_pipeline", "hs_pipeline_stage"
	case "products":
		ot.read, ot.write = "e-commerce", "e-commerce"
	case "feedback_submissions":
		ot.noWrites = true
	}
	if slices.Contains(ot.defaults, "hs_createdate") {
		ot.created = "hs_createdate"
	}
	return ot
}

// get returns the record with this id, archived or not, following merges.
func (ot *objectType) get(id int64) *record {
	if to, merged := ot.alias[id]; merged {
		id = to
	}
	return ot.records[id]
}
