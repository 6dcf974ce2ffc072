package mapping

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// rollupWords are the roll-ups that need no order of values.
var rollupWords = []string{"earliest", "latest", "lowest", "highest", "sum"}

// rollup makes one value of those that several mappings bring to one field.
type rollup struct {
	word   string             // one of rollupWords; "worst"
	order  []connectors.Value // of "worst": the values, the worst first
	target SideID
	share  *converter // of a field; nil where the rule is computed
	others string     // what a record holds the other shares under
}

// Rollup returns the side whose field a rule shares with rules of other
// mappings: what it holds is made of all their shares. The values of both sides
// then have the target's type.
func (r *Rule) Rollup() (target SideID, ok bool) {
	if r.rollup == nil {
		return Left, false
	}
	return r.rollup.target, true
}

// Share returns what a record of the source brings to the roll-up: Null where
// it counts for nothing. The value counts only when it is Present. The error
// says in words for people why there is none.
func (r *Rule) Share(rec *connectors.Record) (connectors.Value, connectors.Presence, error) {
	if r.set != nil {
		return r.set.value(rec)
	}
	v, p := rec.Get(r.fields[r.rollup.target.Other()].name)
	if p != connectors.Present {
		return connectors.Null, p, nil
	}
	out, outcome, err := r.rollup.share.value(v)
	if err != nil || outcome == Leave {
		return connectors.Null, connectors.Present, err
	}
	return out, connectors.Present, nil
}

// Together makes one value of two shares. It does not matter in which order
// shares are put together. Null counts for nothing.
func (r *Rule) Together(a, b connectors.Value) (connectors.Value, error) {
	switch {
	case a.IsNull():
		return b, r.rollup.check(b)
	case b.IsNull():
		return a, r.rollup.check(a)
	}
	return r.rollup.together(a, b)
}

// WithOthers keeps what the other mappings bring to a roll-up with a record of
// the source, so that Value counts it.
func (r *Rule) WithOthers(rec *connectors.Record, others connectors.Value) {
	rec.Set(r.rollup.others, others)
}

// rolled returns the value of the source side: the record's own share with
// those of the others.
func (r *Rule) rolled(rec *connectors.Record) (connectors.Value, connectors.Presence, error) {
	own, p, err := r.Share(rec)
	if err != nil || p != connectors.Present {
		return connectors.Null, p, err
	}
	others, _ := rec.Get(r.rollup.others)
	v, err := r.Together(own, others)
	return v, connectors.Present, err
}

func (u *rollup) check(v connectors.Value) error {
	if u.word != "worst" || v.IsNull() {
		return nil
	}
	_, err := u.rank(v)
	return err
}

// rank returns a value's place in the order, the worst being 0.
func (u *rollup) rank(v connectors.Value) (int, error) {
	key := tableKey(v)
	i := slices.IndexFunc(u.order, func(o connectors.Value) bool { return tableKey(o) == key })
	if i < 0 {
		return 0, fmt.Errorf("`worst` does not list `%s`", clip(v.String()))
	}
	return i, nil
}

func (u *rollup) together(a, b connectors.Value) (connectors.Value, error) {
	var order int // of a and b: negative where a counts
	var err error
	switch u.word {
	case "sum":
		return sum(a, b)
	case "worst":
		var x, y int
		x, err = u.rank(a)
		if err == nil {
			y, err = u.rank(b)
		}
		order = x - y
	case "earliest", "latest":
		order = a.Time().Compare(b.Time())
	default:
		if a.Currency() != b.Currency() {
			return connectors.Null, errCurrencies(a, b)
		}
		order, err = compareNumbers(value{v: a}, value{v: b})
	}
	if err != nil {
		return connectors.Null, err
	}
	if u.word == "latest" || u.word == "highest" {
		order = -order
	}
	if order <= 0 {
		return a, nil
	}
	return b, nil
}

func errCurrencies(a, b connectors.Value) error {
	return fmt.Errorf("%s and %s are different currencies", a.Currency(), b.Currency())
}

func sum(a, b connectors.Value) (connectors.Value, error) {
	if a.Currency() != b.Currency() {
		return connectors.Null, errCurrencies(a, b)
	}
	numbers := [2]value{}
	for i, v := range []connectors.Value{a, b} {
		n, err := connectors.ParseNumber(v.Number())
		if err != nil {
			return connectors.Null, err
		}
		numbers[i].v = n
	}
	out, err := calculate("+", numbers[0], numbers[1])
	if err != nil {
		return connectors.Null, err
	}
	if a.Type() == connectors.TypeMoney {
		return connectors.Money(out.v.Number(), a.Currency())
	}
	return out.v, nil
}

// rollsAlike reports whether two rules make the same of the shares of a field.
func rollsAlike(a, b *Rule) bool {
	if a == nil || b == nil || a.rollup == nil || b.rollup == nil || a.rollup.word != b.rollup.word {
		return false
	}
	return slices.EqualFunc(a.rollup.order, b.rollup.order, func(x, y connectors.Value) bool { return tableKey(x) == tableKey(y) })
}

// roll turns a compiled rule into one that rolls up, and reports what stands
// against it.
func (k *compilation) roll(r *Rule, d *ruleDraft, n *node) {
	target := Left
	if d.flow == ToRight {
		target = Right
	}
	into := d.fields[target]
	if d.flow == Both {
		k.errorf(n.pos, "give the rule a `flow`", "`rollup` makes one value of many; this rule goes both ways")
		return
	}
	if e := d.item.get("enforce"); e != nil {
		k.warnf(e.pos, "drop it", "`enforce` has no effect: a roll-up always holds what its shares come to")
	}
	u := &rollup{word: n.str(), target: target, others: "\x00others\x00" + into.Name}
	if n.kind == objectNode {
		u.word = "worst"
	}
	if err := u.takes(into.Type); err != nil {
		k.errorf(d.nodes[target].pos, "name a field of that kind, or another roll-up", "`%s` %v; %s is %s", u.word, err, k.displayName(target, into), article(into.Type))
		return
	}
	if u.word == "worst" && !k.rollOrder(u, r, n.get("worst"), tableEnd{target, into}) {
		return
	}
	if r.set == nil {
		u.share = r.convert[target]
		for side := range r.convert {
			r.convert[side] = &converter{to: into, done: true}
		}
		r.fields[target.Other()].typ = into.Type
	}
	r.rollup, r.enforce, r.isSet = u, true, false
	r.name += " (" + u.word + ")"
	k.m.rolls[target][into.Name] = r
}

func (u *rollup) takes(t connectors.Type) error {
	switch u.word {
	case "worst":
		if t != connectors.TypeOption && t != connectors.TypeText {
			return errors.New("is for an option or a text")
		}
	case "earliest", "latest":
		if t != connectors.TypeDate && t != connectors.TypeInstant {
			return errors.New("is for a date or an instant")
		}
	default:
		if t != connectors.TypeNumber && t != connectors.TypeMoney {
			return errors.New("is for a number or an amount of money")
		}
	}
	return nil
}

// rollOrder reads the order of `worst`, and checks that it lists all that the
// rule's table may bring.
func (k *compilation) rollOrder(u *rollup, r *Rule, list *node, end tableEnd) bool {
	ok := true
	for _, item := range list.items {
		v, found := k.tableValue(item, end, tableEnd{end.side.Other(), end.field})
		if !found {
			ok = false
			continue
		}
		if _, err := u.rank(v); err == nil {
			k.errorf(item.pos, "keep one of them", "`%s` is listed twice", clip(item.text))
			ok = false
		}
		u.order = append(u.order, v)
	}
	if !ok || r.set != nil || r.convert[end.side].table == nil {
		return ok
	}
	for _, row := range r.convert[end.side].table.rows {
		v := r.convert[end.side].table.entries[row.key]
		if _, err := u.rank(v); err != nil {
			k.errorf(row.to, "add it where it belongs, the worst first", "%v, which `values` brings", err)
			ok = false
		}
	}
	return ok
}
