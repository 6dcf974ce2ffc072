package asana

import (
	"encoding/json"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/richtext"
)

// parseTime reads Asana's form of a point in time; zero for others.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// taskRecord makes a record of a task.
func (c *Connection) taskRecord(w *wireTask, object string, fields []string, scope *scopeRef) *connectors.Record {
	r := &connectors.Record{
		Ref: connectors.Ref{Connection: c.name, Object: object, ID: w.GID}, Version: versionOf(w), Modified: parseTime(w.ModifiedAt), Created: parseTime(w.CreatedAt),
		URL: w.Link, Title: w.Name.v, Parent: w.Parent.v.GID,
	}
	r.InScope = inScope(w, object, scope)
	r.Grow(len(fields))
	for _, name := range fields {
		if v, ok := w.builtIn(object, name, scope); ok {
			r.Set(name, v)
		} else if v, ok := w.custom(name); ok {
			r.Set(name, v)
		}
	}
	return r
}

// inScope reports whether a task is one of the mapping's: for tasks, in the
// project; for subtasks, below one that is.
func inScope(w *wireTask, object string, scope *scopeRef) bool {
	if object == objectTask {
		return scope.has(w.Memberships)
	}
	if !w.Parent.there || w.Parent.null || w.Parent.v.GID == "" {
		return false
	}
	for up := &w.Parent.v; up != nil; up = up.Parent {
		if scope.has(up.Memberships) {
			return true
		}
	}
	return false
}

// versionOf changes with every change of a task that Tenon can see: modified_at
// leaves moves out, so places count besides.
func versionOf(w *wireTask) string {
	if w.ModifiedAt == "" {
		return ""
	}
	h := fnv.New32a()
	for _, m := range w.Memberships {
		_, _ = h.Write([]byte(m.Project.GID + "/"))
		if m.Section != nil {
			_, _ = h.Write([]byte(m.Section.GID))
		}
	}
	_, _ = h.Write([]byte("^" + w.Parent.v.GID))
	return w.ModifiedAt + "." + strconv.FormatUint(uint64(h.Sum32()), 36)
}

// builtIn converts a field that every task has; ok is false where the answer
// does not tell it.
func (w *wireTask) builtIn(object, name string, scope *scopeRef) (v connectors.Value, ok bool) {
	switch name {
	case "name":
		return text(w.Name), w.Name.there
	case "notes":
		return richValue(w.HTMLNotes, richtext.AsanaNotes), w.HTMLNotes.there
	case "completed":
		return connectors.Bool(w.Completed.v), w.Completed.there && !w.Completed.null
	case "completed_at":
		return instantValue(w.CompletedAt), w.CompletedAt.there
	case "due_on":
		return dateValue(w.DueOn), w.DueOn.there
	case "due_at":
		return instantValue(w.DueAt), w.DueAt.there
	case "start_on":
		return dateValue(w.StartOn), w.StartOn.there
	case "assignee":
		return personValue(w.Assignee), w.Assignee.there
	case "created_by":
		return personValue(w.CreatedBy), w.CreatedBy.there
	case "completed_by":
		return personValue(w.CompletedBy), w.CompletedBy.there
	case "section":
		if s := scope.place(w.Memberships); s != nil && object == objectTask {
			return connectors.Choice(connectors.Option{ID: s.GID, Label: s.Name}), true
		}
		return connectors.Null, false
	case "tags":
		return labels(w.Tags.v), w.Tags.there
	case "followers":
		return options(w.Followers.v), w.Followers.there
	case "projects":
		var list []wireNamed
		for _, m := range w.Memberships {
			list = append(list, m.Project)
		}
		return options(list), w.Memberships != nil
	case "parent":
		if w.Parent.v.GID == "" {
			return connectors.Null, w.Parent.there
		}
		return connectors.Reference(objectTask, w.Parent.v.GID, w.Parent.v.Name), true
	case "resource_subtype":
		return plainChoice(w.Subtype, "resource_subtype"), w.Subtype.there
	case "approval_status":
		return plainChoice(w.Approval, "approval_status"), w.Approval.there
	case "created_at":
		return connectors.Instant(parseTime(w.CreatedAt)), w.CreatedAt != ""
	case "modified_at":
		return connectors.Instant(parseTime(w.ModifiedAt)), w.ModifiedAt != ""
	case "num_subtasks":
		n, err := connectors.ParseNumber(w.Subtasks.v.String())
		return n, err == nil && w.Subtasks.there
	case "permalink_url":
		return connectors.Text(w.Link), w.Link != ""
	}
	return connectors.Null, false
}

// custom converts the value of a custom field. Its member tells the type.
func (w *wireTask) custom(gid string) (connectors.Value, bool) {
	for i := range w.Fields {
		if x := &w.Fields[i]; x.GID == gid {
			return x.value()
		}
	}
	return connectors.Null, false
}

func (x *wireValue) value() (connectors.Value, bool) {
	switch {
	case x.Text.there:
		return text(x.Text), true
	case x.Number.there:
		return numberValue(x.Number)
	case x.Enum.there:
		if x.Enum.null || x.Enum.v.GID == "" {
			return connectors.Null, true
		}
		return connectors.Choice(connectors.Option{ID: x.Enum.v.GID, Label: x.Enum.v.Name}), true
	case x.Multi.there:
		return options(x.Multi.v), true
	case x.Date.there:
		if x.Date.null {
			return connectors.Null, true
		}
		d, err := connectors.ParseDate(x.Date.v.Date)
		return d, err == nil
	case x.People.there:
		return options(x.People.v), true
	case x.Display.there:
		return text(x.Display), true
	}
	return connectors.Null, false
}

func text(t told[string]) connectors.Value {
	if t.v == "" {
		return connectors.Null
	}
	return connectors.Text(t.v)
}

func numberValue(n told[json.Number]) (connectors.Value, bool) {
	if n.null || n.v == "" {
		return connectors.Null, true
	}
	v, err := connectors.ParseNumber(n.v.String())
	return v, err == nil
}

func dateValue(t told[string]) connectors.Value {
	if v, err := connectors.ParseDate(t.v); err == nil {
		return v
	}
	return connectors.Null
}

func instantValue(t told[string]) connectors.Value {
	if at := parseTime(t.v); !at.IsZero() {
		return connectors.Instant(at)
	}
	return connectors.Null
}

func personValue(p told[wireNamed]) connectors.Value {
	return connectors.PersonValue(connectors.Person{ID: p.v.GID, Email: strings.ToLower(p.v.Email), Name: p.v.Name})
}

func options(list []wireNamed) connectors.Value {
	out := make([]connectors.Option, 0, len(list))
	for _, n := range list {
		if n.GID != "" {
			out = append(out, connectors.Option{ID: n.GID, Label: n.Name})
		}
	}
	return connectors.Choices(out...)
}

// labels are tags by their names: people know no others.
func labels(list []wireNamed) connectors.Value {
	out := make([]string, 0, len(list))
	for _, n := range list {
		if n.Name != "" {
			out = append(out, n.Name)
		}
	}
	return connectors.Labels(out...)
}

func plainChoice(t told[string], name string) connectors.Value {
	if t.v == "" {
		return connectors.Null
	}
	for _, list := range [][]field{taskFields, projectFields} {
		for i := range list {
			if list[i].name != name {
				continue
			}
			for _, o := range list[i].options {
				if o.ID == t.v {
					return connectors.Choice(o)
				}
			}
		}
	}
	return connectors.Choice(connectors.Option{ID: t.v, Label: t.v})
}

// The marker is a line at the end of a description or a comment that keeps the
// key of what Tenon made. Its address leads nowhere.
const (
	markerBase = "https://key.tenon.invalid/"
	markerText = "made by Tenon"
)

var marker = regexp.MustCompile(`\n*<a [^>]*?href="https://key\.tenon\.invalid/([a-z0-9-]{1,64})"[^>]*?>[^<]*</a>`)

// unmark takes the marker out of a rich text and returns its key, "" without one.
func unmark(html string) (rest, key string) {
	if !strings.Contains(html, markerBase) {
		return html, ""
	}
	if m := marker.FindStringSubmatch(html); m != nil {
		key = m[1]
	}
	return marker.ReplaceAllString(html, ""), key
}

// mark puts a marker at the end of a rich text.
func mark(html, key string) string {
	if key == "" {
		return html
	}
	if html == "" {
		html = emptyBody
	}
	line := `<a href="` + markerBase + key + `">` + markerText + `</a></body>`
	body := strings.TrimSuffix(html, "</body>")
	if body != "<body>" {
		line = "\n" + line
	}
	return body + line
}

// emptyBody is a rich text without text.
const emptyBody = "<body></body>"

func richValue(t told[string], dialect richtext.Dialect) connectors.Value {
	html, _ := unmark(t.v)
	if md := dialect.From(html); md != "" {
		return connectors.RichText(md)
	}
	return connectors.Null
}

// richHTML writes CommonMark as Asana takes it.
func richHTML(markdown string, dialect richtext.Dialect) string {
	if html := dialect.To(markdown); html != "" {
		return html
	}
	return emptyBody
}

// projectRecord makes a record of a project.
func (c *Connection) projectRecord(w *wireProject, fields []string, scope *scopeRef) *connectors.Record {
	r := &connectors.Record{
		Ref: connectors.Ref{Connection: c.name, Object: objectProject, ID: w.GID}, Version: w.ModifiedAt, Modified: parseTime(w.ModifiedAt), Created: parseTime(w.CreatedAt),
		URL: w.Link, Title: bareName(w.Name.v), InScope: scope.team == "" || w.Team.v.GID == scope.team,
	}
	if w.Archived.v {
		r.State = connectors.Archived
	}
	for _, name := range fields {
		if v, ok := w.field(name); ok {
			r.Set(name, v)
		}
	}
	return r
}

func (w *wireProject) field(name string) (connectors.Value, bool) {
	switch name {
	case "name":
		n := w.Name
		n.v = bareName(n.v)
		return text(n), n.there
	case "notes":
		return richValue(w.HTMLNotes, richtext.AsanaText), w.HTMLNotes.there
	case "archived":
		return connectors.Bool(w.Archived.v), w.Archived.there
	case "completed":
		return connectors.Bool(w.Completed.v), w.Completed.there
	case "due_on":
		return dateValue(w.DueOn), w.DueOn.there
	case "start_on":
		return dateValue(w.StartOn), w.StartOn.there
	case "owner":
		return personValue(w.Owner), w.Owner.there
	case "team":
		if w.Team.v.GID == "" {
			return connectors.Null, w.Team.there
		}
		return connectors.Choice(connectors.Option{ID: w.Team.v.GID, Label: w.Team.v.Name}), true
	case "color":
		return text(w.Color), w.Color.there
	case "privacy_setting":
		return plainChoice(w.Privacy, name), w.Privacy.there
	case "created_at":
		return connectors.Instant(parseTime(w.CreatedAt)), w.CreatedAt != ""
	case "modified_at":
		return connectors.Instant(parseTime(w.ModifiedAt)), w.ModifiedAt != ""
	case "permalink_url":
		return connectors.Text(w.Link), w.Link != ""
	}
	return connectors.Null, false
}

// nameKey is the end of the name of a project that a template is being made
// into: the one place for a key that a job takes.
var nameKey = regexp.MustCompile(` \[tenon:([a-z0-9-]{1,64})\]$`)

func bareName(name string) string { return nameKey.ReplaceAllString(name, "") }

func keyInName(name string) string {
	if m := nameKey.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}
