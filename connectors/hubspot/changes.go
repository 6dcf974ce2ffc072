package hubspot

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// indexLag bounds how long HubSpot's search may not know a change. HubSpot says
// "moments", its users have seen seconds (read 2026-11-21).
const indexLag = 2 * time.Minute

// cursor is where a list of changes stands. Times are HubSpot's own, in
// milliseconds since 1970, so that a wrong clock here hides nothing; of our own
// clock only the time that passed between two calls counts.
//
// First everything is listed by id. Then come windows: all that changed since
// From, walked by id. Between windows the archived records are listed, as often
// as their number allows.
type cursor struct {
	Version int    `json:"v"`
	All     bool   `json:"all,omitempty"` // the first listing is under way
	ID      string `json:"id,omitempty"`  // walked up to this id

	From int64 `json:"from"`           // the window starts here
	To   int64 `json:"to,omitempty"`   // where it ends, once it has more than one page
	Seen int64 `json:"seen,omitempty"` // the newest change in it so far

	// HubSpot's clock showed Base or later when ours showed Local. Start is our
	// time at the beginning of the walk that is under way.
	Base  int64 `json:"base"`
	Local int64 `json:"local"`
	Start int64 `json:"start,omitempty"`

	Archive archiveCursor `json:"arch"`
}

// next ends a walk: the next window starts as far back as the index may lag
// behind the time that HubSpot's clock had surely reached when this one began.
func (c *cursor) next() {
	reached := max(c.Base+max(c.Start-c.Local, 0), c.Seen)
	if c.To > 0 {
		reached = max(c.Base+max(c.Start-c.Local, 0), c.To)
	}
	c.Base, c.Local = reached, c.Start
	c.From = max(c.From, reached-indexLag.Milliseconds())
	c.To, c.Seen, c.Start, c.ID = 0, 0, 0, ""
}

// archiveCursor is where the list of archived records stands. What was archived
// while a walk went on may be missed by it: so a walk reports what was archived
// since the newest one that the walk before it saw.
type archiveCursor struct {
	Walking bool   `json:"w,omitempty"`
	After   string `json:"a,omitempty"`
	Pages   int    `json:"p,omitempty"`
	Since   int64  `json:"s,omitempty"`    // report what was archived from here on
	Before  int64  `json:"b,omitempty"`    // the newest one that the last walk saw
	Newest  int64  `json:"n,omitempty"`    // the newest one that this walk saw
	Due     int64  `json:"next,omitempty"` // by our own clock
}

const cursorVersion = 1

// The list of archived records is walked so often: a page costs a request.
const (
	archiveWait    = 2 * time.Minute // for each page of the walk before
	maxArchiveWait = 6 * time.Hour
)

func (c cursor) String() string {
	c.Version = cursorVersion
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and texts always marshal
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseCursor(s string) (cursor, bool) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Version != cursorVersion {
		return cursor{}, false
	}
	for _, n := range []int64{c.From, c.To, c.Seen, c.Base, c.Local, c.Start} {
		if n < 0 || n > 1e15 {
			return cursor{}, false
		}
	}
	return c, c.ID == "" || isID(c.ID)
}

// Changes implements connectors.Connection.
func (c *connection) Changes(ctx context.Context, sel connectors.Selection, text string) (connectors.ChangePage, error) {
	const op = "list changes"
	m, scope, err := c.scoped(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	w := walk{c: c, m: m, object: sel.Object, scope: scope, fields: sel.Fields}
	if text == "" {
		return w.begin(ctx)
	}
	at, ok := parseCursor(text)
	switch {
	case !ok:
		return connectors.ChangePage{}, c.fail(op, sel.Object, connectors.Invalid, "the cursor is not one of HubSpot's; start anew")
	case at.All:
		return w.everything(ctx, at)
	case at.Archive.Walking:
		return w.archived(ctx, at)
	}
	return w.window(ctx, at)
}

// walk makes one page of changes.
type walk struct {
	c      *connection
	m      *meta
	object string
	scope  scope
	fields []string // to show with the rows of everything
}

// begin notes HubSpot's time of the newest change, from which the first window
// will start, and lists the first page of everything.
func (w walk) begin(ctx context.Context) (connectors.ChangePage, error) {
	local := w.now()
	newest, err := w.newest(ctx)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	from := max(newest-indexLag.Milliseconds(), 0)
	return w.everything(ctx, cursor{
		All: true, From: from, Base: newest, Local: local,
		Archive: archiveCursor{Since: from, Before: from},
	})
}

func (w walk) now() int64 { return w.c.clock.Now().UnixMilli() }

// newest returns the time of the newest change that the search knows, 0 when
// there is no record.
func (w walk) newest(ctx context.Context) (int64, error) {
	page, err := w.c.search(ctx, "list changes", w.m.t, searchRequest{
		Groups: []filterGroup{}, Sorts: []sorting{{w.m.t.modified, "DESCENDING"}},
		Properties: []string{w.m.t.modified}, Limit: 1,
	})
	if err != nil || len(page.Results) == 0 {
		return 0, err
	}
	return w.modified(&page.Results[0]), nil
}

// everything lists the live records by id, from the store, which does not lag.
// Without fields its rows tell neither version nor time: a property that HubSpot
// computes may change without moving them, and whoever asks for everything wants
// to know. With fields the rows show the records.
func (w walk) everything(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	properties := w.shown()
	page, err := w.list(ctx, at.ID, properties, false)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	changes := make([]connectors.Change, len(page.Results))
	for i := range page.Results {
		changes[i] = connectors.Change{Object: w.object, ID: string(page.Results[i].ID)}
	}
	if len(properties) > 0 {
		records, err := w.c.records(ctx, &w.m, w.object, page.Results, w.scope)
		if err != nil {
			return connectors.ChangePage{}, err
		}
		for i, r := range records {
			changes[i].Record, changes[i].Version = r, r.Version
		}
	}
	at.ID = page.Paging.after()
	at.All = at.ID != ""
	return connectors.ChangePage{Changes: changes, Next: at.String(), More: at.All}, nil
}

// maxShown bounds the names of properties in the address of a list. HubSpot
// documents no limit; servers in between commonly refuse addresses over 8 KB.
const maxShown = 6000

// shown returns the properties that rows of everything show, none where no
// fields are asked for or there are too many of them.
func (w walk) shown() []string {
	if len(w.fields) == 0 {
		return nil
	}
	properties := w.m.wanted(w.fields, w.scope)
	if len(strings.Join(properties, ",")) > maxShown {
		return nil
	}
	return properties
}

// window lists the next page of what changed. The page comes by id, whatever
// the offsets do: the walk asks for what follows the last id. What changes
// during a walk of many pages leaves the window and belongs to the next.
func (w walk) window(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	if at.Start == 0 {
		if at.Archive.Due <= w.now() {
			at.Archive.Walking = true
			return w.archived(ctx, at)
		}
		at.Start = w.now()
	}
	page, err := w.page(ctx, at)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	full := len(page.Results) >= searchPage
	if full && at.To == 0 {
		// More pages: fix the window's end, at a time that HubSpot has reached.
		if at.To, err = w.newest(ctx); err != nil {
			return connectors.ChangePage{}, err
		}
	}
	changes := w.changes(page.Results, &at)
	if full {
		at.ID = string(page.Results[len(page.Results)-1].ID)
		return connectors.ChangePage{Changes: changes, Next: at.String(), More: true}, nil
	}
	at.next()
	return connectors.ChangePage{Changes: changes, Next: at.String()}, nil
}

// page searches for the records of the window that follow the last id.
func (w walk) page(ctx context.Context, at cursor) (*recordPage, error) {
	filters := []filter{{Property: w.m.t.modified, Operator: "GTE", Value: strconv.FormatInt(at.From, 10)}}
	if at.To > 0 {
		filters = append(filters, filter{Property: w.m.t.modified, Operator: "LTE", Value: strconv.FormatInt(at.To, 10)})
	}
	if at.ID != "" {
		filters = append(filters, filter{Property: "hs_object_id", Operator: "GT", Value: at.ID})
	}
	return w.c.search(ctx, "list changes", w.m.t, searchRequest{
		Groups: []filterGroup{{filters}}, Sorts: []sorting{{"hs_object_id", "ASCENDING"}},
		Properties: []string{w.m.t.modified}, Limit: searchPage,
	})
}

// archived lists a page of the archived records and reports those archived of
// late. The list has no order of time, so it is walked whole, the more seldom
// the longer it is.
func (w walk) archived(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	page, err := w.list(ctx, at.Archive.After, nil, true)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	a := &at.Archive
	var late []connectors.Change
	for i := range page.Results {
		r := &page.Results[i]
		t, known := parseTime(r.ArchivedAt)
		if known {
			a.Newest = max(a.Newest, t.UnixMilli())
		}
		if known && t.UnixMilli() <= a.Since {
			continue
		}
		late = append(late, connectors.Change{Object: w.object, ID: string(r.ID), Modified: t, State: connectors.Archived})
	}
	a.Pages++
	if a.After = page.Paging.after(); a.After == "" {
		wait := min(time.Duration(a.Pages)*archiveWait, maxArchiveWait)
		*a = archiveCursor{
			Since: a.Before, Before: max(a.Newest, a.Before),
			Due: w.now() + wait.Milliseconds(),
		}
	}
	sortChanges(late)
	return connectors.ChangePage{Changes: late, Next: at.String(), More: true}, nil
}

// list returns a page of the list of records with the named properties, by id.
func (w walk) list(ctx context.Context, after string, properties []string, archived bool) (*recordPage, error) {
	if len(properties) == 0 {
		properties = []string{w.m.t.modified}
	}
	query := url.Values{
		"limit": {strconv.Itoa(batchSize)}, "properties": {strings.Join(properties, ",")},
		"archived": {strconv.FormatBool(archived)},
	}
	if after != "" {
		query.Set("after", after)
	}
	var out recordPage
	err := w.c.do(ctx, rest.Request{
		Op: "list changes", Record: w.m.t.plural, Path: pathObjects,
		Params: map[string]string{"type": w.m.t.id}, Query: query, Out: &out,
	})
	if err != nil {
		return nil, err
	}
	if err := w.c.nameless("list changes", w.m.t, out.Results); err != nil {
		return nil, err
	}
	return &out, nil
}

// changes returns rows for the records, oldest first, and notes the newest.
func (w walk) changes(records []wireRecord, at *cursor) []connectors.Change {
	out := make([]connectors.Change, len(records))
	for i := range records {
		r := &records[i]
		out[i] = connectors.Change{Object: w.object, ID: string(r.ID), Version: r.UpdatedAt}
		if t, ok := parseTime(r.UpdatedAt); ok {
			out[i].Modified = t
		}
		at.Seen = max(at.Seen, w.modified(r))
	}
	sortChanges(out)
	return out
}

func sortChanges(changes []connectors.Change) {
	slices.SortStableFunc(changes, func(a, b connectors.Change) int {
		if n := a.Modified.Compare(b.Modified); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// modified is the time that searches compare: the property, which need not be
// the record's updatedAt to the millisecond.
func (w walk) modified(r *wireRecord) int64 {
	text := r.UpdatedAt
	if v := r.Properties[w.m.t.modified]; v != nil && *v != "" {
		text = *v
	}
	t, _ := parseTime(text)
	return max(t.UnixMilli(), 0)
}
