package hubspot

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// schema is the definition of a custom object type.
type schema struct {
	Labels       schemaLabels `json:"labels"`
	Required     []string     `json:"requiredProperties"`
	Searchable   []string     `json:"searchableProperties"`
	Primary      string       `json:"primaryDisplayProperty,omitempty"`
	Secondary    []string     `json:"secondaryDisplayProperties"`
	Description  string       `json:"description,omitempty"`
	Archived     bool         `json:"archived"`
	Restorable   bool         `json:"restorable"`
	Sensitive    bool         `json:"allowsSensitiveProperties"`
	MetaType     string       `json:"metaType"`
	ID           string       `json:"id"`
	ObjectTypeID string       `json:"objectTypeId"`
	Name         string       `json:"name"`

	FullyQualifiedName string `json:"fullyQualifiedName"`
	CreatedByUserID    int    `json:"createdByUserId,omitempty"`
	UpdatedByUserID    int    `json:"updatedByUserId,omitempty"`
	CreatedAt          string `json:"createdAt"`
	UpdatedAt          string `json:"updatedAt"`
}

type schemaLabels struct {
	Singular string `json:"singular"`
	Plural   string `json:"plural"`
}

type wireSchema struct {
	*schema
	Properties   []*property      `json:"properties"`
	Associations []wireSchemaLink `json:"associations"`
}

type wireSchemaLink struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	FromType string `json:"fromObjectTypeId"`
	ToType   string `json:"toObjectTypeId"`
}

type schemaInput struct {
	Name        string          `json:"name"`
	Labels      *schemaLabels   `json:"labels"`
	Required    []string        `json:"requiredProperties"`
	Searchable  []string        `json:"searchableProperties"`
	Primary     string          `json:"primaryDisplayProperty"`
	Secondary   []string        `json:"secondaryDisplayProperties"`
	Description string          `json:"description"`
	Properties  []propertyInput `json:"properties"`
	Objects     []string        `json:"associatedObjects"`
}

func (s *System) wireSchema(ot *objectType) wireSchema {
	out := wireSchema{schema: ot.schema, Properties: []*property{}, Associations: []wireSchemaLink{}}
	for _, name := range ot.propOrder {
		if p := ot.props[name]; !p.Archived {
			out.Properties = append(out.Properties, p)
		}
	}
	for _, t := range s.linkTypes {
		if t.from == ot.id || t.to == ot.id {
			out.Associations = append(out.Associations, wireSchemaLink{ID: strconv.Itoa(t.id), Name: t.name, FromType: t.from, ToType: t.to})
		}
	}
	return out
}

func (c *call) schemaType(right string) (*objectType, *apiError) {
	if err := c.require("crm.schemas.custom." + right); err != nil {
		return nil, err
	}
	name := c.r.PathValue("type")
	for _, ot := range c.s.types {
		if ot.schema != nil && ot.is(name) {
			return ot, nil
		}
	}
	return nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "Unable to infer object type from: %s", name)
}

func listSchemas(c *call) (int, any, *apiError) {
	if err := c.require("crm.schemas.custom.read"); err != nil {
		return 0, nil, err
	}
	archived, err := c.flag("archived")
	if err != nil {
		return 0, nil, err
	}
	results := []wireSchema{}
	for _, ot := range c.s.types {
		if ot.schema != nil && ot.schema.Archived == archived {
			results = append(results, c.s.wireSchema(ot))
		}
	}
	return http.StatusOK, map[string]any{"results": results}, nil
}

func getSchema(c *call) (int, any, *apiError) {
	ot, err := c.schemaType("read")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.s.wireSchema(ot), nil
}

var schemaName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func (in schemaInput) check(s *System) *apiError {
	if in.Name == "" || in.Labels == nil || in.Required == nil || in.Properties == nil {
		return missingFields("labels", "name", "properties", "requiredProperties")
	}
	if !schemaName.MatchString(in.Name) {
		return invalid("The object name '%s' may only contain letters, numbers and underscores, and must start with a letter", in.Name)
	}
	for _, ot := range s.types {
		if ot.schema == nil {
			continue
		}
		if strings.EqualFold(ot.schema.Name, in.Name) {
			return invalid("Object type name '%s' is in use", in.Name).sub("ObjectTypeError.OBJECT_TYPE_NAME_CONFLICT")
		}
		if strings.EqualFold(ot.schema.Labels.Singular, in.Labels.Singular) {
			return invalid("Object type label '%s' is in use", in.Labels.Singular).sub("OBJECT_TYPE_SINGULAR_LABEL_CONFLICT")
		}
	}
	names := map[string]bool{}
	for _, p := range in.Properties {
		if p.Name == nil || p.Label == nil {
			return missingFields("label", "name")
		}
		names[*p.Name] = true
	}
	for _, name := range slices.Concat(in.Required, in.Searchable, in.Secondary) {
		if !names[name] {
			return invalid("Property '%s' is not defined by the schema", name)
		}
	}
	return nil
}

func createSchema(c *call) (int, any, *apiError) {
	if err := c.require("crm.schemas.custom.write"); err != nil {
		return 0, nil, err
	}
	var in schemaInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if err := in.check(c.s); err != nil {
		return 0, nil, err
	}
	ot, err := c.s.newCustomType(c, in)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, c.s.wireSchema(ot), nil
}

// newCustomType defines a custom object type with its associations; all of them
// can have notes and tasks.
func (s *System) newCustomType(c *call, in schemaInput) (*objectType, *apiError) {
	s.nextType += 1 + s.rand.IntN(500)
	id := "2-" + strconv.Itoa(s.nextType)
	ot := newObjectType(typeSpec{
		id: id, name: strings.ToLower(in.Labels.Plural), singular: in.Name, scope: scopeCustom,
		defaults: "hs_createdate hs_lastmodifieddate hs_object_id",
	})
	ot.upper, ot.nextID, ot.required = in.Name, 300_000_000_000+int64(s.rand.IntN(400_000_000))*1000, in.Required
	ot.schema = &schema{
		Labels: *in.Labels, Required: in.Required, Searchable: append([]string{}, in.Searchable...), Primary: in.Primary,
		Secondary: append([]string{}, in.Secondary...), Description: in.Description, Restorable: true, MetaType: "PORTAL_SPECIFIC",
		ID: strconv.Itoa(s.nextType), ObjectTypeID: id, Name: in.Name, FullyQualifiedName: fmt.Sprintf("p%d_%s", s.portalID, strings.ToLower(in.Name)),
		CreatedByUserID: s.installer(), UpdatedByUserID: s.installer(), CreatedAt: formatTime(c.now), UpdatedAt: formatTime(c.now),
	}
	group := strings.ToLower(in.Name) + "_information"
	ot.groups = []*propertyGroup{{Name: group, Label: in.Labels.Singular + " Information"}}
	for _, name := range s.types[0].propOrder {
		if p := s.types[0].props[name]; p.GroupName == "objectinformation" {
			own := *p
			ot.addProperty(&own)
		}
	}
	for _, p := range in.Properties {
		if p.GroupName == nil {
			p.GroupName = &group
		}
		made, err := s.createProperty(ot, p, c.now)
		if err != nil {
			return nil, err
		}
		made.usableAt = c.now
	}
	var partners []*objectType
	for _, name := range append(in.Objects, "notes", "tasks", "meetings", "calls", "emails") {
		to := s.typeByName(strings.ToLower(name))
		if to == nil {
			return nil, invalid("Unable to infer object type from: %s", name)
		}
		if !slices.Contains(partners, to) {
			partners = append(partners, to)
		}
	}
	s.types = append(s.types, ot)
	for _, to := range partners {
		s.addLinkPair(ot, to, s.nextLink, s.nextLink+1, userDefined, "", nil, nil, false)
		s.nextLink += 2
	}
	return ot, nil
}

func updateSchema(c *call) (int, any, *apiError) {
	ot, err := c.schemaType("write")
	if err != nil {
		return 0, nil, err
	}
	var in schemaInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	for _, name := range slices.Concat(in.Required, in.Searchable, in.Secondary) {
		if ot.readable(name) == nil {
			return 0, nil, invalid("Property '%s' is not defined by the schema", name)
		}
	}
	if in.Labels != nil {
		ot.schema.Labels = *in.Labels
	}
	if in.Required != nil {
		ot.schema.Required, ot.required = in.Required, in.Required
	}
	if in.Searchable != nil {
		ot.schema.Searchable = in.Searchable
	}
	if in.Secondary != nil {
		ot.schema.Secondary = in.Secondary
	}
	if in.Primary != "" {
		ot.schema.Primary = in.Primary
	}
	if in.Description != "" {
		ot.schema.Description = in.Description
	}
	ot.schema.UpdatedAt = formatTime(c.now)
	return http.StatusOK, ot.schema, nil
}

// deleteSchema archives a type without records; ?archived=true frees its name.
func deleteSchema(c *call) (int, any, *apiError) {
	ot, err := c.schemaType("write")
	if err != nil {
		return 0, nil, err
	}
	hard, err := c.flag("archived")
	if err != nil {
		return 0, nil, err
	}
	for _, r := range ot.records {
		if !r.archived {
			return 0, nil, invalid("The object type '%s' has records and cannot be deleted", ot.schema.Name).sub("ObjectTypeError.OBJECT_TYPE_IN_USE")
		}
	}
	ot.schema.Archived = true
	if hard {
		c.s.types = slices.DeleteFunc(c.s.types, func(have *objectType) bool { return have == ot })
		c.s.linkTypes = slices.DeleteFunc(c.s.linkTypes, func(t *linkType) bool { return t.from == ot.id || t.to == ot.id })
	}
	return http.StatusNoContent, nil, nil
}

func createSchemaLink(c *call) (int, any, *apiError) {
	ot, err := c.schemaType("write")
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		From string `json:"fromObjectTypeId"`
		To   string `json:"toObjectTypeId"`
		Name string `json:"name"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	to := c.s.typeByName(strings.ToLower(in.To))
	if to == nil {
		return 0, nil, invalid("Unable to infer object type from: %s", in.To)
	}
	if c.s.defaultLink(ot, to) != nil {
		return 0, nil, newError(http.StatusConflict, "CONFLICT", "%s and %s can be associated already", ot.upper, to.upper)
	}
	id := c.s.nextLink
	c.s.addLinkPair(ot, to, id, id+1, userDefined, "", nil, nil, false)
	c.s.nextLink += 2
	return http.StatusCreated, map[string]any{
		"id": strconv.Itoa(id), "name": c.s.linkType(ot, to, id).name, "fromObjectTypeId": ot.id, "toObjectTypeId": to.id, "createdAt": formatTime(c.now), "updatedAt": formatTime(c.now),
	}, nil
}

func deleteSchemaLink(c *call) (int, any, *apiError) {
	ot, err := c.schemaType("write")
	if err != nil {
		return 0, nil, err
	}
	id, _ := strconv.Atoi(c.r.PathValue("link"))
	c.s.linkTypes = slices.DeleteFunc(c.s.linkTypes, func(t *linkType) bool {
		return t.category == userDefined && (t.from == ot.id || t.to == ot.id) && (t.id == id || t.inverse == id)
	})
	return http.StatusNoContent, nil, nil
}
