package github

import (
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/github/gql"
)

// of makes a scalar field of a source type.
func of[S any](get func(S) any) gql.Field {
	return gql.Field{Resolve: func(src any, _ gql.Args) (any, error) { return get(src.(S)), nil }}
}

// to makes a field that leads to an object.
func to[S any](typeName string, get func(S) any) gql.Field {
	return gql.Field{Type: typeName, Resolve: func(src any, _ gql.Args) (any, error) { return get(src.(S)), nil }}
}

// graphSchema is the part of GitHub's schema that clients of issues use.
func (s *System) graphSchema() gql.Schema {
	schema := gql.Schema{
		"Node":                         {Fields: map[string]gql.Field{"id": {}}, Possible: []string{"Issue", "Repository", "User", "Bot", "Organization"}},
		"Actor":                        {Fields: actorFields(s), Possible: []string{"User", "Bot", "Organization"}},
		"Assignee":                     {Possible: []string{"User", "Bot"}},
		"RepositoryOwner":              {Fields: actorFields(s), Possible: []string{"User", "Organization"}},
		"User":                         {Fields: actorFields(s)},
		"Bot":                          {Fields: actorFields(s)},
		"Organization":                 {Fields: actorFields(s)},
		"Repository":                   {Fields: s.repositoryFields()},
		"Issue":                        {Fields: s.issueFields()},
		"Label":                        {Fields: labelFields()},
		"Milestone":                    {Fields: milestoneFields()},
		"IssueType":                    {Fields: map[string]gql.Field{"name": of(func(t *issueType) any { return t.name }), "id": of(func(t *issueType) any { return nodeID("IT", t.id) })}},
		"IssueTimelineItems":           {Possible: eventTypes()},
		"LabelConnection":              connectionType("Label"),
		"UserConnection":               connectionType("User"),
		"IssueConnection":              connectionType("Issue"),
		"IssueCommentConnection":       connectionType("IssueComment"),
		"IssueTimelineItemsConnection": connectionType("IssueTimelineItems"),
		"IssueComment": {Fields: map[string]gql.Field{
			"databaseId": of(func(cm *comment) any { return cm.id }), "body": of(func(cm *comment) any { return cm.body }),
			"createdAt": of(func(cm *comment) any { return iso(cm.created) }), "updatedAt": of(func(cm *comment) any { return iso(cm.updated) }),
			"author": to("Actor", func(cm *comment) any { return actorObject(cm.user) }), "id": of(func(cm *comment) any { return nodeID("IC", cm.id) }),
		}},
		"PageInfo": {Fields: map[string]gql.Field{
			"hasNextPage": of(func(con connection) any { return con.more }),
			"endCursor":   of(func(connection) any { return nil }),
		}},
		"RateLimit": {Fields: map[string]gql.Field{
			"limit": of(func(st standing) any { return st.limit }), "remaining": of(func(st standing) any { return st.remaining }),
			"used": of(func(st standing) any { return st.used }), "resetAt": of(func(st standing) any { return iso(st.reset) }), "cost": of(func(standing) any { return 1 }),
		}},
	}
	for kind, typeName := range eventTypeNames {
		schema[typeName] = &gql.Type{Fields: eventFields(kind)}
	}
	for _, name := range []string{"DeleteIssuePayload", "TransferIssuePayload", "UpdateIssuePayload", "CloseIssuePayload", "ReopenIssuePayload"} {
		fields := map[string]gql.Field{"clientMutationId": of(func(o outcome) any { return orNull(o.clientID) })}
		if name == "DeleteIssuePayload" {
			fields["repository"] = to("Repository", func(o outcome) any { return gql.Object{Type: "Repository", Source: o.repo} })
		} else {
			fields["issue"] = to("Issue", func(o outcome) any { return gql.Object{Type: "Issue", Source: o.issue} })
		}
		schema[name] = &gql.Type{Fields: fields}
	}
	return schema
}

func actorFields(s *System) map[string]gql.Field {
	return map[string]gql.Field{
		"id": of(func(u *user) any { return userNode(u) }), "login": of(func(u *user) any { return strings.TrimSuffix(u.login, "[bot]") }), // GraphQL leaves it out, REST does not
		"databaseId": of(func(u *user) any { return u.id }), "name": of(func(u *user) any { return orNull(u.name) }),
		"url": of(func(u *user) any { return s.links().root + "/" + u.login }),
	}
}

func labelFields() map[string]gql.Field {
	return map[string]gql.Field{
		"id": of(func(l *label) any { return nodeID("LA", l.id) }), "name": of(func(l *label) any { return l.name }),
		"color": of(func(l *label) any { return l.color }), "description": of(func(l *label) any { return orNull(l.description) }),
	}
}

func milestoneFields() map[string]gql.Field {
	return map[string]gql.Field{
		"id": of(func(m *milestone) any { return nodeID("MI", m.id) }), "number": of(func(m *milestone) any { return m.number }),
		"title": of(func(m *milestone) any { return m.title }), "dueOn": of(func(m *milestone) any { return stampOrNull(m.dueOn) }),
		"state": of(func(m *milestone) any { return strings.ToUpper(m.state) }),
	}
}

func (s *System) repositoryFields() map[string]gql.Field {
	return map[string]gql.Field{
		"id": of(func(r seen) any { return nodeID("R", r.id) }), "databaseId": of(func(r seen) any { return r.repo.id }),
		"name": of(func(r seen) any { return r.name }), "nameWithOwner": of(func(r seen) any { return r.fullName() }),
		"url": of(func(r seen) any { return s.links().root + "/" + r.fullName() }), "isPrivate": of(func(r seen) any { return r.private }),
		"isArchived": of(func(r seen) any { return r.archived }), "hasIssuesEnabled": of(func(r seen) any { return !r.noIssues }),
		"owner": to("RepositoryOwner", func(r seen) any { return actorObject(r.owner) }),
		"issue": {Type: "Issue", Args: []string{"number"}, Resolve: func(src any, a gql.Args) (any, error) {
			r, n := src.(seen), a.Int("number", 0)
			if i := r.issues[n]; i != nil && !i.pull && !r.noIssues {
				return gql.Object{Type: "Issue", Source: i}, nil
			}
			return nil, notResolved("an Issue with the number of %d.", n)
		}},
		"milestone": {Type: "Milestone", Args: []string{"number"}, Resolve: func(src any, a gql.Args) (any, error) {
			if m := src.(seen).milestone(a.Int("number", 0)); m != nil {
				return gql.Object{Type: "Milestone", Source: m}, nil
			}
			return nil, nil
		}},
		"issues": {Type: "IssueConnection", Args: []string{"first", "last", "states"}, Resolve: func(src any, a gql.Args) (any, error) {
			r, states := src.(seen), a.Texts("states")
			var nodes []gql.Object
			for _, n := range r.numbers() {
				if i := r.issues[n]; !i.pull && (len(states) == 0 || slices.Contains(states, strings.ToUpper(i.state))) {
					nodes = append(nodes, gql.Object{Type: "Issue", Source: i})
				}
			}
			return connect("IssueConnection", nodes, a)
		}},
		"labels": {Type: "LabelConnection", Args: []string{"first", "last"}, Resolve: func(src any, a gql.Args) (any, error) {
			return connect("LabelConnection", objects("Label", src.(seen).labels), a)
		}},
	}
}

func objects[T any](typeName string, list []T) []gql.Object {
	out := make([]gql.Object, len(list))
	for n, v := range list {
		out[n] = gql.Object{Type: typeName, Source: v}
	}
	return out
}

func (s *System) issueFields() map[string]gql.Field {
	fields := map[string]gql.Field{
		"id": of(func(i *issue) any { return nodeID("I", i.id) }), "databaseId": of(func(i *issue) any { return i.id }),
		"fullDatabaseId": of(func(i *issue) any { return i.id }), "number": of(func(i *issue) any { return i.number }),
		"title": of(func(i *issue) any { return i.title }), "body": of(func(i *issue) any { return textOf(i.body) }),
		"state": of(func(i *issue) any { return strings.ToUpper(i.state) }), "stateReason": of(func(i *issue) any { return orNull(strings.ToUpper(i.reason)) }),
		"url": of(func(i *issue) any { return s.links().issuePage(i) }), "locked": of(func(i *issue) any { return i.locked }),
		"closed": of(func(i *issue) any { return i.state == "closed" }), "createdAt": of(func(i *issue) any { return iso(i.created) }),
		"updatedAt": of(func(i *issue) any { return iso(i.updated) }), "closedAt": of(func(i *issue) any { return stampOrNull(i.closed) }),
		"author": to("Actor", func(i *issue) any { return actorObject(i.user) }),
		"repository": {Type: "Repository", Resolve: func(src any, _ gql.Args) (any, error) {
			return gql.Object{Type: "Repository", Source: seen{repo: src.(*issue).repo}}, nil
		}},
		"milestone": to("Milestone", func(i *issue) any { return nilOr("Milestone", i.milestone) }),
		"labels": {Type: "LabelConnection", Args: []string{"first", "last", "after"}, Resolve: func(src any, a gql.Args) (any, error) {
			return connect("LabelConnection", objects("Label", src.(*issue).labels), a)
		}},
		"assignees": {Type: "UserConnection", Args: []string{"first", "last", "after"}, Resolve: func(src any, a gql.Args) (any, error) {
			return connect("UserConnection", objects("User", src.(*issue).assignees), a)
		}},
		"comments": {Type: "IssueCommentConnection", Args: []string{"first", "last", "after"}, Resolve: func(src any, a gql.Args) (any, error) {
			if len(a) == 0 { // the count alone wants no bounds
				return gql.Object{Type: "IssueCommentConnection", Source: connection{total: len(src.(*issue).comments)}}, nil
			}
			return connect("IssueCommentConnection", objects("IssueComment", src.(*issue).comments), a)
		}},
		"timelineItems": {Type: "IssueTimelineItemsConnection", Args: []string{"first", "last", "after", "since", "itemTypes"}, Resolve: timelineItems},
	}
	if !s.opts.Enterprise {
		fields["parent"] = to("Issue", func(i *issue) any { return nilOr("Issue", i.parent) })
		fields["issueType"] = to("IssueType", func(i *issue) any { return nilOr("IssueType", i.typ) })
		fields["subIssues"] = gql.Field{Type: "IssueConnection", Args: []string{"first", "last"}, Resolve: func(src any, a gql.Args) (any, error) {
			return connect("IssueConnection", objects("Issue", src.(*issue).subs), a)
		}}
	}
	return fields
}

// nilOr keeps a missing object null.
func nilOr[T any](typeName string, p *T) any {
	if p == nil {
		return nil
	}
	return gql.Object{Type: typeName, Source: p}
}

// eventTypeNames are the types of timeline items by the names of their events.
var eventTypeNames = map[string]string{
	"renamed": "RenamedTitleEvent", "labeled": "LabeledEvent", "unlabeled": "UnlabeledEvent", "closed": "ClosedEvent", "reopened": "ReopenedEvent",
	"milestoned": "MilestonedEvent", "demilestoned": "DemilestonedEvent", "assigned": "AssignedEvent", "unassigned": "UnassignedEvent",
}

func eventTypes() []string {
	var out []string
	for _, name := range eventTypeNames {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func eventFields(kind string) map[string]gql.Field {
	fields := map[string]gql.Field{
		"id": of(func(e *event) any { return nodeID("EV", e.id) }), "createdAt": of(func(e *event) any { return iso(e.at) }),
		"actor": to("Actor", func(e *event) any { return actorObject(e.actor) }),
	}
	switch kind {
	case "renamed":
		fields["previousTitle"] = of(func(e *event) any { return e.from })
		fields["currentTitle"] = of(func(e *event) any { return e.to })
	case "labeled", "unlabeled":
		fields["label"] = to("Label", func(e *event) any { return nilOr("Label", e.label) })
	case "closed", "reopened":
		fields["stateReason"] = of(func(e *event) any { return orNull(strings.ToUpper(e.reason)) })
	case "milestoned", "demilestoned":
		fields["milestoneTitle"] = of(func(e *event) any { return e.milestone })
	case "assigned", "unassigned":
		fields["assignee"] = to("Assignee", func(e *event) any { return actorObject(e.assignee) })
	}
	return fields
}

// timelineItems lists the events of the types asked for since a time.
func timelineItems(src any, a gql.Args) (any, error) {
	since, _ := time.Parse(time.RFC3339, a.Text("since"))
	types := a.Texts("itemTypes")
	var nodes []gql.Object
	for _, e := range src.(*issue).events {
		typeName := eventTypeNames[e.kind]
		if typeName == "" || e.at.Before(since) || len(types) > 0 && !slices.Contains(types, screaming(typeName)) {
			continue
		}
		nodes = append(nodes, gql.Object{Type: typeName, Source: e})
	}
	return connect("IssueTimelineItemsConnection", nodes, a)
}

// screaming writes RenamedTitleEvent as RENAMED_TITLE_EVENT.
func screaming(name string) string {
	var b strings.Builder
	for n, r := range name {
		if n > 0 && 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
