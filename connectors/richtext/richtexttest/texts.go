// Package richtexttest holds rich texts as people bring them into records, for the
// tests of every conversion.
package richtexttest

import (
	_ "embed"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed texts.txtar
var archive []byte

// Text is one text in the form of the system where it was written.
type Text struct {
	Name string
	Form string   // "html", "md", "adf" (Atlassian's documents) or "asana"
	Text string   // without a line break at its end
	Keep []string // what every system must still show after it has travelled
}

// Corpus returns all of them.
func Corpus() []Text {
	var list []Text
	keep := map[string][]string{}
	parsed := txtar.Parse(archive)
	for _, f := range parsed.Files {
		name, form := strings.TrimSuffix(f.Name, path.Ext(f.Name)), strings.TrimPrefix(path.Ext(f.Name), ".")
		text := strings.TrimSuffix(string(f.Data), "\n")
		if form == "keep" {
			keep[name] = strings.Split(text, "\n")
			continue
		}
		list = append(list, Text{Name: name, Form: form, Text: text})
	}
	for i := range list {
		list[i].Keep = keep[list[i].Name]
	}
	return list
}
