package memory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/connectors"
)

// file is an attachment with its bytes.
type file struct {
	connectors.Attachment
	content []byte
}

// FileLimit implements connectors.Filer.
func (c *Connection) FileLimit(ctx context.Context, object string) (int64, error) {
	if err := c.begin(ctx, Moment{Call: "file limit", Object: object}, ""); err != nil {
		return 0, err
	}
	if _, err := c.lock("file limit", object); err != nil {
		return 0, err
	}
	defer c.system.mu.Unlock()
	return c.system.fileLimit(), nil
}

func (s *System) fileLimit() int64 {
	switch {
	case s.opts.LinksOnly:
		return 0
	case s.opts.FileLimit == 0:
		return -1
	}
	return s.opts.FileLimit
}

// Files implements connectors.Filer.
func (c *Connection) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	if err := c.begin(ctx, Moment{Call: "files", Object: object, ID: id}, object+"/"+id); err != nil {
		return nil, err
	}
	_, r, err := c.known("files", object, id)
	if err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	return c.shownFiles(r), nil
}

// FilesOf implements connectors.BatchFiler.
func (c *Connection) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	if err := c.begin(ctx, Moment{Call: "files", Object: object}, object); err != nil {
		return nil, err
	}
	results := make([]connectors.FilesResult, len(ids))
	for i, id := range ids {
		_, r, err := c.known("files", object, id)
		if err != nil {
			results[i].Err = err
			continue
		}
		results[i].Files = c.shownFiles(r)
		c.system.mu.Unlock()
	}
	return results, nil
}

// shownFiles returns what is attached to a record, as the account sees it.
func (c *Connection) shownFiles(r *record) []connectors.Attachment {
	list := attachments(r)
	for i := range list {
		list[i].Mine = list[i].Author.ID == c.user
	}
	return list
}

func attachments(r *record) []connectors.Attachment {
	list := make([]connectors.Attachment, len(r.files))
	for i, f := range r.files {
		list[i] = f.Attachment
	}
	return list
}

// OpenFile implements connectors.Filer.
func (c *Connection) OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
	name := object + "/" + id
	if err := c.begin(ctx, Moment{Call: "open file", Object: object, ID: id}, name); err != nil {
		return nil, err
	}
	_, r, err := c.known("open file", object, id)
	if err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	at := slices.IndexFunc(r.files, func(f file) bool { return f.ID == fileID && f.Link == "" })
	if at < 0 {
		return nil, c.fail("open file", name, connectors.NotFound, fmt.Errorf("there is no file %q", fileID))
	}
	return io.NopCloser(bytes.NewReader(r.files[at].content)), nil
}

// AddFile implements connectors.Filer.
func (c *Connection) AddFile(ctx context.Context, object, id string, f connectors.NewFile) (string, error) {
	m := Moment{Call: "add file", Object: object, ID: id, Effect: true}
	return c.attach(ctx, m, func(name string) (file, error) {
		content, err := c.take(f, name)
		return file{content: content, Attachment: connectors.Attachment{
			Key: f.Key, Name: f.Name, Type: cmp.Or(f.Type, "application/octet-stream"), Size: int64(len(content)),
			Page: "https://memory.example/files/" + f.Name,
		}}, err
	})
}

// take reads a file as a server reads an upload: one that breaks off or is
// longer or shorter than it was said to be leaves nothing behind.
func (c *Connection) take(f connectors.NewFile, name string) ([]byte, error) {
	fail := func(kind connectors.Kind, err error) ([]byte, error) {
		return nil, c.fail("add file", name, kind, err)
	}
	limit := c.system.fileLimit()
	switch {
	case f.Name == "":
		return fail(connectors.Invalid, errors.New("a file needs a name"))
	case limit >= 0 && f.Size > limit:
		return fail(connectors.Invalid, connectors.ErrFileTooLarge)
	}
	content := io.Reader(f.Content)
	if limit >= 0 {
		content = io.LimitReader(f.Content, limit+1)
	}
	data, err := io.ReadAll(content)
	switch {
	case err != nil:
		return fail(connectors.Unavailable, fmt.Errorf("the content broke off: %w", err))
	case limit >= 0 && int64(len(data)) > limit:
		return fail(connectors.Invalid, connectors.ErrFileTooLarge)
	case f.Size >= 0 && int64(len(data)) != f.Size:
		return fail(connectors.Unavailable, fmt.Errorf("the content has %d bytes, not %d", len(data), f.Size))
	}
	return data, nil
}

// AddLink implements connectors.Filer.
func (c *Connection) AddLink(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
	m := Moment{Call: "add link", Object: object, ID: id, Effect: true}
	return c.attach(ctx, m, func(name string) (file, error) {
		if l.URL == "" {
			return file{}, c.fail("add link", name, connectors.Invalid, errors.New("a link needs an address"))
		}
		return file{Attachment: connectors.Attachment{Key: l.Key, Name: cmp.Or(l.Name, l.URL), Size: -1, Link: l.URL}}, nil
	})
}

// attach adds what build returns, with the moments of a write around it.
func (c *Connection) attach(ctx context.Context, m Moment, build func(record string) (file, error)) (string, error) {
	name := m.Object + "/" + m.ID
	c.count(m.Call)
	if err := c.begin(ctx, m, name); err != nil {
		return "", err
	}
	f, err := build(name)
	if err != nil {
		return "", err
	}
	t, r, err := c.known(m.Call, m.Object, m.ID)
	if err != nil {
		return "", err
	}
	id := c.system.attach(t, r, c.user, f)
	c.system.mu.Unlock()
	m.After = true
	if err := c.hooked(m, name); err != nil {
		return "", err
	}
	return id, nil
}

// attach adds a file to a record; it is a change of the record.
func (s *System) attach(t *table, r *record, user string, f file) string {
	s.files++
	f.ID = "f" + strconv.Itoa(s.files)
	f.Created = s.now().Truncate(s.opts.Precision)
	f.Author = s.who(user)
	if s.opts.KeylessFiles {
		f.Key = ""
	}
	r.files = append(r.files, f)
	s.touch(t, r)
	return f.ID
}

// who returns the user of that id.
func (s *System) who(user string) connectors.Person {
	for _, p := range s.opts.People {
		if p.ID == user {
			return p
		}
	}
	return connectors.Person{ID: user, Name: user}
}

// Attach adds a file as the user does and returns its id.
func (s *System) Attach(id, user, name string, content []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	return s.attach(t, r, user, file{content: slices.Clone(content), Attachment: connectors.Attachment{
		Name: name, Type: "application/octet-stream", Size: int64(len(content)), Page: "https://memory.example/files/" + name,
	}})
}

// AttachLink adds a link as the user does and returns its id.
func (s *System) AttachLink(id, user, name, url string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	return s.attach(t, r, user, file{Attachment: connectors.Attachment{Name: name, Size: -1, Link: url}})
}

// Detach takes an attachment away as people do.
func (s *System) Detach(id, fileID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	r.files = slices.DeleteFunc(r.files, func(f file) bool { return f.ID == fileID })
	s.touch(t, r)
}

// Attachments returns what is attached to a record in truth, oldest first.
func (s *System) Attachments(id string) []connectors.Attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	return attachments(r)
}

// FileContent returns the bytes of an attachment; nil for a link.
func (s *System) FileContent(id, fileID string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	for _, f := range r.files {
		if f.ID == fileID {
			return slices.Clone(f.content)
		}
	}
	return nil
}
