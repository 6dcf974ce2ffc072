package hubspot

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
	"github.com/tenonsync/tenon/connectors/richtext"
)

// The paths of files have no dated spelling in HubSpot's own library 13 (read
// 2026-11-22).
const (
	pathFiles  = "/files/v3/files"
	pathFile   = pathFiles + "/{file}"
	pathSigned = pathFile + "/signed-url"
)

// fileFolder is where Tenon's uploads go. They are private: who may see the
// record sees them at its note.
const fileFolder = "/tenon"

const attachmentsProperty = "hs_attachment_ids"

// wireFile is a file of the account.
type wireFile struct {
	ID        wireID `json:"id"`
	Name      string `json:"name"` // without the ending
	Extension string `json:"extension"`
	Size      int64  `json:"size"`
}

func (f *wireFile) fullName() string {
	if f.Extension == "" {
		return f.Name
	}
	return f.Name + "." + f.Extension
}

// fileCache remembers what files are called: they never change.
type fileCache struct {
	mu   sync.Mutex
	byID map[string]wireFile
}

const maxFiles = 20_000 // remembered; beyond it the memory starts anew

func (f *fileCache) get(id string) (wireFile, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, ok := f.byID[id]
	return w, ok
}

func (f *fileCache) put(id string, w wireFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil || len(f.byID) >= maxFiles {
		f.byID = map[string]wireFile{}
	}
	f.byID[id] = w
}

// FileLimit implements connectors.Filer. HubSpot tells no limit; it differs by
// plan.
func (c *connection) FileLimit(ctx context.Context, object string) (int64, error) {
	_, err := c.object(ctx, "read the limit of files", object)
	return -1, err
}

// Files implements connectors.Filer: the files of the notes at a record, and the
// notes of our own that hold a link. An attachment's id is the note's and the
// file's, with a dot between them.
func (c *connection) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	t, err := c.object(ctx, "read files", object)
	if err != nil {
		return nil, err
	}
	ids, err := c.noteIDs(ctx, t, id)
	if err != nil {
		return nil, err
	}
	var list []connectors.Attachment
	for chunk := range slices.Chunk(ids, batchSize) {
		notes, _, err := c.batchRead(ctx, standardType("notes"), "", fileProperties, chunk, false)
		if err != nil {
			return nil, err
		}
		for i := range notes {
			of, err := c.filesOf(ctx, object, id, &notes[i])
			if err != nil {
				return nil, err
			}
			list = append(list, of...)
		}
	}
	oldestFile(list)
	return list, nil
}

func (c *connection) filesOf(ctx context.Context, object, id string, note *wireRecord) ([]connectors.Attachment, error) {
	comment, err := c.comment(ctx, note)
	if err != nil {
		return nil, err
	}
	attachment := connectors.Attachment{
		ID: comment.ID, Key: comment.Key, Mine: comment.Key != "", Author: comment.Author, Created: comment.Created, Size: -1,
	}
	if v := note.Properties[attachmentsProperty]; v == nil || *v == "" {
		if name, address, ok := loneLink(comment.Body); ok && comment.Key != "" {
			attachment.Name, attachment.Link = name, address
			return []connectors.Attachment{attachment}, nil
		}
		return nil, nil
	}
	var list []connectors.Attachment
	for fileID := range strings.SplitSeq(*note.Properties[attachmentsProperty], ";") {
		f, err := c.file(ctx, object+"/"+id, strings.TrimSpace(fileID))
		if connectors.KindOf(err) == connectors.NotFound && err != nil {
			continue // deleted in the file manager
		}
		if err != nil {
			return nil, err
		}
		a := attachment
		a.ID, a.Name, a.Size = comment.ID+"."+string(f.ID), f.fullName(), f.Size
		list = append(list, a)
	}
	return list, nil
}

// loneLink returns what a text says that is one link and nothing else.
func loneLink(markdown string) (name, address string, ok bool) {
	name, address, ok = strings.Cut(strings.TrimSuffix(strings.TrimPrefix(markdown, "["), ")"), "](")
	address = strings.Trim(address, "<>")
	return unescaped.Replace(name), address, ok && strings.HasPrefix(markdown, "[") && strings.HasSuffix(markdown, ")") && !strings.ContainsAny(address, " []")
}

var unescaped = strings.NewReplacer(`\\`, `\`, `\[`, "[", `\]`, "]", `\_`, "_", `\*`, "*", `\&`, "&", "\\`", "`", `\<`, "<", `\~`, "~", `\#`, "#")

func (c *connection) file(ctx context.Context, record, id string) (wireFile, error) {
	if f, ok := c.files.get(id); ok {
		return f, nil
	}
	var f wireFile
	err := c.do(ctx, rest.Request{Op: "read files", Record: record, Path: pathFile, Params: map[string]string{"file": id}, Out: &f})
	if err == nil && f.ID == "" {
		err = c.fail("read files", record, connectors.Internal, "the answer names no file")
	}
	if err == nil {
		c.files.put(id, f)
	}
	return f, err
}

// OpenFile implements connectors.Filer.
func (c *connection) OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
	const op = "read a file"
	record := object + "/" + id
	_, file, ok := strings.Cut(fileID, ".")
	if !ok {
		return nil, c.fail(op, record, connectors.NotFound, "%q is no file", fileID)
	}
	var signed struct {
		URL string `json:"url"`
	}
	if err := c.do(ctx, rest.Request{Op: op, Record: record, Path: pathSigned, Params: map[string]string{"file": file}, Out: &signed}); err != nil {
		return nil, err
	}
	body, _, err := c.client.Fetch(ctx, op, record, signed.URL)
	return body, err
}

// AddFile implements connectors.Filer. The file is uploaded, then a note of the
// record names it: what was uploaded shows nowhere before that, so only the
// note's own failure leaves anything unsure.
func (c *connection) AddFile(ctx context.Context, object, id string, f connectors.NewFile) (string, error) {
	const op = "attach a file"
	record := object + "/" + id
	if _, err := c.object(ctx, op, object); err != nil {
		return "", connectors.Sure(err)
	}
	var made wireFile
	resp, err := c.client.Do(ctx, rest.Request{
		Op: op, Record: record, Method: http.MethodPost, Path: pathFiles, Accept: []int{http.StatusRequestEntityTooLarge},
		Body: rest.Form(
			rest.Field("options", `{"access":"PRIVATE","overwrite":false,"duplicateValidationStrategy":"NONE","duplicateValidationScope":"EXACT_FOLDER"}`),
			rest.Field("folderPath", fileFolder), rest.Field("fileName", f.Name),
			rest.Part{Name: "file", FileName: f.Name, Type: f.Type, Size: f.Size, Content: f.Content},
		), Out: &made,
	})
	switch {
	case err != nil:
		return "", connectors.Sure(err)
	case resp.Status == http.StatusRequestEntityTooLarge:
		return "", c.fail(op, record, connectors.Invalid, "%s: %w", f.Name, connectors.ErrFileTooLarge)
	case made.ID == "":
		return "", c.fail(op, record, connectors.Internal, "the answer does not name the file that was made")
	}
	c.files.put(string(made.ID), made)
	note, files, err := c.addNote(ctx, op, object, id, f.Key, map[string]string{
		"hs_note_body": richtext.ToHTML(escaped(f.Name)), attachmentsProperty: string(made.ID),
	})
	if err != nil && !connectors.IsUnsure(err) || err == nil && files != string(made.ID) {
		// Best effort: an upload that no note names shows in the file manager only.
		_ = c.do(ctx, rest.Request{Op: op, Record: record, Method: http.MethodDelete, Path: pathFile, Params: map[string]string{"file": string(made.ID)}})
	}
	if err != nil {
		return "", err
	}
	return note + "." + files, nil
}

// AddLink implements connectors.Filer: a note that holds the link.
func (c *connection) AddLink(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
	if u, err := url.Parse(l.URL); err != nil || u.Host == "" {
		return "", c.fail("attach a link", object+"/"+id, connectors.Invalid, "%q is no address", l.URL)
	}
	name := l.Name
	if name == "" {
		name = l.URL
	}
	note, _, err := c.addNote(ctx, "attach a link", object, id, l.Key, map[string]string{
		"hs_note_body": richtext.ToHTML("[" + escaped(name) + "](<" + l.URL + ">)"),
	})
	return note, err
}

// escaped returns a text as Markdown that says just that.
func escaped(text string) string {
	var b strings.Builder
	for _, c := range text {
		if strings.ContainsRune("\\`*_[]<>#+-!|~&.()", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
