package jira

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const (
	changesPage = 100 // Cloud gives no more with fields
	cursorMark  = "jira1."
	// clockSlack is how far the server's clock, which goes to the second, and
	// the minutes of JQL may be off.
	clockSlack = time.Minute
	// pageOverlap is how many rows of Data Center's pages are asked for twice,
	// since an edit between two pages moves the rows behind it up by one.
	pageOverlap = 20
)

// walk is the state of one walk through what changed; the cursor of Changes.
type walk struct {
	Since int64  `json:"s,omitempty"` // milliseconds; 0: everything
	Zone  string `json:"z,omitempty"` // in which the walk's query is written
	Begun int64  `json:"b,omitempty"` // when the walk began, by the server's clock
	Token string `json:"t,omitempty"` // Cloud: the page to come
	Start int    `json:"o,omitempty"` // Data Center: its offset
	Last  int64  `json:"l,omitempty"` // when the last row so far was updated
}

func (w walk) String() string {
	raw, err := json.Marshal(w)
	if err != nil { // a struct of numbers and texts always marshals
		return ""
	}
	return cursorMark + base64.RawURLEncoding.EncodeToString(raw)
}

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
	if err != nil || json.Unmarshal(raw, &w) != nil || w.Since < 0 || w.Start < 0 {
		return w, errors.New("the cursor is damaged")
	}
	return w, nil
}

// Changes implements connectors.Connection. A walk asks for all that was
// updated since a minute, in the time zone of the account; when it is done, the
// next one starts where this one began, less the index's lag.
func (c *Connection) Changes(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
	const op = "list changes"
	if err := c.checkObject(op, sel.Object); err != nil {
		return connectors.ChangePage{}, err
	}
	w, err := parseWalk(cursor)
	if err != nil {
		return connectors.ChangePage{}, c.invalid(op, err)
	}
	scope, err := c.scope(ctx, op, sel.Scope, false)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	if w.Begun == 0 {
		if err := c.begin(ctx, op, &w); err != nil {
			return connectors.ChangePage{}, err
		}
	}
	page, err := c.page(ctx, op, scope, &w)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	out := connectors.ChangePage{More: c.advance(&w, page), Next: w.String()}
	for _, h := range page.Issues {
		row := connectors.Change{Object: object, ID: h.ID}
		if !h.updated.IsZero() {
			row.Modified, row.Version = h.updated, versionOf(h.updated)
		}
		out.Changes = append(out.Changes, row)
	}
	return out, nil
}

// begin starts a walk: it asks who the account is, which proves that it is
// logged in and tells the zone in which JQL reads times, and what time it is in
// Jira.
func (c *Connection) begin(ctx context.Context, op string, w *walk) error {
	me, err := c.self(ctx, op)
	if err != nil {
		return err
	}
	info, err := c.server(ctx, op)
	if err != nil {
		return err
	}
	now, err := parseTime(info.ServerTime)
	if err != nil {
		now = c.clock.Now()
	}
	w.Begun, w.Zone = now.UnixMilli(), me.TimeZone
	return nil
}

// page asks for a walk's next page. A page token that Jira does not take any
// more starts again at the last row.
func (c *Connection) page(ctx context.Context, op string, scope scopeRef, w *walk) (found, error) {
	q := searchQuery{jql: w.jql(scope), max: changesPage, token: w.Token, startAt: w.Start}
	page, err := c.search(ctx, op, q)
	if w.Token == "" || connectors.KindOf(err) != connectors.Invalid {
		return page, err
	}
	w.Token = ""
	if w.Last > 0 {
		w.Since = w.Last
	}
	q.jql, q.token = w.jql(scope), ""
	return c.search(ctx, op, q)
}

func (w *walk) jql(scope scopeRef) string {
	condition := ""
	if w.Since > 0 {
		condition = "updated >= " + quoteJQL(jqlTime(time.UnixMilli(w.Since), w.location()))
	}
	return jqlOf(scope, condition, "updated ASC, key ASC")
}

// location returns the walk's zone. An unknown one is the zone that lies
// furthest back, so that nothing is missed.
func (w *walk) location() *time.Location {
	if w.Zone != "" {
		if l, err := time.LoadLocation(w.Zone); err == nil {
			return l
		}
	}
	return time.FixedZone("", -12*60*60)
}

// jqlTime writes an instant for JQL, which knows minutes of the zone only. Where
// the zone's clocks change near it, the earlier hour is written.
func jqlTime(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	_, before := t.Add(-3 * time.Hour).Zone()
	_, after := t.Add(3 * time.Hour).Zone()
	if before != after {
		t = t.Add(-time.Duration(max(before-after, after-before)) * time.Second)
	}
	return t.Format("2006/01/02 15:04")
}

// advance moves a walk past a page and reports whether another one follows.
func (c *Connection) advance(w *walk, page found) bool {
	for _, h := range page.Issues {
		w.Last = max(w.Last, h.updated.UnixMilli())
	}
	if c.cloud {
		if page.token != "" && page.token != w.Token {
			w.Token = page.token
			return true
		}
	} else if w.Start+len(page.Issues) < page.total && len(page.Issues) > pageOverlap {
		w.Start += len(page.Issues) - pageOverlap
		return true
	}
	next := time.UnixMilli(w.Begun).Add(-indexLag - clockSlack)
	*w = walk{Since: max(next.UnixMilli(), 1)}
	return false
}
