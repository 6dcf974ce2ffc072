// Package github emulates GitHub, for demos, dry runs and tests: the REST API
// and the part of GraphQL that clients of issues use, webhooks, and pages. The
// vendor's own client libraries work against it unchanged.
//
// One origin stands for api.github.com and for the site; as an option, for an
// Enterprise Server (/api/v3, /api/graphql). There are two private repositories
// of one organisation, harbourworks/delivery and harbourworks/operations, with
// people, labels, milestones, issues, sub-issues and a pull request.
//
// # Credentials
//
// A classic token with scopes, a fine-grained token with permissions, and a
// GitHub App: its JWT (RS256, ten minutes) mints installation tokens of an hour,
// every other one in the long form. See the Default constants.
//
// # Inconvenient habits
//
// The emulator keeps the habits that make GitHub hard to integrate:
//
//   - Lists of issues hold pull requests, leave closed ones out unless asked, and
//     may lag (Options.Lag); beyond Options.PageLimit they want a cursor. Search
//     is an index that lags (Options.SearchLag).
//   - Labels that there are not are made without a word. Labels, assignees,
//     milestone and type are dropped without a word for who may not set them.
//   - A reason is heard only when the state changes.
//   - What one may not see is 404. A deleted issue is 410, a transferred one 301
//     with another id and number, also for a PATCH; a renamed repository is 301
//     for reads and 307 for writes.
//   - Deleting a comment leaves the time of update alone; times are whole
//     seconds.
//   - Tags of conditional requests belong to a token.
//   - Webhooks are signed, told once and never again by themselves; one event for
//     each label and assignee. A delivery sent anew by hand keeps its id.
//   - Limits are told in headers and wide; Options.Limits makes them those of
//     github.com (VendorLimits), secondary ones included.
//
// # Control API
//
// Besides the calls that package kit describes, each answers 204:
//
//	PUT  /_sandbox/target        {"url":"http://…"}       webhook of harbourworks/delivery, signed; empty removes it
//	PUT  /_sandbox/lag           {"lag":"5s"}             how late lists see writes
//	POST /_sandbox/transfer      {"repository":"harbourworks/delivery","number":1,"to":"harbourworks/operations"}
//	POST /_sandbox/delete        {"repository":"…","number":1}
//	PUT  /_sandbox/hidden        {"repository":"…","login":"tenon-sync","hidden":true}
//	PUT  /_sandbox/role          {"repository":"…","login":"tenon-sync","role":"read"}
//	PUT  /_sandbox/token         {"token":"…","revoked":true,"scopes":["repo"]}
//	PUT  /_sandbox/installation  {"suspended":true}
//	PUT  /_sandbox/rename        {"repository":"…","name":"shipping"}
//	POST /_sandbox/secondary     {}                       the next request meets a secondary limit without a word on how long
//
// # Sources
//
// Shapes follow GitHub's OpenAPI description (@octokit/openapi 23.0.2) and the
// payloads that octokit publishes; habits follow docs.github.com and the issues
// of client libraries, read on 2026-11-21. What those do not tell is decided in
// favour of the harder case for a client. Known gaps: no attachments (GitHub has
// no API for them), no Projects, dependencies, reactions and pull requests
// beyond their places among the issues, no OAuth consent.
package github
