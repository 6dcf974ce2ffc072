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
func (c *cli) practice(e *emulated, dir, template, auth string) error {
	t, ok := examples.Find(template)
	if !ok {
		return fail(exitUsage, "`tenon init --list` shows the templates", "there is no template %q", template)
	}
	if auth != authToken && auth != authOAuth {
		return fail(exitUsage, "write --auth token or --auth oauth", "there is no way to log in %q", auth)
	}
	list, err := examples.Setup{Template: t, JiraURL: e.jira.URL(), Project: "DELIV", OAuth: auth == authOAuth}.Files()
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
	secrets := "# The credentials of the emulated systems. They are public: never put real ones here.\n" + e.credentials(auth == authOAuth)
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

// addressed puts the emulated systems' addresses into a tenon.yaml.
func (e *emulated) addressed(text string, oauth bool) string {
	crm := "    base_url: " + e.hubspot.URL() + "\n"
	if oauth {
		crm += "    authorize_url: " + e.hubspot.URL() + "/oauth/authorize\n"
		site := e.jira.URL()
		text = strings.Replace(text, "    grant: consent\n", "    grant: consent\n    gateway_url: "+site+"\n    authorize_url: "+site+"/authorize\n    token_url: "+site+"/oauth/token\n", 1)
	}
	return strings.Replace(text, "    kind: hubspot\n", "    kind: hubspot\n"+crm, 1)
}

// credentials are the lines of .env.
func (e *emulated) credentials(oauth bool) string {
	r := e.ready()
	if oauth {
		return fmt.Sprintf("HUBSPOT_CLIENT_ID=%s\nHUBSPOT_CLIENT_SECRET=%s\nJIRA_CLIENT_ID=%s\nJIRA_CLIENT_SECRET=%s\n",
			r.HubSpot.ClientID, r.HubSpot.ClientSecret, r.Jira.ClientID, r.Jira.ClientSecret)
	}
	return fmt.Sprintf("HUBSPOT_TOKEN=%s\nHUBSPOT_CLIENT_SECRET=%s\nJIRA_EMAIL=%s\nJIRA_TOKEN=%s\nJIRA_WEBHOOK_SECRET=%s\n",
		r.HubSpot.Token, r.HubSpot.ClientSecret, r.Jira.Email, r.Jira.Token, r.Jira.WebhookSecret)
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
