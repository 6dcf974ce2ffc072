package jira

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

// issueUpdate is the body of creates, edits and transitions.
type issueUpdate struct {
	Fields     map[string]json.RawMessage              `json:"fields"`
	Update     map[string][]map[string]json.RawMessage `json:"update"`
	Properties []entityProperty                        `json:"properties"`
	Transition *struct {
		ID json.RawMessage `json:"id"`
	} `json:"transition"`
}

type entityProperty struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// editor applies an update to a version of an issue that is not stored yet.
type editor struct {
	sys    *System
	api    int
	actor  *user
	next   *issue
	fresh  bool // the issue is being created
	screen func(id string) bool

	errors   map[string]string
	broken   error // content that breaks the whole request
	comments []*comment
	links    []*issueLink
}

func (e *editor) context(f *field) *valueContext {
	c := &valueContext{sys: e.sys, api: e.api, field: f, project: e.next.project, issueType: e.next.issueType}
	if !e.fresh {
		c.issue = e.next
	}
	return c
}

func (e *editor) refuse(id string, err error) {
	if errors.Is(err, adf.ErrUnsupported) {
		e.broken = err
		return
	}
	key := id
	if errors.Is(err, errHierarchy) {
		key = "parentId"
	}
	e.errors[key] = err.Error()
}

// apply sets the fields and runs the verbs. Problems are collected.
func (e *editor) apply(u issueUpdate) {
	e.errors = map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(u.Fields)) {
		if _, both := u.Update[id]; both {
			e.errors[id] = fmt.Sprintf("Field '%s' cannot appear in both 'fields' and 'update'", id)
			continue
		}
		if e.fresh && (id == "project" || id == "issuetype") {
			continue
		}
		e.set(id, u.Fields[id])
	}
	for _, id := range slices.Sorted(maps.Keys(u.Update)) {
		if _, both := u.Fields[id]; both {
			continue
		}
		for _, op := range u.Update[id] {
			for _, verb := range slices.Sorted(maps.Keys(op)) {
				e.verb(id, verb, op[verb])
			}
		}
	}
}

func (e *editor) settable(id string) *field {
	f := e.sys.field(id)
	if f == nil || !e.screen(id) {
		e.refuse(id, errNotOnScreen(id))
		return nil
	}
	return f
}

func (e *editor) set(id string, raw json.RawMessage) {
	f := e.settable(id)
	if f == nil {
		return
	}
	if isNull(raw) {
		e.clear(f)
		return
	}
	val, empty, err := f.kind.parse(e.context(f), raw)
	switch {
	case err != nil:
		e.refuse(id, err)
	case id == "issuetype":
		t, _ := find(e.next.project.types, func(t *issueType) bool { return t.id == val.text })
		e.next.issueType = t
	case id == "assignee" && !e.fresh && !e.sys.may(e.actor, e.next.project, assignIssues):
		e.refuse(id, errNotOnScreen(id))
	case empty:
		e.clear(f)
	default:
		e.next.set(id, val, false)
	}
}

func (e *editor) clear(f *field) {
	switch f.id {
	case "summary":
		e.errors[f.id] = "You must specify a summary of the issue."
	case "reporter", "issuetype":
		e.errors[f.id] = f.name + " is required."
	default:
		delete(e.next.fields, f.id)
	}
}

func (e *editor) verb(id, verb string, raw json.RawMessage) {
	switch {
	case id == "comment":
		e.commentVerb(verb, raw)
		return
	case id == "issuelinks":
		e.linkVerb(verb, raw)
		return
	case verb == "set":
		e.set(id, raw)
		return
	}
	f := e.settable(id)
	if f == nil {
		return
	}
	kind, isList := f.kind.(listKind)
	if !isList || !slices.Contains(f.operations, verb) {
		e.errors[id] = fmt.Sprintf("Field does not support update '%s'", verb)
		return
	}
	element, err := kind.element(e.context(f), raw)
	if err != nil {
		e.refuse(id, err)
		return
	}
	list := slices.Clone(e.next.fields[id].list)
	at := slices.Index(list, element)
	switch {
	case verb == "add" && at < 0:
		list = append(list, element)
		if id == "labels" {
			slices.Sort(list)
		}
	case verb == "remove" && at >= 0:
		list = slices.Delete(list, at, at+1)
	}
	e.next.set(id, value{list: list}, len(list) == 0)
}

func (e *editor) commentVerb(verb string, raw json.RawMessage) {
	if verb != "add" {
		e.errors["comment"] = fmt.Sprintf("Field does not support update '%s'", verb)
		return
	}
	var body commentBody
	if err := json.Unmarshal(raw, &body); err != nil {
		e.errors["comment"] = "expected Object"
		return
	}
	c, err := e.sys.newComment(e.api, e.actor, body)
	if err != nil {
		if apiErr, isAPI := errors.AsType[*apiError](err); isAPI {
			maps.Copy(e.errors, apiErr.errors)
			return
		}
		e.refuse("comment", err)
		return
	}
	e.comments = append(e.comments, c)
}

func (e *editor) linkVerb(verb string, raw json.RawMessage) {
	var ref struct {
		Type         typeRef   `json:"type"`
		InwardIssue  *issueRef `json:"inwardIssue"`
		OutwardIssue *issueRef `json:"outwardIssue"`
	}
	if verb != "add" || json.Unmarshal(raw, &ref) != nil {
		e.errors["issuelinks"] = fmt.Sprintf("Field does not support update '%s'", verb)
		return
	}
	t := ref.Type.find()
	link := &issueLink{linkType: t, inward: e.next.id, outward: e.next.id}
	var other *issue
	if ref.OutwardIssue != nil {
		other = e.sys.lookup(ref.OutwardIssue.id())
	} else if ref.InwardIssue != nil {
		other = e.sys.lookup(ref.InwardIssue.id())
	}
	if t == nil || other == nil {
		e.errors["issuelinks"] = "The issue link type or the linked issue does not exist."
		return
	}
	if ref.OutwardIssue != nil {
		link.outward = other.id
	} else {
		link.inward = other.id
	}
	e.links = append(e.links, link)
}

// outcome gives the problems as one answer.
func (e *editor) outcome() error {
	switch {
	case e.broken != nil && e.fresh:
		return fail(http.StatusBadRequest, "We can't create this issue for you right now, it could be due to unsupported content you've entered into one or more of the issue fields. If this situation persists, contact your administrator as they'll be able to access more specific information in the log file.")
	case e.broken != nil:
		return errUnsupported
	case len(e.errors) > 0:
		return fieldErrors(e.errors)
	}
	return nil
}

// require checks that the fields without which the issue cannot be are there.
func (e *editor) require() {
	p, t := e.next.project, e.next.issueType
	for _, id := range p.screens[t.id] {
		f := e.sys.field(id)
		if _, has := e.next.fields[id]; has || !e.sys.required(p, t, id) || e.errors[id] != "" || id == "project" || id == "issuetype" {
			continue
		}
		switch id {
		case "summary":
			e.errors[id] = "You must specify a summary of the issue."
		case "parent":
			e.errors["issuetype"] = "Issue type is a sub-task but parent issue key or id not specified."
		default:
			e.errors[id] = f.name + " is required."
		}
	}
}

// required reports whether a field must be filled in for issues of a type.
func (s *System) required(p *project, t *issueType, id string) bool {
	switch id {
	case "summary", "issuetype", "project":
		return true
	case "parent":
		return t.subtask
	case fieldEpicName:
		return t == typeEpic
	}
	return p.required[t.id+"/"+id] && !s.hidden[id]
}

const (
	maxPropertyKey   = 255
	maxPropertyValue = 32_768
)

// checkProperty says what is wrong with an entity property.
func checkProperty(key string, val json.RawMessage) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > maxPropertyKey:
		return fail(http.StatusBadRequest, "The property key cannot be longer than %d characters.", maxPropertyKey)
	case len(val) == 0 || !json.Valid(val):
		return fail(http.StatusBadRequest, "The value of property '%s' is not a valid JSON.", key)
	case utf8.RuneCount(val) > maxPropertyValue:
		return fail(http.StatusBadRequest, "The property value cannot be longer than %d characters.", maxPropertyValue)
	}
	return nil
}

func setProperties(i *issue, list []entityProperty) error {
	for _, p := range list {
		if err := checkProperty(p.Key, p.Value); err != nil {
			return err
		}
		if i.properties == nil {
			i.properties = map[string]json.RawMessage{}
		}
		i.properties[p.Key] = p.Value
	}
	return nil
}

func unquote(raw json.RawMessage) string {
	if text, ok := asString(raw); ok {
		return text
	}
	return string(raw)
}

type typeRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (r typeRef) find() *linkType {
	t, _ := find(linkTypes, func(t *linkType) bool { return t.id == r.ID || r.ID == "" && t.name == r.Name })
	return t
}

type issueRef struct {
	ID  json.RawMessage `json:"id"`
	Key string          `json:"key"`
}

func (r issueRef) id() string {
	if r.Key != "" {
		return r.Key
	}
	return unquote(r.ID)
}

func idOf(id int64) string { return strconv.FormatInt(id, 10) }
