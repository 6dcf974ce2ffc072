package mapping

import (
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/tenonsync/tenon/connectors"
)

// File is a mapping file that was read but not yet checked against schemas. It
// names the objects whose schemas Compile needs.
type File struct {
	Path        string // as given to Parse
	Name        string
	Description string
	Sides       [2]Side

	root   *node
	report *reporter
	zone   *time.Location // nil where the file names none
	broken bool
}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	sideForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
)

// Parse reads a mapping file's YAML: its syntax, keys, kinds of values and
// everything else that can be known without the systems. It reports all
// problems in one run, each with its place. The File is nil when the text
// cannot be read at all; one with errors does not compile. filename only serves
// to name the file in problems.
func Parse(filename string, src []byte) (*File, Problems) {
	r := newReporter(filename, src)
	root := r.readYAML(src)
	if root == nil {
		return nil, r.problems.sorted()
	}
	f := &File{Path: filename, root: root, report: r}
	if root.kind != objectNode {
		r.errorf(root.pos, "start with `mapping: NAME`", "a mapping file is a block of keys, not %s", root.what())
		return nil, r.problems.sorted()
	}
	f.Name = root.get("mapping").str()
	f.Description = root.get("description").str()
	f.readSides(root.get("between"))
	f.check(root, fileSpec, "the mapping")
	f.checkNames()
	f.checkZone()
	f.checkHolidays()
	f.checkMatch()
	f.checkRules()
	f.broken = r.problems.Err() != nil
	return f, slices.Clone(r.problems).sorted()
}

// readSides takes the names of the sides from `between`, so that the check can
// know them wherever they occur.
func (f *File) readSides(between *node) {
	if between == nil || between.kind != objectNode {
		return
	}
	if len(between.entries) != 2 {
		f.report.errorf(between.pos, "write a mapping of its own for each further pair", "`between` names two sides, not %d", len(between.entries))
	}
	for i, e := range between.entries {
		if !sideForm.MatchString(e.key.text) {
			f.report.errorf(e.key.pos, "call the side by what it holds: `deal`, `epic`, `task`", "a side's name is made of lower-case letters, digits and `_`, and starts with a letter: not `%s`", clip(e.key.text))
		} else if reserved(e.key.text) {
			f.report.errorf(e.key.pos, "call the side by what it holds: `deal`, `epic`, `task`", "`%s` is a word of the mapping language and cannot name a side", e.key.text)
		}
		if i > 1 {
			continue
		}
		side := Side{Name: e.key.text, Connection: e.value.get("connection").str(), Object: e.value.get("object").str()}
		if scope := e.value.get("scope"); scope != nil && scope.kind == objectNode {
			side.Scope = connectors.Scope{}
			for _, s := range scope.entries {
				side.Scope[s.key.text] = s.value.str()
			}
		}
		f.Sides[i] = side
	}
}

// reserved reports whether a word has a meaning where side names stand.
func reserved(word string) bool {
	switch word {
	case "and", "or", "not", "in", "let", "if", "else", "nil", "true", "false", "both", "none", "to",
		"newest", "ask", "contains", "matches", "null":
		return true
	}
	return ruleSpec.key(word) != nil || functionNamed(word) != nil
}

// SideProblem returns an error that stands at a side's object in the file, for
// those who ask the systems about it.
func (f *File) SideProblem(side SideID, message, hint string) Problem {
	return f.sideProblem(side, "object", message, hint)
}

// ConnectionProblem returns an error that stands at a side's connection.
func (f *File) ConnectionProblem(side SideID, message, hint string) Problem {
	return f.sideProblem(side, "connection", message, hint)
}

func (f *File) sideProblem(side SideID, key, message, hint string) Problem {
	r := &reporter{file: f.report.file, lines: f.report.lines}
	between := f.root.get("between")
	at := between.get(f.Sides[side&1].Name).get(key)
	if at == nil {
		at = f.root
	}
	r.errorf(at.pos, hint, "%s", message)
	return r.problems[0]
}

func (f *File) sideNames() []string {
	var names []string
	for _, s := range f.Sides {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// check compares a value with its spec. where names it for messages.
func (f *File) check(n *node, s *spec, where string) {
	switch n.kind {
	case badNode:
		return
	case nullNode:
		if s.kind == specRecord {
			return
		}
		hint := exampleHint(s)
		if s.kind == specExpression && f.report.commented(n) {
			hint = commentHint
		}
		f.report.errorf(n.pos, hint, "%s has no value", where)
		return
	case scalarNode, listNode, objectNode:
	}
	for _, o := range s.or {
		if o.takes(n) {
			f.check(n, o, where)
			return
		}
	}
	switch s.kind {
	case specObject:
		f.checkObject(n, s, where)
	case specTable, specValues, specRecord:
		f.checkTable(n, s, where)
	case specList:
		if n.kind != listNode {
			hint := exampleHint(s)
			if hint == "" && n.kind == scalarNode {
				hint = "write `[" + clip(n.text) + "]`"
			}
			f.report.errorf(n.pos, hint, "%s is a list, not %s", where, n.what())
			return
		}
		for _, item := range n.items {
			f.check(item, s.item, "an entry of "+where)
		}
	default:
		f.checkScalar(n, s, where)
	}
}

func (f *File) checkScalar(n *node, s *spec, where string) {
	if n.kind != scalarNode {
		f.report.errorf(n.pos, exampleHint(s), "%s is one text, not %s", where, n.what())
		return
	}
	switch s.kind {
	case specBool:
		if !n.isBool {
			f.report.errorf(n.pos, "write `true` or `false`", "%s is true or false, not `%s`", where, clip(n.text))
		}
	case specName:
		if !nameForm.MatchString(n.text) {
			f.report.errorf(n.pos, nameHint(n.text), "%s is made of lower-case letters, digits, `-`, `_` and `.`, at most 64: not `%s`", where, clip(n.text))
		}
	case specWord:
		allowed := expand(s.values, f.sideNames())
		if len(f.sideNames()) == 2 && !slices.Contains(allowed, word(n.text)) {
			hint := "write " + oneOf(allowed)
			if len(s.or) > 0 {
				hint += ", or a block of keys"
			}
			f.report.errorf(n.pos, hint, "%s is not `%s`", where, clip(n.text))
		}
	case specText, specExpression, specTemplate:
		if strings.TrimSpace(n.text) == "" {
			f.report.errorf(n.pos, exampleHint(s), "%s is empty", where)
		}
	}
}

// word brings a text that is compared with fixed words into its usual form.
func word(text string) string {
	text = strings.NewReplacer("->", " -> ", "→", " -> ").Replace(text)
	return strings.Join(strings.Fields(text), " ")
}

// expand replaces `<side>` by the names of the sides.
func expand(values, sides []string) []string {
	var out []string
	for _, v := range values {
		switch {
		case strings.Count(v, "<side>") == 2 && len(sides) == 2:
			out = append(out, sides[0]+" -> "+sides[1], sides[1]+" -> "+sides[0])
		case strings.Contains(v, "<side>"):
			for _, s := range sides {
				out = append(out, strings.ReplaceAll(v, "<side>", s))
			}
		default:
			out = append(out, v)
		}
	}
	return out
}

func exampleHint(s *spec) string {
	if s.example == "" {
		return ""
	}
	return "for example\n    " + strings.ReplaceAll(s.example, "\n", "\n    ")
}

func (f *File) checkObject(n *node, s *spec, where string) {
	if n.kind != objectNode {
		hint := exampleHint(s)
		if hint == "" && len(s.keys) > 0 {
			hint = "write it as a block: `{" + s.keys[0].name + ": …}`"
		}
		f.report.errorf(n.pos, hint, "%s is a block of keys, not %s", where, n.what())
		return
	}
	for _, e := range n.entries {
		if k := s.key(e.key.text); k != nil {
			f.check(e.value, k, "`"+k.name+"`")
			continue
		}
		if s.side != nil && (s == fileSpec.key("between") || slices.Contains(f.sideNames(), e.key.text)) {
			f.check(e.value, s.side, "`"+clip(e.key.text)+"`")
			continue
		}
		if s.free {
			f.check(e.value, &spec{kind: specTemplate}, "`"+clip(e.key.text)+"`")
			continue
		}
		candidates := s.names()
		if s.side != nil {
			candidates = append(candidates, f.sideNames()...)
		}
		hint := didYouMean(e.key.text, candidates)
		if hint == "" {
			hint = "here may stand " + oneOf(candidates)
		}
		f.report.errorf(e.key.pos, hint, "unknown key `%s` in %s", clip(e.key.text), where)
	}
	for _, k := range s.keys {
		if k.required && n.get(k.name) == nil {
			f.report.errorf(n.pos, exampleHint(k), "%s lacks `%s`", where, k.name)
		}
	}
}

func (f *File) checkTable(n *node, s *spec, where string) {
	if n.kind != objectNode {
		hint := exampleHint(s)
		if hint == "" {
			hint = "write `{KEY: value}`"
		}
		f.report.errorf(n.pos, hint, "%s is a table of keys and values, not %s", where, n.what())
		return
	}
	for _, e := range n.entries {
		at := "`" + clip(e.key.text) + "` in " + where
		switch {
		case e.value.kind == listNode && s.kind != specTable:
			for _, item := range e.value.items {
				if item.kind != scalarNode {
					f.report.errorf(item.pos, "write the values alone: `[A, B]`", "an entry of %s is one text, not %s", at, item.what())
				}
			}
		case e.value.kind == nullNode && s.kind == specRecord:
		case e.value.kind == nullNode:
			f.report.errorf(e.key.pos, "write a value, or drop the key", "%s has no value", at)
		case e.value.kind != scalarNode:
			f.report.errorf(e.value.pos, "write one value", "%s is one text, not %s", at, e.value.what())
		}
	}
}

func (f *File) checkNames() {
	for _, s := range f.Sides {
		if s.Name != "" && f.Sides[0].Connection != "" && f.Sides[0].Connection == f.Sides[1].Connection &&
			f.Sides[0].Object == f.Sides[1].Object && !scopesDisjoint(f.Sides[0].Scope, f.Sides[1].Scope) {
			at := f.root.get("between").entries[1].key.pos
			f.report.errorf(at, "give the sides scopes that do not overlap", "both sides are `%s` of `%s`: a record would be its own counterpart", s.Object, s.Connection)
			return
		}
	}
}

func (f *File) checkZone() {
	n := f.root.get("time_zone")
	if n.str() == "" {
		return
	}
	zone, err := time.LoadLocation(n.text)
	if err != nil || n.text == "Local" {
		f.report.errorf(n.pos, "write an IANA name, such as `Europe/Berlin`", "there is no time zone `%s`", clip(n.text))
		return
	}
	f.zone = zone
}

func (f *File) checkHolidays() {
	n := f.root.get("holidays")
	if n == nil {
		return
	}
	for _, item := range n.items {
		if _, err := connectors.ParseDate(item.str()); item.kind == scalarNode && err != nil {
			f.report.errorf(item.pos, "write the day as 2026-12-25", "%v", err)
		}
	}
}

func (f *File) checkMatch() {
	n := f.root.get("match")
	if n == nil {
		return
	}
	for _, item := range n.items {
		for _, s := range f.sideNames() {
			if item.kind == objectNode && item.get(s) == nil {
				f.report.errorf(item.pos, "name the field of `"+s+"` that holds the same value, or `id`", "a match rule names a field of each side: `%s` is missing", s)
			}
		}
	}
}

func (f *File) checkRules() {
	n := f.root.get("fields")
	if n == nil || n.kind != listNode {
		return
	}
	if len(n.items) == 0 {
		f.report.errorf(n.pos, exampleHint(fileSpec.key("fields")), "`fields` lists no rule")
	}
	for _, item := range n.items {
		if item.kind == objectNode && len(f.sideNames()) == 2 {
			f.checkRule(item)
		}
	}
}

func (f *File) checkRule(item *node) {
	var named []string
	for _, e := range item.entries {
		if slices.Contains(f.sideNames(), e.key.text) {
			named = append(named, e.key.text)
		} else if ruleSpec.key(e.key.text) == nil {
			return // an unknown key, reported as such, may be a side's name misspelt
		}
	}
	set := item.get("set")
	sides := f.sideNames()
	switch {
	case set == nil && len(named) == 0:
		f.report.errorf(item.pos, "for example `{"+sides[0]+": FIELD, "+sides[1]+": FIELD}`", "the rule names no field")
	case set == nil && len(named) == 1:
		missing := sides[0]
		if named[0] == missing {
			missing = sides[1]
		}
		f.report.errorf(item.pos, "name the field of `"+missing+"`, or compute the value with `set`", "the rule names no field of `%s`", missing)
	case set != nil && len(named) == 2:
		f.report.errorf(item.pos, "keep the field that is written, and drop the other", "a rule with `set` names one field: the one that is written")
	case set != nil && len(named) == 0:
		f.report.errorf(item.pos, "write `"+sides[1]+": FIELD` before it", "the rule with `set` does not name the field that is written")
	case set != nil:
		source := sides[0]
		if named[0] == source {
			source = sides[1]
		}
		want := source + " -> " + named[0]
		if flow := item.get("flow"); flow != nil && word(flow.text) != want {
			f.report.errorf(flow.pos, "write `flow: "+want+"`, or leave it out", "a computed value goes one way, to `%s`", named[0])
		}
		for _, key := range []string{"values", "back", "otherwise"} {
			if k := item.get(key); k != nil {
				f.report.errorf(k.pos, "write the choice into the expression: `x == \"a\" ? \"b\" : \"c\"`", "`%s` does not go with `set`", key)
			}
		}
	}
	if back := item.get("back"); back != nil && item.get("values") == nil {
		f.report.errorf(back.pos, "write `values: {…}` too: `back` says what they leave open for the way back", "`back` needs `values`")
	}
	if at := item.get("at"); at != nil && at.kind == scalarNode {
		if _, err := time.Parse("15:04", at.text); err != nil {
			f.report.errorf(at.pos, "write `at: \"09:00\"`", "`%s` is no time of day", clip(at.text))
		}
	}
}

// scopesDisjoint reports whether no record can be in both scopes.
func scopesDisjoint(a, b connectors.Scope) bool {
	for k, v := range a {
		if w, ok := b[k]; ok && !strings.EqualFold(v, w) {
			return true
		}
	}
	return false
}
