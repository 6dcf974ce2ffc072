// Package salesforce emulates one Salesforce organisation: enough of its REST
// API, and of its bad habits, that jsforce works against it unchanged. It
// listens at one origin, which is login host, My Domain and instance at once.
//
// # What it covers
//
// OAuth (authorisation code with PKCE, refresh, JWT bearer with a verified RS256
// signature, client credentials, revoke, introspect, userinfo, identity);
// versions; describe; records singly, by external id, in collections of 200, in
// composite requests, batches, graphs and trees; retrieval of 2000 ids; SOQL
// with locators, and searches; getUpdated and getDeleted; Bulk API 2.0 for
// queries and ingest; files as ContentVersion, notes, Chatter posts; custom
// fields, permission sets and event channels by the Tooling API; limits.
//
// # What to expect
//
// Instants have whole seconds and the zone +0000 without a colon. Texts are
// trimmed, an empty one is null. What the API's user may not see is missing
// everywhere and an error only where it is named. Sforce-Limit-Info is missing
// on 204. There is no 429 and no Retry-After: the allowance that is used up is a
// 403. Deleted records go to the recycle bin; merged ones name their winner. A
// new custom field is invisible until a permission set shows it. Transactions
// that take long show rows with stamps of the past.
//
// Facts come from Salesforce's developer documentation, its published .proto
// and recorded traffic, read in November 2026. Where those are silent, the
// source says so with the word "assumed".
//
// # Control API
//
// Besides the calls of package kit (all POST unless said, "on" is a boolean):
//
//	GET /_sandbox/records            ?object=Opportunity, &id=… for one: the truth, whatever rights hide
//	/_sandbox/create                 {"object":"Opportunity","user":"ada.okafor@…","fields":{…}}: as a person; answers {"id":"…"}; "late":"5m" opens a transaction that commits then
//	/_sandbox/edit                   {"id":"006…","user":"…","fields":{…}}; "late" as above
//	/_sandbox/delete, restore, purge {"id":"006…","user":"…"}: recycle bin, back from it, and out of it for good
//	/_sandbox/merge                  {"id":"001…","losers":["001…"]}
//	/_sandbox/convertlead            {"id":"00Q…","name":"name of the opportunity, or empty"}
//	/_sandbox/comment                {"id":"006…","user":"…","text":"…"}: a Chatter post
//	/_sandbox/hide, readonly         {"object":"Opportunity","field":"Amount","on":true}: field-level security of the API's user
//	/_sandbox/deny                   {"object":"Contact","what":"read|create|update|delete","on":true}
//	/_sandbox/unshare, lock          {"id":"006…","on":true}: sharing; an approval's lock
//	/_sandbox/hold                   {"id":"006…","on":true} or {"next":3} or {"rate":0.1}: UNABLE_TO_LOCK_ROW
//	/_sandbox/replication            {"next":100}: getUpdated and getDeleted refuse more ids than that (EXCEEDED_ID_LIMIT)
//	/_sandbox/validation             {"object":"…","when":"Amount = null","message":"…","field":"Amount"}
//	/_sandbox/trigger                {"object":"…","when":"…","set":{"NextStep":"…"}} or "throw":"message"
//	/_sandbox/duplicates             {"object":"Contact","field":"Email","block":false}: a duplicate rule
//	/_sandbox/rules/clear            drops validations, triggers and duplicate rules
//	/_sandbox/field                  {"object":"…","name":"X__c","type":"Text","length":80,"values":["…"]}; field/drop {"object","field"}
//	/_sandbox/option                 {"object":"…","field":"…","what":"value","on":false}: deactivates a picklist's value, or adds one
//	/_sandbox/sessions/expire        ends all sessions; refresh/revoke ends all refresh tokens
//	/_sandbox/locators/expire        ends all open queries
//	/_sandbox/token                  answers {"token":"…"} of the integration user
//	/_sandbox/events/select          {"objects":["Opportunity"]}: Change Data Capture, five at most
//	/_sandbox/events/gap             {"object":"Opportunity","kind":"GAP_UPDATE","ids":["006…"]}; without kind an overflow
//	/_sandbox/events/expire, cut     forgets all replay ids; breaks all streams
//	/_sandbox/outbound               {"messages":[{"object":"Opportunity","fields":["Name"],"url":""}]}: what outbound messages an admin set up
//	/_sandbox/outbound/target        {"url":"http://…"}: where those without a URL go; empty sends none
//	/_sandbox/callout                {"url":"…","headers":{"Authorization":"Bearer …"},"body":"{…}"}: a flow's HTTP callout; answers {"status","body"}
//	/_sandbox/convert                {"url":"https://…/convert/deals"}: the formula Convert_to_Project__c links there
package salesforce
