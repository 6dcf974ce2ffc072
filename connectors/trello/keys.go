package trello

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// A create's key stands behind the address of a link: on cards in an attachment
// that is made in the same call, in comments and items of checklists in a link
// at the end of the text, which shows as a dot.
var (
	markForm = regexp.MustCompile(`^(.*)[#&]tenon=([a-z0-9-]{1,64})$`)
	dotForm  = regexp.MustCompile(`(?s)^(.*?)\s*\[·\]\((\S*[#&]tenon=[a-z0-9-]{1,64})\)\s*$`)
)

// markLength is how many characters a mark in a text may take.
const markLength = 400

// mark puts a key behind an address.
func mark(link, key string) string {
	if strings.Contains(link, "#") {
		return link + "&tenon=" + key
	}
	return link + "#tenon=" + key
}

// unmark takes the key off an address; key is "" where there is none.
func unmark(address string) (link, key string) {
	m := markForm.FindStringSubmatch(address)
	if m == nil {
		return address, ""
	}
	return m[1], m[2]
}

// dot returns the link that carries a key at the end of a text.
func (c *Connection) dot(key string) string { return "[·](" + mark(c.markURL, key) + ")" }

// undot takes the link with a key off the end of a text.
func undot(s string) (rest, key string) {
	m := dotForm.FindStringSubmatch(s)
	if m == nil {
		return s, ""
	}
	_, key = unmark(m[2])
	return m[1], key
}

// FindByKey implements connectors.Connection. It looks through all cards of the
// board, archived ones too; a card that was moved to another board is not found.
func (c *Connection) FindByKey(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
	const op = "find by key"
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	out := make([][]string, len(keys))
	if len(keys) == 0 {
		return out, nil
	}
	if object == objectItem {
		return out, c.findItems(ctx, op, scope, keys, out)
	}
	in, err := c.scope(ctx, op, scope, metaAge)
	if err != nil {
		return nil, err
	}
	rows, _, err := c.cards(ctx, op, in.ID, query("filter", "all", "fields", "id", "attachments", "true", "attachment_fields", "url"))
	if err != nil {
		return nil, err
	}
	holders := map[string][]string{}
	for _, r := range rows {
		if r.card == nil {
			return nil, c.fail(op, ref(r.id), connectors.Internal, "the answer lists something that is no card")
		}
		for _, a := range r.card.Attachments {
			if _, key := unmark(a.URL); key != "" && !slices.Contains(holders[key], r.id) {
				holders[key] = append(holders[key], r.id)
			}
		}
	}
	for i, key := range keys {
		if out[i], err = c.originals(ctx, op, holders[key]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// originals leaves out the cards that somebody made as copies of another one:
// copies take the attachments with them.
func (c *Connection) originals(ctx context.Context, op string, ids []string) ([]string, error) {
	if len(ids) < 2 {
		return ids, nil
	}
	var out []string
	for _, id := range ids {
		var made []action
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Path: "/cards/{id}/actions", Params: map[string]string{"id": id},
			Query: query("filter", "copyCard", "limit", "1"), Out: &made,
		})
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(made, func(a action) bool { return a.Type == "copyCard" && a.cardID() == id }) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(a, b) })
	return out, nil
}
