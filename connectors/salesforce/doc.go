// Package salesforce connects Tenon to Salesforce: accounts, contacts, leads,
// opportunities, contracts, cases, tasks, and every other object that describe
// tells of, custom ones too.
//
// # API
//
// The REST API, version 66.0 (Spring '26) unless the configuration names
// another: versions live at least three years. Requests go to the instance that
// the token's answer names, never to the login host.
//
// # Credentials
//
// JWT bearer (a certificate, no secret travels), client credentials, or a
// refresh token from a person's consent. Token answers tell no lifetime: tokens
// are renewed after half an hour, and at the first INVALID_SESSION_ID.
//
// # Habits that shape the code
//
//   - What the account may not see is silently missing: fields from describe and
//     from rows, records from queries. A query that names a hidden field is
//     refused whole. So fields are asked for as describe lists them, a refusal
//     makes it be read anew, and a field that vanished from it is hidden, never
//     cleared. A record that a read does not tell is looked for among the deleted
//     ones before anything is said about it.
//   - A row is stamped when it is saved and seen when its transaction commits, up
//     to ten minutes later. Lists of changes go back that far behind the server's
//     clock, which each answer's Date header tells.
//   - Stamps are whole seconds. A record that was stamped in the present second
//     may change again under the same stamp, so it has no version yet.
//   - There is no idempotency key. Records are created with a key in a unique
//     field (Tenon_Key__c unless configured), so that Salesforce itself refuses a
//     repeat. An upsert by that field would do as well for a create alone; but a
//     late repeat of it would overwrite what people have written since.
//   - Writes go 200 at a time and fail one by one; reads by id go 2 000 at a time.
//     Each of these is one call of the day's allowance.
//   - Lookups of users and queues are people; names and e-mails come from User and
//     Group, once each.
//
// Facts are from Salesforce's developer documentation for version 66 and from
// recorded answers, read on 2026-11-22.
package salesforce
