package salesforce

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// deletedEvery is how often the log of deletes is read: what lies in the
// recycle bin shows in each window anyway.
const deletedEvery = 15 * time.Minute

// Changes implements connectors.Connection.
func (c *connection) Changes(ctx context.Context, sel connectors.Selection, text string) (connectors.ChangePage, error) {
	const op = "list changes"
	at := cursor{All: true}
	if text != "" {
		var ok bool
		if at, ok = parseCursor(text); !ok {
			return connectors.ChangePage{}, c.fail(op, sel.Object, connectors.Invalid, "the cursor is not one of Salesforce's; start anew")
		}
	}
	for again := false; ; again = true {
		m, s, err := c.scoped(ctx, op, sel.Object, sel.Scope)
		if err != nil {
			return connectors.ChangePage{}, err
		}
		if m.modified == "" {
			return connectors.ChangePage{}, c.fail(op, sel.Object, connectors.Invalid, "%s tells no times of its changes", m.name)
		}
		w := walk{c: c, op: op, m: m, object: sel.Object, scope: s, fields: sel.Fields}
		page, err := w.step(ctx, at)
		if err == nil || again || !stale(err) {
			return page, err
		}
		if _, err := c.metaOf(ctx, op, sel.Object, 0); err != nil { // a field is hidden from us now
			return connectors.ChangePage{}, err
		}
	}
}

// walk makes one page of changes.
type walk struct {
	c      *connection
	op     string
	m      *meta
	object string
	scope  scope
	fields []string // to show with the rows
}

func (w walk) step(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	switch {
	case at.Job != "" || at.Bulked:
		return w.bulk(ctx, at)
	case at.All:
		return w.everything(ctx, at)
	case at.Stamp == 0 && at.Deleted > 0 && w.m.Replicateable && at.DeletedDue <= w.c.clock.Now().Unix():
		return w.deleted(ctx, at)
	}
	return w.window(ctx, at)
}

// everything lists the live records in scope by id. Without fields its rows tell
// neither version nor time: a formula may change without moving them, and
// whoever asks for everything wants to know. With fields the rows show the
// records.
func (w walk) everything(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	where := w.scope.where(w.m)
	tail := "ORDER BY Id"
	if at.ID != "" {
		where = append(where, "Id > "+quote(at.ID))
	}
	if first := at.ID == "" && !at.Slow && w.c.o.bulkFrom > 0; !first { // the first page tells how many there are
		tail += " LIMIT " + strconv.Itoa(listPage)
	}
	page, err := w.c.query(ctx, w.op, w.m.name, selectFrom(w.m.name, w.m.wanted(w.fields, w.scope), where, tail), false)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	at.begin(page.server, w.newest(page.Records))
	if at.Deleted == 0 {
		at.Deleted, at.DeletedDue = at.Start, w.c.clock.Now().Add(deletedEvery).Unix()
	}
	if at.ID == "" && !at.Slow && w.c.o.bulkFrom > 0 && page.Total >= w.c.o.bulkFrom {
		if started, ok, err := w.startBulk(ctx, at); ok || err != nil {
			return started, err
		}
		at.Slow = true
	}
	changes, err := w.rows(ctx, page, len(w.fields) > 0)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	if n := len(page.Records); n > 0 && (!page.Done || n >= listPage) {
		at.ID, _ = id18(page.Records[n-1].text(fieldID))
		return connectors.ChangePage{Changes: changes, Next: at.String(), More: true}, nil
	}
	at.next()
	return connectors.ChangePage{Changes: changes, Next: at.String()}, nil
}

// window lists the next page of what was stamped since the window's start,
// whatever its scope, so that what left the scope shows. The page comes by stamp
// and id: what is stamped during the walk moves to its end.
func (w walk) window(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	stamp := w.m.modified
	where := []string{stamp + " >= " + timeLiteral(time.Unix(at.From, 0))}
	if at.Stamp > 0 {
		t := timeLiteral(time.Unix(at.Stamp, 0))
		where = []string{stamp + " >= " + t, "(" + stamp + " > " + t + " OR Id > " + quote(at.ID) + ")"}
	}
	fields := w.m.wanted(w.fields, w.scope)
	if w.m.has(fieldMerged) && w.m.has(fieldDeleted) {
		fields = append(fields, fieldMerged)
		slices.Sort(fields)
		fields = slices.Compact(fields)
	}
	soql := selectFrom(w.m.name, fields, where, "ORDER BY "+stamp+", Id LIMIT "+strconv.Itoa(listPage))
	page, noted, err := w.windowPage(ctx, soql, &at)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	at.begin(page.server, w.newest(page.Records))
	changes, err := w.rows(ctx, page, true)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	changes = append(changes, noted...)
	sortChanges(changes)
	if n := len(page.Records); n > 0 && (!page.Done || n >= listPage) {
		last := page.Records[n-1]
		t, _ := parseTime(last.text(stamp))
		at.Stamp = t.Unix()
		at.ID, _ = id18(last.text(fieldID))
		return connectors.ChangePage{Changes: changes, Next: at.String(), More: true}, nil
	}
	at.next()
	return connectors.ChangePage{Changes: changes, Next: at.String()}, nil
}

// newest returns the newest stamp of rows, in seconds.
func (w walk) newest(rows []row) int64 {
	var newest int64
	for _, r := range rows {
		if t, ok := parseTime(r.text(w.m.modified)); ok {
			newest = max(newest, t.Unix())
		}
	}
	return newest
}

// rows returns the changes that a page tells; timed says that they tell their
// versions and times.
func (w walk) rows(ctx context.Context, page *queryPage, timed bool) ([]connectors.Change, error) {
	r, err := w.c.readingOf(ctx, w.op, w.object, w.m, w.scope, w.fields, page.Records, page.server)
	if err != nil {
		return nil, err
	}
	out := make([]connectors.Change, 0, len(page.Records))
	for _, one := range page.Records {
		rec := r.record(one)
		if rec.Ref.ID == "" {
			continue
		}
		change := connectors.Change{Object: w.object, ID: rec.Ref.ID, State: rec.State}
		if timed && rec.State == connectors.Live {
			change.Version = rec.Version
			if len(w.fields) > 0 {
				change.Record = rec
			}
		}
		if timed {
			change.Modified = rec.Modified
		}
		out = append(out, change)
	}
	sortChanges(out)
	return out, nil
}

func sortChanges(changes []connectors.Change) {
	slices.SortStableFunc(changes, func(a, b connectors.Change) int {
		if n := a.Modified.Compare(b.Modified); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// noteOverlap is how far a look for new comments goes back behind the one
// before. It is short, since each comment in it costs a read of its record; what
// a long transaction commits later is found by the sweep.
const noteOverlap = 30 * time.Second

// windowPage asks for the page of a window and, in the same call, which records
// new comments are about: a task does not stamp the record that it is about.
func (w walk) windowPage(ctx context.Context, soql string, at *cursor) (*queryPage, []connectors.Change, error) {
	all := w.m.has(fieldDeleted)
	since := at.Notes
	if at.Stamp > 0 || w.c.o.notes != notesTasks || w.m.note == "" || since == 0 {
		page, err := w.c.query(ctx, w.op, w.m.name, soql, all)
		if err == nil && at.Stamp == 0 && !page.server.IsZero() {
			at.Notes = page.server.Unix()
		}
		return page, nil, err
	}
	notes := selectFrom(taskObject, []string{w.m.note, "SystemModstamp"}, []string{
		"SystemModstamp >= " + timeLiteral(time.Unix(since, 0).Add(-noteOverlap)), "Subject = " + quote(w.c.o.subject), "IsClosed = TRUE",
		w.m.note + " != NULL",
	}, "ORDER BY SystemModstamp LIMIT "+strconv.Itoa(listPage))
	pages, errs, err := w.c.queries(ctx, w.op, w.m.name, queryResource(soql, all), queryResource(notes, false))
	if err == nil {
		err = errs[0]
	}
	if err != nil {
		return nil, nil, err
	}
	var rows []row
	switch {
	case errs[1] == nil:
		rows = pages[1].Records
		at.Notes = w.notesUpTo(since, pages[1])
	case connectors.KindOf(errs[1]).Temporary(): // what was not looked at is looked at next time
	default: // the account may not see tasks: then there are no comments either
		at.Notes = max(since, pages[0].server.Unix())
	}
	return pages[0], w.noted(rows), nil
}

// notesUpTo returns up to when a page of new comments tells all of them.
func (w walk) notesUpTo(since int64, page *queryPage) int64 {
	n := len(page.Records)
	if n == 0 || page.Done && n < listPage {
		return max(since, page.server.Unix())
	}
	last, _ := parseTime(page.Records[n-1].text("SystemModstamp"))
	if last.Unix() > since {
		return last.Unix()
	}
	return max(since, page.server.Unix()) // more at one time than a page holds: the sweep finds the rest
}

// noted returns a row for each record of the object that a comment is about.
func (w walk) noted(rows []row) []connectors.Change {
	var out []connectors.Change
	for _, r := range rows {
		id, ok := id18(r.text(w.m.note))
		if !ok || prefixOf(id) != w.m.KeyPrefix || slices.ContainsFunc(out, func(c connectors.Change) bool { return c.ID == id }) {
			continue
		}
		stamp, _ := parseTime(r.text("SystemModstamp"))
		out = append(out, connectors.Change{Object: w.object, ID: id, Modified: stamp})
	}
	return out
}

// deleted lists what the log of deletes holds since it was read last. The log
// itself says up to when nothing can be added to it any more.
func (w walk) deleted(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	server := time.Unix(at.Server, 0) // as the last window heard it: the end must not lie ahead
	from := time.Unix(at.Deleted, 0)
	if oldest := server.Add(-goneWindow); from.Before(oldest) {
		from = oldest // what was deleted before is found by the sweep
	}
	if server.Sub(from) < 2*time.Minute { // too short a time to ask about: after the next window
		return w.window(ctx, at)
	}
	at.DeletedDue = w.c.clock.Now().Add(deletedEvery).Unix()
	list, err := w.c.deletedBetween(ctx, w.op, w.m.name, from, server)
	if codeOf(err) == "INVALID_REPLICATION_DATE" {
		return w.window(ctx, at)
	}
	if err != nil {
		return connectors.ChangePage{}, err
	}
	var changes []connectors.Change
	for _, r := range list.Records {
		if id, ok := id18(r.ID); ok {
			t, _ := parseTime(r.At)
			changes = append(changes, connectors.Change{Object: w.object, ID: id, Modified: t, State: connectors.Deleted})
		}
	}
	slices.SortStableFunc(changes, func(a, b connectors.Change) int { return a.Modified.Compare(b.Modified) })
	if covered, ok := parseTime(list.Covered); ok {
		at.Deleted = max(at.Deleted, covered.Unix())
	}
	return connectors.ChangePage{Changes: changes, Next: at.String(), More: true}, nil
}
