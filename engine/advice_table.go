package engine

// Codes that explanations alone use. Those of the queue, of fields that are set
// aside and of connections are told where they arise.
const (
	codeQueued        = "queued"
	codeNotNoticed    = "not-noticed"
	codeNotRunning    = "not-running"
	codeReadOnly      = "read-only"
	codePaused        = "paused"
	codeMappingError  = "mapping-error"
	codeNoMapping     = "no-mapping"
	codeUnknownRecord = "unknown-record"
	codeGone          = "gone"
	codeMerged        = "merged"
	codeUnlinked      = "unlinked"
	codeOutOfScope    = "out-of-scope"
	codeConditionNot  = "condition-false"
	codeNotPressed    = "not-pressed"
	codeNoMatch       = "no-match"
	codeOneWay        = "one-way"
	codeLeftByTable   = "left-by-table"
	codeDrift         = "drift"
	codeUndone        = "undone"
	codeEqual         = "equal"
	codePermission    = "permission"
	codeUnavailable   = "unavailable"
)

const retryAll = "tenon queue retry --mapping MAPPING"

var advices = []Advice{
	// Records that are not in step.
	{
		Code: "refused", Group: AboutRecords, Standing: NeedsYou,
		Title: "The system refuses the record or a value of it",
		Cause: "A required field is empty, a validator says no, a value is too long or the field cannot be set. The reason is in the system's own words. A refused field is set aside alone, and the record's other fields go through; what is refused as a whole waits. A new value is tried at once, the same one with the next sweep.",
		Do: []Step{
			{Text: "Correct the value in the system that it comes from, or make the field optional in the other one."},
			{Text: "Then have it tried at once, rather than with the next sweep.", Command: retryAll},
		},
	},
	{
		Code: codePermission, Group: AboutRecords, Standing: NeedsYou,
		Title: "The account lacks a right",
		Cause: "The credentials are good, but they may not do this: read the record, write the field, make a record there.",
		Do: []Step{
			{Text: "See which rights are missing.", Command: "tenon validate"},
			{Text: "Give the account of CONNECTION the right in its system; it is tried again with the next sweep, or at once.", Command: retryAll},
		},
	},
	{
		Code: "not-found", Group: AboutRecords, Standing: NeedsYou,
		Title: "An object, project or field is not there any more",
		Cause: "What the mapping names was renamed or removed in the system, or the account may not see it any more.",
		Do: []Step{
			{Text: "Compare the mapping with the systems, and correct it.", Command: "tenon validate"},
		},
	},
	{
		Code: "condition", Group: AboutRecords, Standing: NeedsYou,
		Title: "The condition cannot be evaluated for this record",
		Cause: "`when:` reads a field that the account may not see, or computes something that this record's values do not allow.",
		Do: []Step{
			{Text: "Correct the expression of `when:` in mapping MAPPING, or give the account the right to read the field."},
		},
	},
	{
		Code: "with", Group: AboutRecords, Standing: NeedsYou,
		Title: "A value that is set at creation cannot be computed",
		Cause: "An expression under `with:` fails on this record's values.",
		Do: []Step{
			{Text: "Correct the expression under `with:` in mapping MAPPING."},
		},
	},
	{
		Code: "ambiguous-match", Group: AboutRecords, Standing: NeedsYou,
		Title: "Several records match each other",
		Cause: "More than one record holds the value by which the mapping looks for a counterpart, or the one that does has another counterpart already. Tenon never guesses.",
		Do: []Step{
			{Text: "Change the matched field so that one record holds the value; it is decided anew when one of them changes."},
			{Text: "Or link the two that belong together.", Command: "tenon link MAPPING LEFT RIGHT"},
			{Text: "Or have it decided anew now.", Command: retryAll},
		},
	},
	{
		Code: "not-convertible", Group: AboutRecords, Standing: NeedsYou,
		Title: "The mapping makes nothing from this side",
		Cause: "Somebody asked for a counterpart, but mapping MAPPING has no `create:` for the other side.",
		Do: []Step{
			{Text: "Use the button of the other side's record, or give the mapping a `create:`."},
		},
	},
	{
		Code: "task", Group: AboutRecords, Standing: NeedsYou,
		Title: "A task of the new record could not be made",
		Cause: "The record itself and its other tasks stand. The reason is in the system's own words, or names the expression that fails.",
		Do: []Step{
			{Text: "Mend what the reason names; only what is missing is made.", Command: retryAll},
		},
	},
	{
		Code: "cannot-archive", Group: AboutRecords, Standing: NeedsYou,
		Title: "The system cannot archive records",
		Cause: "`on_delete: archive` asks for what the other system does not offer for this object.",
		Do: []Step{
			{Text: "Write `on_delete: unlink` or `delete` for that side in mapping MAPPING."},
		},
	},
	{
		Code: "cannot-delete", Group: AboutRecords, Standing: NeedsYou,
		Title: "The system cannot delete records",
		Cause: "`on_delete: delete` asks for what the other system does not offer for this object.",
		Do: []Step{
			{Text: "Write `on_delete: unlink` or `archive` for that side in mapping MAPPING."},
		},
	},
	{
		Code: "deleted-and-edited", Group: AboutRecords, Standing: NeedsYou,
		Title: "Deleted on one side, edited on the other",
		Cause: "A deletion is never carried to a record that somebody has edited since both last agreed: a person decides.",
		Do: []Step{
			{Text: "Choose SIDE: the one that was deleted, to carry the deletion out; the other one, to keep that record.", Command: "tenon conflicts resolve LINK 0 SIDE"},
		},
	},
	{
		Code: codeUnknownRecord, Group: AboutRecords, Standing: Unknown,
		Title: "No such record is known",
		Cause: "Tenon has no link, no queue entry and no history of it, and the system does not show it: the id is wrong, the record was deleted, or the account has no right to see it.",
		Do: []Step{
			{Text: "Check the id; name the record by its web address, or as connection/object/id."},
			{Text: "If it is there, give the account the right to see it."},
		},
	},
	{
		Code: codeNoMapping, Group: AboutRecords, Standing: Unknown,
		Title: "No mapping concerns such records",
		Cause: "No mapping that runs has a side with this connection and object, so nothing ever looks at the record.",
		Do: []Step{
			{Text: "Write a mapping for it, or correct `between:` of the one that was meant.", Command: "tenon validate"},
		},
	},

	// Fields that are set aside.
	{
		Code: "conflict", Group: AboutFields, Standing: NeedsYou,
		Title: "Both sides changed the field differently",
		Cause: "The policy is `ask`, so the field waits for a person; the record's other fields go on. It also ends when both sides say the same.",
		Do: []Step{
			{Text: "Let the value of SIDE stand.", Command: "tenon conflicts resolve LINK RULE SIDE"},
			{Text: "Or edit one of the two so that both say the same."},
		},
	},
	{
		Code: "cannot-convert", Group: AboutFields, Standing: NeedsYou,
		Title: "The value has no form on the other side",
		Cause: "An option without a row in `values:`, a text that is no number, a day that is no instant. The record's other fields go on.",
		Do: []Step{
			{Text: "Add the row to `values:` in mapping MAPPING, or say with `otherwise:` what becomes of other values."},
			{Text: "Or correct the value in its system; it is tried at once."},
		},
	},
	{
		Code: "unmatched", Group: AboutFields, Standing: NeedsYou,
		Title: "A person has no account on the other side",
		Cause: "People are matched by e-mail only, and no active user there has this one. The record's other fields go on.",
		Do: []Step{
			{Text: "Invite the person there with the same e-mail, or correct the e-mail; it is tried again with the next sweep, or at once.", Command: retryAll},
		},
	},
	{
		Code: "expression", Group: AboutFields, Standing: NeedsYou,
		Title: "The rule's expression fails for this record",
		Cause: "`set:` computes something that this record's values do not allow. The record's other fields go on.",
		Do: []Step{
			{Text: "Correct the expression in mapping MAPPING."},
		},
	},
	{
		Code: "hidden", Group: AboutFields, Standing: NeedsYou,
		Title: "The account may not read the field",
		Cause: "The system says that the field is there and hides its value. It is not taken for empty: nothing is cleared on the other side.",
		Do: []Step{
			{Text: "Give the account of CONNECTION the right to read the field; the next sweep goes on with it."},
		},
	},
	{
		Code: "absent", Group: AboutFields, Standing: NeedsYou,
		Title: "The system does not show the field",
		Cause: "The answer lacks the field: no right to read it, or it is not on this record's form. It is not taken for empty: nothing is cleared on the other side.",
		Do: []Step{
			{Text: "Give the account of CONNECTION the right to read the field, or put it on the record's form."},
			{Text: "See whether the field is still there.", Command: "tenon validate"},
		},
	},
	{
		Code: "oscillating", Group: AboutFields, Standing: Waits,
		Title: "Something else changes the field back again and again",
		Cause: "The field was written more often than `engine.flips` within minutes, among few values: another automation writes it, too. It is parked, and tried again after `engine.guards.window`.",
		Do: []Step{
			{Text: "Find the other automation (a workflow, another integration), and let one of the two write the field."},
			{Text: "See who wrote what when.", Command: "tenon history --link LINK"},
		},
	},

	// Work that waits.
	{
		Code: codeQueued, Group: AboutWaiting, Standing: OnItsWay,
		Title: "It is in the queue",
		Cause: "A hint came and the record is due. Buttons go first, then webhooks, polls, the first reading and sweeps.",
		Do: []Step{
			{Text: "Nothing; to see what goes first:", Command: "tenon queue --mapping MAPPING"},
		},
	},
	{
		Code: codeNotNoticed, Group: AboutWaiting, Standing: OnItsWay,
		Title: "The sides differ, and no hint has told of it yet",
		Cause: "No webhook came for the change and no poll has listed it since. A poll finds it within its interval (later where the system's list lags), a sweep at the latest.",
		Do: []Step{
			{Text: "Wait for the next poll. Where webhooks should have told: see whether they are subscribed.", Command: "tenon hooks"},
			{Text: "Or have all in the mapping's scope looked at now.", Command: "tenon sync MAPPING"},
		},
	},
	{
		Code: codeUnavailable, Group: AboutWaiting, Standing: Waits,
		Title: "The system is down, slow or unreachable",
		Cause: "A call failed for the time being. One record's work backs off and is tried again; after three failures in a row the whole connection is paused and probed. Nothing is marked failed.",
		Do: []Step{
			{Text: "If it stays: look at the system's own status page and at the network.", Command: "tenon status"},
		},
	},
	{
		Code: "internal", Group: AboutWaiting, Standing: Waits,
		Title: "An answer that makes no sense, or a fault of Tenon",
		Cause: "The system answered something that the connector cannot read, a program fault was caught, or the result is too large to store. The record alone waits; it is tried again less and less often.",
		Do: []Step{
			{Text: "Report it with the reason and the log."},
			{Text: "After an upgrade, or when the record has become smaller:", Command: retryAll},
		},
	},
	{
		Code: "changed-meanwhile", Group: AboutWaiting, Standing: Waits,
		Title: "Somebody changed the record meanwhile, or a unique value is taken",
		Cause: "The write was refused since the record is not what was read. It is read and decided again.",
		Do: []Step{
			{Text: "If it stays: look for another record that holds the same unique value."},
		},
	},
	{
		Code: "stale-read", Group: AboutWaiting, Standing: Waits,
		Title: "The system showed an older state than before",
		Cause: "The record is older than what the system showed last time, as from a replica that lags. It is read again, and believed after six tries.",
		Do: []Step{
			{Text: "Nothing; if it never ends, the system's clock was set back."},
		},
	},
	{
		Code: missingCode, Group: AboutWaiting, Standing: Waits,
		Title: "A linked record was not found once",
		Cause: "A lost right and a deletion look the same. It is asked for again after `engine.missing_after`; not found twice, it counts as deleted and `on_delete:` decides.",
		Do: []Step{
			{Text: "If the record is there, give the account of CONNECTION back its right to see it."},
		},
	},
	{
		Code: deleteWaitsCode, Group: AboutWaiting, Standing: Waits,
		Title: "A deletion is about to follow on the other side",
		Cause: "The record was deleted, and after `engine.delete_wait` the other one follows, unless it comes back or the other one is edited.",
		Do: []Step{
			{Text: "Choose SIDE: the one that was deleted, not to wait; the other one, to keep that record.", Command: "tenon conflicts resolve LINK 0 SIDE"},
		},
	},
	{
		Code: "finding", Group: AboutWaiting, Standing: Waits,
		Title: "A record that was just made is not to be found yet",
		Cause: "The answer to the create was lost, or the system's search lags. It is looked for by its key until the system must show it; nothing is made twice.",
		Do: []Step{
			{Text: "Nothing; if it stays, look whether somebody deleted the new record."},
		},
	},
	{
		Code: "history", Group: AboutWaiting, Standing: Waits,
		Title: "The history of a field could not be read",
		Cause: "Tenon asks the field's history whether a write covered somebody's edit, and waits for it for a while rather than lose that edit.",
		Do: []Step{
			{Text: "If it stays: give the account of CONNECTION the right to read histories."},
		},
	},
	{
		Code: "cursor", Group: AboutWaiting, Standing: OnItsWay,
		Title: "The system forgot where the list of changes stood",
		Cause: "The list is read anew from its start; records that have not changed are known by their versions and cost no write.",
		Do:    []Step{{Text: "Nothing."}},
	},

	// Connections, mappings and the service.
	{
		Code: "auth", Group: AboutConnections, Standing: NeedsYou,
		Title: "The credentials are refused",
		Cause: "The token has expired, was revoked, or is that of another account. The connection is paused and probed; its records wait, and nothing is marked failed.",
		Do: []Step{
			{Text: "Renew the credentials of CONNECTION, then check them.", Command: "tenon validate"},
			{Text: "Restart the service where they come from its environment."},
		},
	},
	{
		Code: codeRateLimited, Group: AboutConnections, Standing: Waits,
		Title: "The system asked for a pause",
		Cause: "Too many requests, of Tenon's or of other apps under the same account. `Retry-After` holds for the whole connection; it goes on by itself.",
		Do: []Step{
			{Text: "If it is often: lower `requests_per_second` of CONNECTION.", Command: "tenon status"},
		},
	},
	{
		Code: codeQuota, Group: AboutConnections, Standing: Waits,
		Title: "The allowance is used up, or kept for more urgent work",
		Cause: "The system allows so many calls in a day or an hour. When they run low, sweeps stop first, then the first reading, polls and webhooks; a pressed button goes last. It goes on by itself.",
		Do: []Step{
			{Text: "See when it goes on, and what used the allowance.", Command: "tenon status"},
			{Text: "To use fewer calls, raise `engine.sweep_interval` and `engine.poll_interval`, or `daily_share` of CONNECTION."},
		},
	},
	{
		Code: "guard", Group: AboutConnections, Standing: NeedsYou,
		Title: "The mapping was stopped by a guard",
		Cause: "It was about to delete, empty or replace more than its budget allows within `engine.guards.window`, as after a mistake in a mapping or a lost right. Nothing of the batch was written.",
		Do: []Step{
			{Text: "See what would have been done.", Command: "tenon status"},
			{Text: "See what led to it, and mend it if it is not meant.", Command: "tenon history --mapping MAPPING"},
			{Text: "If it is meant, or mended, let it go on.", Command: "tenon resume MAPPING"},
		},
	},
	{
		Code: massMissingCode, Group: AboutConnections, Standing: NeedsYou,
		Title: "Many linked records of one side cannot be read any more",
		Cause: "That many at once are no deletions: a right, a project or a filter was taken from the account. Nothing is unlinked; the mapping goes on by itself when they can be read again.",
		Do: []Step{
			{Text: "Give the account of CONNECTION back its right.", Command: "tenon validate"},
			{Text: "Only if they are really gone:", Command: "tenon resume MAPPING"},
		},
	},
	{
		Code: codePaused, Group: AboutConnections, Standing: NeedsYou,
		Title: "A person paused it",
		Cause: "Hints queue up meanwhile; nothing is read or written for it until somebody lets it go on.",
		Do: []Step{
			{Text: "Let it go on.", Command: "tenon resume MAPPING"},
		},
	},
	{
		Code: codeMappingError, Group: AboutConnections, Standing: NeedsYou,
		Title: "The mapping has errors and does not run",
		Cause: "A mapping that fails its check, or whose systems could not be asked at the start, is left out; the others run. Hints that come for it are found by the next sweep after it runs again.",
		Do: []Step{
			{Text: "See all that is wrong, and correct it; a running service takes the corrected file in by itself.", Command: "tenon validate"},
		},
	},
	{
		Code: codeReadOnly, Group: AboutConnections, Standing: NeedsYou,
		Title: "The service only watches",
		Cause: "`engine.read_only` is set: webhooks and changes are taken in and wait in the queue, and no system is written to.",
		Do: []Step{
			{Text: "Take `engine.read_only` out of tenon.yaml, and restart."},
		},
	},
	{
		Code: codeNotRunning, Group: AboutConnections, Standing: NeedsYou,
		Title: "No service is running",
		Cause: "Nothing polls, takes webhooks in or works the queue of this state now. What changed meanwhile is found when it runs again.",
		Do: []Step{
			{Text: "Start the service.", Command: "tenon serve"},
			{Text: "Or bring the mapping into step once.", Command: "tenon sync MAPPING"},
		},
	},

	// Left alone.
	{
		Code: codeOutOfScope, Group: AboutRules, Standing: LeftAlone,
		Title: "The record is outside the mapping's scope",
		Cause: "The mapping's side takes part of the records only (`scope:`), and this one is not among them. A linked record that leaves the scope keeps its link, and nothing is written until it comes back.",
		Do: []Step{
			{Text: "Move the record into the scope, or widen `scope:` in mapping MAPPING."},
		},
	},
	{
		Code: codeConditionNot, Group: AboutRules, Standing: LeftAlone,
		Title: "The condition for a counterpart does not hold",
		Cause: "The record has no counterpart, and `when:` of the mapping's `create:` is false for it. It is asked again whenever the record changes.",
		Do: []Step{
			{Text: "Change the record so that the condition holds, or change `when:` in mapping MAPPING."},
		},
	},
	{
		Code: codeNotPressed, Group: AboutRules, Standing: LeftAlone,
		Title: "Nobody has pressed the button",
		Cause: "The record has no counterpart, and the mapping makes one only when somebody asks for it.",
		Do: []Step{
			{Text: "Press \"BUTTON\" on the record."},
		},
	},
	{
		Code: codeNoMatch, Group: AboutRules, Standing: LeftAlone,
		Title: "No counterpart was found, and none is made",
		Cause: "No `match:` rule of the mapping finds a record on the other side, and the mapping has no `create:` for that side. It is looked for again whenever one of the two changes; where the system's search lags, that takes as long.",
		Do: []Step{
			{Text: "Give both records the same value in a matched field."},
			{Text: "Or link the two that belong together.", Command: "tenon link MAPPING LEFT RIGHT"},
			{Text: "Or give mapping MAPPING a `create:`."},
		},
	},
	{
		Code: codeGone, Group: AboutRules, Standing: LeftAlone,
		Title: "The record is archived or deleted",
		Cause: "A record that is not live is not synced. What becomes of its counterpart is decided by `on_delete:`.",
		Do: []Step{
			{Text: "Restore it in its own system, if it is meant to be there; a link that ended by its deletion comes back with it."},
		},
	},
	{
		Code: codeMerged, Group: AboutRules, Standing: LeftAlone,
		Title: "The record was merged into another one",
		Cause: "Its link goes over to the record that took its place, unless that one has a link of its own.",
		Do: []Step{
			{Text: "Look at the record that took its place.", Command: "tenon explain RECORD"},
		},
	},
	{
		Code: codeUnlinked, Group: AboutRules, Standing: LeftAlone,
		Title: "The link has ended",
		Cause: "One of the two records was deleted or archived, was merged into one that is linked already, or a person ended the link. The link is kept so that no second counterpart is made.",
		Do: []Step{
			{Text: "See who or what ended it.", Command: "tenon history --link LINK"},
			{Text: "Restore the record that is gone in its own system and the two are linked again; where the mapping has a button, a press of it makes another counterpart."},
		},
	},
	{
		Code: codeOneWay, Group: AboutRules, Standing: LeftAlone,
		Title: "The target of a one-way rule was edited by hand",
		Cause: "The rule writes in the other direction only. The edit stays until the source changes; with `enforce: true` it would be put back.",
		Do: []Step{
			{Text: "Edit the source to have it written again; or write `enforce: true`, or take `flow:` out for both ways, in mapping MAPPING."},
		},
	},
	{
		Code: codeUndone, Group: AboutRules, Standing: LeftAlone,
		Title: "An undo put a value back, so that the sides differ",
		Cause: "Both sides hold what they held when the undo was done, and that counts as agreed: nothing is written until one of them is edited.",
		Do: []Step{
			{Text: "Edit the side whose value is to travel; or undo the undo, whose event the history shows.", Command: "tenon history --link LINK"},
		},
	},
	{
		Code: codeLeftByTable, Group: AboutRules, Standing: LeftAlone,
		Title: "The value table leaves this value alone",
		Cause: "`values:` has no row for the value, and `otherwise: leave` keeps what the other side holds.",
		Do: []Step{
			{Text: "Add a row for the value to `values:` in mapping MAPPING, if it is to travel."},
		},
	},
	{
		Code: codeDrift, Group: AboutRules, Standing: LeftAlone,
		Title: "A sweep found a difference and only reported it",
		Cause: "`engine.sweep` is `report`: what no hint told of is told in the history and not repaired. The next hint of the record repairs it.",
		Do: []Step{
			{Text: "Have it repaired now.", Command: "tenon sync MAPPING"},
			{Text: "Or set `engine.sweep: repair`."},
		},
	},
	{
		Code: codeEqual, Group: AboutRules, Standing: InSync,
		Title: "The values look different and are equal under the mapping",
		Cause: "The system keeps what it was given in its own form (rounded, trimmed, cut to its precision), or the rule converts one form to the other. Each side holds what it held when both last agreed.",
		Do:    []Step{{Text: "Nothing."}},
	},

	// What an undo leaves.
	{
		Code: "edited-since", Group: AboutUndo, Standing: LeftAlone,
		Title: "Somebody has edited the field since",
		Cause: "An undo puts a value back only where the field still holds what Tenon wrote: a later edit is somebody's work.",
		Do: []Step{
			{Text: "Compare the value that is there with the one that would have been put back, and edit it by hand if need be."},
		},
	},
	{
		Code: "written-again", Group: AboutUndo, Standing: LeftAlone,
		Title: "Tenon has written the field again since",
		Cause: "A later write that is not part of what is undone came from a later edit on the other side.",
		Do: []Step{
			{Text: "Undo the later write first, if it is not meant either; the history shows its number.", Command: "tenon history --link LINK"},
		},
	},
	{
		Code: "enforced", Group: AboutUndo, Standing: NeedsYou,
		Title: "The rule would write it again at once",
		Cause: "The rule has `enforce: true`, so that whatever else the target holds is replaced by its source's value.",
		Do: []Step{
			{Text: "Correct the source or the rule first, or pause the mapping.", Command: "tenon pause MAPPING"},
		},
	},
	{
		Code: "older", Group: AboutUndo, Standing: LeftAlone,
		Title: "It was written by an older Tenon",
		Cause: "The events of older versions tell too little to undo them.",
		Do: []Step{
			{Text: "Look in the system's own history of the field."},
		},
	},
	{
		Code: "forgotten", Group: AboutUndo, Standing: LeftAlone,
		Title: "The value that was replaced is not kept any more",
		Cause: "Replaced values are kept sealed for the time that `engine.keep_replaced` sets, and removed after it.",
		Do: []Step{
			{Text: "Look in the system's own history of the field."},
		},
	},
	{
		Code: "not-kept", Group: AboutUndo, Standing: LeftAlone,
		Title: "The value that was replaced was not kept",
		Cause: "`engine.keep_replaced` was 0, the value was too long to be kept, or it was sealed with a key that is not there any more.",
		Do: []Step{
			{Text: "Look in the system's own history of the field; name a former key in `state.older_key_files`."},
		},
	},
	{
		Code: "other-object", Group: AboutUndo, Standing: LeftAlone,
		Title: "The mapping joins other objects now",
		Cause: "The write went to a record of another object than the mapping's side names now, so that nothing says how to reach it.",
		Do: []Step{
			{Text: "Put the former objects back into `between:` of mapping MAPPING for the undo, or mend the record by hand."},
		},
	},
	{
		Code: "not-a-field", Group: AboutUndo, Standing: LeftAlone,
		Title: "What was done is no write of a field",
		Cause: "Records that were made, linked, archived or deleted stay as they are: only a person can tell what may follow from taking that back.",
		Do: []Step{
			{Text: "Go through the records that are named, and decide about each in its system."},
		},
	},
	{
		Code: "unreadable", Group: AboutUndo, Standing: Waits,
		Title: "The record could not be read",
		Cause: "The system answered with an error for this record, so that nobody knows what it holds now.",
		Do: []Step{
			{Text: "Mend what the reason names, and repeat the undo: what is undone already stays so."},
		},
	},
	{
		Code: "under-way", Group: AboutUndo, Standing: Waits,
		Title: "A write of the field is under way",
		Cause: "Its end is not known yet, as after a crash or a lost answer.",
		Do: []Step{
			{Text: "Repeat the undo after the next reconcile of the record."},
		},
	},
	{
		Code: "unsure", Group: AboutUndo, Standing: Waits,
		Title: "The answer to putting it back was lost",
		Cause: "The value may have been put back or not; the next reconcile finds out.",
		Do: []Step{
			{Text: "Repeat the undo: it tells what is left."},
		},
	},
	{
		Code: "not-sent", Group: AboutUndo, Standing: Waits,
		Title: "The system could not be reached for it",
		Cause: "Nothing was sent for this record, or it surely took no effect.",
		Do: []Step{
			{Text: "Repeat the undo when the system answers: it goes on where it was."},
		},
	},
}
