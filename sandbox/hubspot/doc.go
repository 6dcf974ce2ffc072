// Package hubspot emulates HubSpot's CRM: enough of its API, and of its bad
// habits, that HubSpot's own client library works against it unchanged. It
// listens at one origin and serves the v3/v4 and the date-versioned spellings
// (2025-09, 2026-03, 2026-09) of the same store.
//
// # What it covers
//
// Objects (companies, contacts, deals, tickets, notes, tasks, other standard
// types and custom ones) singly and in batches, unique properties and upserts,
// property definitions and groups, pipelines and stages, owners, associations
// and their labels, search over an index that lags, merges, property history,
// custom object schemas, account information and limits, OAuth and static
// tokens, scopes, rate limits, app webhooks with signatures v1 and v3, and
// workflow actions with signatures v2.
//
// # What to expect
//
// All values are text on the wire; an empty text clears and a null is ignored.
// Known properties without a value are null, unknown ones are left out. A fresh
// record's time of modification moves once more by itself. Search sees a write
// only after Options.Lag. A property that was just created cannot be written for
// some 250 to 700 ms. Batch results come in no order. Webhook events come in
// shuffled arrays, sometimes twice.
//
// Facts come from HubSpot's developer documentation, its published OpenAPI
// documents and recorded traffic, read in November 2026. Where those are silent,
// the source says so with the word "assumed".
//
// # Control API
//
// Besides the calls of package kit:
//
//	GET  /_sandbox/subscriptions       {"targetUrl":"…","subscriptions":[{"id","eventType","propertyName","objectTypeId","active"}]}
//	PUT  /_sandbox/subscriptions       the same body; replaces target and subscriptions
//	POST /_sandbox/subscriptions/test  {"eventType":"deal.creation"}: sends a test event (eventId 100), as the app page's button does
//	GET  /_sandbox/records             ?object=deals, &id=… for one: the truth about records, whatever rights or lags hide
//	POST /_sandbox/create              {"object":"deals","user":"ada@…","properties":{…}}: as a person in the app; answers {"id":"…"}
//	POST /_sandbox/edit                {"object":"deals","id":"…","user":"ada@…","properties":{…}}
//	POST /_sandbox/archive             {"object":"deals","id":"…","user":"ada@…"}; /_sandbox/restore likewise
//	POST /_sandbox/token               {"scopes":["…"]}: makes a static token with only these scopes, answers {"token":"…"}
//	POST /_sandbox/token/expire        ends all OAuth access tokens now
//	POST /_sandbox/workflow            {"url":"…","object":"deals","id":"…","inputFields":{…}}: runs a custom workflow action
//	POST /_sandbox/card                {"method":"POST","url":"…","user":"ada@…","body":"{}"}: a call from a card in the app
//	POST /_sandbox/hollow              {"batches":1}: the next batches fail with 2xx, errors and no results
package hubspot
