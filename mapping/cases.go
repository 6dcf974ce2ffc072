package mapping

import (
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// CaseFile is a test file: cases that say what a mapping makes of records. Read
// it with ReadCases, tell it the mapping with For, and let Bind fill in Cases.
type CaseFile struct {
	Path    string
	Mapping string // the mapping's name; "": the file of the same name says which
	Cases   []*Case

	root   *node
	report *reporter
	file   *File // the same text, with the names of the mapping's sides
}

// Case is one case: what is there, what people do, and what is to come of it.
type Case struct {
	Name         string
	Line, Column int
	Now          time.Time
	Exact        bool // what is not expected fails too
	Linked       bool
	Pressed      bool
	Given        []GivenRecord // in the order of the file: the later is the newer
	Edits        []Edit        // likewise
	Comments     [2][]string   // what people said since, on a side's first record
	Attachments  [2][]Attached // what people attached since, to a side's first record
	People       [2][]string   // e-mails of who has an account on a side
	AllPeople    [2]bool       // everybody has one
	Defaults     [2][]FieldValue
	Expect       *Expect // nil: the case does not say yet

	end    int // the last line of the case
	indent int // of its keys, in characters; 0 where nothing can be added
}

// Attached is a file that people attach.
type Attached struct {
	Name string
	Size int64 // in bytes
}

// GivenRecord is a record as a case describes it. ID, Key, Title and URL are ""
// where the case leaves them open.
type GivenRecord struct {
	Side                SideID
	ID, Key, Title, URL string
	Fields              []FieldValue
	Line, Column        int
}

// Edit is what people do to a side's first record: they set fields, or Become
// says what becomes of it: "archived", "deleted" or "moved".
type Edit struct {
	Side   SideID
	Fields []FieldValue
	Become string
}

// Expect is what a case expects. The zero value expects nothing.
type Expect struct {
	Link      *bool // nil: not said
	Creates   [2]*Wanted
	Tasks     []Wanted
	Updates   [2]*Wanted
	Conflicts []Held
	Asides    []Held
	Comments  [2][]string // parts of the comments that are copied to a side
	// Attachments are parts of the names of what is attached to a side; a link
	// has " (link)" behind its name.
	Attachments [2][]string
	Error       string
	Archive     [2]bool
	Delete      [2]bool
}

// Wanted are fields of one record with the values that they are to hold.
type Wanted struct {
	Fields []FieldValue
}

// Value returns the value that is wanted of a field.
func (w *Wanted) Value(field string) (connectors.Value, bool) {
	for _, f := range w.Fields {
		if f.Field == field {
			return f.Value, true
		}
	}
	return connectors.Null, false
}

// HeldRecord names what is held back where it is the record as a whole: one that
// was deleted on one side and edited on the other.
const HeldRecord = "record"

// Held is a rule that is expected to be held back; Rule is 0 for HeldRecord.
// Reason is part of the words that say why, "" for any.
type Held struct {
	Rule   uint32
	Name   string // as the case names it
	Reason string
}

// defaultNow is when a case happens that does not say.
var defaultNow = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// ReadCases reads the YAML of a test file. The CaseFile is nil when the text
// cannot be read at all.
func ReadCases(filename string, src []byte) (*CaseFile, Problems) {
	r := newReporter(filename, src)
	r.start = "`cases:`"
	root := r.readYAML(src)
	if root == nil {
		return nil, r.problems.sorted()
	}
	if root.kind != objectNode {
		r.errorf(root.pos, exampleHint(caseFileSpec.key("cases")), "a test file is a block of keys, not %s", root.what())
		return nil, r.problems.sorted()
	}
	c := &CaseFile{Path: filename, Mapping: root.get("mapping").str(), root: root, report: r}
	return c, r.problems.sorted()
}

// MappingProblem returns an error that stands where the file names its mapping.
func (c *CaseFile) MappingProblem(message, hint string) Problem {
	r := &reporter{file: c.report.file, lines: c.report.lines}
	at := position{}
	if n := c.root.get("mapping"); n != nil {
		at = n.pos
	}
	r.errorf(at, hint, "%s", message)
	return r.problems[0]
}

// For checks the file's keys against the mapping that it tests: every problem
// that can be told without the fields.
func (c *CaseFile) For(m *File) Problems {
	before := len(c.report.problems)
	c.file = &File{Path: c.Path, Name: m.Name, Sides: m.Sides, root: c.root, report: c.report}
	c.file.check(c.root, caseFileSpec, "the test file")
	if cases := c.root.get("cases"); cases != nil && cases.kind == listNode {
		if len(cases.items) == 0 {
			c.report.errorf(cases.pos, exampleHint(caseFileSpec.key("cases")), "`cases` lists no case")
		}
		c.checkNames(cases)
	}
	return slices.Clone(c.report.problems[before:]).sorted()
}

func (c *CaseFile) checkNames(cases *node) {
	lines := map[string]int{}
	for _, item := range cases.items {
		name := item.get("name")
		if name.str() == "" {
			continue
		}
		if line := lines[name.text]; line > 0 {
			c.report.errorf(name.pos, "give each case a name of its own", "the case in line %d has this name too", line)
		}
		lines[name.text] = name.pos.line
	}
}

// Unexpected are the cases that do not say what they expect.
func (c *CaseFile) Unexpected() []*Case {
	var open []*Case
	for _, one := range c.Cases {
		if one.Expect == nil {
			open = append(open, one)
		}
	}
	return open
}

// Insert returns the file's text with an `expect` added to cases that have none.
// expect gives the lines of one, without indentation, "" to leave the case as it
// is. Cases written in braces stay as they are.
func (c *CaseFile) Insert(expect func(*Case) string) (text string, added int) {
	lines := slices.Clone(c.report.lines)
	for _, one := range slices.Backward(c.Unexpected()) {
		block := expect(one)
		if block == "" || one.indent == 0 {
			continue
		}
		pad := strings.Repeat(" ", one.indent)
		var add []string
		for line := range strings.SplitSeq(strings.TrimRight(block, "\n"), "\n") {
			add = append(add, pad+line)
		}
		lines = slices.Insert(lines, one.end, add...)
		added++
	}
	return strings.Join(lines, "\n"), added
}

// extent finds where a case ends and how its keys are indented, for Insert.
func (c *CaseFile) extent(one *Case, item *node) {
	next := len(c.report.lines) + 1
	starts := func(at position) {
		if at.line > item.pos.line && at.line < next {
			next = at.line
		}
	}
	for _, e := range c.root.entries {
		starts(e.key.pos)
	}
	for _, other := range c.root.get("cases").items {
		starts(other.pos)
	}
	for one.end = next - 1; one.end > item.pos.line; one.end-- {
		line := strings.TrimSpace(c.report.lines[one.end-1])
		if line != "" && !strings.HasPrefix(line, "#") {
			break
		}
	}
	if len(item.entries) == 0 {
		return
	}
	key := item.entries[0].key.pos
	before := string([]rune(c.report.lines[key.line-1])[:key.col-1])
	if strings.TrimSpace(strings.Replace(before, "-", "", 1)) == "" {
		one.indent = key.col - 1
	}
}
