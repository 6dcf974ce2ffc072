package salesforce

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// customType reads the type of a field's metadata.
var customTypes = map[string]string{
	"Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Html": "textarea", "Checkbox": "boolean", "Date": "date", "DateTime": "datetime",
	"Time": "time", "Number": "double", "Currency": "currency", "Percent": "percent", "Email": "email", "Phone": "phone", "Url": "url",
	"Picklist": "picklist", "MultiselectPicklist": "multipicklist", "Lookup": "reference",
}

type fieldMetadata struct {
	Label      string `json:"label"`
	Type       string `json:"type"`
	Length     int    `json:"length"`
	Precision  int    `json:"precision"`
	Scale      int    `json:"scale"`
	ExternalID bool   `json:"externalId"`
	Unique     bool   `json:"unique"`
	Sensitive  bool   `json:"caseSensitive"`
	Required   bool   `json:"required"`
	Default    string `json:"defaultValue"`
	Help       string `json:"inlineHelpText"`
	Reference  string `json:"referenceTo"`
	Relation   string `json:"relationshipName"`
	ValueSet   struct {
		Restricted bool `json:"restricted"`
		Definition struct {
			Value []struct {
				Name    string `json:"fullName"`
				Val     string `json:"valueName"`
				Label   string `json:"label"`
				Default bool   `json:"default"`
			} `json:"value"`
		} `json:"valueSetDefinition"`
	} `json:"valueSet"`
}

// toolingCreate makes a custom field, or a channel of change events.
func toolingCreate(c *call) (answer, *apiError) {
	var body struct {
		FullName string          `json:"FullName"`
		Metadata json.RawMessage `json:"Metadata"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, jsonFault("%s", parserText(c.body, err))
	}
	if c.s.noRights["/customize"] {
		return answer{}, refuseCall(http.StatusForbidden, "INSUFFICIENT_ACCESS", "insufficient access rights: Customize Application is needed")
	}
	if c.param["object"] != "CustomField" {
		return c.createChannel(c.param["object"], body.FullName, body.Metadata)
	}
	objectName, name, dotted := strings.Cut(body.FullName, ".")
	o, twin := c.s.object(objectName), (*object)(nil)
	switch {
	case strings.EqualFold(objectName, "Activity"): // its custom fields are those of tasks and of events
		o, twin = c.s.object("Task"), c.s.object("Event")
	case o != nil && (o.name == "Task" || o.name == "Event"):
		o = nil
	}
	if o == nil || !dotted || !strings.HasSuffix(name, "__c") || strings.Contains(strings.TrimSuffix(name, "__c"), "__") {
		return answer{}, refuse("FIELD_INTEGRITY_EXCEPTION", "Invalid fullname: %s", body.FullName).on("FullName")
	}
	if o.field(name) != nil {
		return answer{}, refuse("DUPLICATE_DEVELOPER_NAME", "There is already a field named %s on %s.", strings.TrimSuffix(name, "__c"), o.label).on("DeveloperName")
	}
	f, err := newCustomField(name, body.Metadata)
	if err != nil {
		return answer{}, err
	}
	n := 0
	for _, other := range o.fields {
		if other.externalID {
			n++
		}
	}
	if f.externalID && n >= 25 {
		return answer{}, refuse("LIMIT_EXCEEDED", "This object already has the maximum of 25 external ID fields.")
	}
	c.s.addField(o, f)
	if twin != nil {
		other := *f
		c.s.addField(twin, &other)
	}
	return answer{status: http.StatusCreated, body: saved(f.toolingID(), member{"warnings", []any{}}, member{"infos", []any{}})}, nil
}

// addField makes a new custom field known. Nobody sees it until a permission set
// shows it.
func (s *System) addField(o *object, f *field) {
	o.add(f)
	for _, r := range o.records {
		r.values[f.name] = f.start()
	}
	s.ungranted[o.name+"."+f.name] = true
	s.schemaChanged()
}

func newCustomField(name string, raw json.RawMessage) (*field, *apiError) {
	var m fieldMetadata
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, jsonFault("%s", parserText(raw, err))
	}
	kind := customTypes[m.Type]
	if kind == "" || m.Label == "" {
		return nil, refuse("FIELD_INTEGRITY_EXCEPTION", "Metadata needs a label and a known type; %q is none", m.Type).on("Metadata")
	}
	f := &field{
		name: name, label: m.Label, kind: kind, length: m.Length, precision: m.Precision, scale: m.Scale, nillable: !m.Required && kind != "boolean", createable: true,
		updateable: true, custom: true, filterable: true, sortable: true, externalID: m.ExternalID, idLookup: m.ExternalID, unique: m.Unique,
		caseSensitive: m.Sensitive, help: m.Help, restricted: m.ValueSet.Restricted, html: m.Type == "Html", defaulted: kind == "boolean",
	}
	switch {
	case kind == "string" && (m.Length < 1 || m.Length > 255):
		return nil, refuse("FIELD_INTEGRITY_EXCEPTION", "Text fields need a length from 1 to 255").on("length")
	case m.Type == "TextArea":
		f.length = 255
	case kind == "url":
		f.length = 255
	case kind == "email":
		f.length = 80
	case kind == "phone":
		f.length = 40
	case kind == "boolean":
		f.defaultValue = m.Default == "true"
	case kind == "reference":
		f.references, f.relation, f.length = []string{m.Reference}, strings.TrimSuffix(name, "__c")+"__r", 18
		f.children = m.Relation + "__r"
	}
	if f.unique && kind != "string" && kind != "double" && kind != "email" {
		return nil, refuse("FIELD_INTEGRITY_EXCEPTION", "A field of type %s cannot be unique", m.Type).on("unique")
	}
	for _, v := range m.ValueSet.Definition.Value {
		val := v.Name
		if val == "" {
			val = v.Val
		}
		label := v.Label
		if label == "" {
			label = val
		}
		f.picklist = append(f.picklist, pick{Value: val, Label: label, Active: true, Default: v.Default})
	}
	if f.long() {
		f.filterable, f.sortable = false, false
	}
	return f, nil
}

// toolingID is the id of a field's definition.
func (f *field) toolingID() string {
	n := 0
	for _, b := range []byte(f.object.name + "." + f.name) {
		n = (n*31 + int(b)) % 800_000_000
	}
	return newID("00N", n)
}

// createChannel keeps a channel of change events, or an entity that belongs to
// one.
func (c *call) createChannel(kind, fullName string, metadata json.RawMessage) (answer, *apiError) {
	if kind != "PlatformEventChannel" && kind != "PlatformEventChannelMember" {
		return answer{}, notFound()
	}
	developer := strings.TrimSuffix(fullName, "__chn")
	for _, m := range c.s.channels {
		if name, _ := m.get("FullName"); name == fullName {
			return answer{}, refuse("DUPLICATE_DEVELOPER_NAME", "This developer name is already in use: %s", developer)
		}
	}
	var about struct {
		Channel string `json:"eventChannel"`
		Entity  string `json:"selectedEntity"`
	}
	if err := json.Unmarshal(metadata, &about); err != nil {
		return answer{}, jsonFault("%s", parserText(metadata, err))
	}
	if kind == "PlatformEventChannelMember" {
		if n := len(slices.DeleteFunc(slices.Clone(c.s.channels), func(m members) bool { k, _ := m.get("kind"); return k != kind })); n >= 5 {
			return answer{}, refuse("LIMIT_EXCEEDED", "You have reached the maximum number of entities for Change Data Capture.")
		}
		name := strings.TrimSuffix(about.Entity, "ChangeEvent")
		if name = strings.TrimSuffix(name, "__"); c.s.object(name) == nil && c.s.object(name+"__c") == nil {
			return answer{}, refuse("INVALID_INPUT", "The selected entity %s is invalid.", about.Entity)
		}
	}
	c.s.txs++
	prefix := map[string]string{"PlatformEventChannel": "0YL", "PlatformEventChannelMember": "0v8"}[kind]
	id := newID(prefix, 300_000+int(c.s.txs))
	c.s.channels = append(c.s.channels, members{
		{"kind", kind}, {"Id", id}, {"FullName", fullName}, {"DeveloperName", developer}, {"EventChannel", about.Channel}, {"SelectedEntity", about.Entity}, {"Metadata", metadata},
	})
	return answer{status: http.StatusCreated, body: saved(id, member{"warnings", []any{}}, member{"infos", []any{}})}, nil
}

// A ChannelMember is an entity that a custom channel of change events carries.
type ChannelMember struct{ Channel, Entity string }

// ChannelMembers returns what clients have chosen by the Tooling API.
func (s *System) ChannelMembers() []ChannelMember {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []ChannelMember
	for _, m := range s.channels {
		if kind, _ := m.get("kind"); kind != "PlatformEventChannelMember" {
			continue
		}
		channel, _ := m.get("EventChannel")
		entity, _ := m.get("SelectedEntity")
		out = append(out, ChannelMember{channel.(string), entity.(string)}) //nolint:forcetypeassert // createChannel put strings there
	}
	return out
}

// toolingQuery finds custom fields and channels by DeveloperName.
func toolingQuery(c *call) (answer, *apiError) {
	text := c.query.Get("q")
	upper := strings.ToUpper(text)
	rows := []any{}
	switch {
	case strings.Contains(upper, "FROM CUSTOMFIELD"):
		for _, o := range c.s.objects {
			for _, f := range o.fields {
				developer := strings.TrimSuffix(f.name, "__c")
				if !f.custom || !strings.Contains(text, "'"+developer+"'") || strings.Contains(upper, "TABLEENUMORID") && !strings.Contains(text, "'"+o.name+"'") {
					continue
				}
				rows = append(rows, members{
					{"attributes", members{{"type", "CustomField"}, {"url", "/services/data/v" + c.version + "/tooling/sobjects/CustomField/" + f.toolingID()}}},
					{"Id", f.toolingID()},
					{"DeveloperName", developer},
					{"TableEnumOrId", o.name},
				})
			}
		}
	case strings.Contains(upper, "FROM PLATFORMEVENTCHANNEL"):
		for _, m := range c.s.channels {
			kind, _ := m.get("kind")
			developer, _ := m.get("DeveloperName")
			isMember := strings.Contains(upper, "FROM PLATFORMEVENTCHANNELMEMBER")
			if isMember != (kind == "PlatformEventChannelMember") || strings.Contains(upper, "WHERE") && !strings.Contains(text, "'"+developer.(string)+"'") { //nolint:forcetypeassert // as above
				continue
			}
			rows = append(rows, append(members{{"attributes", members{{"type", kind}}}}, m[1:6]...))
		}
	case strings.Contains(upper, "FROM FIELDDEFINITION"), strings.Contains(upper, "FROM ENTITYDEFINITION"):
		return c.queryText(text, false)
	default:
		return answer{}, refuseCall(http.StatusBadRequest, "INVALID_TYPE", "sObject type is not supported by the Tooling API of this sandbox")
	}
	return ok(members{{"size", len(rows)}, {"totalSize", len(rows)}, {"done", true}, {"queryLocator", nil}, {"entityTypeName", nil}, {"records", rows}})
}
