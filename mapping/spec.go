package mapping

// specKind says what may stand as the value of a key.
type specKind uint8

const (
	specText       specKind = iota // one text, number or boolean
	specName                       // a text that names something: letters, digits, `-`
	specBool                       // true or false
	specExpression                 // an expression, checked against the schemas
	specTemplate                   // a text with {{ expressions }}
	specWord                       // one of values; `<side>` stands for either side's name
	specObject                     // the keys of spec.keys; spec.side for keys named after the sides
	specTable                      // any keys with one value each
	specValues                     // any keys with a value, a template or a list of them
	specRecord                     // fields with a value, a list of them, or nothing
	specList                       // a list of spec.item
)

// spec describes one key of a mapping file. The parser, the editor's schema
// and the reference page are all driven by it.
type spec struct {
	name     string
	kind     specKind
	help     string // a sentence or more for the reference page
	required bool
	values   []string // of a specWord
	fallback string   // what holds without the key, for people
	example  string   // YAML
	keys     []*spec
	side     *spec   // the value of a key named after a side
	item     *spec   // of a list
	free     bool    // an object that takes further keys, each a template
	or       []*spec // other forms of the value
}

// key returns the spec of a key, nil when there is none.
func (s *spec) key(name string) *spec {
	for _, k := range s.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}

// takes reports whether a value has the form of another form of a spec.
func (s *spec) takes(n *node) bool {
	switch s.kind {
	case specObject, specTable, specValues, specRecord:
		return n.kind == objectNode
	case specList:
		return n.kind == listNode
	}
	return n.kind == scalarNode
}

// names lists the keys of an object.
func (s *spec) names() []string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return names
}

// fileSpec is the whole mapping file.
var fileSpec = &spec{kind: specObject, keys: []*spec{
	{
		name: "mapping", kind: specName, required: true, example: "mapping: won-deal-to-epic",
		help: "The mapping's name: lower-case letters, digits, `-`, `_` and `.`, at most 64, unique among all mapping files. Links are stored under it, so renaming a mapping starts a new one.",
	},
	{
		name: "description", kind: specText, example: "description: A won deal becomes an epic.",
		help: "What the mapping is for, in a sentence for people.",
	},
	{
		name: "between", kind: specObject, required: true, side: sideSpec,
		example: "between:\n  deal: {connection: hubspot, object: deals}\n  epic: {connection: jira, object: issue, scope: {project: DELIV, issuetype: Epic}}",
		help:    "The two sides. Each key gives a side the name that the rest of the file uses for it: lower-case letters, digits and `_`.",
	},
	{
		name: "time_zone", kind: specText, fallback: "the zone of `tenon.yaml`", example: "time_zone: Europe/Berlin",
		help: "The time zone in which an instant becomes a day and a day an instant.",
	},
	{
		name: "holidays", kind: specList, item: &spec{kind: specText}, example: "holidays: [2026-12-25, 2027-01-01]",
		help: "Days that `workdays` passes over, besides Saturdays and Sundays.",
	},
	{
		name: "match", kind: specList, item: &spec{kind: specObject, side: &spec{kind: specText, help: "A field, or `id` for the record's own id."}},
		example: "match:\n  - {deal: id, epic: \"CRM deal\"}",
		help:    "Adopts a record that already exists instead of making a second one: where the two fields hold the same value. Rules are tried in order. More than one candidate is never guessed between: the link waits for a person.",
	},
	{
		name: "create", kind: specObject, side: createSpec,
		example: "create:\n  epic:\n    when: deal.dealstage == \"closedwon\"\n    button: Convert to project",
		help:    "How records come to be on a side. Without a key for a side, none are made there.",
	},
	{
		name: "fields", kind: specList, item: ruleSpec, required: true,
		example: "fields:\n  - {deal: dealname, epic: summary}",
		help:    "The rules, each for one field of each side. Fields are named by their API name or by the label that people see.",
	},
	{
		name: "conflict", kind: specWord, values: []string{"newest", "<side> wins", "ask"}, fallback: "newest", example: "conflict: deal wins",
		help: "What happens to a field that both sides changed differently since they last agreed. `ask` lets that field wait for a person; the others go on.",
	},
	{
		name: "first_sync", kind: specWord, values: []string{"<side> wins", "newest", "fill blanks"}, fallback: "fill blanks", example: "first_sync: deal wins",
		help: "How a link starts that joins two records which both exist. `fill blanks` only fills cleared fields; where both hold something different, `conflict` decides.",
	},
	{
		name: "on_delete", kind: specWord, values: deleteWords, fallback: "unlink",
		or:      []*spec{{kind: specObject, side: &spec{kind: specWord, values: deleteWords}}},
		example: "on_delete: {deal: unlink, epic: recreate}",
		help:    "What follows when the record on a side was deleted: the link ends (`unlink`), or the other record is archived or deleted too, or the deleted one is made again. One word serves both sides. Before `archive` and `delete` a deletion waits (`engine.delete_wait`), and a record that comes back ends it. A record that was edited on the other side meanwhile is never deleted silently.",
	},
	{
		name: "comments", kind: specWord, values: []string{"none", "to <side>", "both"}, fallback: "none", example: "comments: both",
		help: "Copies comments, each with its author's name.",
	},
	{
		name: "within", kind: specName, example: "within: won-deal-to-epic",
		help: "The mapping whose links are the parents of this one's records: a record counts when its parent is linked, and is made under the parent's counterpart. This version checks the key and refuses to run a file with it.",
	},
	{
		name: "attachments", kind: specWord, values: []string{"none", "to <side>", "both"}, fallback: "none",
		or: []*spec{{kind: specObject, keys: []*spec{
			{name: "flow", kind: specWord, values: []string{"none", "to <side>", "both"}, required: true, example: "flow: both", help: "Which way attachments go."},
			{name: "limit", kind: specText, fallback: "20 MB", example: "limit: 50 MB", help: "The size of the largest file that is copied, in `KB`, `MB` or `GB`. `0` copies none: each becomes a link."},
		}}},
		example: "attachments: {flow: both, limit: 20 MB}",
		help:    "Copies the files that are attached to a record, those included that were there before the link. A larger file than the `limit`, or than the other system takes, becomes a link to the original. Deleting a file deletes no copy.",
	},
}}

var deleteWords = []string{"unlink", "archive", "delete", "recreate"}

var sideSpec = &spec{kind: specObject, keys: []*spec{
	{name: "connection", kind: specName, required: true, example: "connection: hubspot", help: "The connection's name in `tenon.yaml`."},
	{name: "object", kind: specText, required: true, example: "object: deals", help: "The kind of record, by the system's own name."},
	{name: "scope", kind: specTable, example: "scope: {project: DELIV, issuetype: Epic}", help: "Which records count, and where new ones are made. The keys are the connector's; its page lists them."},
}}

var createSpec = &spec{kind: specObject, keys: []*spec{
	{
		name: "when", kind: specExpression, example: "when: deal.dealstage == \"closedwon\"",
		help: "Makes a record by itself as soon as this is true of the other side's record. `when: true` makes one for each.",
	},
	{
		name: "button", kind: specText, example: "button: Convert to project",
		or: []*spec{{kind: specObject, keys: []*spec{
			{name: "label", kind: specText, required: true, example: "label: Convert to project", help: "What stands on the button."},
			{name: "field", kind: specText, example: "field: tenon_convert", help: "A text field of the other side's records that the signed link is written into, so that people can press it there."},
		}}},
		help: "Offers the creation to people, who are asked before it is done.",
	},
	{
		name: "with", kind: specValues, example: "with: {components: [Delivery]}",
		help: "Values set once, at creation: constants, or texts with `{{ expressions }}` over the other side's record.",
	},
	{
		name: "tasks", kind: specList, item: taskSpec,
		example: "tasks:\n  - {summary: \"Requirements: {{ deal.dealname }}\", assignee: \"{{ deal.hubspot_owner_id.email }}\", due: 5 workdays}",
		help:    "Records made under the new one, each exactly once.",
	},
}}

var taskSpec = &spec{kind: specObject, free: true, keys: []*spec{
	{name: "summary", kind: specTemplate, example: "summary: \"Kick-off: {{ deal.dealname }}\"", help: "The task's title. `title` is the same."},
	{name: "title", kind: specTemplate, example: "title: Prototype", help: "The same as `summary`."},
	{name: "key", kind: specText, fallback: "made from the title's fixed words", example: "key: kick-off", help: "What tells this task from the others of the mapping. Give one before you reword the title of a task that is in use."},
	{name: "type", kind: specText, fallback: "Task", example: "type: Sub-task", help: "The kind of record: where the side's scope names an `issuetype`, the task's own; elsewhere the object. In Trello, tasks are items of the card's checklist."},
	{name: "assignee", kind: specTemplate, example: "assignee: \"{{ deal.hubspot_owner_id.email }}\"", help: "A person's e-mail. An empty one leaves the task unassigned."},
	{name: "due", kind: specExpression, example: "due: 5 workdays", help: "`N days` or `N workdays` after the creation, a day (`2026-12-24`), or an expression that gives a day."},
	{name: "description", kind: specTemplate, example: "description: \"See {{ deal.url }}\"", help: "The task's text, in Markdown."},
}}

var ruleSpec = &spec{kind: specObject, side: &spec{kind: specText, help: "The side's field."}, keys: []*spec{
	{
		name: "flow", kind: specWord, values: []string{"<side> -> <side>", "both"}, fallback: "both", example: "flow: deal -> epic",
		help: "Which way values go.",
	},
	{
		name: "set", kind: specExpression, example: "set: 'lower(deal.dealtype)'",
		help: "An expression over the other side's record in place of a field there. The rule then goes one way. A list given to a field with several values adds its elements and leaves those of other people.",
	},
	{
		name: "values", kind: specTable, example: "values: {closedwon: To Do, in_delivery: In Progress}",
		help: "Which value becomes which: values of the side that the rule names first on the left, the other's on the right, by id or by label.",
	},
	{
		name: "back", kind: specTable, example: "back: {To Do: closedwon, In Review: in_delivery}",
		help: "For the way back: which of several values returns, and what further values of the second side mean. Values of the second side on the left.",
	},
	{
		name: "otherwise", kind: specText, fallback: "error", example: "otherwise: leave",
		help: "For a value that `values` does not list: `leave` the field as it is, `clear` it, `copy` (take the option or text of the same name), `error` (set the field aside with the reason), or a value to write, in one-way rules.",
	},
	{
		name: "conflict", kind: specWord, values: []string{"newest", "<side> wins", "ask"}, fallback: "the mapping's", example: "conflict: epic wins",
		help: "The rule's own conflict policy.",
	},
	{
		name: "enforce", kind: specBool, fallback: "false", example: "enforce: true",
		help: "Restores the target of a one-way rule when somebody edits it by hand.",
	},
	{
		name: "rollup", kind: specWord, values: rollupWords, example: "rollup: earliest",
		or: []*spec{{kind: specObject, keys: []*spec{
			{name: "worst", kind: specList, item: &spec{kind: specText}, required: true, example: "worst: [Blocked, At risk, On track, Done]", help: "Values of the target field, the worst first: the first of them that any link brings is written."},
		}}},
		help: "Makes one value of what several mappings bring to the same field of one record: the `earliest` or `latest` day, the `lowest` or `highest` number, their `sum`, or the `worst` option of a list. Each mapping has a one-way rule with the same `rollup` into the field. A value that `values` leaves (`otherwise: leave`) and an empty one count for nothing; where nothing counts, the field is cleared. The field always holds what its shares come to, also after somebody edited it by hand.",
	},
	{
		name: "truncate", kind: specBool, fallback: "false", example: "truncate: true",
		help: "Cuts a text that is too long for the target, instead of setting the field aside.",
	},
	{
		name: "at", kind: specText, example: "at: \"09:00\"",
		help: "The time of day that a day gets when it becomes an instant, in the mapping's time zone.",
	},
	{
		name: "format", kind: specWord, values: []string{"markdown", "plain"}, fallback: "markdown", example: "format: plain",
		help: "Between a plain text and a rich one: `markdown` reads and writes the plain text as Markdown, so that nothing is lost either way; `plain` writes the words only, and takes the plain text literally.",
	},
}}
