package jira

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxFiles       = 60
	maxFileSize    = 10 << 20
	maxAttachments = 2000
)

// postAttachments takes files in parts named "file". Without the header
// X-Atlassian-Token: no-check the call is blocked as a forgery.
func (c *call) postAttachments() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if token := c.req.Header.Get("X-Atlassian-Token"); token != "no-check" && token != "nocheck" {
		return reply{}, &apiError{status: http.StatusForbidden, raw: plainText("XSRF check failed")}
	}
	if !c.sys.may(c.user, i.project, createAttachment) {
		return reply{}, fail(http.StatusForbidden, "You do not have permission to create attachments for this issue.")
	}
	files, err := c.readFiles()
	if err != nil {
		return reply{}, err
	}
	if len(files) > maxFiles || len(i.attachments)+len(files) > maxAttachments {
		return reply{}, fail(http.StatusRequestEntityTooLarge, "The maximum number of attachments has been exceeded.")
	}
	list := []any{}
	for _, a := range files {
		a.id, a.author, a.created = c.sys.nextID("attachment", 10000), c.user, c.sys.now()
		list = append(list, c.view.attachment(a))
	}
	c.sys.addFiles(i, c.user, files...)
	return ok(list), nil
}

// addFiles adds files to an issue.
func (s *System) addFiles(i *issue, actor *user, files ...*attachment) {
	next := i.clone()
	var items []changeItem
	for _, a := range files {
		next.attachments = append(next.attachments, a)
		id := idOf(a.id)
		items = append(items, changeItem{field: "Attachment", fieldID: "attachment", to: &id, toString: &a.name})
	}
	s.put(next, write{actor: actor, event: eventIssueUpdated, name: "issue_updated", items: items})
	for _, a := range files {
		s.announce(happening{event: eventAttachmentCreated, issue: next, flow: flowPrimary, body: func(v *view) object {
			return object{"attachment": v.attachment(a)}
		}})
	}
}

func (c *call) readFiles() ([]*attachment, error) {
	_, params, err := mime.ParseMediaType(c.req.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return nil, &apiError{status: http.StatusUnsupportedMediaType, raw: object{"status-code": 415, "message": "Unsupported Media Type"}}
	}
	reader := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	var files []*attachment
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fail(http.StatusBadRequest, "The request body is not a sound multipart message.")
		}
		if part.FormName() != "file" {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(part, maxFileSize+1))
		if err != nil {
			return nil, fail(http.StatusBadRequest, "The request body is not a sound multipart message.")
		}
		if len(data) > maxFileSize {
			return nil, fail(http.StatusRequestEntityTooLarge, "The file %s exceeds the maximum size of an attachment.", part.FileName())
		}
		kind := orElse(part.Header.Get("Content-Type"), http.DetectContentType(data))
		files = append(files, &attachment{name: part.FileName(), mimeType: kind, data: data})
	}
	if len(files) == 0 {
		return nil, fail(http.StatusBadRequest, "No file was given.")
	}
	return files, nil
}

func (c *call) pathAttachment() (*issue, *attachment, error) {
	for _, i := range c.sys.issues {
		for _, a := range i.attachments {
			if idOf(a.id) == c.pathValue("id") && c.sys.may(c.user, i.project, browseProjects) {
				return i, a, nil
			}
		}
	}
	return nil, nil, fail(http.StatusNotFound, "The attachment with id '%s' does not exist", c.pathValue("id"))
}

func (c *call) attachmentMeta() (reply, error) {
	return ok(object{"enabled": true, "uploadLimit": maxFileSize}), nil
}

func (c *call) getAttachment() (reply, error) {
	_, a, err := c.pathAttachment()
	if err != nil {
		return reply{}, err
	}
	o := c.view.attachment(a)
	if c.sys.cloud() {
		o["id"] = a.id // the one place where it is a number
	}
	return ok(o), nil
}

func (c *call) deleteAttachment() (reply, error) {
	i, a, err := c.pathAttachment()
	if err != nil {
		return reply{}, err
	}
	next := i.clone()
	next.attachments = slices.DeleteFunc(next.attachments, func(o *attachment) bool { return o == a })
	id := idOf(a.id)
	c.sys.put(next, write{actor: c.user, event: eventIssueUpdated, name: "issue_updated", items: []changeItem{{field: "Attachment", fieldID: "attachment", from: &id, fromString: &a.name}}})
	c.sys.announce(happening{event: eventAttachmentDeleted, issue: next, flow: flowPrimary, body: func(v *view) object {
		return object{"attachment": v.attachment(a)}
	}})
	return noContent, nil
}

// attachmentContent redirects to a signed address on another path, as Cloud
// redirects to its media host; redirect=false asks for the bytes themselves.
func (c *call) attachmentContent() (reply, error) {
	_, a, err := c.pathAttachment()
	if err != nil {
		return reply{}, err
	}
	if c.query.Get("redirect") == "false" || !c.sys.cloud() {
		return a.bytes(c.req), nil
	}
	token := c.sys.mediaToken(a.id, c.sys.now().Add(mediaLife))
	return reply{status: http.StatusSeeOther, header: http.Header{"Location": {scheme(c.req) + "://" + c.req.Host + mediaPath + idOf(a.id) + "/" + token}}}, nil
}

const (
	mediaPath = "/media/"
	mediaLife = 10 * time.Minute
)

func (s *System) mediaToken(id int64, expires time.Time) string {
	until := strconv.FormatInt(expires.Unix(), 10)
	return until + "-" + strings.TrimPrefix(Signature(s.cloudID, []byte(idOf(id)+" "+until)), "sha256=")
}

// media answers the addresses that attachmentContent hands out; they need no
// credentials and stop working after a while.
func (c *call) media() (reply, error) {
	refused := &apiError{status: http.StatusForbidden, raw: plainText("Forbidden")}
	until, _, _ := strings.Cut(c.pathValue("token"), "-")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if err != nil || c.sys.now().Unix() > seconds {
		return reply{}, refused
	}
	for _, i := range c.sys.issues {
		for _, a := range i.attachments {
			if idOf(a.id) == c.pathValue("id") && c.sys.mediaToken(a.id, time.Unix(seconds, 0)) == c.pathValue("token") {
				return a.bytes(c.req), nil
			}
		}
	}
	return reply{}, refused
}

// bytes answers with the file, or with the range of it that was asked for.
func (a *attachment) bytes(r *http.Request) reply {
	rec := &rangeRecorder{header: http.Header{"Content-Type": {a.mimeType}, "Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": a.name})}}}
	http.ServeContent(rec, r, a.name, a.created, bytes.NewReader(a.data))
	rec.header.Del("Content-Length")
	return reply{status: rec.status, header: rec.header, bytes: append([]byte{}, rec.body.Bytes()...)}
}

type rangeRecorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *rangeRecorder) Header() http.Header         { return r.header }
func (r *rangeRecorder) WriteHeader(status int)      { r.status = status }
func (r *rangeRecorder) Write(b []byte) (int, error) { return r.body.Write(b) }
