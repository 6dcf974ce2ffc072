package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// group is a heading in the help with its commands, in the order of use.
type group struct {
	id, title string
	commands  []string
}

// groups are all commands, sorted by what a person wants.
var groups = []group{
	{"try", "Try it, without any account:", []string{"demo", "sandbox"}},
	{"setup", "Set it up:", []string{"init", "connect", "fields", "validate", "test", "schema", "hooks", "prepare"}},
	{"sync", "Bring and keep in step:", []string{"plan", "apply", "link", "unlink", "sync", "serve", "reload"}},
	{"look", "See how it stands, and why:", []string{"status", "explain", "history", "links", "queue", "conflicts"}},
	{"act", "Act:", []string{"undo", "replay", "pause", "resume"}},
	{"keep", "Keep it safe:", []string{"backup", "restore", "check", "verify", "token", "healthcheck", "version"}},
}

// sortCommands puts the commands under their headings.
func sortCommands(root *cobra.Command) {
	for _, g := range groups {
		for _, cmd := range root.Commands() {
			if slices.Contains(g.commands, cmd.Name()) {
				cmd.GroupID = g.id
			}
		}
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
	}
}
