package hubspot

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a search.
const (
	maxGroups      = 5
	maxGroupFilter = 6
	maxFilters     = 18
	maxSearchBody  = 3_000 // characters
	maxSearchPage  = 200
	maxSearchHits  = 10_000
)

type searchRequest struct {
	Query  string `json:"query"`
	Groups []struct {
		Filters []filter `json:"filters"`
	} `json:"filterGroups"`
	Filters    []filter          `json:"filters"` // short for one group
	Sorts      []json.RawMessage `json:"sorts"`
	Properties []string          `json:"properties"`
	Limit      *flexID           `json:"limit"`
	After      *flexID           `json:"after"`
}

type filter struct {
	Property  string   `json:"propertyName"`
	Operator  string   `json:"operator"`
	Value     flexID   `json:"value"`
	HighValue flexID   `json:"highValue"`
	Values    []flexID `json:"values"`
}

func searchRecords(c *call) (int, any, *apiError) {
	ot, err := c.objectType("type")
	if err != nil {
		return 0, nil, err
	}
	if err := c.mayRead(ot); err != nil {
		return 0, nil, err
	}
	var req searchRequest
	if err := c.decode(&req); err != nil {
		return 0, nil, err
	}
	if len([]rune(string(c.body))) > maxSearchBody {
		return 0, nil, invalid("The request body is longer than %d characters", maxSearchBody)
	}
	limit, after, err := req.page()
	if err != nil {
		return 0, nil, err
	}
	groups, err := c.filterGroups(ot, req)
	if err != nil {
		return 0, nil, err
	}
	hits := []*indexed{}
	for _, hit := range ot.index {
		if !hit.rec.archived && ot.records[hit.rec.id] == hit.rec && hit.matches(groups) && hit.contains(ot, req.Query) {
			hits = append(hits, hit)
		}
	}
	if err := c.order(ot, req.Sorts, hits); err != nil {
		return 0, nil, err
	}
	results := []*wireRecord{}
	for _, hit := range hits[min(after, len(hits)):min(after+limit, len(hits))] {
		results = append(results, c.s.render(hit.rec, req.Properties, nil))
	}
	out := map[string]any{"total": len(hits), "results": results}
	if after+limit < len(hits) {
		out["paging"] = wirePaging{Next: wireNext{After: strconv.Itoa(after + limit)}}
	}
	return http.StatusOK, out, nil
}

func (req searchRequest) page() (limit, after int, err *apiError) {
	number := func(f *flexID, unset int) (int, bool) {
		if f == nil || *f == "" {
			return unset, true
		}
		n, err := strconv.Atoi(string(*f))
		return n, err == nil
	}
	limit, okLimit := number(req.Limit, 10)
	after, okAfter := number(req.After, 0)
	switch {
	case !okLimit || limit < 0 || limit > maxSearchPage:
		return 0, 0, invalid("The limit must be a number of at most %d", maxSearchPage)
	case !okAfter || after < 0:
		return 0, 0, invalid("The paging offset %q is not valid", *req.After)
	case after+limit > maxSearchHits:
		return 0, 0, invalid("Paging beyond the first %d results is not supported", maxSearchHits)
	}
	return limit, after, nil
}

// searchable are the properties that the free text query looks at.
var searchable = map[string][]string{
	"contacts":  {"firstname", "lastname", "email", "phone", "company"},
	"companies": {"name", "domain", "phone", "website"},
	"deals":     {"dealname", "pipeline", "dealstage", "description", "dealtype"},
	"tickets":   {"subject", "content", "hs_ticket_category", "hs_ticket_id"},
	"notes":     {"hs_note_body"},
	"tasks":     {"hs_task_body", "hs_task_subject"},
	"products":  {"name", "description", "price", "hs_sku"},
	"projects":  {"hs_name"},
}

func (h *indexed) contains(ot *objectType, query string) bool {
	if query == "" {
		return true
	}
	names := searchable[ot.name]
	if ot.schema != nil {
		names = ot.schema.Searchable
	}
	var all []string
	for _, name := range names {
		all = append(all, tokens(h.values[name])...)
	}
	for _, word := range tokens(query) {
		if !slices.ContainsFunc(all, func(have string) bool { return strings.HasPrefix(have, word) }) {
			return false
		}
	}
	return true
}

// order sorts hits by the search's one sort, else oldest first; by id where that
// leaves it open. Records without the value come last.
func (c *call) order(ot *objectType, sorts []json.RawMessage, hits []*indexed) *apiError {
	byID := func(a, b *indexed) int { return int(a.rec.id - b.rec.id) }
	if len(sorts) == 0 {
		slices.SortFunc(hits, func(a, b *indexed) int {
			if n := a.rec.created.Compare(b.rec.created); n != 0 {
				return n
			}
			return byID(a, b)
		})
		return nil
	}
	p, sign, err := c.sort(ot, sorts)
	if err != nil {
		return err
	}
	type key struct {
		hit    *indexed
		number float64
		text   string
		has    bool
	}
	number := comparable(p)
	keyed := make([]key, len(hits))
	for i, hit := range hits {
		text, has := hit.values[p.Name]
		keyed[i] = key{hit: hit, text: strings.ToLower(text), has: has}
		if number != nil {
			keyed[i].number, _ = number(text)
			keyed[i].text = ""
		}
	}
	slices.SortFunc(keyed, func(a, b key) int {
		if a.has != b.has {
			return cmp.Compare(boolInt(b.has), boolInt(a.has))
		}
		if n := cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.text, b.text)); n != 0 {
			return sign * n
		}
		return byID(a.hit, b.hit)
	})
	for i := range keyed {
		hits[i] = keyed[i].hit
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sort reads the one sort: "name", "-name" or an object.
func (c *call) sort(ot *objectType, sorts []json.RawMessage) (p *property, sign int, err *apiError) {
	if len(sorts) > 1 {
		return nil, 0, invalid("Only one sort is supported")
	}
	var sort struct {
		Property  string `json:"propertyName"`
		Direction string `json:"direction"`
	}
	if json.Unmarshal(sorts[0], &sort.Property) != nil && json.Unmarshal(sorts[0], &sort) != nil {
		return nil, 0, invalid("There was a problem with the request.")
	}
	name, down := strings.CutPrefix(sort.Property, "-")
	if p = ot.readable(strings.ToLower(name)); p == nil {
		return nil, 0, invalid("There was a problem with the request.").with("propertyName", name)
	}
	if down || sort.Direction == "DESCENDING" {
		return p, -1, nil
	}
	return p, 1, nil
}
