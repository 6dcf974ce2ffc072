package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/examples"
)

// Addresses of a sandbox that a configuration is written for: they stay the
// same from start to start.
const (
	practiceHubSpot = "127.0.0.1:8481"
	practiceJira    = "127.0.0.1:8482"
	practiceTenon   = "http://127.0.0.1:8484" // server.listen unless it is set
)

// practice writes a first configuration for the emulated systems into dir, as
// `tenon init` does for real accounts, with its secrets.
func (c *cli) practice(e *emulated, dir, template string) error {
	t, ok := examples.Find(template)
	if !ok {
		return fail(exitUsage, "`tenon init --list` shows the templates", "there is no template %q", template)
	}
	list, err := examples.Setup{Template: t, JiraURL: e.jira.URL(), Project: "DELIV"}.Files()
	if err != nil {
		return err
	}
	for i, f := range list {
		if f.Path == "tenon.yaml" {
			list[i].Text = []byte(strings.Replace(string(f.Text), "    kind: hubspot\n", "    kind: hubspot\n    base_url: "+e.hubspot.URL()+"\n", 1))
		}
	}
	list = slices.DeleteFunc(list, func(f examples.File) bool { return f.Path == ".env.example" })
	written, kept, err := examples.WriteFiles(list, dir)
	if err != nil {
		return fail(exitUsage, "name a directory that can be written", "%w", err)
	}
	r := e.ready()
	secrets := fmt.Sprintf("# The credentials of the emulated systems. They are public: never put real ones here.\nHUBSPOT_TOKEN=%s\nHUBSPOT_CLIENT_SECRET=%s\nJIRA_EMAIL=%s\nJIRA_TOKEN=%s\nJIRA_WEBHOOK_SECRET=%s\n",
		r.HubSpot.Token, r.HubSpot.ClientSecret, r.Jira.Email, r.Jira.Token, r.Jira.WebhookSecret)
	path := filepath.Join(dir, ".env")
	switch err := writeNew(path, secrets); {
	case errors.Is(err, fs.ErrExist):
		kept = append(kept, path)
	case err != nil:
		return fail(exitUsage, "name a directory that can be written", "%w", err)
	default:
		written = append(written, path)
	}
	for _, path := range written {
		fmt.Fprintf(c.stderr, "wrote %s\n", path)
	}
	for _, path := range kept {
		fmt.Fprintf(c.stderr, "kept  %s\n", path)
	}
	if _, err := os.Stat(filepath.Join(dir, "tenon.db")); err == nil {
		fmt.Fprintf(c.stderr, "the emulated systems begin anew: remove %s, which knows those before\n", filepath.Join(dir, "tenon.db"))
	}
	fmt.Fprintf(c.stderr, `
next, in another terminal:
  1. cd %s
  2. tenon connect hubspot    and jira: what is missing there is made
  3. tenon plan               shows what would be done; nothing is written
  4. tenon serve              keeps both in step; then edit on both pages
`, dir)
	return nil
}

// writeNew writes a file that only its owner may read, and none that is there.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
