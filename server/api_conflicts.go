package server

import (
	"net/http"
	"strconv"

	"github.com/tenonsync/tenon/engine"
)

func (a api) conflictRoutes() []route {
	return []route{
		{
			pattern: "GET /api/v1/conflicts", scope: ScopeRead, group: groupWatch,
			summary: "Fields, and deletions, that wait for a person.",
			params: []param{
				mappingParam,
				{name: "all", kind: flagParam, summary: "`true`: also fields that are set aside for another reason."},
				afterParam(numberParam), limitParam,
			},
			answer: List[engine.AsideRow]{}, fn: a.conflicts, also: []int{http.StatusNotFound},
		},
		{
			pattern: "POST /api/v1/conflicts/{link}/{rule}", scope: ScopeOperate, group: groupAct,
			summary: "Let the value of one side stand.",
			detail:  "Rule 0 is the record as a whole, deleted on one side: that side's name carries the deletion out, the other one keeps the record.",
			params: []param{
				{name: "link", kind: numberParam, summary: "The link's number."},
				{name: "rule", kind: numberParam, summary: "The rule's number."},
			},
			body: Choice{Choice: "deal"}, answer: Done{}, fn: a.resolve, also: []int{http.StatusNotFound},
		},
	}
}

func (a api) conflicts(c *call) (any, error) {
	limit := c.limit()
	rows, err := a.Engine.Asides(c.Context(), c.text("mapping"), !c.flag("all"), c.number("after"), limit)
	return list(rows, limit, func(l engine.AsideRow) string { return strconv.FormatUint(l.Link, 10) }), err
}

// Choice is the body that resolves a conflict: the name of the side whose value
// is to stand.
type Choice struct {
	Choice string `json:"choice"`
}

func (a api) resolve(c *call) (any, error) {
	rule := c.number("rule")
	if rule>>32 != 0 {
		return nil, invalid("%d is not a rule's number", rule)
	}
	order, err := bodyOf[Choice](c)
	if err != nil {
		return nil, err
	}
	if order.Choice == "" {
		return nil, invalid("`choice` is missing: the name of the side whose value is to stand")
	}
	return Done{"taken"}, a.Engine.Resolve(c.Context(), c.number("link"), uint32(rule), order.Choice, c.by())
}
