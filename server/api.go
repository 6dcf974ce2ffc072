package server

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/engine"
)

// api is the JSON API, version 1.
type api struct {
	*Config
	auth *auth
	jobs *jobs
}

// mount serves the API and its description; others are the addresses of the
// service outside the API, which the description names as well.
func (a api) mount(mux *http.ServeMux, others ...[]route) error {
	var description []byte
	routes := slices.Concat(a.routes(), slices.Concat(others...), []route{openAPIRoute(&description)})
	if err := a.mountRoutes(mux, routes); err != nil {
		return err
	}
	var err error
	description, err = describe(routes)
	return err
}

// routes is the table of the API. An ability has its rows in a file of its own,
// api_NAME.go, beside the functions that answer.
func (a api) routes() []route {
	return slices.Concat(
		a.statusRoutes(), a.explainRoutes(), a.conflictRoutes(), a.queueRoutes(), a.controlRoutes(), a.undoRoutes(),
		a.planRoutes(), a.linkRoutes(), a.jobRoutes(), a.tokenRoutes(), a.grantRoutes(), a.reloadRoutes(), a.stateRoutes(),
	)
}

// The headings of the description.
const (
	groupWatch   = "Watch"
	groupAct     = "Act"
	groupJobs    = "Jobs"
	groupTokens  = "Tokens"
	groupState   = "State"
	groupConvert = "The button"
	groupHooks   = "Webhooks"
	groupHealth  = "Health"
)

// Done is the answer to an order that was carried out.
type Done struct {
	Status string `json:"status"` // one word of what became of it
}

func (a api) statusRoutes() []route {
	return []route{
		{
			pattern: "GET /api/v1/status", scope: ScopeRead, group: groupWatch,
			summary: "How every connection and mapping stands.", answer: engine.Status{}, fn: a.status,
		},
		{
			pattern: "GET /api/v1/links", scope: ScopeRead, group: groupWatch,
			summary: "Which record belongs to which.", params: []param{mappingParam, afterParam(numberParam), limitParam},
			answer: List[engine.LinkRow]{}, fn: a.links, also: []int{http.StatusNotFound},
		},
		{
			pattern: "GET /api/v1/history", scope: ScopeRead, group: groupWatch,
			summary: "What was decided and written, newest first.",
			params: []param{
				mappingParam,
				{name: "link", kind: numberParam, summary: "Only this link."},
				{name: "record", summary: "Only this record: connection/object/id, or its id."},
				{name: "action", summary: "Only this action, such as `updated`."},
				{name: "run", kind: numberParam, summary: "Only the events of this run."},
				{name: "field", summary: "Only events that tell of this field: of either side, or the rule's name."},
				{name: "since", kind: timeParam, summary: "Only what happened from then on."},
				{name: "before", kind: numberParam, summary: "Only events older than this one: the `next` of the answer before."},
				limitParam,
			},
			answer: List[engine.EventRow]{}, fn: a.history, also: []int{http.StatusNotFound},
		},
	}
}

func (a api) status(c *call) (any, error) { return a.Engine.Status(c.Context()) }

func (a api) links(c *call) (any, error) {
	limit := c.limit()
	rows, err := a.Engine.Links(c.Context(), c.text("mapping"), c.number("after"), limit)
	return list(rows, limit, func(l engine.LinkRow) string { return strconv.FormatUint(l.ID, 10) }), err
}

func (a api) history(c *call) (any, error) {
	f := engine.HistoryFilter{
		Mapping: c.text("mapping"), Link: c.number("link"), Record: c.text("record"), Action: c.text("action"),
		Run: c.number("run"), Field: c.text("field"),
		Since: c.time("since"), Before: c.number("before"), Limit: c.limit(),
	}
	rows, err := a.Engine.History(c.Context(), f)
	return list(rows, f.Limit, func(e engine.EventRow) string { return strconv.FormatUint(e.Seq, 10) }), err
}

func (a api) stateRoutes() []route {
	return []route{{
		pattern: "GET /api/v1/backup", scope: ScopeConfigure, group: groupState,
		summary: "A consistent copy of the state, while the service goes on.",
		detail:  "The copy holds the sealed secrets, not the key that opens them. A copy that breaks off is cut, never short.",
		media:   "application/octet-stream", serve: a.backup,
	}}
}

// backup streams a consistent copy of the state. An error in the middle cuts
// the connection, so that no cut copy passes for a whole one.
func (a api) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		a.Logger.DebugContext(r.Context(), "backup keeps its time-out", "err", err)
	}
	if err := a.auth.tokens.Store.Backup(r.Context(), w); err != nil {
		a.Logger.ErrorContext(r.Context(), "backup failed", "err", err)
		panic(http.ErrAbortHandler)
	}
}
