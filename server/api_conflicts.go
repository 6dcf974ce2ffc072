package server

import (
	"net/http"
	"strconv"

	"github.com/tenonsync/tenon/engine"
)

func (a api) conflictRoutes() []route {
	named := []param{
		{name: "link", kind: numberParam, summary: "The link's number."},
		{name: "rule", kind: numberParam, summary: "The rule's number; 0: the record as a whole."},
	}
	const path = "/api/v1/conflicts/{link}/{rule}"
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
			pattern: "GET " + path, scope: ScopeRead, group: groupWatch,
			summary: "One conflict with both values, read from the systems now.",
			params:  named, answer: engine.ConflictView{}, fn: a.showConflict, also: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			pattern: "POST " + path, scope: ScopeOperate, group: groupAct,
			summary: "Decide one conflict.",
			detail: "The value of the side `choice` stands, or `value` on both sides. With `seen`, as `GET` of the same address told it, " +
				"409 tells that a value has changed since. Rule 0 is the record as a whole, deleted on one side: that side's name carries the deletion out, the other one keeps the record.",
			params: named, body: Choice{Choice: "deal"}, answer: Done{}, fn: a.resolve, also: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			pattern: "POST /api/v1/conflicts/resolve", scope: ScopeOperate, group: groupAct,
			summary: "Decide many conflicts, all of them or none.",
			detail: "Those of `conflicts`, or those of a `mapping`, a `field` or both. `dry` decides nothing and tells what it would be. " +
				"Records deleted on one side are decided by name only.",
			body: engine.ResolveOrder{Mapping: "won-deal-to-epic", Field: "amount", Side: "deal", Dry: true}, answer: engine.Resolved{}, fn: a.resolveMany,
			also: []int{http.StatusNotFound, http.StatusConflict},
		},
	}
}

func (a api) conflicts(c *call) (any, error) {
	limit := c.limit()
	rows, err := a.Engine.Asides(c.Context(), c.text("mapping"), !c.flag("all"), c.number("after"), limit)
	return list(rows, limit, func(l engine.AsideRow) string { return strconv.FormatUint(l.Link, 10) }), err
}

// Choice is the body that decides one conflict: the name of the side whose value
// is to stand, or another value for both sides, as a person types it.
type Choice struct {
	Choice string  `json:"choice,omitempty"`
	Value  *string `json:"value,omitempty"`
	Seen   string  `json:"seen,omitempty"` // of the answer that showed the conflict
}

// conflictOf returns the conflict that the address names.
func conflictOf(c *call) (engine.ConflictID, error) {
	rule := c.number("rule")
	if rule>>32 != 0 {
		return engine.ConflictID{}, invalid("%d is not a rule's number", rule)
	}
	return engine.ConflictID{Link: c.number("link"), Rule: uint32(rule)}, nil
}

func (a api) showConflict(c *call) (any, error) {
	id, err := conflictOf(c)
	if err != nil {
		return nil, err
	}
	return a.Engine.ShowConflict(c.Context(), id.Link, id.Rule)
}

func (a api) resolve(c *call) (any, error) {
	id, err := conflictOf(c)
	if err != nil {
		return nil, err
	}
	order, err := bodyOf[Choice](c)
	if err != nil {
		return nil, err
	}
	if order.Choice == "" && order.Value == nil {
		return nil, invalid("`choice` is missing: the name of the side whose value is to stand")
	}
	_, err = a.Engine.ResolveMany(c.Context(), engine.ResolveOrder{
		Conflicts: []engine.ConflictID{id}, Side: order.Choice, Value: order.Value, Seen: order.Seen,
	}, c.by())
	return Done{"taken"}, err
}

func (a api) resolveMany(c *call) (any, error) {
	order, err := bodyOf[engine.ResolveOrder](c)
	if err != nil {
		return nil, err
	}
	return a.Engine.ResolveMany(c.Context(), order, c.by())
}
