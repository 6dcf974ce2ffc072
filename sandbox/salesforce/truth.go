package salesforce

import (
	"encoding/base64"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Record is the truth about one record, whatever rights or open transactions
// hide.
type Record struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Fields   map[string]string `json:"fields"` // those with a value, as texts
	Created  time.Time         `json:"created"`
	Modified time.Time         `json:"modified"` // SystemModstamp
	Deleted  bool              `json:"deleted"`
	Comments []Comment         `json:"comments,omitempty"` // oldest first
}

// A Comment is a post in a record's feed, or a task about it.
type Comment struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"` // FeedItem or Task
	Author string `json:"author"`
	Text   string `json:"text"` // without markup
}

// Get returns the truth about a record of an object, deleted or not. The id may
// have 15 or 18 characters.
func (s *System) Get(object, id string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	r, err := s.lookUp(id)
	if err != nil {
		return Record{}, err
	}
	if o := s.object(object); o != nil && o.records[r.id] != nil {
		r = o.records[r.id]
	}
	return s.truth(r), nil
}

// All returns the truth about all records of an object that are not deleted, in
// the order in which they were made. It is nil for unknown objects.
func (s *System) All(object string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	o := s.object(object)
	if o == nil {
		return nil
	}
	out := []Record{}
	for _, r := range s.rows(o, false, false) {
		out = append(out, s.truth(r))
	}
	return out
}

func (s *System) truth(r *record) Record {
	out := Record{ID: r.id, Object: r.object.name, Fields: map[string]string{}, Created: r.at("CreatedDate"), Modified: r.at("SystemModstamp"), Deleted: r.deleted()}
	for _, f := range r.object.fields {
		if v := s.valueOf(r, f); v != nil && f.kind != "address" {
			if n, ok := v.(number); ok {
				out.Fields[f.name] = string(n)
				continue
			}
			out.Fields[f.name] = f.csv(v)
		}
	}
	for _, c := range s.comments(r) {
		out.Comments = append(out.Comments, c.Comment)
	}
	return out
}

type noted struct {
	Comment
	at time.Time
}

// comments are the posts and tasks about a record, oldest first.
func (s *System) comments(r *record) []noted {
	var out []noted
	for _, item := range s.rows(s.object("FeedItem"), false, false) {
		if item.text("ParentId") == r.id {
			text := item.text("Body")
			if item.flag("IsRichText") {
				text = plainText(text)
			}
			out = append(out, noted{Comment{item.id, "FeedItem", s.nameOf(item.text("CreatedById")), text}, item.at("CreatedDate")})
		}
	}
	for _, task := range s.rows(s.object("Task"), false, false) {
		if task.text("WhatId") == r.id {
			text := task.text("Subject")
			if d := task.text("Description"); d != "" {
				text += "\n" + d
			}
			out = append(out, noted{Comment{task.id, "Task", s.nameOf(task.text("CreatedById")), text}, task.at("CreatedDate")})
		}
	}
	slices.SortStableFunc(out, func(a, b noted) int { return a.at.Compare(b.at) })
	return out
}

func (s *System) nameOf(user string) string {
	if u := s.find(user); u != nil {
		return u.text("Name")
	}
	return ""
}

var (
	tagShape   = regexp.MustCompile(`<[^>]*>`)
	blockShape = regexp.MustCompile(`(?i)</(p|li|ul|ol|h[1-6]|div|blockquote)>|<br\s*/?>`)
)

// plainText is HTML without its markup.
func plainText(body string) string {
	body = blockShape.ReplaceAllString(body, "\n")
	return strings.TrimSpace(html.UnescapeString(tagShape.ReplaceAllString(body, "")))
}

// A File is a file of a record, in its latest version.
type File struct {
	Document string `json:"document"` // id of the ContentDocument
	Version  string `json:"version"`  // id of the ContentVersion
	Title    string `json:"title"`
	Name     string `json:"name"` // PathOnClient
	Link     string `json:"link,omitempty"`
	Content  []byte `json:"content,omitempty"` // empty for links
}

// Files returns the files that are linked to a record, the oldest first.
func (s *System) Files(id string) ([]File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	r, err := s.lookUp(id)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, l := range s.rows(s.object("ContentDocumentLink"), false, false) {
		doc := s.find(l.text("ContentDocumentId"))
		if l.text("LinkedEntityId") != r.id || doc == nil || doc.deleted() {
			continue
		}
		f := File{Document: doc.id, Version: doc.text("LatestPublishedVersionId"), Title: doc.text("Title")}
		if v := s.find(f.Version); v != nil {
			f.Name, f.Link = v.text("PathOnClient"), v.text("ContentUrl")
			if f.Content, err = base64.StdEncoding.DecodeString(v.text("VersionData")); err != nil {
				return nil, err
			}
		}
		out = append(out, f)
	}
	return out, nil
}
