package github

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
)

// idOf names a record by its repository's id and its number there.
func idOf(repo int64, number int) string {
	return strconv.FormatInt(repo, 10) + "-" + strconv.Itoa(number)
}

// parseID is the way back; ok is false for what idOf does not write.
func parseID(id string) (repo int64, number int, ok bool) {
	head, tail, found := strings.Cut(id, "-")
	repo, err := strconv.ParseInt(head, 10, 64)
	n, err2 := strconv.ParseInt(tail, 10, 32)
	if !found || err != nil || err2 != nil || repo <= 0 || n <= 0 || idOf(repo, int(n)) != id {
		return 0, 0, false
	}
	return repo, int(n), true
}

// ofREST converts an issue of REST or of a webhook. The parent is known only if
// it lies in the same repository: its address does not tell the id of another.
func ofREST(w *wireIssue, repo int64) *issue {
	i := &issue{
		id: idOf(repo, w.GetNumber()), repo: repo, number: w.GetNumber(), databaseID: w.GetID(), nodeID: w.GetNodeID(), title: w.GetTitle(),
		body: newlines(w.GetBody()), state: w.GetState(), author: w.GetUser().GetLogin(), locked: w.GetLocked(), comments: w.GetComments(),
		url: w.GetHTMLURL(), pull: w.IsPullRequest(), created: w.GetCreatedAt().UTC(), updated: w.GetUpdatedAt().UTC(), closed: utc(w.ClosedAt),
	}
	i.reason = reasonOf(i.state, w.GetStateReason())
	for _, l := range w.Labels {
		if l.GetName() != "" {
			i.labels = append(i.labels, l.GetName())
		}
	}
	for _, u := range w.Assignees {
		if u.GetLogin() != "" {
			i.assignees = append(i.assignees, u.GetLogin())
		}
	}
	if w.Milestone != nil {
		i.milestone, i.stone = w.Milestone.GetNumber(), w.Milestone.GetTitle()
	}
	if w.Type != nil {
		i.typ = w.Type.Name
	}
	if head, tail, ok := cutLast(w.ParentURL, "/issues/"); ok && head == w.GetRepositoryURL() {
		if n, err := strconv.Atoi(tail); err == nil && n > 0 {
			i.parent = idOf(repo, n)
		}
	}
	return i
}

func utc(t *gogithub.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func cutLast(s, sep string) (head, tail string, ok bool) {
	n := strings.LastIndex(s, sep)
	if n < 0 {
		return s, "", false
	}
	return s[:n], s[n+len(sep):], true
}

// ofGraph converts an issue of GraphQL.
func ofGraph(w *graphIssue, repo int64) *issue {
	i := &issue{
		id: idOf(repo, w.Number), repo: repo, number: w.Number, databaseID: w.DatabaseID, nodeID: w.NodeID, title: w.Title, body: newlines(w.Body),
		state: strings.ToLower(w.State), author: w.Author.login(), locked: w.Locked, comments: w.Comments.Total, url: w.URL,
		created: w.CreatedAt.UTC(), updated: w.UpdatedAt.UTC(), closed: w.ClosedAt.UTC(),
	}
	i.reason = reasonOf(i.state, strings.ToLower(w.StateReason))
	for _, l := range w.Labels.Nodes {
		if l.Name != "" {
			i.labels = append(i.labels, l.Name)
		}
	}
	for _, u := range w.Assignees.Nodes {
		if u.Login != "" {
			i.assignees = append(i.assignees, u.Login)
		}
	}
	if w.Milestone != nil {
		i.milestone, i.stone = w.Milestone.Number, w.Milestone.Title
	}
	if w.IssueType != nil {
		i.typ = w.IssueType.Name
	}
	if w.Parent != nil && w.Parent.Number > 0 && w.Parent.Repository.DatabaseID > 0 {
		i.parent = idOf(w.Parent.Repository.DatabaseID, w.Parent.Number)
	}
	return i
}

// reasonOf is why a closed issue is closed; one that was closed before GitHub
// kept reasons counts as completed.
func reasonOf(state, reason string) string {
	switch {
	case state != stateClosed:
		return ""
	case reason == "" || reason == "reopened":
		return "completed"
	}
	return reason
}

func newlines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// mark is what Tenon keeps, unseen, in the body of an issue that it made.
type mark struct {
	key    string
	parent string // the id of the issue that it is to be a sub-issue of
}

// markForm finds a mark with the blank line that stands before it.
var markForm = regexp.MustCompile(`(?:\n{1,2})?<!-- tenon-key: ([a-z0-9-]{1,64})(?: parent: ([0-9]{1,19}-[0-9]{1,10}))? -->`)

// splitMark takes the mark out of a body. Of several, the last one counts; all
// are left out.
func splitMark(body string) (text string, m mark) {
	if !strings.Contains(body, "<!-- tenon-key: ") {
		return body, mark{}
	}
	for _, found := range markForm.FindAllStringSubmatch(body, -1) {
		m = mark{key: found[1], parent: found[2]}
	}
	return markForm.ReplaceAllString(body, ""), m
}

// with returns a body that ends in the mark.
func (m mark) with(text string) string {
	if m.key == "" {
		return text
	}
	comment := "<!-- tenon-key: " + m.key + " -->"
	if m.parent != "" {
		comment = "<!-- tenon-key: " + m.key + " parent: " + m.parent + " -->"
	}
	if text == "" {
		return comment
	}
	return text + "\n\n" + comment
}

// maxMark is the most that a mark adds to a body.
const maxMark = len("\n\n<!-- tenon-key:  parent:  -->") + 64 + 30

// version is a hash of what an issue holds, with its time: times alone are too
// coarse, and some changes leave them.
func (i *issue) version() string {
	b := make([]byte, 0, len(i.title)+len(i.body)+256)
	part := func(s string) { // with its length, so that no two issues look the same
		b = append(strconv.AppendInt(b, int64(len(s)), 10), ' ')
		b = append(b, s...)
	}
	for _, s := range []string{i.title, i.body, i.state, i.reason, i.typ, strconv.FormatBool(i.locked)} {
		part(s)
	}
	b = strconv.AppendInt(b, int64(i.milestone), 10)
	b = strconv.AppendInt(append(b, ' '), int64(i.comments), 10)
	for _, set := range [][]string{i.labels, i.assignees} {
		b = strconv.AppendInt(append(b, ' '), int64(len(set)), 10)
		for _, s := range slices.Sorted(slices.Values(set)) {
			part(s)
		}
	}
	sum := sha256.Sum256(b)
	return strconv.FormatInt(i.updated.Unix(), 36) + "-" + hex.EncodeToString(sum[:8])
}

// record converts an issue; repoName is "" when it is not known.
func (c *Connection) record(i *issue, sc scopeRef, repoName string, fields []string) *connectors.Record {
	r := &connectors.Record{
		Ref:     connectors.Ref{Connection: c.name, Object: issueObject, ID: i.id},
		Version: i.version(), Modified: i.updated, Created: i.created, InScope: sc.holds(i), URL: i.url, Title: i.title, Parent: i.parent,
	}
	if repoName != "" {
		r.Key = repoName + "#" + strconv.Itoa(i.number)
	}
	r.Grow(len(fields))
	for _, name := range fields {
		if f := issueFields[name]; f.read != nil {
			r.Set(name, f.read(c, i, sc))
		}
	}
	return r
}

func textOrNull(s string) connectors.Value {
	if s == "" {
		return connectors.Null
	}
	return connectors.Text(s)
}

func richOrNull(s string) connectors.Value {
	if strings.TrimSpace(s) == "" {
		return connectors.Null
	}
	return connectors.RichText(s)
}

func instantOrNull(t time.Time) connectors.Value {
	if t.IsZero() {
		return connectors.Null
	}
	return connectors.Instant(t)
}

// labelsIn are the labels of an issue without that of the scope, which belongs
// to the mapping.
func labelsIn(labels []string, sc scopeRef) connectors.Value {
	var out []string
	for _, l := range labels {
		if sc.label == "" || !strings.EqualFold(l, sc.label) {
			out = append(out, l)
		}
	}
	return connectors.Labels(out...)
}

// stoneRecord converts a milestone.
func (c *Connection) stoneRecord(m *gogithub.Milestone, sc scopeRef, fields []string) *connectors.Record {
	r := &connectors.Record{
		Ref:     connectors.Ref{Connection: c.name, Object: milestoneObject, ID: idOf(sc.repo.id, m.GetNumber())},
		Version: stoneVersion(m), Modified: utc(m.UpdatedAt), Created: utc(m.CreatedAt), InScope: true, URL: m.GetHTMLURL(), Title: m.GetTitle(),
	}
	for _, name := range fields {
		if f := stoneFields[name]; f.read != nil {
			r.Set(name, f.read(m))
		}
	}
	return r
}

func stoneVersion(m *gogithub.Milestone) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %v %d %d", m.GetTitle(), newlines(m.GetDescription()), m.GetState(), m.GetDueOn().UTC(), m.GetOpenIssues(), m.GetClosedIssues()))
	return strconv.FormatInt(m.GetUpdatedAt().Unix(), 36) + "-" + hex.EncodeToString(sum[:8])
}
