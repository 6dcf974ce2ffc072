package hubspot

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
	"github.com/tenonsync/tenon/connectors/richtext"
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
	found, err := c.commentsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	comments := slices.Collect(maps.Values(found))
	oldestFirst(comments)
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
	comment.Created, _ = parseTime(cmp.Or(text(timeProperty), w.CreatedAt))
	comment.Modified, _ = parseTime(w.UpdatedAt)
	owner, user := text(ownerProperty), cmp.Or(text("hs_created_by_user_id"), text("hs_created_by"))
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
	properties := map[string]string{"hs_note_body": richtext.ToHTML(comment.Body)}
	if !comment.Created.IsZero() {
		properties[timeProperty] = comment.Created.UTC().Format(timeForm)
	}
	note, _, err := c.addNote(ctx, "add comment", object, id, comment.Key, properties)
	return note, err
}

// addNote makes a note at a record. One whose key a note holds already is not
// made again: that note's files come back with its id.
func (c *connection) addNote(ctx context.Context, op, object, id, key string, properties map[string]string) (note, files string, err error) {
	t, err := c.object(ctx, op, object)
	if err != nil {
		return "", "", connectors.Sure(err)
	}
	notes := standardType("notes")
	links, err := c.link(ctx, notes, t, id)
	if err != nil {
		return "", "", connectors.Sure(err)
	}
	body := createRequest{Links: links, Properties: properties}
	if properties[timeProperty] == "" {
		properties[timeProperty] = c.clock.Now().UTC().Format(timeForm)
	}
	if key != "" {
		properties[keyProperty] = key
	}
	var made wireRecord
	err = c.do(ctx, rest.Request{
		Op: op, Record: object + "/" + id, Method: http.MethodPost, Path: pathObjects,
		Params: map[string]string{"type": notesID}, Body: body, Out: &made,
	})
	if err == nil && made.ID == "" {
		lost := c.fail(op, object+"/"+id, connectors.Internal, "the answer does not name the note that was made")
		lost.Unsure = true
		return "", "", lost
	}
	if err == nil {
		return string(made.ID), properties[attachmentsProperty], nil
	}
	switch kind := connectors.KindOf(err); {
	case kind == connectors.Conflict && key != "":
		found, _, findErr := c.batchRead(ctx, notes, keyProperty, []string{keyProperty, attachmentsProperty}, []string{key}, false)
		if findErr == nil && len(found) == 1 {
			if v := found[0].Properties[attachmentsProperty]; v != nil {
				files = *v
			}
			return string(found[0].ID), files, nil
		}
	case kind == connectors.Invalid:
		if _, missing, findErr := c.batchRead(ctx, t, "", []string{"hs_object_id"}, []string{id}, false); findErr == nil && len(missing) > 0 {
			return "", "", c.fail(op, object+"/"+id, connectors.NotFound, "HubSpot has no such record")
		}
	}
	return "", "", c.unprepared(notes, err)
}
