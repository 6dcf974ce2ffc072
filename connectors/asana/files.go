package asana

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// fileLimit is the largest file that Asana takes (read 2026-11-22).
const fileLimit = 100 << 20

// noteSpan is how far the time of an attachment and that of Asana's note of it
// may lie apart.
const noteSpan = 5 * time.Second

// FileLimit implements connectors.Filer.
func (c *Connection) FileLimit(_ context.Context, object string) (int64, error) {
	if err := c.checkObject("read the limit of attachments", object); err != nil {
		return 0, err
	}
	return fileLimit, nil
}

const attachmentFields = "name,resource_subtype,created_at,permanent_url,view_url,host,size"

const opFiles = "read attachments"

// Files implements connectors.Filer. Attachments have no place for a key, and do
// not tell who added them: the stories of the task do.
func (c *Connection) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	got, err := c.FilesOf(ctx, object, []string{id})
	if err != nil {
		return nil, err
	}
	return got[0].Files, got[0].Err
}

// FilesOf implements connectors.BatchFiler: ten lists in a batch. Stories are
// asked for where there are attachments.
func (c *Connection) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	out := make([]connectors.FilesResult, len(ids))
	lists := make([][]wireAttachment, len(ids))
	errs := make([]error, len(ids))
	attachments := func(id string) action {
		return action{method: http.MethodGet, path: "/attachments", data: map[string]any{"parent": id}, fields: attachmentFields, limit: pageSize}
	}
	for i, id := range ids {
		errs[i] = c.checkComments(opFiles, object, id)
	}
	if err := gather(ctx, c, opFiles, object, ids, errs, attachments, lists); err != nil {
		return nil, err
	}
	for i := range ids {
		out[i].Err = errs[i]
		if errs[i] == nil && len(lists[i]) == 0 {
			errs[i] = errNone
		}
	}
	stories := make([][]wireStory, len(ids))
	noted := func(id string) action {
		return action{method: http.MethodGet, path: "/tasks/" + id + "/stories", fields: "resource_subtype,created_at,created_by.name", limit: pageSize}
	}
	if err := gather(ctx, c, opFiles, object, ids, errs, noted, stories); err != nil {
		return nil, err
	}
	for i, id := range ids {
		if out[i].Err == nil && !errors.Is(errs[i], errNone) {
			if out[i].Err = errs[i]; out[i].Err == nil {
				out[i].Files, out[i].Err = c.filesOf(ctx, object, id, lists[i], stories[i])
			}
		}
	}
	return out, nil
}

// errNone marks a record that has nothing more to tell.
var errNone = errors.New("there is none")

// filesOf makes the attachments of one record.
func (c *Connection) filesOf(ctx context.Context, object, id string, list []wireAttachment, stories []wireStory) ([]connectors.Attachment, error) {
	me, err := c.whoami(ctx, opFiles)
	if err != nil {
		return nil, err
	}
	notes := slices.DeleteFunc(stories, func(s wireStory) bool { return s.Subtype != "attachment_added" || s.CreatedBy == nil })
	out := make([]connectors.Attachment, 0, len(list))
	for i := range list {
		w := &list[i]
		if w.GID == "" {
			return nil, c.fail(opFiles, object+"/"+id, connectors.Internal, "the answer has an attachment without an id")
		}
		a := connectors.Attachment{ID: w.GID, Name: w.Name, Size: -1, Created: parseTime(w.CreatedAt)}
		if w.Size != nil {
			a.Size = *w.Size
		}
		if w.Permanent != nil {
			a.Page = *w.Permanent
		}
		if w.external() {
			a.Size = -1
			if w.View != nil {
				a.Link = *w.View
			}
		}
		if by := whoAdded(notes, a.Created); by != nil {
			a.Author = connectors.Person{ID: by.GID, Name: by.Name}
			a.Mine = by.GID == me.id
		}
		out = append(out, a)
	}
	slices.SortStableFunc(out, func(a, b connectors.Attachment) int { return a.Created.Compare(b.Created) })
	return out, nil
}

// external reports whether an attachment is a link to what is kept elsewhere.
func (w *wireAttachment) external() bool {
	return w.Subtype == "external" || w.Host != "" && w.Host != "asana"
}

// whoAdded returns who is noted nearest to the time of an attachment.
func whoAdded(notes []wireStory, at time.Time) *wireNamed {
	var by *wireNamed
	best := noteSpan + 1
	for i := range notes {
		if d := parseTime(notes[i].CreatedAt).Sub(at).Abs(); d <= noteSpan && d < best {
			by, best = notes[i].CreatedBy, d
		}
	}
	return by
}

// OpenFile implements connectors.Filer. The address of a file is good for two
// minutes, so it is asked for and used at once.
func (c *Connection) OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
	const op = "read an attachment"
	if err := c.checkComments(op, object, id); err != nil {
		return nil, err
	}
	if !isID(fileID) {
		return nil, c.fail(op, object+"/"+id, connectors.NotFound, "the task has no attachment %q", fileID)
	}
	var w struct {
		wireAttachment
		Parent *wireNamed `json:"parent"`
	}
	if err := c.get(ctx, op, object+"/"+id, "/attachments/{id}", map[string]string{"id": fileID}, "download_url,resource_subtype,host,parent.gid", &w); err != nil {
		return nil, err
	}
	// What is kept elsewhere has an address that a person chose: it is a link.
	if w.external() || w.Download == nil || *w.Download == "" || w.Parent != nil && w.Parent.GID != id {
		return nil, c.fail(op, object+"/"+id, connectors.NotFound, "the attachment %q of the task is no file", fileID)
	}
	body, _, err := c.http.Fetch(ctx, op, object+"/"+id, *w.Download)
	return body, err
}

// AddFile implements connectors.Filer.
func (c *Connection) AddFile(ctx context.Context, object, id string, f connectors.NewFile) (string, error) {
	const op = "attach a file"
	if err := c.checkComments(op, object, id); err != nil {
		return "", err
	}
	var made wireAttachment
	resp, err := c.do(ctx, rest.Request{
		Op: op, Record: object + "/" + id, Method: http.MethodPost, Path: "/attachments", Query: url.Values{"opt_fields": {"name"}},
		Accept: []int{http.StatusRequestEntityTooLarge},
		Body:   rest.Form(rest.Field("parent", id), rest.Part{Name: "file", FileName: f.Name, Type: f.Type, Size: f.Size, Content: f.Content}),
	}, &made)
	if resp != nil && resp.Status == http.StatusRequestEntityTooLarge {
		return "", c.fail(op, object+"/"+id, connectors.Invalid, "%s: %w", f.Name, connectors.ErrFileTooLarge)
	}
	return c.added(op, object+"/"+id, made.GID, err)
}

// AddLink implements connectors.Filer.
func (c *Connection) AddLink(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
	const op = "attach a link"
	if err := c.checkComments(op, object, id); err != nil {
		return "", err
	}
	name := cmp.Or(l.Name, l.URL)
	var made wireAttachment
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: object + "/" + id, Method: http.MethodPost, Path: "/attachments", Query: url.Values{"opt_fields": {"name"}},
		Body: rest.Form(rest.Field("parent", id), rest.Field("resource_subtype", "external"), rest.Field("url", l.URL), rest.Field("name", name)),
	}, &made)
	return c.added(op, object+"/"+id, made.GID, err)
}

func (c *Connection) added(op, record, gid string, err error) (string, error) {
	if err == nil && gid == "" {
		err = &connectors.Error{
			Op: op, Connection: c.name, Record: record, Kind: connectors.Internal, Unsure: true,
			Err: fmt.Errorf("the answer does not name the attachment that was made: %w", errNoID),
		}
	}
	return gid, err
}
