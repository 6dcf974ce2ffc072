package examples

import (
	"strings"

	"github.com/tenonsync/tenon/schema"
)

// Setup says how a first configuration looks.
type Setup struct {
	Template Template
	JiraURL  string // empty: from the variable JIRA_URL
	Project  string // the key of the Jira project; empty: as in the template
	OAuth    bool   // by a person's consent instead of tokens
}

// templateProject is the project in the templates.
const templateProject = "DELIV"

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
			text = "# yaml-language-server: $schema=schema/tenon.json\n" + s.configuration(text)
		} else if s.Project != "" {
			text = strings.NewReplacer(
				"project: "+templateProject, "project: "+s.Project, `"project": "`+templateProject+`"`, `"project": "`+s.Project+`"`,
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
	return append(list, File{".env.example", []byte(s.environment())}, File{".gitignore", []byte(ignored)}), nil
}

// ignored keeps secrets and the state out of version control.
const ignored = `.env
tenon.key
tenon.db*
*.plan
.*.plan-*
`

// hubspotApp and jiraApp replace the tokens of the template.
const (
	hubspotApp = `  hubspot:
    kind: hubspot
    client_id: ${HUBSPOT_CLIENT_ID}         # the OAuth app's
    client_secret: ${HUBSPOT_CLIENT_SECRET} # checks the webhooks, too
    # ` + "`tenon connect hubspot`" + ` gets the tokens and keeps them sealed in the state.
`
	jiraApp = `  jira:
    kind: jira
    grant: consent
    base_url: ${JIRA_URL}                   # https://acme.atlassian.net
    client_id: ${JIRA_CLIENT_ID}            # the OAuth 2.0 app's
    client_secret: ${JIRA_CLIENT_SECRET}    # checks the webhooks, too
    # ` + "`tenon connect jira`" + ` gets the tokens and keeps them sealed in the state.
`
)

// configuration turns the template's tenon.yaml into that of the set-up.
func (s Setup) configuration(text string) string {
	if s.OAuth {
		head, rest, _ := strings.Cut(text, "  hubspot:\n")
		_, tail, _ := strings.Cut(rest, "\nserver:\n")
		text = head + hubspotApp + "\n" + jiraApp + "\nserver:\n" + tail
	}
	if s.JiraURL != "" {
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, "    base_url: ${JIRA_URL}") {
				lines[i] = "    base_url: " + s.JiraURL
			}
		}
		text = strings.Join(lines, "\n")
	}
	return text
}

// environment is .env.example: the variables that tenon.yaml names, and where
// each is found.
func (s Setup) environment() string {
	var b strings.Builder
	b.WriteString(`# Copy this file to .env and fill it in: cp .env.example .env && chmod 600 .env
# Tenon reads .env beside tenon.yaml. What the environment sets goes before.

`)
	if s.OAuth {
		b.WriteString(`# HubSpot: your developer project's app, page Auth. Register the redirect URL
# http://localhost:8485/callback there.
HUBSPOT_CLIENT_ID=
HUBSPOT_CLIENT_SECRET=

# Jira: developer.atlassian.com, your OAuth 2.0 app, page Settings. Register the
# callback URL http://localhost:8485/callback under Authorization.
`)
	} else {
		b.WriteString(`# HubSpot: your private or static-token app, page Auth: access token and client
# secret.
HUBSPOT_TOKEN=
HUBSPOT_CLIENT_SECRET=

# Jira: an API token of the account that Tenon acts as, from id.atlassian.com,
# Security, API tokens.
`)
	}
	if s.JiraURL == "" {
		b.WriteString("JIRA_URL=https://acme.atlassian.net\n")
	}
	if s.OAuth {
		b.WriteString("JIRA_CLIENT_ID=\nJIRA_CLIENT_SECRET=\n")
		return b.String()
	}
	b.WriteString(`JIRA_EMAIL=
JIRA_TOKEN=
# Any long random text: openssl rand -hex 24. Tenon gives it to Jira's webhook.
JIRA_WEBHOOK_SECRET=
`)
	return b.String()
}
