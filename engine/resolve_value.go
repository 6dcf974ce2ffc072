package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// typedPrefix begins the choice of a value that neither side holds:
// "value:BASE:SEALED", with the left side's baseline at the time of the decision
// in hexadecimal digits ("-": none), and the left side's value, sealed.
const typedPrefix = "value:"

const typedPurpose = "choice"

// typed is such a choice.
type typed struct {
	value connectors.Value // of the left side
	known bool
	base  state.Print
}

// fetchTyped looks up the person whom a typed value may name.
func (e *Engine) fetchTyped(ctx context.Context, ids []ConflictID, text string) error {
	if !strings.Contains(text, "@") {
		return nil
	}
	wanted := map[*connection]bool{}
	if err := e.store.View(ctx, func(tx state.Tx) error {
		for _, id := range ids {
			a, m, err := e.conflict(tx, id)
			if err != nil {
				return err
			}
			for side, c := range m.sides {
				if r := m.rules[a.Rule]; r != nil && r.PeopleOf(mapping.SideID(side)) {
					wanted[c] = true
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	ctx = connectors.WithPriority(ctx, connectors.PriorityButton)
	for c := range wanted {
		if err := e.people.fetch(ctx, c, []string{strings.TrimSpace(text)}); err != nil {
			return err
		}
	}
	return nil
}

// typedChoice reads what a person typed as a value for both sides of a conflict:
// as the left side's own where it can be that, else as the right side's.
func (e *Engine) typedChoice(tx state.Tx, m *worked, a *state.Aside, text string) (string, error) {
	refuse := func(err error) error {
		return &connectors.Error{
			Op: "resolve", Kind: connectors.Invalid, Err: fmt.Errorf("%s of link %d: %w", a.Name, a.Link, err),
			Help: "`tenon fields` shows what a field takes",
		}
	}
	r := m.rules[a.Rule]
	if r == nil {
		return "", refuse(errors.New("a record that was deleted on one side takes a side, no value"))
	}
	if r.Flow() != mapping.Both || r.IsSet() {
		return "", refuse(errors.New("only a field that flows both ways takes another value"))
	}
	left, err := e.typedLeft(m, r, text)
	if err != nil {
		return "", refuse(err)
	}
	link, err := tx.Link(a.Link)
	if err != nil {
		return "", err
	}
	base := "-"
	if f := fieldOf(link, r.ID()); f != nil && f.Known[mapping.Left] {
		base = strconv.FormatUint(uint64(f.Base[mapping.Left]), 16)
	}
	plain := connectors.EncodeValue(left)
	if len(plain) > maxSealed {
		return "", refuse(fmt.Errorf("the value is longer than %d bytes", maxSealed))
	}
	return typedPrefix + base + ":" + base64.RawStdEncoding.EncodeToString(e.sealer.Seal(plain, typedPurpose)), nil
}

// typedLeft returns the left side's value that a text stands for, and makes sure
// that the right side has one for it.
func (e *Engine) typedLeft(m *worked, r *mapping.Rule, text string) (connectors.Value, error) {
	left, err := r.Parse(mapping.Left, text)
	if err == nil && left.Type() == connectors.TypePerson {
		left, err = e.matchPerson(m.Side(mapping.Left).Connection, left)
	}
	if err != nil {
		right, rightErr := r.Parse(mapping.Right, text)
		if rightErr != nil {
			return connectors.Null, err
		}
		back, outcome, backErr := e.translate(m, r, mapping.Left, right)
		if backErr != nil || outcome != mapping.Write {
			return connectors.Null, err
		}
		left = back
	}
	_, outcome, err := e.translate(m, r, mapping.Right, left)
	if err == nil && outcome != mapping.Write {
		err = fmt.Errorf("%s has nothing that stands for `%s`", m.Side(mapping.Right).Name, text)
	}
	return left, err
}

// openTyped reads a choice that typedChoice made; nil for the choice of a side,
// and for one that can be read no more.
func (e *Engine) openTyped(choice string) *typed {
	rest, ok := strings.CutPrefix(choice, typedPrefix)
	if !ok {
		return nil
	}
	base, sealed, _ := strings.Cut(rest, ":")
	var t typed
	if n, err := strconv.ParseUint(base, 16, 64); err == nil {
		t.known, t.base = true, state.Print(n)
	}
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return nil
	}
	plain, err := e.sealer.Open(raw, typedPurpose)
	if err != nil {
		return nil
	}
	if t.value, err = connectors.DecodeValue(plain); err != nil {
		return nil
	}
	return &t
}

// choiceWord tells people what was chosen: "left", "right", "value" or "".
func choiceWord(choice string) string {
	if strings.HasPrefix(choice, typedPrefix) {
		return "value"
	}
	return choice
}

// chosen carries a person's choice out.
func (g *merger) chosen(v verdict) verdict {
	a := v.comparison.aside
	why := "chosen by " + a.Code
	if !strings.HasPrefix(a.Choice, typedPrefix) {
		winner := mapping.Left
		if a.Choice == "right" {
			winner = mapping.Right
		}
		return g.carry(v, winner.Other(), why)
	}
	var t *typed
	if g.typed != nil {
		t = g.typed(a.Choice)
	}
	const left = mapping.Left
	switch {
	case t != nil && (same(t.value, v.values[left]) || g.tookTyped(&v.comparison, t)):
		// The left side has it, in whatever form its system gave it; now the
		// right side gets it.
		return g.carry(v, mapping.Right, why)
	case t != nil && v.prints[left] == a.Prints[left]:
		v.writes[left] = &fieldWrite{value: t.value, replaced: v.values[left], why: why}
		v.next.Base[mapping.Right], v.next.Known[mapping.Right] = v.prints[mapping.Right], true
		v.next.Pending = &state.Pending{
			To: uint8(left), Source: v.prints[mapping.Right], Target: g.print.Print(t.value), Read: v.prints[left],
		}
		v.drop, v.again = false, true
		return v
	}
	// Somebody edited the left side since, or the value can be read no more.
	v.comparison.aside = nil
	v = g.conflict(v)
	v.comparison.aside = a
	return v
}

// tookTyped reports whether the left side holds what its system made of a typed
// value that was written: the baseline was set by that write.
func (g *merger) tookTyped(c *comparison, t *typed) bool {
	return c.field.Known[mapping.Left] && !c.changed[mapping.Left] && (!t.known || c.field.Base[mapping.Left] != t.base)
}
