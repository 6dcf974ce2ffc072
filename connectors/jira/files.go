package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// attachment is a file of an issue. Content is where its bytes are.
type attachment struct {
	ID       string      `json:"id"`
	Filename string      `json:"filename"`
	Author   gojira.User `json:"author"`
	Created  string      `json:"created"`
	Size     int64       `json:"size"`
	MimeType string      `json:"mimeType"`
	Content  string      `json:"content"`
}

// linkID tells the ids of remote links from those of attachments.
const linkID = "link-"

// FileLimit implements connectors.Filer.
func (c *Connection) FileLimit(ctx context.Context, obj string) (int64, error) {
	const op = "read the limit of attachments"
	if err := c.checkObject(op, obj); err != nil {
		return 0, err
	}
	var meta struct {
		Enabled     bool  `json:"enabled"`
		UploadLimit int64 `json:"uploadLimit"`
	}
	if _, err := c.do(ctx, rest.Request{Op: op, Path: "/attachment/meta", Out: &meta}); err != nil {
		return 0, err
	}
	switch {
	case !meta.Enabled:
		return 0, nil
	case meta.UploadLimit <= 0:
		return -1, nil
	}
	return meta.UploadLimit, nil
}

// Files implements connectors.Filer. Attachments have no place for a key. The
// remote links of an issue are not among them.
func (c *Connection) Files(ctx context.Context, obj, id string) ([]connectors.Attachment, error) {
	const op = "read attachments"
	list, err := c.attachments(ctx, op, obj, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if c.me.id() == "" {
		if _, err := c.self(ctx, op); err != nil {
			return nil, err
		}
	}
	return c.shown(list), nil
}

// shown returns attachments as the contract has them, oldest first. Who the
// account is must be known.
func (c *Connection) shown(list []attachment) []connectors.Attachment {
	out := make([]connectors.Attachment, len(list))
	for i := range list {
		w := &list[i]
		out[i] = connectors.Attachment{
			ID: w.ID, Name: w.Filename, Type: w.MimeType, Size: w.Size, Author: c.personOf(&w.Author),
			Page: c.site + "/secure/attachment/" + url.PathEscape(w.ID) + "/" + url.PathEscape(w.Filename),
		}
		out[i].Created, _ = parseTime(w.Created) // zero: unknown
		out[i].Mine = out[i].Author.ID == c.me.id()
	}
	slices.SortStableFunc(out, func(a, b connectors.Attachment) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		one, _ := strconv.ParseInt(a.ID, 10, 64)
		two, _ := strconv.ParseInt(b.ID, 10, 64)
		return int(max(min(one-two, 1), -1))
	})
	return out
}

func (c *Connection) attachments(ctx context.Context, op, obj, id string) ([]attachment, error) {
	if err := c.checkObject(op, obj); err != nil {
		return nil, err
	}
	if !isID(id) {
		return nil, c.fail(op, ref(id), connectors.NotFound, "the id of an issue is a number")
	}
	var got struct {
		Fields struct {
			Attachment []attachment `json:"attachment"`
		} `json:"fields"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Path: "/issue/{id}", Params: map[string]string{"id": id},
		Query: query("fields", "attachment"), Out: &got,
	})
	if err != nil {
		return nil, err
	}
	for i := range got.Fields.Attachment {
		if !isID(got.Fields.Attachment[i].ID) {
			return nil, c.fail(op, ref(id), connectors.Internal, "the answer has an attachment without an id")
		}
	}
	return got.Fields.Attachment, nil
}

// OpenFile implements connectors.Filer. Cloud hands out the bytes itself when
// told not to redirect to its store, so that the credentials go nowhere else.
func (c *Connection) OpenFile(ctx context.Context, obj, id, fileID string) (io.ReadCloser, error) {
	const op = "read an attachment"
	list, err := c.attachments(ctx, op, obj, id)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(list, func(a attachment) bool { return a.ID == fileID })
	if at < 0 {
		return nil, c.fail(op, ref(id), connectors.NotFound, "the issue has no attachment %q", fileID)
	}
	r := rest.Request{Op: op, Record: ref(id), Header: http.Header{"Accept": {"*/*"}}}
	if c.cloud {
		r.Path, r.Params, r.Query = c.api+"/attachment/content/{file}", map[string]string{"file": fileID}, query("redirect", "false")
	} else {
		r.Path, r.Params = "/secure/attachment/{file}/{name}", map[string]string{"file": fileID, "name": list[at].Filename}
	}
	body, _, err := c.http.Open(ctx, r)
	return body, err
}

// AddFile implements connectors.Filer.
func (c *Connection) AddFile(ctx context.Context, obj, id string, f connectors.NewFile) (string, error) {
	const op = "attach a file"
	if err := c.checkObject(op, obj); err != nil {
		return "", err
	}
	if !isID(id) {
		return "", c.fail(op, ref(id), connectors.NotFound, "the id of an issue is a number")
	}
	var made []attachment
	resp, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: http.MethodPost, Path: "/issue/{id}/attachments", Params: map[string]string{"id": id},
		Header: http.Header{"X-Atlassian-Token": {"no-check"}}, Accept: []int{http.StatusRequestEntityTooLarge},
		Body: rest.Form(rest.Part{Name: "file", FileName: f.Name, Type: f.Type, Size: f.Size, Content: f.Content}),
	})
	switch {
	case err != nil:
		return "", err
	case resp.Status == http.StatusRequestEntityTooLarge:
		return "", c.fail(op, ref(id), connectors.Invalid, "%s: %w", f.Name, connectors.ErrFileTooLarge)
	}
	if err := json.Unmarshal(resp.Body, &made); err != nil || len(made) != 1 || made[0].ID == "" {
		return "", &connectors.Error{
			Op: op, Connection: c.name, Record: ref(id), Kind: connectors.Internal, Unsure: true,
			Err: fmt.Errorf("the answer does not name the attachment that was made: %w", errors.Join(err, errNoID)),
		}
	}
	return made[0].ID, nil
}

// AddLink implements connectors.Filer: a remote link, whose global id is the
// key, so that a repeat makes no other.
func (c *Connection) AddLink(ctx context.Context, obj, id string, l connectors.NewLink) (string, error) {
	const op = "attach a link"
	if err := c.checkObject(op, obj); err != nil {
		return "", err
	}
	if !isID(id) {
		return "", c.fail(op, ref(id), connectors.NotFound, "the id of an issue is a number")
	}
	body := map[string]any{"object": map[string]string{"url": l.URL, "title": cmp.Or(l.Name, l.URL)}}
	if l.Key != "" {
		body["globalId"] = l.Key
	}
	var made struct {
		ID json.Number `json:"id"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: http.MethodPost, Path: "/issue/{id}/remotelink", Params: map[string]string{"id": id},
		Body: body, Out: &made, Idempotent: l.Key != "",
	})
	if err != nil {
		return "", err
	}
	return linkID + made.ID.String(), nil
}
