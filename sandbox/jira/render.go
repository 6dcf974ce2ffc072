package jira

import (
	"html"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

// selection is what a caller wants to see of issues.
type selection struct {
	fields     fieldSet
	expand     []string
	properties []string
	inSearch   bool
}

// fieldSet chooses fields by the rules of the fields parameter.
type fieldSet struct {
	all, navigable bool
	with, without  []string
}

// parseFieldSet reads lists such as "summary,-comment" and "*navigable".
func parseFieldSet(lists []string, fallback string) fieldSet {
	var set fieldSet
	given := false
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.TrimSpace(name)
			switch {
			case name == "":
				continue
			case name == "*all":
				set.all = true
			case name == "*navigable":
				set.navigable = true
			case strings.HasPrefix(name, "-"):
				set.without = append(set.without, name[1:])
				continue
			default:
				set.with = append(set.with, name)
			}
			given = true
		}
	}
	if !given {
		switch fallback {
		case "*all":
			set.all = true
		case "*navigable":
			set.navigable = true
		default:
			set.with = []string{fallback}
		}
	}
	return set
}

func (f fieldSet) has(fd *field) bool {
	if slices.Contains(f.without, fd.id) {
		return false
	}
	return f.all || f.navigable && fd.navigable || slices.Contains(f.with, fd.id)
}

// onlyKeys reports whether nothing but id and key is asked for.
func (f fieldSet) onlyKeys() bool {
	return !f.all && !f.navigable && !slices.ContainsFunc(f.with, func(n string) bool { return n != "id" && n != "key" })
}

// onlyID reports whether not even the key is asked for.
func (f fieldSet) onlyID() bool {
	return !f.all && !f.navigable && slices.Equal(f.with, []string{"id"})
}

// changes is how many entries of the changelog expand shows.
func (sel selection) changes() int {
	if sel.inSearch {
		return 40
	}
	return 100
}

func (sel selection) expands(name string) bool { return slices.Contains(sel.expand, name) }

// issue renders an issue with what was selected.
func (v *view) issue(i *issue, sel selection) object {
	out := object{"id": i.idText()}
	if !sel.fields.onlyID() {
		out["self"], out["key"] = v.rest("issue/%d", i.id), i.key
		out["expand"] = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
	}
	scoped := *v
	scoped.project = i.project
	if !sel.fields.onlyKeys() {
		out["fields"] = scoped.fields(i, sel.fields)
	}
	if len(sel.properties) > 0 {
		out["properties"] = i.selectProperties(sel.properties)
	}
	if sel.expands("names") {
		out["names"] = v.sys.fieldNames(sel.fields)
	}
	if sel.expands("schema") {
		out["schema"] = v.sys.fieldSchemas(sel.fields)
	}
	if sel.expands("changelog") {
		out["changelog"] = v.latestChanges(i, sel.changes())
	}
	if sel.expands("renderedFields") {
		out["renderedFields"] = scoped.renderedFields(i, sel.fields)
	}
	if sel.expands("transitions") {
		out["transitions"] = scoped.transitions(i, nil, false)
	}
	if sel.expands("editmeta") {
		out["editmeta"] = object{"fields": scoped.screenMeta(i.project, i.issueType, v.sys.editScreen(i), i)}
	}
	return out
}

func (i *issue) selectProperties(keys []string) object {
	out := object{}
	for key, val := range i.properties {
		if slices.Contains(keys, key) || slices.Contains(keys, "*all") {
			out[key] = val
		}
	}
	return out
}

func (s *System) fieldNames(set fieldSet) object {
	out := object{}
	for _, f := range s.visibleFields() {
		if set.has(f) {
			out[f.id] = f.name
		}
	}
	return out
}

func (s *System) fieldSchemas(set fieldSet) object {
	out := object{}
	for _, f := range s.visibleFields() {
		if set.has(f) {
			out[f.id] = f.schema()
		}
	}
	return out
}

func (s *System) visibleFields() []*field {
	var out []*field
	for _, f := range s.fields {
		if !s.hidden[f.id] {
			out = append(out, f)
		}
	}
	return out
}

// latestChanges is the changelog as expand shows it: newest first, cut short.
func (v *view) latestChanges(i *issue, most int) object {
	list := []any{}
	for n := len(i.history) - 1; n >= 0 && len(list) < most; n-- {
		list = append(list, v.change(i.history[n]))
	}
	return object{"startAt": 0, "maxResults": len(list), "total": len(i.history), "histories": list}
}

func (v *view) renderedFields(i *issue, set fieldSet) object {
	out := object{}
	for _, f := range v.sys.visibleFields() {
		if _, rich := f.kind.(docKind); !rich || !set.has(f) {
			continue
		}
		out[f.id] = ""
		if val, ok := i.fields[f.id]; ok {
			out[f.id] = "<p>" + strings.ReplaceAll(html.EscapeString(adf.Text(val.doc)), "\n", "<br/>") + "</p>"
		}
	}
	return out
}

// fields renders the selected fields. Fields that an issue cannot have (the
// parent of an issue without one) are left out; empty ones are null.
func (v *view) fields(i *issue, set fieldSet) object {
	out := object{}
	for _, f := range v.sys.visibleFields() {
		if !set.has(f) {
			continue
		}
		if computed, ok := v.computed(i, f.id); ok {
			if computed != absent {
				out[f.id] = computed
			}
			continue
		}
		val, ok := i.fields[f.id]
		switch {
		case ok:
			out[f.id] = f.kind.render(v, f, val)
		case f.id == "labels", f.id == "components", f.id == "fixVersions", f.id == "versions":
			out[f.id] = []any{}
		case f.id == "parent":
		default:
			out[f.id] = nil
		}
	}
	return out
}

// absent stands for a field that is not shown at all.
var absent any = &struct{}{}

// computed renders the fields that are not in issue.fields.
func (v *view) computed(i *issue, id string) (any, bool) {
	switch id {
	case "project":
		return v.projectRef(i.project), true
	case "issuetype":
		return v.issueType(i.issueType), true
	case "status":
		return v.status(i.status), true
	case "statusCategory":
		return v.category(i.status.category), true
	case "statuscategorychangedate":
		return v.time(i.statusChanged), true
	case "created":
		return v.time(i.created), true
	case "updated":
		return v.time(i.updated), true
	case "resolutiondate":
		return v.time(i.resolved), true
	case "creator":
		return v.user(i.creator), true
	case "subtasks":
		return v.subtasks(i), true
	case "issuelinks":
		return v.links(i), true
	case "attachment":
		list := []any{}
		for _, a := range i.attachments {
			list = append(list, v.attachment(a))
		}
		return list, true
	case "comment":
		return v.commentField(i), true
	case fieldRank:
		return "0|i" + padded(i.id) + ":", true
	case fieldSprint, "lastViewed", "security":
		return nil, true
	}
	return v.trivial(i, id)
}

func (v *view) trivial(i *issue, id string) (any, bool) {
	switch id {
	case "watches":
		return object{"self": v.rest("issue/%s/watchers", i.key), "watchCount": 1, "isWatching": false}, true
	case "votes":
		return object{"self": v.rest("issue/%s/votes", i.key), "votes": 0, "hasVoted": false}, true
	case "worklog":
		return object{"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []any{}}, true
	case "timetracking":
		return object{}, true
	case "progress":
		return object{"progress": 0, "total": 0}, true
	case "workratio":
		return -1, true
	}
	return nil, false
}

func padded(id int64) string {
	text := strconv.FormatInt(id, 36)
	return strings.Repeat("0", max(0, 5-len(text))) + text
}

func (v *view) subtasks(i *issue) []any {
	list := []any{}
	for _, child := range v.sys.children(i) {
		if child.issueType.subtask {
			list = append(list, v.issueRef(child))
		}
	}
	return list
}

func (v *view) links(i *issue) []any {
	list := []any{}
	for _, l := range v.sys.links {
		if l.inward == i.id || l.outward == i.id {
			list = append(list, v.link(l, i))
		}
	}
	return list
}

// commentField is the comment field of an issue: the first comments and how
// many there are.
func (v *view) commentField(i *issue) object {
	const most = 100
	list := []any{}
	from := max(0, len(i.comments)-most) // the newest are shown
	for _, c := range i.comments[from:] {
		list = append(list, v.comment(i, c))
	}
	out := object{"comments": list, "maxResults": len(list), "total": len(i.comments), "startAt": 0}
	if v.sys.cloud() {
		out["self"] = v.rest("issue/%d/comment", i.id)
	}
	return out
}
