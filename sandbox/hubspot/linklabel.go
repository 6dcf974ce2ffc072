package hubspot

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func listLabels(c *call) (int, any, *apiError) {
	from, to, err := c.ends(false)
	if err != nil {
		return 0, nil, err
	}
	results := []wireLinkType{}
	for _, t := range c.s.linkTypesBetween(from, to) {
		results = append(results, wireLinkType{Category: t.category, TypeID: t.id, Label: t.label})
	}
	return http.StatusOK, map[string]any{"results": results}, nil
}

// maxLabels bounds the labels that people make for a pair of types.
const maxLabels = 50

func createLabel(c *call) (int, any, *apiError) {
	from, to, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Name    string  `json:"name"`
		Label   string  `json:"label"`
		Inverse *string `json:"inverseLabel"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Name == "" || in.Label == "" {
		return 0, nil, missingFields("label", "name")
	}
	made := 0
	for _, t := range c.s.linkTypesBetween(from, to) {
		if t.category == userDefined {
			made++
			if t.label != nil && strings.EqualFold(*t.label, in.Label) {
				return 0, nil, newError(http.StatusBadRequest, "VALIDATION_ERROR", "An association label %q exists already", in.Label)
			}
		}
	}
	if made >= maxLabels {
		return 0, nil, invalid("There can be at most %d labels between %s and %s", maxLabels, from.upper, to.upper)
	}
	inverse := in.Inverse
	if inverse == nil {
		inverse = &in.Label
	}
	there, back := c.s.nextLink, c.s.nextLink+1
	if from == to && in.Inverse == nil {
		back = there
	}
	c.s.nextLink += 2
	c.s.addLinkPair(from, to, there, back, userDefined, "", &in.Label, inverse, false)
	results := []wireLinkType{{userDefined, there, &in.Label}}
	if back != there {
		results = append(results, wireLinkType{userDefined, back, inverse})
	}
	return http.StatusOK, map[string]any{"results": results}, nil
}

func updateLabel(c *call) (int, any, *apiError) {
	from, to, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		TypeID  *int    `json:"associationTypeId"`
		Label   string  `json:"label"`
		Inverse *string `json:"inverseLabel"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.TypeID == nil || in.Label == "" {
		return 0, nil, missingFields("label", "associationTypeId")
	}
	t := c.s.linkType(from, to, *in.TypeID)
	if t == nil || t.category != userDefined {
		return 0, nil, invalid("Association type %d cannot be changed", *in.TypeID)
	}
	t.label = &in.Label
	if other := c.s.linkType(to, from, t.inverse); in.Inverse != nil && other != nil {
		other.label = in.Inverse
	}
	return http.StatusNoContent, nil, nil
}

func deleteLabel(c *call) (int, any, *apiError) {
	from, to, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	id, _ := strconv.Atoi(c.r.PathValue("label"))
	t := c.s.linkType(from, to, id)
	if t == nil || t.category != userDefined {
		return 0, nil, invalid("Association type %s cannot be deleted", c.r.PathValue("label"))
	}
	for _, r := range from.records {
		for _, other := range c.s.linkedTo(r, to) {
			c.s.unlinkOne(r, other, id, c.src, c.now)
		}
	}
	c.s.linkTypes = slices.DeleteFunc(c.s.linkTypes, func(have *linkType) bool {
		return have == t || have.id == t.inverse && have.from == t.to && have.to == t.from
	})
	return http.StatusNoContent, nil, nil
}
