package hubspot

import (
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// change is a checked write that has not taken effect yet.
type change struct {
	ot    *objectType
	rec   *record // nil: create
	texts map[string]string
	sent  []string // in the order of their names
	links []wantedLink
}

type wantedLink struct {
	to    *record
	types []int
}

// prepare checks the input of a write, of a create if rec is nil. Nothing has
// happened when it fails. Properties in hidden are as unknown.
func (s *System) prepare(ot *objectType, rec *record, input map[string]json.RawMessage, hidden map[string]bool, now time.Time) (*change, *apiError) {
	c := &change{ot: ot, rec: rec, texts: map[string]string{}}
	var problems []valueProblem
	for name := range input {
		c.sent = append(c.sent, name)
	}
	sort.Strings(c.sent)
	for _, name := range c.sent {
		text, absent, ok := wireText(input[name])
		if !ok {
			return nil, invalid("Invalid input JSON on line 1, column 2: Cannot deserialize value of type `java.lang.String` from Object or Array value")
		}
		if absent {
			continue
		}
		p := ot.writable(name, now)
		if p == nil || hidden[ot.id+"/"+name] {
			problems = append(problems, valueProblem{Message: `Property "` + name + `" does not exist`, Error: "PROPERTY_DOESNT_EXIST", Name: name})
			continue
		}
		old := ""
		if rec != nil {
			old = rec.text(name)
		}
		stored, problem := s.normalise(p, old, text)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		c.texts[name] = stored
	}
	problems = append(problems, s.checkStage(c)...)
	c.dropStepBack()
	if len(problems) > 0 {
		return nil, valuesInvalid(problems)
	}
	if rec == nil {
		if missing := c.missing(); len(missing) > 0 {
			return nil, invalid("Error creating %s. Some required properties were not set.", ot.upper).with("properties", missing...)
		}
	}
	return c, s.checkUnique(c)
}

func (c *change) missing() []string {
	var out []string
	for _, name := range c.ot.required {
		if c.texts[name] == "" {
			out = append(out, name)
		}
	}
	return out
}

// value returns the text that the property will have after the change.
func (c *change) value(name string) string {
	if text, sent := c.texts[name]; sent {
		return text
	}
	if c.rec != nil {
		return c.rec.text(name)
	}
	return ""
}

// checkStage makes pipeline and stage agree: a stage alone brings its pipeline
// where none is set, and a stage of another pipeline is refused.
func (s *System) checkStage(c *change) []valueProblem {
	ot := c.ot
	stageID, moved := c.texts[ot.stageProp]
	if ot.stageProp == "" || !moved || stageID == "" {
		return nil
	}
	if c.value(ot.pipelineProp) == "" {
		for _, pl := range ot.pipelines {
			if pl.stage(stageID) != nil {
				c.texts[ot.pipelineProp] = pl.ID
				break
			}
		}
	}
	pl := ot.pipeline(c.value(ot.pipelineProp))
	if pl == nil || pl.stage(stageID) != nil {
		return nil
	}
	var allowed []string
	for _, st := range pl.Stages {
		allowed = append(allowed, st.ID)
	}
	msg := stageID + " was not one of the allowed options: [" + strings.Join(allowed, ", ") + "]"
	return []valueProblem{{Message: msg, Error: "INVALID_OPTION", Name: ot.stageProp, Localized: msg, Value: stageID, PortalID: s.portalID}}
}

// dropStepBack lets the life-cycle stage move forward only: a step back is
// dropped without a word, unless the stage was cleared before.
func (c *change) dropStepBack() {
	next, sent := c.texts["lifecyclestage"]
	if !sent || next == "" || c.rec == nil {
		return
	}
	p := c.ot.props["lifecyclestage"]
	rank := func(text string) int {
		return slices.IndexFunc(p.Options, func(o option) bool { return o.Value == text })
	}
	if old := c.rec.text("lifecyclestage"); old != "" && rank(next) < rank(old) {
		delete(c.texts, "lifecyclestage")
	}
}

// checkUnique refuses values that another record of the type holds. Archived
// records keep theirs.
func (s *System) checkUnique(c *change) *apiError {
	for _, name := range c.sent {
		text := c.texts[name]
		p := c.ot.props[name]
		if text == "" || p == nil || !p.HasUniqueValue {
			continue
		}
		other := c.ot.byUnique(name, text)
		if other == nil || other == c.rec || other.archived && name == "email" {
			continue
		}
		if c.ot.name == "contacts" && name == "email" {
			return newError(http.StatusConflict, "CONFLICT", "Contact already exists. Existing ID: %d", other.id)
		}
		self := "0"
		if c.rec != nil {
			self = c.rec.idText()
		}
		msg := "Cannot set PropertyValueCoordinates{portalId=" + strconv.Itoa(s.portalID) + ", objectTypeId=" + c.ot.id +
			", propertyName=" + name + ", value=" + text + "} on " + self + ". " + other.idText() + " already has that value."
		return valuesInvalid([]valueProblem{{
			Message: msg, Error: "CONFLICTING_UNIQUE_VALUE", Name: name, Localized: msg, Value: text, PortalID: s.portalID,
		}})
	}
	return nil
}

// byUnique finds the record that holds this value of a unique property, in any
// case for e-mails; an archived one only if no other holds it.
func (ot *objectType) byUnique(name, text string) *record {
	var gone *record
	for _, id := range ot.unique[name][uniqueKey(name, text)] {
		switch r := ot.records[id]; {
		case r == nil:
		case r.archived:
			gone = r
		default:
			return r
		}
	}
	return gone
}

func uniqueKey(name, text string) string {
	if name == "email" {
		return strings.ToLower(text)
	}
	return text
}

// claim notes in the type's unique index that rec's value changed.
func (ot *objectType) claim(name, old, text string, id int64) {
	p := ot.props[name]
	if p == nil || !p.HasUniqueValue {
		return
	}
	held := ot.unique[name]
	if held == nil {
		held = map[string][]int64{}
		ot.unique[name] = held
	}
	if old != "" {
		key := uniqueKey(name, old)
		held[key] = slices.DeleteFunc(held[key], func(have int64) bool { return have == id })
	}
	if text != "" {
		key := uniqueKey(name, text)
		held[key] = append(held[key], id)
	}
}

// commit carries a change out: values, computed values, history, links, events,
// and the index after its lag. It returns the record.
func (s *System) commit(c *change, src source, now time.Time) *record {
	rec, isNew := c.rec, c.rec == nil
	if isNew {
		rec = s.newRecord(c.ot, src, now)
	}
	var changed []string
	for _, name := range c.sortedTexts() {
		if rec.set(name, c.texts[name], now, src) {
			changed = append(changed, name)
		}
	}
	if !isNew && len(changed) == 0 {
		return rec // an equal write leaves no trace
	}
	if slices.Contains(changed, "hubspot_owner_id") {
		rec.set("hubspot_owner_assigneddate", formatTime(now), now, calculated)
	}
	if isNew || c.ot.stageProp != "" && slices.Contains(changed, c.ot.stageProp) {
		if c.ot.event == "contact" || c.ot.event == "company" || c.ot.stageProp != "" && rec.text(c.ot.stageProp) != "" {
			rec.set("hs_v2_date_entered_current_stage", formatTime(now), now, calculated)
			rec.set("hs_v2_time_in_current_stage", formatTime(now), now, calculated)
		}
	}
	s.compute(rec, now)
	rec.touch(now, src)
	if isNew {
		s.emit(event{kind: "creation", rec: rec, src: src, at: now, flag: "NEW"})
		s.settle(rec, now)
		s.companyByDomain(rec, now)
	}
	for _, name := range changed {
		s.emit(event{kind: "propertyChange", rec: rec, src: src, at: now, property: name, text: rec.text(name)})
	}
	for _, l := range c.links {
		for _, t := range l.types {
			s.link(rec, l.to, t, src, now)
		}
	}
	s.reindex(rec, now)
	return rec
}

func (c *change) sortedTexts() []string {
	names := make([]string, 0, len(c.texts))
	for name := range c.texts {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// newRecord makes an empty record with the next id.
func (s *System) newRecord(ot *objectType, src source, now time.Time) *record {
	ot.nextID += int64(1 + s.rand.IntN(40_000))
	rec := &record{ot: ot, id: ot.nextID, values: map[string]*value{}, created: now, updated: now}
	ot.records[rec.id] = rec
	ot.ids = append(ot.ids, rec.id)
	rec.set("hs_object_id", rec.idText(), now, calculated)
	if ot.name == "deals" {
		rec.set("hs_createdate", formatTime(now), now, calculated)
	}
	rec.set(ot.created, formatTime(now), now, calculated)
	rec.set("hs_object_source", src.kind, now, calculated)
	rec.set("hs_object_source_label", src.kind, now, calculated)
	rec.set("hs_object_source_id", src.id, now, calculated)
	if src.userID != 0 {
		rec.set("hs_created_by_user_id", strconv.Itoa(src.userID), now, calculated)
	}
	return rec
}

// settle moves a fresh record's time of modification once more, 0.5 to 7 s
// later, as HubSpot's own background work does.
func (s *System) settle(rec *record, now time.Time) {
	if s.opts.NoSettling {
		return
	}
	s.later(now.Add(time.Duration(500+s.rand.IntN(6_500))*time.Millisecond), func(at time.Time) {
		if rec.ot.records[rec.id] == rec && !rec.archived && rec.updated.Before(at) {
			rec.touch(at, calculated)
			s.reindex(rec, at)
		}
	})
}

// companyByDomain gives a contact the company of its e-mail domain a little
// later, if the account says so.
func (s *System) companyByDomain(contact *record, now time.Time) {
	domain := contact.text("hs_email_domain")
	if !s.opts.CompanyPerDomain || contact.ot.name != "contacts" || domain == "" || slices.Contains(freeDomains, domain) {
		return
	}
	s.later(now.Add(time.Duration(1_000+s.rand.IntN(4_000))*time.Millisecond), func(at time.Time) {
		companies := s.typeByName("companies")
		if contact.archived || len(s.linkedTo(contact, companies)) > 0 {
			return
		}
		src := source{kind: "CONTACTS", id: "CRM_SETTING"}
		var company *record
		for _, id := range companies.ids {
			if r := companies.records[id]; r != nil && !r.archived && r.text("domain") == domain {
				company = r
				break
			}
		}
		if company == nil {
			ch, err := s.prepare(companies, nil, jsonText(map[string]string{"domain": domain, "name": domain}), nil, at)
			if err != nil {
				return
			}
			company = s.commit(ch, src, at)
		}
		if t := s.defaultLink(contact.ot, companies); t != nil {
			s.link(contact, company, t.id, src, at)
		}
	})
}

// freeDomains are those of mail providers.
var freeDomains = []string{"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "gmx.net", "web.de", "qq.com", "163.com"}

// archive removes a record as a delete does: it can still be listed as archived.
func (s *System) archive(rec *record, src source, now time.Time) {
	if rec.archived {
		return
	}
	rec.archived, rec.archivedAt = true, now
	s.emit(event{kind: "deletion", rec: rec, src: src, at: now, flag: "DELETED"})
	for _, other := range s.linked(rec) {
		s.recount(other, now)
	}
	s.reindex(rec, now)
}

// restore brings an archived record back, as a person can within 90 days.
func (s *System) restore(rec *record, src source, now time.Time) {
	if !rec.archived {
		return
	}
	rec.archived, rec.archivedAt = false, time.Time{}
	rec.touch(now, src)
	s.emit(event{kind: "restore", rec: rec, src: src, at: now, flag: "RESTORED"})
	s.reindex(rec, now)
}
