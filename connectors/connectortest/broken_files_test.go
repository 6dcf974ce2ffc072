package connectortest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// eachFile breaks the list of attachments.
func eachFile(change func([]connectors.Attachment) []connectors.Attachment) func(*fake) {
	return func(f *fake) {
		f.files = func(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
			list, err := f.Connection.Files(ctx, object, id)
			return change(list), err
		}
	}
}

// eachNewFile breaks what is uploaded.
func eachNewFile(change func(*connectors.NewFile)) func(*fake) {
	return func(f *fake) {
		f.addFile = func(ctx context.Context, object, id string, n connectors.NewFile) (string, error) {
			change(&n)
			return f.Connection.AddFile(ctx, object, id, n)
		}
	}
}

var brokenFiles = []breakage{
	{"files come newest first", "files", eachFile(func(l []connectors.Attachment) []connectors.Attachment {
		slices.Reverse(l)
		return l
	})},
	{"files of the account are unmarked and keyless", "files", eachFile(func(l []connectors.Attachment) []connectors.Attachment {
		for i := range l {
			l[i].Key, l[i].Mine = "", false
		}
		return l
	})},
	{"people's files look like ours", "files", eachFile(func(l []connectors.Attachment) []connectors.Attachment {
		for i := range l {
			l[i].Mine = true
		}
		return l
	})},
	{"files have no size", "files", eachFile(func(l []connectors.Attachment) []connectors.Attachment {
		for i := range l {
			l[i].Size = 0
		}
		return l
	})},
	{"the list of files stops at one", "files", eachFile(func(l []connectors.Attachment) []connectors.Attachment {
		return l[:min(len(l), 1)]
	})},
	{"uploads are cut", "files", eachNewFile(func(n *connectors.NewFile) {
		n.Content, n.Size = io.LimitReader(n.Content, 4096), -1
	})},
	{"uploads are taken for text", "files", eachNewFile(func(n *connectors.NewFile) {
		if content, err := io.ReadAll(n.Content); err == nil {
			text := strings.ToValidUTF8(string(content), "?")
			n.Content, n.Size = strings.NewReader(text), int64(len(text))
		} else {
			n.Content = io.MultiReader(bytes.NewReader(content), &brokenSource{err})
		}
	})},
	{"uploads lose their name", "files", eachNewFile(func(n *connectors.NewFile) { n.Name = "upload" })},
	{"a broken source adds half a file", "files", func(f *fake) {
		f.addFile = func(ctx context.Context, object, id string, n connectors.NewFile) (string, error) {
			content, err := io.ReadAll(n.Content)
			n.Content, n.Size = bytes.NewReader(content), int64(len(content))
			made, _ := f.Connection.AddFile(ctx, object, id, n)
			return made, err
		}
	}},
	{"a broken source's error is swallowed", "files", func(f *fake) {
		f.addFile = func(ctx context.Context, object, id string, n connectors.NewFile) (string, error) {
			made, err := f.Connection.AddFile(ctx, object, id, n)
			if e, ok := errors.AsType[*connectors.Error](err); ok {
				e.Err = errors.New("something went wrong")
			}
			return made, err
		}
	}},
	{"a lost upload counts as failed", "files", func(f *fake) {
		f.addFile = func(ctx context.Context, object, id string, n connectors.NewFile) (string, error) {
			made, err := f.Connection.AddFile(ctx, object, id, n)
			if e, ok := errors.AsType[*connectors.Error](err); ok {
				e.Unsure = false
			}
			return made, err
		}
	}},
	{"any id opens the first file", "files", func(f *fake) {
		f.openFile = func(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
			list, _ := f.Connection.Files(ctx, object, id)
			if len(list) > 0 {
				fileID = list[0].ID
			}
			return f.Connection.OpenFile(ctx, object, id, fileID)
		}
	}},
	{"files of many records come in another order", "files", func(f *fake) {
		f.filesOf = func(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
			results, err := f.Connection.FilesOf(ctx, object, ids)
			slices.Reverse(results)
			return results, err
		}
	}},
	{"files of many records are listed one by one", "files", func(f *fake) {
		f.filesOf = func(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
			results := make([]connectors.FilesResult, len(ids))
			for i, id := range ids {
				results[i].Files, results[i].Err = f.Connection.Files(ctx, object, id)
			}
			return results, nil
		}
	}},
	{"links lose their query", "files", func(f *fake) {
		f.addLink = func(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
			l.URL, _, _ = strings.Cut(l.URL, "?")
			return f.Connection.AddLink(ctx, object, id, l)
		}
	}},
}

// brokenSource is a reader that fails.
type brokenSource struct{ err error }

func (b *brokenSource) Read([]byte) (int, error) { return 0, b.err }
