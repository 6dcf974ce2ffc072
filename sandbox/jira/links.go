package jira

import (
	"encoding/json"
	"net/http"
	"slices"
	"unicode/utf8"
)

const maxLinks = 2000

// addLink links two issues; an existing link is left as it is.
func (s *System) addLink(actor *user, l *issueLink) {
	if slices.ContainsFunc(s.links, func(o *issueLink) bool {
		return o.linkType == l.linkType && o.inward == l.inward && o.outward == l.outward
	}) {
		return
	}
	l.id = s.nextID("issuelink", 10000)
	s.links = append(s.links, l)
	s.touchLinked(actor, l, true)
	s.announceLink(eventLinkCreated, l, flowPrimary)
}

// touchLinked notes a link in the changelogs of both issues.
func (s *System) touchLinked(actor *user, l *issueLink, added bool) {
	pairs := [][2]int64{{l.inward, l.outward}, {l.outward, l.inward}}
	for n, pair := range pairs {
		from, to := s.issues[pair[0]], s.issues[pair[1]]
		if from == nil || to == nil {
			continue
		}
		word := l.linkType.outward
		if n == 1 {
			word = l.linkType.inward
		}
		text := "This issue " + word + " " + to.key
		it := changeItem{field: "Link", fieldID: "issuelinks"}
		if added {
			it.to, it.toString = &to.key, &text
		} else {
			it.from, it.fromString = &to.key, &text
		}
		s.put(from.clone(), write{actor: actor, event: eventIssueUpdated, name: "issue_updated", items: []changeItem{it}})
	}
}

func (c *call) postLink() (reply, error) {
	var body struct {
		Type         typeRef     `json:"type"`
		InwardIssue  issueRef    `json:"inwardIssue"`
		OutwardIssue issueRef    `json:"outwardIssue"`
		Comment      commentBody `json:"comment"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	t := body.Type.find()
	if t == nil {
		return reply{}, fail(http.StatusNotFound, "No issue link type with name '%s' found.", body.Type.Name)
	}
	inward, err := c.visible(body.InwardIssue.id())
	if err != nil {
		return reply{}, err
	}
	outward, err := c.visible(body.OutwardIssue.id())
	if err != nil {
		return reply{}, err
	}
	if !c.sys.may(c.user, inward.project, linkIssues) {
		return reply{}, fail(http.StatusUnauthorized, "No Link Issue Permission for issue '%s'", inward.key)
	}
	if inward == outward {
		return reply{}, fail(http.StatusBadRequest, "You cannot link an issue to itself.")
	}
	if !isNull(body.Comment.Body) {
		added, err := c.sys.newComment(c.api, c.user, body.Comment)
		if err != nil {
			return reply{}, err
		}
		c.sys.addComment(inward, c.user, added)
	}
	c.sys.addLink(c.user, &issueLink{linkType: t, inward: inward.id, outward: outward.id})
	return reply{status: http.StatusCreated}, nil
}

func (c *call) pathLink() (*issueLink, error) {
	l, found := find(c.sys.links, func(l *issueLink) bool { return idOf(l.id) == c.pathValue("id") })
	if !found || c.sys.issues[l.inward] == nil || !c.sys.may(c.user, c.sys.issues[l.inward].project, browseProjects) {
		return nil, fail(http.StatusNotFound, "No issue link with id '%s' exists.", c.pathValue("id"))
	}
	return l, nil
}

func (c *call) getLink() (reply, error) {
	l, err := c.pathLink()
	if err != nil {
		return reply{}, err
	}
	return ok(object{
		"id": idOf(l.id), "self": c.view.rest("issueLink/%d", l.id), "type": c.view.linkType(l.linkType),
		"inwardIssue": c.view.issueRef(c.sys.issues[l.inward]), "outwardIssue": c.view.issueRef(c.sys.issues[l.outward]),
	}), nil
}

func (c *call) deleteLink() (reply, error) {
	l, err := c.pathLink()
	if err != nil {
		return reply{}, err
	}
	c.sys.links = slices.DeleteFunc(c.sys.links, func(o *issueLink) bool { return o == l })
	c.sys.touchLinked(c.user, l, false)
	c.sys.announceLink(eventLinkDeleted, l, flowPrimary)
	return noContent, nil
}

func (v *view) remoteLink(i *issue, l *remoteLink) object {
	o := object{"id": l.id, "self": v.rest("issue/%d/remotelink/%d", i.id, l.id), "object": l.object}
	if l.globalID != "" {
		o["globalId"] = l.globalID
	}
	if l.relationship != "" {
		o["relationship"] = l.relationship
	}
	o["application"] = object{}
	if len(l.application) > 0 {
		o["application"] = l.application
	}
	return o
}

func (c *call) listRemoteLinks() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if id := c.query.Get("globalId"); id != "" {
		l, found := find(i.remoteLinks, func(l *remoteLink) bool { return l.globalID == id })
		if !found {
			return reply{}, fail(http.StatusNotFound, "The remote issue link with the given global ID does not exist.")
		}
		return ok(c.view.remoteLink(i, l)), nil
	}
	return ok(rendered(i.remoteLinks, func(l *remoteLink) any { return c.view.remoteLink(i, l) })), nil
}

type remoteLinkBody struct {
	GlobalID     string          `json:"globalId"`
	Relationship string          `json:"relationship"`
	Application  json.RawMessage `json:"application"`
	Object       json.RawMessage `json:"object"`
}

func (b remoteLinkBody) check() error {
	var target struct {
		URL   string `json:"url"`
		Title string `json:"title"`
	}
	errs := map[string]string{}
	if isNull(b.Object) || json.Unmarshal(b.Object, &target) != nil {
		return fieldErrors(map[string]string{"object": "'object' is required."})
	}
	if target.URL == "" {
		errs["url"] = "'url' is required."
	}
	if target.Title == "" {
		errs["title"] = "'title' is required."
	}
	if utf8.RuneCountInString(b.GlobalID) > 255 {
		errs["globalId"] = "'globalId' must be at most 255 characters long."
	}
	if len(errs) > 0 {
		return fieldErrors(errs)
	}
	return nil
}

// postRemoteLink makes a remote link, or replaces the one with the same
// globalId. It leaves the issue's updated time alone.
func (c *call) postRemoteLink() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	var body remoteLinkBody
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if err := body.check(); err != nil {
		return reply{}, err
	}
	if !c.sys.may(c.user, i.project, linkIssues) {
		return reply{}, fail(http.StatusForbidden, "You do not have permission to link issues.")
	}
	l := &remoteLink{globalID: body.GlobalID, relationship: body.Relationship, application: body.Application, object: body.Object}
	next := i.clone()
	at := slices.IndexFunc(next.remoteLinks, func(o *remoteLink) bool { return l.globalID != "" && o.globalID == l.globalID })
	status := http.StatusCreated
	if at >= 0 {
		status = http.StatusOK
		l.id = next.remoteLinks[at].id
		next.remoteLinks[at] = l
	} else if len(i.remoteLinks) >= maxLinks {
		return reply{}, fail(http.StatusRequestEntityTooLarge, "The issue has reached the limit of %d remote links.", maxLinks)
	} else {
		l.id = c.sys.nextID("remotelink", 10000)
		next.remoteLinks = append(next.remoteLinks, l)
	}
	c.sys.put(next, write{actor: c.user, silent: true})
	return reply{status: status, body: object{"id": l.id, "self": c.view.rest("issue/%s/remotelink/%d", i.key, l.id)}}, nil
}

func (c *call) pathRemoteLink() (*issue, *remoteLink, error) {
	i, err := c.pathIssue()
	if err != nil {
		return nil, nil, err
	}
	l, found := find(i.remoteLinks, func(l *remoteLink) bool { return idOf(l.id) == c.pathValue("id") })
	if !found {
		return nil, nil, fail(http.StatusNotFound, "The remote issue link with the given ID does not exist.")
	}
	return i, l, nil
}

func (c *call) getRemoteLink() (reply, error) {
	i, l, err := c.pathRemoteLink()
	if err != nil {
		return reply{}, err
	}
	return ok(c.view.remoteLink(i, l)), nil
}

func (c *call) putRemoteLink() (reply, error) {
	i, l, err := c.pathRemoteLink()
	if err != nil {
		return reply{}, err
	}
	var body remoteLinkBody
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if err := body.check(); err != nil {
		return reply{}, err
	}
	next := i.clone()
	next.remoteLinks[slices.Index(next.remoteLinks, l)] = &remoteLink{
		id: l.id, globalID: body.GlobalID, relationship: body.Relationship, application: body.Application, object: body.Object,
	}
	c.sys.put(next, write{actor: c.user, silent: true})
	return noContent, nil
}

// deleteRemoteLinks removes one remote link, by id or by globalId.
func (c *call) deleteRemoteLinks() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	id, globalID := c.pathValue("id"), c.query.Get("globalId")
	next := i.clone()
	next.remoteLinks = slices.DeleteFunc(next.remoteLinks, func(l *remoteLink) bool {
		return id != "" && idOf(l.id) == id || id == "" && globalID != "" && l.globalID == globalID
	})
	if len(next.remoteLinks) == len(i.remoteLinks) {
		return reply{}, fail(http.StatusNotFound, "The remote issue link with the given ID does not exist.")
	}
	c.sys.put(next, write{actor: c.user, silent: true})
	return noContent, nil
}
