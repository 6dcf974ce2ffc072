package trello

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	pageSize = 1000
	maxPages = 60 // of 1000 cards, or actions
)

// cursor is how far a listing got: what has activity since a time of Trello's
// clock, and what looked different since a stamp of ours.
type cursor struct {
	since time.Time // zero: from the start
	stamp int64
}

const cursorForm = "t1"

func (cu cursor) String() string {
	return cursorForm + "." + strconv.FormatInt(cu.since.UnixMilli(), 10) + "." + strconv.FormatInt(cu.stamp, 10)
}

func (c *Connection) cursorOf(op, s string) (cursor, error) {
	if s == "" {
		return cursor{}, nil
	}
	parts := strings.Split(s, ".")
	if len(parts) == 3 && parts[0] == cursorForm {
		since, err := strconv.ParseUint(parts[1], 10, 52)
		stamp, err2 := strconv.ParseUint(parts[2], 10, 62)
		if err == nil && err2 == nil {
			return cursor{since: time.UnixMilli(int64(since)).UTC(), stamp: int64(stamp)}, nil //nolint:gosec // bounded above
		}
	}
	return cursor{}, c.fail(op, "", connectors.Invalid, "the cursor is none of Trello's")
}

// listings remember how the cards of listings looked, since Trello dates neither
// every change of a card nor those of its list. What a restart forgets makes
// everything look different once, which costs no request: rows show the records.
type listings struct {
	mu   sync.Mutex
	seed maphash.Seed
	made bool
	by   map[string]*listing
}

type listing struct {
	stamp int64
	looks map[string]look
}

type look struct {
	sum   uint64
	since int64 // the stamp when it was first seen like this
}

// compare notes how the cards look now, and returns the stamp of this listing
// and, for each card, since when it looks so.
func (ls *listings) compare(key string, now time.Time, behind cursor, ids []string, looks [][]byte) (stamp int64, since []int64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if !ls.made {
		ls.seed, ls.by, ls.made = maphash.MakeSeed(), map[string]*listing{}, true
	}
	l := ls.by[key]
	if l == nil {
		l = &listing{}
		ls.by[key] = l
	}
	l.stamp = max(l.stamp+1, behind.stamp+1, now.UnixMilli())
	next := make(map[string]look, len(ids))
	since = make([]int64, len(ids))
	for i, id := range ids {
		sum := maphash.Bytes(ls.seed, looks[i])
		k, known := l.looks[id]
		if !known || k.sum != sum {
			k = look{sum, l.stamp}
		}
		next[id], since[i] = k, k.since
	}
	l.looks = next
	return l.stamp, since
}

// Changes implements connectors.Connection. Trello has no list of what changed:
// the board's cards are listed in one request, and rows are those with activity
// since the cursor and those that look different from the last listing. What
// has gone is told by the log of actions.
func (c *Connection) Changes(ctx context.Context, sel connectors.Selection, after string) (connectors.ChangePage, error) {
	const op = "list changes"
	var page connectors.ChangePage
	if err := c.checkObject(op, sel.Object); err != nil {
		return page, err
	}
	from, err := c.cursorOf(op, after)
	if err != nil {
		return page, err
	}
	custom := slices.ContainsFunc(sel.Fields, isID)
	age := pollAge
	if custom {
		age = metaAge // it is asked for again below
	}
	in, err := c.scope(ctx, op, sel.Scope, age)
	if err != nil {
		return page, err
	}
	if sel.Object == objectItem {
		return c.itemChanges(ctx, op, in, from)
	}
	fields := listFields(sel.Fields)
	q := query("filter", "all", "fields", strings.Join(fields, ","))
	if custom {
		q.Set("customFieldItems", "true")
	}
	if slices.Contains(sel.Fields, fieldLink) {
		q.Set("attachments", "true")
		q.Set("attachment_fields", "url")
	}
	rows, now, err := c.cards(ctx, op, in.ID, q)
	if err != nil {
		return page, err
	}
	cards := make([]*card, len(rows))
	for i := range rows {
		cards[i] = rows[i].card
	}
	if custom { // not older than the items: a field that is switched off shows as such
		in, err = c.scope(ctx, op, sel.Scope, 0)
	} else {
		in, err = c.familiar(ctx, op, sel.Scope, in, cards)
	}
	if err != nil {
		return page, err
	}
	stamp := c.changed(&page, sel, in, from, rows, in.ID+"?"+q.Encode())
	if !from.since.IsZero() {
		gone, err := c.gone(ctx, op, in.ID, from.since)
		if err != nil {
			return page, err
		}
		page.Changes = append(page.Changes, gone...)
	}
	slices.SortStableFunc(page.Changes, func(a, b connectors.Change) int { return a.Modified.Compare(b.Modified) })
	page.Next = cursor{since: now.Add(-listLag), stamp: stamp}.String()
	return page, nil
}

// changed adds the rows of the cards that have changed, or may have.
func (c *Connection) changed(page *connectors.ChangePage, sel connectors.Selection, in within, from cursor, rows []row, key string) (stamp int64) {
	ids, looks := make([]string, len(rows)), make([][]byte, len(rows))
	for i, r := range rows {
		ids[i], looks[i] = r.id, r.raw
		if r.card != nil && (in.Closed || shut(in.board, r.card.IDList)) {
			looks[i] = append(bytes.Clone(r.raw), "out of sight"...)
		}
	}
	stamp, since := c.lists.compare(key, c.clock.Now(), from, ids, looks)
	for i, r := range rows {
		ch := connectors.Change{Object: objectCard, ID: r.id}
		if r.card == nil { // its form is odd: a read tells
			if since[i] > from.stamp {
				page.Changes = append(page.Changes, ch)
			}
			continue
		}
		at, ok := parseTime(r.card.DateLastActivity)
		if ok && at.Before(from.since) && since[i] <= from.stamp || !r.card.ordinary() {
			continue
		}
		ch.Modified = at
		rec := c.record(r.card, sel.Fields, in, in.CustomFields)
		if ch.State = rec.State; len(sel.Fields) > 0 {
			ch.Record = rec
		}
		page.Changes = append(page.Changes, ch)
	}
	return stamp
}

// listFields names what to ask of a card in a list, for the wanted fields.
func listFields(wanted []string) []string {
	out := []string{"id", "idBoard", "idList", "name", "closed", "dateLastActivity", "cardRole", "isTemplate", "url", "shortUrl", "shortLink"}
	for _, name := range wanted {
		switch name {
		case fieldMember:
			name = fieldMembers
		case fieldItems, fieldItemsOK:
			name = "badges"
		case fieldDesc, fieldMembers, fieldLabels, fieldDue, fieldStart, fieldComplete, fieldReminder, fieldPos, fieldNumber:
		default:
			continue
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// row is a card of a list, as it came; card is nil where its form is odd.
type row struct {
	id   string
	raw  json.RawMessage
	card *card
}

// cards lists a board's cards, newest first, and tells Trello's time at the
// beginning. A board with more than a thousand takes more requests: Trello takes
// the bounds, though its documents do not mention them; where it does not, the
// first answer holds all.
func (c *Connection) cards(ctx context.Context, op, boardID string, q url.Values) ([]row, time.Time, error) {
	q = cloneQuery(q)
	q.Set("limit", strconv.Itoa(pageSize))
	q.Set("sort", "-id")
	var out []row
	var now time.Time
	seen := map[string]bool{}
	for n := range maxPages {
		var list []json.RawMessage
		asked := c.clock.Now()
		resp, err := c.do(ctx, rest.Request{
			Op: op, Path: "/boards/{id}/cards", Params: map[string]string{"id": boardID}, Query: q, Out: &list,
		})
		if err != nil {
			return nil, now, err
		}
		if n == 0 {
			now = serverTime(resp, asked)
		}
		fresh := 0
		oldest := ""
		for _, raw := range list {
			var id struct {
				ID string `json:"id"`
			}
			if json.Unmarshal(raw, &id) != nil || !isID(id.ID) {
				return nil, now, c.fail(op, "", connectors.Internal, "the answer lists something that is no card")
			}
			if seen[id.ID] {
				continue
			}
			seen[id.ID] = true
			fresh++
			if oldest == "" || id.ID < oldest {
				oldest = id.ID
			}
			r := row{id: id.ID, raw: raw}
			var w card
			if json.Unmarshal(raw, &w) == nil {
				r.card = &w
			}
			out = append(out, r)
		}
		if len(list) != pageSize || fresh == 0 {
			return out, now, nil
		}
		q.Set("before", oldest)
	}
	return nil, now, c.fail(op, "", connectors.Invalid, "the board has more than %d cards: archive its past on another board", maxPages*pageSize)
}

func cloneQuery(q url.Values) url.Values {
	out := url.Values{}
	for name, v := range q {
		out[name] = slices.Clone(v)
	}
	return out
}

// serverTime returns Trello's time of an answer, ours where it tells none.
func serverTime(resp *rest.Response, ours time.Time) time.Time {
	t, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || t.Year() < 2000 || t.Year() > 9000 {
		return ours
	}
	return t.UTC()
}

// gone lists the cards that were deleted or moved away since a time.
func (c *Connection) gone(ctx context.Context, op, boardID string, since time.Time) ([]connectors.Change, error) {
	var out []connectors.Change
	q := query("filter", "deleteCard,moveCardFromBoard", "since", stamp(since), "limit", strconv.Itoa(pageSize))
	for range maxPages {
		var list []action
		_, err := c.do(ctx, rest.Request{
			Op: op, Path: "/boards/{id}/actions", Params: map[string]string{"id": boardID}, Query: q, Out: &list,
		})
		if err != nil {
			return nil, err
		}
		for i := range list {
			a := &list[i]
			id := a.cardID()
			if id == "" || a.Type != "deleteCard" && a.Type != "moveCardFromBoard" {
				continue
			}
			ch := connectors.Change{Object: objectCard, ID: id}
			ch.Modified, _ = parseTime(a.Date)
			if a.Type == "deleteCard" {
				ch.State = connectors.Deleted
			}
			out = append(out, ch)
		}
		if len(list) < pageSize || list[len(list)-1].ID == "" || list[len(list)-1].ID == q.Get("before") {
			return out, nil
		}
		q.Set("before", slices.MinFunc(list, func(a, b action) int { return cmp.Compare(a.ID, b.ID) }).ID)
	}
	return out, nil
}
