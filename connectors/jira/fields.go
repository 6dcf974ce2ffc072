package jira

import (
	"strings"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
)

// shape is how a field's value is written in JSON. It decides the type of the
// value in records.
type shape uint8

const (
	opaque     shape = iota // of an app: shown as text, never written
	plain                   // a text
	rich                    // ADF on Cloud, wiki markup on Data Center
	number                  // a JSON number
	date                    // "2025-03-31"
	instant                 // "2025-03-31T12:00:00.000+0000"
	choice                  // {"id", "value" or "name"}
	choices                 // a list of those
	cascade                 // {"id", "value", "child": {"id", "value"}}
	labelSet                // a list of texts
	person                  // a user
	people                  // a list of users
	parentLink              // another issue
	epicLink                // another issue's key, on Data Center
	issueKey                // the issue's own key; no field of Jira's
	unlisted                // has endpoints of its own, or makes no sense in a record
)

// field is one field of the site.
type field struct {
	id      string
	name    string
	shape   shape
	schema  gojira.FieldSchema
	clause  string // what JQL calls it; "" where it cannot
	project string // the id of the one project that has it, of a team-managed project
}

var shapeOfCustom = map[string]shape{
	"textfield": plain, "url": plain, "readonlyfield": plain, "textarea": rich, "float": number,
	"datepicker": date, "datetime": instant, "select": choice, "radiobuttons": choice,
	"multiselect": choices, "multicheckboxes": choices, "cascadingselect": cascade,
	"userpicker": person, "multiuserpicker": people, "labels": labelSet, "version": choice,
	"multiversion": choices, "project": choice, "gh-epic-link": epicLink, "gh-epic-label": plain,
	"gh-sprint": choices, "jsw-story-points": number,
}

var shapeOfSystem = map[string]shape{
	"summary": plain, "description": rich, "environment": rich, "parent": parentLink, "issuekey": issueKey,
	"attachment": unlisted, "comment": unlisted, "issuelinks": unlisted, "subtasks": unlisted,
	"worklog": unlisted, "watches": unlisted, "votes": unlisted, "progress": unlisted,
	"aggregateprogress": unlisted, "timetracking": unlisted, "thumbnail": unlisted,
	"issuerestriction": unlisted, "statusCategory": unlisted, "lastViewed": unlisted,
}

var shapeOfType = map[string]shape{
	"string": plain, "number": number, "date": date, "datetime": instant, "option": choice,
	"priority": choice, "resolution": choice, "status": choice, "issuetype": choice,
	"project": choice, "securitylevel": choice, "version": choice, "component": choice,
	"user": person, "option-with-child": cascade, "issuelink": parentLink,
}

var shapeOfItems = map[string]shape{
	"string": labelSet, "option": choices, "component": choices, "version": choices, "user": people,
}

func shapeOf(id string, s gojira.FieldSchema) shape {
	if s.Custom != "" {
		suffix := s.Custom[strings.LastIndexByte(s.Custom, ':')+1:]
		if sh, ok := shapeOfCustom[suffix]; ok {
			return sh
		}
	} else if sh, ok := shapeOfSystem[id]; ok {
		return sh
	}
	if s.Type == "array" {
		return shapeOfItems[s.Items] // opaque, if unknown
	}
	sh, ok := shapeOfType[s.Type]
	if !ok && s.Custom == "" {
		return unlisted // a system field that Jira keeps for itself
	}
	return sh
}

// typeOf returns the type of a field's values.
func (f *field) typeOf() connectors.Type {
	switch f.shape {
	case rich:
		return connectors.TypeRichText
	case number:
		return connectors.TypeNumber
	case date:
		return connectors.TypeDate
	case instant:
		return connectors.TypeInstant
	case choice, cascade:
		return connectors.TypeOption
	case choices, labelSet, people:
		return connectors.TypeOptions
	case person:
		return connectors.TypePerson
	case parentLink, epicLink:
		return connectors.TypeReference
	}
	return connectors.TypeText
}

// readOnly says why a field is never written, "" if it may be.
func (f *field) readOnly() string {
	switch f.id {
	case "issuekey", "created", "updated", "creator", "resolutiondate", "statuscategorychangedate", "workratio":
		return "Jira sets it"
	case "project":
		return "moving an issue to another project is not a field change"
	case "security":
		return "it decides who sees the issue"
	}
	switch {
	case f.shape == opaque:
		return "it belongs to an app"
	case f.shape == people:
		return "it is a list of people"
	case strings.HasSuffix(f.schema.Custom, ":gh-sprint"):
		return "sprints are planned on the board"
	case strings.HasSuffix(f.schema.Custom, ":readonlyfield"):
		return "Jira sets it"
	}
	return ""
}

// hasHistory reports whether the changelog tells the field's values so that
// they can be read back.
func (f *field) hasHistory() bool {
	switch f.shape {
	case plain, number, date, labelSet, person:
		return true
	case choice:
		return f.schema.Custom == "" || !strings.HasSuffix(f.schema.Custom, ":project")
	}
	return false
}

// findable reports whether Finder can look for the field's values.
func (f *field) findable() bool {
	if f.clause == "" {
		return false
	}
	switch f.shape {
	case plain, number, date, choice, labelSet, person, issueKey:
		return true
	}
	return false
}
