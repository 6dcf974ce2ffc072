package examples

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/schema"
)

// Setup says how a first configuration looks.
type Setup struct {
	Template  Template
	Addresses map[string]string // by kind; the others come from a variable, such as JIRA_URL
	Place     string            // as the template's; empty: as it is there
	OAuth     bool              // by a person's consent instead of tokens, where a system has both
}

// Files returns the files of the set-up: tenon.yaml, the mapping with what
// belongs to it, .env.example, .gitignore, and the schemas by which editors check
// the files.
func (s Setup) Files() ([]File, error) {
	list, err := Files(s.Template.FS())
	if err != nil {
		return nil, err
	}
	for i, f := range list {
		text := string(f.Text)
		if f.Path == "tenon.yaml" {
			text = s.configuration(text)
			list = append(list, File{".env.example", []byte(s.environment(text))})
			text = "# yaml-language-server: $schema=schema/tenon.json\n" + text
		} else if s.Place != "" {
			key, value := s.Template.Place.Key, s.Template.Place.Value
			text = strings.NewReplacer(
				key+": "+value, key+": "+plainOrQuoted(s.Place), fmt.Sprintf("%q: %q", key, value), fmt.Sprintf("%q: %q", key, s.Place),
			).Replace(text)
		}
		list[i].Text = []byte(strings.ReplaceAll(text, "$schema=../../../schema/", "$schema=../schema/"))
	}
	for _, name := range []string{"mapping.json", "mapping_test.json", "tenon.json"} {
		text, err := schema.Files.ReadFile(name)
		if err != nil { // they are embedded
			return nil, err
		}
		list = append(list, File{"schema/" + name, text})
	}
	return append(list, File{".gitignore", []byte(ignored)}), nil
}

// simple is a text that stands in a YAML flow mapping as it is.
var simple = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9]$`)

func plainOrQuoted(text string) string {
	if simple.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

// ignored keeps secrets and the state out of version control.
const ignored = `.env
tenon.key
tenon.db*
*.plan
.*.plan-*
`

// account is what a set-up says of one kind of system.
type account struct {
	app           string // its connection by OAuth, in place of the template's; empty: there is none
	tokens, oauth string // its lines of .env.example for either way
}

// accounts are the kinds that templates join.
var accounts = map[string]account{
	"hubspot": {
		app: `  hubspot:
    kind: hubspot
    client_id: ${HUBSPOT_CLIENT_ID}         # the OAuth app's
    client_secret: ${HUBSPOT_CLIENT_SECRET} # checks the webhooks, too
    # ` + "`tenon connect hubspot`" + ` gets the tokens and keeps them sealed in the state.
`,
		tokens: `# HubSpot: your private or static-token app, page Auth: access token and client
# secret.
HUBSPOT_TOKEN=
HUBSPOT_CLIENT_SECRET=
`,
		oauth: `# HubSpot: your developer project's app, page Auth. Register the redirect URL
# http://localhost:8485/callback there.
HUBSPOT_CLIENT_ID=
HUBSPOT_CLIENT_SECRET=
`,
	},
	"jira": {
		app: `  jira:
    kind: jira
    grant: consent
    base_url: ${JIRA_URL}                   # https://acme.atlassian.net
    client_id: ${JIRA_CLIENT_ID}            # the OAuth 2.0 app's
    client_secret: ${JIRA_CLIENT_SECRET}    # checks the webhooks, too
    # ` + "`tenon connect jira`" + ` gets the tokens and keeps them sealed in the state.
`,
		tokens: `# Jira: an API token of the account that Tenon acts as, from id.atlassian.com,
# Security, API tokens.
JIRA_URL=https://acme.atlassian.net
JIRA_EMAIL=
JIRA_TOKEN=
# Any long random text: openssl rand -hex 24. Tenon gives it to Jira's webhook.
JIRA_WEBHOOK_SECRET=
`,
		oauth: `# Jira: developer.atlassian.com, your OAuth 2.0 app, page Settings. Register the
# callback URL http://localhost:8485/callback under Authorization.
JIRA_URL=https://acme.atlassian.net
JIRA_CLIENT_ID=
JIRA_CLIENT_SECRET=
`,
	},
	"salesforce": {
		app: `  salesforce:
    kind: salesforce
    auth: oauth
    login_url: ${SALESFORCE_URL}            # your My Domain: https://acme.my.salesforce.com
    client_id: ${SALESFORCE_CLIENT_ID}      # the External Client App's
    client_secret: ${SALESFORCE_CLIENT_SECRET}
    # ` + "`tenon connect salesforce`" + ` gets the tokens and keeps them sealed in the state.
`,
		tokens: `# Salesforce: an External Client App with the client credentials flow, run as the
# integration user: consumer key and secret. docs/connectors/salesforce.md.
SALESFORCE_URL=https://acme.my.salesforce.com
SALESFORCE_CLIENT_ID=
SALESFORCE_CLIENT_SECRET=
`,
		oauth: `# Salesforce: an External Client App with the web server flow. Register the
# callback URL http://localhost:8485/callback there.
SALESFORCE_URL=https://acme.my.salesforce.com
SALESFORCE_CLIENT_ID=
SALESFORCE_CLIENT_SECRET=
`,
	},
	"asana": {
		app: `  asana:
    kind: asana
    client_id: ${ASANA_CLIENT_ID}           # the OAuth app's
    client_secret: ${ASANA_CLIENT_SECRET}
    # ` + "`tenon connect asana`" + ` gets the tokens and keeps them sealed in the state.
`,
		tokens: `# Asana: a personal access token of the account that Tenon acts as
# (app.asana.com/0/my-apps), or a service account's.
ASANA_TOKEN=
`,
		oauth: `# Asana: app.asana.com/0/my-apps, your app, page OAuth. Register the redirect URL
# http://localhost:8485/callback there.
ASANA_CLIENT_ID=
ASANA_CLIENT_SECRET=
`,
	},
	"trello": {
		tokens: `# Trello: trello.com/apps/admin, your app, page API key: key and secret; the Token
# link beside them, opened as the account that Tenon acts as, gives the token.
TRELLO_KEY=
TRELLO_TOKEN=
TRELLO_SECRET=
`,
	},
	"github": {
		tokens: `# GitHub: a fine-grained token of the account that Tenon acts as, for the one
# repository, with Issues and Webhooks read and write.
GITHUB_TOKEN=
# Any long random text: openssl rand -hex 24. Tenon gives it to the webhook.
GITHUB_WEBHOOK_SECRET=
`,
	},
}

// configuration turns the template's tenon.yaml into that of the set-up.
func (s Setup) configuration(text string) string {
	for _, kind := range []string{s.Template.CRM, s.Template.Tool} {
		if app := accounts[kind].app; s.OAuth && app != "" {
			head, rest, _ := strings.Cut(text, "  "+kind+":\n")
			_, tail, _ := strings.Cut(rest, "\n\n")
			text = head + app + "\n" + tail
		}
		if address := s.Addresses[kind]; address != "" {
			variable := regexp.MustCompile(`\$\{` + strings.ToUpper(kind) + `_URL\} *(#.*)?`)
			text = variable.ReplaceAllLiteralString(text, address)
		}
	}
	return text
}

// environment is .env.example: the variables that tenon.yaml names, and where
// each is found.
func (s Setup) environment(config string) string {
	var b strings.Builder
	b.WriteString(`# Copy this file to .env and fill it in: cp .env.example .env && chmod 600 .env
# Tenon reads .env beside tenon.yaml. What the environment sets goes before.
`)
	for _, kind := range []string{s.Template.CRM, s.Template.Tool} {
		lines := accounts[kind].tokens
		if s.OAuth && accounts[kind].app != "" {
			lines = accounts[kind].oauth
		}
		b.WriteString("\n")
		for line := range strings.Lines(lines) {
			name, _, variable := strings.Cut(line, "=")
			if !variable || strings.HasPrefix(line, "#") || strings.Contains(config, "${"+name+"}") {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}
