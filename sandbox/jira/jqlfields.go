package jira

import (
	"encoding/json"
	"fmt"
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

// searchable is how search sees one field: through one of the functions.
type searchable struct {
	name string
	// values gives ids or words that are compared for equality, resolve finds
	// what an operand stands for.
	values  func(i *issue) []string
	resolve func(o jql.Operand) ([]string, error)
	// number gives a value with an order; parse reads an operand for it.
	number func(i *issue) (float64, bool)
	parse  func(o jql.Operand) (float64, error)
	// text gives words for the ~ operator.
	text func(i *issue) string
}

func errUnknownField(name string) error {
	return fmt.Errorf("Field '%s' does not exist or you do not have permission to view it.", name) //nolint:revive,staticcheck // Jira's own words
}

func errOperator(op jql.Op, name string) error {
	return fmt.Errorf("The operator '%s' is not supported by the '%s' field.", op, name) //nolint:revive,staticcheck // Jira's own words
}

func errUnknownValue(text, name string) error {
	return fmt.Errorf("The value '%s' does not exist for the field '%s'.", text, name) //nolint:revive,staticcheck // Jira's own words
}

// bind gives the meaning of one clause.
func (b *binder) bind(c jql.Clause) (func(*issue) bool, error) {
	if len(c.Operands) == 1 && strings.EqualFold(c.Operands[0].Function, "issuesWithRemoteLinksByGlobalId") {
		return b.byRemoteLink(c)
	}
	f, err := b.field(c.Field)
	if err != nil {
		return nil, err
	}
	if f.name == "resolution" {
		for n, o := range c.Operands {
			c.Operands[n].Empty = o.Empty || strings.EqualFold(o.Text, "Unresolved")
		}
	}
	switch c.Op {
	case jql.Is, jql.IsNot:
		return f.emptiness(c.Op), nil
	case jql.Contains, jql.NotContains:
		return f.contains(c)
	case jql.Less, jql.LessOrEqual, jql.Greater, jql.GreaterOrEqual:
		return f.compare(c)
	}
	if f.values == nil && f.number == nil {
		return nil, errOperator(c.Op, f.name)
	}
	return f.equals(c)
}

func (f *searchable) has(i *issue) bool {
	switch {
	case f.values != nil:
		return len(f.values(i)) > 0
	case f.number != nil:
		_, ok := f.number(i)
		return ok
	}
	return f.text(i) != ""
}

func (f *searchable) emptiness(op jql.Op) func(*issue) bool {
	return func(i *issue) bool { return f.has(i) == (op == jql.IsNot) }
}

func (f *searchable) contains(c jql.Clause) (func(*issue) bool, error) {
	if f.text == nil {
		return nil, errOperator(c.Op, f.name)
	}
	query := c.Operands[0].Text
	if strings.HasPrefix(query, "*") || strings.HasPrefix(query, "?") {
		return nil, fmt.Errorf("The text query '%s' for field '%s' is not allowed to start with character '%c'.", query, f.name, query[0]) //nolint:revive,staticcheck // Jira's own words
	}
	return func(i *issue) bool {
		text := f.text(i)
		if c.Op == jql.NotContains {
			return text != "" && !jql.MatchText(text, query)
		}
		return jql.MatchText(text, query)
	}, nil
}

func (f *searchable) compare(c jql.Clause) (func(*issue) bool, error) {
	if f.number == nil {
		return nil, errOperator(c.Op, f.name)
	}
	limit, err := f.parse(c.Operands[0])
	if err != nil {
		return nil, err
	}
	return func(i *issue) bool {
		n, ok := f.number(i)
		if !ok {
			return false
		}
		switch c.Op {
		case jql.Less:
			return n < limit
		case jql.LessOrEqual:
			return n <= limit
		case jql.Greater:
			return n > limit
		default:
			return n >= limit
		}
	}, nil
}

// equals serves =, != and the list operators. The negative ones never match an
// issue without a value.
func (f *searchable) equals(c jql.Clause) (func(*issue) bool, error) {
	negative := c.Op == jql.NotEqual || c.Op == jql.NotIn
	wantEmpty := false
	var ids []string
	var numbers []float64
	for _, o := range c.Operands {
		switch {
		case o.Empty:
			wantEmpty = true
		case f.values != nil:
			found, err := f.resolve(o)
			if err != nil {
				return nil, err
			}
			ids = append(ids, found...)
		default:
			n, err := f.parse(o)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, n)
		}
	}
	in := func(i *issue) bool {
		if f.values != nil {
			return slices.ContainsFunc(f.values(i), func(v string) bool { return slices.Contains(ids, v) })
		}
		n, ok := f.number(i)
		return ok && slices.Contains(numbers, n)
	}
	return func(i *issue) bool {
		if !f.has(i) {
			return wantEmpty && !negative
		}
		return in(i) != negative
	}, nil
}

func (b *binder) byRemoteLink(c jql.Clause) (func(*issue) bool, error) {
	negative := c.Op == jql.NotIn || c.Op == jql.NotEqual
	ids := c.Operands[0].Args
	return func(i *issue) bool {
		linked := slices.ContainsFunc(i.remoteLinks, func(l *remoteLink) bool { return slices.Contains(ids, l.globalID) })
		return linked != negative
	}, nil
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
					return nil, fmt.Errorf("A value with ID '%s' does not exist for the field 'id'.", o.Text) //nolint:revive,staticcheck // Jira's own words
				}
				return nil, fmt.Errorf("An issue with key '%s' does not exist for field 'key'.", o.Text) //nolint:revive,staticcheck // Jira's own words
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
				return 0, fmt.Errorf("An issue with key '%s' does not exist for field 'key'.", o.Text) //nolint:revive,staticcheck // Jira's own words
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
				return 0, fmt.Errorf("'%s' is not a valid number for field '%s'.", o.Text, name) //nolint:revive,staticcheck // Jira's own words
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

// property is an entity property; only those that an app declared are indexed.
func (b *binder) property(f jql.Field) (*searchable, error) {
	for _, p := range b.sys.properties {
		if p.Key == f.Property && p.Path == f.Path && strings.EqualFold(f.Name, "issue.property") {
			return b.indexed(p, f.String()), nil
		}
	}
	return nil, errUnknownField(f.String())
}

func (b *binder) indexed(p IndexedProperty, name string) *searchable {
	get := func(i *issue) any {
		var val any
		if err := json.Unmarshal(i.properties[p.Key], &val); err != nil {
			return nil
		}
		for step := range strings.SplitSeq(p.Path, ".") {
			if step == "" {
				continue
			}
			m, ok := val.(map[string]any)
			if !ok {
				return nil
			}
			val = m[step]
		}
		return val
	}
	switch p.Type {
	case "number":
		return &searchable{name: name, number: func(i *issue) (float64, bool) {
			n, ok := get(i).(float64)
			return n, ok
		}, parse: func(o jql.Operand) (float64, error) { return strconv.ParseFloat(o.Text, 64) }}
	case "date":
		return b.instant(name, func(i *issue) time.Time {
			text, _ := get(i).(string)
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return time.Time{}
			}
			return t
		})
	case "text":
		return &searchable{name: name, text: func(i *issue) string {
			text, _ := get(i).(string)
			return text
		}}
	}
	return &searchable{name: name, values: func(i *issue) []string {
		switch val := get(i).(type) {
		case string:
			return nonEmpty(val)
		case []any:
			var out []string
			for _, e := range val {
				out = append(out, fmt.Sprint(e))
			}
			return out
		}
		return nil
	}, resolve: func(o jql.Operand) ([]string, error) { return []string{o.Text}, nil }}
}

// order gives the place of an issue in the order of a query; newest first when
// the query has none. The id is always the last key, so the order is total.
func (b *binder) order(q *jql.Query) (func(*issue) []sortKey, []error) {
	var keys []func(*issue) sortKey
	var errs []error
	for _, o := range q.Order {
		if name := strings.ToLower(o.Field.Name); name == "key" || name == "issuekey" || name == "issue" {
			keys = append(keys, func(i *issue) sortKey { return sortKey{Text: i.project.key, Desc: o.Descending} }, func(i *issue) sortKey {
				_, n := keyNumber(i.key)
				return sortKey{Num: float64(n), Desc: o.Descending}
			})
			continue
		}
		if strings.EqualFold(o.Field.Name, "rank") {
			keys = append(keys, func(i *issue) sortKey { return sortKey{Num: float64(i.id), Desc: o.Descending} })
			continue
		}
		f, err := b.field(o.Field)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		keys = append(keys, func(i *issue) sortKey { return f.sortKey(i, o.Descending) })
	}
	if len(q.Order) == 0 {
		keys = append(keys, func(i *issue) sortKey { return sortKey{Num: float64(i.created.UnixMilli()), Desc: true} })
	}
	lastDesc := len(q.Order) == 0
	return func(i *issue) []sortKey {
		out := make([]sortKey, 0, len(keys)+1)
		for _, key := range keys {
			out = append(out, key(i))
		}
		return append(out, sortKey{Num: float64(i.id), Desc: lastDesc})
	}, errs
}

func (f *searchable) sortKey(i *issue, desc bool) sortKey {
	k := sortKey{Desc: desc, Empty: !f.has(i)}
	switch {
	case k.Empty:
	case f.number != nil:
		k.Num, _ = f.number(i)
	case f.values != nil:
		k.Text = strings.Join(f.values(i), " ")
	default:
		k.Text = strings.ToLower(f.text(i))
	}
	return k
}
