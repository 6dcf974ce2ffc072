package server

import (
	"net/http"

	"github.com/tenonsync/tenon/engine"
)

func (a api) queueRoutes() []route {
	return []route{
		{
			pattern: "GET /api/v1/queue", scope: ScopeRead, group: groupWatch,
			summary: "What waits to be reconciled, and what failed, with the reasons.",
			params: []param{
				mappingParam,
				{name: "status", summary: "Only entries that stand so.", words: []string{"ready", "waiting", "failed"}},
				{name: "code", summary: "Only entries with this reason code."},
				afterParam(textParam), limitParam,
			},
			answer: List[engine.QueueRow]{}, fn: a.queue, also: []int{http.StatusNotFound},
		},
		{
			pattern: "POST /api/v1/queue/retry", scope: ScopeOperate, group: groupAct,
			summary: "Work what failed, waits or was set aside again at once.",
			detail:  "With `record` only what is queued, or set aside, of that record. With `status` or `code` no fields that were set aside.",
			body:    RetryOrder{Status: "failed"}, answer: Retried{}, fn: a.retry, also: []int{http.StatusNotFound},
		},
		{
			pattern: "POST /api/v1/replay", scope: ScopeOperate, group: groupAct,
			summary: "Work records as if word had come of them.",
			detail: "One `record` (connection/object/id, an id, a key, a web address or link:N), all links of a `mapping`, of which something was heard `since`, or what `failed`. " +
				"Both sides are read whatever their versions; nothing is written where both agree. `dry` only counts.",
			body: engine.ReplayOrder{Record: "crm/deals/1042"}, answer: engine.Replayed{}, fn: a.replay, also: []int{http.StatusNotFound},
		},
	}
}

func (a api) queue(c *call) (any, error) {
	f := engine.QueueFilter{
		Mapping: c.text("mapping"), Status: c.text("status"), Code: c.text("code"), After: c.text("after"), Limit: c.limit(),
	}
	rows, err := a.Engine.Queue(c.Context(), f)
	return list(rows, f.Limit, func(q engine.QueueRow) string { return q.Key }), err
}

// RetryOrder is the body that asks for entries to be worked again; without
// anything all that failed, waits or was set aside.
type RetryOrder struct {
	Mapping string `json:"mapping,omitempty"`
	Status  string `json:"status,omitempty"` // "failed" or "waiting"
	Code    string `json:"code,omitempty"`   // the reason code
	Record  string `json:"record,omitempty"` // connection/object/id, an id, a key, a web address or link:N
}

// Retried tells how many entries are worked again.
type Retried struct {
	Entries int `json:"entries"`
}

func (a api) retry(c *call) (any, error) {
	order, err := bodyOf[RetryOrder](c)
	if err != nil {
		return nil, err
	}
	if s := order.Status; s != "" && s != "failed" && s != "waiting" {
		return nil, invalid("`status`: %q is neither failed nor waiting", s)
	}
	n, err := a.Engine.Retry(c.Context(), engine.QueueFilter{Mapping: order.Mapping, Status: order.Status, Code: order.Code, Record: order.Record})
	return Retried{Entries: n}, err
}

func (a api) replay(c *call) (any, error) {
	order, err := bodyOf[engine.ReplayOrder](c)
	if err != nil {
		return nil, err
	}
	return a.Engine.Replay(c.Context(), order, c.by())
}
