// Package asana emulates one workspace of Asana with its REST API 1.0: tasks,
// subtasks, projects, sections, custom fields, tags, stories, attachments,
// project templates with their jobs, events, webhooks and OAuth.
//
// What it does and where that is known from: Asana's official OpenAPI document
// of 2026-06-11 and its guides, read on 2026-11-22. Points that no source
// settles are decided here as follows.
//   - A second create with the same external gid by the same app is refused
//     with status 400.
//   - A task in the trash answers 404.
//   - A date custom field takes {"date": …}, {"date_time": …} and a bare date.
//   - due_on of a task with due_at is the day in the workspace's time zone,
//     Europe/Berlin.
//   - Clearing the due date clears the start date with it.
//   - A disabled or unknown option is refused with status 400.
//   - Webhooks may go to loopback addresses, which Asana refuses: see
//     Options.PublicTargets.
//
// # Control API
//
// Besides the calls of package kit there are, below /_sandbox/:
//
//	GET  /_sandbox/tasks               {"tasks":[…]}; ?project=NAME, ?gid=…
//	POST /_sandbox/create              {"user":"ada@…","project":"…","section":"…","fields":{…}}
//	POST /_sandbox/edit                {"user":"…","gid":"…","fields":{…}}; a null clears
//	POST /_sandbox/comment             {"user":"…","gid":"…","text":"…"}
//	POST /_sandbox/move                {"user":"…","gid":"…","project":"…","section":"…"}
//	POST /_sandbox/delete              {"user":"…","gid":"…"}
//	POST /_sandbox/restore             {"user":"…","gid":"…"}
//	POST /_sandbox/plan                {"free":true}: custom fields and search answer 402
//	POST /_sandbox/limits              {"perMinute":150,"search":60,"reads":50,"writes":15,"cost":0}; 0: none
//	POST /_sandbox/hide                {"field":"…"} or {"project":"…"}: out of the token's sight
//	POST /_sandbox/access              {"project":"…","user":"…","level":"commenter"}: admin, editor, commenter, viewer
//	POST /_sandbox/deny                {"deny":true}: the token may not write
//	POST /_sandbox/token               {"user":"…","kind":"pat|service|oauth","scopes":[…]}: a new token
//	POST /_sandbox/token/expire        ends all tokens; {"token":"…"} one
//	POST /_sandbox/webhooks/drop       {"gid":"…"}: as after 24 h of failures; all without a gid
//	POST /_sandbox/sync/expire         ends all sync tokens
package asana
