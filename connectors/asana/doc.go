// Package asana connects Tenon to Asana through its REST API 1.0.
//
// What the code rests on (Asana's OpenAPI document of 2026-06-11 and the guides
// at developers.asana.com, read 2026-11-22):
//   - Bodies and answers are wrapped in "data". Lists are paged by opaque
//     offsets that expire; very long ones cannot be paged to their end.
//   - GET /tasks?project=…&modified_since=… is consistent at once. Moves between
//     sections do not touch modified_at, and deletes stand in no list: both come
//     by the project's event stream, whose tokens live a day at most.
//   - Search belongs to paid plans and lags: it is not used.
//   - Subtasks stand in no project's list; their events do come with it.
//   - due_on and due_at exclude each other: to set one clears or recomputes the
//     other. A start date is written together with a due date.
//   - Values of custom fields are written flat by the field's gid. A value of a
//     wrong form is taken with status 200 and dropped, so what cannot be right is
//     refused here.
//   - External data (a gid of ours on a task) belongs to OAuth apps. Other tokens
//     keep the key of a create in a text custom field, and where a task has none,
//     in a line at the end of the description.
//   - A webhook is made with a call back to its address that brings its secret,
//     once. Deliveries do not name their webhook, so each has an address of its
//     own. Asana drops a webhook after a day of failures.
//   - A batch holds ten actions that run in no order; each counts as a call.
//   - Limits are told by 429 with Retry-After only.
package asana
