package jira

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// task is a bulk operation that runs in the background: it is done a moment
// after it was asked for.
type task struct {
	id        string
	owner     *user
	created   time.Time
	processed []int64
	failed    map[string][]string
	invalid   int
	total     int
}

const (
	maxBulkOperation = 1000
	taskRuns         = time.Second
	taskLife         = 14 * 24 * time.Hour
)

func bulkError(status int, message string) *apiError {
	return &apiError{status: status, raw: object{"errors": []any{object{"message": message}}}}
}

// startTask runs act on every issue that the caller can see.
func (c *call) startTask(idsOrKeys []string, act func(*issue) error) (reply, error) {
	switch {
	case len(idsOrKeys) == 0 || len(idsOrKeys) > maxBulkOperation:
		return reply{}, bulkError(http.StatusBadRequest, "The number of issues must be between 1 and 1000.")
	case !c.sys.mayGlobally(c.user, bulkChange):
		return reply{}, bulkError(http.StatusForbidden, "You do not have the global Bulk Change permission.")
	}
	t := &task{id: idOf(c.sys.nextID("task", 10000)), owner: c.user, created: c.sys.now(), failed: map[string][]string{}, total: len(idsOrKeys)}
	for _, idOrKey := range idsOrKeys {
		i, err := c.visible(idOrKey)
		if err != nil {
			t.invalid++
			continue
		}
		if err := act(i); err != nil {
			t.failed[i.idText()] = []string{reason(err)}
			continue
		}
		t.processed = append(t.processed, i.id)
	}
	c.sys.tasks[t.id] = t
	return created(object{"taskId": t.id}), nil
}

func reason(err error) string {
	e, isAPI := errors.AsType[*apiError](err)
	if !isAPI {
		return err.Error()
	}
	parts := slices.Clone(e.messages)
	for _, text := range e.errors {
		parts = append(parts, text)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func (c *call) bulkDelete() (reply, error) {
	var body struct {
		Selected []string `json:"selectedIssueIdsOrKeys"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	return c.startTask(body.Selected, func(i *issue) error {
		if !c.sys.may(c.user, i.project, deleteIssues) {
			return fail(http.StatusForbidden, "You do not have permission to delete issues in this project.")
		}
		c.sys.remove(i, c.user)
		return nil
	})
}

func (c *call) bulkTransition() (reply, error) {
	var body struct {
		Inputs []struct {
			Selected     []string        `json:"selectedIssueIdsOrKeys"`
			TransitionID json.RawMessage `json:"transitionId"`
		} `json:"bulkTransitionInputs"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	var all []string
	by := map[string]json.RawMessage{}
	for _, in := range body.Inputs {
		for _, idOrKey := range in.Selected {
			all = append(all, idOrKey)
			if i := c.sys.lookup(idOrKey); i != nil {
				by[i.idText()] = in.TransitionID
			}
		}
	}
	return c.startTask(all, func(i *issue) error {
		var u issueUpdate
		raw, err := json.Marshal(object{"transition": object{"id": by[i.idText()]}})
		if err == nil {
			err = json.Unmarshal(raw, &u)
		}
		if err != nil {
			return err
		}
		return c.sys.transitionIssue(c.user, c.api, i, u)
	})
}

// taskProgress answers GET /bulk/queue/{task}.
func (c *call) taskProgress() (reply, error) {
	t := c.sys.tasks[c.pathValue("task")]
	now := c.sys.now()
	if t == nil || t.owner != c.user || now.Sub(t.created) > taskLife {
		return reply{}, bulkError(http.StatusBadRequest, "The task does not exist or has expired.")
	}
	out := object{
		"taskId": t.id, "status": "RUNNING", "progressPercent": 0, "submittedBy": c.view.user(t.owner), "created": t.created.UnixMilli(),
		"started": t.created.UnixMilli(), "updated": now.UnixMilli(), "totalIssueCount": t.total, "invalidOrInaccessibleIssueCount": t.invalid,
	}
	if now.Sub(t.created) >= taskRuns {
		out["status"], out["progressPercent"] = "COMPLETE", 100
		out["processedAccessibleIssues"], out["failedAccessibleIssues"] = append([]int64{}, t.processed...), t.failed
	}
	return ok(out), nil
}
