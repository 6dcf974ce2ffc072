package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
)

var _ connectors.Filer = (*Connection)(nil)

// GitHub has no API for files: what people drop into a text becomes an address
// within it, which a browser alone can open if the repository is private. So
// files are links here, both ways: those in the texts are listed, and one that is
// added becomes a comment of its own.

// linkForm finds the files that people have dropped into a text: an image or a
// link of Markdown to an address of GitHub's own store.
var linkForm = regexp.MustCompile(`!?\[([^\]\n]{0,200})\]\((https?://[^\s()]+/(?:user-attachments/(?:assets|files)|assets|files)/[^\s()]+)\)|<img [^>\n]*src="(https?://[^\s"]+/user-attachments/assets/[^\s"]+)"`)

// fileForm is a comment that AddLink has made.
var fileForm = regexp.MustCompile(`^\[((?:\\.|[^\]\\\n])*)\]\(<([^<>\n]+)>\)\n\n<!-- tenon-file: ([a-z0-9-]{0,64}) -->$`)

// fileMark reads a comment that stands for a file.
func fileMark(body string) (l connectors.NewLink, ok bool) {
	m := fileForm.FindStringSubmatch(strings.TrimSpace(newlines(body)))
	if m == nil {
		return l, false
	}
	return connectors.NewLink{Key: m[3], Name: unescapeName.Replace(m[1]), URL: m[2]}, true
}

var (
	escapeName   = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, "\r", " ", "\n", " ")
	unescapeName = strings.NewReplacer(`\\`, `\`, `\[`, `[`, `\]`, `]`)
)

func fileComment(l connectors.NewLink) string {
	return fmt.Sprintf("[%s](<%s>)\n\n<!-- tenon-file: %s -->", escapeName.Replace(l.Name), l.URL, l.Key)
}

// FileLimit implements connectors.Filer: links only.
func (c *Connection) FileLimit(_ context.Context, object string) (int64, error) {
	return 0, c.issuesOnly("read the limit of files", object, "files")
}

// Files implements connectors.Filer.
func (c *Connection) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	const op = "read files"
	at, err := c.issueAt(ctx, op, object, "files", id)
	if err != nil {
		return nil, err
	}
	i, err := c.getIssue(ctx, op, at.repo, at.number)
	if err != nil {
		return nil, c.lost(ctx, at, err)
	}
	if i.id != id || i.pull {
		return nil, c.noSuch(op, issueObject, id)
	}
	list, err := c.listComments(ctx, at)
	if err != nil {
		return nil, err
	}
	texts := []said{{login: i.author, body: i.body, at: i.created}}
	for _, w := range list {
		texts = append(texts, saidIn(w))
	}
	return c.filesIn(texts), nil
}

// said is a text of an issue: its description, without an id, or a comment.
type said struct {
	id    int64
	login string
	body  string
	at    time.Time // when it was written

	edited time.Time
}

func saidIn(w *gogithub.IssueComment) said {
	return said{w.GetID(), w.GetUser().GetLogin(), w.GetBody(), utc(w.CreatedAt), utc(w.UpdatedAt)}
}

// filesIn lists the files that texts stand for or link to, oldest first.
func (c *Connection) filesIn(texts []said) []connectors.Attachment {
	var out []connectors.Attachment
	for _, t := range texts {
		who := c.person(t.login)
		if l, ok := fileMark(t.body); ok && t.id > 0 {
			out = append(out, connectors.Attachment{
				ID: strconv.FormatInt(t.id, 10), Key: l.Key, Name: l.Name, Size: -1, Author: who, Created: t.at, Mine: true, Link: l.URL,
			})
			continue
		}
		body, _ := splitMark(newlines(t.body))
		out = linksIn(out, body, who, t.at)
	}
	slices.SortStableFunc(out, func(a, b connectors.Attachment) int { return a.Created.Compare(b.Created) })
	return out
}

// linksIn adds the files that a text links to, each address once.
func linksIn(out []connectors.Attachment, text string, who connectors.Person, at time.Time) []connectors.Attachment {
	for _, m := range linkForm.FindAllStringSubmatch(text, -1) {
		name, address := m[1], m[2]
		if address == "" {
			address = m[3]
		}
		sum := sha256.Sum256([]byte(address))
		id := "l" + hex.EncodeToString(sum[:8])
		if slices.ContainsFunc(out, func(a connectors.Attachment) bool { return a.ID == id }) {
			continue
		}
		if name == "" || strings.EqualFold(name, "image") {
			if u, err := url.Parse(address); err == nil {
				name = path.Base(u.Path)
			}
		}
		out = append(out, connectors.Attachment{ID: id, Name: name, Size: -1, Author: who, Created: at, Link: address})
	}
	return out
}

// OpenFile implements connectors.Filer: there are links only.
func (c *Connection) OpenFile(_ context.Context, object, id, fileID string) (io.ReadCloser, error) {
	return nil, c.fail("open a file", ref(object, id), connectors.NotFound, "%s is a link: GitHub gives files to browsers only", fileID)
}

// AddFile implements connectors.Filer: GitHub takes no files.
func (c *Connection) AddFile(_ context.Context, object, id string, f connectors.NewFile) (string, error) {
	return "", c.fail("add a file", ref(object, id), connectors.Invalid, "%q: %w: GitHub has no API for files", f.Name, connectors.ErrFileTooLarge)
}

// AddLink implements connectors.Filer, by a comment with the link and a hidden
// mark.
func (c *Connection) AddLink(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
	at, err := c.issueAt(ctx, "add a link", object, "files", id)
	if err != nil {
		return "", err
	}
	if l.Name == "" {
		l.Name = l.URL
	}
	if u, err := url.Parse(l.URL); err != nil || u.Host == "" || strings.ContainsAny(l.URL, "<>\n\r ") {
		return "", c.fail(at.op, at.record(), connectors.Invalid, "%q is no address", l.URL)
	}
	body := fileComment(l)
	made, resp, err := c.hub.Issues.CreateComment(creating(ctx, issuePath+"/comments"), at.repo.owner, at.repo.name, at.number, &gogithub.IssueComment{Body: &body})
	if err := c.outcome(at.op, at.record(), resp, err); err != nil {
		return "", c.lost(ctx, at, err)
	}
	if made.GetID() <= 0 {
		e := c.fail(at.op, at.record(), connectors.Internal, "the answer is no comment")
		e.Unsure = true
		return "", e
	}
	return strconv.FormatInt(made.GetID(), 10), nil
}
