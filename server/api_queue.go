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
				mappingParam, {name: "status", summary: "Only entries that stand so.", words: []string{"ready", "waiting", "failed"}}, limitParam,
			},
			answer: List[engine.QueueRow]{}, fn: a.queue, also: []int{http.StatusNotFound},
		},
		{
			pattern: "POST /api/v1/queue/retry", scope: ScopeOperate, group: groupAct,
			summary: "Work what failed, or waits, again at once.",
			body:    RetryOrder{Status: "failed"}, answer: Retried{}, fn: a.retry, also: []int{http.StatusNotFound},
		},
	}
}

func (a api) queue(c *call) (any, error) {
	f := engine.QueueFilter{Mapping: c.text("mapping"), Status: c.text("status"), Limit: c.limit()}
	rows, err := a.Engine.Queue(c.Context(), f)
	return list(rows, f.Limit, nil), err
}

// RetryOrder is the body that asks for failed entries to be worked again.
type RetryOrder struct {
	Mapping string `json:"mapping,omitempty"`
	Status  string `json:"status,omitempty"` // "failed" or "waiting"; neither: both, and fields set aside too
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
	n, err := a.Engine.Retry(c.Context(), engine.QueueFilter{Mapping: order.Mapping, Status: order.Status})
	return Retried{Entries: n}, err
}
