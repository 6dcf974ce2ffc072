package connectors

import (
	"context"
	"errors"
	"io"
	"time"
)

// Filer reads and writes the files that are attached to a record.
type Filer interface {
	// FileLimit returns the size in bytes of the largest file that the system
	// takes on an object's records: 0 where it takes links only, -1 where no
	// limit is known.
	FileLimit(ctx context.Context, object string) (int64, error)

	// Files returns what is attached to a record, oldest first, all of it. What
	// the connector itself keeps there, such as the marker of a create, is left
	// out.
	Files(ctx context.Context, object, id string) ([]Attachment, error)

	// OpenFile returns the bytes of one attachment of a record. The caller
	// closes it; the context lives until then. NotFound says that it is not
	// there any more, or is a link.
	OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error)

	// AddFile attaches a file, reading its content once, a piece at a time: a
	// connection never holds the whole of it. Where the content breaks off, the
	// error wraps that of the reader, and nothing was added unless it is
	// Unsure. A repeat adds another file. Invalid says that the system refuses
	// this file, for its kind, name or size (see ErrFileTooLarge).
	AddFile(ctx context.Context, object, id string, f NewFile) (fileID string, err error)

	// AddLink attaches a link. A repeat may add another. Its id is none that a
	// file has.
	AddLink(ctx context.Context, object, id string, l NewLink) (fileID string, err error)
}

// BatchFiler is a Filer that lists the attachments of many records at once.
type BatchFiler interface {
	Filer
	// FilesOf returns what Files does, for each id in order, by fewer requests;
	// any number of ids. The error is for the call as a whole; what is wrong with
	// one record stands in its result.
	FilesOf(ctx context.Context, object string, ids []string) ([]FilesResult, error)
}

// FilesResult is what FilesOf tells of one record: Err is set where its
// attachments could not be read.
type FilesResult struct {
	Files []Attachment
	Err   error
}

// ErrFileTooLarge is wrapped by the Invalid error of a file that is larger than
// the system takes, so that a link can go in its place.
var ErrFileTooLarge = errors.New("the file is larger than the system takes")

// Attachment is a file or a link at a record.
type Attachment struct {
	ID string
	// Key is the one that it was added with, where the system has a place for
	// it; "" for those by other hands.
	Key     string
	Name    string // with its ending, "offer.pdf"
	Type    string // media type; "" when unknown
	Size    int64  // in bytes; -1 when unknown and for links
	Author  Person
	Created time.Time
	// Mine says that the connection's own account added it.
	Mine bool
	// Link is where it leads, for what is no file but a link; "" for files.
	Link string
	// Page is an address at which people with an account can get the file; ""
	// where there is none that lasts.
	Page string
}

// NewFile is a file to attach. Content is read once; Size is its length in
// bytes, -1 when it is not known before.
type NewFile struct {
	Key     string // [a-z0-9-]{1,64}, as in Create; empty: none
	Name    string
	Type    string // media type; "": application/octet-stream
	Size    int64
	Content io.Reader
}

// NewLink is a link to attach.
type NewLink struct {
	Key  string
	Name string
	URL  string
}
