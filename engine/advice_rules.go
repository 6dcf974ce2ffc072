package engine

var ruleAdvices = []Advice{
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
			{Text: "Have it repaired now.", Command: "tenon replay RECORD"},
			{Text: "Or set `engine.sweep: repair`."},
		},
	},
	{
		Code: codeEqual, Group: AboutRules, Standing: InSync,
		Title: "The values look different and are equal under the mapping",
		Cause: "The system keeps what it was given in its own form (rounded, trimmed, cut to its precision), or the rule converts one form to the other. Each side holds what it held when both last agreed.",
		Do:    []Step{{Text: "Nothing."}},
	},
}

var undoAdvices = []Advice{
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
