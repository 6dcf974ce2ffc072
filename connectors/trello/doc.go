// Package trello connects Tenon to Trello through its REST API 1, by an app's key
// and the token that a bot granted to it.
//
// The facts below were read on 2026-09-30 at developer.atlassian.com/cloud/trello
// (guides and OpenAPI document), in recorded answers and live tests of public
// clients, and on 2026-11-22 against this code.
//
//   - Credentials stand in the Authorization header: in the query they would be
//     logged. Only the token's own rights and webhooks are asked for by a path that
//     holds it; Trello has no other way.
//   - There is no "modified since", no version and no conditional write. Changes
//     lists the board's cards in one request and returns those with activity since
//     the cursor, and those that look different from the last listing: activity
//     does not move with custom fields, positions, or the list's archiving. Deletes
//     and moves away come from the log of actions, which leaves 19 kinds out and
//     serves nothing else here.
//   - Reads are batches of ten GETs: nine cards and the board's custom fields, so
//     that fields that were switched off are hidden, not cleared.
//   - A create's key stands behind the address of a link that is attached in the
//     same call. Copies of a card take the link with them; those are left out.
//   - A task of a mapping is an item of a checklist on the card.
//   - Custom fields are texts inside typed objects; unset ones are missing; an
//     unset checkbox is false. They take a second call.
//   - Nobody's e-mail shows, except to the admins of an enterprise.
//   - Most refusals are plain text. 401 is also what the account may not see: its
//     words tell the two apart. 429 carries no Retry-After: the window's length is
//     in a header.
//   - Webhooks are one for each board, signed with the app's secret over the raw
//     body and the address (HMAC-SHA1). A delivery that failed for four minutes is
//     lost; polling finds what it told.
package trello
