package mapping

// caseFileSpec is the whole of a test file, one that holds cases for a mapping.
var caseFileSpec = &spec{kind: specObject, keys: []*spec{
	{
		name: "mapping", kind: specName, fallback: "the file of the same name: `NAME_test.yaml` tests `NAME.yaml`", example: "mapping: won-deal-to-epic",
		help: "The name of the mapping that is tested.",
	},
	{
		name: "given", kind: specObject, side: recordsSpec, example: "given:\n  deal: {dealname: Roll-out, dealstage: closedwon}",
		help: "Records that each case starts from, so that a case names only what matters to it. A case overrides single fields. " + fieldsHelp,
	},
	nowSpec, exactSpec, peopleSpec,
	{
		name: "defaults", kind: specObject, side: fieldsSpec, example: "defaults:\n  epic: {status: To Do}",
		help: "What a system fills in by itself when a record is made there.",
	},
	{
		name: "cases", kind: specList, required: true, item: caseSpec,
		example: "cases:\n  - name: a lost deal makes nothing\n    deal: {dealstage: closedlost}\n    expect: nothing",
		help:    "The cases. Each runs by itself, in order, against systems that hold nothing but its own records.",
	},
	{
		name: "schema", kind: specObject, side: schemaSpec, example: "schema:\n  deal: {dealname: text, amount: number, dealstage: [appointment, closedwon]}",
		help: "Fields of a side with their types, where no schema is saved (`tenon fields CONNECTION OBJECT --save`): `text`, `rich text`, `number`, `money`, `boolean`, `date`, `instant`, `option`, `options`, `person`, `reference`, or a list of the options that there are. They add to a saved schema and go before it.",
	},
}}

var nowSpec = &spec{
	name: "now", kind: specText, fallback: "2026-01-05T09:00:00Z, a Monday", example: "now: 2026-03-02T09:00:00Z",
	help: "The time at which it happens, from which `5 workdays` and the like count. A case may have its own.",
}

var exactSpec = &spec{
	name: "exact", kind: specBool, fallback: "true", example: "exact: false",
	help: "Whether a case fails on what it does not expect: another field that is written, a task, a conflict. With `false` only what `expect` lists is compared. A case may say it for itself.",
}

var peopleSpec = &spec{
	name: "people", kind: specObject, side: &spec{kind: specList, item: &spec{kind: specText}}, example: "people:\n  epic: [ada@acme.example]",
	help: "Who has an account on a side, by e-mail. For a side without the key, everybody whom the case names has one. A case may have its own.",
}

const fieldsHelp = "Fields by API name or label, each with its value: a text, number, day (`2026-03-02`), time (`2026-03-02T09:00:00Z`), `true` or `false`, an option by id or label, a person by e-mail, a list for fields with several values, or nothing for an empty field."

var fieldsSpec = &spec{kind: specRecord, help: fieldsHelp}

var recordsSpec = &spec{
	kind: specRecord, help: fieldsHelp + " `id`, `key`, `title` and `url` may be given too. Fields that are not named are empty. A list of such records puts several there.",
	or: []*spec{{kind: specList, item: fieldsSpec}},
}

var schemaSpec = &spec{kind: specValues, help: "Fields, each with its type or a list of its options."}

var commentsSpec = &spec{kind: specList, item: &spec{kind: specText}, help: "Texts of comments, in Markdown."}

var filesSpec = &spec{kind: specList, item: &spec{kind: specText}, help: "Names of files."}

var caseSpec = &spec{kind: specObject, side: recordsSpec, keys: []*spec{
	{name: "name", kind: specText, required: true, example: "name: a won deal becomes an epic", help: "What the case shows, in a sentence. Unique in the file; `tenon test --run` chooses by it."},
	{name: "linked", kind: specBool, fallback: "false", example: "linked: true", help: "The two records are linked, and what they hold is what both held when they last agreed. With several records on a side, the first ones are linked."},
	{name: "pressed", kind: specBool, fallback: "false", example: "pressed: true", help: "Somebody presses the mapping's button on the record."},
	{
		name: "edits", kind: specObject, example: "edits:\n  deal: {dealname: Roll-out II}\n  epic: {summary: Roll-out 2}",
		side: &spec{kind: specWord, values: editWords, or: []*spec{fieldsSpec}, help: "Fields that people set since the records were as given, or what became of the record: " + "`archived`, `deleted`, or `moved` out of the scope."},
		help: "What people did since, in the order in which it stands: of two edits the lower one is the newer.",
	},
	{
		name: "comments", kind: specObject, side: commentsSpec, example: "comments:\n  deal: [The customer called.]",
		help: "What people said since, on a side's record.",
	},
	{
		name: "attachments", kind: specObject, side: filesSpec, example: "attachments:\n  deal: [offer.pdf, \"plan.iso (30 MB)\"]",
		help: "What people attached since, to a side's record: names, each with a size in brackets where that matters.",
	},
	nowSpec, exactSpec, peopleSpec,
	{
		name: "expect", kind: specWord, values: []string{"nothing"}, or: []*spec{expectSpec}, example: "expect:\n  update:\n    epic: {summary: Roll-out II}",
		help: "What comes of it. `nothing`: nothing is written, linked, set aside or refused. A case without it fails and shows what came; `tenon test --write` puts that into the file.",
	},
}}

var editWords = []string{"archived", "deleted", "moved"}

var expectSpec = &spec{kind: specObject, keys: []*spec{
	{name: "link", kind: specBool, example: "link: true", help: "The given records are linked by a rule of `match` (`true`), or no longer linked (`false`)."},
	{name: "create", kind: specObject, side: fieldsSpec, example: "create:\n  epic: {summary: Roll-out}", help: "The record that is made on a side, with the fields that it holds."},
	{
		name: "tasks", kind: specList, item: &spec{kind: specText, or: []*spec{fieldsSpec}}, example: "tasks:\n  - Prototype\n  - {summary: Acceptance test, due: 2026-02-16}",
		help: "The tasks that are made with it, in any order: the title alone, or fields. Of a task's fields only those listed are compared.",
	},
	{name: "update", kind: specObject, side: fieldsSpec, example: "update:\n  epic: {summary: Roll-out II}", help: "The fields that change on a side's given record, with the values that they hold afterwards."},
	{name: "conflict", kind: specList, item: &spec{kind: specText}, or: []*spec{{kind: specTable}}, example: "conflict: [dealname]", help: "Fields that wait for a person, by a field of either side; `record` for a record that was deleted on one side and edited on the other."},
	{name: "aside", kind: specList, item: &spec{kind: specText}, or: []*spec{{kind: specTable}}, example: "aside: {hubspot_owner_id: no user}", help: "Fields that are set aside, by a field of either side; as a table each with a part of the reason."},
	{name: "comments", kind: specObject, side: commentsSpec, example: "comments:\n  epic: [The customer called.]", help: "Comments that are copied to a side's record, each by a part of its text."},
	{name: "attachments", kind: specObject, side: filesSpec, example: "attachments:\n  epic: [offer.pdf, plan.iso (link)]", help: "What is attached to a side's record, each by a part of its name. A link in the place of a file has `(link)` behind the name."},
	{name: "error", kind: specText, example: "error: more than one", help: "Part of the reason for which the record cannot be worked, or waits."},
	{name: "archive", kind: specWord, values: []string{"<side>"}, example: "archive: epic", help: "The side whose given record Tenon archives."},
	{name: "delete", kind: specWord, values: []string{"<side>"}, example: "delete: epic", help: "The side whose given record Tenon deletes."},
}}
