package engine

var waitingAdvices = []Advice{
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
			{Text: "Or have it looked at now.", Command: "tenon replay RECORD"},
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
			{Text: "After an upgrade, or when the record has become smaller:", Command: replayIt},
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
}

var wholeAdvices = []Advice{
	{
		Code: "auth", Group: AboutConnections, Standing: NeedsYou,
		Title: "The credentials are refused",
		Cause: "The token has expired, was revoked, or is that of another account. The connection is paused and probed; its records wait, and nothing is marked failed.",
		Do: []Step{
			{Text: "Renew the credentials of CONNECTION, and check them.", Command: "tenon connect CONNECTION"},
			{Text: "A consent is handed to a running service; restart it where a token comes from its environment or a file."},
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
			{Text: "Give the account of CONNECTION back its right.", Command: "tenon connect CONNECTION --check"},
			{Text: "Only if they are really gone:", Command: "tenon resume MAPPING"},
		},
	},
	{
		Code: renamedCode, Group: AboutConnections, Standing: NeedsYou,
		Title: "The records have counterparts under a mapping that is gone",
		Cause: "Links are known by the mapping's name. When a mapping gets another name, its records look as if they had no counterpart, and each would get a second one. Nothing was made; the mapping stopped and asks.",
		Do: []Step{
			{Text: "If it was renamed, give it its old name again.", Command: "tenon reload"},
			{Text: "If it is another mapping, and a second counterpart is meant:", Command: "tenon resume MAPPING"},
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
}
