package hubspot

import (
	_ "embed"
	"fmt"
	"strings"
	"time"
)

// property is a property definition as the API shows it.
type property struct {
	UpdatedAt            string               `json:"updatedAt,omitempty"`
	CreatedAt            string               `json:"createdAt,omitempty"`
	ArchivedAt           string               `json:"archivedAt,omitempty"`
	Name                 string               `json:"name"`
	Label                string               `json:"label"`
	Type                 string               `json:"type"`
	FieldType            string               `json:"fieldType"`
	Description          string               `json:"description"`
	GroupName            string               `json:"groupName"`
	Options              []option             `json:"options"`
	ReferencedObjectType string               `json:"referencedObjectType,omitempty"`
	CreatedUserID        string               `json:"createdUserId,omitempty"`
	UpdatedUserID        string               `json:"updatedUserId,omitempty"`
	DisplayOrder         int                  `json:"displayOrder"`
	Calculated           bool                 `json:"calculated"`
	CalculationFormula   string               `json:"calculationFormula,omitempty"`
	ExternalOptions      bool                 `json:"externalOptions"`
	Archived             bool                 `json:"archived"`
	HasUniqueValue       bool                 `json:"hasUniqueValue"`
	Hidden               bool                 `json:"hidden"`
	HubspotDefined       bool                 `json:"hubspotDefined,omitempty"`
	ShowCurrencySymbol   bool                 `json:"showCurrencySymbol,omitempty"`
	ModificationMetadata modificationMetadata `json:"modificationMetadata"`
	FormField            bool                 `json:"formField"`
	DataSensitivity      string               `json:"dataSensitivity"`

	of           *objectType
	pipelinePart string    // "pipeline" or "stage"
	usableAt     time.Time // writes before that do not know the property yet
}

type option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	Description  string `json:"description,omitempty"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

type modificationMetadata struct {
	Archivable         bool  `json:"archivable"`
	ReadOnlyDefinition bool  `json:"readOnlyDefinition"`
	ReadOnlyOptions    *bool `json:"readOnlyOptions,omitempty"`
	ReadOnlyValue      bool  `json:"readOnlyValue"`
}

type propertyGroup struct {
	Name         string `json:"name"`
	Label        string `json:"label"`
	DisplayOrder int    `json:"displayOrder"`
	Archived     bool   `json:"archived"`
}

//go:embed properties.txt
var standardProperties string

// loadStandardProperties gives the object types the properties of
// properties.txt, whose lines are
//
//	[object or objects] or [*]
//	name | label | type/fieldType | group | flags | description
//
// Flags are ro (read-only value), calc (calculated), unique, hidden, currency,
// owner, pipeline, stage, sensitive, and opt=value:Label;… .
func (s *System) loadStandardProperties() {
	var into []*objectType
	for i, line := range strings.Split(standardProperties, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			into = nil
			for _, name := range strings.Fields(strings.Trim(line, "[]")) {
				if name == "*" {
					into = s.types
					break
				}
				into = append(into, s.typeByName(name))
			}
		default:
			cells := strings.Split(line, "|")
			if len(cells) != 6 || len(into) == 0 {
				panic(fmt.Sprintf("properties.txt:%d: %q", i+1, line))
			}
			for c := range cells {
				cells[c] = strings.TrimSpace(cells[c])
			}
			for _, ot := range into {
				ot.addProperty(parseProperty(cells))
			}
		}
	}
}

func parseProperty(cells []string) *property {
	kind, field, _ := strings.Cut(cells[2], "/")
	p := &property{
		CreatedAt: "2020-06-30T15:57:38.191Z", UpdatedAt: "2024-09-05T17:14:04.747Z",
		Name: cells[0], Label: cells[1], Type: kind, FieldType: field, GroupName: cells[3], Description: cells[5],
		Options: []option{}, DisplayOrder: -1, HubspotDefined: true, DataSensitivity: "non_sensitive",
		ModificationMetadata: modificationMetadata{Archivable: true, ReadOnlyDefinition: true},
	}
	for _, flag := range strings.Fields(cells[4]) {
		p.setFlag(flag)
	}
	if kind == "bool" && len(p.Options) == 0 {
		p.Options = []option{{Label: "True", Value: "true", DisplayOrder: 0}, {Label: "False", Value: "false", DisplayOrder: 1}}
	}
	return p
}

func (p *property) setFlag(flag string) {
	switch flag {
	case "ro":
		p.ModificationMetadata.ReadOnlyValue = true
		p.ModificationMetadata.Archivable = false
	case "calc":
		p.Calculated = true
		p.ModificationMetadata.ReadOnlyValue = true
	case "unique":
		p.HasUniqueValue = true
	case "hidden":
		p.Hidden = true
	case "currency":
		p.ShowCurrencySymbol = true
	case "sensitive":
		p.DataSensitivity = "sensitive"
	case "owner":
		p.ExternalOptions, p.ReferencedObjectType = true, "OWNER"
	case "pipeline", "stage":
		p.ExternalOptions, p.pipelinePart = true, flag
	default:
		list, ok := strings.CutPrefix(flag, "opt=")
		if !ok {
			panic("properties.txt: flag " + flag)
		}
		for i, o := range strings.Split(list, ";") {
			value, label, found := strings.Cut(o, ":")
			if !found {
				label = value
			}
			p.Options = append(p.Options, option{Label: strings.ReplaceAll(label, "_", " "), Value: value, DisplayOrder: i})
		}
	}
}

func (ot *objectType) addProperty(p *property) {
	p.of = ot
	if _, known := ot.props[p.Name]; !known {
		ot.propOrder = append(ot.propOrder, p.Name)
	}
	ot.props[p.Name] = p
	if p.GroupName != "" && ot.group(p.GroupName) == nil {
		label := strings.ToUpper(p.GroupName[:1]) + p.GroupName[1:]
		ot.groups = append(ot.groups, &propertyGroup{Name: p.GroupName, Label: strings.ReplaceAll(label, "_", " "), DisplayOrder: len(ot.groups)})
	}
}

func (ot *objectType) group(name string) *propertyGroup {
	for _, g := range ot.groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// readable returns the property that reads know: a defined one that is not archived.
func (ot *objectType) readable(name string) *property {
	p := ot.props[name]
	if p == nil || p.Archived {
		return nil
	}
	return p
}

// writable returns the property that writes know; a fresh one takes a moment.
func (ot *objectType) writable(name string, now time.Time) *property {
	p := ot.readable(name)
	if p == nil || now.Before(p.usableAt) {
		return nil
	}
	return p
}

// custom counts the properties that the account made itself.
func (ot *objectType) customProperties() int {
	n := 0
	for _, p := range ot.props {
		if !p.HubspotDefined && !p.Archived {
			n++
		}
	}
	return n
}
