package simulation

import (
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// decided is a conflict that a person decided about what the systems held then.
type decided struct {
	joint
	at   time.Time
	want connectors.Value
}

// decide decides one conflict, those of a field, or all.
func (w *world) decide() {
	rows, err := w.eng.Asides(w.ctx, "pair", true, 0, 1000)
	if err != nil || len(rows) == 0 {
		return
	}
	row := rows[w.rng.IntN(len(rows))]
	o := engine.ResolveOrder{Conflicts: []engine.ConflictID{{Link: row.Link, Rule: row.Rule}}}
	switch w.rng.IntN(4) {
	case 0:
		o.Conflicts, o.Mapping = nil, "pair"
	case 1:
		o.Conflicts, o.Field = nil, fieldOf(row.Field)
	case 2:
		w.step("show", func() error {
			view, err := w.eng.ShowConflict(w.ctx, row.Link, row.Rule)
			if err == nil {
				o.Seen = view.Seen
			}
			return err
		})
	}
	want := connectors.Null
	if value := w.typed(fieldOf(row.Field)); !value.IsNull() && o.Mapping == "" && w.rng.IntN(2) == 0 {
		text := value.String()
		o.Value, want = &text, value
		w.admin.typed = append(w.admin.typed, value)
	} else {
		o.Side = []string{"deal", "epic"}[w.rng.IntN(2)]
	}
	asked := make(map[engine.ConflictID]engine.AsideRow, len(rows))
	for _, r := range rows {
		asked[engine.ConflictID{Link: r.Link, Rule: r.Rule}] = r
	}
	before := w.admin.decided
	w.admin.decided = nil // who was not answered does not know
	w.step("decide", func() error {
		now := w.clock.Now()
		res, err := w.eng.ResolveMany(w.ctx, o, "ada")
		if err != nil {
			return err
		}
		w.admin.decided = before
		for _, r := range res.Rows {
			w.noteDecision(asked[r.ConflictID], o.Side, want, now)
		}
		return nil
	})
}

// noteDecision notes what must come of a decision, where it was made about what
// both systems held.
func (w *world) noteDecision(row engine.AsideRow, side string, want connectors.Value, now time.Time) {
	j := joint{[2]string{row.Records[0].ID, row.Records[1].ID}, fieldOf(row.Field)}
	w.admin.decided = slices.DeleteFunc(w.admin.decided, func(d decided) bool { return d.joint == j })
	for s := range 2 {
		holds := w.systems[s].Truth(j.pair[s])[j.field]
		if holds.String() != row.Values[s] {
			return // somebody edited it since the conflict was found
		}
		if side == [2]string{"deal", "epic"}[s] {
			want = holds
		}
	}
	w.admin.decided = append(w.admin.decided, decided{j, now, want})
	w.log("person decides %v: %q", j, want)
}

// fieldOf returns the field that a rule's name begins with.
func fieldOf(rule string) string {
	for _, f := range allFields {
		if strings.HasPrefix(rule, f) {
			return f
		}
	}
	return rule
}

// typed is a value that a person types for both sides; Null where there is none.
func (w *world) typed(field string) connectors.Value {
	switch field {
	case "title", "notes":
		return connectors.Text(w.past.fresh("decided"))
	case "count":
		return connectors.Int(int64(w.past.next()))
	}
	return connectors.Null
}
