package hubspot

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"crypto/md5" //nolint:gosec // HubSpot tells each file's MD5
)

// The files of an account. Uploads need the scope files; private ones are read
// at a signed address only, which needs no token and stops working after a
// while. (Paths and form fields as HubSpot's own Node library 13 sends them.)
const (
	scopeFiles   = "files"
	maxUpload    = 20 << 20 // bytes, as in a free account
	signedLife   = 5 * time.Minute
	privateFiles = "/hubfs-private/"

	attachmentIDs = "hs_attachment_ids" // of notes and other activities
)

// file is one file of the account.
type file struct {
	id      int64
	name    string // without its ending
	ending  string
	access  string
	folder  string
	data    []byte
	created time.Time
}

func (f *file) fullName() string {
	if f.ending == "" {
		return f.name
	}
	return f.name + "." + f.ending
}

func (rt router) files() {
	bases := dated("/files", "/files/v3")
	rt.handle("POST", bases, "/files", uploadFile)
	rt.handle("GET", bases, "/files/{file}", getFile)
	rt.handle("DELETE", bases, "/files/{file}", deleteFile)
	rt.handle("GET", bases, "/files/{file}/signed-url", signFile)
	rt.mux.HandleFunc("GET "+privateFiles+"{file}", rt.s.servePrivate)
}

// isUpload reports whether a request's body is a form with a file.
func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/files/") && strings.HasSuffix(r.URL.Path, "/files")
}

type uploadForm struct {
	data             []byte
	name             string
	folder, folderID string
	options          string
	has              bool
}

func (c *call) readUpload() (*uploadForm, *apiError) {
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return nil, newError(http.StatusUnsupportedMediaType, "", "HTTP 415 Unsupported Media Type")
	}
	form := &uploadForm{}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	given := ""
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, invalid("The multipart body is malformed")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, invalid("The multipart body is malformed")
		}
		switch part.FormName() {
		case "file":
			form.data, form.has, given = data, true, part.FileName()
		case "fileName":
			form.name = string(data)
		case "folderPath":
			form.folder = string(data)
		case "folderId":
			form.folderID = string(data)
		case "options":
			form.options = string(data)
		}
	}
	if form.name == "" {
		form.name = given
	}
	return form, nil
}

func uploadFile(c *call) (int, any, *apiError) {
	if err := c.require(scopeFiles); err != nil {
		return 0, nil, err
	}
	form, problem := c.readUpload()
	if problem != nil {
		return 0, nil, problem
	}
	var options struct {
		Access string `json:"access"`
	}
	switch {
	case !form.has:
		return 0, nil, invalid("A file must be provided")
	case form.folder == "" && form.folderID == "":
		return 0, nil, invalid("One of folderId or folderPath must be provided")
	case json.Unmarshal([]byte(form.options), &options) != nil || options.Access == "":
		return 0, nil, invalid("options: access is required")
	case !slices.Contains([]string{"PUBLIC_INDEXABLE", "PUBLIC_NOT_INDEXABLE", "PRIVATE", "HIDDEN_INDEXABLE", "HIDDEN_NOT_INDEXABLE", "HIDDEN_PRIVATE", "HIDDEN_SENSITIVE"}, options.Access):
		return 0, nil, invalid("options: access %q is not valid", options.Access)
	case len(form.data) > maxUpload:
		return 0, nil, newError(http.StatusRequestEntityTooLarge, "", "The file is larger than the account allows")
	}
	f := c.s.addFile(form.name, form.data, options.Access, form.folder, c.now)
	return http.StatusCreated, c.s.fileBody(f), nil
}

func (s *System) addFile(name string, data []byte, access, folder string, now time.Time) *file {
	ending := strings.TrimPrefix(path.Ext(name), ".")
	f := &file{
		id: s.nextFile, name: strings.TrimSuffix(name, "."+ending), ending: ending, access: access, folder: folder,
		data: slices.Clone(data), created: now,
	}
	s.nextFile++
	s.files[f.id] = f
	return f
}

func (s *System) fileBody(f *file) map[string]any {
	sum := md5.Sum(f.data) //nolint:gosec // as HubSpot tells it
	kind := "DOCUMENT"
	switch strings.ToLower(f.ending) {
	case "png", "jpg", "jpeg", "gif", "svg", "webp":
		kind = "IMG"
	case "pdf", "docx", "xlsx", "pptx", "txt", "csv":
	default:
		kind = "OTHER"
	}
	return map[string]any{
		"id": strconv.FormatInt(f.id, 10), "name": f.name, "extension": f.ending, "access": f.access, "size": len(f.data), "type": kind,
		"path": "/" + strings.Trim(f.folder, "/") + "/" + f.fullName(), "fileMd5": hex.EncodeToString(sum[:]), "encoding": "utf8",
		"createdAt": formatTime(f.created), "updatedAt": formatTime(f.created), "archived": false, "isUsableInContent": true,
		"url":               fmt.Sprintf("https://%d.fs1.hubspotusercontent-eu1.net/hubfs/%d/%s", s.portalID, s.portalID, url.PathEscape(f.fullName())),
		"defaultHostingUrl": fmt.Sprintf("https://%d.fs1.hubspotusercontent-eu1.net/hubfs/%d/%s", s.portalID, s.portalID, url.PathEscape(f.fullName())),
	}
}

func (c *call) pathFile() (*file, *apiError) {
	if err := c.require(scopeFiles); err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(c.r.PathValue("file"), 10, 64)
	if f := c.s.files[id]; err == nil && f != nil {
		return f, nil
	}
	return nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "No file found for id %s", c.r.PathValue("file"))
}

func getFile(c *call) (int, any, *apiError) {
	f, problem := c.pathFile()
	if problem != nil {
		return 0, nil, problem
	}
	return http.StatusOK, c.s.fileBody(f), nil
}

func deleteFile(c *call) (int, any, *apiError) {
	f, problem := c.pathFile()
	if problem != nil {
		return 0, nil, problem
	}
	delete(c.s.files, f.id)
	return http.StatusNoContent, nil, nil
}

func (s *System) signatureOf(f *file, expires int64) string {
	mac := hmac.New(sha256.New, []byte(s.opts.ClientSecret))
	_, _ = fmt.Fprintf(mac, "%d %d", f.id, expires)
	return hex.EncodeToString(mac.Sum(nil))
}

func signFile(c *call) (int, any, *apiError) {
	f, problem := c.pathFile()
	if problem != nil {
		return 0, nil, problem
	}
	expires := c.now.Add(signedLife)
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	address := fmt.Sprintf("%s://%s%s%d?expires=%d&signature=%s", scheme, c.r.Host, privateFiles, f.id, expires.Unix(), c.s.signatureOf(f, expires.Unix()))
	body := c.s.fileBody(f)
	return http.StatusOK, map[string]any{
		"url": address, "expiresAt": formatTime(expires), "name": f.name, "extension": f.ending, "size": len(f.data), "type": body["type"],
	}, nil
}

// servePrivate answers a signed address. A token there is none of its business.
func (s *System) servePrivate(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	id, _ := strconv.ParseInt(r.PathValue("file"), 10, 64)
	f := s.files[id]
	expires, _ := strconv.ParseInt(r.URL.Query().Get("expires"), 10, 64)
	sound := f != nil && hmac.Equal([]byte(r.URL.Query().Get("signature")), []byte(s.signatureOf(f, expires))) && s.now().Unix() <= expires
	s.mu.Unlock()
	if !sound {
		http.Error(w, "Forbidden", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(f.data)
}

// Attach adds a note with a file to a record, as people do, and returns the
// note's and the file's id.
func (p Person) Attach(object, id, name string, data []byte) (note, fileID string, err error) {
	p.s.mu.Lock()
	f := p.s.addFile(name, data, "HIDDEN_PRIVATE", "", p.s.tick())
	now := p.s.now()
	p.s.mu.Unlock()
	fileID = strconv.FormatInt(f.id, 10)
	note, err = p.Create("notes", map[string]string{"hs_timestamp": now.Format(time.RFC3339Nano), "hs_attachment_ids": fileID})
	if err != nil {
		return "", "", err
	}
	return note, fileID, p.Link("notes", note, object, id)
}

// A File is the truth about a file of the account.
type File struct {
	ID, Name string
	Data     []byte
}

// File returns a file, and whether there is one.
func (s *System) File(id string) (File, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := strconv.ParseInt(id, 10, 64)
	f := s.files[n]
	if f == nil {
		return File{}, false
	}
	return File{ID: id, Name: f.fullName(), Data: slices.Clone(f.data)}, true
}
