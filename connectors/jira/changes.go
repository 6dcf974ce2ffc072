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
	changesPage = 1000 // rows asked for; Jira gives fewer as it likes
	cursorMark  = "jira1."
	// clockSlack is how far the server's clock, which goes to the second, and
	// the minutes of JQL may be off.
	clockSlack = time.Minute
	// pageOverlap is how many rows of Data Center's pages are asked for twice,
	// since an edit between two pages moves the rows behind it up by one.
	pageOverlap = 20
	// zoneAge is how long the account's zone is taken for current, and skewAge
	// how long the difference between the clocks is.
	zoneAge = 10 * time.Minute
	skewAge = time.Hour
)

// walk is the state of one walk through what changed; the cursor of Changes.
type walk struct {
	Since int64  `json:"s,omitempty"` // milliseconds; 0: everything
	Zone  string `json:"z,omitempty"` // in which the walk's query is written
	Begun int64  `json:"b,omitempty"` // when the walk began, by the server's clock
	Token string `json:"t,omitempty"` // Cloud: the page to come
	Start int    `json:"o,omitempty"` // Data Center: its offset
	Last  int64  `json:"l,omitempty"` // when the last row so far was updated
	Rows  bool   `json:"r,omitempty"` // there were rows
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
	more, err := c.advance(ctx, op, &w, page)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	out := connectors.ChangePage{More: more, Next: w.String()}
	for _, h := range page.Issues {
		row := connectors.Change{Object: object, ID: h.ID}
		if !h.updated.IsZero() {
			row.Modified, row.Version = h.updated, versionOf(h.updated)
		}
		out.Changes = append(out.Changes, row)
	}
	return out, nil
}

// begin starts a walk: in which zone JQL reads times for the account, and what
// time it is in Jira. A walk that reaches far back asks anew for the zone, since
// another one would hide what happened first.
func (c *Connection) begin(ctx context.Context, op string, w *walk) error {
	now := c.clock.Now()
	zone, known := c.me.zone(now)
	if !known || w.Since > 0 && now.Sub(time.UnixMilli(w.Since)) > time.Hour {
		me, err := c.self(ctx, op)
		if err != nil {
			return err
		}
		zone = me.TimeZone
	}
	skew, known := c.me.skew(now)
	if !known {
		info, err := c.server(ctx, op)
		if err != nil {
			return err
		}
		if t, err := parseTime(info.ServerTime); err == nil {
			skew = t.Sub(now)
		}
		c.me.setSkew(skew, now)
	}
	w.Begun, w.Zone = now.Add(skew).UnixMilli(), zone
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

// advance moves a walk past a page and reports whether another one follows. An
// empty walk is only believed once Jira has said who the account is: it answers
// strangers with nothing, and another zone than the query's hides rows.
func (c *Connection) advance(ctx context.Context, op string, w *walk, page found) (more bool, err error) {
	w.Rows = w.Rows || len(page.Issues) > 0
	for _, h := range page.Issues {
		w.Last = max(w.Last, h.updated.UnixMilli())
	}
	switch left := page.total - w.Start - len(page.Issues); {
	case c.cloud && page.token != "" && page.token != w.Token:
		w.Token = page.token
		return true, nil
	case !c.cloud && len(page.Issues) > 0 && left > 0:
		step := len(page.Issues)
		if step > pageOverlap {
			step -= pageOverlap
		}
		w.Start += step
		return true, nil
	}
	if !w.Rows {
		me, err := c.self(ctx, op)
		if err != nil {
			return false, err
		}
		if me.TimeZone != w.Zone {
			*w = walk{Since: w.Since}
			return true, nil
		}
	}
	next := time.UnixMilli(w.Begun).Add(-c.lag - clockSlack)
	*w = walk{Since: max(next.UnixMilli(), 1)}
	return false, nil
}
