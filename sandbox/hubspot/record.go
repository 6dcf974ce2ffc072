package hubspot

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is one object. Its values are text; a missing one is empty.
type record struct {
	ot         *objectType
	id         int64
	values     map[string]*value
	created    time.Time
	updated    time.Time
	archived   bool
	archivedAt time.Time
	indexedAt  time.Time                         // when the index will have taken over the latest write
	links      map[string]map[int64]map[int]bool // other type's id → other record → association type ids
}

// value is a property's present text and where it came from.
type value struct {
	text    string
	history []version // newest first
}

type version struct {
	Value           string `json:"value"`
	Timestamp       string `json:"timestamp"`
	SourceType      string `json:"sourceType"`
	SourceID        string `json:"sourceId,omitempty"`
	SourceLabel     string `json:"sourceLabel,omitempty"`
	UpdatedByUserID int    `json:"updatedByUserId,omitempty"`
}

// maxHistory is how many versions of a value are told; contacts have more.
const maxHistory, maxContactHistory = 20, 45

// source says who makes a change.
type source struct {
	kind   string // INTEGRATION, CRM_UI, MERGE_OBJECTS, CALCULATED …
	id     string
	label  string
	userID int
}

var calculated = source{kind: "CALCULATED"}

func (r *record) text(name string) string {
	if v := r.values[name]; v != nil {
		return v.text
	}
	return ""
}

// set stores a value with its history and reports whether it changed.
func (r *record) set(name, text string, now time.Time, src source) bool {
	v := r.values[name]
	if v == nil {
		if text == "" {
			return false
		}
		v = &value{}
		r.values[name] = v
	}
	if v.text == text {
		return false
	}
	r.ot.claim(name, v.text, text, r.id)
	v.text = text
	keep := maxHistory
	if r.ot.name == "contacts" {
		keep = maxContactHistory
	}
	v.history = slices.Insert(v.history, 0, version{
		Value: text, Timestamp: formatTime(now), SourceType: src.kind, SourceID: src.id, SourceLabel: src.label, UpdatedByUserID: src.userID,
	})
	if len(v.history) > keep {
		v.history = v.history[:keep]
	}
	return true
}

// touch moves the time of the last modification, never back.
func (r *record) touch(now time.Time, src source) {
	if now.Before(r.updated) {
		now = r.updated
	}
	r.updated = now
	r.set(r.ot.lastMod, formatTime(now), now, calculated)
	if src.userID != 0 {
		r.set("hs_updated_by_user_id", strconv.Itoa(src.userID), now, calculated)
	}
}

func (r *record) idText() string { return strconv.FormatInt(r.id, 10) }

// wireRecord is a record as the API shows it.
type wireRecord struct {
	ID           string                   `json:"id"`
	Properties   map[string]*string       `json:"properties"`
	History      map[string][]version     `json:"propertiesWithHistory,omitempty"`
	CreatedAt    string                   `json:"createdAt"`
	UpdatedAt    string                   `json:"updatedAt"`
	Archived     bool                     `json:"archived"`
	ArchivedAt   string                   `json:"archivedAt,omitempty"`
	New          *bool                    `json:"new,omitempty"`
	Associations map[string]wireLinkLists `json:"associations,omitempty"`
	TraceID      string                   `json:"objectWriteTraceId,omitempty"`
	URL          string                   `json:"url"`
}

type wireLinkLists struct {
	Results []wireLink  `json:"results"`
	Paging  *wirePaging `json:"paging,omitempty"`
}

type wireLink struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type wirePaging struct {
	Next wireNext `json:"next"`
}

type wireNext struct {
	After string `json:"after"`
	Link  string `json:"link,omitempty"`
}

// render shows the wanted properties, or the type's defaults if there are none.
// Known ones without a value are null, unknown ones are left out.
func (s *System) render(r *record, wanted, history []string) *wireRecord {
	out := s.renderBare(r)
	names := wanted
	if len(names) == 0 {
		names = r.ot.defaults
	} else {
		names = append(slices.Clone(wanted), "hs_object_id", r.ot.created, r.ot.lastMod)
	}
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if r.ot.readable(name) == nil || s.hidden[r.ot.id+"/"+name] {
			continue
		}
		out.Properties[name] = nil
		if text := r.text(name); text != "" {
			out.Properties[name] = &text
		}
	}
	for _, name := range history {
		name = strings.ToLower(strings.TrimSpace(name))
		if r.ot.readable(name) == nil || s.hidden[r.ot.id+"/"+name] {
			continue
		}
		if out.History == nil {
			out.History = map[string][]version{}
		}
		out.History[name] = []version{}
		if v := r.values[name]; v != nil {
			out.History[name] = slices.Clone(v.history)
		}
		if text := r.text(name); text != "" {
			out.Properties[name] = &text
		}
	}
	return out
}

// renderWrite shows what the answer to a write shows: everything that has a
// value after a create; after an update the defaults, what was sent and what
// was computed from it.
func (s *System) renderWrite(r *record, sent []string, isNew bool) *wireRecord {
	out := s.renderBare(r)
	names := append(slices.Clone(sent), r.ot.defaults...)
	names = append(names, "hs_object_id", "hs_object_source", "hs_object_source_id", "hs_object_source_label", r.ot.created, r.ot.lastMod)
	if isNew {
		names = slices.Collect(maps.Keys(r.values))
	} else {
		for name, v := range r.values {
			if len(v.history) > 0 && v.history[0].Timestamp == formatTime(r.updated) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		if text := r.text(name); text != "" && !s.hidden[r.ot.id+"/"+name] {
			out.Properties[name] = &text
		}
	}
	return out
}

func (s *System) renderBare(r *record) *wireRecord {
	out := &wireRecord{
		ID: r.idText(), Properties: map[string]*string{}, CreatedAt: formatTime(r.created), UpdatedAt: formatTime(r.updated),
		Archived: r.archived, URL: s.recordURL(r),
	}
	if r.archived {
		out.ArchivedAt = formatTime(r.archivedAt)
	}
	return out
}

func (s *System) recordURL(r *record) string {
	base := s.uiBase
	if base == "" {
		base = "https://" + s.uiDomain
	}
	portal := strconv.Itoa(s.portalID)
	switch r.ot.name {
	case "tasks":
		return base + "/tasks/" + portal + "/view/all/task/" + r.idText()
	case "notes", "meetings", "calls", "emails", "communications":
		return base + "/contacts/" + portal + "/objects/" + r.ot.id + "/views/all/list?filters=%5B%7B%22property%22%3A%22hs_object_id%22%2C%22operator%22%3A%22EQ%22%2C%22value%22%3A%22" + r.idText() + "%22%7D%5D"
	}
	return base + "/contacts/" + portal + "/record/" + r.ot.id + "/" + r.idText()
}

// flexID is an id that arrives as text or as a number.
type flexID string

func (f *flexID) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err == nil {
		*f = flexID(n.String())
		return nil
	}
	return json.Unmarshal(b, (*string)(f))
}
