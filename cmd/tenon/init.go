package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/examples"
)

// initOptions are the flags of init.
type initOptions struct {
	crm, tool, template, project, auth string
	addresses                          map[string]*string // by kind
	list, yes                          bool
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
  tenon init sync --crm hubspot --tool jira --jira-url https://acme.atlassian.net --project DELIV
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
	f, first := cmd.Flags(), examples.Templates()[0]
	f.StringVar(&o.crm, "crm", "", "the CRM, such as "+first.CRM+": the first template for it, where --template names none")
	f.StringVar(&o.tool, "tool", "", "the project tool, such as "+first.Tool+", likewise")
	f.StringVar(&o.template, "template", first.Name, "the first mapping; --list shows them")
	o.addresses = map[string]*string{
		"jira":       f.String("jira-url", "", "the `URL` of the Jira site; from the variable JIRA_URL without it"),
		"salesforce": f.String("salesforce-url", "", "the `URL` of your My Domain; from the variable SALESFORCE_URL without it"),
	}
	f.StringVar(&o.project, "project", "", "the `place` of the records: a Jira project's key, an Asana project, a Trello board, owner/name of a GitHub repository")
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

// places are the forms that the place of a tool's records has.
var places = map[string]struct {
	form       *regexp.Regexp
	what, hint string
}{
	"jira":   {regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,254}$`), "the key of a Jira project", "it stands before the number of each issue: DELIV in DELIV-12"},
	"asana":  {regexp.MustCompile(`^[^\pC]{1,200}$`), "the name of an Asana project", "write its name or its id"},
	"trello": {regexp.MustCompile(`^[^\pC]{1,200}$`), "the name of a Trello board", "write its name or its id"},
	"github": {regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`), "a GitHub repository", "write owner/name"},
}

// sites are the systems at an address of the company's own.
var sites = map[string]struct{ what, example string }{
	"jira":       {"a Jira site", "https://acme.atlassian.net"},
	"salesforce": {"a Salesforce My Domain", "https://acme.my.salesforce.com"},
}

// setup takes the flags, and asks for what they do not say.
func (c *cli) setup(o initOptions, given func(flag string) bool) (examples.Setup, error) {
	ask := c.asker(o.yes)
	t, err := o.chosen(given, ask)
	if err != nil {
		return examples.Setup{}, err
	}
	place := places[t.Tool]
	setup := examples.Setup{Template: t, Addresses: map[string]string{}}
	if !ask.alone() {
		if !given("auth") {
			words := []string{"of apps and accounts of the systems: the quickest way", "of OAuth apps, by consent in the browser"}
			o.auth = []string{authToken, authOAuth}[ask.choose("How to log in?", []string{authToken, authOAuth}, words, 0)]
		}
		for _, kind := range []string{t.CRM, t.Tool} {
			if site, ok := sites[kind]; ok && !given(kind+"-url") {
				*o.addresses[kind] = ask.line("Address of "+site.what+", such as "+site.example+" (empty: later, in "+strings.ToUpper(kind)+"_URL)", "")
			}
		}
		if !given("project") {
			o.project = ask.line("Name "+place.what, t.Place.Value)
		}
		if t.Tool == "jira" {
			o.project = strings.ToUpper(o.project)
		}
	}
	switch {
	case o.auth != authToken && o.auth != authOAuth:
		return examples.Setup{}, fail(exitUsage, "write --auth token or --auth oauth", "there is no way to log in %q", o.auth)
	case o.project != "" && !place.form.MatchString(o.project):
		return examples.Setup{}, fail(exitUsage, place.hint, "%q is not %s", oneLine(o.project), place.what)
	}
	for _, kind := range slices.Sorted(maps.Keys(o.addresses)) {
		text := o.addresses[kind]
		address := strings.TrimRight(strings.TrimSpace(*text), "/")
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.ContainsAny(address, " \t\r\n#{}'\"")) {
			return examples.Setup{}, fail(exitUsage, "write it as "+sites[kind].example, "%q is not the address of %s", oneLine(*text), sites[kind].what)
		}
		setup.Addresses[kind] = address
	}
	setup.Place, setup.OAuth = o.project, o.auth == authOAuth
	return setup, nil
}

// chosen returns the template that the flags name, or a person.
func (o initOptions) chosen(given func(flag string) bool, ask *asker) (examples.Template, error) {
	var fit []examples.Template
	var names, titles, all []string
	for _, t := range examples.Templates() {
		all = append(all, t.Name)
		if (o.crm == "" || t.CRM == o.crm) && (o.tool == "" || t.Tool == o.tool) {
			fit, names, titles = append(fit, t), append(names, t.Name), append(titles, t.Title)
		}
	}
	switch {
	case len(fit) == 0:
		return examples.Template{}, fail(exitUsage, "`tenon init --list` shows the templates", "there are no templates for the CRM %q and the project tool %q", cmp.Or(o.crm, "any"), cmp.Or(o.tool, "any"))
	case given("template"):
		t, ok := examples.Find(o.template)
		if !ok {
			return t, fail(exitUsage, "templates are "+strings.Join(all, ", "), "there is no template %q", o.template)
		}
		return t, nil
	case ask.alone():
		return fit[0], nil
	}
	return fit[ask.choose("Which mapping to begin with?", names, titles, 0)], nil
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
	next := nextSteps(dir, setup.Template)
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
func nextSteps(dir string, t examples.Template) []string {
	var steps []string
	if filepath.Clean(dir) != "." {
		steps = append(steps, "cd "+dir)
	}
	if _, err := os.Stat(filepath.Join(dir, ".env")); err != nil {
		steps = append(steps, "cp .env.example .env && chmod 600 .env, and fill it in")
	}
	return append(steps,
		fmt.Sprintf("%-24s logs in, and says and creates what is missing there", "tenon connect "+t.CRM),
		"tenon connect "+t.Tool,
		"tenon validate           checks the mapping against both systems",
		"tenon plan               shows what would be done; nothing is written",
		"tenon serve              keeps both in step",
	)
}
