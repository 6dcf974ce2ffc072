package trello

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Comments implements connectors.Commenter. Comments are actions of Trello; those
// that a copied card brought with it are the other card's.
func (c *Connection) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	const op = "read comments"
	if err := c.onlyCards(op, object); err != nil {
		return nil, err
	}
	if !isID(id) {
		return nil, c.fail(op, ref(id), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
	}
	var out []connectors.Comment
	q := query("filter", "commentCard", "limit", strconv.Itoa(pageSize))
	for range maxPages {
		var list []action
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Path: "/cards/{id}/actions", Params: map[string]string{"id": id}, Query: q, Out: &list,
		})
		if err != nil {
			return nil, err
		}
		for i := range list {
			if !isID(list[i].ID) {
				return nil, c.fail(op, ref(id), connectors.Internal, "the answer has a comment without an id")
			}
			out = append(out, commentOf(&list[i]))
		}
		if len(list) < pageSize || list[len(list)-1].ID == q.Get("before") {
			break
		}
		q.Set("before", list[len(list)-1].ID)
	}
	slices.SortFunc(out, byAge)
	return out, nil
}

// CommentsOf implements connectors.BatchCommenter, ten cards a request.
func (c *Connection) CommentsOf(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
	const op = "read comments"
	if err := c.onlyCards(op, object); err != nil {
		return nil, err
	}
	out := make([]connectors.CommentsResult, len(ids))
	var asked []int
	for i, id := range ids {
		if isID(id) {
			asked = append(asked, i)
			continue
		}
		out[i].Err = c.fail(op, ref(id), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
	}
	for chunk := range slices.Chunk(asked, batchMost) {
		urls := make([]string, len(chunk))
		for i, n := range chunk {
			urls[i] = "/cards/" + ids[n] + "/actions?filter=commentCard&limit=" + strconv.Itoa(pageSize)
		}
		parts, err := c.batch(ctx, op, urls)
		if err != nil {
			return nil, err
		}
		for i, n := range chunk {
			if parts[i].status == 200 {
				out[n] = c.commentsIn(ctx, op, object, ids[n], parts[i].body)
				continue
			}
			e := c.partError(op, ref(ids[n]), parts[i])
			if e.Kind.Temporary() && e.Kind != connectors.Internal {
				return nil, e
			}
			out[n].Err = e
		}
	}
	return out, nil
}

// commentsIn reads the comments of one card out of a batch.
func (c *Connection) commentsIn(ctx context.Context, op, object, id string, body []byte) (r connectors.CommentsResult) {
	var list []action
	if json.Unmarshal(body, &list) != nil || slices.ContainsFunc(list, func(a action) bool { return !isID(a.ID) }) {
		r.Err = c.fail(op, ref(id), connectors.Internal, "the answer is no list of comments")
		return r
	}
	if len(list) >= pageSize { // there are more
		r.Comments, r.Err = c.Comments(ctx, object, id)
		return r
	}
	for i := range list {
		r.Comments = append(r.Comments, commentOf(&list[i]))
	}
	slices.SortFunc(r.Comments, byAge)
	return r
}

func byAge(a, b connectors.Comment) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

func commentOf(a *action) connectors.Comment {
	body, key := undot(a.Data.Text)
	who := a.MemberCreator
	out := connectors.Comment{
		ID: a.ID, Key: key, Body: body,
		Author: connectors.Person{ID: cmp.Or(who.ID, a.IDCreator), Name: cmp.Or(who.FullName, who.Username)},
	}
	out.Created, _ = parseTime(a.Date) // zero: unknown
	out.Modified = out.Created
	if t, ok := parseTime(a.Data.DateLastEdited); ok {
		out.Modified = t
	}
	return out
}

// AddComment implements connectors.Commenter. The key stands in a link at the end
// of the text.
func (c *Connection) AddComment(ctx context.Context, object, id string, cm connectors.Comment) (string, error) {
	const op = "add a comment"
	if err := c.onlyCards(op, object); err != nil {
		return "", err
	}
	if !isID(id) {
		return "", c.fail(op, ref(id), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
	}
	words := cm.Body
	if cm.Key != "" {
		words += "\n\n" + c.dot(cm.Key)
	}
	if err := short(words); err != nil {
		return "", c.fail(op, ref(id), connectors.Invalid, "%w", err)
	}
	var made action
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: "POST", Path: "/cards/{id}/actions/comments", Params: map[string]string{"id": id},
		Body: map[string]string{"text": words}, Out: &made,
	})
	if err != nil {
		return "", err
	}
	if !isID(made.ID) {
		return "", &connectors.Error{Op: op, Connection: c.name, Record: ref(id), Kind: connectors.Internal, Unsure: true, Err: errNoID}
	}
	return made.ID, nil
}
