package github

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// searchIssues searches an index that lags behind.
func (c *call) searchIssues() (reply, error) {
	q, err := parseSearch(c.query.Get("q"))
	if err != nil {
		return reply{}, err
	}
	if c.grant != nil && c.grant.inst != nil && q.is["issue"] == q.is["pull-request"] {
		return reply{}, &apiError{status: http.StatusUnprocessableEntity, message: "Query must include 'is:issue' or 'is:pull-request'"}
	}
	var list []*issue
	for _, r := range c.visible() {
		for _, n := range r.numbers() {
			if i := c.sys.asOf(r.issues[n], c.sys.opts.SearchLag); i != nil && q.matches(i) {
				list = append(list, i)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *issue) int { return b.updated.Compare(a.updated) })
	total := len(list)
	list = list[:min(total, 1000)]
	rep, err := page(c, list, func(i *issue) any {
		out := c.issue(i)
		out["score"] = 1.0
		return out
	})
	rep.body = object{"total_count": total, "incomplete_results": false, "items": rep.body, "search_type": "lexical"}
	return rep, err
}

// search is a query of issues, as far as the sandbox knows the language.
type search struct {
	repos  []string
	is     map[string]bool
	words  []string
	labels []string
	in     []string
	since  time.Time
}

func parseSearch(text string) (search, error) {
	q := search{is: map[string]bool{}}
	if strings.TrimSpace(text) == "" {
		return q, invalid("Search", "q", "missing", nil)
	}
	if len(text) > 256 {
		return q, &apiError{status: 422, message: "Validation Failed", errors: []any{object{"message": "The search is longer than 256 characters.", "resource": "Search", "field": "q", "code": "invalid"}}}
	}
	for _, term := range searchTerms(text) {
		key, value, qualified := strings.Cut(term, ":")
		value = strings.Trim(value, `"`)
		switch {
		case !qualified || strings.HasPrefix(term, `"`):
			q.words = append(q.words, strings.ToLower(strings.Trim(term, `"`)))
		case key == "repo":
			q.repos = append(q.repos, value)
		case key == "is" || key == "type" || key == "state":
			q.is[strings.Replace(value, "pr", "pull-request", 1)] = true
		case key == "label":
			q.labels = append(q.labels, value)
		case key == "in":
			q.in = strings.Split(value, ",")
		case key == "updated":
			q.since, _ = time.Parse(time.RFC3339, strings.TrimPrefix(value, ">="))
		default:
			q.words = append(q.words, strings.ToLower(term))
		}
	}
	return q, nil
}

// searchTerms cuts a query at blanks outside quotes.
func searchTerms(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

func (q search) matches(i *issue) bool {
	switch {
	case len(q.repos) > 0 && !slices.ContainsFunc(q.repos, func(name string) bool { return strings.EqualFold(name, i.repo.fullName()) }),
		q.is["issue"] && i.pull, q.is["pull-request"] && !q.is["issue"] && !i.pull,
		q.is["open"] && i.state != "open", q.is["closed"] && i.state != "closed", i.updated.Before(q.since):
		return false
	}
	for _, name := range q.labels {
		if !slices.ContainsFunc(i.labels, func(l *label) bool { return strings.EqualFold(l.name, name) }) {
			return false
		}
	}
	haystack := ""
	if len(q.in) == 0 || slices.Contains(q.in, "title") {
		haystack += strings.ToLower(i.title) + "\n"
	}
	if len(q.in) == 0 || slices.Contains(q.in, "body") {
		haystack += strings.ToLower(textOf(i.body))
	}
	return !slices.ContainsFunc(q.words, func(w string) bool { return !strings.Contains(haystack, w) })
}

// searchUsers finds people by login, name or the e-mail that they show.
func (c *call) searchUsers() (reply, error) {
	words := strings.Fields(c.query.Get("q"))
	if len(words) == 0 {
		return reply{}, invalid("Search", "q", "missing", nil)
	}
	var in []string
	words = slices.DeleteFunc(words, func(w string) bool {
		if rest, ok := strings.CutPrefix(w, "in:"); ok {
			in = append(in, rest)
			return true
		}
		return strings.HasPrefix(w, "type:")
	})
	list := slices.DeleteFunc(slices.Clone(c.sys.users), func(u *user) bool {
		email := ""
		if u.emailPublic {
			email = u.email
		}
		haystack := strings.ToLower(fmt.Sprint(u.login, "\n", u.name, "\n", email))
		if slices.Contains(in, "email") {
			haystack = strings.ToLower(email)
		}
		return u.typ == "Bot" || haystack == "" || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(haystack, strings.ToLower(strings.Trim(w, `"`))) })
	})
	rep, err := page(c, list, func(u *user) any {
		out, _ := c.links().user(u).(object)
		out["score"] = 1.0
		return out
	})
	rep.body = object{"total_count": len(list), "incomplete_results": false, "items": rep.body}
	return rep, err
}
