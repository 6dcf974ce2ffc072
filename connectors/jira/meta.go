package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// metaAge is how long what is known of a site's set-up is taken for current.
// Schema asks anew always.
const metaAge = 10 * time.Minute

// metaCache holds what is known of the site's set-up.
type metaCache struct {
	mu       sync.Mutex
	fields   map[string]*field
	fieldsAt time.Time
	scopes   map[string]scopeRef
	epicLink string // the field of that kind, on Data Center
}

// scopeRef is a scope by ids. Empty ids mean any.
type scopeRef struct {
	project    string
	projectKey string
	issueType  string
	typeName   string
	subtask    bool
	at         time.Time
}

// jql returns the scope as conditions, "" for none.
func (s scopeRef) jql() []string {
	var parts []string
	if s.project != "" {
		parts = append(parts, "project = "+s.project)
	}
	if s.issueType != "" {
		parts = append(parts, "issuetype = "+s.issueType)
	}
	return parts
}

// name tells scopes apart.
func (s scopeRef) name() string { return strings.Join(s.jql(), " AND ") }

// scope resolves the names of a scope. Names that are not there are an Invalid
// error that lists those that are.
func (c *Connection) scope(ctx context.Context, op string, s connectors.Scope, fresh bool) (scopeRef, error) {
	for _, key := range slices.Sorted(maps.Keys(s)) {
		if key != "project" && key != "issuetype" {
			return scopeRef{}, c.fail(op, "", connectors.Invalid, "a scope of Jira has no %q: write project and issuetype", key)
		}
	}
	if s["project"] == "" {
		if s["issuetype"] != "" {
			return scopeRef{}, c.fail(op, "", connectors.Invalid, "the scope names an issue type without its project: write project as well")
		}
		return scopeRef{}, nil
	}
	name := s["project"] + "\x00" + s["issuetype"]
	now := c.clock.Now()
	c.meta.mu.Lock()
	known, ok := c.meta.scopes[name]
	c.meta.mu.Unlock()
	if ok && !fresh && now.Sub(known.at) < metaAge {
		return known, nil
	}
	found, err := c.resolve(ctx, op, s, fresh)
	if err != nil {
		return scopeRef{}, err
	}
	found.at = now
	c.meta.mu.Lock()
	defer c.meta.mu.Unlock()
	if c.meta.scopes == nil || len(c.meta.scopes) > 1000 {
		c.meta.scopes = map[string]scopeRef{}
	}
	c.meta.scopes[name] = found
	return found, nil
}

// resolve asks for a scope's project. For a fresh one, that it is not there is
// a mistake of whoever wrote it, else something that has happened to it.
func (c *Connection) resolve(ctx context.Context, op string, s connectors.Scope, fresh bool) (scopeRef, error) {
	p, resp, err := c.jira.Project.GetWithContext(calling(ctx, "/project/{id}"), url.PathEscape(s["project"]))
	if err := c.outcome(op, "", resp, err); err != nil {
		switch {
		case connectors.KindOf(err) != connectors.NotFound:
			return scopeRef{}, err
		case fresh:
			return scopeRef{}, c.noProject(ctx, op, s["project"])
		}
		return scopeRef{}, c.fail(op, "", connectors.Permission, "project %s is not there any more, or the account may not see it", s["project"])
	}
	found := scopeRef{project: p.ID, projectKey: p.Key}
	want := s["issuetype"]
	if want == "" {
		return found, nil
	}
	var names []string
	for _, t := range p.IssueTypes {
		names = append(names, t.Name)
		if t.ID == want || strings.EqualFold(t.Name, want) {
			if found.issueType != "" {
				return scopeRef{}, c.fail(op, "", connectors.Invalid, "project %s has more than one issue type %q: write its id", p.Key, want)
			}
			found.issueType, found.typeName, found.subtask = t.ID, t.Name, t.Subtask
		}
	}
	if found.issueType == "" {
		return scopeRef{}, c.fail(op, "", connectors.Invalid, "project %s has no issue type %q: it has %s", p.Key, want, rest.Clip(strings.Join(names, ", ")))
	}
	return found, nil
}

// noProject explains a project that is not there by those that are.
func (c *Connection) noProject(ctx context.Context, op, want string) error {
	var keys []string
	if c.cloud {
		var page struct {
			Values []gojira.Project `json:"values"`
		}
		_, err := c.do(ctx, rest.Request{Op: op, Path: "/project/search", Query: url.Values{"maxResults": {"50"}}, Out: &page})
		if err != nil {
			return err
		}
		for _, p := range page.Values {
			keys = append(keys, p.Key)
		}
	} else {
		list, resp, err := c.jira.Project.GetListWithContext(calling(ctx, "/project"))
		if err := c.outcome(op, "", resp, err); err != nil {
			return err
		}
		for _, p := range *list {
			keys = append(keys, p.Key)
		}
	}
	if len(keys) == 0 {
		return c.fail(op, "", connectors.Permission, "the account sees no project at all, so not %q either", want)
	}
	slices.Sort(keys)
	return c.fail(op, "", connectors.Invalid, "there is no project %q, or the account may not see it: it sees %s", want, strings.Join(keys[:min(len(keys), 20)], ", "))
}

// siteField is a field as the list of fields tells it.
type siteField struct {
	gojira.Field
	Scope *struct {
		Project struct {
			ID string `json:"id"`
		} `json:"project"`
	} `json:"scope"`
}

// siteFields returns the fields of the site by id.
func (c *Connection) siteFields(ctx context.Context, op string, maxAge time.Duration) (map[string]*field, error) {
	now := c.clock.Now()
	c.meta.mu.Lock()
	fields, at := c.meta.fields, c.meta.fieldsAt
	c.meta.mu.Unlock()
	if fields != nil && now.Sub(at) < maxAge {
		return fields, nil
	}
	var list []siteField
	if _, err := c.do(ctx, rest.Request{Op: op, Path: "/field", Out: &list}); err != nil {
		return nil, err
	}
	fields = make(map[string]*field, len(list)+1)
	epic := ""
	for i := range list {
		w := &list[i]
		f := &field{id: w.ID, name: w.Name, schema: w.Schema, shape: shapeOf(w.ID, w.Schema)}
		if w.Searchable || len(w.ClauseNames) > 0 {
			f.clause = clauseOf(w)
		}
		if w.Scope != nil {
			f.project = w.Scope.Project.ID
		}
		if f.shape == epicLink && !c.cloud {
			epic = f.id
		}
		fields[f.id] = f
	}
	fields["issuekey"] = &field{id: "issuekey", name: "Key", shape: issueKey, clause: "issuekey"}
	c.meta.mu.Lock()
	defer c.meta.mu.Unlock()
	c.meta.fields, c.meta.fieldsAt, c.meta.epicLink = fields, now, epic
	return fields, nil
}

// clauseOf returns what JQL calls a field.
func clauseOf(w *siteField) string {
	if w.Schema.CustomID > 0 {
		return "cf[" + strconv.FormatInt(w.Schema.CustomID, 10) + "]"
	}
	if len(w.ClauseNames) > 0 {
		return w.ClauseNames[0]
	}
	return w.ID
}

// fieldsOf returns the named fields that the site has, in order of names.
func (c *Connection) fieldsOf(ctx context.Context, op string, names []string) ([]*field, error) {
	if len(names) == 0 {
		return nil, nil
	}
	all, err := c.siteFields(ctx, op, metaAge)
	if err != nil {
		return nil, err
	}
	var out []*field
	for _, n := range names {
		if f := all[n]; f != nil && f.shape != unlisted && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out, nil
}

// createFields returns the create screen of an issue type, by field id.
func (c *Connection) createFields(ctx context.Context, op, project, issueType string) (map[string]fieldMeta, error) {
	out := map[string]fieldMeta{}
	for start := 0; start < 5000; {
		var page createMeta
		_, err := c.do(ctx, rest.Request{
			Op: op, Path: "/issue/createmeta/{project}/issuetypes/{type}",
			Params: map[string]string{"project": project, "type": issueType},
			Query:  url.Values{"startAt": {strconv.Itoa(start)}, "maxResults": {"200"}}, Out: &page,
		})
		if err != nil {
			return nil, err
		}
		list := append(page.Fields, page.Values...)
		for _, m := range list {
			if m.FieldID == "" {
				m.FieldID = m.Key
			}
			out[m.FieldID] = m
		}
		start += len(list)
		if len(list) == 0 || page.IsLast || start >= page.Total {
			return out, nil
		}
	}
	return nil, c.fail(op, "", connectors.Internal, "the create screen has more than 5000 fields")
}

// editFields returns the edit screen of an issue, by field id.
func (c *Connection) editFields(ctx context.Context, op, id string) (map[string]fieldMeta, error) {
	var answer struct {
		Fields map[string]fieldMeta `json:"fields"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Path: "/issue/{id}/editmeta", Params: map[string]string{"id": id}, Out: &answer,
	})
	return answer.Fields, err
}

// Check implements connectors.Connection.
func (c *Connection) Check(ctx context.Context) (connectors.Account, error) {
	const op = "check"
	me, err := c.self(ctx, op)
	if err != nil {
		return connectors.Account{}, err
	}
	account := connectors.Account{ID: userID(me), Name: me.DisplayName, Zone: me.TimeZone, System: c.systemName()}
	if err := c.checkServer(ctx, op, &account); err != nil {
		return connectors.Account{}, err
	}
	if err := c.checkRights(ctx, op, &account); err != nil {
		return connectors.Account{}, err
	}
	return account, nil
}

func (c *Connection) systemName() string {
	u, err := url.Parse(c.site)
	if err != nil {
		return c.site
	}
	return u.Host + u.Path
}

// self asks who the account is. It is the one call that never answers anonymous
// callers.
func (c *Connection) self(ctx context.Context, op string) (*gojira.User, error) {
	me, resp, err := c.jira.User.GetSelfWithContext(calling(ctx, "/myself"))
	if err := c.outcome(op, "", resp, err); err != nil {
		if e, ok := asError(err); ok && e.Kind == connectors.NotFound {
			e.Help = "check base_url: there is no Jira at this address; a context path such as /jira may be missing"
		}
		return nil, err
	}
	if userID(me) == "" {
		return nil, &connectors.Error{
			Op: op, Connection: c.name, Kind: connectors.Auth,
			Err: errors.New("Jira does not say who the account is: the credentials are wrong or have expired"), Help: helpToken, //nolint:staticcheck // Jira is a name
		}
	}
	c.me.set(userID(me), me.TimeZone, c.clock.Now())
	return me, nil
}

// identity remembers who the account is, in which zone it lives, and how far
// Jira's clock is ahead.
type identity struct {
	mu       sync.Mutex
	account  string
	zoneName string
	at       time.Time
	ahead    time.Duration
	aheadAt  time.Time
}

func (i *identity) id() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.account
}

func (i *identity) set(id, zone string, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.account, i.zoneName, i.at = id, zone, now
}

func (i *identity) zone(now time.Time) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.zoneName, i.account != "" && now.Sub(i.at) < zoneAge
}

func (i *identity) skew(now time.Time) (time.Duration, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ahead, !i.aheadAt.IsZero() && now.Sub(i.aheadAt) < skewAge
}

func (i *identity) setSkew(d time.Duration, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ahead, i.aheadAt = d, now
}

// serverInfo is what Jira tells of itself.
type serverInfo struct {
	DeploymentType string `json:"deploymentType"`
	Version        string `json:"version"`
	ServerTime     string `json:"serverTime"`
}

func (c *Connection) server(ctx context.Context, op string) (serverInfo, error) {
	var info serverInfo
	_, err := c.do(ctx, rest.Request{Op: op, Path: "/serverInfo", Out: &info})
	return info, err
}

func (c *Connection) checkServer(ctx context.Context, op string, account *connectors.Account) error {
	info, err := c.server(ctx, op)
	if err != nil {
		return err
	}
	if isCloud := info.DeploymentType == "Cloud"; info.DeploymentType != "" && isCloud != c.cloud {
		want := dataCenter
		if isCloud {
			want = cloud
		}
		return c.fail(op, "", connectors.Invalid, "this is Jira %s (version %s): set deployment: %s", rest.Clip(info.DeploymentType), rest.Clip(info.Version), want)
	}
	if t, err := parseTime(info.ServerTime); err == nil {
		if skew := t.Sub(c.clock.Now()).Abs(); skew > 2*time.Minute {
			account.Warnings = append(account.Warnings, fmt.Sprintf("the clocks of this machine and of Jira differ by %v", skew.Round(time.Second)))
		}
	}
	return nil
}

// rights are what Tenon needs, and how Jira's administration calls them.
var rights = []struct{ key, name string }{
	{"BROWSE_PROJECTS", "Browse projects"},
	{"CREATE_ISSUES", "Create issues"},
	{"EDIT_ISSUES", "Edit issues"},
	{"TRANSITION_ISSUES", "Transition issues"},
	{"ASSIGN_ISSUES", "Assign issues"},
	{"ADD_COMMENTS", "Add comments"},
}

func (c *Connection) permissions(ctx context.Context, op string, query url.Values) (map[string]bool, error) {
	var answer struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}
	if _, err := c.do(ctx, rest.Request{Op: op, Path: "/mypermissions", Query: query, Out: &answer}); err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for key, p := range answer.Permissions {
		have[key] = p.Have
	}
	return have, nil
}

func (c *Connection) checkRights(ctx context.Context, op string, account *connectors.Account) error {
	keys := []string{"USER_PICKER"}
	for _, r := range rights {
		keys = append(keys, r.key)
	}
	have, err := c.permissions(ctx, op, url.Values{"permissions": {strings.Join(keys, ",")}})
	if err != nil {
		return err
	}
	for _, r := range rights {
		if !have[r.key] {
			account.Missing = append(account.Missing, r.name)
		}
	}
	if !have["USER_PICKER"] {
		account.Warnings = append(account.Warnings, "without the global right Browse users and groups, people cannot be found by e-mail")
	}
	return nil
}

// decodeNamed reads what JSON values have an id.
func decodeNamed(list []json.RawMessage) []named {
	var out []named
	for _, raw := range list {
		var n named
		if json.Unmarshal(raw, &n) == nil && (n.ID != "" || n.label() != "") {
			out = append(out, n)
		} else if text := ""; json.Unmarshal(raw, &text) == nil && text != "" {
			out = append(out, named{Value: text})
		}
	}
	return out
}
