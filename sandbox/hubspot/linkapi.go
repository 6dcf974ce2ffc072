package hubspot

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type wireLinkType struct {
	Category string  `json:"category"`
	TypeID   int     `json:"typeId"`
	Label    *string `json:"label"`
}

type wireLinked struct {
	To    int64          `json:"toObjectId"`
	Types []wireLinkType `json:"associationTypes"`
}

type wirePair struct {
	FromType string   `json:"fromObjectTypeId"`
	From     int64    `json:"fromObjectId"`
	ToType   string   `json:"toObjectTypeId"`
	To       int64    `json:"toObjectId"`
	Labels   []string `json:"labels"`
}

// ends are the types of both ends that the path names.
func (c *call) ends(write bool) (from, to *objectType, err *apiError) {
	if from, err = c.objectType("type"); err != nil {
		return nil, nil, err
	}
	if to, err = c.objectType("to"); err != nil {
		return nil, nil, err
	}
	if write {
		if err = c.mayWrite(from); err == nil {
			err = c.mayWrite(to)
		}
	} else if err = c.mayRead(from); err == nil {
		err = c.mayRead(to)
	}
	return from, to, err
}

// end finds a live record for an association.
func end(ot *objectType, id string) (*record, *apiError) {
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return nil, invalid("%s is not a valid ID", id).sub("crm.associations.INVALID_IDENTIFIER").with("id", id)
	}
	r, _ := ot.find(id, "")
	if r == nil || r.archived {
		return nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "No %s with ID %s exists", ot.upper, id).
			sub("crm.associations.OBJECT_NOT_FOUND").with(ot.upper, id)
	}
	return r, nil
}

func (c *call) pathEnds() (from, to *record, err *apiError) {
	fromType, toType, err := c.ends(true)
	if err != nil {
		return nil, nil, err
	}
	if from, err = end(fromType, c.r.PathValue("id")); err != nil {
		return nil, nil, err
	}
	to, err = end(toType, c.r.PathValue("toID"))
	if err == nil && from == to {
		err = itself(from)
	}
	return from, to, err
}

func itself(r *record) *apiError {
	return invalid("Object %d cannot be associated to itself (%d)", r.id, r.id)
}

func (s *System) wireLinked(from, to *record) wireLinked {
	out := wireLinked{To: to.id, Types: []wireLinkType{}}
	for _, t := range s.linkTypesBetween(from.ot, to.ot) {
		if from.linkSet(to)[t.id] {
			out.Types = append(out.Types, wireLinkType{Category: t.category, TypeID: t.id, Label: t.label})
		}
	}
	return out
}

func (s *System) wirePair(from, to *record) wirePair {
	out := wirePair{FromType: from.ot.id, From: from.id, ToType: to.ot.id, To: to.id, Labels: []string{}}
	for _, t := range s.linkTypesBetween(from.ot, to.ot) {
		if t.label != nil && from.linkSet(to)[t.id] {
			out.Labels = append(out.Labels, *t.label)
		}
	}
	return out
}

func listLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(false)
	if err != nil {
		return 0, nil, err
	}
	r, _ := fromType.find(c.r.PathValue("id"), "")
	if r == nil || r.archived {
		return 0, nil, notFound(c.r.PathValue("id"))
	}
	limit, err := c.limit(500, 500)
	if err != nil {
		return 0, nil, err
	}
	after, err := c.after()
	if err != nil {
		return 0, nil, err
	}
	page, next := c.s.linkPage(r, toType, limit, int64(after))
	out := map[string]any{"results": page}
	if next != "" {
		out["paging"] = c.next(next)
	}
	return http.StatusOK, out, nil
}

// linkPage returns up to limit links whose other id is at least from, and the
// id where the next page starts.
func (s *System) linkPage(r *record, to *objectType, limit int, from int64) (page []wireLinked, next string) {
	page = []wireLinked{}
	for _, other := range s.linkedTo(r, to) {
		if other.id < from {
			continue
		}
		if len(page) == limit {
			return page, other.idText()
		}
		page = append(page, s.wireLinked(r, other))
	}
	return page, ""
}

func putDefaultLink(c *call) (int, any, *apiError) {
	from, to, err := c.pathEnds()
	if err != nil {
		return 0, nil, err
	}
	results, err := c.linkDefault(from, to)
	if err != nil {
		return 0, nil, err
	}
	return c.batchDone(http.StatusOK, results, nil)
}

type wireDefaultLink struct {
	From struct {
		ID string `json:"id"`
	} `json:"from"`
	To struct {
		ID string `json:"id"`
	} `json:"to"`
	Spec linkSpec `json:"associationSpec"`
}

func (c *call) linkDefault(from, to *record) ([]wireDefaultLink, *apiError) {
	t := c.s.defaultLink(from.ot, to.ot)
	if t == nil {
		return nil, invalid("No default association type exists between %s and %s", from.ot.upper, to.ot.upper)
	}
	c.s.link(from, to, t.id, c.src, c.now)
	var there, back wireDefaultLink
	there.From.ID, there.To.ID, there.Spec = from.idText(), to.idText(), linkSpec{t.category, t.id}
	back.From.ID, back.To.ID, back.Spec = to.idText(), from.idText(), linkSpec{t.category, t.inverse}
	return []wireDefaultLink{there, back}, nil
}

// putLink replaces the labels of a pair with those sent.
func putLink(c *call) (int, any, *apiError) {
	from, to, err := c.pathEnds()
	if err != nil {
		return 0, nil, err
	}
	var specs []linkSpec
	if err := c.decode(&specs); err != nil {
		return 0, nil, err
	}
	if err := c.setLabels(from, to, specs); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, c.s.wirePair(from, to), nil
}

// setLabels joins two records by these kinds and drops other labels of the pair.
func (c *call) setLabels(from, to *record, specs []linkSpec) *apiError {
	if len(specs) == 0 {
		return missingFields("types")
	}
	var ids []int
	for _, spec := range specs {
		t := c.s.linkType(from.ot, to.ot, spec.TypeID)
		if t == nil || spec.Category != "" && spec.Category != t.category {
			return invalid("%s-%d is not a valid association type between %s and %s", spec.Category, spec.TypeID, from.ot.upper, to.ot.upper).
				sub("crm.associations.INVALID_ASSOCIATION_TYPE").with("type", strconv.Itoa(spec.TypeID))
		}
		ids = append(ids, t.id)
	}
	for _, t := range c.s.linkTypesBetween(from.ot, to.ot) {
		if t.label != nil && !t.primary && from.linkSet(to)[t.id] && !slices.Contains(ids, t.id) {
			c.s.unlinkOne(from, to, t.id, c.src, c.now)
		}
	}
	for _, id := range ids {
		c.s.link(from, to, id, c.src, c.now)
	}
	return nil
}

// deleteLinks removes all associations of a pair; 204 also when there are none.
func deleteLinks(c *call) (int, any, *apiError) {
	from, to, err := c.pathEnds()
	if err != nil && err.code != http.StatusNotFound {
		return 0, nil, err
	}
	if err == nil {
		c.s.unlink(from, to, nil, c.src, c.now)
	}
	return http.StatusNoContent, nil, nil
}

type linkBatch struct {
	Inputs []struct {
		From  linkEnd    `json:"from"`
		To    linkEnd    `json:"to"`
		Types []linkSpec `json:"types"`
		Type  string     `json:"type"` // v3
	} `json:"inputs"`
}

func (c *call) linkBatch(most int) (linkBatch, *apiError) {
	var in linkBatch
	if err := c.decode(&in); err != nil {
		return in, err
	}
	if in.Inputs == nil {
		return in, missingFields("inputs")
	}
	if len(in.Inputs) > most {
		return in, invalid("The maximum number of inputs supported in a batch request is %d", most)
	}
	return in, nil
}

// linkError is an association's error inside a batch; only bad ids are named.
func linkError(err *apiError) batchError {
	e := err.detail()
	if err.SubCategory == "" {
		e.Context = nil
	}
	return e
}

func batchCreateLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	in, err := c.linkBatch(2_000)
	if err != nil {
		return 0, nil, err
	}
	results, errs := []wirePair{}, []batchError(nil)
	for _, input := range in.Inputs {
		from, to, err := bothEnds(fromType, toType, input.From.ID, input.To.ID)
		if err == nil {
			err = c.setLabels(from, to, input.Types)
		}
		if err != nil {
			errs = append(errs, linkError(err))
			continue
		}
		results = append(results, c.s.wirePair(from, to))
	}
	full := http.StatusCreated
	if strings.Contains(c.r.URL.Path, "/2026-09/") {
		full = http.StatusOK
	}
	return c.batchDone(full, results, errs)
}

func bothEnds(fromType, toType *objectType, fromID, toID flexID) (from, to *record, err *apiError) {
	if from, err = end(fromType, string(fromID)); err != nil {
		return nil, nil, err
	}
	if to, err = end(toType, string(toID)); err != nil {
		return nil, nil, err
	}
	if from == to {
		return nil, nil, itself(from)
	}
	return from, to, nil
}

func batchDefaultLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	in, err := c.linkBatch(2_000)
	if err != nil {
		return 0, nil, err
	}
	results, errs := []wireDefaultLink{}, []batchError(nil)
	for _, input := range in.Inputs {
		from, to, err := bothEnds(fromType, toType, input.From.ID, input.To.ID)
		var made []wireDefaultLink
		if err == nil {
			made, err = c.linkDefault(from, to)
		}
		if err != nil {
			errs = append(errs, linkError(err))
			continue
		}
		results = append(results, made...)
	}
	// This operation has no 207.
	_, out, _ := c.batchDone(http.StatusOK, results, errs)
	return http.StatusOK, out, nil
}

func batchReadLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(false)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Inputs []struct {
			ID    flexID `json:"id"`
			After flexID `json:"after"`
		} `json:"inputs"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if len(in.Inputs) > 1_000 {
		return 0, nil, invalid("The maximum number of inputs supported in a batch request is 1000")
	}
	type result struct {
		From   map[string]string `json:"from"`
		To     []wireLinked      `json:"to"`
		Paging *wirePaging       `json:"paging,omitempty"`
	}
	results, errs := []result{}, []batchError(nil)
	for _, input := range in.Inputs {
		r, _ := fromType.find(string(input.ID), "")
		after, _ := strconv.ParseInt(string(input.After), 10, 64)
		var page []wireLinked
		var next string
		if r != nil && !r.archived {
			page, next = c.s.linkPage(r, toType, 500, after)
		}
		if len(page) == 0 {
			errs = append(errs, batchError{
				Status: "error", Category: "OBJECT_NOT_FOUND", SubCategory: "crm.associations.NO_ASSOCIATIONS_FOUND",
				Message: fmt.Sprintf("No %s is associated with %s %s.", toType.singular, fromType.singular, input.ID),
				Context: map[string][]string{"fromObjectId": {string(input.ID)}, "fromObjectType": {fromType.singular}, "toObjectType": {toType.singular}},
			})
			continue
		}
		out := result{From: map[string]string{"id": string(input.ID)}, To: page}
		if next != "" {
			out.Paging = &wirePaging{Next: wireNext{After: next}}
		}
		results = append(results, out)
	}
	return c.batchDone(http.StatusOK, results, errs)
}

// archived is what batches of deletes answer: 204 in v4, an empty batch answer in
// dated versions.
func (c *call) archived() (int, any, *apiError) {
	if isLegacyPath(c.r.URL.Path) {
		return http.StatusNoContent, nil, nil
	}
	return c.batchDone(http.StatusOK, []any{}, nil)
}

func batchArchiveLinks(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Inputs []struct {
			From linkEnd   `json:"from"`
			To   []linkEnd `json:"to"`
		} `json:"inputs"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	for _, input := range in.Inputs {
		for _, other := range input.To {
			if from, to, err := bothEnds(fromType, toType, input.From.ID, other.ID); err == nil {
				c.s.unlink(from, to, nil, c.src, c.now)
			}
		}
	}
	return c.archived()
}

func batchArchiveLabels(c *call) (int, any, *apiError) {
	fromType, toType, err := c.ends(true)
	if err != nil {
		return 0, nil, err
	}
	in, err := c.linkBatch(1_000)
	if err != nil {
		return 0, nil, err
	}
	for _, input := range in.Inputs {
		from, to, err := bothEnds(fromType, toType, input.From.ID, input.To.ID)
		if err != nil {
			continue
		}
		var ids []int
		for _, spec := range input.Types {
			ids = append(ids, spec.TypeID)
		}
		if len(ids) > 0 {
			c.s.unlink(from, to, ids, c.src, c.now)
		}
	}
	return c.archived()
}
