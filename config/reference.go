package config

import (
	"fmt"
	"io"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// WriteReference writes the reference page of tenon.yaml as Markdown.
func WriteReference(w io.Writer, registry *connectors.Registry) error {
	var b strings.Builder
	b.WriteString(referenceHead)
	group := "?"
	for _, s := range Catalog() {
		name := ""
		if i := strings.LastIndexByte(s.Key, '.'); i >= 0 {
			name = s.Key[:i]
		}
		if name != group {
			group = name
			title := "At the top"
			if group != "" {
				title = "`" + group + "`"
			}
			fmt.Fprintf(&b, "\n### %s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", title)
		}
		kind := s.Type.String()
		if len(s.Choices) > 0 {
			kind = strings.Join(s.Choices, ", ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Key, kind, code(s.Default), cell(s.Help))
	}
	b.WriteString(referencePeople)
	b.WriteString(referenceConnections)
	for _, kind := range registry.Kinds() {
		info := registry.Connector(kind).Info()
		fmt.Fprintf(&b, "\n### %s (`kind: %s`)\n\n| key | needed | default | meaning |\n|---|---|---|---|\n", info.Label, kind)
		for _, s := range info.Settings {
			needed := ""
			if s.Required && s.Default == "" {
				needed = "yes"
			}
			help := s.Help
			if len(s.Choices) > 0 {
				help += " One of " + strings.Join(s.Choices, ", ") + "."
			}
			if s.Secret {
				help += " Secret."
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, needed, code(s.Default), cell(help))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

const referenceHead = `# tenon.yaml

This page is generated from the catalogue of settings: ` + "`go test ./cmd/tenon -run Reference -update`" + `.

` + "```yaml" + `
connections:
  hubspot:
    kind: hubspot
    token: ${HUBSPOT_TOKEN}
    client_secret: ${HUBSPOT_CLIENT_SECRET}
  jira:
    kind: jira
    base_url: https://acme.atlassian.net
    email: sync@acme.example
    token: {file: /run/secrets/jira-token}

server:
  listen: 127.0.0.1:8484
  public_url: https://tenon.acme.example

mappings: mappings/
` + "```" + `

- Unknown and doubled keys are errors; ` + "`tenon validate`" + ` shows all problems of all files in one run, with line and column.
- ` + "`${NAME}`" + ` in any value stands for an environment variable, which must be set. ` + "`$${`" + ` stands for the two characters.
- Relative paths start at the folder of tenon.yaml.
- Each setting below can be overridden by a variable: ` + "`TENON_`" + ` and the key in capitals with ` + "`_`" + ` for dots, such as ` + "`TENON_SERVER_LISTEN`" + `; lists are written with commas.

## Secrets

A secret never stands in this file in clear, unless you insist. Each key of a connection, and each setting of the type *secret*, says where it is found:

| written | taken from |
|---|---|
| ` + "`token: ${NAME}` or `token: {env: NAME}`" + ` | the environment, or the file ` + "`.env`" + ` beside this one |
| ` + "`token: {file: /run/secrets/crm}`" + ` | a file of at most 64 KiB; a line break at its end does not count. ` + "`token_file: PATH`" + ` says the same |
| ` + "`token: {command: [pass, show, crm]}`" + ` | what a program prints, at most 64 KiB within 30 s. No shell takes it apart; it runs in this file's folder. What it says on standard error is shown when it fails, what it prints never |
| ` + "`token: {plain: abc123}`" + ` | here, because you insist |

A literal secret is an error. Commands that ask no system (` + "`status`, `links`, `validate --offline`" + ` and the like) need no secrets, read no such file and run no such program.

` + "`.env`" + ` holds lines ` + "`NAME=VALUE`" + `, with ` + "`#`" + ` comments, optional quotes and an optional ` + "`export`" + `; there are no references in it. What the environment sets goes before. A file that others may read gives a warning: ` + "`chmod 600 .env`" + `.

OAuth tokens need no place in this file: ` + "`tenon connect CONNECTION`" + ` gets them by a person's consent and keeps them sealed in the state.

## Settings
`

const referencePeople = `
## People

Owners and assignees are matched by their e-mail. Some systems hide e-mails, and some people have another one somewhere. ` + "`people:`" + ` says who they are, once for all mappings: one key for each person, the e-mail that most of the systems know, and below it what the connections call that person.

` + "```yaml" + `
people:
  ada@acme.example: {jira: ada.okafor@tools.acme.example}
  jonas@acme.example: {hubspot: j.lindqvist@acme.example, jira: 5b10a2844c20165700ede21g}
` + "```" + `

What is written for a connection is an e-mail, or else a user name (Trello, GitHub) or the system's own id. Whom a system does not know is never taken for nobody: the field is set aside with the reason, and what stands there stays.
`

const referenceConnections = `
## Connections

` + "`connections:`" + ` holds one key for each account. The key is the connection's name: it stands in mappings, in the state and in the webhooks' address ` + "`/hooks/NAME`" + `; a renamed connection is a new one. ` + "`kind:`" + ` names the connector; the other keys are the settings of that kind:
`
