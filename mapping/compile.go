package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Env is what a file is checked against. Both schemas are needed; nil TaskSchemas
// stand for the side's own schema, nil Abilities for unknown ones, which are then
// not checked.
type Env struct {
	Schemas     [2]*connectors.Schema
	TaskSchemas [2]*connectors.Schema // of the child records that are made with a record
	Abilities   [2]*connectors.Abilities
	Facts       [2]connectors.Facts
	Zone        *time.Location // where the file names no time zone; nil: UTC

	// Before are the schemas as they were saved, nil where they were not: what a
	// system renamed since is then named in the hints.
	Before [2]*connectors.Schema

	// Children says that records are made under the counterparts of their
	// parents. Without it a file with `within` is refused: it would run as if
	// its records stood alone.
	Children bool
}

// compilation is one run of Compile.
type compilation struct {
	*reporter
	file   *File
	env    Env
	m      *Mapping
	scopes [2]*scope
	needs  [2]map[string]bool
}

// Compile checks a file against the schemas of both sides and the abilities of
// their connections. It reports all problems in one run, besides those that Parse
// found; the Mapping is nil when one of them is an error. For a file with errors
// of Parse it returns those. The schemas must not be changed afterwards.
func Compile(f *File, env Env) (*Mapping, Problems) {
	if f.broken {
		return nil, slices.Clone(f.report.problems).sorted()
	}
	k := &compilation{
		reporter: &reporter{file: f.report.file, lines: f.report.lines},
		file:     f,
		env:      env,
		needs:    [2]map[string]bool{{}, {}},
	}
	zone := f.zone
	if zone == nil {
		zone = env.Zone
	}
	if zone == nil {
		zone = time.UTC
	}
	k.m = &Mapping{
		name: f.Name, description: f.Description, path: f.Path, sides: f.Sides, zone: zone, file: f,
		within: f.root.get("within").str(), writes: [2]map[string]position{{}, {}},
		rolls: [2]map[string]*Rule{{}, {}},
	}
	holidays := k.holidays()
	for side := range f.Sides {
		k.scopes[side] = &scope{
			side: f.Sides[side].Name, other: f.Sides[1-side].Name,
			schema: env.Schemas[side], zone: zone, holidays: holidays,
		}
	}
	k.policies()
	k.match()
	k.rules()
	k.creates()
	for side := range k.needs {
		k.m.needs[side] = sortedKeys(k.needs[side])
	}
	problems := k.problems.sorted()
	if problems.Err() != nil {
		return nil, problems
	}
	k.m.hash, k.m.source = k.m.fingerprint(f.root), f.Hash()
	return k.m, problems
}

func (k *compilation) root() *node { return k.file.root }

func (k *compilation) sideName(id SideID) string { return k.file.Sides[id].Name }

func (k *compilation) sideNamed(name string) (SideID, bool) { return k.m.SideNamed(name) }

func (k *compilation) holidays() map[int64]bool {
	days := map[int64]bool{}
	if n := k.root().get("holidays"); n != nil {
		for _, item := range n.items {
			if v, err := connectors.ParseDate(item.str()); err == nil {
				days[v.Time().Unix()] = true
			}
		}
	}
	return days
}

// policies reads the mapping's own words, which Parse has checked.
func (k *compilation) policies() {
	root := k.root()
	k.m.conflict = k.policy(root.get("conflict"), Newest)
	k.m.firstSync = FirstFillBlanks
	if n := root.get("first_sync"); n != nil {
		switch w := word(n.text); {
		case w == "newest":
			k.m.firstSync = FirstNewest
		case w == k.sideName(Left)+" wins":
			k.m.firstSync = FirstLeftWins
		case w == k.sideName(Right)+" wins":
			k.m.firstSync = FirstRightWins
		}
	}
	k.deletes(root.get("on_delete"))
	k.comments(root.get("comments"))
	k.attachments(root.get("attachments"))
	if n := root.get("within"); n != nil && !k.env.Children {
		k.errorf(n.pos, "make the children with `create: … tasks`, or map them without `within`", "`within` is checked but not carried out yet")
	} else if n != nil && n.text == k.m.name {
		k.errorf(n.pos, "name the mapping of the parents, or drop the key", "a mapping cannot be within itself")
	}
	if n := root.get("conflict"); k.m.conflict == Newest && n != nil {
		k.checkTimes(n)
	}
}

func (k *compilation) policy(n *node, fallback Policy) Policy {
	switch w := word(n.str()); w {
	case "newest":
		return Newest
	case "ask":
		return Ask
	case k.sideName(Left) + " wins":
		return LeftWins
	case k.sideName(Right) + " wins":
		return RightWins
	}
	return fallback
}

// checkTimes warns where `newest` has to compare coarse times.
func (k *compilation) checkTimes(n *node) {
	for side, facts := range k.env.Facts {
		if facts.TimePrecision > time.Minute {
			k.warnf(n.pos, "let one side win, or write `conflict: ask`",
				"`%s` tells the time of a change only to %s, so that `newest` may be wrong", k.sideName(SideID(side)), facts.TimePrecision)
		}
	}
}

func (k *compilation) deletes(n *node) {
	if n == nil {
		return
	}
	for side := range k.file.Sides {
		at := n
		if n.kind == objectNode {
			at = n.get(k.sideName(SideID(side)))
		}
		k.m.onDelete[side] = DeletePolicy(max(0, slices.Index(deleteWords, at.str())))
		abilities := k.env.Abilities[1-side]
		if at == nil || abilities == nil {
			continue
		}
		other := k.file.Sides[1-side]
		switch k.m.onDelete[side] {
		case ArchiveOther:
			if abilities.Archiver == nil {
				k.errorf(at.pos, "write `unlink`", "the connection `%s` cannot archive `%s`", other.Connection, other.Object)
			}
		case DeleteOther:
			if abilities.Deleter == nil {
				k.errorf(at.pos, "write `unlink`", "the connection `%s` cannot delete `%s`", other.Connection, other.Object)
			}
		case Unlink, Recreate:
		}
	}
}

func (k *compilation) comments(n *node) {
	w := word(n.str())
	for side := range k.file.Sides {
		k.m.commentsTo[side] = w == "both" || w == "to "+k.sideName(SideID(side))
	}
	if n == nil || w == "none" {
		return
	}
	for side, abilities := range k.env.Abilities {
		if abilities != nil && abilities.Commenter == nil {
			s := k.file.Sides[side]
			k.errorf(n.pos, "write `comments: none`", "the connection `%s` has no comments on `%s`", s.Connection, s.Object)
		}
	}
}

// defaultFileLimit bounds attachments where the file names no limit.
const defaultFileLimit = 20 << 20

func (k *compilation) attachments(n *node) {
	flow := n
	k.m.fileLimit = defaultFileLimit
	if n != nil && n.kind == objectNode {
		flow = n.get("flow")
		if l := n.get("limit"); l != nil {
			size, err := parseSize(l.text)
			if err != nil {
				k.errorf(l.pos, "write a number with a unit: `limit: 20 MB`", "%v", err)
			}
			k.m.fileLimit = size
		}
	}
	w := word(flow.str())
	for side := range k.file.Sides {
		k.m.filesTo[side] = w == "both" || w == "to "+k.sideName(SideID(side))
	}
	if flow == nil || w == "none" {
		return
	}
	for side, abilities := range k.env.Abilities {
		if abilities != nil && abilities.Filer == nil {
			s := k.file.Sides[side]
			k.errorf(flow.pos, "write `attachments: none`", "the connection `%s` has no attachments on `%s`", s.Connection, s.Object)
		}
	}
}

var sizeUnits = map[string]int64{"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}

// parseSize reads a size such as "20 MB".
func parseSize(text string) (int64, error) {
	text = strings.TrimSpace(text)
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	unit, ok := sizeUnits[strings.ToUpper(strings.TrimSpace(text[digits:]))]
	switch {
	case err != nil || !ok || unit == 1 && n > 0:
		return 0, fmt.Errorf("`%s` is no size", text)
	case n > (2<<30)/unit:
		return 0, fmt.Errorf("`%s` is more than 2 GB", text)
	}
	return n * unit, nil
}

func (k *compilation) match() {
	n := k.root().get("match")
	if n == nil {
		return
	}
	for _, item := range n.items {
		if r, ok := k.matchRule(item); ok {
			k.m.match = append(k.m.match, r)
		}
	}
}

func (k *compilation) matchRule(item *node) (MatchRule, bool) {
	var r MatchRule
	var fields [2]*connectors.Field
	ok := true
	for side := range k.file.Sides {
		n := item.get(k.sideName(SideID(side)))
		schema := k.env.Schemas[side]
		if n.text == "id" && len(schema.Find("id")) == 0 {
			r.Fields[side], r.ByID[side] = "id", true
			fields[side] = &connectors.Field{Name: "id", Label: "id", Type: connectors.TypeText, Findable: true}
			continue
		}
		fields[side] = k.field(SideID(side), n)
		if fields[side] == nil {
			ok = false
			continue
		}
		r.Fields[side] = fields[side].Name
		k.needs[side][fields[side].Name] = true
	}
	if !ok {
		return r, false
	}
	for side := range fields {
		r.convert[side] = &converter{to: fields[side], zone: k.m.zone}
		if !matchable(fields[1-side].Type, fields[side].Type) {
			k.errorf(item.pos, "match fields of one kind: two texts, numbers, dates or people",
				"%s of `%s` can never equal %s of `%s`", article(fields[0].Type), k.sideName(Left), article(fields[1].Type), k.sideName(Right))
			return r, false
		}
	}
	if r.ByID[0] && r.ByID[1] {
		k.errorf(item.pos, "match an id with a field that holds it: `"+k.sideName(Left)+": id, "+k.sideName(Right)+": FIELD`", "ids of two systems are never the same")
		return r, false
	}
	k.checkFindable(item, fields)
	return r, true
}

// matchable reports whether a value of one type can be found among another's.
func matchable(from, to connectors.Type) bool {
	const (
		text = 1 << iota
		number
		date
		person
		option
	)
	class := func(t connectors.Type) int {
		switch t {
		case connectors.TypeText:
			return text
		case connectors.TypeNumber:
			return number | text
		case connectors.TypeDate, connectors.TypeInstant:
			return date
		case connectors.TypePerson:
			return person
		case connectors.TypeOption:
			return option
		}
		return 0
	}
	return class(from)&class(to) != 0
}

func (k *compilation) checkFindable(item *node, fields [2]*connectors.Field) {
	known, able := false, false
	for side, f := range fields {
		a := k.env.Abilities[side]
		if a == nil {
			continue
		}
		known = true
		able = able || a.Finder != nil && f.Findable
	}
	if known && !able {
		k.errorf(item.pos, "match by a field that the system can search", "neither side can be searched by these fields")
	}
}

// field finds the field that a node names on a side, and reports when it
// cannot.
func (k *compilation) field(side SideID, n *node) *connectors.Field {
	f, problem, hint := findField(k.env.Schemas[side], n.str())
	if f == nil {
		if _, ok := recordParts[n.str()]; ok {
			hint = "in a one-way rule, write `set: " + k.sideName(side) + "." + n.text + "` in its place"
		}
		if renamed := k.renamedField(side, n.str()); renamed != "" {
			hint = renamed
		}
		k.errorf(n.pos, hint, "%s", problem)
		return nil
	}
	if f.Hidden {
		k.errorf(n.pos, "give Tenon's account the right to read it", "the account may not read `%s`", f.Name)
		return nil
	}
	return f
}

// expression compiles the expression of a node and reports what is wrong with
// it, at its place in the file.
func (k *compilation) expression(n *node, sc *scope, side SideID) *expression {
	e, problems := compileExpression(n.text, sc)
	for _, p := range problems {
		if k.commented(n) && (p.hint == "" || p.hint == bracketHint || p.hint == expressionHint) {
			p.hint = commentHint
		}
		k.errorf(k.inside(n, p.offset, p.width), p.hint, "%s", p.message)
	}
	if e != nil {
		k.need(side, e.needs)
	}
	return e
}

func (k *compilation) template(n *node, sc *scope, side SideID) *template {
	t, problems := compileTemplate(n.text, sc)
	for _, p := range problems {
		k.errorf(k.inside(n, p.offset, p.width), p.hint, "%s", p.message)
	}
	if t != nil {
		k.need(side, t.needs())
	}
	return t
}

func (k *compilation) need(side SideID, fields []string) {
	for _, f := range fields {
		k.needs[side][f] = true
	}
}

// displayName names a field of a side for messages.
func (k *compilation) displayName(side SideID, f *connectors.Field) string {
	if strings.EqualFold(f.Label, f.Name) || f.Label == "" {
		return "`" + f.Name + "` of `" + k.sideName(side) + "`"
	}
	return "`" + f.Name + "` (" + f.Label + ") of `" + k.sideName(side) + "`"
}
