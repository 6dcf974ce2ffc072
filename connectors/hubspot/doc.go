// Package hubspot connects Tenon to HubSpot's CRM: companies, contacts, deals,
// tickets, notes, tasks, the other standard objects and custom ones.
//
// # API
//
// The date-versioned API 2026-03 (supported until September 2027) at
// https://api.hubapi.com, which serves every region. The version is the
// constant apiVersion. Objects are named by their type ids in requests, since
// these never change.
//
// # Credentials
//
// A static token (service key, private app or static-token project app), or
// OAuth with a refresh token. Access tokens of OAuth live 30 minutes. The app's
// client secret is the key of webhook signatures; service keys have none and
// get no webhooks.
//
// # Habits that shape the code
//
//   - Every value is text on the wire; "" clears, null is ignored.
//   - Unknown names in a read are dropped; unknown names in a write refuse the
//     whole record, and one bad record refuses the whole batch. A refused batch
//     is therefore halved until the bad record stands alone.
//   - There is no conditional write and no idempotency key. Records are created
//     with a key in a unique property of Tenon's own, tenon_key, so that HubSpot
//     refuses a repeat.
//   - Search lags behind writes, answers at most 10 000 hits, and allows 5 calls
//     a second. Changes are walked by record id inside a fixed window of time,
//     so that neither the cap nor equal times nor rows that move can hide one.
//   - A record that was merged away answers GET under its old id with the id of
//     the survivor, and is unknown to batch calls.
//   - Deleting is archiving: for 90 days a person can restore the record.
//
// Facts are from HubSpot's developer documentation, its OpenAPI documents
// (commit 9989379) and its changelog, read on 2026-11-21.
package hubspot
