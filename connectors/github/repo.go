package github

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// repoRef is a repository.
type repoRef struct {
	id          int64
	owner, name string
	archived    bool
	issues      bool            // people use its issues
	rights      map[string]bool // "admin", "push", "triage", "pull"; nil: not told
}

func (r repoRef) fullName() string { return r.owner + "/" + r.name }

func (r repoRef) params(more ...string) map[string]string {
	out := map[string]string{"owner": r.owner, "repo": r.name}
	for n := 0; n+1 < len(more); n += 2 {
		out[more[n]] = more[n+1]
	}
	return out
}

// repoCache remembers which repository has which id.
type repoCache struct {
	mu     sync.Mutex
	byID   map[int64]cachedRepo
	byName map[string]int64 // lower case; also names that lead on to another
}

type cachedRepo struct {
	repo repoRef
	at   time.Time
}

// repoAge is how long a repository's name is taken for current. A former name
// goes on working in the meantime, other than for writes.
const repoAge = 10 * time.Minute

func (rc *repoCache) get(id int64, now time.Time) (repoRef, bool) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	hit, ok := rc.byID[id]
	return hit.repo, ok && now.Sub(hit.at) < repoAge
}

func (rc *repoCache) named(name string, now time.Time) (repoRef, bool) {
	rc.mu.Lock()
	id, ok := rc.byName[strings.ToLower(name)]
	rc.mu.Unlock()
	if !ok {
		return repoRef{}, false
	}
	return rc.get(id, now)
}

func (rc *repoCache) put(name string, r repoRef, now time.Time) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.byID == nil || len(rc.byID) > 10_000 {
		rc.byID, rc.byName = map[int64]cachedRepo{}, map[string]int64{}
	}
	rc.byID[r.id] = cachedRepo{r, now}
	rc.byName[strings.ToLower(r.fullName())] = r.id
	if name != "" {
		rc.byName[strings.ToLower(name)] = r.id
	}
}

func (rc *repoCache) drop(id int64) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	delete(rc.byID, id)
}

func toRepo(w *gogithub.Repository) (repoRef, error) {
	r := repoRef{
		id: w.GetID(), owner: w.GetOwner().GetLogin(), name: w.GetName(), archived: w.GetArchived(), issues: w.HasIssues == nil || *w.HasIssues,
		rights: maps.Clone(w.Permissions),
	}
	if r.id <= 0 || r.owner == "" || r.name == "" {
		return r, fmt.Errorf("the answer is no repository")
	}
	return r, nil
}

// repoNamed finds a repository by its full name. One that the account does not
// see is a Permission error: GitHub does not tell it from one that is not there.
func (c *Connection) repoNamed(ctx context.Context, op, name string) (repoRef, error) {
	if r, ok := c.repos.named(name, c.clock.Now()); ok {
		return r, nil
	}
	owner, short, _ := strings.Cut(name, "/")
	w, resp, err := c.hub.Repositories.Get(calling(ctx, "/repos/{owner}/{repo}"), url.PathEscape(owner), url.PathEscape(short))
	return c.keepRepo(op, name, w, resp, err)
}

// repoByID finds a repository by its id.
func (c *Connection) repoByID(ctx context.Context, op string, id int64) (repoRef, error) {
	if r, ok := c.repos.get(id, c.clock.Now()); ok {
		return r, nil
	}
	w, resp, err := c.hub.Repositories.GetByID(calling(ctx, "/repositories/{id}"), id)
	return c.keepRepo(op, "", w, resp, err)
}

func (c *Connection) keepRepo(op, name string, w *gogithub.Repository, resp *gogithub.Response, err error) (repoRef, error) {
	if err = c.outcome(op, "", resp, err); err != nil {
		if connectors.KindOf(err) != connectors.NotFound {
			return repoRef{}, err
		}
		shown := name
		if shown == "" {
			shown = "with this id"
		}
		e := c.fail(op, "", connectors.Permission, "GitHub shows this account no repository %s", shown)
		e.Help = "check the name, and give the token or the app access to the repository"
		return repoRef{}, e
	}
	r, err := toRepo(w)
	if err != nil {
		return r, c.fail(op, "", connectors.Internal, "%w", err)
	}
	c.repos.put(name, r, c.clock.Now())
	return r, nil
}

// scopeRef is a scope whose repository is known.
type scopeRef struct {
	repo  repoRef
	label string // issues without it are out of scope
	typ   string // and those of another type
}

// holds reports whether an issue lies in the scope.
func (sc scopeRef) holds(i *issue) bool {
	return i.repo == sc.repo.id && (sc.typ == "" || strings.EqualFold(i.typ, sc.typ)) &&
		(sc.label == "" || slices.ContainsFunc(i.labels, func(l string) bool { return strings.EqualFold(l, sc.label) }))
}

// scopeKeys are what a scope may name, by object.
var scopeKeys = map[string][]string{issueObject: {"repo", "label", "type"}, milestoneObject: {"repo"}}

// scope resolves a scope: {repo: owner/name}, with a label and a type of issue
// besides.
func (c *Connection) scope(ctx context.Context, op, object string, scope connectors.Scope) (scopeRef, error) {
	for _, key := range slices.Sorted(maps.Keys(scope)) {
		if !slices.Contains(scopeKeys[object], key) {
			return scopeRef{}, c.fail(op, "", connectors.Invalid, "the scope has no key %q here: there are %s", key, strings.Join(scopeKeys[object], ", "))
		}
	}
	name := strings.TrimSpace(scope["repo"])
	owner, short, ok := strings.Cut(name, "/")
	if !ok || owner == "" || short == "" || strings.ContainsAny(name, " ?#%\\") || strings.Contains(short, "/") || short == "." || short == ".." {
		return scopeRef{}, c.fail(op, "", connectors.Invalid, "the scope names no repository: write {repo: owner/name}")
	}
	r, err := c.repoNamed(ctx, op, name)
	return scopeRef{repo: r, label: scope["label"], typ: scope["type"]}, err
}

// meta is what a repository offers for the fields of its issues.
type meta struct {
	at         time.Time
	labels     []string
	milestones []connectors.Option
	types      []connectors.Option
}

// label returns a label's name as the repository writes it, "" if there is none.
func (m *meta) label(name string) string {
	for _, l := range m.labels {
		if strings.EqualFold(l, name) {
			return l
		}
	}
	return ""
}

func (m *meta) labelOptions(sc scopeRef) []connectors.Option {
	var out []connectors.Option
	for _, l := range m.labels {
		if sc.label == "" || !strings.EqualFold(l, sc.label) {
			out = append(out, option(l, l))
		}
	}
	return out
}

type metaCache struct {
	mu     sync.Mutex
	byRepo map[int64]*meta
}

func (mc *metaCache) get(id int64) *meta {
	mc.mu.Lock()
	defer mc.mu.Unlock()
	return mc.byRepo[id]
}

func (mc *metaCache) put(id int64, m *meta) {
	mc.mu.Lock()
	defer mc.mu.Unlock()
	if mc.byRepo == nil || len(mc.byRepo) > 1000 {
		mc.byRepo = map[int64]*meta{}
	}
	mc.byRepo[id] = m
}

// metaOf returns what a repository offers, no older than age.
func (c *Connection) metaOf(ctx context.Context, op string, r repoRef, age time.Duration) (*meta, error) {
	if m := c.meta.get(r.id); m != nil && c.clock.Now().Sub(m.at) < age {
		return m, nil
	}
	m := &meta{at: c.clock.Now()}
	var labels []gogithub.Label
	hundred := url.Values{"per_page": {"100"}}
	err := c.all(ctx, rest.Request{Op: op, Path: "/repos/{owner}/{repo}/labels", Params: r.params(), Query: hundred}, into(&labels))
	if err != nil {
		return nil, err
	}
	for _, l := range labels {
		if l.GetName() != "" && m.label(l.GetName()) == "" {
			m.labels = append(m.labels, l.GetName())
		}
	}
	stones, err := c.listStones(ctx, op, r)
	if err != nil {
		return nil, err
	}
	for _, s := range stones {
		m.milestones = append(m.milestones, option(strconv.Itoa(s.GetNumber()), s.GetTitle()))
	}
	if m.types, err = c.listTypes(ctx, op, r); err != nil {
		return nil, err
	}
	c.meta.put(r.id, m)
	return m, nil
}

// listTypes lists the issue types that the repository's organisation has; none
// where GitHub does not know them.
func (c *Connection) listTypes(ctx context.Context, op string, r repoRef) ([]connectors.Option, error) {
	if c.isPlain() {
		return nil, nil
	}
	var types []struct {
		Name    string `json:"name"`
		Enabled *bool  `json:"is_enabled"`
	}
	_, err := c.http.Do(ctx, rest.Request{Op: op, Path: "/repos/{owner}/{repo}/issue-types", Params: r.params(), Out: &types})
	if err != nil {
		if connectors.AboutRecord(err) {
			return nil, nil
		}
		return nil, err
	}
	var out []connectors.Option
	for _, t := range types {
		known := slices.ContainsFunc(out, func(o connectors.Option) bool { return o.ID == t.Name })
		if t.Name != "" && !known && (t.Enabled == nil || *t.Enabled) {
			out = append(out, option(t.Name, t.Name))
		}
	}
	return out, nil
}

// listStones lists the milestones of a repository, open and closed, each once.
func (c *Connection) listStones(ctx context.Context, op string, r repoRef) ([]*gogithub.Milestone, error) {
	var list []*gogithub.Milestone
	err := c.all(ctx, rest.Request{
		Op: op, Path: "/repos/{owner}/{repo}/milestones", Params: r.params(), Query: url.Values{"state": {"all"}, "per_page": {"100"}},
	}, into(&list))
	seen := map[int]bool{}
	return slices.DeleteFunc(list, func(m *gogithub.Milestone) bool {
		n := m.GetNumber()
		drop := m == nil || n <= 0 || seen[n]
		seen[n] = true
		return drop
	}), err
}

// isPlain reports whether the server knows no sub-issues and no issue types.
func (c *Connection) isPlain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plain
}

func (c *Connection) setPlain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plain = true
}
