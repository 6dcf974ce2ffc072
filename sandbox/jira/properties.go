package jira

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

func (c *call) listProperties() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	list := []any{}
	for _, key := range slices.Sorted(maps.Keys(i.properties)) {
		list = append(list, object{"key": key, "self": c.view.rest("issue/%d/properties/%s", i.id, key)})
	}
	return ok(object{"keys": list}), nil
}

func (c *call) getProperty() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	val, has := i.properties[c.pathValue("key")]
	if !has {
		return reply{}, fail(http.StatusNotFound, "The property with key '%s' does not exist.", c.pathValue("key"))
	}
	return ok(object{"key": c.pathValue("key"), "value": val}), nil
}

// putProperty sets a property: 201 if it is new, 200 if it was there. It leaves
// the issue's updated time alone.
func (c *call) putProperty() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	key := c.pathValue("key")
	if !c.sys.may(c.user, i.project, editIssues) {
		return reply{}, fail(http.StatusForbidden, "You do not have permission to edit issues in this project.")
	}
	if err := checkProperty(key, c.body); err != nil {
		return reply{}, err
	}
	_, had := i.properties[key]
	next := i.clone()
	if next.properties == nil {
		next.properties = map[string]json.RawMessage{}
	}
	next.properties[key] = slices.Clone(c.body)
	c.sys.put(next, write{actor: c.user, silent: true})
	c.sys.announceProperty(eventPropertySet, i, key, c.user)
	if had {
		return reply{status: http.StatusOK}, nil
	}
	return reply{status: http.StatusCreated}, nil
}

func (c *call) deleteProperty() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	key := c.pathValue("key")
	if _, has := i.properties[key]; !has {
		return reply{}, fail(http.StatusNotFound, "The property with key '%s' does not exist.", key)
	}
	if !c.sys.may(c.user, i.project, editIssues) {
		return reply{}, fail(http.StatusForbidden, "You do not have permission to edit issues in this project.")
	}
	next := i.clone()
	delete(next.properties, key)
	c.sys.put(next, write{actor: c.user, silent: true})
	c.sys.announceProperty(eventPropertyDeleted, i, key, c.user)
	return noContent, nil
}

// commentProperty serves the properties of a comment: PUT, GET and DELETE of
// one, GET of the list.
func (c *call) commentProperties() (reply, error) {
	_, each, err := c.anyComment()
	if err != nil {
		return reply{}, err
	}
	list := []any{}
	for _, key := range slices.Sorted(maps.Keys(each.properties)) {
		list = append(list, object{"key": key, "self": c.view.rest("comment/%d/properties/%s", each.id, key)})
	}
	return ok(object{"keys": list}), nil
}

func (c *call) anyComment() (*issue, *comment, error) {
	for _, i := range c.sys.issues {
		for _, each := range i.comments {
			if idOf(each.id) == c.pathValue("comment") && c.sys.may(c.user, i.project, browseProjects) {
				return i, each, nil
			}
		}
	}
	return nil, nil, fail(http.StatusNotFound, "Can not find a comment for the id: %s.", c.pathValue("comment"))
}

func (c *call) getCommentProperty() (reply, error) {
	_, each, err := c.anyComment()
	if err != nil {
		return reply{}, err
	}
	val, has := each.properties[c.pathValue("key")]
	if !has {
		return reply{}, fail(http.StatusNotFound, "The property with key '%s' does not exist.", c.pathValue("key"))
	}
	return ok(object{"key": c.pathValue("key"), "value": val}), nil
}

func (c *call) putCommentProperty() (reply, error) {
	i, each, err := c.anyComment()
	if err != nil {
		return reply{}, err
	}
	key := c.pathValue("key")
	if err := checkProperty(key, c.body); err != nil {
		return reply{}, err
	}
	_, had := each.properties[key]
	edited := *each
	edited.properties = maps.Clone(each.properties)
	edited.properties[key] = slices.Clone(c.body)
	next := i.clone()
	next.comments[slices.Index(next.comments, each)] = &edited
	c.sys.put(next, write{actor: c.user, silent: true})
	if had {
		return reply{status: http.StatusOK}, nil
	}
	return reply{status: http.StatusCreated}, nil
}
