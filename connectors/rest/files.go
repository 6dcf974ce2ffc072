package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// fileTimeout bounds a request that carries a file, either way.
const fileTimeout = 10 * time.Minute

// Part is one part of a multipart form. Content is read once; Size is its
// length, -1 when it is not known before.
type Part struct {
	Name     string
	FileName string // "": a plain field
	Type     string // media type; "": none for fields, application/octet-stream for files
	Size     int64
	Content  io.Reader
}

// Field is a part that holds a text.
func Field(name, value string) Part {
	return Part{Name: name, Size: int64(len(value)), Content: strings.NewReader(value)}
}

// Stream is a Request.Body that is sent as it is read, once: such a request is
// never repeated, not even after a 401. Where the content breaks off, the
// request fails with the reader's error and is not Unsure: the system cannot
// have taken it for whole.
type Stream struct {
	content io.Reader
	length  int64
	kind    string
	broken  error
}

// Bytes is a Stream of raw content of a media type; size is -1 when unknown.
func Bytes(content io.Reader, size int64, kind string) *Stream {
	return &Stream{content: exactly(content, size), length: size, kind: kind}
}

// Form is a Stream of a multipart form.
func Form(parts ...Part) *Stream {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	s := &Stream{kind: w.FormDataContentType()}
	var readers []io.Reader
	flush := func() {
		s.length += int64(b.Len())
		readers = append(readers, bytes.NewReader(bytes.Clone(b.Bytes())))
		b.Reset()
	}
	known := true
	for _, p := range parts {
		_, _ = w.CreatePart(p.header()) // writes to a buffer only
		flush()
		readers = append(readers, exactly(p.Content, p.Size))
		s.length += p.Size
		known = known && p.Size >= 0
	}
	_ = w.Close()
	flush()
	if !known {
		s.length = -1
	}
	s.content = io.MultiReader(readers...)
	return s
}

var escapeName = strings.NewReplacer("\\", "\\\\", `"`, `\"`, "\r", "%0D", "\n", "%0A")

func (p *Part) header() textproto.MIMEHeader {
	h := textproto.MIMEHeader{}
	disposition := fmt.Sprintf(`form-data; name="%s"`, escapeName.Replace(p.Name))
	kind := p.Type
	if p.FileName != "" {
		disposition += fmt.Sprintf(`; filename="%s"`, escapeName.Replace(p.FileName))
		if kind == "" {
			kind = "application/octet-stream"
		}
	}
	h.Set("Content-Disposition", disposition)
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	return h
}

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.content.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broken = err
	}
	return n, err
}

// exactly returns a reader that fails where the content is shorter or longer
// than it was said to be, before its last byte is handed out.
func exactly(content io.Reader, size int64) io.Reader {
	if size < 0 {
		return content
	}
	return &exact{content: content, left: size}
}

type exact struct {
	content io.Reader
	left    int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.content.Read(p)
	e.left -= int64(n)
	switch {
	case e.left < 0:
		return 0, errors.New("the content is longer than it was said to be")
	case errors.Is(err, io.EOF) && e.left > 0:
		return n, fmt.Errorf("the content lacks %d bytes: %w", e.left, io.ErrUnexpectedEOF)
	}
	return n, err
}

// failure is the error of a request whose content broke off.
func (s *Stream) failure() *connectors.Error {
	return &connectors.Error{Kind: connectors.Unavailable, Err: fmt.Errorf("the content broke off: %w", s.broken)}
}

// Open sends a request and returns its answer's body as it comes, for files.
// The caller closes it; the context lives until then. Errors are as those of
// Do; Out and MaxBody do not count.
func (c *Client) Open(ctx context.Context, r Request) (io.ReadCloser, *Response, error) {
	call := Call{Path: r.Path, Lane: r.Lane, Reads: r.Reads, Accept: r.Accept, Units: r.Units, streams: true}
	req, err := c.build(WithCall(ctx, call), &r)
	if err != nil {
		return nil, nil, &connectors.Error{Op: r.Op, Connection: c.cfg.Connection, Record: r.Record, Kind: connectors.Internal, Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*connectors.Error](err); ok {
			return nil, nil, c.named(e, r.Op, r.Record)
		}
		return nil, nil, c.named(&connectors.Error{Kind: connectors.Unavailable, Err: bare(err)}, r.Op, r.Record)
	}
	b, ok := resp.Body.(*body)
	switch {
	case !ok:
		_ = resp.Body.Close()
		return nil, nil, c.named(&connectors.Error{Kind: connectors.Internal, Err: errors.New("the answer's body was replaced")}, r.Op, r.Record)
	case b.failure != nil:
		return nil, nil, c.errorOf(r.Op, r.Record, resp.StatusCode, b.failure)
	case b.stream == nil: // an accepted status outside 2xx
		return io.NopCloser(bytes.NewReader(b.raw)), &Response{Status: resp.StatusCode, Header: resp.Header, Body: b.raw}, nil
	}
	return b.stream, &Response{Status: resp.StatusCode, Header: resp.Header}, nil
}

// Fetch returns what stands at an address that the system gave for a file, such
// as a signed one of its store. It sends no credentials. The address must be
// https, unless the connection's own is not. The caller closes the body; the
// context lives until then.
func (c *Client) Fetch(ctx context.Context, op, record, address string) (io.ReadCloser, *Response, error) {
	fail := func(kind connectors.Kind, err error) (io.ReadCloser, *Response, error) {
		return nil, nil, c.named(&connectors.Error{Kind: kind, Err: err}, op, record)
	}
	u, err := url.Parse(address)
	if err != nil || !c.fetchable(u) {
		return fail(connectors.Internal, errors.New("the system gave an address that no file can be read from"))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fileTimeout, fmt.Errorf("no whole answer within %v", fileTimeout))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel()
		return fail(connectors.Internal, errors.New("the system gave an address that makes no sense"))
	}
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	plain := &http.Client{Transport: c.send, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > 3 || !c.fetchable(req.URL) {
			return errors.New("the file's address leads elsewhere")
		}
		req.Header.Del("Referer")
		return nil
	}}
	start := c.clock.Now()
	resp, err := plain.Do(req)
	told := connectors.Call{Connection: c.cfg.Connection, Method: http.MethodGet, Path: "/{file}", Duration: c.clock.Now().Sub(start)}
	if resp != nil {
		told.Status = resp.StatusCode
	}
	if c.tell != nil {
		c.tell(told)
	}
	if err != nil {
		cancel()
		return fail(connectors.Unavailable, errors.New(c.scrub(bare(err).Error())))
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		cancel()
		kind := connectors.Unavailable // an address that has run out, as a rule
		if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
			kind = connectors.NotFound
		}
		return fail(kind, fmt.Errorf("the file's address answered %s", resp.Status))
	}
	return &opened{ReadCloser: resp.Body, cancel: cancel}, &Response{Status: resp.StatusCode, Header: resp.Header}, nil
}

func (c *Client) fetchable(u *url.URL) bool {
	return u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && c.base.Scheme == "http")
}

// opened is the body of an answer that is read as it comes.
type opened struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (o *opened) Close() error {
	err := o.ReadCloser.Close()
	o.cancel()
	return err
}
