package github

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
)

const (
	stateOpen   = "open"
	stateClosed = "closed"
)

// The lengths that GitHub keeps, in characters.
const (
	maxTitle = 256
	maxText  = 65536
	maxStone = 255
)

// issueField is one field of an issue.
type issueField struct {
	connectors.Field
	read func(*Connection, *issue, scopeRef) connectors.Value
}

func option(id, label string) connectors.Option { return connectors.Option{ID: id, Label: label} }

var statusOptions = []connectors.Option{
	option(stateOpen, "Open"), option("completed", "Closed as completed"), option("not_planned", "Closed as not planned"), option("duplicate", "Closed as duplicate"),
}

// readOnly makes a field that GitHub sets by itself.
func readOnly(name, label string, t connectors.Type, read func(*Connection, *issue, scopeRef) connectors.Value) issueField {
	return issueField{connectors.Field{Name: name, Label: label, Type: t, ReadOnly: "GitHub sets it"}, read}
}

// writable makes one that people set.
func writable(f connectors.Field, read func(*Connection, *issue, scopeRef) connectors.Value) issueField {
	f.Writable, f.Creatable = true, true
	return issueField{f, read}
}

// issueOrder lists the fields of an issue as schemas show them.
var issueOrder = []issueField{
	writable(connectors.Field{Name: "title", Label: "Title", Type: connectors.TypeText, Required: true, MaxLength: maxTitle, OneLine: true, Findable: true, History: true},
		func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return connectors.Text(i.title) }),
	writable(connectors.Field{Name: "body", Label: "Description", Type: connectors.TypeRichText, Clearable: true, MaxLength: maxText - maxMark},
		func(_ *Connection, i *issue, _ scopeRef) connectors.Value {
			text, _ := splitMark(i.body)
			return richOrNull(text)
		}),
	writable(connectors.Field{Name: "status", Label: "Status", Type: connectors.TypeOption, History: true, Options: statusOptions},
		func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return statusValue(i.state, i.reason) }),
	writable(connectors.Field{Name: "state", Label: "State", Type: connectors.TypeOption, History: true, Options: []connectors.Option{option(stateOpen, "Open"), option(stateClosed, "Closed")}},
		func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return stateValue(i.state) }),
	writable(connectors.Field{Name: "labels", Label: "Labels", Type: connectors.TypeOptions, Clearable: true, Open: true},
		func(_ *Connection, i *issue, sc scopeRef) connectors.Value { return labelsIn(i.labels, sc) }),
	writable(connectors.Field{Name: "milestone", Label: "Milestone", Type: connectors.TypeOption, Clearable: true},
		func(_ *Connection, i *issue, _ scopeRef) connectors.Value {
			if i.milestone == 0 {
				return connectors.Null
			}
			return connectors.Choice(option(strconv.Itoa(i.milestone), i.stone))
		}),
	writable(connectors.Field{Name: "assignee", Label: "Assignee", Type: connectors.TypePerson, Clearable: true},
		func(c *Connection, i *issue, _ scopeRef) connectors.Value {
			if len(i.assignees) == 0 {
				return connectors.Null
			}
			return connectors.PersonValue(c.person(i.assignees[0]))
		}),
	writable(connectors.Field{Name: "assignees", Label: "Assignees", Type: connectors.TypeOptions, Clearable: true, Open: true},
		func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return connectors.Labels(i.assignees...) }),
	writable(connectors.Field{Name: "type", Label: "Type", Type: connectors.TypeOption, Clearable: true},
		func(_ *Connection, i *issue, _ scopeRef) connectors.Value {
			if i.typ == "" {
				return connectors.Null
			}
			return connectors.Choice(option(i.typ, i.typ))
		}),
	readOnly("number", "Number", connectors.TypeNumber, func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return connectors.Int(int64(i.number)) }),
	readOnly("html_url", "Address", connectors.TypeText, func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return textOrNull(i.url) }),
	readOnly("author", "Author", connectors.TypePerson, func(c *Connection, i *issue, _ scopeRef) connectors.Value {
		return connectors.PersonValue(c.person(i.author))
	}),
	readOnly("comments", "Number of comments", connectors.TypeNumber, func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return connectors.Int(int64(i.comments)) }),
	readOnly("locked", "Locked", connectors.TypeBool, func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return connectors.Bool(i.locked) }),
	readOnly("created_at", "Created", connectors.TypeInstant, func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return instantOrNull(i.created) }),
	readOnly("updated_at", "Updated", connectors.TypeInstant, func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return instantOrNull(i.updated) }),
	readOnly("closed_at", "Closed", connectors.TypeInstant, func(_ *Connection, i *issue, _ scopeRef) connectors.Value { return instantOrNull(i.closed) }),
}

// issueFields are the same by name.
var issueFields = byName(issueOrder)

func byName(list []issueField) map[string]issueField {
	out := make(map[string]issueField, len(list))
	for _, f := range list {
		out[f.Name] = f
	}
	return out
}

func statusValue(state, reason string) connectors.Value {
	id := reason
	if state != stateClosed {
		id = stateOpen
	}
	for _, o := range statusOptions {
		if o.ID == id {
			return connectors.Choice(o)
		}
	}
	return connectors.Choice(option(id, id))
}

func stateValue(state string) connectors.Value {
	if state == stateClosed {
		return connectors.Choice(option(stateClosed, "Closed"))
	}
	return connectors.Choice(option(stateOpen, "Open"))
}

// stoneField is one field of a milestone.
type stoneField struct {
	connectors.Field
	read func(*gogithub.Milestone) connectors.Value
}

var stoneOrder = []stoneField{
	{connectors.Field{Name: "title", Label: "Title", Type: connectors.TypeText, Writable: true, Creatable: true, Required: true, Unique: true, MaxLength: maxStone, OneLine: true, Findable: true}, func(m *gogithub.Milestone) connectors.Value { return connectors.Text(m.GetTitle()) }},
	{connectors.Field{Name: "description", Label: "Description", Type: connectors.TypeRichText, Writable: true, Creatable: true, Clearable: true, MaxLength: maxText - maxMark}, func(m *gogithub.Milestone) connectors.Value {
		text, _ := splitMark(newlines(m.GetDescription()))
		return richOrNull(text)
	}},
	{connectors.Field{Name: "due_on", Label: "Due date", Type: connectors.TypeDate, Writable: true, Creatable: true, Clearable: true}, func(m *gogithub.Milestone) connectors.Value {
		if m.DueOn == nil {
			return connectors.Null
		}
		return connectors.DateOf(m.DueOn.UTC())
	}},
	{connectors.Field{Name: "state", Label: "State", Type: connectors.TypeOption, Writable: true, Creatable: true, Options: []connectors.Option{option(stateOpen, "Open"), option(stateClosed, "Closed")}}, func(m *gogithub.Milestone) connectors.Value { return stateValue(m.GetState()) }},
	{connectors.Field{Name: "number", Label: "Number", Type: connectors.TypeNumber, ReadOnly: "GitHub sets it"}, func(m *gogithub.Milestone) connectors.Value { return connectors.Int(int64(m.GetNumber())) }},
	{connectors.Field{Name: "html_url", Label: "Address", Type: connectors.TypeText, ReadOnly: "GitHub sets it"}, func(m *gogithub.Milestone) connectors.Value { return textOrNull(m.GetHTMLURL()) }},
	{connectors.Field{Name: "open_issues", Label: "Open issues", Type: connectors.TypeNumber, ReadOnly: "GitHub counts it"}, func(m *gogithub.Milestone) connectors.Value { return connectors.Int(int64(m.GetOpenIssues())) }},
	{connectors.Field{Name: "closed_issues", Label: "Closed issues", Type: connectors.TypeNumber, ReadOnly: "GitHub counts it"}, func(m *gogithub.Milestone) connectors.Value { return connectors.Int(int64(m.GetClosedIssues())) }},
	{connectors.Field{Name: "created_at", Label: "Created", Type: connectors.TypeInstant, ReadOnly: "GitHub sets it"}, func(m *gogithub.Milestone) connectors.Value { return instantOrNull(utc(m.CreatedAt)) }},
	{connectors.Field{Name: "updated_at", Label: "Updated", Type: connectors.TypeInstant, ReadOnly: "GitHub sets it"}, func(m *gogithub.Milestone) connectors.Value { return instantOrNull(utc(m.UpdatedAt)) }},
	{connectors.Field{Name: "closed_at", Label: "Closed", Type: connectors.TypeInstant, ReadOnly: "GitHub sets it"}, func(m *gogithub.Milestone) connectors.Value { return instantOrNull(utc(m.ClosedAt)) }},
}

var stoneFields = func() map[string]stoneField {
	out := make(map[string]stoneField, len(stoneOrder))
	for _, f := range stoneOrder {
		out[f.Name] = f
	}
	return out
}()

// Schema implements connectors.Connection.
func (c *Connection) Schema(ctx context.Context, object string, scope connectors.Scope) (*connectors.Schema, error) {
	const op = "read the schema"
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	sc, err := c.scope(ctx, op, object, scope)
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Kind == connectors.Permission { // it may as well not exist
		e.Kind = connectors.Invalid
	}
	if err != nil {
		return nil, err
	}
	if object == milestoneObject {
		out := &connectors.Schema{Object: object, Label: "Milestone"}
		for _, f := range stoneOrder {
			out.Fields = append(out.Fields, f.Field)
		}
		return out, nil
	}
	m, err := c.metaOf(ctx, op, sc.repo, metaAge)
	if err != nil {
		return nil, err
	}
	if err := c.checkScope(op, sc, m); err != nil {
		return nil, err
	}
	out := &connectors.Schema{Object: object, Label: "Issue"}
	for _, f := range issueOrder {
		field := f.Field
		switch field.Name {
		case "labels":
			field.Options = m.labelOptions(sc)
		case "milestone":
			field.Options = m.milestones
		case "type":
			if len(m.types) == 0 {
				continue // the organisation has none, or the server knows none
			}
			field.Options = m.types
		}
		out.Fields = append(out.Fields, field)
	}
	return out, nil
}

// checkScope refuses a scope whose label or type the repository does not have.
func (c *Connection) checkScope(op string, sc scopeRef, m *meta) error {
	if sc.label != "" && m.label(sc.label) == "" {
		return c.fail(op, "", connectors.Invalid, "%s has no label %q%s", sc.repo.fullName(), sc.label, near(sc.label, m.labels))
	}
	if sc.typ != "" && !slices.ContainsFunc(m.types, func(o connectors.Option) bool { return o.ID == sc.typ }) {
		var names []string
		for _, o := range m.types {
			names = append(names, o.ID)
		}
		return c.fail(op, "", connectors.Invalid, "%s has no issue type %q%s", sc.repo.fullName(), sc.typ, near(sc.typ, names))
	}
	return nil
}

// near lists names that may have been meant.
func near(name string, have []string) string {
	var alike []string
	for _, h := range have {
		if a, b := strings.ToLower(h), strings.ToLower(name); a != "" && b != "" && (a[0] == b[0] || strings.Contains(a, b) || strings.Contains(b, a)) {
			alike = append(alike, strconv.Quote(h))
		}
	}
	if len(alike) == 0 || len(alike) > 6 {
		return ""
	}
	return "; there is " + strings.Join(alike, ", ")
}

// metaAge is how long what a repository offers is taken for current.
const metaAge = 5 * time.Minute
