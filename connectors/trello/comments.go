package trello

import (
	"context"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Comments implements connectors.Commenter. Comments are actions of Trello; those
// that a copied card brought with it count as well.
func (c *Connection) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	const op = "read comments"
	if err := c.onlyCards(op, object); err != nil {
		return nil, err
	}
	if !isID(id) {
		return nil, c.fail(op, ref(id), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
	}
	var out []connectors.Comment
	q := query("filter", "commentCard,copyCommentCard", "limit", strconv.Itoa(pageSize))
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
	slices.SortStableFunc(out, func(a, b connectors.Comment) int { return a.Created.Compare(b.Created) })
	return out, nil
}

func commentOf(a *action) connectors.Comment {
	body, key := undot(a.Data.Text)
	who := a.MemberCreator
	out := connectors.Comment{
		ID: a.ID, Key: key, Body: body,
		Author: connectors.Person{ID: firstOf(who.ID, a.IDCreator), Name: firstOf(who.FullName, who.Username)},
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
