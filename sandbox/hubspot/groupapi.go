package hubspot

import (
	"net/http"
	"slices"
	"strings"
)

type groupInput struct {
	Name         *string `json:"name"`
	Label        *string `json:"label"`
	DisplayOrder *int    `json:"displayOrder"`
}

func listGroups(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("read")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"results": append([]*propertyGroup{}, ot.groups...)}, nil
}

func (c *call) group(right string) (*objectType, *propertyGroup, *apiError) {
	ot, err := c.definitionType(right)
	if err != nil {
		return nil, nil, err
	}
	name := c.r.PathValue("group")
	if g := ot.group(name); g != nil {
		return ot, g, nil
	}
	return ot, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "property group named '%s' does not exist", name)
}

func getGroup(c *call) (int, any, *apiError) {
	_, g, err := c.group("read")
	return http.StatusOK, g, err
}

func createGroup(c *call) (int, any, *apiError) {
	ot, err := c.definitionType("write")
	if err != nil {
		return 0, nil, err
	}
	var in groupInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Name == nil || in.Label == nil {
		return 0, nil, missingFields("label", "name")
	}
	name := strings.ToLower(*in.Name)
	if ot.group(name) != nil {
		return 0, nil, newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property group named '%s' already exists.", name).
			sub("Properties.GROUP_WITH_NAME_EXISTS").with("name", name)
	}
	g := &propertyGroup{Name: name, Label: *in.Label, DisplayOrder: len(ot.groups)}
	if in.DisplayOrder != nil && *in.DisplayOrder >= 0 {
		g.DisplayOrder = *in.DisplayOrder
	}
	ot.groups = append(ot.groups, g)
	return http.StatusCreated, g, nil
}

func updateGroup(c *call) (int, any, *apiError) {
	_, g, err := c.group("write")
	if err != nil {
		return 0, nil, err
	}
	var in groupInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Label != nil {
		g.Label = *in.Label
	}
	if in.DisplayOrder != nil {
		g.DisplayOrder = *in.DisplayOrder
	}
	return http.StatusOK, g, nil
}

func deleteGroup(c *call) (int, any, *apiError) {
	ot, g, err := c.group("write")
	if err != nil {
		return 0, nil, err
	}
	for _, p := range ot.props {
		if p.GroupName == g.Name && !p.Archived {
			return 0, nil, invalid("The property group '%s' has active properties", g.Name).sub("PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES")
		}
	}
	ot.groups = slices.DeleteFunc(ot.groups, func(have *propertyGroup) bool { return have == g })
	return http.StatusNoContent, nil, nil
}
