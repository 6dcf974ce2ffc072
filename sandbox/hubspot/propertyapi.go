package hubspot

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Bounds of property definitions.
const (
	maxCustomProperties = 1_000
	maxUnique           = 10
	maxPropertyName     = 100
)

// definitionType is the type that the path names, if the token has the right
// ("read" or "write") to its definitions.
func (c *call) definitionType(right string) (*objectType, *apiError) {
	ot, err := c.objectType("type")
	if err != nil {
		return nil, err
	}
	return ot, c.require(schemaScope(ot, right)...)
}

func listProperties(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("read")
	if err != nil {
		return 0, nil, err
	}
	archived, err := c.flag("archived")
	if err != nil {
		return 0, nil, err
	}
	sensitivity := c.query.Get("dataSensitivity")
	if sensitivity == "" {
		sensitivity = "non_sensitive"
	}
	results := []*property{}
	for _, name := range ot.propOrder {
		p := ot.props[name]
		if p.Archived == archived && p.DataSensitivity == sensitivity && !c.s.hidden[ot.id+"/"+name] {
			results = append(results, p)
		}
	}
	return http.StatusOK, map[string]any{"results": results}, nil
}

func noProperty(name string) *apiError {
	return newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "property named '%s' does not exist", name).with("propertyName", name)
}

func getProperty(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("read")
	if err != nil {
		return 0, nil, err
	}
	archived, err := c.flag("archived")
	if err != nil {
		return 0, nil, err
	}
	name := c.r.PathValue("name")
	p := ot.props[name]
	if p == nil || p.Archived != archived || c.s.hidden[ot.id+"/"+name] {
		return 0, nil, noProperty(name)
	}
	return http.StatusOK, p, nil
}

// propertyInput is the body of a definition's write.
type propertyInput struct {
	Name               *string      `json:"name"`
	Label              *string      `json:"label"`
	Type               *string      `json:"type"`
	FieldType          *string      `json:"fieldType"`
	GroupName          *string      `json:"groupName"`
	Description        *string      `json:"description"`
	Options            []optionText `json:"options"`
	DisplayOrder       *int         `json:"displayOrder"`
	HasUniqueValue     bool         `json:"hasUniqueValue"`
	Hidden             *bool        `json:"hidden"`
	FormField          *bool        `json:"formField"`
	DataSensitivity    string       `json:"dataSensitivity"`
	ShowCurrencySymbol *bool        `json:"showCurrencySymbol"`
	CalculationFormula string       `json:"calculationFormula"`
}

type optionText struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	Description  string `json:"description"`
	DisplayOrder *int   `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

var (
	propertyName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	fieldTypes   = map[string][]string{
		"string":       {"text", "textarea", "html", "phonenumber", "file", "calculation_equation"},
		"number":       {"number", "calculation_equation"},
		"bool":         {"booleancheckbox", "calculation_equation"},
		"enumeration":  {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
		"date":         {"date"},
		"datetime":     {"date"},
		"phone_number": {"phonenumber"},
	}
)

func createProperty(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("write")
	if err != nil {
		return 0, nil, err
	}
	var in propertyInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	p, err := c.s.createProperty(ot, in, c.now)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, p, nil
}

func (in propertyInput) check(ot *objectType) *apiError {
	var missing []string
	for name, v := range map[string]*string{"name": in.Name, "label": in.Label, "type": in.Type, "fieldType": in.FieldType, "groupName": in.GroupName} {
		if v == nil || *v == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return missingFields(missing...)
	}
	if !propertyName.MatchString(*in.Name) || len(*in.Name) > maxPropertyName {
		return invalid("Property name '%s' is invalid: it must start with a letter and contain only lower case letters, numbers and underscores", *in.Name).
			sub("PropertyValidationError.INVALID_PROPERTY_NAME")
	}
	if ot.group(*in.GroupName) == nil {
		return invalid("The property group '%s' does not exist", *in.GroupName).sub("PropertyValidationError.GROUP_DOESNT_EXIST").with("groupName", *in.GroupName)
	}
	if !slices.Contains(fieldTypes[*in.Type], *in.FieldType) {
		return invalid("The field type '%s' does not fit the type '%s'", *in.FieldType, *in.Type).sub("PropertyValidationError.INVALID_FIELD_TYPE")
	}
	if in.HasUniqueValue && !slices.Contains([]string{"string", "number"}, *in.Type) {
		return invalid("Properties of type '%s' cannot have unique values", *in.Type)
	}
	return in.checkOptions(*in.Type)
}

func (in propertyInput) checkOptions(kind string) *apiError {
	if kind == "enumeration" && len(in.Options) == 0 {
		return invalid("Enumeration properties need at least one option").sub("PropertyValidationError.OPTIONS_REQUIRED")
	}
	seen := map[string]bool{}
	for _, o := range in.Options {
		if o.Label == "" || o.Value == "" {
			return missingFields("label", "value")
		}
		if seen[o.Value] {
			return invalid("Option values must be unique: '%s' occurs twice", o.Value).sub("PropertyValidationError.DUPLICATE_OPTION")
		}
		seen[o.Value] = true
	}
	return nil
}

// createProperty defines a property, or brings an archived one back.
func (s *System) createProperty(ot *objectType, in propertyInput, now time.Time) (*property, *apiError) {
	if err := in.check(ot); err != nil {
		return nil, err
	}
	name := *in.Name
	have := ot.props[name]
	if have != nil && !have.Archived {
		return nil, newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property named '%s' already exists.", name).
			sub("Properties.PROPERTY_WITH_NAME_EXISTS").with("name", name)
	}
	if ot.customProperties() >= maxCustomProperties {
		return nil, invalid("The limit of %d custom properties is reached", maxCustomProperties)
	}
	if in.HasUniqueValue && ot.uniqueProperties() >= maxUnique {
		return nil, invalid("The limit of %d unique properties is reached", maxUnique).sub("PropertyValidationError.UNIQUE_LIMIT_REACHED")
	}
	if have != nil {
		have.Archived, have.ArchivedAt = false, ""
		in.apply(have, now)
		return have, nil
	}
	user := fmt.Sprint(s.installer())
	p := &property{
		Name: name, Type: *in.Type, Options: []option{}, DisplayOrder: -1, HasUniqueValue: in.HasUniqueValue,
		CreatedAt: formatTime(now), CreatedUserID: user, UpdatedUserID: user, DataSensitivity: "non_sensitive",
		ModificationMetadata: modificationMetadata{Archivable: true},
		usableAt:             now.Add(time.Duration(250+s.rand.IntN(450)) * time.Millisecond),
	}
	if in.DataSensitivity != "" {
		p.DataSensitivity = in.DataSensitivity
	}
	if in.CalculationFormula != "" {
		p.Calculated, p.CalculationFormula, p.ModificationMetadata.ReadOnlyValue = true, in.CalculationFormula, true
	}
	in.apply(p, now)
	if p.Type == "bool" && len(p.Options) == 0 {
		p.Options = []option{{Label: "True", Value: "true"}, {Label: "False", Value: "false", DisplayOrder: 1}}
	}
	ot.addProperty(p)
	return p, nil
}

func (ot *objectType) uniqueProperties() int {
	n := 0
	for _, p := range ot.props {
		if p.HasUniqueValue && !p.HubspotDefined && !p.Archived {
			n++
		}
	}
	return n
}

// apply changes what the input names; options replace the whole list.
func (in propertyInput) apply(p *property, now time.Time) {
	set := func(into *string, v *string) {
		if v != nil {
			*into = *v
		}
	}
	set(&p.Label, in.Label)
	set(&p.FieldType, in.FieldType)
	set(&p.GroupName, in.GroupName)
	set(&p.Description, in.Description)
	if in.DisplayOrder != nil {
		p.DisplayOrder = *in.DisplayOrder
	}
	if in.Hidden != nil {
		p.Hidden = *in.Hidden
	}
	if in.FormField != nil {
		p.FormField = *in.FormField
	}
	if in.ShowCurrencySymbol != nil {
		p.ShowCurrencySymbol = *in.ShowCurrencySymbol
	}
	if in.Options != nil {
		p.Options = []option{}
		for i, o := range in.Options {
			order := i
			if o.DisplayOrder != nil {
				order = *o.DisplayOrder
			}
			p.Options = append(p.Options, option{Label: o.Label, Value: o.Value, Description: o.Description, DisplayOrder: order, Hidden: o.Hidden})
		}
	}
	p.UpdatedAt = formatTime(now)
}

func updateProperty(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("write")
	if err != nil {
		return 0, nil, err
	}
	var in propertyInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	p := ot.readable(c.r.PathValue("name"))
	if p == nil {
		return 0, nil, noProperty(c.r.PathValue("name"))
	}
	if p.ModificationMetadata.ReadOnlyDefinition && (in.Type != nil || in.FieldType != nil || in.Label != nil) {
		return 0, nil, invalid("The definition of property '%s' is read-only", p.Name).sub("PropertyValidationError.READ_ONLY_DEFINITION")
	}
	if in.GroupName != nil && ot.group(*in.GroupName) == nil {
		return 0, nil, invalid("The property group '%s' does not exist", *in.GroupName).sub("PropertyValidationError.GROUP_DOESNT_EXIST")
	}
	if in.Options != nil {
		if err := in.checkOptions(p.Type); err != nil {
			return 0, nil, err
		}
	}
	in.apply(p, c.now)
	return http.StatusOK, p, nil
}

// archiveProperty hides a property; its values come back with it.
func (s *System) archiveProperty(ot *objectType, name string, now time.Time) *apiError {
	p := ot.readable(name)
	if p == nil {
		return nil
	}
	if p.HubspotDefined || !p.ModificationMetadata.Archivable {
		return invalid("The property '%s' cannot be deleted", name).sub("PropertyValidationError.CANNOT_DELETE_PROPERTY")
	}
	p.Archived, p.ArchivedAt = true, formatTime(now)
	return nil
}

func deleteProperty(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("write")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, c.s.archiveProperty(ot, c.r.PathValue("name"), c.now)
}

type nameBatch struct {
	Archived bool `json:"archived"`
	Inputs   []struct {
		Name string `json:"name"`
	} `json:"inputs"`
}

func batchReadProperties(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("read")
	if err != nil {
		return 0, nil, err
	}
	var in nameBatch
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	results, errs := []*property{}, []batchError(nil)
	for _, input := range in.Inputs {
		p := ot.props[input.Name]
		if p == nil || p.Archived != in.Archived {
			errs = append(errs, noProperty(input.Name).detail())
			continue
		}
		results = append(results, p)
	}
	return c.batchDone(http.StatusOK, results, errs)
}

func batchCreateProperties(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("write")
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Inputs []propertyInput `json:"inputs"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	results, errs := []*property{}, []batchError(nil)
	for _, input := range in.Inputs {
		p, err := c.s.createProperty(ot, input, c.now)
		if err != nil {
			errs = append(errs, err.detail())
			continue
		}
		results = append(results, p)
	}
	return c.batchDone(http.StatusCreated, results, errs)
}

func batchArchiveProperties(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("write")
	if err != nil {
		return 0, nil, err
	}
	var in nameBatch
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	for _, input := range in.Inputs {
		if err := c.s.archiveProperty(ot, input.Name, c.now); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusNoContent, nil, nil
}
