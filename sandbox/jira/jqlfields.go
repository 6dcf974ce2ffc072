package jira

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
	"github.com/tenonsync/tenon/sandbox/jira/jql"
)

// binder gives the clauses of a query their meaning for one user.
type binder struct {
	sys  *System
	user *user
	now  time.Time
}

func (b *binder) zone() *time.Location {
	if b.user == nil {
		return time.UTC
	}
	return b.user.zone
}

// field finds what a clause is about.
func (b *binder) field(f jql.Field) (*searchable, error) {
	if f.Property != "" {
		return b.property(f)
	}
	name := strings.ToLower(f.Name)
	if got := b.builtin(name); got != nil {
		if b.sys.hidden[got.name] {
			return nil, errUnknownField(f.Name)
		}
		return got, nil
	}
	for _, p := range b.sys.properties {
		if p.Alias != "" && strings.EqualFold(p.Alias, f.Name) {
			return b.indexed(p, f.Name), nil
		}
	}
	for _, fd := range b.sys.visibleFields() {
		if fd.id == name || slices.ContainsFunc(fd.clauseNames(), func(n string) bool { return strings.EqualFold(n, name) }) {
			if got := b.ofField(fd); got != nil {
				return got, nil
			}
		}
	}
	return nil, errUnknownField(f.Name)
}

// builtin knows the fields that are not in issue.fields; nil if name is none.
func (b *binder) builtin(name string) *searchable {
	s := b.sys
	switch name {
	case "key", "issuekey", "issue", "id":
		return b.keys()
	case "project":
		return &searchable{name: name, values: func(i *issue) []string { return []string{idOf(i.project.id)} }, resolve: func(o jql.Operand) ([]string, error) {
			p, ok := find(s.projects, func(p *project) bool {
				return (strings.EqualFold(p.key, o.Text) || strings.EqualFold(p.name, o.Text) || idOf(p.id) == o.Text) && s.may(b.user, p, browseProjects)
			})
			if !ok {
				return nil, errUnknownValue(o.Text, name)
			}
			return []string{idOf(p.id)}, nil
		}}
	case "issuetype", "type":
		return b.types()
	case "status":
		return named("status", statuses, func(i *issue) []string { return []string{i.status.id} }, func(st *status) (string, string) { return st.id, st.name })
	case "statuscategory":
		return named("statusCategory", categories, func(i *issue) []string { return []string{idOf(int64(i.status.category.id))} }, func(k *statusCategory) (string, string) { return idOf(int64(k.id)), k.name }, func(k *statusCategory) string { return k.key })
	case "created", "createddate":
		return b.instant("created", func(i *issue) time.Time { return i.created })
	case "updated", "updateddate":
		return b.instant("updated", func(i *issue) time.Time { return i.updated })
	case "resolved", "resolutiondate":
		return b.instant("resolved", func(i *issue) time.Time { return i.resolved })
	case "statuscategorychangeddate":
		return b.instant("statusCategoryChangedDate", func(i *issue) time.Time { return i.statusChanged })
	case "creator":
		return b.person("creator", func(i *issue) string { return i.creator.id() })
	case "comment":
		return &searchable{name: name, text: commentText}
	case "text":
		return &searchable{name: name, text: func(i *issue) string {
			return i.text("summary") + "\n" + adf.Text(i.fields["description"].doc) + "\n" + adf.Text(i.fields["environment"].doc) + "\n" + commentText(i)
		}}
	case "parent", "epic link", "parentepic":
		return b.parents(name)
	}
	return nil
}

func commentText(i *issue) string {
	var b strings.Builder
	for _, c := range i.comments {
		b.WriteString(adf.Text(c.body) + "\n")
	}
	return b.String()
}

func (b *binder) keys() *searchable {
	return &searchable{
		name: "key", values: func(i *issue) []string { return []string{i.idText()} },
		resolve: func(o jql.Operand) ([]string, error) {
			i := b.sys.lookup(o.Text)
			if i == nil || !b.sys.may(b.user, i.project, browseProjects) {
				if _, err := strconv.Atoi(o.Text); err == nil {
					return nil, says("A value with ID '%s' does not exist for the field 'id'.", o.Text)
				}
				return nil, says("An issue with key '%s' does not exist for field 'key'.", o.Text)
			}
			return []string{i.idText()}, nil
		},
		number: func(i *issue) (float64, bool) { return float64(i.id), true },
		parse: func(o jql.Operand) (float64, error) {
			if i := b.sys.lookup(o.Text); i != nil {
				return float64(i.id), nil
			}
			n, err := strconv.ParseFloat(o.Text, 64)
			if err != nil {
				return 0, says("An issue with key '%s' does not exist for field 'key'.", o.Text)
			}
			return n, nil
		},
	}
}

func (b *binder) types() *searchable {
	f := named("issuetype", issueTypes, func(i *issue) []string { return []string{i.issueType.id} }, func(t *issueType) (string, string) { return t.id, t.name })
	byName := f.resolve
	f.resolve = func(o jql.Operand) ([]string, error) {
		subtasks := strings.EqualFold(o.Function, "subTaskIssueTypes")
		if !subtasks && !strings.EqualFold(o.Function, "standardIssueTypes") {
			return byName(o)
		}
		var ids []string
		for _, t := range issueTypes {
			if t.subtask == subtasks {
				ids = append(ids, t.id)
			}
		}
		return ids, nil
	}
	return f
}

func (b *binder) parents(name string) *searchable {
	f := b.keys()
	return &searchable{name: name, resolve: f.resolve, values: func(i *issue) []string {
		id := i.text("parent")
		if name != "parent" && id == "" || !b.sys.cloud() && name != "parent" {
			id = orElse(i.text(fieldEpicLink), id)
		}
		if id == "" {
			return nil
		}
		return []string{id}
	}}
}

// named is a field that points into a list of things with an id and a name.
func named[T any](name string, list []T, values func(*issue) []string, nameOf func(T) (id, name string), also ...func(T) string) *searchable {
	return &searchable{name: name, values: values, resolve: func(o jql.Operand) ([]string, error) {
		var ids []string
		for _, t := range list {
			id, title := nameOf(t)
			if id == o.Text || strings.EqualFold(title, o.Text) || slices.ContainsFunc(also, func(f func(T) string) bool { return strings.EqualFold(f(t), o.Text) }) {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			return nil, errUnknownValue(orElse(o.Text, o.Function), name)
		}
		return ids, nil
	}}
}

func (b *binder) instant(name string, at func(*issue) time.Time) *searchable {
	return &searchable{
		name: name,
		number: func(i *issue) (float64, bool) {
			t := at(i)
			return float64(t.UnixMilli()), !t.IsZero()
		},
		parse: func(o jql.Operand) (float64, error) {
			t, err := jql.Instant(o, name, b.now, b.zone())
			return float64(t.UnixMilli()), err
		},
	}
}

func (b *binder) person(name string, who func(*issue) string) *searchable {
	return &searchable{
		name: name,
		values: func(i *issue) []string {
			if id := who(i); id != "" {
				return []string{id}
			}
			return nil
		},
		resolve: func(o jql.Operand) ([]string, error) {
			if strings.EqualFold(o.Function, "currentUser") {
				return []string{b.user.id()}, nil
			}
			for _, u := range b.sys.users {
				if u.accountID == o.Text || strings.EqualFold(u.email, o.Text) || strings.EqualFold(u.displayName, o.Text) || !b.sys.cloud() && u.name == o.Text {
					return []string{u.accountID}, nil
				}
			}
			return nil, errUnknownValue(orElse(o.Text, o.Function), name)
		},
	}
}

// ofField is how search sees a field of issue.fields; nil if it does not.
func (b *binder) ofField(fd *field) *searchable {
	name := fd.name
	if !fd.isCustom() {
		name = fd.clauses[0]
	}
	text := func(i *issue) string { return i.text(fd.id) }
	switch kind := fd.kind.(type) {
	case textKind:
		f := &searchable{name: name, text: text}
		if kind.url {
			f.values = func(i *issue) []string { return nonEmpty(i.text(fd.id)) }
			f.resolve = func(o jql.Operand) ([]string, error) { return []string{o.Text}, nil }
		}
		return f
	case docKind:
		return &searchable{name: name, text: func(i *issue) string { return adf.Text(i.fields[fd.id].doc) }}
	case numberKind:
		return b.numbers(name, fd)
	case dateKind:
		return b.instant(name, func(i *issue) time.Time {
			t, err := time.ParseInLocation(time.DateOnly, i.text(fd.id), b.zone())
			if err != nil {
				return time.Time{}
			}
			return t
		})
	case dateTimeKind:
		return b.instant(name, func(i *issue) time.Time { return i.fields[fd.id].time })
	case userKind:
		return b.person(name, text)
	case labelsKind:
		return &searchable{
			name: name, // labels are case-sensitive, searching for them is not
			values: func(i *issue) []string {
				var folded []string
				for _, l := range i.fields[fd.id].list {
					folded = append(folded, strings.ToLower(l))
				}
				return folded
			},
			resolve: func(o jql.Operand) ([]string, error) { return []string{strings.ToLower(o.Text)}, nil },
		}
	case choiceKind:
		return b.choices(name, fd, kind, func(i *issue) []string { return nonEmpty(i.text(fd.id)) })
	case choicesKind:
		return b.choices(name, fd, kind.one, func(i *issue) []string { return i.fields[fd.id].list })
	case cascadeKind:
		return b.choices(name, fd, optionKind(), func(i *issue) []string { return nonEmpty(i.text(fd.id)) })
	case epicLinkKind:
		return b.parents("epic link")
	}
	return nil
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func (b *binder) numbers(name string, fd *field) *searchable {
	return &searchable{
		name: name,
		number: func(i *issue) (float64, bool) {
			val, ok := i.fields[fd.id]
			return val.number, ok
		},
		parse: func(o jql.Operand) (float64, error) {
			n, err := strconv.ParseFloat(o.Text, 64)
			if err != nil {
				return 0, says("'%s' is not a valid number for field '%s'.", o.Text, name)
			}
			return n, nil
		},
	}
}

func (b *binder) choices(name string, fd *field, kind choiceKind, values func(*issue) []string) *searchable {
	return &searchable{name: name, values: values, resolve: func(o jql.Operand) ([]string, error) {
		var ids []string
		for _, p := range b.sys.projects {
			for _, got := range kind.list(b.sys, p, fd) {
				if (got.id == o.Text || strings.EqualFold(got.name, o.Text)) && !slices.Contains(ids, got.id) {
					ids = append(ids, got.id)
				}
			}
		}
		if len(ids) == 0 {
			return nil, errUnknownValue(orElse(o.Text, o.Function), name)
		}
		return ids, nil
	}}
}
