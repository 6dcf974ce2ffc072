package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// ConflictID names a conflict: a link, and a rule of its mapping (0: the record
// as a whole).
type ConflictID struct {
	Link uint64 `json:"link"`
	Rule uint32 `json:"rule"`
}

// ResolveOrder decides conflicts: those that are named, or all of a mapping, of
// a field, or of both. What stands is the value of the side named by Side, as
// it is when the decision is carried out, or Value, which both sides get.
type ResolveOrder struct {
	Conflicts []ConflictID `json:"conflicts,omitempty"`
	Mapping   string       `json:"mapping,omitempty"`
	Field     string       `json:"field,omitempty"` // a rule's name, or a field's name or label on either side

	Side  string  `json:"side,omitempty"`
	Value *string `json:"value,omitempty"` // as a person types it; "" empties both sides

	// Seen is ConflictView.Seen of the one conflict that is named: where a value
	// has changed since, nothing is decided.
	Seen string `json:"seen,omitempty"`
	Dry  bool   `json:"dry,omitempty"` // decide nothing, tell what it would be
}

// Resolved tells which conflicts were decided, or would be.
type Resolved struct {
	Count   int           `json:"count"`
	Skipped int           `json:"skipped"` // records deleted on one side: they are decided by name only
	Rows    []ResolvedRow `json:"rows"`    // the first ResolvedMost of them
}

// ResolvedRow is one conflict that was decided.
type ResolvedRow struct {
	ConflictID
	Mapping string    `json:"mapping"`
	Field   string    `json:"field"`
	Sides   [2]string `json:"sides"`  // the sides' names
	Values  [2]string `json:"values"` // as they were when the conflict was seen last
	Stands  string    `json:"stands"` // the name of the side, or "value"
}

// ResolvedMost bounds the rows of a Resolved.
const ResolvedMost = 200

// Resolve decides a conflict: the value of the side named by choice wins, as it
// stands when the decision is carried out. by names who decided.
func (e *Engine) Resolve(ctx context.Context, link uint64, rule uint32, choice, by string) error {
	_, err := e.ResolveMany(ctx, ResolveOrder{Conflicts: []ConflictID{{link, rule}}, Side: choice}, by)
	return err
}

// ResolveMany decides conflicts, all of them or, where one cannot be decided so,
// none: then the error names it. A conflict that was decided already is decided
// anew. by names who decided.
func (e *Engine) ResolveMany(ctx context.Context, o ResolveOrder, by string) (*Resolved, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := e.known(o.Mapping); err != nil {
		return nil, err
	}
	out := &Resolved{Rows: []ResolvedRow{}}
	ids := o.Conflicts
	if len(ids) == 0 {
		var err error
		if ids, out.Skipped, err = e.conflictsOf(ctx, o); err != nil {
			return nil, err
		}
	}
	if o.Seen != "" {
		if err := e.stillSeen(ctx, ids[0], o.Seen); err != nil {
			return nil, err
		}
	}
	decided, err := e.decisions(ctx, ids, o, by)
	if err != nil {
		return nil, err
	}
	out.Count = len(decided)
	for _, d := range decided[:min(len(decided), ResolvedMost)] {
		out.Rows = append(out.Rows, d.row)
	}
	if o.Dry {
		return out, nil
	}
	return out, e.storeDecisions(ctx, decided, by)
}

func (o *ResolveOrder) check() error {
	refuse := func(help, format string, args ...any) error {
		return &connectors.Error{Op: "resolve", Kind: connectors.Invalid, Err: fmt.Errorf(format, args...), Help: help}
	}
	switch {
	case (o.Side == "") == (o.Value == nil):
		return refuse("name the side whose value stands, or a value for both", "the order says in no clear way what stands")
	case len(o.Conflicts) > 0 && (o.Mapping != "" || o.Field != ""):
		return refuse("leave out the one or the other", "conflicts are named and described at once")
	case len(o.Conflicts) == 0 && o.Mapping == "" && o.Field == "":
		return refuse("name conflicts, a mapping or a field", "the order names no conflict")
	case o.Seen != "" && len(o.Conflicts) != 1:
		return refuse("", "what was seen goes with one conflict")
	}
	return nil
}

// conflictsOf lists the conflicts that an order describes. Records that are
// deleted on one side are not among them: to let that side win deletes.
func (e *Engine) conflictsOf(ctx context.Context, o ResolveOrder) (ids []ConflictID, skipped int, err error) {
	for after, more := uint64(0), true; more; {
		err := e.store.View(ctx, func(tx state.Tx) error {
			asides, err := tx.ListAsides(o.Mapping, after, requeuePage)
			if err != nil {
				return err
			}
			more = len(asides) >= requeuePage
			for _, a := range asides {
				after = a.Link
				switch {
				case a.Kind != state.AsideConflict:
				case a.Rule == recordRule && o.Field == "":
					skipped++
				case a.Rule != recordRule && e.ofField(a, o.Field):
					ids = append(ids, ConflictID{a.Link, a.Rule})
				}
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return ids, skipped, nil
}

// ofField reports whether a field that is held back goes by a name; "" is any.
func (e *Engine) ofField(a *state.Aside, name string) bool {
	if name == "" || a.Name == name {
		return true
	}
	m, err := e.mapping(a.Mapping)
	if err != nil {
		return false
	}
	r := m.rules[a.Rule]
	if r == nil {
		return false
	}
	for side := range mapping.SideID(2) {
		if r.Field(side) == name || r.Label(side) == name {
			return true
		}
	}
	return false
}

// decision is what a person's word makes of one conflict.
type decision struct {
	row    ResolvedRow
	choice string // for Aside.Choice
	detail string // for the journal
}

// decisions checks an order against every conflict that it concerns.
func (e *Engine) decisions(ctx context.Context, ids []ConflictID, o ResolveOrder, by string) ([]decision, error) {
	if o.Value != nil {
		if err := e.fetchTyped(ctx, ids, *o.Value); err != nil {
			return nil, err
		}
	}
	decided := make([]decision, 0, len(ids))
	return decided, e.store.View(ctx, func(tx state.Tx) error {
		decided = decided[:0]
		for _, id := range ids {
			a, m, err := e.conflict(tx, id)
			if err != nil {
				return err
			}
			row := e.asideRow(tx, a)
			d := decision{row: ResolvedRow{ConflictID: id, Mapping: a.Mapping, Field: a.Name, Sides: row.Sides, Values: row.Values, Stands: "value"}}
			if o.Value != nil {
				if d.choice, err = e.typedChoice(tx, m, a, *o.Value); err != nil {
					return err
				}
				d.detail = fmt.Sprintf("%s: another value for both sides, by %s", a.Name, by)
			} else {
				side, ok := m.SideNamed(o.Side)
				if !ok {
					return &connectors.Error{Op: "resolve", Kind: connectors.Invalid, Err: fmt.Errorf("no side is named %q; choose %s or %s", o.Side, row.Sides[0], row.Sides[1])}
				}
				d.row.Stands, d.choice, d.detail = o.Side, side.String(), fmt.Sprintf("%s: %s wins, by %s", a.Name, o.Side, by)
			}
			decided = append(decided, d)
		}
		return nil
	})
}

// conflict returns a conflict that may be decided.
func (e *Engine) conflict(tx state.Tx, id ConflictID) (*state.Aside, *worked, error) {
	a, err := tx.Aside(id.Link, id.Rule)
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil, &connectors.Error{
			Op: "resolve", Kind: connectors.NotFound, Help: "list them with `tenon conflicts`; one that both sides agreed about meanwhile is gone",
			Err: fmt.Errorf("link %d has no conflict in field %d", id.Link, id.Rule),
		}
	}
	if err != nil {
		return nil, nil, err
	}
	m, err := e.mapping(a.Mapping)
	if err != nil {
		return nil, nil, err
	}
	if a.Kind != state.AsideConflict {
		return nil, nil, &connectors.Error{Op: "resolve", Kind: connectors.Invalid, Err: fmt.Errorf("%s is %s, no conflict; retry it once its cause is mended: tenon queue retry", a.Name, a.Kind)}
	}
	return a, m, nil
}

// storeDecisions stores decisions, a page in a commit, and makes their links due.
func (e *Engine) storeDecisions(ctx context.Context, decided []decision, by string) error {
	touched := map[string]bool{}
	for len(decided) > 0 {
		page := decided[:min(len(decided), requeuePage)]
		err := e.commit(ctx, func(tx state.Tx) error {
			for _, d := range page {
				a, m, err := e.conflict(tx, d.row.ConflictID)
				if err != nil {
					return err
				}
				a.Choice, a.Code = d.choice, by
				if err := tx.PutAside(a); err != nil {
					return err
				}
				now := e.clock.Now()
				if err := e.journal(tx, &state.Event{
					At: now, Mapping: m.Name(), Link: a.Link, Action: "resolved", Source: "person", Detail: d.detail,
				}); err != nil {
					return err
				}
				if err := bump(tx, state.Subject{Mapping: m.Name(), Link: a.Link}, 3, hint{
					priority: connectors.PriorityButton, source: "resolve", due: now,
				}, now); err != nil {
					return err
				}
				touched[m.Name()] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		decided = decided[len(page):]
	}
	for name := range touched {
		e.nudge(name)
	}
	return nil
}
