package engine

import "slices"

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
	codeAmbiguous     = "ambiguous-match"
	codeUnavailable   = "unavailable"
)

const replayIt = "tenon replay RECORD"

// advices are all of them, by what they are about.
var advices = slices.Concat(recordAdvices, fieldAdvices, waitingAdvices, wholeAdvices, ruleAdvices, undoAdvices)

var recordAdvices = []Advice{
	{
		Code: "refused", Group: AboutRecords, Standing: NeedsYou,
		Title: "The system refuses the record or a value of it",
		Cause: "A required field is empty, a validator says no, a value is too long or the field cannot be set. The reason is in the system's own words. A refused field is set aside alone, and the record's other fields go through; what is refused as a whole waits. A new value is tried at once, the same one with the next sweep.",
		Do: []Step{
			{Text: "Correct the value in the system that it comes from, or make the field optional in the other one."},
			{Text: "Then have it tried at once, rather than with the next sweep.", Command: replayIt},
		},
	},
	{
		Code: codePermission, Group: AboutRecords, Standing: NeedsYou,
		Title: "The account lacks a right",
		Cause: "The credentials are good, but they may not do this: read the record, write the field, make a record there.",
		Do: []Step{
			{Text: "See which rights are missing.", Command: "tenon connect CONNECTION --check"},
			{Text: "Give the account of CONNECTION the right in its system; it is tried again with the next sweep, or at once.", Command: replayIt},
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
		Code: codeAmbiguous, Group: AboutRecords, Standing: NeedsYou,
		Title: "Several records match each other",
		Cause: "More than one record holds the value by which the mapping looks for a counterpart, or the one that does has another counterpart already. Tenon never guesses.",
		Do: []Step{
			{Text: "Change the matched field so that one record holds the value; it is decided anew when one of them changes."},
			{Text: "Or link the two that belong together.", Command: "tenon link MAPPING LEFT RIGHT"},
			{Text: "Or have it decided anew now.", Command: replayIt},
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
			{Text: "Mend what the reason names; only what is missing is made.", Command: replayIt},
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
}

var fieldAdvices = []Advice{
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
		Cause: "An option without a row in `values:`, a text that is no number or too long, a day that is no instant. The record's other fields go on.",
		Do: []Step{
			{Text: "An option: add the row to `values:` in mapping MAPPING, or say with `otherwise:` what becomes of other values."},
			{Text: "A text that is too long: shorten it, or let the rule cut it with `truncate: true`."},
			{Text: "Or correct the value in its system; it is tried at once."},
		},
	},
	{
		Code: "unmatched", Group: AboutFields, Standing: NeedsYou,
		Title: "A person has no account on the other side",
		Cause: "People are matched by e-mail and the table `people:`, and no active user there has this one. The record's other fields go on.",
		Do: []Step{
			{Text: "Say under `people:` in tenon.yaml who it is there, by e-mail, username or id; systems that show no e-mails need this."},
			{Text: "Or invite the person there with the same e-mail, or correct the e-mail; it is tried again with the next sweep, or at once.", Command: replayIt},
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
		Cause: "The field was written more often than `engine.guards.flips` within minutes, among few values: another automation writes it, too. It is parked, and tried again after `engine.guards.window`.",
		Do: []Step{
			{Text: "Find the other automation (a workflow, another integration), and let one of the two write the field."},
			{Text: "See who wrote what when.", Command: "tenon history --link LINK"},
		},
	},
}
