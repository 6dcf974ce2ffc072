package hubspot

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// linkType is one kind of association in one direction.
type linkType struct {
	id       int
	from, to string // object type ids
	inverse  int
	category string
	name     string  // "deal_to_company_unlabeled"
	label    *string // nil: the unlabelled default
	primary  bool
}

const (
	hubspotDefined = "HUBSPOT_DEFINED"
	userDefined    = "USER_DEFINED"
)

// standardLinks are pairs of object types with the numbers of their default
// association in both directions. Numbers that the documentation does not give
// for the pair are those of HubSpot's older engagement tables.
var standardLinks = []struct {
	from, to   string
	there, and int
}{
	{"contacts", "companies", 279, 280},
	{"deals", "contacts", 3, 4},
	{"deals", "companies", 341, 342},
	{"tickets", "contacts", 16, 15},
	{"tickets", "companies", 339, 340},
	{"deals", "line_items", 19, 20},
	{"deals", "tickets", 27, 28},
	{"quotes", "deals", 64, 63},
	{"quotes", "line_items", 67, 68},
	{"notes", "contacts", 202, 201},
	{"notes", "companies", 190, 189},
	{"notes", "deals", 214, 213},
	{"notes", "tickets", 228, 227},
	{"notes", "projects", 1248, 1249},
	{"tasks", "contacts", 204, 203},
	{"tasks", "companies", 192, 191},
	{"tasks", "deals", 216, 215},
	{"tasks", "tickets", 230, 229},
	{"meetings", "contacts", 200, 199},
	{"meetings", "companies", 188, 187},
	{"meetings", "deals", 212, 211},
	{"meetings", "tickets", 226, 225},
	{"calls", "contacts", 194, 193},
	{"calls", "companies", 182, 181},
	{"calls", "deals", 206, 205},
	{"calls", "tickets", 220, 219},
	{"emails", "contacts", 198, 197},
	{"emails", "companies", 186, 185},
	{"emails", "deals", 210, 209},
	{"emails", "tickets", 224, 223},
	{"communications", "contacts", 81, 82},
	{"communications", "deals", 85, 86},
	{"feedback_submissions", "contacts", 98, 97},
	{"feedback_submissions", "tickets", 100, 99},
	{"feedback_submissions", "deals", 984, 983},
	{"deals", "projects", 1239, 1238},
	{"contacts", "contacts", 449, 449},
	{"companies", "companies", 450, 450},
	{"deals", "deals", 451, 451},
	{"tickets", "tickets", 452, 452},
}

var primaryLinks = []struct {
	from, to   string
	there, and int
}{
	{"contacts", "companies", 1, 2},
	{"deals", "companies", 5, 6},
	{"tickets", "companies", 26, 25},
}

func (s *System) loadLinkTypes() {
	for _, l := range standardLinks {
		suffix := ""
		for _, p := range primaryLinks {
			if p.from == l.from && p.to == l.to {
				suffix = "_unlabeled"
			}
		}
		s.addLinkPair(s.typeByName(l.from), s.typeByName(l.to), l.there, l.and, hubspotDefined, suffix, nil, nil, false)
	}
	for _, p := range primaryLinks {
		label := "Primary"
		s.addLinkPair(s.typeByName(p.from), s.typeByName(p.to), p.there, p.and, hubspotDefined, "", &label, &label, true)
	}
}

func (s *System) addLinkPair(from, to *objectType, there, back int, category, suffix string, label, inverse *string, primary bool) {
	s.linkTypes = append(s.linkTypes, &linkType{
		id: there, from: from.id, to: to.id, inverse: back, category: category, name: from.singular + "_to_" + to.singular + suffix, label: label, primary: primary,
	})
	if from != to || there != back {
		s.linkTypes = append(s.linkTypes, &linkType{
			id: back, from: to.id, to: from.id, inverse: there, category: category, name: to.singular + "_to_" + from.singular + suffix, label: inverse, primary: primary,
		})
	}
}

// linkTypesBetween returns the kinds of association in this direction.
func (s *System) linkTypesBetween(from, to *objectType) []*linkType {
	var out []*linkType
	for _, t := range s.linkTypes {
		if t.from == from.id && t.to == to.id {
			out = append(out, t)
		}
	}
	return out
}

func (s *System) linkType(from, to *objectType, id int) *linkType {
	for _, t := range s.linkTypesBetween(from, to) {
		if t.id == id {
			return t
		}
	}
	return nil
}

// defaultLink returns the unlabelled kind of association, nil if there is none.
func (s *System) defaultLink(from, to *objectType) *linkType {
	for _, t := range s.linkTypesBetween(from, to) {
		if t.label == nil {
			return t
		}
	}
	return nil
}

func (r *record) linkSet(to *record) map[int]bool { return r.links[to.ot.id][to.id] }

func (r *record) setLink(to *record, t int) {
	if r.links == nil {
		r.links = map[string]map[int64]map[int]bool{}
	}
	if r.links[to.ot.id] == nil {
		r.links[to.ot.id] = map[int64]map[int]bool{}
	}
	if r.links[to.ot.id][to.id] == nil {
		r.links[to.ot.id][to.id] = map[int]bool{}
	}
	r.links[to.ot.id][to.id][t] = true
}

func (r *record) dropLink(to *record, t int) {
	set := r.linkSet(to)
	delete(set, t)
	if len(set) == 0 {
		delete(r.links[to.ot.id], to.id)
	}
}

// link joins two records, both ways, with the default kind besides any label.
// The first company of a record becomes its primary one (assumed). Linking
// what is linked does nothing.
func (s *System) link(from, to *record, typeID int, src source, now time.Time) {
	t := s.linkType(from.ot, to.ot, typeID)
	if t == nil {
		return
	}
	if def := s.defaultLink(from.ot, to.ot); def != nil && def != t {
		s.linkOne(from, to, def, src, now)
	}
	s.linkOne(from, to, t, src, now)
	for _, p := range s.linkTypesBetween(from.ot, to.ot) {
		if !p.primary || p == t {
			continue
		}
		if from.ot.name == "companies" {
			if !to.hasPrimary(from.ot.id, p.inverse) {
				s.linkOne(from, to, p, src, now)
			}
		} else if !from.hasPrimary(to.ot.id, p.id) {
			s.linkOne(from, to, p, src, now)
		}
	}
}

func (r *record) hasPrimary(typeID string, primary int) bool {
	for _, set := range r.links[typeID] {
		if set[primary] {
			return true
		}
	}
	return false
}

func (s *System) linkOne(from, to *record, t *linkType, src source, now time.Time) {
	if from.linkSet(to)[t.id] {
		return
	}
	if t.primary { // there is one primary company at most
		owner, typeID, id := from, to.ot.id, t.id
		if from.ot.name == "companies" {
			owner, typeID, id = to, from.ot.id, t.inverse
		}
		for other, set := range owner.links[typeID] {
			if set[id] {
				s.unlinkOne(owner, s.typeByName(typeID).records[other], id, src, now)
			}
		}
	}
	from.setLink(to, t.id)
	to.setLink(from, t.inverse)
	s.emitLink(from, to, t, false, src, now)
	s.recount(from, now)
	s.recount(to, now)
}

func (s *System) unlinkOne(from, to *record, typeID int, src source, now time.Time) {
	t := s.linkType(from.ot, to.ot, typeID)
	if t == nil || !from.linkSet(to)[typeID] {
		return
	}
	from.dropLink(to, t.id)
	to.dropLink(from, t.inverse)
	s.emitLink(from, to, t, true, src, now)
	s.recount(from, now)
	s.recount(to, now)
}

// unlink removes these kinds of association; the unlabelled one takes all
// labels with it, and so does an empty list.
func (s *System) unlink(from, to *record, types []int, src source, now time.Time) {
	def := s.defaultLink(from.ot, to.ot)
	if len(types) == 0 || def != nil && slices.Contains(types, def.id) {
		types = nil
		for id := range from.linkSet(to) {
			types = append(types, id)
		}
		sort.Ints(types)
	}
	for _, id := range types {
		s.unlinkOne(from, to, id, src, now)
	}
}

// linked returns all live records that r is linked to.
func (s *System) linked(r *record) []*record {
	var out []*record
	for _, ot := range s.types {
		out = append(out, s.linkedTo(r, ot)...)
	}
	return out
}

// linkedTo returns the live records of a type that r is linked to, by id.
func (s *System) linkedTo(r *record, ot *objectType) []*record {
	var out []*record
	for id := range r.links[ot.id] {
		if other := ot.records[id]; other != nil && !other.archived {
			out = append(out, other)
		}
	}
	slices.SortFunc(out, func(a, b *record) int { return int(a.id - b.id) })
	return out
}

// recount renews the counters that follow from links; they move the time of
// modification.
func (s *System) recount(r *record, now time.Time) {
	changed := false
	count := func(name string, types ...string) {
		if r.ot.props[name] == nil {
			return
		}
		n := 0
		for _, t := range types {
			n += len(s.linkedTo(r, s.typeByName(t)))
		}
		changed = r.set(name, strconv.Itoa(n), now, calculated) || changed
	}
	count("num_associated_contacts", "contacts")
	count("num_notes", "notes", "calls", "meetings", "emails", "tasks")
	count("num_associated_deals", "deals")
	count("hs_num_of_associated_line_items", "line_items")
	count("hs_num_associated_companies", "companies")
	if r.ot.name == "companies" {
		open := 0
		for _, deal := range s.linkedTo(r, s.typeByName("deals")) {
			if deal.text("hs_is_closed") == "false" {
				open++
			}
		}
		changed = r.set("hs_num_open_deals", strconv.Itoa(open), now, calculated) || changed
	}
	if r.ot.name == "contacts" {
		company := ""
		for id, set := range r.links["0-2"] {
			if set[1] {
				company = strconv.FormatInt(id, 10)
			}
		}
		changed = r.set("associatedcompanyid", company, now, calculated) || changed
	}
	if changed {
		r.touch(now, calculated)
		s.reindex(r, now)
	}
}

// eventName is the associationType of a webhook: DEAL_TO_COMPANY.
func (s *System) eventName(t *linkType) string {
	return strings.ToUpper(s.typeByName(t.from).singular + "_to_" + s.typeByName(t.to).singular)
}
