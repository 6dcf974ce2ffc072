package hubspot

import (
	"net/http"
	"strconv"
)

// The v3 spelling of associations names their kinds by text.

type oldLink struct {
	From map[string]string `json:"from"`
	To   map[string]string `json:"to"`
	Type string            `json:"type"`
}

func (s *System) linkTypeByName(from, to *objectType, name string) *linkType {
	for _, t := range s.linkTypesBetween(from, to) {
		if t.name == name || strconv.Itoa(t.id) == name {
			return t
		}
	}
	return nil
}

func noSuchKind(name string) *apiError {
	return invalid("%s is not a valid association type", name).sub("crm.associations.INVALID_ASSOCIATION_TYPE").with("type", name)
}

func oldCreateLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	in, err := c.linkBatch(2_000)
	if err != nil {
		return 0, nil, err
	}
	results, errs := []oldLink{}, []batchError(nil)
	for _, input := range in.Inputs {
		from, to, err := bothEnds(fromType, toType, input.From.ID, input.To.ID)
		t := c.s.linkTypeByName(fromType, toType, input.Type)
		if err == nil && t == nil {
			err = noSuchKind(input.Type)
		}
		if err != nil {
			errs = append(errs, linkError(err))
			continue
		}
		c.s.link(from, to, t.id, c.src, c.now)
		back := c.s.linkType(toType, fromType, t.inverse)
		results = append(results,
			oldLink{map[string]string{"id": to.idText()}, map[string]string{"id": from.idText()}, back.name},
			oldLink{map[string]string{"id": from.idText()}, map[string]string{"id": to.idText()}, t.name})
	}
	return c.batchDone(http.StatusCreated, results, errs)
}

func oldReadLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(false)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Inputs []linkEnd `json:"inputs"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	type result struct {
		From map[string]string `json:"from"`
		To   []wireLink        `json:"to"`
	}
	results, errs := []result{}, []batchError(nil)
	for _, input := range in.Inputs {
		r, _ := fromType.find(string(input.ID), "")
		if r == nil || r.archived || len(c.s.linkedTo(r, toType)) == 0 {
			errs = append(errs, batchError{
				Status: "error", Category: "OBJECT_NOT_FOUND", SubCategory: "crm.associations.NO_ASSOCIATIONS_FOUND",
				Message: "No " + toType.singular + " is associated with " + fromType.singular + " " + string(input.ID) + ".",
				Context: map[string][]string{"fromObjectId": {string(input.ID)}, "fromObjectType": {fromType.singular}, "toObjectType": {toType.singular}},
			})
			continue
		}
		results = append(results, result{map[string]string{"id": r.idText()}, c.oldLinks(r, toType)})
	}
	return c.batchDone(http.StatusOK, results, errs)
}

func (c *call) oldLinks(r *record, to *objectType) []wireLink {
	out := []wireLink{}
	for _, other := range c.s.linkedTo(r, to) {
		for _, t := range c.s.linkTypesBetween(r.ot, to) {
			if r.linkSet(other)[t.id] {
				out = append(out, wireLink{ID: other.idText(), Type: t.name})
			}
		}
	}
	return out
}

func oldArchiveLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	in, err := c.linkBatch(2_000)
	if err != nil {
		return 0, nil, err
	}
	for _, input := range in.Inputs {
		from, to, err := bothEnds(fromType, toType, input.From.ID, input.To.ID)
		t := c.s.linkTypeByName(fromType, toType, input.Type)
		if err == nil && t != nil {
			c.s.unlink(from, to, []int{t.id}, c.src, c.now)
		}
	}
	return http.StatusNoContent, nil, nil
}

func oldLinkTypes(c *call) (int, any, *apiError) {
	from, to, err := c.ends(false)
	if err != nil {
		return 0, nil, err
	}
	results := []map[string]string{}
	for _, t := range c.s.linkTypesBetween(from, to) {
		results = append(results, map[string]string{"id": strconv.Itoa(t.id), "name": t.name})
	}
	return http.StatusOK, map[string]any{"results": results}, nil
}

func oldListLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(false)
	if err != nil {
		return 0, nil, err
	}
	r, _ := fromType.find(c.r.PathValue("id"), "")
	if r == nil || r.archived {
		return 0, nil, notFound(c.r.PathValue("id"))
	}
	return http.StatusOK, map[string]any{"results": c.oldLinks(r, toType)}, nil
}

func oldPutLink(c *call) (int, any, *apiError) {
	from, to, err := c.pathEnds()
	if err != nil {
		return 0, nil, err
	}
	t := c.s.linkTypeByName(from.ot, to.ot, c.r.PathValue("kind"))
	if t == nil {
		return 0, nil, noSuchKind(c.r.PathValue("kind"))
	}
	c.s.link(from, to, t.id, c.src, c.now)
	out, err := c.render(from, wanted{associations: []string{to.ot.name}})
	return http.StatusOK, out, err
}

func oldDeleteLink(c *call) (int, any, *apiError) {
	from, to, err := c.pathEnds()
	if err != nil {
		return 0, nil, err
	}
	if t := c.s.linkTypeByName(from.ot, to.ot, c.r.PathValue("kind")); t != nil {
		c.s.unlink(from, to, []int{t.id}, c.src, c.now)
	}
	return http.StatusNoContent, nil, nil
}
