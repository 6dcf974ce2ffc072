package asana

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxAttachment is how large a file may be.
const maxAttachment = 100 << 20

// upload is the file of a multipart body.
type upload struct {
	name, kind string
	content    []byte
}

func (c *call) readUpload(r *http.Request) *apiError {
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		return invalid("Could not parse request data")
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	c.data = map[string]any{}
	for name, values := range r.MultipartForm.Value {
		c.data[name] = values[len(values)-1]
	}
	if files := r.MultipartForm.File["file"]; len(files) > 0 {
		if files[0].Size > maxAttachment {
			return refuse(http.StatusRequestEntityTooLarge, "file: The file is too large, the limit is 100MB")
		}
		f, err := files[0].Open()
		if err != nil {
			return invalid("file: Could not be read")
		}
		defer func() { _ = f.Close() }()
		content, err := io.ReadAll(f)
		if err != nil {
			return invalid("file: Could not be read")
		}
		c.upload = &upload{name: files[0].Filename, kind: files[0].Header.Get("Content-Type"), content: content}
	}
	return c.options(c.query, nil)
}

func createAttachment(c *call) (*answer, *apiError) {
	id, err := c.required("parent")
	if err != nil {
		return nil, err
	}
	a := &attachment{by: c.user}
	if a.parent, err = c.task("parent", id); err != nil {
		if a.project, err = c.project("parent", id); err != nil {
			return nil, err
		}
	}
	subtype, err := c.text("resource_subtype")
	if err != nil {
		return nil, err
	}
	if subtype == "external" {
		if a.url, err = c.required("url"); err != nil {
			return nil, err
		}
		if a.name, err = c.required("name"); err != nil {
			return nil, err
		}
		a.subtype, a.host = "external", "external"
	} else {
		if c.upload == nil {
			return nil, invalid("file: Missing input")
		}
		a.name, a.subtype, a.host, a.size, a.content, a.mime = c.upload.name, "asana", "asana", int64(len(c.upload.content)), c.upload.content, c.upload.kind
		if name, _ := c.text("name"); name != "" {
			a.name = name
		}
	}
	a.entity = c.s.entity(c.now)
	c.s.attachments[a.gid] = a
	if t := a.parent; t != nil {
		t.attachments = append(t.attachments, a)
		t.modified = c.now
		c.s.emit(&event{at: c.now, user: c.user, action: "added", resource: a.ref(), parent: t.ref(), seen: c.s.seenBy(t)})
		c.s.note(c, t, "attachment_added", c.who()+" attached "+a.name, nil)
	}
	return just(a) // 200, unlike other creates
}

func listAttachments(c *call) (*answer, *apiError) {
	id := c.query.Get("parent")
	if id == "" {
		return nil, invalid("parent: Missing input")
	}
	if t, err := c.task("parent", id); err == nil {
		return list(resources(t.attachments))
	}
	p, err := c.project("parent", id)
	if err != nil {
		return nil, err
	}
	out := []resource{}
	for _, a := range c.s.attachments {
		if a.project == p {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b resource) int { return strings.Compare(a.id(), b.id()) })
	return list(out)
}

func (c *call) attachment() (*attachment, *apiError) {
	a := c.s.attachments[c.vars["attachment"]]
	if a == nil || a.parent != nil && a.parent.trashed {
		return nil, unknown("attachment", c.vars["attachment"])
	}
	return a, nil
}

func getAttachment(c *call) (*answer, *apiError) {
	a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	return just(a)
}

func deleteAttachment(c *call) (*answer, *apiError) {
	a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	delete(c.s.attachments, a.gid)
	if t := a.parent; t != nil {
		t.attachments = slices.DeleteFunc(t.attachments, func(x *attachment) bool { return x == a })
		t.modified = c.now
		c.s.emit(&event{at: c.now, user: c.user, action: "deleted", resource: a.ref(), parent: t.ref(), seen: c.s.seenBy(t)})
	}
	return nothing()
}

// downloadLife is how long the address of a file is good for.
const downloadLife = 2 * time.Minute

// downloadURL is an address at the sandbox itself that needs no login, for a
// while.
func (s *System) downloadURL(a *attachment) string {
	until := s.now().Add(downloadLife).UnixMilli()
	return s.origin() + "/-/download/" + a.gid + "/" + url.PathEscape(a.name) + "?until=" + strconv.FormatInt(until, 10)
}

func (s *System) origin() string {
	if s.uiBase != "" {
		return s.uiBase
	}
	return s.calledAt
}

// serveDownload answers for the store of files, which knows no tokens.
func (s *System) serveDownload(w http.ResponseWriter, r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, "/-/download/")
	if !ok {
		return false
	}
	gid, _, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	a := s.attachments[gid]
	until, err := strconv.ParseInt(r.URL.Query().Get("until"), 10, 64)
	stale := err != nil || s.now().UnixMilli() > until
	s.mu.Unlock()
	if a == nil || stale {
		http.Error(w, "Request has expired", http.StatusForbidden)
		return true
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(a.size, 10))
	_, _ = w.Write(a.content)
	return true
}
