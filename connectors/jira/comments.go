package jira

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jira/adf"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Comments implements connectors.Commenter.
func (c *Connection) Comments(ctx context.Context, obj, id string) ([]connectors.Comment, error) {
	const op = "read comments"
	if err := c.checkObject(op, obj); err != nil {
		return nil, err
	}
	if !isID(id) {
		return nil, c.fail(op, ref(id), connectors.NotFound, "the id of an issue is a number")
	}
	var out []connectors.Comment
	for start := 0; start < maxPages*100; {
		var page commentPage
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Path: "/issue/{id}/comment", Params: map[string]string{"id": id},
			Query: query("startAt", strconv.Itoa(start), "maxResults", "100", "orderBy", "created", "expand", "properties"),
			Out:   &page,
		})
		if err != nil {
			return nil, err
		}
		for i := range page.Comments {
			if page.Comments[i].ID == "" {
				return nil, c.fail(op, ref(id), connectors.Internal, "the answer has a comment without an id")
			}
			cm, err := c.commentOf(&page.Comments[i])
			if err != nil {
				return nil, c.fail(op, ref(id), connectors.Internal, "comment %s: %w", page.Comments[i].ID, err)
			}
			if page.Comments[i].Properties == nil {
				if cm.Key, err = c.commentKey(ctx, op, id, &cm); err != nil {
					return nil, err
				}
			}
			out = append(out, cm)
		}
		start += len(page.Comments)
		if len(page.Comments) == 0 || start >= page.Total {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b connectors.Comment) int { return a.Created.Compare(b.Created) })
	return out, nil
}

func (c *Connection) commentOf(w *comment) (connectors.Comment, error) {
	body, err := markdownOf(w.Body)
	if err != nil {
		return connectors.Comment{}, err
	}
	out := connectors.Comment{ID: w.ID, Author: c.personOf(&w.Author), Body: body}
	out.Created, _ = parseTime(w.Created) // zero: unknown
	out.Modified, _ = parseTime(w.Updated)
	for _, p := range w.Properties {
		var v keyValue
		if p.Key == keyProperty && json.Unmarshal(p.Value, &v) == nil {
			out.Key = v.Key
		}
	}
	return out, nil
}

// commentKey asks for the key of a comment where the list does not tell
// properties. Only comments of the account itself can have one.
func (c *Connection) commentKey(ctx context.Context, op, id string, cm *connectors.Comment) (string, error) {
	if c.me.id() == "" {
		if _, err := c.self(ctx, op); err != nil {
			return "", err
		}
	}
	if cm.Author.ID != c.me.id() {
		return "", nil
	}
	var p struct {
		Value keyValue `json:"value"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Path: "/comment/{id}/properties/{key}", Params: map[string]string{"id": cm.ID, "key": keyProperty}, Out: &p,
	})
	if connectors.KindOf(err) == connectors.NotFound {
		return "", nil
	}
	return p.Value.Key, err
}

// AddComment implements connectors.Commenter. The key goes into a property of
// the comment, in the same call.
func (c *Connection) AddComment(ctx context.Context, obj, id string, cm connectors.Comment) (string, error) {
	const op = "add a comment"
	if err := c.checkObject(op, obj); err != nil {
		return "", err
	}
	if !isID(id) {
		return "", c.fail(op, ref(id), connectors.NotFound, "the id of an issue is a number")
	}
	body := map[string]any{}
	if doc := adf.FromMarkdown(cm.Body); c.cloud {
		body["body"] = doc
	} else {
		body["body"] = doc.Wiki()
	}
	if cm.Key != "" {
		body["properties"] = []property{{Key: keyProperty, Value: keyValue{Key: cm.Key}}}
	}
	var made comment
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: "POST", Path: "/issue/{id}/comment", Params: map[string]string{"id": id},
		Body: body, Out: &made,
	})
	if err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", &connectors.Error{Op: op, Connection: c.name, Record: ref(id), Kind: connectors.Internal, Unsure: true, Err: errNoID}
	}
	return made.ID, nil
}
