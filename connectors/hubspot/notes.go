package hubspot

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/richtext"
	"github.com/tenonsync/tenon/connectors/rest"
)

// maxNotePages bounds the walk over the notes of one record.
const maxNotePages = 100

var noteProperties = []string{
	"hs_note_body", timeProperty, "hs_createdate", ownerProperty, "hs_created_by", "hs_created_by_user_id", keyProperty,
}

// Comments implements connectors.Commenter: the notes associated with the
// record.
func (c *connection) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	t, err := c.object(ctx, "read comments", object)
	if err != nil {
		return nil, err
	}
	ids, err := c.noteIDs(ctx, t, id)
	if err != nil {
		return nil, err
	}
	var comments []connectors.Comment
	for chunk := range slices.Chunk(ids, batchSize) {
		found, _, err := c.batchRead(ctx, standardType("notes"), "", noteProperties, chunk, false)
		if err != nil {
			return nil, err
		}
		for i := range found {
			comment, err := c.comment(ctx, &found[i])
			if err != nil {
				return nil, err
			}
			comments = append(comments, comment)
		}
	}
	slices.SortFunc(comments, func(a, b connectors.Comment) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return comments, nil
}

func (c *connection) noteIDs(ctx context.Context, t *objectType, id string) ([]string, error) {
	var ids []string
	after := ""
	for range maxNotePages {
		var page struct {
			Results []wireAssociated `json:"results"`
			Paging  *paging          `json:"paging"`
		}
		query := url.Values{"limit": {"500"}}
		if after != "" {
			query.Set("after", after)
		}
		err := c.do(ctx, rest.Request{
			Op: "read comments", Record: t.plural + "/" + id, Path: pathAssociated,
			Params: map[string]string{"type": t.id, "id": id, "to": notesID}, Query: query, Out: &page,
		})
		if err != nil {
			return nil, err
		}
		for _, a := range page.Results {
			ids = append(ids, string(a.ID))
		}
		if after = page.Paging.after(); after == "" {
			break
		}
	}
	return unique(ids), nil
}

func (c *connection) comment(ctx context.Context, w *wireRecord) (connectors.Comment, error) {
	text := func(name string) string {
		if v := w.Properties[name]; v != nil {
			return *v
		}
		return ""
	}
	comment := connectors.Comment{ID: string(w.ID), Key: text(keyProperty), Body: richtext.FromHTML(text("hs_note_body"))}
	comment.Created, _ = parseTime(firstOf(text(timeProperty), w.CreatedAt))
	comment.Modified, _ = parseTime(w.UpdatedAt)
	owner, user := text(ownerProperty), firstOf(text("hs_created_by_user_id"), text("hs_created_by"))
	if owner == "" && user == "" {
		return comment, nil
	}
	owners, err := c.owners(ctx, schemaAge)
	if err != nil {
		return comment, err
	}
	if owners != nil {
		if person, ok := owners.byUser[user]; ok {
			comment.Author = person
			return comment, nil
		}
	}
	if owner != "" {
		comment.Author = owners.owner(owner)
	}
	return comment, nil
}

// AddComment implements connectors.Commenter. A comment whose key a note holds
// already is not written again: HubSpot refuses it, and that note's id comes
// back.
func (c *connection) AddComment(ctx context.Context, object, id string, comment connectors.Comment) (string, error) {
	const op = "add comment"
	t, err := c.object(ctx, op, object)
	if err != nil {
		return "", sure(err)
	}
	notes := standardType("notes")
	links, err := c.link(ctx, notes, t, id)
	if err != nil {
		return "", sure(err)
	}
	at := comment.Created
	if at.IsZero() {
		at = c.clock.Now()
	}
	body := createRequest{Links: links, Properties: map[string]string{
		"hs_note_body": richtext.ToHTML(comment.Body),
		timeProperty:   at.UTC().Format(timeForm),
	}}
	if comment.Key != "" {
		body.Properties[keyProperty] = comment.Key
	}
	var made wireRecord
	err = c.do(ctx, rest.Request{
		Op: op, Record: object + "/" + id, Method: http.MethodPost, Path: pathObjects,
		Params: map[string]string{"type": notesID}, Body: body, Out: &made,
	})
	if err == nil && made.ID == "" {
		lost := c.fail(op, object+"/"+id, connectors.Internal, "the answer does not name the note that was made")
		lost.Unsure = true
		return "", lost
	}
	if err == nil {
		return string(made.ID), nil
	}
	switch kind := connectors.KindOf(err); {
	case kind == connectors.Conflict && comment.Key != "":
		found, _, findErr := c.batchRead(ctx, notes, keyProperty, []string{keyProperty}, []string{comment.Key}, false)
		if findErr == nil && len(found) == 1 {
			return string(found[0].ID), nil
		}
	case kind == connectors.Invalid:
		if _, missing, findErr := c.batchRead(ctx, t, "", []string{"hs_object_id"}, []string{id}, false); findErr == nil && len(missing) > 0 {
			return "", c.fail(op, object+"/"+id, connectors.NotFound, "HubSpot has no such record")
		}
	}
	return "", c.unprepared(notes, err)
}
