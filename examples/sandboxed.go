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
