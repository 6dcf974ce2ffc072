package salesforce

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

var _ connectors.BatchFiler = (*connection)(nil)

// maxFile is the largest file that Salesforce takes, in bytes.
const maxFile = 2<<30 - 1

const (
	versionObject = "ContentVersion"
	linkType      = "LINK"  // a file that is only an address
	noteType      = "SNOTE" // a note, which is no file
	maxTitle      = 255
)

// FileLimit implements connectors.Filer.
func (c *connection) FileLimit(context.Context, string) (int64, error) { return maxFile, nil }

// Files implements connectors.Filer: Salesforce Files that are linked to the
// record, by the ids of their documents.
func (c *connection) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	const op = "list files"
	record, ok := id18(id)
	if !ok {
		return nil, c.fail(op, object+"/"+id, connectors.NotFound, "%q is not an id of Salesforce", id)
	}
	byID, err := c.filesOf(ctx, op, []string{record})
	return byID[record], err
}

// FilesOf implements connectors.BatchFiler.
func (c *connection) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	const op = "list files"
	byID, err := c.filesOf(ctx, op, unique(ids))
	if err != nil {
		return nil, err
	}
	out := make([]connectors.FilesResult, len(ids))
	for i, id := range ids {
		if record, ok := id18(id); ok {
			out[i].Files = byID[record]
		} else {
			out[i].Err = c.fail(op, object+"/"+id, connectors.NotFound, "%q is not an id of Salesforce", id)
		}
	}
	return out, nil
}

// filesOf returns the files of records by their long ids, oldest first.
func (c *connection) filesOf(ctx context.Context, op string, records []string) (map[string][]connectors.Attachment, error) {
	linked := map[string][]string{} // records by document
	for chunk := range slices.Chunk(records, commentChunk) {
		soql := selectFrom("ContentDocumentLink", []string{"ContentDocumentId", "LinkedEntityId"}, []string{"LinkedEntityId IN " + quoteAll(chunk)}, "")
		err := c.queryEach(ctx, op, "ContentDocumentLink", soql, false, func(r row) {
			document, _ := id18(r.text("ContentDocumentId"))
			record, _ := id18(r.text("LinkedEntityId"))
			linked[document] = append(linked[document], record)
		})
		if err != nil {
			return nil, err
		}
	}
	delete(linked, "")
	files, err := c.documents(ctx, op, slices.Sorted(maps.Keys(linked)))
	if err != nil {
		return nil, err
	}
	out := make(map[string][]connectors.Attachment, len(records))
	for _, f := range files {
		for _, record := range linked[f.ID] {
			out[record] = append(out[record], f)
		}
	}
	return out, nil
}

// documents returns files by the ids of their documents, oldest first.
func (c *connection) documents(ctx context.Context, op string, ids []string) ([]connectors.Attachment, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	me, instance, err := c.self(ctx)
	if err != nil {
		return nil, err
	}
	var out []connectors.Attachment
	for chunk := range slices.Chunk(ids, idChunk) {
		soql := selectFrom(versionObject, []string{
			fieldID, "ContentDocumentId", "Title", "FileExtension", "FileType", "ContentSize", "ContentUrl", "Description",
			"ContentDocument.CreatedDate", "ContentDocument.CreatedById", "ContentDocument.CreatedBy.Name", "ContentDocument.CreatedBy.Email",
		}, []string{"ContentDocumentId IN " + quoteAll(chunk), "IsLatest = TRUE"}, "")
		nameless := false
		err := c.queryEach(ctx, op, versionObject, soql, false, func(r row) {
			if r.text("FileType") != noteType {
				a := attachmentOf(r, me, instance)
				nameless = nameless || a.ID == ""
				out = append(out, a)
			}
		})
		if err := c.nameless(op, versionObject, nameless, err); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b connectors.Attachment) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// attachmentOf returns the file that its newest version tells.
func attachmentOf(r row, me, instance string) connectors.Attachment {
	a := connectors.Attachment{Name: r.text("Title"), Size: -1, Link: r.text("ContentUrl")}
	a.ID, _ = id18(r.text("ContentDocumentId"))
	if end := r.text("FileExtension"); end != "" && !strings.HasSuffix(strings.ToLower(a.Name), "."+strings.ToLower(end)) {
		a.Name += "." + end
	}
	if size := r.text("ContentSize"); a.Link == "" {
		if _, err := fmt.Sscan(size, &a.Size); err != nil {
			a.Size = -1
		}
	}
	_, a.Key = unmarked(r.text("Description"))
	author, _ := id18(r.text("ContentDocument.CreatedById"))
	a.Author = connectors.Person{
		ID: author, Name: r.text("ContentDocument.CreatedBy.Name"), Email: strings.ToLower(r.text("ContentDocument.CreatedBy.Email")),
	}
	a.Mine = author != "" && author == me
	a.Created, _ = parseTime(r.text("ContentDocument.CreatedDate"))
	if instance != "" && a.ID != "" {
		a.Page = instance + "/lightning/r/ContentDocument/" + a.ID + "/view"
	}
	return a
}

// self returns the id of the user that Tenon is, and the origin of the instance.
func (c *connection) self(ctx context.Context) (user, instance string, err error) {
	if _, instance, err = c.login(ctx); err != nil {
		return "", "", err
	}
	c.mu.Lock()
	user = c.me
	c.mu.Unlock()
	if user != "" {
		return user, instance, nil
	}
	who, err := c.userInfo(ctx)
	if err != nil && connectors.KindOf(err) != connectors.Permission {
		return "", "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.me = who.User
	return who.User, instance, nil
}

// OpenFile implements connectors.Filer.
func (c *connection) OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
	const op = "open file"
	record, ok := id18(id)
	document, ok2 := id18(fileID)
	if !ok || !ok2 {
		return nil, c.fail(op, object+"/"+id, connectors.NotFound, "there is no file %q", rest.Clip(fileID))
	}
	version := ""
	soql := selectFrom("ContentDocumentLink", []string{"ContentDocument.LatestPublishedVersionId", "ContentDocument.FileType"},
		[]string{"LinkedEntityId = " + quote(record), "ContentDocumentId = " + quote(document)}, "")
	err := c.queryEach(ctx, op, "ContentDocumentLink", soql, false, func(r row) {
		if kind := r.text("ContentDocument.FileType"); kind != linkType && kind != noteType {
			version, _ = id18(r.text("ContentDocument.LatestPublishedVersionId"))
		}
	})
	if err != nil {
		return nil, err
	}
	if version == "" {
		return nil, c.fail(op, object+"/"+id, connectors.NotFound, "the file is not there any more, or is a link")
	}
	content, _, err := c.client.Open(ctx, rest.Request{
		Op: op, Record: object + "/" + id, Path: c.path("/sobjects/ContentVersion/{id}/VersionData"), Params: map[string]string{"id": version}, Reads: true,
		Header: http.Header{"Accept": {"*/*"}},
	})
	return content, err
}

// newVersion is the first version of a file, which makes its document and the
// link to the record.
type newVersion struct {
	Title       string `json:"Title"`
	Path        string `json:"PathOnClient,omitempty"`
	URL         string `json:"ContentUrl,omitempty"`
	Description string `json:"Description,omitempty"`
	Record      string `json:"FirstPublishLocationId"`
}

func newVersionOf(record, name, key string) newVersion {
	v := newVersion{Title: strings.TrimSuffix(name, path.Ext(name)), Path: name, Record: record}
	if v.Title == "" {
		v.Title = name
	}
	if runes := []rune(v.Title); len(runes) > maxTitle {
		v.Title = string(runes[:maxTitle])
	}
	if key != "" {
		v.Description = markerOf(key)
	}
	return v
}

// AddFile implements connectors.Filer. The key stands in the file's description.
func (c *connection) AddFile(ctx context.Context, object, id string, f connectors.NewFile) (string, error) {
	const op = "add file"
	record, ok := id18(id)
	if !ok {
		return "", c.fail(op, object+"/"+id, connectors.NotFound, "%q is not an id of Salesforce", id)
	}
	if f.Size > maxFile {
		return "", c.fail(op, object+"/"+id, connectors.Invalid, "%d bytes: %w", f.Size, connectors.ErrFileTooLarge)
	}
	entity, err := json.Marshal(newVersionOf(record, f.Name, f.Key))
	if err != nil {
		return "", c.fail(op, object+"/"+id, connectors.Internal, "%w", err)
	}
	return c.addVersion(ctx, op, object, record, rest.Form(
		rest.Part{Name: "entity_content", Type: "application/json", Size: int64(len(entity)), Content: bytes.NewReader(entity)},
		rest.Part{Name: "VersionData", FileName: f.Name, Type: f.Type, Size: f.Size, Content: f.Content},
	))
}

// AddLink implements connectors.Filer.
func (c *connection) AddLink(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
	const op = "add link"
	record, ok := id18(id)
	if !ok {
		return "", c.fail(op, object+"/"+id, connectors.NotFound, "%q is not an id of Salesforce", id)
	}
	v := newVersionOf(record, l.Name, l.Key)
	v.Title, v.Path, v.URL = cmp.Or(l.Name, l.URL), "", l.URL
	return c.addVersion(ctx, op, object, record, v)
}

func (c *connection) addVersion(ctx context.Context, op, object, record string, body any) (string, error) {
	var made saveResult
	err := c.do(ctx, rest.Request{
		Op: op, Record: object + "/" + record, Method: http.MethodPost, Path: c.path("/sobjects/ContentVersion"), Body: body, Out: &made,
	})
	if err != nil {
		return "", c.recordGone(ctx, op, object, record, err)
	}
	lost := func(err error) error {
		e := c.fail(op, object+"/"+record, connectors.Internal, "the file was added, but its id is not known: %w", err)
		e.Unsure = true
		return e
	}
	version, ok := id18(made.ID)
	if !ok {
		return "", lost(io.ErrUnexpectedEOF)
	}
	document := ""
	soql := selectFrom(versionObject, []string{"ContentDocumentId"}, []string{"Id = " + quote(version)}, "")
	if err := c.queryEach(ctx, op, versionObject, soql, false, func(r row) { document, _ = id18(r.text("ContentDocumentId")) }); err != nil {
		return "", lost(err)
	}
	if document == "" {
		return "", lost(io.ErrUnexpectedEOF)
	}
	return document, nil
}

// recordGone returns NotFound where something was refused because the record
// that it is for is not there; other errors stay as they are.
func (c *connection) recordGone(ctx context.Context, op, object, id string, err error) error {
	if connectors.IsUnsure(err) {
		return err
	}
	switch connectors.KindOf(err) {
	case connectors.Invalid, connectors.Permission, connectors.NotFound:
	default:
		return err
	}
	m, metaErr := c.metaOf(ctx, op, object, schemaAge)
	if metaErr != nil {
		return err
	}
	rows, _, readErr := c.retrieve(ctx, op, m, []string{fieldID}, []string{id})
	if readErr == nil && rows[0] == nil {
		return c.fail(op, object+"/"+id, connectors.NotFound, "Salesforce has no such record")
	}
	return err
}
