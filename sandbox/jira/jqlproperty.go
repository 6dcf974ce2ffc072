package jira

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/jql"
)

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
