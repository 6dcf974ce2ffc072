package server

import (
	"context"
	"io"
	"net/http"

	"github.com/tenonsync/tenon/engine"
)

// Rules are the mapping files as they are now, which may be newer than the
// rules that the service runs.
type Rules interface {
	// Draft returns what plans by the files as they are now, beside the running
	// rules. A file with errors is Invalid, and the error's text shows each of
	// them with its place.
	Draft(ctx context.Context) (Planner, error)

	// Reload lets the service go on with the files as they are now, as soon as
	// the work under way has ended. Files with errors are Invalid, as for Draft:
	// then the service goes on with the rules that it has. by names who asked.
	Reload(ctx context.Context, by string) (*Reloaded, error)
}

// Planner tells what a sync would do.
type Planner interface {
	WritePlan(ctx context.Context, mappings []string, file io.Writer, o engine.PlanOptions) ([]*engine.Plan, error)
}

// Reloaded tells how the rules that the service goes on with differ from those
// before, by the mappings' names.
type Reloaded struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
}

func (a api) reloadRoutes() []route {
	return []route{{
		pattern: "POST /api/v1/reload", scope: ScopeConfigure, group: groupAct,
		summary: "Let the service go on with the mapping files as they are now.",
		detail:  "All files are checked first, against the systems too: with an error in one of them nothing changes, and the answer shows it. The service then starts anew by itself and looks at every record of a changed mapping.",
		answer:  Reloaded{}, fn: a.reload, also: []int{http.StatusConflict},
	}}
}

func (a api) reload(c *call) (any, error) {
	if a.Rules == nil {
		return nil, invalid("this service has no mapping files")
	}
	return a.Rules.Reload(c.Context(), c.by())
}
