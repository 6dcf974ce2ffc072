// Package trello emulates Trello's REST API 1 for one workspace: boards, lists,
// cards, labels, members, checklists, custom fields, comments, attachments, the
// log of actions, batches, search, webhooks and rate limits. Its behaviour
// follows Trello's OpenAPI document of 2026-02, the guides of
// developer.atlassian.com/cloud/trello, recorded answers of public clients and
// their live tests, as read in 2026-09.
//
// # What is as inconvenient as the real thing
//
//   - Most refusals are plain text. The form of ids is checked before the
//     credentials; a lost permission looks like 401, a deleted card like 404.
//   - There is no "modified since". dateLastActivity does not move when a card
//     changes its place or when a custom field is written.
//   - Lists of actions leave 19 kinds out (labels, items of checklists, deletes);
//     webhooks tell them. One edit may have two deliveries; a card's webhook does
//     not learn of labels.
//   - Making a webhook asks its address by HEAD, which has to answer 200.
//     A delivery that fails is repeated after 30, 60 and 120 seconds and is then
//     lost; 410 ends a webhook; more than 1000 failures in 30 days switch it off.
//   - Custom fields travel as texts inside typed objects; cleared ones vanish.
//   - Nothing tells people's e-mails. Labels come 50 at most without a limit.
//   - Search has an index of its own that lags; board lists are up to date.
//   - Creating is not idempotent, and nothing is conditional.
//
// # Control API
//
// Besides what package kit answers below /_sandbox/:
//
//	POST /_sandbox/emails         {"visible":true}: people's e-mails show, as to an enterprise's admins
//	POST /_sandbox/custom-fields  {"board":"NAME or id","enabled":false}: switches custom fields off or on
//	POST /_sandbox/token          {"token":"","write":false,"expires":"1h","revoked":false}: of a token, the default's if empty
//	POST /_sandbox/role           {"board":"…","who":"username or e-mail","role":"admin|normal|observer|none"}
//	POST /_sandbox/accepted       {"on":true}: POSTs are answered 202, as happened in 2025
//
// /1/authorize is the page on which a person grants a token.
package trello
