package salesforce

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Read implements connectors.Connection. What the read by id does not tell is
// looked for among the deleted records: in the recycle bin, then in the log of
// what was deleted of late. A record that none of them knows may be there, but
// hidden from this account.
func (c *connection) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	const op = "read"
	results := make([]connectors.ReadResult, len(ids))
	found := make(map[string]*connectors.Record, len(ids))
	wanted := unique(ids)
	for again := false; ; again = true {
		m, s, err := c.scoped(ctx, op, sel.Object, sel.Scope)
		if err != nil {
			return nil, err
		}
		err = c.readAll(ctx, op, m, s, sel, wanted, found)
		if err == nil {
			break
		}
		if again || !stale(err) {
			return nil, err
		}
		if _, err := c.metaOf(ctx, op, sel.Object, 0); err != nil { // a field is hidden from us now
			return nil, err
		}
	}
	for i, id := range ids {
		long, _ := id18(id)
		if results[i].Record = found[long]; results[i].Record == nil {
			results[i].Err = c.fail(op, sel.Object+"/"+id, connectors.NotFound, "Salesforce has no such record, or this account may not see it")
		}
	}
	return results, nil
}

// readAll fills found with the records of those ids that are known at all.
func (c *connection) readAll(ctx context.Context, op string, m *meta, s scope, sel connectors.Selection, ids []string, found map[string]*connectors.Record) error {
	fields := m.wanted(sel.Fields, s)
	for chunk := range slices.Chunk(ids, m.readSize(fields)) {
		rows, server, err := c.retrieve(ctx, op, m, fields, chunk)
		if err != nil {
			return err
		}
		r, err := c.readingOf(ctx, op, sel.Object, m, s, sel.Fields, rows, server)
		if err != nil {
			return err
		}
		var missing []string
		for i, id := range chunk {
			if rows[i] == nil || rows[i].text(fieldDeleted) == "true" {
				missing = append(missing, id)
				continue
			}
			rec := r.record(rows[i])
			if rec.Ref.ID != id {
				return c.fail(op, sel.Object+"/"+id, connectors.Internal, "Salesforce answered with another record")
			}
			found[id] = rec
		}
		if err := c.readGone(ctx, op, r, missing, found); err != nil {
			return err
		}
	}
	return nil
}

// readSize is how many records are asked for at once, so that the longest
// texts still fit an answer.
func (m *meta) readSize(fields []string) int {
	width := 400
	for _, f := range fields {
		width += 40 + 3*m.props[f].length
	}
	return min(max(maxAnswer/width, 50), readBatch)
}

// retrieve reads rows by id, nil for each that is not told, in order.
func (c *connection) retrieve(ctx context.Context, op string, m *meta, fields, ids []string) ([]row, time.Time, error) {
	var rows []row
	resp, err := c.client.Do(ctx, rest.Request{
		Op: op, Record: m.name, Method: http.MethodPost, Reads: true, MaxBody: maxAnswer, Out: &rows,
		Path: c.path("/composite/sobjects/{object}"), Params: map[string]string{"object": m.name},
		Body: map[string][]string{"ids": ids, "fields": fields},
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(rows) != len(ids) {
		return nil, time.Time{}, c.fail(op, m.name, connectors.Internal, "%d rows for %d ids", len(rows), len(ids))
	}
	return rows, serverTime(resp), nil
}

// readGone looks for records among the deleted ones.
func (c *connection) readGone(ctx context.Context, op string, r *reading, ids []string, found map[string]*connectors.Record) error {
	if len(ids) == 0 || !r.m.has(fieldDeleted) {
		return nil
	}
	fields := []string{fieldID, fieldDeleted, r.m.modified}
	if r.m.has(fieldMerged) {
		fields = append(fields, fieldMerged)
	}
	for chunk := range slices.Chunk(ids, idChunk) {
		err := c.queryEach(ctx, op, r.m.name, selectFrom(r.m.name, fields, []string{"Id IN " + quoteAll(chunk)}, ""), true, func(w row) {
			id, _ := id18(w.text(fieldID))
			if w.text(fieldDeleted) != "true" {
				return // it came into sight meanwhile: the next read tells it
			}
			one := *r
			one.fields = nil
			found[id] = one.record(w)
		})
		if err != nil {
			return err
		}
	}
	left := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return found[id] != nil })
	if len(left) == 0 || !r.m.Replicateable {
		return nil
	}
	gone, err := c.goneOf(ctx, op, r.m.name, r.server)
	switch connectors.KindOf(err) {
	case connectors.Permission, connectors.Invalid, connectors.NotFound: // the log is not for us: then nothing is beyond doubt
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range left {
		if at, ok := gone[id]; ok {
			found[id] = &connectors.Record{
				Ref:   connectors.Ref{Connection: c.name, Object: r.object, ID: id},
				State: connectors.Deleted, Modified: at,
			}
		}
	}
	return nil
}

// goneList is what was deleted from an object of late.
type goneList struct {
	at   time.Time
	when map[string]time.Time
}

const (
	goneAge    = 5 * time.Minute
	goneWindow = 14 * 24 * time.Hour // Salesforce keeps the log for 15 days
)

// goneOf returns what was deleted of late, emptied from the bin or not.
func (c *connection) goneOf(ctx context.Context, op, object string, server time.Time) (map[string]time.Time, error) {
	now := c.clock.Now()
	c.mu.Lock()
	list, ok := c.gone[object]
	c.mu.Unlock()
	if ok && now.Sub(list.at) < goneAge {
		return list.when, nil
	}
	if server.IsZero() {
		return nil, nil
	}
	told, err := c.deletedBetween(ctx, op, object, server.Add(-goneWindow), server)
	if err != nil {
		return nil, err
	}
	list = goneList{at: now, when: make(map[string]time.Time, len(told.Records))}
	for _, r := range told.Records {
		if id, ok := id18(r.ID); ok {
			list.when[id], _ = parseTime(r.At)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone == nil {
		c.gone = map[string]goneList{}
	}
	c.gone[object] = list
	return list.when, nil
}

// deletedBetween asks for what was deleted within a time of more than a minute.
// Where that is more than an answer holds, the time is halved: the older half
// is answered.
func (c *connection) deletedBetween(ctx context.Context, op, object string, from, to time.Time) (*deletedList, error) {
	from, to = from.Truncate(time.Second), to.Truncate(time.Second)
	for {
		var out deletedList
		err := c.do(ctx, rest.Request{
			Op: op, Record: object, Path: c.path("/sobjects/{object}/deleted"), Params: map[string]string{"object": object},
			Query: url.Values{"start": {timeLiteral(from)}, "end": {timeLiteral(to)}}, Out: &out,
		})
		if err == nil {
			return &out, nil
		}
		if codeOf(err) != "EXCEEDED_ID_LIMIT" || to.Sub(from) < 4*time.Minute {
			return nil, err
		}
		to = from.Add(to.Sub(from) / 2).Truncate(time.Second)
	}
}
