package github

import (
	"context"
	"slices"
	"sync"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// markCache remembers the marks of records, so that a write of the body need
// not read it first, and by which ids GraphQL knows them.
type markCache struct {
	mu   sync.Mutex
	byID map[string]marked
}

type marked struct {
	mark
	node string
}

// maxMarks bounds the cache; what it forgot is read again.
const maxMarks = 50_000

func (mc *markCache) put(object, id string, m marked) {
	mc.mu.Lock()
	defer mc.mu.Unlock()
	if mc.byID == nil || len(mc.byID) >= maxMarks {
		mc.byID = map[string]marked{}
	}
	mc.byID[object+"/"+id] = m
}

func (mc *markCache) get(object, id string) (marked, bool) {
	mc.mu.Lock()
	defer mc.mu.Unlock()
	m, ok := mc.byID[object+"/"+id]
	return m, ok
}

func (mc *markCache) see(i *issue) {
	if i.pull {
		return
	}
	_, m := splitMark(i.body)
	mc.put(issueObject, i.id, marked{m, i.nodeID})
}

func (mc *markCache) seeStone(repo int64, w *gogithub.Milestone) {
	_, m := splitMark(newlines(w.GetDescription()))
	mc.put(milestoneObject, idOf(repo, w.GetNumber()), marked{mark: m})
}

// indexes know the keys and titles of each repository's issues. GitHub has no
// look-up for either but search, whose index lags by its own measure.
type indexes struct {
	mu     sync.Mutex
	byRepo map[int64]*index
}

// index is what a walk through the issues of a repository has seen. It goes on
// where it stood, so only the first look takes long.
type index struct {
	turn chan struct{} // holds one: whose turn it is to walk

	mu    sync.Mutex
	at    walk
	keys  map[string][]int // numbers by key, also of issues that lost theirs since
	title map[int]string
}

func (x *indexes) of(repo int64) *index {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byRepo == nil {
		x.byRepo = map[int64]*index{}
	}
	if x.byRepo[repo] == nil {
		x.byRepo[repo] = &index{turn: make(chan struct{}, 1), keys: map[string][]int{}, title: map[int]string{}}
	}
	return x.byRepo[repo]
}

// catchUp walks on until the index knows what the list shows.
func (c *Connection) catchUp(ctx context.Context, op string, r repoRef) (*index, error) {
	x := c.index.of(r.id)
	select {
	case x.turn <- struct{}{}:
		defer func() { <-x.turn }()
	case <-ctx.Done():
		return nil, c.fail(op, "", connectors.Unavailable, "%w", context.Cause(ctx))
	}
	for more := true; more; {
		var rows []*issue
		var err error
		at := x.at
		if rows, more, err = c.step(ctx, op, r, &at); err != nil {
			return nil, err
		}
		x.mu.Lock()
		x.at = at
		for _, i := range rows {
			x.take(i)
		}
		x.mu.Unlock()
	}
	return x, nil
}

func (x *index) take(i *issue) {
	if i.pull {
		return
	}
	x.title[i.number] = i.title
	if _, m := splitMark(i.body); m.key != "" && !slices.Contains(x.keys[m.key], i.number) {
		x.keys[m.key] = append(x.keys[m.key], i.number)
	}
}

// made notes an issue that the connection made itself, which the list may not
// show yet.
func (x *index) made(i *issue) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.take(i)
}

func (x *index) byKey(key string) []int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Sorted(slices.Values(x.keys[key]))
}

// byTitle lists the issues of each title, by number.
func (x *index) byTitle(titles []string) map[string][]int {
	wanted := map[string][]int{}
	for _, t := range titles {
		wanted[t] = nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for n, t := range x.title {
		if _, asked := wanted[t]; asked {
			wanted[t] = append(wanted[t], n)
		}
	}
	for _, list := range wanted {
		slices.Sort(list)
	}
	return wanted
}

// FindByKey implements connectors.Connection. It goes by the list of issues. A
// sub-issue that was made but not put below its parent any more is put there
// now: its mark names the parent.
func (c *Connection) FindByKey(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
	const op = "find by key"
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	out := make([][]string, len(keys))
	if len(keys) == 0 {
		return out, nil
	}
	sc, err := c.scope(ctx, op, object, scope)
	if err != nil {
		return nil, err
	}
	if object == milestoneObject {
		return out, c.findStones(ctx, op, sc, keys, out)
	}
	x, err := c.catchUp(ctx, op, sc.repo)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, key := range keys {
		for _, n := range x.byKey(key) {
			if !slices.Contains(numbers, n) {
				numbers = append(numbers, n)
			}
		}
	}
	live, err := c.stillThere(ctx, op, sc.repo, numbers)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if i := live[n]; i != nil {
			if err := c.placeBelow(ctx, op, sc.repo, i); err != nil {
				return nil, err
			}
		}
	}
	for k, key := range keys {
		for _, n := range x.byKey(key) {
			if live[n] != nil {
				out[k] = append(out[k], live[n].id)
			}
		}
	}
	return out, nil
}

// stillThere reads those of the issues that were not deleted or transferred
// since they were listed. One that cannot be read is an error: taken for gone,
// it would be made again.
func (c *Connection) stillThere(ctx context.Context, op string, r repoRef, numbers []int) (map[int]*issue, error) {
	live := make(map[int]*issue, len(numbers))
	for batch := range slices.Chunk(numbers, readBatch) {
		found, err := c.queryIssues(ctx, op, r, batch)
		if err != nil {
			return nil, err
		}
		for _, n := range batch {
			i := found[n]
			if i == nil {
				i, err = c.getIssue(ctx, op, r, n)
				switch {
				case connectors.KindOf(err) == connectors.NotFound && err != nil:
					continue
				case err != nil:
					return nil, err
				case i.id != idOf(r.id, n): // transferred
					continue
				}
			}
			live[n] = i
		}
	}
	return live, nil
}

// placeBelow makes an issue the sub-issue that its mark says it is to be.
func (c *Connection) placeBelow(ctx context.Context, op string, r repoRef, i *issue) error {
	_, m := splitMark(i.body)
	if m.parent == "" || i.parent != "" || c.isPlain() {
		return nil
	}
	repo, n, ok := parseID(m.parent)
	if !ok {
		return nil
	}
	parentRepo, err := c.repoOf(ctx, op, scopeRef{repo: r}, repo)
	if err == nil {
		err = c.attach(ctx, op, parentRepo, n, i.databaseID)
	}
	if err != nil && connectors.AboutRecord(err) {
		c.log.Warn("sub-issue left without its parent", "record_id", i.id, "err", err)
		return nil
	}
	return err
}

// attach puts an issue below another one.
func (c *Connection) attach(ctx context.Context, op string, parent repoRef, number int, child int64) error {
	_, err := c.http.Do(ctx, rest.Request{
		Op: op, Record: ref(issueObject, idOf(parent.id, number)), Method: "POST", Path: issuePath + "/sub_issues", Lane: writeLane,
		Params: parent.params("number", decimal(number)), Body: map[string]any{"sub_issue_id": child},
	})
	return err
}

func (c *Connection) findStones(ctx context.Context, op string, sc scopeRef, keys []string, out [][]string) error {
	stones, err := c.listStones(ctx, op, sc.repo)
	if err != nil {
		return err
	}
	for _, s := range stones {
		_, m := splitMark(newlines(s.GetDescription()))
		for k, key := range keys {
			if m.key != "" && m.key == key {
				out[k] = append(out[k], idOf(sc.repo.id, s.GetNumber()))
			}
		}
	}
	return nil
}
