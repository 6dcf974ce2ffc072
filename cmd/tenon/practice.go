package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/examples"
)

// practiceTenon is where a service listens whose configuration does not say.
const practiceTenon = "http://127.0.0.1:8484"

// practice writes a first configuration for the emulated systems into dir, as
// `tenon init` does for real accounts, with its secrets.
func (c *cli) practice(e *emulated, dir, template, auth string) error {
	t, ok := examples.Find(template)
	if !ok {
		return fail(exitUsage, "`tenon init --list` shows the templates", "there is no template %q", template)
	}
	if auth != authToken && auth != authOAuth {
		return fail(exitUsage, "write --auth token or --auth oauth", "there is no way to log in %q", auth)
	}
	list, err := examples.Setup{Template: t, OAuth: auth == authOAuth}.Files()
	if err != nil {
		return err
	}
	for i, f := range list {
		if f.Path == "tenon.yaml" {
			list[i].Text = []byte(e.addressed(string(f.Text), auth == authOAuth))
		}
	}
	list = slices.DeleteFunc(list, func(f examples.File) bool { return f.Path == ".env.example" })
	written, kept, err := examples.WriteFiles(list, dir)
	if err != nil {
		return fail(exitUsage, "name a directory that can be written", "%w", err)
	}
	secrets := "# The credentials of the emulated systems. They are public: never put real ones here.\n" + e.credentials(list)
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
  2. %s what is missing there is made
  3. tenon plan               shows what would be done; nothing is written
  4. tenon serve              keeps both in step; then edit on both pages
`, dir, fmt.Sprintf("%-25s", "tenon connect "+t.CRM)+"and "+t.Tool+":")
	return nil
}

// addressed puts the emulated systems' addresses into a tenon.yaml.
func (e *emulated) addressed(text string, oauth bool) string {
	for _, b := range e.boxes {
		address := "${" + strings.ToUpper(b.Name) + "_URL}"
		if strings.Contains(text, address) {
			text = regexp.MustCompile(regexp.QuoteMeta(address)+` *(#.*)?`).ReplaceAllLiteralString(text, b.URL())
		} else {
			text = strings.Replace(text, "    kind: "+b.Name+"\n", "    kind: "+b.Name+"\n    base_url: "+b.URL()+"\n", 1)
		}
		if !oauth {
			continue
		}
		switch b.Name {
		case "hubspot":
			text = strings.Replace(text, "    base_url: "+b.URL()+"\n", "    base_url: "+b.URL()+"\n    authorize_url: "+b.URL()+"/oauth/authorize\n", 1)
		case "jira":
			text = strings.Replace(text, "    grant: consent\n", "    grant: consent\n    gateway_url: "+b.URL()+"\n    authorize_url: "+b.URL()+"/authorize\n    token_url: "+b.URL()+"/oauth/token\n", 1)
		}
	}
	return text
}

// credentials are the lines of .env: what the tenon.yaml among the files names.
func (e *emulated) credentials(list []examples.File) string {
	var b strings.Builder
	for _, f := range list {
		if f.Path != "tenon.yaml" {
			continue
		}
		for _, box := range e.boxes {
			for _, g := range box.Given() {
				if strings.Contains(string(f.Text), "${"+g.Variable+"}") {
					fmt.Fprintf(&b, "%s=%s\n", g.Variable, g.Value)
				}
			}
		}
	}
	return b.String()
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
