package jira

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
)

// getIssue answers by id, key or a key the issue once had.
func (c *call) getIssue() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	return ok(c.view.issue(i, c.selection("*all"))), nil
}

func (c *call) createOne() (reply, error) {
	var u issueUpdate
	if err := c.decode(&u); err != nil {
		return reply{}, err
	}
	i, err := c.sys.createIssue(c.user, c.api, u)
	if err != nil {
		return reply{}, err
	}
	return created(c.createdIssue(i, u)), nil
}

// createdIssue describes a new issue, after the transition that was asked for
// with it; that one's failure does not undo the creation.
func (c *call) createdIssue(i *issue, u issueUpdate) object {
	out := object{"id": i.idText(), "key": i.key, "self": c.view.rest("issue/%d", i.id)}
	if u.Transition == nil {
		return out
	}
	status, body := http.StatusOK, (&apiError{}).body()
	if err := c.sys.transitionIssue(c.user, c.api, i, issueUpdate{Transition: u.Transition}); err != nil {
		status = http.StatusBadRequest
		if e, isAPI := errors.AsType[*apiError](err); isAPI {
			body = e.body()
		}
	}
	out["transition"] = object{"status": status, "errorCollection": body}
	return out
}

const maxBulk = 50

// createBulk creates up to 50 issues. It fails only if all of them do.
func (c *call) createBulk() (reply, error) {
	var body struct {
		IssueUpdates []issueUpdate `json:"issueUpdates"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if len(body.IssueUpdates) == 0 {
		return reply{}, fail(http.StatusBadRequest, "The list of issues to create is empty.")
	}
	if len(body.IssueUpdates) > maxBulk {
		return reply{}, fail(http.StatusBadRequest, "The number of issues to create exceeds the limit of %d.", maxBulk)
	}
	issues, failures := []any{}, []any{}
	for n, u := range body.IssueUpdates {
		i, err := c.sys.createIssue(c.user, c.api, u)
		if err != nil {
			failures = append(failures, bulkFailure(n, err))
			continue
		}
		issues = append(issues, c.createdIssue(i, u))
	}
	out := object{"issues": issues, "errors": failures}
	if len(issues) == 0 {
		return reply{}, &apiError{status: http.StatusBadRequest, raw: out}
	}
	return created(out), nil
}

func bulkFailure(n int, err error) object {
	e, isAPI := errors.AsType[*apiError](err)
	if !isAPI {
		e = fail(http.StatusBadRequest, "%s", err.Error())
	}
	return object{"status": e.status, "failedElementNumber": n, "elementErrors": e.body()}
}

// editOne answers PUT /issue/{issue}. A transition in the body is ignored.
func (c *call) editOne() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	var u issueUpdate
	if err := c.decode(&u); err != nil {
		return reply{}, err
	}
	for _, flag := range []string{"overrideScreenSecurity", "overrideEditableFlag"} {
		if c.query.Get(flag) == "true" {
			return reply{}, fail(http.StatusForbidden, "Only Connect and Forge app users with the Administer Jira global permission can use %s.", flag)
		}
	}
	if c.query.Get("notifyUsers") == "false" && !c.sys.mayGlobally(c.user, administer) {
		return reply{}, fail(http.StatusForbidden, "To discard the user notification either admin or project admin permissions are required.")
	}
	if err := c.sys.editIssue(c.user, c.api, i, u); err != nil {
		return reply{}, err
	}
	if c.query.Get("returnIssue") == "true" {
		return ok(c.view.issue(c.sys.issues[i.id], c.selection("*all"))), nil
	}
	return noContent, nil
}

func (c *call) deleteOne() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if !c.sys.may(c.user, i.project, deleteIssues) {
		return reply{}, fail(http.StatusForbidden, "You do not have permission to delete issues in this project.")
	}
	hasSubtasks := slices.ContainsFunc(c.sys.children(i), func(child *issue) bool { return child.issueType.subtask })
	if hasSubtasks && c.query.Get("deleteSubtasks") != "true" {
		return reply{}, fail(http.StatusBadRequest, "The issue '%s' has subtasks.  You must specify the 'deleteSubtasks' parameter to delete this issue and all its subtasks.", i.key)
	}
	c.sys.remove(i, c.user)
	return noContent, nil
}

// assign answers PUT /issue/{issue}/assignee. "-1" is the project's default,
// which is nobody here.
func (c *call) assign() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	var ref struct {
		AccountID *string `json:"accountId"`
		Name      *string `json:"name"`
	}
	if err := c.decode(&ref); err != nil {
		return reply{}, err
	}
	if !c.sys.may(c.user, i.project, assignIssues) {
		return reply{}, fail(http.StatusForbidden, "You do not have permission to assign issues.")
	}
	raw := json.RawMessage("null")
	given := ref.AccountID
	if !c.sys.cloud() {
		given = ref.Name
	}
	if given != nil && *given != "-1" {
		raw = c.body
	}
	if err := c.sys.editIssue(c.user, c.api, i, issueUpdate{Fields: map[string]json.RawMessage{"assignee": raw}}); err != nil {
		return reply{}, err
	}
	return noContent, nil
}

const maxBulkFetch = 100

// bulkFetch reads up to 100 issues from the store. Those that are not there or
// not visible are missing from the answer.
func (c *call) bulkFetch() (reply, error) {
	var body struct {
		IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
		Fields         []string `json:"fields"`
		Expand         []string `json:"expand"`
		Properties     []string `json:"properties"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	switch {
	case len(body.IssueIDsOrKeys) == 0:
		return reply{}, fail(http.StatusBadRequest, "issueIdsOrKeys must not be empty.")
	case len(body.IssueIDsOrKeys) > maxBulkFetch:
		return reply{}, fail(http.StatusBadRequest, "The number of issues to fetch exceeds the limit of %d.", maxBulkFetch)
	case len(body.Properties) > maxProperties:
		return reply{}, errTooManyProperties
	}
	var found []*issue
	for _, idOrKey := range body.IssueIDsOrKeys {
		if i, err := c.visible(idOrKey); err == nil && !slices.Contains(found, i) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b *issue) int { return int(a.id - b.id) })
	sel := selection{fields: parseFieldSet(body.Fields, "*navigable"), expand: body.Expand, properties: body.Properties}
	list := []any{}
	for _, i := range found {
		list = append(list, c.view.issue(i, sel))
	}
	return ok(object{"issues": list, "issueErrors": []any{}}), nil
}

const maxArchive = 1000

// archive answers Cloud's PUT /issue/archive and /issue/unarchive.
func (c *call) archive(archived bool) (reply, error) {
	var body struct {
		IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	switch {
	case !c.sys.mayGlobally(c.user, administer):
		return reply{}, fail(http.StatusForbidden, "Only admins can archive or unarchive issues. Access denied.")
	case len(body.IssueIDsOrKeys) > maxArchive:
		return reply{}, fail(http.StatusPreconditionFailed, "The number of issues to archive or unarchive exceeds the hard limit of 1000. Precondition failed.")
	}
	updated := 0
	var missing, subtasks []string
	for _, idOrKey := range body.IssueIDsOrKeys {
		i, err := c.visible(idOrKey)
		switch {
		case err != nil:
			missing = append(missing, idOrKey)
		case i.issueType.subtask:
			subtasks = append(subtasks, idOrKey)
		default:
			updated += c.sys.setArchived(i, c.user, archived)
		}
	}
	if updated == 0 {
		return reply{}, fail(http.StatusBadRequest, "No valid issue to archive or unarchive. Bad request.")
	}
	errs := object{}
	if len(missing) > 0 {
		errs["issuesNotFound"] = object{"count": len(missing), "issueIdsOrKeys": missing, "message": "Issue not found."}
	}
	if len(subtasks) > 0 {
		errs["issueIsSubtask"] = object{"count": len(subtasks), "issueIdsOrKeys": subtasks, "message": "Issue is subtask."}
	}
	return ok(object{"errors": errs, "numberOfIssuesUpdated": updated}), nil
}

// archiveOne answers Data Center's PUT /issue/{issue}/archive and /restore.
func (c *call) archiveOne(archived bool) (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	c.sys.setArchived(i, c.user, archived)
	return noContent, nil
}

// setArchived archives an issue with its sub-tasks, or brings them back, and
// counts them. Archived issues are not in the search index.
func (s *System) setArchived(i *issue, actor *user, archived bool) int {
	n := 0
	for _, each := range append(s.children(i), i) {
		if each.archived == archived || each != i && !each.issueType.subtask {
			continue
		}
		next := each.clone()
		next.archived = archived
		s.put(next, write{actor: actor, silent: true})
		n++
	}
	return n
}
