package hubspot

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// archivedFor is how long an archived record is listed.
const archivedFor = 90 * 24 * time.Hour

// wanted are the parameters of a read that say what to show.
type wanted struct {
	properties, history, associations []string
	archived                          bool
	idProperty                        string
}

func (c *call) wanted() (wanted, *apiError) {
	archived, err := c.flag("archived")
	return wanted{
		properties: c.list("properties"), history: c.list("propertiesWithHistory"), associations: c.list("associations"),
		archived: archived, idProperty: c.query.Get("idProperty"),
	}, err
}

func (c *call) render(r *record, w wanted) (*wireRecord, *apiError) {
	out := c.s.render(r, w.properties, w.history)
	for _, name := range w.associations {
		to := c.s.typeByName(name)
		if to == nil {
			return nil, newError(http.StatusBadRequest, "", "Unable to infer object type from: %s", name)
		}
		links := []wireLink{}
		for _, other := range c.s.linkedTo(r, to) {
			for _, t := range c.s.linkTypesBetween(r.ot, to) {
				if r.linkSet(other)[t.id] {
					links = append(links, wireLink{ID: other.idText(), Type: t.name})
				}
			}
		}
		if len(links) > 0 {
			if out.Associations == nil {
				out.Associations = map[string]wireLinkLists{}
			}
			out.Associations[to.key()] = wireLinkLists{Results: links}
		}
	}
	return out, nil
}

func listRecords(c *call) (int, any, *apiError) {
	ot, err := c.objectType("type")
	if err != nil {
		return 0, nil, err
	}
	if err := c.mayRead(ot); err != nil {
		return 0, nil, err
	}
	w, err := c.wanted()
	if err != nil {
		return 0, nil, err
	}
	most := 100
	if len(w.history) > 0 {
		most = 50
	}
	limit, err := c.limit(10, most)
	if err != nil {
		return 0, nil, err
	}
	after, err := c.after()
	if err != nil {
		return 0, nil, err
	}
	results := []*wireRecord{}
	from, _ := slices.BinarySearch(ot.ids, int64(after))
	for _, id := range ot.ids[from:] {
		r := ot.records[id]
		if r == nil || r.archived != w.archived || r.archived && c.now.Sub(r.archivedAt) > archivedFor {
			continue
		}
		if len(results) == limit {
			return http.StatusOK, map[string]any{"results": results, "paging": c.next(r.idText())}, nil
		}
		out, err := c.render(r, w)
		if err != nil {
			return 0, nil, err
		}
		results = append(results, out)
	}
	return http.StatusOK, map[string]any{"results": results}, nil
}

// find looks a record up by id or by a unique property, in the store itself.
func (ot *objectType) find(id, idProperty string) (*record, *apiError) {
	if idProperty != "" && idProperty != "hs_object_id" {
		p := ot.readable(idProperty)
		if p == nil || !p.HasUniqueValue {
			return nil, invalid("The property %q is non-unique or does not exist and cannot be used as an id property", idProperty)
		}
		return ot.byUnique(idProperty, id), nil
	}
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		return ot.get(n), nil
	}
	return nil, nil // no record has an id that is no number
}

func (c *call) findForRead(ot *objectType, w wanted) (*record, *apiError) {
	id := c.r.PathValue("id")
	r, err := ot.find(id, w.idProperty)
	if err != nil {
		return nil, err
	}
	if r == nil || r.archived != w.archived {
		return nil, notFound(id)
	}
	return r, nil
}

func getRecord(c *call) (int, any, *apiError) {
	ot, err := c.objectType("type")
	if err != nil {
		return 0, nil, err
	}
	if err := c.mayRead(ot); err != nil {
		return 0, nil, err
	}
	w, err := c.wanted()
	if err != nil {
		return 0, nil, err
	}
	r, err := c.findForRead(ot, w)
	if err != nil {
		return 0, nil, err
	}
	out, err := c.render(r, w)
	return http.StatusOK, out, err
}

// recordInput is the body of a write, single or in a batch.
type recordInput struct {
	ID           *flexID                    `json:"id"`
	IDProperty   string                     `json:"idProperty"`
	TraceID      string                     `json:"objectWriteTraceId"`
	Properties   map[string]json.RawMessage `json:"properties"`
	Associations []linkInput                `json:"associations"`
}

type linkInput struct {
	To    linkEnd    `json:"to"`
	Types []linkSpec `json:"types"`
}

type linkEnd struct {
	ID flexID `json:"id"`
}

type linkSpec struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}

// writableType is the type that the path names, if the token may write it.
func (c *call) writableType() (*objectType, *apiError) {
	ot, err := c.objectType("type")
	if err != nil {
		return nil, err
	}
	if ot.noWrites {
		return nil, newError(http.StatusMethodNotAllowed, "", "HTTP 405 Method Not Allowed")
	}
	return ot, c.mayWrite(ot)
}

// prepareLinks checks the associations that a create asks for.
func (s *System) prepareLinks(c *change, inputs []linkInput) *apiError {
	for _, in := range inputs {
		if len(in.Types) == 0 {
			return missingFields("types")
		}
		var link wantedLink
		for _, spec := range in.Types {
			t := s.linkTypeFrom(c.ot, spec)
			if t == nil {
				return invalid("Association type %d with category %s does not exist for object type %s", spec.TypeID, spec.Category, c.ot.upper).
					sub("crm.associations.INVALID_ASSOCIATION_TYPE")
			}
			to := s.typeByName(t.to)
			n, err := strconv.ParseInt(string(in.To.ID), 10, 64)
			if err != nil {
				return invalid("%s is not a valid ID", in.To.ID).sub("crm.associations.INVALID_IDENTIFIER").with("id", string(in.To.ID))
			}
			other := to.get(n)
			if other == nil || other.archived {
				return newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "No %s with ID %d exists", to.upper, n).with(to.upper, string(in.To.ID))
			}
			link.to = other
			link.types = append(link.types, t.id)
		}
		c.links = append(c.links, link)
	}
	return nil
}

func (s *System) linkTypeFrom(from *objectType, spec linkSpec) *linkType {
	for _, t := range s.linkTypes {
		if t.from == from.id && t.id == spec.TypeID && (spec.Category == "" || spec.Category == t.category) {
			return t
		}
	}
	return nil
}

func createRecord(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	var in recordInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Properties == nil {
		return 0, nil, missingFields("properties")
	}
	ch, err := c.s.prepare(ot, nil, in.Properties, c.s.hidden, c.now)
	if err != nil {
		return 0, nil, err
	}
	if err := c.s.prepareLinks(ch, in.Associations); err != nil {
		return 0, nil, err
	}
	r := c.s.commit(ch, c.src, c.now)
	out := c.s.renderWrite(r, ch.sent, true)
	out.TraceID = in.TraceID
	return http.StatusCreated, out, nil
}

func updateRecord(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	var in recordInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if len(in.Properties) == 0 {
		return 0, nil, invalid("No properties found to update, please provide at least one.")
	}
	r, err := c.findForRead(ot, wanted{idProperty: c.query.Get("idProperty")})
	if err != nil {
		return 0, nil, err
	}
	ch, err := c.s.prepare(ot, r, in.Properties, c.s.hidden, c.now)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.s.renderWrite(c.s.commit(ch, c.src, c.now), ch.sent, false), nil
}

// deleteRecord archives; 204 also when there was nothing to archive.
func deleteRecord(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	if r, _ := ot.find(c.r.PathValue("id"), ""); r != nil {
		c.s.archive(r, c.src, c.now)
	}
	return http.StatusNoContent, nil, nil
}

func mergeRecords(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Primary *flexID `json:"primaryObjectId"`
		Other   *flexID `json:"objectIdToMerge"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Primary == nil || in.Other == nil {
		return 0, nil, missingFields("primaryObjectId", "objectIdToMerge")
	}
	primary, err := ot.find(string(*in.Primary), "")
	if err != nil {
		return 0, nil, err
	}
	other, err := ot.find(string(*in.Other), "")
	if err != nil {
		return 0, nil, err
	}
	for id, r := range map[flexID]*record{*in.Primary: primary, *in.Other: other} {
		if r == nil || r.archived {
			return 0, nil, notFound(string(id))
		}
	}
	if primary == other {
		return 0, nil, invalid("Cannot merge object %s with itself", *in.Primary)
	}
	return http.StatusOK, c.s.renderWrite(c.s.merge(primary, other, c.src, c.now), nil, false), nil
}

// merge makes a new record of two: it has the primary one's values, filled up
// with the other's, and the links of both. The old ids lead to it from now on.
func (s *System) merge(primary, other *record, src source, now time.Time) *record {
	ot := primary.ot
	moved := source{kind: "MERGE_OBJECTS", id: src.id, label: src.label, userID: src.userID}
	out := s.newRecord(ot, moved, now)
	out.created = primary.created
	keep := []string{"hs_object_id", "hs_merged_object_ids"}
	for name, v := range primary.values {
		if !slices.Contains(keep, name) {
			ot.claim(name, v.text, "", primary.id)
			out.set(name, v.text, now, moved)
			out.values[name].history = append(out.values[name].history, v.history...)
		}
	}
	filled := 0
	for name, v := range other.values {
		ot.claim(name, v.text, "", other.id)
		if !slices.Contains(keep, name) && out.text(name) == "" && out.set(name, v.text, now, moved) {
			filled++
		}
	}
	ids := []string{primary.idText(), other.idText()}
	for _, r := range []*record{primary, other} {
		if before := r.text("hs_merged_object_ids"); before != "" {
			ids = append(ids, strings.Split(before, ";")...)
		}
	}
	out.set("hs_merged_object_ids", strings.Join(ids, ";"), now, moved)
	for _, old := range []*record{primary, other} {
		s.moveLinks(old, out)
		delete(ot.records, old.id)
		for from, to := range ot.alias {
			if to == old.id {
				ot.alias[from] = out.id
			}
		}
		ot.alias[old.id] = out.id
		s.reindex(old, now)
	}
	s.compute(out, now)
	out.touch(now, src)
	s.recount(out, now)
	s.emit(event{kind: "merge", rec: out, src: src, at: now, merged: []int64{primary.id, other.id}, moved: filled})
	s.emit(event{kind: "deletion", rec: other, src: src, at: now, flag: "DELETED"})
	s.reindex(out, now)
	return out
}

// moveLinks hands old's links to heir.
func (s *System) moveLinks(old, heir *record) {
	for typeID, others := range old.links {
		to := s.typeByName(typeID)
		for id, set := range others {
			other := to.records[id]
			for t := range set {
				if other == nil || other == heir {
					continue
				}
				heir.setLink(other, t)
				if kind := s.linkType(old.ot, to, t); kind != nil {
					other.setLink(heir, kind.inverse)
				}
			}
			if other != nil && other.links[old.ot.id] != nil {
				delete(other.links[old.ot.id], old.id)
			}
		}
	}
}

// privacyDelete removes a contact for good.
func privacyDelete(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		ObjectID   flexID `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	r, err := ot.find(string(in.ObjectID), in.IDProperty)
	if err != nil {
		return 0, nil, err
	}
	if r != nil {
		c.s.archive(r, c.src, c.now)
		c.s.emit(event{kind: "privacyDeletion", rec: r, src: c.src, at: c.now, flag: "DELETED"})
		for name, v := range r.values {
			ot.claim(name, v.text, "", r.id)
		}
		delete(ot.records, r.id)
	}
	return http.StatusNoContent, nil, nil
}
