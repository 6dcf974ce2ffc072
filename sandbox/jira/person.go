package jira

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

// Person acts in the site as a human being does in the browser: with the rules
// of screens, workflows and permissions, but without the REST API, its faults
// and its limits. Fields are named by id or by their unique name; values are
// given as REST API v2 takes them (wiki text, {"name": …} objects), with short
// forms: a plain string for whatever has a name or is a user's e-mail.
type Person struct {
	sys  *System
	user *user
}

// As returns the person with this e-mail; it panics if there is none, since the
// accounts are the caller's own seed data.
func (s *System) As(email string) Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		panic(errNoSuch("account", email))
	}
	return Person{sys: s, user: u}
}

// do runs f with the lock held and the issue looked up.
func (p Person) do(idOrKey string, f func(*issue) error) error {
	p.sys.mu.Lock()
	defer p.sys.mu.Unlock()
	i := p.sys.lookup(idOrKey)
	if i == nil {
		return errNoSuch("issue", idOrKey)
	}
	if !p.sys.may(p.user, i.project, browseProjects) {
		return errNoIssue
	}
	return f(i)
}

// wire turns fields by name into fields by id in wire form.
func (s *System) wire(fields map[string]any) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, val := range fields {
		f, ok := s.fieldNamed(name)
		if !ok {
			return nil, errNoSuch("field", name)
		}
		raw, err := json.Marshal(s.shorthand(f, val))
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		out[f.id] = raw
	}
	return out, nil
}

// shorthand expands the short forms that a Person may use.
func (s *System) shorthand(f *field, val any) any {
	if list, ok := val.([]string); ok {
		if _, labels := f.kind.(labelsKind); labels {
			return list
		}
		out := []any{}
		for _, e := range list {
			out = append(out, s.shorthand(f, e))
		}
		return out
	}
	text, ok := val.(string)
	if !ok {
		return val
	}
	switch kind := f.kind.(type) {
	case choiceKind:
		return object{kind.nameK: text}
	case choicesKind:
		return object{kind.one.nameK: text}
	case userKind:
		if text == "" {
			return nil
		}
		if u := s.userByEmail(text); u != nil && s.cloud() {
			return object{"accountId": u.accountID}
		} else if u != nil {
			return object{"name": u.name}
		}
		return object{"accountId": text, "name": text}
	case parentKind:
		if text == "" {
			return nil
		}
		return object{"key": text}
	case typeKind:
		return object{"name": text}
	case projectKind:
		return object{"key": text}
	}
	return val
}

// Create makes an issue; fields must hold project, issuetype and summary.
func (p Person) Create(fields map[string]any) (key string, err error) {
	p.sys.mu.Lock()
	defer p.sys.mu.Unlock()
	wired, err := p.sys.wire(fields)
	if err != nil {
		return "", err
	}
	i, err := p.sys.createIssue(p.user, 2, issueUpdate{Fields: wired})
	if err != nil {
		return "", err
	}
	return i.key, nil
}

// Edit sets fields of an issue; nil clears one.
func (p Person) Edit(idOrKey string, fields map[string]any) error {
	return p.do(idOrKey, func(i *issue) error {
		wired, err := p.sys.wire(fields)
		if err != nil {
			return err
		}
		return p.sys.editIssue(p.user, 2, i, issueUpdate{Fields: wired})
	})
}

// Transition takes an issue to the status of this name in one step, filling in
// the fields of the screen.
func (p Person) Transition(idOrKey, toStatus string, fields map[string]any) error {
	return p.do(idOrKey, func(i *issue) error {
		t, ok := find(p.sys.available(p.user, i), func(t *transition) bool { return strings.EqualFold(t.to.name, toStatus) })
		if !ok {
			return fmt.Errorf("jira sandbox: no transition from %q to %q", i.status.name, toStatus)
		}
		wired, err := p.sys.wire(fields)
		if err != nil {
			return err
		}
		return p.sys.takeTransition(p.user, i, t.id, wired)
	})
}

func (s *System) takeTransition(actor *user, i *issue, id string, fields map[string]json.RawMessage) error {
	var u issueUpdate
	if err := json.Unmarshal(fmt.Appendf(nil, `{"transition":{"id":%q}}`, id), &u); err != nil {
		return err
	}
	u.Fields = fields
	return s.transitionIssue(actor, 2, i, u)
}

// Comment adds a comment of wiki text and returns its id.
func (p Person) Comment(idOrKey, text string) (id string, err error) {
	err = p.do(idOrKey, func(i *issue) error {
		raw, err := json.Marshal(text)
		if err != nil {
			return err
		}
		c, err := p.sys.newComment(2, p.user, commentBody{Body: raw})
		if err != nil {
			return err
		}
		id = idOf(p.sys.addComment(i, p.user, c).id)
		return nil
	})
	return id, err
}

// Attach adds a file to an issue.
func (p Person) Attach(idOrKey, name string, data []byte) (id string, err error) {
	err = p.do(idOrKey, func(i *issue) error {
		a := &attachment{
			id: p.sys.nextID("attachment", 10000), author: p.user, created: p.sys.now(), name: name,
			mimeType: http.DetectContentType(data), data: slices.Clone(data),
		}
		p.sys.addFiles(i, p.user, a)
		id = idOf(a.id)
		return nil
	})
	return id, err
}

// EditComment replaces the text of a comment.
func (p Person) EditComment(idOrKey, id, text string) error {
	return p.withComment(idOrKey, id, func(i *issue, c *comment) error {
		raw, err := json.Marshal(text)
		if err != nil {
			return err
		}
		_, err = p.sys.editComment(i, c, 2, p.user, commentBody{Body: raw})
		return err
	})
}

// DeleteComment removes a comment.
func (p Person) DeleteComment(idOrKey, id string) error {
	return p.withComment(idOrKey, id, func(i *issue, c *comment) error {
		p.sys.dropComment(i, c, p.user)
		return nil
	})
}

func (p Person) withComment(idOrKey, id string, f func(*issue, *comment) error) error {
	return p.do(idOrKey, func(i *issue) error {
		c, ok := find(i.comments, func(c *comment) bool { return idOf(c.id) == id })
		if !ok {
			return errNoSuch("comment", id)
		}
		return f(i, c)
	})
}

// Delete deletes an issue with its sub-tasks.
func (p Person) Delete(idOrKey string) error {
	return p.do(idOrKey, func(i *issue) error {
		p.sys.remove(i, p.user)
		return nil
	})
}

// Archive archives an issue, or brings it back.
func (p Person) Archive(idOrKey string, archived bool) error {
	return p.do(idOrKey, func(i *issue) error {
		p.sys.setArchived(i, p.user, archived)
		return nil
	})
}

// Move moves an issue to another project. The id stays, the key changes, the
// old key goes on finding it; components and versions of the old project go.
func (p Person) Move(idOrKey, projectKey string) (key string, err error) {
	err = p.do(idOrKey, func(i *issue) error {
		to := p.sys.projectBy(projectKey)
		if to == nil {
			return errNoSuch("project", projectKey)
		}
		if !slices.Contains(to.types, i.issueType) {
			return errNoSuch("issue type "+i.issueType.name+" in project", projectKey)
		}
		key = p.sys.move(p.user, i, to)
		return nil
	})
	return key, err
}

func (s *System) move(actor *user, i *issue, to *project) string {
	next := i.clone()
	to.next++
	next.formerKeys = append(next.formerKeys, i.key)
	next.project, next.key = to, fmt.Sprintf("%s-%d", to.key, to.next)
	for _, id := range []string{"components", "fixVersions", "versions"} {
		delete(next.fields, id)
	}
	items := s.diff(i, next)
	if !slices.Contains(to.workflow.statuses, i.status) {
		next.status = to.workflow.initial
		items = append(items, statusItem("status", i.status, next.status))
	}
	from, now := idOf(i.project.id), idOf(to.id)
	items = append(items,
		changeItem{field: "project", fieldID: "project", from: &from, fromString: &i.project.name, to: &now, toString: &to.name},
		changeItem{field: "Key", fieldID: "issuekey", fromString: &i.key, toString: &next.key})
	s.put(next, write{actor: actor, event: eventIssueUpdated, name: "issue_moved", items: items})
	return next.key
}

// Issue is the truth about an issue, for tests: what it holds now, whatever the
// index, permissions or hidden fields show.
type Issue struct {
	ID, Key, Project, Type, Status string
	Fields                         map[string]any // by id, in the words of Words; empty fields are missing
	Labels                         []string
	Properties                     map[string]json.RawMessage
	Comments                       []Comment
	RemoteLinks                    []string // global ids
	Attachments                    []string // file names
	Files                          []File
	Links                          []Link
	Children                       []string // keys
	Created, Updated               time.Time
	Archived                       bool
}

// Comment is the truth about a comment.
type Comment struct {
	ID, AuthorEmail, Text string
}

// File is the truth about an attachment.
type File struct {
	ID, Name, AuthorEmail string
	Data                  []byte
}

// Link is the truth about a remote link.
type Link struct {
	GlobalID, URL, Title string
}

// Issue returns the truth about an issue, and whether there is one.
func (s *System) Issue(idOrKey string) (Issue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.lookup(idOrKey)
	if i == nil {
		return Issue{}, false
	}
	return s.truth(i), true
}

// Issues returns the truth about all issues of a project, by id; of all
// projects if the key is empty.
func (s *System) Issues(projectKey string) []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Issue{}
	for _, id := range slices.Sorted(maps.Keys(s.issues)) {
		if i := s.issues[id]; projectKey == "" || i.project.key == projectKey {
			out = append(out, s.truth(i))
		}
	}
	return out
}

func (s *System) truth(i *issue) Issue {
	out := Issue{
		ID: i.idText(), Key: i.key, Project: i.project.key, Type: i.issueType.name, Status: i.status.name, Fields: map[string]any{},
		Labels: slices.Clone(i.fields["labels"].list), Properties: maps.Clone(i.properties), Created: i.created, Updated: i.updated, Archived: i.archived,
	}
	for id, val := range i.fields {
		out.Fields[id] = s.plain(i, s.field(id), val)
	}
	for _, c := range i.comments {
		out.Comments = append(out.Comments, Comment{ID: idOf(c.id), AuthorEmail: c.author.email, Text: adf.Text(c.body)})
	}
	for _, l := range i.remoteLinks {
		out.RemoteLinks = append(out.RemoteLinks, l.globalID)
		link := Link{GlobalID: l.globalID}
		_ = json.Unmarshal(l.object, &link) // the names differ in case only
		out.Links = append(out.Links, link)
	}
	for _, a := range i.attachments {
		out.Attachments = append(out.Attachments, a.name)
		out.Files = append(out.Files, File{ID: idOf(a.id), Name: a.name, AuthorEmail: a.author.email, Data: slices.Clone(a.data)})
	}
	for _, child := range s.children(i) {
		out.Children = append(out.Children, child.key)
	}
	return out
}

// plain gives a value in plain Go: names of choices, e-mails of users, keys of
// issues, the words of rich text.
func (s *System) plain(i *issue, f *field, val value) any {
	switch kind := f.kind.(type) {
	case numberKind:
		return val.number
	case docKind:
		return adf.Text(val.doc)
	case dateTimeKind:
		return val.time
	case labelsKind:
		return slices.Clone(val.list)
	case userKind:
		return s.userByID(val.text).email
	case choiceKind:
		got, _ := kind.byID(s, i.project, f, val.text)
		return got.name
	case choicesKind:
		var names []string
		for _, id := range val.list {
			got, _ := kind.one.byID(s, i.project, f, id)
			names = append(names, got.name)
		}
		return names
	case parentKind, epicLinkKind:
		_, key := kind.words(s, f, val)
		return key
	}
	return val.text
}
