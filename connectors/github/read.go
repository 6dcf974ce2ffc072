package github

import (
	"context"
	"slices"
	"strconv"
	"sync"

	gogithub "github.com/google/go-github/v60/github"
	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// readBatch is how many issues one query reads.
const readBatch = 100

// singles is how many issues are looked for at the same time where each takes a
// request.
const singles = 4

// Read implements connectors.Connection. Issues that GraphQL does not know are
// asked for one by one: REST tells a deleted one (410) and a transferred one
// (301) from those that never were.
func (c *Connection) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	const op = "read"
	if err := c.checkObject(op, sel.Object); err != nil {
		return nil, err
	}
	sc, err := c.scope(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return nil, err
	}
	results := map[string]connectors.ReadResult{}
	byRepo := map[int64][]int{}
	for _, id := range ids {
		if _, done := results[id]; done {
			continue
		}
		repo, n, ok := parseID(id)
		results[id] = connectors.ReadResult{Err: c.noSuch(op, sel.Object, id)}
		if ok {
			byRepo[repo] = append(byRepo[repo], n)
		}
	}
	for _, repo := range sortedKeys(byRepo) {
		read := c.readIssues
		if sel.Object == milestoneObject {
			read = c.readStones
		}
		if err := read(ctx, sel, sc, repo, byRepo[repo], results); err != nil {
			return nil, err
		}
	}
	out := make([]connectors.ReadResult, len(ids))
	for n, id := range ids {
		out[n] = results[id]
		if r := out[n].Record; r != nil && slices.Contains(ids[:n], id) {
			out[n].Record = r.Clone()
		}
	}
	return out, nil
}

func sortedKeys[V any](m map[int64]V) []int64 {
	var out []int64
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (c *Connection) noSuch(op, object, id string) error {
	return c.fail(op, ref(object, id), connectors.NotFound, "there is no %s with this id", object)
}

// readIssues reads issues of one repository into results.
func (c *Connection) readIssues(ctx context.Context, sel connectors.Selection, sc scopeRef, repo int64, numbers []int, results map[string]connectors.ReadResult) error {
	const op = "read"
	r, err := c.repoOf(ctx, op, sc, repo)
	if connectors.KindOf(err) == connectors.Permission {
		for _, n := range numbers {
			id := idOf(repo, n)
			results[id] = connectors.ReadResult{Err: c.fail(op, ref(issueObject, id), connectors.Permission, "%w", err)}
		}
		return nil
	}
	if err != nil {
		return err
	}
	var missing []int
	for batch := range slices.Chunk(numbers, readBatch) {
		found, err := c.queryIssues(ctx, op, r, batch)
		if connectors.KindOf(err) == connectors.Permission {
			for _, n := range batch {
				id := idOf(repo, n)
				results[id] = connectors.ReadResult{Err: c.fail(op, ref(issueObject, id), connectors.Permission, "%w", err)}
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := c.learnPeople(ctx, op, sel.Fields, found); err != nil {
			return err
		}
		for _, n := range batch {
			if i := found[n]; i != nil {
				results[i.id] = connectors.ReadResult{Record: c.record(i, sc, r.fullName(), sel.Fields)}
				continue
			}
			missing = append(missing, n)
		}
	}
	return c.readMissing(ctx, sel, sc, r, missing, results)
}

// repoOf returns the repository of that id, the scope's as a rule.
func (c *Connection) repoOf(ctx context.Context, op string, sc scopeRef, id int64) (repoRef, error) {
	if sc.repo.id == id {
		return sc.repo, nil
	}
	return c.repoByID(ctx, op, id)
}

// readMissing asks for issues one by one.
func (c *Connection) readMissing(ctx context.Context, sel connectors.Selection, sc scopeRef, r repoRef, numbers []int, results map[string]connectors.ReadResult) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(singles)
	for _, n := range numbers {
		g.Go(func() error {
			got, err := c.readOne(ctx, sel, sc, r, n)
			if err != nil && !connectors.AboutRecord(err) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			results[idOf(r.id, n)] = connectors.ReadResult{Record: got, Err: err}
			return nil
		})
	}
	return g.Wait()
}

// readOne finds out what became of an issue.
func (c *Connection) readOne(ctx context.Context, sel connectors.Selection, sc scopeRef, r repoRef, n int) (*connectors.Record, error) {
	const op = "read"
	id := idOf(r.id, n)
	i, err := c.getIssue(ctx, op, r, n)
	switch {
	case rest.StatusOf(err) == 410:
		return c.gone(ctx, sc, r, id)
	case err != nil:
		return nil, err
	case i.pull:
		return nil, c.fail(op, ref(issueObject, id), connectors.NotFound, "%s#%d is a pull request", r.fullName(), n)
	case i.id == id:
		return c.record(i, sc, r.fullName(), sel.Fields), nil
	}
	return &connectors.Record{
		Ref: connectors.Ref{Connection: c.name, Object: issueObject, ID: id}, State: connectors.Merged, MergedInto: i.id,
	}, nil
}

// gone tells a deleted issue from one of a repository whose issues were
// switched off: both are answered with 410.
func (c *Connection) gone(ctx context.Context, sc scopeRef, r repoRef, id string) (*connectors.Record, error) {
	const op = "read"
	c.repos.drop(r.id)
	fresh, err := c.repoByID(ctx, op, r.id)
	switch {
	case err != nil:
		return nil, err
	case !fresh.issues:
		return nil, c.fail(op, ref(issueObject, id), connectors.Permission, "issues are switched off in %s", fresh.fullName())
	}
	return &connectors.Record{Ref: connectors.Ref{Connection: c.name, Object: issueObject, ID: id}, State: connectors.Deleted, InScope: sc.repo.id == r.id}, nil
}

// getIssue reads one issue by REST. For a transferred one it returns the one
// that it became, which has another id.
func (c *Connection) getIssue(ctx context.Context, op string, r repoRef, n int) (*issue, error) {
	record := ref(issueObject, idOf(r.id, n))
	var w wireIssue
	_, err := c.http.Do(ctx, rest.Request{
		Op: op, Record: record, Path: issuePath, Params: r.params("number", strconv.Itoa(n)), Out: &w,
	})
	if err != nil {
		return nil, err
	}
	repo := r.id
	if name := repoNameIn(w.GetRepositoryURL()); name != "" && name != r.fullName() {
		there, err := c.repoNamed(ctx, op, name)
		if err != nil {
			return nil, err
		}
		repo = there.id
	}
	i := ofREST(&w, repo)
	if i.number <= 0 || repo == r.id && i.number != n {
		return nil, c.fail(op, record, connectors.Internal, "the answer is another issue, or none")
	}
	c.marks.see(i)
	return i, nil
}

// issuePath is the address of an issue.
const issuePath = "/repos/{owner}/{repo}/issues/{number}"

// repoNameIn takes the full name off a repository's address.
func repoNameIn(address string) string {
	_, name, ok := cutLast(address, "/repos/")
	if !ok {
		return ""
	}
	return name
}

// readStones reads milestones: one by its address, more by the list of all.
func (c *Connection) readStones(ctx context.Context, sel connectors.Selection, sc scopeRef, repo int64, numbers []int, results map[string]connectors.ReadResult) error {
	const op = "read"
	if repo != sc.repo.id {
		return nil // a milestone stays in its repository
	}
	var list []*gogithub.Milestone
	if len(numbers) == 1 {
		m, resp, err := c.hub.Issues.GetMilestone(calling(ctx, stonePath), sc.repo.owner, sc.repo.name, numbers[0])
		if err = c.outcome(op, ref(milestoneObject, idOf(repo, numbers[0])), resp, err); err != nil {
			if !connectors.AboutRecord(err) {
				return err
			}
			results[idOf(repo, numbers[0])] = connectors.ReadResult{Err: err}
			return nil
		}
		list = append(list, m)
	} else {
		var err error
		if list, err = c.listStones(ctx, op, sc.repo); err != nil {
			return err
		}
	}
	for _, m := range list {
		if slices.Contains(numbers, m.GetNumber()) {
			c.marks.seeStone(repo, m)
			results[idOf(repo, m.GetNumber())] = connectors.ReadResult{Record: c.stoneRecord(m, sc, sel.Fields)}
		}
	}
	return nil
}

const stonePath = "/repos/{owner}/{repo}/milestones/{number}"
