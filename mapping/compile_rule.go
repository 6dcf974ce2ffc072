package mapping

import (
	"hash/fnv"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenonsync/tenon/connectors"
)

// ruleDraft is a rule while it is checked.
type ruleDraft struct {
	item   *node
	nodes  [2]*node // the fields' names, nil on the source side of `set`
	fields [2]*connectors.Field
	first  SideID // the side that the rule names first
	flow   Flow
}

func (k *compilation) rules() {
	list := k.root().get("fields")
	pairs := map[[2]string]bool{}
	for _, item := range list.items {
		before := len(k.problems)
		r := k.rule(item)
		if r == nil || k.problems[before:].Err() != nil {
			continue
		}
		pair := [2]string{r.Field(Left), r.Field(Right)}
		if pairs[pair] {
			k.errorf(item.pos, "keep one of them", "the rule `%s` is given twice", r.name)
			continue
		}
		pairs[pair], r.line = true, item.pos.line
		k.m.rules = append(k.m.rules, r)
	}
	assignIDs(k.m.rules)
}

func (k *compilation) rule(item *node) *Rule {
	d := &ruleDraft{item: item, first: Left}
	for i := range item.entries {
		if side, ok := k.sideNamed(item.entries[i].key.text); ok {
			if d.nodes[Left] == nil && d.nodes[Right] == nil {
				d.first = side
			}
			d.nodes[side] = item.entries[i].value
		}
	}
	set := item.get("set")
	d.flow = k.flow(item, d)
	ok := true
	for side, n := range d.nodes {
		if n == nil {
			continue
		}
		d.fields[side] = k.field(SideID(side), n)
		ok = ok && d.fields[side] != nil
	}
	if set != nil {
		return k.setRule(d, set)
	}
	if !ok || !k.checkWritable(d) || !k.checkSafe(d) {
		return nil
	}
	r := k.newRule(d)
	tables, ok := k.tables(d)
	if !ok {
		return nil
	}
	for side := range d.fields {
		r.fields[side] = ruleField{d.fields[side].Name, d.fields[side].Label, d.fields[side].Type}
		r.convert[side] = k.converter(d, SideID(side))
		r.convert[side].table = tables[side]
		k.needs[side][d.fields[side].Name] = true
	}
	r.isSet = d.fields[0].Type == connectors.TypeOptions && d.fields[1].Type == connectors.TypeOptions
	r.name = ruleName(d.nodes[Left].text, d.nodes[Right].text, d.flow)
	k.checkKeys(d)
	if n := item.get("rollup"); n != nil {
		k.roll(r, d, n)
	}
	return r
}

func ruleName(left, right string, flow Flow) string {
	switch flow {
	case ToRight:
		return left + " → " + right
	case ToLeft:
		return right + " → " + left
	}
	return left + " ↔ " + right
}

// newRule fills in what all rules have, and notes which fields are written.
func (k *compilation) newRule(d *ruleDraft) *Rule {
	r := &Rule{flow: d.flow, conflict: k.policy(d.item.get("conflict"), k.m.conflict)}
	for side, n := range d.nodes {
		r.written[side] = n.str()
	}
	r.enforce = d.item.get("enforce").str() == "true"
	if n := d.item.get("enforce"); r.enforce && d.flow == Both {
		k.errorf(n.pos, "give the rule a `flow`", "`enforce` restores the target of a one-way rule; this one goes both ways")
	}
	if n := d.item.get("conflict"); n != nil && d.flow != Both {
		k.warnf(n.pos, "drop it", "a one-way rule has no conflicts; `conflict` has no effect")
	} else if n != nil && r.conflict == Newest {
		k.checkTimes(n)
	}
	for side, f := range d.fields {
		if f == nil || !d.flow.To(SideID(side)) {
			continue
		}
		at := d.nodes[side].pos
		if first, ok := k.m.writes[side][f.Name]; ok {
			k.errorf(at, "let one rule write the field; compute it with `set` if it comes from several", "%s is already written by the rule in line %d", k.displayName(SideID(side), f), first.line)
			continue
		}
		k.m.writes[side][f.Name] = at
	}
	return r
}

func (k *compilation) flow(item *node, d *ruleDraft) Flow {
	if item.get("set") != nil {
		if d.nodes[Left] != nil {
			return ToLeft
		}
		return ToRight
	}
	switch word(item.get("flow").str()) {
	case k.sideName(Left) + " -> " + k.sideName(Right):
		return ToRight
	case k.sideName(Right) + " -> " + k.sideName(Left):
		return ToLeft
	}
	return Both
}

// arrow returns the words of a flow to one side.
func (k *compilation) arrow(to SideID) string {
	return k.sideName(to.Other()) + " -> " + k.sideName(to)
}

func (k *compilation) checkWritable(d *ruleDraft) bool {
	ok := true
	for side, f := range d.fields {
		id := SideID(side)
		if f == nil || !d.flow.To(id) || f.Writable {
			continue
		}
		ok = false
		reason := ""
		if f.ReadOnly != "" {
			reason = ": " + f.ReadOnly
		}
		other := d.fields[id.Other()]
		hint := ""
		switch {
		case d.flow == Both && other != nil && other.Writable:
			hint = "write `flow: " + k.arrow(id.Other()) + "`"
		case !f.Creatable:
			hint = "name a field that may be written; `tenon fields` shows which"
		case f.Creatable:
			hint = "it can be set at creation only: use `create: " + k.sideName(id) + ": with:`"
		}
		k.errorf(d.nodes[side].pos, hint, "%s cannot be written%s", k.displayName(id, f), reason)
	}
	return ok
}

// converter makes the converter of a rule into one side.
func (k *compilation) converter(d *ruleDraft, to SideID) *converter {
	c := &converter{to: d.fields[to], zone: k.m.zone}
	c.truncate = d.item.get("truncate").str() == "true"
	c.plain = d.item.get("format").str() == "plain"
	if at := d.item.get("at"); at != nil {
		if clock, err := time.Parse("15:04", at.text); err == nil {
			c.clock = &clock
		}
	}
	return c
}

// checkKeys warns of keys without an effect, and of what is lost.
func (k *compilation) checkKeys(d *ruleDraft) {
	from, into := d.fields[Left].Type, d.fields[Right].Type
	mixed := from == connectors.TypeText && into == connectors.TypeRichText || from == connectors.TypeRichText && into == connectors.TypeText
	if n := d.item.get("format"); n != nil && !mixed {
		k.warnf(n.pos, "drop it", "`format` has no effect: it is for a plain text with a rich one")
	} else if n != nil && n.text == "plain" && d.flow == Both {
		k.warnf(n.pos, "with `format: markdown` nothing is lost", "an edit of the plain text takes away the formatting of the rich one")
	}
	if n := d.item.get("at"); n != nil && (from != connectors.TypeDate || into != connectors.TypeInstant) && (from != connectors.TypeInstant || into != connectors.TypeDate) {
		k.warnf(n.pos, "drop it", "`at` has no effect: it is for a date that becomes an instant")
	}
	if n := d.item.get("truncate"); n != nil && n.text == "true" && d.flow == Both {
		k.warnf(n.pos, "give the rule a `flow`, or drop `truncate`", "a cut text that is edited goes back without its end")
	}
}

// setRule compiles a rule with a computed value.
func (k *compilation) setRule(d *ruleDraft, set *node) *Rule {
	target := Left
	if d.nodes[Left] == nil {
		target = Right
	}
	source := target.Other()
	expr := k.expression(set, k.scopes[source], source)
	into := d.fields[target]
	if into == nil || !k.checkWritable(d) {
		return nil
	}
	if into.Type == connectors.TypeFile {
		k.errorf(d.nodes[target].pos, "write the address into a text field instead", "files are not copied by rules")
		return nil
	}
	if expr == nil {
		return nil
	}
	c := k.converter(d, target)
	if !k.checkResult(set, expr, c) {
		return nil
	}
	if expr.constant {
		k.warnf(set.pos, "set it once, under `create: "+k.sideName(target)+": with:`", "the value is the same for all records, and restored in each of them")
	}
	r := k.newRule(d)
	r.set, r.source = &computed{expr: expr, into: c}, source
	r.fields[target] = ruleField{into.Name, into.Label, into.Type}
	r.fields[source] = ruleField{"", "computed", into.Type}
	for side := range r.convert {
		r.convert[side] = &converter{to: into, done: true}
	}
	r.isSet = into.Type == connectors.TypeOptions
	r.name = computedName(set.text) + " → " + d.nodes[target].text
	k.needs[target][into.Name] = true
	if n := d.item.get("rollup"); n != nil {
		k.roll(r, d, n)
	}
	return r
}

// computedName is what people read in place of a source field: the expression
// where it is short.
func computedName(source string) string {
	source = strings.Join(strings.Fields(source), " ")
	if utf8.RuneCountInString(source) > 40 {
		return "computed"
	}
	return source
}

// resultKindsFor lists the kinds that a computed value may have for a field.
func resultKindsFor(f *connectors.Field) kinds {
	switch f.Type {
	case connectors.TypeText, connectors.TypeRichText:
		return kText | kNumber | kBool | kDate | kInstant | kOption | kPerson | kReference
	case connectors.TypeNumber, connectors.TypeMoney:
		return kNumber | kText
	case connectors.TypeBool:
		return kBool
	case connectors.TypeDate:
		return kDate | kInstant | kText
	case connectors.TypeInstant:
		return kInstant | kText
	case connectors.TypeOption:
		return kText | kOption | kNumber | kBool
	case connectors.TypeOptions:
		return kText | kOption | kList
	case connectors.TypePerson:
		return kPerson | kText
	case connectors.TypeReference:
		return kText
	}
	return 0
}

// checkResult checks that a computed value can go into a field, and that the
// texts among its results are values of that field.
func (k *compilation) checkResult(n *node, e *expression, c *converter) bool {
	at := k.inside(n, e.at.From, e.at.To-e.at.From)
	if !e.kinds.fits(resultKindsFor(c.to)) {
		hint := ""
		switch {
		case e.kinds.fits(kList) && c.to.Type == connectors.TypeText:
			hint = "join it with `join(list, \", \")`"
		case c.to.Type == connectors.TypeInstant && e.kinds.fits(kDate):
			hint = "say at which time of the day: `at(…, \"09:00\")`"
		case e.kinds.fits(kSpan) && !e.kinds.fits(kTimes):
			hint = "add the days to a date: `date(…) + days(5)`"
		default:
			hint = "name a field of that kind, or compute " + article(c.to.Type)
		}
		k.errorf(at, hint, "the expression gives %s, and `%s` is %s", e.kinds, c.to.Name, article(c.to.Type))
		return false
	}
	ok := true
	for _, leaf := range e.leaves {
		if leaf.literal == nil {
			continue
		}
		if _, err := c.result(textValue(*leaf.literal)); err != nil {
			hint := didYouMean(*leaf.literal, optionNames(c.to.Options))
			if hint == "" {
				hint = valueHint(c.to)
			}
			k.errorf(k.inside(n, leaf.at.From, leaf.at.To-leaf.at.From), hint, "%v", err)
			ok = false
		}
	}
	return ok
}

// assignIDs gives each rule a hash of its fields' names. Where two share one,
// the later by name takes another.
func assignIDs(rules []*Rule) {
	order := slices.Clone(rules)
	slices.SortStableFunc(order, func(a, b *Rule) int {
		return slices.Compare([]string{a.Field(Left), a.Field(Right)}, []string{b.Field(Left), b.Field(Right)})
	})
	taken := map[uint32]bool{}
	for _, r := range order {
		for salt := byte(0); ; salt++ {
			h := fnv.New32a()
			h.Write([]byte(r.Field(Left) + "\x00" + r.Field(Right)))
			if salt > 0 {
				h.Write([]byte{0, salt})
			}
			if id := h.Sum32(); !taken[id] {
				r.id, taken[id] = id, true
				break
			}
		}
	}
}
