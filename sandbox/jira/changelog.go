package jira

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
)

// getChangelog gives an issue's changes, oldest first.
func (c *call) getChangelog() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	out, err := page(c, i.history, 100, 100, func(e *change) any { return c.view.change(e) })
	return ok(out), err
}

// changelogList answers POST /issue/{issue}/changelog/list.
func (c *call) changelogList() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	var body struct {
		ChangelogIDs []int64 `json:"changelogIds"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	list := []any{}
	for _, e := range i.history {
		if slices.Contains(body.ChangelogIDs, e.id) {
			list = append(list, c.view.change(e))
		}
	}
	return ok(object{"startAt": 0, "maxResults": len(list), "total": len(list), "histories": list}), nil
}

// bulkChangelogs answers POST /changelog/bulkfetch. Its created is a number.
func (c *call) bulkChangelogs() (reply, error) {
	var body struct {
		IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
		FieldIDs       []string `json:"fieldIds"`
		MaxResults     *int     `json:"maxResults"`
		NextPageToken  string   `json:"nextPageToken"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	limit := 1000
	if body.MaxResults != nil {
		limit = *body.MaxResults
	}
	switch {
	case len(body.IssueIDsOrKeys) == 0 || len(body.IssueIDsOrKeys) > 1000:
		return reply{}, fail(http.StatusBadRequest, "The number of issue IDs or keys must be between 1 and 1000.")
	case len(body.FieldIDs) > 10:
		return reply{}, fail(http.StatusBadRequest, "The number of field IDs must not exceed 10.")
	case limit < 1 || limit > 10_000:
		return reply{}, fail(http.StatusBadRequest, "maxResults must be between 1 and 10000.")
	}
	start := 0
	if body.NextPageToken != "" {
		raw, err := base64.RawURLEncoding.DecodeString(body.NextPageToken)
		if err == nil {
			start, err = strconv.Atoi(string(raw))
		}
		if err != nil || start < 0 {
			return reply{}, errPageToken
		}
	}
	type entry struct {
		issue  *issue
		change *change
		items  []changeItem
	}
	var all []entry
	for _, idOrKey := range body.IssueIDsOrKeys {
		i, err := c.visible(idOrKey)
		if err != nil {
			continue
		}
		for _, e := range i.history {
			items := e.items
			if len(body.FieldIDs) > 0 {
				items = slices.DeleteFunc(slices.Clone(items), func(it changeItem) bool { return !slices.Contains(body.FieldIDs, it.fieldID) })
			}
			if len(items) > 0 {
				all = append(all, entry{i, e, items})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return int(a.issue.id - b.issue.id) })
	logs := []any{}
	var current object
	for _, e := range window(all, start, limit) {
		if current == nil || current["issueId"] != e.issue.idText() {
			current = object{"issueId": e.issue.idText(), "changeHistories": []any{}}
			logs = append(logs, current)
		}
		list, _ := current["changeHistories"].([]any)
		current["changeHistories"] = append(list, object{
			"id": strconv.FormatInt(e.change.id, 10), "author": c.view.user(e.change.author), "created": e.change.created.UnixMilli(), "items": c.view.items(e.items),
		})
	}
	out := object{"issueChangeLogs": logs}
	if start+limit < len(all) {
		out["nextPageToken"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(start + limit)))
	}
	return ok(out), nil
}
