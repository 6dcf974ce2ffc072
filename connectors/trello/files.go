package trello

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// fileLimitOf reads how large a file the workspace's plan takes.
func fileLimitOf(s connectors.Settings) (int64, error) {
	n, err := strconv.ParseInt(s.Get("file_limit_mb"), 10, 32)
	if err != nil || n < 1 || n > 250 {
		return 0, fmt.Errorf("setting \"file_limit_mb\": %q is no number of megabytes between 1 and 250", s.Get("file_limit_mb"))
	}
	return n << 20, nil
}

// FileLimit implements connectors.Filer. Trello tells no plan: the setting does.
func (c *Connection) FileLimit(context.Context, string) (int64, error) { return c.fileLimit, nil }

// self remembers who the token belongs to.
type self struct {
	mu sync.Mutex
	id string
}

func (c *Connection) myID(ctx context.Context, op string) (string, error) {
	c.me.mu.Lock()
	id := c.me.id
	c.me.mu.Unlock()
	if id != "" {
		return id, nil
	}
	var me member
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: "/tokens/{token}/member", Params: map[string]string{"token": c.token}, Query: query("fields", "id,username"), Out: &me,
	})
	if err != nil {
		return "", err
	}
	if !isID(me.ID) {
		return "", c.fail(op, "", connectors.Internal, "the answer does not tell whose the token is")
	}
	c.me.mu.Lock()
	defer c.me.mu.Unlock()
	c.me.id = me.ID
	return me.ID, nil
}

// Files implements connectors.Filer. Trello has no place for a key: what the bot
// attached is Mine. The link that marks a card is left out.
func (c *Connection) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	const op = "list files"
	if err := c.fileOf(op, object, id); err != nil {
		return nil, err
	}
	me, err := c.myID(ctx, op)
	if err != nil {
		return nil, err
	}
	var list []attachment
	if _, err := c.do(ctx, rest.Request{Op: op, Record: ref(id), Path: "/cards/{id}/attachments", Params: map[string]string{"id": id}, Out: &list}); err != nil {
		return nil, err
	}
	return c.filesIn(op, id, me, list)
}

// FilesOf implements connectors.BatchFiler, ten cards a request.
func (c *Connection) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	const op = "list files"
	if err := c.onlyCards(op, object); err != nil {
		return nil, err
	}
	out := make([]connectors.FilesResult, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	me, err := c.myID(ctx, op)
	if err != nil {
		return nil, err
	}
	var asked []int
	for i, id := range ids {
		if out[i].Err = c.fileOf(op, object, id); out[i].Err == nil {
			asked = append(asked, i)
		}
	}
	for chunk := range slices.Chunk(asked, batchMost) {
		urls := make([]string, len(chunk))
		for i, n := range chunk {
			urls[i] = "/cards/" + ids[n] + "/attachments"
		}
		parts, err := c.batch(ctx, op, urls)
		if err != nil {
			return nil, err
		}
		for i, n := range chunk {
			if parts[i].status != 200 {
				e := c.partError(op, ref(ids[n]), parts[i])
				if e.Kind.Temporary() && e.Kind != connectors.Internal {
					return nil, e
				}
				out[n].Err = e
				continue
			}
			var list []attachment
			if json.Unmarshal(parts[i].body, &list) != nil {
				out[n].Err = c.fail(op, ref(ids[n]), connectors.Internal, "the answer is no list of attachments")
				continue
			}
			out[n].Files, out[n].Err = c.filesIn(op, ids[n], me, list)
		}
	}
	return out, nil
}

// filesIn converts a card's attachments, the link that marks it left out.
func (c *Connection) filesIn(op, id, me string, list []attachment) ([]connectors.Attachment, error) {
	var out []connectors.Attachment
	for i := range list {
		a := &list[i]
		if _, key := unmark(a.URL); key != "" {
			continue
		}
		if !isID(a.ID) {
			return nil, c.fail(op, ref(id), connectors.Internal, "the answer has an attachment without an id")
		}
		f := connectors.Attachment{
			ID: a.ID, Name: cmp.Or(a.Name, a.FileName), Type: a.MimeType, Size: -1, Mine: a.IDMember == me, Author: connectors.Person{ID: a.IDMember},
		}
		if f.Created, _ = parseTime(a.Date); f.Created.IsZero() {
			f.Created = createdAt(a.ID)
		}
		switch {
		case !a.IsUpload:
			f.Link = a.URL
		case a.Bytes >= 0:
			f.Size, f.Page = a.Bytes, a.URL
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b connectors.Attachment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

func (c *Connection) fileOf(op, object, id string) error {
	if err := c.onlyCards(op, object); err != nil {
		return err
	}
	if !isID(id) {
		return c.fail(op, ref(id), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
	}
	return nil
}

// OpenFile implements connectors.Filer. Uploads are read through the API's own
// address, with the credentials in the header: their links take nothing else.
func (c *Connection) OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
	const op = "open a file"
	if err := c.fileOf(op, object, id); err != nil {
		return nil, err
	}
	if !isID(fileID) {
		return nil, c.fail(op, ref(id), connectors.NotFound, "there is no attachment %q", fileID)
	}
	var a attachment
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Path: "/cards/{id}/attachments/{file}", Params: map[string]string{"id": id, "file": fileID}, Out: &a,
	})
	switch {
	case err != nil:
		return nil, err
	case !a.IsUpload || a.FileName == "":
		return nil, c.fail(op, ref(id), connectors.NotFound, "the attachment %q is a link", fileID)
	}
	body, _, err := c.http.Open(ctx, rest.Request{
		Op: op, Record: ref(id), Path: "/cards/{id}/attachments/{file}/download/{name}",
		Params: map[string]string{"id": id, "file": fileID, "name": a.FileName}, Header: http.Header{"Accept": {"*/*"}},
	})
	return body, err
}

// AddFile implements connectors.Filer.
func (c *Connection) AddFile(ctx context.Context, object, id string, f connectors.NewFile) (string, error) {
	const op = "add a file"
	if err := c.fileOf(op, object, id); err != nil {
		return "", err
	}
	if f.Size > c.fileLimit {
		return "", c.fail(op, ref(id), connectors.Invalid, "%q has %d bytes: %w", f.Name, f.Size, connectors.ErrFileTooLarge)
	}
	kind := cmp.Or(f.Type, "application/octet-stream")
	var made attachment
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: "POST", Path: "/cards/{id}/attachments", Params: map[string]string{"id": id}, Out: &made,
		Body: rest.Form(rest.Field("name", f.Name), rest.Field("mimeType", kind), rest.Part{Name: "file", FileName: f.Name, Type: kind, Size: f.Size, Content: f.Content}),
	})
	if rest.StatusOf(err) == http.StatusRequestEntityTooLarge {
		e, _ := asError(err)
		out := *e
		out.Err = fmt.Errorf("%w: %w", connectors.ErrFileTooLarge, e.Err)
		return "", &out
	}
	return c.added(op, id, &made, err)
}

// AddLink implements connectors.Filer.
func (c *Connection) AddLink(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
	const op = "add a link"
	if err := c.fileOf(op, object, id); err != nil {
		return "", err
	}
	if _, err := encode(fieldLink, connectors.Text(l.URL)); err != nil {
		return "", c.fail(op, ref(id), connectors.Invalid, "%w", err)
	}
	if l.URL == "" {
		return "", c.fail(op, ref(id), connectors.Invalid, "the link is empty")
	}
	var made attachment
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: "POST", Path: "/cards/{id}/attachments", Params: map[string]string{"id": id}, Out: &made,
		Body: map[string]string{"url": l.URL, "name": cmp.Or(l.Name, l.URL)},
	})
	return c.added(op, id, &made, err)
}

func (c *Connection) added(op, id string, made *attachment, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if !isID(made.ID) {
		return "", &connectors.Error{Op: op, Connection: c.name, Record: ref(id), Kind: connectors.Internal, Unsure: true, Err: errNoID}
	}
	return made.ID, nil
}
