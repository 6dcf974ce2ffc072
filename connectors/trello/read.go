package trello

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	// batchMost is how many URLs one batch takes.
	batchMost = 10
	// readBatch is how many cards one request reads: the tenth place is for the
	// board's custom fields, as they stand at the same time.
	readBatch = batchMost - 1
)

// Read implements connectors.Connection. Cards are read by their ids, nine a
// request, and never through search. A card that is missing is NotFound: Trello
// answers the same for one that was deleted and one that never was.
func (c *Connection) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	const op = "read"
	if err := c.checkObject(op, sel.Object); err != nil {
		return nil, err
	}
	if sel.Object == objectItem {
		return c.readItems(ctx, op, sel, ids)
	}
	in, err := c.scope(ctx, op, sel.Scope, metaAge)
	if err != nil {
		return nil, err
	}
	cards := map[string]*connectors.ReadResult{}
	var asked []string
	for _, id := range ids {
		if _, twice := cards[id]; twice {
			continue
		}
		cards[id] = nil
		if isID(id) {
			asked = append(asked, id)
		}
	}
	for part := range slices.Chunk(asked, readBatch) {
		if in, err = c.readPart(ctx, op, sel, in, part, cards); err != nil {
			return nil, err
		}
	}
	out := make([]connectors.ReadResult, len(ids))
	for i, id := range ids {
		if r := cards[id]; r != nil {
			out[i] = *r
			continue
		}
		out[i].Err = c.fail(op, ref(id), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
	}
	return out, nil
}

// readPart reads a batch of cards. It returns the scope as known by then.
func (c *Connection) readPart(ctx context.Context, op string, sel connectors.Selection, in within, ids []string, into map[string]*connectors.ReadResult) (within, error) {
	custom := slices.ContainsFunc(sel.Fields, isID)
	tail := "?fields=all"
	if custom {
		tail += "&customFieldItems=true"
	}
	if slices.Contains(sel.Fields, fieldLink) {
		tail += "&attachments=true&attachment_fields=url"
	}
	var urls []string
	for _, id := range ids {
		urls = append(urls, "/cards/"+id+tail)
	}
	defined := in.CustomFields
	if custom {
		urls = append(urls, "/boards/"+in.ID+"/customFields")
	}
	parts, err := c.batch(ctx, op, urls)
	if err != nil {
		return in, err
	}
	if custom {
		last := parts[len(parts)-1]
		if last.status != 200 {
			return in, c.partError(op, "", last)
		}
		defined = nil
		if json.Unmarshal(last.body, &defined) != nil {
			return in, c.fail(op, "", connectors.Internal, "the custom fields of the board make no sense")
		}
	}
	cards := make([]*card, len(ids))
	for i, id := range ids {
		if parts[i].status != 200 {
			err := c.partError(op, ref(id), parts[i])
			if err.Kind.Temporary() && err.Kind != connectors.Internal {
				return in, err
			}
			into[id] = &connectors.ReadResult{Err: err}
			continue
		}
		var w card
		if err := json.Unmarshal(parts[i].body, &w); err != nil || w.ID != id {
			into[id] = &connectors.ReadResult{Err: c.fail(op, ref(id), connectors.Internal, "the answer is no card with this id")}
			continue
		}
		cards[i] = &w
	}
	if in, err = c.familiar(ctx, op, sel.Scope, in, cards); err != nil {
		return in, err
	}
	for i, id := range ids {
		if cards[i] != nil {
			into[id] = &connectors.ReadResult{Record: c.record(cards[i], sel.Fields, in, defined)}
		}
	}
	return in, nil
}

// familiar asks for the board again where cards name lists, labels or members
// that are not known of it.
func (c *Connection) familiar(ctx context.Context, op string, s connectors.Scope, in within, cards []*card) (within, error) {
	for _, w := range cards {
		if w == nil || w.IDBoard != in.ID {
			continue
		}
		strange := in.list(w.IDList) == nil ||
			slices.ContainsFunc(w.IDLabels, func(id string) bool { return in.label(id) == nil }) ||
			slices.ContainsFunc(w.IDMembers, func(id string) bool { return in.member(id) == nil })
		if strange {
			return c.scope(ctx, op, s, metaAgain)
		}
	}
	return in, nil
}

// part is one answer of a batch.
type part struct {
	status int
	body   json.RawMessage
	words  string
}

// batch sends up to ten GETs in one request. The answers come in the order of
// the URLs; there are as many. Where Trello's limit is reached among them, all are
// sent again when its window is over.
func (c *Connection) batch(ctx context.Context, op string, urls []string) ([]part, error) {
	const tries = 3
	for n := 1; ; n++ {
		parts, err := c.sendBatch(ctx, op, urls)
		i := slices.IndexFunc(parts, func(p part) bool { return p.status == http.StatusTooManyRequests })
		if err != nil || i < 0 {
			return parts, err
		}
		if n == tries {
			e := c.partError(op, "", parts[i])
			e.RetryAfter = limitWindow
			return nil, e
		}
		if err := c.clock.Sleep(ctx, limitWindow); err != nil {
			return nil, c.fail(op, "", connectors.Unavailable, "%w", err)
		}
	}
}

func (c *Connection) sendBatch(ctx context.Context, op string, urls []string) ([]part, error) {
	var entries []json.RawMessage
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: "/batch", Query: query("urls", strings.Join(urls, ",")), Out: &entries, Units: len(urls),
	})
	if err != nil {
		return nil, err
	}
	if len(entries) != len(urls) {
		return nil, c.fail(op, "", connectors.Internal, "the answer to %d parts of a batch has %d", len(urls), len(entries))
	}
	out := make([]part, len(entries))
	for i, raw := range entries {
		out[i] = partOf(raw)
	}
	return out, nil
}

// partOf reads one answer of a batch: an object whose one member is the status,
// or an error as it is.
func partOf(raw json.RawMessage) part {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return part{}
	}
	refusal := raw
	p := part{}
	if len(members) == 1 {
		for name, body := range members {
			if status, err := strconv.Atoi(name); err == nil {
				p.status, p.body, refusal = status, body, body
			}
		}
	}
	if p.status/100 == 2 {
		p.status = 200
		return p
	}
	var e struct {
		Message string `json:"message"`
		Status  int    `json:"statusCode"`
	}
	if json.Unmarshal(refusal, &e) == nil {
		p.words = e.Message
		if p.status == 0 {
			p.status = e.Status
		}
	}
	return p
}

// partError is the error of one part of a batch. Trouble of Trello's own is about
// that part: the batch was answered.
func (c *Connection) partError(op, record string, p part) *connectors.Error {
	kind := kindOf(p.status)
	if kind == connectors.Unavailable {
		kind = connectors.Internal
	}
	words := c.http.Clip(p.words)
	if words == "" {
		words = "Trello refused this part of a batch"
	}
	return &connectors.Error{
		Op: op, Connection: c.name, Record: record, Kind: kind, Err: &rest.StatusError{Status: p.status, Message: words},
	}
}
