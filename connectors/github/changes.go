package github

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
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

const (
	changesPage = 100
	cursorMark  = "github1."
)

// walk is where a walk through what changed stands; the cursor of Changes. Times
// are GitHub's own, in seconds since 1970.
//
// A page is all that was updated since a time, oldest first. The next one begins
// at the time of the last row, so that rows that move while the walk goes on
// push none out of it; only where a page does not reach beyond one second are
// pages counted.
type walk struct {
	Since  int64 `json:"s,omitempty"` // 0: everything
	Page   int   `json:"p,omitempty"` // of that second; 0 and 1 are the first
	Begun  int64 `json:"b,omitempty"` // when the walk began
	Newest int64 `json:"n,omitempty"` // the newest row so far
}

func (w walk) String() string {
	raw, err := json.Marshal(w)
	if err != nil { // numbers always marshal
		return ""
	}
	return cursorMark + base64.RawURLEncoding.EncodeToString(raw)
}

// farAway bounds the times of cursors.
const farAway = 1 << 40

func parseWalk(cursor string) (walk, error) {
	var w walk
	if cursor == "" {
		return w, nil
	}
	coded, ok := strings.CutPrefix(cursor, cursorMark)
	if !ok {
		return w, errors.New("the cursor is none of this connection's")
	}
	raw, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil || json.Unmarshal(raw, &w) != nil {
		return w, errors.New("the cursor is damaged")
	}
	for _, n := range []int64{w.Since, int64(w.Page), w.Begun, w.Newest} {
		if n < 0 || n > farAway {
			return w, errors.New("the cursor is damaged")
		}
	}
	return w, nil
}

// tagCache keeps the last page of each list with its tag: an unchanged one is
// answered with 304, which costs nothing.
type tagCache struct {
	mu    sync.Mutex
	pages map[string]taggedPage // by address
}

type taggedPage struct {
	tag  string
	rows []*issue
}

// maxTagged bounds the pages that are kept, and what one may hold.
const (
	maxTagged      = 200
	maxTaggedBytes = 256 << 10
)

func (t *tagCache) get(key string) taggedPage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pages[key]
}

func (t *tagCache) put(key, tag string, rows []*issue, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pages == nil || len(t.pages) >= maxTagged {
		t.pages = map[string]taggedPage{}
	}
	if delete(t.pages, key); tag != "" && size <= maxTaggedBytes {
		t.pages[key] = taggedPage{tag, rows}
	}
}

// Changes implements connectors.Connection.
func (c *Connection) Changes(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
	const op = "list changes"
	if err := c.checkObject(op, sel.Object); err != nil {
		return connectors.ChangePage{}, err
	}
	w, err := parseWalk(cursor)
	if err != nil {
		return connectors.ChangePage{}, c.invalid(op, err)
	}
	sc, err := c.scope(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	if sel.Object == milestoneObject {
		return c.stoneChanges(ctx, op, sel, sc, w)
	}
	rows, more, err := c.step(ctx, op, sc.repo, &w)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	out := connectors.ChangePage{Next: w.String(), More: more}
	for _, i := range rows {
		if i.pull {
			continue
		}
		row := connectors.Change{Object: issueObject, ID: i.id, Version: i.version(), Modified: i.updated}
		if len(sel.Fields) > 0 {
			row.Record = c.record(i, sc, sc.repo.fullName(), c.shown(sel.Fields, i))
		}
		out.Changes = append(out.Changes, row)
	}
	return out, nil
}

// shown leaves out the people whose e-mail nobody has asked for yet: a read
// tells more of them than a list.
func (c *Connection) shown(fields []string, i *issue) []string {
	return slices.DeleteFunc(slices.Clone(fields), func(name string) bool {
		switch name {
		case "assignee":
			return len(i.assignees) > 0 && !c.people.knows(i.assignees[0], c.clock.Now())
		case "author":
			return !c.people.knows(i.author, c.clock.Now())
		}
		return false
	})
}

// step takes a walk's next page, pull requests included, and moves the walk
// past it.
func (c *Connection) step(ctx context.Context, op string, r repoRef, w *walk) (rows []*issue, more bool, err error) {
	rows, at, err := c.page(ctx, op, r, w)
	if err != nil {
		return nil, false, err
	}
	if w.Begun == 0 {
		w.Begun = at
	}
	for _, i := range rows {
		w.Newest = max(w.Newest, i.updated.Unix())
		c.marks.see(i)
	}
	if len(rows) < changesPage {
		w.end(c.lag)
		return rows, false, nil
	}
	if last := rows[len(rows)-1].updated.Unix(); last > w.Since {
		w.Since, w.Page = last, 0
	} else {
		w.Page = max(w.Page, 1) + 1
	}
	return rows, true, nil
}

// end makes the cursor of the next walk. What was updated before this walk
// began, less the lag, was shown by it; and while nothing newer than its newest
// row shows up, the address of the list stays the same, so that asking again is
// free.
func (w *walk) end(lag time.Duration) {
	next := w.Since
	if w.Newest > 0 {
		next = max(min(w.Begun-int64((lag+time.Second-1)/time.Second), w.Newest+1), next)
	}
	*w = walk{Since: next}
}

// page asks for the issues and pull requests of one page, oldest first, and
// tells GitHub's time.
func (c *Connection) page(ctx context.Context, op string, r repoRef, w *walk) ([]*issue, int64, error) {
	q := url.Values{"state": {"all"}, "sort": {"updated"}, "direction": {"asc"}, "per_page": {strconv.Itoa(changesPage)}}
	if w.Since > 0 {
		q.Set("since", time.Unix(w.Since, 0).UTC().Format(time.RFC3339))
	}
	if w.Page > 1 {
		q.Set("page", strconv.Itoa(w.Page))
	}
	key := strconv.FormatInt(r.id, 10) + "?" + q.Encode()
	before := c.tags.get(key)
	req := rest.Request{Op: op, Path: "/repos/{owner}/{repo}/issues", Params: r.params(), Query: q}
	if before.tag != "" {
		req.Header, req.Accept = http.Header{"If-None-Match": {before.tag}}, []int{http.StatusNotModified}
	}
	var raw []byte
	req.Out = &raw
	resp, err := c.http.Do(ctx, req)
	if err != nil {
		return nil, 0, c.outOfSight(ctx, op, r, err)
	}
	at := c.clock.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		at = date
	}
	if resp.Status == http.StatusNotModified {
		return before.rows, at.Unix(), nil
	}
	rows, err := c.rowsOf(op, r, raw)
	if err != nil {
		return nil, 0, err
	}
	c.tags.put(key, resp.Header.Get("ETag"), rows, len(raw))
	return rows, at.Unix(), nil
}

func (c *Connection) rowsOf(op string, r repoRef, raw []byte) ([]*issue, error) {
	var list []*wireIssue
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, c.fail(op, "", connectors.Internal, "the answer makes no sense: %s", c.http.Clip(err.Error()))
	}
	rows := make([]*issue, 0, len(list))
	for _, w := range list {
		if w == nil || w.GetNumber() <= 0 || w.GetUpdatedAt().IsZero() {
			return nil, c.fail(op, "", connectors.Internal, "the answer has an issue without a number or a time")
		}
		rows = append(rows, ofREST(w, r.id))
	}
	slices.SortStableFunc(rows, func(a, b *issue) int { return cmp.Or(a.updated.Compare(b.updated), cmp.Compare(a.number, b.number)) })
	return rows, nil
}

// outOfSight turns "not found" for something that surely was there into a
// missing right, and 410 into issues that were switched off.
func (c *Connection) outOfSight(ctx context.Context, op string, r repoRef, err error) error {
	if connectors.KindOf(err) != connectors.NotFound {
		return err
	}
	c.repos.drop(r.id)
	if rest.StatusOf(err) == http.StatusGone {
		return c.fail(op, "", connectors.Permission, "issues are switched off in %s", r.fullName())
	}
	if _, gone := c.repoByID(ctx, op, r.id); gone != nil {
		return gone
	}
	return err
}

// stoneChanges lists the milestones that changed. There is no list by time, but
// they are few.
func (c *Connection) stoneChanges(ctx context.Context, op string, sel connectors.Selection, sc scopeRef, w walk) (connectors.ChangePage, error) {
	stones, err := c.listStones(ctx, op, sc.repo)
	if err != nil {
		return connectors.ChangePage{}, c.outOfSight(ctx, op, sc.repo, err)
	}
	slices.SortStableFunc(stones, func(a, b *gogithub.Milestone) int { return a.GetUpdatedAt().Compare(b.GetUpdatedAt().Time) })
	out := connectors.ChangePage{}
	for _, m := range stones {
		at := m.GetUpdatedAt().Unix()
		if at < w.Since {
			continue
		}
		w.Newest = max(w.Newest, at)
		c.marks.seeStone(sc.repo.id, m)
		row := connectors.Change{Object: milestoneObject, ID: idOf(sc.repo.id, m.GetNumber()), Version: stoneVersion(m), Modified: utc(m.UpdatedAt)}
		if len(sel.Fields) > 0 {
			row.Record = c.stoneRecord(m, sc, sel.Fields)
		}
		out.Changes = append(out.Changes, row)
	}
	// The list is no index: what was updated shows at once, but for a second.
	if w.Newest > 0 {
		w.Since = max(w.Since, w.Newest-int64(c.lag/time.Second))
	}
	out.Next = walk{Since: w.Since}.String()
	return out, nil
}
