package salesforce

import (
	"cmp"
	"context"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
	"github.com/tenonsync/tenon/connectors/richtext"
)

// taskObject is where comments are kept as activities.
const taskObject = "Task"

// marker is how a comment shows its key where no field holds it.
var marker = regexp.MustCompile(`(?:<p>)?\s*\[tenon:([a-z0-9-]{1,64})\]\s*(?:</p>)?\s*$`)

func markerOf(key string) string { return "[tenon:" + key + "]" }

// unmarked returns a comment's text without the marker, and the key that it
// held.
func unmarked(text string) (body, key string) {
	at := marker.FindStringSubmatchIndex(text)
	if at == nil {
		return text, ""
	}
	return strings.TrimRight(text[:at[0]], " \n\r\t"), text[at[2]:at[3]]
}

// Comments implements connectors.Commenter: the completed tasks of the record
// that have the subject of notes, or its Chatter posts.
func (c *connection) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	const op = "read comments"
	long, ok := id18(id)
	if !ok {
		return nil, c.fail(op, object+"/"+id, connectors.NotFound, "%q is not an id of Salesforce", id)
	}
	byID, err := c.commentsOf(ctx, op, object, []string{long})
	return byID[long], err
}

// CommentsOf implements connectors.BatchCommenter.
func (c *connection) CommentsOf(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
	const op = "read comments"
	byID, err := c.commentsOf(ctx, op, object, unique(ids))
	if err != nil {
		return nil, err
	}
	out := make([]connectors.CommentsResult, len(ids))
	for i, id := range ids {
		if long, ok := id18(id); ok {
			out[i].Comments = byID[long]
		} else {
			out[i].Err = c.fail(op, object+"/"+id, connectors.NotFound, "%q is not an id of Salesforce", id)
		}
	}
	return out, nil
}

// commentsOf returns the comments of records by their long ids, oldest first.
func (c *connection) commentsOf(ctx context.Context, op, object string, ids []string) (map[string][]connectors.Comment, error) {
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return nil, err
	}
	list := c.notes
	if c.o.notes == notesChatter {
		list = c.posts
	}
	out := make(map[string][]connectors.Comment, len(ids))
	for chunk := range slices.Chunk(ids, commentChunk) {
		if err := list(ctx, op, m, chunk, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// commentChunk is of how many records the comments are asked for at once: their
// texts are long.
const commentChunk = 200

var commentFields = []string{fieldID, fieldCreated, "SystemModstamp", "CreatedById", "CreatedBy.Name", "CreatedBy.Email"}

func (c *connection) notes(ctx context.Context, op string, m *meta, ids []string, into map[string][]connectors.Comment) error {
	if m.note == "" {
		return c.noNotes(op, m)
	}
	tasks, err := c.metaOf(ctx, op, taskObject, schemaAge)
	if err != nil {
		return err
	}
	fields := append(slices.Clone(commentFields), m.note, "Description")
	key := tasks.prop(c.o.keyFieldOf(taskObject))
	if key != nil {
		fields = append(fields, key.name)
	}
	soql := selectFrom(taskObject, fields, []string{
		m.note + " IN " + quoteAll(ids), "Subject = " + quote(c.o.subject), "IsClosed = TRUE", "IsDeleted = FALSE",
	}, "ORDER BY CreatedDate, Id")
	nameless := false
	err = c.queryEach(ctx, op, taskObject, soql, true, func(r row) { // tasks of more than a year are archived
		comment := commentOf(r)
		of, ok := id18(r.text(m.note))
		nameless = nameless || comment.ID == "" || !ok
		body, marked := unmarked(r.text("Description"))
		comment.Key = marked
		if key != nil {
			comment.Key = cmp.Or(r.text(key.name), marked)
		}
		if comment.Body = body; comment.Key == "" { // a person's plain text
			comment.Body = richtext.FromHTML("<p>" + strings.ReplaceAll(html.EscapeString(body), "\n", "<br>") + "</p>")
		}
		into[of] = append(into[of], comment)
	})
	return c.nameless(op, taskObject, nameless, err)
}

func (c *connection) noNotes(op string, m *meta) error {
	err := c.fail(op, m.name, connectors.Invalid, "no task can be about a record of %s", m.name)
	err.Help = "allow activities for the object in Salesforce, or set notes: chatter"
	return err
}

// nameless is the error of a list with a row that has no id; err where that is
// one already.
func (c *connection) nameless(op, object string, found bool, err error) error {
	if err == nil && found {
		return c.fail(op, object, connectors.Internal, "Salesforce lists a record without an id")
	}
	return err
}

func commentOf(r row) connectors.Comment {
	id, _ := id18(r.text(fieldID))
	author, _ := id18(r.text("CreatedById"))
	comment := connectors.Comment{ID: id, Author: connectors.Person{
		ID: author, Name: r.text("CreatedBy.Name"), Email: strings.ToLower(r.text("CreatedBy.Email")),
	}}
	comment.Created, _ = parseTime(r.text(fieldCreated))
	comment.Modified, _ = parseTime(r.text("SystemModstamp"))
	return comment
}

// AddComment implements connectors.Commenter. A comment whose key a task holds
// already is not written again: Salesforce refuses it, and that task's id comes
// back.
func (c *connection) AddComment(ctx context.Context, object, id string, comment connectors.Comment) (string, error) {
	const op = "add comment"
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return "", connectors.Sure(err)
	}
	long, ok := id18(id)
	if !ok {
		return "", c.fail(op, object+"/"+id, connectors.NotFound, "%q is not an id of Salesforce", id)
	}
	var made string
	if c.o.notes == notesChatter {
		made, err = c.addPost(ctx, op, object, long, comment)
	} else {
		made, err = c.addNote(ctx, op, object, m, long, comment)
	}
	if err != nil {
		return "", c.recordGone(ctx, op, object, long, err)
	}
	return made, nil
}

func (c *connection) addNote(ctx context.Context, op, object string, m *meta, id string, comment connectors.Comment) (string, error) {
	if m.note == "" {
		return "", c.noNotes(op, m)
	}
	tasks, err := c.metaOf(ctx, op, taskObject, schemaAge)
	if err != nil {
		return "", connectors.Sure(err)
	}
	at := comment.Created
	if at.IsZero() {
		at = c.clock.Now()
	}
	status, err := c.closedStatus(ctx, op, tasks)
	if err != nil {
		return "", connectors.Sure(err)
	}
	body := map[string]any{
		"Subject": c.o.subject, m.note: id, "Status": status, "ActivityDate": at.UTC().Format(time.DateOnly),
	}
	text := comment.Body
	keyed := ""
	if comment.Key != "" {
		if keyed, err = c.keyOf(op, tasks); err == nil {
			body[keyed] = comment.Key
		} else {
			keyed, text = "", text+"\n\n"+markerOf(comment.Key)
		}
	}
	if p := tasks.prop("Description"); p != nil {
		if _, err := p.fit(text); err != nil {
			return "", c.fail(op, object+"/"+id, connectors.Invalid, "the comment is too long: %w", err)
		}
	}
	body["Description"] = text
	made, err := c.insert(ctx, op, object+"/"+id, taskObject, body)
	if err != nil && codeOf(err) == "DUPLICATE_VALUE" && keyed != "" {
		found, findErr := c.FindByKey(ctx, taskObject, nil, []string{comment.Key})
		if findErr == nil && len(found[0]) == 1 {
			return found[0][0], nil
		}
	}
	return made, err
}

// closedStatus returns a status in which tasks are completed.
func (c *connection) closedStatus(ctx context.Context, op string, tasks *meta) (string, error) {
	const usual = "Completed"
	if p := tasks.prop("Status"); p == nil || p.labels[usual] != "" {
		return usual, nil
	}
	status := usual
	err := c.queryEach(ctx, op, "TaskStatus", "SELECT ApiName FROM TaskStatus WHERE IsClosed = TRUE ORDER BY SortOrder LIMIT 1", false,
		func(r row) { status = cmp.Or(r.text("ApiName"), status) })
	return status, err
}

// insert makes one record.
func (c *connection) insert(ctx context.Context, op, record, object string, body map[string]any) (string, error) {
	var made saveResult
	err := c.do(ctx, rest.Request{
		Op: op, Record: record, Method: http.MethodPost, Path: c.path("/sobjects/{object}"), Params: map[string]string{"object": object},
		Body: body, Out: &made,
	})
	if err != nil {
		return "", err
	}
	id, ok := id18(made.ID)
	if !ok {
		lost := c.fail(op, record, connectors.Internal, "the answer does not name the record that was made")
		lost.Unsure = true
		return "", lost
	}
	return id, nil
}

// posts finds the Chatter posts on records; answers to posts are none.
func (c *connection) posts(ctx context.Context, op string, _ *meta, ids []string, into map[string][]connectors.Comment) error {
	fields := append(slices.Clone(commentFields), "ParentId", "Body", "IsRichText")
	soql := selectFrom("FeedItem", fields, []string{
		"ParentId IN " + quoteAll(ids), "Type IN ('TextPost','LinkPost','ContentPost')", "IsDeleted = FALSE",
	}, "ORDER BY CreatedDate, Id")
	nameless := false
	err := c.queryEach(ctx, op, "FeedItem", soql, false, func(r row) {
		comment := commentOf(r)
		of, ok := id18(r.text("ParentId"))
		nameless = nameless || comment.ID == "" || !ok
		var body string
		body, comment.Key = unmarked(r.text("Body"))
		if r.text("IsRichText") != "true" {
			body = "<p>" + strings.ReplaceAll(html.EscapeString(body), "\n", "<br>") + "</p>"
		}
		comment.Body = richtext.SalesforceFeed.From(body)
		into[of] = append(into[of], comment)
	})
	return c.nameless(op, "FeedItem", nameless, err)
}

// maxPost is the longest body of a post.
const maxPost = 10_000

func (c *connection) addPost(ctx context.Context, op, object, id string, comment connectors.Comment) (string, error) {
	body := richtext.SalesforceFeed.To(comment.Body)
	if comment.Key != "" {
		body += "<p>" + markerOf(comment.Key) + "</p>"
	}
	if n := len([]rune(body)); n > maxPost {
		return "", c.fail(op, object+"/"+id, connectors.Invalid, "the comment is too long: %d characters where a post takes %d", n, maxPost)
	}
	return c.insert(ctx, op, object+"/"+id, "FeedItem", map[string]any{
		"ParentId": id, "Body": body, "Type": "TextPost", "IsRichText": true,
	})
}
