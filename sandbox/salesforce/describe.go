package salesforce

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"time"
)

// unchanged answers 304 if the schema is as the client knows it.
func (c *call) unchanged() (answer, bool) {
	since, err := http.ParseTime(c.header.Get("If-Modified-Since"))
	if err == nil && !c.s.schemaAt.Truncate(time.Second).After(since) || c.header.Get("If-None-Match") != "" && c.header.Get("If-None-Match") == c.s.schemaTag() {
		return answer{status: http.StatusNotModified}, true
	}
	return answer{}, false
}

// schemaChanged moves the time that describe tells as its last change: by a
// second at least, as that is what it can tell apart.
func (s *System) schemaChanged() {
	at, last := s.now(), s.schemaAt.Truncate(time.Second).Add(time.Second)
	if at.Before(last) {
		at = last
	}
	s.schemaAt = at
}

func (s *System) schemaTag() string {
	h := fnv.New32a()
	fmt.Fprint(h, s.schemaAt.UnixMilli())
	return fmt.Sprintf(`"%08x--gzip"`, h.Sum32())
}

func (c *call) described(body any) (answer, *apiError) {
	return answer{status: http.StatusOK, body: body, header: http.Header{
		"Last-Modified": {c.s.schemaAt.UTC().Format(http.TimeFormat)}, "Etag": {c.s.schemaTag()},
	}}, nil
}

func describeGlobal(c *call) (answer, *apiError) {
	if a, done := c.unchanged(); done {
		return a, nil
	}
	var list []any
	for _, o := range c.s.objects {
		if !c.s.denied(o.name, "read") {
			list = append(list, append(c.s.flags(o), member{"urls", o.urls(c.version)}))
		}
	}
	return c.described(members{{"encoding", "UTF-8"}, {"maxBatchSize", maxRows}, {"sobjects", list}})
}

func (o *object) urls(version string) members {
	base := "/services/data/v" + version + "/sobjects/" + o.name
	return members{
		{"rowTemplate", base + "/{ID}"}, {"describe", base + "/describe"}, {"sobject", base},
	}
}

// flags are what describe tells about an object as a whole, in short.
func (s *System) flags(o *object) members {
	can := func(able bool, what string) bool { return able && !s.denied(o.name, what) }
	return members{
		{"activateable", false},
		{"associateEntityType", nil},
		{"associateParentEntity", nil},
		{"createable", can(o.createable, "create")},
		{"custom", o.custom},
		{"customSetting", false},
		{"deepCloneable", false},
		{"deletable", can(o.deletable, "delete")},
		{"deprecatedAndHidden", false},
		{"feedEnabled", o.feed},
		{"hasSubtypes", false},
		{"isInterface", false},
		{"isSubtype", false},
		{"keyPrefix", o.prefix},
		{"label", o.label},
		{"labelPlural", o.plural},
		{"layoutable", o.feed},
		{"mergeable", o.mergeable},
		{"mruEnabled", o.feed},
		{"name", o.name},
		{"queryable", o.queryable},
		{"replicateable", o.replicateable && o.field("SystemModstamp") != nil},
		{"retrieveable", true},
		{"searchable", o.searchable},
		{"triggerable", o.feed},
		{"undeletable", o.undeletable},
		{"updateable", can(o.updateable, "update")},
	}
}

func basicInfo(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	items := []any{}
	for i := len(o.ids) - 1; i >= 0 && len(items) < 10; i-- {
		if r := o.records[o.ids[i]]; r != nil && !r.deleted() && !r.hidden {
			items = append(items, members{{"attributes", attributes(r, c.version)}, {"Id", r.id}, {o.naming().name, o.naming().wire(r.values[o.naming().name])}})
		}
	}
	return ok(members{{"objectDescribe", append(c.s.flags(o), member{"urls", o.urls(c.version)})}, {"recentItems", items}})
}

func describeObject(c *call) (answer, *apiError) {
	o, err := c.object()
	if err != nil {
		return answer{}, err
	}
	if a, done := c.unchanged(); done {
		return a, nil
	}
	var fields []any
	for _, f := range o.fields {
		if !c.s.hides(f) {
			fields = append(fields, c.s.describeField(f))
		}
	}
	var kids []any
	for _, f := range c.s.children(o) {
		if c.s.denied(f.object.name, "read") || c.s.hides(f) {
			continue
		}
		kids = append(kids, members{
			{"cascadeDelete", f.cascade},
			{"childSObject", f.object.name},
			{"deprecatedAndHidden", false},
			{"field", f.name},
			{"junctionIdListNames", []any{}},
			{"junctionReferenceTo", []any{}},
			{"relationshipName", joined(f.children)},
			{"restrictedDelete", false},
		})
	}
	if kids == nil {
		kids = []any{}
	}
	out := members{{"actionOverrides", []any{}}}
	out = append(out, c.s.flags(o)...)
	out = append(
		out, member{"childRelationships", kids}, member{"compactLayoutable", true}, member{"defaultImplementation", nil}, member{"extendedBy", nil}, member{"extendsInterfaces", nil},
		member{"implementedBy", nil}, member{"implementsInterfaces", nil}, member{"fields", fields}, member{"listviewable", nil}, member{"lookupLayoutable", nil},
		member{"namedLayoutInfos", []any{}}, member{"networkScopeFieldName", nil}, member{"recordTypeInfos", c.recordTypes(o)}, member{"searchLayoutable", o.feed},
		member{"sobjectDescribeOption", "FULL"}, member{"supportedScopes", []any{members{{"label", "All " + strings.ToLower(o.plural)}, {"name", "everything"}}}},
		member{"urls", append(o.urls(c.version), member{"uiDetailTemplate", c.ui() + "/{ID}"}, member{"uiEditTemplate", c.ui() + "/{ID}/e"}, member{"uiNewRecord", c.ui() + "/" + o.prefix + "/e"})},
	)
	return c.described(out)
}

// ui is where people see the organisation's pages.
func (c *call) ui() string {
	if c.s.uiBase != "" {
		return c.s.uiBase
	}
	return c.s.instance(c.host)
}

// masterType is the id of the record type that records without one have.
const masterType = "012000000000000AAA"

func (c *call) recordTypes(o *object) []any {
	info := func(name, developer, id string, active, standard bool) members {
		return members{
			{"active", active},
			{"available", true},
			{"defaultRecordTypeMapping", standard},
			{"developerName", developer},
			{"master", id == masterType},
			{"name", name},
			{"recordTypeId", id},
			{"urls", members{{"layout", "/services/data/v" + c.version + "/sobjects/" + o.name + "/describe/layouts/" + id}}},
		}
	}
	out := []any{}
	types := c.s.object("RecordType")
	for _, r := range c.s.rows(types, false, false) {
		if r.text("SobjectType") == o.name {
			out = append(out, info(r.text("Name"), r.text("DeveloperName"), r.id, r.flag("IsActive"), false))
		}
	}
	return append(out, info("Master", "Master", masterType, true, true))
}

func (s *System) describeField(f *field) members {
	able := !s.readOnly[f.object.name+"."+f.name]
	picklist := []any{}
	for _, p := range f.picklist {
		picklist = append(picklist, members{{"active", p.Active}, {"defaultValue", p.Default}, {"label", p.Label}, {"validFor", nil}, {"value", p.Value}})
	}
	references := f.references
	if references == nil {
		references = []string{}
	}
	length := f.length
	if f.numeric() || f.kind == "date" || f.kind == "datetime" || f.kind == "boolean" || f.kind == "address" {
		length = 0
	}
	var standard any
	if f.kind == "boolean" {
		standard = f.defaultValue == true
	}
	var formula any
	if f.calculated && f.custom {
		formula = f.formula
	}
	system := f.name == "Id" || f.name == "IsDeleted" || f.name == "SystemModstamp" || strings.HasPrefix(f.name, "Created") || strings.HasPrefix(f.name, "LastModified")
	return members{
		{"aggregatable", f.filterable},
		{"aiPredictionField", false},
		{"autoNumber", f.auto},
		{"byteLength", length * 3},
		{"calculated", f.calculated},
		{"calculatedFormula", formula},
		{"cascadeDelete", f.cascade && f.kind == "reference"},
		{"caseSensitive", f.caseSensitive},
		{"compoundFieldName", joined(f.compound)},
		{"controllerName", joined(f.controller)},
		{"createable", f.createable && able},
		{"custom", f.custom},
		{"defaultValue", standard},
		{"defaultValueFormula", nil},
		{"defaultedOnCreate", f.defaulted || f.auto},
		{"dependentPicklist", f.controller != ""},
		{"deprecatedAndHidden", false},
		{"digits", f.digits},
		{"displayLocationInDecimal", false},
		{"encrypted", false},
		{"externalId", f.externalID},
		{"extraTypeInfo", joined(f.extra)},
		{"filterable", f.filterable},
		{"filteredLookupInfo", nil},
		{"formulaTreatNullNumberAsZero", false},
		{"groupable", f.filterable && f.kind != "datetime" && !f.numeric()},
		{"highScaleNumber", false},
		{"htmlFormatted", f.html || f.formulaLink()},
		{"idLookup", f.idLookup},
		{"inlineHelpText", joined(f.help)},
		{"label", f.label},
		{"length", length},
		{"mask", nil},
		{"maskType", nil},
		{"name", f.name},
		{"nameField", f.nameField},
		{"namePointing", f.polymorphic()},
		{"nillable", f.nillable},
		{"permissionable", f.nillable && !system && !f.nameField},
		{"picklistValues", picklist},
		{"polymorphicForeignKey", f.polymorphic() && f.name != "OwnerId"},
		{"precision", f.precision},
		{"queryByDistance", false},
		{"referenceTargetField", nil},
		{"referenceTo", references},
		{"relationshipName", joined(f.relation)},
		{"relationshipOrder", nil},
		{"restrictedDelete", false},
		{"restrictedPicklist", f.restricted},
		{"scale", f.scale},
		{"searchPrefilterable", false},
		{"soapType", f.soap()},
		{"sortable", f.sortable},
		{"type", f.kind},
		{"unique", f.unique},
		{"updateable", f.updateable && able},
		{"writeRequiresMasterRead", f.cascade && !f.nillable},
	}
}

func (f *field) formulaLink() bool { return f.calculated && f.name == "Convert_to_Project__c" }
