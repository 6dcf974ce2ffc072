package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/examples"
)

// initOptions are the flags of init.
type initOptions struct {
	crm, tool, template, jiraURL, project, auth string
	list, yes                                   bool
}

// The ways to log in that init knows.
const (
	authToken = "token"
	authOAuth = "oauth"
)

func (c *cli) initCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [DIRECTORY]",
		Short: "Write a first tenon.yaml and a mapping, to edit",
		Long: `Writes a first configuration into DIRECTORY (the working directory unless
given): tenon.yaml, a mapping from a template, .env.example for the secrets, and
.gitignore. On a terminal it asks for what no flag says; elsewhere, and with
--yes, it asks nothing. Files that are there are left alone, so another template
can be added to a configuration later.`,
		Example: `  tenon init sync
  tenon init sync --template deal-to-issue --jira-url https://acme.atlassian.net --project DELIV
  tenon init --list`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.list {
				return c.listTemplates()
			}
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			setup, err := c.setup(o, cmd.Flags().Changed)
			if err != nil {
				return err
			}
			return c.writeSetup(setup, dir)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.crm, "crm", "hubspot", "the CRM: hubspot")
	f.StringVar(&o.tool, "tool", "jira", "the project tool: jira")
	f.StringVar(&o.template, "template", examples.Templates()[0].Name, "the first mapping; --list shows them")
	f.StringVar(&o.jiraURL, "jira-url", "", "the `URL` of the Jira site; from the variable JIRA_URL without it")
	f.StringVar(&o.project, "project", "", "the `key` of the Jira project")
	f.StringVar(&o.auth, "auth", authToken, "how to log in: token, or oauth for apps that a person consents to")
	f.BoolVar(&o.list, "list", false, "list the templates")
	f.BoolVarP(&o.yes, "yes", "y", false, "ask nothing")
	return cmd
}

func (c *cli) listTemplates() error {
	if c.json() {
		type row struct {
			Name  string `json:"name"`
			CRM   string `json:"crm"`
			Tool  string `json:"tool"`
			Title string `json:"title"`
		}
		rows := []row{}
		for _, t := range examples.Templates() {
			rows = append(rows, row{t.Name, t.CRM, t.Tool, t.Title})
		}
		return c.printJSON(rows)
	}
	t := newTable(c.stdout, "TEMPLATE", "CRM", "TOOL", "")
	for _, e := range examples.Templates() {
		t.row(e.Name, e.CRM, e.Tool, e.Title)
	}
	return t.flush()
}

// projectKey is the form of a Jira project's key.
var projectKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,254}$`)

// setup takes the flags, and asks for what they do not say.
func (c *cli) setup(o initOptions, given func(flag string) bool) (examples.Setup, error) {
	ask := c.asker(o.yes)
	var names, titles []string
	for _, t := range examples.Templates() {
		names, titles = append(names, t.Name), append(titles, t.Title)
	}
	if !ask.alone() {
		if !given("template") {
			o.template = names[ask.choose("Which mapping to begin with?", names, titles, 0)]
		}
		if !given("auth") {
			words := []string{"of a private app in HubSpot and an account of Jira: the quickest way", "of OAuth apps, by consent in the browser"}
			o.auth = []string{authToken, authOAuth}[ask.choose("How to log in?", []string{authToken, authOAuth}, words, 0)]
		}
		if !given("jira-url") {
			o.jiraURL = ask.line("Address of the Jira site, such as https://acme.atlassian.net (empty: later, in JIRA_URL)", "")
		}
		if !given("project") {
			o.project = strings.ToUpper(ask.line("Key of the Jira project", "DELIV"))
		}
	}
	switch {
	case o.crm != "hubspot":
		return examples.Setup{}, fail(exitUsage, "write --crm hubspot", "there are no templates for the CRM %q yet", o.crm)
	case o.tool != "jira":
		return examples.Setup{}, fail(exitUsage, "write --tool jira", "there are no templates for the project tool %q yet", o.tool)
	case o.auth != authToken && o.auth != authOAuth:
		return examples.Setup{}, fail(exitUsage, "write --auth token or --auth oauth", "there is no way to log in %q", o.auth)
	case o.project != "" && !projectKey.MatchString(o.project):
		return examples.Setup{}, fail(exitUsage, "it stands before the number of each issue: DELIV in DELIV-12", "%q is not the key of a Jira project", o.project)
	}
	template, ok := examples.Find(o.template)
	if !ok {
		return examples.Setup{}, fail(exitUsage, "templates are "+strings.Join(names, ", "), "there is no template %q", o.template)
	}
	address := strings.TrimRight(strings.TrimSpace(o.jiraURL), "/")
	if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.ContainsAny(address, " \t\r\n#{}'\"")) {
		return examples.Setup{}, fail(exitUsage, "write it as https://acme.atlassian.net", "%q is not the address of a Jira site", oneLine(o.jiraURL))
	}
	return examples.Setup{Template: template, JiraURL: address, Project: o.project, OAuth: o.auth == authOAuth}, nil
}

func (c *cli) writeSetup(setup examples.Setup, dir string) error {
	files, err := setup.Files()
	if err != nil {
		return err
	}
	written, kept, err := examples.WriteFiles(files, dir)
	if err != nil {
		return fail(exitUsage, "name a directory that can be written", "%w", err)
	}
	if len(written) == 0 {
		return fail(exitFound, "name another directory, or another template with --template", "%s holds these files already", dir)
	}
	next := nextSteps(dir)
	if c.json() {
		return c.printJSON(map[string][]string{"written": written, "kept": append([]string{}, kept...), "next": next})
	}
	for _, path := range written {
		fmt.Fprintf(c.stdout, "wrote %s\n", path)
	}
	for _, path := range kept {
		fmt.Fprintf(c.stdout, "kept  %s\n", path)
	}
	fmt.Fprintln(c.stdout, "\nnext:")
	for i, step := range next {
		fmt.Fprintf(c.stdout, "  %d. %s\n", i+1, step)
	}
	return nil
}

// nextSteps are what a newcomer does with a first configuration.
func nextSteps(dir string) []string {
	var steps []string
	if filepath.Clean(dir) != "." {
		steps = append(steps, "cd "+dir)
	}
	if _, err := os.Stat(filepath.Join(dir, ".env")); err != nil {
		steps = append(steps, "cp .env.example .env && chmod 600 .env, and fill it in")
	}
	return append(steps,
		"tenon connect hubspot    logs in, and says and creates what is missing there",
		"tenon connect jira",
		"tenon validate           checks the mapping against both systems",
		"tenon plan               shows what would be done; nothing is written",
		"tenon serve              keeps both in step",
	)
}
