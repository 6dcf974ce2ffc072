// Package examples holds complete configurations that the tests run and that
// `tenon init` and `tenon demo` hand out.
package examples

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

//go:embed hubspot-jira hubspot-trello hubspot-github salesforce-jira salesforce-asana salesforce-many ticket-to-issue deal-to-issue
var files embed.FS

// Template is a mapping to begin with, in a configuration of its own.
type Template struct {
	Name  string // "deal-to-issue"
	Title string // what it does, in one sentence
	CRM   string // kinds of connectors
	Tool  string
	Place Place // where its records are made
	dir   string
}

// Place is the part of a scope that an admin changes first: a project, a board.
type Place struct{ Key, Value string }

// Templates lists the templates, the default first.
func Templates() []Template {
	jira := Place{"project", "DELIV"}
	return []Template{
		{"deal-to-issue", "A won deal becomes one issue. Only fields that both systems have from the start.", "hubspot", "jira", jira, "deal-to-issue"},
		{"ticket-to-issue", "A ticket that waits for us becomes an issue; both ways, with comments. Only fields that both systems have from the start.", "hubspot", "jira", jira, "ticket-to-issue"},
		{"deal-to-epic", "A won deal becomes an epic with its tasks; with a button, notes and the project's state in the deal. Needs some fields of its own.", "hubspot", "jira", jira, "hubspot-jira"},
		{"deal-to-card", "A won deal becomes a card of a Trello board with a checklist; with a button, notes and the card's list in the deal.", "hubspot", "trello", Place{"board", "Client delivery"}, "hubspot-trello"},
		{"deal-to-github-issue", "A won deal becomes an issue of a GitHub repository; with a button, notes and the issue's state in the deal.", "hubspot", "github", Place{"repo", "harbourworks/delivery"}, "hubspot-github"},
		{"opportunity-to-epic", "A won opportunity becomes an epic with its tasks; with a button, notes and the project's state in the opportunity.", "salesforce", "jira", jira, "salesforce-jira"},
		{"opportunity-to-task", "A won opportunity becomes a task of an Asana project with its sub-tasks; with a button, notes and the project's state in the opportunity.", "salesforce", "asana", Place{"project", "Client delivery"}, "salesforce-asana"},
	}
}

// Find returns the template with that name.
func Find(name string) (Template, bool) {
	all := Templates()
	i := slices.IndexFunc(all, func(t Template) bool { return t.Name == name })
	if i < 0 {
		return Template{}, false
	}
	return all[i], true
}

// FS is the template's folder: tenon.yaml and mappings/.
func (t Template) FS() fs.FS {
	sub, err := fs.Sub(files, t.dir)
	if err != nil { // the path is a constant
		panic(err)
	}
	return sub
}

// FS is the example's folder: tenon.yaml and mappings/.
func (e Example) FS() fs.FS { return Template{dir: e.Name}.FS() }

// HubSpotJira is a configuration for deals of HubSpot and epics of Jira:
// tenon.yaml and mappings/.
func HubSpotJira() fs.FS { return Template{dir: "hubspot-jira"}.FS() }

// File is one file to write. Path is relative, with slashes.
type File struct {
	Path string
	Text []byte
}

// Files returns an example's files in order, without what only explains it.
func Files(example fs.FS) ([]File, error) {
	var list []File
	err := fs.WalkDir(example, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".md" {
			return err
		}
		text, err := fs.ReadFile(example, name)
		list = append(list, File{name, text})
		return err
	})
	return list, err
}

// Write copies an example into dir, and returns the paths of the files written.
// Files that are there already are left as they are.
func Write(example fs.FS, dir string) (written []string, err error) {
	list, err := Files(example)
	if err != nil {
		return nil, err
	}
	written, _, err = WriteFiles(list, dir)
	return written, err
}

// WriteFiles writes files into dir, and returns the paths of those written and
// of those that were there already, which are left as they are. After an error
// none of them is left behind.
func WriteFiles(list []File, dir string) (written, kept []string, err error) {
	defer func() {
		if err != nil {
			for _, name := range written {
				_ = os.Remove(name) // the error says what is wrong
			}
			written = nil
		}
	}()
	for _, f := range list {
		target := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return written, kept, err
		}
		out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			kept = append(kept, target)
			continue
		}
		if err != nil {
			return written, kept, err
		}
		written = append(written, target)
		_, err = out.Write(f.Text)
		if err = errors.Join(err, out.Close()); err != nil {
			return written, kept, err
		}
	}
	return written, kept, nil
}
