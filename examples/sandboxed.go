package examples

import "strings"

// sandboxed are the connections of the examples as they are between emulated
// systems: with those systems' addresses and with shorter waits.
var sandboxed = map[string]string{
	"hubspot": `  hubspot:
    kind: hubspot
    base_url: ${HUBSPOT_URL}
    token: ${HUBSPOT_TOKEN}
    client_secret: ${HUBSPOT_CLIENT_SECRET}
    requests_per_second: 50
`,
	"jira": `  jira:
    kind: jira
    base_url: ${JIRA_URL}
    email: ${JIRA_EMAIL}
    token: ${JIRA_TOKEN}
    webhook_secret: ${JIRA_WEBHOOK_SECRET}
    search_lag: 20s
`,
	"salesforce": `  salesforce:
    kind: salesforce
    login_url: ${SALESFORCE_URL}
    client_id: ${SALESFORCE_CLIENT_ID}
    client_secret: ${SALESFORCE_CLIENT_SECRET}
    stream: on
    pubsub_url: ${SALESFORCE_PUBSUB_URL}
`,
	"asana": `  asana:
    kind: asana
    base_url: ${ASANA_URL}
    token: ${ASANA_TOKEN}
    requests_per_minute: 100000
`,
	"trello": `  trello:
    kind: trello
    base_url: ${TRELLO_URL}
    key: ${TRELLO_KEY}
    token: ${TRELLO_TOKEN}
    api_secret: ${TRELLO_SECRET}
    requests_per_second: 200
`,
	"github": `  github:
    kind: github
    base_url: ${GITHUB_URL}
    token: ${GITHUB_TOKEN}
    webhook_secret: ${GITHUB_WEBHOOK_SECRET}
    requests_per_second: 200
    creates_per_minute: 10000
    list_lag: 20s
`,
}

// SandboxConfig returns the example's tenon.yaml for emulated systems. Its
// variables hold their addresses and credentials, and TENON_ADDRESS.
func (e Example) SandboxConfig() string {
	var b strings.Builder
	b.WriteString("# The configuration of the demo. Its variables hold the credentials of the sandbox.\nconnections:\n")
	for _, name := range e.Connections {
		b.WriteString(sandboxed[name])
	}
	b.WriteString(`
server:
  listen: ${TENON_ADDRESS}

mappings: mappings/
engine:
  poll_interval: 3s
  missing_after: 5s
`)
	return b.String()
}
