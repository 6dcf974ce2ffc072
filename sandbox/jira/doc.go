// Package jira emulates Jira, for demos, dry runs and tests: Jira Cloud with
// REST API v3 and v2 over one store, or, as an option, Jira Data Center with v2.
// Jira's own client libraries work against it unchanged.
//
// One origin stands for a site (Basic authentication with an API token), the
// gateway of its cloud (/ex/jira/{cloudId}, OAuth 2.0 and scoped tokens), the
// authorisation server (/authorize, /oauth/token) and the pages that people use.
//
// # Inconvenient habits
//
// The emulator keeps the habits that make Jira hard to integrate:
//
//   - Wrong Basic credentials make an anonymous call: 200 with nothing in it, and
//     a header X-Seraph-LoginReason. At /myself they are 401.
//   - Search sees writes late (Options.Lag, HoldIndex for stragglers), while
//     reading by id sees them at once. A page of search is reached by a token.
//   - JQL reads dates to the minute and in the time zone of the account that
//     asks, which is not UTC here.
//   - A status changes by transitions only; one of them asks for a resolution,
//     elsewhere a resolution is refused.
//   - A field off the screen, an unknown and a hidden one are the same error.
//   - Entity properties, remote links and archiving leave updated alone, and
//     properties cannot be searched unless an app declared them.
//   - A moved issue keeps its id and changes its key; a deleted one and one
//     without permission are the same 404.
//   - Webhooks are repeated, late, unordered and thin: see the events file.
//
// # Control API
//
// Besides the calls that package kit describes:
//
//	PUT  /_sandbox/target  {"url":"http://…"}             admin webhook for all events, signed; empty removes it
//	PUT  /_sandbox/lag     {"lag":"2s"}                   how late search sees writes
//	PUT  /_sandbox/token   {"token":"…","expired":true}   expires or renews an API token
//	POST /_sandbox/grants  {"email":"…","scopes":["…"]}   consents to the OAuth app; answers tokens and cloudId
//
// # Sources
//
// Shapes follow Atlassian's OpenAPI document of REST API v3 (December 2025), the
// developer pages on search, webhooks, rate limits and OAuth 2.0 (2024 to 2026)
// and webhook bodies that other projects captured and published. What those do
// not tell is decided in favour of the harder case for a client. Known gaps: no
// boards, sprints, worklogs, votes and watchers beyond their empty fields.
package jira
